package uppromote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// text is a string; numbers and booleans are taken as written. What is opaque (an object, an array) and null are "".
type text string

// UnmarshalJSON reads any JSON.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	switch {
	case len(b) == 0:
		return errNothing
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case b[0] != '{' && b[0] != '[' && string(b) != "null":
		*t = text(b)
	}
	return nil
}

var errNothing = errors.New("nothing where a value should be")

// known is the text, where "" means nothing.
func (t text) known() *string {
	if t == "" {
		return nil
	}
	s := string(t)
	return &s
}

// is compares words without regard to case.
func (t text) is(word string) bool { return strings.EqualFold(string(t), word) }

// integer is a whole number, or a string that holds one; 0 for none.
type integer int64

// UnmarshalJSON reads a number, a string or null.
func (n *integer) UnmarshalJSON(b []byte) error {
	*n = 0
	var t text
	if err := t.UnmarshalJSON(b); err != nil || t == "" {
		return err
	}
	v, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no whole number", t)
	}
	*n = integer(v)
	return nil
}

// instant is a time; the zero one for none.
type instant struct{ time.Time }

// UnmarshalJSON reads ISO 8601, with and without a zone; without it is UTC.
func (i *instant) UnmarshalJSON(b []byte) error {
	*i = instant{}
	var t text
	if err := t.UnmarshalJSON(b); err != nil || t == "" {
		return err
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime} {
		if v, err := time.Parse(layout, string(t)); err == nil {
			i.Time = v.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is no time", t)
}

// known is the time; nil for none.
func (i instant) known() *time.Time {
	if i.IsZero() {
		return nil
	}
	return &i.Time
}

// many is an array. Anything else, which the vendor sends for an empty one, is nil.
type many[W any] []W

// UnmarshalJSON reads an array.
func (m *many[W]) UnmarshalJSON(b []byte) error {
	*m = nil
	if len(b) == 0 || b[0] != '[' {
		return nil
	}
	*m = many[W]{}
	return json.Unmarshal(b, (*[]W)(m))
}

// rows is the data of a reply: an array for lists; one object, or an array of one, for a record; null or nothing
// in it for a record that is not there. That a record may come in an array is seen for affiliates, and assumed of all.
type rows[W any] struct {
	all  []W
	sent bool // whether there was any data, if only null
}

// UnmarshalJSON reads an array, a single value or null.
func (r *rows[W]) UnmarshalJSON(b []byte) error {
	*r = rows[W]{sent: true}
	switch b = bytes.TrimSpace(b); {
	case string(b) == "null":
		return nil
	case len(b) > 0 && b[0] == '[':
		return json.Unmarshal(b, &r.all)
	default:
		r.all = make([]W, 1)
		return json.Unmarshal(b, &r.all[0])
	}
}

// answer is the envelope of every reply.
//
// https://aff-api.uppromote.com/docs/v2/get-list-referrals-21170075e0
type answer[W any] struct {
	Status text    `json:"status"` // repeats that of the reply
	Data   rows[W] `json:"data"`
	wireError
}
