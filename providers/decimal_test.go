package providers_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

func TestDecimalJSON(t *testing.T) {
	for in, want := range map[string]string{
		`12.30`: "12.30", `"12.30"`: "12.30", `" 5 "`: "5", `-1e2`: "-100", `0`: "0", `"0.00"`: "0.00",
		`1234567890123456789`: "1234567890123456789", // a float would end in 800

		// As people write it.
		`"1,075.00"`: "1075.00", `"$12.00"`: "12.00", `"$1075.00"`: "1075.00", `"$1,075.00"`: "1075.00", `"€ 12.00"`: "12.00", `"12.00 €"`: "12.00", `"$0.125"`: "0.125", `"1.075"`: "1.075",
		`"-$5.00"`: "-5.00", `"$-5.00"`: "-5.00", `"-1,075.50"`: "-1075.50", `"1,234,567"`: "1234567", `"1,234,567.5"`: "1234567.5",

		// The noise of binary floats, and what only looks like it.
		`59.970000000000006`: "59.97", `59.969999999999999`: "59.97", `0.30000000000000004`: "0.3", `-0.30000000000000004`: "-0.3", `1075.4500000000003`: "1075.45",
		`123456789.10000001`: "123456789.1", `0.20000000000004547`: "0.2", `99.99999999999999`: "100", `5.551115123125783e-17`: "0", `-1.4210854715202004e-14`: "0",
		`0.00009999999999998899`: "0.0001", `5997.000000000001`: "5997",
		`"59.970000000000006"`: "59.970000000000006", `12345678901234.56`: "12345678901234.56", `0.1234567`: "0.1234567", `0.123456789012`: "0.123456789012",
		`33.333333333333336`: "33.3333333333333", `0.33333333333333331`: "0.333333333333333", `1.234567890123456`: "1.23456789012346",
		`"33.333333333333336"`: "33.333333333333336", `1000000000000.001`: "1000000000000.001", `0.0000000001`: "0.0000000001",
	} {
		var got struct{ A providers.Decimal }
		if err := json.Unmarshal([]byte(`{"A":`+in+`}`), &got); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if !got.A.Set || got.A.Odd() || got.A.Value.String() != want {
			t.Errorf("%s is read as %+v; want %q", in, got.A, want)
		}
	}
	for _, in := range []string{`null`, `""`, `"  "`} {
		got := providers.Decimal{Set: true}
		if err := json.Unmarshal([]byte(in), &got); err != nil || got.Set || got.Odd() {
			t.Errorf("%s is read as %+v, %v; want nothing", in, got, err)
		}
	}
	for _, in := range []string{
		`true`, `false`, `{}`, `[]`, `[1]`, `{"amount":1}`, `"x"`, `"N/A"`, `"-"`, `"null"`, `"NaN"`, `"12.00.00"`, `"1,50"`, `"1,075"`, `"$1,075"`, `"10,75.00"`, `"1.075,00"`,
		`"€1.075"`, `"1.075 €"`, `"-$1.075"`, `"12.000 €"`, `"1,0750.00"`, `"$"`, `"-$-5"`, `"$12$"`, `"12 13"`, `1.00000000000000000001`, `12345678901234567890`, `"12345678901234567890"`, `1e400`, `"EUR 12.00"`, `"50%"`,
	} {
		got := providers.Decimal{Set: true}
		if err := json.Unmarshal([]byte(in), &got); err != nil || got.Set || !got.Odd() || !got.Value.IsZero() {
			t.Errorf("%s is read as %+v, %v; want it unset and odd", in, got, err)
		}
	}
}

// TestDecimalNeverFailsItsRow wants the fields beside an odd amount to be read.
func TestDecimalNeverFailsItsRow(t *testing.T) {
	var rows []struct {
		ID     int
		Amount providers.Decimal
		Sale   providers.Decimal
	}
	in := `[{"ID":1,"Amount":[],"Sale":"2.00"},{"ID":2,"Amount":{"a":[]},"Sale":3},{"ID":3,"Amount":true,"Sale":"N/A"}]`
	if err := json.Unmarshal([]byte(in), &rows); err != nil || len(rows) != 3 || rows[2].ID != 3 || rows[0].Sale.Value.String() != "2.00" || !rows[1].Amount.Odd() {
		t.Errorf("%+v, %v", rows, err)
	}
}

// FuzzDecimalJSON: no JSON fails; what a number that is not noise says is read exactly.
func FuzzDecimalJSON(f *testing.F) {
	for _, s := range []string{`12.30`, `"12"`, `null`, `""`, `"null"`, `{}`, `-0e1`, `"\u0031"`, `59.970000000000006`, `"$1,075.00"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if !json.Valid(in) {
			t.Skip()
		}
		var d providers.Decimal
		if err := json.Unmarshal(in, &d); err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		if d.Set && d.Odd() || !d.Set && !d.Value.IsZero() {
			t.Errorf("%s is read as %+v", in, d)
		}
		number := strings.TrimSpace(string(in))
		exact, err := providers.ParseDecimal(number)
		switch {
		case err != nil:
		case !d.Set:
			t.Errorf("%s is not read", in)
		case d.Value == exact:
		case exact.Scale() <= 6, exact.Prec() <= 15 && exact.Scale() <= 12, !d.Value.Equal(exact.Round(6)):
			t.Errorf("%s is read as %v", in, d.Value)
		}
	})
}

// FuzzFloatNoise: the sum of some prices, made with floats and written by JSON or with 17 digits,
// is read as the exact sum.
func FuzzFloatNoise(f *testing.F) {
	f.Add(int64(1999), uint8(3), uint8(0))
	f.Add(int64(-1), uint8(19), uint8(2))
	f.Fuzz(func(t *testing.T, cents int64, times, step uint8) {
		cents %= 100_000_000
		n := int(times%20) + 1
		sum, exact := 0.0, int64(0)
		for i := range n {
			c := cents + int64(i)*int64(step)
			sum += float64(c) / 100
			exact += c
		}
		want := decimal.MustNew(exact, 2)
		for _, text := range []string{strconv.FormatFloat(sum, 'f', -1, 64), fmt.Sprintf("%.17g", sum)} {
			var d providers.Decimal
			if _, err := providers.ParseDecimal(text); err != nil {
				continue // more decimals than can be held: unset
			}
			if err := json.Unmarshal([]byte(text), &d); err != nil || !d.Value.Equal(want) {
				t.Errorf("%s is read as %v, %v; want %v", text, d.Value, err, want)
			}
		}
	})
}
