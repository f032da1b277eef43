package wire

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
)

func isNull(raw []byte) bool { return string(raw) == "null" }

// isBlank says whether a value is a text with nothing but white space.
func isBlank(raw []byte) bool {
	text, ok := scalar(raw)
	return ok && raw[0] == '"' && strings.TrimSpace(text) == ""
}

// form names the form of a JSON value, for logs.
func form(raw []byte) string {
	switch {
	case len(raw) == 0:
		return "nothing"
	case raw[0] == '{':
		return "an object"
	case raw[0] == '[':
		return "an array"
	case raw[0] == '"':
		return "a text"
	case raw[0] == 't' || raw[0] == 'f':
		return "a boolean"
	case raw[0] == 'n':
		return "null"
	default:
		return "a number"
	}
}

// scalar is a text, or a number or boolean as it is written; ok is false for objects and arrays.
func scalar(raw []byte) (text string, ok bool) {
	switch raw[0] {
	case '"':
		return text, json.Unmarshal(raw, &text) == nil
	case '{', '[':
		return "", false
	default:
		return string(raw), true
	}
}

// textOf is a text, or a number as a text, as ids and codes may be. A boolean is none, nor
// is zero: they are written where there is nothing.
func textOf(raw []byte) (text string, ok bool) {
	text, ok = scalar(raw)
	switch {
	case !ok || raw[0] == '"':
		return text, ok
	case raw[0] == 't' || raw[0] == 'f' || raw[0] == 'n':
		return "", false
	}
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	return whole(text), strings.Trim(digits, "-0.") != ""
}

// whole is a number without a fraction of zero; any other text as it is.
func whole(text string) string {
	if n, fraction, ok := strings.Cut(text, "."); ok && fraction != "" && strings.Trim(fraction, "0") == "" {
		return n
	}
	return text
}

// Same says whether a vendor's text is one that was sent to it: vendors may store it in
// another case, or send it with white space around it. Nobody gives two things ids or codes
// that differ in no more.
func Same(is, sent string) bool {
	return strings.EqualFold(strings.TrimSpace(is), strings.TrimSpace(sent))
}

// Text is a vendor's text; nil where there is nothing but white space. The rest stays as it
// is.
func Text(s string) *string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return &s
}

// Name is a name for people, made of its parts, without white space around it; nil where
// there is none.
func Name(parts ...string) *string {
	var words []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			words = append(words, p)
		}
	}
	return Text(strings.Join(words, " "))
}

func setString(raw []byte, v reflect.Value) error {
	text, ok := textOf(raw)
	if !ok {
		return errForm
	}
	v.SetString(text)
	return nil
}

// setInt reads a whole number, also one in a text or with a fraction of zero.
func setInt(raw []byte, v reflect.Value) error {
	text, ok := scalar(raw)
	if !ok {
		return errForm
	}
	if text = whole(strings.TrimSpace(text)); text == "" {
		v.SetInt(0)
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errForm
	}
	v.SetInt(n)
	return nil
}

// setBool reads a boolean, also one that is written as 0 or 1 or in a text.
func setBool(raw []byte, v reflect.Value) error {
	text, ok := scalar(raw)
	if !ok {
		return errForm
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1":
		v.SetBool(true)
	case "false", "0":
		v.SetBool(false)
	default:
		return errForm
	}
	return nil
}

// layouts are the forms of a time that vendors write, each also with a fraction of a second.
// A time without a zone is UTC, a date is its first moment.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05 MST",
	time.DateTime, "2006-01-02 15:04", time.DateOnly,
}

// setTime reads a time. A blank text is none.
func setTime(raw []byte, into *time.Time) error {
	*into = time.Time{}
	if isNull(raw) || isBlank(raw) {
		return nil
	}
	if raw[0] != '"' {
		return errForm
	}
	text, _ := scalar(raw)
	t, ok := ParseTime(text)
	if !ok {
		return errForm
	}
	*into = t
	return nil
}

// ParseTime reads a time in any of the forms that vendors write, as UTC. A year that is no
// year of ours is refused: zero dates are written where there is none.
func ParseTime(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if len(text) > 64 {
		return time.Time{}, false
	}
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, text, time.UTC)
		if err != nil {
			continue
		}
		if zone, offset := t.Zone(); offset == 0 && zone != "UTC" && zone != "GMT" && zone != "Z" && zone != "" {
			return time.Time{}, false // the name of a zone whose offset is not known
		}
		if t = t.UTC(); t.Year() < 1900 || t.Year() > 9999 {
			return time.Time{}, false
		}
		return t, true
	}
	return time.Time{}, false
}
