package resolvers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// the write was made and not answered; the look-up is answered with a 2xx that says in words that it failed: nothing may be written again.
func TestZZDoubled(t *testing.T) {
	for _, body := range []string{
		`{"success":false,"message":"Something went wrong","data":[]}`, `{"status":"error","message":"Something went wrong","data":[]}`, `{"error":"Something went wrong","data":[]}`, `{"success":true,"data":null,"error":{"message":"x"}}`, `[]`,
	} {
		var doubled, refused []string
		for _, r := range rows() {
			w, p := r.sole(t, setup{})
			written := false
			w.kits[r.vendor].Choose(func(q *http.Request) (sandbox.Fault, bool) {
				switch {
				case q.Method != http.MethodGet && !written:
					written = true
					return sandbox.Fault{After: true}, true
				case q.Method == http.MethodGet && written:
					return sandbox.Fault{Status: 200, Body: body}, true
				}
				return sandbox.Fault{}, false
			})
			var last *answer
			for range 3 {
				_, last = w.write(r.mutation, p.fields, newKey, p.input)
				w.pass(settle)
			}
			all, writes := w.taken(r.vendor)
			if n := landed(all); n > 1 || len(writes) > 1 {
				doubled = append(doubled, r.vendor+" "+string(r.mutation)+" "+r.also)
			} else if strings.Contains(last.text, `"userErrors":[{`) {
				refused = append(refused, r.vendor+" "+string(r.mutation))
			}
		}
		if len(doubled)+len(refused) > 0 {
			t.Errorf("%s\n  sent twice (%d): %s\n  told refused (%d): %s", body, len(doubled), strings.Join(doubled, ", "), len(refused), strings.Join(refused, ", "))
		}
	}
}

// the same, but the vendor is well again for the third attempt with the key.
func TestZZDoubledLater(t *testing.T) {
	for _, body := range []string{
		`{"success":false,"message":"Something went wrong","data":[]}`, `{"status":"error","message":"Something went wrong","data":[]}`, `{"success":true,"data":null,"error":{"message":"x"}}`,
	} {
		var doubled []string
		for _, r := range rows() {
			w, p := r.sole(t, setup{})
			written, attempt := false, 0
			w.kits[r.vendor].Choose(func(q *http.Request) (sandbox.Fault, bool) {
				switch {
				case q.Method != http.MethodGet && !written:
					written = true
					return sandbox.Fault{After: true}, true
				case q.Method == http.MethodGet && attempt == 1:
					return sandbox.Fault{Status: 200, Body: body}, true
				}
				return sandbox.Fault{}, false
			})
			said := ""
			for attempt = range 3 {
				_, a := w.write(r.mutation, p.fields, newKey, p.input)
				said += "\n      " + clipped(string(a.Data))
				if len(a.Errors) > 0 {
					said += a.Errors[0].Message
				}
				w.pass(settle)
			}
			all, _ := w.taken(r.vendor)
			if n := landed(all); n > 1 {
				doubled = append(doubled, r.vendor+" "+string(r.mutation)+" "+r.also+said)
			}
		}
		if len(doubled) > 0 {
			t.Errorf("%s\n  made twice (%d): %s", body, len(doubled), strings.Join(doubled, "\n   "))
		}
	}
}
