package uppromote

import (
	"context"
	"encoding/json"

	"github.com/partnergraph/partnergraph/providers"
)

// createCommission makes a commission that no order is known of. Nothing tells it from an
// equal one.
type createCommission struct {
	*provider
	in *providers.CreateCommissionInput
}

func (c createCommission) check() providers.Problems {
	custom := c.in.Commission.Custom
	found := untaken("custom", given{"commission.sale", c.in.Commission.Sale != nil})
	found = append(
		found,
		untaken("affiliate, amount, saleAmount and note", given{"commission.custom.campaign", custom != nil && custom.Campaign != nil},
			given{"earnedAt", c.in.EarnedAt != nil}, given{"eventId", c.in.EventID != nil}, given{"internalNote", c.in.InternalNote != nil},
			given{"notify", c.in.Notify != nil})...)
	if custom != nil {
		found = append(found, c.named(providers.NounAffiliate, "commission.custom.affiliate", custom.Affiliate)...)
	}
	return found
}

func (c createCommission) plan(ctx context.Context) (*providers.Write, error) {
	custom := c.in.Commission.Custom
	a, err := c.addressee(ctx, "commission.custom.affiliate", custom.Affiliate)
	if err != nil {
		return nil, err
	}
	body := wireNewReferral{Type: "fixed_amount", AffiliateEmail: *a.Email, Commission: majorUnits(custom.Amount), Comment: c.in.Note}
	if custom.SaleAmount != nil {
		body.TotalSale = majorUnits(*custom.SaleAmount)
	}
	return &providers.Write{
		Op: opAddReferral,
		Fields: map[string]string{"affiliate_email": "commission.custom.affiliate", "commission": "commission.custom.amount",
			"total_sale": "commission.custom.saleAmount", "comment": "note"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			return c.addReferral(ctx, providers.NounCommission, a.ID, body)
		},
	}, nil
}

func (createCommission) look(context.Context, json.RawMessage, bool) (providers.Verdict, *providers.Written, error) {
	return providers.Unclear, nil, nil
}

// unpaid reads a commission that is to be changed, live. That the vendor changes none that
// was paid is assumed.
func (p *provider) unpaid(ctx context.Context, id providers.ID) (*providers.Commission, error) {
	e, _, err := byNumber(ctx, p, commissionList, id)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, nobody("id")
	case e.Status == providers.CommissionPaid:
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "was paid already")
	}
	return e, nil
}

// changedCommission is a commission's record that was read after a write.
func (p *provider) changedCommission(e *providers.Commission, odd oddities, lists []providers.Noun) *providers.Written {
	w := p.earned(providers.NounCommission, e.ID.Local, e.AffiliateID)
	if w.StaleLists = lists; len(odd) == 0 {
		w.Harvest.Commissions = []*providers.Commission{e}
	}
	return w
}

// sentReferral makes a write to one referral.
func (p *provider) sentReferral(ctx context.Context, what string, e *providers.Commission, body any) error {
	_, _, err := send[wireActed](ctx, p, "POST /referral/{id}/"+what, "/referral/"+e.ID.Local+"/"+what, body)
	return err
}

// setCommissionStatus approves or denies a referral.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /referral/{id}/status
type setCommissionStatus struct {
	*provider
	in *providers.SetCommissionStatusInput
}

// wireDecision is what is sent.
type wireDecision struct {
	Status string `json:"status"`
}

// decisions are the words for the states that can be set.
var decisions = map[providers.CommissionStatus]string{providers.CommissionApproved: "approved", providers.CommissionDenied: "denied"}

func (c setCommissionStatus) check() providers.Problems {
	found := c.named(providers.NounCommission, "id", c.in.ID)
	if decisions[c.in.Status] == "" {
		found = append(
			found,
			providers.Problemf(providers.ProblemUnsupported, "status", "is not taken by %s, which takes APPROVED and DENIED", title)...)
	}
	return found
}

func (c setCommissionStatus) plan(ctx context.Context) (*providers.Write, error) {
	e, err := c.unpaid(ctx, c.in.ID)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: "POST /referral/{id}/status", Before: providers.Image(e.Status), Fields: map[string]string{"status": "status"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := c.sentReferral(ctx, "status", e, wireDecision{decisions[c.in.Status]}); err != nil {
				return nil, err
			}
			w := c.earned(providers.NounCommission, e.ID.Local, e.AffiliateID)
			w.StaleLists = listsOfReferrals
			return w, nil
		},
	}, nil
}

func (c setCommissionStatus) look(
	ctx context.Context,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	e, odd, err := byNumber(ctx, c.provider, commissionList, c.in.ID)
	if err != nil {
		return "", nil, err
	}
	if e == nil || e.ProviderStatus == nil || odd.member("status") {
		return providers.Unclear, nil, nil
	}
	v := absolute(string(e.Status), string(c.in.Status), before, disturbed)
	if v != providers.Made {
		return v, nil, nil
	}
	return v, c.changedCommission(e, odd, listsOfReferrals), nil
}

// adjustCommission raises or lowers what a referral pays. That an adjustment is added to
// earlier ones is assumed.
//
// https://aff-api.uppromote.com/docs/v2/add-referral-adjustment-21170078e0
//
//api:operation POST /referral/{id}/adjustment
type adjustCommission struct {
	*provider
	in *providers.AdjustCommissionInput
}

// wireAdjustment is what is sent.
type wireAdjustment struct {
	Adjustment json.Number `json:"adjustment"`
}

func (c adjustCommission) check() providers.Problems {
	return append(untaken("id and amount", given{"note", c.in.Note != nil}), c.named(providers.NounCommission, "id", c.in.ID)...)
}

func (c adjustCommission) plan(ctx context.Context) (*providers.Write, error) {
	e, err := c.unpaid(ctx, c.in.ID)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: "POST /referral/{id}/adjustment", Before: providers.Image(adjustment(e)), Fields: map[string]string{"adjustment": "amount"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := c.sentReferral(ctx, "adjustment", e, wireAdjustment{majorUnits(c.in.Amount)}); err != nil {
				return nil, err
			}
			return c.earned(providers.NounCommission, e.ID.Local, e.AffiliateID), nil
		},
	}, nil
}

// adjustment is what a commission was adjusted by so far, as a decimal number; "" where
// that is not told.
func adjustment(e *providers.Commission) string {
	if e.Adjustment == nil {
		return ""
	}
	return e.Adjustment.Amount.String()
}

// look compares the sum of adjustments: what was added by somebody else as well cannot be
// told apart.
func (c adjustCommission) look(ctx context.Context, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	e, odd, err := byNumber(ctx, c.provider, commissionList, c.in.ID)
	if err != nil {
		return "", nil, err
	}
	var text string
	if e == nil || disturbed || json.Unmarshal(before, &text) != nil {
		return providers.Unclear, nil, nil
	}
	was, wasErr := providers.ParseDecimal(text)
	now, nowErr := providers.ParseDecimal(adjustment(e))
	if wasErr != nil || nowErr != nil {
		return providers.Unclear, nil, nil
	}
	added, err := now.SubExact(was, max(now.Scale(), was.Scale()))
	switch {
	case err != nil:
	case added.Equal(c.in.Amount.Amount):
		return providers.Made, c.changedCommission(e, odd, nil), nil
	case added.IsZero():
		return providers.NotMade, nil, nil
	}
	return providers.Unclear, nil, nil
}
