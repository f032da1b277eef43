package providertest

import (
	"reflect"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// Diff tells where two readings of one record differ, in what both of them know; "" is
// nowhere. When they were fetched does not matter.
func Diff[T providers.Record](a, b *T) string {
	var diff strings.Builder
	av, bv := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for _, f := range providers.ComparedFields(av.Type()) {
		if !f.KnownBy(a) || !f.KnownBy(b) {
			continue
		}
		one, two := av.FieldByIndex(f.Index).Interface(), bv.FieldByIndex(f.Index).Interface()
		if reflect.DeepEqual(one, two) {
			continue // most are, and cmp takes long to say so
		}
		if d := cmp.Diff(one, two, nested[providers.Membership](), nested[providers.Coupon]()); d != "" {
			diff.WriteString(f.Name + ": " + d)
		}
	}
	return diff.String()
}

// nested compares records that stand inside of others.
func nested[T providers.Record]() cmp.Option {
	return cmp.Comparer(func(a, b *T) bool { return a == b || a != nil && b != nil && Diff(a, b) == "" })
}
