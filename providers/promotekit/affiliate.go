package promotekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Affiliates plans the list that one of the vendor's filters makes: what names one affiliate (an
// e-mail address, a code) goes first and alone; campaigns make a list each.
func (p *provider) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	campaigns, ok := p.uuids(providers.NounCampaign, f.Campaigns)
	if !ok || !f.Parent.IsZero() || !canBe(f.Statuses, affiliateStates...) || f.Email != "" && !providers.IsEmail(f.Email) {
		return nil, nil
	}
	exact := len(f.Statuses) == 0 && f.Search == ""
	if query, more := firstSet(emailParameter, f.Email, "ref_code", f.RefCode, "promo_code", f.PromoCode); query != nil {
		list := at[providers.Affiliate]
		if f.Email != "" {
			list = addressed[providers.Affiliate]
		}
		exact = exact && !more && len(campaigns) == 0
		return []providers.List[providers.Affiliate]{list("/affiliates", query, exact, p.listAffiliates)}, nil
	}
	return forEach("/affiliates", nil, "campaign_id", campaigns, exact, p.listAffiliates), nil
}

// AffiliatesByID reads affiliates one by one, or all where that is fewer calls.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	return byID(ctx, p, providers.NounAffiliate, ids, p.listAffiliates, p.getAffiliate, covers[providers.Affiliate](need))
}

// listAffiliates reads a page of the affiliates.
// https://www.promotekit.com/docs/api-reference/affiliates/list-affiliates
//
//api:operation GET /affiliates
func (p *provider) listAffiliates(
	ctx context.Context,
	query url.Values,
	r providers.PageRequest,
) (*providers.Page[providers.Affiliate], error) {
	return readPage(ctx, p, providers.NounAffiliate, "/affiliates", query, r, (*reply).affiliate)
}

// getAffiliate reads one affiliate.
// https://www.promotekit.com/docs/api-reference/affiliates/get-affiliate
//
//api:operation GET /affiliates/{id}
func (p *provider) getAffiliate(ctx context.Context, uuid string) (*providers.Affiliate, providers.Harvest, error) {
	return readRecord(ctx, p, providers.NounAffiliate, "/affiliates", uuid, (*reply).affiliate)
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
	PromoCodes    []promoCodeWire            `json:"promo_codes"`
	Clicks        *int64                     `json:"clicks"`
	Approved      *bool                      `json:"approved"`
	Banned        *bool                      `json:"banned"`
	Details       string                     `json:"details"`
	Notifications *bool                      `json:"new_paid_referral_notifications"`
	Campaign      wire.Related[campaignWire] `json:"campaign"`
}

// relatedAffiliate converts an affiliate that stands inside another record.
func (r *reply) relatedAffiliate(w *affiliateWire) *providers.Affiliate {
	a := r.affiliateOf(w, membershipKnowledge.Fields(w.Members), couponKnowledge.Fields(w.Members), wire.MarkPart, wire.MarkPart)
	a.Known = affiliateKnowledge.Fields(w.Members)
	return a
}

// affiliate converts an affiliate.
func (r *reply) affiliate(w *affiliateWire) *providers.Affiliate {
	membership := core[providers.NounMembership].Fields(r.list, w.Members, nil)
	return r.affiliateOf(w, membership, core[providers.NounCoupon].Fields(r.list, w.Members, nil), wire.Mark, wire.Mark)
}

// affiliateOf converts an affiliate and harvests its campaign, membership and coupons, of
// which so much is known. The marks note on these what cannot be read.
func (r *reply) affiliateOf(
	w *affiliateWire, membership, coupon *providers.Fields,
	markMembership func(*wire.Core, *affiliateWire, *providers.Membership) *providers.Membership,
	markCoupon func(*wire.Core, *affiliateWire, *providers.Coupon) *providers.Coupon,
) *providers.Affiliate {
	related(r, &w.Campaign, (*reply).relatedCampaign)
	state := standing(w)
	a := &providers.Affiliate{
		Node:           r.node(providers.NounAffiliate, w.record),
		Email:          text(w.Email),
		FirstName:      wire.Name(w.FirstName),
		LastName:       wire.Name(w.LastName),
		Name:           wire.Name(w.FirstName, w.LastName),
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
		m.Known = membership
		markMembership(core[providers.NounMembership], w, m)
		a.Memberships = append(a.Memberships, m)
		harvested(r, m)
	}
	for _, c := range a.Coupons {
		c.Known = coupon
		harvested(r, markCoupon(core[providers.NounCoupon], w, c))
	}
	return a
}

// affiliateBody is what POST and PUT take. What is nil is left out, and stays as it is.
type affiliateBody struct {
	Email         *string `json:"email,omitempty"`
	FirstName     *string `json:"first_name,omitempty"`
	LastName      *string `json:"last_name,omitempty"`
	PayoutEmail   *string `json:"payout_email,omitempty"`
	RefCode       *string `json:"ref_code,omitempty"`
	PromoCode     *string `json:"promo_code,omitempty"`
	CampaignID    *string `json:"campaign_id,omitempty"`
	Approved      *bool   `json:"approved,omitempty"`
	Banned        *bool   `json:"banned,omitempty"`
	Details       *string `json:"details,omitempty"`
	Notifications *bool   `json:"new_paid_referral_notifications,omitempty"`
}

// body is the affiliate as a body would make it, without what could not be read. Of several codes
// the one is taken that is wanted, if it is there.
func (w *affiliateWire) body(wanted *affiliateBody) *affiliateBody {
	var link, promo string
	pick := func(to *string, code string, wanted *string) {
		if *to == "" || wanted != nil && strings.EqualFold(code, *wanted) {
			*to = code
		}
	}
	for _, l := range w.Links {
		pick(&link, l.Code, wanted.RefCode)
	}
	for _, c := range w.PromoCodes {
		pick(&promo, c.Code, wanted.PromoCode)
	}
	return &affiliateBody{
		Email: told(w.Members, "email", w.Email), FirstName: told(w.Members, "first_name", w.FirstName),
		LastName: told(w.Members, "last_name", w.LastName), PayoutEmail: told(w.Members, "payout_email", w.PayoutEmail),
		Details: told(w.Members, "details", w.Details), CampaignID: told(w.Members, "campaign", w.Campaign.ID),
		RefCode: told(w.Members, "links", link), PromoCode: told(w.Members, "promo_codes", promo),
		Approved: w.Approved, Banned: w.Banned, Notifications: w.Notifications,
	}
}

var affiliateFields = map[string]string{
	"email": "email", "first_name": "firstName", "last_name": "lastName", "payout_email": "payoutEmail", "details": "note",
	"ref_code": "refCode", "promo_code": "couponCode", "campaign_id": "campaign", "approved": "approved",
	"new_paid_referral_notifications": "notifyOnSale",
}

func wantsCreateAffiliate(c *providers.CreateAffiliateInput) (bad providers.Problems) {
	bad.When(c.FirstName == nil, providers.ProblemInvalid, "firstName", "PromoteKit wants a first name")
	bad.When(c.LastName == nil, providers.ProblemInvalid, "lastName", "PromoteKit wants a last name")
	bad.When(
		c.SendEmail != nil,
		providers.ProblemUnsupported,
		"sendEmail",
		"PromoteKit takes no word on whether it writes to new affiliates",
	)
	bad.When(
		c.Campaign != nil && uuidOf(*c.Campaign) == "",
		providers.ProblemNotFound,
		"campaign",
		"there is no such campaign at PromoteKit",
	)
	return bad
}

// affiliatesByEmail finds what a new one would be a second of.
var affiliatesByEmail = emailSearch[affiliateWire, providers.Affiliate]{
	noun:    providers.NounAffiliate,
	path:    "/affiliates",
	convert: (*reply).affiliate,
	email:   func(w *affiliateWire) string { return w.Email },
}

func (p *provider) planCreateAffiliate(ctx context.Context, c *providers.CreateAffiliateInput) (*providers.Write, error) {
	there, err := affiliatesByEmail.find(ctx, p, c.Email)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		return nil, providers.Problemf(providers.ProblemTaken, "email", "there is an affiliate with this address already")
	}
	return &providers.Write{
		Op: "POST /affiliates", Proof: proofOf(c.Mutation()), Fields: affiliateFields,
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, err := p.postAffiliate(ctx, newAffiliate(c))
			if err != nil {
				return nil, err
			}
			return p.createdAffiliate(w), nil
		},
	}, nil
}

func newAffiliate(c *providers.CreateAffiliateInput) *affiliateBody {
	b := &affiliateBody{
		Email:       &c.Email,
		FirstName:   c.FirstName,
		LastName:    c.LastName,
		PayoutEmail: c.PayoutEmail,
		RefCode:     c.RefCode,
		PromoCode:   c.CouponCode,
		Approved:    c.Approved,
		Details:     c.Note,
	}
	if c.Campaign != nil {
		b.CampaignID = &c.Campaign.Local
	}
	return b
}

// lookCreateAffiliate takes an affiliate of this address for the one that was to be made:
// there was none before. It is another one if it is called otherwise, or is in another
// campaign.
func (p *provider) lookCreateAffiliate(
	ctx context.Context,
	c *providers.CreateAffiliateInput,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	found, err := affiliatesByEmail.find(ctx, p, c.Email)
	if err != nil {
		return "", nil, err
	}
	if len(found) == 0 {
		return providers.NotMade, nil, nil
	}
	body := newAffiliate(c)
	compared := &affiliateBody{Email: body.Email, FirstName: body.FirstName, LastName: body.LastName, CampaignID: body.CampaignID}
	wanted, now, err := images(compared, found[0].body(body))
	if err != nil {
		return "", nil, err
	}
	if len(found) > 1 || disturbed || !wanted.agrees(now) || found[0].WireID() == "" {
		return providers.Unclear, nil, nil
	}
	return providers.Made, p.createdAffiliate(&found[0]), nil
}

func (p *provider) createdAffiliate(w *affiliateWire) *providers.Written {
	return wrote(p, w, affiliateKnowledge.Fields(w.Members), (*reply).affiliate,
		providers.NounAffiliate, providers.NounMembership, providers.NounCoupon)
}

// postAffiliate makes an affiliate.
// https://www.promotekit.com/docs/api-reference/affiliates/create-affiliate
//
//api:operation POST /affiliates
func (p *provider) postAffiliate(ctx context.Context, body *affiliateBody) (*affiliateWire, error) {
	return send[affiliateWire](ctx, p, "POST /affiliates", "/affiliates", "campaign", "campaign", body)
}

// putAffiliate changes an affiliate. Fields that are left out are taken to stay as they
// are, which the reference does not say.
// https://www.promotekit.com/docs/api-reference/affiliates/update-affiliate
//
//api:operation PUT /affiliates/{id}
func (p *provider) putAffiliate(ctx context.Context, ch *affiliateChange) (*affiliateWire, error) {
	field, what := ch.field, "affiliate"
	if ch.body.CampaignID != nil { // the affiliate was there just now
		field, what = "toCampaign", "campaign"
	}
	return send[affiliateWire](ctx, p, "PUT /affiliates/{id}", "/affiliates/"+ch.affiliate, field, what, &ch.body)
}

// affiliateChange is what a command changes of one affiliate.
type affiliateChange struct {
	affiliate string       // its UUID; "" where the command names none
	field     string       // of the input, that names it
	answer    providers.ID // the record that the mutation answers: what the command names, unless it is another part of the affiliate
	body      affiliateBody
	fields    map[string]string                                   // other names of fields than affiliateFields has
	check     func(ctx context.Context, now *affiliateWire) error // whether it makes sense now; nil: always
	lists     []providers.Noun                                    // that change
}

// affiliateChangeOf is what a command changes.
func (p *provider) affiliateChangeOf(c providers.Command) (ch *affiliateChange, err error) {
	switch c := c.(type) {
	case *providers.UpdateAffiliateInput:
		ch = &affiliateChange{lists: []providers.Noun{providers.NounAffiliate}, body: affiliateBody{
			Email:         c.Email,
			FirstName:     c.FirstName,
			LastName:      c.LastName,
			PayoutEmail:   c.PayoutEmail,
			Details:       c.Note,
			Notifications: c.NotifyOnSale,
		}}
	case *providers.SetAffiliateStatusInput:
		ch, err = setAffiliateStatus(c)
	case *providers.MoveAffiliateInput:
		ch, err = p.moveAffiliate(c)
	case *providers.UpdateMembershipInput:
		ch = p.updateMembership(c)
	case *providers.AssignCouponInput:
		ch, err = p.assignCoupon(c)
	default:
		err = fmt.Errorf("%s changes no affiliate", c.Mutation())
	}
	if err != nil {
		return nil, err
	}
	field, subject := c.Subject()
	ch.affiliate, ch.field = uuidOf(subject), field
	if ch.answer.IsZero() {
		ch.answer = subject
	}
	return ch, nil
}

func setAffiliateStatus(c *providers.SetAffiliateStatusInput) (*affiliateChange, error) {
	ch := &affiliateChange{
		lists:  []providers.Noun{providers.NounAffiliate, providers.NounMembership},
		fields: map[string]string{"approved": "status", "banned": "status"},
	}
	known := true
	switch c.Status {
	case providers.AffiliateActive:
		ch.body = affiliateBody{Approved: new(true), Banned: new(false)}
	case providers.AffiliatePending: // who is banned does not wait
		ch.body = affiliateBody{Approved: new(false), Banned: new(false)}
	case providers.AffiliateBanned:
		ch.body = affiliateBody{Banned: new(true)}
	default:
		known = false
	}
	var bad providers.Problems
	bad.When(!known, providers.ProblemUnsupported, "status", "PromoteKit has ACTIVE, PENDING and BANNED")
	bad.When(c.Campaign != nil, providers.ProblemUnsupported, "campaign", "at PromoteKit an affiliate is in one campaign only")
	return ch, bad.Err()
}

func (p *provider) moveAffiliate(c *providers.MoveAffiliateInput) (*affiliateChange, error) {
	to := uuidOf(c.ToCampaign)
	var bad providers.Problems
	bad.When(
		c.MoveReferrals != nil,
		providers.ProblemUnsupported,
		"moveReferrals",
		"at PromoteKit referrals always go with their affiliate",
	)
	bad.When(to == "", providers.ProblemNotFound, "toCampaign", "there is no such campaign at PromoteKit")
	return &affiliateChange{
		body: affiliateBody{CampaignID: &to}, fields: map[string]string{"campaign_id": "toCampaign"},
		lists: []providers.Noun{providers.NounAffiliate, providers.NounMembership, providers.NounCoupon,
			providers.NounReferral, providers.NounCommission, providers.NounPayout}, // which are in their affiliate's campaign
		check: func(_ context.Context, now *affiliateWire) error {
			switch {
			case c.FromCampaign != nil && now.Odd("campaign"):
				return p.badReply("GET /affiliates/{id}", errNoCampaign)
			case now.Campaign.ID == to:
				return providers.Problemf(providers.ProblemWrongState, "toCampaign", "the affiliate is in this campaign already")
			case c.FromCampaign != nil && now.Campaign.ID != c.FromCampaign.Local:
				return providers.Problemf(providers.ProblemWrongState, "fromCampaign", "the affiliate is not in this campaign")
			}
			return nil
		},
	}, bad.Err()
}

// affiliateBefore is what is stored of an affiliate before a change.
type affiliateBefore struct {
	Was   image          `json:"was"`   // the fields that are changed
	Parts []providers.ID `json:"parts"` // its membership and coupons
}

func (p *provider) wantsAffiliateChange(c providers.Command) (bad providers.Problems) {
	_, err := p.affiliateChangeOf(c)
	errors.As(err, &bad)
	field, subject := c.Subject()
	bad.When(uuidOf(subject) == "", providers.ProblemNotFound, field, "there is no such affiliate at PromoteKit")
	return bad
}

func (p *provider) planAffiliateChange(ctx context.Context, c providers.Command) (*providers.Write, error) {
	ch, err := p.affiliateChangeOf(c)
	if err != nil {
		return nil, err
	}
	live, err := readOne[affiliateWire](ctx, p, "/affiliates", ch.affiliate)
	if err != nil {
		return nil, err
	}
	if live == nil || live.ID != ch.affiliate {
		return nil, notFound(ch.field, "affiliate")
	}
	if ch.check != nil {
		if err := ch.check(ctx, live); err != nil {
			return nil, err
		}
	}
	wanted, now, err := images(&ch.body, live.body(&ch.body))
	if err != nil {
		return nil, err
	}
	before := affiliateBefore{Was: now.only(wanted), Parts: partsOfAffiliate(p.reply().affiliate(live))}
	fields := maps.Clone(affiliateFields)
	maps.Copy(fields, ch.fields)
	return &providers.Write{
		Op: "PUT /affiliates/{id}", Proof: proofOf(c.Mutation()), Before: providers.Image(before), Fields: fields,
		Send: func(ctx context.Context) (*providers.Written, error) {
			now, err := p.putAffiliate(ctx, ch)
			if err != nil {
				return nil, err
			}
			return p.changedAffiliate(ch, now, before), nil
		},
	}, nil
}

func (p *provider) lookAffiliateChange(
	ctx context.Context, c providers.Command, stored json.RawMessage, disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	ch, err := p.affiliateChangeOf(c)
	if err != nil {
		return "", nil, err
	}
	live, err := readOne[affiliateWire](ctx, p, "/affiliates", ch.affiliate)
	if err != nil {
		return "", nil, err
	}
	if live == nil {
		return providers.Unclear, nil, nil
	}
	wanted, now, err := images(&ch.body, live.body(&ch.body))
	if err != nil {
		return "", nil, err
	}
	var before affiliateBefore
	if json.Unmarshal(stored, &before) != nil {
		before = affiliateBefore{}
	}
	verdict := wanted.verdict(now, before.Was, disturbed)
	if verdict != providers.Made {
		return verdict, nil, nil
	}
	return verdict, p.changedAffiliate(ch, live, before), nil
}

// changedAffiliate is what a change has done: now is the affiliate after it, nil where the
// reply did not say. Parts of it that are no more are stale.
func (p *provider) changedAffiliate(ch *affiliateChange, now *affiliateWire, before affiliateBefore) *providers.Written {
	out := &providers.Written{Stale: []providers.ID{p.id(providers.NounAffiliate, ch.affiliate)}}
	var parts []providers.ID
	if now != nil && now.ID == ch.affiliate {
		out = wrote(p, now, affiliateKnowledge.Fields(now.Members), (*reply).affiliate)
	}
	out.ID, out.StaleLists = ch.answer, ch.lists
	for _, a := range out.Harvest.Affiliates {
		parts = append(parts, partsOfAffiliate(a)...)
	}
	for _, coupon := range out.Harvest.Coupons { // the vendor may spell it otherwise
		if ch.answer.Noun == providers.NounCoupon && strings.EqualFold(coupon.Code, *ch.body.PromoCode) {
			out.ID = coupon.ID
		}
	}
	for _, id := range before.Parts {
		if !slices.Contains(parts, id) {
			out.Stale = append(out.Stale, id)
		}
	}
	return out
}

func partsOfAffiliate(a *providers.Affiliate) (ids []providers.ID) {
	for _, m := range a.Memberships {
		ids = append(ids, m.ID)
	}
	for _, c := range a.Coupons {
		ids = append(ids, c.ID)
	}
	return ids
}
