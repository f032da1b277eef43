package firstpromoter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
)

// mutation is a command as FirstPromoter carries it out.
type mutation interface {
	// wants is [provider.Wants].
	wants(p *provider) providers.Problems

	// plan reads what the write needs, and works it out. The input is as wanted. Proof is left to the caller.
	plan(ctx context.Context, p *provider) (*providers.Write, error)

	// look is [provider.Look].
	look(ctx context.Context, p *provider, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error)
}

// mutationOf is what becomes of a command; nil for what the vendor does not have.
func mutationOf(c providers.Command) mutation {
	switch c := c.(type) {
	case *providers.CreateAffiliateInput:
		return createAffiliate{c}
	case *providers.UpdateAffiliateInput:
		return updateAffiliate{c}
	case *providers.SetAffiliateStatusInput:
		return setAffiliateStatus{c}
	case *providers.MoveAffiliateInput:
		return moveAffiliate{c}
	case *providers.SetAffiliateParentInput:
		return setAffiliateParent{c}
	case *providers.AddAffiliateToCampaignInput:
		return addAffiliateToCampaign{c}
	case *providers.UpdateMembershipInput:
		return updateMembership{c}
	case *providers.AssignCouponInput:
		return assignCoupon{c}
	case *providers.CreateCampaignInput:
		return createCampaign{c}
	case *providers.UpdateCampaignInput:
		return updateCampaign{c}
	case *providers.CreateReferralInput:
		return createReferral{c}
	case *providers.UpdateReferralInput:
		return updateReferral{c}
	case *providers.MoveReferralInput:
		return moveReferral{c}
	case *providers.SetReferralStatusInput:
		return setReferralStatus{c}
	case *providers.CreateCommissionInput:
		return createCommission{c}
	case *providers.UpdateCommissionInput:
		return updateCommission{c}
	case *providers.SetCommissionStatusInput:
		return setCommissionStatus{c}
	case *providers.AdjustCommissionInput:
		return adjustCommission{c}
	case *providers.MarkPayoutPaidInput:
		return markPayoutPaid{c}
	case *providers.CreateWebhookSubscriptionInput:
		return createWebhook{c}
	case *providers.UpdateWebhookSubscriptionInput:
		return updateWebhook{c}
	case *providers.DeleteWebhookSubscriptionInput:
		return deleteWebhook{c}
	default:
		return nil
	}
}

// proofs are the rows of [provider.Proofs]. Bulk actions and updates set states, which prove themselves; what is
// made is found by what nothing else has.
var proofs = []providers.Proof{
	{Mutation: providers.CanCreateAffiliate, By: providers.ProofEmail, Look: "the promoters at FirstPromoter, for one with this e-mail address"},
	{Mutation: providers.CanUpdateAffiliate, By: providers.ProofState, Look: "the promoter's e-mail address and name at FirstPromoter"},
	{Mutation: providers.CanSetAffiliateStatus, By: providers.ProofState, Look: "the promoter's state in the campaign at FirstPromoter"},
	{Mutation: providers.CanMoveAffiliate, By: providers.ProofState, Look: "the promoter's campaigns at FirstPromoter"},
	{Mutation: providers.CanSetAffiliateParent, By: providers.ProofState, Look: "the promoter's parent at FirstPromoter"},
	{Mutation: providers.CanAddAffiliateToCampaign, By: providers.ProofState, Look: "the promoter's campaigns at FirstPromoter"},
	{Mutation: providers.CanUpdateMembership, By: providers.ProofState, Look: "the promoter's codes in the campaign at FirstPromoter"},
	{Mutation: providers.CanAssignCoupon, By: providers.ProofCode, Look: "the promoter's promo codes at FirstPromoter, for this one"},
	{Mutation: providers.CanCreateCampaign, By: providers.ProofState, Look: "the campaigns at FirstPromoter, for a new one of this name"},
	{Mutation: providers.CanUpdateCampaign, By: providers.ProofState, Look: "the campaign's settings at FirstPromoter"},
	{Mutation: providers.CanCreateReferral, When: withEmail, By: providers.ProofEmail, Look: "the referrals at FirstPromoter, for one with the customer's e-mail address"},
	{Mutation: providers.CanCreateReferral, When: withCustomerID, By: providers.ProofState, Look: "the referrals at FirstPromoter, for one with the customer's id"},
	{Mutation: providers.CanUpdateReferral, By: providers.ProofState, Look: "the referral's e-mail address and customer id at FirstPromoter"},
	{Mutation: providers.CanMoveReferral, By: providers.ProofState, Look: "the referral's promoter and campaign at FirstPromoter"},
	{Mutation: providers.CanSetReferralStatus, By: providers.ProofState, Look: "the referral's state at FirstPromoter"},
	{Mutation: providers.CanCreateCommission, By: providers.ProofEventID, Look: "the commissions at FirstPromoter, for one with this event id, or of this amount where you gave none"},
	{Mutation: providers.CanUpdateCommission, By: providers.ProofState, Look: "the commission's notes at FirstPromoter"},
	{Mutation: providers.CanSetCommissionStatus, By: providers.ProofState, Look: "the commission's state at FirstPromoter"},
	{Mutation: providers.CanAdjustCommission, By: providers.ProofEventID, Look: "the promoter's commissions at FirstPromoter, for a custom one of this amount"},
	{Mutation: providers.CanMarkPayoutPaid, By: providers.ProofState, Look: "the payout's state at FirstPromoter"},
	{Mutation: providers.CanCreateWebhookSubscription, By: providers.ProofURL, Look: "the webhooks at FirstPromoter, for one with this address"},
	{Mutation: providers.CanUpdateWebhookSubscription, By: providers.ProofState, Look: "the webhook's address, events and state at FirstPromoter"},
	{Mutation: providers.CanDeleteWebhookSubscription, By: providers.ProofState, Look: "the webhooks at FirstPromoter, for whether this one is still there"},
}

// Proofs says by what each write's outcome is proven.
func (p *provider) Proofs() []providers.Proof { return slices.Clone(proofs) }

// proofOf is the row that a command comes under.
func proofOf(c providers.Command) providers.Proof {
	when := ""
	if r, ok := c.(*providers.CreateReferralInput); ok {
		if when = withEmail; r.Email == nil {
			when = withCustomerID
		}
	}
	i := slices.IndexFunc(proofs, func(r providers.Proof) bool { return r.Mutation == c.Mutation() && r.When == when })
	return proofs[i]
}

// Wants is what of the input FirstPromoter does not take, and what it misses.
func (p *provider) Wants(c providers.Command) providers.Problems {
	if m := mutationOf(c); m != nil {
		return m.wants(p)
	}
	return nil
}

// Plan works out one write. What several calls would take is refused.
func (p *provider) Plan(ctx context.Context, c providers.Command) (*providers.Write, error) {
	m := mutationOf(c)
	if m == nil {
		return nil, p.lacks(c)
	}
	if err := m.wants(p).Err(); err != nil {
		return nil, err
	}
	w, err := m.plan(ctx, p)
	if err != nil {
		return nil, err
	}
	w.Proof = proofOf(c)
	if w.Before == nil {
		w.Before = json.RawMessage("{}")
	}
	return w, nil
}

// Look finds out by reading what became of a write.
func (p *provider) Look(ctx context.Context, c providers.Command, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	m := mutationOf(c)
	if m == nil {
		return "", nil, p.lacks(c)
	}
	verdict, written, err := m.look(ctx, p, before, disturbed)
	switch {
	case errors.As(err, new(providers.Problems)): // what the write is about is there no more
		return providers.Unclear, nil, nil
	case err != nil:
		return "", nil, err
	case verdict != providers.Made:
		return verdict, nil, nil
	}
	return verdict, written, nil
}

func (p *provider) lacks(c providers.Command) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: string(c.Mutation()), Kind: providers.KindUnsupported,
		Err: fmt.Errorf("%s: %w", c.Mutation(), errors.ErrUnsupported)}
}

// pictured is what an image was made from; the zero value for what is none.
func pictured[S comparable](before json.RawMessage) (s S) {
	_ = json.Unmarshal(before, &s)
	return s
}

// judgeNew is the verdict on a write that makes a record of which there was none before: found is whether there is
// one now, alike whether it is as it was to be made.
func judgeNew(found, alike, disturbed bool) providers.Verdict {
	switch {
	case !found:
		return providers.NotMade
	case alike && !disturbed:
		return providers.Made
	default:
		return providers.Unclear
	}
}

// send makes one write by one call.
func (p *provider) send(ctx context.Context, op, path string, body, into any) (*reply, error) {
	if err := p.client.Send(ctx, rest.Request{Op: op, Path: path, Body: body, Into: into}); err != nil {
		return nil, err
	}
	return &reply{provider: p, at: p.config.Now()}, nil
}

// unknown is the error of a write that may have been made, or whose reply cannot be understood.
func (p *provider) unknown(op string, kind providers.Kind, err error) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: op, Kind: kind, Err: err}
}

// errNoRecordBack is in the error of a write whose reply holds no record that can be shown.
var errNoRecordBack = errors.New("the reply does not hold the record that was written")

// write makes one write whose reply is the record. The record is part of the harvest.
func (e endpoint[W, T]) write(ctx context.Context, p *provider, op, path string, body any) (*T, providers.Harvest, error) {
	var w W
	r, err := p.send(ctx, op, path, body, &w)
	if err != nil {
		return nil, providers.Harvest{}, err
	}
	t := e.convert(r, &w)
	if r.err == nil && t == nil {
		r.err = errNoRecordBack
	}
	if r.err != nil {
		return nil, providers.Harvest{}, p.unknown(op, providers.KindBadReply, r.err)
	}
	r.harvest.Add(providers.HarvestOf(t))
	return t, r.harvest, nil
}

// writeTo is write for a record that was there before: an answer about another one is no answer.
func (e endpoint[W, T]) writeTo(ctx context.Context, p *provider, op string, id providers.ID, providerID string, body any) (providers.Harvest, error) {
	t, h, err := e.write(ctx, p, op, e.path+"/"+providerID, body)
	if err == nil && providers.NodeOf(t).ID != id {
		return h, p.unknown(op, providers.KindBadReply, errNoRecordBack)
	}
	return h, err
}

// now reads one record, live. One that is not there is a problem of the field that names it.
func (e endpoint[W, T]) now(ctx context.Context, p *provider, id providers.ID, field string, query url.Values) (*T, providers.Harvest, error) {
	if len(p.numbers(e.noun, []providers.ID{id})) == 0 {
		return nil, providers.Harvest{}, absent(field)
	}
	t, h, err := e.one(ctx, p, id.Local, query)
	if err == nil && t == nil {
		err = absent(field)
	}
	return t, h, err
}

// nowListed is now for records that only their list tells.
func (e endpoint[W, T]) nowListed(ctx context.Context, p *provider, id providers.ID, field string) (*T, providers.Harvest, error) {
	b, err := e.byIDs(ctx, p, p.numbers(e.noun, []providers.ID{id}))
	if err != nil {
		return nil, providers.Harvest{}, err
	}
	if b.Found[id] == nil {
		return nil, b.Harvest, absent(field)
	}
	return b.Found[id], b.Harvest, nil
}

func absent(field string) providers.Problems {
	return providers.Problemf(providers.ProblemNotFound, field, "names no record of this account")
}

// named refuses an id that cannot be that of a record, as it holds no number of the vendor's.
func (p *provider) named(noun providers.Noun, field string, id providers.ID) providers.Problems {
	if len(p.numbers(noun, []providers.ID{id})) == 0 {
		return absent(field)
	}
	return nil
}

// rowsOf are all rows of a list, live.
func (e endpoint[W, T]) rowsOf(ctx context.Context, p *provider, query url.Values) ([]*T, providers.Harvest, error) {
	var all []*T
	var h providers.Harvest
	for n := 1; ; n++ {
		page, err := e.page(ctx, p, query, n)
		if err != nil {
			return nil, h, err
		}
		all = append(all, page.Items...)
		h.Add(page.Harvest)
		if !page.More {
			return all, h, nil
		}
	}
}

// equal says whether a vendor's value is what was asked for; nil asks for nothing.
func equal[V comparable](is, asked *V) bool { return asked == nil || is != nil && *is == *asked }

// fingerprint hides a text of which only is to be known whether it changed.
func fingerprint(s *string) string {
	if s == nil {
		return ""
	}
	return hash(*s)
}

// local is the id that an image holds the last part of.
func (p *provider) local(noun providers.Noun, local string) providers.ID {
	n, _ := number(local)
	return p.id(noun, n)
}

// pathOf is the path of an operation that names no record.
func pathOf(op string) string {
	_, path, _ := strings.Cut(op, " ")
	return path
}

// written is what a write has come to. Of the stale records, those that the harvest holds are not.
func written(id providers.ID, h providers.Harvest, lists []providers.Noun, stale ...providers.ID) *providers.Written {
	fresh := h.Whole()
	return &providers.Written{ID: id, Harvest: h, StaleLists: lists,
		Stale: slices.DeleteFunc(stale, func(id providers.ID) bool { return slices.Contains(fresh, id) })}
}
