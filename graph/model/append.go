package model

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

// The functions of this file write what the Marshal functions write, straight into a buffer.

// AppendString writes a string as JSON.
func AppendString(buf []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	buf = append(buf, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '\\' && c != '"' {
			continue
		}
		buf = append(buf, s[start:i]...)
		start = i + 1
		switch c {
		case '\t':
			buf = append(buf, '\\', 't')
		case '\r':
			buf = append(buf, '\\', 'r')
		case '\n':
			buf = append(buf, '\\', 'n')
		case '\\', '"':
			buf = append(buf, '\\', c)
		default:
			buf = append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
	}
	buf = append(buf, s[start:]...)
	return append(buf, '"')
}

// AppendID writes a global id.
func AppendID(buf []byte, id providers.ID) []byte {
	return append(id.Append(append(buf, '"')), '"') // it has nothing to escape
}

// AppendLong writes a whole number, as MarshalLong does.
func AppendLong(buf []byte, n int64) []byte {
	return strconv.AppendInt(buf, min(max(n, -maxLong), maxLong), 10)
}

// AppendDecimal writes a decimal as a string, digit by digit.
func AppendDecimal(buf []byte, d decimal.Decimal) []byte { return AppendString(buf, d.String()) }

// AppendCurrencyCode writes what the vendor sent, in upper case.
func AppendCurrencyCode(buf []byte, s string) []byte { return AppendString(buf, strings.ToUpper(s)) }

// AppendDateTime writes a time in UTC.
func AppendDateTime(buf []byte, t time.Time) []byte {
	buf = append(buf, '"')
	buf = t.UTC().AppendFormat(buf, time.RFC3339Nano)
	return append(buf, '"')
}

// AppendJSON writes a vendor's JSON as it is, in one line.
func AppendJSON(buf []byte, raw json.RawMessage) []byte {
	b := bytes.NewBuffer(buf)
	if json.Compact(b, raw) != nil {
		return append(buf, "null"...)
	}
	return b.Bytes()
}
