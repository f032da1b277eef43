package firstpromoter

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// The writes of commissions. The last two are actions on many, here on one. There is none
// that changes an amount.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/commissions/openapi-v2-commissions.json
const (
	//api:operation POST /commissions
	commissionCreate = "POST /commissions"
	//api:operation PUT /commissions/{id}
	commissionUpdate = "PUT /commissions/{id}"
	//api:operation POST /commissions/approve
	commissionApprove = "POST /commissions/approve"
	//api:operation POST /commissions/deny
	commissionDeny = "POST /commissions/deny"
)

// commissionBody is what POST and PUT /commissions take. Amounts are in cents.
type commissionBody struct {
	Type         string  `json:"commission_type,omitempty"`
	Referral     int64   `json:"referral_id,omitempty"`
	SaleAmount   int64   `json:"sale_amount,omitempty"`
	Membership   int64   `json:"promoter_campaign_id,omitempty"`
	Amount       int64   `json:"amount,omitempty"`
	Unit         string  `json:"unit,omitempty"`
	EventID      string  `json:"event_id,omitempty"`
	EventDate    string  `json:"event_date,omitempty"` // a day
	ExternalNote *string `json:"external_note,omitempty"`
	InternalNote *string `json:"internal_note,omitempty"`
	Notify       *bool   `json:"notify_promoter,omitempty"`
}

// maxWhole keeps amounts in cents within 64 bits.
const maxWhole = 1_000_000_000_000_000

// cents is an amount as the vendor counts it; false for one with more places than its
// currency has, and beyond any sum.
func cents(m providers.Money) (int64, bool) {
	digits := providers.MinorDigits(m.CurrencyCode)
	whole, rest, ok := m.Amount.Int64(digits)
	if !ok || whole > maxWhole || whole < -maxWhole || m.Amount.Trim(0).Scale() > digits {
		return 0, false
	}
	for range digits {
		whole *= 10
	}
	return whole + rest, true
}

// eventOf is the event id of a commission for which the caller names none: the same for the
// same write, so that it can be looked for. The vendor takes equal commissions twice, and
// knows no keys of writes.
func eventOf(c providers.Command) string {
	_, subject := c.Subject()
	return ownEvents + hash(subject.String()+" "+c.Key())
}

// ownEvents begins the event ids that no caller has named: each is of one write.
const ownEvents = "partnergraph-"

// commissionsOf are the commissions of an event: found by the search, which also finds
// customers, and compared again. Unnamed are those found that tell no event.
func (p *provider) commissionsOf(
	ctx context.Context,
	event string,
) (its, unnamed []*providers.Commission, _ providers.Harvest, _ error) {
	all, err := commissionList.whole(ctx, p, url.Values{"q": {event}})
	if err == nil && all.Unread > 0 { // which may be of this event
		err = p.badReply("GET "+commissionList.path, errNoID)
	}
	if err != nil {
		return nil, nil, providers.Harvest{}, err
	}
	for _, c := range all.Items {
		switch {
		case c.EventID == nil:
			unnamed = append(unnamed, c)
		case wire.Same(*c.EventID, event):
			its = append(its, c)
		}
	}
	return its, unnamed, all.Harvest, nil
}

// createCommission is POST /commissions.
type createCommission struct {
	*providers.CreateCommissionInput
}

func (m createCommission) event() string {
	if m.EventID != nil {
		return *m.EventID
	}
	return eventOf(m.CreateCommissionInput)
}

func (m createCommission) wants(p *provider) (r providers.Problems) {
	if sale := m.Commission.Sale; sale != nil {
		r.When(
			sale.Amount != nil,
			providers.ProblemUnsupported,
			"commission.sale.amount",
			"FirstPromoter works it out; a custom commission takes an amount",
		)
		minor, _ := cents(sale.SaleAmount)
		r.When(minor <= 0, providers.ProblemInvalid, "commission.sale.saleAmount", "has to be a number of cents above 0")
		r = append(r, p.named(providers.NounReferral, "commission.sale.referral", sale.Referral)...)
	}
	if custom := m.Commission.Custom; custom != nil {
		r.When(custom.SaleAmount != nil, providers.ProblemUnsupported, "commission.custom.saleAmount", "FirstPromoter does not take it")
		minor, _ := cents(custom.Amount)
		r.When(minor <= 0, providers.ProblemInvalid, "commission.custom.amount", "has to be a number of cents above 0")
		r = append(r, p.named(providers.NounAffiliate, "commission.custom.affiliate", custom.Affiliate)...)
	}
	return r
}

func (m createCommission) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	e, err := m.earning(ctx, p)
	if err != nil {
		return nil, err
	}
	e.body.EventID, e.body.ExternalNote, e.body.InternalNote, e.body.Notify = m.event(), m.Note, m.InternalNote, m.Notify
	if m.EarnedAt != nil {
		e.body.EventDate = m.EarnedAt.UTC().Format(time.DateOnly)
	}
	field := "eventId"
	if m.EventID == nil {
		field = "idempotencyKey"
	}
	w, err := e.write(ctx, p, field)
	if err == nil && e.place != nil {
		w.Before = providers.Image(placeImage{e.place.campaign.Local})
	}
	return w, err
}

// earning is what is to be made; it reads whom it is for.
func (m createCommission) earning(ctx context.Context, p *provider) (earning, error) {
	if sale := m.Commission.Sale; sale != nil {
		_, _, err := referralOne.now(ctx, p, sale.Referral, "commission.sale.referral", nil)
		return m.wanted(providers.ID{}), err
	}
	custom := m.Commission.Custom
	member, err := p.memberNow(ctx, custom.Affiliate, "commission.custom.affiliate", custom.Campaign, "commission.custom.campaign")
	if err != nil {
		return earning{}, err
	}
	e := m.wanted(member.CampaignID)
	e.body.Membership, _ = number(member.ProviderID)
	return e, nil
}

// wanted is what can be told of what is to be made without a call; campaign is that of a
// custom commission. Amounts that are no cents are 0.
func (m createCommission) wanted(campaign providers.ID) earning {
	if sale := m.Commission.Sale; sale != nil {
		n, _ := cents(sale.SaleAmount)
		return earning{kind: providers.CommissionSale, minor: n, referral: sale.Referral,
			body: commissionBody{Type: "sale", Referral: numberOf(sale.Referral), SaleAmount: n}}
	}
	custom := m.Commission.Custom
	n, _ := cents(custom.Amount)
	return earning{kind: providers.CommissionCustom, minor: n, place: &earningPlace{custom.Affiliate, campaign},
		body: commissionBody{Type: "custom", Amount: n, Unit: "cash"}}
}

func (m createCommission) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	_ bool,
) (providers.Verdict, *providers.Written, error) {
	return m.wanted(p.local(providers.NounCampaign, pictured[placeImage](before).Campaign)).look(ctx, p, m.event())
}

// adjustCommission is POST /commissions as well: an amount that stands cannot be changed,
// so that a custom commission of the same membership makes up for it. That it may be
// negative is assumed.
type adjustCommission struct {
	*providers.AdjustCommissionInput
}

// adjustedImage is whose the adjusted commission is.
type adjustedImage struct{ Affiliate, Campaign string }

func (m adjustCommission) wanted(affiliate, campaign providers.ID) earning {
	n, _ := cents(m.Amount)
	return earning{kind: providers.CommissionCustom, minor: n, place: &earningPlace{affiliate, campaign}, body: commissionBody{
		Type: "custom", Amount: n, Unit: "cash", EventID: eventOf(m.AdjustCommissionInput),
		ExternalNote: m.Note, InternalNote: new("Adjusts commission " + m.ID.Local),
	}}
}

func (m adjustCommission) wants(p *provider) (r providers.Problems) {
	minor, _ := cents(m.Amount)
	r.When(minor == 0, providers.ProblemInvalid, "amount", "has to be a number of cents other than 0")
	return append(r, p.named(providers.NounCommission, "id", m.ID)...)
}

func (m adjustCommission) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	c, h, err := commissionList.nowListed(ctx, p, m.ID, "id")
	if err != nil {
		return nil, err
	}
	switch {
	case c.Amount == nil:
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "the commission is no money")
	case c.Status == providers.CommissionDenied:
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "the commission is denied")
	}
	i := slices.IndexFunc(h.Memberships, func(o *providers.Membership) bool {
		return o.AffiliateID == c.AffiliateID && o.CampaignID == c.CampaignID
	})
	if i < 0 {
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "the commission belongs to no membership")
	}
	e := m.wanted(c.AffiliateID, c.CampaignID)
	e.body.Membership, _ = number(h.Memberships[i].ProviderID)
	w, err := e.write(ctx, p, "idempotencyKey")
	if err == nil {
		w.Before = providers.Image(adjustedImage{c.AffiliateID.Local, c.CampaignID.Local})
		w.Fields = map[string]string{"amount": "amount", "external_note": "note", "promoter_campaign_id": "id"}
	}
	return w, err
}

func (m adjustCommission) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	_ bool,
) (providers.Verdict, *providers.Written, error) {
	was := pictured[adjustedImage](before)
	e := m.wanted(p.local(providers.NounAffiliate, was.Affiliate), p.local(providers.NounCampaign, was.Campaign))
	return e.look(ctx, p, e.body.EventID)
}

// updateCommission is PUT /commissions/{id}, which takes the notes and nothing else.
type updateCommission struct {
	*providers.UpdateCommissionInput
}

// notesImage is what updateCommission changes.
type notesImage struct{ Note, InternalNote string }

func imageOfNotes(c *providers.Commission) notesImage {
	return notesImage{fingerprint(c.Note), fingerprint(c.InternalNote)}
}

func (m updateCommission) wants(p *provider) providers.Problems {
	return p.named(providers.NounCommission, "id", m.ID)
}

func (m updateCommission) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	c, _, err := commissionList.nowListed(ctx, p, m.ID, "id")
	if err != nil {
		return nil, err
	}
	body := commissionBody{ExternalNote: m.Note, InternalNote: m.InternalNote}
	return &providers.Write{
		Op:     commissionUpdate,
		Before: providers.Image(imageOfNotes(c)),
		Fields: map[string]string{"external_note": "note", "internal_note": "internalNote"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			h, err := commissionList.writeTo(ctx, p, commissionUpdate, m.ID.Local, body)
			if err != nil {
				return nil, err
			}
			return m.written(h), nil
		},
	}, nil
}

func (m updateCommission) written(h providers.Harvest) *providers.Written {
	return written(m.ID, h, nil, m.ID)
}

func (m updateCommission) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	c, h, err := commissionList.nowListed(ctx, p, m.ID, "id")
	if err != nil {
		return "", nil, err
	}
	h.Commissions = append(h.Commissions, c)
	holds := equal(c.Note, m.Note) && equal(c.InternalNote, m.InternalNote)
	return providers.JudgeState(holds, pictured[notesImage](before) == imageOfNotes(c), disturbed), m.written(h), nil
}

// setCommissionStatus is an action on commissions.
type setCommissionStatus struct {
	*providers.SetCommissionStatusInput
}

// commissionActions are the actions by which a commission gets into a state.
var commissionActions = map[providers.CommissionStatus]string{
	providers.CommissionApproved: commissionApprove, providers.CommissionDenied: commissionDeny,
}

// commissionsBody is what the actions on commissions take.
type commissionsBody struct {
	IDs []int64 `json:"ids"`
}

func (m setCommissionStatus) wants(p *provider) (r providers.Problems) {
	r.When(commissionActions[m.Status] == "", providers.ProblemUnsupported, "status", "FirstPromoter takes APPROVED and DENIED")
	return append(r, p.named(providers.NounCommission, "id", m.ID)...)
}

func (m setCommissionStatus) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	op := commissionActions[m.Status]
	c, _, err := commissionList.nowListed(ctx, p, m.ID, "id")
	if err != nil {
		return nil, err
	}
	if c.Status == providers.CommissionPaid {
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "the commission is paid")
	}
	return &providers.Write{
		Op:     op,
		Before: providers.Image(stateImage{string(c.Status)}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := p.act(ctx, op, commissionsBody{[]int64{numberOf(m.ID)}}); err != nil {
				return nil, err
			}
			return m.written(c, providers.Harvest{}), nil
		},
	}, nil
}

// written: what is approved counts for the affiliate, and may be in a payout.
func (m setCommissionStatus) written(c *providers.Commission, h providers.Harvest) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounCommission, providers.NounPayout}, m.ID, c.AffiliateID)
}

func (m setCommissionStatus) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	c, h, err := commissionList.nowListed(ctx, p, m.ID, "id")
	if err != nil {
		return "", nil, err
	}
	h.Commissions = append(h.Commissions, c)
	holds := c.Status == m.Status || m.Status == providers.CommissionApproved && c.Status == providers.CommissionPaid
	return providers.JudgeState(
			holds,
			c.ProviderStatus != nil && string(c.Status) == pictured[stateImage](before).State,
			disturbed,
		), m.written(
			c,
			h,
		), nil
}
