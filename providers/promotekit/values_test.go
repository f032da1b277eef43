package promotekit

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestOddValues: what is plainly meant is read, and anything else is null; a value is never
// made up.
func TestOddValues(t *testing.T) {
	affiliate := func(members string) string {
		page := rowsOf[providers.Affiliate](t, members, (*provider).Affiliates)
		a := page.Items[1]
		out := []string{string(a.Status)}
		if a.Clicks != nil {
			out = append(out, "clicks", strconv.FormatInt(*a.Clicks, 10))
		}
		for _, l := range a.Links {
			out = append(out, l.URL)
		}
		for _, c := range a.Coupons {
			out = append(out, c.Code)
		}
		return strings.Join(out, " ")
	}
	commission := func(members string) string {
		page := rowsOf[providers.Commission](t, members, (*provider).Commissions)
		c := page.Items[1]
		var out []string
		if c.SaleAmount != nil {
			out = append(out, c.SaleAmount.Amount.String())
		}
		for _, edge := range []providers.ID{c.AffiliateID, c.ReferralID, c.PayoutID} {
			if !edge.IsZero() {
				out = append(out, string(edge.Noun))
			}
		}
		return strings.Join(out, " ")
	}
	for members, want := range map[string]string{
		`"clicks": "12"`:                   "UNKNOWN clicks 12",
		`"clicks": 12.0`:                   "UNKNOWN clicks 12",
		`"clicks": 12.5`:                   "UNKNOWN",
		`"clicks": "1,075"`:                "UNKNOWN",
		`"approved": 1, "banned": 0`:       "ACTIVE",
		`"approved": "0", "banned": 0`:     "PENDING",
		`"approved": {}, "banned": 0`:      "UNKNOWN",
		`"links": {}, "promo_codes": null`: "UNKNOWN",
		`"links": {"0": {"url": "u"}}, "promo_codes": ["SAVE10"]`: "UNKNOWN u SAVE10",
		`"campaign": [], "created_at": "2026-03-01"`:              "UNKNOWN",
	} {
		if got := affiliate(members); got != want {
			t.Errorf("an affiliate with %s: got %q, want %q", members, got, want)
		}
	}
	for members, want := range map[string]string{
		`"payout": {}`: "", `"payout": []`: "", `"referral": []`: "", `"affiliate": {"id": null, "email": null}`: "",
		`"payout": "` + uuidC + `"`:               "Payout",
		`"payout": {"id": "` + uuidC + `"}`:       "Payout",
		`"affiliate": "` + uuidA + `"`:            "Affiliate",
		`"revenue_amount": "1075.00"`:             "1075.00",
		`"revenue_amount": "N/A"`:                 "",
		`"revenue_amount": [1075]`:                "",
		`"revenue_amount": true`:                  "",
		`"revenue_amount": 123456789012345678901`: "",
	} {
		if got := commission(members); got != want {
			t.Errorf("a commission with %s: got %q, want %q", members, got, want)
		}
	}
	// Amounts for people are read, or null.
	for members, want := range map[string]string{`"revenue_amount": "1,075.00"`: "1075.00", `"revenue_amount": "$1075.00"`: "1075.00"} {
		if got := commission(members); got != want && got != "" {
			t.Errorf("a commission with %s: got %q, want %q or nothing", members, got, want)
		}
	}
}

// TestOddCurrencies: the currency of an amount is the row's, the account's where the row
// names none, and never made up.
func TestOddCurrencies(t *testing.T) {
	for currency, want := range map[string]string{
		`"eur"`: "EUR", `" EUR "`: "EUR", `null`: "USD", `{"code": "EUR"}`: "", `["EUR"]`: "", `"US Dollar"`: "", `840`: "",
	} {
		c := rowsOf[providers.Commission](t, `"revenue_amount": 12.5, "commission_amount": 12.5, "currency": `+currency, (*provider).Commissions).Items[1]
		o := rowsOf[providers.Payout](t, `"amount": 12.5, "currency": `+currency, (*provider).Payouts).Items[1]
		for field, m := range map[string]*providers.Money{"saleAmount": c.SaleAmount, "amount": c.Amount, "a payout's amount": o.Amount} {
			if (m != nil) != (want != "") || m != nil && m.CurrencyCode != want {
				t.Errorf("currency %s: %s is %v, want %q", currency, field, m, want)
			}
		}
	}
}

// rowsOf reads a list of three rows, of which the second has these members besides its id.
func rowsOf[T providers.Record, F any](t *testing.T, members string, plan func(*provider, F) ([]providers.List[T], error)) *providers.Page[T] {
	t.Helper()
	body := `{"success": true, "data": [{"id": "` + uuidA + `"}, {"id": "` + uuidB + `", ` + members + `}, {"id": "` + uuidC + `"}]}`
	p := open(t, providertest.Answer(http.StatusOK, body))
	var all F
	page := providertest.First[T](t, p)(plan(p, all))
	if len(page.Items) != 3 || page.Unread != 0 {
		t.Fatalf("%s: %d rows, %d unread", members, len(page.Items), page.Unread)
	}
	return page
}

// shout gives every id below v in upper case.
func shout(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if text, ok := inner.(string); ok && isUUID(text) {
				v[name] = strings.ToUpper(text)
			} else {
				v[name] = shout(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = shout(v[i])
		}
	}
	return v
}

// TestIDsInUpperCase wants a UUID to be one id in whatever case: in lists, single records
// and replies to writes. Requests carry it in lower case only, so that a record is found by
// the id that it was listed with.
func TestIDsInUpperCase(t *testing.T) {
	sim := simulator()
	loud := func(w http.ResponseWriter, r *http.Request) {
		if strings.ToLower(r.URL.String()) != r.URL.String() {
			t.Errorf("%s %s was sent", r.Method, r.URL)
		}
		rec := httptest.NewRecorder()
		sim.ServeHTTP(rec, r)
		var body any
		d := json.NewDecoder(rec.Body)
		d.UseNumber()
		if err := d.Decode(&body); err != nil {
			t.Fatal(err)
		}
		w.WriteHeader(rec.Code)
		_ = json.NewEncoder(w).Encode(shout(body))
	}
	quiet, p := open(t, sim), open(t, http.HandlerFunc(loud))
	all := providers.AffiliateFilter{}
	affiliates := sameRows(t, quiet, p, func(p *provider) ([]providers.List[providers.Affiliate], error) { return p.Affiliates(all) }, (*provider).AffiliatesByID)
	sameRows(t, quiet, p, func(p *provider) ([]providers.List[providers.Campaign], error) {
		return p.Campaigns(providers.CampaignFilter{})
	}, (*provider).CampaignsByID)
	payee := providertest.First[providers.Payout](t, quiet)(quiet.Payouts(providers.PayoutFilter{})).Items[0].AffiliateID
	owners := []providers.ID{payee}
	for _, filter := range []providers.CommissionFilter{{}, {Affiliates: owners}} {
		sameRows(t, quiet, p, func(p *provider) ([]providers.List[providers.Commission], error) { return p.Commissions(filter) }, (*provider).CommissionsByID)
	}
	for _, filter := range []providers.ReferralFilter{{}, {Affiliates: owners}} {
		sameRows(t, quiet, p, func(p *provider) ([]providers.List[providers.Referral], error) { return p.Referrals(filter) }, (*provider).ReferralsByID)
	}
	for _, filter := range []providers.PayoutFilter{{}, {Affiliates: owners}} {
		sameRows(t, quiet, p, func(p *provider) ([]providers.List[providers.Payout], error) { return p.Payouts(filter) }, (*provider).PayoutsByID)
	}
	if raw, err := p.RawRecord(t.Context(), affiliates[0]); err != nil || len(raw) == 0 {
		t.Errorf("the raw record of %v: %s, %v", affiliates[0], raw, err)
	}
	w, err := p.Plan(t.Context(), &providers.UpdateAffiliateInput{IdempotencyKey: "k", ID: affiliates[0], FirstName: new("Loud")})
	if err != nil {
		t.Fatal(err)
	}
	if made, err := w.Send(t.Context()); err != nil || made.ID != affiliates[0] || len(made.Harvest.Affiliates) != 1 {
		t.Errorf("a write to %v: %+v, %v", affiliates[0], made, err)
	}
}

// sameRows wants both providers to read the same ids, at least one, also one by one, and to
// tell the same of each.
func sameRows[T providers.Record](
	t *testing.T, quiet, loud *provider, plan func(*provider) ([]providers.List[T], error),
	byID func(*provider, context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
) (ids []providers.ID) {
	t.Helper()
	want, got := providertest.First[T](t, quiet)(plan(quiet)), providertest.First[T](t, loud)(plan(loud))
	if diff := cmp.Diff(want.Items, got.Items); diff != "" || len(got.Items) == 0 {
		t.Fatalf("%d rows, with ids in upper case (-want +got):\n%s", len(got.Items), diff)
	}
	for _, row := range got.Items[:1] {
		ids = append(ids, providers.NodeOf(row).ID)
	}
	if b, err := byID(loud, t.Context(), ids); err != nil || len(b.Found) != 1 {
		t.Errorf("%v by its id: %+v, %v", ids, b, err)
	}
	return ids
}
