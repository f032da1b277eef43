package httpapi

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// shapes are valid documents of about n parts, each of its own kind of node.
var shapes = map[string]func(n int) string{
	"fields": func(n int) string { return "{" + strings.Repeat(" __typename", n) + "}" },
	"aliases": func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d: __typename", i)
		}
		return "{" + b.String() + "}"
	},
	"one below the other": func(n int) string {
		return "{ affiliates { nodes { id " + strings.Repeat("... { ", n) + "id" + strings.Repeat(" }", n) + "} } }"
	},
	"spreads":     func(n int) string { return "{" + strings.Repeat(" ...F", n) + "} fragment F on Query { __typename }" },
	"directives":  func(n int) string { return "{" + strings.Repeat(" __typename @include(if: true)", n) + "}" },
	"id lists":    func(n int) string { return `{ nodes(ids: [` + strings.Repeat(`"x",`, n) + `]) { id } }` },
	"long texts":  func(n int) string { return `{ node(id: "` + strings.Repeat(`abcdefgh`, n) + `") { id } }` },
	"escapes":     func(n int) string { return `{ node(id: "` + strings.Repeat(`\n`, n) + `") { id } }` },
	"comments":    func(n int) string { return "{\n" + strings.Repeat("# comment\n__typename\n", n) + "}" },
	"one comment": func(n int) string { return "# " + strings.Repeat("comment", n) + "\n{ __typename }" },
	"objects": func(n int) string {
		return "{" + strings.Repeat(` referrals(filter: { createdAt: { from: "2026-01-01T00:00:00Z" } }) { nodes { id } }`, n) + "}"
	},
	"variables": func(n int) string {
		var declared, used strings.Builder
		for i := range n {
			fmt.Fprintf(&declared, " $v%d: [ID!]!", i)
			fmt.Fprintf(&used, " n%d: nodes(ids: $v%d) { id }", i, i)
		}
		return "query(" + declared.String() + ") {" + used.String() + "}"
	},
}

// TestDocumentSize wants the estimate of what a document takes to be near to what it takes,
// of each kind of node: never less than three quarters, and at most three times as much.
func TestDocumentSize(t *testing.T) {
	schema := served()
	for name, shape := range shapes {
		n := 60
		if name == "variables" || name == "objects" || name == "one below the other" {
			n = 20
		}
		const copies = 50
		texts := make([]string, copies)
		for i := range texts {
			texts[i] = fmt.Sprintf("# %d\n", i) + shape(n)
		}
		docs := make([]*ast.QueryDocument, copies)
		before := heap()
		size := 0
		for i, text := range texts {
			text = strings.Clone(text)
			doc, err := gqlparser.LoadQueryWithRules(schema, text, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			docs[i] = doc
			size += documentSize(text, doc)
		}
		taken := heap() - before
		runtime.KeepAlive(docs)
		runtime.KeepAlive(texts)
		if ratio := float64(size) / float64(taken); ratio < 0.75 || ratio > 3 {
			t.Errorf("%s: %d documents take %d bytes, and %d are estimated: %.2f", name, copies, taken, size, ratio)
		} else {
			t.Logf("%s: %.2f", name, ratio)
		}
	}
}

// heap is what lives on the heap.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestDocumentsAreBounded wants the parsed documents of partners and of staff within their
// bytes, whatever their kind, and what partners send to drive none of staff's out.
func TestDocumentsAreBounded(t *testing.T) {
	const bytes = 1 << 20
	schema := served()
	d := newDocuments(bytes)
	staff := auth.WithViewer(context.Background(), &auth.Viewer{Role: auth.RoleReader})
	partner := auth.WithViewer(context.Background(), &auth.Viewer{Role: auth.RolePartner, Subject: "p"})
	add := func(ctx context.Context, text string) {
		doc, err := gqlparser.LoadQueryWithRules(schema, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Add(ctx, text, doc)
	}
	const small = `{ __typename }`
	add(staff, small)
	if _, ok := d.Get(partner, small); ok {
		t.Error("a partner finds a document of staff's")
	}
	before := heap()
	for i := range 100 {
		for _, kind := range []string{"aliases", "directives", "one comment", "long texts", "id lists"} {
			add(partner, fmt.Sprintf("# %d\n", i)+shapes[kind](400))
		}
	}
	for _, part := range []interface {
		CleanUp()
		WeightedSize() uint64
	}{d.staff, d.partners} {
		part.CleanUp()
		if got := part.WeightedSize(); got > bytes {
			t.Errorf("%d bytes, and %d are allowed", got, bytes)
		}
	}
	if taken := heap() - before; taken > 2*bytes {
		t.Errorf("the documents take %d bytes, and %d are allowed", taken, bytes)
	}
	if _, ok := d.Get(staff, small); !ok {
		t.Error("partners drove a document of staff's out")
	}
	runtime.KeepAlive(d)
}
