// Package sandbox speaks PromoteKit's REST API v1 over HTTP, telling of a seeded world.
//
// It keeps to the vendor's reference (https://www.promotekit.com/docs/api-reference) and,
// where that is silent, to the most likely reading: statuses and types of errors, the order
// of lists (newest first, ties by id), unknown parameters ignored, filters joined by "and".
// What PromoteKit has no word for is left out of the world: second tiers, rewards in
// points, refused commissions, payouts that are not paid yet.
//
// Writes change what is told from then on, at once. E-mail addresses and codes are unique;
// nothing else keeps a call that is repeated from making a second row. Campaigns that give
// links only take no promo codes.
//
// Webhooks are sent for what the vendor names five events for; [Server.AddEndpoint] is what is
// done by hand at the vendor. Retries and their waits are assumed.
//
// Switches, by [github.com/partnergraph/partnergraph/providers/sandbox.Kit.Set]:
//
//   - "ids_only": related records are sent as their ids alone.
//   - "ignore_filters": GET /commissions ignores every filter.
//   - "ignore_email": GET /affiliates and GET /referrals ignore the filter by e-mail address.
//   - "oldest_campaigns": campaigns come oldest first, as the live API sends them.
//   - "exact_address": affiliates and referrals are found by their address in lower case
//     only, which is how it is stored.
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
	IDsOnly         = "ids_only"
	IgnoreFilters   = "ignore_filters"
	IgnoreEmail     = "ignore_email"
	OldestCampaigns = "oldest_campaigns"
)

// APIKey is the one key that the simulator accepts.
const APIKey = "sandbox-promotekit-key"

// Server is a simulated PromoteKit organization. It is safe for concurrent use.
type Server struct {
	*sandbox.Service
	now      func() time.Time
	program  *program
	webhooks *sandbox.Webhooks
}

var _ providers.Simulator = (*Server)(nil)

// New makes a simulator and its world.
func New(o providers.SandboxOptions) *Server {
	return serve(sandbox.NewWorld(o.Size, o.Seed, o.Now()), o)
}

func serve(w *sandbox.World, o providers.SandboxOptions) *Server {
	s := &Server{now: o.Now, program: newProgram(w, o.Seed), webhooks: newWebhooks(o)}
	kit := sandbox.NewKit(sandbox.KitOptions{
		Now:    o.Now,
		Limit:  200,
		Window: time.Minute,
		Key:    bearer,
		TooMany: func(w http.ResponseWriter, _ time.Duration) {
			fail(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests")
		},
		Shape: sandbox.Shape{
			Mixed: []string{OldestCampaigns},
			Page:  "page", Size: "limit", More: "pagination.has_more", Totals: []string{"pagination.total_count", "pagination.total_pages"},
			Lists: []sandbox.ListShape{
				{Path: "/affiliates", Keep: []string{"campaign", "promo_codes.code"}}, // they are memberships and coupons
				{Path: "/campaigns"}, {Path: "/referrals", Owner: "affiliate"}, {Path: "/commissions"}, {Path: "/payouts"},
			},
		},
	})
	p := s.program
	endpoints := sandbox.Endpoints{
		"/affiliates": {
			http.MethodGet: s.listAffiliates,
			http.MethodPost: create(s, http.StatusCreated, affiliateRecord,
				telling(s, "affiliate.created", affiliateKind, affiliateRecord, p.createAffiliate)),
		},
		"/affiliates/{id}": {
			http.MethodGet: one(s, affiliateRecord, p.affiliates),
			http.MethodPut: update(s, affiliateRecord, p.affiliates, s.updateAffiliate),
		},
		"/campaigns": {
			http.MethodGet:  s.listCampaigns,
			http.MethodPost: create(s, http.StatusCreated, campaignRecord, telling(s, "", campaignKind, campaignRecord, p.createCampaign)),
		},
		"/campaigns/{id}": {
			http.MethodGet: one(s, campaignRecord, p.campaigns),
			http.MethodPut: update(s, campaignRecord, p.campaigns, s.updateCampaign),
		},
		"/referrals": {
			http.MethodGet:  s.listReferrals,
			http.MethodPost: create(s, http.StatusOK, referralRecord, s.createReferral),
		},
		"/commissions": {
			http.MethodGet:  s.listCommissions,
			http.MethodPost: create(s, http.StatusCreated, commissionRecord, s.createCommission),
		},
		"/commissions/{id}": {http.MethodGet: one(s, commissionRecord, p.commissions)},
		"/payouts":          {http.MethodGet: s.listPayouts},
		"/payouts/{id}":     {http.MethodGet: one(s, payoutRecord, p.payouts)},
	}
	s.Service = sandbox.NewService(kit, map[string]string{"api_key": APIKey}, w.Currency, authorize, endpoints.Handler(refuse))
	return s
}

// authorize answers a call without the key, and says that it did.
func authorize(w http.ResponseWriter, r *http.Request) (refused bool) {
	if refused = bearer(r) != APIKey; refused {
		fail(w, http.StatusUnauthorized, "authentication_error", "Invalid API key")
	}
	return refused
}

// refuse answers what is no endpoint.
func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	if status == http.StatusMethodNotAllowed {
		fail(w, status, "method_not_allowed", "Method not allowed")
		return
	}
	notFound(w)
}

// bearer is the key of a call; "" where the header is missing or not a bearer's.
func bearer(r *http.Request) string {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return key
}
