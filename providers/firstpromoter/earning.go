package firstpromoter

import (
	"context"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// earning is a commission to be made, as it will be recognized.
type earning struct {
	body     commissionBody
	kind     providers.CommissionKind
	minor    int64         // of the sale, or of a custom commission
	referral providers.ID  // of a sale
	place    *earningPlace // of a custom commission
}

// earningPlace is the affiliate and the campaign that a custom commission belongs to.
type earningPlace struct{ affiliate, campaign providers.ID }

// is says whether a commission is the one that was to be made: by the direct affiliate,
// where a sale makes several.
func (e earning) is(c *providers.Commission) bool {
	amount := e.amountOf(c)
	if e.place == nil && c.ReferralID != e.referral {
		return false
	}
	if e.place != nil && (c.AffiliateID != e.place.affiliate || c.CampaignID != e.place.campaign) {
		return false
	}
	return e.mayBe(c) && c.Kind == e.kind && amount != nil
}

// mayBe says whether nothing that a commission tells speaks against its being the one. What
// it does not tell, or what cannot be read, does not.
func (e earning) mayBe(c *providers.Commission) bool {
	other := func(is, asked providers.ID) bool { return !is.IsZero() && is != asked }
	if c.Kind != e.kind && c.Kind != providers.CommissionKindUnknown || c.Tier != nil && *c.Tier != 1 {
		return false
	}
	if e.place == nil && other(c.ReferralID, e.referral) ||
		e.place != nil && (other(c.AffiliateID, e.place.affiliate) || other(c.CampaignID, e.place.campaign)) {
		return false
	}
	amount := e.amountOf(c)
	if amount == nil {
		return c.Reward == nil
	}
	minor, ok := cents(*amount)
	return ok && minor == e.minor
}

// amountOf is the amount of a commission that was asked for: that of the sale, or its own.
func (e earning) amountOf(c *providers.Commission) *providers.Money {
	if e.place == nil {
		return c.SaleAmount
	}
	return c.Amount
}

// made is the commission among several; nil for none. With sure, they are known to be of
// this write: the first that may be it is taken where none is told whole.
func (e earning) made(all []*providers.Commission, sure bool) *providers.Commission {
	i := slices.IndexFunc(all, e.is)
	if i < 0 && sure {
		i = slices.IndexFunc(all, e.mayBe)
	}
	if i < 0 {
		return nil
	}
	return all[i]
}

// written is what came of it: the commission, and what else the sale earned.
func (e earning) written(c *providers.Commission, all []*providers.Commission, h providers.Harvest) *providers.Written {
	var stale []providers.ID
	for _, o := range all { // their balances
		stale = append(stale, o.AffiliateID)
	}
	lists := []providers.Noun{providers.NounCommission}
	if !e.referral.IsZero() { // whose first sale it may be
		stale = append(stale, e.referral)
		lists = append(lists, providers.NounReferral)
	}
	return written(c.ID, h, lists, slices.DeleteFunc(stale, providers.ID.IsZero)...)
}

// recordsBack wants one record or several.
func recordsBack(w *wire.Rows[wireCommission]) error {
	if len(w.All) == 0 {
		return errNoRecordBack
	}
	return nil
}

// write plans to make it, unless it was made already.
func (e earning) write(ctx context.Context, p *provider, field string) (*providers.Write, error) {
	switch all, _, _, err := p.commissionsOf(ctx, e.body.EventID); {
	case err != nil:
		return nil, err
	case e.made(all, false) != nil:
		return nil, providers.Problemf(providers.ProblemTaken, field, "another commission of this amount was made for it already")
	}
	return &providers.Write{
		Op: commissionCreate, Fields: map[string]string{
			"referral_id":          "commission.sale.referral",
			"sale_amount":          "commission.sale.saleAmount",
			"promoter_campaign_id": "commission.custom.affiliate",
			"amount":               "commission.custom.amount",
			"event_id":             "eventId",
			"event_date":           "earnedAt",
			"external_note":        "note",
			"internal_note":        "internalNote",
		},
		Send: func(ctx context.Context) (*providers.Written, error) {
			r, w, err := send(ctx, p, commissionCreate, pathOf(commissionCreate), e.body, recordsBack)
			if err != nil {
				return nil, err
			}
			all := wire.PageOf(w, func(w *wireCommission) *providers.Commission { return r.commission(w) }).Items
			c := e.made(all, true)
			if c == nil {
				return nil, p.unknown(commissionCreate, providers.KindBadReply, errNoRecordBack)
			}
			return e.written(c, all, r.whole(providers.Harvest{Commissions: all})), nil
		},
	}, nil
}

// look finds it by its event. One that the search finds and that tells no event may be it.
func (e earning) look(ctx context.Context, p *provider, event string) (providers.Verdict, *providers.Written, error) {
	all, unnamed, h, err := p.commissionsOf(ctx, event)
	if err != nil {
		return "", nil, err
	}
	c := e.made(all, strings.HasPrefix(event, ownEvents))
	if c == nil {
		return judgeNew(len(all) > 0 || slices.ContainsFunc(unnamed, e.mayBe), false, false), nil, nil
	}
	h.Commissions = append(h.Commissions, all...)
	return providers.Made, e.written(c, all, h), nil
}
