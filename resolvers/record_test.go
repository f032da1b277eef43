package resolvers

import "testing"

// TestMask wants no more of an address to be seen than its first letter and its domain.
func TestMask(t *testing.T) {
	for email, want := range map[string]string{
		"jane.doe@example.com": "j…@example.com",
		"ünal@example.com":     "ü…@example.com",
		"@example.com":         "…",
		"no address":           "…",
		"":                     "…",
		"a@b@example.com":      "a…@example.com",
	} {
		if got := mask(&email); *got != want {
			t.Errorf("mask(%q) = %q, want %q", email, *got, want)
		}
	}
	if mask(nil) != nil {
		t.Error("nothing is masked as something")
	}
}
