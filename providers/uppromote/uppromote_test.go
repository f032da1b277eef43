package uppromote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

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
		_, _ = io.WriteString(w, `{"status":200,"data":[]}`)
	}))
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
		{"the envelope contradicts", 200, `{"status":422,"message":"no","data":[]}`, providers.KindBadReply, "no", nil},
		{"the envelope says unauthorized", 200, `{"status":"401","message":"no"}`, providers.KindUnauthorized, "no", nil},
		{"no data", 200, `{"status":200}`, providers.KindBadReply, "data", nil},
		{"no JSON", 200, `<html>`, providers.KindBadReply, "", nil},
		{"data is null", 200, `{"data":null}`, providers.KindBadReply, "no list", nil},
		{"data is an object", 200, `{"data":{"id":1}}`, providers.KindBadReply, "no list", nil},
		{"data is a text", 200, `{"data":"x"}`, providers.KindBadReply, "no list", nil},
		{"an array", 200, `[{"id":1}]`, providers.KindBadReply, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := open(t, providertest.Answer(tt.status, tt.body))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond) // no time to try again
				defer cancel()
				_, err := programList.page(ctx, p, nil, providers.PageRequest{Number: 1})
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
		})
	}
}

// TestNotThere: all that the vendor may answer to a read of what is not there, and every
// other refusal, which says nothing about the record.
func TestNotThere(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
	}{
		{404, `{"status":404,"message":"Affiliate not found"}`}, {422, `{"message":"bad id"}`}, {200, `{"status":200,"data":null}`},
		{200, `{"status":200,"data":[]}`},
	} {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/affiliates" { // the account is well
				providertest.Answer(200, `{"status":200,"data":[]}`).ServeHTTP(w, r)
				return
			}
			providertest.Answer(tt.status, tt.body).ServeHTTP(w, r)
		}))
		want := id(providers.NounAffiliate, "7")
		b, err := p.AffiliatesByID(t.Context(), []providers.ID{want})
		if err != nil || len(b.Found)+len(b.Failed) != 0 {
			t.Errorf("%d %s: %+v, %v; want nothing, and no error", tt.status, tt.body, b, err)
		}
		if _, err := p.RawRecord(t.Context(), want); providers.KindOf(err) != providers.KindNotFound {
			t.Errorf("%d %s: RawRecord: %v; want %s", tt.status, tt.body, err, providers.KindNotFound)
		}
	}
	for _, status := range []int{400, 401, 402, 403, 405, 409, 429, 500} {
		for _, envelope := range []int{status, 200} {
			p := open(t, providertest.Answer(envelope, fmt.Sprintf(`{"status":%d,"message":"no"}`, status)))
			want := id(providers.NounAffiliate, "7")
			if b, err := p.AffiliatesByID(t.Context(), []providers.ID{want}); err == nil && b.Failed[want] == nil {
				t.Errorf("%d, in an envelope of %d: %+v; want an error", status, envelope, b)
			}
		}
	}
	p := open(t, providertest.Answer(200, `{"data":{"id":8}}`))
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
