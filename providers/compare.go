package providers

import (
	"reflect"
	"strings"
	"sync"
)

// ComparedField is a field of a record by which two readings of it are compared.
type ComparedField struct {
	reflect.StructField
	GraphQL string // its name in GraphQL
}

// KnownBy says whether a reading of a record (a pointer to one) knows the field.
func (f ComparedField) KnownBy(record any) bool {
	if c, ok := record.(*Commission); ok && c.PayoutUnknown && f.GraphQL == "payout" {
		return false
	}
	return record.(interface{ Meta() *Node }).Meta().Known.Covers(f.GraphQL)
}

var comparedFields sync.Map // []ComparedField by reflect.Type: to look at a type takes longer than to compare two of its values

// ComparedFields are the fields of a record's type by which two readings of it are compared:
// all but those that tell of the reading itself. The caller does not change them.
func ComparedFields(t reflect.Type) []ComparedField {
	if known, ok := comparedFields.Load(t); ok {
		return known.([]ComparedField)
	}
	var fields []ComparedField
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous && f.Name != "FetchedAt" && f.Name != "Known" && f.Name != "Unread" {
			fields = append(fields, ComparedField{f, graphQLName(f)})
		}
	}
	comparedFields.Store(t, fields)
	return fields
}

var initialisms = strings.NewReplacer("URL", "Url", "ID", "Id")

// graphQLName is the GraphQL name of a record's field: an id of another record stands for
// the edge to it.
func graphQLName(f reflect.StructField) string {
	name := f.Name
	switch {
	case name == "PayoutUnknown":
		return "payout"
	case name == "ID":
		return "id"
	case f.Type == reflect.TypeFor[ID]():
		name = strings.TrimSuffix(name, "ID")
	case f.Type == reflect.TypeFor[[]ID]():
		name = strings.TrimSuffix(name, "IDs") + "s"
	}
	name = initialisms.Replace(name)
	return strings.ToLower(name[:1]) + name[1:]
}
