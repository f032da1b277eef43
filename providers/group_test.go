package providers_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestGroup wants everything done, and a panic brought to who waits, from where it
// happened, through groups in groups.
func TestGroup(t *testing.T) {
	var done atomic.Int64
	var outer providers.Group
	outer.Go(func() {
		var inner providers.Group
		inner.Go(func() { crash() })
		inner.Wait()
		done.Add(100)
	})
	for range 10 {
		outer.Go(func() { done.Add(1) })
	}
	defer func() {
		p, ok := recover().(*providers.Panic)
		if !ok || p.Value != "crash" || !strings.Contains(string(p.Stack), "providers_test.crash") || !strings.Contains(p.Error(), "panic: crash") {
			t.Errorf("Wait panics with %v", p)
		}
		if got := done.Load(); got != 10 {
			t.Errorf("%d were done, want 10", got)
		}
	}()
	outer.Wait()
	t.Error("Wait returned")
}

func crash() { panic("crash") }
