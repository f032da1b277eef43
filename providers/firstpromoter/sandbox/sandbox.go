// Package sandbox simulates FirstPromoter's company API, version 2, over real HTTP: reads
// of a seeded world, and the writes that the client makes, which change it. Anything else
// answers 404.
//
// Where the vendor documents nothing, the simulator does what the client has to expect: 20
// rows a page and at most 100, newest first; archived promoters left out unless asked for;
// unknown parameters ignored; a 401 without a body; a rolling minute of 400 calls an
// account. An account id that names no account of the key answers 404.
//
// A write is seen by every read that comes after it. Equal writes make equal records, as
// the vendor knows no keys of writes, unless an address or a code would stand twice.
// Actions on up to five records are done when they are answered; with [Background] all of
// them are done two calls later.
//
// A change of a state sends two events: that of an update, and that of the state.
//
// The kit's switches are [NoRetryAfter], [NestedBalances], [Background], [HoldReferrals],
// [Moved] and [world.ExactAddress].
package sandbox

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// The switches of this simulator; see [world.Kit.Set].
const (
	NoRetryAfter   = "no_retry_after"  // a 429 does not say when to try again
	NestedBalances = "nested_balances" // a promoter's balances stand in buckets
	Background     = "background"      // actions on records are answered before they are done
	HoldReferrals  = "hold_referrals"  // referrals that are made wait for an approval
	Moved          = "moved"           // one customer in five was moved: " (moved)" follows their address wherever it is told
)

// The credentials that every simulated account accepts.
const (
	apiKey    = "fp_sandbox_key"
	accountID = "acc_123456"
)

// Server is a simulated account. It is safe for concurrent use.
type Server struct {
	mu sync.RWMutex // guards all of index; held for the whole of a call
	*index
	begun   atomic.Int64 // actions in the background that are not done
	now     func() time.Time
	kit     *world.Kit
	handler http.Handler

	sender *world.Webhooks // of what changes, and its log
	seed   uint64
	events int // so far, which their ids are made of
}

var _ providers.Simulator = (*Server)(nil)

// New makes a simulated account. The large world takes a few seconds.
func New(o providers.SandboxOptions) *Server {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	s := &Server{now: now, index: newIndex(world.NewWorld(o.Size, o.Seed, now())), seed: o.Seed, sender: newWebhooks(now, o.Seed)}
	s.kit = world.NewKit(world.KitOptions{
		Now: now, Limit: 400, Window: time.Minute, Rolling: true,
		Key: func(r *http.Request) string { return r.Header.Get("Account-ID") },
		TooMany: func(w http.ResponseWriter, wait time.Duration) {
			if !s.kit.On(NoRetryAfter) {
				w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			}
			w.WriteHeader(http.StatusTooManyRequests)
		},
		Shape: world.Shape{
			Page: "page", Size: "per_page", Mixed: []string{Moved},
			Lists: []world.ListShape{
				{Path: "/promoters"}, {Path: "/promoter_campaigns"}, {Path: "/campaigns"}, {Path: "/referrals"}, {Path: "/commissions"},
				{Path: "/payouts"}, {Path: "/promo_codes", Keep: []string{"code"}, Since: "archived_at"}, // archived ones are no coupons
				{Path: "/webhooks"}, {Path: "/rewards"},
			},
		},
	})
	s.handler = s.kit.Handler(authorized(s.locked(s.routes())))
	return s
}

// Kit is what the simulator is served with: faults, latency, switches and the log of calls.
func (s *Server) Kit() *world.Kit { return s.kit }

// World is what the simulator tells of. Writes change it: nobody may be making one.
func (s *Server) World() *world.World { return s.world }

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Credentials are those that are accepted.
func (s *Server) Credentials() map[string]string {
	return map[string]string{"api_key": apiKey, "account_id": accountID}
}

// Currency is that of the amounts.
func (s *Server) Currency() string { return s.world.Currency }

func authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer "+apiKey:
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("Account-ID") != accountID:
			notFound(w)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /promoters", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		data := rows(q, s.promoters(q), func(i int) object { return s.promoter(i, q, false) })
		send(w, object{"data": data, "meta": object{"pending_count": s.waiting()}})
	})
	mux.HandleFunc("GET /promoters/{id}", s.getPromoter)
	mux.HandleFunc("GET /promoter_campaigns", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		send(w, rows(q, &filter{q: q, n: len(s.memberships)}, s.membership))
	})
	mux.HandleFunc("GET /promoter_campaigns/search", s.searchMemberships)
	mux.HandleFunc("GET /campaigns", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		send(w, rows(q, &filter{q: q, n: len(s.world.Campaigns)}, s.campaign))
	})
	mux.HandleFunc("GET /campaigns/{id}", s.single(campaigns, func() int { return len(s.world.Campaigns) }, nil, s.campaign))
	mux.HandleFunc("GET /rewards", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("scope") == "referrals" {
			send(w, []object{})
			return
		}
		send(w, s.rewards())
	})
	mux.HandleFunc("GET /referrals", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		send(w, rows(q, s.referrals(q), s.referral))
	})
	mux.HandleFunc("GET /referrals/{id}", s.getReferral)
	mux.HandleFunc("GET /commissions", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		send(w, rows(q, s.commissions(q), s.commission))
	})
	mux.HandleFunc("GET /payouts", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		send(w, rows(q, s.payouts(q), s.payout))
	})
	mux.HandleFunc("GET /payouts/stats", s.payoutStats)
	mux.HandleFunc("GET /payouts/due_stats", s.dueStats)
	mux.HandleFunc("GET /payouts/group_by_promoters", s.payoutsByPromoter)
	mux.HandleFunc("GET /promo_codes", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		send(w, rows(q, s.promoCodes(q), s.promoCode))
	})
	mux.HandleFunc("GET /promo_codes/{id}", s.single(codes, func() int { return len(s.codes) }, nil, s.promoCode))
	mux.HandleFunc("GET /webhooks", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		send(w, rows(q, &filter{q: q, n: len(s.webhooks), size: 25, tests: []func(int) bool{s.kept}}, s.webhook))
	})
	mux.HandleFunc("GET /webhooks/{id}", s.single(webhooks, func() int { return len(s.webhooks) }, s.kept, s.webhook))
	s.writes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound(w) })
	return mux
}

// object is a JSON object.
type object = map[string]any

func send(w http.ResponseWriter, body any) { sendStatus(w, http.StatusOK, body) }

func sendStatus(w http.ResponseWriter, status int, body any) { world.Answer(w, status, body) }

func notFound(w http.ResponseWriter) {
	sendStatus(w, http.StatusNotFound, object{"message": "Record not found", "code": "not_found"})
}

func invalid(w http.ResponseWriter, message string) {
	sendStatus(w, http.StatusUnprocessableEntity, object{"message": message, "code": "invalid_params"})
}

// single serves one record by its number, unless it is gone.
func (s *Server) single(kind number, n func() int, kept func(int) bool, row func(int) object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if i, ok := kind.row(r.PathValue("id"), n()); ok && (kept == nil || kept(i)) {
			send(w, row(i))
			return
		}
		notFound(w)
	}
}

// number is where the vendor's numbers of a kind of record begin: that of a row is this and
// its place.
type number int64

// The kinds of record. None is like another, so that a mistaken one is not found.
const (
	campaigns   number = 28_001
	rewards     number = 157_001
	promoters   number = 8_200_001
	memberships number = 14_800_001
	referrals   number = 29_200_001
	commissions number = 113_500_001
	payouts     number = 2_700_001
	codes       number = 510_001
	webhooks    number = 901
	processes   number = 7_001
)

func (n number) of(row int) int64 { return int64(n) + int64(row) }

func (n number) row(id string, rows int) (int, bool) {
	v, err := strconv.ParseInt(id, 10, 64)
	i := v - int64(n)
	return int(i), err == nil && i >= 0 && i < int64(rows)
}

// stamp is a time as the vendor writes it; null for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// given is a text; null for "".
func given(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// yes reads a flag.
func yes(s string) bool { return s == "true" || s == "yes" }

// filter says which rows of a table a call asks for.
type filter struct {
	q     url.Values
	n     int     // rows of the table, numbered from 0, oldest first
	from  []int32 // those that may match, in the same order; used if part
	part  bool
	size  int // rows of a page that is not said how long; 0 for 20
	tests []func(i int) bool
	sorts map[string]func(i int) int64
}

func (f *filter) test(t func(i int) bool) { f.tests = append(f.tests, t) }

// narrow looks at these rows only.
func (f *filter) narrow(from []int32) { f.from, f.part = from, true }

// values are those of a parameter, spelled with or without "[]".
func (f *filter) values(param string) []string {
	return append(append([]string(nil), f.q[param]...), f.q[param+"[]"]...)
}

// ids narrows to the rows with these numbers.
func (f *filter) ids(kind number) {
	asked := f.values("ids")
	if len(asked) == 0 {
		return
	}
	wanted := map[int]bool{}
	for _, id := range asked {
		if i, ok := kind.row(id, f.n); ok {
			wanted[i] = true
		}
	}
	f.narrow(sorted(wanted))
}

// refers narrows to the rows that refer to one of these records, of which there are n.
// rows, if there is such an index, are those that refer to one.
func (f *filter) refers(param string, kind number, n int, to func(i int) int, rows func(key int) []int32) {
	asked := f.values(param)
	if len(asked) == 0 {
		return
	}
	wanted := map[int]bool{}
	for _, id := range asked {
		if k, ok := kind.row(id, n); ok {
			wanted[k] = true
		}
	}
	f.test(func(i int) bool { return wanted[to(i)] })
	if rows != nil && len(asked) == 1 && !f.part {
		f.narrow(nil)
		for k := range wanted {
			f.narrow(rows(k))
		}
	}
}

// word narrows to rows with one of these words.
func (f *filter) word(param string, of func(i int) string) {
	if asked := f.values(param); len(asked) > 0 {
		f.test(func(i int) bool {
			for _, a := range asked {
				if of(i) == a {
					return true
				}
			}
			return false
		})
	}
}

// flag narrows to rows of which something holds, or does not.
func (f *filter) flag(param string, of func(i int) bool) {
	if f.q.Has(param) {
		want := yes(f.q.Get(param))
		f.test(func(i int) bool { return of(i) == want })
	}
}

// days narrows to rows of these days of UTC, the last included.
func (f *filter) days(param string, of func(i int) time.Time) {
	if from, err := time.Parse(time.DateOnly, f.q.Get(param+"[from]")); err == nil {
		f.test(func(i int) bool { return !of(i).Before(from) })
	}
	if to, err := time.Parse(time.DateOnly, f.q.Get(param+"[to]")); err == nil {
		f.test(func(i int) bool { t := of(i); return !t.IsZero() && t.Before(to.AddDate(0, 0, 1)) })
	}
}

// search narrows to rows with the text in one of theirs.
func (f *filter) search(of func(i int) []string) {
	q := f.q.Get("q")
	if q == "" {
		return
	}
	f.test(func(i int) bool {
		for _, t := range of(i) {
			if contains(t, q) {
				return true
			}
		}
		return false
	})
}

// contains looks for a part without regard to case, and without making a copy of each of a
// million texts.
func contains(text, part string) bool {
	for i := 0; i+len(part) <= len(text); i++ {
		if text[i]|0x20 == part[0]|0x20 && strings.EqualFold(text[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

func (f *filter) match(i int) bool {
	for _, t := range f.tests {
		if !t(i) {
			return false
		}
	}
	return true
}
