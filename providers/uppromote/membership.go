package uppromote

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// membershipList reads affiliates as the memberships that they are.
var membershipList = endpoint[wireAffiliate, providers.Membership]{
	noun: providers.NounMembership, path: affiliateList.path,
	convert: func(r *reply, w *wireAffiliate) *providers.Membership {
		a := r.affiliate(w)
		if !a.ID.IsZero() {
			r.harvest.Affiliates = append(r.harvest.Affiliates, a)
		}
		if len(a.Memberships) == 0 {
			return &providers.Membership{} // every affiliate is in a program
		}
		return a.Memberships[0]
	},
}

// Memberships plans lists of memberships, which stand in the affiliates' records.
func (p *provider) Memberships(f providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	l := p.plan()
	statuses(l, membershipStatuses, f.Statuses)
	l.parents("", providers.NounCampaign, f.Campaigns)
	if l.None || len(f.Affiliates) == 0 {
		return membershipList.lists(l), nil
	}
	return ofAffiliates(p, f.Affiliates, "memberships", membershipList.all(p), len(f.Statuses) == 0 && len(f.Campaigns) == 0,
		func(a *providers.Affiliate) []*providers.Membership { return a.Memberships }), nil
}

// MembershipsByID reads the affiliates whose they are. A membership of a program that the
// affiliate has left is not there.
func (p *provider) MembershipsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Membership], error) {
	return fromAffiliates(
		ctx,
		p,
		providers.NounMembership,
		ids,
		func(a *providers.Affiliate) []*providers.Membership { return a.Memberships },
	)
}

// membershipStatuses are the affiliates'.
var membershipStatuses = func() map[string]providers.MembershipStatus {
	m := map[string]providers.MembershipStatus{}
	for word, s := range affiliateStatuses {
		m[word] = providers.MembershipStatus(s)
	}
	return m
}()

// membership is the affiliate's part in their program, without an id where that is not
// told. It is as old as the affiliate: nothing tells when somebody was moved, so that
// JoinedAt is not known.
func (r *reply) membership(w *wireAffiliate) *providers.Membership {
	if w.ID <= 0 || w.ProgramID <= 0 {
		return &providers.Membership{}
	}
	local := providers.JoinLocal(decimal(w.ID), decimal(w.ProgramID))
	m := &providers.Membership{
		Node:           r.node(r.local(providers.NounMembership, local), local, w.CreatedAt, nil),
		Status:         providers.MembershipUnknown,
		ProviderStatus: text(w.Status),
		RefCode:        linkCode(w.DefaultLink),
		Link:           text(w.DefaultLink),
		AffiliateID:    r.id(providers.NounAffiliate, w.ID),
		CampaignID:     r.id(providers.NounCampaign, w.ProgramID),
	}
	for word, s := range membershipStatuses {
		if strings.EqualFold(w.Status, word) {
			m.Status = s
		}
	}
	if len(w.Coupons) > 0 {
		m.Coupon = text(string(w.Coupons[0]))
	}
	return m
}

// membershipCore is what every affiliate of a list tells of the membership.
var membershipCore = &wire.Core{
	Members: []string{"program_id", "status", "created_at", "default_affiliate_link", "coupons"},
	Knowledge: wire.NewKnowledge([]string{"providerId", "affiliate"}, map[string]string{
		"createdAt": "created_at", "joinedAt": "created_at", "status": "status", "providerStatus": "status",
		"refCode": "default_affiliate_link", "link": "default_affiliate_link", "coupon": "coupons", "campaign": "program_id",
	}),
}

// fromAffiliates reads what stands in affiliates' records, by ids whose first part is the
// affiliate's number.
func fromAffiliates[T providers.Record](
	ctx context.Context,
	p *provider,
	noun providers.Noun,
	ids []providers.ID,
	pick func(*providers.Affiliate) []*T,
) (*providers.Batch[T], error) {
	owner := map[providers.ID]providers.ID{}
	var owners []providers.ID
	for _, id := range ids {
		if first, _, ok := p.joined(id, noun); ok {
			owner[id] = p.local(providers.NounAffiliate, first)
			owners = append(owners, owner[id])
		}
	}
	affiliates, err := p.AffiliatesByID(ctx, owners, "memberships", "coupons")
	if err != nil {
		return nil, err
	}
	b := &providers.Batch[T]{Found: map[providers.ID]*T{}, Failed: map[providers.ID]error{}, Harvest: affiliates.Harvest}
	for _, a := range affiliates.Found {
		b.Harvest.Affiliates = append(b.Harvest.Affiliates, a)
	}
	for id, owner := range owner {
		if err := affiliates.Failed[owner]; err != nil {
			b.Failed[id] = err
		}
		if a := affiliates.Found[owner]; a != nil {
			rows := pick(a)
			if rows == nil { // the record does not tell
				b.Failed[id] = p.bad("GET "+affiliateList.path, errNoData)
			}
			for _, row := range rows {
				if providers.NodeOf(row).ID == id {
					b.Found[id] = row
				}
			}
		}
	}
	return b, nil
}

// moveAffiliate puts an affiliate into another program. That earlier referrals stay in
// theirs is assumed.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /affiliate/move-affiliate-to-program
type moveAffiliate struct {
	*provider
	in *providers.MoveAffiliateInput
}

const opMoveAffiliate = "POST /affiliate/move-affiliate-to-program"

// wireMove is what is sent.
type wireMove struct {
	AffiliateEmail string `json:"affiliate_email"`
	ProgramID      int64  `json:"program_id"`
}

func (c moveAffiliate) check() providers.Problems {
	found := untaken("id, fromCampaign and toCampaign", given{"moveReferrals", c.in.MoveReferrals != nil})
	found = append(found, c.named(providers.NounAffiliate, "id", c.in.ID)...)
	return append(found, c.named(providers.NounCampaign, "toCampaign", c.in.ToCampaign)...)
}

func (c moveAffiliate) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "id", c.in.ID)
	if err != nil {
		return nil, err
	}
	if c.in.FromCampaign != nil && c.in.FromCampaign.Local != programOf(a) {
		return nil, providers.Problemf(providers.ProblemConflict, "fromCampaign", "is not the campaign that the affiliate is in")
	}
	n, _ := number(c.in.ToCampaign.Local)
	return &providers.Write{
		Op:     opMoveAffiliate,
		Before: providers.Image(programOf(a)),
		Fields: map[string]string{"affiliate_email": "id", "program_id": "toCampaign"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := c.act(ctx, opMoveAffiliate, a, wireMove{*a.Email, n}); err != nil {
				return nil, err
			}
			w := outdated(a)
			w.Stale = append(w.Stale, c.membershipID(c.in.ToCampaign.Local))
			return w, nil
		},
	}, nil
}

// programOf is the number of the program that an affiliate is in; "" for none.
func programOf(a *providers.Affiliate) string {
	if len(a.Memberships) == 0 {
		return ""
	}
	return a.Memberships[0].CampaignID.Local
}

// membershipID is the affiliate's in the program of this number.
func (c moveAffiliate) membershipID(program string) providers.ID {
	return c.local(providers.NounMembership, providers.JoinLocal(c.in.ID.Local, program))
}

func (c moveAffiliate) look(ctx context.Context, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	program := func(a *providers.Affiliate) (string, bool) { return programOf(a), len(a.Memberships) > 0 }
	v, w, err := c.stateOf(ctx, c.in.ID, "program_id", program, c.in.ToCampaign.Local, before, disturbed)
	var left string
	if w != nil && json.Unmarshal(before, &left) == nil && left != "" && left != c.in.ToCampaign.Local {
		w.Stale = append(w.Stale, c.membershipID(left))
	}
	return v, w, err
}
