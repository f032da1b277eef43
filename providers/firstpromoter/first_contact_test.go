package firstpromoter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestWrongAccount: an account_id that names no account of the key is a 404 of every call,
// and never reads as a record that is not there.
func TestWrongAccount(t *testing.T) {
	one := []providers.ID{id(providers.NounAffiliate, "1")}
	for name, read := range map[string]func(p *provider) error{
		"ping":         func(p *provider) error { return p.Ping(t.Context()) },
		"an affiliate": func(p *provider) error { return failure(p.AffiliatesByID(t.Context(), one)) },
		"affiliates": func(p *provider) error {
			return failure(p.AffiliatesByID(t.Context(), append(one, id(providers.NounAffiliate, "2"))))
		},
		"a campaign":   func(p *provider) error { return failure(p.CampaignsByID(t.Context(), []providers.ID{main})) },
		"campaigns":    func(p *provider) error { return failure(p.CampaignsByID(t.Context(), []providers.ID{main, second})) },
		"a membership": func(p *provider) error { return failure(p.MembershipsByID(t.Context(), []providers.ID{member})) },
		"a referral":   func(p *provider) error { return failure(p.ReferralsByID(t.Context(), []providers.ID{lead})) },
		"a commission": func(p *provider) error { return failure(p.CommissionsByID(t.Context(), []providers.ID{earned})) },
		"a payout": func(p *provider) error {
			return failure(p.PayoutsByID(t.Context(), []providers.ID{id(providers.NounPayout, "1")}))
		},
		"a coupon": func(p *provider) error {
			return failure(p.CouponsByID(t.Context(), []providers.ID{id(providers.NounCoupon, "1")}))
		},
		"a webhook": func(p *provider) error {
			return failure(p.WebhookSubscriptionsByID(t.Context(), []providers.ID{id(providers.NounWebhookSubscription, "1")}))
		},
		"a raw record": func(p *provider) error { _, err := p.RawRecord(t.Context(), one[0]); return err },
		"affiliates by address": func(p *provider) error {
			return pageOf(t, p)(p.Affiliates(providers.AffiliateFilter{Email: "A@example.com"}))
		},
		"affiliates by code":       func(p *provider) error { return pageOf(t, p)(p.Affiliates(providers.AffiliateFilter{RefCode: "x"})) },
		"affiliates by promo code": func(p *provider) error { return pageOf(t, p)(p.Affiliates(providers.AffiliateFilter{PromoCode: "x"})) },
		"affiliates of a list":     func(p *provider) error { return pageOf(t, p)(p.Affiliates(providers.AffiliateFilter{})) },
		"referrals by address": func(p *provider) error {
			return pageOf(t, p)(p.Referrals(providers.ReferralFilter{Email: "a@example.com"}))
		},
		"referrals of a list":   func(p *provider) error { return pageOf(t, p)(p.Referrals(providers.ReferralFilter{})) },
		"commissions of a list": func(p *provider) error { return pageOf(t, p)(p.Commissions(providers.CommissionFilter{})) },
		"payouts of a list":     func(p *provider) error { return pageOf(t, p)(p.Payouts(providers.PayoutFilter{})) },
		"coupons of a list":     func(p *provider) error { return pageOf(t, p)(p.Coupons(providers.CouponFilter{})) },
		"a write": func(p *provider) error {
			_, err := p.Plan(t.Context(), &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "a@example.com"})
			return err
		},
		"a look": func(p *provider) error {
			_, _, err := p.Look(t.Context(), &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "a@example.com"}, nil, false)
			return err
		},
	} {
		p := open(t, http.NotFoundHandler(), map[string]string{"api_key": "k-1234", "account_id": "acc_wrong"})
		err := read(p)
		if providers.KindOf(err) != providers.KindUnauthorized || !strings.Contains(fmt.Sprint(err), "account_id") {
			t.Errorf("%s: got %v; want an error that names account_id", name, err)
		}
		if a := p.Account(); a.Status != providers.AccountDown || a.LastError == nil {
			t.Errorf("%s: the account is %s, %v; want it down", name, a.Status, a.LastError)
		}
	}
}

// failure is the error of a batch, or of the only id in it.
func failure[T providers.Record](b *providers.Batch[T], err error) error {
	if err != nil {
		return err
	}
	for _, err := range b.Failed {
		return err
	}
	return nil
}

func pageOf(t *testing.T, p *provider) func(any, error) error {
	read := func(lists any) error {
		switch lists := lists.(type) {
		case []providers.List[providers.Affiliate]:
			return firstPage(t, p, lists)
		case []providers.List[providers.Referral]:
			return firstPage(t, p, lists)
		case []providers.List[providers.Commission]:
			return firstPage(t, p, lists)
		case []providers.List[providers.Payout]:
			return firstPage(t, p, lists)
		case []providers.List[providers.Coupon]:
			return firstPage(t, p, lists)
		}
		return errors.ErrUnsupported
	}
	return func(lists any, err error) error {
		if err != nil {
			return err
		}
		return read(lists)
	}
}

func firstPage[T providers.Record](t *testing.T, p *provider, lists []providers.List[T]) error {
	_, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
	return err
}

// TestAbsent: a 404 of a record says that there is none as soon as the vendor is known to
// know the account, which is asked once.
func TestAbsent(t *testing.T) {
	var probes, reads atomic.Int64
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == campaignList.path {
			probes.Add(1)
			_, _ = w.Write([]byte(`[]`))
			return
		}
		reads.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}), someKey)
	for range 3 {
		b, err := p.AffiliatesByID(t.Context(), []providers.ID{jane})
		if err != nil || len(b.Found)+len(b.Failed) != 0 {
			t.Errorf("%+v, %v; want nobody", b, err)
		}
	}
	if probes.Load() != 1 || reads.Load() != 3 {
		t.Errorf("%d probes and %d reads; want 1 and 3", probes.Load(), reads.Load())
	}
	// An endpoint that is not there is not an account that is not there.
	if err := pageOf(t, p)(p.Payouts(providers.PayoutFilter{})); providers.KindOf(err) != providers.KindNotFound {
		t.Errorf("got %v", err)
	}
	if a := p.Account(); a.Status == providers.AccountDown {
		t.Errorf("the account is %s", a.Status)
	}
}

// exact is a vendor that keeps addresses in lower case and compares them as they stand.
type exact struct {
	kept  map[string]string // records by path and address
	posts int
	cut   bool // the connection is closed after a write was done
}

func (v *exact) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		v.posts++
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		address := strings.ToLower(body["email"].(string))
		path := r.URL.Path + "/" + address
		record := `{"id":8262999,"email":"` + address + `","profile":{"first_name":"New","last_name":"Partner"},"promoter_campaigns":[],
			"promoter_campaign":{"id":128004,"campaign_id":28004,"promoter_id":8262622}}`
		v.kept[path] = record
		if v.cut {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte(record))
		return
	}
	if record, ok := v.kept[r.URL.Path]; ok {
		_, _ = w.Write([]byte(record))
		return
	}
	if strings.Count(r.URL.Path, "/") == 1 {
		_, _ = w.Write([]byte(`[]`))
		return
	}
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"message":"Record not found","code":"not_found"}`))
}

// TestSpellings: an address that was typed with capitals is found where the vendor keeps it
// in lower case: after a write that nobody answered, before another one, and by a filter.
func TestSpellings(t *testing.T) {
	const typed = "New.Partner@Example.com"
	for name, c := range map[string]struct {
		command providers.Command
		filter  func(p *provider) (any, error)
	}{
		"affiliate": {&providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: typed, FirstName: new("New"), LastName: new("Partner")},
			func(p *provider) (any, error) { return p.Affiliates(providers.AffiliateFilter{Email: typed}) }},
		"referral": {&providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: jane, Email: new(typed)},
			func(p *provider) (any, error) { return p.Referrals(providers.ReferralFilter{Email: typed}) }},
	} {
		v := &exact{kept: map[string]string{janePath: janeAs("", "28004 accepted")}, cut: true}
		p := open(t, providertest.Wire(t, v), someKey)
		w, err := p.Plan(t.Context(), c.command)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := w.Send(t.Context()); err == nil {
			t.Errorf("%s: a cut connection is a success", name)
		}
		if verdict, made, err := p.Look(t.Context(), c.command, w.Before, false); verdict != providers.Made || made.ID.Local != "8262999" {
			t.Errorf("%s: a look says %s, %+v, %v", name, verdict, made, err)
		}
		var problems providers.Problems
		if _, err := p.Plan(t.Context(), c.command); !errors.As(err, &problems) || problems[0].Code != providers.ProblemTaken {
			t.Errorf("%s: planning it again: %v", name, err)
		}
		if v.posts != 1 {
			t.Errorf("%s: %d writes", name, v.posts)
		}
		lists, err := c.filter(p)
		if err != nil {
			t.Fatal(err)
		}
		if rows := firstRows(t, p, lists); len(rows) != 1 {
			t.Errorf("%s: a filter finds %v", name, rows)
		}
	}
}

// firstRows are the addresses of a list's first page.
func firstRows(t *testing.T, p *provider, lists any) (rows []string) {
	t.Helper()
	switch lists := lists.(type) {
	case []providers.List[providers.Affiliate]:
		for _, a := range providertest.First[providers.Affiliate](t, p)(lists, nil).Items {
			rows = append(rows, *a.Email)
		}
	case []providers.List[providers.Referral]:
		for _, f := range providertest.First[providers.Referral](t, p)(lists, nil).Items {
			rows = append(rows, *f.Email)
		}
	}
	return rows
}

// TestMovedAddresses: the mark of a customer that was moved is no part of the address:
// where it is read, searched for, and compared.
func TestMovedAddresses(t *testing.T) {
	const address, marked = "buyer2@example.com", "buyer2@example.com (moved)"
	row := `{"id":2002,"email":"` + marked + `","uid":null,"state":"moved","promoter_campaign":` + membershipM + `}`
	var searched []string
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Has("q") {
			searched = append(searched, r.URL.Path+" "+q.Get("q"))
		}
		switch page := q.Get("page"); {
		case page > "1":
			_, _ = w.Write([]byte(`[]`))
		case r.URL.Path == "/referrals" && strings.Contains(marked, q.Get("q")):
			_, _ = w.Write([]byte("[" + row + "]"))
		case r.URL.Path == "/commissions":
			_, _ = w.Write([]byte(`[{"id":3001,"promoter_campaign":` + membershipM + `,"referral":{"id":2002,"email":"` + marked + `","uid":null}},
				{"id":3002,"promoter_campaign":` + membershipM + `,"referral":{"id":2003,"email":"x@example.com","uid":"u3"}}]`))
		case strings.HasPrefix(r.URL.Path, "/referrals/"):
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write([]byte(`[]`))
		}
	}), someKey)
	for name, f := range map[string]providers.ReferralFilter{
		"all": {}, "by address": {Email: address}, "in capitals": {Email: strings.ToUpper(address)}, "as marked": {Email: marked}, "by search": {Search: marked},
	} {
		page := providertest.First[providers.Referral](t, p)(p.Referrals(f))
		if len(page.Items) != 1 || *page.Items[0].Email != address || page.Items[0].Status != providers.ReferralMoved {
			t.Errorf("%s: %+v", name, page.Items)
		}
	}
	if slices.ContainsFunc(searched, func(s string) bool { return strings.Contains(s, "moved") }) {
		t.Errorf("searched for %q", searched)
	}
	commissions := func(referral *providers.Referral) []string {
		searched = nil
		f := providers.CommissionFilter{Referrals: []providers.ID{referral.ID}}
		f.Parent.Referral = referral
		page := providertest.First[providers.Commission](t, p)(p.Commissions(f))
		if len(page.Items) != 1 || page.Items[0].ReferralID != referral.ID {
			t.Errorf("commissions of %v: %+v", referral.ID, page.Items)
		}
		return searched
	}
	stubs := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{})).Harvest.Referrals
	if got := commissions(stubs[0]); !slices.Equal(got, []string{"/commissions " + address}) {
		t.Errorf("searched for %q", got)
	}
	if got := commissions(stubs[1]); !slices.Equal(got, []string{"/commissions u3"}) {
		t.Errorf("searched for %q, want the customer's id", got)
	}
}
