package firstpromoter

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// promoterList is GET /promoters: the promoters that are not archived, newest first.
// Payment details are never asked for; that the list takes that parameter too is assumed.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoters/get-available-promoters
//
//api:operation GET /promoters
var promoterList = endpoint[wirePromoter, providers.Affiliate]{
	noun: providers.NounAffiliate, path: "/promoters",
	always:  url.Values{"exclude_payout_method": {"true"}, "sorting[joined_at]": {"desc"}},
	convert: (*reply).affiliate, core: affiliateCore,
}

// promoterOne is GET /promoters/{id}: one promoter, archived or not, with the parent.
// find_by makes it a look-up by another field than the id.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoters/openapi-v2-promoters.json
//
//api:operation GET /promoters/{id}
var promoterOne = endpoint[wirePromoter, providers.Affiliate]{
	noun: providers.NounAffiliate, path: "/promoters", convert: (*reply).wholeAffiliate, core: affiliateCore,
}

// withParent goes with every read of one promoter.
var withParent = url.Values{"exclude_payout_method": {"true"}, "include_parent_promoter": {"true"}}

// wirePromoter is a promoter, without what must not be read: the address by which a
// password is set, payout methods, tax forms, VAT ids.
type wirePromoter struct {
	wire.Members
	ID      int64   `json:"id"`
	Email   *string `json:"email"`
	Name    *string `json:"name"`
	Note    *string `json:"note"`
	Profile *struct {
		FirstName   *string `json:"first_name"`
		LastName    *string `json:"last_name"`
		Description *string `json:"description"`
	} `json:"profile"`
	Stats *struct {
		ClicksCount *int64 `json:"clicks_count"`
	} `json:"stats"`
	Balances       wireBalances             `json:"balances"`
	JoinedAt       *time.Time               `json:"joined_at"`
	ArchivedAt     optional[time.Time]      `json:"archived_at"`
	Memberships    []wireMembership         `json:"promoter_campaigns"`
	ParentPromoter wire.Related[wirePerson] `json:"parent_promoter"`
}

// wirePerson is a promoter as other records carry it.
type wirePerson struct {
	wire.Members
	ID    int64   `json:"id"`
	Email *string `json:"email"`
	Name  *string `json:"name"`
}

// WireID is the promoter's number.
func (w wirePerson) WireID() string { return wireID(w.ID) }

// wireID is a number of the vendor's; "" for none.
func wireID(n int64) string {
	if n <= 0 {
		return ""
	}
	return decimal(n)
}

// wireBalances are a promoter's balances: documented as units → amount, and seen as buckets →
// units → amount too. What is neither is left out.
type wireBalances map[string]byName[providers.Decimal]

// UnmarshalJSON reads either form; the flat one as the bucket of what is owed now.
func (b *wireBalances) UnmarshalJSON(raw []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	*b = wireBalances{}
	for name, value := range members {
		if value[0] == '{' {
			var bucket byName[providers.Decimal]
			if err := bucket.UnmarshalJSON(value); err != nil {
				return err
			}
			(*b)[name] = bucket
			continue
		}
		var amount providers.Decimal
		if _, err := wire.Decode(value, &amount); err != nil || !amount.Set {
			continue
		}
		if (*b)[owedNow] == nil {
			(*b)[owedNow] = byName[providers.Decimal]{}
		}
		(*b)[owedNow][name] = amount
	}
	return nil
}

// owedNow is the bucket of what is owed now.
const owedNow = "current_balance"

// balanceBuckets are the vendor's names of balances.
var balanceBuckets = vocabulary[providers.BalanceStatus]{
	{owedNow, providers.BalanceCurrent},
	{"pending_balance", providers.BalancePending},
	{"earnings_balance", providers.BalanceEarned},
	{"paid_balance", providers.BalancePaid},
}

// affiliateStates are what the states of memberships make of the affiliate: the best counts.
var affiliateStates = vocabulary[providers.AffiliateStatus]{
	{"accepted", providers.AffiliateActive},
	{"pending", providers.AffiliatePending},
	{"inactive", providers.AffiliateInactive},
	{"blocked", providers.AffiliateBanned},
	{"rejected", providers.AffiliateRejected},
}

// elsewhere stands for a member that no record has: the field is read in another way.
const elsewhere = "-"

// What a promoter inside another record knows: the edges that need the id alone, and what
// is sent of it.
var (
	affiliateEdges = []string{"providerId", "referrals", "commissions", "payouts", "children"}
	affiliateKnown = wire.NewKnowledge(affiliateEdges, map[string]string{"email": "email", "name": "name", "status": elsewhere})
	affiliateStub  = providers.Only(append([]string{"email", "name"}, affiliateEdges...)...) // as documented, for estimates
)

// affiliateCore is what every promoter of a list has.
var affiliateCore = &wire.Core{
	Members: []string{"email", "name", "stats", "balances", "profile", "joined_at", "promoter_campaigns"},
	Knowledge: wire.NewKnowledge(append([]string{"payoutEmail"}, affiliateEdges...), map[string]string{
		"createdAt": "joined_at", "email": "email", "name": "name", "firstName": "profile", "lastName": "profile", "note": "profile",
		"internalNote": "note", "clicks": "stats", "balances": "balances", "status": "promoter_campaigns",
		"providerStatus": "promoter_campaigns", "memberships": "promoter_campaigns", "campaign": "promoter_campaigns",
		"links": "promoter_campaigns",
	}),
}

// withoutParent covers what lists tell of a promoter.
var withoutParent = providers.AllBut("parent")

// affiliate is a promoter of a list.
func (r *reply) affiliate(w *wirePromoter) *providers.Affiliate {
	a := r.wholeAffiliate(w)
	a.Known = withoutParent
	return a
}

func (r *reply) wholeAffiliate(w *wirePromoter) *providers.Affiliate {
	a := &providers.Affiliate{
		Node:         r.node(providers.NounAffiliate, w.ID, w.JoinedAt, nil),
		Email:        text(w.Email),
		Name:         named(w.Name),
		InternalNote: text(w.Note),
		Balances:     r.balances(w.Balances),
	}
	if w.Profile != nil {
		a.FirstName, a.LastName, a.Note = named(w.Profile.FirstName), named(w.Profile.LastName), text(w.Profile.Description)
	}
	if w.Stats != nil {
		a.Clicks = w.Stats.ClicksCount
	}
	a.ParentID = r.person(w.ParentPromoter)
	// The main campaign is the one joined first.
	slices.SortStableFunc(w.Memberships, func(a, b wireMembership) int {
		return cmp.Or(a.joined().Compare(b.joined()), cmp.Compare(a.ID, b.ID))
	})
	for i := range w.Memberships {
		m := &w.Memberships[i]
		if m.PromoterID == 0 {
			m.PromoterID = w.ID
		}
		row := wire.Mark(membershipCore, m, wire.MarkPart(membershipCore, m, r.membership(m, membershipKnown.Fields(m.Members))))
		if !row.ID.IsZero() {
			a.Memberships = append(a.Memberships, row)
		}
		a.Unread = append(a.Unread, unreadOf(row)...)
	}
	if w.ArchivedAt.Odd() {
		a.Unread = append(a.Unread, "status")
	}
	for _, m := range a.Memberships {
		if m.Link != nil {
			a.Links = append(a.Links, providers.Link{URL: *m.Link, Code: m.RefCode})
		}
	}
	r.harvest.Memberships = append(r.harvest.Memberships, a.Memberships...)
	a.Status, a.ProviderStatus = affiliateStatus(w)
	return a
}

// unreadOf are the fields of an affiliate that cannot be read because of a membership.
func unreadOf(m *providers.Membership) (fields []string) {
	if m.ID.IsZero() || m.CampaignID.IsZero() {
		fields = append(fields, "memberships")
	}
	if m.ProviderStatus == nil {
		fields = append(fields, "status")
	}
	if m.IsUnread("refCode") || m.IsUnread("link") {
		fields = append(fields, "links")
	}
	if m.IsUnread("coupon") {
		fields = append(fields, "coupons")
	}
	return fields
}

// affiliateStatus is an affiliate's state, which the vendor keeps by membership, and the
// words it came from. It is UNKNOWN where a word that cannot be read may say otherwise.
func affiliateStatus(w *wirePromoter) (providers.AffiliateStatus, *string) {
	var words []string
	odd := w.ArchivedAt.Odd()
	for _, m := range w.Memberships {
		odd = odd || m.State.Odd()
		if word := text(m.State.Value); word != nil && !slices.Contains(words, *word) {
			words = append(words, *word)
		}
	}
	if w.ArchivedAt.Value != nil {
		return providers.AffiliateArchived, new("archived")
	}
	joined := strings.Join(words, ", ")
	for _, s := range affiliateStates {
		is := func(word string) bool { return strings.EqualFold(word, s.word) }
		if slices.ContainsFunc(words, is) && (!odd || s.status == providers.AffiliateActive && !w.ArchivedAt.Odd()) {
			return s.status, text(&joined)
		}
	}
	return providers.AffiliateUnknown, text(&joined)
}

// balances are in the order of the vendor's pages, then of the alphabet.
func (r *reply) balances(w wireBalances) []providers.Balance {
	order := func(known []string) func(a, b string) int {
		place := func(s string) int {
			if i := slices.Index(known, s); i >= 0 {
				return i
			}
			return len(known)
		}
		return func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) }
	}
	var balances []providers.Balance
	for _, bucket := range sortedKeys(w, order([]string{owedNow, "pending_balance", "earnings_balance", "paid_balance"})) {
		for _, unit := range sortedKeys(w[bucket], order([]string{"cash", "credits", "points", "free_months", "discount"})) {
			amount, reward := r.worth(&unit, w[bucket][unit])
			if amount == nil && reward == nil {
				continue
			}
			balances = append(balances, providers.Balance{Status: balanceBuckets.status(&bucket), Amount: amount, Reward: reward})
		}
	}
	return balances
}

func sortedKeys[V any](m map[string]V, order func(a, b string) int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, order)
	return keys
}

// person is the id of a promoter that came with another record, and harvests what came of it.
func (r *reply) person(w wire.Related[wirePerson]) providers.ID {
	n, _ := number(w.ID)
	if w.Record != nil {
		glean(r, &r.harvest.Affiliates, wire.MarkPart(affiliateCore, w.Record, &providers.Affiliate{
			Node:  r.node(providers.NounAffiliate, n, nil, affiliateKnown.Fields(w.Record.Members)),
			Email: text(w.Record.Email), Name: named(w.Record.Name),
		}))
	}
	return r.id(providers.NounAffiliate, n)
}

// Affiliates plans lists of promoters. Archived ones are listed only where the state
// ARCHIVED is asked for.
func (p *provider) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	l := p.plan()
	l.many("filters[campaign_id]", providers.NounCampaign, f.Campaigns)
	if !f.Parent.IsZero() {
		l.ids("filters[parent_promoter_id]", providers.NounAffiliate, []providers.ID{f.Parent})
	}
	if l.None {
		return nil, nil
	}
	single := len(f.Campaigns) == 0 && len(f.Statuses) == 0 && f.Search == "" && f.Parent.IsZero()
	switch {
	case f.Email != "":
		return promoterOne.lookup(p, byEmail, f.Email, withParent, single && f.RefCode == "" && f.PromoCode == "", affiliateEmail, nil), nil
	case f.RefCode != "":
		return promoterOne.lookup(p, "ref_token", f.RefCode, withParent, single && f.PromoCode == "", affiliateCodes, nil), nil
	case f.PromoCode != "":
		return promoterOne.lookup(p, "promo_code", f.PromoCode, withParent, single, p.affiliateCoupons(f.PromoCode), nil), nil
	}
	l.search(f.Search)
	if len(f.Statuses) == 0 {
		return []providers.List[providers.Affiliate]{p.promoters(l.Query, l.Exact, f.Parent, nil)}, nil
	}
	var lists []providers.List[providers.Affiliate]
	live := slices.DeleteFunc(slices.Clone(f.Statuses), func(s providers.AffiliateStatus) bool { return s == providers.AffiliateArchived })
	words, known := affiliateStates.words(live)
	if len(live) > 0 && (!known || len(f.Campaigns) > 0) {
		// No filter finds the unknown ones; and beside campaigns the state may be held
		// against those alone.
		lists = append(
			lists,
			p.promoters(l.Query, false, f.Parent, inState(live...)),
		)
		words = nil
	}
	for _, word := range words {
		// This finds whoever has such a membership. Each affiliate is kept in the list of
		// its best one.
		status := affiliateStates.status(&word)
		lists = append(
			lists,
			p.promoters(l.With("filters[state]", word), false, f.Parent, inState(status)),
		)
	}
	if len(live) < len(f.Statuses) {
		lists = append(lists, p.promoters(l.With("filters[archived]", "true"), l.Exact, f.Parent, nil))
	}
	return lists, nil
}

// inState keeps the affiliates in one of these states, and those whose state cannot be read:
// the reader of the list reports them.
func inState(states ...providers.AffiliateStatus) func(*providers.Affiliate) bool {
	f := providers.AffiliateFilter{Statuses: states}
	return func(a *providers.Affiliate) bool { return f.Match(a) || f.Unsure(a) != "" }
}

// promoters is a list of promoters. Below a known parent the rows are told whose they are.
func (p *provider) promoters(
	query url.Values,
	exact bool,
	parent providers.ID,
	keep func(*providers.Affiliate) bool,
) providers.List[providers.Affiliate] {
	e := promoterList
	if !parent.IsZero() {
		e.convert = func(r *reply, w *wirePromoter) *providers.Affiliate {
			a := r.wholeAffiliate(w)
			a.ParentID = parent
			return a
		}
	}
	return e.list(p, query, exact, keep)
}

// affiliateEmail, affiliateCodes and affiliateCoupons are what an affiliate tells in the
// fields of look-ups.
func affiliateEmail(_ context.Context, a *providers.Affiliate) ([]string, error) {
	return texts(a.Email), nil
}

func affiliateCodes(_ context.Context, a *providers.Affiliate) (codes []string, _ error) {
	for _, m := range a.Memberships {
		codes = append(codes, texts(m.RefCode)...)
	}
	return codes, nil
}

// affiliateCoupons puts an affiliate's promo codes to it if its memberships do not show the
// one that it was found by.
func (p *provider) affiliateCoupons(code string) values[providers.Affiliate] {
	return func(ctx context.Context, a *providers.Affiliate) (codes []string, _ error) {
		if (providers.AffiliateFilter{PromoCode: code}).Match(a) {
			return []string{code}, nil
		}
		page, err := p.couponsOf(ctx, a.Memberships)
		if err != nil {
			return nil, err
		}
		a.Coupons = page.Items
		for _, c := range page.Items {
			codes = append(codes, c.Code)
		}
		return codes, nil
	}
}

// needsParent says whether a read of affiliates has to tell their parents, which lists do not.
func needsParent(need []string) bool { return !withoutParent.Covers(need...) }

// AffiliatesByID reads promoters: one by itself; several a hundred a call, and one by one
// those that the list leaves out, as it does the archived, or tells too little of; all of
// them one by one where their parents are needed.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	numbers := p.numbers(providers.NounAffiliate, ids)
	if len(numbers) == 1 || needsParent(need) {
		return promoterOne.each(ctx, p, numbers, withParent)
	}
	b, absent, unproven, err := promoterList.listed(ctx, p, numbers, 1) // the last one takes a call either way
	if err != nil {
		return nil, err
	}
	return promoterOne.add(ctx, p, b, slices.Concat(absent, unproven, thin(b, need)), withParent)
}
