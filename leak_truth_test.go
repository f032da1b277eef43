package main

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// This file is what each viewer may see, and what is asked and compared. See leak_test.go.

// few is how many rows the lists within a record give.
const few = 3

// asked is a root list in a question: which records of a noun it is of, and how many it gives.
type asked struct {
	list  string
	first int
	match func(o map[string]any, staff bool) bool // nil: all
}

// question is the same for all viewers, to the letter: what is kept by anything less than
// the viewer is found by another.
type question struct {
	text      string
	variables map[string]any
	lists     map[string]asked // by their names in the answer
	paged     string           // the list that is read page by page
}

const (
	referralFields   = `id email maskedEmail createdAt account { id name } affiliate { id name } campaign { id name }`
	commissionFields = `id amount { amount } createdAt account { id } affiliate { id email } campaign { id } referral { id email maskedEmail } payout { id status }`
	affiliateFields  = `id email name createdAt campaign { id name }`
)

func notArchived(o map[string]any, staff bool) bool { return !staff || o["status"] != "ARCHIVED" }

// questions are those that viewers ask: about the whole, about records by their ids, by
// filters, along the edges, and by pages.
func questions(r *records) []question {
	some, shown, part := r.chosen[:len(r.chosen)/2], []string{r.names["promotekit"]}, "a."
	var ids []string
	given := map[string]int{} // by account and list
	for _, self := range r.chosen {
		for _, o := range r.owned[self] {
			for _, o := range []map[string]any{o, r.byID[r.text(o, "campaign", "id")]} {
				if o == nil || slices.Contains(ids, r.text(o, "id")) {
					continue
				}
				if kind := fmt.Sprint(r.account(o), o["list"]); given[kind] < 2 {
					given[kind]++
					ids = append(ids, r.text(o, "id"))
				}
			}
		}
	}
	within := func(list []string, at ...string) func(map[string]any, bool) bool {
		return func(o map[string]any, _ bool) bool { return slices.Contains(list, r.text(o, at...)) }
	}
	return []question{
		{
			text: `query($affiliates: [ID!]) { viewer { role accounts { id name } affiliates { id name } }
				commissions(first: 30) { totalCount edges { cursor node { ` + commissionFields + ` } } nodes { id } }
				payouts(first: 3, filter: { affiliates: $affiliates }) { nodes { id status amount { amount } affiliate { id } commissions(first: 3) { nodes { id affiliate { id } } } } } }`,
			variables: map[string]any{"affiliates": r.chosen},
			lists:     map[string]asked{"commissions": {"commissions", 30, nil}, "payouts": {"payouts", 3, within(r.chosen, "affiliate", "id")}},
		},
		{
			text: `query($ids: [ID!]!) { accounts { id name } nodes(ids: $ids) { id
				... on Affiliate { ` + affiliateFields + ` } ... on Referral { ` + referralFields + ` } ... on Commission { ` + commissionFields + ` }
				... on Membership { refCode affiliate { id } } ... on Payout { amount { amount } affiliate { id } }
				... on Coupon { code affiliate { id } } ... on Campaign { name } } }`,
			variables: map[string]any{"ids": ids},
		},
		{
			text: `query($affiliates: [ID!], $shown: [ID!], $part: String) {
				commissions(first: 20, filter: { affiliates: $affiliates, statuses: [PAID, APPROVED] }) { totalCount nodes { id status affiliate { id } } }
				found: referrals(first: 20, filter: { accounts: $shown, search: $part }) { totalCount nodes { ` + referralFields + ` } }
				affiliates(first: 20, filter: { search: $part }) { totalCount nodes { ` + affiliateFields + ` } }
				coupons(first: 20) { nodes { id code affiliate { id } } } campaigns(first: 20) { totalCount nodes { id name } } }`,
			variables: map[string]any{"affiliates": some, "shown": shown, "part": part},
			lists: map[string]asked{
				"commissions": {"commissions", 20, func(o map[string]any, staff bool) bool {
					return within(some, "affiliate", "id")(o, staff) && (o["status"] == "PAID" || o["status"] == "APPROVED")
				}},
				"found": {"referrals", 20, func(o map[string]any, staff bool) bool {
					return within(shown, "account", "id")(o, staff) && strings.Contains(r.text(o, "email"), part)
				}},
				"affiliates": {"affiliates", 20, func(o map[string]any, staff bool) bool {
					return notArchived(o, staff) && strings.Contains(r.text(o, "email"), part)
				}},
				"coupons": {"coupons", 20, nil}, "campaigns": {"campaigns", 20, nil},
			},
		},
		{
			text: `{ affiliates(first: 3) { nodes { ` + affiliateFields + ` memberships { id status affiliate { id }
					campaign { id name commissions(first: 3) { nodes { id affiliate { id } } } referrals(first: 3) { totalCount nodes { ` + referralFields + ` } } } }
				coupons { id code } commissions(first: 3) { totalCount nodes { ` + commissionFields + ` } } referrals(first: 3) { nodes { id email affiliate { id } } }
				payouts(first: 3) { totalCount nodes { id status } } } } }`,
			lists: map[string]asked{"affiliates": {"affiliates", 3, notArchived}},
		},
		{
			text:  `query($after: String) { referrals(first: 4, after: $after) { totalCount nodes { ` + referralFields + ` } pageInfo { hasNextPage endCursor } } }`,
			lists: map[string]asked{"referrals": {"referrals", 4, nil}}, paged: "referrals",
		},
	}
}

// records is all that there is, read by an admin alone at a server of its own.
type records struct {
	byID  map[string]map[string]any
	lists map[string][]map[string]any // by root list
	owned map[string][]map[string]any // by affiliate, themselves included
	rule  map[string]string           // by account: customer_emails
	names map[string]string           // accounts' ids by what the configuration calls them

	chosen []string // the affiliates who ask
}

// whole are the root lists with what is compared of their rows, and what decides who sees it.
var whole = [][3]string{
	{"affiliates", "{}", "email name status campaign { id }"}, {"affiliates", "{ statuses: [ARCHIVED] }", "email name status campaign { id }"},
	{"campaigns", "{}", "name hidesCustomerEmails"}, {"memberships", "{}", "status refCode affiliate { id } campaign { id }"},
	{"referrals", "{}", "email affiliate { id } campaign { id }"},
	{"commissions", "{}", "status amount { amount } affiliate { id } campaign { id } referral { id } payout { id }"},
	{"payouts", "{}", "status amount { amount } affiliate { id }"}, {"coupons", "{}", "code affiliate { id }"},
}

// asking asks a question of a server where nobody else is, and wants no error.
type asking func(query string, variables map[string]any) map[string]any

// pages is a root list to its end.
func (ask asking) pages(list, filter, fields string, variables map[string]any) (rows []map[string]any) {
	query := fmt.Sprintf(`query($after: String, $affiliates: [ID!]) { %s(first: 100, after: $after, filter: %s) { nodes { id %s } pageInfo { hasNextPage endCursor } } }`, list, filter, fields)
	if !strings.Contains(filter, "$affiliates") {
		query = strings.Replace(query, ", $affiliates: [ID!]", "", 1)
	}
	for variables := maps.Clone(variables); ; {
		page := ask(query, variables)[list].(map[string]any)
		for _, n := range page["nodes"].([]any) {
			rows = append(rows, n.(map[string]any))
		}
		info := page["pageInfo"].(map[string]any)
		if info["hasNextPage"] != true {
			return rows
		}
		variables["after"] = info["endCursor"]
	}
}

// readAll reads them.
func readAll(rule map[string]string, ask asking) *records {
	r := &records{byID: map[string]map[string]any{}, lists: map[string][]map[string]any{}, owned: map[string][]map[string]any{}, rule: map[string]string{}, names: map[string]string{}}
	for _, a := range ask(`{ accounts { id providerId name } }`, nil)["accounts"].([]any) {
		o := a.(map[string]any)
		name := r.text(o, "providerId")
		r.add("accounts", o)
		r.names[name], r.rule[r.text(o, "id")] = r.text(o, "id"), rule[name]
	}
	for _, w := range whole {
		for _, o := range ask.pages(w[0], w[1], "createdAt account { id } "+w[2], map[string]any{}) {
			r.add(w[0], o)
		}
	}
	for i, a := range r.lists["affiliates"] {
		if i%9 == 0 {
			r.chosen = append(r.chosen, r.text(a, "id"))
		}
	}
	// Some vendors tell from this side alone what a payout pays. None here pays more than a
	// hundred commissions.
	for _, p := range ask.pages("payouts", "{ affiliates: $affiliates }", "commissions(first: 100) { nodes { id } }", map[string]any{"affiliates": r.chosen}) {
		for _, n := range p["commissions"].(map[string]any)["nodes"].([]any) {
			if c := r.byID[r.text(n.(map[string]any), "id")]; c != nil {
				c["payout"] = map[string]any{"id": p["id"]}
			}
		}
	}
	return r
}

func (r *records) add(list string, o map[string]any) {
	o["list"] = list
	id := r.text(o, "id")
	owner := r.text(o, "affiliate", "id")
	if list == "affiliates" {
		owner = id
	}
	r.byID[id], r.lists[list], r.owned[owner] = o, append(r.lists[list], o), append(r.owned[owner], o)
}

// text is a text below an object, by the names of fields; "" where there is none.
func (r *records) text(o map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		o, _ = o[name].(map[string]any)
	}
	s, _ := o[path[len(path)-1]].(string)
	return s
}

// asker is a viewer, as this test knows them.
type asker struct {
	name     string
	role     string
	accounts []string // ids; nil: all
	selves   []string // affiliates' ids, of partners
	header   [2]string

	sees  map[string]bool             // by id
	lists map[string][]map[string]any // what they see of each root list
}

func (a *asker) staff() bool { return a.role != "PARTNER" }

// look finds out what a viewer may see: staff see all of their accounts, partners what is
// theirs, the accounts they are in, and the campaigns they take part in.
func (r *records) look(a *asker) {
	a.sees, a.lists = map[string]bool{}, map[string][]map[string]any{}
	show := func(o map[string]any) {
		id := r.text(o, "id")
		if account := r.account(o); o != nil && !a.sees[id] && (a.accounts == nil || slices.Contains(a.accounts, account)) {
			list := o["list"].(string)
			a.sees[id], a.lists[list] = true, append(a.lists[list], o)
		}
	}
	if a.staff() {
		for _, o := range r.byID {
			show(o)
		}
	}
	for _, self := range a.selves {
		show(r.byID[r.account(r.byID[self])])
		for _, o := range r.owned[self] {
			show(o)
			if o["list"] == "memberships" {
				show(r.byID[r.text(o, "campaign", "id")])
			}
		}
	}
}

// account is the id of a record's account.
func (r *records) account(o map[string]any) string {
	return cmp.Or(r.text(o, "account", "id"), r.text(o, "id"))
}

// email is a customer's address as a viewer sees it.
func (r *records) email(a *asker, referral map[string]any) any {
	campaign := r.byID[r.text(referral, "campaign", "id")]
	switch rule := r.rule[r.text(referral, "account", "id")]; {
	case a.staff(), rule == "shown", rule == "campaign" && a.sees[r.text(campaign, "id")] && campaign["hidesCustomerEmails"] == false:
		return referral["email"]
	}
	return nil
}

// masked is what anybody sees of a customer's address.
func (r *records) masked(referral map[string]any) any {
	email := r.text(referral, "email")
	at := strings.Index(email, "@")
	if at < 1 {
		return nil
	}
	return email[:1] + "…" + email[at:]
}

// exam holds answers against what there is.
type exam struct {
	*records
	t      *testing.T
	site   *site
	admin  turn // asked before and after time goes by
	faults atomic.Int64
	moving sync.Mutex // a write has a time of its own
	mu     sync.Mutex
	seen   map[string]int // how often what was compared, so that nothing is proven by nothing
}

func (e *exam) fault(a *asker, format string, args ...any) {
	if e.faults.Add(1) <= 20 { // the rest is counted
		e.t.Errorf("%s: %s", a.name, fmt.Sprintf(format, args...))
	}
}

func (e *exam) count(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen[what]++
}

// record holds an object of an answer against the record that it is.
func (e *exam) record(a *asker, path string, got map[string]any) {
	id, _ := got["id"].(string)
	want := e.byID[id]
	if want == nil || !a.sees[id] {
		e.fault(a, "%s: sees %.300v", path, got)
		return
	}
	for field, value := range got {
		at := path + "." + field
		edge, _ := want[field].(map[string]any)
		switch to := e.byID[e.text(edge, "id")]; {
		case e.lists[field] != nil: // those that belong to this record, by the field that leads back
			back := strings.TrimSuffix(want["list"].(string), "s")
			e.list(a, at, value, asked{field, few, func(o map[string]any, _ bool) bool { return e.text(o, back, "id") == id }})
		case to != nil && value == nil && a.sees[e.text(to, "id")]:
			if field != "payout" { // which some vendors do not tell from this side
				e.fault(a, "%s of %s is null", at, id)
			}
		case to != nil && value != nil:
			if o, _ := value.(map[string]any); o["id"] != to["id"] {
				e.fault(a, "%s of %s leads to %v", at, id, value)
			} else {
				e.record(a, at, o)
			}
		case to != nil: // another's
		case field == "email" && want["list"] == "referrals":
			if address := e.email(a, want); value != address {
				e.fault(a, "%s of %s is %v, want %v", at, id, value, address)
			} else if !a.staff() {
				e.count(fmt.Sprint("address shown: ", address != nil))
			}
		case field == "maskedEmail":
			if masked := e.masked(want); value != masked {
				e.fault(a, "%s of %s is %v, want %v", at, id, value, masked)
			}
		case field == "name" && want["list"] == "campaigns" && !a.staff() && e.account(want) == e.names["promotekit"]: // the merchant's own
			if value != nil {
				e.fault(a, "%s of %s is shown: %v", at, id, value)
			}
		case !reflect.DeepEqual(value, want[field]):
			e.fault(a, "%s of %s is %v, want %v", at, id, value, want[field])
		}
	}
}

// list holds a list of an answer against all of its records that the viewer may see: the
// newest of them, as many as were asked for. Those of the same time have no order.
func (e *exam) list(a *asker, path string, got any, want asked) {
	var rows []any
	ordered := want.list != "coupons" // which vendors keep in an order of their own
	switch got := got.(type) {
	case map[string]any:
		rows, _ = got["nodes"].([]any)
		if edges, ok := got["edges"].([]any); ok {
			for i, edge := range edges {
				node := edge.(map[string]any)["node"].(map[string]any)
				if i >= len(rows) || rows[i].(map[string]any)["id"] != node["id"] {
					e.fault(a, "%s: edges and nodes are not the same", path)
				}
				e.record(a, path, node)
			}
		}
		defer func() {
			if n := got["totalCount"]; n != nil && n != float64(len(e.all(a, want))) {
				e.fault(a, "%s: counts %v, want %d", path, n, len(e.all(a, want)))
			} else if n != nil && !a.staff() {
				e.count("counted")
			}
		}()
	case []any:
		rows, want.first, ordered = got, len(got)+1, false
	}
	all := e.all(a, want)
	if len(rows) != min(len(all), want.first) {
		e.fault(a, "%s: %d rows, want %d of %d", path, len(rows), want.first, len(all))
	}
	oldest, given := "~", map[any]bool{}
	for _, row := range rows {
		o := row.(map[string]any)
		at := e.text(e.byID[e.text(o, "id")], "createdAt")
		if ordered && at > oldest || given[o["id"]] || !slices.ContainsFunc(all, func(r map[string]any) bool { return r["id"] == o["id"] }) {
			e.fault(a, "%s: %v does not belong there", path, o["id"])
		}
		oldest, given[o["id"]] = at, true
		e.record(a, path, o)
	}
	for _, o := range all {
		if ordered && !given[o["id"]] && e.text(o, "createdAt") > oldest {
			e.fault(a, "%s: %v is left out", path, o["id"])
		}
	}
	if len(rows) > 0 && !a.staff() {
		e.count(path)
	}
}

// all are the records of a list that a viewer may see.
func (e *exam) all(a *asker, want asked) (out []map[string]any) {
	for _, o := range a.lists[want.list] {
		if want.match == nil || want.match(o, a.staff()) {
			out = append(out, o)
		}
	}
	return out
}

// answer holds all data of an answer against what there is.
func (e *exam) answer(a *asker, q question, data map[string]any) {
	for name := range q.lists {
		if data[name] == nil {
			e.fault(a, "no %s in %.300v", name, data)
		}
	}
	for name, value := range data {
		switch name {
		case "viewer":
			v := value.(map[string]any)
			if v["role"] != a.role {
				e.fault(a, "is %v, want %s", v["role"], a.role)
			}
			e.list(a, "viewer.accounts", v["accounts"], asked{list: "accounts"})
			if !a.staff() {
				e.list(a, "viewer.affiliates", v["affiliates"], asked{list: "affiliates"})
			}
		case "accounts":
			e.list(a, name, value, asked{list: "accounts"})
		case "nodes":
			nodes, ids := value.([]any), q.variables["ids"].([]string)
			if len(nodes) != len(ids) {
				e.fault(a, "%d nodes, want %d", len(nodes), len(ids))
				continue
			}
			for i, id := range ids {
				n := nodes[i]
				sees := a.sees[id]
				if o, ok := n.(map[string]any); ok != sees || ok && o["id"] != id {
					e.fault(a, "node %s is %v, want %t", id, n, sees)
				} else if ok {
					e.record(a, name, o)
				}
				if !a.staff() {
					e.count(fmt.Sprint("node ", id, " ", sees))
				}
			}
		default:
			e.list(a, name, value, q.lists[name])
		}
	}
}
