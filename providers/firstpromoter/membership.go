package firstpromoter

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// membershipList is GET /promoter_campaigns: every membership. It has no documented
// parameters; that it pages like the others is assumed.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoter-campaigns/openapi-v2-promoter-campaigns.json
//
//api:operation GET /promoter_campaigns
var membershipList = endpoint[wireMembership, providers.Membership]{
	noun: providers.NounMembership, path: "/promoter_campaigns", convert: (*reply).listedMembership, core: membershipCore,
}

// wireMembership is a promoter_campaign: whole in its list and inside a promoter, without what is
// below CreatedAt inside referrals and commissions.
type wireMembership struct {
	wire.Members
	ID         int64                      `json:"id"`
	CampaignID int64                      `json:"campaign_id"`
	PromoterID int64                      `json:"promoter_id"`
	Promoter   wire.Related[wirePerson]   `json:"promoter"`
	Campaign   wire.Related[wireCampaign] `json:"campaign"`
	CreatedAt  *time.Time                 `json:"created_at"`
	State      optional[string]           `json:"state"`
	Coupon     *string                    `json:"coupon"`
	RefToken   *string                    `json:"ref_token"`
	RefLink    *string                    `json:"ref_link"`
}

// joined is when the promoter joined the campaign; the zero time where that is not told.
func (w wireMembership) joined() time.Time {
	if w.CreatedAt == nil {
		return time.Time{}
	}
	return *w.CreatedAt
}

// memberStates are the states of a membership, the best first.
var memberStates = vocabulary[providers.MembershipStatus]{
	{"accepted", providers.MembershipActive},
	{"pending", providers.MembershipPending},
	{"inactive", providers.MembershipInactive},
	{"blocked", providers.MembershipBanned},
	{"rejected", providers.MembershipRejected},
}

// membershipKnown says what a membership inside another record knows.
var membershipKnown = wire.NewKnowledge([]string{"providerId"}, map[string]string{
	"affiliate": "promoter_id", "campaign": "campaign_id", "createdAt": "created_at", "joinedAt": "created_at",
	"status": "state", "providerStatus": "state", "refCode": "ref_token", "link": "ref_link", "coupon": "coupon",
})

// membershipCore is what every membership of the list has.
var membershipCore = &wire.Core{Members: []string{"campaign_id", "created_at", "state", "ref_link"}, Knowledge: membershipKnown}

// listedMembership is a membership of the list of all.
func (r *reply) listedMembership(w *wireMembership) *providers.Membership {
	return r.membership(w, nil)
}

func (r *reply) membership(w *wireMembership, known *providers.Fields) *providers.Membership {
	promoter, campaign := r.person(w.Promoter), r.campaignStub(w.Campaign)
	m := &providers.Membership{
		JoinedAt:       w.CreatedAt,
		AffiliateID:    cmp.Or(r.id(providers.NounAffiliate, w.PromoterID), promoter),
		CampaignID:     cmp.Or(r.id(providers.NounCampaign, w.CampaignID), campaign),
		Status:         memberStates.status(w.State.Value),
		ProviderStatus: text(w.State.Value),
		RefCode:        text(w.RefToken),
		Link:           text(w.RefLink),
		Coupon:         text(w.Coupon),
	}
	m.Node = r.nodeOf(r.membershipID(w.ID, numberOf(m.AffiliateID)), decimal(w.ID), w.CreatedAt, known)
	unnamed := w.ID <= 0 && !w.Empty() // what it is of is not known either
	if m.AffiliateID.IsZero() && (unnamed || w.Odd("promoter_id", "promoter")) {
		m.Unread = append(m.Unread, "affiliate")
	}
	if m.CampaignID.IsZero() && (unnamed || w.Odd("campaign_id", "campaign") || !w.Has("campaign_id") && !w.Has("campaign")) {
		m.Unread = append(m.Unread, "campaign")
	}
	return m
}

// owner is the affiliate and the campaign of a record that stands in a membership, which is
// harvested as a stub. It notes on the record which of them cannot be read.
func (r *reply) owner(n *providers.Node, w *wireMembership) (affiliate, campaign providers.ID) {
	if w == nil {
		return providers.ID{}, providers.ID{}
	}
	m := r.membership(w, membershipKnown.Fields(w.Members))
	n.Unread = append(n.Unread, m.Unread...)
	glean(r, &r.harvest.Memberships, wire.MarkPart(membershipCore, w, m))
	return m.AffiliateID, m.CampaignID
}

// membershipID also holds the promoter, through whom alone a membership can be read again.
func (p *provider) membershipID(membership, promoter int64) providers.ID {
	if membership <= 0 || promoter <= 0 {
		return providers.ID{}
	}
	return providers.ID{
		Account: p.config.Account, Noun: providers.NounMembership, Local: providers.JoinLocal(decimal(membership), decimal(promoter)),
	}
}

// memberOf is the promoter's id out of a membership's; zero for a foreign one.
func (p *provider) memberOf(id providers.ID) providers.ID {
	parts, ok := providers.SplitLocal(id.Local, 2)
	if !ok {
		return providers.ID{}
	}
	membership, _ := number(parts[0])
	promoter, _ := number(parts[1])
	if id.IsZero() || id != p.membershipID(membership, promoter) {
		return providers.ID{}
	}
	return p.id(providers.NounAffiliate, promoter)
}

// Owner is the promoter in the ids of memberships.
func (p *provider) Owner(id providers.ID) (providers.ID, bool) {
	if id.Noun == providers.NounMembership {
		owner := p.memberOf(id)
		return owner, !owner.IsZero()
	}
	return id, id.Noun == providers.NounAffiliate
}

// membershipsIn are the memberships of affiliates that pass keep, and the affiliates they
// came with.
func membershipsIn(
	affiliates []*providers.Affiliate,
	h providers.Harvest,
	keep func(*providers.Membership) bool,
) ([]*providers.Membership, providers.Harvest) {
	var kept []*providers.Membership
	h.Memberships = nil // they come with the affiliates
	for _, a := range affiliates {
		for _, m := range a.Memberships {
			if keep(m) {
				whole := *m // there is no other reading of a membership
				whole.Known = nil
				kept = append(kept, &whole)
			} else {
				h.Memberships = append(h.Memberships, m)
			}
		}
	}
	h.Affiliates = append(h.Affiliates, affiliates...)
	return kept, h
}

// Memberships plans lists of memberships: those of affiliates come with these, all others
// out of the list of all, which has no filters. (The promoters of a campaign could be
// listed, but in the order in which they joined the account, not the campaign.)
func (p *provider) Memberships(f providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	words, known := memberStates.words(f.Statuses)
	switch {
	case len(f.Statuses) > 0 && known && len(words) == 0,
		len(f.Campaigns) > 0 && len(p.own(providers.NounCampaign, f.Campaigns)) == 0:
		return nil, nil
	case len(f.Affiliates) > 0:
		return p.membershipsOf(f.Affiliates, len(f.Campaigns) == 0 && len(f.Statuses) == 0), nil
	default:
		return []providers.List[providers.Membership]{membershipList.list(p, nil, len(f.Campaigns) == 0 && len(f.Statuses) == 0, nil)}, nil
	}
}

// membershipsOf is a list of one page, as long as it gets, read with its affiliates.
func (p *provider) membershipsOf(affiliates []providers.ID, exact bool) []providers.List[providers.Membership] {
	numbers := p.numbers(providers.NounAffiliate, affiliates)
	ids := p.ids(providers.NounAffiliate, numbers)
	if len(ids) == 0 {
		return nil
	}
	return []providers.List[providers.Membership]{{
		Key:   key(url.Values{"promoter_id": decimals(numbers)}),
		Exact: exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Membership], error) {
			if r.Number > 1 {
				return &providers.Page[providers.Membership]{}, nil
			}
			affiliates, harvest, err := affiliatesBy(ctx, r.Reader, ids)
			if err != nil {
				return nil, err
			}
			rows, harvest := membershipsIn(affiliates, harvest, func(*providers.Membership) bool { return true })
			slices.SortStableFunc(rows, func(a, b *providers.Membership) int { return b.Listed().Compare(a.Listed()) })
			return &providers.Page[providers.Membership]{Items: rows, Harvest: harvest}, nil
		},
	}}
}

// affiliatesBy are those of these ids that there are, with their memberships. One that
// could not be read fails all.
func affiliatesBy(ctx context.Context, r providers.Reader, ids []providers.ID) ([]*providers.Affiliate, providers.Harvest, error) {
	b, err := r.AffiliatesByID(ctx, ids, "memberships")
	if err != nil {
		return nil, providers.Harvest{}, err
	}
	var affiliates []*providers.Affiliate
	for _, id := range ids {
		if err := b.Failed[id]; err != nil {
			return nil, providers.Harvest{}, err
		}
		if a := b.Found[id]; a != nil {
			affiliates = append(affiliates, a)
		}
	}
	return affiliates, b.Harvest, nil
}

// membershipsBy are the memberships of the affiliates of these ids.
func membershipsBy(ctx context.Context, r providers.Reader, ids []providers.ID) (memberships []*providers.Membership, err error) {
	affiliates, _, err := affiliatesBy(ctx, r, ids)
	for _, a := range affiliates {
		memberships = append(memberships, a.Memberships...)
	}
	return memberships, err
}

// MembershipsByID reads memberships through their promoters.
func (p *provider) MembershipsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Membership], error) {
	b := &providers.Batch[providers.Membership]{Found: map[providers.ID]*providers.Membership{}}
	var promoters []providers.ID
	for _, id := range ids {
		if promoter := p.memberOf(id); !promoter.IsZero() {
			promoters = append(promoters, promoter)
		}
	}
	if len(promoters) == 0 {
		return b, nil
	}
	read, err := p.AffiliatesByID(ctx, promoters, "memberships")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := read.Failed[p.memberOf(id)]; err != nil {
			fail(b, id, err)
		}
	}
	var affiliates []*providers.Affiliate
	for _, a := range read.Found {
		affiliates = append(affiliates, a)
	}
	rows, harvest := membershipsIn(affiliates, read.Harvest, func(m *providers.Membership) bool { return slices.Contains(ids, m.ID) })
	for _, m := range rows {
		b.Found[m.ID] = m
	}
	b.Harvest = harvest
	return b, nil
}

// membershipUpdate changes a membership.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoter-campaigns/openapi-v2-promoter-campaigns.json
//
//api:operation PUT /promoter_campaigns/{id}
const membershipUpdate = "PUT /promoter_campaigns/{id}"

// membershipBody is what PUT /promoter_campaigns takes.
type membershipBody struct {
	State    *string `json:"state,omitempty"`
	RefToken *string `json:"ref_token,omitempty"`
	Coupon   *string `json:"coupon,omitempty"`
}

// updateMembership is PUT /promoter_campaigns/{id}.
type updateMembership struct {
	*providers.UpdateMembershipInput
}

// codesImage is what updateMembership changes.
type codesImage struct{ Code, Coupon string }

// now is the membership as its promoter has it.
func (m updateMembership) now(ctx context.Context, p *provider) (*providers.Membership, providers.Harvest, error) {
	a, h, err := promoterOne.now(ctx, p, p.memberOf(m.ID), "id", withParent)
	if err != nil {
		return nil, h, err
	}
	h.Affiliates = append(h.Affiliates, a)
	i := slices.IndexFunc(a.Memberships, func(o *providers.Membership) bool { return o.ID == m.ID })
	if i < 0 {
		return nil, h, absent("id")
	}
	return a.Memberships[i], h, nil
}

func imageOfCodes(m *providers.Membership) codesImage {
	return codesImage{fingerprint(m.RefCode), fingerprint(m.Coupon)}
}

func (m updateMembership) wants(p *provider) providers.Problems {
	if len(p.numbers(providers.NounAffiliate, []providers.ID{p.memberOf(m.ID)})) == 0 {
		return absent("id")
	}
	return nil
}

func (m updateMembership) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	member, _, err := m.now(ctx, p)
	if err != nil {
		return nil, err
	}
	body := membershipBody{RefToken: m.RefCode, Coupon: m.CouponCode}
	return &providers.Write{
		Op:     membershipUpdate,
		Before: providers.Image(imageOfCodes(member)),
		Fields: map[string]string{"ref_token": "refCode", "coupon": "couponCode"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			h, err := membershipList.writeTo(ctx, p, membershipUpdate, member.ProviderID, body)
			if err != nil {
				return nil, err
			}
			return m.written(h, member.AffiliateID), nil
		},
	}, nil
}

// written: the codes also stand in the affiliate.
func (m updateMembership) written(h providers.Harvest, affiliate providers.ID) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounAffiliate, providers.NounMembership}, m.ID, affiliate)
}

func (m updateMembership) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	member, h, err := m.now(ctx, p)
	if err != nil {
		return "", nil, err
	}
	holds := equal(member.RefCode, m.RefCode) && equal(member.Coupon, m.CouponCode)
	return providers.JudgeState(
			holds,
			pictured[codesImage](before) == imageOfCodes(member),
			disturbed,
		), m.written(
			h,
			member.AffiliateID,
		), nil
}

// addAffiliateToCampaign is POST /promoters/add_to_campaign. Its answer does not name the
// membership that was made: the promoter is read once more.
type addAffiliateToCampaign struct {
	*providers.AddAffiliateToCampaignInput
}

// placesImage is in how many campaigns the affiliate was. None leaves one by this write: a
// record that tells fewer does not tell all.
type placesImage struct{ Campaigns int }

func (m addAffiliateToCampaign) wants(p *provider) providers.Problems {
	return append(p.named(providers.NounAffiliate, "affiliate", m.Affiliate), p.named(providers.NounCampaign, "campaign", m.Campaign)...)
}

func (m addAffiliateToCampaign) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	a, _, err := promoterOne.now(ctx, p, m.Affiliate, "affiliate", withParent)
	if err != nil {
		return nil, err
	}
	if membershipIn(a, m.Campaign) != nil {
		return nil, providers.Problemf(providers.ProblemConflict, "campaign", "the affiliate takes part in it already")
	}
	if _, _, err := campaignOne.now(ctx, p, m.Campaign, "campaign", nil); err != nil {
		return nil, err
	}
	body := promotersBody{IDs: []int64{numberOf(m.Affiliate)}, Campaign: numberOf(m.Campaign), DripEmails: m.SendEmail}
	before := providers.Image(placesImage{len(a.Memberships)})
	return &providers.Write{Op: promoterAdd, Before: before, Send: func(ctx context.Context) (*providers.Written, error) {
		if err := p.act(ctx, promoterAdd, body); err != nil {
			return nil, err
		}
		verdict, w, err := m.look(ctx, p, nil, false)
		switch {
		case err != nil:
			return nil, p.unknown(promoterAdd, providers.KindUnavailable, err)
		case verdict != providers.Made:
			return nil, p.unknown(promoterAdd, providers.KindBadReply, errNoRecordBack)
		}
		return w, nil
	}}, nil
}

func (m addAffiliateToCampaign) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	a, h, err := promoterOne.now(ctx, p, m.Affiliate, "affiliate", withParent)
	if err != nil {
		return "", nil, err
	}
	h.Affiliates = append(h.Affiliates, a)
	member := membershipIn(a, m.Campaign)
	if member == nil { // there was none before
		told := !a.IsUnread("memberships") && len(a.Memberships) >= pictured[placesImage](before).Campaigns
		return providers.JudgeState(false, told, disturbed), nil, nil
	}
	return providers.Made, written(member.ID, h, []providers.Noun{providers.NounAffiliate, providers.NounMembership}, m.Affiliate), nil
}
