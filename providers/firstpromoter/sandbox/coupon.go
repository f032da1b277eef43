package sandbox

import (
	"net/http"
	"net/url"

	"github.com/partnergraph/partnergraph/providers"
)

func (s *Server) promoCodes(q url.Values) *filter {
	f := &filter{q: q, n: len(s.codes)}
	f.ids(codes)
	f.refers("promoter_campaign_id", memberships, len(s.memberships),
		func(i int) int { return s.codes[i].membership }, func(m int) []int32 { return s.codesOf[m] })
	return f
}

func (s *Server) promoCode(i int) object {
	c := s.codes[i]
	return object{
		"id": codes.of(
			i,
		),
		"code":   c.code,
		"reward": object{"id": rewards.of(c.reward), "name": s.rewardName(c.reward)},
		"ext_id": "promo_" + c.code,
		"description": given(
			c.description,
		),
		"company_id":           123456,
		"promoter_campaign_id": memberships.of(c.membership),
		"metadata":             object{},
		"details":              object{},
		"archived_at":          stamp(c.archived),
	}
}

// codeBody is what POST and PUT /promo_codes take.
type codeBody struct {
	Code        *string `json:"code"`
	Description *string `json:"description"`
	Reward      *int64  `json:"reward_id"`
	Membership  *int64  `json:"promoter_campaign_id"`
}

// write puts what a body says into a promo code; false where that is not allowed, and then
// the call is answered.
func (b codeBody) write(w http.ResponseWriter, s *Server, row int, c *code) bool {
	if b.Code != nil {
		if i, is := s.byCode[*b.Code]; is && i != row {
			refuse(w, "code", taken)
			return false
		}
		c.code = *b.Code
	}
	if b.Membership != nil {
		k, ok := memberships.at(*b.Membership, len(s.memberships))
		if !ok {
			notFound(w)
			return false
		}
		c.membership = k
	}
	if b.Description != nil {
		c.description = *b.Description
	}
	return true
}

func (s *Server) createCode(w http.ResponseWriter, r *http.Request) {
	b, ok := body[codeBody](w, r)
	switch {
	case !ok:
		return
	case b.Code == nil || *b.Code == "":
		missing(w, "code")
		return
	case b.Reward == nil:
		missing(w, "reward_id")
		return
	case b.Membership == nil:
		missing(w, "promoter_campaign_id")
		return
	}
	reward, ok := rewards.at(*b.Reward, len(s.world.Campaigns))
	if !ok || !s.pays(reward) {
		notFound(w)
		return
	}
	c := code{reward: reward}
	if b.write(w, s, len(s.codes), &c) {
		i := s.addCode(c)
		s.tell("", "", providers.NounCoupon, codes.of(i), 0, nil, nil)
		send(w, s.promoCode(i))
	}
}

func (s *Server) updateCode(w http.ResponseWriter, r *http.Request) {
	b, ok := body[codeBody](w, r)
	if !ok {
		return
	}
	i, ok := codes.row(r.PathValue("id"), len(s.codes))
	if !ok {
		notFound(w)
		return
	}
	before := s.codes[i]
	if !before.archived.IsZero() {
		failed(w, "Promo code is archived")
		return
	}
	c := before
	if !b.write(w, s, i, &c) {
		return
	}
	s.codesOf[before.membership] = drop(s.codesOf[before.membership], i)
	s.codesOf[c.membership] = put(s.codesOf[c.membership], i)
	delete(s.byCode, before.code)
	s.codes[i], s.byCode[c.code] = c, i
	s.tell("", "", providers.NounCoupon, codes.of(i), 0, nil, nil)
	send(w, s.promoCode(i))
}
