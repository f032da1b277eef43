package providers_test

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestPartOfAllowance wants a part to end by itself, and each of its calls counted by the whole.
func TestPartOfAllowance(t *testing.T) {
	whole := providers.WithAllowance(t.Context(), 5)
	for _, tt := range []struct{ part, taken, left int }{{2, 2, 3}, {0, 0, 3}, {9, 3, 0}} {
		a := providers.AllowanceFrom(providers.WithPart(whole, tt.part))
		n := 0
		for a.Take("shop") {
			n++
		}
		if left := providers.AllowanceFrom(whole).Left("shop"); n != tt.taken || left != tt.left || a.Left("shop") != 0 {
			t.Errorf("a part of %d: %d taken, %d left of the whole, want %d and %d", tt.part, n, left, tt.taken, tt.left)
		}
		if n > 0 {
			a.Return("shop")
			if !providers.AllowanceFrom(whole).Take("shop") {
				t.Error("what was given back is lost")
			}
		}
	}
}
