package resolvers_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestWriteAnother answers each write that names a record with the same reply about another
// record. The write was made all the same: it is told as made only when the vendor's
// records say so, and is never sent twice.
func TestWriteAnother(t *testing.T) {
	sequential(t)
	tried := 0
	for _, r := range rows() {
		t.Run(strings.TrimSpace(r.vendor+" "+string(r.mutation)+" "+r.also), func(t *testing.T) {
			w, p := r.sole(t, setup{})
			changed := false
			w.kits[r.vendor].Choose(func(q *http.Request) (sandbox.Fault, bool) {
				id := namedID.FindString(q.URL.Path)
				return sandbox.Fault{Edit: func(body []byte) []byte {
					other := bytes.Clone(body)
					for _, form := range []string{`"id":` + id, `"id":"` + id + `"`, `"referral_id":` + id} {
						other = bytes.ReplaceAll(other, []byte(form), []byte(strings.Replace(form, id, another(id), 1)))
					}
					changed = changed || !bytes.Equal(other, body)
					return other
				}}, q.Method != http.MethodGet && id != "" && !changed
			})
			got, a := w.write(r.mutation, p.fields, newKey, p.input)
			if !changed {
				return
			}
			tried++
			if a.code() != "OUTCOME_UNKNOWN" {
				t.Errorf("%+v %s", got, clipped(a.text))
			}
			w.pass(settle)
			got, a = w.write(r.mutation, p.fields, newKey, p.input)
			if made := a.code() == "" && got != nil && len(got.UserErrors) == 0; !made && a.code() != "OUTCOME_UNKNOWN" {
				t.Errorf("and then: %s", clipped(a.text))
			}
			if all, writes := w.taken(r.vendor); len(writes) != 1 {
				t.Errorf("it was sent %d times:%s", len(writes), lined(all))
			}
		})
	}
	if tried < 10 {
		t.Errorf("%d writes name a record in their paths and are answered with it", tried)
	}
}

// namedID finds the id in a path.
var namedID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]+`)

// another is an id of the same form.
func another(id string) string {
	last := "1"
	if strings.HasSuffix(id, last) {
		last = "2"
	}
	return id[:len(id)-1] + last
}
