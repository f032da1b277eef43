package sandbox

import (
	"math/rand/v2"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

var _ world.Mover = (*Server)(nil)

// Move makes one change; see [world.Mover]. What changes without an addition is a verdict on
// a commission that is in no payout yet.
func (s *Server) Move(random *rand.Rand, add bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !add:
		return s.moveVerdict(random)
	case random.IntN(2) == 0:
		return s.moveReferral(random)
	default:
		return s.moveSale(random)
	}
}

// working says whether an affiliate earns in a campaign.
func (s *Server) working(p pair) bool {
	k, is := s.member[p]
	return is && s.memberships[k].state == "accepted" && s.archived[p.affiliate].IsZero() && s.pays(p.campaign)
}

func (s *Server) moveReferral(random *rand.Rand) bool {
	n := len(s.memberships)
	k, ok := world.Pick(random, n, n, func(k int) bool { return s.working(s.memberships[k].pair) })
	if !ok {
		return false
	}
	m := s.memberships[k]
	c := s.world.Lead(random, m.affiliate, m.campaign, s.now())
	b := referralBody{Email: &c.Email, UID: &c.Reference}
	if b.write(s, len(s.world.Customers), &c) != "" {
		return false
	}
	s.enter(c)
	return true
}

func (s *Server) moveSale(random *rand.Rand) bool {
	customers := s.world.Customers
	i, ok := world.Pick(random, len(customers), world.Recent, func(i int) bool {
		c := &customers[i]
		return s.inHand[i] == "" && c.Buys() && s.working(pair{c.Affiliate, c.Campaign})
	})
	if !ok {
		return false
	}
	amount, payment := world.Purchase(random)
	s.sell(i, amount, commissionBody{EventID: payment})
	return true
}

func (s *Server) moveVerdict(random *rand.Rand) bool {
	all := s.world.Commissions
	i, ok := world.Pick(random, len(all), world.Recent, func(i int) bool {
		return all[i].Payout < 0 && all[i].Verdict != world.Paid
	})
	if !ok {
		return false
	}
	verdict := world.Approved
	if all[i].Verdict == verdict {
		verdict = world.Refused
	}
	s.judge(i, verdict)
	return true
}
