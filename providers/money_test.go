package providers_test

import (
	"encoding/json"
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

func TestDecimalJSON(t *testing.T) {
	for in, want := range map[string]string{
		`12.30`: "12.30", `"12.30"`: "12.30", `" 5 "`: "5", `-1e2`: "-100", `0`: "0", `"0.00"`: "0.00",
		`null`: "", `""`: "", `"  "`: "",
		`1234567890123456789`: "1234567890123456789", // a float would end in 800
	} {
		var got struct{ A providers.Decimal }
		if err := json.Unmarshal([]byte(`{"A":`+in+`}`), &got); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got.A.Set != (want != "") || want != "" && got.A.Value.String() != want {
			t.Errorf("%s is read as %+v; want %q", in, got.A, want)
		}
	}
	for _, in := range []string{`true`, `{}`, `[]`, `"x"`, `"1,50"`, `1.00000000000000000001`, `"null"`} {
		got := providers.Decimal{Set: true}
		if err := json.Unmarshal([]byte(in), &got); err == nil || got.Set {
			t.Errorf("%s is read as %+v, %v; want an error, and nothing", in, got, err)
		}
	}
}

// FuzzDecimalJSON: a number and the string that holds it are read alike.
func FuzzDecimalJSON(f *testing.F) {
	for _, s := range []string{`12.30`, `"12"`, `null`, `""`, `"null"`, `{}`, `-0e1`, `"\u0031"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var d providers.Decimal
		if err := json.Unmarshal(in, &d); err != nil {
			return
		}
		var text string
		if json.Unmarshal(in, &text) != nil {
			text = strings.TrimSpace(string(in))
		}
		if text = strings.TrimSpace(text); text == "" || string(in) == "null" {
			text = ""
		}
		if !d.Set {
			if text != "" && text != "null" {
				t.Errorf("%s is read as nothing", in)
			}
			return
		}
		if want, err := providers.ParseDecimal(text); err != nil || want != d.Value {
			t.Errorf("%s is read as %v; want %v, %v", in, d.Value, want, err)
		}
	})
}

func TestMoney(t *testing.T) {
	for _, tt := range []struct{ minor, currency, want string }{
		{"1234", "usd", "12.34 USD"}, {"-5", "EUR", "-0.05 EUR"}, {"0", "USD", "0.00 USD"}, {"100", "USD", "1.00 USD"},
		{"1234", "JPY", "1234 JPY"}, {"1234", "jpy", "1234 JPY"}, {"12.5", "USD", "0.125 USD"}, {"12.0", "USD", "0.120 USD"},
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
	if m, err := unset.Minor("USD"); m != nil || err != nil || unset.Major("USD") != nil {
		t.Error("a decimal that was not set is money")
	}
	set := providers.Decimal{Value: decimal.MustParse("150"), Set: true}
	if m := set.Major("eur"); m.Amount.String() != "150.00" || m.CurrencyCode != "EUR" {
		t.Errorf("150 in major units is %v", m)
	}
	if m, err := set.Minor("eur"); err != nil || m.Amount.String() != "1.50" {
		t.Errorf("150 in minor units is %v, %v", m, err)
	}
}

// FuzzMoneyFromMinor: a hundred times the amount is the minor units, exactly, or there is an error.
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
