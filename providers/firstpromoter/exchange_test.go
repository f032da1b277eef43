package firstpromoter

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

var update = flag.Bool("update", false, "write what the client makes of the exchanges")

// noon is when replies arrive in tests.
var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// unbounded is a budget without an end.
type unbounded struct{}

func (unbounded) Take(context.Context) error { return nil }
func (unbounded) Exhausted(time.Duration)    {}
func (unbounded) State() providers.RateLimit {
	return providers.RateLimit{Limit: 240, WindowSeconds: 60, Remaining: 240}
}

// open is the account "saas" at a vendor that answers with h.
func open(t testing.TB, h http.Handler, credentials map[string]string) *provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	p, err := New(providers.Config{
		Account: "saas", Name: "Acme", Currency: "usd", BaseURL: server.URL, Credentials: credentials, Timeout: 20 * time.Second,
		HTTP: server.Client(), Logger: slog.New(slog.DiscardHandler), Budget: unbounded{}, Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.(*provider)
}

var someKey = map[string]string{"api_key": "key", "account_id": "acc_1"}

func id(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "saas", Noun: noun, Local: local}
}

// exchange is a stored call and its answer.
type exchange struct{ name, operation, request, body string }

func exchanges(t testing.TB) []exchange {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	var all []exchange
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := strings.Cut(string(b), "\n\n")
		lines := strings.Split(head, "\n")
		if !ok || len(lines) != 3 || !strings.HasPrefix(lines[0], "# ") || !strings.HasPrefix(lines[1], "# Operation: ") {
			t.Fatalf("%s: want its source, its operation, its request, an empty line, the body", f)
		}
		all = append(all, exchange{strings.TrimSuffix(filepath.Base(f), ".txt"), strings.TrimPrefix(lines[1], "# Operation: "), lines[2], body})
	}
	return all
}

// played answers exchanges' requests, each with its parameters in any order, and nothing else.
func played(t testing.TB, all ...exchange) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization") + " " + r.Header.Get("Account-ID"); got != "Bearer key acc_1" {
			t.Errorf("credentials: got %q", got)
		}
		for _, e := range all {
			method, target, _ := strings.Cut(e.request, " ")
			path, query, _ := strings.Cut(target, "?")
			want, err := url.ParseQuery(query)
			if err != nil {
				t.Errorf("%s: %v", e.name, err)
			}
			if r.Method == method && r.URL.EscapedPath() == path && cmp.Equal(r.URL.Query(), want) {
				_, _ = w.Write([]byte(e.body))
				return
			}
		}
		t.Errorf("a request that was not stored: %s %s", r.Method, r.URL.RequestURI())
		w.WriteHeader(http.StatusNotFound)
	})
}

// first is the first page of the only list of a plan.
func first[T providers.Record](ctx context.Context, p *provider) func([]providers.List[T], error) (any, error) {
	return func(lists []providers.List[T], err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return lists[0].Page(ctx, providers.PageRequest{Number: 1, Reader: p})
	}
}

// plays say how each exchange comes about; those that it takes others for name them.
var plays = map[string]struct {
	with []string
	play func(ctx context.Context, p *provider) (any, error)
}{
	"affiliate_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Affiliate](ctx, p)(p.Affiliates(providers.AffiliateFilter{}))
	}},
	"affiliate_one": {play: func(ctx context.Context, p *provider) (any, error) {
		return p.AffiliatesByID(ctx, []providers.ID{id(providers.NounAffiliate, "8262001")})
	}},
	"membership_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Membership](ctx, p)(p.Memberships(providers.MembershipFilter{}))
	}},
	"campaign_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Campaign](ctx, p)(p.Campaigns(providers.CampaignFilter{}))
	}},
	"campaign_one": {play: func(ctx context.Context, p *provider) (any, error) {
		return p.CampaignsByID(ctx, []providers.ID{id(providers.NounCampaign, "28004")}, "name")
	}},
	"campaign_rewards": {with: []string{"campaign_list"}, play: func(ctx context.Context, p *provider) (any, error) {
		return p.CampaignsByID(ctx, []providers.ID{
			id(providers.NounCampaign, "28004"), id(providers.NounCampaign, "28005"), id(providers.NounCampaign, "28006"),
		})
	}},
	"referral_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Referral](ctx, p)(p.Referrals(providers.ReferralFilter{}))
	}},
	"referral_one": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Referral](ctx, p)(p.Referrals(providers.ReferralFilter{Email: "user+1@example.com"}))
	}},
	"commission_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Commission](ctx, p)(p.Commissions(providers.CommissionFilter{Payouts: []providers.ID{id(providers.NounPayout, "2710287")}}))
	}},
	"payout_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Payout](ctx, p)(p.Payouts(providers.PayoutFilter{}))
	}},
	"payout_stats": {play: func(ctx context.Context, p *provider) (any, error) {
		return p.PayoutStats(ctx, providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
	}},
	"payout_due": {play: func(ctx context.Context, p *provider) (any, error) {
		return p.DuePayouts(ctx, providers.PayoutFilter{Campaigns: []providers.ID{id(providers.NounCampaign, "28004")}})
	}},
	"payout_promoters": {play: func(ctx context.Context, p *provider) (any, error) {
		return p.PayoutsByPromoter(ctx, providers.PayoutFilter{})
	}},
	"coupon_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.Coupon](ctx, p)(p.Coupons(providers.CouponFilter{}))
	}},
	"coupon_one": {play: func(ctx context.Context, p *provider) (any, error) {
		return p.CouponsByID(ctx, []providers.ID{id(providers.NounCoupon, "510")}, "code")
	}},
	"webhook_list": {play: func(ctx context.Context, p *provider) (any, error) {
		return first[providers.WebhookSubscription](ctx, p)(p.WebhookSubscriptions())
	}},
	"webhook_one": {play: func(ctx context.Context, p *provider) (any, error) {
		return p.WebhookSubscriptionsByID(ctx, []providers.ID{id(providers.NounWebhookSubscription, "1")})
	}},
}

// TestExchanges holds what the client makes of each stored exchange against what is stored beside it.
func TestExchanges(t *testing.T) {
	all := exchanges(t)
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			play, ok := plays[e.name]
			if !ok {
				t.Fatal("nothing plays it")
			}
			p := open(t, played(t, slices.DeleteFunc(slices.Clone(all), func(o exchange) bool {
				return o.name != e.name && !slices.Contains(play.with, o.name)
			})...), someKey)
			result, err := play.play(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			got := readable(t, result)
			if strings.Contains(got, "secret") {
				t.Errorf("a secret was read:\n%s", got)
			}
			golden := filepath.Join("testdata", e.name+".golden.json")
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

// readable is a result as JSON, with what is empty left out, and each id as "Noun/local".
func readable(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(flat(v))
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	b, err = json.MarshalIndent(pruned(tree), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// flat makes a list of a batch, whose keys JSON cannot hold.
func flat(v any) any {
	switch b := v.(type) {
	case *providers.Batch[providers.Affiliate]:
		return found(b)
	case *providers.Batch[providers.Campaign]:
		return found(b)
	case *providers.Batch[providers.Coupon]:
		return found(b)
	case *providers.Batch[providers.WebhookSubscription]:
		return found(b)
	}
	return v
}

func found[T providers.Record](b *providers.Batch[T]) any {
	rows := []*T{}
	for _, row := range b.Found {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *T) int {
		return strings.Compare(providers.NodeOf(a).ProviderID, providers.NodeOf(b).ProviderID)
	})
	return map[string]any{"Found": rows, "Harvest": b.Harvest}
}

func pruned(v any) any {
	switch v := v.(type) {
	case string:
		if id, err := providers.ParseID(v); err == nil {
			return string(id.Noun) + "/" + id.Local
		}
	case map[string]any:
		for k, e := range v {
			if e = pruned(e); e == nil || e == "" || k == "FetchedAt" {
				delete(v, k)
			} else {
				v[k] = e
			}
		}
		if len(v) == 0 {
			return nil
		}
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
