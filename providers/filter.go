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
