package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// spender is an account whose affiliates take more calls than their plan says.
type spender struct{ providers.Provider }

func (s spender) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	for providers.AllowanceFrom(ctx).Take(s.AccountID()) { // as long as there is one
	}
	return s.Provider.AffiliatesByID(ctx, ids, need...)
}

// TestCallsAtRunTime wants limits.calls to hold while a query runs: what was read stays,
// one error says which limit was reached, and neither the accounts' status nor the next
// request suffers.
func TestCallsAtRunTime(t *testing.T) {
	w := newWorld(t, setup{noBudget: true, calls: 200, wrap: func(p providers.Provider) providers.Provider { return spender{p} }})
	a := w.ask(`{ commissions(first: 30) { nodes { affiliate { id status } } } }`, nil)
	if rows := nodes(t, a.Data); len(rows) != 30 || len(a.Errors) != 1 {
		t.Fatalf("%d rows: %s", len(rows), clipped(a.text))
	}
	e := a.Errors[0]
	if e.Extensions["code"] != "QUERY_TOO_COMPLEX" || e.Extensions["retryable"] != false || !strings.Contains(e.Message, "limit of 200 calls to vendors (limits.calls)") {
		t.Errorf("%s: %v", e.Message, e.Extensions)
	}
	accounts, _ := must[struct{ Accounts []struct{ Status string } }](w, `{ accounts { status } }`, nil)
	for _, acc := range accounts.Accounts {
		if acc.Status != "OK" {
			t.Errorf("an account is %s", acc.Status)
		}
	}
	must[any](w, `{ affiliates(first: 3) { nodes { id } } }`, nil)
}

// TestListOverAllowance wants a list that the allowance ended to say that it goes on.
func TestListOverAllowance(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"promotekit"}, noBudget: true, calls: 1})
	w.kits["promotekit"].Fail(sandbox.Fault{Status: http.StatusServiceUnavailable})
	const query = `query($after: String) { payouts(first: 5, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }`
	a := w.ask(query, nil)
	type page struct {
		Payouts struct {
			Nodes    []struct{ ID string }
			PageInfo struct{ EndCursor *string }
		}
	}
	var ended page
	if err := json.Unmarshal(a.Data, &ended); err != nil {
		t.Fatal(err)
	}
	if ended.Payouts.PageInfo.EndCursor == nil {
		t.Fatalf("no cursor goes on: %s", a.text)
	}
	w.pass(time.Hour)
	next, _ := must[page](w, query, map[string]any{"after": *ended.Payouts.PageInfo.EndCursor})
	whole, _ := must[page](w, query, nil)
	if len(whole.Payouts.Nodes) != 5 || !slices.Equal(next.Payouts.Nodes, whole.Payouts.Nodes) {
		t.Errorf("the cursor goes on with %v, want %v", next.Payouts.Nodes, whole.Payouts.Nodes)
	}
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "QUERY_TOO_COMPLEX" || !strings.Contains(a.text, `"hasNextPage":true`) {
		t.Errorf("%s", a.text)
	}
}

// reserving is an account that notes whether the last call by id leaves the reserve of its
// budget.
type reserving struct {
	providers.Provider
	keeps *atomic.Bool
}

func (r reserving) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	r.keeps.Store(providers.KeepsReserve(ctx))
	return r.Provider.AffiliatesByID(ctx, ids, need...)
}

// TestReserve wants the calls of partners, and of nobody else, to leave the reserve of the
// account's budget.
func TestReserve(t *testing.T) {
	var keeps atomic.Bool
	w := newWorld(t, setup{vendors: []string{"promotekit"}, wrap: func(p providers.Provider) providers.Provider { return reserving{p, &keeps} }})
	affiliate := id(w.page("affiliates")[0])
	query := fmt.Sprintf(`{ affiliate(id: %q) { id name } }`, affiliate)
	for _, v := range []*auth.Viewer{partner(affiliate), auth.Local()} {
		keeps.Store(v.Role != auth.RolePartner)
		if a := w.as(v, query, nil); len(a.Errors) != 0 {
			t.Fatalf("%s", clipped(a.text))
		}
		if got := keeps.Load(); got != (v.Role == auth.RolePartner) {
			t.Errorf("a call of %s leaves the reserve: %v", v.Role, got)
		}
	}
}
