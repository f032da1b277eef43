package providers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

func TestEqualEmail(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"new.partner@example.com", "new.partner@example.com", true},
		{"New.Partner@Example.com", "new.partner@example.com", true},
		{"NEW.PARTNER@EXAMPLE.COM", "New.Partner@Example.com", true},
		{" new.partner@example.com\n", "new.partner@example.com", true},
		{"ÄNNE@bücher.example", "änne@BÜCHER.example", true},
		{"kim@example.com", "\u212aim@example.com", false}, // the Kelvin sign
		{"sam@example.com", "\u017fam@example.com", false}, // the long s
		{"ida@example.com", "\u0130da@example.com", false}, // the dotted capital I
		{"\u00e5sa@example.com", "\u212bsa@example.com", false},
		{"kim@example.com", "kim@example.co", false},
		{"kim@example.com", "k im@example.com", false},
		{"kim@example.com", "", false},
	} {
		if got := providers.EqualEmail(tt.a, tt.b); got != tt.want {
			t.Errorf("EqualEmail(%q, %q) = %v", tt.a, tt.b, got)
		}
		if got := providers.EqualEmail(tt.b, tt.a); got != tt.want {
			t.Errorf("EqualEmail(%q, %q) = %v", tt.b, tt.a, got)
		}
	}
}

func TestEmailSpellings(t *testing.T) {
	for in, want := range map[string][]string{
		"kim@example.com":          {"kim@example.com"},
		"Kim@Example.com":          {"Kim@Example.com", "kim@example.com"},
		" Kim@Example.com ":        {"Kim@Example.com", "kim@example.com"},
		"\u212aim@example.com":     {"\u212aim@example.com"},
		"\u212aim@Example.com":     {"\u212aim@Example.com", "\u212aim@example.com"},
		"ÄNNE@bücher.example":      {"ÄNNE@bücher.example", "änne@bücher.example"},
		"not an address AT ALL %*": {"not an address AT ALL %*", "not an address at all %*"},
	} {
		if got := providers.EmailSpellings(in); !slices.Equal(got, want) {
			t.Errorf("EmailSpellings(%q) = %q; want %q", in, got, want)
		}
	}
}

// FuzzFoldEmail: folding twice changes nothing, every spelling is equal to the address, and no
// letter outside of ASCII becomes one of ASCII.
func FuzzFoldEmail(f *testing.F) {
	for _, s := range []string{"Kim@Example.com", "\u212aim@example.com", " İda@example.com", "ǅ@example.com", "Σς@example.com", "\xff@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := providers.FoldEmail(s)
		if again := providers.FoldEmail(folded); again != folded {
			t.Errorf("%q is folded to %q, and that to %q", s, folded, again)
		}
		for _, spelling := range providers.EmailSpellings(s) {
			if !providers.EqualEmail(spelling, s) {
				t.Errorf("the spelling %q of %q is another address", spelling, s)
			}
		}
		ascii := func(s string) int {
			return len(strings.Map(func(r rune) rune {
				if r < 0x80 {
					return r
				}
				return -1
			}, s))
		}
		if trimmed := strings.TrimSpace(s); ascii(folded) != ascii(trimmed) {
			t.Errorf("%q is folded to %q", s, folded)
		}
	})
}
