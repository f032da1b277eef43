package resolvers_test

import (
	"context"
	"fmt"
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
	"github.com/partnergraph/partnergraph/resolvers"
	"github.com/partnergraph/partnergraph/schema"
)

// price is what a viewer's query is planned to take, what it takes, and its errors.
func (w *world) price(v *auth.Viewer, query string) (planned, spent int, errs string) {
	w.t.Helper()
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: w.graph}))
	exec.SetErrorPresenter(w.graph.Present)
	exec.SetRecoverFunc(func(_ context.Context, p any) error { return providers.Panicked(p) })
	exec.Use(w.graph.Extension())
	ctx := auth.WithViewer(graphql.StartOperationTrace(w.t.Context()), v)
	op, refused := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
	if refused != nil {
		return resolvers.Planned(op), 0, refused.Error()
	}
	handle, ctx := exec.DispatchOperation(ctx, op)
	if found := handle(ctx).Errors; found != nil {
		errs = found.Error()
	}
	return resolvers.Planned(op), resolvers.TraceOf(op).Spent(), errs
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
// its edges, to take no more calls of a partner than were planned, and to be whole: at each
// vendor and at all of them, for a partner who is one affiliate, one who is three, and one
// who is known by an address.
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
				most := planned
				if v.Email != "" { // planned is what it takes of each account
					most *= len(vendors)
				}
				if spent > most || errs != "" {
					t.Errorf("%s, partner %d: %s\n%d calls, %d planned: %s", vendors, i, query, spent, planned, errs)
				}
			}
		}
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
