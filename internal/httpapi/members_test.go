package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestPick wants the members read as encoding/json reads them, and none besides.
func TestPick(t *testing.T) {
	values := []string{`1`, `-1.5e3`, `true`, `null`, `""`, `"a\\\"b"`, `"}],{"`, `"\u0061"`, `[]`, `{}`, `[1,[2,{"a":"]"}]]`, `{"a":{"b":[1,2]},"c":"}"}`}
	names := []string{`a`, `b`, `\u0061`, `other`, `\"`, ``}
	var objects []string
	for _, space := range []string{"", " ", "\r\n\t "} {
		for i, v := range values {
			for j, name := range names {
				another := values[(i+j)%len(values)]
				objects = append(objects, strings.ReplaceAll(`_{_"`+name+`"_:_`+v+`_,_"b"_:_`+another+`_,_"`+name+`x":`+v+`}_`, "_", space), strings.ReplaceAll(`_{_"`+name+`"_:_`+v+`_}_`, "_", space))
			}
		}
		objects = append(objects, space+"{"+space+"}"+space)
	}
	for _, object := range objects {
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(object), &want); err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		got := map[string]json.RawMessage{"a": nil, "b": nil, `"`: nil, "": nil}
		pick([]byte(object), got)
		for name, text := range got {
			if string(text) != string(want[name]) {
				t.Errorf("%s: %q is %s, want %s", object, name, text, want[name])
			}
		}
	}
}

// TestCountValues wants every value counted.
func TestCountValues(t *testing.T) {
	for text, want := range map[string]int{`1`: 1, `"a,{[\\\",b"`: 1, `[1,2,3]`: 3, `[]`: 1, `[{"":0},{"":0}]`: 5, `{"a":[1,"x"],"b":null}`: 5} {
		if got := countValues([]byte(text)); got < want || got > want+strings.Count(text, "[")+strings.Count(text, "{") {
			t.Errorf("%s has %d values, counted as %d", text, want, got)
		}
	}
}

// small is a JSON value that takes many times its bytes when it is decoded.
func small(bytes int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(`{"":0},`, bytes/7), ",") + "]"
}

// TestUnreadMembers wants what nobody reads of a request to take little memory, by each way
// to send it.
func TestUnreadMembers(t *testing.T) {
	const size = 90 << 10
	names := func(n int, pair, separator string) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(pair, i))
		}
		return strings.Join(parts, separator)
	}
	list := names(size/12, `"n%d":{}`, ",")
	many := "{" + list + "}"
	hash := persisted.Hash("{ __typename }")
	version := `"version":1,"sha256Hash":"` + hash + `"`
	h := New(Options{
		Resolvers: resolvers.New(resolvers.Options{Pages: 20, Calls: 50, Cost: 10_000, Logger: discard}), Logger: discard, Persisted: persisted.New(nil, 0, time.Now),
		Body: 100 << 10, Tokens: 5000, Depth: 12, Aliases: 50, Timeout: time.Hour,
	})
	for name, rest := range map[string]string{
		"a variable":                 `"variables":{"unused":` + small(size) + `}`,
		"variables":                  `"variables":` + many,
		"a member":                   `"unused":` + small(size),
		"members":                    list,
		"an extension":               `"extensions":{"unused":` + small(size) + `}`,
		"extensions":                 `"extensions":` + many,
		"a member of persistedQuery": `"extensions":{"persistedQuery":{` + version + `,"unused":` + small(size) + `}}`,
		"members of persistedQuery":  `"extensions":{"persistedQuery":{` + version + "," + list + `}}`,
		"a hash that is none":        `"extensions":{"persistedQuery":{"version":1,"sha256Hash":` + small(size) + `}}`,
		"a version that is none":     `"extensions":{"persistedQuery":{"version":` + small(size) + `}}`,
		"variables that are none":    `"variables":` + small(size),
		"extensions that are none":   `"extensions":` + small(size),
		"a query that is none":       `"query":` + small(size),
		"a name that is none":        `"operationName":` + small(size),
		"a long name":                `"operationName":"` + strings.Repeat("n", size) + `"`,
		"pairs of a URL":             names(1500, "n%d=1", "&"),
		"variables in a URL":         url.Values{"variables": {`{"unused":` + small(4<<10) + `}`}}.Encode(),
		"extensions in a URL":        url.Values{"extensions": {`{"unused":` + small(4<<10) + `}`}}.Encode(),
	} {
		body := `{"query":"{ __typename }",` + rest + `}`
		ask := func() *httptest.ResponseRecorder {
			r := httptest.NewRequest("POST", "http://localhost/graphql", strings.NewReader(body))
			if strings.HasSuffix(name, "URL") {
				body = "query=%7B__typename%7D&" + rest
				r = httptest.NewRequest("GET", "http://localhost/graphql?"+body, nil)
			}
			r.Header.Set("Content-Type", plainJSON)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		wrong := strings.Contains(name, "none") || name == "a long name"
		if w := ask(); w.Code != 200 && !wrong || w.Code != 400 && wrong && name != "a long name" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if n := allocated(func() { ask() }); n > 6*uint64(len(body))+64<<10 {
			t.Errorf("%s: a request of %d bytes allocates %d", name, len(body), n)
		}
	}
}

// allocated is how many bytes a function allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestHeldWeight wants what is kept of a request to weigh while it is executed: values of
// its variables, and a long document.
func TestHeldWeight(t *testing.T) {
	tr := graphQL(Options{Resolvers: resolvers.New(resolvers.Options{Pages: 20, Calls: 50, Cost: 10_000, Logger: discard}), Body: 100 << 10, Tokens: 5000, Depth: 12, Aliases: 50, State: NewState(nil)},
		&partnerQuota{}, newDocuments(0), keptAnswers{})
	var list []string
	for i := range 150 {
		list = append(list, fmt.Sprint(i))
	}
	ids, _ := json.Marshal(list)
	for name, c := range map[string]struct {
		query, variables string
		least            int64
	}{
		"a list":          {`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, `{"ids":` + string(ids) + `}`, 150},
		"an object":       {`query ($f: AffiliateFilter) { affiliates(first: 1, filter: $f) { nodes { id } } }`, `{"f":{"ids":` + string(ids) + `}}`, 152},
		"many objects":    {`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, `{"ids":` + small(7000) + `}`, 2000},
		"a long document": {"{" + strings.Repeat(" # x\n", 2000) + " __typename }", "", 150},
		"unread":          {"{ __typename }", `{"ids":` + small(7000) + `}`, 0},
	} {
		r := &request{variables: json.RawMessage(c.variables)}
		r.Query = c.query
		op, errs := tr.create(startTrace(auth.WithViewer(t.Context(), auth.Local())), r, func() {})
		if len(errs) > 0 {
			op.Stats.SetExtension("values", 0) // what is refused is not executed; it was decoded
		}
		if got := weight(op, r); got < c.least || c.least == 0 && got != minWeight {
			t.Errorf("%s: %d, want %d: %v", name, got, c.least, errs)
		}
		if r.variables != nil || c.least == 0 && len(r.Variables) > 0 {
			t.Errorf("%s: %s is kept", name, reflect.TypeOf(r.Variables))
		}
	}
}
