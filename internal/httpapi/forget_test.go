package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
)

// TestForget wants documents gone, parsed and by their hash, and each to come again.
func TestForget(t *testing.T) {
	const document = `{ affiliates(first: 1, filter: { email: "kim@example.com" }) { nodes { id } } }`
	var kept persisted.Store
	h, _ := serve(t, func(o *httpapi.Options) { kept = o.Persisted })
	known := func(want bool) {
		t.Helper()
		if _, ok := kept.Get(t.Context(), persisted.Staff, persisted.Hash(document)); ok != want || h.Remembers(document) != want {
			t.Errorf("by its hash: %t, parsed: %t; want %t", ok, h.Remembers(document), want)
		}
	}
	for range 2 {
		if w := post(h, document); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		kept.Put(t.Context(), persisted.Staff, document)
		known(true)
		h.Forget()
		known(false)
	}
}
