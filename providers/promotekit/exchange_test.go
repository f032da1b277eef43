package promotekit

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
)

var (
	update   = flag.Bool("update", false, "write what the client makes of the exchanges to testdata")
	rerecord = flag.Bool("record", false, "record anew the exchanges that come from the simulator")
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// unbounded is a budget that never runs out.
type unbounded struct{}

func (unbounded) Take(context.Context) error { return nil }
func (unbounded) Exhausted(time.Duration)    {}
func (unbounded) State() providers.RateLimit {
	return providers.RateLimit{Limit: 200, WindowSeconds: 60, Remaining: 200}
}

// open is the account "saas" at a vendor that answers with h.
func open(t testing.TB, h http.Handler) *provider {
	t.Helper()
	return openLogging(t, h, slog.DiscardHandler)
}

func openLogging(t testing.TB, h http.Handler, log slog.Handler) *provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p, err := New(providers.Config{
		Account: "saas", Name: "Acme", Currency: "USD", BaseURL: server.URL + "/",
		Credentials: map[string]string{"api_key": sandbox.APIKey}, Timeout: 20 * time.Second,
		HTTP: server.Client(), Logger: slog.New(log), Budget: unbounded{}, Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*provider)
}

// fixed is a vendor that answers every call alike.
func fixed(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func id(noun providers.Noun, local ...string) providers.ID {
	return providers.ID{Account: "saas", Noun: noun, Local: providers.JoinLocal(local...)}
}

// first is the first page of the only list of a plan.
func first[T providers.Record](t testing.TB, p *provider) func([]providers.List[T], error) *providers.Page[T] {
	return func(lists []providers.List[T], err error) *providers.Page[T] {
		t.Helper()
		if err != nil || len(lists) != 1 {
			t.Fatalf("got %d lists, error %v; want one list", len(lists), err)
		}
		page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
}

// exchange is a stored call and its answer, as "# source", "# Operation: …", request, empty line, body.
type exchange struct{ source, operation, request, body string }

func exchanges(t testing.TB) map[string]exchange {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	all := map[string]exchange{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(b), "\n\n")
		lines := strings.Split(head, "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "# ") || !strings.HasPrefix(lines[1], "# Operation: ") {
			t.Fatalf("%s: want its source, its operation, its request, an empty line, the body", f)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".txt")
		all[name] = exchange{lines[0], strings.TrimPrefix(lines[1], "# Operation: "), lines[2], body}
	}
	return all
}

// played answers one request and nothing else.
func played(t testing.TB, e exchange) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Method+" "+r.URL.RequestURI(), e.request; got != want {
			t.Errorf("request: got %s, want %s", got, want)
		}
		if got, want := r.Header.Get("Authorization"), "Bearer "+sandbox.APIKey; got != want {
			t.Errorf("Authorization: got %q, want %q", got, want)
		}
		_, _ = w.Write([]byte(e.body))
	})
}

// plays say how each exchange comes about, by the id in its path and its query.
var plays = map[string]func(t *testing.T, p *provider, uuid string, q url.Values) any{
	"affiliate_list": func(t *testing.T, p *provider, _ string, q url.Values) any {
		return first[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{Email: q.Get("email")}))
	},
	"affiliate_get": func(t *testing.T, p *provider, uuid string, _ url.Values) any {
		return batch[providers.Affiliate](t)(p.AffiliatesByID(t.Context(), []providers.ID{id(providers.NounAffiliate, uuid)}))
	},
	"campaign_list": func(t *testing.T, p *provider, _ string, _ url.Values) any {
		return first[providers.Campaign](t, p)(p.Campaigns(providers.CampaignFilter{}))
	},
	"campaign_get": func(t *testing.T, p *provider, uuid string, _ url.Values) any {
		return batch[providers.Campaign](t)(p.CampaignsByID(t.Context(), []providers.ID{id(providers.NounCampaign, uuid)}))
	},
	"referral_list": func(t *testing.T, p *provider, _ string, _ url.Values) any {
		return first[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{}))
	},
	"commission_list": func(t *testing.T, p *provider, _ string, q url.Values) any {
		return first[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{
			Referrals: []providers.ID{id(providers.NounReferral, q.Get("referral_id"), noAffiliate)},
		}))
	},
	"commission_get": func(t *testing.T, p *provider, uuid string, _ url.Values) any {
		return batch[providers.Commission](t)(p.CommissionsByID(t.Context(), []providers.ID{id(providers.NounCommission, uuid)}))
	},
	"payout_list": func(t *testing.T, p *provider, _ string, q url.Values) any {
		return first[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{
			Affiliates: []providers.ID{id(providers.NounAffiliate, q.Get("affiliate_id"))},
		}))
	},
	"payout_get": func(t *testing.T, p *provider, uuid string, _ url.Values) any {
		return batch[providers.Payout](t)(p.PayoutsByID(t.Context(), []providers.ID{id(providers.NounPayout, uuid)}))
	},
}

func batch[T providers.Record](t testing.TB) func(*providers.Batch[T], error) *providers.Batch[T] {
	return func(b *providers.Batch[T], err error) *providers.Batch[T] {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// TestExchanges holds what the client makes of each stored exchange against what is stored beside it.
func TestExchanges(t *testing.T) {
	if *rerecord {
		recordExchanges(t)
	}
	for name, e := range exchanges(t) {
		t.Run(name, func(t *testing.T) {
			play, ok := plays[name]
			if !ok {
				t.Fatal("nothing plays it")
			}
			_, target, _ := strings.Cut(e.request, " ")
			u, err := url.Parse(target)
			if err != nil {
				t.Fatal(err)
			}
			got := readable(t, play(t, open(t, played(t, e)), filepath.Base(u.Path), u.Query()))
			golden := filepath.Join("testdata", name+".golden.json")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// readable is a result as JSON: what is empty is left out, and an id stands as "Noun/local".
func readable(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	if b, err = json.MarshalIndent(pruned(tree), "", "  "); err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func pruned(v any) any {
	switch v := v.(type) {
	case string:
		return readableID(v)
	case map[string]any:
		kept := map[string]any{}
		for k, e := range v {
			if e = pruned(e); e != nil && e != "" && k != "FetchedAt" {
				kept[readableID(k)] = e
			}
		}
		if len(kept) > 0 {
			return kept
		}
		return nil
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}

func readableID(s string) string {
	if id, err := providers.ParseID(s); err == nil {
		return string(id.Noun) + "/" + id.Local
	}
	return s
}

// recordExchanges stores what the simulator says where no example of the vendor's is there to store.
func recordExchanges(t *testing.T) {
	server := simulator()
	p := open(t, server)
	campaign := first[providers.Campaign](t, p)(p.Campaigns(providers.CampaignFilter{})).Items[0]
	affiliate := first[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{})).Items[0]
	payout := first[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{})).Items[0]
	commission := first[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{
		Affiliates: []providers.ID{payout.AffiliateID},
	})).Items[0]
	const page = "limit=100&page=1"
	for name, target := range map[string]string{
		"campaign_list":   "/campaigns?" + page,
		"campaign_get":    "/campaigns/" + campaign.ID.Local,
		"affiliate_list":  "/affiliates?email=" + url.QueryEscape(*affiliate.Email) + "&" + page,
		"commission_list": "/commissions?" + page + "&referral_id=" + uuidOf(commission.ReferralID),
		"payout_list":     "/payouts?affiliate_id=" + payout.AffiliateID.Local + "&" + page,
		"payout_get":      "/payouts/" + payout.ID.Local,
	} {
		_, body := ask(server, http.MethodGet, target)
		var indented bytes.Buffer
		if err := json.Indent(&indented, body, "", "  "); err != nil {
			t.Fatal(err)
		}
		path, _, _ := strings.Cut(target, "?")
		if strings.Count(path, "/") == 2 {
			path = filepath.Dir(path) + "/{id}"
		}
		text := "# Recorded from the simulator\n# Operation: GET " + path + "\nGET " + target + "\n\n" + indented.String()
		if err := os.WriteFile(filepath.Join("testdata", name+".txt"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ask sends one call with the simulator's key.
func ask(h http.Handler, method, target string) (status int, body []byte) {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "Bearer "+sandbox.APIKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}
