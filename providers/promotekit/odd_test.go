package promotekit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// renumber gives a row, and every record in it, ids of its own, and makes it older the
// larger n is.
func renumber(row map[string]any, n int) {
	var into func(v any)
	into = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if id, ok := v["id"].(string); ok && isUUID(id) {
				v["id"] = fmt.Sprintf("%s%012d", id[:24], n)
			}
			for _, inner := range v {
				into(inner)
			}
		case []any:
			for i, inner := range v {
				if code, ok := inner.(map[string]any); ok && code["code"] != nil {
					code["code"] = fmt.Sprintf("code-%d-%d", n, i)
				}
				into(inner)
			}
		}
	}
	into(row)
	row["created_at"] = fmt.Sprintf("2026-01-%02dT00:00:00Z", 29-n)
}

// twoPages makes a reply page number of 2.
func twoPages(reply map[string]any, number int) {
	reply["pagination"] = map[string]any{"page": number, "limit": 100, "has_more": number < 2}
}

// TestOddForms tries every odd form in every member of every stored list, for every noun that is
// read from it.
func TestOddForms(t *testing.T) {
	stored := providertest.Exchanges(t, ".")
	campaign := id(providers.NounCampaign, uuidC)
	t.Run("campaigns", func(t *testing.T) {
		odd(t, stored, "campaign_list", nil, func(p providers.Provider) ([]providers.List[providers.Campaign], error) {
			return p.Campaigns(providers.CampaignFilter{})
		})
	})
	t.Run("affiliates", func(t *testing.T) {
		odd(t, stored, "affiliate_list", nil, func(p providers.Provider) ([]providers.List[providers.Affiliate], error) {
			return p.Affiliates(providers.AffiliateFilter{})
		})
	})
	t.Run("memberships", func(t *testing.T) {
		odd(t, stored, "affiliate_list", []string{"campaign.id"}, func(p providers.Provider) ([]providers.List[providers.Membership], error) {
			return p.Memberships(providers.MembershipFilter{})
		})
	})
	t.Run("referrals", func(t *testing.T) {
		odd(t, stored, "referral_list", []string{"affiliate.id"}, func(p providers.Provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{})
		})
	})
	t.Run("referrals of a campaign", func(t *testing.T) {
		odd(t, stored, "referral_list", []string{"affiliate.id"}, func(p providers.Provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{Campaigns: []providers.ID{campaign}})
		})
	})
	t.Run("commissions", func(t *testing.T) {
		odd(t, stored, "commission_list", nil, func(p providers.Provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{})
		})
	})
	t.Run("payouts", func(t *testing.T) {
		odd(t, stored, "payout_list", nil, func(p providers.Provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{})
		})
	})
}

// TestUnreadRows: every list carries how many rows could not be read, and what tells its pages
// apart, through whatever is made of it.
func TestUnreadRows(t *testing.T) {
	affiliate, campaign := []providers.ID{id(providers.NounAffiliate, uuidA)}, []providers.ID{id(providers.NounCampaign, uuidC)}
	referral, payout := []providers.ID{id(providers.NounReferral, uuidA, uuidB)}, []providers.ID{id(providers.NounPayout, uuidB)}
	paid := providers.CommissionFilter{Payouts: payout}
	paid.Parent.Payout = &providers.Payout{Node: providers.Node{ID: payout[0]}, AffiliateID: affiliate[0]}
	vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := `{"success": true, "data": [{"id": "` + uuidC + `", "affiliate": "` + uuidA + `", "promo_codes": ["X"], "campaign": "` + uuidC + `"}, null, {"id": 7}, {}]}`
		if strings.Count(r.URL.Path, "/") > 1 {
			body = `{"success": true, "data": {"id": "` + path.Base(r.URL.Path) + `", "affiliate": "` + uuidA + `"}}`
		}
		_, _ = io.WriteString(w, body)
	})
	for name, read := range map[string]func(p *provider) (items, unread int, mark uint64){
		"campaigns": marked(func(p *provider) ([]providers.List[providers.Campaign], error) {
			return p.Campaigns(providers.CampaignFilter{})
		}),
		"affiliates": marked(func(p *provider) ([]providers.List[providers.Affiliate], error) {
			return p.Affiliates(providers.AffiliateFilter{})
		}),
		"affiliates by e-mail": marked(func(p *provider) ([]providers.List[providers.Affiliate], error) {
			return p.Affiliates(providers.AffiliateFilter{Email: "Jane@x.example"})
		}),
		"affiliates of a campaign": marked(func(p *provider) ([]providers.List[providers.Affiliate], error) {
			return p.Affiliates(providers.AffiliateFilter{Campaigns: campaign})
		}),
		"memberships": marked(func(p *provider) ([]providers.List[providers.Membership], error) {
			return p.Memberships(providers.MembershipFilter{})
		}),
		"coupons": marked(func(p *provider) ([]providers.List[providers.Coupon], error) {
			return p.Coupons(providers.CouponFilter{})
		}),
		"referrals": marked(func(p *provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{})
		}),
		"referrals by e-mail": marked(func(p *provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{Email: "Jane@x.example"})
		}),
		"referrals of a campaign": marked(func(p *provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{Campaigns: campaign})
		}),
		"commissions": marked(func(p *provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{})
		}),
		"commissions of a referral": marked(func(p *provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{Referrals: referral})
		}),
		"commissions of an affiliate": marked(func(p *provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{Affiliates: affiliate})
		}),
		"payouts": marked(func(p *provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{})
		}),
		"payouts of an affiliate": marked(func(p *provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{Affiliates: affiliate})
		}),
	} {
		if items, unread, mark := read(open(t, vendor)); items != 1 || unread != 3 || mark == 0 {
			t.Errorf("%s: %d rows, %d unread, mark %d; want 1, 3 and a mark", name, items, unread, mark)
		}
	}
	for name, f := range map[string]providers.CommissionFilter{"commissions of a payout": paid, "commissions of an unread payout": {Payouts: payout}} {
		read := marked(func(p *provider) ([]providers.List[providers.Commission], error) { return p.Commissions(f) })
		if _, unread, mark := read(open(t, vendor)); unread != 3 || mark == 0 {
			t.Errorf("%s: %d unread, mark %d; want 3 and a mark", name, unread, mark)
		}
	}
}

// marked reads the first page of the list that is planned.
func marked[T providers.Record](plan func(*provider) ([]providers.List[T], error)) func(*provider) (items, unread int, mark uint64) {
	return func(p *provider) (int, int, uint64) {
		lists, err := plan(p)
		if err != nil || len(lists) != 1 {
			return -1, -1, 0
		}
		page, err := lists[0].Page(context.Background(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil {
			return -1, -1, 0
		}
		return len(page.Items), page.Unread, page.Mark
	}
}

// oddList is a stored list. identity are the members, besides the id, that a record of it
// is made of or called by.
func oddList[T providers.Record](
	t *testing.T, stored []providertest.Exchange, exchange string, identity []string,
	plan func(providers.Provider) ([]providers.List[T], error),
) providertest.OddList[T] {
	return providertest.OddList[T]{
		Exchange: providertest.Find(t, stored, exchange), Rows: "data", Renumber: renumber, Pagination: twoPages,
		Identity: append([]string{"id"}, identity...), Plan: plan,
		Open: func(t testing.TB, vendor http.Handler) providers.Provider { return open(t, vendor) },
	}
}

// odd tries the odd forms in a list.
func odd[T providers.Record](
	t *testing.T, stored []providertest.Exchange, exchange string, identity []string,
	plan func(providers.Provider) ([]providers.List[T], error),
) {
	t.Parallel()
	providertest.OddForms(t, oddList(t, stored, exchange, identity, plan))
}

// TestOddCoupons: promo codes that cannot be read are counted, and cost nobody else's.
func TestOddCoupons(t *testing.T) {
	other := uuidB[:35] + "1"
	for codes, want := range map[string]struct {
		codes  string
		unread int
	}{
		`null`: {"Z", 0}, `[]`: {"Z", 0}, `{}`: {"Z", 0}, `""`: {"Z", 0},
		`["SAVE10"]`: {"SAVE10 Z", 0}, `[{"code": "A", "external_id": []}]`: {"A Z", 0}, `[{"code": 12}, null, {}]`: {"12 Z", 0},
		`7`: {"Z", 1}, `"SAVE10"`: {"Z", 1}, `[null]`: {"Z", 1}, `[{"code": null}]`: {"Z", 1}, `[{"code": ["A"]}]`: {"Z", 1}, `{"a": 1}`: {"Z", 1},
	} {
		body := `{"success": true, "data": [{"id": "` + uuidB + `", "promo_codes": ` + codes + `}, {"id": "` + other + `", "promo_codes": [{"code": "Z"}]}]}`
		p := open(t, providertest.Answer(http.StatusOK, body))
		page := providertest.First[providers.Coupon](t, p)(p.Coupons(providers.CouponFilter{}))
		var got []string
		for _, c := range page.Items {
			got = append(got, c.Code)
		}
		if got := strings.Join(got, " "); got != want.codes || page.Unread != want.unread {
			t.Errorf("promo_codes %s: got %q, %d unread; want %q, %d", codes, got, page.Unread, want.codes, want.unread)
		}
	}
}
