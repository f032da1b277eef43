package sandbox

import (
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

func (s *Server) listAffiliates(w http.ResponseWriter, r *http.Request) {
	q := query{Values: r.URL.Query()}
	campaign, byCampaign := q.uuid("campaign_id", s.program.campaigns)
	email, code, promo := s.emailFilter(&q), q.Get("ref_code"), q.Get("promo_code")
	list(s, w, q, s.program.affiliates.order, affiliateRecord, func(i int32) bool {
		a := &s.program.world.Affiliates[i]
		return (!byCampaign || len(a.Campaigns) > 0 && a.Campaigns[0] == campaign) &&
			(email == "" || s.same(a.Email, email)) &&
			(code == "" || slices.ContainsFunc(s.program.links(int(i)), func(l link) bool { return strings.EqualFold(l.Code, code) })) &&
			(promo == "" || slices.ContainsFunc(s.program.promoCodes(int(i)), func(c promoCode) bool {
				return strings.EqualFold(c.Code, promo)
			}))
	})
}

func (s *Server) listCampaigns(w http.ResponseWriter, r *http.Request) {
	order := s.program.campaigns.order
	if s.Kit().On(OldestCampaigns) {
		order = slices.Clone(order)
		slices.Reverse(order)
	}
	list(s, w, query{Values: r.URL.Query()}, order, campaignRecord, nil)
}

func (s *Server) listReferrals(w http.ResponseWriter, r *http.Request) {
	q := query{Values: r.URL.Query()}
	order := s.program.referrals.order
	if a, ok := q.uuid("affiliate_id", s.program.affiliates); ok {
		order = s.program.referralsOf[int32(a)]
	}
	email, customer, states := s.emailFilter(&q), q.Get("stripe_customer_id"), q.states("subscription_status")
	var keep func(int32) bool
	if email != "" || customer != "" || states != nil {
		keep = func(i int32) bool {
			c := &s.program.world.Customers[i]
			return (email == "" || s.same(c.Email, email)) &&
				(customer == "" || c.Reference == customer) &&
				(states == nil || slices.Contains(states, s.program.subscription(int(i))))
		}
	}
	list(s, w, q, order, referralRecord, keep)
}

// listCommissions has the filters that the vendor is assumed to have.
func (s *Server) listCommissions(w http.ResponseWriter, r *http.Request) {
	q := query{Values: r.URL.Query()}
	order := s.program.commissions.order
	var keep func(int32) bool
	if !s.Kit().On(IgnoreFilters) {
		affiliate, byAffiliate := q.uuid("affiliate_id", s.program.affiliates)
		if byAffiliate {
			order = s.program.commissionsOf[int32(affiliate)]
		}
		if referral, ok := q.uuid("referral_id", s.program.referrals); ok {
			order = s.program.commissionsFor[int32(referral)]
			if byAffiliate {
				keep = func(i int32) bool { return s.program.world.Commissions[i].Affiliate == affiliate }
			}
		}
	}
	list(s, w, q, order, commissionRecord, keep)
}

func (s *Server) listPayouts(w http.ResponseWriter, r *http.Request) {
	q := query{Values: r.URL.Query()}
	order := s.program.payouts.order
	if a, ok := q.uuid("affiliate_id", s.program.affiliates); ok {
		order = s.program.payoutsOf[int32(a)]
	}
	list(s, w, q, order, payoutRecord, nil)
}

func (s *Server) view() view {
	return view{s.program, s.Kit().On(IDsOnly), s.Kit().On(sandbox.ExactAddress)}
}

// emailFilter is the address that rows have to have; "" for any.
func (s *Server) emailFilter(q *query) string {
	if email := q.email("email"); !s.Kit().On(IgnoreEmail) {
		return email
	}
	return ""
}

// same says whether an address is the one that was asked for.
func (s *Server) same(address, asked string) bool {
	if s.Kit().On(sandbox.ExactAddress) {
		return strings.ToLower(address) == asked
	}
	return strings.EqualFold(address, asked)
}

// one answers a read by id.
func one[R any](s *Server, record func(view, int) R, t *table) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !uuidPattern.MatchString(id) {
			invalid(w, "id must be a valid UUID")
			return
		}
		i, ok := t.find(id)
		if !ok {
			notFound(w)
			return
		}
		sandbox.Answer(w, http.StatusOK, map[string]any{"success": true, "data": record(s.view(), i)})
	}
}

type pagination struct {
	Page       int  `json:"page"`
	Limit      int  `json:"limit"`
	TotalCount int  `json:"total_count"`
	TotalPages int  `json:"total_pages"`
	HasMore    bool `json:"has_more"`
}

// list answers a page of the rows in this order that are kept; a nil keep keeps all.
func list[R any](s *Server, w http.ResponseWriter, q query, order []int32, record func(view, int) R, keep func(int32) bool) {
	page, limit := q.integer("page", 1, 1<<31), q.integer("limit", 10, 100)
	if q.bad != "" {
		invalid(w, q.bad)
		return
	}
	if keep != nil {
		order = slices.DeleteFunc(slices.Clone(order), func(i int32) bool { return !keep(i) })
	}
	total := len(order)
	from, to := min((page-1)*limit, total), min(page*limit, total)
	data := make([]R, 0, to-from)
	v := s.view()
	for _, i := range order[from:to] {
		data = append(data, record(v, int(i)))
	}
	sandbox.Answer(w, http.StatusOK, map[string]any{
		"success":    true,
		"data":       data,
		"pagination": pagination{page, limit, total, (total + limit - 1) / limit, to < total},
	})
}

// query reads parameters and keeps the first complaint. Unknown parameters are ignored.
type query struct {
	url.Values
	bad string
}

func (q *query) complain(format string, args ...any) {
	if q.bad == "" {
		q.bad = fmt.Sprintf(format, args...)
	}
}

func (q *query) integer(name string, absent, most int) int {
	s := q.Get(name)
	if s == "" {
		return absent
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		q.complain("%s must be an integer between 1 and %d", name, most)
	}
	return n
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// uuid is the row that a parameter names: -1, which no row refers to, where there is none
// of this id.
func (q *query) uuid(name string, t *table) (row int, ok bool) {
	s := q.Get(name)
	if s == "" {
		return 0, false
	}
	if !uuidPattern.MatchString(s) {
		q.complain("%s must be a valid UUID", name)
	}
	if i, ok := t.find(s); ok {
		return i, true
	}
	return -1, true
}

func (q *query) email(name string) string {
	s := q.Get(name)
	if s != "" {
		if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
			q.complain("%s must be a valid email", name)
		}
	}
	return s
}

// states are the words of a comma-separated parameter.
func (q *query) states(name string) (words []string) {
	s := q.Get(name)
	if s == "" {
		return nil
	}
	for word := range strings.SplitSeq(s, ",") {
		if !slices.Contains([]string{"signed_up", "active", "trialing", "canceled", "past_due"}, word) {
			q.complain("%s must be one of signed_up, active, trialing, canceled, past_due", name)
		}
		words = append(words, word)
	}
	return words
}

func notFound(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, "not_found", "Resource not found")
}

func invalid(w http.ResponseWriter, message string) {
	fail(w, http.StatusBadRequest, "validation_error", message)
}

// fail answers the vendor's error envelope. The vendor lists neither its types nor, 429
// apart, its statuses: these are the likely ones.
func fail(w http.ResponseWriter, status int, kind, message string) {
	sandbox.Answer(w, status, map[string]any{"success": false, "error": map[string]string{"message": message, "type": kind}})
}
