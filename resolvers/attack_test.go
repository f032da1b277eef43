package resolvers_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/resolvers"
)

// newPortal is the stage of the attacks: an account at each vendor, whose customers'
// addresses are hidden at one of them.
func newPortal(t testing.TB, s setup) *stage {
	t.Helper()
	sequential(t)
	s.portal, s.noBudget, s.ticks, s.calls, s.cost = true, true, true, 1_000_000_000, 1_000_000_000
	s.emails = map[string]resolvers.CustomerEmails{"promotekit": resolvers.EmailsShown, "uppromote": resolvers.EmailsShown, "firstpromoter": resolvers.EmailsHidden}
	portal := newStage(t, newWorld(t, s))
	portal.emails = s.emails
	return portal
}

// partner is the actor who is these affiliates.
func (s *stage) partner(name string, selves ...string) *actor {
	a := &actor{name: name, viewer: &auth.Viewer{Name: name, Role: auth.RolePartner, Affiliates: selves}, selves: selves}
	for _, self := range selves {
		a.accounts = append(a.accounts, s.account[self])
	}
	return a
}

// known is the actor who is an affiliate by their address.
func (s *stage) known(name, self string) *actor {
	a := s.partner(name, self)
	email, _ := s.records[self]["email"].(string)
	a.viewer = &auth.Viewer{Name: name, Role: auth.RolePartner, Email: strings.ToUpper(email)}
	return a
}

// staff is the actor who sees these accounts.
func (s *stage) staff(role auth.Role, accounts ...string) *actor {
	name := fmt.Sprintf("the %s of %s", roleWords[role], strings.Join(accounts, " and "))
	return &actor{name: name, viewer: &auth.Viewer{Name: name, Role: role, Accounts: accounts}, accounts: accounts}
}

// selves are the affiliates of an account, those first of whom there is most to see:
// records of most nouns, and of these most.
func (s *stage) selves(account string) (ids []string) {
	weight := map[string]int{}
	nouns := map[string]map[any]bool{}
	for _, id := range s.order {
		owner := s.owner[id]
		if nouns[owner] == nil {
			nouns[owner] = map[any]bool{}
		}
		if noun := s.records[id]["__typename"]; !nouns[owner][noun] {
			nouns[owner][noun] = true
			weight[owner] += 1000
		}
		weight[owner]++
		if owner == id && s.account[id] == account {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int { return weight[b] - weight[a] })
	return ids
}

// raid is an actor with the victims whose records they are after.
type raid struct {
	actor   *actor
	victims []*actor
	walks   bool // along every two edges, too, and with all values of enums
}

// raids are the roles, in every way of being bound.
func (s *stage) raids() (all []raid) {
	accounts := s.w.names()
	byAccount := map[string][]string{}
	for i, account := range accounts {
		next, third := accounts[(i+1)%len(accounts)], accounts[(i+2)%len(accounts)]
		others := s.staff(auth.RoleReader, next)
		selves := s.selves(account)
		byAccount[account] = selves
		rich, unlike, poor := selves[0], s.unlike(selves[0], selves[1:]), selves[len(selves)-1]
		victim := s.partner("a partner at "+account, unlike)
		both := s.partner("with an id, and another's e-mail, at "+account, rich)
		both.viewer.Email, _ = s.records[unlike]["email"].(string)
		all = append(all, raid{both, []*actor{victim}, false},
			raid{s.partner("the richest at "+account, rich), []*actor{victim, s.staff(auth.RoleReader, account), others}, true},
			raid{s.partner("the poorest at "+account, poor), []*actor{s.partner("the richest at "+account, rich)}, false})
		if sharer, sharee := s.share(account); sharer != "" {
			all = append(all, raid{s.partner("who earns by another at "+account, sharer), []*actor{s.partner("by whom another earns at "+account, sharee)}, true})
		}
		all = append(all, raid{s.known("by e-mail at "+account, rich), []*actor{victim}, false}, raid{s.staff(auth.RoleReader, account), []*actor{others}, false},
			raid{s.staff(auth.RoleEditor, next, third), []*actor{s.staff(auth.RoleReader, account)}, false},
			raid{s.staff(auth.RoleAdmin, next, third), []*actor{s.staff(auth.RoleAdmin, account)}, false})
	}
	a, b, c := accounts[0], accounts[1], accounts[2]
	nobody := &actor{name: "nobody", selves: []string{}, viewer: &auth.Viewer{Name: "nobody", Role: auth.RolePartner, Email: "nobody@nowhere.example"}}
	return append(all,
		raid{s.partner("in two accounts", byAccount[a][0], byAccount[b][0]), []*actor{
			s.partner("another in the first", byAccount[a][1]), s.partner("another in the second", byAccount[b][1]), s.partner("a partner in the third", byAccount[c][0])}, false},
		raid{nobody, []*actor{s.partner("the richest", byAccount[a][0])}, true},
		raid{s.staff(auth.RoleEditor, accounts...), nil, false}, raid{s.staff(auth.RoleAdmin, accounts...), nil, false})
}

// unlike is the first who is in a campaign that self is not in.
func (s *stage) unlike(self string, others []string) string {
	for _, other := range others {
		if slices.ContainsFunc(s.joined[other], func(c string) bool { return !slices.Contains(s.joined[self], c) }) {
			return other
		}
	}
	s.t.Fatalf("all are in the campaigns of %s", self)
	return ""
}

// share is who earned by a referral of another, and that one.
func (s *stage) share(account string) (who, by string) {
	for _, id := range s.order {
		referral, _ := at(s.records[id], "referral", "id").(string)
		if s.account[id] == account && referral != "" && s.owner[referral] != "" && s.owner[referral] != s.owner[id] {
			return s.owner[id], s.owner[referral]
		}
	}
	return "", ""
}

// volley are tries that are sent as one operation.
type volley struct {
	tries []try
	query string
}

// volley puts tries under one query, the way that a role asks it.
func (s *stage) volley(role auth.Role, tries []try) *volley {
	var head []string
	var body strings.Builder
	for i, t := range tries {
		text := t.text
		for j, sl := range t.slots {
			head = append(head, fmt.Sprintf("$v%d_%d: %s!", i, j, sl.typ))
			text = strings.ReplaceAll(text, fmt.Sprintf("{%d}", j), fmt.Sprintf("$v%d_%d", i, j))
		}
		fmt.Fprintf(&body, "  t%d: %s\n", i, text)
	}
	query := "query"
	if len(head) > 0 {
		query += "(" + strings.Join(head, ", ") + ")"
	}
	return &volley{tries, s.document(query, body.String(), role)}
}

// hit is what one try was answered.
type hit struct {
	data   string
	errors []string
}

// hits are what the tries of a volley are answered, and what was planned.
func (s *stage) fire(a *actor, v *volley, values func(try) []any) (hits []hit, planned int) {
	s.t.Helper()
	variables := map[string]any{}
	for i, t := range v.tries {
		for j, value := range values(t) {
			variables[fmt.Sprintf("v%d_%d", i, j)] = value
		}
	}
	answer := s.w.browse(a.viewer, v.query, variables)
	var data map[string]json.RawMessage
	if err := json.Unmarshal(answer.Data, &data); err != nil || data == nil {
		s.t.Fatalf("%s: %v: %s", a.name, err, clipped(answer.text))
	}
	hits = make([]hit, len(v.tries))
	for i := range v.tries {
		hits[i].data = string(data[fmt.Sprintf("t%d", i)])
	}
	for _, e := range answer.Errors {
		var i int
		delete(e.Extensions, "requestId")
		text, _ := json.Marshal(e)
		if len(e.Path) == 0 {
			s.t.Fatalf("%s: %s", a.name, text)
		}
		if _, err := fmt.Sscanf(fmt.Sprint(e.Path[0]), "t%d", &i); err != nil {
			s.t.Fatalf("%s: %s", a.name, text)
		}
		hits[i].errors = append(hits[i].errors, string(text))
	}
	for i := range hits {
		sort.Strings(hits[i].errors)
	}
	return hits, answer.Extensions.Cost.Planned
}

// What differs between two answers though nothing is told by it: cursors are bound to the
// list and the filter that were asked for, and accounts tell how they are doing.
var (
	cursors = regexp.MustCompile(`ursor":"[^"]+"`)
	doing   = regexp.MustCompile(`"(lastSuccessAt|remaining|resetAt)":[^,}]+`)
)

// unbound is where the lists stand at a cursor, without which they are.
func unbound(cursor string) string {
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(cursor, `ursor":"`), `"`))
	var at []object
	if err != nil || len(body) < 1+sealSize || json.Unmarshal(body[1+sealSize:], &at) != nil {
		return cursor
	}
	lists := make([]string, len(at))
	for i, list := range at {
		delete(list, "l")
		text, _ := json.Marshal(list)
		lists[i] = string(text)
	}
	sort.Strings(lists)
	return `ursor":` + strings.Join(lists, " ")
}

// like is a hit with other values in place of those.
func (h hit) like(values, others []any) hit {
	text := doing.ReplaceAllString(cursors.ReplaceAllStringFunc(h.data, unbound), "") + "\x00" + strings.Join(h.errors, "\x00")
	for i, v := range values {
		was, _ := v.(string)
		is, _ := others[i].(string)
		if was != "" {
			text = strings.ReplaceAll(text, was, is)
		}
	}
	parts := strings.Split(text, "\x00")
	return hit{parts[0], parts[1:]}
}

// apart are two hits from where they begin to differ.
func apart(a, b hit) (string, string) {
	s, t := a.data+strings.Join(a.errors, "\n"), b.data+strings.Join(b.errors, "\n")
	i := 0
	for i < min(len(s), len(t)) && s[i] == t[i] {
		i++
	}
	i = max(0, i-100)
	return clipped(s[i:]), clipped(t[i:])
}

// names are the accounts, in order.
func (w *world) names() (names []string) {
	for name := range w.accounts {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// calls empties the logs of the vendors, and says what was in them.
func (w *world) called() (calls []string) {
	for account, kit := range w.kits {
		for _, r := range kit.Requests() {
			calls = append(calls, account+": "+r.Method+" "+r.Path)
		}
		kit.Forget()
	}
	return calls
}

// TestAttack asks for everything in every way, as everybody. What is others' must not be
// answered, and as if it were not there.
func TestAttack(t *testing.T) {
	s := newPortal(t, setup{})
	proven := map[string]bool{}
	tried := map[string]bool{}
	for k, r := range s.raids() {
		kind := fmt.Sprint(r.actor.viewer.Role, r.actor.accounts)
		whole := r.walks || !tried[kind]
		tried[kind] = true
		ways := s.ways(r.actor.viewer.Role)
		secrets := s.secrets(r.actor)
		for _, w := range ways {
			if len(w.slots) == 0 || r.victims == nil {
				proven[w.name] = proven[w.name] || len(w.slots) == 0
			}
		}
		victims := r.victims
		if victims == nil {
			victims = []*actor{r.actor}
		}
		for i, victim := range victims {
			var open, free, other []try
			for j, w := range ways {
				if (i > 0 || !whole) && len(w.slots) > 0 && (j+k+i)%sample() != 0 {
					continue
				}
				for _, t := range s.tries(r.actor, victim, w) {
					switch {
					case t.compared() && t.free:
						free = append(free, t)
					case t.compared():
						other = append(other, t)
					case i == 0 && (r.walks || len(w.slots) == 0):
						open = append(open, t)
					}
				}
			}
			s.look(r.actor, open, secrets)
			if i == 0 && r.walks {
				var walks []try
				for _, w := range s.walks(r.actor.viewer.Role) {
					walks = append(walks, try{way: w, what: "as it is"})
				}
				s.look(r.actor, walks, secrets)
			}
			s.probe(r.actor, victim, free, secrets, proven)
			s.probe(r.actor, victim, other, secrets, proven)
		}
	}
	for _, role := range []auth.Role{auth.RolePartner, auth.RoleReader, auth.RoleAdmin} {
		for _, w := range s.ways(role) {
			if !proven[w.name] && (len(w.slots) == 0 || w.slots[0].typ == "ID" || w.slots[0].typ == "String" && w.slots[0].name != "after" || spans[w.slots[0].typ]) {
				t.Errorf("%s: nobody saw anything of their own that way, so nothing is proven of it", w.name)
			}
		}
	}
}

// sample is of how many ways with a victim one is tried by one more of a role in the same
// accounts, and after one more victim: the first of a role in these tries all of them, so
// that each role tries all after what is at each vendor, and under make checks all raids
// do.
func sample() int {
	if *removing || os.Getenv(taken) != "" {
		return 1
	}
	return 6
}

// look asks what needs no victim.
func (s *stage) look(a *actor, tries []try, secrets *finder) {
	s.t.Helper()
	if len(tries) == 0 {
		return
	}
	hits, _ := s.fire(a, s.volley(a.viewer.Role, tries), func(t try) []any { return t.foreign })
	for i, h := range hits {
		s.check(a, tries[i], h, secrets)
	}
}

// check wants nothing of others' in an answer.
func (s *stage) check(a *actor, t try, h hit, secrets *finder) {
	s.t.Helper()
	var data any
	if h.data != "" {
		if err := json.Unmarshal([]byte(h.data), &data); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, wrong := range s.leaks(a, data, strings.Join(h.errors, "\n"), secrets, sent(t.foreign)...) {
		s.t.Errorf("%s asks %s, %s: %s", a.name, t.name, t.what, wrong)
	}
}

func sent(values []any) (texts []string) {
	for _, v := range values {
		if text, ok := v.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// probe asks for what is a victim's, and wants the answers that what does not exist has.
func (s *stage) probe(a, victim *actor, tries []try, secrets *finder, proven map[string]bool) {
	s.t.Helper()
	if len(tries) == 0 {
		return
	}
	foreign, absent := func(t try) []any { return t.foreign }, func(t try) []any { return t.absent }
	v := s.volley(a.viewer.Role, tries)
	s.fire(a, v, absent) // what is the actor's own is known from here on
	s.w.called()
	got, planned := s.fire(a, v, foreign)
	want, plannedWant := s.fire(a, v, absent)
	if calls := s.w.called(); tries[0].free && len(calls) > 0 {
		s.t.Errorf("%s asks for what is %s's, and it costs %d calls, as %s", a.name, victim.name, len(calls), calls[0])
	}
	if tries[0].free && planned != plannedWant {
		s.t.Errorf("%s asks for what is %s's: %d calls are planned, want %d", a.name, victim.name, planned, plannedWant)
	}
	for i, h := range got {
		s.check(a, tries[i], h, secrets)
		if like, want := h.like(tries[i].foreign, tries[i].absent), want[i].like(nil, nil); !reflect.DeepEqual(like, want) {
			got, want := apart(like, want)
			s.t.Errorf("%s asks %s, %s, and is answered\n%s\nin place of\n%s", a.name, tries[i].name, tries[i].what, got, want)
		}
	}
	s.prove(victim, tries, proven)
}

// blind are the ways by which partners do not find what is theirs at each vendor: customers
// where addresses are hidden, themselves by a coupon where those do not come with
// affiliates.
var blind = []string{
	"Query.referrals(filter.email)", "Query.referrals(filter.customerId)", "Query.referrals(filter.search)", "Query.affiliates(filter.promoCode)",
}

// prove wants victims to see by a query what is theirs: else it proves nothing that others
// do not.
func (s *stage) prove(victim *actor, tries []try, proven map[string]bool) {
	s.t.Helper()
	admin := s.staff(auth.RoleAdmin, s.w.names()...)
	theirs := func(t try) []any {
		if len(t.slots) > 1 && t.slots[1].own {
			return []any{t.foreign[0], t.absent[0]}
		}
		return t.foreign
	}
	hits, _ := s.fire(victim, s.volley(victim.viewer.Role, tries), theirs)
	var unseen []try
	for i, h := range hits {
		if strings.Contains(h.data, `"id"`) {
			proven[tries[i].name] = true
		} else if victim.selves == nil || !slices.ContainsFunc(blind, func(way string) bool { return strings.HasPrefix(tries[i].name, way) }) {
			unseen = append(unseen, tries[i])
		}
	}
	if len(unseen) == 0 {
		return
	}
	hits, _ = s.fire(admin, s.volley(auth.RoleAdmin, unseen), theirs)
	for i, h := range hits {
		if strings.Contains(h.data, `"id"`) {
			s.t.Errorf("%s: %s does not see by it what is theirs", unseen[i].name, victim.name)
		}
	}
}
