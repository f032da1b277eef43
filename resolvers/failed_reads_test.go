package resolvers_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// failedReads are replies to a read of one page that are no page, though nothing but their
// bodies or the page's number may say so.
var failedReads = map[string]sandbox.Fault{
	"204":                {Status: http.StatusNoContent},
	"400":                {Status: http.StatusBadRequest, Body: failedBody},
	"404":                {Status: http.StatusNotFound, Body: failedBody},
	"410":                {Status: http.StatusGone, Body: failedBody},
	"422":                {Status: http.StatusUnprocessableEntity, Body: failedBody},
	"success is false":   {Status: http.StatusOK, Body: `{"success":false,"message":"x","data":[]}`},
	"status is a word":   {Status: http.StatusOK, Body: `{"status":"error","message":"x","data":[]}`},
	"status is another":  {Status: http.StatusOK, Body: `{"status":500,"message":"x","data":[]}`},
	"there is an error":  {Status: http.StatusOK, Body: `{"success":true,"data":null,"error":{"message":"x"}}`},
	"data alone is null": {Status: http.StatusOK, Body: `{"data":null}`},
}

// failedBody is the body of a refusal at all vendors.
const failedBody = `{"success":false,"message":"x","code":"not_found","error":{"type":"x","message":"x"}}`

// TestFailedPages has the second page of a list fail once. The list does not end there: a
// client that goes on from the cursor has every row, and the account is well again.
func TestFailedPages(t *testing.T) {
	sequential(t)
	lists := []string{"commissions", "referrals", "affiliates"}
	for v, vendor := range slices.Sorted(maps.Keys(oddLists)) {
		whole := map[string]int{}
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, pages: 100})
		for _, list := range lists {
			whole[list] = len(w.walkList(list, 100).ids)
		}
		for n, name := range slices.Sorted(maps.Keys(failedReads)) {
			w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, beside: w})
			w.kits[vendor].Odd().SetPageSize(20)
			failed := 0
			w.kits[vendor].Choose(func(r *http.Request) (sandbox.Fault, bool) {
				if r.URL.Query().Get("page") != "2" || failed > 0 {
					return sandbox.Fault{}, false
				}
				failed++
				return failedReads[name], true
			})
			list := lists[(n+v)%len(lists)]
			rows := checkPlainLoop(t, w, list)[vendor]
			if status, said := w.status(vendor); rows != whole[list] || failed != 1 || status != "OK" {
				t.Errorf("%s, %s, %s: %d of %d rows, %d pages failed, %s %s", vendor, list, name, rows, whole[list], failed, status, said)
			}
			w.kits[vendor].Choose(nil)
		}
	}
}

// TestFailedLookUps makes each write without an answer, and has all reads behind it fail by
// their bodies. Nothing is proven by these: the write is not sent again, and is found once
// the vendor is well.
func TestFailedLookUps(t *testing.T) {
	sequential(t)
	var bodies []sandbox.Fault
	for _, name := range slices.Sorted(maps.Keys(failedReads)) {
		if f := failedReads[name]; f.Status == http.StatusOK {
			bodies = append(bodies, f)
		}
	}
	for n, r := range rows() {
		t.Run(strings.TrimSpace(r.vendor+" "+string(r.mutation)+" "+r.also), func(t *testing.T) {
			t.Parallel()
			w, p := r.sole(t, setup{})
			written, attempt := false, 0
			w.kits[r.vendor].Choose(func(q *http.Request) (sandbox.Fault, bool) {
				switch {
				case q.Method != http.MethodGet && !written:
					written = true
					return sandbox.Fault{After: true}, true
				case q.Method == http.MethodGet && attempt == 1:
					return bodies[n%len(bodies)], true
				}
				return sandbox.Fault{}, false
			})
			for attempt = range 3 {
				got, a := w.write(r.mutation, p.fields, newKey, p.input)
				if made := a.code() == "" && got != nil && len(got.UserErrors) == 0; !made && a.code() != "OUTCOME_UNKNOWN" || attempt == 1 && made {
					t.Errorf("attempt %d: %s", attempt+1, clipped(a.text))
				}
				w.pass(settle)
			}
			if all, _ := w.taken(r.vendor); landed(all) != 1 {
				t.Errorf("it was made %d times:%s", landed(all), lined(all))
			}
		})
	}
}
