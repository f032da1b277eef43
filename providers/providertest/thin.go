package providertest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// ThinList is a list that [ThinRows] tries.
type ThinList[T providers.Record] struct {
	OddList[T]

	// Single is the path of the read of a row's record, and its reply; nil where there is
	// no such read.
	Single func(row map[string]any) (path string, reply any)

	// ByID reads records by their ids.
	ByID func(r providers.Reader, ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[T], error)

	// Nullable are the members that the contract lets the vendor leave out where they are empty.
	Nullable []string
}

// ThinRows proves that a row of a list knows only what its object has. It takes each member
// of a row away in turn. The row MUST NOT claim the fields that were made of it, and one
// read of the record MUST bring them. Where that read does not tell the member either, its
// fields MUST be known to be null, and rows of later pages MUST NOT be read again. Where
// there is no such read, and for nullable members, the row MUST know as much as a whole
// one.
func ThinRows[T providers.Record](t *testing.T, l ThinList[T]) {
	t.Helper()
	var reply any
	if err := json.Unmarshal(l.Exchange.Body, &reply); err != nil {
		t.Fatal(err)
	}
	o := &oddList[T]{OddList: l.OddList, t: t, reply: reply}
	row := func(n int) map[string]any {
		r := clone(o.rows(reply).([]any)[0]).(map[string]any)
		l.Renumber(r, n)
		return r
	}
	tried := 0
	for _, name := range slices.Sorted(maps.Keys(row(1))) {
		if slices.ContainsFunc(l.Identity, func(i string) bool { return i == name || strings.HasPrefix(i, name+".") }) {
			continue
		}
		for _, told := range []bool{true, false} { // whether the single read has the member
			v := &thinVendor[T]{
				o:       o,
				list:    l.Exchange.URL().Path,
				rows:    []any{row(1)},
				singles: map[string][]byte{},
				read:    map[string]int{},
			}
			var whole *T
			for _, whole = range v.page(l.Open(t, v)) {
			}
			if whole == nil {
				t.Fatalf("%s: no record of a row", l.Exchange.Name)
			}
			path := ""
			for i := range 2 {
				single, thin := row(i+1), row(i+1)
				delete(thin, name)
				if !told {
					single = thin
				}
				if i == 0 {
					v.rows[0] = thin
				} else {
					v.rows = append(v.rows, single)
				}
				if l.Single != nil {
					at, reply := l.Single(single)
					v.serve(at, reply)
					if i == 0 {
						path = at
					}
				}
			}
			v.try(l.Open(t, v), l, name, path, whole, told, &tried)
		}
	}
	if l.Single != nil && tried == 0 {
		t.Errorf("%s: no row was thin", l.Exchange.Name)
	}
}

// thinVendor has one page of a list, and single records. It counts how often each is read.
type thinVendor[T providers.Record] struct {
	o       *oddList[T]
	list    string
	rows    []any
	singles map[string][]byte
	read    map[string]int
}

func (v *thinVendor[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.read[r.URL.Path]++
	body, ok := v.singles[r.URL.Path]
	switch page := r.URL.Query().Get("page"); {
	case ok:
	case !strings.HasSuffix(r.URL.Path, v.list):
		w.WriteHeader(http.StatusNotFound)
		return
	case page != "" && page != "1":
		body = v.o.page([]any{}, 2)
	default:
		body = v.o.page(v.rows, 2)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func (v *thinVendor[T]) serve(path string, reply any) {
	body, err := json.Marshal(reply)
	if err != nil {
		v.o.t.Fatal(err)
	}
	v.singles[path] = body
}

// page reads the list, by id.
func (v *thinVendor[T]) page(p providers.Provider) map[providers.ID]*T {
	v.o.t.Helper()
	lists, err := v.o.Plan(p)
	if err != nil {
		v.o.t.Fatal(err)
	}
	page, err := lists[0].Page(v.o.t.Context(), providers.PageRequest{Number: 1, Reader: p})
	if err != nil {
		v.o.t.Fatal(err)
	}
	records := map[providers.ID]*T{}
	for _, row := range page.Items {
		records[providers.NodeOf(row).ID] = row
	}
	return records
}

// lacking are the fields that a record knows and another does not.
func lacking[T providers.Record](whole, thin *T) (fields []string) {
	more, less := providers.NodeOf(whole).Known, providers.NodeOf(thin).Known
	for _, f := range providers.ComparedFields(reflect.TypeFor[T]()) {
		if more.Covers(f.GraphQL) && !less.Covers(f.GraphQL) && !slices.Contains(fields, f.GraphQL) {
			fields = append(fields, f.GraphQL)
		}
	}
	return fields
}

// try reads a page whose first row lacks a member, and then what that row does not know.
func (v *thinVendor[T]) try(p providers.Provider, l ThinList[T], name, single string, whole *T, told bool, tried *int) {
	t := v.o.t
	t.Helper()
	rows := v.page(p)
	id := providers.NodeOf(whole).ID
	thin := rows[id]
	if len(rows) != 2 || thin == nil {
		t.Errorf("%s without %s: %d records of two rows, the thin one among them: %v", l.Exchange.Name, name, len(rows), thin != nil)
		return
	}
	need := lacking(whole, thin)
	claimed := Diff(thin, whole)
	switch nullable := l.Single == nil || slices.Contains(l.Nullable, name); {
	case nullable && len(need) > 0:
		t.Errorf("%s without %s does not know %v, which nothing tells", l.Exchange.Name, name, need)
	case !nullable && claimed != "":
		t.Errorf("%s without %s claims what it was not told: %s", l.Exchange.Name, name, claimed)
	}
	if len(need) == 0 {
		return
	}
	*tried++
	b, err := l.ByID(p, t.Context(), slices.Collect(maps.Keys(rows)), need...)
	if err != nil || b.Found[id] == nil || len(b.Failed) > 0 {
		t.Errorf("%s without %s: reads %+v, %v", l.Exchange.Name, name, b, err)
		return
	}
	found := b.Found[id]
	if still := lacking(whole, found); len(still) > 0 || v.read[single] != 1 {
		t.Errorf("%s without %s: after %d reads %v is not known", l.Exchange.Name, name, v.read[single], still)
	}
	if diff := Diff(found, whole); told && diff != "" {
		t.Errorf("%s without %s, read by itself: %s", l.Exchange.Name, name, diff)
	}
	again := lacking(whole, v.page(p)[id])
	if told != (len(again) > 0) {
		t.Errorf("%s without %s, which the record has: %v; the next page does not know %v", l.Exchange.Name, name, told, again)
	}
}
