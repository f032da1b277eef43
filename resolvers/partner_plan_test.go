package resolvers_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
	"github.com/partnergraph/partnergraph/resolvers"
	"github.com/partnergraph/partnergraph/schema"
)

// price is what a viewer's query is planned to take of each account, what it takes, and its
// errors.
func (w *world) price(v *auth.Viewer, query string) (planned, spent map[string]int, errs string) {
	w.t.Helper()
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: w.graph}))
	exec.SetErrorPresenter(w.graph.Present)
	exec.SetRecoverFunc(func(_ context.Context, p any) error { return providers.Panicked(p) })
	exec.Use(w.graph.Extension())
	ctx := auth.WithViewer(graphql.StartOperationTrace(w.t.Context()), v)
	op, refused := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
	if refused != nil {
		return resolvers.PlannedByAccount(op), nil, refused.Error()
	}
	handle, ctx := exec.DispatchOperation(ctx, op)
	if found := handle(ctx).Errors; found != nil {
		errs = found.Error()
	}
	spent = map[string]int{}
	for _, call := range resolvers.TraceOf(op).Calls() {
		if call.Source == providers.SourceVendor {
			spent[call.Account]++
		}
	}
	return resolvers.PlannedByAccount(op), spent, errs
}

// dearer are the accounts of which a query took more calls than were planned.
func dearer(planned, spent map[string]int) (accounts []string) {
	for account, calls := range spent {
		if calls > planned[account] {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// ofPartners are the fields of a type that partners may use: one leaf, and each edge with
// one leaf of its own.
func ofPartners(def *ast.Definition, deep bool) (texts []string) {
	leaf := false
	for _, f := range def.Fields {
		roles := schema.Roles(def.Name, f.Name)
		to := schema.Parsed().Types[f.Type.Name()]
		switch {
		case strings.HasPrefix(f.Name, "__"), roles != nil && !slices.Contains(roles, "PARTNER"):
		case !to.IsCompositeType():
			if !leaf {
				texts, leaf = append(texts, f.Name), true
			}
		case !deep:
		case f.Arguments.ForName("first") != nil:
			row := schema.Parsed().Types[strings.TrimSuffix(to.Name, "Connection")]
			texts = append(texts, f.Name+"(first: 10) { nodes { "+ofPartners(row, false)[0]+" } }")
		case to.Fields.ForName("id") != nil:
			for _, name := range []string{"id", "createdAt"} {
				if to.Fields.ForName(name) != nil {
					texts = append(texts, f.Name+" { "+name+" }")
				}
			}
		}
	}
	return texts
}

// TestPartnerQueries wants each list, with each filter by ids, and each record, with each of
// its edges, to take no more calls to any account than were planned for it, and to be whole:
// at each vendor and at all of them, for a partner who is one affiliate, one who is three,
// and one who is known by an address.
func TestPartnerQueries(t *testing.T) {
	sequential(t)
	all := append([][]string{registered()}, splitted(registered())...)
	for _, vendors := range all {
		w := newWorld(t, setup{vendors: vendors, noBudget: true, ticks: true, calls: 50, answers: -1})
		affiliates := w.page("affiliates")
		middle := id(affiliates[len(affiliates)/2])
		viewers := []*auth.Viewer{partner(middle), partner(id(affiliates[0]), middle, id(affiliates[len(affiliates)-1]))}
		ids := map[string]string{"affiliates": middle}
		own, _ := must[struct {
			Node map[string]struct{ Nodes []object }
		}](w, fmt.Sprintf(`{ node(id: %q) { ... on Affiliate {
			referrals(first: 1) { nodes { id } } commissions(first: 1) { nodes { id } } payouts(first: 1) { nodes { id } } } } }`, middle), nil)
		for list, rows := range own.Node {
			if len(rows.Nodes) > 0 {
				ids[list] = id(rows.Nodes[0])
			}
		}
		ids["campaigns"] = id(w.page("campaigns")[0])
		known, _ := must[struct{ Node struct{ Email string } }](w, fmt.Sprintf(`{ node(id: %q) { ... on Affiliate { email } } }`, middle), nil)
		byAddress := partner()
		byAddress.Affiliates, byAddress.Email = nil, known.Node.Email
		viewers = append(viewers, byAddress)
		var queries []string
		for list, one := range ids {
			field := schema.Parsed().Query.Fields.ForName(list)
			row := schema.Parsed().Types[strings.TrimSuffix(field.Type.Name(), "Connection")]
			for _, selected := range ofPartners(row, true) {
				queries = append(queries, fmt.Sprintf("{ %s(id: %q) { %s } }", strings.TrimSuffix(list, "s"), one, selected))
				for _, first := range []int{1, 10} {
					queries = append(queries, fmt.Sprintf("{ %s(first: %d) { nodes { %s } } }", list, first, selected))
				}
			}
			if filter := field.Arguments.ForName("filter"); filter != nil {
				for _, member := range schema.Parsed().Types[filter.Type.Name()].Fields {
					if named := ids[member.Name]; named != "" {
						queries = append(queries, fmt.Sprintf("{ %s(first: 10, filter: { %s: [%q] }) { nodes { id } } }", list, member.Name, named))
					}
				}
			}
		}
		queries = append(queries, fmt.Sprintf("{ nodes(ids: %q) { id } }", ids["payouts"])) // stands for a list of itself
		queries = append(queries, "{ nodes(ids: ["+strings.Join(quoted(ids), " ")+"]) { id } }")
		queries = append(queries, "{ memberships(first: 10) { nodes { id } } coupons(first: 10) { nodes { id } } }")
		for i, v := range viewers {
			for _, query := range queries {
				w.pass(3 * time.Hour)
				planned, spent, errs := w.price(v, query)
				if dearer(planned, spent) != nil || errs != "" {
					t.Errorf("%s, partner %d: %s\n%v calls, %v planned: %s", vendors, i, query, spent, planned, errs)
				}
			}
		}
	}
}

// TestPartnerPrices wants a query to cost a partner of several accounts at each of them what
// it costs one who is in that account alone; and one who is known by an address the same at
// each account that they may know of, whichever accounts a filter or an id names.
func TestPartnerPrices(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{noBudget: true, ticks: true, calls: 1000, answers: -1})
	var self []string // an affiliate of each account
	for _, vendor := range registered() {
		for _, a := range w.page("affiliates") {
			if parsed, _ := providers.ParseID(id(a)); strings.Contains(parsed.Account, vendor) {
				self = append(self, id(a))
				break
			}
		}
	}
	if len(self) < 2 {
		t.Fatalf("the world has %q", self)
	}
	queries := []string{
		`{ commissions(first: 10) { nodes { id } } }`,
		`{ payouts(first: 5) { nodes { id affiliate { name } commissions(first: 3) { nodes { id } } } } viewer { affiliates { name } } }`,
	}
	for _, query := range queries {
		all, _, _ := w.price(partner(self...), query)
		for _, one := range self {
			alone, _, _ := w.price(partner(one), query)
			for account, calls := range alone {
				if len(alone) != 1 || calls == 0 || all[account] != calls {
					t.Errorf("%s\nin %s alone %d calls, in all %v", query, account, calls, all)
				}
			}
		}
	}

	byAddress := partner()
	byAddress.Affiliates, byAddress.Email = nil, "somebody@example.com"
	first, _ := providers.ParseID(self[0])
	last, _ := providers.ParseID(self[len(self)-1])
	account := func(name string) string { return providers.ID{Account: name, Noun: providers.NounAccount}.String() }
	filtered := func(names ...string) string {
		for i, name := range names {
			names[i] = fmt.Sprintf("%q", account(name))
		}
		return fmt.Sprintf("{ commissions(first: 10, filter: { accounts: [%s] }) { nodes { id } } }", strings.Join(names, " "))
	}
	byID := func(names ...string) string {
		for i, name := range names {
			names[i] = fmt.Sprintf("%q", providers.ID{Account: name, Noun: providers.NounCommission, Local: "17"})
		}
		return fmt.Sprintf("{ nodes(ids: [%s]) { id } }", strings.Join(names, " "))
	}
	everywhere := 0 // what the first query takes of each account
	for _, accounts := range [][]string{nil, {last.Account}, {last.Account, "elsewhere"}} {
		byAddress.Accounts = accounts
		whole, spent, errs := w.price(byAddress, queries[0])
		if len(whole) == 0 || errs != "" || dearer(whole, spent) != nil {
			t.Errorf("of %q: %v calls, %v planned: %s", accounts, spent, whole, errs)
		}
		everywhere = cmp.Or(everywhere, whole[last.Account])
		for name := range whole {
			if !byAddress.Sees(name) || whole[name] != everywhere {
				t.Errorf("of %q: %v", accounts, whole)
			}
		}
		for _, same := range [][]string{
			{queries[0], filtered(last.Account), filtered("elsewhere"), filtered(first.Account, last.Account)},
			{byID(last.Account), byID("elsewhere")},
			{byID(last.Account, last.Account), byID("elsewhere", "elsewhere")},
		} {
			want, _, _ := w.price(byAddress, same[0])
			for _, query := range same[1:] {
				if accounts == nil || !strings.Contains(query, "nodes(ids") || accounts[len(accounts)-1] == "elsewhere" {
					if got, _, _ := w.price(byAddress, query); !maps.Equal(got, want) {
						t.Errorf("of %q: %s\nis planned to take %v, want %v", accounts, query, got, want)
					}
				}
			}
		}
	}
}

// TestPartnerRetries wants the calls of partners that are made again, because a vendor fails,
// to be some of those that were planned: what is missing then is told, and not silently read.
func TestPartnerRetries(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{noBudget: true, ticks: true, calls: 1000, answers: -1})
	self := id(w.page("affiliates")[0])
	missed := 0
	for _, query := range []string{
		`{ viewer { affiliates { name } } }`,
		`{ commissions(first: 10) { nodes { id affiliate { name } } } }`,
		`{ commissions(first: 10) { nodes { id } } payouts(first: 10) { nodes { id } } referrals(first: 10) { nodes { id } } }`,
	} {
		for _, faults := range []int{0, 1, 2, 1000} { // of three calls in a row, or of all
			w.pass(3 * time.Hour)
			calls := 0
			for _, k := range w.kits {
				k.Choose(func(*http.Request) (sandbox.Fault, bool) {
					calls++
					return sandbox.Fault{Status: http.StatusServiceUnavailable}, faults > 0 && calls%3 < faults
				})
			}
			planned, spent, errs := w.price(partner(self), query)
			if dearer(planned, spent) != nil || faults == 0 && errs != "" || faults > 2 && errs == "" {
				t.Errorf("%s\n%d faults: %v calls, %v planned: %s", query, faults, spent, planned, errs)
			}
			if strings.Contains(errs, "the number of calls to vendors that was planned") {
				missed++
			}
		}
	}
	if missed == 0 {
		t.Error("no fault took more calls than were planned")
	}
}

func splitted(names []string) (each [][]string) {
	for _, name := range names {
		each = append(each, []string{name})
	}
	return each
}

func quoted(ids map[string]string) (texts []string) {
	for _, id := range ids {
		texts = append(texts, fmt.Sprintf("%q", id))
	}
	return texts
}

// TestPartnerAffiliates wants a partner who is many affiliates to pay for all of them, in
// calls and in field values.
func TestPartnerAffiliates(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"promotekit"}, noBudget: true, calls: 1000, answers: -1})
	var self []string
	for _, a := range w.page("affiliates")[:20] {
		self = append(self, id(a))
	}
	planned, spent, errs := w.price(partner(self...), `{ viewer { affiliates { name } } }`)
	if planned["promotekit"] != len(self) || dearer(planned, spent) != nil || errs != "" {
		t.Errorf("%v calls, %v planned: %s", spent, planned, errs)
	}
	_, _, errs = w.price(partner(self...), `{ viewer { affiliates { commissions(first: 100) { nodes { id status createdAt amount { amount currencyCode } } } } } }`)
	if !strings.Contains(errs, "field values, and 10000 are allowed") {
		t.Errorf("20 affiliates with 100 commissions each: %s", errs)
	}
}
