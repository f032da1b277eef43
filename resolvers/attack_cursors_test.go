package resolvers_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
)

// page is a list that goes on behind a cursor: one of Query, or an edge of a record.
type page struct {
	name string // Affiliate.commissions
	noun string // the type whose edge it is; "" for Query
	text string // commissions(first: 1{0}) { … }
}

// pages are the lists that take a cursor.
func (g *generator) pages(role auth.Role) (all []page) {
	for _, def := range append(g.records(), g.schema.Query) {
		for _, f := range def.Fields {
			if f.Arguments.ForName("after") == nil || !may(def.Name, f, role) {
				continue
			}
			p := page{name: def.Name + "." + f.Name, noun: def.Name}
			if def == g.schema.Query {
				p.noun = ""
			}
			p.text = f.Name + "(first: 1{0}) { edges { cursor } nodes { __typename id } pageInfo { startCursor endCursor } }"
			all = append(all, p)
		}
	}
	return all
}

// turn asks for a page of a list as an actor has it, behind a cursor unless it is "".
func (s *stage) turn(a *actor, p page, from, after string) *answer {
	variables := map[string]any{}
	var head []string
	args, text := "", p.text
	if p.noun != "" {
		head, variables["id"] = append(head, "$id: ID!"), from
		text = fmt.Sprintf("node(id: $id) { ... on %s { %s } }", p.noun, text)
	}
	if after != "" {
		head, variables["after"] = append(head, "$after: String"), after
		args = ", after: $after"
	}
	query := "query"
	if len(head) > 0 {
		query += "(" + strings.Join(head, ", ") + ")"
	}
	return s.w.browse(a.viewer, query+" { "+strings.ReplaceAll(text, "{0}", args)+" }", variables)
}

// cursorsOf are the cursors in an answer.
func cursorsOf(a *answer) (found []string) {
	for _, c := range cursors.FindAllString(string(a.Data), -1) {
		if c = strings.TrimSuffix(strings.TrimPrefix(c, `ursor":"`), `"`); !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	return found
}

// TestAttackCursors wants a cursor to be good for the viewer and the list that it was given
// for, and any other to be answered as what is none.
func TestAttackCursors(t *testing.T) {
	s := newPortal(t, setup{})
	tried := map[string]bool{}
	for _, account := range s.w.names() {
		selves := s.selves(account)
		next := s.unlike(selves[0], selves[1:])
		me, reader := s.partner("a partner", selves[0]), s.staff(auth.RoleReader, account)
		byEmail := s.known("by e-mail", selves[0])
		givers := []*actor{me, s.partner("another", next), byEmail, s.known("another by e-mail", next), reader, s.staff(auth.RoleReader, s.w.names()...)}
		var given []gift
		for _, p := range s.pages(auth.RolePartner) {
			for _, giver := range givers {
				from := s.own(giver, p.noun)
				if p.noun == "" {
					from = []string{""}
				}
				for _, id := range from[:min(len(from), 2)] { // another's of the same viewer is another list
					given = append(given, gift{p.name, id, giver, cursorsOf(s.turn(giver, p, id, ""))})
				}
			}
		}
		for _, me := range []*actor{me, byEmail, reader} {
			for page := range s.offer(me, given) {
				tried[page] = true
			}
		}
	}
	for _, p := range s.pages(auth.RolePartner) {
		if !tried[p.name] {
			t.Errorf("%s: no cursor was given", p.name)
		}
	}
}

// gift are the cursors that somebody was given for a list.
type gift struct {
	list    string
	from    string // the record whose edge it is
	to      *actor
	cursors []string
}

// offer tries, with each list, the cursors that were given to everybody for it and for the
// one beside it; those that changed are none, either. It answers the lists with a cursor of
// the actor's own.
func (s *stage) offer(me *actor, given []gift) map[string]bool {
	s.t.Helper()
	tried := map[string]bool{}
	pages := s.pages(auth.RolePartner)
	for i, p := range pages {
		from := first(s.own(me, p.noun))
		if p.noun != "" && from == "" {
			continue
		}
		none := s.turn(me, p, from, "AAAA")
		if none.code() != string(apierror.BadCursor) {
			s.t.Fatalf("%s: %s", p.name, none.text)
		}
		beside := pages[(i+1)%len(pages)].name
		for _, g := range given {
			if g.list != p.name && g.list != beside {
				continue
			}
			own := g.list == p.name && g.from == from && g.to == me
			for _, cursor := range g.cursors {
				tried[p.name] = tried[p.name] || own
				if got := s.turn(me, p, from, cursor); own != (len(got.Errors) == 0) {
					s.t.Errorf("%s for %s, with a cursor of %s for %s: %s", p.name, me.name, g.list, g.to.name, clipped(got.text))
				} else if !own && unnumbered(got.text) != unnumbered(none.text) {
					s.t.Errorf("%s for %s, with a cursor of %s for %s: %s, want %s", p.name, me.name, g.list, g.to.name, got.text, none.text)
				}
				for i := 0; own && i < len(cursor); i += 29 {
					if s.turn(me, p, from, cursor[:i]+string('A'+(cursor[i]+1)%26)+cursor[i+1:]).code() != string(apierror.BadCursor) {
						s.t.Errorf("%s: a cursor that is changed at %d is taken", p.name, i)
					}
				}
			}
		}
	}
	return tried
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

var requestIDs = regexp.MustCompile(`"requestId":"[^"]*"`)

// unnumbered is an answer without the number of its request.
func unnumbered(text string) string {
	return requestIDs.ReplaceAllString(text, "")
}
