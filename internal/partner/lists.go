package partner

import (
	"context"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/providers"
)

// gate says, before a page is read, which of its rows are wanted. Rows that cannot be judged
// are wanted: the reader of the list reports them. Where it answers nil,
// none is, and the page is not read. It is called that late because it may have to read who
// owns the records that a filter names.
type gate[T providers.Record] func(ctx context.Context, page int) (func(*T) bool, error)

// filterLists are lists as the partner may read them. A list that has a row of an affiliate
// whom mine does not accept was not narrowed by the vendor: it is not read further. Neither
// is one that goes on after a page whose rows do not say whose they are. Within is left
// out, for the longer list is everybody's.
func filterLists[T providers.Record](
	v *View, n ownership[T], lists []providers.List[T], mine func(providers.ID) bool, exact bool, g gate[T],
) []providers.List[T] {
	out := make([]providers.List[T], len(lists))
	for i, l := range lists {
		exact := exact && l.Exact
		out[i] = providers.List[T]{
			Key:   l.Key,
			Exact: exact,
			Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
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
				r.Reader = v.inner
				p, err := l.Page(ctx, r)
				if err != nil {
					return nil, err
				}
				if unfiltered(p, mine) {
					return nil, v.ignored(n.noun, l.Key)
				}
				if len(p.Items) == 0 && r.Number > 1 { // beyond the end: of this list, or of everybody's?
					if err := proveNarrowed(ctx, v, out[i]); err != nil {
						return nil, err
					}
				}
				rememberPayouts(v, p.Items)
				page := &providers.Page[T]{More: p.More, Unread: p.Unread, Mark: p.Mark,
					AskedAt: p.AskedAt, ReadAt: p.ReadAt, Remembered: p.Remembered}
				for _, row := range p.Items {
					if !mine(providers.BelongsTo(row)) { // the reply does not say whose it is
						page.Unread++
						continue
					}
					if row = visibleFields(row); wanted == nil || wanted(row) {
						page.Items = append(page.Items, row)
					}
				}
				if total := int64(len(page.Items)); exact && r.Number == 1 && !p.More { // what a vendor counts may be everybody's
					page.Total = &total
				}
				return page, nil
			},
		}
	}
	return out
}

// minUnattributedRows is how many rows that do not say whose they are show that the vendor
// did not narrow a list.
const minUnattributedRows = 10

// unfiltered says whether the vendor did not narrow the list of a page: a row belongs to
// somebody else, or none is known to be the partner's, and the rows are many or the list
// goes on.
func unfiltered[T providers.Record](p *providers.Page[T], mine func(providers.ID) bool) bool {
	own := func(row *T) bool { return mine(providers.BelongsTo(row)) }
	return slices.ContainsFunc(p.Items, func(row *T) bool { return belongsToOther(row, mine) }) ||
		(p.More && len(p.Items) > 0 || len(p.Items) >= minUnattributedRows) && !slices.ContainsFunc(p.Items, own)
}

// belongsToOther says whether a row belongs to somebody else. A row that does not name its
// affiliate proves nothing about the vendor's filter.
func belongsToOther[T providers.Record](row *T, mine func(providers.ID) bool) bool {
	affiliate := providers.BelongsTo(row)
	return !affiliate.IsZero() && !mine(affiliate)
}

// eachAffiliate plans the lists of each affiliate that the partner is, of those asked for;
// without any, of all.
func eachAffiliate[T providers.Record](
	v *View, n ownership[T], asked []providers.ID, exact bool, g gate[T],
	plan func(affiliates []providers.ID) ([]providers.List[T], error),
) ([]providers.List[T], error) {
	if v.err != nil {
		return nil, v.err
	}
	if v.planning { // whose the lists will be is not known; how many there are is
		lists, err := plan(asked)
		return filterLists(v, n, lists, v.Owns, false, g), err
	}
	var out []providers.List[T]
	for _, a := range v.own {
		if len(asked) > 0 && !slices.Contains(asked, a) {
			continue
		}
		lists, err := plan([]providers.ID{a})
		if err != nil {
			return nil, err
		}
		out = append(out, filterLists(v, n, lists, func(owner providers.ID) bool { return owner == a }, exact, g)...)
	}
	return out, nil
}

// inCampaigns wants the rows of those of the campaigns asked for that the partner takes part in.
func inCampaigns[T providers.Record](v *View, asked []providers.ID, campaign func(*T) providers.ID) gate[T] {
	if len(asked) == 0 {
		return nil
	}
	return func(ctx context.Context, _ int) (func(*T) bool, error) {
		allowed, err := v.joinedCampaigns(ctx, asked)
		if err != nil || len(allowed) == 0 {
			return nil, err
		}
		unread := func(row *T) bool { return campaign(row).IsZero() && providers.NodeOf(row).IsUnread("campaign") }
		return func(row *T) bool { return slices.Contains(allowed, campaign(row)) || unread(row) }, nil
	}
}

// joinedCampaigns are those of the campaigns asked for that the partner takes part in.
func (v *View) joinedCampaigns(ctx context.Context, asked []providers.ID) ([]providers.ID, error) {
	all, err := v.ownCampaigns(ctx)
	return slices.DeleteFunc(all, func(id providers.ID) bool { return !slices.Contains(asked, id) }), err
}

// filter is what narrows a list of T.
type filter[T providers.Record] interface {
	Match(*T) bool
	Unsure(*T) string
}

// singlePage is a list of one page, which is read whole: the rows that match, and those that
// cannot be judged, which the reader of the list reports.
func singlePage[T providers.Record](
	key string,
	f filter[T],
	read func(context.Context) ([]*T, error),
) ([]providers.List[T], error) {
	return []providers.List[T]{
		{Key: key, Exact: true, Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			if r.Number > 1 {
				return &providers.Page[T]{}, nil
			}
			rows, err := read(ctx)
			if err != nil {
				return nil, err
			}
			rows = slices.DeleteFunc(rows, func(row *T) bool { return !f.Match(row) && f.Unsure(row) == "" })
			slices.SortStableFunc(rows, func(a, b *T) int { return providers.NodeOf(b).Listed().Compare(providers.NodeOf(a).Listed()) })
			page := &providers.Page[T]{Items: rows}
			if !slices.ContainsFunc(rows, func(row *T) bool { return f.Unsure(row) != "" }) {
				page.Total = new(int64(len(rows)))
			}
			return page, nil
		}},
	}, nil
}

// present are the records that a batch found, in the order of ids; one that could not be
// read fails all.
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
func (v *View) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	return singlePage("own affiliates", f, func(ctx context.Context) ([]*providers.Affiliate, error) {
		b, err := v.AffiliatesByID(ctx, v.own)
		return present(b, err, v.own)
	})
}

// Campaigns plans the list of those that the partner takes part in.
func (v *View) Campaigns(f providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return singlePage("own campaigns", f, func(ctx context.Context) ([]*providers.Campaign, error) {
		ids, err := v.ownCampaigns(ctx)
		if err != nil {
			return nil, err
		}
		b, err := v.campaignsOf(ctx, ids, ids, nil)
		return present(b, err, ids)
	})
}

// Memberships plans lists of the partner's own.
func (v *View) Memberships(f providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	g := inCampaigns(v, f.Campaigns, func(m *providers.Membership) providers.ID { return m.CampaignID })
	return eachAffiliate(
		v,
		ownMemberships,
		f.Affiliates,
		true,
		g,
		func(affiliates []providers.ID) ([]providers.List[providers.Membership], error) {
			f.Affiliates = affiliates
			return v.inner.Memberships(f)
		},
	)
}

// ErrHiddenCustomers refuses filters that would tell what is not shown by what they find.
var ErrHiddenCustomers = apierror.BadInput(
	"filter: email, customerId and search find customers by their addresses, and this account does not show those to partners")

// CustomerFilters are the capabilities of the filters that are refused where customers'
// addresses are not shown.
var CustomerFilters = []providers.Capability{
	providers.FilterReferralsByEmail, providers.FilterReferralsByCustomer, providers.FilterReferralsBySearch,
}

// rejectCustomerFilters is an error for a filter that finds customers by addresses that are
// not shown.
func (v *View) rejectCustomerFilters(f providers.ReferralFilter) error {
	if (f.Email != "" || f.CustomerID != "" || f.Search != "") && !v.o.SearchCustomers {
		return ErrHiddenCustomers
	}
	return nil
}

// Referrals plans lists of the partner's own. A customer is searched for among them,
// because vendors search among everybody's.
func (v *View) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	if err := v.rejectCustomerFilters(f); err != nil {
		return nil, err
	}
	exact := f.Email == "" && f.CustomerID == ""
	f.Email, f.CustomerID = "", ""
	g := inCampaigns(v, f.Campaigns, func(r *providers.Referral) providers.ID { return r.CampaignID })
	return eachAffiliate(
		v,
		ownReferrals,
		f.Affiliates,
		exact,
		g,
		func(affiliates []providers.ID) ([]providers.List[providers.Referral], error) {
			f.Affiliates = affiliates
			return v.inner.Referrals(f)
		},
	)
}

// Payouts plans lists of the partner's own.
func (v *View) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	g := inCampaigns(v, f.Campaigns, func(p *providers.Payout) providers.ID { return p.CampaignID })
	return eachAffiliate(v, ownPayouts, f.Affiliates, true, g, func(affiliates []providers.ID) ([]providers.List[providers.Payout], error) {
		f.Affiliates = affiliates
		return v.inner.Payouts(f)
	})
}

// Coupons plans lists of the partner's own.
func (v *View) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	return eachAffiliate(
		v,
		ownCoupons,
		f.Affiliates,
		true,
		nil,
		func(affiliates []providers.ID) ([]providers.List[providers.Coupon], error) {
			f.Affiliates = affiliates
			return v.inner.Coupons(f)
		},
	)
}

// WebhookSubscriptions plans none.
func (v *View) WebhookSubscriptions() ([]providers.List[providers.WebhookSubscription], error) {
	return nil, v.err
}

// Commissions plans lists of the partner's own. Those of referrals are searched for among
// them, for a referral's commissions may be others', too. So is an event, for a vendor may
// search for it in customers' addresses. Those of payouts are asked for, because rows do
// not always tell their payout.
func (v *View) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	sent := f
	sent.Referrals, sent.Parent.Referral = nil, nil
	sent.EventID = ""
	if len(f.Payouts) == 0 {
		return eachAffiliate(
			v,
			ownCommissions,
			f.Affiliates,
			true,
			v.commissions(f, providers.ID{}),
			func(affiliates []providers.ID) ([]providers.List[providers.Commission], error) {
				sent.Affiliates = affiliates
				return v.inner.Commissions(sent)
			},
		)
	}
	if v.err != nil {
		return nil, v.err
	}
	sent.Affiliates = slices.DeleteFunc(slices.Clone(v.own), func(id providers.ID) bool {
		return len(f.Affiliates) > 0 && !slices.Contains(f.Affiliates, id)
	})
	if p := f.Parent.Payout; p != nil && slices.Contains(sent.Affiliates, p.AffiliateID) { // it is that affiliate's alone
		sent.Affiliates = []providers.ID{p.AffiliateID}
	}
	if len(sent.Affiliates) == 0 && !v.planning {
		return nil, nil
	}
	var out []providers.List[providers.Commission]
	byText := func(a, b providers.ID) int { return strings.Compare(a.String(), b.String()) }
	for _, payout := range slices.Compact(slices.SortedFunc(slices.Values(f.Payouts), byText)) {
		sent.Payouts = []providers.ID{payout}
		lists, err := v.inner.Commissions(sent)
		if err != nil {
			return nil, err
		}
		out = append(out, filterLists(v, ownCommissions, lists, v.Owns, true, v.commissions(f, payout))...)
	}
	return out, nil
}

// commissions wants the rows of the campaigns, the referrals, the event and the payout
// asked for, as far as these are the partner's.
func (v *View) commissions(f providers.CommissionFilter, payout providers.ID) gate[providers.Commission] {
	if payout.IsZero() && len(f.Referrals) == 0 && len(f.Campaigns) == 0 && f.EventID == "" {
		return nil
	}
	return func(ctx context.Context, page int) (func(*providers.Commission) bool, error) {
		allowed, err := f, error(nil)
		if len(f.Campaigns) > 0 {
			if allowed.Campaigns, err = v.joinedCampaigns(ctx, f.Campaigns); err != nil || len(allowed.Campaigns) == 0 {
				return nil, err
			}
		}
		if len(f.Referrals) > 0 {
			if allowed.Referrals, err = v.referrals(ctx, f); err != nil || len(allowed.Referrals) == 0 {
				return nil, err
			}
		}
		if !payout.IsZero() {
			if ok, err := v.ownsPayout(ctx, f, payout); err != nil || !ok {
				return nil, err
			}
			if page > 1 { // the list may be cut out of the affiliate's, and does not show then whether that one is narrowed
				if err := v.proveCommissionsNarrowed(ctx); err != nil {
					return nil, err
				}
			}
		}
		return func(c *providers.Commission) bool { return allowed.Match(c) || allowed.Unsure(c) != "" }, nil
	}
}

// referrals are those of the referrals asked for that are the partner's.
func (v *View) referrals(ctx context.Context, f providers.CommissionFilter) ([]providers.ID, error) {
	if f.Parent.Referral != nil { // from which the partner came here
		return f.Referrals, nil
	}
	b, err := v.ReferralsByID(ctx, f.Referrals, "id")
	rows, err := present(b, err, f.Referrals)
	ids := make([]providers.ID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, err
}

// ownsPayout says whether a payout is the partner's.
func (v *View) ownsPayout(ctx context.Context, f providers.CommissionFilter, payout providers.ID) (bool, error) {
	if f.Parent.Payout != nil { // from which the partner came here
		return true, nil
	}
	b, err := v.PayoutsByID(ctx, []providers.ID{payout}, "id")
	rows, err := present(b, err, []providers.ID{payout})
	return len(rows) > 0, err
}

// proveCommissionsNarrowed is an error where the vendor does not narrow commissions to an
// affiliate.
func (v *View) proveCommissionsNarrowed(ctx context.Context) error {
	lists, err := v.Commissions(providers.CommissionFilter{})
	return proveFirstNarrowed(ctx, v, lists, err)
}

// proveFirstNarrowed is an error where the vendor does not narrow the first of the
// partner's lists, or they could not be planned.
func proveFirstNarrowed[T providers.Record](ctx context.Context, v *View, lists []providers.List[T], err error) error {
	if err != nil || len(lists) == 0 {
		return err
	}
	return proveNarrowed(ctx, v, lists[0])
}

// proveNarrowed is an error where the first page of one of the partner's lists has rows of
// others.
func proveNarrowed[T providers.Record](ctx context.Context, v *View, l providers.List[T]) error {
	_, err := l.Page(ctx, providers.PageRequest{Number: 1, Reader: v})
	return err
}
