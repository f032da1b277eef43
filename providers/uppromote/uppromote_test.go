package uppromote

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

var noon = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)

// free is a budget without end.
type free struct{}

func (free) Take(context.Context) error { return nil }
func (free) Exhausted(time.Duration)    {}
func (free) State() providers.RateLimit {
	return providers.RateLimit{Limit: 120, WindowSeconds: 60, Remaining: 120, ResetAt: noon}
}

// roundTrip is a transport in a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// open makes a provider whose calls go to a handler, without a network.
func open(t testing.TB, h http.Handler, log io.Writer) *provider {
	t.Helper()
	p, err := New(providers.Config{
		Account: "store", Name: "Store", Currency: "usd", BaseURL: "https://uppromote.test", Timeout: 10 * time.Second,
		Credentials: map[string]string{"api_key": "sandbox-uppromote-key"},
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Result(), nil
		})},
		Logger: slog.New(slog.NewTextHandler(log, nil)), Budget: free{}, Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*provider)
}

// says answers every call with this.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// exchange is a stored call and its reply.
type exchange struct {
	file, source, request string // request is "GET /path?query"
	body                  []byte
}

// exchanges are those in testdata.
func exchanges(t testing.TB) map[string]exchange {
	t.Helper()
	files, err := filepath.Glob("testdata/*.http")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]exchange{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := bytes.Cut(b, []byte("\n\n"))
		source, request, ok2 := strings.Cut(string(head), "\n")
		if !ok || !ok2 || !strings.HasPrefix(source, "# Written from ") && !strings.HasPrefix(source, "# Recorded from ") {
			t.Fatalf("%s: want a line that tells its source, the request, an empty line, the reply", file)
		}
		all[request] = exchange{file, source, request, body}
	}
	return all
}

// played is a provider whose calls are answered from testdata. A call that is not stored is an error.
func played(t *testing.T) *provider {
	t.Helper()
	all := exchanges(t)
	return open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, ok := all[r.Method+" "+r.URL.RequestURI()]
		if !ok {
			t.Errorf("%s %s is not stored", r.Method, r.URL.RequestURI())
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(e.body)
	}), io.Discard)
}

// first is the only row of a list's first page.
func first[T providers.Record](t *testing.T, p *provider, lists []providers.List[T], err error) (*T, providers.Harvest) {
	t.Helper()
	if err != nil || len(lists) != 1 {
		t.Fatalf("%d lists, error %v; want one", len(lists), err)
	}
	page, err := lists[0].Page(context.Background(), providers.PageRequest{Number: 1, Reader: p})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) == 0 || page.More {
		t.Fatalf("%d rows, more: %v; want the last page", len(page.Items), page.More)
	}
	return page.Items[0], page.Harvest
}

func id(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "store", Noun: noun, Local: local}
}

// node is what a record of the exchanges has in common with the others.
func node(noun providers.Noun, local, providerID string, created *time.Time, known *providers.Fields) providers.Node {
	return providers.Node{ID: id(noun, local), ProviderID: providerID, CreatedAt: created, FetchedAt: noon, Known: known}
}

func at(s string) *time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return &t
}

func money(s string) *providers.Money {
	d, err := providers.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return providers.NewMoney(d, "USD")
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b *providers.Fields) bool { return a.CoversAll(b) && b.CoversAll(a) })); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestNewNeedsCredentialsAndCurrency(t *testing.T) {
	for _, c := range []providers.Config{
		{Account: "a", Currency: "USD"},
		{Account: "a", Credentials: map[string]string{"api_key": "k"}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) succeeds", c)
		}
	}
}

func TestHeaders(t *testing.T) {
	var got http.Header
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = io.WriteString(w, `{"data":[]}`)
	}), io.Discard)
	if err := p.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	if k := got.Get("Authorization"); k != "sandbox-uppromote-key" {
		t.Errorf("Authorization: %q; want the bare key", k)
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   providers.Kind
		text   string
		fields map[string][]string
	}{
		{"no key", 401, `{"message":"Unauthorized"}`, providers.KindUnauthorized, "Unauthorized", nil},
		{"plan", 403, `{"message":"Upgrade"}`, providers.KindUnauthorized, "Upgrade", nil},
		{"parameter", 422, `{"status":422,"message":"bad jane@example.com","errors":{"per_page":["too big","for jane@example.com"]}}`,
			providers.KindInvalid, "bad …", map[string][]string{"per_page": {"too big", "for …"}}},
		{"message is an object", 422, `{"message":{"from_date":["needs to_date"]}}`, providers.KindInvalid, "", map[string][]string{"from_date": {"needs to_date"}}},
		{"limit", 429, `{"message":"Too Many Attempts."}`, providers.KindRateLimited, "", nil},
		{"vendor", 500, `<html>`, providers.KindUnavailable, "", nil},
		{"the envelope contradicts", 200, `{"status":422,"message":"no","data":[]}`, providers.KindInvalid, "no", nil},
		{"the envelope says unauthorized", 200, `{"status":"401","message":"no"}`, providers.KindUnauthorized, "no", nil},
		{"no data", 200, `{"status":200}`, providers.KindBadReply, "data", nil},
		{"no JSON", 200, `<html>`, providers.KindBadReply, "", nil},
		{"no id", 200, `{"data":[{"name":"x"}]}`, providers.KindBadReply, "id", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t, says(tt.status, tt.body), io.Discard)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond) // no time to try again
			defer cancel()
			_, err := programList.page(ctx, p, nil, 1)
			if got := providers.KindOf(err); got != tt.want {
				t.Fatalf("kind %q of %v; want %q", got, err, tt.want)
			}
			e := err.(*providers.Error)
			if e.Account != "store" || e.Provider != name || e.Op != "GET /programs" {
				t.Errorf("%+v does not say where it happened", e)
			}
			if !strings.Contains(e.Error(), tt.text) || strings.Contains(e.Error(), "@") {
				t.Errorf("error %q; want it to hold %q, and no address", e, tt.text)
			}
			if tt.fields != nil {
				diff(t, "fields", e.Fields, tt.fields)
			}
		})
	}
}

// TestNotThere: all that the vendor may answer to a read of what is not there.
func TestNotThere(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
	}{
		{404, `{"status":404,"message":"Affiliate not found"}`}, {422, `{"message":"bad id"}`}, {200, `{"status":200,"data":null}`},
		{200, `{"status":200,"data":[]}`}, {200, `{"status":404,"message":"not found"}`},
	} {
		p := open(t, says(tt.status, tt.body), io.Discard)
		want := id(providers.NounAffiliate, "7")
		b, err := p.AffiliatesByID(t.Context(), []providers.ID{want})
		if err != nil || len(b.Found)+len(b.Failed) != 0 {
			t.Errorf("%d %s: %+v, %v; want nothing, and no error", tt.status, tt.body, b, err)
		}
		if _, err := p.RawRecord(t.Context(), want); providers.KindOf(err) != providers.KindNotFound {
			t.Errorf("%d %s: RawRecord: %v; want %s", tt.status, tt.body, err, providers.KindNotFound)
		}
	}
	p := open(t, says(200, `{"data":{"id":8}}`), io.Discard)
	b, err := p.AffiliatesByID(t.Context(), []providers.ID{id(providers.NounAffiliate, "7")})
	if err != nil || providers.KindOf(b.Failed[id(providers.NounAffiliate, "7")]) != providers.KindBadReply {
		t.Errorf("affiliate 8 came for 7: %+v, %v; want it to fail", b, err)
	}
}

func TestCapabilitiesAreSorted(t *testing.T) {
	if !slices.IsSorted(capabilities) {
		t.Error("they are not")
	}
}
