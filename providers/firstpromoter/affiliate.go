package firstpromoter

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// promoterList is GET /promoters: the promoters that are not archived, newest first. Payment details are
// never asked for; that the list takes that parameter too is assumed.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoters/get-available-promoters
//
//api:operation GET /promoters
var promoterList = endpoint[wirePromoter, providers.Affiliate]{
	noun: providers.NounAffiliate, path: "/promoters",
	always:  url.Values{"exclude_payout_method": {"true"}, "sorting[joined_at]": {"desc"}},
	convert: (*reply).affiliate,
}

// promoterOne is GET /promoters/{id}: one promoter, archived or not, with the parent. find_by makes it a
// look-up by another field than the id.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoters/openapi-v2-promoters.json
//
//api:operation GET /promoters/{id}
var promoterOne = endpoint[wirePromoter, providers.Affiliate]{
	noun: providers.NounAffiliate, path: "/promoters", convert: (*reply).wholeAffiliate,
}

// withParent goes with every read of one promoter.
var withParent = url.Values{"exclude_payout_method": {"true"}, "include_parent_promoter": {"true"}}

// wirePromoter is a promoter, without what must not be read: the address by which a password is set,
// payout methods, tax forms, VAT ids.
type wirePromoter struct {
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
	Balances       wireBalances     `json:"balances"`
	JoinedAt       *time.Time       `json:"joined_at"`
	ArchivedAt     *time.Time       `json:"archived_at"`
	Memberships    []wireMembership `json:"promoter_campaigns"`
	ParentPromoter *wirePerson      `json:"parent_promoter"`
}

// wirePerson is a promoter as other records carry it.
type wirePerson struct {
	ID    int64   `json:"id"`
	Email *string `json:"email"`
	Name  *string `json:"name"`
}

// wireBalances are a promoter's balances: documented as units → amount, and assumed to come as
// buckets → units → amount too. What is neither is left out.
type wireBalances map[string]map[string]providers.Decimal

// UnmarshalJSON reads either form; the flat one as the bucket of what is owed now.
func (b *wireBalances) UnmarshalJSON(raw []byte) error {
	*b = nil
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	buckets := wireBalances{}
	for name, value := range fields {
		var amount providers.Decimal
		var bucket map[string]providers.Decimal
		switch {
		case json.Unmarshal(value, &amount) == nil && !amount.Odd():
			if buckets["current_balance"] == nil {
				buckets["current_balance"] = map[string]providers.Decimal{}
			}
			buckets["current_balance"][name] = amount
		case json.Unmarshal(value, &bucket) == nil:
			buckets[name] = bucket
		}
	}
	*b = buckets
	return nil
}

// balanceBuckets are the vendor's names of balances.
var balanceBuckets = vocabulary[providers.BalanceStatus]{
	{"current_balance", providers.BalanceCurrent},
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

// affiliateStub covers what other records tell of a promoter, and the edges that need the id alone.
var affiliateStub = providers.Only("providerId", "email", "name", "referrals", "commissions", "payouts", "children")

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
		Name:         text(w.Name),
		InternalNote: text(w.Note),
		Balances:     r.balances(w.Balances),
	}
	if w.Profile != nil {
		a.FirstName, a.LastName, a.Note = text(w.Profile.FirstName), text(w.Profile.LastName), text(w.Profile.Description)
	}
	if w.Stats != nil {
		a.Clicks = w.Stats.ClicksCount
	}
	if w.ParentPromoter != nil {
		r.person(w.ParentPromoter)
		a.ParentID = r.id(providers.NounAffiliate, w.ParentPromoter.ID)
	}
	for i := range w.Memberships {
		m := &w.Memberships[i]
		if m.PromoterID == 0 {
			m.PromoterID = w.ID
		}
		a.Memberships = append(a.Memberships, r.membership(m))
	}
	// The main campaign is the one joined first.
	slices.SortStableFunc(a.Memberships, func(a, b *providers.Membership) int {
		return cmp.Or(a.Listed().Compare(b.Listed()), cmp.Compare(len(a.ProviderID), len(b.ProviderID)), cmp.Compare(a.ProviderID, b.ProviderID))
	})
	for _, m := range a.Memberships {
		if m.Link != nil {
			a.Links = append(a.Links, providers.Link{URL: *m.Link, Code: m.RefCode})
		}
	}
	r.harvest.Memberships = append(r.harvest.Memberships, a.Memberships...)
	a.Status, a.ProviderStatus = affiliateStatus(a.Memberships, w.ArchivedAt != nil)
	return a
}

// affiliateStatus is an affiliate's state, which the vendor keeps by membership, and the words it came from.
func affiliateStatus(memberships []*providers.Membership, archived bool) (providers.AffiliateStatus, *string) {
	var words []string
	for _, m := range memberships {
		if m.ProviderStatus != nil && !slices.Contains(words, *m.ProviderStatus) {
			words = append(words, *m.ProviderStatus)
		}
	}
	if archived {
		return providers.AffiliateArchived, new("archived")
	}
	joined := strings.Join(words, ", ")
	for _, s := range affiliateStates {
		if slices.Contains(words, s.word) {
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
	for _, bucket := range sortedKeys(w, order([]string{"current_balance", "pending_balance", "earnings_balance", "paid_balance"})) {
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

// person harvests a promoter that came with another record.
func (r *reply) person(w *wirePerson) {
	if w == nil {
		return
	}
	glean(r, &r.harvest.Affiliates, &providers.Affiliate{
		Node: r.node(providers.NounAffiliate, w.ID, nil, affiliateStub), Email: text(w.Email), Name: text(w.Name),
	})
}

// Affiliates plans lists of promoters. Archived ones are listed only where the state ARCHIVED is asked for.
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
		return promoterOne.lookup(p, "email", f.Email, withParent, single && f.RefCode == "" && f.PromoCode == "", nil), nil
	case f.RefCode != "":
		return promoterOne.lookup(p, "ref_token", f.RefCode, withParent, single && f.PromoCode == "", nil), nil
	case f.PromoCode != "":
		return promoterOne.lookup(p, "promo_code", f.PromoCode, withParent, single, p.showCoupon(f.PromoCode)), nil
	}
	l.search(f.Search)
	if len(f.Statuses) == 0 {
		return []providers.List[providers.Affiliate]{p.promoters(l.Query, l.Exact, f.Parent, nil)}, nil
	}
	var lists []providers.List[providers.Affiliate]
	live := slices.DeleteFunc(slices.Clone(f.Statuses), func(s providers.AffiliateStatus) bool { return s == providers.AffiliateArchived })
	words, known := affiliateStates.words(live)
	if len(live) > 0 && (!known || len(f.Campaigns) > 0) {
		// No filter finds the unknown ones; and beside campaigns the state may be held against those alone.
		lists = append(lists, p.promoters(l.Query, false, f.Parent, func(a *providers.Affiliate) bool { return slices.Contains(live, a.Status) }))
		words = nil
	}
	for _, word := range words {
		// This finds whoever has such a membership. Each affiliate is kept in the list of its best one.
		status := affiliateStates.status(&word)
		lists = append(lists, p.promoters(l.With("filters[state]", word), false, f.Parent, func(a *providers.Affiliate) bool { return a.Status == status }))
	}
	if len(live) < len(f.Statuses) {
		lists = append(lists, p.promoters(l.With("filters[archived]", "true"), l.Exact, f.Parent, nil))
	}
	return lists, nil
}

// promoters is a list of promoters. Below a known parent the rows are told whose they are.
func (p *provider) promoters(query url.Values, exact bool, parent providers.ID, keep func(*providers.Affiliate) bool) providers.List[providers.Affiliate] {
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

// showCoupon puts an affiliate's promo codes to it if its memberships do not show the one that it was found by.
func (p *provider) showCoupon(code string) func(context.Context, *providers.Affiliate) error {
	return func(ctx context.Context, a *providers.Affiliate) error {
		if (providers.AffiliateFilter{PromoCode: code}).Match(a) {
			return nil
		}
		for n, more := 1, true; more; n++ {
			page, err := p.couponPage(ctx, a.Memberships, n)
			if err != nil {
				return err
			}
			a.Coupons = append(a.Coupons, page.Items...)
			more = page.More
		}
		return nil
	}
}

// needsParent says whether a read of affiliates has to tell their parents, which lists do not.
func needsParent(need []string) bool { return !withoutParent.Covers(need...) }

// AffiliatesByID reads promoters: one by itself; several a hundred a call, and one by one those that the list leaves
// out, as it does the archived; all of them one by one where their parents are needed.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	numbers := p.numbers(providers.NounAffiliate, ids)
	if len(numbers) == 1 || needsParent(need) {
		return promoterOne.each(ctx, p, numbers, withParent)
	}
	b, err := promoterList.byIDs(ctx, p, numbers)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(numbers, func(n int64) bool {
		id := p.id(providers.NounAffiliate, n)
		return b.Found[id] != nil || b.Failed[id] != nil
	})
	single, err := promoterOne.each(ctx, p, missing, withParent)
	if err != nil {
		return nil, err
	}
	maps.Copy(b.Found, single.Found)
	b.Harvest.Add(single.Harvest)
	if b.Failed == nil {
		b.Failed = single.Failed
	} else {
		maps.Copy(b.Failed, single.Failed)
	}
	return b, nil
}
