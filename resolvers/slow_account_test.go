package resolvers_test

import (
	"strings"
	"testing"
	"time"
)

// TestSlowAccount has one vendor be slow in every call of a walk. The walk ends with the
// account's time after fewer calls than it has pages, and the rows of the other accounts
// are there.
func TestSlowAccount(t *testing.T) {
	sequential(t)
	const timeout = 500 * time.Millisecond
	for slow := range oddLists {
		w := newWorld(t, setup{noBudget: true, ticks: true, pages: 100, slow: slow, timeout: timeout})
		w.kits[slow].Odd().SetPageSize(10) // dozens of pages
		w.kits[slow].SetLatency(timeout*2/5, 0)
		// Nothing matches, so each account's whole list is read.
		a := w.ask(`{ sick: commissions(first: 100, filter: { createdAt: { to: "2001-01-01T00:00:00Z" } }) { nodes { id } pageInfo { hasNextPage endCursor } }
			all: referrals(first: 100) { nodes { id account { id } } } }`, nil)
		if len(a.Errors) == 0 || !strings.Contains(a.text, "account") {
			t.Errorf("%s: %s", slow, clipped(a.text))
		}
		for _, e := range a.Errors {
			if e.Extensions["account"] != account(slow) || e.Extensions["code"] != "UPSTREAM_UNAVAILABLE" || e.Extensions["retryable"] != true {
				t.Errorf("%s: %v", slow, e)
			}
		}
		if calls := w.kits[slow].Requests(); len(calls) > 6 {
			t.Errorf("%s: %d calls:%s", slow, len(calls), lined(calls))
		}
		for vendor := range oddLists {
			if vendor != slow && !strings.Contains(a.text, account(vendor)) {
				t.Errorf("no rows of %s beside %s: %s", vendor, slow, clipped(a.text))
			}
		}
	}
}
