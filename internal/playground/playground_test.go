package playground

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

func zipped(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestServe wants each file to those who take gzip and those who do not, assets kept for
// good and the page asked for anew, and the page held to this server.
func TestServe(t *testing.T) {
	h := serve(fstest.MapFS{"index.html.gz": zipped(t, "<p>page"), "assets/main-ABCD.js.gz": zipped(t, "main()"), "broken.html.gz": {Data: []byte("no gzip")}})
	for _, test := range []struct {
		path, accept      string
		status            int
		encoding, kind    string
		cache, start, etc string
	}{
		{"/", "", 200, "", "text/html", "no-cache", "<p>page", `W/"`},
		{"/", "br, gzip", 200, "gzip", "text/html", "no-cache", "\x1f\x8b", `W/"`},
		{"/assets/main-ABCD.js", "GZIP;q=0.5", 200, "gzip", "text/javascript", "immutable", "\x1f\x8b", ""},
		{"/assets/main-ABCD.js", "gzip;q=0", 200, "", "text/javascript", "immutable", "main()", ""},
		{"/assets/main-ABCD.js", "gzip; q=0.000, br", 200, "", "text/javascript", "immutable", "main()", ""},
		{"/assets/", "gzip", 404, "", "text/plain", "", "404", ""},
		{"/assets/other.js", "gzip", 404, "", "text/plain", "", "404", ""},
		{"/../secret", "gzip", 404, "", "text/plain", "", "404", ""},
		{"/broken.html", "", 500, "", "text/plain", "", "the page is damaged", ""},
	} {
		w := get(h, test.path, "Accept-Encoding", test.accept)
		g := w.Header()
		if w.Code != test.status || g.Get("Content-Encoding") != test.encoding || !strings.HasPrefix(g.Get("Content-Type"), test.kind) ||
			!strings.Contains(g.Get("Cache-Control"), test.cache) || !strings.HasPrefix(w.Body.String(), test.start) || !strings.HasPrefix(g.Get("ETag"), test.etc) {
			t.Errorf("%+v: %d %v %.20q", test, w.Code, g, w.Body)
		}
		if !strings.HasPrefix(g.Get("Content-Security-Policy"), "default-src 'self';") {
			t.Errorf("%s: %v", test.path, g)
		}
	}
	if w := get(h, "/", "If-None-Match", get(h, "/").Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("the same page again: %d, %d bytes", w.Code, w.Body.Len())
	}
}

// TestOnce wants a file decompressed once, however often those ask who do not take gzip:
// what is allocated for an answer does not grow with the file.
func TestOnce(t *testing.T) {
	const size = 4 << 20
	h := serve(fstest.MapFS{"index.html.gz": zipped(t, strings.Repeat("a", size)), "assets/a.js.gz": zipped(t, strings.Repeat("b", size))})
	for _, path := range []string{"/", "/assets/a.js"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		ask := func() { h.ServeHTTP(&discarder{header: http.Header{}}, r) }
		ask()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const times = 20
		for range times {
			ask()
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / times; got > size/10 {
			t.Errorf("%s: an answer of %d bytes allocates %d", path, size, got)
		}
	}
}

// discarder is a ResponseWriter that keeps no body.
type discarder struct{ header http.Header }

func (d *discarder) Header() http.Header         { return d.header }
func (d *discarder) WriteHeader(int)             {}
func (d *discarder) Write(b []byte) (int, error) { return len(b), nil }

// TestBuilt wants what was built to be whole: the page and all that it loads, each of a
// known kind, from nowhere else, and without cookies.
func TestBuilt(t *testing.T) {
	h := Handler()
	if !Built() {
		if w := get(h, "/"); w.Code != http.StatusNotFound {
			t.Errorf("without a page / answers %d", w.Code)
		}
		return
	}
	links := regexp.MustCompile(` (?:src|href)="([^"]*)"`).FindAllStringSubmatch(get(h, "/").Body.String(), -1)
	if len(links) < 3 {
		t.Errorf("the page loads %q", links)
	}
	for _, link := range links {
		if path := "/" + link[1]; strings.HasPrefix(path, Assets) {
			if w := get(h, path); w.Code != http.StatusOK {
				t.Errorf("%s: %d", path, w.Code)
			}
		} else if !strings.HasPrefix(path, "/data:") && path != "/schema.graphql" {
			t.Errorf("the page links to %s", path)
		}
	}
	err := fs.WalkDir(dist, "dist/assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		path := strings.TrimSuffix(strings.TrimPrefix(name, "dist"), ".gz")
		w := get(h, path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), "document.cookie") {
			t.Errorf("%s uses cookies", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
