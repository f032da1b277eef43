package promotekit

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

var rerecord = flag.Bool("record", false, "record anew the exchanges that come from the simulator")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// open is the account "saas" at a vendor.
func open(t testing.TB, vendor http.Handler) *provider {
	t.Helper()
	return openLogging(t, vendor, slog.DiscardHandler)
}

func openLogging(t testing.TB, vendor http.Handler, log slog.Handler) *provider {
	t.Helper()
	c := providertest.Config("saas", vendor, noon)
	c.Credentials, c.Logger = map[string]string{"api_key": sandbox.APIKey}, slog.New(log)
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p.(*provider)
}

func id(noun providers.Noun, local ...string) providers.ID {
	return providers.ID{Account: "saas", Noun: noun, Local: providers.JoinLocal(local...)}
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

// of are the ids of one noun that an exchange reads.
func of(noun providers.Noun, e providertest.Exchange) []providers.ID {
	return []providers.ID{id(noun, path.Base(e.URL().Path))}
}

// TestExchanges holds what the client makes of each stored exchange against what is stored
// beside it.
func TestExchanges(t *testing.T) {
	if *rerecord {
		recordExchanges(t)
	}
	type exchange = providertest.Exchange
	scenes := map[string]providertest.Scene[*provider]{
		"affiliate_list": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{Email: e.URL().Query().Get("email")})), nil
		}},
		"affiliate_get": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return p.AffiliatesByID(t.Context(), of(providers.NounAffiliate, e))
		}},
		"campaign_list": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return providertest.First[providers.Campaign](t, p)(p.Campaigns(providers.CampaignFilter{})), nil
		}},
		"campaign_get": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return p.CampaignsByID(t.Context(), of(providers.NounCampaign, e))
		}},
		"referral_list": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{})), nil
		}},
		"commission_list": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{
				Referrals: []providers.ID{id(providers.NounReferral, e.URL().Query().Get("referral_id"), noAffiliate)},
			})), nil
		}},
		"commission_get": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return p.CommissionsByID(t.Context(), of(providers.NounCommission, e))
		}},
		"payout_list": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return providertest.First[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{
				Affiliates: []providers.ID{id(providers.NounAffiliate, e.URL().Query().Get("affiliate_id"))},
			})), nil
		}},
		"payout_get": {Play: func(t *testing.T, p *provider, e exchange) (any, error) {
			return p.PayoutsByID(t.Context(), of(providers.NounPayout, e))
		}},
	}
	for name, command := range storedWrites(t) {
		scenes[name+before] = providertest.Scene[*provider]{Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			plan, err := p.Plan(t.Context(), command)
			if err != nil {
				return nil, err
			}
			var was any
			if len(plan.Before) > 0 {
				err = json.Unmarshal(plan.Before, &was)
			}
			return map[string]any{"Op": plan.Op, "Proof": plan.Proof, "Before": was}, err
		}}
		scenes[name] = providertest.Scene[*provider]{With: []string{name + before}, Play: func(t *testing.T, p *provider, _ exchange) (any, error) {
			plan, err := p.Plan(t.Context(), command)
			if err != nil {
				return nil, err
			}
			return plan.Send(t.Context())
		}}
	}
	providertest.Replay(t, http.Header{"Authorization": {"Bearer " + sandbox.APIKey}}, open, scenes)
}

// before ends the names of the exchanges in which a write is planned.
const before = "_before"

// storedWrites are the writes that exchanges play, by the names of those, one for each operation.
func storedWrites(t *testing.T) map[string]providers.Command {
	all := writes(newCast(t))
	affiliate := *all["createAffiliate"].command.(*providers.CreateAffiliateInput)
	affiliate.Email = strings.ToLower(affiliate.Email) // asked for once
	return map[string]providers.Command{
		"affiliate_create": &affiliate, "affiliate_update": all["updateAffiliate"].command, "campaign_create": all["createCampaign"].command,
		"campaign_update": all["updateCampaign"].command, "referral_create": all["createReferral"].command, "commission_create": all["createCommission"].command,
	}
}

// recordExchanges stores what the simulator says where no example of the vendor's is there
// to store.
func recordExchanges(t *testing.T) {
	server := simulator()
	p := open(t, server)
	campaign := providertest.First[providers.Campaign](t, p)(p.Campaigns(providers.CampaignFilter{})).Items[0]
	affiliate := providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{})).Items[0]
	payout := providertest.First[providers.Payout](t, p)(p.Payouts(providers.PayoutFilter{})).Items[0]
	commission := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{
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
		recordExchange(t, name, "GET "+target, "", http.StatusOK, body)
	}
	for name, command := range storedWrites(t) {
		server := simulator()
		recorder := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			called, sends := name, ""
			if r.Method == http.MethodGet {
				called += before
			} else {
				b, _ := io.ReadAll(r.Body)
				sends, r.Body = string(b), io.NopCloser(bytes.NewReader(b))
			}
			reply := httptest.NewRecorder()
			server.ServeHTTP(reply, r)
			recordExchange(t, called, r.Method+" "+r.URL.RequestURI(), sends, reply.Code, reply.Body.Bytes())
			w.WriteHeader(reply.Code)
			_, _ = w.Write(reply.Body.Bytes())
		})
		plan, err := open(t, recorder).Plan(t.Context(), command)
		if err == nil {
			_, err = plan.Send(t.Context())
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// recordExchange stores what the simulator answered.
func recordExchange(t *testing.T, name, request, sends string, status int, body []byte) {
	var indented bytes.Buffer
	if err := json.Indent(&indented, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	operation, _, _ := strings.Cut(request, "?")
	if strings.Count(operation, "/") == 2 {
		operation = path.Dir(operation) + "/{id}"
	}
	providertest.Exchange{
		Name: name, Source: "Recorded from the simulator", Operation: operation, Request: request,
		Status: status, Sends: sends, Body: indented.Bytes(),
	}.Store(t)
}

// ask sends one call with the simulator's key.
func ask(h http.Handler, method, target string) (status int, body []byte) {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "Bearer "+sandbox.APIKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}
