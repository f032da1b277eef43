package providertest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/partnergraph/partnergraph/providers"
)

// ProbeCase is a vendor in some state, and what a probe of it finds.
type ProbeCase struct {
	Name   string
	Vendor http.Handler
	// Want are answers and reasons by the names of questions: "not as assumed: the rows". A
	// reason may be cut short. Other questions may have any answer.
	Want map[string]string
}

// Probes runs the cases, and wants every open question of the vendor to have had each of the
// answers in them, and in replies that answer nothing.
func Probes(t *testing.T, open func(testing.TB, http.Handler) providers.Provider, cases []ProbeCase) {
	t.Helper()
	page := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	unanswered := map[string]http.Handler{
		"500": page(
			500,
			"no",
		),
		"401":     page(401, "{}"),
		"HTML":    page(200, "<html>"),
		"an edge": page(403, "<html>"),
		"no list": page(200, "{}"),
		"an empty list": page(
			200,
			`{"success": true, "status": 200, "data": []}`,
		),
		"odd rows": page(200, `{"data": [null, 7, "x", [], {}]}`),
	}
	seen := map[string]map[providers.Answer]bool{}
	look := func(vendor http.Handler) map[string]string {
		var probe providers.Probe
		synctest.Test(t, func(t *testing.T) { // the waits between attempts take no time
			if p, ok := open(t, vendor).(providers.Prober); ok {
				probe = p.Probe(t.Context())
			}
		})
		answers := map[string]string{}
		for _, f := range probe.Findings {
			if seen[f.Name] == nil {
				seen[f.Name] = map[providers.Answer]bool{}
			}
			seen[f.Name][f.Answer] = true
			if _, twice := answers[f.Name]; twice || f.Name == "" || !strings.HasSuffix(f.Question, "?") {
				t.Errorf("the question %q, %q has no name of its own, or is no question", f.Name, f.Question)
			}
			answers[f.Name] = strings.TrimSuffix(string(f.Answer)+": "+f.Reason, ": ")
		}
		return answers
	}
	for _, c := range cases {
		answers := look(c.Vendor)
		for name, want := range c.Want {
			if got := answers[name]; !strings.HasPrefix(got, want) {
				t.Errorf("%s: the answer to %s is %q, want %q", c.Name, name, got, want)
			}
		}
	}
	for name, vendor := range unanswered {
		for question, got := range look(vendor) {
			if strings.HasPrefix(got, string(providers.AsAssumed)) {
				t.Errorf("%s: the answer to %s is %q", name, question, got)
			}
		}
	}
	if len(seen) == 0 {
		t.Error("the provider has no open questions")
	}
	for name, answers := range seen {
		for _, a := range []providers.Answer{providers.AsAssumed, providers.NotAsAssumed, providers.NotAnswered} {
			if !answers[a] {
				t.Errorf("no case answers %s by %q", name, a)
			}
		}
	}
}

// EditRows is a vendor whose lists at this path have other rows. edit may answer the rows that it
// was given.
func EditRows(vendor http.Handler, path string, edit func(r *http.Request, rows []any) []any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		vendor.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		var reply any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if r.URL.Path == path && rec.Code == http.StatusOK && d.Decode(&reply) == nil {
			switch v := reply.(type) {
			case []any:
				reply = edit(r, v)
			case map[string]any:
				if rows, ok := v["data"].([]any); ok {
					v["data"] = edit(r, rows)
				}
			}
			body, _ = json.Marshal(reply) // it was made of JSON
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	})
}

// Reversed has the rows of a list in the other order.
func Reversed(_ *http.Request, rows []any) []any {
	slices.Reverse(rows)
	return rows
}

// Head has the first rows of a list only.
func Head(n int) func(*http.Request, []any) []any {
	return func(_ *http.Request, rows []any) []any { return rows[:min(n, len(rows))] }
}
