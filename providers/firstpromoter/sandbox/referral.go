package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// referralState is the vendor's word; it has none for trials and for late payments.
func referralState(c world.Customer) string {
	switch {
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
	f.word("filters[state]", func(i int) string { return referralState(people[i]) })
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
		i, ok = s.byCustomer[strings.ToLower(id)]
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

// referral is a row of the list, with the fields of the vendor's example.
func (s *Server) referral(i int) object {
	c := s.world.Customers[i]
	source := "cookie"
	if c.ViaCoupon {
		source = "coupon"
	}
	return object{
		"id": referrals.of(i), "email": c.Email, "uid": given(c.Reference), "state": referralState(c), "metadata": object{},
		"entry_source": source, "created_at": stamp(c.At), "customer_since": stamp(c.FirstSale), "fraud_check": "no_suspicion",
		"created_by_user_email": nil, "promoter_campaign": s.owner(s.member[pair{c.Affiliate, c.Campaign}]),
	}
}
