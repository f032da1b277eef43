package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// waiting is how many promoters wait for an approval.
func (s *Server) waiting() (n int) {
	for _, joined := range s.membershipsOf {
		if slices.ContainsFunc(joined, func(m int32) bool { return s.memberships[m].state == "pending" }) {
			n++
		}
	}
	return n
}

// promoterBody is what POST and PUT /promoters take.
type promoterBody struct {
	Email   *string
	Profile struct {
		First       *string `json:"first_name"`
		Last        *string `json:"last_name"`
		Description *string
	}
	Campaign *int64 `json:"initial_campaign_id"`
	Approve  *bool  `json:"always_approve"`
}

// write puts what a body says into a promoter; false where the address is somebody else's
// or none, and then the call is answered.
func (b promoterBody) write(w http.ResponseWriter, s *Server, row int, a *world.Affiliate) bool {
	if b.Email != nil {
		if owner, is := s.byEmail[strings.ToLower(*b.Email)]; is && owner != row {
			refuse(w, "email", taken)
			return false
		}
		if !strings.Contains(*b.Email, "@") {
			refuse(w, "email", "is invalid")
			return false
		}
		a.Email = s.stored(*b.Email)
	}
	for to, from := range map[*string]*string{&a.First: b.Profile.First, &a.Last: b.Profile.Last, &a.Note: b.Profile.Description} {
		if from != nil {
			*to = *from
		}
	}
	return true
}

func (s *Server) createPromoter(w http.ResponseWriter, r *http.Request) {
	b, ok := body[promoterBody](w, r)
	if !ok {
		return
	}
	if b.Email == nil || *b.Email == "" {
		missing(w, "email")
		return
	}
	campaign := slices.IndexFunc(s.world.Campaigns, func(c world.Campaign) bool { return c.Default })
	if b.Campaign != nil {
		if campaign, ok = campaigns.at(*b.Campaign, len(s.world.Campaigns)); !ok {
			refuse(w, "initial_campaign_id", "is invalid")
			return
		}
	}
	i, now := len(s.world.Affiliates), s.now().UTC().Truncate(time.Second)
	a := world.Affiliate{
		Code:      "p" + strconv.Itoa(i+1),
		JoinedAt:  now,
		Standing:  world.Active,
		Campaigns: []int{campaign},
		Parent:    -1,
		Method:    "paypal",
	}
	if !b.write(w, s, i, &a) {
		return
	}
	state := "accepted"
	if b.Approve != nil && !*b.Approve {
		a.Standing, state = world.Waiting, "pending"
	}
	s.world.Affiliates = append(s.world.Affiliates, a)
	s.byEmail[strings.ToLower(a.Email)] = i
	s.archived = append(s.archived, time.Time{})
	s.balances, s.stats = append(s.balances, balances{}), append(s.stats, stats{})
	s.membershipsOf, s.childrenOf, s.customersOf = append(s.membershipsOf, nil), append(s.childrenOf, nil), append(s.customersOf, nil)
	s.commissionsOf, s.payoutsOf = append(s.commissionsOf, nil), append(s.payoutsOf, nil)
	s.tellPromoter("created", i, nil)
	s.join(i, campaign, state)
	sendStatus(w, http.StatusCreated, s.promoter(i, url.Values{}, false))
}

// join makes a membership.
func (s *Server) join(affiliate, campaign int, state string) {
	k, token := len(s.memberships), s.world.Affiliates[affiliate].Code
	for n := 2; ; n++ {
		if _, is := s.byToken[token]; !is {
			break
		}
		token = s.world.Affiliates[affiliate].Code + "-" + strconv.Itoa(n)
	}
	p := pair{affiliate, campaign}
	s.memberships = append(s.memberships, membership{pair: p, at: s.now().UTC().Truncate(time.Second), state: state, token: token})
	s.member[p], s.byToken[token] = k, affiliate
	s.membershipsOf[affiliate] = append(s.membershipsOf[affiliate], int32(k))
	s.campaignStats[campaign].promoters++
	s.tellMembership("created", k, nil)
}

func (s *Server) updatePromoter(w http.ResponseWriter, r *http.Request) {
	b, ok := body[promoterBody](w, r)
	if !ok {
		return
	}
	i, ok := promoters.row(r.PathValue("id"), len(s.world.Affiliates))
	if !ok {
		notFound(w)
		return
	}
	a := s.world.Affiliates[i]
	before := strings.ToLower(a.Email)
	if !b.write(w, s, i, &a) {
		return
	}
	delete(s.byEmail, before)
	s.byEmail[strings.ToLower(a.Email)] = i
	s.world.Affiliates[i] = a
	s.tellPromoter("updated", i, object{})
	send(w, s.promoter(i, url.Values{}, false))
}

// promotersBody is what the actions on promoters take.
type promotersBody struct {
	IDs      []int64
	Campaign *int64 `json:"campaign_id"`
	From     *int64 `json:"from_campaign_id"`
	To       *int64 `json:"to_campaign_id"`
	SoftMove bool   `json:"soft_move_referrals"`
	Parent   *int64 `json:"parent_promoter_id"`
}

func (s *Server) promoterActions(mux *http.ServeMux) {
	action := func(name string, needs map[string]func(promotersBody) *int64, do func(i int, b promotersBody) string) {
		mux.HandleFunc("POST /promoters/"+name, func(w http.ResponseWriter, r *http.Request) {
			b, ok := body[promotersBody](w, r)
			if !ok {
				return
			}
			for field, value := range needs {
				if value(b) == nil {
					missing(w, field)
					return
				}
			}
			s.act(w, "promoter/"+name, b.IDs, func(id int64) string {
				i, ok := promoters.at(id, len(s.world.Affiliates))
				if !ok {
					return notThere
				}
				return do(i, b)
			})
		})
	}
	campaign := map[string]func(promotersBody) *int64{"campaign_id": func(b promotersBody) *int64 { return b.Campaign }}
	for name, state := range map[string]string{"accept": "accepted", "reject": "rejected", "block": "blocked"} {
		action(name, campaign, func(i int, b promotersBody) string { return s.setState(i, *b.Campaign, state) })
	}
	action("archive", nil, func(i int, _ promotersBody) string {
		if s.archived[i].IsZero() {
			s.archived[i] = s.now().UTC().Truncate(time.Second)
			s.tellPromoter("updated", i, object{"archived_at": []any{nil, stamp(s.archived[i])}})
		}
		return ""
	})
	action("restore", nil, func(i int, _ promotersBody) string {
		if before := s.archived[i]; !before.IsZero() {
			s.archived[i] = time.Time{}
			s.tellPromoter("updated", i, object{"archived_at": []any{stamp(before), nil}})
		}
		return ""
	})
	action("add_to_campaign", campaign, func(i int, b promotersBody) string { return s.addTo(i, *b.Campaign, "accepted") })
	action("move_to_campaign", map[string]func(promotersBody) *int64{
		"from_campaign_id": func(b promotersBody) *int64 { return b.From }, "to_campaign_id": func(b promotersBody) *int64 { return b.To },
	}, s.moveTo)
	action(
		"assign_parent",
		map[string]func(promotersBody) *int64{"parent_promoter_id": func(b promotersBody) *int64 { return b.Parent }},
		s.setParent,
	)
}

// standingIn is an affiliate's membership in a campaign, by the campaign's number.
func (s *Server) standingIn(i int, campaign int64) (k, c int, ok bool) {
	if c, ok = campaigns.at(campaign, len(s.world.Campaigns)); ok {
		k, ok = s.member[pair{i, c}]
	}
	return k, c, ok
}

func (s *Server) setState(i int, campaign int64, state string) string {
	k, _, ok := s.standingIn(i, campaign)
	if !ok {
		return notThere
	}
	s.turn(k, state)
	return ""
}

// turn puts a membership into a state.
func (s *Server) turn(k int, state string) {
	before := s.memberships[k].state
	if before == state {
		return
	}
	s.memberships[k].state = state
	s.tellMembership("updated", k, object{"state": []any{before, state}})
	s.tellMembership(state, k, object{"state": []any{before, state}})
}

func (s *Server) addTo(i int, campaign int64, state string) string {
	c, ok := campaigns.at(campaign, len(s.world.Campaigns))
	if !ok {
		return notThere
	}
	if _, is := s.member[pair{i, c}]; is {
		return "Promoter is already in the campaign"
	}
	s.join(i, c, state)
	return ""
}

// moveTo makes a membership in the new campaign and switches the old one off: referrals
// that stay need it.
func (s *Server) moveTo(i int, b promotersBody) string {
	k, from, ok := s.standingIn(i, *b.From)
	if !ok {
		return notThere
	}
	if e := s.addTo(i, *b.To, s.memberships[k].state); e != "" {
		return e
	}
	s.turn(k, "inactive")
	if b.SoftMove {
		_, to, _ := s.standingIn(i, *b.To)
		for _, row := range s.customersOf[i] {
			if s.world.Customers[row].Campaign == from {
				s.give(int(row), i, to)
			}
		}
	}
	return ""
}

func (s *Server) setParent(i int, b promotersBody) string {
	parent, ok := promoters.at(*b.Parent, len(s.world.Affiliates))
	switch a := &s.world.Affiliates[i]; {
	case !ok:
		return notThere
	case parent == i || s.world.Affiliates[parent].Parent == i:
		return "Parent is invalid"
	default:
		if a.Parent >= 0 {
			s.childrenOf[a.Parent] = drop(s.childrenOf[a.Parent], i)
		}
		a.Parent = parent
		s.childrenOf[parent] = put(s.childrenOf[parent], i)
		s.tellPromoter("updated", i, object{})
	}
	return ""
}

func (s *Server) updateMembership(w http.ResponseWriter, r *http.Request) {
	b, ok := body[struct {
		State  *string
		Token  *string `json:"ref_token"`
		Coupon *string
	}](w, r)
	if !ok {
		return
	}
	k, ok := memberships.row(r.PathValue("id"), len(s.memberships))
	if !ok {
		notFound(w)
		return
	}
	m := s.memberships[k]
	if b.Token != nil && *b.Token != m.token {
		if _, is := s.byToken[*b.Token]; is {
			refuse(w, "ref_token", taken)
			return
		}
		delete(s.byToken, m.token)
		m.token = *b.Token
		s.byToken[m.token] = m.affiliate
	}
	if b.State != nil {
		if !slices.Contains([]string{"pending", "accepted", "rejected", "blocked", "inactive"}, *b.State) {
			refuse(w, "state", "is not included in the list")
			return
		}
	}
	if b.Coupon != nil {
		m.coupon = *b.Coupon
	}
	s.memberships[k] = m
	if b.State != nil && *b.State != m.state {
		s.turn(k, *b.State)
	} else {
		s.tellMembership("updated", k, object{})
	}
	send(w, s.membership(k))
}
