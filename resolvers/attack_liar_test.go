package resolvers_test

import (
	"context"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// lies are what a vendor gets wrong about whose records are whose. It is to be believed in
// nothing.
type lies struct {
	of      string                            // which; "" for none
	foreign map[providers.Noun]providers.ID   // records of others
	rows    map[providers.Noun]func() (r any) // copies of these
}

// The lies.
const (
	ignoresFilters = "ignores filters"
	slipsRows      = "slips a row in"
	slipsPages     = "slips others' rows into later pages"
	namesOthers    = "names others' records"
	swaps          = "answers an id with another record"
	reowns         = "says that a record is another's"
	along          = "sends others' records along"
	goesOn         = "says of every list that it goes on"
	fails          = "does not answer who has an address"
)

// liar is an account at a vendor who lies.
type liar struct {
	providers.Provider
	*lies
}

// lying are the lists of f as the vendor has them; everyone is f without what narrows it to
// affiliates.
func lying[T providers.Record, F any](l *lies, noun providers.Noun, narrow bool, plan func(F) ([]providers.List[T], error), f, everyone F) ([]providers.List[T], error) {
	lists, err := plan(f)
	if err != nil || l.of == "" || len(lists) == 0 || !narrow {
		return lists, err
	}
	everyones, err := plan(everyone)
	if err != nil || l.of == ignoresFilters {
		return everyones, err
	}
	out := slices.Clone(lists)
	for i, list := range lists {
		out[i].Exact = out[i].Exact || l.of == slipsPages
		out[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			if l.of == slipsPages && r.Number > 1 {
				return everyones[0].Page(ctx, providers.PageRequest{Number: r.Number - 1, Reader: r.Reader})
			}
			p, err := list.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			page := *p
			switch l.of {
			case slipsPages:
				total := int64(100_000)
				page.More, page.Total = true, &total
			case goesOn:
				page.More = true
			case slipsRows:
				page.Items = append(slices.Clone(p.Items), l.rows[noun]().(*T))
			case namesOthers:
				page.Items = nil
				for _, row := range p.Items {
					page.Items = append(page.Items, misnamed(l, row))
				}
			}
			return &page, nil
		}
	}
	return out, nil
}

// misnamed is a record that leads to others'.
func misnamed[T providers.Record](l *lies, row *T) *T {
	out := *row
	switch r := any(&out).(type) {
	case *providers.Membership:
		r.CampaignID = l.foreign[providers.NounCampaign]
	case *providers.Referral:
		r.CampaignID = l.foreign[providers.NounCampaign]
	case *providers.Commission:
		r.CampaignID, r.ReferralID, r.PayoutID = l.foreign[providers.NounCampaign], l.foreign[providers.NounReferral], l.foreign[providers.NounPayout]
	case *providers.Payout:
		r.CampaignID = l.foreign[providers.NounCampaign]
	case *providers.Coupon:
		r.CampaignID = l.foreign[providers.NounCampaign]
	case *providers.Affiliate:
		r.ParentID = l.foreign[providers.NounAffiliate]
	}
	return &out
}

// lied is what a read by id answers.
func lied[T providers.Record](ctx context.Context, l *lies, noun providers.Noun, read func(context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
	ids []providers.ID, need []string,
) (*providers.Batch[T], error) {
	b, err := read(ctx, ids, need...)
	if err != nil || l.of == "" {
		return b, err
	}
	out := &providers.Batch[T]{Found: map[providers.ID]*T{}, Failed: b.Failed}
	for id, row := range b.Found {
		other, _ := l.rows[noun]().(*T)
		switch l.of {
		case swaps:
			out.Found[id] = other
			if other != nil {
				out.Found[providers.NodeOf(other).ID] = other
			}
			continue
		case reowns:
			if other != nil && noun != providers.NounAffiliate && noun != providers.NounCampaign { // what it is about is another's, though it has the id that was asked for
				providers.NodeOf(other).ID = id
				out.Found[id] = other
				continue
			}
		case namesOthers:
			row = misnamed(l, row)
		case along:
			if a, ok := any(row).(*providers.Affiliate); ok {
				with := *a
				with.Memberships = append(slices.Clone(a.Memberships), l.rows[providers.NounMembership]().(*providers.Membership))
				with.Coupons = append(slices.Clone(a.Coupons), l.rows[providers.NounCoupon]().(*providers.Coupon))
				row = any(&with).(*T)
			}
		}
		out.Found[id] = row
	}
	return out, nil
}

func (l liar) Memberships(f providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	everyone := f
	everyone.Affiliates = nil
	return lying(l.lies, providers.NounMembership, f.Affiliates != nil, l.Provider.Memberships, f, everyone)
}

func (l liar) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	everyone := f
	everyone.Affiliates = nil
	return lying(l.lies, providers.NounReferral, f.Affiliates != nil, l.Provider.Referrals, f, everyone)
}

func (l liar) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	everyone := f
	everyone.Affiliates, everyone.Payouts = nil, nil
	return lying(l.lies, providers.NounCommission, f.Affiliates != nil, l.Provider.Commissions, f, everyone)
}

func (l liar) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	everyone := f
	everyone.Affiliates = nil
	return lying(l.lies, providers.NounPayout, f.Affiliates != nil, l.Provider.Payouts, f, everyone)
}

func (l liar) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	everyone := f
	everyone.Affiliates = nil
	return lying(l.lies, providers.NounCoupon, f.Affiliates != nil, l.Provider.Coupons, f, everyone)
}

func (l liar) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	if l.of == fails && f.Email != "" {
		return nil, &providers.Error{Account: l.Account().ID.Account, Op: "look-up", Kind: providers.KindUnavailable}
	}
	return l.Provider.Affiliates(f)
}

func (l liar) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	return lied(ctx, l.lies, providers.NounAffiliate, l.Provider.AffiliatesByID, ids, need)
}

func (l liar) MembershipsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Membership], error) {
	return lied(ctx, l.lies, providers.NounMembership, l.Provider.MembershipsByID, ids, need)
}

func (l liar) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	return lied(ctx, l.lies, providers.NounCampaign, l.Provider.CampaignsByID, ids, need)
}

func (l liar) ReferralsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Referral], error) {
	return lied(ctx, l.lies, providers.NounReferral, l.Provider.ReferralsByID, ids, need)
}

func (l liar) CommissionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Commission], error) {
	return lied(ctx, l.lies, providers.NounCommission, l.Provider.CommissionsByID, ids, need)
}

func (l liar) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
	return lied(ctx, l.lies, providers.NounPayout, l.Provider.PayoutsByID, ids, need)
}

func (l liar) CouponsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Coupon], error) {
	return lied(ctx, l.lies, providers.NounCoupon, l.Provider.CouponsByID, ids, need)
}

// known reads the records of others that an account lies with.
func (l *lies) known(s *stage, p providers.Provider, me, victim *actor) {
	l.foreign, l.rows = map[providers.Noun]providers.ID{}, map[providers.Noun]func() any{}
	copied(s, l, p, me, victim, providers.NounAffiliate, providers.Reader.AffiliatesByID)
	copied(s, l, p, me, victim, providers.NounMembership, providers.Reader.MembershipsByID)
	copied(s, l, p, me, victim, providers.NounCampaign, providers.Reader.CampaignsByID)
	copied(s, l, p, me, victim, providers.NounReferral, providers.Reader.ReferralsByID)
	copied(s, l, p, me, victim, providers.NounCommission, providers.Reader.CommissionsByID)
	copied(s, l, p, me, victim, providers.NounPayout, providers.Reader.PayoutsByID)
	copied(s, l, p, me, victim, providers.NounCoupon, providers.Reader.CouponsByID)
}

func copied[T providers.Record](s *stage, l *lies, p providers.Provider, me, victim *actor, noun providers.Noun,
	read func(providers.Reader, context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
) {
	s.t.Helper()
	id, err := providers.ParseID(s.others(me, victim, string(noun)))
	if err != nil {
		s.t.Fatalf("others have no %s: %v", noun, err)
	}
	b, err := read(p, s.t.Context(), []providers.ID{id})
	if err != nil || b.Found[id] == nil {
		s.t.Fatalf("%s of others: %v", noun, err)
	}
	l.foreign[noun] = id
	l.rows[noun] = func() any {
		row := *b.Found[id]
		return &row
	}
}
