package sandbox

import (
	"math/rand/v2"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

var _ sandbox.Mover = (*Server)(nil)

// Move makes one change; see [sandbox.Mover]. What changes without an addition is an
// approval, as the vendor has no other event of a record that was there: somebody who waits
// is approved, or somebody is made to wait, which is told to nobody.
func (s *Server) Move(random *rand.Rand, add bool) (moved bool) {
	s.Write(func() {
		switch {
		case !add:
			moved = s.moveApproval(random)
		case random.IntN(2) == 0:
			moved = s.moveReferral(random)
		default:
			moved = s.moveCommission(random)
		}
	})
	return moved
}

// working says whether an affiliate is approved and not banned.
func (p *program) working(affiliate int) bool {
	at := p.standing[affiliate]
	return at.approved && !at.banned && len(p.world.Affiliates[affiliate].Campaigns) > 0
}

func (s *Server) moveReferral(random *rand.Rand) bool {
	p := s.program
	i, ok := sandbox.Pick(random, len(p.standing), len(p.standing), p.working)
	if !ok {
		return false
	}
	c := p.world.Lead(random, i, 0, s.now())
	_, no := s.createReferral(&referralBody{AffiliateID: p.uuid(affiliateKind, i), Email: c.Email, StripeCustomerID: c.Reference}, s.now())
	return no == nil
}

func (s *Server) moveCommission(random *rand.Rand) bool {
	p := s.program
	customers := p.world.Customers
	i, ok := sandbox.Pick(random, len(customers), sandbox.Recent, func(i int) bool {
		return i != p.trial && customers[i].Buys() && p.working(customers[i].Affiliate)
	})
	if !ok {
		return false
	}
	customer := &customers[i]
	price, payment := sandbox.Purchase(random)
	terms := p.terms[customer.Campaign]
	amount, _ := p.minor(terms.amount) // what is not above 0 is refused below
	if whole, _ := p.minor("100"); terms.kind == "percentage" {
		amount = price * amount / whole
	}
	before := customer.State
	customer.State = sandbox.Paying
	_, no := s.createCommission(&commissionBody{
		ReferralID: p.uuid(referralKind, i), RevenueAmount: p.major(price), CommissionAmount: p.major(amount), StripePaymentID: payment,
	}, s.now())
	if no != nil {
		customer.State = before
	}
	return no == nil
}

func (s *Server) moveApproval(random *rand.Rand) bool {
	p := s.program
	waits := func(i int) bool { return !p.standing[i].approved && !p.standing[i].banned }
	approve := true
	i, ok := sandbox.Pick(random, len(p.standing), len(p.standing), waits)
	if !ok {
		approve = false
		i, ok = sandbox.Pick(random, len(p.standing), len(p.standing), p.working)
	}
	return ok && s.updateAffiliate(i, &affiliateBody{Approved: &approve}) == nil
}
