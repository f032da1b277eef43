package resolvers

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/providers"
)

// account is the account that an id belongs to, as it is now; nil where the viewer may not see it. It costs no call.
func (r *Resolver) account(ctx context.Context, id providers.ID) (*providers.Account, error) {
	p, ok := r.provider(ctx, id.Account)
	if !ok {
		return nil, nil
	}
	if err := unidentified(p); err != nil {
		return nil, err
	}
	a := p.Account()
	return &a, nil
}

// record is the record of any noun with this id; nil where there is none, or none that the viewer may see.
func (r *Resolver) record(ctx context.Context, id providers.ID) (model.Node, error) {
	switch id.Noun {
	case providers.NounAccount:
		return node(r.account(ctx, id))
	case providers.NounAffiliate:
		return node(affiliates.load(ctx, id))
	case providers.NounMembership:
		return node(memberships.load(ctx, id))
	case providers.NounCampaign:
		return node(campaigns.load(ctx, id))
	case providers.NounReferral:
		return node(referrals.load(ctx, id))
	case providers.NounCommission:
		return node(commissions.load(ctx, id))
	case providers.NounPayout:
		return node(payouts.load(ctx, id))
	case providers.NounCoupon:
		return node(coupons.load(ctx, id))
	case providers.NounWebhookSubscription:
		return node(subscriptions.load(ctx, id))
	}
	return nil, badInput("%q is no id of this server", id)
}

// node is a record as a Node; a nil pointer becomes the nil interface.
func node[T providers.Record](row *T, err error) (model.Node, error) {
	if row == nil || err != nil {
		return nil, err
	}
	return any(row).(model.Node), nil
}

// mask hides most of an e-mail address: j…@example.com. What is no address is hidden whole.
func mask(email *string) *string {
	if email == nil {
		return nil
	}
	masked := "…"
	if at := strings.LastIndexByte(*email, '@'); at > 0 {
		_, size := utf8.DecodeRuneInString(*email)
		masked = (*email)[:size] + "…" + (*email)[at:]
	}
	return &masked
}
