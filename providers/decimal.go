package providers

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/govalues/decimal"
)

// Decimal is a decimal in a vendor's JSON: a number, or a string that holds one. Null, ""
// and absence leave Set false, and so does what cannot be read: it is unknown, not an error
// of its row.
type Decimal struct {
	Value decimal.Decimal
	Set   bool
	odd   string // what could not be read, as JSON
}

// Odd reports whether there was a value that could not be read, so that the operator can be told.
func (d Decimal) Odd() bool { return d.odd != "" }

// JSON is the value as JSON: what was sent where that could not be read, and null where
// nothing was.
func (d Decimal) JSON() json.RawMessage {
	switch {
	case d.Set:
		return json.RawMessage(d.Value.String())
	case d.Odd():
		return json.RawMessage(d.odd)
	}
	return json.RawMessage("null")
}

// UnmarshalJSON reads a number, or a string that holds one as machines or as people write it. It
// never returns an error.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	*d = Decimal{}
	if string(b) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(b, &text) == nil {
		if text = plainNumber(text); text == "" {
			return nil
		}
		value, err := ParseDecimal(text)
		if *d = (Decimal{Value: value, Set: err == nil}); err != nil {
			d.odd = string(b)
		}
		return nil
	}
	value, err := ParseDecimal(string(b))
	if f, bad := strconv.ParseFloat(string(b), 64); err != nil && bad == nil && math.Abs(f) < 1 { // more than 19 decimals
		value, err = ParseDecimal(strconv.FormatFloat(f, 'f', decimal.MaxScale, 64))
	}
	if *d = (Decimal{Value: withoutNoise(value), Set: err == nil}); err != nil {
		d.odd = string(b)
	}
	return nil
}

// Major is the decimal as money in major units; nil where it was not set, where its
// currency is "", and where it is too large to be held with the currency's decimals.
func (d Decimal) Major(currency string) *Money {
	if !d.Set || currency == "" {
		return nil
	}
	return canonical(NewMoney(d.Value, currency))
}

// canonical is nil for an amount that is too large to be held with the decimals of its currency.
func canonical(m *Money) *Money {
	if m.Amount.Scale() < CurrencyDigits(m.CurrencyCode) {
		return nil
	}
	return m
}

// Minor is the decimal as money counted in minor units; nil where it was not set, where its
// currency is "", and where it has more digits than can be held.
func (d Decimal) Minor(currency string) *Money {
	if !d.Set || currency == "" {
		return nil
	}
	m, err := MoneyFromMinor(d.Value, currency)
	if err != nil {
		return nil
	}
	return canonical(m)
}

var (
	// signed is a number with a currency sign before or behind it.
	signed = regexp.MustCompile(`^([+-]?)(?:\p{Sc} ?([+-]?)([0-9][0-9.,]*)|([0-9][0-9.,]*) ?\p{Sc})$`)
	// thousand is a number whose point may separate thousands, as it does in half of Europe.
	thousand = regexp.MustCompile(`^[1-9][0-9]{0,2}\.[0-9]{3}$`)
	// grouped is a number with separators of thousands that cannot be taken for a decimal comma:
	// there are decimals behind a point, or more groups than one.
	grouped = regexp.MustCompile(`^[+-]?[0-9]{1,3}(,[0-9]{3})+\.[0-9]+$|^[+-]?[0-9]{1,3}(,[0-9]{3}){2,}$`)
)

// plainNumber is a number as machines write it, made of one as people write it: "$1,075.00" is
// 1075.00. What is no such number stays as it is. "1,075" and "€1.075" may be one and a bit,
// or a thousand and more, and are not read.
func plainNumber(s string) string {
	s = strings.TrimSpace(s)
	if m := signed.FindStringSubmatch(s); m != nil && (m[1] == "" || m[2] == "") && !thousand.MatchString(m[3]+m[4]) {
		s = m[1] + m[2] + m[3] + m[4]
	}
	if grouped.MatchString(s) {
		s = strings.ReplaceAll(s, ",", "")
	}
	return s
}

// What tells the noise of binary floats from digits that somebody meant.
const (
	floatDigits   = 15    // any decimal of so many digits survives a float64
	floatDecimals = 12    // no price and no rate has more
	priceDecimals = 6     // what is left when the noise is gone: two more than any currency has
	floatSteps    = 16    // float64 values next to each other, as far as a sum of some amounts drifts
	floatDrift    = 1e-10 // what is left of larger amounts in their difference
)

// withoutNoise is a JSON number without the noise of the vendor's binary floats: 59.97 for
// 59.970000000000006. A number has noise if it has more digits than a float64 holds of
// every decimal (15), or more than 12 decimals, and if rounding it to 6 decimals moves it
// by no more than 16 neighboring float64 values, or by 1e-10. Else it is a fraction without
// an end, as 100/3, and the digits behind the 15th are noise. Any other number is kept to
// the last digit. So is what a string holds: who sends strings has exact amounts.
func withoutNoise(d decimal.Decimal) decimal.Decimal {
	if d.Scale() <= priceDecimals || d.Prec() <= floatDigits && d.Scale() <= floatDecimals {
		return d
	}
	rounded := d.Round(priceDecimals).Trim(0)
	from, ok := d.Float64()
	to, exact := rounded.Float64()
	if !ok || !exact {
		return d
	}
	step := math.Nextafter(math.Abs(from), math.Inf(1)) - math.Abs(from)
	if math.Abs(from-to) <= max(floatSteps*step, floatDrift) {
		return rounded
	}
	if d.Prec() > floatDigits {
		return d.Round(d.Scale() - (d.Prec() - floatDigits)).Trim(0)
	}
	return d
}
