package firstpromoter

import "testing"

// TestUnmoved takes the mark of customers that were given away off their addresses, in each form.
func TestUnmoved(t *testing.T) {
	const bare = "buyer@example.com"
	for _, mark := range []string{"", " (moved)", " (moved) (moved)", "(moved)(moved)", " (Moved)", "(MOVED)", "  (moved)", " (moved) "} {
		if got := address(new(bare + mark)); got == nil || *got != bare {
			t.Errorf("%q is shown as %v", bare+mark, got)
		}
	}
	if got := address(new(" (moved)")); got != nil {
		t.Errorf("a mark alone is the address %q", *got)
	}
}
