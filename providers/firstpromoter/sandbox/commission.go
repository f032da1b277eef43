package sandbox

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

func (s *Server) rewardName(campaign int) string {
	c := s.world.Campaigns[campaign]
	if c.Fixed != 0 {
		return strconv.FormatInt(c.Fixed/100, 10) + " " + s.world.Currency + " a sale"
	}
	return strconv.FormatInt(c.Percent, 10) + "% recurring commission"
}

func slug(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "-") }

// commissionStatus is the vendor's word; what was paid is approved.
func commissionStatus(c world.Commission) string {
	if c.Verdict == world.Paid {
		return "approved"
	}
	return string(c.Verdict)
}

// event is the event id of a commission; "" for none.
func (s *Server) event(i int) string {
	if e := s.extras[i].event; e != "" {
		return e
	}
	return s.sale(s.world.Commissions[i]).Reference
}

func (s *Server) sale(c world.Commission) world.Sale {
	if c.Sale < 0 {
		return world.Sale{}
	}
	return s.world.Sales[c.Sale]
}

func (s *Server) commissions(q url.Values) *filter {
	all := s.world.Commissions
	f := &filter{q: q, n: len(all), sorts: map[string]func(int) int64{
		"amount":      func(i int) int64 { return earned(all[i]) },
		"sale_amount": func(i int) int64 { return s.sale(all[i]).Amount },
		"referral":    func(i int) int64 { return int64(all[i].Customer) },
	}}
	f.ids(commissions)
	f.refers("filters[payout_id]", payouts, len(s.world.Payouts),
		func(i int) int { return all[i].Payout }, func(k int) []int32 { return s.within[k] })
	f.refers("filters[promoter_id]", promoters, len(s.world.Affiliates),
		func(i int) int { return all[i].Affiliate }, func(k int) []int32 { return s.commissionsOf[k] })
	f.refers("filters[campaign_id]", campaigns, len(s.world.Campaigns), func(i int) int { return all[i].Campaign }, nil)
	f.word("filters[status]", func(i int) string { return commissionStatus(all[i]) })
	if q.Has("filters[paid]") { // knows money alone
		f.test(func(i int) bool { return !all[i].Points })
		f.flag("filters[paid]", func(i int) bool { return all[i].Verdict == world.Paid })
	}
	if q.Has("filters[fulfilled]") { // knows everything else
		f.test(func(i int) bool { return all[i].Points })
		f.flag("filters[fulfilled]", func(i int) bool { return all[i].Verdict == world.Paid })
	}
	f.days("filters[created_at]", func(i int) time.Time { return all[i].At })
	if q.Get("q") != "" { // there are far more commissions than customers
		customers := &filter{q: q, n: len(s.world.Customers)}
		s.searchCustomers(customers)
		found := make([]bool, customers.n)
		for i := range customers.newestFirst() {
			found[i] = true
		}
		event := &filter{q: q}
		event.search(func(i int) []string { return []string{s.event(i)} })
		f.test(func(i int) bool { return all[i].Customer >= 0 && found[all[i].Customer] || event.match(i) })
	}
	return f
}

func (s *Server) commission(i int) object {
	c := s.world.Commissions[i]
	sale := s.sale(c)
	o := object{
		"id":                     commissions.of(i),
		"status":                 commissionStatus(c),
		"commission_type":        "sale",
		"unit":                   "cash",
		"amount":                 earned(c),
		"sale_amount":            sale.Amount,
		"original_sale_amount":   sale.Amount,
		"original_sale_currency": nil,
		"is_paid":                c.Verdict == world.Paid,
		"is_split":               false,
		"is_self_referral":       false,
		"tier":                   c.Tier,
		"event_id": given(
			s.event(i),
		),
		"plan_id":               given(sale.Plan),
		"metadata":              object{},
		"internal_note":         given(s.extras[i].internal),
		"external_note":         given(c.Note),
		"fraud_check":           "no_suspicion",
		"created_by_user_email": nil,
		"created_by_user_at":    nil,
		"created_at":            stamp(c.At),
		"status_updated_at":     stamp(s.extras[i].judged),
		"promoter_campaign":     s.owner(s.member[pair{c.Affiliate, c.Campaign}]),
		"referral":              nil,
		"reward":                object{"id": rewards.of(c.Campaign), "name": s.rewardName(c.Campaign)},
		"split_details":         nil,
	}
	if c.Points {
		o["unit"] = "points"
	}
	if c.Sale < 0 {
		o["commission_type"], o["reward"] = "custom", nil
	} else if c.Customer >= 0 {
		customer := s.world.Customers[c.Customer]
		o["referral"] = object{"id": referrals.of(c.Customer), "email": given(s.told(c.Customer)), "uid": given(customer.Reference)}
	}
	return o
}
