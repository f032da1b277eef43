package resolvers_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// TestAttackBeyondPages wants others' records, of ids that do not say whose they are, not
// to be asked for where a partner has more of a noun than one request reads.
func TestAttackBeyondPages(t *testing.T) {
	s := newPortal(t, setup{})
	s.w = newWorld(t, setup{pages: 1, beside: s.w, portal: true, noBudget: true, wrap: func(p providers.Provider) providers.Provider {
		return liar{p, &lies{of: goesOn}}
	}})
	ids := way{name: "Query.node(id)", text: "node(id: {0}) { __typename id }", slots: []slot{{typ: "ID"}}}
	for _, account := range s.w.names() {
		self := s.selves(account)[0]
		me := s.partner("a partner at "+account, self)
		secrets := s.secrets(me)
		nouns := map[any]bool{}
		for _, id := range s.order {
			parsed, err := providers.ParseID(id)
			if err != nil {
				t.Fatal(err)
			}
			_, says := s.w.accounts[account].Owner(parsed)
			noun := s.records[id]["__typename"]
			if says || nouns[noun] || s.account[id] != account || s.owner[id] == "" || s.owner[id] == self || len(s.own(me, noun.(string))) == 0 {
				continue
			}
			nouns[noun] = true
			s.w.called()
			hits, _ := s.fire(me, s.volley(auth.RolePartner, []try{{way: ids}}), func(try) []any { return []any{id} })
			s.check(me, try{way: ids, what: "of others", foreign: []any{id}}, hits[0], secrets)
			calls := s.w.called()
			for _, call := range calls {
				if strings.Contains(call, parsed.Local) {
					t.Errorf("%s %s of others is asked for by %s", noun, parsed.Local, call)
				}
			}
			if len(calls) == 0 {
				t.Errorf("%s of %s: the partner's own are not looked through", noun, account)
			}
		}
		if len(nouns) == 0 {
			t.Errorf("%s: nothing was tried", account)
		}
	}
}

// TestAttackBeyondTheEnd wants the length of everybody's list not to be told where a vendor
// does not narrow it: a page beyond its end is answered as its first.
func TestAttackBeyondTheEnd(t *testing.T) {
	deaf := new(atomic.Bool)
	s := newPortal(t, setup{deaf: deaf})
	for _, account := range s.w.names() {
		me := s.partner("a partner at "+account, s.selves(account)[0])
		tried := 0
		for _, p := range s.pages(auth.RolePartner) {
			given := cursorsOf(s.turn(me, p, "", ""))
			if p.noun != "" || len(given) == 0 {
				continue
			}
			at := func(page int) bool {
				var lists []object
				if err := json.Unmarshal(opened(t, given[0]), &lists); err != nil {
					t.Fatal(err)
				}
				for _, list := range lists {
					list["p"] = page
				}
				body, err := json.Marshal(lists)
				if err != nil {
					t.Fatal(err)
				}
				s.w.pass(1000 * time.Hour) // what was read is forgotten
				deaf.Store(true)
				defer deaf.Store(false)
				return strings.Contains(s.turn(me, p, "", forge(t, p, me, body)).text, string(apierror.Unsupported))
			}
			if !at(1) {
				continue // rows show whose they are, or it is not the vendor's list
			}
			tried++
			for _, page := range []int{2, 1000} {
				if !at(page) {
					t.Errorf("%s of %s: page %d is not answered as the first", p.name, account, page)
				}
			}
		}
		if tried < 3 {
			t.Errorf("%s: %d lists are not narrowed, want more", account, tried)
		}
	}
}
