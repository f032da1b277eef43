package promotekit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

const (
	uuidA = "0a000000-0000-4000-8000-000000000000"
	uuidB = "0b000000-0000-4000-8000-000000000000"
	uuidC = "0c000000-0000-4000-8000-000000000000"
)

func TestNewNeedsAKey(t *testing.T) {
	if _, err := New(providers.Config{HTTP: http.DefaultClient}); err == nil {
		t.Error("a provider without a key was made")
	}
}

// TestCallsOfQueries counts what it takes to follow the edges of 100 referrals and their
// like, cold.
func TestCallsOfQueries(t *testing.T) {
	server := simulator()
	t.Run("embedded", func(t *testing.T) {
		server.Kit().Forget()
		page := providertest.First[providers.Commission](t, open(t, server))(open(t, server).Commissions(providers.CommissionFilter{}))
		known := map[providers.ID]bool{}
		for _, a := range page.Harvest.Affiliates {
			known[a.ID] = a.Known == nil
		}
		for _, c := range page.Harvest.Campaigns {
			known[c.ID] = c.Known == nil
		}
		for _, r := range page.Harvest.Referrals {
			known[r.ID] = r.Known == nil
		}
		for _, p := range page.Harvest.Payouts {
			known[p.ID] = p.Known == nil
		}
		paid := 0
		for _, c := range page.Items {
			for _, id := range []providers.ID{c.AffiliateID, c.CampaignID, c.ReferralID, c.PayoutID} {
				if !id.IsZero() && !known[id] {
					t.Errorf("%v of %v did not come along whole", id, c.ID)
				}
			}
			if !c.PayoutID.IsZero() {
				paid++
			}
		}
		if len(page.Items) != 100 || paid == 0 {
			t.Fatalf("%d commissions, %d of them paid, prove little", len(page.Items), paid)
		}
		if got, want := len(server.Kit().Requests()), 1; got != want {
			t.Errorf("calls: got %d, want %d", got, want)
		}
	})
	t.Run("ids only", func(t *testing.T) {
		server.Kit().Forget()
		server.Kit().Set(sandbox.IDsOnly, true)
		defer server.Kit().Set(sandbox.IDsOnly, false)
		p := open(t, server)
		page := providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{}))
		var affiliates, campaigns []providers.ID
		for _, r := range page.Items {
			if r.Known.Covers("campaign") || !r.Known.Covers("affiliate", "email") {
				t.Fatalf("%v knows the wrong fields", r.ID)
			}
			affiliates = append(affiliates, r.AffiliateID)
		}
		for _, a := range batch[providers.Affiliate](t)(p.AffiliatesByID(t.Context(), affiliates)).Found {
			campaigns = append(campaigns, a.Memberships[0].CampaignID)
		}
		found := batch[providers.Campaign](t)(p.CampaignsByID(t.Context(), campaigns)).Found
		if len(page.Items) != 100 || len(campaigns) < 20 || len(found) < 3 {
			t.Fatalf("%d referrals of %d affiliates in %d campaigns prove little", len(page.Items), len(campaigns), len(found))
		}
		if got, want := len(server.Kit().Requests()), 4; got > want {
			t.Errorf("calls: got %d, want at most %d", got, want)
		}
	})
}

func TestCalls(t *testing.T) {
	bare := map[providers.Noun]*providers.Fields{
		providers.NounAffiliate: affiliateKnowledge.Fields(wire.Members{}), providers.NounCampaign: campaignKnowledge.Fields(wire.Members{}),
		providers.NounPayout: payoutKnowledge.fields(wire.Members{}, noCampaign),
	}
	for _, c := range []struct {
		edge providers.Edge
		bare bool
		n    int
		need []string
		want int
	}{
		{edge: providers.QueryAffiliateEdge, n: 30, want: 30},
		{edge: providers.QueryCommissionEdge, n: 30, want: 3}, // its list has three pages
		{edge: providers.QueryCommissionEdge, n: 2, want: 2},
		{edge: providers.QueryCommissionEdge, n: 2, bare: true, want: 4},
		{edge: providers.QueryCommissionEdge, n: 2, bare: true, need: []string{"status"}, want: 2},
		{edge: providers.QueryCommissionsEdge, n: 100, need: []string{"campaign"}, want: 0},
		{edge: providers.QueryCommissionsEdge, n: 100, bare: true, need: []string{"status"}, want: 0},
		{edge: providers.QueryCommissionsEdge, n: 100, bare: true, need: []string{"campaign"}, want: 100},
		{edge: providers.CommissionPayoutEdge, n: 30, want: 0},
		{edge: providers.CommissionPayoutEdge, n: 30, bare: true, want: 60}, // and the campaigns
		{edge: providers.CommissionPayoutEdge, n: 30, bare: true, need: []string{"amount"}, want: 30},
		{edge: providers.CommissionPayoutEdge, n: 30, bare: true, need: []string{"id", "commissions"}, want: 0},
		{edge: providers.CommissionAffiliateEdge, n: 30, bare: true, need: []string{"email"}, want: 30},
		{edge: providers.CommissionAffiliateEdge, n: 30, bare: true, need: []string{"id"}, want: 0},
		{edge: providers.AffiliateCampaignEdge, n: 30, bare: true, need: []string{"name"}, want: 30},
		{edge: providers.ReferralCampaignEdge, n: 30, bare: true, want: 60},
		{edge: providers.AffiliateParentEdge, n: 30, want: 0},
		{edge: providers.AffiliateParentEdge, n: 30, bare: true, want: 0},
	} {
		p := open(t, providertest.Answer(http.StatusOK, ""))
		p.extents[providers.NounCommission].SetPages(3)
		if c.bare {
			for noun, known := range bare {
				p.partial.note(noun, slices.Values([]*providers.Fields{known}))
			}
		}
		if got := p.Calls(c.edge, providers.RowsOf(c.n), c.need...); got != c.want {
			t.Errorf("Calls(%q, %d, %q), bare ids %v: got %d, want %d", c.edge, c.n, c.need, c.bare, got, c.want)
		}
	}
}

func TestPlans(t *testing.T) {
	p := open(t, providertest.Answer(http.StatusOK, ""))
	noon := noon
	a, b := id(providers.NounAffiliate, uuidA), id(providers.NounAffiliate, uuidB)
	c, o := id(providers.NounCampaign, uuidC), id(providers.NounPayout, uuidC)
	r := id(providers.NounReferral, uuidC, uuidA)
	child := providers.CommissionFilter{Referrals: []providers.ID{r}}
	child.Parent.Referral = &providers.Referral{Node: providers.Node{ID: r, CreatedAt: &noon}}
	paid := providers.CommissionFilter{Payouts: []providers.ID{o}}
	paid.Parent.Payout = &providers.Payout{Node: providers.Node{ID: o}, AffiliateID: b}
	no := false

	for _, tt := range []struct {
		name string
		plan []string
		want []string
	}{
		{"affiliates", plan(p.Affiliates(providers.AffiliateFilter{})), []string{"affiliates exact"}},
		{"affiliates of campaigns, each once", plan(p.Affiliates(providers.AffiliateFilter{Campaigns: []providers.ID{c, c}})),
			[]string{"affiliates?campaign_id=" + uuidC + " exact within affiliates"}},
		{"affiliates by e-mail and campaign", plan(p.Affiliates(providers.AffiliateFilter{Email: "Jane@x.example", Campaigns: []providers.ID{c}})),
			[]string{"affiliates?email=" + digest("Jane@x.example")}},
		{"affiliates by code", plan(p.Affiliates(providers.AffiliateFilter{RefCode: "jane"})), []string{"affiliates?ref_code=jane exact"}},
		{"affiliates by status", plan(p.Affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateBanned}})),
			[]string{"affiliates"}},
		{"affiliates archived", plan(p.Affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateArchived}})), nil},
		{"affiliates below", plan(p.Affiliates(providers.AffiliateFilter{Parent: a})), nil},
		{"memberships", plan(p.Memberships(providers.MembershipFilter{})), []string{"affiliates exact"}},
		{"memberships of affiliates", plan(p.Memberships(providers.MembershipFilter{Affiliates: []providers.ID{a}})),
			[]string{"affiliates/" + uuidA + " exact"}},
		{"referrals by states", plan(p.Referrals(providers.ReferralFilter{
			Statuses: []providers.ReferralStatus{providers.ReferralTrialing, providers.ReferralActive, providers.ReferralDenied}})),
			[]string{"referrals?subscription_status=active%2Ctrialing exact"}},
		{"referrals by unknown states", plan(p.Referrals(providers.ReferralFilter{Statuses: []providers.ReferralStatus{providers.ReferralUnknown}})),
			[]string{"referrals"}},
		{"referrals refunded", plan(p.Referrals(providers.ReferralFilter{Statuses: []providers.ReferralStatus{providers.ReferralRefunded}})), nil},
		{"referrals of affiliates by state", plan(p.Referrals(providers.ReferralFilter{
			Affiliates: []providers.ID{b, a}, Statuses: []providers.ReferralStatus{providers.ReferralLead}})),
			[]string{
				"referrals?affiliate_id=" + uuidA + "&subscription_status=signed_up within referrals",
				"referrals?affiliate_id=" + uuidB + "&subscription_status=signed_up within referrals",
			}},
		{"referrals unconverted", plan(p.Referrals(providers.ReferralFilter{Converted: &no})), nil},
		{"referrals of a campaign", plan(p.Referrals(providers.ReferralFilter{Campaigns: []providers.ID{c}})), []string{"referrals"}},
		{"commissions of a referral", plan(p.Commissions(child)),
			[]string{"commissions?referral_id=" + uuidC + " within commissions"}},
		{"commissions of a payout", plan(p.Commissions(paid)), []string{"commissions?affiliate_id=" + uuidB + " within commissions"}},
		{"commissions of an unread payout", plan(p.Commissions(providers.CommissionFilter{Payouts: []providers.ID{o}})),
			[]string{"commissions?payout_id=" + uuidC + " within commissions"}},
		{"commissions pending", plan(p.Commissions(providers.CommissionFilter{Statuses: []providers.CommissionStatus{providers.CommissionPending}})), nil},
		{"commissions by event", plan(p.Commissions(providers.CommissionFilter{EventID: "ch_1"})), []string{"commissions"}},
		{"payouts paid", plan(p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})), []string{"payouts exact"}},
		{"payouts due", plan(p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutDue}})), nil},
	} {
		if diff := cmp.Diff(tt.want, tt.plan); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

// plan writes what was planned, one line a list.
func plan[T providers.Record](lists []providers.List[T], err error) (lines []string) {
	if err != nil {
		return []string{err.Error()}
	}
	for _, l := range lists {
		line := l.Key
		if l.Exact {
			line += " exact"
		}
		if l.Within != nil {
			line += " within " + l.Within.Key
		}
		lines = append(lines, line)
	}
	return lines
}

// TestIgnoredFilter: once a filter is seen to be ignored, nothing is planned by it.
func TestIgnoredFilter(t *testing.T) {
	t.Parallel()
	server := simulator()
	server.Kit().Set(sandbox.IgnoreFilters, true)
	var log bytes.Buffer
	p := openLogging(t, server, slog.NewTextHandler(&log, nil))
	rows := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{})).Items
	of := rows[slices.IndexFunc(rows, func(c *providers.Commission) bool { return !c.PayoutID.IsZero() })]
	byReferral := providers.CommissionFilter{Referrals: []providers.ID{of.ReferralID}}
	byAffiliate := providers.CommissionFilter{Affiliates: []providers.ID{of.AffiliateID}}
	byPayout := providers.CommissionFilter{Payouts: []providers.ID{id(providers.NounPayout, uuidA)}}
	can := func(c providers.Capability) bool { return slices.Contains(p.Account().Capabilities, c) }

	for _, f := range []providers.CommissionFilter{byReferral, byAffiliate, {Payouts: []providers.ID{of.PayoutID}}} {
		want := matches(t, open(t, simulator()), f)
		if diff := cmp.Diff(want, matches(t, open(t, server), f)); diff != "" || len(want) == 0 {
			t.Errorf("%d rows match where filters work; where they do not (-want +got)\n%s", len(want), diff)
		}
	}

	providertest.First[providers.Commission](t, p)(p.Commissions(byReferral))
	if got, want := plan(p.Commissions(byReferral)), "commissions?affiliate_id="+of.AffiliateID.Local+" within commissions"; len(got) != 1 || got[0] != want {
		t.Errorf("with referral_id ignored: got %q, want %q", got, want)
	}
	if can(providers.FilterCommissionsByReferral) || !can(providers.FilterCommissionsByAffiliate) {
		t.Errorf("with referral_id ignored: capabilities %q", p.Account().Capabilities)
	}
	for range 2 {
		providertest.First[providers.Commission](t, p)(p.Commissions(byAffiliate))
	}
	for _, f := range []providers.CommissionFilter{byReferral, byAffiliate, byPayout} {
		if diff := cmp.Diff([]string{"commissions"}, plan(p.Commissions(f))); diff != "" {
			t.Errorf("with both ignored (-want +got)\n%s", diff)
		}
	}
	if can(providers.FilterCommissionsByAffiliate) || !can(providers.EdgeAffiliateCommissions) {
		t.Errorf("with both ignored: capabilities %q", p.Account().Capabilities)
	}
	if got, want := strings.Count(log.String(), "ignores a filter"), 2; got != want {
		t.Errorf("warnings: got %d, want %d:\n%s", got, want, log.String())
	}
}

// matches are the ids of the rows that match, of all lists that were planned.
func matches(t *testing.T, p *provider, f providers.CommissionFilter) (ids []string) {
	lists, err := p.Commissions(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		for c, err := range providers.All(t.Context(), l, p) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Match(c) {
				ids = append(ids, c.ID.Local)
			}
		}
	}
	return ids
}

// TestReferralsOfOneAffiliate: referrals of the same affiliate are found by the same pages.
func TestReferralsOfOneAffiliate(t *testing.T) {
	server := simulator()
	p := open(t, server)
	groups := map[providers.ID][]providers.ID{}
	for _, r := range providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{})).Items {
		groups[r.AffiliateID] = append(groups[r.AffiliateID], r.ID)
	}
	var wanted []providers.ID
	for _, ids := range groups {
		if len(ids) > len(wanted) {
			wanted = ids
		}
	}
	server.Kit().Forget()
	got := batch[providers.Referral](t)(open(t, server).ReferralsByID(t.Context(), wanted))
	if len(wanted) < 2 || len(got.Found) != len(wanted) || len(server.Kit().Requests()) != 1 {
		t.Errorf("found %d of %d by %d calls; want all of several by one", len(got.Found), len(wanted), len(server.Kit().Requests()))
	}

	server.Kit().SetDown(true)
	got = batch[providers.Referral](t)(open(t, http.NotFoundHandler()).ReferralsByID(t.Context(), wanted))
	for _, id := range wanted {
		if got.Failed[id] == nil {
			t.Errorf("%v failed without an error", id)
		}
	}
}

func TestErrors(t *testing.T) {
	const refused = `{"success": false, "error": {"message": "jane@x.example is taken", "type": "conflict"}}`
	for _, tt := range []struct {
		status int
		body   string
		want   providers.Kind
		says   string
	}{
		{400, refused, providers.KindInvalid, `"conflict": "… is taken"`},
		{401, refused, providers.KindUnauthorized, "conflict"},
		{403, `<html>`, providers.KindUnavailable, "bot protection"},
		{403, refused, providers.KindUnauthorized, "403"},
		{404, refused, providers.KindNotFound, "conflict"},
		{409, refused, providers.KindConflict, "conflict"},
		{200, refused, providers.KindBadReply, "conflict"},
		{200, `{}`, providers.KindBadReply, errNoEnvelope.Error()},
		{200, `<html>`, providers.KindBadReply, "JSON"},
		{200, `{"success": true}`, providers.KindBadReply, errNoEnvelope.Error()},
		{200, `{"success": true, "data": {"id": "` + uuidA + `"}}`, providers.KindBadReply, errNoEnvelope.Error()},
		{200, `{"success": true, "data": "none"}`, providers.KindBadReply, errNoEnvelope.Error()},
		{200, `{"success": "false", "data": []}`, providers.KindBadReply, "200"},
		{200, `[]`, providers.KindBadReply, "JSON"},
		{400, `{"error": "jane@x.example is taken"}`, providers.KindInvalid, "400"},
		{400, `{"error": {"message": ["taken"], "type": "conflict"}}`, providers.KindInvalid, `"conflict": ""`},
	} {
		p := open(t, providertest.Answer(tt.status, tt.body))
		_, err := p.listAffiliates(t.Context(), nil, providers.PageRequest{Number: 1})
		if got := providers.KindOf(err); err == nil || got != tt.want || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "@") {
			t.Errorf("%d %s: got %v; want %s that says %q, and no address", tt.status, tt.body, err, tt.want, tt.says)
		}
	}
}

func TestRawRecord(t *testing.T) {
	const sent = `{"success": true, "data": {"id": "` + uuidA + `", "api_token": "s3cret", "clicks": 12345678901234567890, "links": [{"url": "u", "key": "s3cret"}],
		"email": {"secret": "s3cret"}, "campaign": {"id": "` + uuidC + `", "secret": "s3cret"}}}`
	p := open(t, providertest.Answer(200, sent))
	for _, of := range []providers.ID{id(providers.NounAffiliate, uuidA), id(providers.NounMembership, uuidA, uuidC)} {
		raw, err := p.RawRecord(t.Context(), of)
		if got, want := string(raw), `{"campaign":{"id":"`+uuidC+`"},"clicks":12345678901234567890,"email":{},"id":"`+uuidA+`","links":[{"url":"u"}]}`; of.Noun == providers.NounAffiliate && (err != nil || got != want) {
			t.Errorf("got %s, %v\nwant %s", got, err, want)
		}
	}
	p = open(t, providertest.Answer(200, strings.ReplaceAll(strings.ReplaceAll(sent, `{"secret": "s3cret"}`, `"e"`), "12345678901234567890", "1")))
	if _, err := p.RawRecord(t.Context(), id(providers.NounMembership, uuidA, uuidC)); err != nil {
		t.Errorf("the membership: %v", err)
	}
	for _, of := range []providers.ID{id(providers.NounMembership, uuidA, uuidB), id(providers.NounCoupon, uuidA, "X"), id(providers.NounWebhookSubscription, uuidA)} {
		if raw, err := p.RawRecord(t.Context(), of); providers.KindOf(err) != providers.KindNotFound {
			t.Errorf("%v: got %s, %v; want not found", of, raw, err)
		}
	}
}

// TestShapes holds the simulator's replies against the vendor's examples: the same fields
// at every level, of the same JSON types.
func TestShapes(t *testing.T) {
	stored := providertest.Exchanges(t, ".")
	server := simulator()
	p := open(t, server)
	affiliate := providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{})).Items[0].ID.Local
	var paid string
	for _, c := range providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{})).Items {
		if !c.PayoutID.IsZero() {
			paid = c.ID.Local
		}
	}
	for name, target := range map[string]string{
		"affiliate_get":  "/affiliates/" + affiliate,
		"commission_get": "/commissions/" + paid,
		"referral_list":  "/referrals?limit=100",
	} {
		var want, got any
		if err := json.Unmarshal(providertest.Find(t, stored, name).Body, &want); err != nil {
			t.Fatal(err)
		}
		if _, body := ask(server, http.MethodGet, target); json.Unmarshal(body, &got) != nil {
			t.Fatalf("%s: %s", target, body)
		}
		sameShape(t, name, want, got)
	}
}

func sameShape(t *testing.T, at string, want, got any) {
	t.Helper()
	if got == nil {
		return
	}
	if got, want := fmt.Sprintf("%T", got), fmt.Sprintf("%T", want); got != want {
		t.Errorf("%s: got a %s, want a %s", at, got, want)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		for k := range got {
			if _, ok := want[k]; !ok {
				t.Errorf("%s has the field %q, which the example has not", at, k)
			}
		}
		for k := range want {
			if _, ok := got[k]; !ok {
				t.Errorf("%s lacks the field %q", at, k)
				continue
			}
			sameShape(t, at+"."+k, want[k], got[k])
		}
	case []any:
		for _, g := range got.([]any) {
			sameShape(t, at+"[]", want[0], g)
		}
	}
}

// recorder is a vendor that answers a page of nothing and keeps the last request.
type recorder struct{ last string }

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.last = q.URL.RequestURI()
	_, _ = w.Write([]byte(`{"success": true, "data": [], "pagination": {"has_more": false, "total_count": 0}}`))
}

// TestPing makes the smallest call there is.
func TestPing(t *testing.T) {
	vendor := new(recorder)
	if err := open(t, vendor).Ping(t.Context()); err != nil || vendor.last != "/campaigns?limit=1&page=1" {
		t.Errorf("got %q, %v", vendor.last, err)
	}
	w := httptest.NewRecorder()
	simulator().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/campaigns", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a key: got %d", w.Code)
	}
}
