package providers

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Currency is a currency code in a vendor's JSON. Its zero value is no code: the member is
// absent, null or blank. What is no code of ISO 4217's form is odd: amounts in it have no
// currency that anybody knows.
type Currency struct {
	code string
	odd  bool
}

// UnmarshalJSON reads three letters, in any case, with or without white space around them.
// It never returns an error.
func (c *Currency) UnmarshalJSON(b []byte) error {
	*c = Currency{}
	if string(b) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(b, &text) != nil {
		c.odd = true
		return nil
	}
	switch text = strings.TrimSpace(text); {
	case text == "":
	case currencyCode.MatchString(text):
		c.code = strings.ToUpper(text)
	default:
		c.odd = true
	}
	return nil
}

// currencyCode is the form of a code of ISO 4217.
var currencyCode = regexp.MustCompile(`^[A-Za-z]{3}$`)

// Odd reports whether there was a value that is no currency code.
func (c Currency) Odd() bool { return c.odd }

// Or is the code; the account's currency where there is none, and "" where there is one
// that cannot be read.
func (c Currency) Or(account string) string {
	if c.code == "" && !c.odd {
		return account
	}
	return c.code
}

// currencyDigits lists the currencies of ISO 4217 that do not have two decimals. It is not
// taken from golang.org/x/text/currency, whose numbers are those that people write in
// everyday life: none for COP, IDR, IQD or PKR. A test holds the list against that package
// where the two have to agree.
var currencyDigits = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
	"UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"CLF": 4, "UYW": 4,
}

// CurrencyDigits is how many decimals the amounts of a currency have: those of ISO 4217,
// and 2 for a code that it does not have. The case does not matter.
func CurrencyDigits(currency string) int {
	if digits, ok := currencyDigits[strings.ToUpper(currency)]; ok {
		return digits
	}
	return 2
}

// zeroDecimal lists the currencies that a vendor which counts in cents counts in whole units
// (FirstPromoter's tracking API, "amount"; Stripe's list of zero-decimal currencies).
var zeroDecimal = map[string]bool{
	"BIF": true, "CLP": true, "DJF": true, "GNF": true, "JPY": true, "KMF": true, "KRW": true, "MGA": true,
	"PYG": true, "RWF": true, "UGX": true, "VND": true, "VUV": true, "XAF": true, "XOF": true, "XPF": true,
}

// MinorDigits is how many decimals the unit has in which a vendor counts that sends whole
// numbers: 0 for the currencies in the billing systems' list, else 2, or more where the
// currency has more. It is not [CurrencyDigits]: króna are counted in hundredths, ariary in
// whole units.
func MinorDigits(currency string) int {
	if zeroDecimal[strings.ToUpper(currency)] {
		return 0
	}
	return max(2, CurrencyDigits(currency))
}
