package providertest

import (
	"fmt"
	"time"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

// The story's size.
const (
	campaignCount   = 3
	affiliateCount  = 30
	referralCount   = 150
	commissionCount = 300
)

// begin is when the story's first campaign opened.
var begin = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func cents(n int64) *providers.Money { return providers.NewMoney(decimal.MustNew(n, 2), "USD") }

func at(days, hours int) *time.Time {
	return new(begin.AddDate(0, 0, days).Add(time.Duration(hours) * time.Hour))
}

// story is the Fake's world: every affiliate has two to four payouts that cover their
// oldest commissions.
func story(account string) (h providers.Harvest) {
	node := func(noun providers.Noun, prefix string, n int, created *time.Time) providers.Node {
		local := fmt.Sprintf("%s%03d", prefix, n)
		return providers.Node{ID: providers.ID{Account: account, Noun: noun, Local: local}, ProviderID: local, CreatedAt: created}
	}
	for i := range campaignCount {
		h.Campaigns = append(h.Campaigns, &providers.Campaign{
			Node: node(providers.NounCampaign, "camp", i, nil), // undated, as vendors have them
			Name: new(fmt.Sprintf("Campaign %d", i)), IsDefault: new(i == 0), CookieDays: new(int64(30 * (i + 1))),
			Commission: &providers.CommissionRule{Type: providers.RulePercentage, Percent: new(decimal.MustNew(20, 0))},
		})
	}
	statuses := []providers.AffiliateStatus{
		providers.AffiliateActive,
		providers.AffiliateActive,
		providers.AffiliatePending,
		providers.AffiliateBanned,
		providers.AffiliateActive,
	}
	for i := range affiliateCount {
		a := &providers.Affiliate{
			Node:  node(providers.NounAffiliate, "aff", i, at(i, 0)),
			Email: new(fmt.Sprintf("partner%02d@example.com", i)), FirstName: new(fmt.Sprintf("First%02d", i)), LastName: new("Partner"),
			Name: new(fmt.Sprintf("First%02d Partner", i)), Status: statuses[i%len(statuses)], Clicks: new(int64(100 * i)),
			Links: []providers.Link{{URL: fmt.Sprintf("https://shop.example/?via=code%02d", i), Code: new(fmt.Sprintf("code%02d", i))}},
		}
		if i >= 10 {
			a.ParentID = h.Affiliates[i%5].ID
		}
		for k := range 1 + i%2 {
			a.Memberships = append(a.Memberships, &providers.Membership{
				Node:   node(providers.NounMembership, "mem", 10*i+k, at(i, k)),
				Status: providers.MembershipStatus(a.Status), RefCode: new(fmt.Sprintf("code%02d", i)), JoinedAt: at(i, k),
				AffiliateID: a.ID, CampaignID: h.Campaigns[(i+k)%campaignCount].ID,
			})
		}
		if i%2 == 0 {
			a.Coupons = []*providers.Coupon{{
				Node: node(providers.NounCoupon, "coup", i, at(i, 1)), Code: fmt.Sprintf("SAVE%02d", i),
				AffiliateID: a.ID, CampaignID: a.Memberships[0].CampaignID,
			}}
		}
		h.Affiliates = append(h.Affiliates, a)
		h.Memberships = append(h.Memberships, a.Memberships...)
		h.Coupons = append(h.Coupons, a.Coupons...)
	}
	for i := range referralCount {
		a := h.Affiliates[i*7%affiliateCount]
		converted := i%3 != 0
		r := &providers.Referral{
			Node: node(providers.NounReferral, "ref", i, at(40+i, 0)),
			Kind: providers.ReferralCustomer,
			Email: new(
				fmt.Sprintf("customer%03d@example.org", i),
			),
			Status:      providers.ReferralLead,
			CustomerID:  new(fmt.Sprintf("cus_%03d", i)),
			Converted:   &converted,
			AffiliateID: a.ID,
			CampaignID:  a.Memberships[0].CampaignID,
		}
		if converted {
			r.Status, r.ConvertedAt = providers.ReferralActive, at(40+i, 6)
		}
		if i%10 == 0 {
			r.Kind, r.OrderID, r.OrderNumber = providers.ReferralOrder, new(fmt.Sprintf("order-%d", i)), new(fmt.Sprint(1000+i))
		}
		h.Referrals = append(h.Referrals, r)
	}
	for i := range commissionCount {
		r := h.Referrals[i/2]
		h.Commissions = append(h.Commissions, &providers.Commission{
			Node: node(
				providers.NounCommission,
				"com",
				i,
				at(60+i/2, i%2),
			),
			Status: providers.CommissionApproved,
			Kind:   providers.CommissionSale,
			SaleAmount: cents(
				int64(5000 + i),
			),
			Amount:      cents(int64(1000 + i)),
			EarnedAt:    at(60+i/2, i%2),
			EventID:     new(fmt.Sprintf("evt_%03d", i)),
			OrderID:     r.OrderID,
			AffiliateID: r.AffiliateID,
			CampaignID:  r.CampaignID,
			ReferralID:  r.ID,
		})
	}
	// Each affiliate is paid for three commissions at a time, as long as there are three.
	owed := map[providers.ID][]*providers.Commission{}
	for _, c := range h.Commissions {
		if owed[c.AffiliateID] = append(owed[c.AffiliateID], c); len(owed[c.AffiliateID]) < 3 {
			continue
		}
		i := len(h.Payouts)
		p := &providers.Payout{
			Node:   node(providers.NounPayout, "pay", i, new(c.CreatedAt.Add(time.Hour))),
			Status: providers.PayoutPaid, Amount: cents(0), PaidAt: new(c.CreatedAt.Add(24 * time.Hour)), CommissionCount: new(int64(3)),
			AffiliateID: c.AffiliateID, CampaignID: c.CampaignID,
		}
		if i%4 == 3 {
			p.Status, p.PaidAt = providers.PayoutDue, nil
		}
		for _, c := range owed[c.AffiliateID] {
			p.Amount.Amount, _ = p.Amount.Amount.Add(c.Amount.Amount) // far from any overflow
			p.CommissionIDs = append(p.CommissionIDs, c.ID)
			c.PayoutID = p.ID
			if p.Status == providers.PayoutPaid {
				c.Status = providers.CommissionPaid
			}
		}
		h.Payouts = append(h.Payouts, p)
		delete(owed, c.AffiliateID)
	}
	return h
}

func subscriptions(account string) (all []*providers.WebhookSubscription) {
	for i := range 12 {
		local := fmt.Sprintf("hook%02d", i)
		all = append(all, &providers.WebhookSubscription{
			Node: providers.Node{
				ID:         providers.ID{Account: account, Noun: providers.NounWebhookSubscription, Local: local},
				ProviderID: local,
				CreatedAt:  at(i, 0),
			},
			TargetURL: "https://hooks.example/" + local,
			Events:    []string{"commission.created"},
			Active:    new(i%2 == 0),
		})
	}
	return all
}
