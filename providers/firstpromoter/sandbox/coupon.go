package sandbox

import (
	"net/url"
	"slices"
)

func (s *Server) promoCodes(q url.Values) *filter {
	f := &filter{q: q, n: len(s.codes)}
	f.ids(codes)
	f.refers("promoter_campaign_id", memberships, len(s.memberships),
		func(i int) int { return s.codes[i].membership }, s.codesOf)
	return f
}

// codesOf are the promo codes of a membership: one at most. They are in the order of the memberships.
func (s *Server) codesOf(membership int) []int32 {
	i, ok := slices.BinarySearchFunc(s.codes, membership, func(c code, m int) int { return c.membership - m })
	if !ok {
		return nil
	}
	return []int32{int32(i)}
}

func (s *Server) promoCode(i int) object {
	c := s.codes[i]
	campaign := s.memberships[c.membership].campaign
	return object{
		"id": codes.of(i), "code": c.code, "reward": object{"id": rewards.of(campaign), "name": s.rewardName(campaign)}, "ext_id": "promo_" + c.code,
		"description": nil, "company_id": 123456, "promoter_campaign_id": memberships.of(c.membership), "metadata": object{}, "details": object{},
		"archived_at": stamp(c.archived),
	}
}
