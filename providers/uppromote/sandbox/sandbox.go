// Package sandbox speaks version 2 of UpPromote's public API over HTTP, telling of a seeded world.
//
// It keeps to the vendor's reference (https://aff-api.uppromote.com/docs/v2) and, where that is silent, to the most
// likely reading: newest first, unknown parameters ignored, filters joined by "and". Writes show at once, are never taken
// for a repetition, and no webhook is sent. What UpPromote has no word for is told in the words that it has: an affiliate is in one program, the main one; whoever was
// refused or banned is inactive; what is not paid yet is approved; rewards in points are left out.
//
// Switches, by [github.com/partnergraph/partnergraph/providers/sandbox.Kit.Set]:
//
//   - "ignore_payment_email": payments are not narrowed by affiliate_email.
//   - "one_element_arrays": a single record comes in an array.
//   - "no_referral_ids": payments, and what is owed, do not name their referrals.
//   - "payment_words": payments are told in all the words that are known for their states.
//   - "exact_address": affiliates are found by their address in lower case only, which is how it is stored.
package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	kit     *sandbox.Kit
	now     func() time.Time
	mu      sync.RWMutex // of the store: see locked
	store   *store
	handler http.Handler
}

var _ providers.Simulator = (*Server)(nil)

// New makes a simulator and its world.
func New(o providers.SandboxOptions) *Server {
	s := &Server{now: o.Now, store: newStore(sandbox.NewWorld(o.Size, o.Seed, o.Now()), o.Seed)}
	s.kit = sandbox.NewKit(sandbox.KitOptions{
		Now:    o.Now,
		Limit:  120, // of the store, whatever the key
		Window: time.Minute,
		TooMany: func(w http.ResponseWriter, _ time.Duration) {
			refuse(w, http.StatusTooManyRequests, "Too Many Attempts.")
		},
		Shape: sandbox.Shape{
			Page: "page", Size: "per_page", Mixed: []string{NoReferralIDs, PaymentWords},
			Lists: []sandbox.ListShape{
				{Path: "/programs"}, {Path: "/affiliates"}, {Path: "/coupons", Keep: []string{"coupon"}}, {Path: "/referrals"},
				{Path: "/payments/paid", Single: "/payments", ID: "payment_id"}, {Path: "/payments/unpaid", Single: "/payments/unpaid", ID: "affiliate_id"},
				{Path: "/webhook-subscriptions", ID: "event"},
			},
		},
	})
	s.store.on = s.kit.On
	s.handler = s.kit.Handler(authorized(s.locked(s.routes())))
	return s
}

// locked lets one write at a time to the store, and no read meanwhile. The kit has read the body before.
func (s *Server) locked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			s.mu.RLock()
			defer s.mu.RUnlock()
		} else {
			s.mu.Lock()
			defer s.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP answers a call. Paths are those below the vendor's base URL.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Credentials are those that the simulator accepts.
func (s *Server) Credentials() map[string]string { return map[string]string{"api_key": APIKey} }

// Currency is that of the store.
func (s *Server) Currency() string { return s.store.world.Currency }

// Kit is what tests and demonstrations steer the simulator by.
func (s *Server) Kit() *sandbox.Kit { return s.kit }

// authorized lets calls with the bare key through.
func authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case APIKey:
			next.ServeHTTP(w, r)
		case "":
			answer(w, http.StatusUnauthorized, map[string]string{"message": "Token not provided"})
		default: // "Bearer" before the key as well
			answer(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
		}
	})
}

// routes are the endpoints.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not found") })
	methods := map[string]map[string]http.HandlerFunc{} // by path
	handle := func(method, path string, h http.HandlerFunc) {
		if methods[path] == nil {
			methods[path] = map[string]http.HandlerFunc{}
			mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
				if h := methods[path][r.Method]; h != nil {
					h(w, r)
					return
				}
				w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(methods[path])), ", "))
				refuse(w, http.StatusMethodNotAllowed, "The "+r.Method+" method is not supported for this route.")
			})
		}
		methods[path][method] = h
	}
	get := func(path string, h http.HandlerFunc) { handle(http.MethodGet, path, h) }
	get("/programs", s.list(s.store.programs))
	get("/programs/{id}", s.one("Program", s.store.programByID))
	get("/programs/{id}/excluded", s.excluded)
	get("/affiliates", s.list(s.store.affiliates))
	get("/affiliates/{id}", s.one("Affiliate", s.store.affiliateByID))
	get("/coupons", s.list(s.store.coupons))
	get("/referrals", s.list(s.store.referrals))
	get("/referrals/{id}", s.one("Referral", s.store.referralByID))
	get("/payments/unpaid", s.list(s.narrowed(s.store.unpaid)))
	get("/payments/paid", s.list(s.narrowed(s.store.paid)))
	get("/payments/total-paid", s.totalPaid)
	get("/payments/{id}", s.one("Payment", s.store.paymentByID))
	get("/webhook-subscriptions", s.list(s.store.subscriptions))
	post := func(path string, do func(*form) any) { handle(http.MethodPost, path, write(do)) }
	post("/affiliates", s.createAffiliate)
	post("/affiliate/active", s.approve)
	post("/affiliate/set-upline", s.setUpline)
	post("/affiliate/move-affiliate-to-program", s.move)
	post("/affiliate/create-connect-customer", s.connect)
	post("/coupons/assign", s.assign)
	post("/referrals", s.createReferral)
	post("/referral/{id}/status", s.judge)
	post("/referral/{id}/adjustment", s.adjust)
	post("/payments/mark-as-paid", s.markPaid)
	post("/webhook-subscriptions", s.subscribe)
	handle(http.MethodPut, "/webhook-subscriptions", write(s.resubscribe))
	handle(http.MethodDelete, "/webhook-subscriptions", write(s.unsubscribe))
	return mux
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
		q.exact = s.kit.On(sandbox.ExactAddress)
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
		case s.kit.On(OneElementArrays):
			success(w, []any{row})
		default:
			success(w, row)
		}
	}
}

// narrowed takes the filter by e-mail address away while that is switched off.
func (s *Server) narrowed(rows func(*query) selection) func(*query) selection {
	return func(q *query) selection {
		if s.kit.On(IgnorePaymentEmail) {
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

// answer sends a body.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who went away needs no answer
}

// success sends data in the envelope.
func success(w http.ResponseWriter, data any) {
	answer(w, http.StatusOK, struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	}{http.StatusOK, "success", data})
}

// refuse sends an error.
func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
	}{status, message})
}
