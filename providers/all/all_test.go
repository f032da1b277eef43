package all_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/providertest"
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

// TestLimits wants the calls that an account may make in a minute to be those of the
// vendor's contract, and a 429 that names no wait to be obeyed for as long as the vendor
// needs.
func TestLimits(t *testing.T) {
	for name, want := range map[string]struct {
		limit int
		wait  time.Duration // without jitter, which takes or adds a quarter at most
	}{
		"promotekit":    {200, time.Second},
		"firstpromoter": {100, 15 * time.Second}, // of 400 documented; accounts were refused from about 100 on
		"uppromote":     {120, time.Second},
	} {
		f, _ := all.Registry().Factory(name)
		if f.Limit != want.limit || f.Window != time.Minute {
			t.Errorf("%s: %d calls in %v, want %d in a minute", name, f.Limit, f.Window, want.limit)
		}
		c := providertest.Config(name, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }), time.Now())
		c.Timeout = want.wait / 10 // which is no time to wait in
		c.Credentials = f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: time.Now}).Credentials()
		p, err := f.New(c)
		if err != nil {
			t.Fatal(err)
		}
		var e *providers.Error
		if err := p.Ping(t.Context()); !errors.As(err, &e) || e.Kind != providers.KindRateLimited || e.RetryAfter < want.wait*3/4 || e.RetryAfter > want.wait*5/4 {
			t.Errorf("%s: a 429 without a wait is %+v, want one of about %v", name, err, want.wait)
		}
	}
}
