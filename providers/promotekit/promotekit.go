// Package promotekit reads and writes affiliate programs kept at PromoteKit, which runs them on top of Stripe.
//
// # Fact sheet
//
// Reference: https://www.promotekit.com/docs/api-reference
//
//   - Base URL: https://www.promotekit.com/api/v1, with the www; a redirect may lose the key.
//   - Key: "Authorization: Bearer <key>", from Settings → API Keys; one key is one organization.
//   - Replies: {"success": true, "data": …}; lists add "pagination", whose has_more ends a walk and
//     whose total_count counts what the filters leave. Errors: {"success": false, "error": {message, type}}.
//   - Paging: page from 1, limit at most 100. The order is not documented; newest first is assumed.
//   - Limit: 200 calls a minute for a key, then 429.
//   - Ids are UUIDs; times are RFC 3339 in UTC.
//   - Money: campaigns count whole currency units, as documented. Commissions and payouts are taken to
//     do so too (see [money]). Campaigns name no currency: the account's is assumed.
//   - Related records are embedded: a commission brings its affiliate, campaign, referral and payout.
//     Bare ids in their place are understood as well.
//   - An affiliate is in exactly one campaign, and so has exactly one membership.
//
// Gaps: a referral cannot be read by its id, so its id here holds the affiliate's too, whose list is
// walked. No endpoint takes several ids, a date or a sort order. There is no parent, balance, tier or
// approval of commissions; a payout exists once it is paid. The filters of GET /commissions are assumed,
// and watched (see [assumedFilter]). Webhooks are set up by hand.
//
// Writes: POST and PUT, where a PUT is taken to leave alone what it does not name. Nothing keeps a repeated POST from making a second row but the
// addresses and codes, which are taken to be unique; the statuses and words of refusals are not documented, so what a message names is
// looked for in it (see [namedFields]). A commission can be neither searched for nor told from an equal one: see [eventProof], [amountProof] and
// [noProof]. A new code takes the place of the first one. There is no parent, note on or state of a commission, order or payout to write.
package promotekit

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
)

const (
	name      = "promotekit"
	title     = "PromoteKit"
	reference = "https://www.promotekit.com/docs/api-reference"
	baseURL   = "https://www.promotekit.com/api/v1"
)

// Factory is PromoteKit as the program knows it.
var Factory = providers.Factory{
	Name:             name,
	Title:            title,
	DocumentationURL: reference,
	BaseURL:          baseURL,
	Credentials:      []string{"api_key"},
	Limit:            200,
	Window:           time.Minute,
	New:              New,
	Sandbox:          func(o providers.SandboxOptions) providers.Simulator { return sandbox.New(o) },
}

type provider struct {
	providers.Unsupported
	config providers.Config
	rest   *rest.Client

	// totals are the lengths of the whole lists, as the last page of each told them.
	totals map[providers.Noun]*tally

	// byAffiliate and byReferral are the assumed filters of GET /commissions.
	byAffiliate, byReferral *assumedFilter

	// bare says that some related record came as its id alone.
	bare atomic.Bool
}

var _ providers.Provider = (*provider)(nil)

// New makes the provider of one account. Nothing is sent.
func New(c providers.Config) (providers.Provider, error) {
	key := c.Credentials["api_key"]
	if key == "" {
		return nil, errors.New("promotekit: the credential api_key is missing")
	}
	p := &provider{
		config:      c,
		totals:      map[providers.Noun]*tally{},
		byAffiliate: commissionsByAffiliate(),
		byReferral:  commissionsByReferral(),
	}
	for _, n := range []providers.Noun{
		providers.NounAffiliate, providers.NounCampaign, providers.NounReferral, providers.NounCommission, providers.NounPayout,
	} {
		p.totals[n] = new(tally)
	}
	p.rest = rest.New(rest.Config{
		Account:   c.Account,
		Provider:  name,
		BaseURL:   strings.TrimSuffix(cmp.Or(c.BaseURL, baseURL), "/"),
		Header:    http.Header{"Authorization": {"Bearer " + key}},
		Timeout:   c.Timeout,
		UserAgent: c.UserAgent,
		Private:   private,
		Classify:  classify,
		HTTP:      c.HTTP,
		Logger:    c.Logger,
		Budget:    c.Budget,
		Now:       c.Now,
	})
	return p, nil
}

// private are the query parameters that hold somebody's e-mail address.
var private = []string{"email"}

// Account describes the account. Once a filter of GET /commissions was seen to be ignored, its
// capability is gone.
func (p *provider) Account() providers.Account {
	health := p.rest.Health()
	able := slices.DeleteFunc(slices.Clone(capabilities), func(c providers.Capability) bool {
		return c == p.byAffiliate.capability && p.byAffiliate.ignored.Load() ||
			c == p.byReferral.capability && p.byReferral.ignored.Load()
	})
	return providers.Account{
		Node:          providers.NewAccountNode(p.config.Account, p.config.Now()),
		Name:          p.config.Name,
		Provider:      providers.ProviderInfo{ID: name, Name: title, DocumentationURL: reference},
		CurrencyCode:  p.config.Currency,
		Capabilities:  able,
		Status:        health.Status,
		LastError:     health.LastError,
		LastSuccessAt: health.LastSuccessAt,
		RateLimit:     p.config.Budget.State(),
	}
}

// Ping reads one campaign, the smallest row there is.
func (p *provider) Ping(ctx context.Context) error {
	_, err := readRows[campaignWire](ctx, p, "/campaigns", nil, 1, 1)
	return err
}

// capabilities are those of an account whose assumed filters work, sorted.
var capabilities = []providers.Capability{
	providers.EdgeAffiliateClicks,
	providers.EdgeAffiliateCommissions,
	providers.EdgeAffiliatePayouts,
	providers.EdgeAffiliateReferrals,
	providers.CanAssignCoupon,
	providers.EdgeCampaignCommissions,
	providers.EdgeCampaignMemberships,
	providers.EdgeCampaignReferrals,
	providers.EdgeCommissionPayout,
	providers.EdgeCommissionReferral,
	providers.CountAffiliates,
	providers.CountCampaigns,
	providers.CountCommissions,
	providers.CountMemberships,
	providers.CountPaidPayouts,
	providers.CountPayouts,
	providers.CountReferrals,
	providers.CanCreateAffiliate,
	providers.CanCreateCampaign,
	providers.CanCreateCommission,
	providers.CanCreateReferral,
	providers.FilterAffiliatesByCampaign,
	providers.FilterAffiliatesByEmail,
	providers.FilterAffiliatesByPromoCode,
	providers.FilterAffiliatesByRefCode,
	providers.FilterCommissionsByAffiliate,
	providers.FilterCommissionsByReferral,
	providers.FilterPayoutsByAffiliate,
	providers.FilterReferralsByAffiliate,
	providers.FilterReferralsByCustomer,
	providers.FilterReferralsByEmail,
	providers.FilterReferralsByStatus,
	providers.CanListAffiliates,
	providers.CanListCampaigns,
	providers.CanListCommissions,
	providers.CanListCoupons,
	providers.CanListMemberships,
	providers.CanListPayouts,
	providers.CanListReferrals,
	providers.CanMoveAffiliate,
	providers.EdgePayoutCampaign,
	providers.EdgePayoutCommissions,
	providers.ReadRawRecord,
	providers.EdgeReferralCommissions,
	providers.CanSetAffiliateStatus,
	providers.CanUpdateAffiliate,
	providers.CanUpdateCampaign,
	providers.CanUpdateMembership,
}

// cost says what it takes to follow an edge.
type cost struct {
	reads    []providers.Noun // records, each read by id, or by a walk where that is nearer; or as many lists of the noun, likewise
	embedded bool             // they come with the row, unless the vendor sends bare ids
	walk     bool             // the vendor cannot narrow the list: all of it is searched
}

// unknownPages is how many pages a list is taken for whose length is not known yet.
const unknownPages = 10

// costs is the edge table; what is not in it costs nothing.
var costs = map[string]cost{
	"Query.affiliate":  {reads: []providers.Noun{providers.NounAffiliate}},
	"Query.membership": {reads: []providers.Noun{providers.NounAffiliate}},
	"Query.coupon":     {reads: []providers.Noun{providers.NounAffiliate}},
	"Query.campaign":   {reads: []providers.Noun{providers.NounCampaign}},
	"Query.referral":   {reads: []providers.Noun{providers.NounReferral}},
	"Query.commission": {reads: []providers.Noun{providers.NounCommission}},
	"Query.payout":     {reads: []providers.Noun{providers.NounPayout}},

	"Affiliate.referrals":   {reads: []providers.Noun{providers.NounReferral}},
	"Affiliate.commissions": {reads: []providers.Noun{providers.NounCommission}},
	"Affiliate.payouts":     {reads: []providers.Noun{providers.NounPayout}},
	"Campaign.memberships":  {reads: []providers.Noun{providers.NounAffiliate}},
	"Campaign.referrals":    {reads: []providers.Noun{providers.NounReferral}, walk: true},
	"Campaign.commissions":  {reads: []providers.Noun{providers.NounCommission}, walk: true},
	"Referral.commissions":  {reads: []providers.Noun{providers.NounCommission}},
	"Payout.commissions":    {reads: []providers.Noun{providers.NounCommission}},

	"Affiliate.campaign":   {reads: []providers.Noun{providers.NounCampaign}, embedded: true},
	"Membership.campaign":  {reads: []providers.Noun{providers.NounCampaign}, embedded: true},
	"Referral.affiliate":   {reads: []providers.Noun{providers.NounAffiliate}, embedded: true},
	"Referral.campaign":    {reads: []providers.Noun{providers.NounAffiliate, providers.NounCampaign}, embedded: true},
	"Commission.affiliate": {reads: []providers.Noun{providers.NounAffiliate}, embedded: true},
	"Commission.campaign":  {reads: []providers.Noun{providers.NounAffiliate, providers.NounCampaign}, embedded: true},
	"Commission.referral":  {reads: []providers.Noun{providers.NounReferral}, embedded: true},
	"Commission.payout":    {reads: []providers.Noun{providers.NounPayout}, embedded: true},
	"Payout.affiliate":     {reads: []providers.Noun{providers.NounAffiliate}, embedded: true},
	"Payout.campaign":      {reads: []providers.Noun{providers.NounAffiliate, providers.NounCampaign}, embedded: true},
	"Coupon.campaign":      {reads: []providers.Noun{providers.NounCampaign}, embedded: true},
}

// Calls is the price of an edge, by the table above.
func (p *provider) Calls(edge string, from providers.Rows, need ...string) (calls int) {
	n := from.Count
	c, bare := costs[edge], p.bare.Load()
	if c.embedded && !bare {
		return 0
	}
	if c.walk && n > 0 {
		if pages := p.totals[c.reads[0]].pages(); pages >= 0 {
			return max(pages, 1)
		}
		return unknownPages
	}
	for _, noun := range c.reads {
		calls += p.price(noun, n)
		if bare && strings.HasPrefix(edge, "Query.") && slices.Contains(ofCampaigns, noun) && needsCampaign(need) {
			calls += p.price(providers.NounAffiliate, n)
		}
	}
	return calls
}

// price is how many calls at most it takes to read n records by their ids.
func (p *provider) price(noun providers.Noun, n int) int {
	if pages := p.totals[noun].pages(); pages >= 0 {
		return min(n, max(pages, 1))
	}
	return n
}

// tally is the last known length of a list. The zero tally knows nothing.
type tally struct{ plusOne atomic.Int64 }

func (t *tally) set(total int64) { t.plusOne.Store(total + 1) }

// pages is the list's length in pages, -1 where it is not known.
func (t *tally) pages() int {
	total := t.plusOne.Load() - 1
	if total < 0 {
		return -1
	}
	return int((total + pageSize - 1) / pageSize)
}

// id is the id of a record of this account.
func (p *provider) id(noun providers.Noun, local string) providers.ID {
	return recordID(p.config.Account, noun, local)
}

// recordID is the zero ID where there is no record.
func recordID(account string, noun providers.Noun, local string) providers.ID {
	if local == "" {
		return providers.ID{}
	}
	return providers.ID{Account: account, Noun: noun, Local: local}
}

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// isUUID says whether a record may be called so. The vendor is taken to refuse a request about anything
// else, which therefore names no record and is never sent.
func isUUID(s string) bool { return uuidPattern.MatchString(s) }

// mine are those of ids that can name records of this noun and account.
func (p *provider) mine(noun providers.Noun, ids []providers.ID) []providers.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id providers.ID) bool {
		return id.Account != p.config.Account || id.Noun != noun || uuidOf(id) == ""
	})
}

// uuidOf is the UUID that the id of a record begins with; "" where it is no such id. Those of
// memberships, coupons and referrals have a second part.
func uuidOf(id providers.ID) string {
	n := 1
	switch id.Noun {
	case providers.NounMembership, providers.NounCoupon, providers.NounReferral:
		n = 2
	}
	if parts, ok := providers.SplitLocal(id.Local, n); ok && isUUID(parts[0]) {
		return parts[0]
	}
	return ""
}

// uuids are the vendor's ids in a filter, sorted, each once. ok is false where the filter names
// only records that are not of this account, so that nothing can match.
func (p *provider) uuids(noun providers.Noun, ids []providers.ID) (uuids []string, ok bool) {
	for _, id := range p.mine(noun, ids) {
		uuids = append(uuids, uuidOf(id))
	}
	slices.Sort(uuids)
	return slices.Compact(uuids), len(ids) == 0 || len(uuids) > 0
}

// canBe says whether a row that is in one of these states can match a filter by states.
func canBe[S comparable](wanted []S, states ...S) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(s S) bool { return slices.Contains(states, s) })
}

// with is query with one more parameter.
func with(query url.Values, name, value string) url.Values {
	q := url.Values{name: {value}}
	for k, v := range query {
		q[k] = v
	}
	return q
}
