package providertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// OddList is a list that [OddForms] tries.
type OddList[T providers.Record] struct {
	// Exchange is a stored page of the list, with one row at least.
	Exchange Exchange

	// Rows is the member of the reply that holds the rows; "" where the reply is the array
	// itself.
	Rows string

	// Renumber makes a row another one: with an id of its own, everywhere in it where the list's
	// records take theirs from, and older the larger n is.
	Renumber func(row map[string]any, n int)

	// Pagination, where the vendor has any, makes the reply page number of 2.
	Pagination func(reply map[string]any, number int)

	// Identity are the members without which a row is no record, as paths: "id", "promoter.id".
	Identity []string

	// Open makes an account at a vendor, with nothing remembered.
	Open func(t testing.TB, vendor http.Handler) providers.Provider

	// Plan plans the list.
	Plan func(p providers.Provider) ([]providers.List[T], error)
}

// oddForms are the JSON values that take the place of a member.
var oddForms = []string{
	`null`, `""`, `"text"`, `"12"`, `12`, `-1`, `12.5`, `1e400`, `59.970000000000006`, `12345678901234567890`, `0`, `1`, `true`, `"false"`,
	`[]`, `[null]`, `["x"]`, `{}`, `{"id":null}`, `{"id":{}}`, `"2026-03-01"`, `"2026-03-01T10:00:00"`, `"2026-03-01 10:00:00 UTC"`,
	`"0000-00-00 00:00:00"`, `"-0001-11-30T00:00:00.000000Z"`, `"1,075.00"`, `"$12.00"`, `"N/A"`, `"x (moved)"`,
}

// oddRows are the JSON values that take the place of a row. None of them is a record.
var oddRows = []string{`null`, `"text"`, `7`, `true`, `[]`, `{}`, `{"id":null}`, `{"id":[]}`}

// OddForms proves that one odd value costs one field, and one odd row one row. It makes two
// pages out of a stored one, and replaces each member of the second row, nested ones too,
// by each odd form in turn, takes each member away, and replaces the row itself. All other
// rows of both pages MUST be there, unchanged. The odd row MUST be there too, unless a
// member of its identity is odd or it is no record: then it MUST be counted as unread, or
// stand for a record. Of a record that stands inside the row, the page MUST NOT claim to
// know a field that it made of an odd form: that would take the place of a sound reading.
func OddForms[T providers.Record](t *testing.T, l OddList[T]) {
	t.Helper()
	var reply any
	d := json.NewDecoder(bytes.NewReader(l.Exchange.Body))
	d.UseNumber()
	if err := d.Decode(&reply); err != nil {
		t.Fatalf("%s: %v", l.Exchange.Name, err)
	}
	o := &oddList[T]{OddList: l, t: t, reply: reply}
	stored, _ := o.rows(reply).([]any)
	if len(stored) == 0 {
		t.Fatalf("%s has no rows in %q", l.Exchange.Name, l.Rows)
	}
	row := func(n int) map[string]any {
		r := clone(stored[0]).(map[string]any)
		l.Renumber(r, n)
		return r
	}
	// first is a page with odd as its second row. Where the reply does not say that a page
	// follows, it is long enough not to be taken for the last one.
	size := 12
	if l.Pagination != nil {
		size = 3
	}
	first := func(odd ...any) []any {
		rows := append([]any{row(1)}, odd...)
		for n := 3; n <= size; n++ {
			rows = append(rows, row(n))
		}
		return rows
	}
	second := []any{row(size + 1)}
	sound, unread := o.read(first(row(2)), second)
	related := o.related
	others, _ := o.read(first(row(size+2)), second)
	maps.DeleteFunc(others, func(id string, _ *T) bool { return sound[id] == nil })
	if unread != 0 || len(others) < size || len(sound) <= len(others) {
		t.Fatalf("%s: %d sound rows make %d records, one less %d, %d unread", l.Exchange.Name, size+1, len(sound), len(others), unread)
	}
	try := func(what string, odd any, identity, record bool) {
		t.Helper()
		got, unread := o.read(first(odd), second)
		for id, want := range others {
			if got[id] == nil {
				t.Errorf("%s, %s: the row %s is lost", l.Exchange.Name, what, id)
			} else if diff := Diff(got[id], want); diff != "" {
				t.Errorf("%s, %s: the row %s has changed: %s", l.Exchange.Name, what, id, diff)
			}
		}
		switch missing := len(sound) - len(got); {
		case record && !identity && missing != 0:
			t.Errorf("%s, %s: the odd row has lost %d records", l.Exchange.Name, what, missing)
		case missing > 0 && unread == 0:
			t.Errorf("%s, %s: %d records are missing, and no row is counted as unread", l.Exchange.Name, what, missing)
		}
	}
	for _, path := range pathsOf("", row(2)) {
		identity := slices.ContainsFunc(l.Identity, func(i string) bool { return i == path || strings.HasPrefix(i, path+".") })
		for _, form := range oddForms {
			odd := row(2)
			replace(odd, path, json.RawMessage(form))
			try(path+" = "+form, odd, identity, true)
			if inRecord(row(2), path) && !slices.Contains(blankForms, form) {
				for _, claim := range claims(o.related, related, form[0] == '[' || form[0] == '{') {
					t.Errorf("%s, %s = %s: %s", l.Exchange.Name, path, form, claim)
				}
			}
		}
		odd := row(2)
		remove(odd, path)
		try("without "+path, odd, identity, true)
	}
	for _, form := range oddRows {
		try("a row that is "+form, json.RawMessage(form), true, false)
	}
}

// EmptyObjects proves that an empty object in the place of a page's rows is a page without
// rows, where the envelope has its other members, and that an empty object by itself cannot
// be read.
func EmptyObjects[T providers.Record](t *testing.T, l OddList[T]) {
	t.Helper()
	var reply any
	if err := json.Unmarshal(l.Exchange.Body, &reply); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]bool{`{}`: false} // whether they can be read
	if envelope, ok := reply.(map[string]any); ok {
		bodies[`{"`+l.Rows+`":{}}`] = false
		envelope[l.Rows] = map[string]any{}
		if l.Pagination != nil {
			l.Pagination(envelope, 2)
		}
		body, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		bodies[string(body)] = true
	}
	for body, readable := range bodies {
		p := l.Open(t, Answer(http.StatusOK, body))
		lists, err := l.Plan(p)
		if err != nil {
			t.Fatal(err)
		}
		page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		switch {
		case (err == nil) != readable:
			t.Errorf("%s, answered by %s: %v; want it to be read: %v", l.Exchange.Name, body, err, readable)
		case err == nil && (len(page.Items) != 0 || page.Unread != 0 || page.More):
			t.Errorf("%s, answered by %s: %d rows, %d unread, more: %v", l.Exchange.Name, body, len(page.Items), page.Unread, page.More)
		}
	}
}

// oddList is an OddList being tried.
type oddList[T providers.Record] struct {
	OddList[T]
	t       *testing.T
	reply   any
	related providers.Harvest // of the last read
}

// rows are the rows of a reply.
func (o *oddList[T]) rows(reply any) any {
	if o.Rows == "" {
		return reply
	}
	return reply.(map[string]any)[o.Rows]
}

// page is the reply with these rows.
func (o *oddList[T]) page(rows []any, number int) []byte {
	var reply any = rows
	if o.Rows != "" {
		envelope := clone(o.reply).(map[string]any)
		envelope[o.Rows] = rows
		if o.Pagination != nil {
			o.Pagination(envelope, number)
		}
		reply = envelope
	}
	b, err := json.Marshal(reply)
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

// read walks the list of a vendor that has these two pages.
func (o *oddList[T]) read(first, second []any) (records map[string]*T, unread int) {
	o.t.Helper()
	pages := map[int][]byte{1: o.page(first, 1), 2: o.page(second, 2)}
	path := o.Exchange.URL().Path
	p := o.Open(o.t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get("page"))
		if err != nil {
			number = 1
		}
		body := pages[number]
		if !strings.HasSuffix(r.URL.Path, path) || r.Method != http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if body == nil {
			body = o.page([]any{}, number)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	lists, err := o.Plan(p)
	if err != nil {
		o.t.Fatal(err)
	}
	records, o.related = map[string]*T{}, providers.Harvest{}
	for _, l := range lists {
		for page, err := range providers.Pages(o.t.Context(), l, p, 10) {
			if err != nil {
				o.t.Errorf("%s: list %q: %v", o.Exchange.Name, l.Key, err)
				break
			}
			unread += page.Unread
			o.related.Add(page.Harvest)
			for _, r := range page.Items {
				records[fmt.Sprint(providers.NodeOf(r).ID)] = r
			}
		}
	}
	return records, unread
}

// pathsOf are the paths of all members below a value, without indexes of arrays.
func pathsOf(path string, v any) (paths []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			below := strings.TrimPrefix(path+"."+name, ".")
			paths = append(append(paths, below), pathsOf(below, v[name])...)
		}
	case []any:
		for _, e := range v {
			for _, p := range pathsOf(path, e) {
				if !slices.Contains(paths, p) {
					paths = append(paths, p)
				}
			}
		}
	}
	return paths
}

// holders are the objects that have the last member of a path, and its name.
func holders(v any, path string) (found []map[string]any, name string) {
	head, rest, deeper := strings.Cut(path, ".")
	switch v := v.(type) {
	case map[string]any:
		if deeper {
			return holders(v[head], rest)
		}
		return []map[string]any{v}, head
	case []any:
		for _, e := range v {
			in, last := holders(e, path)
			found, name = append(found, in...), last
		}
	}
	return found, name
}

func replace(v any, path string, by any) {
	in, name := holders(v, path)
	for _, m := range in {
		if _, ok := m[name]; ok {
			m[name] = by
		}
	}
}

func remove(v any, path string) {
	in, name := holders(v, path)
	for _, m := range in {
		delete(m, name)
	}
}

// clone copies a JSON value.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			out[name] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}
