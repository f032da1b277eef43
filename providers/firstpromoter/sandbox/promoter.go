package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// standings are the states of memberships. An archived promoter keeps theirs.
var standings = map[world.Standing]string{
	world.Active: "accepted", world.Waiting: "pending", world.Inactive: "inactive",
	world.Rejected: "rejected", world.Banned: "blocked", world.Archived: "accepted",
}

func (s *Server) promoters(q url.Values) *filter {
	people := s.world.Affiliates
	f := &filter{q: q, n: len(people), sorts: map[string]func(int) int64{
		"clicks_count":    func(i int) int64 { return s.stats[i].clicks },
		"referrals_count": func(i int) int64 { return s.stats[i].referrals },
		"customers_count": func(i int) int64 { return s.stats[i].customers },
		"revenue_amount":  func(i int) int64 { return s.stats[i].revenue },
	}}
	f.ids(promoters)
	f.refers("filters[parent_promoter_id]", promoters, len(people),
		func(i int) int { return people[i].Parent }, func(k int) []int32 { return s.childrenOf[k] })
	archived := yes(q.Get("filters[archived]"))
	f.test(func(i int) bool { return !s.archived[i].IsZero() == archived })
	// Beside campaigns the state is held against the memberships in those, else against any.
	in, state := f.values("filters[campaign_id]"), q.Get("filters[state]")
	if len(in) > 0 || state != "" {
		f.test(func(i int) bool {
			return slices.ContainsFunc(s.membershipsOf[i], func(m int32) bool {
				campaign := s.memberships[m].campaign
				return (state == "" || s.memberships[m].state == state) &&
					(len(in) == 0 || slices.ContainsFunc(in, func(id string) bool {
						k, ok := campaigns.row(id, len(s.world.Campaigns))
						return ok && k == campaign
					}))
			})
		})
	}
	f.days("filters[joined_at]", func(i int) time.Time { return people[i].JoinedAt })
	f.search(func(i int) []string {
		texts := []string{people[i].Email, people[i].First + " " + people[i].Last}
		for _, m := range s.membershipsOf[i] {
			texts = append(texts, s.memberships[m].token)
		}
		return texts
	})
	return f
}

func (s *Server) getPromoter(w http.ResponseWriter, r *http.Request) {
	q, id := r.URL.Query(), r.PathValue("id")
	var i int
	var ok bool
	switch q.Get("find_by") {
	case "":
		i, ok = promoters.row(id, len(s.world.Affiliates))
	case "email":
		i, ok = s.byEmail[s.asked(id)]
	case "ref_token":
		i, ok = s.byToken[id]
	case "promo_code":
		var k int
		if k, ok = s.byCode[id]; ok {
			i = s.memberships[s.codes[k].membership].affiliate
		}
	case "cust_id", "auth_token": // nobody has one
	default:
		invalid(w, "Invalid find_by")
		return
	}
	if !ok {
		notFound(w)
		return
	}
	send(w, s.promoter(i, q, true))
}

// asked is an address as it is looked up; with the switch as it is typed.
func (s *Server) asked(address string) string {
	if s.kit.On(world.ExactAddress) {
		return address
	}
	return strings.ToLower(address)
}

// stored is an address as it is kept; with the switch in lower case.
func (s *Server) stored(address string) string {
	if s.kit.On(world.ExactAddress) {
		return strings.ToLower(address)
	}
	return address
}

// person is a promoter as other records carry it.
func (s *Server) person(i int) object {
	a := s.world.Affiliates[i]
	return object{"id": promoters.of(i), "email": a.Email, "name": a.First + " " + a.Last}
}

// promoter is a promoter, as the call wants it; alone: not as a row of a list.
func (s *Server) promoter(i int, q url.Values, alone bool) object {
	a := s.world.Affiliates[i]
	st := s.stats[i]
	counts := st.object("clicks_count", "referrals_count", "sales_count", "customers_count", "revenue_amount")
	counts["active_customers_count"] = st.active
	p := s.person(i)
	for name, value := range (object{
		"cust_id": nil, "note": given(a.Internal), "stats": counts, "balances": s.balancesOf(i),
		"is_customized": false, "is_confirmed": a.Standing != world.Waiting, "fraud_suspicions": []string{},
		"invoice_details_status": "pending", "profile": s.profile(i),
		"joined_at": stamp(a.JoinedAt), "last_login_at": nil, "archived_at": stamp(s.archived[i]),
		"first_event_at": s.firstEvent(i), "custom_fields": object{}, "password_setup_url": nil,
		"track_ad_traffic": nil, "auth_provider": nil,
	}) {
		p[name] = value
	}
	if a.Standing == world.Waiting {
		p["password_setup_url"] = "https://" + s.world.Site + "/partners/password?token=secret-" + a.Code
	}
	joined := []object{}
	for _, k := range s.membershipsOf[i] {
		joined = append(joined, s.standing(int(k)))
	}
	p["promoter_campaigns"] = joined
	if q.Get("exclude_payout_method") != "true" {
		p["selected_payout_method"] = s.method(i)
	}
	if alone && q.Get("include_parent_promoter") == "true" {
		p["parent_promoter"] = nil
		if a.Parent >= 0 {
			p["parent_promoter"] = s.person(a.Parent)
		}
	}
	return p
}

func (s *Server) firstEvent(i int) any {
	if len(s.customersOf[i]) == 0 {
		return nil
	}
	return stamp(s.world.Customers[s.customersOf[i][0]].At)
}

func (s *Server) profile(i int) object {
	a := s.world.Affiliates[i]
	p := object{
		"id": promoters.of(i), "first_name": a.First, "last_name": a.Last, "company_name": given(a.Company), "country": given(a.Country),
		"description": given(a.Note), "avatar": nil, "invoice_details_validation_errors": nil, "should_validate_invoice_details": false,
		"vat_id": nil,
	}
	if a.Company != "" {
		p["vat_id"] = "secret-vat-" + a.Code
	}
	for _, name := range []string{
		"website", "company_number", "phone_number", "address", "w8_form_url", "w9_form_url", "instagram_url",
		"youtube_url", "linkedin_url", "facebook_url", "twitter_url", "twitch_url", "tiktok_url",
	} {
		p[name] = nil
	}
	return p
}

func (s *Server) method(i int) object {
	return object{
		"id": promoters.of(
			i,
		),
		"method":      s.world.Affiliates[i].Method,
		"date_added":  stamp(s.world.Affiliates[i].JoinedAt),
		"is_disabled": false,
	}
}

// balancesOf are what an affiliate is owed; with the switch also what waits and what was earned.
func (s *Server) balancesOf(i int) object {
	b := s.balances[i]
	if !s.kit.On(NestedBalances) {
		return object{"cash": b.cash.current, "credits": 0, "points": b.points.current, "free_months": 0, "discount": 0}
	}
	bucket := func(cash, points int64) object { return object{"cash": cash, "points": points} }
	return object{
		"current_balance":  bucket(b.cash.current, b.points.current),
		"pending_balance":  bucket(b.cash.pending, b.points.pending),
		"earnings_balance": bucket(b.cash.current+b.cash.paid, b.points.current+b.points.paid),
	}
}

// object shows some of the figures.
func (st stats) object(names ...string) object {
	all := object{
		"clicks_count": st.clicks, "referrals_count": st.referrals, "sales_count": st.sales,
		"customers_count": st.customers, "revenue_amount": st.revenue, "promoters_count": st.promoters,
	}
	o := object{}
	for _, n := range names {
		o[n] = all[n]
	}
	return o
}

// owner is a membership as referrals and commissions carry it.
func (s *Server) owner(i int) object {
	m := s.memberships[i]
	return object{
		"id": memberships.of(i), "campaign_id": campaigns.of(m.campaign), "promoter_id": promoters.of(m.affiliate),
		"created_at": stamp(m.at), "promoter": s.person(m.affiliate), "campaign": s.label(m.campaign),
	}
}

// standing is a membership as its promoter carries it.
func (s *Server) standing(i int) object {
	m := s.memberships[i]
	o := s.owner(i)
	delete(o, "promoter")
	o["state"] = m.state
	o["coupon"], o["ref_token"], o["ref_link"] = given(
		m.coupon,
	), m.token, s.terms[m.campaign].landing+s.terms[m.campaign].parameter+"="+url.QueryEscape(
		m.token,
	)
	return o
}

// membership is a row of the memberships' own list.
func (s *Server) membership(i int) object {
	o := s.standing(i)
	m := s.memberships[i]
	promo := []string{}
	for _, c := range s.codesOf[i] {
		promo = append(promo, s.codes[c].code)
	}
	for name, value := range (object{
		"promoter":       s.person(m.affiliate),
		"stats":          m.stats.object("clicks_count", "referrals_count", "sales_count", "customers_count", "revenue_amount"),
		"display_coupon": nil, "direct_url": nil, "is_customized": false,
		"referral_rewards_customized": false, "promoter_rewards_customized": false,
		"rewards_for_promoters": s.earners(m.campaign), "rewards_for_referrals": []object{}, "promo_codes": promo,
	}) {
		o[name] = value
	}
	return o
}

func (s *Server) searchMemberships(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("q") == "" {
		invalid(w, "param is missing or the value is empty or invalid: q")
		return
	}
	f := &filter{q: q, n: len(s.memberships)}
	f.search(func(i int) []string {
		m := s.memberships[i]
		a := s.world.Affiliates[m.affiliate]
		return []string{a.Email, a.First + " " + a.Last, m.token}
	})
	found := rows(url.Values{"per_page": {"5"}}, f, s.membership)
	send(w, found)
}
