package resolvers_test

import (
	"net/http"
	"testing"
	"time"
)

// the end that one refusal made is remembered.
func TestZZRefusedOnceCached(t *testing.T) {
	for _, key := range []string{"pk.E", "fp.E", "up.R"} {
		l := zzLists()[key]
		v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: zzRows(l[2], 450, nil)}}
		n := 0
		v.hook = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("page") != "3" {
				return false
			}
			if n++; n > 1 {
				return false
			}
			v.send(w, 404, `{"success":false,"message":"x","code":"not_found","error":{"type":"x","message":"x"}}`)
			return true
		}
		w := zzNew(t, v, setup{})
		for i := range 4 {
			rows, errs, _ := zzWalk(w, zzNouns[key], "", 100)
			t.Log(key, "after", i*25, "s:", len(rows), errs)
			w.pass(25 * time.Second)
		}
	}
}
