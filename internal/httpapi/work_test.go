package httpapi_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// repeat joins n texts.
func repeat(n int, text func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(text(i))
	}
	return b.String()
}

// families are documents of about n parts. Each repeats another thing.
var families = map[string]func(n int) string{
	"fields":                    func(n int) string { return "{" + strings.Repeat(" __typename", n) + "}" },
	"aliases":                   func(n int) string { return "{" + aliases(n) + "}" },
	"one alias":                 func(n int) string { return "{" + strings.Repeat(" a: __typename", n) + "}" },
	"one alias with selections": func(n int) string { return "{" + strings.Repeat(" a: viewer { name role }", n) + "}" },
	"one alias of different fields": func(n int) string {
		return "{" + repeat(n, func(i int) string { return fmt.Sprintf(" a: f%d", i) }) + "}"
	},
	"two copies of everything": func(n int) string {
		set := "{" + strings.Repeat(" affiliates(first: 1) { nodes { id } }", n/8) + "}"
		return "{ a: viewer " + set + " a: viewer " + set + "}"
	},
	"unknown fields": func(n int) string {
		return "{" + repeat(n, func(i int) string { return fmt.Sprintf(" affiliate%d", i) }) + "}"
	},
	"one unknown field": func(n int) string { return "{ " + strings.Repeat("affiliates", n) + " }" },
	"one unknown type":  func(n int) string { return "{ ... on " + strings.Repeat("Affiliates", n) + " { id } }" },
	"a fragment on one unknown type": func(n int) string {
		return "{ viewer { name } } fragment f on " + strings.Repeat("Affiliates", n) + " { id }"
	},
	"fragments on unknown types": func(n int) string {
		return "{ viewer { name } }" + repeat(n/100, func(i int) string {
			return fmt.Sprintf(" fragment f%d on %s%[1]d { id }", i, strings.Repeat("Affiliates", 40))
		})
	},
	"a variable of one unknown type": func(n int) string {
		return "query($v: " + strings.Repeat("Affiliates", n) + ") { viewer { name } }"
	},
	"a text for an enum": func(n int) string {
		return `{ affiliates(filter: { statuses: "` + strings.Repeat("active ", n) + `" }) { nodes { id } } }`
	},
	"one unknown argument": func(n int) string { return "{ affiliates(" + strings.Repeat("filters", n) + ": 1) { nodes { id } } }" },
	"one unknown enum": func(n int) string {
		return "{ affiliates(filter: { statuses: [" + strings.Repeat("ACTIVES", n) + "] }) { nodes { id } } }"
	},
	"unknown enums": func(n int) string {
		return "{ affiliates(filter: { statuses: [" + strings.Repeat(" ACTIVES", n) + "] }) { nodes { id } } }"
	},
	"unknown types": func(n int) string { return "{" + strings.Repeat(" ... on Affiliates { id }", n) + "}" },
	"doubling":      func(n int) string { return "{ ...F0 }" + doubling(n/8) },
	"doubling fields": func(n int) string {
		return "{ ...F0 }" + repeat(n/16, func(i int) string {
			return fmt.Sprintf(" fragment F%d on Query { a: node(id: 1) { ... on Affiliate { ...G%[1]d } } b: node(id: 1) { ... on Affiliate { ...G%[1]d } } } fragment G%[1]d on Affiliate { id }", i)
		})
	},
	"a chain of fragments": func(n int) string {
		return "{ ...F0 }" + repeat(n, func(i int) string { return fmt.Sprintf(" fragment F%d on Query { ...F%d }", i, i+1) }) +
			fmt.Sprintf(" fragment F%d on Query { __typename }", n)
	},
	"a chain with fields": func(n int) string {
		return "{ ...F0 }" + repeat(n/4, func(i int) string {
			return fmt.Sprintf(" fragment F%d on Query { __typename viewer { name role } ...F%d }", i, i+1)
		}) + fmt.Sprintf(" fragment F%d on Query { __typename }", n/4)
	},
	"fragments beside": func(n int) string {
		return "{" + repeat(n, func(i int) string { return fmt.Sprintf(" ...F%d", i) }) + "}" +
			repeat(n, func(i int) string { return fmt.Sprintf(" fragment F%d on Query { __typename viewer { name } }", i) })
	},
	"fragments in each other's fields": func(n int) string {
		return "{ affiliates { nodes { ...F0 ...F1 } } }" + repeat(n/4, func(i int) string {
			return fmt.Sprintf(" fragment F%d on Affiliate { id parent { ...F%d ...F%d } campaign { id name } }", i, i+1, i+2)
		}) + fmt.Sprintf(" fragment F%d on Affiliate { id } fragment F%d on Affiliate { id }", n/4, n/4+1)
	},
	"a fragment in many fields": func(n int) string {
		return "{" + repeat(n, func(i int) string { return fmt.Sprintf(" v%d: viewer { ...F }", i) }) + "} fragment F on Viewer {" + strings.Repeat(" name role", n) + "}"
	},
	"unused fragments": func(n int) string {
		return "{ __typename }" + repeat(n, func(i int) string { return fmt.Sprintf(" fragment F%d on Query { __typename }", i) })
	},
	"fragments of one name": func(n int) string {
		return "{ ...F }" + strings.Repeat(" fragment F on Query { ...F }", n)
	},
	"cycles": func(n int) string {
		return "{ ...F0 }" + repeat(n, func(i int) string { return fmt.Sprintf(" fragment F%d on Query { ...F%d ...F0 }", i, (i+1)%n) })
	},
	"nested inline fragments": func(n int) string {
		return "{ viewer {" + strings.Repeat(" name role", n/8) + strings.Repeat(" ... {", n) + " name role" + strings.Repeat(" }", n) + "} }"
	},
	"nested inline fragments with fields": func(n int) string {
		return "{ affiliates { nodes {" + strings.Repeat(" ... { id name email ", n/2) + strings.Repeat(" }", n/2) + "} } }"
	},
	"directives":         func(n int) string { return "{ __typename" + strings.Repeat(" @include(if: true)", n) + " }" },
	"unknown directives": func(n int) string { return "{ __typename" + strings.Repeat(" @includes(iff: true)", n) + " }" },
	"directives on fields": func(n int) string {
		return "{" + strings.Repeat(" __typename @include(if: true) @skip(if: false)", n) + "}"
	},
	"arguments":         func(n int) string { return "{ affiliates(" + strings.Repeat(" first: 1", n) + ") { nodes { id } } }" },
	"unknown arguments": func(n int) string { return "{ affiliates(" + strings.Repeat(" firsts: 1", n) + ") { nodes { id } } }" },
	"values":            func(n int) string { return "{ nodes(ids: [" + strings.Repeat(` "x"`, n) + "]) { id } }" },
	"wrong values":      func(n int) string { return "{ nodes(ids: [" + strings.Repeat(` true`, n) + "]) { id } }" },
	"a long text": func(n int) string {
		return `{ affiliates(first: "` + strings.Repeat("text", n) + `") { nodes { id } } }`
	},
	"nested lists": func(n int) string {
		return "{ nodes(ids: " + strings.Repeat("[", n) + "true" + strings.Repeat("]", n) + ") { id } }"
	},
	"nested objects": func(n int) string {
		return "{ affiliates(filter: " + strings.Repeat("{ createdAt:", n) + "true" + strings.Repeat("}", n) + ") { nodes { id } } }"
	},
	"wide objects": func(n int) string {
		return "{ affiliates(filter: {" + strings.Repeat(" createdAt: { from: 1 }", n) + "}) { nodes { id } } }"
	},
	"variables": func(n int) string {
		return "query(" + repeat(n, func(i int) string { return fmt.Sprintf(" $v%d: ID!", i) }) + ") { nodes(ids: [" +
			repeat(n, func(i int) string { return fmt.Sprintf(" $v%d", i) }) + "]) { id } }"
	},
	"unused variables": func(n int) string {
		return "query(" + repeat(n, func(i int) string { return fmt.Sprintf(" $v%d: ID!", i) }) + ") { __typename }"
	},
	"unknown variables": func(n int) string { return "{ nodes(ids: [" + strings.Repeat(" $x", n) + "]) { id } }" },
	"a nested variable type": func(n int) string {
		return "query($v: " + strings.Repeat("[", n) + "ID" + strings.Repeat("]", n) + ") { nodes(ids: $v) { id } }"
	},
	"operations": func(n int) string {
		return repeat(n, func(i int) string { return fmt.Sprintf(" query Q%d { __typename }", i) })
	},
	"operations with fragments": func(n int) string {
		return repeat(20, func(i int) string { return fmt.Sprintf(" query Q%d { ...F0 }", i) }) +
			repeat(n, func(i int) string { return fmt.Sprintf(" fragment F%d on Query { ...F%d }", i, i+1) }) + fmt.Sprintf(" fragment F%d on Query { __typename }", n)
	},
	"subscriptions": func(n int) string {
		return "subscription {" + repeat(n, func(i int) string { return fmt.Sprintf(" f%d", i) }) + "}"
	},
	"comments": func(n int) string { return "{ __typename\n" + strings.Repeat("# comment\n", n) + "}" },
	"introspection fragments": func(n int) string {
		return "{ __schema { types { ...F0 } } }" + repeat(n/4, func(i int) string {
			return fmt.Sprintf(" fragment F%d on __Type { kind ofType { ...F%d } ...F%[2]d }", i, i+1)
		}) + fmt.Sprintf(" fragment F%d on __Type { name }", n/4)
	},
}

// TestDocumentWork wants what a document takes, until it is answered or refused, to grow
// with its bytes and no faster, whatever it repeats: at several sizes, and at the largest
// that is not refused.
func TestDocumentWork(t *testing.T) {
	const fixed, perByte = 3 << 20, 250
	h, _ := serve(t, func(o *httpapi.Options) { o.Tokens = 5000; o.Body = 100 << 10; o.Answer = 4 << 20 })
	sent := 0
	ask := func(name string, n int) (refused bool) {
		sent++
		query := fmt.Sprintf("# %d\n", sent) + families[name](n) // no text twice: a known one is not parsed again
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := post(h, query)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(fixed+perByte*len(query)) {
			t.Errorf("%s: %d: %d bytes are allocated for %d bytes: %.200s", name, n, got, len(query), w.Body)
		}
		return strings.Contains(w.Body.String(), `"QUERY_TOO_COMPLEX"`)
	}
	for name := range families {
		for _, n := range []int{100, 400, 1600} {
			ask(name, n)
		}
		low, high := 1, 16_000
		for low < high {
			if n := (low + high + 1) / 2; ask(name, n) {
				high = n - 1
			} else {
				low = n
			}
		}
	}
}

// TestSteps wants documents that use fragments as programs do far from the bound of the
// validation.
func TestSteps(t *testing.T) {
	row := func(i int) string {
		return fmt.Sprintf(" fragment R%d on Referral { id email status createdAt affiliate { ...A%[1]d } campaign { ...C } commissions(first: 5) { nodes { ...M } } }"+
			" fragment A%[1]d on Affiliate { id name email ...B campaign { ...C } }", i)
	}
	query := "{ referrals(first: 1) { nodes {" + repeat(20, func(i int) string { return fmt.Sprintf(" ...R%d", i) }) + " } } }" +
		repeat(20, row) + ` fragment B on Affiliate { id status createdAt } fragment C on Campaign { id name }
		fragment M on Commission { id status amount { amount currencyCode } }`
	h, _ := serve(t, func(o *httpapi.Options) { o.Tokens = 5000 })
	if w := post(h, query); strings.Contains(w.Body.String(), "errors") {
		t.Errorf("%.300s", w.Body)
	}
	if n := httpapi.Steps(query); n > httpapi.MaxSteps/2 {
		t.Errorf("%d steps", n)
	} else {
		t.Logf("%d bytes: %d steps", len(query), n)
	}
	if n := httpapi.Steps(introspection); n > 1000 {
		t.Errorf("introspection takes %d steps", n)
	}
}
