package sandbox

import (
	"cmp"
	"slices"
	"time"
)

// sales puts all payments in order.
func (s *story) sales() {
	w := s.world
	for i, paid := range s.paid {
		var before Sale
		for _, p := range paid {
			sale := Sale{Customer: i, At: p.at, Amount: p.amount, Plan: p.plan, Reference: reference("ch", s.Rand)}
			if p.amount < 0 {
				sale.Order, sale.Refund = before.Order, 900_000_000_000+s.Int64N(99_999_999_999)
			} else {
				sale.Order = 6_400_000_000_000 + int64(len(w.Sales))*200_000 + s.Int64N(200_000) // nobody else's
			}
			w.Sales = append(w.Sales, sale)
			before = sale
		}
	}
	slices.SortStableFunc(w.Sales, func(a, b Sale) int { return a.At.Compare(b.At) })
	numbers := make(map[int64]int64, len(w.Sales))
	for i := range w.Sales {
		sale := &w.Sales[i]
		if sale.Refund == 0 {
			numbers[sale.Order] = int64(1001 + len(numbers))
		}
		sale.OrderNo = numbers[sale.Order]
	}
}

// commissions are earned on sales, and now and then as a bonus.
func (s *story) commissions() {
	w := s.world
	type earned struct {
		amount, upper int64 // by the affiliate and by the parent
		points        bool
		denied        [2]bool // the affiliate's and the parent's
	}
	byOrder := make(map[int64]earned, len(w.Sales))
	for i, sale := range w.Sales {
		customer := w.Customers[sale.Customer]
		campaign, a := w.Campaigns[customer.Campaign], w.Affiliates[customer.Affiliate]
		e := byOrder[sale.Order]
		if sale.Refund == 0 {
			e = earned{amount: campaign.Fixed + (sale.Amount*campaign.Percent+50)/100}
			if s.chance(30) && !s.low[customer.Affiliate] {
				e = earned{amount: 500, points: true}
			}
			if customer.Campaign == agencies && a.Parent >= 0 && w.Affiliates[a.Parent].earns(sale.At) &&
				slices.Contains(w.Affiliates[a.Parent].Campaigns, agencies) {
				e.upper = (sale.Amount*5 + 50) / 100
			}
		} else {
			e.amount, e.upper = -e.amount, -e.upper
			if e.upper != 0 && !w.Affiliates[a.Parent].earns(sale.At) {
				e.upper = 0
			}
		}
		c := Commission{Sale: i, Customer: sale.Customer, Affiliate: customer.Affiliate, Campaign: customer.Campaign, At: sale.At,
			Amount: e.amount, Points: e.points, Payout: -1, Tier: 1}
		s.judge(&c)
		e.denied[0] = c.deny(e.denied[0])
		if sale.Refund == 0 && !c.Points && s.chance(80) {
			c.Adjustment = []int64{500, max(-200, 1-c.Amount), 1000}[s.IntN(3)]
			c.Note = "Agreed by e-mail."
		}
		w.Commissions = append(w.Commissions, c)
		if e.upper != 0 {
			c.Affiliate, c.Amount, c.Points, c.Tier, c.Adjustment, c.Note = a.Parent, e.upper, false, 2, 0, ""
			s.judge(&c)
			e.denied[1] = c.deny(e.denied[1])
			w.Commissions = append(w.Commissions, c)
		}
		if sale.Refund == 0 {
			byOrder[sale.Order] = e
		}
		if s.chance(90) && a.earns(sale.At) && !s.low[customer.Affiliate] {
			bonus := Commission{
				Sale:      -1,
				Customer:  -1,
				Affiliate: customer.Affiliate,
				Campaign:  a.Campaigns[0],
				At:        sale.At,
				Amount:    5000,
				Payout:    -1,
				Tier:      1,
				Note:      "Thank you for the launch article.",
			}
			s.judge(&bonus)
			w.Commissions = append(w.Commissions, bonus)
		}
	}
}

// deny refuses a commission if that of the sale was, as a refund takes nothing back that
// was not given. It says whether the commission is refused.
func (c *Commission) deny(before bool) bool {
	if before {
		c.Verdict = Refused
	}
	return c.Verdict == Refused
}

// judge says where a commission stands by its age; payouts then take what is approved.
func (s *story) judge(c *Commission) {
	age := s.world.Until.Sub(c.At)
	d := s.IntN(100)
	switch {
	case s.low[c.Affiliate] && c.Amount < 0 && age < 13*day:
		c.Verdict = Approved
	case s.low[c.Affiliate] && age < 100*day:
		c.Verdict = Pending
	case age < 15*day && d < 70, age < 45*day && d < 12:
		c.Verdict = Pending
	case d >= 97 && !s.low[c.Affiliate]:
		c.Verdict = Refused
	default:
		c.Verdict = Approved
	}
}

// payouts sum what was approved, for each affiliate, campaign and calendar month, once the
// month is over.
func (s *story) payouts() {
	w := s.world
	type key struct {
		affiliate, campaign int
		start               time.Time
	}
	groups := map[key][]int{}
	var keys []key
	for i, c := range w.Commissions {
		if c.Verdict != Approved || c.Points {
			continue
		}
		k := key{c.Affiliate, c.Campaign, time.Date(c.At.Year(), c.At.Month(), 1, 0, 0, 0, 0, time.UTC)}
		if k.start.AddDate(0, 1, 1).After(w.Until) {
			continue // the month, and the day after it, is not over
		}
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], i)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.affiliate, b.affiliate), cmp.Compare(a.campaign, b.campaign))
	})
	failed := false
	for _, k := range keys {
		p := Payout{
			Affiliate:   k.affiliate,
			Campaign:    k.campaign,
			Start:       k.start,
			End:         k.start.AddDate(0, 1, 0).Add(-time.Second),
			Commissions: groups[k],
		}
		for _, i := range p.Commissions {
			p.Amount += w.Commissions[i].Amount + w.Commissions[i].Adjustment
		}
		if p.Amount <= 0 {
			continue // refunds outweigh sales: it stays open
		}
		p.At = p.End.Add(time.Second + s.between(6*time.Hour, 20*time.Hour))
		p.PaidAt = p.End.Add(time.Second + s.between(15*day, 20*day))
		recent := k.start.AddDate(0, 2, 1).After(w.Until) // the last month that is over: some are not through yet
		switch {
		case p.PaidAt.Before(w.Until) && (!recent || failed && s.chance(2)):
			p.State = "paid"
		case !failed:
			p.State, failed = "failed", true
		default:
			p.State = []string{"pending", "processing"}[s.IntN(2)]
		}
		if p.State != "paid" {
			p.PaidAt = time.Time{}
		}
		w.Payouts = append(w.Payouts, p)
	}
	slices.SortStableFunc(w.Payouts, func(a, b Payout) int { return a.At.Compare(b.At) })
	for n, p := range w.Payouts {
		for _, i := range p.Commissions {
			w.Commissions[i].Payout = n
			if p.State == "paid" {
				w.Commissions[i].Verdict = Paid
			}
		}
	}
}
