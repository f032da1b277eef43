package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

type person struct {
	Members
	ID    int64  `json:"id"`
	Email string `json:"email"`
}

// WireID is the id as a text.
func (p person) WireID() string {
	if p.ID == 0 {
		return ""
	}
	return strconv.FormatInt(p.ID, 10)
}

type base struct {
	ID   string    `json:"id"`
	Made time.Time `json:"created_at"`
}

type sale struct {
	base
	Text   *string           `json:"text"`
	Count  *int64            `json:"count"`
	Flag   *bool             `json:"flag"`
	Seen   *time.Time        `json:"seen"`
	Owner  *person           `json:"owner"`
	Other  Related[person]   `json:"other"`
	Ids    []int64           `json:"ids"`
	Words  []string          `json:"words"`
	People []person          `json:"people"`
	Amount providers.Decimal `json:"amount"`
}

// read decodes one row whose other members are sound.
func read(t *testing.T, member string) (sale, []Oddity) {
	t.Helper()
	var rows Rows[sale]
	body := `[{"id":"1","created_at":"2026-03-01T10:00:00Z",` + member + `},{"id":"2"}]`
	odd, err := Decode([]byte(body), &rows)
	if err != nil || len(rows.All) != 2 || rows.Unread != 0 || rows.All[0].ID != "1" || rows.All[0].Made.IsZero() || rows.All[1].ID != "2" {
		t.Fatalf("%s: %+v, %v; want both rows", member, rows, err)
	}
	return rows.All[0], odd
}

// TestOneOddValueCostsOneField reads every form into every kind of field.
func TestOneOddValueCostsOneField(t *testing.T) {
	ten := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		member string
		want   func(s *sale) // what the row has beside its id
		odd    string        // the field that is reported
	}{
		{`"text":7`, func(s *sale) { s.Text = new("7") }, ""},
		{`"text":7.00`, func(s *sale) { s.Text = new("7") }, ""},
		{`"text":7.5`, func(s *sale) { s.Text = new("7.5") }, ""},
		{`"text":1e21`, func(s *sale) { s.Text = new("1e21") }, ""},
		{`"text":12345678901234567890`, func(s *sale) { s.Text = new("12345678901234567890") }, ""},
		{`"text":true`, func(*sale) {}, "text"},
		{`"text":false`, func(*sale) {}, "text"},
		{`"text":0`, func(*sale) {}, "text"},
		{`"text":0.0`, func(*sale) {}, "text"},
		{`"text":-0`, func(*sale) {}, "text"},
		{`"text":0e5`, func(*sale) {}, "text"},
		{`"text":"0"`, func(s *sale) { s.Text = new("0") }, ""},
		{`"text":"false"`, func(s *sale) { s.Text = new("false") }, ""},
		{`"text":""`, func(s *sale) { s.Text = new("") }, ""},
		{`"text":[]`, func(*sale) {}, "text"},
		{`"text":{}`, func(*sale) {}, "text"},
		{`"text":null`, func(*sale) {}, ""},
		{`"count":"12"`, func(s *sale) { s.Count = new(int64(12)) }, ""},
		{`"count":12.0`, func(s *sale) { s.Count = new(int64(12)) }, ""},
		{`"count":12.5`, func(*sale) {}, "count"},
		{`"count":1e3`, func(*sale) {}, "count"},
		{`"count":""`, func(*sale) {}, ""},
		{`"count":" "`, func(*sale) {}, ""},
		{`"count":"\u00a0\t"`, func(*sale) {}, ""},
		{`"count":0`, func(s *sale) { s.Count = new(int64(0)) }, ""},
		{`"count":false`, func(*sale) {}, "count"},
		{`"flag":" "`, func(*sale) {}, ""},
		{`"seen":" "`, func(*sale) {}, ""},
		{`"count":"1,075"`, func(*sale) {}, "count"},
		{`"count":12345678901234567890`, func(*sale) {}, "count"},
		{`"count":[]`, func(*sale) {}, "count"},
		{`"count":true`, func(*sale) {}, "count"},
		{`"flag":1`, func(s *sale) { s.Flag = new(true) }, ""},
		{`"flag":0`, func(s *sale) { s.Flag = new(false) }, ""},
		{`"flag":"false"`, func(s *sale) { s.Flag = new(false) }, ""},
		{`"flag":"perhaps"`, func(*sale) {}, "flag"},
		{`"flag":{}`, func(*sale) {}, "flag"},
		{`"seen":"2026-03-01T10:00:00.000000Z"`, func(s *sale) { s.Seen = &ten }, ""},
		{`"seen":"2026-03-01T12:00:00+02:00"`, func(s *sale) { s.Seen = &ten }, ""},
		{`"seen":"2026-03-01T10:00:00"`, func(s *sale) { s.Seen = &ten }, ""},
		{`"seen":"2026-03-01 10:00:00"`, func(s *sale) { s.Seen = &ten }, ""},
		{`"seen":"2026-03-01 10:00:00 UTC"`, func(s *sale) { s.Seen = &ten }, ""},
		{`"seen":"2026-03-01 10:00:00+00"`, func(s *sale) { s.Seen = &ten }, ""},
		{`"seen":"2026-03-01"`, func(s *sale) { s.Seen = new(ten.Add(-10 * time.Hour)) }, ""},
		{`"seen":""`, func(*sale) {}, ""},
		{`"seen":"0000-00-00 00:00:00"`, func(*sale) {}, "seen"},
		{`"seen":"-0001-11-30T00:00:00.000000Z"`, func(*sale) {}, "seen"},
		{`"seen":"0001-01-01T00:00:00Z"`, func(*sale) {}, "seen"},
		{`"seen":"2026-03-01 10:00:00 EST"`, func(*sale) {}, "seen"},
		{`"seen":1772359200`, func(*sale) {}, "seen"},
		{`"seen":[]`, func(*sale) {}, "seen"},
		{`"owner":[]`, func(*sale) {}, "owner"},
		{`"owner":"7"`, func(*sale) {}, "owner"},
		{`"owner":""`, func(*sale) {}, ""},
		{`"owner":{"id":7,"email":["x"]}`, func(s *sale) { s.Owner = &person{ID: 7} }, "owner.email"},
		{`"other":"7"`, func(s *sale) { s.Other.ID = "7" }, ""},
		{`"other":7`, func(s *sale) { s.Other.ID = "7" }, ""},
		{`"other":{}`, func(*sale) {}, ""},
		{`"other":{"id":null,"email":null}`, func(*sale) {}, ""},
		{`"other":[]`, func(*sale) {}, "other"},
		{`"other":false`, func(*sale) {}, "other"},
		{`"other":0`, func(*sale) {}, "other"},
		{`"other":{"id":0}`, func(*sale) {}, ""},
		{`"ids":" "`, func(s *sale) { s.Ids = []int64{} }, ""},
		{`"words":["a",false,5]`, func(s *sale) { s.Words = []string{"a", "5"} }, "words"},
		{`"ids":"801, 802"`, func(s *sale) { s.Ids = []int64{801, 802} }, ""},
		{`"ids":[802,null]`, func(s *sale) { s.Ids = []int64{802} }, "ids"},
		{`"ids":["802",{}]`, func(s *sale) { s.Ids = []int64{802} }, "ids"},
		{`"ids":{"0":803,"2":804}`, func(s *sale) { s.Ids = []int64{803, 804} }, ""},
		{`"ids":{"a":803}`, func(*sale) {}, "ids"},
		{`"ids":[]`, func(s *sale) { s.Ids = []int64{} }, ""},
		{`"ids":5`, func(*sale) {}, "ids"},
		{`"words":"a,b"`, func(s *sale) { s.Words = []string{"a", "b"} }, ""},
		{`"people":["x",{"id":1}]`, func(s *sale) { s.People = []person{{ID: 1}} }, "people"},
		{`"people":{}`, func(s *sale) { s.People = []person{} }, ""},
		{`"people":"x"`, func(*sale) {}, "people"},
		{`"unknown":{"a":[1]}`, func(*sale) {}, ""},
	}
	for _, tt := range tests {
		got, odd := read(t, tt.member)
		want := sale{base: got.base}
		tt.want(&want)
		forget(&got)
		if got.Other.Record = nil; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v; want %+v", tt.member, got, want)
		}
		if tt.odd == "" && len(odd) > 0 || tt.odd != "" && (len(odd) != 1 || odd[0].Field != tt.odd) {
			t.Errorf("%s: reported %v; want %q", tt.member, odd, tt.odd)
		}
	}
}

// forget takes the members out, which have tests of their own.
func forget(s *sale) {
	if s.Owner != nil {
		s.Owner.Members = Members{}
	}
	for i := range s.People {
		s.People[i].Members = Members{}
	}
}

// TestOneOddRowCostsOneRow counts what is no object, and rows whose record has no id.
func TestOneOddRowCostsOneRow(t *testing.T) {
	var rows Rows[sale]
	odd, err := Decode([]byte(`[{"id":"1"},null,"x",[],{"id":""},{"id":"hidden"},{"id":"2"}]`), &rows)
	if err != nil || rows.Unread != 3 || rows.Sent() != 7 || len(odd) != 3 {
		t.Fatalf("%+v, odd %v, %v; want three elements unread", rows, odd, err)
	}
	page := PageOf(&rows, record)
	if len(page.Items) != 2 || page.Unread != 4 || page.Mark == 0 {
		t.Errorf("a page of %d rows, %d unread, mark %d; want 2, 4 and a mark", len(page.Items), page.Unread, page.Mark)
	}
}

func record(s *sale) *providers.Affiliate {
	switch s.ID {
	case "hidden":
		return nil
	case "":
		return &providers.Affiliate{}
	}
	return &providers.Affiliate{Node: providers.Node{ID: providers.ID{Account: "a", Noun: providers.NounAffiliate, Local: s.ID}}}
}

// TestMark tells pages of other rows apart, and those of the same rows not, in whatever order.
func TestMark(t *testing.T) {
	mark := func(body string) uint64 {
		var rows Rows[sale]
		if _, err := Decode([]byte(body), &rows); err != nil {
			t.Fatal(err)
		}
		return PageOf(&rows, record).Mark
	}
	first := mark(`[{"id":"1","count":1},{"id":"2"}]`)
	for body, same := range map[string]bool{
		`[{"id":"1","count":2},{"id":"2"}]`: true, // a counter moves on, and the row is the same
		`[{"id":"2"},{"id":"1"}]`:           true,
		`[{"id":"1"},{"id":"3"}]`:           false,
		`[{"id":"1"}]`:                      false,
		`[]`:                                false,
		`[{"id":"1"},{"id":""}]`:            false,
		`[{"id":"hidden"},{"id":"2"}]`:      false,
	} {
		if got := mark(body) == first; got != same {
			t.Errorf("%s has the mark of the page: %v; want %v", body, got, same)
		}
	}
	for _, body := range []string{`[]`, `[null,{"id":""}]`} {
		if again := mark(body); again == 0 || mark(body) != again {
			t.Errorf("%s has no mark", body)
		}
	}
	for _, body := range []string{`[null,null]`, `["row"]`, `[null,"row",12,[]]`} { // they say nothing, and the list may go on behind them
		if mark(body) != 0 {
			t.Errorf("%s has a mark", body)
		}
	}
}

func TestFormsOfLists(t *testing.T) {
	for body, want := range map[string]Form{
		`[]`: FormArray, `{"data":[]}`: FormArray, `{"data":{}}`: FormOther, `{"data":{},"meta":{}}`: FormArray, `{}`: FormOther, `"x"`: FormOther, `null`: FormNull,
	} {
		var list Enveloped[sale]
		if _, err := Decode([]byte(body), &list); err != nil || list.Form != want {
			t.Errorf("%s has the form %v (%v); want %v", body, list.Form, err, want)
		}
	}
	var reply Reply[struct {
		Data   Rows[sale] `json:"data"`
		Status string     `json:"status"`
	}]
	for body, want := range map[string]Form{
		`{"data":{"id":"1"}}`: FormObject, `{}`: FormAbsent, `{"data":null}`: FormNull, `{"data":3}`: FormOther,
	} {
		if err := reply.UnmarshalJSON([]byte(body)); err != nil || reply.Value.Data.Form != want {
			t.Errorf("%s has the form %v (%v); want %v", body, reply.Value.Data.Form, err, want)
		}
	}
	for body, want := range map[string]bool{ // whether an object is a list
		`{"data":{"id":"1"},"status":200}`: false, `{"data":{}}`: false, `{"data":{},"unknown":1}`: false, `{"data":{},"status":200}`: true,
	} {
		if err := reply.UnmarshalJSON([]byte(body)); err != nil || reply.Value.Data.IsList() != want {
			t.Errorf("%s is a list: %v (%v); want %v", body, !want, err, want)
		}
	}
	for _, body := range []string{`[]`, `null x`, ``, `"x"`, `{"data":`} {
		if err := reply.UnmarshalJSON([]byte(body)); err == nil {
			t.Errorf("%q is taken for a reply", body)
		}
	}
}

// TestKnowledge derives what is known from the members that were there.
func TestKnowledge(t *testing.T) {
	k := NewKnowledge([]string{"providerId", "commissions"}, map[string]string{"email": "email", "name": "first_name last_name"})
	members := func(body string) Members {
		var p person
		if _, err := Decode([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		return p.Members
	}
	if f := k.Fields(members(`{"id":1,"email":null,"first_name":"A","last_name":""}`)); f != nil {
		t.Errorf("an object with every member knows %+v; want all", f)
	}
	bare := k.Fields(members(`{"id":1}`))
	if !bare.Covers("id", "providerId", "commissions") || bare.Covers("email") || bare.Covers("name") || bare.Covers() {
		t.Errorf("a bare id knows %+v", bare)
	}
	if half := k.Fields(members(`{"id":1,"email":"a","first_name":"A"}`)); !half.Covers("email") || half.Covers("name") {
		t.Errorf("an object without a last name knows %+v", half)
	}
	if k.Fields(members(`{"id":2}`)) != bare {
		t.Error("equal knowledge is not the same value")
	}
}

// TestMarks makes pages of neighboring ids, of many sizes and steps: no two have equal
// marks, and a page has the same mark in any order.
func TestMarks(t *testing.T) {
	type row struct {
		ID string `json:"id"`
	}
	convert := func(w *row) *providers.Affiliate {
		return &providers.Affiliate{Node: providers.Node{ID: providers.ID{Account: "a", Noun: providers.NounAffiliate, Local: w.ID}}}
	}
	for _, step := range []int{1, 2, 7} {
		for _, size := range []int{1, 4, 20, 40, 100} {
			seen := map[uint64]int{}
			for page := range 200 {
				rows := &Rows[row]{}
				for i := range size {
					rows.All = append(rows.All, row{strconv.Itoa(1_000_000 + (page*size+i)*step)})
				}
				mark := PageOf(rows, convert).Mark
				slices.Reverse(rows.All)
				if again := PageOf(rows, convert).Mark; again != mark {
					t.Fatalf("page %d of %d rows in steps of %d has another mark backwards", page, size, step)
				}
				if other, ok := seen[mark]; ok {
					t.Errorf("pages %d and %d of %d rows in steps of %d have the same mark", other, page, size, step)
				}
				seen[mark] = page
			}
		}
	}
}

// TestExtent ends a list only where its end is proven.
func TestExtent(t *testing.T) {
	ctx := t.Context()
	e := new(Extent)
	e.More(ctx, 100) // the largest page so far
	for range 2 {    // whatever pages came before
		for rows, want := range map[int]bool{
			0: false, 1: false, 5: false, 7: false, 13: false, 49: false, // few, and no usual page size
			10: true, 12: true, 20: true, 24: true, 25: true, 30: true, // usual page sizes
			50: true, 63: true, 97: true, 99: true, // pages that rows may have been taken out of
			100: true, 101: true, 250: true,
		} {
			if got := e.More(ctx, rows); got != want {
				t.Errorf("a page of %d rows may have another behind it: %v; want %v", rows, got, want)
			}
		}
	}
	if e.PageSize(100) != 100 || new(Extent).PageSize(100) != 100 {
		t.Error("a page has more rows than are asked for")
	}
	for most := 1; most < 100; most++ { // the vendor gives so many rows a page
		for rows := 1; rows <= most; rows++ {
			e := new(Extent)
			e.More(ctx, most)
			if got := e.More(ctx, rows); rows >= minPage && 2*rows >= most && !got {
				t.Errorf("a page of %d rows at a vendor that gives %d is the last one", rows, most)
			} else if rows == 13 && most > 26 && got {
				t.Errorf("a page of %d rows at a vendor that gives %d is not the last one", rows, most)
			}
		}
	}
	proof := providers.WithProof(ctx)
	for rows := range 300 {
		if got := e.More(proof, rows); got != (rows > 0) {
			t.Errorf("where a proof is wanted, a page of %d rows may have another behind it: %v", rows, got)
		}
	}
	lesson := providers.Lessons()
	e.More(ctx, 351)
	if providers.Lessons() == lesson {
		t.Error("a larger page is no lesson")
	}
	whole := new(Extent)
	if whole.Pages() != -1 {
		t.Error("the length of a list that was never read is known")
	}
	for n, rows := range []int{100, 100, 0} {
		whole.Saw(n+1, rows, whole.More(ctx, rows))
	}
	if whole.Pages() != 2 {
		t.Errorf("a list of two full pages and an empty one has %d pages; want 2", whole.Pages())
	}
	whole.Saw(50, 0, false)
	if whole.Pages() != 2 {
		t.Errorf("a page far beyond the end says that the list has %d pages; want 2", whole.Pages())
	}
	whole.Saw(3, 7, whole.More(ctx, 7))
	if whole.Pages() != 3 {
		t.Errorf("the list has %d pages after its third one; want 3", whole.Pages())
	}
}

// TestLog reports each kind once, and no value.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	l := NewLog(slog.New(slog.NewTextHandler(&out, nil)), "acme")
	var rows Rows[sale]
	odd, err := Decode([]byte(`[{"id":"1","text":["secret"]},{"id":"2","text":["secret"],"count":"secret"}]`), &rows)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.Odd("GET /sales", odd)
		l.Unread("GET /sales", 2)
		l.Page("GET /sales", 100, 100)
		l.Page("GET /sales", 250, 100)
	}
	if got := strings.Count(out.String(), "\n"); got != 4 || strings.Contains(out.String(), "secret") {
		t.Errorf("the log has %d lines; want 4, without a value:\n%s", got, out.String())
	}
}

// FuzzDecode never fails on a list, and never loses an object that has an id.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"id":"1"}`, `{"id":[]}`, `{"owner":{"id":{}},"ids":{"1":2}}`, `null`, `7`, `{"seen":"2026-03-01"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, element []byte) {
		body := slices.Concat([]byte(`[{"id":"a"},`), element, []byte(`,{"id":"z"}]`))
		var rows Rows[sale]
		if _, err := Decode(body, &rows); err != nil {
			return // not JSON
		}
		if n := len(rows.All); n < 2 || rows.All[0].ID != "a" || rows.All[n-1].ID != "z" {
			t.Errorf("%s beside two sound rows makes %+v", element, rows.All)
		}
	})
}

// TestRowsAreBounded wants a reply with more rows than any page has to be refused as that,
// before the rows are decoded, and in every place where rows may stand.
func TestRowsAreBounded(t *testing.T) {
	for _, beyond := range []int{0, 1, 500} {
		array := "[" + strings.TrimSuffix(strings.Repeat(`{"id":"1"},`, maxRows+beyond), ",") + "]"
		var listed strings.Builder
		for i := range maxRows + beyond {
			fmt.Fprintf(&listed, `,"%d":{}`, 2*i)
		}
		for place, body := range map[string]string{"alone": array, "enveloped": `{"data":` + array + `}`, "numbered": "{" + listed.String()[1:] + "}"} {
			var list Enveloped[base]
			_, err := Decode([]byte(body), &list)
			if beyond > 0 && !errors.Is(err, errManyRows) || beyond == 0 && (err != nil || len(list.All) != maxRows || list.Unread > 0) {
				t.Errorf("%d beyond, %s: %d rows, %d unread, %v", beyond, place, len(list.All), list.Unread, err)
			}
		}
	}
}

// TestDecodeStops wants decoding to end with its context, wherever it is in the reply.
func TestDecodeStops(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, body := range []string{
		`[` + strings.Repeat(`{"id":1},`, 5000) + `{}]`,
		`[{"ids":[` + strings.Repeat(`1,`, 5000) + `1]}]`,
		`[{"people":[` + strings.Repeat(`{"id":1},`, 5000) + `{}]}]`,
	} {
		var list Reply[Enveloped[sale]]
		if err := list.DecodeReply(ended, []byte(body)); !errors.Is(err, context.Canceled) {
			t.Errorf("%.40s: got %v", body, err)
		}
		if err := list.DecodeReply(t.Context(), []byte(body)); err != nil || len(list.Value.All) == 0 {
			t.Errorf("%.40s: got %v", body, err)
		}
	}
}

// TestNumberedRows wants PHP's form of an array with gaps to be read wherever a list may
// stand, in the order of the numbers. Any other object is one record.
func TestNumberedRows(t *testing.T) {
	for body, want := range map[string]string{
		`{"0":{"id":"a"},"2":{"id":"c"},"10":{"id":"k"}}`:         "a c k",
		`{"data":{"0":{"id":"a"},"2":{"id":"c"},"1":{"id":"b"}}}`: "a b c",
		`{"data":{"7":{"id":"a"}},"x":1}`:                         "a",
		`{"data":{"id":"a"}}`:                                     "none",
		`{"data":{}}`:                                             "none",
		`{"01":{"id":"a"}}`:                                       "none",
		`{"0":{"id":"a"},"more":true}`:                            "none",
		`[{"id":"a,]}"},{"id":"b\"\\"},{"id":"c","x":[[1],{}]}]`:  "a,]} b\"\\ c",
	} {
		var list Enveloped[base]
		_, err := Decode([]byte(body), &list)
		got := "none"
		if list.Form == FormArray {
			got = ""
			for _, row := range list.All {
				got += " " + row.ID
			}
			got = strings.TrimSpace(got)
		}
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", body, got, err, want)
		}
	}
}
