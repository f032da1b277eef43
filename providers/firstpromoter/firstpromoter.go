// Package firstpromoter reads and writes affiliate programs at FirstPromoter, through the
// company API, version 2.
//
// # Facts
//
//   - Base URL: https://api.firstpromoter.com/api/v2/company. The host v2.firstpromoter.com
//     is equal to it.
//   - Auth: "Authorization: Bearer <api_key>" and "Account-ID: <account_id>" on every call,
//     from Settings → Integrations. One pair is one account. A refused key is a 401 without
//     a body. An account_id that names no account of the key is a 404 of every call: a 404
//     says that a record is not there only once a call of the account has succeeded.
//   - Paging: page and per_page, at most 100. No totals and no next link. Fewer rows than
//     asked for may come on every page, so that the end is an empty page, one that is
//     shorter than others were, or one that repeats the page before, as where page is
//     ignored.
//   - Order: newest first. Affiliates and commissions are asked for in it; elsewhere it is
//     assumed.
//   - Limit: 400 calls a minute and account are documented. An account was refused from
//     about 100 to 130, so that the budget is 100 unless configured. A 429 may name
//     Retry-After; clients that live with one that does not wait 15 seconds first, and
//     twice as long each time.
//   - Money: integers in cents of the account's currency, which no endpoint tells: it is
//     configured. A sale tracked in another currency is also given in that. Only the unit
//     "cash" is money.
//   - Lists are bare arrays; that of promoters is an object with "data". Either is read
//     everywhere. Refusals have "message" or "error", "code", and "errors" by field. A
//     look-up by find_by that finds nothing is a 404 or a 422, and POST /promoters with an
//     unknown campaign a 400.
//   - Null: a referral or commission may have no promoter_campaign, or one without a
//     promoter; a custom commission no referral. Null, too, may be uid, ref_token,
//     customer_since, the texts of a profile, and period_start of a payout.
//     original_sale_currency null is the account's.
//   - Words: status of commissions has three, unit six, commission_type two. is_paid goes
//     over status.
//   - Balances come as units, and live ones as buckets of units.
//   - Filters stand in brackets, one parameter each; as JSON they have no effect. That
//     several values of one take "[]" is assumed.
//   - Zone: UTC, to the second or the millisecond. Filters by date take whole days, both
//     ends included.
//   - Customers that were given to another promoter have the address "… (moved)". The mark
//     is no part of it.
//   - Names: promoter is our Affiliate, promoter_campaign our Membership, promo code our
//     Coupon; a "reward" is the rule that makes commissions.
//
// # Gaps
//
//   - Archived promoters are left out of lists unless AffiliateArchived is asked for; by id
//     they are read one by one.
//   - A list does not say who an affiliate's parent is; reading it takes one call an
//     affiliate, except below a known parent.
//   - A membership cannot be read by its id, so the id also holds the promoter's.
//     Memberships of a campaign are looked for in the list of all.
//   - A commission does not name its payout. It is known where the payout's commissions
//     were listed. A filter by several payouts takes a call for each, at most limits.calls:
//     how the parameter takes several is not known, and no row would show whether the
//     vendor kept to it.
//   - There is no filter for the commissions of a referral: the customer's id or else
//     address is searched for. (Those of its promoter would not do: shares of parents and
//     splits belong to others.)
//   - A promo code names a membership and no promoter: to learn whose it is takes a call
//     each. Archived codes are not shown. Those of several promoters are read from the list
//     of all where that takes fewer calls than a list for each of their memberships.
//   - Campaigns have neither dates nor states. What they pay stands in the account's rewards.
//   - Nothing can be counted, and there are no orders.
//
// # Writes
//
//   - Updates are PUTs of the fields that change. States are changed by actions on many
//     records, here on one each, by their ids alone. Up to five are promised to be done
//     when the answer comes; an answer 202 is followed by GET /batch_processes/{id} until
//     the end. That ids alone are enough has been seen of accept, add_to_campaign and
//     assign_parent.
//   - Nothing marks a write as sent before: equal ones are made twice. Of commissions the
//     event id can be searched for, so that one that names no event gets an id made from
//     the idempotency key. What has an address or a code of its own is looked for before.
//   - The amount of a commission never changes. An adjustment is a custom commission,
//     signed, in the same membership.
//   - A payout is marked as paid with whatever is in it at that moment: its commissions are
//     read just before.
//   - What the pages do not say is assumed: that an affiliate is in the new campaign after
//     a move, that custom commissions may be negative, and that a created commission's date
//     may be given as a day.
//
// Introduction: https://docs.firstpromoter.com/api-reference-v2/api-admin/introduction
package firstpromoter

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// What New and Factory both tell.
const (
	name             = "firstpromoter" // the vendor's word in the configuration
	title            = "FirstPromoter"
	documentationURL = "https://docs.firstpromoter.com/api-reference-v2/api-admin/introduction"
	baseURL          = "https://api.firstpromoter.com/api/v2/company"
)

var credentials = []string{"api_key", "account_id"}

var vendor = providers.ProviderInfo{ID: name, Name: title, DocumentationURL: documentationURL}

// Factory is what the program knows of FirstPromoter.
var Factory = providers.Factory{
	Name:             name,
	Title:            title,
	DocumentationURL: documentationURL,
	BaseURL:          baseURL,
	Credentials:      credentials,
	Limit:            100, // the vendor documents 400; see the package documentation
	Window:           time.Minute,
	New:              New,
	Sandbox:          func(o providers.SandboxOptions) providers.Simulator { return sandbox.New(o) },
	Hooks:            newHooks,
}

// provider is one account at FirstPromoter.
type provider struct {
	providers.Unsupported
	config    providers.Config
	client    *rest.Client
	log       *wire.Log
	extents   sync.Map      // of *wire.Extent, by the path of the endpoint
	pollEvery time.Duration // between two looks at an action in the background
}

var _ providers.Provider = (*provider)(nil)

// New makes the provider of one account. It makes no call; a missing credential is an error.
func New(c providers.Config) (providers.Provider, error) {
	for _, n := range credentials {
		if c.Credentials[n] == "" {
			return nil, fmt.Errorf("account %s: %s needs the credential %q", c.Account, name, n)
		}
	}
	if c.Currency == "" {
		return nil, fmt.Errorf("account %s: %s does not tell an account's currency: it must be configured", c.Account, name)
	}
	r := rest.NewConfig(name, baseURL, c)
	r.Header = http.Header{
		"Authorization": {"Bearer " + c.Credentials["api_key"]},
		"Account-Id":    {c.Credentials["account_id"]},
	}
	r.FirstWait = 15 * time.Second // where a 429 names none
	r.Private = []string{"q"}      // people are searched for by their addresses
	r.Typed = typed
	r.Classify = classify
	return &provider{config: c, log: wire.NewLog(c.Logger, c.Account), pollEvery: pollEvery, client: rest.New(r)}, nil
}

// capabilities are what every account can do. That referrals can be filtered by campaign is not
// documented for the list but for its schema; rows are checked again in any case.
var capabilities = func() []providers.Capability {
	c := []providers.Capability{
		providers.CanListAffiliates, providers.CanListMemberships, providers.CanListCampaigns, providers.CanListReferrals,
		providers.CanListCommissions, providers.CanListPayouts, providers.CanListCoupons, providers.CanListWebhookSubscriptions,

		providers.EdgeAffiliateParent, providers.EdgeAffiliateChildren, providers.EdgeAffiliateBalances, providers.EdgeAffiliateClicks,
		providers.EdgeAffiliateReferrals, providers.EdgeAffiliateCommissions, providers.EdgeAffiliatePayouts,
		providers.EdgeCampaignMemberships, providers.EdgeCampaignReferrals, providers.EdgeCampaignCommissions,
		providers.EdgeReferralCommissions, providers.EdgeCommissionReferral, providers.EdgePayoutCommissions, providers.EdgePayoutCampaign,

		providers.FilterAffiliatesByCampaign, providers.FilterAffiliatesByStatus, providers.FilterAffiliatesByEmail,
		providers.FilterAffiliatesByRefCode, providers.FilterAffiliatesByPromoCode, providers.FilterAffiliatesBySearch,
		providers.FilterReferralsByAffiliate, providers.FilterReferralsByCampaign, providers.FilterReferralsByStatus,
		providers.FilterReferralsByEmail, providers.FilterReferralsByCustomer, providers.FilterReferralsByDate,
		providers.FilterReferralsBySearch, providers.FilterReferralsByConverted,
		providers.FilterCommissionsByAffiliate, providers.FilterCommissionsByCampaign, providers.FilterCommissionsByReferral,
		providers.FilterCommissionsByPayout, providers.FilterCommissionsByStatus, providers.FilterCommissionsByEvent,
		providers.FilterCommissionsByDate,
		providers.FilterPayoutsByAffiliate, providers.FilterPayoutsByCampaign, providers.FilterPayoutsByStatus,

		providers.ReadRawRecord,
	}
	for _, r := range proofs { // every mutation has one
		c = append(c, r.Mutation)
	}
	slices.Sort(c)
	return slices.Compact(c)
}()

// AccountID is the account's id.
func (p *provider) AccountID() string { return p.config.Account }

// Account describes the account.
func (p *provider) Account() providers.Account {
	return p.client.Describe(vendor, p.config, slices.Clone(capabilities))
}

// Ping reads one campaign: a short list that every account has.
func (p *provider) Ping(ctx context.Context) error { return p.client.Get(ctx, accountProbe()) }

// Calls is the price of edges, by how the records are read: a hundred ids a call for most.
// Archived promoters, which take a call more each, are not foreseen: an estimate that did
// would be a hundred times too high.
func (p *provider) Calls(edge providers.Edge, from providers.Rows, need ...string) int {
	n := from.Count
	if n <= 0 {
		return 0
	}
	hundreds := (n + pageSize - 1) / pageSize
	affiliates := hundreds
	if needsParent(need) {
		affiliates = n
	}
	campaigns := 1
	if needsRewards(need) { // to the end of their list, which repeats where it has no pages
		campaigns += 1 + providers.MaxRepeats
	}
	owned := n
	if needsOwner(need) {
		owned = 2 * n
	}
	unless := func(stub *providers.Fields, calls int) int {
		if len(need) > 0 && stub.Covers(need...) {
			return 0
		}
		return calls
	}
	switch edge {
	case providers.MembershipAffiliateEdge,
		providers.ReferralAffiliateEdge,
		providers.CommissionAffiliateEdge,
		providers.PayoutAffiliateEdge:
		return unless(affiliateStub, affiliates)
	case providers.AffiliateCampaignEdge,
		providers.MembershipCampaignEdge,
		providers.ReferralCampaignEdge,
		providers.CommissionCampaignEdge,
		providers.PayoutCampaignEdge:
		return unless(campaignStub, campaigns)
	case providers.AffiliateParentEdge: // each row again, with its parent's stub
		return n + unless(affiliateStub, affiliates)
	case providers.CommissionReferralEdge:
		return unless(referralStub, hundreds)
	case providers.CouponAffiliateEdge: // each row again, with its owner, who comes whole
		return 2 * n
	case providers.CouponCampaignEdge:
		return 2*n + unless(campaignStub, campaigns)
	case providers.QueryAffiliateEdge:
		return affiliates
	case providers.QueryCampaignEdge:
		return campaigns
	case providers.QueryMembershipEdge: // through their promoters, who may all be archived
		if n == 1 {
			return 1
		}
		return hundreds + n
	case providers.QueryReferralEdge, providers.QueryCommissionEdge, providers.QueryPayoutEdge, providers.CommissionPayoutEdge:
		return hundreds
	case providers.AffiliateReferralsEdge,
		providers.AffiliateCommissionsEdge,
		providers.AffiliatePayoutsEdge,
		providers.ReferralCommissionsEdge: // within a longer list
		return n + providers.Tries(n)
	case providers.AffiliateChildrenEdge,
		providers.CampaignMembershipsEdge,
		providers.CampaignReferralsEdge,
		providers.CampaignCommissionsEdge,
		providers.PayoutCommissionsEdge:
		return n
	case providers.AffiliateCouponsEdge: // to the end for each membership, and most have one; or the list of all
		if pages := codeList.extent(p).Pages(); n > 1 && pages >= 0 && pages <= 1 {
			return pages + 1
		}
		return 2*n + 2*min(n-1, 1)
	case providers.QueryCouponEdge:
		return owned
	case providers.QueryWebhookSubscriptionEdge:
		return n
	default:
		return 0
	}
}
