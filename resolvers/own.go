package resolvers

import (
	"context"
	"slices"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// own is how a partner's records of a noun are found.
type own[T providers.Record] struct {
	noun providers.Noun
	byID func(providers.Reader, context.Context, []providers.ID, ...string) (*providers.Batch[T], error)

	// proof is an error where such a read, for these fields, would be a way through everybody's records; nil for none that could be.
	proof func(ctx context.Context, s *scoped, need []string) error
}

// The nouns that belong to affiliates.
var (
	ownMemberships = own[providers.Membership]{noun: providers.NounMembership, byID: providers.Reader.MembershipsByID}
	ownReferrals   = own[providers.Referral]{noun: providers.NounReferral, byID: providers.Reader.ReferralsByID}
	ownCommissions = own[providers.Commission]{noun: providers.NounCommission, byID: providers.Reader.CommissionsByID, proof: paidOut}
	ownPayouts     = own[providers.Payout]{noun: providers.NounPayout, byID: providers.Reader.PayoutsByID}
	ownCoupons     = own[providers.Coupon]{noun: providers.NounCoupon, byID: providers.Reader.CouponsByID}
)

// read answers those of ids that are the partner's own, which all stand in lists. An id that says that it is another's is not looked for.
func (n own[T]) read(ctx context.Context, s *scoped, ids []providers.ID, need []string, lists func() ([]providers.List[T], error)) (*providers.Batch[T], error) {
	if s.err != nil {
		return nil, s.err
	}
	var sought, direct []providers.ID
	owned := map[providers.ID]bool{} // by what the id says
	for _, id := range ids {
		owner, says := s.inner.Owner(id)
		switch {
		case says && !s.mine(owner):
		case s.named(id):
			direct = append(direct, id)
		default:
			sought, owned[id] = append(sought, id), says
		}
	}
	if len(need) > 0 {
		need = append(slices.Clone(need), "affiliate") // else it could not be checked
	}
	out := &providers.Batch[T]{Found: map[providers.ID]*T{}}
	rows, ended, err := n.walk(ctx, s, sought, lists)
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
	if len(direct) > 0 && n.proof != nil {
		if err := n.proof(ctx, s, need); err != nil {
			return nil, err
		}
	}
	b, err := only(ctx, direct, func(providers.ID) bool { return true }, need, func(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[T], error) {
		return n.byID(s.inner, ctx, ids, need...)
	})
	if err != nil {
		return nil, err
	}
	out.Failed = b.Failed
	for id, row := range b.Found {
		if s.mine(providers.BelongsTo(row)) {
			out.Found[id] = row
		}
	}
	return out, nil
}

// paidOut is an error where a commission's payout is asked for, which some vendors tell by the affiliate's payouts alone, and the vendor does not narrow these.
func paidOut(ctx context.Context, s *scoped, need []string) error {
	if len(need) > 0 && !slices.Contains(need, "payout") {
		return nil
	}
	lists, err := s.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
	return narrows(ctx, s, lists, err)
}

// named says whether one of the partner's own commissions names a payout, which then is theirs. Nothing else is taken for theirs because of
// what names it: with tiers and splits a commission's referral is another's.
func (s *scoped) named(id providers.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.payouts[id]
}

// note remembers what rows of the partner's own name.
func note[T providers.Record](s *scoped, rows []*T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range rows {
		if c, ok := any(row).(*providers.Commission); ok && !c.PayoutID.IsZero() {
			s.payouts[c.PayoutID] = true
		}
	}
}

// walked is how far a partner's own lists of a noun were read.
type walked[T providers.Record] struct {
	mu    sync.Mutex
	lists []providers.List[T]
	begun bool
	first *providers.Walk[T] // through the first of lists; nil where it was not begun
	rows  map[providers.ID]*T
	ended bool // there is nothing beyond rows; not if the bound of pages was reached
}

// walk reads the partner's own lists until all ids are found, or to the end, or to the bound of pages; what was read is read once.
func (n own[T]) walk(ctx context.Context, s *scoped, ids []providers.ID, lists func() ([]providers.List[T], error)) (_ map[providers.ID]*T, ended bool, _ error) {
	if len(ids) == 0 {
		return nil, false, nil
	}
	s.mu.Lock()
	if s.walks[n.noun] == nil {
		s.walks[n.noun] = &walked[T]{rows: map[providers.ID]*T{}, ended: true}
	}
	w := s.walks[n.noun].(*walked[T])
	s.mu.Unlock()
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
		p, err := w.first.Next(ctx, s)
		if err != nil {
			return nil, false, err
		}
		if p == nil || w.first.Read >= s.r.pages {
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
