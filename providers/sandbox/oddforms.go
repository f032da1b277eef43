package sandbox

import (
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
)

// form is one odd way to write a value. make is given any value, and keeps what it says where
// the form can.
type form struct {
	name string
	fits func(v any) bool // whether the form may occur in place of v in the world
	make func(v any) any
}

// missing stands for a member that is left out.
type missing struct{}

const (
	zeroDate     = "0000-00-00 00:00:00"
	negativeDate = "-0001-11-30T00:00:00.000000Z"
)

// forms are all odd forms of a value.
var forms = []form{
	{"null", always, constant(nil)},
	{"missing", always, constant(missing{})},
	{"empty", always, constant("")},
	{"list", always, func(any) any { return []any{} }},
	{"object", always, func(any) any { return map[string]any{} }},
	{"text", func(v any) bool { return !isText(v) }, constant("text")},
	{"number", isWord, constant(json.Number("12345"))},
	{"number_as_text", isNumber, func(v any) any { return amount(v) }},
	{"text_as_number", isDecimal, func(v any) any { return json.Number(amount(v)) }},
	{"bool_as_number", isBool, func(v any) any {
		if v == true {
			return json.Number("1")
		}
		return json.Number("0")
	}},
	{"bool_as_text", isBool, func(v any) any {
		if v == false {
			return "false"
		}
		return "true"
	}},
	{"time_without_zone", isTime, func(v any) any { return timeText(v)[:len("2006-01-02T15:04:05")] }},
	{"time_with_spaces", isTime, func(v any) any {
		return strings.Replace(timeText(v)[:len("2006-01-02T15:04:05")], "T", " ", 1) + " UTC"
	}},
	{"date_only", isTime, func(v any) any { return timeText(v)[:len("2006-01-02")] }},
	{"zero_date", isTime, constant(zeroDate)},
	{"negative_date", isTime, constant(negativeDate)},
	{"thousands", isAmount, func(v any) any { return thousands(amount(v)) }},
	{"dollars", isAmount, func(v any) any { return "$" + amount(v) }},
	{"not_available", isAmount, constant("N/A")},
	{"twenty_digits", isNumber, constant(json.Number("12345678901234567890"))},
	{"noise", isAmount, func(v any) any { return json.Number(noise(amount(v))) }},
}

// Forms are the names of the odd forms, each a value of [Bend.Form] and, after "field_", a
// switch.
func Forms() (names []string) {
	for _, f := range forms {
		names = append(names, f.name)
	}
	return names
}

func always(any) bool { return true }

func constant(v any) func(any) any { return func(any) any { return v } }

var (
	decimalPattern = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	timePattern    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}`)
)

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

func isBool(v any) bool {
	_, ok := v.(bool)
	return ok
}

func isNumber(v any) bool {
	_, ok := v.(json.Number)
	return ok
}

func isDecimal(v any) bool {
	s, ok := v.(string)
	return ok && decimalPattern.MatchString(s)
}

func isAmount(v any) bool { return isNumber(v) || isDecimal(v) }

func isTime(v any) bool {
	s, ok := v.(string)
	return ok && timePattern.MatchString(s)
}

// isWord says whether v is a text that is no time and no number.
func isWord(v any) bool { return isText(v) && !isTime(v) && !isDecimal(v) }

// amount is a number, or a text that is one, as text; an example for anything else.
func amount(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		if isDecimal(v) {
			return v
		}
	}
	return "1075.00"
}

// timeText is a time as text; an example for anything else.
func timeText(v any) string {
	if isTime(v) {
		return v.(string)
	}
	return "2026-03-01T10:00:00Z"
}

// thousands writes separators between each three digits.
func thousands(s string) string {
	whole, fraction, point := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	var groups []string
	for ; len(whole) > 3; whole = whole[:len(whole)-3] {
		groups = append([]string{whole[len(whole)-3:]}, groups...)
	}
	whole = strings.Join(append([]string{whole}, groups...), ",")
	if point {
		whole += "." + fraction
	}
	return sign + whole
}

// noise is the amount as a sum of binary floats has it: 59.97 is 59.970000000000006.
func noise(s string) string {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	return r.FloatString(2) + strings.Repeat("0", 12) + "6"
}
