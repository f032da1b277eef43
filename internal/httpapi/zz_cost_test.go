package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/httpapi"
)

func zzBounds(o *httpapi.Options) {
	o.Body, o.Tokens, o.Answer, o.Load, o.Timeout = 100<<10, 5000, 4<<20, 200_000, 30*time.Second
	o.Partner, o.PartnerCalls = 120, 48
}

// TestZZPartnerEvictsOverHTTP has one partner, within a minute's share, drive what staff asked out of the
// cache of answers.
func TestZZPartnerEvictsOverHTTP(t *testing.T) {
	k := newKeeper(t, func(o *httpapi.Options) { zzBounds(o); o.Responses = 64 << 20 })
	staff := k.token("a", "admin", nil)
	partner := k.token("p", "partner", jwt.MapClaims{"affiliates": []string{affiliate("shop", "aff001")}})
	dashboards := func(i int) map[string]any {
		return map[string]any{"query": fmt.Sprintf("{ commissions(first: 100) { nodes { id amount { amount } affiliate { id name email } } } } # %d", i)}
	}
	for range 4 {
		for i := range 50 {
			k.send(dashboards(i), staff...)
		}
	}
	kept := func() (n int) {
		for i := range 50 {
			if _, ok := k.send(dashboards(i), staff...); ok {
				n++
			}
		}
		return n
	}
	before := kept()
	bytes, asked := 0, 0
	for i := range 115 {
		body, _ := json.Marshal(map[string]any{"query": fmt.Sprintf("{ __schema { types { fields { %s: name } } } } # %d", strings.Repeat("x", 9000), i/3)})
		r := httptest.NewRequest(http.MethodPost, "http://localhost/graphql", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(partner[0], partner[1])
		w := httptest.NewRecorder()
		k.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Log(i, w.Code, w.Body.String()[:200])
			break
		}
		asked++
		bytes = w.Body.Len()
	}
	after := kept()
	t.Logf("staff's answers kept: %d of 50 before, %d after %d requests of one partner with answers of %d bytes", before, after, asked, bytes)
	if after < before*3/4 {
		t.Errorf("one partner drove %d of staff's %d kept answers out", before-after, before)
	}
}

// TestZZLongNames measures refusals of documents with a long word in each place.
func TestZZLongNames(t *testing.T) {
	k := newKeeper(t, zzBounds)
	partner := k.token("p", "partner", jwt.MapClaims{"affiliates": []string{affiliate("shop", "aff001")}})
	long := strings.Repeat("affiliate", 10_500)
	parts := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, long[:90_000/n-10]+fmt.Sprint(i))
		}
		return b.String()
	}
	for _, n := range []int{1, 10, 100, 400} {
		for name, q := range map[string]string{
			"field":    "{ viewer { " + parts(n, "%s ") + "} }",
			"root":     "{ " + parts(n, "%s ") + " }",
			"argument": "{ commissions(first: 1, " + parts(n, "%s: 1 ") + ") { nodes { id } } }",
			"type":     "{ viewer { name } } " + parts(n, "fragment f on %s { id } "),
			"inline":   "{ viewer { name " + parts(n, "... on %s { id } ") + " } }",
			"enum":     "{ commissions(first: 1, filter: {statuses: [" + parts(n, "%s ") + "]}) { nodes { id } } }",
			"input":    "{ commissions(first: 1, filter: {" + parts(n, "%s: 1 ") + "}) { nodes { id } } }",
			"spread":   "{ viewer { name " + parts(n, "...%s ") + " } }",
			"variable": "{ viewer { name " + parts(n, "@include(if: $%s) ") + " } }",
			"varType":  "query(" + parts(n, "$a: %s ") + ") { viewer { name } }",
			"direct":   "{ viewer { name " + parts(n, "@%s ") + " } }",
			"alias":    "{ viewer { " + parts(n, "%s: name ") + " } }",
		} {
			var m1, m2 runtime.MemStats
			runtime.ReadMemStats(&m1)
			began := time.Now()
			w := post(k.Handler, q, partner...)
			took := time.Since(began)
			runtime.ReadMemStats(&m2)
			alloc := (m2.TotalAlloc - m1.TotalAlloc) >> 20
			if alloc > 20 {
				t.Errorf("%d %s: the refusal of %d KB allocates %d MB and takes %v", n, name, len(q)>>10, alloc, took)
			}
			if alloc := (m2.TotalAlloc - m1.TotalAlloc) >> 20; took > 60*time.Millisecond || alloc > 10 || w.Body.Len() > 500_000 {
				t.Logf("%d %s: %d, %v, %d MB, answer %d KB; body %d KB", n, name, w.Code, took, alloc, w.Body.Len()>>10, len(q)>>10)
			}
		}
	}
}
