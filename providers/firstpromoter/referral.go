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

// referralList is GET /referrals: referrals, assumed to come newest first, as there is no
// sorting.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/referrals/openapi-v2-referrals.json
//
//api:operation GET /referrals
var referralList = endpoint[wireReferral, providers.Referral]{
	noun: providers.NounReferral, path: "/referrals", convert: (*reply).referral, core: referralCore, single: true,
}

// referralOne is GET /referrals/{id}: one referral, here always looked up by another field
// (find_by).
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/referrals/openapi-v2-referrals.json
//
//api:operation GET /referrals/{id}
var referralOne = referralList

// wireReferral is a referral; inside commissions only the first three fields are there. Its
// membership may be null, or name no promoter: then it is nobody's.
type wireReferral struct {
	wire.Members
	ID               int64               `json:"id"`
	Email            *string             `json:"email"`
	UID              *string             `json:"uid"`
	State            *string             `json:"state"`
	EntrySource      *string             `json:"entry_source"`
	CreatedAt        *time.Time          `json:"created_at"`
	CustomerSince    optional[time.Time] `json:"customer_since"`
	PromoterCampaign *wireMembership     `json:"promoter_campaign"`
}

// WireID is the referral's number.
func (w wireReferral) WireID() string { return wireID(w.ID) }

// referralStates are the states of a referral.
var referralStates = vocabulary[providers.ReferralStatus]{
	{"signup", providers.ReferralLead},
	{"subscribed", providers.ReferralLead},
	{"active", providers.ReferralActive},
	{"cancelled", providers.ReferralCanceled},
	{"refunded", providers.ReferralRefunded},
	{"denied", providers.ReferralDenied},
	{"pending", providers.ReferralPending},
	{"moved", providers.ReferralMoved},
}

// What a commission tells of its referral.
var (
	referralEdges = []string{"providerId", "kind", "commissions"}
	referralKnown = wire.NewKnowledge(referralEdges, map[string]string{
		"email": "email", "maskedEmail": "email", "customerId": "uid", "status": elsewhere})
	referralStub = providers.Only(
		append([]string{"email", "maskedEmail", "customerId"}, referralEdges...)...) // as documented, for estimates
)

// referralCore is what every referral of a list has.
var referralCore = &wire.Core{
	Members: []string{"email", "state", "entry_source", "created_at", "promoter_campaign"},
	Knowledge: wire.NewKnowledge(
		append([]string{"signedUpAt", "couponCode", "orderId", "orderNumber"}, referralEdges...),
		map[string]string{
			"createdAt": "created_at", "email": "email", "maskedEmail": "email", "customerId": "uid", "status": "state",
			"providerStatus": "state", "source": "entry_source", "convertedAt": "customer_since", "converted": "customer_since",
			"affiliate": "promoter_campaign", "campaign": "promoter_campaign",
		},
	),
}

// movedMark ends the address of a customer that was given to another promoter, each time
// that this happens. It is no part of the address.
const movedMark = "(moved)"

// unmoved is a text without the marks at its end, in whatever case and with or without spaces.
func unmoved(s string) string {
	for {
		s = strings.TrimSpace(s)
		at := len(s) - len(movedMark)
		if at < 0 || !strings.EqualFold(s[at:], movedMark) {
			return s
		}
		s = s[:at]
	}
}

// address is a customer's address; nil for none.
func address(s *string) *string {
	if s == nil {
		return nil
	}
	bare := unmoved(*s)
	return text(&bare)
}

func (r *reply) referral(w *wireReferral) *providers.Referral {
	f := r.bareReferral(w, nil)
	f.CreatedAt = w.CreatedAt
	f.Status = referralStates.status(w.State)
	f.ProviderStatus = text(w.State)
	f.ConvertedAt = w.CustomerSince.Value
	if !w.CustomerSince.Odd() {
		f.Converted = new(w.CustomerSince.Value != nil)
	}
	if !w.Has("customer_since") {
		f.Unread = append(f.Unread, "converted")
	}
	f.Source = text(w.EntrySource)
	f.AffiliateID, f.CampaignID = r.owner(&f.Node, w.PromoterCampaign)
	return f
}

// bareReferral is what a commission tells of its referral.
func (r *reply) bareReferral(w *wireReferral, known *providers.Fields) *providers.Referral {
	return &providers.Referral{
		Node:       r.node(providers.NounReferral, w.ID, nil, known),
		Kind:       providers.ReferralCustomer,
		Email:      address(w.Email),
		CustomerID: text(w.UID),
	}
}

// Referrals plans lists of referrals, one for each affiliate, or else for each state.
func (p *provider) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	l := p.plan()
	l.ids(byPromoter, providers.NounAffiliate, f.Affiliates)
	statuses(l, "filters[state]", referralStates, f.Statuses)
	l.many("filters[campaign_id]", providers.NounCampaign, f.Campaigns)
	if len(f.Campaigns) > 0 {
		l.Exact = false // the list does not declare this filter; its schema has it
	}
	kinds, customer := providers.ReferralFilter{Kinds: f.Kinds}, providers.Referral{Kind: providers.ReferralCustomer}
	if len(f.Kinds) > 0 && !kinds.Match(&customer) || f.OrderID != "" {
		return nil, nil // there are customers only, and no orders
	}
	if f.Converted != nil {
		kind := "lead"
		if *f.Converted {
			kind = "customer"
		}
		l.Query.Set("filters[type]", kind)
	}
	l.days(created, f.CreatedAt)
	l.search(cmp.Or(unmoved(f.Search), f.Search))
	if l.None {
		return nil, nil
	}
	alone := l.Whole()
	switch {
	case f.Email != "":
		email := unmoved(f.Email)
		return referralOne.lookup(p, byEmail, email, nil, alone && f.CustomerID == "", referralEmail, p.movedReferrals(email)), nil
	case f.CustomerID != "":
		return referralOne.lookup(p, "uid", f.CustomerID, nil, alone, referralCustomer, nil), nil
	}
	return referralList.lists(p, l), nil
}

// referralEmail and referralCustomer are what a referral tells in the fields of look-ups.
func referralEmail(_ context.Context, f *providers.Referral) ([]string, error) {
	return texts(f.Email), nil
}

func referralCustomer(_ context.Context, f *providers.Referral) ([]string, error) {
	return texts(f.CustomerID), nil
}

// movedReferrals are those of an address that no look-up finds, because the vendor has
// marked it: it is searched for.
func (p *provider) movedReferrals(email string) func(context.Context) (*providers.Page[providers.Referral], error) {
	return func(ctx context.Context) (*providers.Page[providers.Referral], error) {
		all, err := referralList.whole(ctx, p, url.Values{"q": {providers.FoldEmail(email)}})
		if err == nil {
			f := providers.ReferralFilter{Email: email}
			all.Items = slices.DeleteFunc(all.Items, func(r *providers.Referral) bool { return !f.Match(r) && f.Unsure(r) == "" })
		}
		return all, err
	}
}

// ReferralsByID reads referrals, a hundred a call.
func (p *provider) ReferralsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Referral], error) {
	return referralList.byIDs(ctx, p, p.numbers(providers.NounReferral, ids), need)
}

// The writes of referrals. The last four are actions on many, here on one.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/referrals/openapi-v2-referrals.json
const (
	//api:operation POST /referrals
	referralCreate = "POST /referrals"
	//api:operation PUT /referrals/{id}
	referralUpdate = "PUT /referrals/{id}"
	//api:operation POST /referrals/approve
	referralApprove = "POST /referrals/approve"
	//api:operation POST /referrals/disable
	referralDisable = "POST /referrals/disable"
	//api:operation POST /referrals/enable
	referralEnable = "POST /referrals/enable"
	//api:operation POST /referrals/move_to_promoter
	referralMove = "POST /referrals/move_to_promoter"
)

// referralBody is what POST and PUT /referrals take.
type referralBody struct {
	Membership int64   `json:"promoter_campaign_id,omitempty"`
	Email      *string `json:"email,omitempty"`
	UID        *string `json:"uid,omitempty"`
}

// referralFields are the vendor's names of what is written to a referral.
var referralFields = map[string]string{"email": "email", "uid": "customerId", "promoter_campaign_id": "campaign"}

// referralsBody is what the actions on referrals take.
type referralsBody struct {
	IDs             []int64 `json:"ids"`
	Membership      int64   `json:"promoter_campaign_id,omitempty"`
	MoveCommissions *bool   `json:"move_associated_commissions,omitempty"`
}

// What createReferral's outcome is proven by.
const (
	withEmail      = "with an e-mail address"
	withCustomerID = "with a customer's id only"
)

// createReferral is POST /referrals. Whether the customer is there already is asked first:
// they would be taken for the one that was made.
type createReferral struct {
	*providers.CreateReferralInput
}

// found is the customer, looked for by what they are recognized by; nil for none.
func (m createReferral) found(ctx context.Context, p *provider) (f *providers.Referral, field string, h providers.Harvest, err error) {
	if m.Email != nil {
		f, h, err = referralOne.find(ctx, p, byEmail, *m.Email, nil, referralEmail)
		return f, "email", h, err
	}
	f, h, err = referralOne.find(ctx, p, "uid", *m.CustomerID, nil, referralCustomer)
	return f, "customerId", h, err
}

func (m createReferral) wants(p *provider) (r providers.Problems) {
	r.When(m.OrderID != nil, providers.ProblemUnsupported, "orderId", "FirstPromoter knows no orders")
	r.When(m.Status != nil, providers.ProblemUnsupported, "status", "FirstPromoter does not take it: a sale makes a customer active")
	r.When(m.Email == nil && m.CustomerID == nil, providers.ProblemInvalid, "email", "FirstPromoter wants it or customerId")
	return append(r, p.named(providers.NounAffiliate, "affiliate", m.Affiliate)...)
}

func (m createReferral) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	member, err := p.memberNow(ctx, m.Affiliate, "affiliate", m.Campaign, "campaign")
	if err != nil {
		return nil, err
	}
	f, field, _, err := m.found(ctx, p)
	switch taken, err := taken(f, err); {
	case err != nil:
		return nil, err
	case taken:
		return nil, providers.Problemf(providers.ProblemTaken, field, "belongs to another referral of this account")
	}
	n, _ := number(member.ProviderID)
	body := referralBody{Membership: n, Email: m.Email, UID: m.CustomerID}
	return &providers.Write{
		Op: referralCreate, Fields: referralFields, Before: providers.Image(placeImage{member.CampaignID.Local}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			f, h, err := referralList.write(ctx, p, referralCreate, pathOf(referralCreate), body)
			if err != nil {
				return nil, err
			}
			return m.written(f, h), nil
		},
	}, nil
}

// placeImage is the campaign that a write leads to, for inputs that leave it to be found.
type placeImage struct{ Campaign string }

func (m createReferral) written(id providers.ID, h providers.Harvest) *providers.Written {
	return written(id, h, []providers.Noun{providers.NounReferral})
}

func (m createReferral) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	f, _, h, err := m.found(ctx, p)
	if f == nil {
		return lookFailed(err)
	}
	alike := f.AffiliateID == m.Affiliate && f.CampaignID.Local == pictured[placeImage](before).Campaign &&
		agrees(f.CustomerID, m.CustomerID)
	h.Referrals = append(h.Referrals, f)
	return judgeNew(true, alike, disturbed), m.written(f.ID, h), nil
}

// updateReferral is PUT /referrals/{id}.
type updateReferral struct {
	*providers.UpdateReferralInput
}

// customerImage is what updateReferral changes.
type customerImage struct{ Email, CustomerID string }

func imageOfCustomer(f *providers.Referral) customerImage {
	return customerImage{fingerprint(f.Email), fingerprint(f.CustomerID)}
}

func (m updateReferral) wants(p *provider) providers.Problems {
	return p.named(providers.NounReferral, "id", m.ID)
}

func (m updateReferral) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	f, _, err := referralOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return nil, err
	}
	body := referralBody{Email: m.Email, UID: m.CustomerID}
	return &providers.Write{
		Op: referralUpdate, Fields: referralFields, Before: providers.Image(imageOfCustomer(f)),
		Send: func(ctx context.Context) (*providers.Written, error) {
			h, err := referralList.writeTo(ctx, p, referralUpdate, m.ID.Local, body)
			if err != nil {
				return nil, err
			}
			return m.written(h), nil
		},
	}, nil
}

func (m updateReferral) written(h providers.Harvest) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounReferral}, m.ID)
}

func (m updateReferral) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	f, h, err := referralOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return "", nil, err
	}
	h.Referrals = append(h.Referrals, f)
	holds := sameEmail(f.Email, m.Email) && equal(f.CustomerID, m.CustomerID)
	return providers.JudgeState(holds, pictured[customerImage](before) == imageOfCustomer(f), disturbed), m.written(h), nil
}

// moveReferral is POST /referrals/move_to_promoter.
type moveReferral struct {
	*providers.MoveReferralInput
}

// ownerImage is whose a referral is, and the campaign that it is to go to.
type ownerImage struct{ Affiliate, Campaign, To string }

func (m moveReferral) wants(p *provider) providers.Problems {
	return append(p.named(providers.NounReferral, "id", m.ID), p.named(providers.NounAffiliate, "affiliate", m.Affiliate)...)
}

func (m moveReferral) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	f, _, err := referralOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return nil, err
	}
	member, err := p.memberNow(ctx, m.Affiliate, "affiliate", m.Campaign, "campaign")
	if err != nil {
		return nil, err
	}
	if f.AffiliateID == m.Affiliate && f.CampaignID == member.CampaignID {
		return nil, providers.Problemf(providers.ProblemConflict, "affiliate", "has the referral already, in this campaign")
	}
	n, _ := number(member.ProviderID)
	body := referralsBody{IDs: []int64{numberOf(m.ID)}, Membership: n, MoveCommissions: m.MoveCommissions}
	before := providers.Image(ownerImage{f.AffiliateID.Local, f.CampaignID.Local, member.CampaignID.Local})
	return &providers.Write{Op: referralMove, Before: before, Send: func(ctx context.Context) (*providers.Written, error) {
		if err := p.act(ctx, referralMove, body); err != nil {
			return nil, err
		}
		return m.written(providers.Harvest{}, f.AffiliateID), nil
	}}, nil
}

// written: with the commissions go both affiliates' figures.
func (m moveReferral) written(h providers.Harvest, from providers.ID) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounReferral, providers.NounCommission}, m.ID, from, m.Affiliate)
}

func (m moveReferral) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	f, h, err := referralOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return "", nil, err
	}
	h.Referrals = append(h.Referrals, f)
	was := pictured[ownerImage](before)
	holds := f.AffiliateID == m.Affiliate && f.CampaignID.Local == was.To
	asBefore := f.AffiliateID.Local == was.Affiliate && f.CampaignID.Local == was.Campaign
	return providers.JudgeState(holds, asBefore, disturbed), m.written(h, p.local(providers.NounAffiliate, was.Affiliate)), nil
}

// setReferralStatus is an action on referrals.
type setReferralStatus struct {
	*providers.SetReferralStatusInput
}

type stateImage struct{ State string }

// referralDecisions are the actions, and the state that a referral has to be in, or must
// not be in.
var referralDecisions = map[providers.ReferralDecision]struct {
	op    string
	state providers.ReferralStatus
	is    bool
	wrong string
}{
	providers.ReferralApprove: {referralApprove, providers.ReferralPending, true, "the referral does not wait for an approval"},
	providers.ReferralDisable: {referralDisable, providers.ReferralDenied, false, "the referral is disabled already"},
	providers.ReferralEnable:  {referralEnable, providers.ReferralDenied, true, "the referral is not disabled"},
}

func (m setReferralStatus) wants(p *provider) (r providers.Problems) {
	_, ok := referralDecisions[m.Decision]
	r.When(!ok, providers.ProblemUnsupported, "decision", "FirstPromoter takes APPROVE, DISABLE and ENABLE")
	return append(r, p.named(providers.NounReferral, "id", m.ID)...)
}

func (m setReferralStatus) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	d := referralDecisions[m.Decision]
	f, _, err := referralOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return nil, err
	}
	if (f.Status == d.state) != d.is {
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "%s", d.wrong)
	}
	return &providers.Write{
		Op:     d.op,
		Before: providers.Image(stateImage{string(f.Status)}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := p.act(ctx, d.op, referralsBody{IDs: []int64{numberOf(m.ID)}}); err != nil {
				return nil, err
			}
			return m.written(providers.Harvest{}), nil
		},
	}, nil
}

func (m setReferralStatus) written(h providers.Harvest) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounReferral}, m.ID)
}

func (m setReferralStatus) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	d := referralDecisions[m.Decision]
	f, h, err := referralOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return "", nil, err
	}
	h.Referrals = append(h.Referrals, f)
	// Each decision takes a referral out of the state that it had to be in, or into the one
	// that it must not be in. One that was disabled while it waited was not approved.
	// A word that is not known says nothing.
	known := f.Status != providers.ReferralUnknown
	holds := known && (f.Status == d.state) != d.is &&
		!(m.Decision == providers.ReferralApprove && f.Status == providers.ReferralDenied)
	return providers.JudgeState(
			holds,
			known && string(f.Status) == pictured[stateImage](before).State,
			disturbed,
		), m.written(
			h,
		), nil
}
