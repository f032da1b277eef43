package resolvers

import (
	"context"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// This file is how a partner's lists are planned: narrowed to their affiliates before they are sent, and each row checked when it has arrived.

// gate says, before a page is read, which of its rows are wanted; none at all, without a call, where it answers nil. It is asked that late
// because it may have to read whose the records are that a filter names.
type gate[T providers.Record] func(ctx context.Context, page int) (func(*T) bool, error)

// narrowed are lists as a partner may read them. A list with a row of anybody but those whom mine names was not narrowed by the vendor: it is
// read no further. Nor is one that goes on after a page that tells of no row whose it is. Its way through a longer list is cut off, for that is everybody's.
func narrowed[T providers.Record](s *scoped, n own[T], lists []providers.List[T], mine func(providers.ID) bool, exact bool, g gate[T]) []providers.List[T] {
	out := make([]providers.List[T], len(lists))
	for i, l := range lists {
		exact := exact && l.Exact
		out[i] = providers.List[T]{Key: l.Key, Exact: exact, Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			var wanted func(*T) bool
			if g != nil {
				var err error
				if wanted, err = g(ctx, r.Number); err != nil {
					return nil, err
				}
				if wanted == nil {
					return &providers.Page[T]{}, nil
				}
			}
			r.Reader = s.inner
			p, err := l.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			if everybodys(p, mine) {
				return nil, s.ignored(n.noun, l.Key)
			}
			if len(p.Items) == 0 && r.Number > 1 { // beyond the end: of this list, or of everybody's?
				if err := proven(ctx, s, out[i]); err != nil {
					return nil, err
				}
			}
			note(s, p.Items)
			page := &providers.Page[T]{More: p.More, Unread: p.Unread, Mark: p.Mark,
				AskedAt: p.AskedAt, ReadAt: p.ReadAt, Remembered: p.Remembered}
			for _, row := range p.Items {
				if !mine(providers.BelongsTo(row)) { // the reply does not say whose it is
					page.Unread++
					continue
				}
				if row = seen(row); wanted == nil || wanted(row) {
					page.Items = append(page.Items, row)
				}
			}
			if total := int64(len(page.Items)); exact && r.Number == 1 && !p.More { // what a vendor counts may be everybody's
				page.Total = &total
			}
			return page, nil
		}}
	}
	return out
}

// manyRows is how many rows without a word of whose they are show that the vendor did not narrow a list.
const manyRows = 10

// everybodys says whether a page is of a list that the vendor did not narrow: a row is somebody else's,
// or no row tells that it is the partner's, and the rows are many or the list goes on.
func everybodys[T providers.Record](p *providers.Page[T], mine func(providers.ID) bool) bool {
	own := func(row *T) bool { return mine(providers.BelongsTo(row)) }
	return slices.ContainsFunc(p.Items, func(row *T) bool { return anothers(row, mine) }) ||
		(p.More && len(p.Items) > 0 || len(p.Items) >= manyRows) && !slices.ContainsFunc(p.Items, own)
}

// anothers says whether a row is somebody else's. A row whose affiliate the reply does not tell
// proves nothing about the vendor's filter.
func anothers[T providers.Record](row *T, mine func(providers.ID) bool) bool {
	affiliate := providers.BelongsTo(row)
	return !affiliate.IsZero() && !mine(affiliate)
}

// each plans the lists of each affiliate that the partner is, of those asked for; none are all.
func each[T providers.Record](s *scoped, n own[T], asked []providers.ID, exact bool, g gate[T], plan func(affiliates []providers.ID) ([]providers.List[T], error)) ([]providers.List[T], error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.planning { // whose the lists will be is not known; how many there are is
		lists, err := plan(asked)
		return narrowed(s, n, lists, s.mine, false, g), err
	}
	var out []providers.List[T]
	for _, a := range s.own {
		if len(asked) > 0 && !slices.Contains(asked, a) {
			continue
		}
		lists, err := plan([]providers.ID{a})
		if err != nil {
			return nil, err
		}
		out = append(out, narrowed(s, n, lists, func(owner providers.ID) bool { return owner == a }, exact, g)...)
	}
	return out, nil
}

// inCampaigns wants the rows of those of the campaigns asked for that the partner takes part in.
func inCampaigns[T providers.Record](s *scoped, asked []providers.ID, campaign func(*T) providers.ID) gate[T] {
	if len(asked) == 0 {
		return nil
	}
	return func(ctx context.Context, _ int) (func(*T) bool, error) {
		allowed, err := s.joined(ctx, asked)
		if err != nil || len(allowed) == 0 {
			return nil, err
		}
		return func(row *T) bool { return slices.Contains(allowed, campaign(row)) }, nil
	}
}

// joined are those of campaigns that the partner takes part in.
func (s *scoped) joined(ctx context.Context, asked []providers.ID) ([]providers.ID, error) {
	all, err := s.campaigns(ctx)
	return slices.DeleteFunc(all, func(id providers.ID) bool { return !slices.Contains(asked, id) }), err
}

// few is a list that is short enough to be read whole: the rows that match.
func few[T providers.Record](key string, match func(*T) bool, read func(context.Context) ([]*T, error)) ([]providers.List[T], error) {
	return []providers.List[T]{{Key: key, Exact: true, Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
		if r.Number > 1 {
			return &providers.Page[T]{}, nil
		}
		rows, err := read(ctx)
		if err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(row *T) bool { return !match(row) })
		slices.SortStableFunc(rows, func(a, b *T) int { return providers.NodeOf(b).Listed().Compare(providers.NodeOf(a).Listed()) })
		total := int64(len(rows))
		return &providers.Page[T]{Items: rows, Total: &total}, nil
	}}}, nil
}

// present are the records that a batch found, in the order of ids; one that could not be read fails all.
func present[T providers.Record](b *providers.Batch[T], err error, ids []providers.ID) ([]*T, error) {
	if err != nil {
		return nil, err
	}
	var rows []*T
	for _, id := range ids {
		if err := b.Failed[id]; err != nil {
			return nil, err
		}
		if row := b.Found[id]; row != nil {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// Affiliates plans the list of those that the partner is.
func (s *scoped) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	return few("own affiliates", f.Match, func(ctx context.Context) ([]*providers.Affiliate, error) {
		b, err := s.AffiliatesByID(ctx, s.own)
		return present(b, err, s.own)
	})
}

// Campaigns plans the list of those that the partner takes part in.
func (s *scoped) Campaigns(f providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return few("own campaigns", f.Match, func(ctx context.Context) ([]*providers.Campaign, error) {
		ids, err := s.campaigns(ctx)
		if err != nil {
			return nil, err
		}
		b, err := s.campaignsOf(ctx, ids, ids, nil)
		return present(b, err, ids)
	})
}

// Memberships plans lists of the partner's own.
func (s *scoped) Memberships(f providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	g := inCampaigns(s, f.Campaigns, func(m *providers.Membership) providers.ID { return m.CampaignID })
	return each(s, ownMemberships, f.Affiliates, true, g, func(affiliates []providers.ID) ([]providers.List[providers.Membership], error) {
		f.Affiliates = affiliates
		return s.inner.Memberships(f)
	})
}

// Referrals plans lists of the partner's own. A customer is looked for among them: vendors look among everybody's.
func (s *scoped) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	if err := s.finds(f); err != nil {
		return nil, err
	}
	exact := f.Email == "" && f.CustomerID == ""
	f.Email, f.CustomerID = "", ""
	g := inCampaigns(s, f.Campaigns, func(r *providers.Referral) providers.ID { return r.CampaignID })
	return each(s, ownReferrals, f.Affiliates, exact, g, func(affiliates []providers.ID) ([]providers.List[providers.Referral], error) {
		f.Affiliates = affiliates
		return s.inner.Referrals(f)
	})
}

// Payouts plans lists of the partner's own.
func (s *scoped) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	g := inCampaigns(s, f.Campaigns, func(p *providers.Payout) providers.ID { return p.CampaignID })
	return each(s, ownPayouts, f.Affiliates, true, g, func(affiliates []providers.ID) ([]providers.List[providers.Payout], error) {
		f.Affiliates = affiliates
		return s.inner.Payouts(f)
	})
}

// Coupons plans lists of the partner's own.
func (s *scoped) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	return each(s, ownCoupons, f.Affiliates, true, nil, func(affiliates []providers.ID) ([]providers.List[providers.Coupon], error) {
		f.Affiliates = affiliates
		return s.inner.Coupons(f)
	})
}

// WebhookSubscriptions plans none.
func (s *scoped) WebhookSubscriptions() ([]providers.List[providers.WebhookSubscription], error) {
	return nil, s.err
}

// Commissions plans lists of the partner's own. Those of referrals are found among them, for a referral's commissions may be others', too, and so is
// an event, for a vendor may look for it in customers' addresses; those of payouts are asked for, because rows do not always tell their payout.
func (s *scoped) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	sent := f
	sent.Referrals, sent.Parent.Referral = nil, nil
	sent.EventID = ""
	if len(f.Payouts) == 0 {
		return each(s, ownCommissions, f.Affiliates, true, s.commissions(f, providers.ID{}), func(affiliates []providers.ID) ([]providers.List[providers.Commission], error) {
			sent.Affiliates = affiliates
			return s.inner.Commissions(sent)
		})
	}
	if s.err != nil {
		return nil, s.err
	}
	sent.Affiliates = slices.DeleteFunc(slices.Clone(s.own), func(id providers.ID) bool {
		return len(f.Affiliates) > 0 && !slices.Contains(f.Affiliates, id)
	})
	if len(sent.Affiliates) == 0 && !s.planning {
		return nil, nil
	}
	var out []providers.List[providers.Commission]
	for _, payout := range slices.Compact(slices.SortedFunc(slices.Values(f.Payouts), func(a, b providers.ID) int { return strings.Compare(a.String(), b.String()) })) {
		sent.Payouts = []providers.ID{payout}
		lists, err := s.inner.Commissions(sent)
		if err != nil {
			return nil, err
		}
		out = append(out, narrowed(s, ownCommissions, lists, s.mine, true, s.commissions(f, payout))...)
	}
	return out, nil
}

// commissions wants the rows of the campaigns, the referrals, the event and the payout asked for, as far as these are the partner's.
func (s *scoped) commissions(f providers.CommissionFilter, payout providers.ID) gate[providers.Commission] {
	if payout.IsZero() && len(f.Referrals) == 0 && len(f.Campaigns) == 0 && f.EventID == "" {
		return nil
	}
	return func(ctx context.Context, page int) (func(*providers.Commission) bool, error) {
		allowed, err := f, error(nil)
		if len(f.Campaigns) > 0 {
			if allowed.Campaigns, err = s.joined(ctx, f.Campaigns); err != nil || len(allowed.Campaigns) == 0 {
				return nil, err
			}
		}
		if len(f.Referrals) > 0 {
			if allowed.Referrals, err = s.referrals(ctx, f); err != nil || len(allowed.Referrals) == 0 {
				return nil, err
			}
		}
		if !payout.IsZero() {
			if ok, err := s.pays(ctx, f, payout); err != nil || !ok {
				return nil, err
			}
			if page > 1 { // the list may be cut out of the affiliate's, and does not show then whether that one is narrowed
				if err := s.honest(ctx); err != nil {
					return nil, err
				}
			}
		}
		return allowed.Match, nil
	}
}

// referrals are those of the referrals asked for that are the partner's.
func (s *scoped) referrals(ctx context.Context, f providers.CommissionFilter) ([]providers.ID, error) {
	if f.Parent.Referral != nil { // from which the partner came here
		return f.Referrals, nil
	}
	b, err := s.ReferralsByID(ctx, f.Referrals, "id")
	rows, err := present(b, err, f.Referrals)
	ids := make([]providers.ID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, err
}

// pays says whether a payout is the partner's.
func (s *scoped) pays(ctx context.Context, f providers.CommissionFilter, payout providers.ID) (bool, error) {
	if f.Parent.Payout != nil { // from which the partner came here
		return true, nil
	}
	b, err := s.PayoutsByID(ctx, []providers.ID{payout}, "id")
	rows, err := present(b, err, []providers.ID{payout})
	return len(rows) > 0, err
}

// honest is an error where the vendor does not narrow commissions to an affiliate.
func (s *scoped) honest(ctx context.Context) error {
	lists, err := s.Commissions(providers.CommissionFilter{})
	return narrows(ctx, s, lists, err)
}

// narrows is an error where the vendor does not narrow the first of the partner's own lists, or they could not be planned.
func narrows[T providers.Record](ctx context.Context, s *scoped, lists []providers.List[T], err error) error {
	if err != nil || len(lists) == 0 {
		return err
	}
	return proven(ctx, s, lists[0])
}

// proven is an error where the first page of a list of the partner's own has rows of others.
func proven[T providers.Record](ctx context.Context, s *scoped, l providers.List[T]) error {
	_, err := l.Page(ctx, providers.PageRequest{Number: 1, Reader: s})
	return err
}
