package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// edgesOfNouns are the edges of each noun that lead to other records: with the arguments,
// and with "nodes" for connections.
var edgesOfNouns = map[string]map[string]string{
	"Affiliate": {"campaign": "Campaign", "parent": "Affiliate", "children(first: 1)": "Affiliate", "referrals(first: 1)": "Referral",
		"commissions(first: 1)": "Commission", "payouts(first: 1)": "Payout"},
	"Campaign":   {"memberships(first: 1)": "Membership", "referrals(first: 1)": "Referral", "commissions(first: 1)": "Commission"},
	"Membership": {"affiliate": "Affiliate", "campaign": "Campaign"},
	"Referral":   {"affiliate": "Affiliate", "campaign": "Campaign", "commissions(first: 1)": "Commission"},
	"Commission": {"affiliate": "Affiliate", "campaign": "Campaign", "referral": "Referral", "payout": "Payout"},
	"Payout":     {"affiliate": "Affiliate", "campaign": "Campaign", "commissions(first: 1)": "Commission"},
}

// fanOut is a document in which every edge of every record down to a depth is selected, by
// a fragment for each noun and depth. It is short, and what it selects grows exponentially.
func fanOut(depth int) string {
	var b strings.Builder
	b.WriteString("{ affiliates(first: 1) { nodes { ...Affiliate3 } } }")
	type fragment struct {
		noun  string
		depth int
	}
	known := map[fragment]bool{{"Affiliate", 3}: true}
	open := []fragment{{"Affiliate", 3}}
	for len(open) > 0 {
		f := open[0]
		open = open[1:]
		fmt.Fprintf(&b, " fragment %s%d on %[1]s { id", f.noun, f.depth)
		for _, edge := range slices.Sorted(maps.Keys(edgesOfNouns[f.noun])) {
			next, form := fragment{edgesOfNouns[f.noun][edge], f.depth + 1}, " %s { ...%s%d }"
			if strings.Contains(edge, "(") {
				next.depth, form = f.depth+2, " %s { nodes { ...%s%d } }"
			}
			if next.depth > depth {
				continue
			}
			fmt.Fprintf(&b, form, edge, next.noun, next.depth)
			if !known[next] {
				known[next], open = true, append(open, next)
			}
		}
		b.WriteString(" }")
	}
	return b.String()
}

// allocated answers a document, and says how many bytes were allocated for that.
func (w *world) allocated(ctx context.Context, query string, variables map[string]any) (recorded *httptest.ResponseRecorder, bytesAllocated uint64) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	recorded = httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.handler.ServeHTTP(recorded, r)
	runtime.ReadMemStats(&after)
	return recorded, after.TotalAlloc - before.TotalAlloc
}

// TestPlanIsBounded wants the refusal of a document that selects millions of fields to take
// no more than the plan of the largest one that is allowed: a few MB, and no call.
func TestPlanIsBounded(t *testing.T) {
	w := newWorld(t, setup{calls: 50})
	for depth, want := range map[int]string{10: `"limit":"calls"`, 11: "calls to the vendors or more", 12: `"limit":"steps"`} {
		query := fanOut(depth)
		recorded, allocated := w.allocated(t.Context(), query, nil)
		t.Logf("%d bytes: %d bytes allocated", len(query), allocated)
		if !strings.Contains(recorded.Body.String(), want) {
			t.Errorf("%d deep: %s", depth, clipped(recorded.Body.String()))
		}
		if allocated > 32<<20 {
			t.Errorf("%d deep: %d bytes were allocated to refuse it", depth, allocated)
		}
	}
	for vendor, kit := range w.kits {
		if n := len(kit.Requests()); n != 0 {
			t.Errorf("%s saw %d calls", vendor, n)
		}
	}
}

// TestNobodyWaits wants an operation whose client is gone to be neither planned nor executed.
func TestNobodyWaits(t *testing.T) {
	w := newWorld(t, setup{})
	for _, query := range []string{`{ affiliates(first: 1) { nodes { id } } }`, fanOut(12)} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		recorded, _ := w.allocated(ctx, query, nil)
		if recorded.Code != http.StatusOK && recorded.Code != http.StatusGatewayTimeout || strings.Contains(recorded.Body.String(), `"data"`) ||
			!strings.Contains(recorded.Body.String(), "took longer than it may") {
			t.Errorf("%d %s", recorded.Code, clipped(recorded.Body.String()))
		}
	}
	for vendor, kit := range w.kits {
		if n := len(kit.Requests()); n != 0 {
			t.Errorf("%s saw %d calls", vendor, n)
		}
	}
}

// TestFilterAmounts wants a filter with more values than a page has rows to be refused by
// each list that takes one.
func TestFilterAmounts(t *testing.T) {
	w := newWorld(t, setup{})
	for list, field := range map[string]string{"affiliates": "campaigns", "memberships": "affiliates", "referrals": "affiliates",
		"commissions": "referrals", "payouts": "affiliates", "coupons": "affiliates"} {
		filter := strings.ToUpper(list[:1]) + strings.TrimSuffix(list[1:], "s") + "Filter"
		ids := slices.Repeat([]string{account("promotekit")}, 101)
		query := fmt.Sprintf(`query($f: %s) { %s(first: 1, filter: $f) { nodes { id } } }`, filter, list)
		a := w.ask(query, map[string]any{"f": map[string]any{field: ids}})
		if want := "filter." + field + " takes at most 100 values, not 101"; len(a.Errors) != 1 || a.code() != "BAD_USER_INPUT" || a.Errors[0].Message != want {
			t.Errorf("%s: %s", list, clipped(a.text))
		}
	}
}
