package partner

import (
	"context"
	"slices"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// ownership is how a partner's records of a noun are found by their ids.
type ownership[T providers.Record] struct {
	noun providers.Noun
	byID func(providers.Reader, context.Context, []providers.ID, ...string) (*providers.Batch[T], error)

	// prove is an error where such a read, for these fields, would search everybody's
	// records at this vendor; nil: no read would.
	prove func(ctx context.Context, v *View, need []string) error
}

// The nouns that belong to affiliates.
var (
	ownMemberships = ownership[providers.Membership]{noun: providers.NounMembership, byID: providers.Reader.MembershipsByID}
	ownReferrals   = ownership[providers.Referral]{noun: providers.NounReferral, byID: providers.Reader.ReferralsByID}
	ownCommissions = ownership[providers.Commission]{
		noun:  providers.NounCommission,
		byID:  providers.Reader.CommissionsByID,
		prove: provePayoutsNarrowed,
	}
	ownPayouts = ownership[providers.Payout]{noun: providers.NounPayout, byID: providers.Reader.PayoutsByID}
	ownCoupons = ownership[providers.Coupon]{noun: providers.NounCoupon, byID: providers.Reader.CouponsByID}
)

// read answers those of ids that are the partner's own. All of these stand in lists. An id
// that names another owner is not searched for.
func (n ownership[T]) read(
	ctx context.Context, v *View, ids []providers.ID, need []string, lists func() ([]providers.List[T], error),
) (*providers.Batch[T], error) {
	if v.err != nil {
		return nil, v.err
	}
	var sought, direct []providers.ID
	owned := map[providers.ID]bool{} // by what the id says
	for _, id := range ids {
		owner, says := v.inner.Owner(id)
		switch {
		case says && !v.Owns(owner):
		case v.paidToPartner(id):
			direct = append(direct, id)
		default:
			sought, owned[id] = append(sought, id), says
		}
	}
	if len(need) > 0 {
		need = append(slices.Clone(need), "affiliate") // else it could not be checked
	}
	out := &providers.Batch[T]{Found: map[providers.ID]*T{}}
	rows, ended, err := n.walk(ctx, v, sought, lists)
	if err != nil {
		return nil, err
	}
	for _, id := range sought {
		switch row := rows[id]; {
		case row != nil && providers.NodeOf(row).Known.Covers(need...):
			out.Found[id] = row
		case row != nil, owned[id] && !ended:
			direct = append(direct, id)
		}
	}
	if len(direct) > 0 && n.prove != nil {
		if err := n.prove(ctx, v, need); err != nil {
			return nil, err
		}
	}
	b, err := only(
		ctx,
		direct,
		func(providers.ID) bool { return true },
		need,
		func(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[T], error) {
			return n.byID(v.inner, ctx, ids, need...)
		},
	)
	if err != nil {
		return nil, err
	}
	out.Failed = b.Failed
	for id, row := range b.Found {
		if v.Owns(providers.BelongsTo(row)) {
			out.Found[id] = row
		}
	}
	return out, nil
}

// provePayoutsNarrowed is an error where a commission's payout is needed and the vendor
// does not narrow payouts to an affiliate. Some vendors tell a commission's payout only by
// the affiliate's payouts.
func provePayoutsNarrowed(ctx context.Context, v *View, need []string) error {
	if len(need) > 0 && !slices.Contains(need, "payout") {
		return nil
	}
	lists, err := v.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
	return proveFirstNarrowed(ctx, v, lists, err)
}

// paidToPartner says whether one of the partner's own commissions names a payout, which
// makes it theirs. Nothing else is theirs because of what names it: with tiers and splits,
// a commission's referral is another affiliate's.
func (v *View) paidToPartner(id providers.ID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.payouts[id]
}

// rememberPayouts notes the payouts that the partner's own commissions name.
func rememberPayouts[T providers.Record](v *View, rows []*T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, row := range rows {
		if c, ok := any(row).(*providers.Commission); ok && !c.PayoutID.IsZero() {
			v.payouts[c.PayoutID] = true
		}
	}
}

// walked is how far the partner's lists of a noun were read.
type walked[T providers.Record] struct {
	mu    sync.Mutex
	lists []providers.List[T]
	begun bool
	first *providers.Walk[T] // through the first of lists; nil where it was not begun
	rows  map[providers.ID]*T
	ended bool // there is nothing beyond rows; not if the bound of pages was reached
}

// walk reads the partner's own lists until all ids are found, to the end, or to the bound
// of pages. Pages that were read for other ids before are not read again.
func (n ownership[T]) walk(
	ctx context.Context, v *View, ids []providers.ID, lists func() ([]providers.List[T], error),
) (_ map[providers.ID]*T, ended bool, _ error) {
	if len(ids) == 0 {
		return nil, false, nil
	}
	v.mu.Lock()
	if v.walks[n.noun] == nil {
		v.walks[n.noun] = &walked[T]{rows: map[providers.ID]*T{}, ended: true}
	}
	w := v.walks[n.noun].(*walked[T])
	v.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.begun {
		var err error
		if w.lists, err = lists(); err != nil {
			return nil, false, err
		}
		w.begun = true
	}
	found := map[providers.ID]*T{}
	for {
		for _, id := range ids {
			if row := w.rows[id]; row != nil {
				found[id] = row
			}
		}
		if len(found) == len(ids) || len(w.lists) == 0 {
			return found, w.ended, nil
		}
		if w.first == nil {
			w.first = &providers.Walk[T]{List: w.lists[0]}
		}
		p, err := w.first.Next(ctx, v)
		if err != nil {
			return nil, false, err
		}
		if p == nil || w.first.Read >= v.o.MaxPages {
			w.ended = w.ended && p == nil
			w.lists, w.first = w.lists[1:], nil
		}
		if p == nil {
			continue
		}
		for _, row := range p.Items {
			w.rows[providers.NodeOf(row).ID] = row
		}
	}
}
