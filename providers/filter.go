package providers

import (
	"reflect"
	"slices"
)

// among reports whether a filter's list lets a value pass. A nil list is no condition; an empty
// one that is not nil matches nothing.
func among[T comparable](list []T, value T) bool {
	return list == nil || slices.Contains(list, value)
}

// verdict is what a filter says of a row, condition by condition. The zero value passes.
type verdict struct {
	failed bool   // a condition that can be judged does not hold
	field  string // the first field by which a condition cannot be judged; "" for none
}

// by adds a condition on a field. A condition that does not hold is judged only if the row
// has a value there (told), or if the vendor's reply says that there is none.
func (v *verdict) by(n *Node, field string, holds, told bool) {
	switch {
	case holds:
	case told || !n.IsUnread(field):
		v.failed = true
	case v.field == "":
		v.field = field
	}
}

// anyOf adds a condition that any of these fields may fulfil. It is judged only if all of
// them could be read.
func (v *verdict) anyOf(n *Node, holds bool, fields ...string) {
	for _, field := range fields {
		if !holds && n.IsUnread(field) {
			v.by(n, field, false, false)
			return
		}
	}
	v.failed = v.failed || !holds
}

// state adds a condition on a status. A record always has one, so that a row without the
// vendor's word for it (word) cannot be judged.
func (v *verdict) state(n *Node, holds, told bool, word *string) {
	if word == nil {
		v.always("status", holds, told)
		return
	}
	v.by(n, "status", holds, told)
}

// always adds a condition on a field that every record has: a row without a value there
// cannot be judged.
func (v *verdict) always(field string, holds, told bool) {
	switch {
	case holds:
	case told:
		v.failed = true
	case v.field == "":
		v.field = field
	}
}

// passes says whether the row passes the filter.
func (v *verdict) passes() bool { return !v.failed && v.field == "" }

// unsure is the field by which nobody can tell whether the row passes; "" where it does, or
// does not.
func (v *verdict) unsure() string {
	if v.failed {
		return ""
	}
	return v.field
}

// MatchesNothing reports whether a filter has a list that is empty and not nil, so that no record
// of any account passes it. Such a list needs no call.
func MatchesNothing(filter any) bool {
	v := reflect.ValueOf(filter)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && !f.IsNil() && f.Len() == 0 {
			return true
		}
	}
	return false
}
