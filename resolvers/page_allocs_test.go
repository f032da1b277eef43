package resolvers_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// measuredQueries are queries whose warm answers are measured, with how many allocations
// these may cost from the HTTP request to the answer: what they cost, and a tenth.
var measuredQueries = []struct {
	name           string
	vendors        []string // nil for all
	query          string
	executed, kept float64
}{
	{"page", []string{"promotekit"}, `{ referrals(first: 100) { nodes { id email affiliate { id email campaign { id name } } } } }`, 635, 125},
	{"page of all", nil, `{ referrals(first: 100) { nodes { id status maskedEmail affiliate { id name email campaign { id name } } } } }`, 1050, 125},
	{"deep", nil, `{ payouts(first: 20) { nodes { id status commissions(first: 5) { nodes { id amount { amount currencyCode }
		referral { id affiliate { id name campaign { id name } } } } } } } }`, 2910, 125},
	{"small", []string{"promotekit"}, `{ campaigns(first: 1) { nodes { id } } }`, 340, 125},
}

// warmQuery answers a function that asks a query over records that are cached, with so many
// bytes for finished answers: without any (-1), each is executed.
func warmQuery(tb testing.TB, vendors []string, query string, answers int64) func() {
	w := newWorld(tb, setup{vendors: vendors, answers: answers})
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		tb.Fatal(err)
	}
	ask := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, r.WithContext(auth.WithViewer(r.Context(), auth.Local())))
		return answer
	}
	for range 3 { // until an answer is kept, where answers are kept
		if answer := ask(); answer.Code != http.StatusOK || strings.Contains(answer.Body.String(), `"errors"`) {
			tb.Fatalf("%.500s", answer.Body)
		}
	}
	return func() { ask() }
}

func BenchmarkPage(b *testing.B) {
	for _, q := range measuredQueries {
		for name, answers := range map[string]int64{"executed": -1, "kept": 16 << 20} {
			b.Run(q.name+"/"+name, func(b *testing.B) {
				ask := warmQuery(b, q.vendors, q.query, answers)
				b.ReportAllocs()
				for b.Loop() {
					ask()
				}
			})
		}
	}
}

// TestAllocations counts the allocations of warm answers, which do not depend on the machine.
func TestAllocations(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	for _, q := range measuredQueries {
		for answers, most := range map[int64]float64{-1: q.executed, 16 << 20: q.kept} {
			if n := testing.AllocsPerRun(20, warmQuery(t, q.vendors, q.query, answers)); n > most {
				t.Errorf("%s: %.0f allocations, at most %.0f are expected", q.name, n, most)
			} else {
				t.Logf("%s: %.0f allocations", q.name, n)
			}
		}
	}
}
