package sweep

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

// digestSize is how many bytes stand for the value of a field. Too few to tell the value;
// a change is missed once in two billion.
const digestSize = 4

// fieldNames are the fields of a record that are compared, but for its id.
func fieldNames[T providers.Record]() (names []string) {
	for _, f := range providers.ComparedFields(reflect.TypeFor[T]()) {
		if f.Name != "ID" {
			names = append(names, f.Name)
		}
	}
	return names
}

// digests stand for the values of these fields of a record (a pointer to one), one behind
// the other. That of a field which
// the reading does not know is zero.
func digests(record any) []byte {
	var all []byte
	n, v := record.(interface{ Meta() *providers.Node }).Meta(), reflect.ValueOf(record).Elem()
	for _, f := range providers.ComparedFields(v.Type()) {
		switch {
		case f.Name == "ID":
		case !f.KnownBy(record) || n.IsUnread(f.GraphQL):
			all = append(all, make([]byte, digestSize)...)
		default:
			var b bytes.Buffer
			write(&b, v.FieldByIndex(f.Index))
			sum := sha256.Sum256(b.Bytes())
			sum[0] |= 1 // never zero
			all = append(all, sum[:digestSize]...)
		}
	}
	return all
}

// write writes a value so that equal values, and no others, are written alike. Lists are
// written in any order: vendors do not promise one. A record inside of another is written as
// its id: it is a row of its own list.
func write(b *bytes.Buffer, v reflect.Value) {
	if v.CanInterface() {
		switch x := v.Interface().(type) {
		case time.Time:
			fmt.Fprintf(b, "%d;", x.UnixNano())
			return
		case decimal.Decimal:
			fmt.Fprintf(b, "%s;", x.Trim(0))
			return
		case interface{ Meta() *providers.Node }:
			if v.Kind() == reflect.Pointer && !v.IsNil() {
				fmt.Fprintf(b, "%q;", x.Meta().ID.Local)
				return
			}
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil;")
			return
		}
		write(b, v.Elem())
	case reflect.Slice:
		parts := make([][]byte, v.Len())
		for i := range parts {
			var part bytes.Buffer
			write(&part, v.Index(i))
			parts[i] = part.Bytes()
		}
		slices.SortFunc(parts, bytes.Compare)
		fmt.Fprintf(b, "%d:", len(parts))
		for _, part := range parts {
			fmt.Fprintf(b, "%q", part)
		}
		b.WriteByte(';')
	case reflect.Struct:
		for i := range v.NumField() {
			write(b, v.Field(i))
		}
	default: // texts, numbers, yes and no
		fmt.Fprintf(b, "%#v;", v)
	}
}

// differs says whether two readings of a row know a field differently.
func differs(a, b []byte) bool {
	for i := 0; i+digestSize <= min(len(a), len(b)); i += digestSize {
		one, two := binary.BigEndian.Uint32(a[i:]), binary.BigEndian.Uint32(b[i:])
		if one != 0 && two != 0 && one != two {
			return true
		}
	}
	return false
}

// shows says whether a reading of a row knows all that another knows, and the same.
func shows(a, b []byte) bool {
	for i := 0; i < len(b); i += digestSize {
		two := b[i : i+digestSize]
		if binary.BigEndian.Uint32(two) != 0 && (len(a) < i+digestSize || !bytes.Equal(a[i:i+digestSize], two)) {
			return false
		}
	}
	return true
}

// merged is what is known of a row after a reading: what the reading does not know stays.
func merged(before, now []byte) []byte {
	m := slices.Clone(now)
	for i := 0; i+digestSize <= min(len(before), len(m)); i += digestSize {
		if binary.BigEndian.Uint32(m[i:]) == 0 {
			copy(m[i:], before[i:i+digestSize])
		}
	}
	return m
}
