package promotekit

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// affiliateStates are those that an affiliate can be in here; UNKNOWN where the vendor left the
// booleans out.
var affiliateStates = []providers.AffiliateStatus{
	providers.AffiliateActive, providers.AffiliatePending, providers.AffiliateBanned, providers.AffiliateUnknown,
}

// Affiliates plans the list that one of the vendor's filters makes: what names one affiliate (an
// e-mail address, a code) goes first and alone; campaigns make a list each.
func (p *provider) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	campaigns, ok := p.uuids(providers.NounCampaign, f.Campaigns)
	if !ok || !f.Parent.IsZero() || !canBe(f.Statuses, affiliateStates...) {
		return nil, nil
	}
	exact := len(f.Statuses) == 0 && f.Search == ""
	if query, more := firstSet("email", f.Email, "ref_code", f.RefCode, "promo_code", f.PromoCode); query != nil {
		exact = exact && !more && len(campaigns) == 0
		return []providers.List[providers.Affiliate]{at("/affiliates", query, exact, p.listAffiliates)}, nil
	}
	return forEach("/affiliates", nil, "campaign_id", campaigns, exact, p.listAffiliates), nil
}

// AffiliatesByID reads affiliates one by one, or all where that is fewer calls.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Affiliate], error) {
	return byID(ctx, p, providers.NounAffiliate, ids, p.listAffiliates, p.getAffiliate)
}

// affiliates are those of these ids that there are, newest first; one that could not be read fails all.
func (p *provider) affiliates(ctx context.Context, reader providers.Reader, uuids []string) ([]*providers.Affiliate, error) {
	ids := make([]providers.ID, len(uuids))
	for i, uuid := range uuids {
		ids[i] = p.id(providers.NounAffiliate, uuid)
	}
	batch, err := reader.AffiliatesByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var found []*providers.Affiliate
	for _, id := range ids {
		if err := batch.Failed[id]; err != nil {
			return nil, err
		}
		if a := batch.Found[id]; a != nil {
			found = append(found, a)
		}
	}
	slices.SortStableFunc(found, func(a, b *providers.Affiliate) int { return b.Listed().Compare(a.Listed()) })
	return found, nil
}

// listAffiliates reads a page of the affiliates.
// https://www.promotekit.com/docs/api-reference/affiliates/list-affiliates
//
//api:operation GET /affiliates
func (p *provider) listAffiliates(ctx context.Context, query url.Values, number int) (*providers.Page[providers.Affiliate], error) {
	return readPage(ctx, p, providers.NounAffiliate, "/affiliates", query, number, (*reply).affiliate)
}

// getAffiliate reads one affiliate.
// https://www.promotekit.com/docs/api-reference/affiliates/get-affiliate
//
//api:operation GET /affiliates/{id}
func (p *provider) getAffiliate(ctx context.Context, uuid string) (*providers.Affiliate, providers.Harvest, error) {
	return readRecord(ctx, p, "/affiliates", uuid, (*reply).affiliate)
}

type affiliateWire struct {
	record
	Email       string `json:"email"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	PayoutEmail string `json:"payout_email"`
	Links       []struct {
		URL  string `json:"url"`
		Code string `json:"code"`
	} `json:"links"`
	PromoCodes []promoCodeWire       `json:"promo_codes"`
	Clicks     *int64                `json:"clicks"`
	Approved   *bool                 `json:"approved"`
	Banned     *bool                 `json:"banned"`
	Details    string                `json:"details"`
	Campaign   related[campaignWire] `json:"campaign"`
}

// affiliate converts an affiliate and harvests its campaign, membership and coupons.
func (r *reply) affiliate(w *affiliateWire) *providers.Affiliate {
	embedded(r, w.Campaign, (*reply).campaign)
	state := standing(w)
	a := &providers.Affiliate{
		Node:           r.node(providers.NounAffiliate, w.ID, w.record),
		Email:          text(w.Email),
		FirstName:      text(w.FirstName),
		LastName:       text(w.LastName),
		Name:           text(strings.TrimSpace(w.FirstName + " " + w.LastName)),
		Status:         state.status,
		ProviderStatus: text(state.words),
		PayoutEmail:    text(w.PayoutEmail),
		Clicks:         w.Clicks,
		Note:           text(w.Details),
		Memberships:    []*providers.Membership{},
		Coupons:        r.coupons(w),
	}
	for _, l := range w.Links {
		a.Links = append(a.Links, providers.Link{URL: l.URL, Code: text(l.Code)})
	}
	if m := r.membership(w); m != nil {
		a.Memberships = append(a.Memberships, m)
		harvested(r, m)
	}
	for _, c := range a.Coupons {
		harvested(r, c)
	}
	return a
}

// state is how an affiliate stands: the vendor has two booleans in place of a word.
type state struct {
	status     providers.AffiliateStatus
	membership providers.MembershipStatus
	words      string
}

func standing(w *affiliateWire) state {
	switch {
	case w.Banned != nil && *w.Banned:
		return state{providers.AffiliateBanned, providers.MembershipBanned, "banned"}
	case w.Approved == nil:
		return state{providers.AffiliateUnknown, providers.MembershipUnknown, ""}
	case *w.Approved:
		return state{providers.AffiliateActive, providers.MembershipActive, "approved"}
	default:
		return state{providers.AffiliatePending, providers.MembershipPending, "waiting"}
	}
}
