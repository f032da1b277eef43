package resolvers_test

import (
	"net/http"
	"testing"
)

// a 2xx that says in words that the read failed, for page 1 or 2.
func TestZZFailedReads(t *testing.T) {
	for _, key := range []string{"pk.E", "fp.E", "fp.P", "up.R", "up.A", "up.T"} {
		for _, body := range []string{
			`{"success":false,"message":"x","data":[]}`, `{"success":"false","message":"x","data":[]}`, `{"success":0,"data":[]}`, `{"status":"error","message":"x","data":[]}`, `{"status":500,"message":"x","data":[]}`, `{"status":"fail","data":[]}`, `{"status":false,"message":"x","data":[]}`,
			`{"error":"x","data":[]}`, `{"error":true,"data":[]}`, `{"errors":["x"],"data":[]}`, `{"success":true,"error":{"message":"x"},"data":[]}`, `{"success":true,"data":null,"error":{"message":"x"}}`, `{"status":"error","message":"x","data":null}`, `{"success":false,"data":null}`,
			`{"code":"operation_failed","message":"x","data":[]}`, `{}`, `null`, `[]`, `[null]`, `[{"error":"x"}]`, `{"data":[{"error":"x"}]}`, `{"status":200,"data":false}`, `{"status":200,"message":"success"}`,
		} {
			for _, page := range []string{"1", "2"} {
				l := zzLists()[key]
				v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: zzRows(l[2], 250, nil)}}
				v.hook = func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Query().Get("page") != page {
						return false
					}
					v.send(w, 200, body)
					return true
				}
				rows, errs, _ := zzWalk(zzNew(t, v, setup{}), zzNouns[key], "", 100)
				if len(errs) == 0 && len(rows) < 250 {
					t.Errorf("%s page %s is %s: %d rows, no error", key, page, body, len(rows))
				}
			}
		}
	}
}
