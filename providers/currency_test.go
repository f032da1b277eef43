package providers_test

import (
	"strings"
	"testing"

	"github.com/govalues/decimal"
	"golang.org/x/text/currency"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// TestCurrencyDigits holds the list against x/text, which has the currencies with more than two
// decimals, and those without any; of the latter it has more, and IQD is among them.
func TestCurrencyDigits(t *testing.T) {
	known := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				code := string([]rune{a, b, c})
				unit, err := currency.ParseISO(code)
				if err != nil {
					continue
				}
				known++
				got, usual := providers.CurrencyDigits(code), 0
				usual, _ = currency.Standard.Rounding(unit)
				switch {
				case got > 2 && usual != got && code != "IQD", got == 2 && usual > 2, got == 0 && usual != 0:
					t.Errorf("%s has %d decimals; x/text says %d", code, got, usual)
				}
				if lower := providers.CurrencyDigits(strings.ToLower(code)); lower != got {
					t.Errorf("%s has %d decimals, and in lower case %d", code, got, lower)
				}
			}
		}
	}
	if known < 150 {
		t.Errorf("x/text knows %d currencies", known)
	}
	for code, want := range map[string]int{"USD": 2, "COP": 2, "IDR": 2, "PKR": 2, "MGA": 2, "JPY": 0, "ISK": 0, "IQD": 3, "KWD": 3, "UYW": 4, "": 2, "???": 2} {
		if got := providers.CurrencyDigits(code); got != want {
			t.Errorf("%q has %d decimals; want %d", code, got, want)
		}
	}
}

// TestMinorDigits wants minor units to be those of the billing systems.
func TestMinorDigits(t *testing.T) {
	for code, want := range map[string]int{"USD": 2, "jpy": 0, "MGA": 0, "UGX": 0, "ISK": 2, "UYI": 2, "KWD": 3, "IQD": 3, "CLF": 4, "": 2} {
		if got := providers.MinorDigits(code); got != want {
			t.Errorf("%q has minor units of %d decimals; want %d", code, got, want)
		}
	}
}

// TestCurrency wants codes of three letters to be read, no code to mean the account's
// currency, and whatever else to leave an amount without a currency, and so unknown.
func TestCurrency(t *testing.T) {
	amount := providers.Decimal{Value: decimal.MustNew(1250, 2), Set: true}
	for form, want := range map[string]string{
		`"EUR"`: "EUR", `"eur"`: "EUR", `" Eur "`: "EUR", `null`: "USD", `""`: "USD", `" "`: "USD",
		`{"code": "EUR"}`: "", `["EUR"]`: "", `[]`: "", `{}`: "", `840`: "", `true`: "",
		`"840"`: "", `"US Dollar"`: "", `"€"`: "", `"EU"`: "", `"EURO"`: "", `"E R"`: "", `"ÉUR"`: "", `"ﬀ"`: "", `"ſſſ"`: "",
	} {
		var c providers.Currency
		odd, err := wire.Decode([]byte(form), &c)
		if err != nil || c.Or("USD") != want || (len(odd) > 0) != (want == "") {
			t.Errorf("%s is %q, odd %v, %v; want %q", form, c.Or("USD"), odd, err, want)
		}
		for _, m := range []*providers.Money{amount.Major(c.Or("USD")), amount.Minor(c.Or("USD"))} {
			if (m != nil) != (want != "") || m != nil && m.CurrencyCode != want {
				t.Errorf("an amount in %s is %v; want %q", form, m, want)
			}
		}
	}
}
