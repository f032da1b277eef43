// Package sandbox speaks PromoteKit's REST API v1 over HTTP, telling of a seeded world.
//
// It keeps to the vendor's reference (https://www.promotekit.com/docs/api-reference) and, where
// that is silent, to the most likely reading: statuses and types of errors, the order of lists (newest first,
// ties by id), unknown parameters ignored, filters joined by "and". What PromoteKit has no word for is left out of
// the world: second tiers, rewards in points, refused commissions, payouts that are not paid yet.
//
// Switches, by [github.com/partnergraph/partnergraph/providers/sandbox.Kit.Set]:
//
//   - "ids_only": related records are sent as their ids alone.
//   - "ignore_filters": GET /commissions ignores every filter.
package sandbox

import (
	"net/http"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// The names of the switches.
const (
	IDsOnly       = "ids_only"
	IgnoreFilters = "ignore_filters"
)

// APIKey is the one key that the simulator accepts.
const APIKey = "sandbox-promotekit-key"

// Server is a simulated PromoteKit organization. It is safe for concurrent use.
type Server struct {
	kit     *sandbox.Kit
	program *program
	handler http.Handler
}

var _ providers.Simulator = (*Server)(nil)

// New makes a simulator and its world.
func New(o providers.SandboxOptions) *Server {
	return serve(sandbox.NewWorld(o.Size, o.Seed, o.Now()), o)
}

func serve(w *sandbox.World, o providers.SandboxOptions) *Server {
	s := &Server{program: newProgram(w, o.Seed)}
	s.kit = sandbox.NewKit(sandbox.KitOptions{
		Now:    o.Now,
		Limit:  200,
		Window: time.Minute,
		Key:    bearer,
		TooMany: func(w http.ResponseWriter, _ time.Duration) {
			fail(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests")
		},
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { notFound(w) })
	get := func(path string, h func(http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				w.Header().Set("Allow", http.MethodGet)
				fail(w, http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed")
				return
			}
			h(w, r)
		})
	}
	get("/affiliates", s.listAffiliates)
	get("/affiliates/{id}", one(s, affiliateRecord, s.program.affiliates))
	get("/campaigns", s.listCampaigns)
	get("/campaigns/{id}", one(s, campaignRecord, s.program.campaigns))
	get("/referrals", s.listReferrals)
	get("/commissions", s.listCommissions)
	get("/commissions/{id}", one(s, commissionRecord, s.program.commissions))
	get("/payouts", s.listPayouts)
	get("/payouts/{id}", one(s, payoutRecord, s.program.payouts))
	s.handler = s.kit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if bearer(r) != APIKey {
			fail(w, http.StatusUnauthorized, "authentication_error", "Invalid API key")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	return s
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Credentials are those that the simulator accepts.
func (s *Server) Credentials() map[string]string { return map[string]string{"api_key": APIKey} }

// Currency is that of all amounts.
func (s *Server) Currency() string { return s.program.world.Currency }

// Kit switches faults, latency and the package's switches, and logs the calls.
func (s *Server) Kit() *sandbox.Kit { return s.kit }

// bearer is the key of a call; "" where the header is missing or not a bearer's.
func bearer(r *http.Request) string {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return key
}
