package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// shapeText writes a shape as a test compares it: a line for each member.
func shapeText(members []providers.Member) string {
	var b strings.Builder
	for _, m := range members {
		types, _ := json.Marshal(m.Types)
		fmt.Fprintf(&b, "%s %s", m.Path, types)
		if m.Unnamed > 0 {
			fmt.Fprintf(&b, " +%d", m.Unnamed)
		}
		b.WriteString("\n")
	}
	return b.String()
}

var shapeRecords = []string{"", "data", "data.affiliate"}

func TestShape(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"rows": {
			`{"data": [{"id": 1, "affiliate": {"email": "a@b"}}, {"id": "2", "affiliate": "7"}, null]}`,
			`{"object":1}|data {"array":1}|data[] {"null":1,"object":2}|data[].id {"number":1,"string":1}|` +
				`data[].affiliate {"object":1,"string":1}|data[].affiliate.email {"string":1}`,
		},
		"array":                     {`[{"ok": true}, {"ok": null}]`, ` {"array":1}|[] {"object":2}|[].ok {"boolean":1,"null":1}`},
		"scalar":                    {`"x"`, ` {"string":1}`},
		"empty list":                {`[]`, ` {"array":1}`},
		"number beyond float64":     {`[1e999, 12345678901234567890]`, ` {"array":1}|[] {"number":2}`},
		"twice the same name":       {`{"a": 1, "a": {}}`, `{"object":1}|a {"number":1,"object":1}`},
		"keys of a map":             {`{"fields": {"jane": 1, "shoe_size": {"x": [1, {"y": 2}]}}, "b": 1}`, `{"object":1}|fields {"object":1} +2|b {"number":1}`},
		"list of maps":              {`{"fields": [{"a": 1}, {"b": 1}]}`, `{"object":1}|fields {"array":1}|fields[] {"object":2} +2`},
		"list in a list":            {`{"data": [[{"id": 1}]]}`, `{"object":1}|data {"array":1}|data[] {"array":1}|data[][] {"object":1}|data[][].id {"number":1}`},
		"names that are no field's": {`{"": 1, "a@b.example": 1, "Jane": 1, "o 1": 1, "a\u001b[31m": 1, "a\nb": 1, "ü": 1, "1": 1, "c4821": 1, "w9_form": 1}`, `{"object":1} +9|w9_form {"number":1}`},
		"long name":                 {`{"` + strings.Repeat("a", maxName) + `": 1, "` + strings.Repeat("b", maxName+1) + `": 1}`, `{"object":1} +1|` + strings.Repeat("a", maxName) + ` {"number":1}`},
		"not JSON":                  {`<html>`, "no"},
		"nothing":                   {``, "no"},
		"cut":                       {`{"data": [{"id": 1`, "no"},
		"more behind":               {`{} {}`, "no"},
		"rubbish behind":            {`{}]`, "no"},
	} {
		members, ok := Shape([]byte(c.text), shapeRecords)
		got, want := shapeText(members), strings.ReplaceAll(c.want, "|", "\n")+"\n"
		if strings.HasPrefix(want, "{") {
			want = " " + want
		}
		if !ok {
			got = "no\n"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// A text that is meant to exhaust the reader of a shape leaves a small one.
func TestShapeBounds(t *testing.T) {
	many := func(n int, member func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = member(i)
		}
		return strings.Join(all, ",")
	}
	letters := func(i int) string { return fmt.Sprintf("%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26) }
	for name, c := range map[string]struct{ text, want string }{
		"100,000 members": {
			`{"data": {` + many(100_000, func(i int) string { return fmt.Sprintf(`"%s_%s": "x"`, letters(i), letters(i/17576)) }) + `}, "after": 1}`,
			` {"object":1}|data {"object":1} +100000|after {"number":1}`,
		},
		"100,000 members, one an object": {
			`[` + many(100_000, func(i int) string { return `{"` + letters(i) + `": null}` }) + `]`,
			` {"array":1}|[] {"object":100000} +100000`,
		},
		"1 MB name":   {`{"` + strings.Repeat("a", 1<<20) + `": 1}`, ` {"object":1} +1`},
		"1 MB string": {`{"a": "` + strings.Repeat("a", 1<<20) + `"}`, ` {"object":1}|a {"string":1}`},
		"nested objects": {
			strings.Repeat(`{"data":`, 9000) + `1` + strings.Repeat(`}`, 9000),
			` {"object":1}|data {"object":1}|data.data {"object":1} +1`,
		},
		"nested arrays": {
			strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000),
			` {"array":1}` + many(maxNesting, func(i int) string { return "|" + strings.Repeat("[]", i+1) + ` {"array":1}` }),
		},
	} {
		members, ok := Shape([]byte(c.text), append(shapeRecords, "data"))
		want := strings.ReplaceAll(strings.ReplaceAll(c.want, ",|", "|"), "|", "\n") + "\n"
		if got := shapeText(members); !ok || got != want {
			t.Errorf("%s: got %t, %.600s\nwant %s", name, ok, got, want)
		}
	}
	wide := make([]string, 20)
	for i := range wide {
		wide[i] = strings.Repeat("a", i+1)
	}
	text := `{` + many(20, func(i int) string {
		return `"` + wide[i] + `": {` + many(90, func(i int) string { return `"` + letters(i) + `": 1` }) + `}`
	}) + `}`
	if members, ok := Shape([]byte(text), append(wide, "")); !ok || len(members) != maxMembers+1 {
		t.Errorf("20 records of 90 members have %d places, want %d", len(members), maxMembers+1)
	}
}

func FuzzShape(f *testing.F) {
	for _, seed := range []string{`{"data": [{"id": 1}]}`, `[[[]]]`, `{"a": {"b": 1}}`, `{]`, "\"\\ud800\"", `{"a": tru}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		members, ok := Shape(text, shapeRecords)
		if ok && !json.Valid(text) {
			t.Errorf("%q is no JSON, and has a shape", text)
		}
		for _, m := range members {
			for part := range strings.SplitSeq(strings.ReplaceAll(m.Path, "[]", ""), ".") {
				if part != "" && !isFieldName(part) {
					t.Errorf("%q names %q", text, m.Path)
				}
			}
		}
	})
}
