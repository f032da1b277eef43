package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// createAffiliate makes an affiliate, inactive unless it is said otherwise, in the default
// program unless another is named.
func (s *Server) createAffiliate(f *form) any {
	email, program := f.address("email"), 0
	for i, c := range s.store.world.Campaigns {
		if c.Default {
			program = i
		}
	}
	if id := f.whole("program_id", false); id != 0 {
		program = f.program(s.store)
	}
	status := f.word("status", false, "active", "inactive")
	if _, taken := s.store.byEmail[strings.ToLower(email)]; taken {
		f.fail("email", "has already been taken")
	}
	code := fmt.Sprintf("a%d", len(s.store.world.Affiliates))
	if s.Kit().On(sandbox.ExactAddress) {
		email = strings.ToLower(email)
	}
	a := sandbox.Affiliate{
		Email:     email,
		First:     f.text("first_name", false),
		Last:      f.text("last_name", false),
		Company:   f.text("company", false),
		Code:      code,
		JoinedAt:  s.now(),
		Standing:  sandbox.Inactive,
		Campaigns: []int{program},
		Parent:    -1,
	}
	if !f.ok() {
		return nil
	}
	if status == "active" {
		a.Standing = sandbox.Active
	}
	i := s.store.join(a)
	s.tellAffiliate("affiliate.new", i)
	return s.store.affiliateRecord(i)
}

// program reads the program that is named.
func (f *form) program(s *store) int {
	i, ok := at(s.world.Campaigns, f.whole("program_id", true), firstProgram)
	if !ok {
		f.fail("program_id", "is invalid")
		return 0
	}
	return i
}

// acted is what actions on affiliates answer.
func acted(i int32, more map[string]any) map[string]any {
	more["affiliate_id"] = firstAffiliate + int64(i)
	return more
}

// approve approves or denies an affiliate.
func (s *Server) approve(f *form) any {
	i, status := f.affiliate(s.store, "affiliate_email"), f.word("status", true, "approved", "denied")
	if !f.ok() {
		return nil
	}
	a := &s.store.world.Affiliates[i]
	before, event := standing(a), "affiliate.inactive"
	if a.Standing = sandbox.Inactive; status == "approved" {
		a.Standing, event = sandbox.Active, "affiliate.approved"
	}
	if standing(a) != before {
		s.tellAffiliate(event, int(i))
		s.tell("affiliate.status-changed", providers.NounAffiliate, firstAffiliate+int64(i), func() any {
			return affiliateStatus{firstAffiliate + int64(i), before, standing(a)}
		})
	}
	return acted(i, map[string]any{"status": status})
}

// setUpline puts an affiliate below another, but not below themselves.
func (s *Server) setUpline(f *form) any {
	i, upline := f.affiliate(s.store, "affiliate_email"), f.affiliate(s.store, "upline_affiliate_email")
	if !f.ok() {
		return nil
	}
	all := s.store.world.Affiliates
	for above := int(upline); above >= 0; above = all[above].Parent {
		if above == int(i) {
			f.fail("upline_affiliate_email", "is invalid")
			return nil
		}
	}
	all[i].Parent = int(upline)
	s.tellAffiliate("", int(i))
	return acted(i, map[string]any{"upline_affiliate_email": all[upline].Email})
}

// move puts an affiliate into another program. Referrals stay in theirs.
func (s *Server) move(f *form) any {
	i, program := f.affiliate(s.store, "affiliate_email"), f.program(s.store)
	if !f.ok() {
		return nil
	}
	a := &s.store.world.Affiliates[i]
	a.Campaigns = []int{program}
	s.tellAffiliate("", int(i))
	return acted(i, map[string]any{"affiliate_email": a.Email, "program_id": firstProgram + program})
}

// connect makes a customer an affiliate's.
func (s *Server) connect(f *form) any {
	i, customer := f.affiliate(s.store, "affiliate_email"), f.address("customer_email")
	if !f.ok() {
		return nil
	}
	s.store.connected[strings.ToLower(customer)] = i
	return acted(i, map[string]any{"affiliate_email": s.store.world.Affiliates[i].Email})
}

// assign gives an affiliate a code that nobody else has.
func (s *Server) assign(f *form) any {
	i, code, description := f.affiliate(s.store, "affiliate_email"), f.text("coupon", true), f.text("description", false)
	holder, held := s.store.holders[strings.ToUpper(code)]
	if held && holder != i {
		f.fail("coupon", "has already been taken")
	}
	if !f.ok() {
		return nil
	}
	if !held {
		s.store.grant(i, code, description, s.now())
		s.tell("", providers.NounCoupon, s.store.granted[0].ID, nil)
	}
	return acted(i, map[string]any{"coupon": code})
}

// createReferral makes a referral, of an order or of an amount.
func (s *Server) createReferral(f *form) any {
	kind, i := f.word("type", true, "use_order_id", "fixed_amount"), f.affiliate(s.store, "affiliate_email")
	currency := s.store.world.Currency
	sale := f.amount("total_sale", currency, false)
	c := sandbox.Commission{Affiliate: int(i), Sale: -1, At: s.now(), Note: f.text("comment", false)}
	if kind == "fixed_amount" {
		if c.Amount = f.amount("commission", currency, true); c.Amount <= 0 {
			f.fail("commission", "must be greater than 0")
		}
		if !f.ok() {
			return nil
		}
		return s.made(s.store.earn(c, sale))
	}
	order := f.whole("order_id", true)
	if slices.ContainsFunc(s.store.rowsByOrder[order], func(row int32) bool {
		return s.store.world.Sales[s.store.world.Commissions[row].Sale].Refund == 0
	}) {
		f.fail("order_id", "has a referral already")
	}
	if !f.ok() {
		return nil
	}
	c.Sale = s.store.order(order, c.At)
	c.Amount = s.store.reward(c.Affiliate, unknownSale)
	return s.made(s.store.earn(c, unknownSale))
}

// made tells of a new referral, and answers it.
func (s *Server) made(row int) referral {
	s.tellReferral("referral.new", row)
	return s.store.referralRecord(row)
}

// open reads the referral that the path names, which must not have been paid.
func (f *form) open(s *store) int32 {
	id, err := strconv.ParseInt(f.request.PathValue("id"), 10, 64)
	i, ok := at(s.world.Commissions, id, firstReferral)
	switch {
	case err != nil || !ok || s.world.Commissions[i].Points:
		f.missing = "Referral"
		return 0
	case s.world.Commissions[i].Verdict == sandbox.Paid:
		f.reason = "The referral has been paid."
	}
	return int32(i)
}

// judge approves or denies a referral.
func (s *Server) judge(f *form) any {
	row, status := f.open(s.store), f.word("status", true, "approved", "denied")
	if !f.ok() {
		return nil
	}
	verdict := sandbox.Refused
	if status == "approved" {
		verdict = sandbox.Approved
	}
	s.decide(row, verdict)
	return map[string]any{"status": status}
}

// decide gives a verdict on a referral, and tells of it unless it is the one before.
func (s *Server) decide(row int32, verdict sandbox.Verdict) {
	before := s.store.world.Commissions[row].Verdict
	s.store.change(row, func(c *sandbox.Commission) { c.Verdict = verdict })
	if verdict != before {
		s.tellReferral("referral."+statuses[verdict], int(row))
		s.tellVerdict(int(row), before)
	}
}

// adjust adds to a referral's adjustment.
func (s *Server) adjust(f *form) any {
	row, by := f.open(s.store), f.amount("adjustment", s.store.world.Currency, true)
	if !f.ok() {
		return nil
	}
	s.store.change(row, func(c *sandbox.Commission) { c.Adjustment += by })
	s.tellReferral("", int(row))
	return map[string]any{"referral_id": firstReferral + int64(row)}
}

// markPaid pays an affiliate the approved referrals that are named, all of them for none.
func (s *Server) markPaid(f *form) any {
	i := f.affiliate(s.store, "affiliate_email")
	if !f.ok() {
		return nil
	}
	var rows []int
	for _, row := range s.store.approved[i] {
		rows = append(rows, int(row))
	}
	if named := f.text("referral_ids", false); named != "" {
		due := rows
		rows = nil
		for part := range strings.SplitSeq(named, ",") {
			id, err := strconv.ParseInt(part, 10, 64)
			row := int(id - firstReferral)
			if err != nil || !slices.Contains(due, row) || slices.Contains(rows, row) {
				f.fail("referral_ids", "is invalid")
				return nil
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		f.reason = "There is nothing to pay."
		return nil
	}
	payment := s.store.pay(int(i), rows, s.now())
	s.tell("payment.paid", providers.NounPayout, firstPayment+int64(payment), func() any {
		p := s.store.paymentRecord(payment)
		p.ReferralIDs = nil
		return p
	})
	for _, row := range rows {
		s.tellVerdict(row, sandbox.Approved)
	}
	return s.store.paymentRecord(payment)
}
