package providers

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/govalues/decimal"
)

// Money is an exact amount in major units of its currency: 12.34 with USD is twelve dollars and
// thirty-four cents. Amounts of different currencies are never added.
type Money struct {
	Amount       decimal.Decimal
	CurrencyCode string // ISO 4217, upper case, as far as the vendor keeps to it
}

// zeroDecimal lists the currencies that have no minor unit. Vendors that count in cents count these
// in whole units (FirstPromoter's tracking API, "amount"; Stripe's list of zero-decimal currencies).
var zeroDecimal = map[string]bool{
	"BIF": true, "CLP": true, "DJF": true, "GNF": true, "JPY": true, "KMF": true, "KRW": true, "MGA": true,
	"PYG": true, "RWF": true, "UGX": true, "VND": true, "VUV": true, "XAF": true, "XOF": true, "XPF": true,
}

// NewMoney is an amount in major units. The currency's case does not matter. The amount is the same
// to the last digit; it is written with the minor unit's places at least, 9.80 rather than 9.8.
func NewMoney(amount decimal.Decimal, currency string) *Money {
	return &Money{Amount: amount.Pad(MinorDigits(currency)), CurrencyCode: strings.ToUpper(currency)}
}

// MinorDigits is how many decimal places the minor unit of a currency has: 2, or 0 for the
// currencies that have none.
func MinorDigits(currency string) int {
	if zeroDecimal[strings.ToUpper(currency)] {
		return 0
	}
	return 2
}

// MoneyFromMinor is an amount in minor units: 1234 with USD is 12.34, 1234 with JPY is 1234.
func MoneyFromMinor(minor decimal.Decimal, currency string) (*Money, error) {
	d := MinorDigits(currency)
	scale, err := decimal.New(1, d)
	if err != nil {
		return nil, err
	}
	amount, err := minor.MulExact(scale, minor.Scale()+d)
	if err != nil {
		return nil, fmt.Errorf("%s minor units of %s: %w", minor, currency, err)
	}
	return NewMoney(amount, currency), nil
}

// ErrDecimal is wrapped by every error of [ParseDecimal].
var ErrDecimal = errors.New("not a decimal number of at most 19 digits")

// maxDecimal bounds a number's text; longer ones are refused unread.
const maxDecimal = 64

// ParseDecimal reads a decimal exactly: an optional sign, digits, an optional fraction. What has
// more digits, or more decimal places, than can be held exactly (19) is an error, never rounded; zeros at the end of
// a fraction do not count. An exponent is read too, as JSON allows one.
func ParseDecimal(s string) (decimal.Decimal, error) {
	if len(s) > maxDecimal {
		return decimal.Decimal{}, fmt.Errorf("%w: %d characters", ErrDecimal, len(s))
	}
	d, err := decimal.Parse(s)
	if err != nil || !exact(s) {
		return decimal.Decimal{}, fmt.Errorf("%w: %q", ErrDecimal, s)
	}
	return d, nil
}

// exact says whether a number is held as it stands: decimal.Parse reads the grammar, but rounds.
func exact(s string) bool {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(s), "e")
	shift := 0
	if hasExponent {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil {
			return false
		}
	}
	whole, fraction, _ := strings.Cut(strings.TrimLeft(mantissa, "+-"), ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	places := len(fraction) - shift - (len(digits) - len(significant))
	return significant == "" || len(significant) <= decimal.MaxPrec && places <= decimal.MaxScale
}

// Decimal is a decimal in a vendor's JSON: a number, or a string that holds one, kept digit by
// digit. Null, "" and absence leave Set false.
type Decimal struct {
	Value decimal.Decimal
	Set   bool
}

// UnmarshalJSON reads a number, a string or null.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	*d = Decimal{}
	s := string(b)
	if s == "null" {
		return nil
	}
	if strings.HasPrefix(s, `"`) {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		if s = strings.TrimSpace(s); s == "" {
			return nil
		}
	}
	v, err := ParseDecimal(s)
	if err != nil {
		return err
	}
	*d = Decimal{Value: v, Set: true}
	return nil
}

// Major is the decimal as money in major units; nil where it was not set.
func (d Decimal) Major(currency string) *Money {
	if !d.Set {
		return nil
	}
	return NewMoney(d.Value, currency)
}

// Minor is the decimal as money counted in minor units; nil where it was not set.
func (d Decimal) Minor(currency string) (*Money, error) {
	if !d.Set {
		return nil, nil
	}
	return MoneyFromMinor(d.Value, currency)
}
