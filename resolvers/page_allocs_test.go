package resolvers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// pageQuery is the query whose warm answer is measured: 100 rows of one account, with the affiliate of each and
// that one's campaign.
const pageQuery = `{ referrals(first: 100) { nodes { id email affiliate { id email campaign { id name } } } } }`

// warmPage answers a function that asks pageQuery over records that are cached, with so many bytes for
// finished answers: without any (-1), each is executed.
func warmPage(tb testing.TB, answers int64) func() {
	w := newWorld(tb, setup{vendors: []string{"promotekit"}, answers: answers})
	ask := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", strings.NewReader(`{"query": "`+pageQuery+`"}`))
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, r.WithContext(auth.WithViewer(r.Context(), auth.Local())))
		return answer
	}
	ask()
	if answer := ask(); strings.Count(answer.Body.String(), `"campaign":{"id":`) != 100 || strings.Contains(answer.Body.String(), "errors") {
		tb.Fatalf("%.500s", answer.Body)
	}
	return func() { ask() }
}

func BenchmarkPage(b *testing.B) {
	for name, answers := range map[string]int64{"executed": -1, "kept": 16 << 20} {
		b.Run(name, func(b *testing.B) {
			ask := warmPage(b, answers)
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}

// How many allocations the warm page may cost, from the HTTP request to the answer: what it costs, and a
// tenth.
const (
	maxPageAllocs = 1300
	maxKeptAllocs = 160 // of a finished answer
)

// TestPageAllocs counts the allocations of the page, which do not depend on the machine.
func TestPageAllocs(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	for answers, most := range map[int64]float64{-1: maxPageAllocs, 16 << 20: maxKeptAllocs} {
		if n := testing.AllocsPerRun(20, warmPage(t, answers)); n > most {
			t.Errorf("%.0f allocations, at most %.0f are expected", n, most)
		} else {
			t.Logf("%.0f allocations", n)
		}
	}
}
