package promotekit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// RawRecord reads the vendor's record as it is now. A membership and a coupon are parts of their
// affiliate's record, which is then the answer.
func (p *provider) RawRecord(ctx context.Context, id providers.ID) (json.RawMessage, error) {
	if len(p.mine(id.Noun, []providers.ID{id})) == 0 {
		return nil, p.notFound()
	}
	var raw *json.RawMessage
	var err error
	show := shownAffiliate
	switch id.Noun {
	case providers.NounAffiliate:
		raw, err = readOne[json.RawMessage](ctx, p, "/affiliates", id.Local)
	case providers.NounMembership, providers.NounCoupon:
		raw, err = p.rawHolder(ctx, id)
	case providers.NounCampaign:
		show = shownCampaign
		raw, err = readOne[json.RawMessage](ctx, p, "/campaigns", id.Local)
	case providers.NounReferral:
		show = shownReferral
		raw, err = p.rawReferral(ctx, id)
	case providers.NounCommission:
		show = shownCommission
		raw, err = readOne[json.RawMessage](ctx, p, commissionsPath, id.Local)
	case providers.NounPayout:
		show = shownPayout
		raw, err = readOne[json.RawMessage](ctx, p, "/payouts", id.Local)
	}
	switch {
	case err != nil:
		return nil, err
	case raw == nil:
		return nil, p.notFound()
	}
	return show.only(*raw)
}

func (p *provider) notFound() error {
	return &providers.Error{
		Account: p.config.Account, Provider: name, Op: "rawRecord",
		Kind: providers.KindNotFound, Err: errors.New("there is no such record"),
	}
}

// rawHolder is the affiliate that holds a membership or coupon; nil where it does not, or
// no longer.
func (p *provider) rawHolder(ctx context.Context, id providers.ID) (*json.RawMessage, error) {
	raw, err := readOne[json.RawMessage](ctx, p, "/affiliates", uuidOf(id))
	if raw == nil || err != nil {
		return nil, err
	}
	var w affiliateWire
	if _, err := wire.Decode(*raw, &w); err != nil {
		return nil, p.badReply("GET /affiliates/{id}", err)
	}
	a := p.reply().affiliate(&w)
	if slices.ContainsFunc(a.Memberships, func(m *providers.Membership) bool { return m.ID == id }) ||
		slices.ContainsFunc(a.Coupons, func(c *providers.Coupon) bool { return c.ID == id }) {
		return raw, nil
	}
	return nil, nil
}

// rawReferral walks the list of the referral's affiliate, and the list of all for one that
// was given to another affiliate since.
func (p *provider) rawReferral(ctx context.Context, id providers.ID) (raw *json.RawMessage, err error) {
	affiliate := referrer(id)
	if !isUUID(affiliate) && affiliate != noAffiliate {
		return nil, nil
	}
	see := func(body *rows[referralWire]) bool {
		for i, w := range body.Data.All {
			if w.ID == uuidOf(id) {
				raw = new(body.Data.Raw(i))
			}
		}
		return raw == nil
	}
	for _, query := range []url.Values{referralsOf(affiliate), nil} {
		_, err = walk(ctx, p, providers.NounReferral, "/referrals", query, (*reply).referral, see)
		if raw != nil || err != nil || query == nil {
			break
		}
	}
	return raw, err
}

// shown is an allow-list: the fields of an object that may be shown, and of the objects in them.
type shown map[string]shown

// fields makes an allow-list of plain values.
func fields(names ...string) shown {
	s := shown{}
	for _, n := range names {
		s[n] = nil
	}
	return s
}

// and adds a field that holds an object, or several.
func (s shown) and(name string, inner shown) shown {
	s[name] = inner
	return s
}

// The documented fields of each record. None of them is a secret.
var (
	shownCampaign = fields("id", "name", "created_at", "website_url", "commission_type", "commission_amount", "is_default",
		"limit_type", "limit_amount", "code_mode", "reference_coupon", "custom_commission_type", "welcome_message",
		"approval_needed", "collect_details", "details_text", "hide_emails", "dashboard_text", "cookie_duration").
		and("first_payment_commission", fields("enabled", "type", "amount"))
	shownAffiliate = fields("id", "email", "first_name", "last_name", "payout_email", "clicks", "approved", "banned", "details",
		"new_paid_referral_notifications", "created_at").
		and("links", fields("url", "code")).and("promo_codes", fields("code", "external_id")).and("campaign", shownCampaign)
	shownReferral = fields("id", "email", "subscription_status", "signup_date", "stripe_customer_id", "created_at").
			and("affiliate", shownAffiliate)
	shownPayout = fields("id", "affiliate_name", "payout_email", "amount", "currency", "period", "payment_count", "created_at").
			and("affiliate", shownAffiliate)
	shownCommission = fields("id", "revenue_amount", "currency", "commission_amount", "payout_status", "referral_date",
		"created_at", "stripe_payment_id").
		and("affiliate", shownAffiliate).and("referral", shownReferral).and("payout", shownPayout)
)

// only is what may be shown of an object, numbers digit by digit.
func (s shown) only(raw json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(s.keep(v))
}

func (s shown) keep(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			inner, ok := s[name]
			if !ok {
				delete(v, name)
				continue
			}
			v[name] = inner.keep(v[name])
		}
	case []any:
		for i := range v {
			v[i] = s.keep(v[i])
		}
	}
	return v
}
