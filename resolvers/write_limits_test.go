package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// endless has every list of the vendor go on for ever: page after page of a hundred rows, none of
// which is a record that anybody knows. A list without any row stays as it is.
func (w *world) endless(vendor string) {
	var (
		mu    sync.Mutex
		forms = map[string]any{} // a row of each list, by its path
	)
	w.kits[vendor].Choose(func(r *http.Request) (sandbox.Fault, bool) {
		number, err := strconv.Atoi(r.URL.Query().Get("page"))
		if r.Method != http.MethodGet || err != nil {
			return sandbox.Fault{}, false
		}
		return sandbox.Fault{Edit: func(body []byte) []byte {
			mu.Lock()
			defer mu.Unlock()
			var whole any
			if json.Unmarshal(body, &whole) != nil {
				return body
			}
			rows, isArray := whole.([]any)
			if !isArray {
				rows, _ = at(whole, "data").([]any)
			}
			if len(rows) > 0 {
				forms[r.URL.Path] = rows[len(rows)-1]
			}
			form, ok := forms[r.URL.Path]
			if !ok {
				return body
			}
			rows = nil
			for n := range 100 {
				rows = append(rows, strange(form, 9_000_000+number*100+n))
			}
			if isArray {
				whole = rows
			} else {
				whole.(object)["data"] = rows
				if p, ok := at(whole, "pagination").(object); ok {
					p["has_more"], p["total_count"], p["total_pages"] = true, 1_000_000, 10_000
				}
			}
			text, err := json.Marshal(whole)
			if err != nil {
				return body
			}
			return text
		}}, true
	})
}

// strange is a value with everything by which a record is recognized exchanged for what is the
// number's alone.
func strange(v any, number int) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for name, member := range v {
			out[name] = strange(member, number)
			switch text, isText := member.(string); {
			case strings.HasSuffix(name, "id") && isText && len(text) == 36:
				out[name] = fmt.Sprintf("99999999-0000-4000-8000-%012d", number)
			case strings.HasSuffix(name, "id") && member != nil && !isText:
				out[name] = number
			case isText && (strings.Contains(text, "@") || strings.Contains(text, "://")):
				out[name] = fmt.Sprint(number) + text
			case slices.Contains([]string{"code", "coupon", "name", "event", "event_id", "stripe_payment_id"}, name) && isText:
				out[name] = fmt.Sprint(number) + text
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = strange(v[i], number)
		}
		return out
	}
	return v
}

// writeOnly sends a mutation whose payload takes no further read.
func (w *world) writeOnly(m providers.Capability, input object) *answer {
	w.t.Helper()
	input = maps.Clone(input)
	input["idempotencyKey"] = newKey
	return w.ask(fmt.Sprintf(`mutation($input: %s!) { %s(input: $input) { userErrors { code } } }`, mutations[m].input, mutations[m].name),
		object{"input": input})
}

// limitedReads counts the reads of writes that ended at a limit.
type limitedReads struct{ before, behind atomic.Int32 }

// check wants the answer of a write whose reads ended at a limit to say so, and what to do.
// sent says that the write was sent before.
func (n *limitedReads) check(t *testing.T, a *answer, sent bool) {
	t.Helper()
	if a.code() == "" || !strings.Contains(a.Errors[0].Message, "limits.pages") || !strings.Contains(a.Errors[0].Message, "limits.calls") {
		return
	}
	want := "QUERY_TOO_COMPLEX"
	if sent {
		want = "OUTCOME_UNKNOWN"
		n.behind.Add(1)
	} else {
		n.before.Add(1)
	}
	if a.code() != want || a.Errors[0].Extensions["retryable"] != false {
		t.Errorf("%s", clipped(a.text))
	}
}

// some wants both kinds of reads to have ended at the limit in some of a test's writes.
func (n *limitedReads) some(t *testing.T) {
	if n.before.Load() == 0 || n.behind.Load() == 0 {
		t.Errorf("%d and %d writes reached the limit: the test shows nothing", n.before.Load(), n.behind.Load())
	}
}

// TestReadsOfWritesAreBounded makes every write while the vendor's lists never end. What is
// read before the write, and what is read in search of one that nobody answered, ends after
// as many pages as may be read of a list, or after as many calls; nothing is taken for not
// made, and the client is told what to do.
func TestReadsOfWritesAreBounded(t *testing.T) {
	const pages, calls = 3, 6
	for name, limits := range map[string]setup{"limits.pages": {reads: pages}, "limits.calls": {calls: calls}} {
		t.Run(name, func(t *testing.T) {
			var reached limitedReads
			t.Cleanup(func() { reached.some(t) })
			eachRow(t, func(t *testing.T, r row) {
				plain, p := r.sole(t, setup{})
				limits := limits
				limits.vendors, limits.noBudget, limits.cost, limits.beside, limits.entries = []string{r.vendor}, true, 1<<20, plain, plain.entries
				w := newWorld(t, limits)
				bounded := func(sent bool) []sandbox.Request {
					t.Helper()
					a := w.writeOnly(r.mutation, p.input)
					all, _ := w.taken(r.vendor)
					reads, lists := 0, map[string]int{}
					for _, c := range all {
						path, query, _ := strings.Cut(c.Path, "?")
						if c.Method != http.MethodGet {
							continue
						}
						reads++
						if strings.Contains(query, "page=") {
							lists[path]++
						}
					}
					for path, n := range lists {
						if limits.reads > 0 && n > 2*pages { // narrowed in one way, and then in another
							t.Errorf("%d pages of %s:%s", n, path, lined(all))
						}
					}
					if limits.calls > 0 && reads > calls {
						t.Errorf("%d reads:%s", reads, lined(all))
					}
					reached.check(t, a, sent)
					return all
				}
				w.endless(r.vendor)
				bounded(false)

				plain, p = r.sole(t, setup{})
				limits.beside, limits.entries = plain, plain.entries
				w = newWorld(t, limits)
				plain.failWrite(r.vendor, sandbox.Fault{After: true})
				plain.writeOnly(r.mutation, p.input)
				w.pass(settle)
				w.endless(r.vendor)
				first, _ := w.taken(r.vendor)
				again := bounded(true)
				if n := landed(first) + landed(again); n > 1 {
					t.Errorf("it was made %d times:%s", n, lined(again))
				}
			})
		})
	}
}
