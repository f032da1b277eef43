package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// referralState is the vendor's word; it has none for trials and for late payments.
func (x *index) referralState(i int) string {
	c := x.world.Customers[i]
	switch {
	case x.inHand[i] != "":
		return x.inHand[i]
	case c.State == world.Canceled:
		return "cancelled"
	case c.State == world.Refunded:
		return "refunded"
	case c.State == world.Denied:
		return "denied"
	case c.FirstSale.IsZero():
		return "signup"
	default:
		return "active"
	}
}

func (s *Server) referrals(q url.Values) *filter {
	people := s.world.Customers
	f := &filter{q: q, n: len(people)}
	f.ids(referrals)
	f.refers("filters[promoter_id]", promoters, len(s.world.Affiliates),
		func(i int) int { return people[i].Affiliate }, func(k int) []int32 { return s.customersOf[k] })
	f.refers("filters[campaign_id]", campaigns, len(s.world.Campaigns), func(i int) int { return people[i].Campaign }, nil)
	f.word("filters[state]", func(i int) string { return s.referralState(i) })
	f.word("filters[type]", func(i int) string {
		if people[i].FirstSale.IsZero() {
			return "lead"
		}
		return "customer"
	})
	f.days("filters[created_at]", func(i int) time.Time { return people[i].At })
	f.days("filters[customer_since]", func(i int) time.Time { return people[i].FirstSale })
	s.searchCustomers(f)
	return f
}

func (s *Server) searchCustomers(f *filter) {
	f.search(func(i int) []string { return []string{s.world.Customers[i].Email, s.world.Customers[i].Reference} })
}

func (s *Server) getReferral(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	var i int
	var ok bool
	switch r.URL.Query().Get("find_by") {
	case "":
		i, ok = referrals.row(id, len(s.world.Customers))
	case "email":
		i, ok = s.byCustomer[s.asked(id)]
	case "uid":
		i, ok = s.byUID[id]
	case "username": // nobody has one
	default:
		invalid(w, "Invalid find_by")
		return
	}
	if !ok {
		notFound(w)
		return
	}
	c := s.world.Customers[i]
	o := s.referral(i)
	for name, value := range (object{
		"username": nil, "first_name": given(c.First), "last_name": given(c.Last), "website": nil, "comment": nil, "is_expired": false,
		"split_details": nil, "custom_status": nil,
	}) {
		o[name] = value
	}
	send(w, o)
}

// told is a customer's address as the vendor tells it.
func (s *Server) told(i int) string {
	email := s.world.Customers[i].Email
	if email != "" && i%5 == 0 && s.kit.On(Moved) {
		email += " (moved)"
	}
	return email
}

// referral is a row of the list, with the fields of the vendor's example.
func (s *Server) referral(i int) object {
	c := s.world.Customers[i]
	source := "cookie"
	switch {
	case s.viaAPI[i]:
		source = "api"
	case c.ViaCoupon:
		source = "coupon"
	}
	return object{
		"id": referrals.of(i), "email": given(s.told(i)), "uid": given(c.Reference), "state": s.referralState(i), "metadata": object{},
		"entry_source": source, "created_at": stamp(c.At), "customer_since": stamp(c.FirstSale), "fraud_check": "no_suspicion",
		"created_by_user_email": nil, "promoter_campaign": s.owner(s.member[pair{c.Affiliate, c.Campaign}]),
	}
}

// referralBody is what POST and PUT /referrals take.
type referralBody struct {
	Membership *int64 `json:"promoter_campaign_id"`
	Email      *string
	UID        *string
}

// write puts what a body says into a customer. Where the address or the id is somebody
// else's, it answers the field and changes nothing.
func (b referralBody) write(s *Server, row int, c *world.Customer) (takenField string) {
	if b.Email != nil {
		if i, is := s.byCustomer[strings.ToLower(*b.Email)]; is && i != row {
			return "email"
		}
	}
	if b.UID != nil {
		if i, is := s.byUID[*b.UID]; is && i != row {
			return "uid"
		}
	}
	if b.Email != nil {
		delete(s.byCustomer, strings.ToLower(c.Email))
		c.Email = s.stored(*b.Email)
		s.byCustomer[strings.ToLower(c.Email)] = row
	}
	if b.UID != nil {
		delete(s.byUID, c.Reference)
		c.Reference = *b.UID
		s.byUID[c.Reference] = row
	}
	return ""
}

func (s *Server) takenReferral(w http.ResponseWriter, field string) {
	sendStatus(w, http.StatusUnprocessableEntity, object{
		"message": "Validation failed: " + field + " " + taken, "errors": object{field: []string{taken}}, "code": "invalid_params",
	})
}

func (s *Server) createReferral(w http.ResponseWriter, r *http.Request) {
	b, ok := body[referralBody](w, r)
	switch {
	case !ok:
		return
	case b.Membership == nil:
		missing(w, "promoter_campaign_id")
		return
	case b.Email == nil && b.UID == nil:
		missing(w, "email")
		return
	}
	k, ok := memberships.at(*b.Membership, len(s.memberships))
	if !ok {
		notFound(w)
		return
	}
	m := s.memberships[k]
	i := len(s.world.Customers)
	c := world.Customer{Affiliate: m.affiliate, Campaign: m.campaign, At: s.now().UTC().Truncate(time.Second), State: world.Lead}
	if field := b.write(s, i, &c); field != "" {
		s.takenReferral(w, field)
		return
	}
	s.viaAPI[i] = true
	s.enter(c)
	send(w, s.referral(i))
}

// enter adds a customer, whose address and id were written before.
func (s *Server) enter(c world.Customer) {
	i := len(s.world.Customers)
	s.world.Customers = append(s.world.Customers, c)
	s.customersOf[c.Affiliate] = append(s.customersOf[c.Affiliate], int32(i))
	if s.kit.On(HoldReferrals) {
		s.inHand[i] = "pending"
	}
	s.countCustomer(i, 1)
	s.tellReferral("created", i, nil)
}

func (s *Server) updateReferral(w http.ResponseWriter, r *http.Request) {
	b, ok := body[referralBody](w, r)
	if !ok {
		return
	}
	i, ok := referrals.row(r.PathValue("id"), len(s.world.Customers))
	if !ok {
		notFound(w)
		return
	}
	if field := b.write(s, i, &s.world.Customers[i]); field != "" {
		s.takenReferral(w, field)
		return
	}
	s.tellReferral("updated", i, object{})
	send(w, s.referral(i))
}

// give makes a customer an affiliate's in a campaign. What was earned stays where it is. Its
// event is that of an update, as a user does it.
func (s *Server) give(row, affiliate, campaign int) {
	c := &s.world.Customers[row]
	all := func(sign int64) {
		s.countCustomer(row, sign)
		for k, sale := range s.world.Sales {
			if sale.Customer == row {
				s.countSale(k, sign)
			}
		}
	}
	all(-1)
	s.customersOf[c.Affiliate] = drop(slices.Clone(s.customersOf[c.Affiliate]), row)
	c.Affiliate, c.Campaign = affiliate, campaign
	s.customersOf[affiliate] = put(s.customersOf[affiliate], row)
	all(1)
	s.tellReferral("updated", row, object{})
}

// giveCommissions makes the direct commissions of a customer an affiliate's, but for those
// in payouts.
func (s *Server) giveCommissions(row, affiliate, campaign int) {
	for i := range s.world.Commissions {
		c := &s.world.Commissions[i]
		if c.Customer != row || c.Tier != 1 || c.Payout >= 0 {
			continue
		}
		settle := s.settling(c.Affiliate, affiliate)
		s.countCommission(i, -1)
		s.commissionsOf[c.Affiliate] = drop(s.commissionsOf[c.Affiliate], i)
		c.Affiliate, c.Campaign = affiliate, campaign
		s.commissionsOf[affiliate] = put(s.commissionsOf[affiliate], i)
		s.countCommission(i, 1)
		s.tellCommission("updated", i, object{})
		settle()
	}
}

func (s *Server) referralActions(mux *http.ServeMux) {
	type referralsBody struct {
		IDs             []int64
		Membership      *int64 `json:"promoter_campaign_id"`
		MoveCommissions bool   `json:"move_associated_commissions"`
	}
	action := func(name string, do func(i int, b referralsBody) string) {
		mux.HandleFunc("POST /referrals/"+name, func(w http.ResponseWriter, r *http.Request) {
			b, ok := body[referralsBody](w, r)
			if !ok {
				return
			}
			if name == "move_to_promoter" && b.Membership == nil {
				missing(w, "promoter_campaign_id")
				return
			}
			s.act(w, "referral/"+name, b.IDs, func(id int64) string {
				i, ok := referrals.at(id, len(s.world.Customers))
				if !ok {
					return notThere
				}
				return do(i, b)
			})
		})
	}
	// decide changes a state that not every referral may be in.
	decide := func(name string, may func(state string) bool, to string) {
		action(name, func(i int, _ referralsBody) string {
			if !may(s.referralState(i)) {
				return "Referral cannot be changed"
			}
			before := s.referralState(i)
			s.countCustomer(i, -1)
			if s.inHand[i] = to; to == "" && s.world.Customers[i].State == world.Denied {
				s.world.Customers[i].State = world.Lead
			}
			s.countCustomer(i, 1)
			s.tellReferral("updated", i, object{"state": []any{before, s.referralState(i)}})
			return ""
		})
	}
	decide("approve", func(state string) bool { return state == "pending" }, "")
	decide("disable", func(state string) bool { return state != "denied" }, "denied")
	decide("enable", func(state string) bool { return state == "denied" }, "")
	action("move_to_promoter", func(i int, b referralsBody) string {
		k, ok := memberships.at(*b.Membership, len(s.memberships))
		if !ok {
			return notThere
		}
		m := s.memberships[k]
		if s.give(i, m.affiliate, m.campaign); b.MoveCommissions {
			s.giveCommissions(i, m.affiliate, m.campaign)
		}
		return ""
	})
}
