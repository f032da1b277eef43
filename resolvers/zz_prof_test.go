package resolvers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
)

func BenchmarkZZ(b *testing.B) {
	for name, q := range map[string]string{
		"page": `{ referrals(first: 100) { nodes { id status maskedEmail affiliate { id name email campaign { id name } } } } }`,
		"deep": `{ payouts(first: 20) { nodes { id status commissions(first: 5) { nodes { id amount { amount currencyCode }  referral { id affiliate { id name campaign { id name } } } } } } } }`,
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, setup{answers: -1})
			ask := func() *httptest.ResponseRecorder {
				r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", strings.NewReader(`{"query": "`+q+`"}`))
				r.Header.Set("Content-Type", "application/json")
				answer := httptest.NewRecorder()
				w.handler.ServeHTTP(answer, r.WithContext(auth.WithViewer(r.Context(), auth.Local())))
				return answer
			}
			for range 3 {
				if a := ask(); a.Code != 200 || strings.Contains(a.Body.String(), "errors") {
					b.Fatalf("%.500s", a.Body)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}
