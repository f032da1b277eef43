package uppromote

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// keys are those of planned lists.
func keys[T providers.Record](t *testing.T, lists []providers.List[T], err error) (keys []string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		keys = append(keys, l.Key)
	}
	return keys
}

func affiliateIDs(numbers ...string) (ids []providers.ID) {
	for _, n := range numbers {
		ids = append(ids, id(providers.NounAffiliate, n))
	}
	return ids
}

func TestPlans(t *testing.T) {
	p := open(t, http.NotFoundHandler())
	campaigns := []providers.ID{id(providers.NounCampaign, "8"), id(providers.NounCampaign, "9")}
	from := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	referrals := func(f providers.ReferralFilter) []string { l, err := p.Referrals(f); return keys(t, l, err) }
	commissions := func(f providers.CommissionFilter) []string { l, err := p.Commissions(f); return keys(t, l, err) }
	payouts := func(f providers.PayoutFilter) []string { l, err := p.Payouts(f); return keys(t, l, err) }
	affiliates := func(f providers.AffiliateFilter) []string { l, err := p.Affiliates(f); return keys(t, l, err) }
	for _, tt := range []struct {
		name      string
		got, want []string
	}{
		{"all referrals", referrals(providers.ReferralFilter{}), []string{"referrals"}},
		{"one affiliate and program", referrals(providers.ReferralFilter{Affiliates: affiliateIDs("5"), Campaigns: campaigns[:1]}), []string{"referrals?affiliate_id=5&program_id=8"}},
		{"several affiliates, one twice", referrals(providers.ReferralFilter{Affiliates: affiliateIDs("7", "5", "7")}), []string{"referrals?affiliate_id=5", "referrals?affiliate_id=7"}},
		{"a list is divided once", referrals(providers.ReferralFilter{Affiliates: affiliateIDs("5", "7"), Campaigns: campaigns}), []string{"referrals?affiliate_id=5", "referrals?affiliate_id=7"}},
		{"customers are none", referrals(providers.ReferralFilter{Kinds: []providers.ReferralKind{providers.ReferralCustomer}}), nil},
		{"an order", referrals(providers.ReferralFilter{OrderID: "6439217201474"}), []string{"referrals?order_id=6439217201474"}},
		{"no order has words for an id", referrals(providers.ReferralFilter{OrderID: "A-1"}), nil},
		{"one bound of dates is sent as two", referrals(providers.ReferralFilter{CreatedAt: providers.DateRange{From: from}}),
			[]string{"referrals?" + url.Values{"from_date": {"2026-01-02T03:04:04Z"}, "to_date": {"2038-01-01T00:00:00Z"}}.Encode()}},
		{"the other", commissions(providers.CommissionFilter{CreatedAt: providers.DateRange{To: from}}),
			[]string{"referrals?" + url.Values{"from_date": {"1970-01-02T00:00:00Z"}, "to_date": {"2026-01-02T03:04:06Z"}}.Encode()}},
		{"events have no ids", commissions(providers.CommissionFilter{EventID: "ch_1"}), nil},
		{"what is owed is the affiliate's", commissions(providers.CommissionFilter{Payouts: []providers.ID{id(providers.NounPayout, "due~5")}}), []string{"referrals?affiliate_id=5"}},
		{"what was paid is a list of its own", commissions(providers.CommissionFilter{Payouts: []providers.ID{id(providers.NounPayout, "paid~5")}}), []string{"referrals?payout=paid~5"}},
		{"no payout", commissions(providers.CommissionFilter{Payouts: []providers.ID{id(providers.NounPayout, "lost~5"), id(providers.NounPayout, "due~x")}}), nil},
		{"payouts", payouts(providers.PayoutFilter{}), []string{"payments/unpaid", "payments/paid"}},
		{"due payouts", payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutDue}}), []string{"payments/unpaid"}},
		{"failed payouts", payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutFailed}}), []string{"payments/paid"}},
		{"canceled payouts", payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutCanceled}}), nil},
		{"payouts of an affiliate", payouts(providers.PayoutFilter{Affiliates: affiliateIDs("5")}), []string{"payments/unpaid?affiliate_id=5", "payments/paid?affiliate_id=5"}},
		{"payouts of a program", payouts(providers.PayoutFilter{Campaigns: campaigns}), nil},
		{"states", affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliatePending, providers.AffiliateActive, providers.AffiliateBanned}}),
			[]string{"affiliates?status=active", "affiliates?status=pending"}},
		{"no such state", affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateBanned}}), nil},
		{"any word may be new", affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateUnknown}}), []string{"affiliates"}},
		{"a program's affiliates are searched", affiliates(providers.AffiliateFilter{Campaigns: campaigns}), []string{"affiliates"}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: %q; want %q", tt.name, tt.got, tt.want)
		}
	}
	one, two := affiliates(providers.AffiliateFilter{Email: "Jane@example.com"}), affiliates(providers.AffiliateFilter{Email: "jane@example.com"})
	if slices.Equal(one, two) || strings.Contains(strings.ToLower(one[0]+two[0]), "jane") {
		t.Errorf("two spellings of an address make the keys %q and %q; want one for each that is sent, without the address", one, two)
	}
	f := providers.CommissionFilter{Affiliates: affiliateIDs("5")}
	f.Parent.Affiliate = &providers.Affiliate{Node: providers.Node{ID: f.Affiliates[0], CreatedAt: &from}}
	lists, err := p.Commissions(f)
	if err != nil || lists[0].Within == nil || lists[0].Within.Key != "referrals" {
		t.Errorf("an affiliate's list lies within %+v; want all referrals (%v)", lists[0].Within, err)
	}
}

// spent is what calls went out since the last look.
func spent(s *sandbox.Server) (calls []string) {
	for _, r := range s.Kit().Requests() {
		calls = append(calls, r.Path)
	}
	s.Kit().Forget()
	return calls
}

// all are the rows of lists.
func all[T providers.Record](t *testing.T, p *provider, lists []providers.List[T], err error) (rows []*T) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		for row, err := range providers.All(t.Context(), l, p) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// busiest is who has most paid commissions, and their ids.
func busiest(t *testing.T, p *provider) (providers.ID, []providers.ID) {
	t.Helper()
	lists, err := p.Commissions(providers.CommissionFilter{})
	paid := map[providers.ID][]providers.ID{}
	var most providers.ID
	for _, c := range all(t, p, lists, err) {
		if c.Status == providers.CommissionPaid {
			if paid[c.AffiliateID] = append(paid[c.AffiliateID], c.ID); len(paid[c.AffiliateID]) > len(paid[most]) {
				most = c.AffiliateID
			}
		}
	}
	if len(paid[most]) < 3 {
		t.Fatal("nobody has several paid commissions")
	}
	return most, paid[most]
}

// TestPayoutsOfCommissions: the payments of an affiliate are read once for all commissions.
func TestPayoutsOfCommissions(t *testing.T) {
	server := simulator()
	p := open(t, server)
	_, ids := busiest(t, p)
	spent(server)
	b, err := p.CommissionsByID(t.Context(), ids, "payout", "amount")
	if err != nil || len(b.Found) != len(ids) {
		t.Fatalf("found %d of %d, %v", len(b.Found), len(ids), err)
	}
	payouts := map[providers.ID]bool{}
	for _, c := range b.Found {
		if c.PayoutID.IsZero() || c.PayoutUnknown || !c.Known.Covers("payout") {
			t.Errorf("%+v does not know who paid it", c)
		}
		payouts[c.PayoutID] = true
	}
	if len(payouts) < 2 {
		t.Errorf("one payment paid all %d: nothing is proved", len(ids))
	}
	payments := 0
	for _, call := range spent(server) {
		if strings.HasPrefix(call, "/payments/paid?") {
			payments++
		}
	}
	if payments != 1 {
		t.Errorf("%d reads of payments; want 1", payments)
	}
	if len(b.Harvest.Payouts) < len(payouts) {
		t.Errorf("%d payments came along; want those %d at least", len(b.Harvest.Payouts), len(payouts))
	}
}

// TestUnreadPayments: a record that could not be completed fails, and the others do not.
func TestUnreadPayments(t *testing.T) {
	server := simulator()
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/payments/") {
			providertest.Answer(http.StatusForbidden, `{"message":"not in your plan"}`).ServeHTTP(w, r)
			return
		}
		server.ServeHTTP(w, r)
	}))
	affiliate, ids := busiest(t, p)
	lists, err := p.Commissions(providers.CommissionFilter{})
	for _, c := range all(t, p, lists, err) {
		if c.Status == providers.CommissionPending {
			ids = append(ids, c.ID) // it needs no payments
			break
		}
	}
	b, err := p.CommissionsByID(t.Context(), ids, "payout")
	if err != nil || len(b.Found) != 1 || len(b.Failed) != len(ids)-1 {
		t.Fatalf("%d found, %d failed, %v; want 1 and %d", len(b.Found), len(b.Failed), err, len(ids)-1)
	}
	if got := providers.KindOf(b.Failed[ids[0]]); got != providers.KindUnauthorized {
		t.Errorf("failed as %q; want %q", got, providers.KindUnauthorized)
	}
	due := id(providers.NounPayout, "due~"+affiliate.Local)
	payouts, err := p.PayoutsByID(t.Context(), []providers.ID{due})
	if err != nil || providers.KindOf(payouts.Failed[due]) != providers.KindUnauthorized {
		t.Errorf("what is owed: %+v, %v; want it to fail", payouts, err)
	}
}

// TestKnownAddressIsNotLookedUp: an affiliate's list takes one call where the address is
// known, else two.
func TestKnownAddressIsNotLookedUp(t *testing.T) {
	server := simulator()
	p := open(t, server)
	affiliate, _ := busiest(t, p)
	b, err := p.AffiliatesByID(t.Context(), []providers.ID{affiliate})
	if err != nil {
		t.Fatal(err)
	}
	for want, known := range map[int]*providers.Affiliate{1: b.Found[affiliate], 2: nil} {
		spent(server)
		f := providers.CommissionFilter{Affiliates: []providers.ID{affiliate}}
		f.Parent.Affiliate = known
		lists, err := p.Commissions(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p}); err != nil {
			t.Fatal(err)
		}
		calls := spent(server)
		if len(calls) != want {
			t.Fatalf("known: %v: calls %q; want %d", known != nil, calls, want)
		}
		sent := "/referrals?" + url.Values{"affiliate_email": {*b.Found[affiliate].Email}, "page": {"1"}, "per_page": {"100"}}.Encode()
		if got := calls[want-1]; got != sent {
			t.Errorf("sent %s; want %s", got, sent)
		}
	}
}

// TestCodesAreReadWithTheAffiliate: a coupon's code takes a read of the affiliate, all of
// it a search of all coupons.
func TestCodesAreReadWithTheAffiliate(t *testing.T) {
	server := simulator()
	p := open(t, server)
	lists, err := p.Coupons(providers.CouponFilter{})
	coupon := all(t, p, lists, err)[0]
	for _, tt := range []struct {
		need []string
		call string
	}{{[]string{"code"}, "/affiliates/" + coupon.AffiliateID.Local}, {[]string{"code", "createdAt"}, "/coupons?page=1&per_page=100"}} {
		spent(server)
		b, err := p.CouponsByID(t.Context(), []providers.ID{coupon.ID}, tt.need...)
		if err != nil || b.Found[coupon.ID] == nil || !b.Found[coupon.ID].Known.Covers(tt.need...) {
			t.Errorf("read for %q: %+v, %v", tt.need, b, err)
		}
		if calls := spent(server); !slices.Equal(calls, []string{tt.call}) {
			t.Errorf("read for %q: calls %q; want %q", tt.need, calls, tt.call)
		}
	}
}

// TestIgnoredFilter: once payments turn out not to be narrowed, they are searched; that is
// said once.
func TestIgnoredFilter(t *testing.T) {
	server := simulator()
	server.Kit().Set(sandbox.IgnorePaymentEmail, true)
	var log strings.Builder
	p := openLogging(t, server, slog.NewTextHandler(&log, nil))
	affiliate, _ := busiest(t, p)
	if !slices.Contains(p.Account().Capabilities, providers.FilterPayoutsByAffiliate) {
		t.Error("the capability is not there from the start")
	}
	f := providers.PayoutFilter{Affiliates: []providers.ID{affiliate}, Statuses: []providers.PayoutStatus{providers.PayoutPaid}}
	for range 2 {
		lists, err := p.Payouts(f)
		found := 0
		for _, row := range all(t, p, lists, err) {
			if f.Match(row) {
				found++
			}
		}
		if found == 0 {
			t.Error("the affiliate's payments are not among the rows")
		}
	}
	lists, err := p.Payouts(f)
	if got := keys(t, lists, err); !slices.Equal(got, []string{"payments/paid"}) {
		t.Errorf("planned then: %q; want the list of all", got)
	}
	if slices.Contains(p.Account().Capabilities, providers.FilterPayoutsByAffiliate) {
		t.Error("the capability is still claimed")
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings; want 1: %s", n, log.String())
	}
}

// TestShortListIsWalked: once a list is known to be short, many records are read by walking it.
func TestShortListIsWalked(t *testing.T) {
	server := simulator()
	p := open(t, server)
	lists, err := p.Affiliates(providers.AffiliateFilter{})
	var ids []providers.ID
	for _, a := range all(t, p, lists, err) {
		ids = append(ids, a.ID)
	}
	spent(server)
	if n := p.Calls(providers.QueryAffiliateEdge, providers.RowsOf(len(ids))); n != 1 {
		t.Errorf("%d affiliates are said to take %d calls; want 1", len(ids), n)
	}
	b, err := p.AffiliatesByID(t.Context(), ids)
	if err != nil || len(b.Found) != len(ids) {
		t.Fatalf("found %d of %d, %v", len(b.Found), len(ids), err)
	}
	if calls := spent(server); len(calls) != 1 {
		t.Errorf("calls %q; want 1", calls)
	}
}

func TestCalls(t *testing.T) {
	p := open(t, http.NotFoundHandler())
	for _, tt := range []struct {
		edge providers.Edge
		need []string
		want int
	}{
		{providers.CommissionAffiliateEdge, []string{"id", "email", "name"}, 0},
		{providers.CommissionAffiliateEdge, []string{"status"}, 8},
		{providers.PayoutAffiliateEdge, []string{"email"}, 0},
		{providers.PayoutAffiliateEdge, []string{"name"}, 8},
		{providers.ReferralCampaignEdge, []string{"providerId"}, 0},
		{providers.ReferralCampaignEdge, []string{"name"}, 8},
		{providers.AffiliateCampaignEdge, []string{"name"}, 0},
		{providers.ReferralCommissionsEdge, []string{"amount"}, 8},
		{providers.CommissionPayoutEdge, []string{"amount"}, 8},
		{providers.QueryCommissionsEdge, []string{"payout"}, 8},
		{providers.QueryCommissionsEdge, []string{"amount"}, 0},
		{providers.QueryReferralEdge, nil, 7},
		{providers.QueryWebhookSubscriptionEdge, nil, 1},
		{providers.EdgeNamed("Affiliate.nonsense"), nil, 0},
	} {
		if got := p.Calls(tt.edge, providers.RowsOf(7), tt.need...); got != tt.want {
			t.Errorf("Calls(%q, 7, %q) = %d; want %d", tt.edge, tt.need, got, tt.want)
		}
	}
}
