package resolvers_test

import (
	"testing"
	"time"
)

// TestCallsForBareIDs reads 100 referrals that carry nothing but the ids of 40 affiliates, cold. The
// vendors that list affiliates with a count answer in few calls, whether the id is bare or in an object.
func TestCallsForBareIDs(t *testing.T) {
	const query = `{ referrals(first: 100) { nodes { id affiliate { id name campaign { id name } } } } }`
	forms := map[string]func(id any) any{
		"bare":   func(local any) any { return local },
		"object": func(local any) any { return object{"id": local} },
	}
	for form, related := range forms {
		w := newWorld(t, setup{vendors: []string{"promotekit"}, noBudget: true, ticks: true})
		var ids []string
		for _, row := range w.rowsOf("affiliates", "email") {
			ids = append(ids, parsed(id(row)).Local)
		}
		w = newWorld(t, setup{beside: w, vendors: []string{"promotekit"}, noBudget: true})
		w.pass(100 * time.Hour)
		w.editReplies("promotekit", "/referrals", func(n int, row object) { row["affiliate"] = related(ids[n%40]) })
		w.kits["promotekit"].Forget()
		_, a := must[any](w, query, nil)
		rows := nodes(t, a.Data)
		if n := unique(rows, "affiliate"); len(rows) != 100 || n != 40 {
			t.Errorf("%s: %d rows of %d affiliates", form, len(rows), n)
		}
		for _, row := range rows {
			if at(object(row), "affiliate", "name") == nil || at(object(row), "affiliate", "campaign", "name") == nil {
				t.Fatalf("%s: %v", form, row)
			}
		}
		if calls := w.kits["promotekit"].Requests(); len(calls) > 4 {
			t.Errorf("%s: %d calls:%s", form, len(calls), lined(calls))
		}
	}
}
