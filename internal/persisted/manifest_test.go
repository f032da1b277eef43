package persisted

import (
	"fmt"
	"strings"
	"testing"
)

// TestManifests wants the manifests of each generator read, whatever ids they have.
func TestManifests(t *testing.T) {
	const document = "query Portal { viewer { name } }"
	for name, text := range map[string]string{
		"Apollo":                        `{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"a1","name":"Portal","type":"query","body":"` + document + `","clientName":null}]}`,
		"Relay":                         `{"a1":"` + document + `"}`,
		"an id twice, for one document": `{"a1":"` + document + `","a1":"` + document + `"}`,
	} {
		m, err := ParseManifest([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, id := range []string{"a1", Hash(document), "sha256:" + Hash(document)} {
			if got, ok := m.Get(id); !ok || got != document {
				t.Errorf("%s: %s is %q, %t", name, id, got, ok)
			}
		}
		if n, ok := m.Name(document); !ok || n != "Portal" || m.Len() != 1 {
			t.Errorf("%s: the name is %q, %t, of %d", name, n, ok, m.Len())
		}
		for _, id := range []string{"", "a2", "sha256:a2", "A1"} {
			if _, ok := m.Get(id); ok {
				t.Errorf("%s: there is a document %q", name, id)
			}
		}
		if _, ok := m.Name(document + " "); ok {
			t.Errorf("%s: another document has a name", name)
		}
	}
}

// TestBadManifests wants everything else refused, and told why.
func TestBadManifests(t *testing.T) {
	for text, want := range map[string]string{
		``: "found no JSON object", `[]`: "found no JSON object", `null`: "found no JSON object", `{`: "EOF",
		`{}`: "no documents",
		`{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}`: "found version 2",
		`{"format":"apollo-persisted-query-manifest","version":1,"operations":[]}`: "no documents",
		`{"format":"other","version":1,"operations":[]}`:                           `"format"`, // as a document
		`{"a":"{ viewer { name } }","a":"{ viewer { role } }"}`:                    "two documents",
		`{"a":"{ viewer"}`:                                 "cannot be parsed",
		`{"a":"fragment F on Viewer { name }"}`:            "no operation",
		`{"a":["{ viewer { name } }"]}`:                    "is not the text of a document",
		`{"":"{ viewer { name } }"}`:                       "expected 1 to",
		`{"a":"{ viewer { name } }"} {}`:                   "found more",
		`{"a":"{ ` + strings.Repeat("x ", Longest) + `}"}`: "are allowed",
		`{"` + strings.Repeat("a", 300) + `":"{ a }"}`:     "expected 1 to",
		`{"a":"` + strings.Repeat(" ", maxManifest) + `"}`: "more than",
	} {
		if m, err := ParseManifest([]byte(text)); err == nil || m != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
	var many strings.Builder
	for i := range maxDocuments + 1 {
		fmt.Fprintf(&many, `,"%d":"{ a%d }"`, i, i)
	}
	if _, err := ParseManifest([]byte("{" + many.String()[1:] + "}")); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too many documents: %v", err)
	}
}

// FuzzManifest wants no manifest to panic, and each that is read to hold what it says.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"a":"{ a }"}`))
	f.Add([]byte(`{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"a","body":"{a}"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if (m == nil) != (err != nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err == nil && m.Len() == 0 {
			t.Error("an empty manifest is read")
		}
	})
}
