package providers_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

func id(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "acme", Noun: noun, Local: local}
}

func idList(noun providers.Noun, locals ...string) (ids []providers.ID) {
	for _, l := range locals {
		ids = append(ids, id(noun, l))
	}
	return ids
}

// matches says of one row which filters it passes.
func matches[T, F any](t *testing.T, row *T, match func(F, *T) bool, passes, fails []F) {
	t.Helper()
	var empty F
	for _, f := range append(passes, empty) {
		if !match(f, row) {
			t.Errorf("%+v refuses the row", f)
		}
	}
	for _, f := range fails {
		if match(f, row) {
			t.Errorf("%+v lets the row pass", f)
		}
		if match(f, new(T)) {
			t.Errorf("%+v lets an empty row pass", f)
		}
	}
}

func TestAffiliateFilter(t *testing.T) {
	type f = providers.AffiliateFilter
	campaigns := func(l ...string) []providers.ID { return idList(providers.NounCampaign, l...) }
	matches(t, &providers.Affiliate{
		Email: new("Jane@Example.com"), Name: new("Jane Miller"), Status: providers.AffiliateActive, ParentID: id(providers.NounAffiliate, "9"),
		Links:       []providers.Link{{URL: "https://x.example"}, {Code: new("jane-m")}},
		Memberships: []*providers.Membership{{CampaignID: id(providers.NounCampaign, "1")}, {CampaignID: id(providers.NounCampaign, "2"), RefCode: new("other"), Coupon: new("MEMBER5")}},
		Coupons:     []*providers.Coupon{{Code: "JANE20"}},
	}, f.Match, []f{
		{Campaigns: campaigns("2")}, {Campaigns: campaigns("7", "1")}, {Statuses: []providers.AffiliateStatus{providers.AffiliateBanned, providers.AffiliateActive}},
		{Email: "jane@example.COM"}, {RefCode: "JANE-M"}, {RefCode: "other"}, {PromoCode: "jane20"}, {PromoCode: "member5"}, {Parent: id(providers.NounAffiliate, "9")},
		{Search: "EXAMPLE"}, {Search: "miller"}, {Search: "ne-m"}, {Search: "e20"},
		{Email: "jane@example.com", Search: "jane", Campaigns: campaigns("1"), RefCode: "jane-m", PromoCode: "JANE20"},
	}, []f{
		{Campaigns: campaigns("7")}, {Statuses: []providers.AffiliateStatus{providers.AffiliateBanned}}, {Email: "jane@example"}, {RefCode: "jane"},
		{RefCode: "JANE20"}, {PromoCode: "jane-m"}, {PromoCode: "jane"}, {Search: "bob"}, {Parent: id(providers.NounAffiliate, "8")},
		{Email: "jane@example.com", RefCode: "bob"}, {Campaigns: campaigns("1"), Statuses: []providers.AffiliateStatus{providers.AffiliateBanned}},
	})
}

func TestMembershipFilter(t *testing.T) {
	type f = providers.MembershipFilter
	matches(t, &providers.Membership{Status: providers.MembershipActive, AffiliateID: id(providers.NounAffiliate, "1"), CampaignID: id(providers.NounCampaign, "2")}, f.Match,
		[]f{{Affiliates: idList(providers.NounAffiliate, "3", "1"), Campaigns: idList(providers.NounCampaign, "2"), Statuses: []providers.MembershipStatus{providers.MembershipActive}}},
		[]f{{Affiliates: idList(providers.NounAffiliate, "2")}, {Campaigns: idList(providers.NounCampaign, "1")}, {Statuses: []providers.MembershipStatus{providers.MembershipBanned}},
			{Affiliates: []providers.ID{{Account: "other", Noun: providers.NounAffiliate, Local: "1"}}}})
}

// day is a moment of the days around the rows' own, which is day 10.
func day(n int) time.Time { return time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC) }

func TestReferralFilter(t *testing.T) {
	type f = providers.ReferralFilter
	matches(t, &providers.Referral{
		Node: providers.Node{CreatedAt: new(day(10))}, Kind: providers.ReferralOrder, Email: new("bob@example.org"), Status: providers.ReferralActive,
		CustomerID: new("cus_1"), Converted: new(true), OrderID: new("6439217201474"), OrderNumber: new("3833"),
		AffiliateID: id(providers.NounAffiliate, "1"), CampaignID: id(providers.NounCampaign, "2"),
	}, f.Match, []f{
		{Affiliates: idList(providers.NounAffiliate, "1")}, {Campaigns: idList(providers.NounCampaign, "2")}, {Statuses: []providers.ReferralStatus{providers.ReferralActive}},
		{Kinds: []providers.ReferralKind{providers.ReferralOrder}}, {Converted: new(true)}, {Email: "BOB@example.org"}, {CustomerID: "cus_1"}, {OrderID: "6439217201474"},
		{Search: "bob@"}, {Search: "CUS_"}, {Search: "383"}, {CreatedAt: providers.DateRange{From: day(10), To: day(11)}},
	}, []f{
		{Affiliates: idList(providers.NounAffiliate, "2")}, {Campaigns: idList(providers.NounCampaign, "1")}, {Statuses: []providers.ReferralStatus{providers.ReferralLead}},
		{Kinds: []providers.ReferralKind{providers.ReferralCustomer}}, {Converted: new(false)}, {Email: "bob@"}, {CustomerID: "cus"}, {OrderID: "3833"},
		{Search: "643921"}, {CreatedAt: providers.DateRange{From: day(9), To: day(10)}}, {CreatedAt: providers.DateRange{From: day(11)}},
	})
}

func TestCommissionFilter(t *testing.T) {
	type f = providers.CommissionFilter
	row := &providers.Commission{
		Node: providers.Node{CreatedAt: new(day(10))}, Status: providers.CommissionPaid, OrderID: new("77"), EventID: new("evt_1"),
		AffiliateID: id(providers.NounAffiliate, "1"), CampaignID: id(providers.NounCampaign, "2"), ReferralID: id(providers.NounReferral, "3"), PayoutID: id(providers.NounPayout, "4"),
	}
	matches(t, row, f.Match, []f{
		{Affiliates: idList(providers.NounAffiliate, "1")}, {Campaigns: idList(providers.NounCampaign, "2")}, {Referrals: idList(providers.NounReferral, "3")},
		{Payouts: idList(providers.NounPayout, "9", "4")}, {Statuses: []providers.CommissionStatus{providers.CommissionPaid}}, {OrderID: "77"}, {EventID: "EVT_1"},
		{CreatedAt: providers.DateRange{To: day(11)}},
	}, []f{
		{Affiliates: idList(providers.NounAffiliate, "4")}, {Campaigns: idList(providers.NounCampaign, "4")}, {Referrals: idList(providers.NounReferral, "4")},
		{Payouts: idList(providers.NounPayout, "3")}, {Statuses: []providers.CommissionStatus{providers.CommissionDenied}}, {OrderID: "7"}, {EventID: "evt"},
		{CreatedAt: providers.DateRange{To: day(10)}},
	})
	unsure := &providers.Commission{PayoutUnknown: true}
	if (f{Payouts: idList(providers.NounPayout, "4")}).Match(unsure) {
		t.Error("a row that cannot tell its payout passes a filter by payout")
	}
}

func TestPayoutAndCouponFilter(t *testing.T) {
	type pf = providers.PayoutFilter
	matches(t, &providers.Payout{Status: providers.PayoutDue, AffiliateID: id(providers.NounAffiliate, "1"), CampaignID: id(providers.NounCampaign, "2")}, pf.Match,
		[]pf{{Affiliates: idList(providers.NounAffiliate, "1"), Campaigns: idList(providers.NounCampaign, "2"), Statuses: []providers.PayoutStatus{providers.PayoutDue}}},
		[]pf{{Affiliates: idList(providers.NounAffiliate, "2")}, {Campaigns: idList(providers.NounCampaign, "1")}, {Statuses: []providers.PayoutStatus{providers.PayoutPaid}}})
	type cf = providers.CouponFilter
	matches(t, &providers.Coupon{AffiliateID: id(providers.NounAffiliate, "1")}, cf.Match,
		[]cf{{Affiliates: idList(providers.NounAffiliate, "2", "1")}}, []cf{{Affiliates: idList(providers.NounAffiliate, "2")}})
}

func TestDateRange(t *testing.T) {
	for _, tt := range []struct {
		r    providers.DateRange
		at   *time.Time
		want bool
	}{
		{providers.DateRange{}, nil, true}, {providers.DateRange{}, new(day(1)), true},
		{providers.DateRange{From: day(2)}, nil, false}, {providers.DateRange{To: day(2)}, nil, false},
		{providers.DateRange{From: day(2), To: day(4)}, new(day(1)), false}, {providers.DateRange{From: day(2), To: day(4)}, new(day(2)), true},
		{providers.DateRange{From: day(2), To: day(4)}, new(day(4)), false}, {providers.DateRange{From: day(2), To: day(4)}, new(day(4).Add(-1)), true},
		{providers.DateRange{From: day(2)}, new(day(9)), true}, {providers.DateRange{To: day(2)}, new(day(1)), true},
	} {
		if got := tt.r.Contains(tt.at); got != tt.want {
			t.Errorf("%v contains %v: %v; want %v", tt.r, tt.at, got, tt.want)
		}
	}
}

// emptied are a filter's copies of which each has one list that is empty and not nil.
func emptied[F any]() (filters []F) {
	for i := range reflect.TypeFor[F]().NumField() {
		var f F
		if v := reflect.ValueOf(&f).Elem().Field(i); v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			filters = append(filters, f)
		}
	}
	return filters
}

// emptyLists wants an empty list to match nothing, and a nil one to be no condition. Accounts are
// not looked at by Match.
func emptyLists[T, F any](t *testing.T, match func(F, *T) bool) {
	t.Helper()
	var none F
	if providers.MatchesNothing(none) || !match(none, new(T)) {
		t.Errorf("%T without conditions does not match", none)
	}
	for _, f := range emptied[F]() {
		if !providers.MatchesNothing(f) {
			t.Errorf("%+v matches something", f)
		}
		if accounts := reflect.ValueOf(f).FieldByName("Accounts"); accounts.IsNil() && match(f, new(T)) {
			t.Errorf("%#v matches a row", f)
		}
	}
}

func TestEmptyLists(t *testing.T) {
	emptyLists(t, providers.AffiliateFilter.Match)
	emptyLists(t, providers.MembershipFilter.Match)
	emptyLists(t, providers.CampaignFilter.Match)
	emptyLists(t, providers.ReferralFilter.Match)
	emptyLists(t, providers.CommissionFilter.Match)
	emptyLists(t, providers.PayoutFilter.Match)
	emptyLists(t, providers.CouponFilter.Match)
	emptyLists(t, providers.WebhookSubscriptionFilter.Match)
}

// TestEmailFilter wants a filter's address to be compared as all addresses are.
func TestEmailFilter(t *testing.T) {
	for typed, want := range map[string]bool{"KIM@Example.com": true, " kim@example.com": true, "\u212aim@example.com": false} {
		if got := (providers.AffiliateFilter{Email: typed}).Match(&providers.Affiliate{Email: new("Kim@example.com")}); got != want {
			t.Errorf("an affiliate by %q: %v", typed, got)
		}
		if got := (providers.ReferralFilter{Email: typed}).Match(&providers.Referral{Email: new("Kim@example.com")}); got != want {
			t.Errorf("a referral by %q: %v", typed, got)
		}
	}
}
