package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// dearQuery is a legal document that bytes choose: nested edges, numbers of rows, aliases and fragments.
func dearQuery(choices []byte) string {
	next := func(n int) int {
		if len(choices) == 0 {
			return 0
		}
		c := int(choices[0])
		choices = choices[1:]
		return c % n
	}
	var selection func(noun string, depth int) string
	selection = func(noun string, depth int) string {
		s := " id"
		edges := slices.Sorted(maps.Keys(edgesOfNouns[noun]))
		for i := range next(4) {
			edge := edges[next(len(edges))]
			to := edgesOfNouns[noun][edge]
			switch connection := strings.Contains(edge, "("); {
			case connection && depth+2 <= 12:
				edge = strings.Replace(edge, "first: 1", fmt.Sprint("first: ", 1+next(100)), 1)
				s += fmt.Sprintf(" x%d%d: %s { totalCount edges { cursor } nodes {%s } }", depth, i, edge, selection(to, depth+2))
			case !connection && depth+1 <= 12:
				s += fmt.Sprintf(" x%d%d: %s {%s }", depth, i, edge, selection(to, depth+1))
			}
		}
		return s
	}
	var b strings.Builder
	roots := []string{"affiliates", "referrals", "commissions", "payouts", "memberships"}
	nouns := []string{"Affiliate", "Referral", "Commission", "Payout", "Membership"}
	b.WriteString("{")
	for i := range 1 + next(4) {
		n := next(len(roots))
		fmt.Fprintf(&b, " r%d: %s(first: %d) { nodes {%s } }", i, roots[n], 1+next(100), selection(nouns[n], 3))
	}
	return b.String() + " }"
}

// FuzzDearestQuery searches for the most expensive document: whatever it is, it allocates, answers and calls within these
// bounds.
func FuzzDearestQuery(f *testing.F) {
	for _, seed := range []string{"", "\x03\x00\x63\x03\x01\x63\x02\x02\x63", "\x00\x01\x09\x03\x01\x05\x03\x02", strings.Repeat("\x03\x05\x02", 40)} {
		f.Add([]byte(seed))
	}
	const (
		maxCalls     = 50
		maxBytes     = 4 << 20
		maxAllocated = 64 << 20
	)
	w := newWorld(f, setup{calls: maxCalls, noBudget: true})
	f.Fuzz(func(t *testing.T, choices []byte) {
		w.t = t // a fuzz target must not use the F
		query := dearQuery(choices)
		recorded, allocated := w.allocated(t.Context(), query, nil)
		var a answer
		if err := json.Unmarshal(recorded.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if a.Extensions.Cost.Spent > maxCalls || recorded.Body.Len() > maxBytes || allocated > maxAllocated {
			t.Errorf("%d calls, %d bytes, %d bytes allocated: %s", a.Extensions.Cost.Spent, recorded.Body.Len(), allocated, query)
		}
	})
}
