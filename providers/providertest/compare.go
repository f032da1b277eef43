package providertest

import (
	"reflect"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// Diff tells where two readings of one record differ, in what both of them know; "" is
// nowhere. When they were fetched does not matter.
func Diff[T providers.Record](a, b *T) string {
	var (
		diff   strings.Builder
		av, bv = reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
		ak, bk = providers.NodeOf(a).Known, providers.NodeOf(b).Known
	)
	for _, f := range compared(av.Type()) {
		if !ak.Covers(f.graphQL) || !bk.Covers(f.graphQL) || f.graphQL == "payout" && (payoutUnknown(a) || payoutUnknown(b)) {
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

// field is one of a record's, with its name in GraphQL.
type field struct {
	reflect.StructField
	graphQL string
}

var fieldsOf sync.Map // []field by reflect.Type: to look at a type takes longer than to compare two of its values

// compared are the fields of a type that Diff looks at.
func compared(t reflect.Type) []field {
	if known, ok := fieldsOf.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous && f.Name != "FetchedAt" && f.Name != "Known" && f.Name != "Unread" {
			fields = append(fields, field{f, fieldName(f)})
		}
	}
	fieldsOf.Store(t, fields)
	return fields
}

// nested compares records that stand inside of others.
func nested[T providers.Record]() cmp.Option {
	return cmp.Comparer(func(a, b *T) bool { return a == b || a != nil && b != nil && Diff(a, b) == "" })
}

func payoutUnknown(r any) bool {
	c, ok := r.(*providers.Commission)
	return ok && c.PayoutUnknown
}

var initialisms = strings.NewReplacer("URL", "Url", "ID", "Id")

// fieldName is the GraphQL name of a record's field: an id of another record stands for the
// edge to it.
func fieldName(f reflect.StructField) string {
	name := f.Name
	switch {
	case name == "PayoutUnknown":
		return "payout"
	case name == "ID":
		return "id"
	case f.Type == reflect.TypeFor[providers.ID]():
		name = strings.TrimSuffix(name, "ID")
	case f.Type == reflect.TypeFor[[]providers.ID]():
		name = strings.TrimSuffix(name, "IDs") + "s"
	}
	name = initialisms.Replace(name)
	return strings.ToLower(name[:1]) + name[1:]
}
