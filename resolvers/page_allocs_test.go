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

// warmPage answers a function that executes pageQuery over records that are cached.
func warmPage(tb testing.TB) func() {
	w := newWorld(tb, setup{vendors: []string{"promotekit"}})
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
	ask := warmPage(b)
	b.ReportAllocs()
	for b.Loop() {
		ask()
	}
}

// maxPageAllocs is how many allocations the warm page may cost, from the HTTP request to the answer: what it
// costs, and a tenth.
const maxPageAllocs = 1300

// TestPageAllocs counts the allocations of the page, which do not depend on the machine.
func TestPageAllocs(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	ask := warmPage(t)
	if n := testing.AllocsPerRun(20, ask); n > maxPageAllocs {
		t.Errorf("%.0f allocations, at most %d are expected", n, maxPageAllocs)
	} else {
		t.Logf("%.0f allocations", n)
	}
}
