package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// partner is the viewer who is these affiliates.
func partner(affiliates ...string) *auth.Viewer {
	return &auth.Viewer{Name: "portal", Role: auth.RolePartner, Affiliates: affiliates}
}

// as answers a query as this viewer gets it.
func (w *world) as(v *auth.Viewer, query string, variables map[string]any) *answer {
	w.t.Helper()
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: w.graph}))
	exec.SetErrorPresenter(w.graph.Present)
	exec.SetRecoverFunc(func(_ context.Context, p any) error { return providers.Panicked(p) })
	exec.Use(w.graph.Extension())
	ctx := resolvers.WithExplain(auth.WithViewer(graphql.StartOperationTrace(w.t.Context()), v))
	var response *graphql.Response
	op, refused := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if refused != nil {
		response = exec.DispatchError(graphql.WithOperationContext(ctx, op), refused)
	} else {
		handle, ctx := exec.DispatchOperation(ctx, op)
		response = handle(ctx)
	}
	text, err := json.Marshal(response)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &answer{text: string(text)}
	if err := json.Unmarshal(text, a); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	return a
}

// noun is a root list, with what is compared of its rows.
type noun struct{ list, fields string }

// belonging are the nouns that belong to affiliates.
var belonging = []noun{
	{"memberships", "id status refCode joinedAt createdAt affiliate { id name } campaign { id }"},
	{"referrals", "id kind status customerId orderId signedUpAt couponCode createdAt affiliate { id email } campaign { id }"},
	{"commissions", "id status kind amount { amount } saleAmount { amount } reward { unit } tier createdAt affiliate { id } campaign { id } " +
		"referral { id status affiliate { id } } payout { id status affiliate { id } }"},
	{"payouts", "id status amount { amount } paidAt createdAt affiliate { id } campaign { id }"},
	{"coupons", "id code description createdAt affiliate { id } campaign { id }"},
}

// rows reads a root list to its end.
func (w *world) rows(v *auth.Viewer, list, filter, fields string) (all []object) {
	w.t.Helper()
	after := "null"
	for range 50 {
		a := w.as(v, fmt.Sprintf(`{ %s(first: 100, after: %s, filter: %s) { nodes { %s } pageInfo { hasNextPage endCursor } } }`, list, after, filter, fields), nil)
		if len(a.Errors) > 0 {
			w.t.Fatalf("%s: %s", list, clipped(a.text))
		}
		var data map[string]struct {
			Nodes    []object
			PageInfo struct {
				HasNextPage bool
				EndCursor   string
			}
		}
		if err := json.Unmarshal(a.Data, &data); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, data[list].Nodes...)
		if !data[list].PageInfo.HasNextPage {
			return all
		}
		after = fmt.Sprintf("%q", data[list].PageInfo.EndCursor)
	}
	w.t.Fatalf("%s does not end", list)
	return nil
}

// truth is all that there is, as an admin sees it.
type truth struct {
	affiliates []object            // with id, email, name, parent and the campaigns of their memberships
	campaigns  []object            // with id and name
	of         map[string][]object // by root list
}

func (w *world) truth() *truth {
	w.t.Helper()
	t := &truth{of: map[string][]object{}}
	const fields = `id email name status createdAt parent { id } memberships { id status campaign { id } }`
	t.affiliates = w.rows(auth.Local(), "affiliates", "{}", fields)
	t.affiliates = append(t.affiliates, w.rows(auth.Local(), "affiliates", "{ statuses: [ARCHIVED] }", fields)...)
	t.campaigns = w.rows(auth.Local(), "campaigns", "{}", "id cookieDays")
	for _, n := range belonging {
		t.of[n.list] = w.rows(auth.Local(), n.list, "{}", n.fields)
	}
	return t
}

// at is a value below an object, by the names of fields; nil where there is none.
func at(o any, path ...string) any {
	for _, name := range path {
		m, ok := o.(object)
		if !ok {
			return nil
		}
		o = m[name]
	}
	return o
}

func id(o any) string { s, _ := at(o, "id").(string); return s }

// campaignsOf are the campaigns that an affiliate takes part in.
func (t *truth) campaignsOf(affiliate string) (ids []string) {
	for _, m := range t.of["memberships"] {
		if at(m, "affiliate", "id") == affiliate {
			ids = append(ids, id(at(m, "campaign")))
		}
	}
	return ids
}

// own are the rows of a list as the partner who is this affiliate should see them.
func (t *truth) own(list, affiliate string) (own []object) {
	campaigns := t.campaignsOf(affiliate)
	for _, row := range t.of[list] {
		if at(row, "affiliate", "id") != affiliate {
			continue
		}
		row := clone(row)
		if c := at(row, "campaign"); c != nil && !slices.Contains(campaigns, id(c)) {
			row["campaign"] = nil
		}
		for _, edge := range []string{"referral", "payout"} {
			if at(row, edge) != nil && at(row, edge, "affiliate", "id") != affiliate {
				row[edge] = nil
			}
		}
		if tier, _ := at(row, "tier").(float64); tier > 1 { // on another's sale
			row["saleAmount"] = nil
		}
		own = append(own, row)
	}
	return own
}

func clone(o object) object {
	c := object{}
	for k, v := range o {
		c[k] = v
	}
	return c
}

// byID sorts rows by their ids: rows of the same time have no order.
func byID(rows []object) map[string]string {
	m := map[string]string{}
	for _, r := range rows {
		text, _ := json.Marshal(r)
		m[id(r)] = string(text)
	}
	return m
}

// secrets are the texts that a partner who is this affiliate must never get: others' ids,
// addresses and names, unless they are theirs as well.
func (t *truth) secrets(affiliate string) (texts []string) {
	var mine string
	for _, a := range t.affiliates {
		if id(a) == affiliate {
			text, _ := json.Marshal(a)
			mine = string(text)
		}
	}
	add := func(s any) {
		if text, _ := s.(string); text != "" && !strings.Contains(mine, text) {
			texts = append(texts, text)
		}
	}
	for _, a := range t.affiliates {
		if id(a) != affiliate {
			add(a["id"])
			add(a["email"])
			add(a["name"])
		}
	}
	for _, rows := range t.of {
		for _, r := range rows {
			if at(r, "affiliate", "id") != affiliate {
				add(r["id"])
			}
		}
	}
	joined := t.campaignsOf(affiliate)
	for _, c := range t.campaigns {
		if !slices.Contains(joined, id(c)) {
			add(c["id"])
		}
	}
	return texts
}

// leaks are those of secrets that stand in a text.
func leaks(text string, secrets []string) (found []string) {
	for _, s := range secrets {
		if strings.Contains(text, s) {
			found = append(found, s)
		}
	}
	return found
}

// some are affiliates worth trying: one with most rows of each noun, one who earned by
// somebody else's referral, one with nothing, one above others and one below.
func (t *truth) some() (ids []string) {
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, i := range []int{2, 0, 1, 3, 4} { // whoever has most commissions comes first
		n := belonging[i]
		count, most := map[string]int{}, ""
		for _, r := range t.of[n.list] {
			a, _ := at(r, "affiliate", "id").(string)
			if count[a]++; a != "" && count[a] > count[most] {
				most = a
			}
		}
		add(most)
		for _, a := range t.affiliates {
			if n.list == "commissions" && count[id(a)] == 0 {
				add(id(a))
				break
			}
		}
	}
	for _, c := range t.of["commissions"] {
		if r := at(c, "referral", "affiliate", "id"); r != nil && r != at(c, "affiliate", "id") {
			add(id(at(c, "affiliate")))
			add(r.(string))
			break
		}
	}
	for _, a := range t.affiliates {
		if p := id(at(a, "parent")); p != "" {
			add(p)
			add(id(a))
			break
		}
	}
	return ids
}

// vendors calls f for a world of each vendor, with all that is there.
func vendors(t *testing.T, s setup, f func(t *testing.T, w *world, vendor string, all *truth)) {
	sequential(t)
	for _, vendor := range registered() {
		t.Run(vendor, func(t *testing.T) {
			s.vendors, s.noBudget, s.ticks = []string{vendor}, true, true
			if s.calls == 0 {
				s.calls = 100_000
			}
			if s.cost == 0 {
				s.cost = 100_000_000
			}
			w := newWorld(t, s)
			all := w.truth()
			if len(all.affiliates) < 10 || len(all.of["commissions"]) < 50 {
				t.Fatalf("%d affiliates and %d commissions are too few to prove anything", len(all.affiliates), len(all.of["commissions"]))
			}
			f(t, w, vendor, all)
		})
	}
}
