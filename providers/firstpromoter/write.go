package firstpromoter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// mutation is a command as FirstPromoter carries it out.
type mutation interface {
	// wants is [provider.Wants].
	wants(p *provider) providers.Problems

	// plan reads what the write needs, and works it out. The input is as wanted. Proof is
	// left to the caller.
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

// proofs are the rows of [provider.Proofs]. Bulk actions and updates set states, which
// prove themselves; what is made is found by what nothing else has.
var proofs = []providers.Proof{
	{
		Mutation: providers.CanCreateAffiliate,
		By:       providers.ProofEmail,
		Look:     "the promoters at FirstPromoter, for one with this e-mail address",
	},
	{Mutation: providers.CanUpdateAffiliate, By: providers.ProofState, Look: "the promoter's e-mail address and name at FirstPromoter"},
	{Mutation: providers.CanSetAffiliateStatus, By: providers.ProofState, Look: "the promoter's state in the campaign at FirstPromoter"},
	{Mutation: providers.CanMoveAffiliate, By: providers.ProofState, Look: "the promoter's campaigns at FirstPromoter"},
	{Mutation: providers.CanSetAffiliateParent, By: providers.ProofState, Look: "the promoter's parent at FirstPromoter"},
	{Mutation: providers.CanAddAffiliateToCampaign, By: providers.ProofState, Look: "the promoter's campaigns at FirstPromoter"},
	{Mutation: providers.CanUpdateMembership, By: providers.ProofState, Look: "the promoter's codes in the campaign at FirstPromoter"},
	{Mutation: providers.CanAssignCoupon, By: providers.ProofCode, Look: "the promoter's promo codes at FirstPromoter, for this one"},
	{Mutation: providers.CanCreateCampaign, By: providers.ProofState, Look: "the campaigns at FirstPromoter, for a new one of this name"},
	{Mutation: providers.CanUpdateCampaign, By: providers.ProofState, Look: "the campaign's settings at FirstPromoter"},
	{
		Mutation: providers.CanCreateReferral,
		When:     withEmail,
		By:       providers.ProofEmail,
		Look:     "the referrals at FirstPromoter, for one with the customer's e-mail address",
	},
	{
		Mutation: providers.CanCreateReferral,
		When:     withCustomerID,
		By:       providers.ProofState,
		Look:     "the referrals at FirstPromoter, for one with the customer's id",
	},
	{
		Mutation: providers.CanUpdateReferral,
		By:       providers.ProofState,
		Look:     "the referral's e-mail address and customer id at FirstPromoter",
	},
	{Mutation: providers.CanMoveReferral, By: providers.ProofState, Look: "the referral's promoter and campaign at FirstPromoter"},
	{Mutation: providers.CanSetReferralStatus, By: providers.ProofState, Look: "the referral's state at FirstPromoter"},
	{
		Mutation: providers.CanCreateCommission,
		By:       providers.ProofEventID,
		Look:     "the commissions at FirstPromoter, for one with this event id, or of this amount where you gave none",
	},
	{Mutation: providers.CanUpdateCommission, By: providers.ProofState, Look: "the commission's notes at FirstPromoter"},
	{Mutation: providers.CanSetCommissionStatus, By: providers.ProofState, Look: "the commission's state at FirstPromoter"},
	{
		Mutation: providers.CanAdjustCommission,
		By:       providers.ProofEventID,
		Look:     "the promoter's commissions at FirstPromoter, for a custom one of this amount",
	},
	{Mutation: providers.CanMarkPayoutPaid, By: providers.ProofState, Look: "the payout's state at FirstPromoter"},
	{
		Mutation: providers.CanCreateWebhookSubscription,
		By:       providers.ProofURL,
		Look:     "the webhooks at FirstPromoter, for one with this address",
	},
	{
		Mutation: providers.CanUpdateWebhookSubscription,
		By:       providers.ProofState,
		Look:     "the webhook's address, events and state at FirstPromoter",
	},
	{
		Mutation: providers.CanDeleteWebhookSubscription,
		By:       providers.ProofState,
		Look:     "the webhooks at FirstPromoter, for whether this one is still there",
	},
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

// decidedBy are the members, as paths, that looks decide by. One that cannot be read, or
// that is left out, proves nothing: what it holds may be what was written. Looks for
// records that others cannot be taken for, by an address, need none.
var decidedBy = map[providers.Capability][]string{
	providers.CanUpdateAffiliate:        {"email", "profile"},
	providers.CanSetAffiliateStatus:     {"archived_at", "promoter_campaigns"},
	providers.CanMoveAffiliate:          {"promoter_campaigns"},
	providers.CanSetAffiliateParent:     {"parent_promoter"},
	providers.CanAddAffiliateToCampaign: {"promoter_campaigns"},
	providers.CanUpdateMembership:       {"promoter_campaigns"},
	providers.CanAssignCoupon:           {"promoter_campaigns", "code", "description", "promoter_campaign_id", "archived_at"},
	providers.CanCreateCampaign:         {"name"},
	providers.CanUpdateCampaign: {
		"name",
		"landing_url",
		"ref_token_param",
		"visitor_cookie_life",
		"auto_approve_promoters",
		"is_private",
	},
	providers.CanUpdateReferral:            {"email", "uid"},
	providers.CanMoveReferral:              {"promoter_campaign"},
	providers.CanSetReferralStatus:         {"state"},
	providers.CanCreateCommission:          {"event_id"},
	providers.CanUpdateCommission:          {"external_note", "internal_note"},
	providers.CanSetCommissionStatus:       {"status", "is_paid"},
	providers.CanAdjustCommission:          {"event_id"},
	providers.CanMarkPayoutPaid:            {"status"},
	providers.CanCreateWebhookSubscription: {"url"},
	providers.CanUpdateWebhookSubscription: {"url", "event_types", "active"},
}

// hides says whether one of these members, or a row, could not be read.
func (w *watch) hides(members ...string) bool {
	return w != nil && (w.unread > 0 || slices.ContainsFunc(w.odd, func(path string) bool {
		return slices.ContainsFunc(members, func(m string) bool { return path == m || strings.HasPrefix(path, m+".") })
	}))
}

// Look finds out by reading what became of a write.
func (p *provider) Look(
	ctx context.Context,
	c providers.Command,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	m := mutationOf(c)
	if m == nil {
		return "", nil, p.lacks(c)
	}
	seen := &watch{decides: decidedBy[c.Mutation()]}
	verdict, written, err := m.look(withWatch(ctx, seen), p, before, disturbed)
	switch {
	case errors.As(err, new(providers.Problems)): // what the write is about is there no more
		return providers.Unclear, nil, nil
	case err != nil:
		return "", nil, err
	case verdict == providers.NotMade && seen.hides(seen.decides...):
		return providers.Unclear, nil, nil
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

// judgeNew is the verdict on a write that makes a record of which there was none before:
// found is whether there is one now, alike whether it is as it was to be made.
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

// unknown is the error of a write that may have been made, or whose reply cannot be understood.
func (p *provider) unknown(op string, kind providers.Kind, err error) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: op, Kind: kind, Err: err}
}

// errNoRecordBack is in the error of a write whose reply holds no record that can be shown.
var errNoRecordBack = errors.New("the reply does not hold the record that was written")

// recordBack wants the number of a record.
func recordBack(n int64) error {
	if n <= 0 {
		return errNoRecordBack
	}
	return nil
}

// write makes one write whose reply is the record, of which its id is needed. The record is
// part of the harvest, unless something in it could not be read.
func (e endpoint[W, T]) write(ctx context.Context, p *provider, op, path string, body any) (providers.ID, providers.Harvest, error) {
	r, w, err := send(ctx, p, op, path, body, func(w *W) error {
		if t := e.convert(&reply{provider: p}, w); t == nil || providers.NodeOf(t).ID.IsZero() {
			return errNoRecordBack
		}
		return nil
	})
	if err != nil {
		return providers.ID{}, providers.Harvest{}, err
	}
	t := wire.Narrow(e.core, e.extent(p), w, e.convert(r, w))
	return providers.NodeOf(t).ID, r.whole(providers.HarvestOf(t)), nil
}

// whole is the harvest of a write's reply with the records that were written; nothing where
// something in the reply could not be read: they are read again.
func (r *reply) whole(records providers.Harvest) providers.Harvest {
	if r.odd {
		return providers.Harvest{}
	}
	r.harvest.Add(records)
	return r.harvest
}

// writeTo is write for a record that was there before.
func (e endpoint[W, T]) writeTo(ctx context.Context, p *provider, op, providerID string, body any) (providers.Harvest, error) {
	_, h, err := e.write(ctx, p, op, e.path+"/"+providerID, body)
	return h, err
}

// now reads one record, live. One that is not there is a problem of the field that names it.
func (e endpoint[W, T]) now(
	ctx context.Context,
	p *provider,
	id providers.ID,
	field string,
	query url.Values,
) (*T, providers.Harvest, error) {
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
	b, err := e.byIDs(ctx, p, p.numbers(e.noun, []providers.ID{id}), nil)
	if err != nil {
		return nil, providers.Harvest{}, err
	}
	if b.Found[id] == nil && b.Failed[id] == nil {
		return nil, b.Harvest, absent(field)
	}
	return b.Found[id], b.Harvest, b.Failed[id]
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

// pages are the pages of a list, live.
func (e endpoint[W, T]) pages(ctx context.Context, p *provider, query url.Values) iter.Seq2[*providers.Page[T], error] {
	return providers.Pages(ctx, e.list(p, query, true, nil), p, 0)
}

// whole is a list in one page, live.
func (e endpoint[W, T]) whole(ctx context.Context, p *provider, query url.Values) (*providers.Page[T], error) {
	all := &providers.Page[T]{}
	for page, err := range e.pages(ctx, p, query) {
		if err != nil {
			return nil, err
		}
		all.Items = append(all.Items, page.Items...)
		all.Unread += page.Unread
		all.Harvest.Add(page.Harvest)
	}
	return all, nil
}

// rowsOf are the rows of a list, live.
func (e endpoint[W, T]) rowsOf(ctx context.Context, p *provider, query url.Values) ([]*T, providers.Harvest, error) {
	all, err := e.whole(ctx, p, query)
	if err != nil {
		return nil, providers.Harvest{}, err
	}
	return all.Items, all.Harvest, nil
}

// equal says whether a vendor's value is what was asked for; nil asks for nothing.
func equal[V comparable](is, asked *V) bool { return asked == nil || is != nil && *is == *asked }

// sameEmail is equal for addresses.
func sameEmail(is, asked *string) bool {
	return asked == nil || is != nil && providers.EqualEmail(*is, *asked)
}

// sameName is equal for names, which are read without white space around them.
func sameName(is, asked *string) bool {
	return asked == nil || is != nil && strings.TrimSpace(*is) == strings.TrimSpace(*asked)
}

// agrees says whether a vendor's value may be what was asked for: one that is not there, or
// cannot be read, may.
func agrees[V comparable](is, asked *V) bool { return is == nil || equal(is, asked) }

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

// written is what a write has come to. Its record is stale, as others may be, unless the
// harvest holds it.
func written(id providers.ID, h providers.Harvest, lists []providers.Noun, stale ...providers.ID) *providers.Written {
	fresh := h.Whole()
	if !slices.Contains(stale, id) {
		stale = append([]providers.ID{id}, stale...)
	}
	return &providers.Written{ID: id, Harvest: h, StaleLists: lists,
		Stale: slices.DeleteFunc(stale, func(id providers.ID) bool { return slices.Contains(fresh, id) })}
}
