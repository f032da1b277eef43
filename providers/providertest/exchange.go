package providertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Exchange is a call to a vendor and its answer, stored as testdata/<noun>_<action>.http:
//
//	# Written from documentation: https://vendor.example/docs/get-affiliate
//	# Operation: GET /affiliates/{id}
//	GET /affiliates/7?expand=coupons
//
//	{"id": 7}
//
// The first line says where it comes from: "Written from documentation: " with an address,
// "Written from documentation, an example of the vendor's: " with an address, where the
// body is the vendor's own, byte for byte, or "Recorded from the simulator". An answer
// other than 200 is told by a third line, "# Status: 404"; what a write sends, by one more,
// "# Sends: {"email": "a@example.com"}". The body is what follows the empty line, as it is.
type Exchange struct {
	Name      string // of its file: "affiliate_get"
	Source    string
	Operation string // as the vendor's page and the code have it: "GET /affiliates/{id}"
	Request   string // "GET /affiliates/7?expand=coupons"
	Status    int
	Sends     string // the JSON that a write has to send; "" for none
	Body      []byte
}

var (
	exchangeName   = regexp.MustCompile(`^(affiliate|membership|campaign|referral|commission|payout|coupon|webhook)(_[a-z]+)+$`)
	exchangeSource = regexp.MustCompile(
		`^(Written from documentation(, an example of the vendor's)?: .*https://\S.*|Recorded from the simulator)$`,
	)
	requestLine   = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) /\S*$`)
	pathParameter = regexp.MustCompile(`\\\{\w+\\\}`)
)

// Exchanges are those of dir/testdata, sorted by name. Whatever else is there but golden
// files of exchanges, and directories, fails the test.
func Exchanges(t testing.TB, dir string) []Exchange {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	var all []Exchange
	var goldens []string
	for _, entry := range entries {
		file := entry.Name()
		if entry.IsDir() {
			continue
		}
		if name, ok := strings.CutSuffix(file, ".golden.json"); ok {
			goldens = append(goldens, name)
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		e, err := parseExchange(file, b)
		if err != nil {
			t.Fatalf("testdata/%s: %v", file, err)
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		t.Fatalf("%s/testdata holds no exchanges", dir)
	}
	for _, name := range goldens {
		if !slices.ContainsFunc(all, func(e Exchange) bool { return e.Name == name }) {
			t.Fatalf("testdata/%s.golden.json is of no exchange", name)
		}
	}
	return all
}

// Find is the exchange of this name.
func Find(t testing.TB, all []Exchange, name string) Exchange {
	t.Helper()
	i := slices.IndexFunc(all, func(e Exchange) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("there is no exchange %q", name)
	}
	return all[i]
}

func parseExchange(file string, b []byte) (Exchange, error) {
	name, ok := strings.CutSuffix(file, ".http")
	if !ok || !exchangeName.MatchString(name) {
		return Exchange{}, fmt.Errorf("want <noun>_<action>.http or .golden.json")
	}
	head, body, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		return Exchange{}, fmt.Errorf("no empty line before the body")
	}
	e := Exchange{Name: name, Status: http.StatusOK, Body: body}
	lines := strings.Split(string(head), "\n")
	next := func(prefix string) (rest string, ok bool) {
		if len(lines) > 0 {
			if rest, ok = strings.CutPrefix(lines[0], prefix); ok {
				lines = lines[1:]
			}
		}
		return rest, ok
	}
	if e.Source, _ = next("# "); !exchangeSource.MatchString(e.Source) {
		return e, fmt.Errorf("the first line does not say where it comes from: %q", e.Source)
	}
	if e.Operation, _ = next("# Operation: "); !requestLine.MatchString(e.Operation) {
		return e, fmt.Errorf(`the second line does not say "# Operation: GET /path/{id}": %q`, e.Operation)
	}
	if status, ok := next("# Status: "); ok {
		n, err := strconv.Atoi(status)
		if err != nil || n < 200 || n > 599 {
			return e, fmt.Errorf("%q is no status", status)
		}
		e.Status = n
	}
	if sends, ok := next("# Sends: "); ok {
		if !json.Valid([]byte(sends)) {
			return e, fmt.Errorf("%q is no JSON", sends)
		}
		e.Sends = sends
	}
	if e.Request, _ = next(""); !requestLine.MatchString(e.Request) || len(lines) > 0 {
		return e, fmt.Errorf("want a request line, then an empty one; got %q", append([]string{e.Request}, lines...))
	}
	pattern := pathParameter.ReplaceAllString(regexp.QuoteMeta(e.Operation), `[^/]+`)
	path, _, _ := strings.Cut(e.Request, "?")
	if !regexp.MustCompile("^" + pattern + "$").MatchString(path) {
		return e, fmt.Errorf("%q is no request of %q", e.Request, e.Operation)
	}
	if _, err := url.Parse(e.target()); err != nil {
		return e, err
	}
	return e, nil
}

// Store writes an exchange to testdata of the working directory, as [Exchanges] reads it.
func (e Exchange) Store(t testing.TB) {
	t.Helper()
	status := ""
	if e.Status != http.StatusOK {
		status = fmt.Sprintf("# Status: %d\n", e.Status)
	}
	sends := ""
	if e.Sends != "" {
		sends = "# Sends: " + e.Sends + "\n"
	}
	text := fmt.Appendf(nil, "# %s\n# Operation: %s\n%s%s%s\n\n%s", e.Source, e.Operation, status, sends, e.Request, e.Body)
	if _, err := parseExchange(e.Name+".http", text); err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	if err := os.WriteFile(filepath.Join("testdata", e.Name+".http"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (e Exchange) target() string { _, target, _ := strings.Cut(e.Request, " "); return target }

// URL is what is asked for.
func (e Exchange) URL() *url.URL {
	u, err := url.Parse(e.target())
	if err != nil {
		panic(err) // Exchanges has parsed it
	}
	return u
}

// answers says whether r, with this body, is the request, whatever the order of its
// parameters and members.
func (e Exchange) answers(r *http.Request, body []byte) bool {
	method, _, _ := strings.Cut(e.Request, " ")
	u := e.URL()
	return r.Method == method && r.URL.EscapedPath() == u.EscapedPath() && reflect.DeepEqual(r.URL.Query(), u.Query()) &&
		reflect.DeepEqual(parsed(body), parsed([]byte(e.Sends)))
}

// parsed is what a JSON text says; nil for none.
func parsed(text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&v)
	return v
}

// Play is a vendor that answers the requests of these exchanges. A request that is none of
// theirs, or lacks these credentials, fails the test; so does an exchange that nobody asked
// for until the test ends.
func Play(t testing.TB, credentials http.Header, exchanges ...Exchange) http.Handler {
	var mu sync.Mutex
	used := make([]bool, len(exchanges))
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for i, e := range exchanges {
			if !used[i] {
				t.Errorf("%s: nobody asked for %s", e.Name, e.Request)
			}
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range credentials {
			if got, want := r.Header.Values(name), credentials.Values(name); !slices.Equal(got, want) {
				t.Errorf("%s %s: got %s %q, want %q", r.Method, r.URL.RequestURI(), name, got, want)
			}
		}
		body, _ := io.ReadAll(r.Body)
		i := slices.IndexFunc(exchanges, func(e Exchange) bool { return e.answers(r, body) })
		if i < 0 {
			t.Errorf("%s %s %s is not stored", r.Method, r.URL.RequestURI(), body)
			w.WriteHeader(http.StatusNotFound)
			return
		}
		mu.Lock()
		used[i] = true
		mu.Unlock()
		w.WriteHeader(exchanges[i].Status)
		_, _ = w.Write(exchanges[i].Body)
	})
}

// Scene is how an exchange comes about: what a client is asked, and answers.
type Scene[P any] struct {
	With []string // other exchanges that it takes
	Play func(t *testing.T, p P, e Exchange) (any, error)
}

// Replay plays each exchange of ./testdata to a client, and holds what the client makes of
// it against the golden file beside it. Each has its scene, and each scene its exchange.
func Replay[P any](t *testing.T, credentials http.Header, open func(t testing.TB, vendor http.Handler) P, scenes map[string]Scene[P]) {
	all := Exchanges(t, ".")
	for name := range scenes {
		Find(t, all, name)
	}
	for _, e := range all {
		t.Run(e.Name, func(t *testing.T) {
			scene, ok := scenes[e.Name]
			if !ok {
				t.Fatal("no scene plays it")
			}
			cast := []Exchange{e}
			for _, name := range scene.With {
				cast = append(cast, Find(t, all, name))
			}
			got, err := scene.Play(t, open(t, Play(t, credentials, cast...)), e)
			if err != nil {
				t.Fatal(err)
			}
			Golden(t, filepath.Join("testdata", e.Name+".golden.json"), got)
		})
	}
}
