package sandbox

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// newest puts an index before all others.
func newest(rows []int32, i int32) []int32 { return slices.Insert(rows, 0, i) }

// place puts an index where it belongs, newest first, or takes it out.
func place(rows []int32, i int32, in bool) []int32 {
	at, there := slices.BinarySearchFunc(rows, i, func(a, b int32) int { return cmp.Compare(b, a) })
	switch {
	case in && !there:
		return slices.Insert(rows, at, i)
	case !in && there:
		return slices.Delete(rows, at, at+1)
	}
	return rows
}

// count puts a referral to what its affiliate has earned; with a sign of -1 it takes it
// away again.
func (s *store) count(row int32, sign int64) {
	c := &s.world.Commissions[row]
	a, payable := &s.amounts[c.Affiliate], sign*(c.Amount+c.Adjustment)
	switch c.Verdict {
	case sandbox.Paid:
		a.paid += payable
	case sandbox.Approved:
		a.approved += payable
		s.approved[c.Affiliate] = place(s.approved[c.Affiliate], row, sign > 0)
		s.owed = place(s.owed, int32(c.Affiliate), len(s.approved[c.Affiliate]) > 0)
	case sandbox.Refused:
		a.denied += payable
	default:
		a.pending += payable
	}
}

// change changes a referral, and with it what its affiliate has earned.
func (s *store) change(row int32, do func(*sandbox.Commission)) {
	s.count(row, -1)
	do(&s.world.Commissions[row])
	s.count(row, 1)
}

// join adds an affiliate.
func (s *store) join(a sandbox.Affiliate) int {
	i := int32(len(s.world.Affiliates))
	s.world.Affiliates = append(s.world.Affiliates, a)
	s.newestAffiliates = newest(s.newestAffiliates, i)
	s.byEmail[strings.ToLower(a.Email)] = i
	s.amounts = append(s.amounts, amounts{})
	s.codes, s.rowsByAffiliate, s.paymentsOf, s.approved = append(
		s.codes,
		nil,
	), append(
		s.rowsByAffiliate,
		nil,
	), append(
		s.paymentsOf,
		nil,
	), append(
		s.approved,
		nil,
	)
	return int(i)
}

// grant gives an affiliate a coupon that nobody has. Its number is behind all those of
// affiliates of the story.
func (s *store) grant(affiliate int32, code, description string, at time.Time) {
	c := s.couponRecord(int(affiliate), code, at)
	c.Description = description
	for _, other := range s.granted {
		c.ID = max(c.ID, other.ID+1)
	}
	s.granted = slices.Insert(s.granted, 0, c)
	s.codes[affiliate] = append(s.codes[affiliate], code)
	s.holders[strings.ToUpper(code)] = affiliate
}

// earn adds a referral that somebody makes by hand, pending; sale is what they say of the sale.
func (s *store) earn(c sandbox.Commission, sale int64) int {
	row := int32(len(s.world.Commissions))
	c.Campaign, c.Verdict, c.Payout, c.Customer, c.Tier = s.program(c.Affiliate), sandbox.Pending, -1, -1, 1
	s.world.Commissions = append(s.world.Commissions, c)
	s.said[row] = sale
	s.rows = newest(s.rows, row)
	s.rowsByAffiliate[c.Affiliate] = newest(s.rowsByAffiliate[c.Affiliate], row)
	s.rowsByProgram[c.Campaign] = newest(s.rowsByProgram[c.Campaign], row)
	if c.Sale >= 0 {
		order := s.world.Sales[c.Sale].Order
		s.rowsByOrder[order] = newest(s.rowsByOrder[order], row)
	}
	s.count(row, 1)
	return int(row)
}

// unknownSale is what an order costs that only the shop knows, in minor units.
const unknownSale = 12_000

// order adds an order that only the shop knew.
func (s *store) order(id int64, at time.Time) int {
	s.world.Sales = append(s.world.Sales, sandbox.Sale{Customer: -1, At: at, Amount: unknownSale, Order: id, OrderNo: id % 100_000})
	return len(s.world.Sales) - 1
}

// reward is what an affiliate earns by a sale of this amount.
func (s *store) reward(affiliate int, sale int64) int64 {
	terms := &s.world.Campaigns[s.program(affiliate)]
	if terms.Fixed != 0 {
		return terms.Fixed
	}
	return sale * terms.Percent / 100
}

// pay adds a payment for these referrals of an affiliate, all of them approved.
func (s *store) pay(affiliate int, rows []int, at time.Time) int {
	i := len(s.world.Payouts)
	p := sandbox.Payout{
		Affiliate:   affiliate,
		Campaign:    s.program(affiliate),
		Start:       at,
		End:         at,
		At:          at,
		PaidAt:      at,
		Commissions: rows,
		State:       "paid",
	}
	for _, row := range rows {
		s.change(int32(row), func(c *sandbox.Commission) {
			p.Amount += c.Amount + c.Adjustment
			c.Verdict, c.Payout = sandbox.Paid, i
		})
	}
	s.world.Payouts = append(s.world.Payouts, p)
	s.payments, s.paymentsOf[affiliate] = newest(s.payments, int32(i)), newest(s.paymentsOf[affiliate], int32(i))
	return i
}
