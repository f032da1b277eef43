package promotekit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Wants is what of the input PromoteKit does not take, and what it misses.
func (p *provider) Wants(c providers.Command) (bad providers.Problems) {
	switch c := c.(type) {
	case *providers.CreateAffiliateInput:
		return wantsCreateAffiliate(c)
	case *providers.UpdateAffiliateInput, *providers.SetAffiliateStatusInput, *providers.MoveAffiliateInput,
		*providers.UpdateMembershipInput, *providers.AssignCouponInput:
		return p.wantsAffiliateChange(c)
	case *providers.CreateCampaignInput:
		_, bad = newCampaign(c)
	case *providers.UpdateCampaignInput:
		_, bad = campaignBodyOf(c.Name, c.Terms)
		bad.When(uuidOf(c.ID) == "", providers.ProblemNotFound, "id", "there is no such campaign at PromoteKit")
	case *providers.CreateReferralInput:
		return wantsCreateReferral(c)
	case *providers.CreateCommissionInput:
		return wantsCreateCommission(c)
	}
	return bad
}

// Plan works out one write.
func (p *provider) Plan(ctx context.Context, c providers.Command) (*providers.Write, error) {
	if err := p.Wants(c).Err(); err != nil {
		return nil, err
	}
	switch c := c.(type) {
	case *providers.CreateAffiliateInput:
		return p.planCreateAffiliate(ctx, c)
	case *providers.UpdateAffiliateInput, *providers.SetAffiliateStatusInput, *providers.MoveAffiliateInput,
		*providers.UpdateMembershipInput, *providers.AssignCouponInput:
		return p.planAffiliateChange(ctx, c)
	case *providers.CreateCampaignInput:
		return p.planCreateCampaign(ctx, c)
	case *providers.UpdateCampaignInput:
		return p.planUpdateCampaign(ctx, c)
	case *providers.CreateReferralInput:
		return p.planCreateReferral(ctx, c)
	case *providers.CreateCommissionInput:
		return p.planCreateCommission(ctx, c)
	}
	return p.Unsupported.Plan(ctx, c)
}

// Look finds out whether a write was made.
func (p *provider) Look(
	ctx context.Context,
	c providers.Command,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	switch c := c.(type) {
	case *providers.CreateAffiliateInput:
		return p.lookCreateAffiliate(ctx, c, disturbed)
	case *providers.UpdateAffiliateInput, *providers.SetAffiliateStatusInput, *providers.MoveAffiliateInput,
		*providers.UpdateMembershipInput, *providers.AssignCouponInput:
		return p.lookAffiliateChange(ctx, c, before, disturbed)
	case *providers.CreateCampaignInput:
		return p.lookCreateCampaign(ctx, c, before, disturbed)
	case *providers.UpdateCampaignInput:
		return p.lookUpdateCampaign(ctx, c, before, disturbed)
	case *providers.CreateReferralInput:
		return p.lookCreateReferral(ctx, c, disturbed)
	case *providers.CreateCommissionInput:
		return p.lookCreateCommission(ctx, c, before, disturbed)
	}
	return p.Unsupported.Look(ctx, c, before, disturbed)
}

// Proofs says by what the outcome of each write is proven.
func (p *provider) Proofs() []providers.Proof { return slices.Clone(proofs) }

var proofs = []providers.Proof{
	{Mutation: providers.CanCreateAffiliate, By: providers.ProofEmail,
		Look: "the affiliates in PromoteKit's dashboard, for one with this e-mail address"},
	{Mutation: providers.CanUpdateAffiliate, By: providers.ProofState,
		Look: "the affiliate in PromoteKit's dashboard, for the new values"},
	{Mutation: providers.CanSetAffiliateStatus, By: providers.ProofState,
		Look: "the affiliate in PromoteKit's dashboard: approved, waiting or banned"},
	{Mutation: providers.CanMoveAffiliate, By: providers.ProofState,
		Look: "the affiliate's campaign in PromoteKit's dashboard"},
	{Mutation: providers.CanUpdateMembership, By: providers.ProofCode,
		Look: "the affiliate's codes in PromoteKit's dashboard"},
	{Mutation: providers.CanAssignCoupon, By: providers.ProofCode,
		Look: "the affiliate's promo code in PromoteKit's dashboard"},
	{Mutation: providers.CanCreateCampaign, By: providers.ProofState,
		Look: "the campaigns in PromoteKit's dashboard, for a new one of this name"},
	{Mutation: providers.CanUpdateCampaign, By: providers.ProofState,
		Look: "the campaign's terms in PromoteKit's dashboard"},
	{Mutation: providers.CanCreateReferral, By: providers.ProofEmail,
		Look: "the referrals in PromoteKit's dashboard, for one with the customer's e-mail address"},
	eventProof, amountProof, noProof,
}

// Commissions cannot be searched, and nothing about them is unique: a commission is
// recognized among its referral's.
var (
	eventProof = providers.Proof{Mutation: providers.CanCreateCommission, When: "with an eventId", By: providers.ProofEventID,
		Look: "the referral's commissions in PromoteKit's dashboard, for one with this payment id"}
	amountProof = providers.Proof{Mutation: providers.CanCreateCommission, By: providers.ProofState,
		When: "without an eventId, and unlike every other commission of the referral",
		Look: "the referral's commissions in PromoteKit's dashboard, for one of these amounts without a payment id"}
	noProof = providers.Proof{
		Mutation: providers.CanCreateCommission,
		By:       providers.ProofNone,
		When:     "without an eventId, where the referral has one of the same amounts without an eventId already",
		Look:     "how many commissions of these amounts without a payment id the referral has in PromoteKit's dashboard, as equal ones cannot be told apart",
	}
)

// proofOf is the row of a mutation that has only one.
func proofOf(mutation providers.Capability) providers.Proof {
	i := slices.IndexFunc(proofs, func(p providers.Proof) bool { return p.Mutation == mutation })
	return proofs[i]
}

func notFound(field, what string) error {
	return providers.Problemf(providers.ProblemNotFound, field, "there is no such %s at PromoteKit", what)
}

// send makes the one call of a write, and answers the record in the reply. Every reply is
// documented to have it: one without an id proves nothing. Whatever the vendor does not
// find is what field names.
func send[W wire.Identified](ctx context.Context, p *provider, op, path, field, what string, body any) (*W, error) {
	reply := new(wire.Reply[single[W]])
	err := p.rest.Send(ctx, rest.Request{Op: op, Path: path, Body: body, Into: reply, Verify: func() error {
		switch w := reply.Value.Data; {
		case w == nil:
			return errNoEnvelope
		case (*w).WireID() == "":
			return errNoID
		}
		return nil
	}})
	switch {
	case providers.KindOf(err) == providers.KindNotFound:
		return nil, notFound(field, what)
	case err != nil:
		return nil, err
	}
	p.log.Odd(op, reply.Odd)
	return reply.Value.Data, nil
}

// wrote is what a reply to a write, or a look, tells of one record, of which so much is
// known. Only a record that came whole, and could be read in all, is harvested: another is
// stale.
func wrote[W recorded, T providers.Record](
	p *provider, w *W, known *providers.Fields, convert func(*reply, *W) *T, lists ...providers.Noun,
) *providers.Written {
	r := p.reply()
	row := convert(r, w)
	out := &providers.Written{ID: providers.NodeOf(row).ID, StaleLists: lists}
	if known != nil || (*w).Odd() {
		out.Stale = []providers.ID{out.ID}
		return out
	}
	out.Harvest = providers.HarvestOf(row)
	out.Harvest.Add(p.finish(r))
	return out
}

// recorded is a wire struct that embeds a record.
type recorded interface {
	wire.Identified
	Has(members ...string) bool
	Odd(members ...string) bool
	None(member string) bool
}

var errAbsent = errors.New("the address was not found, and nothing proves that it is not there")

// emailSearch finds the rows of a list that have an e-mail address.
type emailSearch[W recorded, T providers.Record] struct {
	noun    providers.Noun
	path    string
	email   func(*W) string
	convert func(*reply, *W) *T
}

// find are the rows of this address. The reference does not say whether the filter tells
// upper case from lower, so both spellings are asked for. Nor does it say that the filter
// is kept to: a reply with other rows is a page of a longer list, which is read until the
// address is found. It is not there only where the end of that list is proven and the
// address of every row could be read.
func (s emailSearch[W, T]) find(ctx context.Context, p *provider, address string) (found []W, err error) {
	for _, spelling := range providers.EmailSpellings(address) {
		unknown := 0
		ended, err := walk(ctx, p, s.noun, s.path, url.Values{emailParameter: {spelling}}, s.convert, func(body *rows[W]) bool {
			unknown += body.Data.Unread
			for _, w := range body.Data.All {
				switch email := s.email(&w); {
				case providers.EqualEmail(email, address):
					found = append(found, w)
				case email == "" && (!w.Has("email") || !w.None("email")):
					unknown++
				}
			}
			return len(found) == 0
		})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && !ended || unknown > 0 {
			return nil, p.badReply("GET "+s.path, errAbsent)
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

// image is what is compared of a record: some of the fields of a body, each as a digest, so
// that what is stored of it tells nothing.
type image map[string]string

// folds are the fields in which case does not matter, and the form in which they are compared.
var folds = map[string]func(string) string{
	"email": providers.FoldEmail, "payout_email": providers.FoldEmail, "ref_code": strings.ToLower, "promo_code": strings.ToLower,
}

// imageOf is the image of a body.
func imageOf(body any) (image, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return nil, err
	}
	im := image{}
	for name, v := range members {
		s := strings.TrimSpace(fmt.Sprint(v))
		if fold := folds[name]; fold != nil {
			s = fold(s)
		}
		im[name] = digest(s)
	}
	return im, nil
}

// images are the images of what is wanted and of what is there.
func images(wanted, now any) (w, n image, err error) {
	if w, err = imageOf(wanted); err != nil {
		return nil, nil, err
	}
	n, err = imageOf(now)
	return w, n, err
}

// within says whether another image has all of this one.
func (im image) within(other image) bool { return maps.Equal(im, other.only(im)) }

// agrees says whether two images are the same in what both of them tell.
func (im image) agrees(other image) bool { return maps.Equal(im.only(other), other.only(im)) }

// only is the part of an image that another has as well.
func (im image) only(other image) image {
	part := maps.Clone(im)
	maps.DeleteFunc(part, func(name, _ string) bool { _, ok := other[name]; return !ok })
	return part
}

// verdict says whether a record was brought to this image, which was wanted, from what it
// was before. What is as it was wanted proves itself, whoever did it. What is as it was
// before proves the opposite, unless somebody may have brought it back, or the reply did
// not tell all of it: a hand in the vendor's own dashboard that took it back at once is not
// seen.
func (im image) verdict(now, before image, disturbed bool) providers.Verdict {
	told := now.only(im)
	return providers.JudgeState(im.within(now), len(told) == len(im) && maps.Equal(told, before.only(im)), disturbed)
}
