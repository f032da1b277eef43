package resolvers_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// stage is a portal's world with everything that is there, as an admin of all accounts sees it.
type stage struct {
	*generator
	w       *world
	records map[string]object   // by id, with every field, and of other records their ids
	order   []string            // their ids, in the order of lists
	owner   map[string]string   // the affiliate whose each is; "" for nobody's
	account map[string]string   // the account that each is of
	joined  map[string][]string // the campaigns of an affiliate
	strings map[string][]string // which records hold a text
	emails  map[string]resolvers.CustomerEmails
}

// newStage reads everything that there is.
func newStage(t testing.TB, w *world) *stage {
	t.Helper()
	s := &stage{generator: newGenerator(t), w: w, records: map[string]object{}, owner: map[string]string{}, account: map[string]string{}, joined: map[string][]string{}, strings: map[string][]string{}}
	for _, f := range s.schema.Query.Fields {
		k, to := s.kind(f.Type)
		switch {
		case f.Name == "affiliates": // archived ones have to be asked for
			s.list(f.Name, to.Name, "")
			s.list(f.Name, to.Name, ", filter: { statuses: [ARCHIVED] }")
		case k == connection:
			s.list(f.Name, to.Name, "")
		case k == record && f.Type.Elem != nil:
			s.take(s.ask("{ all: " + f.Name + " { ..." + to.Name + " } }"))
		}
	}
	for _, is := range s.order {
		r := s.records[is]
		parsed, err := providers.ParseID(is)
		if err != nil {
			t.Fatal(err)
		}
		s.account[is] = parsed.Account
		s.owner[is], _ = at(r, "affiliate", "id").(string)
		switch r["__typename"] {
		case "Affiliate":
			s.owner[is] = is
		case "Membership":
			s.joined[s.owner[is]] = append(s.joined[s.owner[is]], id(r["campaign"]))
		}
		for _, text := range texts(r) {
			s.strings[text] = append(s.strings[text], is)
		}
	}
	return s
}

// list reads a root list to its end.
func (s *stage) list(field, typ, filter string) {
	after := "null"
	for {
		def := s.schema.Types[typ].Fields.ForName("nodes")
		data := s.ask(fmt.Sprintf("{ all: %s(first: 100, after: %s%s) { nodes { ...%s } pageInfo { hasNextPage endCursor } } }", field, after, filter, def.Type.Name()))
		s.take(data)
		if at(data, "all", "pageInfo", "hasNextPage") != true {
			return
		}
		after = fmt.Sprintf("%q", at(data, "all", "pageInfo", "endCursor"))
	}
}

// ask is what an admin is answered.
func (s *stage) ask(query string) object {
	s.t.Helper()
	a := s.w.browse(auth.Local(), s.document("query", query[1:len(query)-1], auth.RoleAdmin), nil)
	if len(a.Errors) > 0 {
		s.t.Fatalf("%s: %s", query, clipped(fmt.Sprint(a.Errors)))
	}
	data, _ := decoded(s.t, string(a.Data)).(object)
	return data
}

// take remembers the records in an answer.
func (s *stage) take(data any) {
	each(data, func(r object) {
		if id := id(r); len(r) > 2 && s.records[id] == nil {
			s.records[id] = r
			s.order = append(s.order, id)
		}
	})
}

// each calls f for every record below a value: every object with an id and a type.
func each(value any, f func(object)) {
	switch v := value.(type) {
	case object:
		if v["__typename"] != nil && v["id"] != nil && v["__typename"] != "Provider" {
			f(v)
		}
		for _, below := range v {
			each(below, f)
		}
	case []any:
		for _, below := range v {
			each(below, f)
		}
	}
}

// texts are the texts that could give a record away: ids, names, addresses, codes; no
// times, amounts or words of enums, and nothing of the records that it leads to.
func texts(value any) (all []string) {
	switch v := value.(type) {
	case object:
		for field, below := range v {
			if !slices.Contains(telling, field) && at(below, "id") == nil {
				all = append(all, texts(below)...)
			}
		}
	case []any:
		for _, below := range v {
			if at(below, "id") == nil {
				all = append(all, texts(below)...)
			}
		}
	case string:
		if len(v) >= shortest {
			all = append(all, v)
		}
	}
	return all
}

// telling are the fields whose values tell nobody apart.
var telling = []string{
	"__typename", "createdAt", "fetchedAt", "joinedAt", "earnedAt", "paidAt", "signedUpAt", "convertedAt", "periodStart", "periodEnd", "status", "providerStatus",
	"kind", "currencyCode", "amount", "unit", "method", "account", "error", "period", "fraudCheck", "source", "maskedEmail", "note", "internalNote", "codeMode",
}

// shortest is how long a text is that is looked for everywhere: shorter ones stand in
// others by chance.
const shortest = 7

// actor is somebody who asks, and what is theirs.
type actor struct {
	name     string
	viewer   *auth.Viewer
	accounts []string // that they see
	selves   []string // the affiliates that they are; nil for staff

	own     map[string][]string // their records, by noun; see stage.own
	moments map[string]bool     // when records were made, and whether any of theirs was; see stage.moments
}

// may says whether an actor may see a record.
func (s *stage) may(a *actor, id string) bool {
	r := s.records[id]
	if r == nil || !slices.Contains(a.accounts, s.account[id]) {
		return false
	}
	if a.selves == nil || r["__typename"] == "Account" {
		return true
	}
	if r["__typename"] == "Campaign" {
		return slices.ContainsFunc(a.selves, func(self string) bool { return slices.Contains(s.joined[self], id) })
	}
	return slices.Contains(a.selves, s.owner[id])
}

// own are the records of a noun that an actor may see.
func (s *stage) own(a *actor, noun string) []string {
	if a.own == nil {
		a.own = map[string][]string{}
		for _, id := range s.order {
			if s.may(a, id) {
				noun := s.records[id]["__typename"].(string)
				a.own[noun] = append(a.own[noun], id)
			}
		}
	}
	return a.own[noun]
}

// hides says whether a text is the address of an actor's own customer that the account does
// not show.
func (s *stage) hides(a *actor, id, text string) bool {
	r := s.records[id]
	return a.selves != nil && r["__typename"] == "Referral" && r["email"] == text && s.emails[s.account[id]] == resolvers.EmailsHidden
}

// secrets are the texts that an actor must not be told: those that stand in no record of
// theirs, and the addresses that are hidden there.
func (s *stage) secrets(a *actor) *finder {
	f := &finder{by: map[string][]string{}}
	var mine strings.Builder
	for text, ids := range s.strings {
		if slices.ContainsFunc(ids, func(id string) bool { return s.may(a, id) && !s.hides(a, id, text) }) {
			mine.WriteString(text + "\n")
		} else {
			f.add(text)
		}
	}
	for _, text := range f.in(mine.String()) { // the merchant's address begins the affiliates' links
		f.drop(text)
	}
	return f
}

// finder finds texts within others.
type finder struct{ by map[string][]string } // by how they begin

func (f *finder) add(text string) {
	head := text[:shortest]
	f.by[head] = append(f.by[head], text)
}

func (f *finder) drop(text string) {
	head := text[:shortest]
	f.by[head] = slices.DeleteFunc(f.by[head], func(s string) bool { return s == text })
}

func (f *finder) in(text string) (found []string) {
	for i := 0; i+shortest <= len(text); i++ {
		for _, secret := range f.by[text[i:i+shortest]] {
			if strings.HasPrefix(text[i:], secret) {
				found = append(found, secret)
			}
		}
	}
	return found
}

// leaks are what is wrong with what an actor was answered: records that are not theirs, or
// not as they are, counts of more than there is of theirs, and texts that others alone
// have, unless they sent them.
func (s *stage) leaks(a *actor, data any, errors string, secrets *finder, sent ...string) (wrong []string) {
	each(data, func(r object) {
		id := id(r)
		if !s.may(a, id) {
			wrong = append(wrong, fmt.Sprintf("%s %s of %s is shown", r["__typename"], id, s.owner[id]))
			return
		}
		if diff := s.differs(r, s.records[id]); diff != "" {
			wrong = append(wrong, fmt.Sprintf("%s %s is shown as\n%s", r["__typename"], id, diff))
		}
	})
	counts(data, func(typ string, n int) {
		noun := s.schema.Types[typ].Fields.ForName("nodes").Type.Name()
		if most := len(s.own(a, noun)); n > most {
			wrong = append(wrong, fmt.Sprintf("%d of %s are counted, and %d are theirs", n, noun, most))
		}
	})
	for _, secret := range secrets.in(strings.Join(append(everyText(data), errors), "\n")) {
		if !slices.ContainsFunc(sent, func(s string) bool { return strings.Contains(s, secret) }) {
			wrong = append(wrong, fmt.Sprintf("%q is told, which is theirs to see in none of %v", secret, s.strings[secret]))
		}
	}
	return wrong[:min(len(wrong), 5)]
}

// differs says in what a record is shown otherwise than it is. Anything may be null, and a
// field may be another where the actor may not see what it leads to.
func (s *stage) differs(got, want object) string {
	if want["__typename"] == "Account" { // tells how it is doing just now
		return ""
	}
	pared := object{}
	for name, value := range got {
		known, there := want[name]
		list, many := value.([]any)
		if !there || value == nil || name == "fetchedAt" || at(value, "nodes") != nil || many && (len(list) == 0 || id(list[0]) != "") {
			continue // records in lists are looked at by themselves
		}
		if sub, ok := value.(object); ok && sub["id"] != nil {
			if known != nil && id(sub) != id(known) {
				pared[name] = value
			}
			continue
		}
		if text, ok := value.(string); ok && slices.Contains(everyText(want), text) {
			continue // by which it is known in place of what could not be read
		}
		if !cmp.Equal(value, known) {
			pared[name] = value
		}
	}
	if len(pared) == 0 {
		return ""
	}
	known := maps.Clone(want)
	maps.DeleteFunc(known, func(name string, _ any) bool { _, ok := pared[name]; return !ok })
	return cmp.Diff(known, pared)
}

// counts calls f for every count in an answer.
func counts(value any, f func(typ string, n int)) {
	switch v := value.(type) {
	case object:
		if n, ok := v["totalCount"].(float64); ok {
			typ, _ := v["__typename"].(string)
			f(typ, int(n))
		}
		for _, below := range v {
			counts(below, f)
		}
	case []any:
		for _, below := range v {
			counts(below, f)
		}
	}
}

// everyText are all texts in an answer.
func everyText(value any) (all []string) {
	switch v := value.(type) {
	case object:
		for _, below := range v {
			all = append(all, everyText(below)...)
		}
	case []any:
		for _, below := range v {
			all = append(all, everyText(below)...)
		}
	case string:
		all = append(all, v)
	}
	return all
}
