package firstpromoter

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// The writes of promoters. All but the first two are actions on many, here on one.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoters/openapi-v2-promoters.json
const (
	//api:operation POST /promoters
	promoterCreate = "POST /promoters"
	//api:operation PUT /promoters/{id}
	promoterUpdate = "PUT /promoters/{id}"
	//api:operation POST /promoters/accept
	promoterAccept = "POST /promoters/accept"
	//api:operation POST /promoters/reject
	promoterReject = "POST /promoters/reject"
	//api:operation POST /promoters/block
	promoterBlock = "POST /promoters/block"
	//api:operation POST /promoters/archive
	promoterArchive = "POST /promoters/archive"
	//api:operation POST /promoters/restore
	promoterRestore = "POST /promoters/restore"
	//api:operation POST /promoters/add_to_campaign
	promoterAdd = "POST /promoters/add_to_campaign"
	//api:operation POST /promoters/move_to_campaign
	promoterMove = "POST /promoters/move_to_campaign"
	//api:operation POST /promoters/assign_parent
	promoterParent = "POST /promoters/assign_parent"
)

// promoterBody is what POST and PUT /promoters take.
type promoterBody struct {
	Email         *string      `json:"email,omitempty"`
	Profile       *profileBody `json:"profile,omitempty"`
	Campaign      int64        `json:"initial_campaign_id,omitempty"`
	DripEmails    *bool        `json:"drip_emails,omitempty"`
	AlwaysApprove *bool        `json:"always_approve,omitempty"`
}

// profileBody is the part of a profile that is written.
type profileBody struct {
	FirstName *string `json:"first_name,omitempty"`
	LastName  *string `json:"last_name,omitempty"`
}

func profileOf(first, last *string) *profileBody {
	if first == nil && last == nil {
		return nil
	}
	return &profileBody{first, last}
}

// promoterFields are the vendor's names of what is written to a promoter.
var promoterFields = map[string]string{
	"email":               "email",
	"first_name":          "firstName",
	"last_name":           "lastName",
	"profile.first_name":  "firstName",
	"profile.last_name":   "lastName",
	"initial_campaign_id": "campaign",
}

// promotersBody is what the actions on promoters take.
type promotersBody struct {
	IDs           []int64 `json:"ids"`
	Campaign      int64   `json:"campaign_id,omitempty"`
	From          int64   `json:"from_campaign_id,omitempty"`
	To            int64   `json:"to_campaign_id,omitempty"`
	DripEmails    *bool   `json:"drip_emails,omitempty"`
	SoftMoveOfAll *bool   `json:"soft_move_referrals,omitempty"`
	Parent        int64   `json:"parent_promoter_id,omitempty"`
}

// numberOf is the vendor's number of a record that was read.
func numberOf(id providers.ID) int64 {
	n, _ := number(id.Local)
	return n
}

// createAffiliate is POST /promoters. Whether somebody has the address already is asked
// first: they would be taken for the one that was made.
type createAffiliate struct {
	*providers.CreateAffiliateInput
}

func (m createAffiliate) wants(p *provider) (r providers.Problems) {
	r.When(
		m.PayoutEmail != nil,
		providers.ProblemUnsupported,
		"payoutEmail",
		"FirstPromoter does not take it: affiliates enter how they are paid themselves",
	)
	r.When(m.RefCode != nil, providers.ProblemUnsupported, "refCode", "FirstPromoter makes a code; change it with updateMembership")
	r.When(m.CouponCode != nil, providers.ProblemUnsupported, "couponCode", "FirstPromoter does not take it; see assignCoupon")
	r.When(m.Note != nil, providers.ProblemUnsupported, "note", "FirstPromoter does not take it")
	r.When(m.Campaign != nil && len(p.named(providers.NounCampaign, "campaign", *m.Campaign)) > 0,
		providers.ProblemNotFound, "campaign", "names no campaign of this account")
	return r
}

func (m createAffiliate) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	body := promoterBody{Email: &m.Email, Profile: profileOf(m.FirstName, m.LastName), DripEmails: m.SendEmail, AlwaysApprove: m.Approved}
	if m.Campaign != nil {
		body.Campaign = numberOf(*m.Campaign)
	}
	a, _, err := promoterOne.find(ctx, p, byEmail, m.Email, withParent, affiliateEmail)
	switch taken, err := taken(a, err); {
	case err != nil:
		return nil, err
	case taken:
		return nil, providers.Problemf(providers.ProblemTaken, "email", "belongs to another affiliate of this account")
	}
	return &providers.Write{
		Op: promoterCreate, Fields: promoterFields,
		Send: func(ctx context.Context) (*providers.Written, error) {
			a, h, err := promoterList.write(ctx, p, promoterCreate, pathOf(promoterCreate), body)
			if m.Campaign != nil && providers.KindOf(err) == providers.KindNotFound {
				err = absent("campaign") // a 400 has been seen for it, too, which names the field
			}
			if err != nil {
				return nil, err
			}
			return m.written(a, h), nil
		},
	}, nil
}

func (m createAffiliate) written(id providers.ID, h providers.Harvest) *providers.Written {
	return written(id, h, []providers.Noun{providers.NounAffiliate, providers.NounMembership})
}

func (m createAffiliate) look(
	ctx context.Context,
	p *provider,
	_ json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	a, h, err := promoterOne.find(ctx, p, byEmail, m.Email, withParent, affiliateEmail)
	if a == nil {
		return lookFailed(err)
	}
	alike := (a.FirstName == nil || sameName(a.FirstName, m.FirstName)) && (a.LastName == nil || sameName(a.LastName, m.LastName)) &&
		(m.Campaign == nil || membershipIn(a, *m.Campaign) != nil)
	h.Affiliates = append(h.Affiliates, a)
	return judgeNew(true, alike, disturbed), m.written(a.ID, h), nil
}

// updateAffiliate is PUT /promoters/{id}.
type updateAffiliate struct {
	*providers.UpdateAffiliateInput
}

// affiliateImage is what updateAffiliate changes.
type affiliateImage struct{ Email, First, Last string }

func imageOfAffiliate(a *providers.Affiliate) affiliateImage {
	return affiliateImage{fingerprint(a.Email), fingerprint(a.FirstName), fingerprint(a.LastName)}
}

func (m updateAffiliate) wants(p *provider) (r providers.Problems) {
	r.When(
		m.PayoutEmail != nil,
		providers.ProblemUnsupported,
		"payoutEmail",
		"FirstPromoter does not take it: affiliates enter how they are paid themselves",
	)
	r.When(m.Note != nil, providers.ProblemUnsupported, "note", "FirstPromoter does not take it")
	r.When(m.NotifyOnSale != nil, providers.ProblemUnsupported, "notifyOnSale", "FirstPromoter does not take it")
	return append(r, p.named(providers.NounAffiliate, "id", m.ID)...)
}

func (m updateAffiliate) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	a, _, err := promoterOne.now(ctx, p, m.ID, "id", withParent)
	if err != nil {
		return nil, err
	}
	body := promoterBody{Email: m.Email, Profile: profileOf(m.FirstName, m.LastName)}
	return &providers.Write{
		Op: promoterUpdate, Fields: promoterFields, Before: providers.Image(imageOfAffiliate(a)),
		Send: func(ctx context.Context) (*providers.Written, error) {
			h, err := promoterList.writeTo(ctx, p, promoterUpdate, m.ID.Local, body)
			if err != nil {
				return nil, err
			}
			return m.written(h), nil
		},
	}, nil
}

// written: the name and the address also stand in other records, which stay as they are
// until they are read again.
func (m updateAffiliate) written(h providers.Harvest) *providers.Written {
	return written(m.ID, h, []providers.Noun{providers.NounAffiliate}, m.ID)
}

func (m updateAffiliate) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	a, h, err := promoterOne.now(ctx, p, m.ID, "id", withParent)
	if err != nil {
		return "", nil, err
	}
	h.Affiliates = append(h.Affiliates, a)
	holds := sameEmail(a.Email, m.Email) && sameName(a.FirstName, m.FirstName) && sameName(a.LastName, m.LastName)
	return providers.JudgeState(holds, pictured[affiliateImage](before) == imageOfAffiliate(a), disturbed), m.written(h), nil
}

// setAffiliateStatus is an action on promoters, or for the states that have none, PUT
// /promoter_campaigns/{id}. Archiving is for all campaigns.
type setAffiliateStatus struct {
	*providers.SetAffiliateStatusInput
}

// statusImage is what setAffiliateStatus changes, and the campaign it is about: "" for all.
type statusImage struct {
	Campaign, State string
	Archived        bool
}

// statusActions are the actions by which a promoter gets into a state.
var statusActions = map[providers.AffiliateStatus]string{
	providers.AffiliateActive: promoterAccept, providers.AffiliateRejected: promoterReject, providers.AffiliateBanned: promoterBlock,
}

// now is how the affiliate stands, and the membership that is meant; nil where it is about all.
func (m setAffiliateStatus) now(ctx context.Context, p *provider) (statusImage, *providers.Membership, providers.Harvest, error) {
	a, h, err := promoterOne.now(ctx, p, m.ID, "id", withParent)
	if err != nil {
		return statusImage{}, nil, h, err
	}
	h.Affiliates = append(h.Affiliates, a)
	s := statusImage{Archived: a.Status == providers.AffiliateArchived}
	if m.Status == providers.AffiliateArchived || s.Archived && m.Campaign == nil {
		return s, nil, h, nil
	}
	member, err := theMembership(a, m.Campaign, "campaign")
	if err != nil {
		return s, nil, h, err
	}
	s.Campaign = member.CampaignID.Local
	if member.ProviderStatus != nil {
		s.State = *member.ProviderStatus
	}
	return s, member, h, nil
}

func (m setAffiliateStatus) wants(p *provider) (r providers.Problems) {
	words, known := affiliateStates.words([]providers.AffiliateStatus{m.Status})
	archive := m.Status == providers.AffiliateArchived
	r.When(
		!archive && (!known || len(words) == 0),
		providers.ProblemUnsupported,
		"status",
		"FirstPromoter takes ACTIVE, PENDING, INACTIVE, REJECTED, BANNED and ARCHIVED",
	)
	r.When(
		archive && m.Campaign != nil,
		providers.ProblemUnsupported,
		"campaign",
		"FirstPromoter archives an affiliate in all campaigns at once",
	)
	return append(r, p.named(providers.NounAffiliate, "id", m.ID)...)
}

func (m setAffiliateStatus) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	words, _ := affiliateStates.words([]providers.AffiliateStatus{m.Status})
	archive := m.Status == providers.AffiliateArchived
	s, member, _, err := m.now(ctx, p)
	if err != nil {
		return nil, err
	}
	body := promotersBody{IDs: []int64{numberOf(m.ID)}}
	op := statusActions[m.Status]
	switch {
	case archive:
		op = promoterArchive
	case s.Archived && m.Status == providers.AffiliateActive: // for all campaigns, as archiving was
		op = promoterRestore
	case s.Archived:
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "the affiliate is archived; ACTIVE takes that back")
	case op == "":
		return &providers.Write{Op: membershipUpdate, Before: providers.Image(s), Fields: map[string]string{"state": "status"},
			Send: func(ctx context.Context) (*providers.Written, error) {
				h, err := membershipList.writeTo(ctx, p, membershipUpdate, member.ProviderID, membershipBody{State: &words[0]})
				if err != nil {
					return nil, err
				}
				return m.written(h, member), nil
			}}, nil
	default:
		body.Campaign = numberOf(member.CampaignID)
	}
	return &providers.Write{Op: op, Before: providers.Image(s), Send: func(ctx context.Context) (*providers.Written, error) {
		if err := p.act(ctx, op, body); err != nil {
			return nil, err
		}
		return m.written(providers.Harvest{}, member), nil
	}}, nil
}

// written: the membership that is meant is another as well; nil where it is about all.
func (m setAffiliateStatus) written(h providers.Harvest, member *providers.Membership) *providers.Written {
	stale := []providers.ID{m.ID}
	if member != nil {
		stale = append(stale, member.ID)
	}
	return written(m.ID, h, []providers.Noun{providers.NounAffiliate, providers.NounMembership}, stale...)
}

func (m setAffiliateStatus) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	s, member, h, err := m.now(ctx, p)
	if err != nil {
		return "", nil, err
	}
	was := pictured[statusImage](before)
	var holds bool
	switch {
	case m.Status == providers.AffiliateArchived:
		holds = s.Archived
	case was.Archived: // it was to be restored, and no more
		restored := !s.Archived && !watchOf(ctx).hides("archived_at")
		return providers.JudgeState(restored, s.Archived, disturbed), m.written(h, member), nil
	default:
		holds = !s.Archived && affiliateStates.status(&s.State) == m.Status
	}
	asBefore := s == was && (member == nil || s.State != "")
	return providers.JudgeState(holds, asBefore, disturbed), m.written(h, member), nil
}

// membershipIn is an affiliate's membership in a campaign; nil for none.
func membershipIn(a *providers.Affiliate, campaign providers.ID) *providers.Membership {
	i := slices.IndexFunc(a.Memberships, func(m *providers.Membership) bool { return m.CampaignID == campaign })
	if i < 0 {
		return nil
	}
	return a.Memberships[i]
}

// memberNow is theMembership of the affiliate that an input names in a field, read now.
func (p *provider) memberNow(
	ctx context.Context,
	id providers.ID,
	field string,
	campaign *providers.ID,
	campaignField string,
) (*providers.Membership, error) {
	a, _, err := promoterOne.now(ctx, p, id, field, withParent)
	if err != nil {
		return nil, err
	}
	return theMembership(a, campaign, campaignField)
}

// theMembership is the membership in a campaign that an input names in a field; in the only
// one, where it names none.
func theMembership(a *providers.Affiliate, campaign *providers.ID, field string) (*providers.Membership, error) {
	switch {
	case campaign != nil:
		if m := membershipIn(a, *campaign); m != nil {
			return m, nil
		}
		return nil, providers.Problemf(providers.ProblemNotFound, field, "the affiliate takes no part in it")
	case len(a.Memberships) == 1:
		return a.Memberships[0], nil
	case len(a.Memberships) == 0:
		return nil, providers.Problemf(providers.ProblemWrongState, field, "the affiliate takes part in no campaign")
	default:
		return nil, providers.Problemf(
			providers.ProblemInvalid,
			field,
			"has to name one of the affiliate's %d campaigns",
			len(a.Memberships),
		)
	}
}
