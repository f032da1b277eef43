package all_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers/all"
)

// notVendors are the folders beside the vendors'.
var notVendors = []string{"all", "internal", "providertest", "sandbox"}

// TestEveryVendorIsRegistered holds the folders against the registry: a vendor that nobody
// registered would be dead code.
func TestEveryVendorIsRegistered(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	registry, folders := all.Registry(), 0
	for _, e := range entries {
		if !e.IsDir() || slices.Contains(notVendors, e.Name()) {
			continue
		}
		folders++
		f, ok := registry.Factory(e.Name())
		if !ok {
			t.Errorf("%s is a vendor's folder and not in the registry", filepath.Join("providers", e.Name()))
			continue
		}
		if f.Title == "" || f.DocumentationURL == "" || f.BaseURL == "" || len(f.Credentials) == 0 || f.Limit <= 0 || f.Window <= 0 || f.New == nil || f.Sandbox == nil {
			t.Errorf("the factory of %s is not complete: %+v", e.Name(), f)
		}
	}
	if got := len(registry.Factories()); got != folders {
		t.Errorf("%d vendors are registered, and there are %d folders", got, folders)
	}
}
