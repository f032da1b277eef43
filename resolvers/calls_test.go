package resolvers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// ceil is how many pages of a hundred n rows take.
func ceil(n int) int { return (n + 99) / 100 }

// nodes are the rows of an answer's only root list.
func nodes(t *testing.T, data json.RawMessage) (rows []map[string]any) {
	t.Helper()
	var lists map[string]struct {
		Nodes []map[string]any `json:"nodes"`
	}
	if err := json.Unmarshal(data, &lists); err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		rows = l.Nodes
	}
	return rows
}

// unique counts the different ids at an edge of the rows.
func unique(rows []map[string]any, edge string) int {
	seen := map[any]bool{}
	for _, r := range rows {
		if to, ok := r[edge].(map[string]any); ok {
			seen[to["id"]] = true
		}
	}
	return len(seen)
}

// TestUpstreamCalls is the table of what queries cost at the vendors, cold and warm.
func TestUpstreamCalls(t *testing.T) {
	type row struct {
		vendor, query string
		size          providers.SandboxSize
		sw            string // a switch of the simulator
		before        string // a query to ask before, so that something is known already
		// most is how many calls it may take cold, given the answer's rows.
		most func(w *world, rows []map[string]any) int
		// archived says that some of the records may have to be read singly, which nobody
		// can know beforehand.
		archived bool
	}
	exactly := func(n int) func(*world, []map[string]any) int {
		return func(*world, []map[string]any) int { return n }
	}
	// commissionPages: 100 lists that lie within a longer one take its pages, or one each
	// after a look at its first page.
	commissionPages := func(w *world) int {
		data, _ := must[struct {
			Commissions struct{ TotalCount int }
		}](w, `{ commissions(first: 1) { totalCount } }`, nil)
		return ceil(data.Commissions.TotalCount)
	}
	table := []row{
		{vendor: "promotekit", query: `{ referrals(first: 100) { nodes { id affiliate { id name campaign { id name } } } } }`, most: exactly(1)},
		{vendor: "promotekit", query: `{ referrals(first: 100) { nodes { id commissions { nodes { id payout { status } } } } } }`,
			most: func(w *world, rows []map[string]any) int { return 1 + min(101, commissionPages(w)) }},
		{vendor: "promotekit", size: providers.SandboxMedium, query: `{ referrals(first: 100) { nodes { id commissions { nodes { id payout { status } } } } } }`,
			most: func(w *world, rows []map[string]any) int { return 1 + min(101, commissionPages(w)) }},
		{vendor: "promotekit", sw: "ids_only", query: `{ referrals(first: 100) { nodes { id affiliate { id name campaign { id name } } } } }`, most: exactly(4)},
		{vendor: "firstpromoter", query: `{ commissions(first: 100) { nodes { affiliate { id name } } } }`, most: exactly(1)},
		{vendor: "firstpromoter", query: `{ commissions(first: 100) { nodes { affiliate { id clicks status } } } }`, archived: true,
			most: func(_ *world, rows []map[string]any) int {
				archived := map[any]bool{}
				for _, r := range rows {
					if a := r["affiliate"].(map[string]any); a["status"] == "ARCHIVED" {
						archived[a["id"]] = true
					}
				}
				return 1 + ceil(unique(rows, "affiliate")) + len(archived)
			}},
		{vendor: "uppromote", query: `{ commissions(first: 100) { nodes { affiliate { id name } } } }`, most: exactly(1)},
		{vendor: "uppromote", query: `{ commissions(first: 100) { nodes { affiliate { id status } } } }`,
			most: func(_ *world, rows []map[string]any) int { return 1 + unique(rows, "affiliate") }},
		{vendor: "uppromote", query: `{ commissions(first: 100) { nodes { affiliate { id note status balances { status } } } } }`,
			before: `{ affiliates(first: 100, filter: { search: "nobody has this name" }) { nodes { id } } }`,
			most:   exactly(1 + 1)}, // the list has one page
	}
	var out strings.Builder
	out.WriteString("| vendor, world | query | calls | at most | warm |\n|---|---|---|---|---|\n")
	for _, r := range table {
		if r.size == "" {
			r.size = providers.SandboxSmall
		}
		w := newWorld(t, setup{vendors: []string{r.vendor}, size: r.size, noBudget: true})
		kit := w.kits[r.vendor]
		if r.sw != "" {
			kit.Set(r.sw, true)
		}
		if r.before != "" {
			must[any](w, r.before, nil)
			w.pass(3 * time.Hour) // what was read is forgotten; how long the list is, is not
		}
		kit.Forget()
		_, cold := must[any](w, r.query, nil)
		spent := cold.Extensions.Cost.Spent
		if got := len(kit.Requests()); got != spent {
			t.Errorf("%s %s: the answer says %d calls, and the vendor saw %d", r.vendor, r.query, spent, got)
		}
		if cold.Extensions.Cost.Planned < spent && r.sw == "" && !r.archived {
			t.Errorf("%s %s: %d calls were planned and %d spent", r.vendor, r.query, cold.Extensions.Cost.Planned, spent)
		}
		_, warm := must[any](w, r.query, nil)
		rows := nodes(t, cold.Data)
		if len(rows) != 100 {
			t.Errorf("%s %s: %d rows, want 100", r.vendor, r.query, len(rows))
		}
		if string(warm.Data) != string(cold.Data) {
			t.Errorf("%s %s: the warm answer is another", r.vendor, r.query)
		}
		most := r.most(w, rows)
		if spent > most {
			t.Errorf("%s %s: %d calls, at most %d are allowed:%s", r.vendor, r.query, spent, most, cold.calls())
		}
		if got := warm.Extensions.Cost.Spent; got != 0 {
			t.Errorf("%s %s: %d calls warm:%s", r.vendor, r.query, got, warm.calls())
		}
		name := "`" + r.query + "`"
		if r.sw != "" {
			name += " (" + r.sw + ")"
		}
		if r.before != "" {
			name += " (length of the list known)"
		}
		fmt.Fprintf(&out, "| %s, %s | %s | %d | %d | %d |\n", r.vendor, r.size, name, spent, most, warm.Extensions.Cost.Spent)
	}
	t.Logf("calls to vendors:\n%s", out.String())
}
