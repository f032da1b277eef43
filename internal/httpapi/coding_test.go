package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// plainBody is the body of an answer as it was before it was encoded.
func plainBody(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var r io.Reader = w.Body
	var err error
	switch coding := w.Header().Get("Content-Encoding"); coding {
	case "":
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	default:
		t.Fatalf("coding %q", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// acceptedCodings are headers Accept-Encoding, each with the coding of a large and of a
// small answer. "-" is none.
var acceptedCodings = []struct{ accept, large, small string }{
	{"-", "", ""}, {"", "", ""}, {"identity", "", ""}, {"br, x-new", "", ""}, {"gzip;q=0", "", ""}, {"*;q=0", "", ""},
	{"gzip", "gzip", ""}, {"gzip, deflate, br", "gzip", ""}, {"*", "gzip", ""}, {"gzip;q=0.5, zstd;q=0.4", "gzip", ""},
	{"zstd", "zstd", ""}, {"gzip, deflate, br, zstd", "zstd", ""},
	{"gzip, identity;q=0", "gzip", "gzip"}, {"zstd, *;q=0", "zstd", "zstd"},
}

// TestCodings wants every answer compressed for those who accept it, if it is large enough,
// and to be the same text for everybody: executed and kept, with data and with errors, in
// both media types, by GET and POST.
func TestCodings(t *testing.T) {
	rows := strings.Repeat(" id name email status", 3)
	queries := map[string]struct {
		query string
		large bool
	}{
		"data":           {`{ affiliates(first: 20) { nodes {` + rows + ` } } }`, true},
		"little data":    {`{ affiliates(first: 1) { nodes { id } } }`, false},
		"errors":         {`{` + strings.Repeat(" unknown", 20) + ` }`, true},
		"a single error": {`{ unknown }`, false},
	}
	for _, kept := range []bool{true, false} {
		k := newKeeper(t, func(o *httpapi.Options) {
			if o.Aliases = 100; !kept {
				o.Responses = 0
			}
		})
		admin := k.token("a", "admin", nil)
		for name, tt := range queries {
			want := ""
			for range 3 { // which leaves an answer, where answers are kept
				want = plainBody(t, post(k.Handler, tt.query, admin...))
			}
			want = withoutRequestID(want)
			if large := len(want) >= 1<<10; large != tt.large {
				t.Fatalf("%s has %d bytes", name, len(want))
			}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				for _, mediaType := range []string{plainJSON, graphqlResponse} {
					for i := range 3 * len(acceptedCodings) { // in another order each time
						c := acceptedCodings[i*5%len(acceptedCodings)]
						path, body := "/graphql?query="+url.QueryEscape(tt.query), io.Reader(nil)
						if method == http.MethodPost {
							path, body = "/graphql", strings.NewReader(fmt.Sprintf(`{"query":%q}`, tt.query))
						}
						header := append([]string{"Accept", mediaType, "Accept-Encoding", c.accept}, admin...)
						if c.accept == "-" {
							header[3] = ""
						}
						reads := k.store.reads.Load()
						w := send(k.Handler, method, path, body, header...)
						at := fmt.Sprintf("%s, kept: %v, %s, %s, %q", name, kept, method, mediaType, c.accept)
						coding := c.small
						if tt.large {
							coding = c.large
						}
						if got := w.Header().Get("Content-Encoding"); got != coding {
							t.Errorf("%s: it is sent as %q, want %q", at, got, coding)
						}
						if got := w.Header().Get("Content-Type"); got != mediaType+"; charset=utf-8" {
							t.Errorf("%s: %s", at, got)
						}
						if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
							t.Errorf("%s: length %s, and %d bytes", at, got, w.Body.Len())
						}
						if tt.large && coding != "" && w.Body.Len() > len(want)/2 {
							t.Errorf("%s: %d bytes are sent as %d", at, len(want), w.Body.Len())
						}
						if got := withoutRequestID(plainBody(t, w)); got != want {
							t.Errorf("%s: %d %s\nwant %s", at, w.Code, got, want)
						}
						if again := k.store.reads.Load() == reads; strings.HasPrefix(want, `{"data"`) && again != kept {
							t.Errorf("%s: given again: %v", at, again)
						}
					}
				}
			}
		}
	}
}

// withoutRequestID is a text without what differs from request to request.
func withoutRequestID(text string) string {
	for {
		before, after, found := strings.Cut(text, `"requestId":"`)
		if !found {
			return text
		}
		_, after, _ = strings.Cut(after, `"`)
		text = before + after
	}
}

// TestCodingOfTexts wants the schema's text compressed as answers are, and HEAD to say what
// GET would.
func TestCodingOfTexts(t *testing.T) {
	h, _ := serve(t, nil)
	want := send(h, http.MethodGet, "/schema.graphql", nil).Body.String()
	for _, c := range acceptedCodings {
		header := []string{"Accept-Encoding", c.accept}
		if c.accept == "-" {
			header = nil
		}
		w := send(h, http.MethodGet, "/schema.graphql", nil, header...)
		if got := w.Header().Get("Content-Encoding"); got != c.large || plainBody(t, w) != want {
			t.Errorf("%q: %q", c.accept, got)
		}
		server := httptest.NewServer(h) // which sends no body to HEAD
		r, err := http.NewRequest(http.MethodHead, server.URL+"/schema.graphql", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Accept-Encoding"] = []string{strings.TrimPrefix(c.accept, "-")}
		head, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Type"} {
			if got := head.Header.Get(name); got != w.Header().Get(name) {
				t.Errorf("%q: HEAD says %s %q, and GET %q", c.accept, name, got, w.Header().Get(name))
			}
		}
		_ = head.Body.Close()
		server.Close()
	}
}

// TestCodingOfRefusals wants what is sent without a body, and what HTTP alone refuses, as it is.
func TestCodingOfRefusals(t *testing.T) {
	h, _ := serve(t, inviting)
	for _, test := range []struct {
		method, path string
		header       []string
		status       int
	}{
		{"GET", "/graphql", nil, 400},
		{"GET", "/graphql?query={__typename}", []string{"Origin", elsewhere}, 403},
		{"DELETE", "/graphql", nil, 405},
		{"HEAD", "/graphql?query={__typename}", nil, 405},
		{"GET", "/graphql?query={__typename}", []string{"Accept", "text/html"}, 406},
		{"OPTIONS", "/graphql", nil, 204},
		{"GET", "/healthz", nil, 200},
		{"GET", "/nothing", nil, 404},
	} {
		w := send(h, test.method, test.path, nil, append(test.header, "Accept-Encoding", "gzip, zstd, identity;q=0")...)
		if w.Code != test.status || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s %s: %d %v", test.method, test.path, w.Code, w.Header())
		}
	}
}

// TestCodingWithinLimit wants the bytes of an answer counted before it is compressed.
func TestCodingWithinLimit(t *testing.T) {
	const query = `{ affiliates(first: 20) { nodes { id name email status } } }`
	open, _ := serve(t, nil)
	plain := post(open, query).Body.Bytes()
	for _, tt := range []struct {
		limit   int64
		refused bool
	}{{int64(len(plain)), false}, {int64(len(plain)) - 1, true}} {
		h, _ := serve(t, func(o *httpapi.Options) { o.Answer = tt.limit })
		w := post(h, query, "Accept-Encoding", "gzip")
		text := plainBody(t, w)
		if refused := strings.Contains(text, `"limit":"answer"`); refused != tt.refused || !refused && !bytes.Equal(plain, []byte(text)) {
			t.Errorf("of %d bytes, %d are allowed: %s", len(plain), tt.limit, text)
		}
	}
}
