package providers

import (
	"regexp"
	"strings"
	"unicode"
)

// addressPattern is what vendors that check e-mail addresses let pass at most: something on
// both sides of the last @, without spaces or two dots in a row.
var addressPattern = regexp.MustCompile(`^[^\s\pC]+@[^\s\pC@]+$`)

// IsEmail reports whether a text can be an e-mail address. A vendor that checks addresses has no
// record with another, and refuses a filter by it.
func IsEmail(s string) bool {
	s = strings.TrimSpace(s)
	return len(s) <= 320 && addressPattern.MatchString(s) && !strings.Contains(s, "..")
}

// FoldEmail is an e-mail address in the form that addresses are compared in: in lower case and
// without spaces around it. A letter is folded only if it is the upper case of its lower case. So
// the Kelvin sign stays apart from k, and İ from i: such an address may be another person's.
func FoldEmail(address string) string {
	return strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); unicode.ToUpper(lower) == r {
			return lower
		}
		return r
	}, strings.TrimSpace(address))
}

// EqualEmail reports whether two e-mail addresses are the same without regard to case. It is the
// only comparison of addresses: of filters, of look-ups after a write, and of a partner's token.
func EqualEmail(a, b string) bool { return FoldEmail(a) == FoldEmail(b) }

// EmailSpellings are the spellings of an address to ask a vendor for that may compare
// exactly: the one typed and the one in lower case, each once. Rows of either are compared
// with [EqualEmail].
func EmailSpellings(address string) []string {
	typed, folded := strings.TrimSpace(address), FoldEmail(address)
	if typed == folded {
		return []string{typed}
	}
	return []string{typed, folded}
}
