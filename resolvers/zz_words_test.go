package resolvers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// a 2xx that says in words that nothing was done.
func TestZZWordsOfFailure(t *testing.T) {
	for _, body := range []string{
		`{"status":"error","message":"Affiliate not found","data":{}}`, `{"success":false,"message":"Affiliate not found","data":{}}`, `{"status":"fail","message":"x","data":{"reason":"x"}}`,
		`{"status":false,"message":"x","data":{}}`, `{"status":0,"message":"x","data":{}}`, `{"status":302,"message":"x","data":{}}`, `{"error":{"code":17,"message":"rate limited"},"data":{}}`,
		`{"success":false,"status":200,"message":"x","data":{}}`, `{"success":false,"data":{"id":1}}`, `{"data":{"status":"error","message":"x"}}`, `{"data":[{}]}`, `{"data":{"0":{}}}`,
	} {
		told := map[string]bool{}
		for _, r := range rows() {
			w, p := r.sole(t, setup{})
			w.failWrite(r.vendor, sandbox.Fault{Status: 200, Body: body})
			got, a := w.write(r.mutation, p.fields, newKey, p.input)
			if a.code() == "" && got != nil && len(got.UserErrors) == 0 {
				told[r.vendor+" "+string(r.mutation)] = true
			}
		}
		var l []string
		for k := range told {
			l = append(l, k)
		}
		slices.Sort(l)
		if len(l) > 0 {
			t.Errorf("%s is told as made: %d: %s", body, len(l), strings.Join(l, ", "))
		}
	}
}

// a completed action whose errors are none, in other forms.
func TestZZNoErrors(t *testing.T) {
	for _, errs := range []string{`[ ]`, `{ }`, `false`, `0`, `[null]`, `" "`, `{"errors":[]}`, `[[]]`, `"[]"`, `"none"`} {
		told := []string{}
		for _, r := range rows() {
			if r.vendor != "firstpromoter" {
				continue
			}
			w, p := r.sole(t, setup{})
			w.failWrite(r.vendor, sandbox.Fault{Edit: func(b []byte) []byte {
				s := string(b)
				for _, old := range []string{`"processing_errors":[]`, `"processing_errors":{}`, `"processing_errors":null`} {
					s = strings.ReplaceAll(s, old, `"processing_errors":`+errs)
				}
				return []byte(s)
			}})
			got, a := w.write(r.mutation, p.fields, newKey, p.input)
			all, _ := w.taken(r.vendor)
			if landed(all) == 1 && got != nil && len(got.UserErrors) > 0 {
				told = append(told, string(r.mutation)+" "+got.UserErrors[0].Code)
			}
			_ = a
		}
		if len(told) > 0 {
			t.Errorf("processing_errors %s: done, and told as refused: %v", errs, told)
		}
	}
}

// the number of pages is worked out with another page size than is used.
func TestZZTotalPages(t *testing.T) {
	for _, n := range []int{250, 1950} {
		for _, factor := range []int{1, 10} {
			all := zzRows(zzPKE, n, nil)
			v := &zzVendor{name: "promotekit"}
			v.hook = func(w http.ResponseWriter, r *http.Request) bool {
				k := 1
				fmt.Sscan(r.URL.Query().Get("page"), &k)
				from, to := min((k-1)*100, n), min(k*100, n)
				v.send(w, 200, fmt.Sprintf(`{"success":true,"data":%s,"pagination":{"page":%d,"limit":100,"total_count":%d,"total_pages":%d,"has_more":%v}}`, zzJSON(all[from:to]), k, n, (n+99)/100*factor, to < n))
				return true
			}
			rows, errs, pages := zzWalk(zzNew(t, v, setup{}), "commissions", "", 100)
			t.Logf("%d rows, total_pages x%d: %d rows, %v, %d client pages, %d calls", n, factor, len(rows), errs, pages, len(v.taken()))
		}
	}
}
