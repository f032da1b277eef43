package providers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/govalues/decimal"
)

// Money is an exact amount in major units of its currency: 12.34 with USD is twelve dollars and
// thirty-four cents. Amounts of different currencies are never added.
type Money struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Amount       decimal.Decimal
	CurrencyCode string // ISO 4217, upper case, as far as the vendor keeps to it
}

// NewMoney is an amount in major units, in its canonical form: the same value with the
// decimals of its currency, and with more only as far as they are not zeros. The currency's
// case does not matter.
func NewMoney(amount decimal.Decimal, currency string) *Money {
	digits := CurrencyDigits(currency)
	return &Money{Amount: amount.Trim(digits).Pad(digits), CurrencyCode: strings.ToUpper(currency)}
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

// ParseDecimal reads a decimal exactly: an optional sign, digits, an optional fraction.
// What has more digits, or more decimal places, than can be held exactly (19) is an error,
// never rounded; zeros at the end of a fraction do not count. An exponent is read too, as
// JSON allows one.
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
