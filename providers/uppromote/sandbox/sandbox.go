// Package sandbox speaks version 2 of UpPromote's public API over HTTP, telling of a seeded
// world.
//
// It keeps to the vendor's reference (https://aff-api.uppromote.com/docs/v2) and, where
// that is silent, to the most likely reading: newest first, unknown parameters ignored,
// filters joined by "and". Writes show at once and are never taken for a repetition. An
// approval, a refusal and a payment send two kinds of webhooks.
//
// What UpPromote has no word for is told in the words that it has: an affiliate is in one
// program, the main one; whoever was refused or banned is inactive; what is not paid yet is
// approved; rewards in points are left out.
//
// Switches, by [github.com/partnergraph/partnergraph/providers/sandbox.Kit.Set]:
//
//   - "ignore_payment_email": payments are not narrowed by affiliate_email.
//   - "one_element_arrays": a single record comes in an array.
//   - "no_referral_ids": payments, and what is owed, do not name their referrals.
//   - "payment_words": payments are told in all the words that are known for their states.
//   - "exact_address": affiliates are found by their address in lower case only, which is
//     how it is stored.
package sandbox

import (
	"net/http"
	"strconv"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// The names of the switches.
const (
	IgnorePaymentEmail = "ignore_payment_email"
	OneElementArrays   = "one_element_arrays"
	NoReferralIDs      = "no_referral_ids"
	PaymentWords       = "payment_words"
)

// APIKey is the one key that the simulator accepts.
const APIKey = "sandbox-uppromote-key"

// Server is a simulated store. It is safe for concurrent use.
type Server struct {
	*sandbox.Service
	now      func() time.Time
	store    *store
	webhooks *sandbox.Webhooks
}

var _ providers.Simulator = (*Server)(nil)

// New makes a simulator and its world.
func New(o providers.SandboxOptions) *Server {
	s := &Server{now: o.Now, store: newStore(sandbox.NewWorld(o.Size, o.Seed, o.Now()), o.Seed), webhooks: newWebhooks(o)}
	kit := sandbox.NewKit(sandbox.KitOptions{
		Now:    o.Now,
		Limit:  120, // of the store, whatever the key
		Window: time.Minute,
		TooMany: func(w http.ResponseWriter, _ time.Duration) {
			refuse(w, http.StatusTooManyRequests, "Too Many Attempts.")
		},
		Shape: sandbox.Shape{
			Page: "page", Size: "per_page", Mixed: []string{NoReferralIDs, PaymentWords},
			Lists: []sandbox.ListShape{
				{Path: "/programs"},
				{Path: "/affiliates"},
				{Path: "/coupons", Keep: []string{"coupon"}},
				{Path: "/referrals"},
				{
					Path:   "/payments/paid",
					Single: "/payments",
					ID:     "payment_id",
				},
				{Path: "/payments/unpaid", Single: "/payments/unpaid", ID: "affiliate_id"},
				{Path: "/webhook-subscriptions", ID: "event"},
			},
		},
	})
	s.store.on = kit.On
	s.Service = sandbox.NewService(
		kit,
		map[string]string{"api_key": APIKey},
		s.store.world.Currency,
		authorize,
		s.endpoints().Handler(refuseCall),
	)
	return s
}

// authorize answers a call without the bare key, and says that it did.
func authorize(w http.ResponseWriter, r *http.Request) (refused bool) {
	switch r.Header.Get("Authorization") {
	case APIKey:
		return false
	case "":
		sandbox.Answer(w, http.StatusUnauthorized, map[string]string{"message": "Token not provided"})
	default: // "Bearer" before the key as well
		sandbox.Answer(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
	}
	return true
}

// refuseCall answers what is no endpoint.
func refuseCall(w http.ResponseWriter, r *http.Request, status int) {
	message := "Not found"
	if status == http.StatusMethodNotAllowed {
		message = "The " + r.Method + " method is not supported for this route."
	}
	refuse(w, status, message)
}

// endpoints are those of the API.
func (s *Server) endpoints() sandbox.Endpoints {
	get := func(h http.HandlerFunc) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{http.MethodGet: h}
	}
	post := func(do func(*form) any) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{http.MethodPost: write(do)}
	}
	return sandbox.Endpoints{
		"/programs":               get(s.list(s.store.programs)),
		"/programs/{id}":          get(s.one("Program", s.store.programByID)),
		"/programs/{id}/excluded": get(s.excluded),
		"/affiliates": {
			http.MethodGet: s.list(s.store.affiliates), http.MethodPost: write(s.createAffiliate),
		},
		"/affiliates/{id}":                     get(s.one("Affiliate", s.store.affiliateByID)),
		"/affiliate/active":                    post(s.approve),
		"/affiliate/set-upline":                post(s.setUpline),
		"/affiliate/move-affiliate-to-program": post(s.move),
		"/affiliate/create-connect-customer":   post(s.connect),
		"/coupons":                             get(s.list(s.store.coupons)),
		"/coupons/assign":                      post(s.assign),
		"/referrals": {
			http.MethodGet: s.list(s.store.referrals), http.MethodPost: write(s.createReferral),
		},
		"/referrals/{id}":           get(s.one("Referral", s.store.referralByID)),
		"/referral/{id}/status":     post(s.judge),
		"/referral/{id}/adjustment": post(s.adjust),
		"/payments/unpaid":          get(s.list(s.narrowed(s.store.unpaid))),
		"/payments/paid":            get(s.list(s.narrowed(s.store.paid))),
		"/payments/total-paid":      get(s.totalPaid),
		"/payments/{id}":            get(s.one("Payment", s.store.paymentByID)),
		"/payments/mark-as-paid":    post(s.markPaid),
		"/webhook-subscriptions": {
			http.MethodGet: s.list(s.store.subscriptions), http.MethodPost: write(s.subscribe),
			http.MethodPut: write(s.resubscribe), http.MethodDelete: write(s.unsubscribe),
		},
	}
}

// selection is the rows of a list, newest first, that are made when they are sent.
type selection struct {
	n   int
	row func(i int) any
}

// pick makes a selection of rows by their indexes.
func pick[T any](indexes []int32, row func(i int) T) selection {
	return selection{len(indexes), func(i int) any { return row(int(indexes[i])) }}
}

// list answers a page of a list.
func (s *Server) list(rows func(*query) selection) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := newQuery(r.URL.Query())
		q.exact = s.Kit().On(sandbox.ExactAddress)
		page, size := q.number("page", 1, 1, 0), q.number("per_page", 10, 1, 100)
		all := rows(q)
		if q.refused(w) {
			return
		}
		data := []any{}
		if first := (page - 1) * size; page <= int64(all.n) { // which bounds the product
			for i := first; i < min(first+size, int64(all.n)); i++ {
				data = append(data, all.row(int(i)))
			}
		}
		success(w, data)
	}
}

// one answers a single record.
func (s *Server) one(noun string, find func(id int64) (any, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		row, ok := any(nil), false
		if err == nil {
			row, ok = find(id)
		}
		switch {
		case !ok:
			refuse(w, http.StatusNotFound, noun+" not found")
		case s.Kit().On(OneElementArrays):
			success(w, []any{row})
		default:
			success(w, row)
		}
	}
}

// narrowed takes the filter by e-mail address away while that is switched off.
func (s *Server) narrowed(rows func(*query) selection) func(*query) selection {
	return func(q *query) selection {
		if s.Kit().On(IgnorePaymentEmail) {
			q.values.Del("affiliate_email")
		}
		return rows(q)
	}
}

// totalPaid answers how many payments were made.
func (s *Server) totalPaid(w http.ResponseWriter, r *http.Request) {
	q := newQuery(r.URL.Query())
	total := s.narrowed(s.store.paid)(q).n
	if !q.refused(w) {
		success(w, map[string]int{"total": total})
	}
}

// excluded answers what a program does not count, which is nothing.
func (s *Server) excluded(w http.ResponseWriter, r *http.Request) {
	s.one("Program", func(id int64) (any, bool) {
		_, ok := s.store.programByID(id)
		return map[string][]any{"products": {}, "collections": {}}, ok
	})(w, r)
}

// success sends data in the envelope.
func success(w http.ResponseWriter, data any) {
	sandbox.Answer(w, http.StatusOK, struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	}{http.StatusOK, "success", data})
}

// refuse sends an error.
func refuse(w http.ResponseWriter, status int, message string) {
	sandbox.Answer(w, status, struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
	}{status, message})
}
