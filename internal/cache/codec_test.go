package cache

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

// filler makes values in which every field is set, so that one that the codec forgets shows.
type filler struct {
	*testing.T
	empty bool // slices have no elements, and what pointers lead to is zero
	n     int
}

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 123456789+f.n, time.FixedZone("", 3600))))
		return
	case decimal.Decimal:
		v.Set(reflect.ValueOf(decimal.MustParse(fmt.Sprintf("-12345678901234.%d0", f.n%100))))
		return
	case *providers.Fields:
		v.Set(reflect.ValueOf([]*providers.Fields{providers.Only("a"), providers.AllBut("b", "c")}[f.n%2]))
		return
	case providers.ID:
		v.Set(reflect.ValueOf(providers.ID{Account: "a-1", Noun: providers.NounPayout, Local: fmt.Sprint("~/é\n", f.n)}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("ü<&>\u2028\"", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1<<62 + int64(f.n))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(f.n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if !f.empty || v.Elem().Kind() == reflect.Struct {
			f.fill(v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 2))
		for range 2 {
			if e := reflect.New(v.Type().Elem()).Elem(); !f.empty {
				f.fill(e)
				v.Set(reflect.Append(v, e))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "_" {
				f.fill(v.Field(i))
			}
		}
	default:
		f.Fatalf("nobody has thought of a %s", v.Type())
	}
}

var exactly = cmp.Options{
	cmp.Comparer(func(a, b *providers.Fields) bool {
		an, ae := a.Names()
		bn, be := b.Names()
		return ae == be && (a == nil) == (b == nil) && cmp.Equal(an, bn)
	}),
	cmp.Comparer(func(a, b decimal.Decimal) bool { return a.String() == b.String() }),
	cmpopts.IgnoreUnexported(Entry{}),
}

// values are of every kind: with everything set, with empty slices and zeros behind
// pointers, and with nothing but an id.
func values(t *testing.T) map[string]any {
	all := map[string]any{}
	for kind, zero := range kinds {
		for _, how := range []string{"full", "empty", "bare"} {
			v := reflect.New(reflect.TypeOf(zero)).Elem()
			if v.Kind() == reflect.Pointer {
				v.Set(reflect.New(v.Type().Elem()))
			}
			f := &filler{T: t, empty: how == "empty"}
			if how != "bare" {
				f.fill(v)
			} else if n := node(v.Interface()); n != nil {
				n.ID = providers.ID{Account: "a-1", Noun: providers.NounCoupon, Local: "1"}
			}
			all[kind+" "+how] = v.Interface()
		}
	}
	return all
}

func TestCodec(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	all := values(t)
	all["only a fence"] = nil
	for name, v := range all {
		want := Entry{Value: v, Began: 1 << 60, FetchedAt: at, FreshUntil: at.Add(time.Nanosecond), StaleUntil: at.Add(time.Hour), Fence: Fence{At: 1<<60 - 1, Until: at.Add(time.Minute)}}
		b, err := encode(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := decode(b)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
			continue
		}
		if d := cmp.Diff(want, got, exactly); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		unshared(t, name, reflect.ValueOf(&got.Value).Elem())
	}
	if _, err := encode(Entry{Value: "text"}); err == nil {
		t.Error("a text was encoded")
	}
}

// unshared looks for Fields that are not the one of all that say the same.
func unshared(t *testing.T, at string, v reflect.Value) {
	t.Helper()
	if f, ok := v.Interface().(*providers.Fields); ok {
		if f != shared(f) {
			t.Errorf("%s: Fields of its own", at)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			unshared(t, at, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			unshared(t, at, v.Index(i))
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() {
				unshared(t, at+"."+f.Name, field)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range []any{nil, Absent{}, Count(3), Rows{Rows: []Row{{Known: providers.Only("a")}}}, Family{}} {
		b, err := encode(Entry{Value: v})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, v := range []any{&providers.Affiliate{Node: providers.Node{ID: providers.ID{Account: "a", Noun: providers.NounAffiliate, Local: "1"}}, Memberships: []*providers.Membership{nil}}, (*providers.Campaign)(nil)} {
		b, err := encode(Entry{Value: v})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decode(b)
		if err != nil {
			return
		}
		again, err := encode(e)
		if err != nil {
			t.Skip() // a year that RFC 3339 does not write
		}
		got, err := decode(again)
		if err != nil {
			t.Fatalf("what was decoded and encoded cannot be decoded: %v\n%s", err, again)
		}
		third, err := encode(got)
		if err != nil || !bytes.Equal(again, third) {
			t.Errorf("not the same twice: %v\n%s\n%s", err, again, third)
		}
	})
}

func TestShape(t *testing.T) {
	type inner struct{ A int }
	type base struct {
		A string
		B []*inner
	}
	of := func(v ...any) string {
		types := make([]reflect.Type, len(v))
		for i := range v {
			types[i] = reflect.TypeOf(v[i])
		}
		return shapeOf(types)
	}
	want := of(base{})
	if got := of(base{}); got != want {
		t.Errorf("the same type has the shapes %s and %s", want, got)
	}
	seen := map[string]string{want: "the original"}
	{
		type inner struct{ A int64 }
		type base struct {
			A string
			B []*inner
		}
		seen[of(base{})] = "another type, deep inside"
	}
	{
		type base struct {
			A string
			B []*inner
			C bool
		}
		seen[of(base{})] = "one more field"
	}
	{
		type base struct {
			Z string
			B []*inner
		}
		seen[of(base{})] = "another name"
	}
	{
		type base struct {
			A string `json:"a"`
			B []*inner
		}
		seen[of(base{})] = "another tag"
	}
	{
		type base struct {
			A string
			B []inner
		}
		seen[of(base{})] = "no pointer"
	}
	seen[of(base{}, inner{})] = "one more type"
	if len(seen) != 7 {
		t.Errorf("some changes leave the shape as it is: %v", seen)
	}
	if a, b := of(base{}, inner{}), of(inner{}, base{}); a != b {
		t.Error("the order of types makes a shape")
	}
}
