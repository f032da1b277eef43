package firstpromoter

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// bending is a vendor each record of whose replies is bent on the way.
func bending(next http.Handler, bend func(record map[string]any)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := httptest.NewRecorder()
		next.ServeHTTP(got, r)
		var reply any
		d := json.NewDecoder(bytes.NewReader(got.Body.Bytes()))
		d.UseNumber()
		if d.Decode(&reply) == nil {
			data := reply
			if o, ok := reply.(map[string]any); ok && o["data"] != nil {
				data = o["data"]
			}
			rows, ok := data.([]any)
			if !ok {
				rows = []any{data}
			}
			for _, row := range rows {
				if row, ok := row.(map[string]any); ok {
					bend(row)
				}
			}
		}
		w.WriteHeader(got.Code)
		_ = json.NewEncoder(w).Encode(reply)
	})
}

// TestLooksAtOddRecords: a look at records that leave out a member, whichever it is, or send
// one that decides in an odd form, never says that a write was not made which was, nor the
// reverse.
func TestLooksAtOddRecords(t *testing.T) {
	for _, a := range newStage(t).attempts() {
		for _, made := range []bool{true, false} {
			s := (&stage{}).again(t)
			w := mustPlan(t, s, a.command)
			if made {
				if _, err := w.Send(t.Context()); err != nil {
					t.Fatalf("%s: %v", a.name, err)
				}
			}
			seen := map[string]bool{}
			look := func(bend func(record map[string]any)) (providers.Verdict, error) {
				v, _, err := open(t, bending(s.server, bend), s.server.Credentials()).Look(t.Context(), a.command, w.Before, false)
				return v, err
			}
			v, err := look(func(record map[string]any) {
				for name := range record {
					seen[name] = true
				}
			})
			if err != nil || (v == providers.Made) != made {
				t.Errorf("%s, made %v: %s, %v", a.name, made, v, err)
			}
			for _, name := range slices.Sorted(maps.Keys(seen)) {
				forms := []string{""}
				if slices.Contains(decidedBy[a.command.Mutation()], name) {
					forms = append(forms, `{"x": [1]}`, `[{}]`, `[null]`)
				}
				for _, form := range forms {
					v, err := look(func(record map[string]any) {
						if _, ok := record[name]; ok {
							record[name] = json.RawMessage(form)
						}
						if form == "" {
							delete(record, name)
						}
					})
					if err == nil && (made && v == providers.NotMade || !made && v == providers.Made) {
						t.Errorf("%s, made %v: %s is %q: a look says %s", a.name, made, name, form, v)
					}
				}
			}
		}
	}
}
