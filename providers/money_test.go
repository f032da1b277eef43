package providers_test

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

func TestParseDecimal(t *testing.T) {
	for _, s := range []string{
		"0", "-0", "1", "-1", "+1", "12.34", "0.10", "-0.01", "9999999999999999999", "0.0000000000000000001", "99999999999999999.99",
		"1.50000000000000000000000000", "0000000000000000000000001", "1e3", "1.5E-2", "2.50e1", "100e-2", "1e18", "1e-19", "10e-20",
		"0.00000000000000000000", "1.00e-18",
	} {
		got, err := providers.ParseDecimal(s)
		if want, _ := new(big.Rat).SetString(s); err != nil || rat(got).Cmp(want) != 0 {
			t.Errorf("ParseDecimal(%q) = %v, %v; want exactly that", s, got, err)
		}
	}
	for _, s := range []string{
		"", " ", "-", ".", "e", "1e", "abc", "1,5", "1 ", " 1", "--1", "+-1", "1.2.3", "0x10", "1_000", "NaN", "Inf", "1/2", "١",
		"99999999999999999999", "1.00000000000000000001", "0.00000000000000000001", "1e-20", "1.5e-19", "15e-20", "1e19", "1e400000000", "1e-400000000",
		strings.Repeat("0", 65),
	} {
		if got, err := providers.ParseDecimal(s); !errors.Is(err, providers.ErrDecimal) {
			t.Errorf("ParseDecimal(%q) = %v, %v; want ErrDecimal", s, got, err)
		}
	}
}

// rat is a decimal as a fraction, made from its text.
func rat(d decimal.Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic(d.String())
	}
	return r
}

var (
	number = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	small  = regexp.MustCompile(`^-?[0-9]{1,9}(\.[0-9]{1,9})?([eE][+-]?[0-9])?$`) // what certainly fits
	huge   = regexp.MustCompile(`[eE][+-]?[0-9]{4,}$`)
)

// FuzzParseDecimal: what is read is exactly what stands there, and what fits is read.
func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"12.34", "-0.1", "1e-20", "1.5e-19", "9999999999999999999", "1.00000000000000000001", "+.5", "5.", "0e99"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := providers.ParseDecimal(s)
		if err != nil {
			if !errors.Is(err, providers.ErrDecimal) {
				t.Errorf("ParseDecimal(%q): %v; want ErrDecimal", s, err)
			}
			if small.MatchString(s) {
				t.Errorf("ParseDecimal(%q): %v; want it read", s, err)
			}
			return
		}
		if !number.MatchString(s) {
			t.Fatalf("ParseDecimal(%q) = %v; want ErrDecimal", s, d)
		}
		if huge.MatchString(s) {
			if !d.IsZero() {
				t.Errorf("ParseDecimal(%q) = %v", s, d)
			}
			return
		}
		if want, _ := new(big.Rat).SetString(s); rat(d).Cmp(want) != 0 {
			t.Errorf("ParseDecimal(%q) = %v; want exactly that", s, d)
		}
	})
}

func TestMoney(t *testing.T) {
	for _, tt := range []struct{ minor, currency, want string }{
		{"1234", "usd", "12.34 USD"}, {"-5", "EUR", "-0.05 EUR"}, {"0", "USD", "0.00 USD"}, {"100", "USD", "1.00 USD"},
		{"1234", "JPY", "1234 JPY"}, {"1234", "jpy", "1234 JPY"}, {"12.5", "USD", "0.125 USD"}, {"12.0", "USD", "0.12 USD"},
		{"1500", "KWD", "1.500 KWD"}, {"1505", "kwd", "1.505 KWD"}, {"12345", "CLF", "1.2345 CLF"}, {"120000", "ISK", "1200 ISK"}, {"1200", "MGA", "1200.00 MGA"},
		{"9999999999999999999", "USD", "99999999999999999.99 USD"}, {"9999999999999999999", "JPY", "9999999999999999999 JPY"},
	} {
		m, err := providers.MoneyFromMinor(decimal.MustParse(tt.minor), tt.currency)
		if err != nil {
			t.Errorf("%s %s: %v", tt.minor, tt.currency, err)
		} else if got := m.Amount.String() + " " + m.CurrencyCode; got != tt.want {
			t.Errorf("%s minor units of %s are %s; want %s", tt.minor, tt.currency, got, tt.want)
		}
	}
	for _, minor := range []string{"0.0000000000000000001", "1.000000000000000001"} { // more places than can be held
		if m, err := providers.MoneyFromMinor(decimal.MustParse(minor), "USD"); err == nil {
			t.Errorf("%s cents are %v dollars; want an error, not a rounded amount", minor, m.Amount)
		}
	}
	var unset providers.Decimal
	if unset.Minor("USD") != nil || unset.Major("USD") != nil {
		t.Error("a decimal that was not set is money")
	}
	set := providers.Decimal{Value: decimal.MustParse("150"), Set: true}
	if m := set.Major("eur"); m.Amount.String() != "150.00" || m.CurrencyCode != "EUR" {
		t.Errorf("150 in major units is %v", m)
	}
	if m := set.Minor("eur"); m == nil || m.Amount.String() != "1.50" {
		t.Errorf("150 in minor units is %v", m)
	}
	for in, want := range map[string]string{ // 19 digits can be held
		"99999999999999999": "99999999999999999.00", "1e16": "10000000000000000.00", "1e17": "", "1e18": "", "9999999999999999999": "",
	} {
		amount, err := providers.ParseDecimal(in)
		if err != nil {
			t.Fatal(err)
		}
		large := providers.Decimal{Value: amount, Set: true}
		if m := large.Major("USD"); (m != nil) != (want != "") || m != nil && m.Amount.String() != want {
			t.Errorf("%s in major units is %v; want %q", in, m, want)
		}
	}
	noisy := providers.Decimal{}
	if err := noisy.UnmarshalJSON([]byte("33.333333333333336")); err != nil || noisy.Minor("USD").Amount.String() != "0.333333333333333" {
		t.Errorf("a third of a hundred in minor units is %v", noisy.Minor("USD"))
	}
	set.Value = decimal.MustParse("0.0000000000000000001")
	if m := set.Minor("eur"); m != nil {
		t.Errorf("more decimals than can be held are %v", m)
	}
}

// TestCanonicalMoney wants the decimals of the currency, and no zeros beyond.
func TestCanonicalMoney(t *testing.T) {
	for _, tt := range []struct{ in, currency, want string }{
		{"12.000", "USD", "12.00"}, {"537.5000", "USD", "537.50"}, {"12", "USD", "12.00"}, {"9.8", "USD", "9.80"}, {"0.125", "USD", "0.125"}, {"0.1250", "USD", "0.125"},
		{"0", "USD", "0.00"}, {"-0.500", "USD", "-0.50"}, {"1.5", "KWD", "1.500"}, {"1.5000", "KWD", "1.500"}, {"1200.00", "JPY", "1200"}, {"1200.50", "JPY", "1200.5"},
		{"100", "JPY", "100"}, {"12.50", "COP", "12.50"}, {"1", "CLF", "1.0000"}, {"1.500", "no code", "1.50"}, {"1.500", "", "1.50"},
		{"9999999999999999999", "USD", "9999999999999999999"}, {"1.0000000000000000000", "USD", "1.00"},
	} {
		if m := providers.NewMoney(decimal.MustParse(tt.in), tt.currency); m.Amount.String() != tt.want {
			t.Errorf("%s %s is written %s; want %s", tt.in, tt.currency, m.Amount, tt.want)
		}
	}
}

// FuzzMoneyText: what is written is read as the same amount, and is canonical.
func FuzzMoneyText(f *testing.F) {
	f.Add(int64(12000), uint8(3), uint8(0))
	f.Add(int64(-5), uint8(19), uint8(1))
	f.Fuzz(func(t *testing.T, coefficient int64, scale, n uint8) {
		amount, err := decimal.New(coefficient, int(scale%20))
		if err != nil {
			t.Skip()
		}
		currency := []string{"USD", "KWD", "JPY", "CLF"}[n%4]
		m := providers.NewMoney(amount, currency)
		if rat(m.Amount).Cmp(rat(amount)) != 0 {
			t.Fatalf("%v is %v", amount, m.Amount)
		}
		read, err := providers.ParseDecimal(m.Amount.String())
		if err != nil || read != m.Amount {
			t.Fatalf("%v is read as %v, %v", m.Amount, read, err)
		}
		if again := providers.NewMoney(read, currency); *again != *m {
			t.Errorf("%v is written %v", m, again)
		}
		if digits := providers.CurrencyDigits(currency); m.Amount.Scale() > digits && strings.HasSuffix(m.Amount.String(), "0") {
			t.Errorf("%v of %s ends in zeros", m.Amount, currency)
		}
	})
}

// FuzzMoneyFromMinor: a hundred times the amount is the minor units, exactly, or there is
// an error.
func FuzzMoneyFromMinor(f *testing.F) {
	f.Add(int64(1234), uint8(0), false)
	f.Add(int64(-1), uint8(18), true)
	f.Fuzz(func(t *testing.T, coefficient int64, scale uint8, yen bool) {
		minor, err := decimal.New(coefficient, int(scale%20))
		if err != nil {
			t.Skip()
		}
		currency, factor := "USD", int64(100)
		if yen {
			currency, factor = "JPY", 1
		}
		m, err := providers.MoneyFromMinor(minor, currency)
		if err != nil {
			if minor.Scale() <= 17 {
				t.Errorf("%v of %s: %v", minor, currency, err)
			}
			return
		}
		if got := new(big.Rat).Mul(rat(m.Amount), big.NewRat(factor, 1)); got.Cmp(rat(minor)) != 0 {
			t.Errorf("%v minor units of %s are %v", minor, currency, m.Amount)
		}
	})
}
