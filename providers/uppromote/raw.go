package uppromote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// shown is an allow-list: the members of an object that may be shown, and of those that are
// objects what may be shown in them. A member that is not listed so is shown only if it
// holds nothing that has members of its own.
type shown map[string]shown

func members(names string) shown {
	s := shown{}
	for _, n := range strings.Fields(names) {
		s[n] = nil
	}
	return s
}

// What may be shown. Left out are secrets, telephone numbers and addresses of places,
// taxes, what people are paid by, and whatever has no fixed form.
var (
	shownAffiliate = members(`id email first_name last_name status email_verified company country facebook twitter youtube instagram
		website tiktok internal_note personal_detail created_at default_affiliate_link custom_affiliate_link program_id program_name
		coupons up_line_affiliate_id up_line_affiliate_email payment_method paid_amount approved_amount pending_amount denied_amount`)
	shownMembership = members("id status program_id program_name default_affiliate_link custom_affiliate_link coupons created_at")
	shownProgram    = members(`id name is_default status rule description commission_type commission_amount exclude_product_tax
		exclude_shipping exclude_shipping_tax exclude_tip exclude_self_referral payment_methods payment_default created_at`)
	shownReferral = func() shown {
		s := members(`id order_id order_number customer_id quantity total_sales commission_adjustment status commission refund_id
			tracking_type coupon_applied customer_email created_at`)
		s["commission_rule"] = members("program_id commission_rate commission_type")
		s["affiliate"] = members("id email first_name last_name")
		return s
	}()
	shownPayment = members(
		"payment_id affiliate_id status affiliate_email total_referrals total_processed payment_method processed_at referral_ids",
	)
	shownUnpaid = members(
		"affiliate_id affiliate_email total_referrals payment_method total_commission total_sales total_products referral_ids",
	)
	shownCoupon       = members("id affiliate_id affiliate_email coupon description created_at")
	shownSubscription = members("event target_url status version created_at")
)

// of is what may be shown of a value.
func (s shown) of(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		if s == nil {
			return nil, false
		}
		out := map[string]any{}
		for name, inner := range s {
			if m, ok := v[name]; ok {
				if m, ok = inner.of(m); ok {
					out[name] = m
				}
			}
		}
		return out, true
	case []any:
		out := []any{}
		for _, e := range v {
			if e, ok := s.of(e); ok {
				out = append(out, e)
			}
		}
		return out, true
	default:
		return v, true
	}
}

var errNoRecord = errors.New("no such record")

// RawRecord reads a record live and shows of it what may be shown.
func (p *provider) RawRecord(ctx context.Context, id providers.ID) (json.RawMessage, error) {
	var (
		row json.RawMessage
		may shown
		err error
	)
	n, numbered := number(id.Local)
	numbered = numbered && id == p.local(id.Noun, id.Local)
	first, second, joined := p.joined(id, id.Noun)
	switch {
	case id.Noun == providers.NounAffiliate && numbered:
		may = shownAffiliate
		row, err = p.rawOne(ctx, affiliateList.path, n)
	case id.Noun == providers.NounCampaign && numbered:
		may = shownProgram
		row, err = p.rawOne(ctx, programList.path, n)
	case (id.Noun == providers.NounReferral || id.Noun == providers.NounCommission) && numbered:
		may = shownReferral
		row, err = p.rawOne(ctx, referralList.path, n)
	case id.Noun == providers.NounMembership && joined:
		may = shownMembership
		if n, ok := number(first); ok {
			row, err = p.rawOne(ctx, affiliateList.path, n)
		}
		var w wireAffiliate
		if _, unread := wire.Decode(row, &w); unread != nil || decimal(w.ProgramID) != second {
			row = nil
		}
	case id.Noun == providers.NounPayout && joined:
		state, n, ok := p.payout(id)
		switch {
		case ok && state == paidState:
			may = shownPayment
			row, err = p.rawOne(ctx, "/payments", n)
		case ok:
			may = shownUnpaid
			row, err = p.rawUnpaid(ctx, n)
		}
	case id.Noun == providers.NounCoupon && joined:
		may = shownCoupon
		row, err = couponList.raw(ctx, p, nil, id)
	case id.Noun == providers.NounWebhookSubscription && id == p.local(id.Noun, id.Local):
		may = shownSubscription
		row, err = webhookList.raw(ctx, p, nil, id)
	}
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, &providers.Error{
			Account:  p.config.Account,
			Provider: name,
			Op:       "rawRecord",
			Kind:     providers.KindNotFound,
			Err:      errNoRecord,
		}
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(row))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, p.bad("rawRecord", err)
	}
	v, _ = may.of(v)
	out, err := json.Marshal(v)
	if err != nil {
		return nil, p.bad("rawRecord", err)
	}
	return out, nil
}

// rawOne reads one record by its number; nil where there is none.
func (p *provider) rawOne(ctx context.Context, path string, n int64) (json.RawMessage, error) {
	type numbers struct {
		ID        int64 `json:"id"`
		PaymentID int64 `json:"payment_id"`
	}
	rows, _, err := get(ctx, p, single(path, n), func(rows *wire.Rows[numbers], success bool) error {
		if err := isRecord(rows, success); err != nil || isNone(rows) {
			return err
		}
		if row := rows.All[0]; row.ID != n && row.PaymentID != n {
			return errAnother
		}
		return nil
	})
	switch {
	case err != nil && notFound(err) || err == nil && isNone(&rows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return rows.Raw(0), nil
}

// rawUnpaid reads what an affiliate is owed.
func (p *provider) rawUnpaid(ctx context.Context, n int64) (json.RawMessage, error) {
	l := p.payments([]providers.ID{p.id(providers.NounAffiliate, n)})
	query, ok, err := l.addressed(ctx, p, l.Query)
	if err != nil || !ok {
		return nil, err
	}
	return unpaidList.raw(ctx, p, query, p.payoutID(dueState, n))
}

// raw searches a list for the row of a record; nil where it is not there.
func (e endpoint[W, T]) raw(ctx context.Context, p *provider, query url.Values, id providers.ID) (found json.RawMessage, _ error) {
	is := func(row json.RawMessage) bool {
		var w W
		_, err := wire.Decode(row, &w)
		return err == nil && providers.NodeOf(e.convert(p.reply(), &w)).ID == id
	}
	l := e.list(p.plan(), query)
	l.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
		rows, _, err := get(ctx, p, paged(e.path, query, r.Number), isList[W])
		if err != nil {
			return nil, err
		}
		for i := range rows.All {
			if found == nil && is(rows.Raw(i)) {
				found = rows.Raw(i)
			}
		}
		return e.converted(ctx, p, &rows, query, r.Number), nil
	}
	for row, err := range every(ctx, p, l) {
		if err != nil {
			return nil, err
		}
		if providers.NodeOf(row).ID == id {
			return found, nil
		}
	}
	return nil, nil
}
