// Package promotekit reads and writes affiliate programs kept at PromoteKit, which runs
// them on top of Stripe.
//
// # Fact sheet
//
// Reference: https://www.promotekit.com/docs/api-reference
//
//   - Base URL: https://www.promotekit.com/api/v1, with the www; a redirect may lose the key.
//   - Key: "Authorization: Bearer <key>", from Settings → API Keys; it begins with pk_. One
//     key is one organization.
//   - Replies: {"success": true, "data": …}; lists add "pagination" with has_more,
//     total_count (of what the filters leave) and total_pages. A list goes on if any of
//     them says so. Errors: {"success": false, "error": {message, type}}.
//   - Paging: page from 1, limit at most 100. There is no sort parameter. Live replies have
//     affiliates newest first and campaigns oldest first; of the other lists newest first
//     is assumed. What one page of campaigns holds is sorted here; several pages stay in
//     the vendor's order.
//   - Limit: 200 calls a minute for a key, then 429.
//   - Ids are UUIDs. Times are RFC 3339; live ones have the offset +00:00 and up to six
//     decimals, as PostgREST writes them, which also writes dates alone and times without a
//     zone: these are UTC.
//   - Money: whole currency units, as documented of campaigns and seen live in commissions
//     and payouts (see [money]). Campaigns name no currency: the account's is assumed.
//   - Texts: payout_email may be null and a last name empty. Codes keep their case, and an
//     affiliate may have no link. An account's currency codes are taken to be lower case,
//     and are read in any.
//   - Words: subscription_status has five. Of payout_status not_paid and paid are assumed;
//     any other is UNKNOWN. The period of a payout is a text for people.
//   - Related records are embedded: a commission brings its affiliate, campaign, referral
//     and payout. Any of them may be null. One that comes in part, or as its id alone,
//     knows no more than it carries.
//   - An affiliate is in exactly one campaign, and so has exactly one membership.
//
// Gaps: a referral cannot be read by its id, so its id here holds the affiliate's too,
// whose list is walked. A row that says it has no affiliate has an id that says so; one
// whose affiliate cannot be read has no id, and counts as unread. No endpoint takes several
// ids, a date or a sort order. There is no parent, balance, tier or approval of
// commissions; a payout exists once it is paid. The filters of GET /commissions are
// assumed, and watched (see [assumedFilter]). Where the filter by e-mail address is
// ignored, a write that needs it reads the list to its end, within limits.pages (see
// [emailSearch]). Webhooks are set up by hand, for five events, and no signature of theirs
// is known. Nothing can be deleted.
//
// Writes: POST and PUT, where a PUT is taken to leave alone what it does not name. Nothing
// keeps a repeated POST from making a second row but the addresses and codes, which are
// taken to be unique; the statuses and words of refusals are not documented, so what a
// message names is looked for in it (see [namedFields]). A commission can be neither
// searched for nor told from an equal one: see [eventProof], [amountProof] and [noProof]. A
// new code takes the place of the first one. There is no parent, note on or state of a
// commission, order or payout to write.
package promotekit

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
)

const (
	name      = "promotekit"
	title     = "PromoteKit"
	reference = "https://www.promotekit.com/docs/api-reference"
	baseURL   = "https://www.promotekit.com/api/v1"
)

var vendor = providers.ProviderInfo{ID: name, Name: title, DocumentationURL: reference}

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
	Hooks:            newHooks,
}

type provider struct {
	providers.Unsupported
	config providers.Config
	rest   *rest.Client

	log *wire.Log

	// extents are the page sizes and lengths of the lists, as their replies showed them.
	extents map[providers.Noun]*wire.Extent

	// byAffiliate and byReferral are the assumed filters of GET /commissions.
	byAffiliate, byReferral *assumedFilter

	// partial are the related records that came in part, or as their ids alone.
	partial partials

	// walked is what the last walk of all referrals found.
	walked *walkedReferrals
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
		log:         wire.NewLog(c.Logger, c.Account),
		extents:     map[providers.Noun]*wire.Extent{},
		byAffiliate: commissionsByAffiliate(),
		byReferral:  commissionsByReferral(),
		walked:      newWalkedReferrals(),
	}
	for _, n := range []providers.Noun{
		providers.NounAffiliate, providers.NounCampaign, providers.NounReferral, providers.NounCommission, providers.NounPayout,
	} {
		p.extents[n] = new(wire.Extent)
	}
	r := rest.NewConfig(name, baseURL, c)
	r.Header = http.Header{"Authorization": {"Bearer " + key}}
	r.Private = private
	r.Typed = []string{emailParameter, "ref_code", "promo_code", "stripe_customer_id"}
	r.Classify = classify
	p.rest = rest.New(r)
	return p, nil
}

// private are the query parameters that hold somebody's e-mail address.
var private = []string{emailParameter}

const emailParameter = "email"

// AccountID is the account's id.
func (p *provider) AccountID() string { return p.config.Account }

// Account describes the account. Once a filter of GET /commissions was seen to be ignored, its
// capability is gone.
func (p *provider) Account() providers.Account {
	able := slices.DeleteFunc(slices.Clone(capabilities), func(c providers.Capability) bool {
		return c == p.byAffiliate.capability && p.byAffiliate.ignored.Load() ||
			c == p.byReferral.capability && p.byReferral.ignored.Load()
	})
	return p.rest.Describe(vendor, p.config, able)
}

// Ping reads one campaign, the smallest row there is.
func (p *provider) Ping(ctx context.Context) error {
	_, err := readRows[record](ctx, p, "/campaigns", nil, 1, 1)
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
	embedded bool             // they come with the row, unless the vendor sends less of them than is needed
	walk     bool             // the vendor cannot narrow the list: all of it is searched
	rows     bool             // the records are the rows themselves, which may lack their campaigns
	lists    bool             // each row has a list, and the first page of the longer list that holds them all is tried first
}

// unknownPages is how many pages a list is taken for whose length is not known yet.
const unknownPages = 3

// costs is the edge table; what is not in it costs nothing.
var costs = map[providers.Edge]cost{
	providers.QueryAffiliateEdge:  {reads: []providers.Noun{providers.NounAffiliate}},
	providers.QueryMembershipEdge: {reads: []providers.Noun{providers.NounAffiliate}},
	providers.QueryCouponEdge:     {reads: []providers.Noun{providers.NounAffiliate}},
	providers.QueryCampaignEdge:   {reads: []providers.Noun{providers.NounCampaign}},
	providers.QueryReferralEdge:   {reads: []providers.Noun{providers.NounReferral}},
	providers.QueryCommissionEdge: {reads: []providers.Noun{providers.NounCommission}},
	providers.QueryPayoutEdge:     {reads: []providers.Noun{providers.NounPayout}},

	providers.QueryReferralsEdge:   {reads: []providers.Noun{providers.NounReferral}, rows: true},
	providers.QueryCommissionsEdge: {reads: []providers.Noun{providers.NounCommission}, rows: true},
	providers.QueryPayoutsEdge:     {reads: []providers.Noun{providers.NounPayout}, rows: true},

	providers.AffiliateReferralsEdge:   {reads: []providers.Noun{providers.NounReferral}, lists: true},
	providers.AffiliateCommissionsEdge: {reads: []providers.Noun{providers.NounCommission}, lists: true},
	providers.AffiliatePayoutsEdge:     {reads: []providers.Noun{providers.NounPayout}, lists: true},
	providers.CampaignMembershipsEdge:  {reads: []providers.Noun{providers.NounAffiliate}, lists: true},
	providers.CampaignReferralsEdge:    {reads: []providers.Noun{providers.NounReferral}, walk: true},
	providers.CampaignCommissionsEdge:  {reads: []providers.Noun{providers.NounCommission}, walk: true},
	providers.ReferralCommissionsEdge:  {reads: []providers.Noun{providers.NounCommission}, lists: true},
	providers.PayoutCommissionsEdge:    {reads: []providers.Noun{providers.NounCommission}, lists: true},

	providers.AffiliateCampaignEdge:   {reads: []providers.Noun{providers.NounCampaign}, embedded: true},
	providers.MembershipCampaignEdge:  {reads: []providers.Noun{providers.NounCampaign}, embedded: true},
	providers.ReferralAffiliateEdge:   {reads: []providers.Noun{providers.NounAffiliate}, embedded: true},
	providers.ReferralCampaignEdge:    {reads: []providers.Noun{providers.NounAffiliate, providers.NounCampaign}, embedded: true},
	providers.CommissionAffiliateEdge: {reads: []providers.Noun{providers.NounAffiliate}, embedded: true},
	providers.CommissionCampaignEdge:  {reads: []providers.Noun{providers.NounAffiliate, providers.NounCampaign}, embedded: true},
	providers.CommissionReferralEdge:  {reads: []providers.Noun{providers.NounReferral}, embedded: true},
	providers.CommissionPayoutEdge:    {reads: []providers.Noun{providers.NounPayout}, embedded: true},
	providers.PayoutAffiliateEdge:     {reads: []providers.Noun{providers.NounAffiliate}, embedded: true},
	providers.PayoutCampaignEdge:      {reads: []providers.Noun{providers.NounAffiliate, providers.NounCampaign}, embedded: true},
	providers.CouponCampaignEdge:      {reads: []providers.Noun{providers.NounCampaign}, embedded: true},
}

// Calls is the price of an edge, by the table above.
func (p *provider) Calls(edge providers.Edge, from providers.Rows, need ...string) (calls int) {
	c, n := costs[edge], from.Count
	if n == 0 || len(c.reads) == 0 {
		return 0
	}
	to := c.reads[len(c.reads)-1]
	noCampaign := p.partial.lack(providers.NounAffiliate, "campaign")
	switch {
	case c.walk:
		calls = p.walkPrice(to)
	case edge == providers.QueryReferralEdge: // what is not with the affiliate in its id is looked for among all
		calls = p.price(to, n) + p.walkPrice(to)
	case c.rows: // they are there
	case !c.embedded || p.partial.lack(to, need...) || len(c.reads) > 1 && noCampaign:
		for _, noun := range c.reads {
			if noun == to || noCampaign {
				calls += p.price(noun, n)
			}
		}
		if c.lists && calls == n && n > 1 {
			calls++
		}
	default:
		return 0
	}
	if noCampaign && slices.Contains(affiliated, to) && needsCampaign(need) {
		calls += p.price(providers.NounAffiliate, max(from.Affiliates, 1))
	}
	return calls
}

// walkPrice is how many calls a walk of a whole list takes.
func (p *provider) walkPrice(noun providers.Noun) int {
	if pages := p.extents[noun].Pages(); pages >= 0 {
		return max(pages, 1)
	}
	return unknownPages
}

// price is how many calls at most it takes to read n records by their ids.
func (p *provider) price(noun providers.Noun, n int) int {
	if pages := p.extents[noun].Pages(); pages >= 0 {
		return min(n, max(pages, 1))
	}
	return n
}

// id is the id of a record of this account.
func (p *provider) id(noun providers.Noun, local string) providers.ID {
	return recordID(p.config.Account, noun, local)
}

// recordID is the zero ID where local is empty: there is no record.
func recordID(account string, noun providers.Noun, local string) providers.ID {
	if local == "" {
		return providers.ID{}
	}
	return providers.ID{Account: account, Noun: noun, Local: local}
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// isUUID says whether a record may be called so. The vendor is taken to refuse a request
// about anything else, which therefore names no record and is never sent.
func isUUID(s string) bool { return uuidPattern.MatchString(s) }

// canonicalID is a UUID in lower case, and any other text as it is. The vendor may spell an id in
// either case, and not in the same one everywhere.
func canonicalID(s string) string {
	if lower := strings.ToLower(s); isUUID(lower) {
		return lower
	}
	return s
}

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
