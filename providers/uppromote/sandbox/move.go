package sandbox

import (
	"math/rand/v2"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

var _ sandbox.Mover = (*Server)(nil)

// Move makes one change; see [sandbox.Mover]. The vendor's one record of a customer and a
// commission is the referral: one is added, or another verdict given on one.
func (s *Server) Move(random *rand.Rand, add bool) (moved bool) {
	s.Write(func() {
		if add {
			moved = s.moveReferral(random)
		} else {
			moved = s.moveVerdict(random)
		}
	})
	return moved
}

func (s *Server) moveReferral(random *rand.Rand) bool {
	all := s.store.world.Affiliates
	i, ok := sandbox.Pick(random, len(all), len(all), func(i int) bool { return all[i].Standing == sandbox.Active })
	if !ok {
		return false
	}
	sale, _ := sandbox.Purchase(random)
	s.made(s.store.earn(sandbox.Commission{Affiliate: i, Sale: -1, At: s.now(), Amount: s.store.reward(i, sale)}, sale))
	return true
}

func (s *Server) moveVerdict(random *rand.Rand) bool {
	all := s.store.world.Commissions
	i, ok := sandbox.Pick(random, len(all), sandbox.Recent, func(i int) bool {
		return all[i].Verdict != sandbox.Paid && !all[i].Points
	})
	if !ok {
		return false
	}
	verdict := sandbox.Approved
	if all[i].Verdict == verdict {
		verdict = sandbox.Refused
	}
	s.decide(int32(i), verdict)
	return true
}
