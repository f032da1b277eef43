// Package uppromote reads and writes affiliate programs at UpPromote, the Shopify app,
// through version 2 of its public API.
//
// # Facts
//
//   - Base URL: https://aff-api.uppromote.com/api/v2. Version 1, of which most public
//     examples are, differs in all of this.
//   - Auth: "Authorization: <api_key>", the bare key, from Settings → Integrations; it
//     begins with pk_. One store is one account. A refused key is a 401, whose message is
//     "Unauthorized" or "Token not provided".
//   - Replies: {"status", "message", "data"}. A single record may come as an array of one,
//     and an empty object as []. No such record is a 422. Before the account has answered
//     any call, a 422 or 404 of a single record is not believed without a ping.
//   - Paging: page and per_page, at most 100. No totals and no next link. A store was seen
//     to give 10 rows a page whatever was asked for: only a page shorter than others, or an
//     empty one, is the last.
//   - Order: newest first. That is assumed, nothing says so.
//   - Limit: 120 calls in each minute of the clock, for all keys of a store together.
//     Failures count.
//   - Money: major units of the store's currency, which no endpoint tells: it is
//     configured. Text in referrals, numbers elsewhere.
//   - Zone: UTC, whole seconds. Filters by date take both bounds, or are refused.
//   - Words: payments are told in PayPal's words or those of the help pages, in any case.
//     Commission types are the three of the help pages. tracking_type is a text for people.
//   - A referral without an order is CUSTOM as long as it has none; the order may come later.
//   - Names: program is our Campaign; a referral is both our Referral (the order) and our
//     Commission (what was earned on it), under the same number; a payment is our Payout.
//
// # Gaps
//
//   - An affiliate is in exactly one program, so that a Membership is a part of the
//     affiliate's record, as old as that.
//   - Lists of referrals and payments are narrowed by an affiliate's e-mail address, not by
//     the id: it is looked up. That payments can be narrowed so is assumed; where it turns
//     out not to be so they are searched.
//   - What is not paid yet is an aggregate of each affiliate, computed when it is read. It
//     is a Payout that is DUE: its id names the affiliate's aggregate as it is now. Each
//     approved referral is part of it.
//   - A paid referral does not name its payment. The affiliate's payments name their
//     referrals. That they do so is assumed; where they do not, the commissions of a
//     payment, and the payout of a commission, are not known.
//   - Nothing filters by a referral's status, or affiliates by program or upline: those
//     lists are searched.
//   - A refund is a referral of its own with negative amounts and the order's id. Its
//     commission belongs to itself: of several referrals of an order nothing says which one
//     it takes back. Following an order to its commissions finds both.
//   - A coupon has a number, but is found by its affiliate and code only: affiliates'
//     records list bare codes.
//   - Programs of coupons and payments, clicks, and the addresses that people are paid at
//     are not told.
//   - Only payments can be counted.
//   - No endpoint takes several ids. Several affiliates, programs or payments are looked
//     for on the first page of their list, which goes on to be read while that takes fewer
//     calls; the rest take a call each.
//   - Actions name an affiliate by the e-mail address: it is read right before, and the
//     reply's affiliate compared.
//   - Nothing is written twice over: there is no key for that. What of writes can be
//     recognized afterwards says Proofs.
//   - Affiliates, programs and referrals cannot be changed otherwise than by the actions,
//     and nothing but a subscription deleted.
//
// API reference: https://aff-api.uppromote.com/docs/v2
package uppromote

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

const (
	name          = "uppromote" // the vendor's word in the configuration
	title         = "UpPromote"
	documentation = "https://aff-api.uppromote.com/docs/v2"
	baseURL       = "https://aff-api.uppromote.com/api/v2"
	apiKey        = "api_key" // the one credential
)

var vendor = providers.ProviderInfo{ID: name, Name: title, DocumentationURL: documentation}

// Factory is what the program knows of UpPromote.
var Factory = providers.Factory{
	Name:             name,
	Title:            title,
	DocumentationURL: documentation,
	BaseURL:          baseURL,
	Credentials:      []string{apiKey},
	Limit:            120, // https://aff-api.uppromote.com/docs/v2/api-overview-1615961m0
	Window:           time.Minute,
	New:              New,
	Sandbox:          func(o providers.SandboxOptions) providers.Simulator { return sandbox.New(o) },
	Hooks:            newHooks,
}

// provider is one account at UpPromote.
type provider struct {
	providers.Unsupported
	config  providers.Config
	client  *rest.Client
	extents map[string]*wire.Extent // of the vendor's lists, by path
	log     *wire.Log               // of odd replies
	emails  emailFilter             // of payments
	naming  naming                  // of payments: whether they name their referrals
}

var _ providers.Provider = (*provider)(nil)

// New makes the provider of one account. It makes no call; a missing credential is an error.
func New(c providers.Config) (providers.Provider, error) {
	if c.Credentials[apiKey] == "" {
		return nil, fmt.Errorf("account %s: %s needs the credential %q", c.Account, name, apiKey)
	}
	if c.Currency == "" {
		return nil, fmt.Errorf("account %s: %s does not tell a store's currency: it must be configured", c.Account, name)
	}
	r := rest.NewConfig(name, baseURL, c)
	r.Header = http.Header{"Authorization": {c.Credentials[apiKey]}} // no "Bearer"
	r.Private = []string{emailParam}
	r.Typed = []string{emailParam, "order_id", "from_date", "to_date"}
	r.Classify = classify
	p := &provider{config: c, extents: map[string]*wire.Extent{}, log: wire.NewLog(c.Logger, c.Account), client: rest.New(r)}
	for _, path := range []string{
		affiliateList.path, programList.path, referralList.path, couponList.path, unpaidList.path, paidList.path, webhookList.path,
	} {
		p.extents[path] = new(wire.Extent)
	}
	p.extents[paymentRecord.path] = p.extents[paidList.path]
	return p, nil
}

// capabilities are what every account can do, as long as payments are narrowed by e-mail address.
var capabilities = func() []providers.Capability {
	c := []providers.Capability{
		providers.CanListAffiliates, providers.CanListMemberships, providers.CanListCampaigns, providers.CanListReferrals,
		providers.CanListCommissions, providers.CanListPayouts, providers.CanListCoupons, providers.CanListWebhookSubscriptions,

		providers.EdgeAffiliateParent, providers.EdgeAffiliateChildren, providers.EdgeAffiliateBalances,
		providers.EdgeAffiliateReferrals, providers.EdgeAffiliateCommissions, providers.EdgeAffiliatePayouts,
		providers.EdgeCampaignMemberships, providers.EdgeCampaignReferrals, providers.EdgeCampaignCommissions,
		providers.EdgeReferralCommissions, providers.EdgeCommissionReferral, providers.EdgeCommissionPayout,
		providers.EdgePayoutCommissions,

		providers.FilterAffiliatesByStatus, providers.FilterAffiliatesByEmail,
		providers.FilterReferralsByAffiliate, providers.FilterReferralsByCampaign, providers.FilterReferralsByOrder,
		providers.FilterReferralsByDate,
		providers.FilterCommissionsByAffiliate, providers.FilterCommissionsByCampaign, providers.FilterCommissionsByReferral,
		providers.FilterCommissionsByPayout, providers.FilterCommissionsByOrder, providers.FilterCommissionsByDate,
		providers.FilterPayoutsByAffiliate, providers.FilterPayoutsByStatus,

		providers.CountPaidPayouts, providers.ReadRawRecord,
	}
	for _, proof := range proofs {
		c = append(c, proof.Mutation)
	}
	slices.Sort(c)
	return c
}()

// AccountID is the account's id.
func (p *provider) AccountID() string { return p.config.Account }

// Account describes the account.
func (p *provider) Account() providers.Account {
	can := slices.DeleteFunc(slices.Clone(capabilities), func(c providers.Capability) bool {
		switch c {
		case providers.FilterPayoutsByAffiliate:
			return p.emails.ignored()
		case providers.EdgeCommissionPayout:
			return p.naming.unlisted()
		case providers.EdgePayoutCommissions:
			return p.naming.never()
		}
		return false
	})
	return p.client.Describe(vendor, p.config, can)
}

// Ping reads one affiliate. Programs are fewer, but not every plan is known to have their
// endpoint.
func (p *provider) Ping(ctx context.Context) error {
	path := affiliateList.path
	_, _, err := get(ctx, p, rest.Request{Op: "GET " + path, Path: path, Query: url.Values{"per_page": {"1"}}}, isList[wireAffiliate])
	return err
}

// unknownPages is what a walk is taken to cost as long as the length of its list is not known.
const unknownPages = 3

// Calls is the price of edges: a call for each record, or the pages of the list that holds
// them all. Lists below a row take a call each; those that are searched are read once for
// all rows.
func (p *provider) Calls(edge providers.Edge, from providers.Rows, need ...string) int {
	n := from.Count
	if n <= 0 {
		return 0
	}
	// Each of n records by itself, or the list once its length is known.
	each := func(path string, n int) int {
		if pages := p.extents[path].Pages(); pages > 0 {
			return min(n, pages)
		}
		return n
	}
	// The same, where several are looked for on the first page of a list of unknown length, too.
	probe := func(path string) int {
		if pages := p.extents[path].Pages(); pages > 0 {
			return min(n, pages)
		}
		return n + providers.Tries(n)
	}
	walk := func(path string) int {
		if pages := p.extents[path].Pages(); pages >= 0 {
			return pages + 1 // which proves the end
		}
		return unknownPages
	}
	unless := func(stub *providers.Fields, calls int) int {
		if len(need) > 0 && stub.Covers(need...) {
			return 0
		}
		return calls
	}
	owners := min(n, from.Affiliates)
	tries := min(owners-1, 1) // of a list whose length is not known, if there is more than one affiliate
	settling := 0             // what it takes to learn which payments paid commissions: their affiliates' payments
	if needsPayout(need) && !p.naming.unlisted() {
		settling = each(paidList.path, owners) + tries
	}
	switch edge {
	case providers.ReferralAffiliateEdge, providers.CommissionAffiliateEdge:
		return unless(nameStub, probe(affiliateList.path))
	case providers.PayoutAffiliateEdge, providers.CouponAffiliateEdge, providers.AffiliateParentEdge:
		return unless(emailStub, probe(affiliateList.path))
	case providers.MembershipAffiliateEdge: // the row was read from it
		return 0
	case providers.AffiliateCampaignEdge, providers.MembershipCampaignEdge:
		return unless(namedProgramStub, probe(programList.path))
	case providers.ReferralCampaignEdge, providers.CommissionCampaignEdge:
		return unless(programStub, probe(programList.path))
	case providers.QueryCommissionsEdge:
		return settling
	case providers.CommissionPayoutEdge: // what is owed to the affiliate; what was paid came when the rows learnt of it
		return each(unpaidList.path, owners) + tries
	case providers.AffiliateReferralsEdge, providers.CampaignReferralsEdge: // within the list of all
		return n + providers.Tries(n)
	case providers.AffiliateCommissionsEdge, providers.CampaignCommissionsEdge:
		return n + providers.Tries(n) + settling
	case providers.PayoutCommissionsEdge: // and what they are, where lists of payments do not tell
		if p.naming.unlisted() && !p.naming.never() {
			return 2*n + settling
		}
		return n + providers.Tries(n) + settling
	case providers.ReferralCommissionsEdge: // the rows of each order, or the list that holds them all
		return each(referralList.path, n) + providers.Tries(n) + settling
	case providers.AffiliatePayoutsEdge:
		return each(unpaidList.path, n) + each(paidList.path, n)
	case providers.AffiliateChildrenEdge, providers.CampaignMembershipsEdge:
		return walk(affiliateList.path)
	case providers.AffiliateCouponsEdge:
		return unless(codeStub, walk(couponList.path))
	case providers.QueryAffiliateEdge, providers.QueryMembershipEdge:
		return probe(affiliateList.path)
	case providers.QueryCampaignEdge:
		return probe(programList.path)
	case providers.QueryReferralEdge:
		return each(referralList.path, n)
	case providers.QueryCommissionEdge:
		if settling == 0 {
			return each(referralList.path, n)
		}
		return each(referralList.path, n) + settling + min(n-1, 1)
	case providers.QueryPayoutEdge: // what is owed takes the affiliate's address
		return 2*n + tries
	case providers.QueryCouponEdge:
		if len(need) > 0 && codeStub.Covers(need...) {
			return probe(affiliateList.path)
		}
		return walk(couponList.path)
	case providers.QueryWebhookSubscriptionEdge:
		return 1
	default:
		return 0
	}
}
