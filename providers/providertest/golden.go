package providertest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

var update = flag.Bool("update", false, "write what the client makes of the exchanges to their golden files")

// Golden compares a result with what is stored at path, or with -update stores it. It is
// stored as JSON in which what is nil, "" or zero as a whole is left out, an id is
// "Noun/local", the fields that a record knows are named unless it knows all, and FetchedAt
// is left out. Exchanges have the word "secret" in what no client may keep; a result with
// it fails the test.
func Golden(t testing.TB, path string, got any) {
	t.Helper()
	b, err := json.MarshalIndent(plain(reflect.ValueOf(got)), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if bytes.Contains(b, []byte("secret")) {
		t.Errorf("a secret was kept:\n%s", b)
	}
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update stores it", err)
	}
	if diff := cmp.Diff(string(want), string(b)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", path, diff)
	}
}

// plain is a value as JSON is made of it; nil is left out.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Invalid, reflect.Func, reflect.Chan:
		return nil
	case reflect.Pointer, reflect.Interface:
		if fields, ok := v.Interface().(*providers.Fields); ok && fields != nil {
			names, except := fields.Names()
			if except {
				return "all but " + strings.Join(names, ", ")
			}
			return strings.Join(names, ", ")
		}
		return plain(v.Elem())
	case reflect.Slice, reflect.Map:
		if v.IsNil() {
			return nil
		}
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.String()
	}
	switch x := v.Interface().(type) {
	case providers.ID:
		if x.IsZero() {
			return nil
		}
		return string(x.Noun) + "/" + x.Local
	case time.Time:
		if x.IsZero() {
			return nil
		}
		return x
	case encoding.TextMarshaler:
		return x
	}
	switch v.Kind() {
	case reflect.Struct:
		members := map[string]any{}
		for _, f := range reflect.VisibleFields(v.Type()) {
			if f.IsExported() && !f.Anonymous && f.Name != "FetchedAt" && f.Name != "Remembered" {
				if m := plain(v.FieldByIndex(f.Index)); m != nil {
					members[f.Name] = m
				}
			}
		}
		if len(members) == 0 {
			return nil
		}
		return members
	case reflect.Map:
		members := map[string]any{}
		for _, k := range v.MapKeys() {
			members[fmt.Sprint(plain(k))] = plain(v.MapIndex(k))
		}
		return members
	case reflect.Slice, reflect.Array:
		elements := []any{}
		for i := range v.Len() {
			elements = append(elements, plain(v.Index(i)))
		}
		return elements
	}
	return v.Interface()
}
