package uppromote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// proofs are the mutations that the vendor has, and what proves their outcomes. The vendor
// knows no key of ours: what can be recognized is what it holds to be unique, and states.
var proofs = []providers.Proof{
	{Mutation: providers.CanCreateAffiliate, By: providers.ProofEmail,
		Look: "the affiliates at UpPromote, for one with this e-mail address"},
	{Mutation: providers.CanSetAffiliateStatus, By: providers.ProofState,
		Look: "the affiliate's status at UpPromote"},
	{Mutation: providers.CanMoveAffiliate, By: providers.ProofState,
		Look: "the affiliate's program at UpPromote"},
	{Mutation: providers.CanSetAffiliateParent, By: providers.ProofState,
		Look: "the affiliate's upline at UpPromote"},
	{Mutation: providers.CanConnectCustomer, By: providers.ProofNone,
		Look: "the affiliate's connected customers in the UpPromote app, as the API does not list them"},
	{Mutation: providers.CanAssignCoupon, By: providers.ProofCode,
		Look: "the coupons at UpPromote, for this code"},
	{Mutation: providers.CanCreateReferral, By: providers.ProofOrder,
		Look: "the referrals at UpPromote, for this order"},
	{Mutation: providers.CanCreateCommission, By: providers.ProofNone,
		Look: "the affiliate's newest referrals at UpPromote, for one of this amount, as equal ones cannot be told apart"},
	{Mutation: providers.CanSetCommissionStatus, By: providers.ProofState,
		Look: "the referral's status at UpPromote"},
	{Mutation: providers.CanAdjustCommission, By: providers.ProofState,
		Look: "the referral's adjustment at UpPromote"},
	{Mutation: providers.CanMarkPayoutPaid, By: providers.ProofState,
		Look: "UpPromote's payment history, for a payment of these referrals"},
	{Mutation: providers.CanCreateWebhookSubscription, By: providers.ProofURL,
		Look: "the address that UpPromote has for the event"},
	{Mutation: providers.CanUpdateWebhookSubscription, By: providers.ProofState,
		Look: "the address that UpPromote has for the event"},
	{Mutation: providers.CanDeleteWebhookSubscription, By: providers.ProofState,
		Look: "the webhooks at UpPromote, for whether the event's is still there"},
}

// Proofs are one for each mutation.
func (p *provider) Proofs() []providers.Proof { return slices.Clone(proofs) }

// action is a mutation of this vendor with its input.
type action interface {
	// check is [providers.Writer.Wants].
	check() providers.Problems

	// plan reads what the write needs. The proof is put in by the caller.
	plan(ctx context.Context) (*providers.Write, error)

	// look is [providers.Writer.Look].
	look(ctx context.Context, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error)
}

// action is what a command means here; nil for nothing.
func (p *provider) action(c providers.Command) action {
	switch in := c.(type) {
	case *providers.CreateAffiliateInput:
		return createAffiliate{p, in}
	case *providers.SetAffiliateStatusInput:
		return setAffiliateStatus{p, in}
	case *providers.MoveAffiliateInput:
		return moveAffiliate{p, in}
	case *providers.SetAffiliateParentInput:
		return setAffiliateParent{p, in}
	case *providers.ConnectCustomerInput:
		return connectCustomer{p, in}
	case *providers.AssignCouponInput:
		return assignCoupon{p, in}
	case *providers.CreateReferralInput:
		return createReferral{p, in}
	case *providers.CreateCommissionInput:
		return createCommission{p, in}
	case *providers.SetCommissionStatusInput:
		return setCommissionStatus{p, in}
	case *providers.AdjustCommissionInput:
		return adjustCommission{p, in}
	case *providers.MarkPayoutPaidInput:
		return markPayoutPaid{p, in}
	case *providers.CreateWebhookSubscriptionInput:
		return createSubscription{p, in}
	case *providers.UpdateWebhookSubscriptionInput:
		return updateSubscription{p, in}
	case *providers.DeleteWebhookSubscriptionInput:
		return deleteSubscription{p, in}
	}
	return nil
}

// Wants is what of the input the vendor does not take, and what it misses.
func (p *provider) Wants(c providers.Command) providers.Problems {
	if a := p.action(c); a != nil {
		return a.check()
	}
	return nil
}

// Plan works out a write.
func (p *provider) Plan(ctx context.Context, c providers.Command) (*providers.Write, error) {
	a := p.action(c)
	if a == nil {
		return nil, p.lacks(c)
	}
	if found := a.check(); len(found) > 0 {
		return nil, found
	}
	w, err := a.plan(ctx)
	if err != nil {
		return nil, err
	}
	for _, proof := range proofs {
		if proof.Mutation == c.Mutation() {
			w.Proof = proof
		}
	}
	return w, nil
}

// Look finds out what became of a write.
func (p *provider) Look(
	ctx context.Context,
	c providers.Command,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	a := p.action(c)
	if a == nil {
		return "", nil, p.lacks(c)
	}
	if found := a.check(); len(found) > 0 {
		return "", nil, found // never planned
	}
	v, w, err := a.look(ctx, before, disturbed)
	if errors.Is(err, errUnread) { // it may be a row that cannot be read
		return providers.Unclear, nil, nil
	}
	return v, w, err
}

// lacks is the error of a mutation that the vendor does not have.
func (p *provider) lacks(c providers.Command) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: string(c.Mutation()), Kind: providers.KindUnsupported,
		Err: fmt.Errorf("%s has no such operation: %w", title, errors.ErrUnsupported)}
}

// given says whether a field of an input is there.
type given struct {
	field string
	is    bool
}

// untaken refuses the fields that are given, naming those that would be taken.
func untaken(takes string, fields ...given) (found providers.Problems) {
	for _, f := range fields {
		if f.is {
			found = append(
				found,
				providers.Problemf(providers.ProblemUnsupported, f.field, "is not taken by %s, which takes %s", title, takes)...)
		}
	}
	return found
}

// named refuses ids that cannot be those of a record, as they hold no number of the vendor's.
func (p *provider) named(noun providers.Noun, field string, id providers.ID) providers.Problems {
	if len(p.own(noun, []providers.ID{id})) == 0 {
		return nobody(field)
	}
	return nil
}

// nobody says that an id names no record.
func nobody(field string) providers.Problems {
	return providers.Problemf(providers.ProblemNotFound, field, "names no record of this account")
}

// addressee reads the affiliate that a write is about, live: the vendor's actions name
// affiliates by their addresses. field is where the input has the id.
func (p *provider) addressee(ctx context.Context, field string, id providers.ID) (*providers.Affiliate, error) {
	a, _, err := byNumber(ctx, p, affiliateList, id)
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		return nil, nobody(field)
	case a.Email == nil:
		return nil, providers.Problemf(providers.ProblemWrongState, field, "has no e-mail address, by which %s is told who is meant", title)
	}
	return a, nil
}

// byNumber reads one record of a list whose ids are numbers, live; nil where there is none.
func byNumber[W any, T providers.Record](ctx context.Context, p *provider, e endpoint[W, T], id providers.ID) (*T, oddities, error) {
	n, ok := number(id.Local)
	if !ok || id != p.id(e.noun, n) {
		return nil, nil, nil
	}
	row, _, odd, err := e.read(ctx, p, e.path, id, n)
	return row, odd, err
}

// identified is implemented by the rows of replies to writes. It says whether a row names
// what was written.
type identified interface{ identified() bool }

func (w wireAffiliate) identified() bool  { return w.ID > 0 }
func (w wireReferral) identified() bool   { return w.ID > 0 }
func (w wirePayment) identified() bool    { return w.PaymentID > 0 }
func (w wireSubscribed) identified() bool { return w.Event != "" }
func (w wireActed) identified() bool {
	return w.AffiliateID > 0 || w.ReferralID > 0 || w.AffiliateEmail != "" || w.Coupon != ""
}

// send makes one write, and opens the envelope. There may be no data: then it is zero. A
// reply that neither says that it is a success nor names what was written is none of the
// vendor's.
func send[W identified](ctx context.Context, p *provider, op, path string, body any) (data W, _ oddities, _ error) {
	var a wire.Reply[envelope[wire.Rows[W]]]
	r := rest.Request{Op: op, Path: path, Body: body, Into: &a, Verify: func() error {
		if rows := a.Value.Data.All; !a.Value.success() && (len(rows) == 0 || !rows[0].identified()) {
			return errNoStatus
		}
		return nil
	}}
	if err := p.client.Send(ctx, r); err != nil {
		return data, nil, err
	}
	p.log.Odd(op, a.Odd)
	if rows := a.Value.Data.All; len(rows) > 0 {
		data = rows[0]
	}
	return data, a.Odd, nil
}

// garbled is the error of a write that was answered with success, but not as it should be:
// what became of it is open.
func (p *provider) garbled(op string, err error) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: op, Kind: providers.KindBadReply, Err: err}
}

// wireActed is what the reply of an action names. All of that is assumed, and so it need
// not be there.
type wireActed struct {
	AffiliateID    int64  `json:"affiliate_id"`
	AffiliateEmail string `json:"affiliate_email"`
	ReferralID     int64  `json:"referral_id"`
	Coupon         string `json:"coupon"`
}

// act makes a write that names an affiliate by the address. If the reply names another, the
// address has changed hands since it was read.
func (p *provider) act(ctx context.Context, op string, a *providers.Affiliate, body any) (wireActed, error) {
	_, path, _ := strings.Cut(op, " ")
	w, _, err := send[wireActed](ctx, p, op, path, body)
	if err == nil && (w.AffiliateID > 0 && p.id(providers.NounAffiliate, w.AffiliateID) != a.ID ||
		w.AffiliateEmail != "" && !providers.EqualEmail(w.AffiliateEmail, *a.Email)) {
		err = p.garbled(op, errAnother)
	}
	return w, err
}

// absolute judges a state that a write sets, whatever it was: where it is as wanted, that
// is proof enough, whoever did it. Where it is as it was before, and nobody else wrote, the
// write was not made.
func absolute(now, wanted string, before json.RawMessage, disturbed bool) providers.Verdict {
	var was *string
	err := json.Unmarshal(before, &was)
	return providers.JudgeState(now == wanted, err == nil && was != nil && now == *was, disturbed)
}

// majorUnits is an amount as the vendor takes it: a number of major units.
func majorUnits(m providers.Money) json.Number { return json.Number(m.Amount.Trim(0).String()) }
