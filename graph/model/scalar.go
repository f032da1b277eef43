// Package model holds what the schema needs besides the domain: scalars and connections.
// models_gen.go is generated; the rest is written by hand.
package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

// InputError is what is wrong with a value that a client sent. Its text is written for clients.
type InputError struct{ text string }

func (e *InputError) Error() string { return e.text }

func badInput(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }

// Node is any record of the graph.
type Node interface{ Meta() *providers.Node }

// MarshalID writes a global id.
func MarshalID(id providers.ID) graphql.Marshaler { return graphql.MarshalString(id.String()) }

// UnmarshalID reads a global id. What is none is an error that clients may see.
func UnmarshalID(v any) (providers.ID, error) {
	s, ok := v.(string)
	if !ok {
		return providers.ID{}, badInput("an id must be a string, not %s", kindOf(v))
	}
	id, err := providers.ParseID(s)
	if err != nil {
		return providers.ID{}, badInput("%q is no id of this server", clip(s))
	}
	return id, nil
}

// maxLong is the largest integer that every JSON reader keeps exactly.
const maxLong = 1<<53 - 1

// MarshalLong writes a whole number. Beyond 2^53 - 1 there is no exact JSON number: such a
// value is written as the nearest one that is, which no count reaches.
func MarshalLong(n int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, strconv.FormatInt(min(max(n, -maxLong), maxLong), 10))
	})
}

// UnmarshalLong reads a whole number.
func UnmarshalLong(v any) (int64, error) {
	n, err := graphql.UnmarshalInt64(v)
	if err != nil || n > maxLong || n < -maxLong {
		return 0, badInput("a Long must be a whole number of at most 2^53 - 1, not %s", kindOf(v))
	}
	return n, nil
}

// MarshalDecimal writes a decimal as a string, digit by digit.
func MarshalDecimal(d decimal.Decimal) graphql.Marshaler { return graphql.MarshalString(d.String()) }

// UnmarshalDecimal reads a decimal from a string. Numbers are refused: a JSON number may
// have been rounded on its way.
func UnmarshalDecimal(v any) (decimal.Decimal, error) {
	s, ok := v.(string)
	if !ok {
		return decimal.Decimal{}, badInput(`a Decimal must be a string such as "19.99", not %s`, kindOf(v))
	}
	d, err := providers.ParseDecimal(s)
	if err != nil {
		return decimal.Decimal{}, badInput(`%q is no decimal number of at most 19 digits, such as "19.99"`, clip(s))
	}
	return d, nil
}

// MarshalCurrencyCode writes what the vendor sent, in upper case.
func MarshalCurrencyCode(s string) graphql.Marshaler {
	return graphql.MarshalString(strings.ToUpper(s))
}

// UnmarshalCurrencyCode reads a currency code.
func UnmarshalCurrencyCode(v any) (string, error) {
	s, ok := v.(string)
	if !ok || len(s) != 3 || strings.ToUpper(s) != s || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "", badInput("a CurrencyCode must be three capital letters, such as USD")
	}
	return s, nil
}

// MarshalDateTime writes a time in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.MarshalString(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime reads an RFC 3339 time in any zone. Null is the zero time, as if
// nothing were given: resolvers refuse it before, where something has to be.
func UnmarshalDateTime(v any) (time.Time, error) {
	if v == nil {
		return time.Time{}, nil
	}
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 { // RFC 3339 cannot write it
				return time.Time{}, badInput("%q lies outside of the years 0 to 9999 in UTC", clip(s))
			}
			return t, nil
		}
		return time.Time{}, badInput("%q is no RFC 3339 time, such as 2026-11-21T09:30:00Z", clip(s))
	}
	return time.Time{}, badInput("a DateTime must be a string, not %s", kindOf(v))
}

// MarshalJSON writes a vendor's JSON as it is, in one line.
func MarshalJSON(raw json.RawMessage) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			_, _ = io.WriteString(w, "null")
			return
		}
		_, _ = b.WriteTo(w)
	})
}

// UnmarshalJSON reads any value. No input takes one so far.
func UnmarshalJSON(v any) (json.RawMessage, error) { return json.Marshal(v) }

// kindOf names the kind of an input value for people.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number, int, int64, int32:
		return "a number"
	case float64:
		if v == math.Trunc(v) {
			return "a number"
		}
		return "a fraction"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}

// clip shortens what a client sent before it is sent back.
func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}
