package cache

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// wrap puts the cache before the lists of one noun.
func wrap[T providers.Record](c *Cache, noun providers.Noun, lists []providers.List[T], err error) ([]providers.List[T], error) {
	if err != nil || lists == nil {
		return nil, err
	}
	wrapped := make([]providers.List[T], len(lists))
	for i, l := range lists {
		wrapped[i] = wrapOne(c, noun, l)
	}
	return wrapped, nil
}

func wrapOne[T providers.Record](c *Cache, noun providers.Noun, l providers.List[T]) providers.List[T] {
	w := l
	w.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
		key := c.pageKey(noun, l.Key, r.Number)
		return through(ctx, c, key,
			func(ctx context.Context) (*providers.Page[T], quality) {
				return page[T](ctx, c, noun, key, r.NotBefore)
			},
			func(ctx context.Context) (*providers.Page[T], error) { return loadPage(ctx, c, l, noun, key, r.Number) })
	}
	if l.Count != nil {
		key := c.countKey(noun, l.Key)
		w.Count = func(ctx context.Context) (int64, error) {
			return through(ctx, c, key,
				func(ctx context.Context) (int64, quality) {
					e := c.listed(ctx, noun, key)
					n, _ := valueOf(e).(Count)
					return int64(n), c.quality(e)
				},
				func(ctx context.Context) (int64, error) {
					r := c.begin(ctx)
					n, err := l.Count(ctx)
					if err == nil {
						r.list(noun, key, Count(n))
						r.end(ctx)
					}
					return n, err
				})
		}
	}
	if l.Within != nil {
		within := wrapOne(c, noun, *l.Within)
		w.Within = &within
	}
	return w
}

// through answers what has one key: from memory, or by a read that all who ask wait for. A
// read brings what is fresh, whoever it sets off for.
func through[V any](
	ctx context.Context,
	c *Cache,
	key Key,
	look func(context.Context) (V, quality),
	load func(context.Context) (V, error),
) (V, error) {
	var none V
	if err := c.over(ctx, key.String()); err != nil {
		return none, err
	}
	again := func(ctx context.Context, keys []Key) (any, error) {
		for {
			if v, q := look(ctx); q.state == fresh { // someone else brought it just before
				return v, nil
			}
			if mine, release := c.lease(ctx, keys); len(mine) > 0 {
				defer release()
				break
			}
			if err := c.awaitLeases(ctx, keys); err != nil {
				return none, err
			}
		}
		if c.shares() {
			if v, q := look(ctx); q.state == fresh { // another replica brought it before the lease was taken
				return v, nil
			}
		}
		return load(ctx)
	}
	v, q := look(ctx)
	if q.state == stale && providers.WantsFresh(ctx) {
		q.state = miss
	}
	if q.state != fresh {
		if err := providers.Missed(ctx); err != nil {
			return none, err
		}
		recorderFrom(ctx).spoil(q.state)
	}
	if q.state != miss {
		c.note(ctx, key, 1, q.source)
	}
	switch q.state {
	case fresh:
		return v, nil
	case stale:
		c.refresh(ctx, []Key{key}, nil, again)
		return v, nil
	}
	var failed error
	c.flights.bring(ctx, []Key{key}, nil, again, func(answer any, err error, keys []Key, others bool) []Key {
		switch {
		case others && overLimits(err):
			return keys
		case err != nil:
			v, failed = none, c.fault(key.String(), err)
		default:
			c.noteFlight(ctx, key, 1, others)
			v = answer.(V)
		}
		return nil
	})
	return v, failed
}

// listed is what the store holds of a page or a count, unless its noun's lists were
// invalidated since.
func (c *Cache) listed(ctx context.Context, noun providers.Noun, key Key) *Entry {
	family := c.familyKey(noun)
	found := c.get(ctx, key, family)
	if page, f := found[0], found[1]; page != nil && f != nil && page.Began >= f.Began {
		return page
	}
	return nil
}

// page is a page as the store knows it, if it was read no earlier than notBefore. It is as
// good as the worst of it and its rows.
func page[T providers.Record](
	ctx context.Context,
	c *Cache,
	noun providers.Noun,
	key Key,
	notBefore time.Time,
) (*providers.Page[T], quality) {
	a := c.assembled(ctx, noun, key, notBefore)
	if a.quality.state == miss {
		return nil, quality{}
	}
	p := &providers.Page[T]{
		Items:      make([]*T, len(a.records)),
		More:       a.rows.More,
		Total:      a.rows.Total,
		Unread:     a.rows.Unread,
		Mark:       a.rows.Mark,
		AskedAt:    a.readAt.Add(-a.rows.Took),
		ReadAt:     a.readAt,
		Remembered: true,
	}
	for i, e := range a.records {
		record, ok := e.Value.(*T)
		if !ok {
			return nil, quality{}
		}
		p.Items[i] = listed(record, a.rows.Rows[i])
	}
	return p, a.quality
}

// listed is a record as its page dated it. Lists are sorted by these dates, and so are
// cursors: another reading that knows a date, or another one, is not to give the rows
// another order. Who wants to know the date reads the record.
func listed[T providers.Record](record *T, r Row) *T {
	if nanoseconds(providers.NodeOf(record).Listed()) == r.CreatedAt {
		return record
	}
	row := *record
	n := providers.NodeOf(&row)
	if n.CreatedAt = nil; r.CreatedAt != 0 {
		n.CreatedAt = new(timeAt(r.CreatedAt))
	}
	if !r.Known.Covers("createdAt") {
		n.Known = n.Known.Without("createdAt")
	}
	return &row
}

// assembled is a page with its records, and the quality of the worst of both: miss where
// the page, or one of the records, is not there, or was read before notBefore. A request
// assembles a fresh page once, however often it asks for it.
func (c *Cache) assembled(ctx context.Context, noun providers.Noun, key Key, notBefore time.Time) (a assembledPage) {
	request := requestFrom(ctx)
	if a, ok := request.page(key); ok && !a.readAt.Before(notBefore) {
		return a
	}
	e := c.listed(ctx, noun, key)
	rows, ok := valueOf(e).(Rows)
	if !ok || e.FetchedAt.Before(notBefore) {
		return assembledPage{}
	}
	a.rows, a.readAt = rows, e.FetchedAt
	a.records, a.quality = c.rows(ctx, rows)
	a.quality = a.quality.worse(c.quality(e))
	if a.quality.state == fresh {
		request.keep(key, a)
	}
	return a
}

// rows are the records of a page, and the quality of the worst of them. A record that knows
// less than the page did is none, and neither is one that has become another's than the
// page's: it has gone from the list. Of another account's there is nothing here.
func (c *Cache) rows(ctx context.Context, rows Rows) ([]*Entry, quality) {
	worst := quality{fresh, providers.SourceMemory}
	keys := make([]Key, len(rows.Rows))
	for i := range rows.Rows {
		id := &rows.Rows[i].ID
		if id.Account != c.account {
			return nil, quality{}
		}
		keys[i] = recordKey(*id)
	}
	records, now := c.get(ctx, keys...), c.o.Now()
	for i, e := range records {
		n := node(valueOf(e))
		if n == nil || !n.Known.CoversAll(rows.Rows[i].Known) || rows.Rows[i].KnowsPayout && !knowsPayout(e.Value) {
			return nil, quality{}
		}
		if !rows.Owner.IsZero() && providers.BelongsTo(e.Value) != rows.Owner {
			return nil, quality{}
		}
		s := stateOf(e, now)
		worst = worst.worse(quality{s, sourceOf(e, s)})
	}
	return records, worst
}

func knowsPayout(r any) bool {
	c, ok := r.(*providers.Commission)
	return ok && !c.PayoutUnknown
}

// owner is the affiliate that all records belong to; zero if not one.
func owner[T providers.Record](records []*T) (one providers.ID) {
	for i, r := range records {
		switch of := providers.BelongsTo(r); {
		case i == 0:
			one = of
		case of != one:
			return providers.ID{}
		}
	}
	return one
}

// loadPage reads a page at the vendor and stores it.
func loadPage[T providers.Record](
	ctx context.Context,
	c *Cache,
	l providers.List[T],
	noun providers.Noun,
	key Key,
	number int,
) (*providers.Page[T], error) {
	r := c.begin(ctx)
	read, err := l.Page(ctx, providers.PageRequest{Number: number, Reader: c, Prove: true})
	if err != nil {
		return nil, err
	}
	p := *read
	p.Items = payouts(ctx, c, read.Items)
	rows := Rows{More: p.More, Total: p.Total, Unread: p.Unread, Mark: p.Mark, Took: c.o.Now().Sub(r.at), Owner: owner(p.Items),
		Rows: make([]Row, len(p.Items))}
	for i, item := range read.Items {
		n := providers.NodeOf(item)
		rows.Rows[i] = Row{ID: n.ID, Known: n.Known, KnowsPayout: knowsPayout(item), CreatedAt: nanoseconds(n.Listed())}
	}
	r.list(noun, key, rows)
	p.ReadAt = r.entries[key].FetchedAt
	p.AskedAt = p.ReadAt.Add(-rows.Took)
	r.harvest(p.Harvest)
	keep(r, read.Items) // as they were read: what is borrowed for the answer is no newer for it
	r.end(ctx)
	requestFrom(ctx).forget()
	return &p, nil
}

// HasPage says whether a page of a list would be answered, fresh or stale, without waiting
// for a call. It reads nothing, and is for estimates: what is there may be gone by the time
// it is asked for.
func (c *Cache) HasPage(ctx context.Context, noun providers.Noun, list string, number int) bool {
	return c.assembled(ctx, noun, c.pageKey(noun, list, number), time.Time{}).quality.state != miss
}

// Affiliates plans lists that are read through the cache.
func (c *Cache) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	lists, err := c.Provider.Affiliates(f)
	return wrap(c, providers.NounAffiliate, lists, err)
}

// Memberships plans lists that are read through the cache.
func (c *Cache) Memberships(f providers.MembershipFilter) ([]providers.List[providers.Membership], error) {
	lists, err := c.Provider.Memberships(f)
	return wrap(c, providers.NounMembership, lists, err)
}

// Campaigns plans lists that are read through the cache.
func (c *Cache) Campaigns(f providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	lists, err := c.Provider.Campaigns(f)
	return wrap(c, providers.NounCampaign, lists, err)
}

// Referrals plans lists that are read through the cache.
func (c *Cache) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	lists, err := c.Provider.Referrals(f)
	return wrap(c, providers.NounReferral, lists, err)
}

// Commissions plans lists that are read through the cache.
func (c *Cache) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	lists, err := c.Provider.Commissions(f)
	return wrap(c, providers.NounCommission, lists, err)
}

// Payouts plans lists that are read through the cache.
func (c *Cache) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	lists, err := c.Provider.Payouts(f)
	return wrap(c, providers.NounPayout, lists, err)
}

// Coupons plans lists that are read through the cache.
func (c *Cache) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	lists, err := c.Provider.Coupons(f)
	return wrap(c, providers.NounCoupon, lists, err)
}

// WebhookSubscriptions plans lists that are read through the cache.
func (c *Cache) WebhookSubscriptions() ([]providers.List[providers.WebhookSubscription], error) {
	lists, err := c.Provider.WebhookSubscriptions()
	return wrap(c, providers.NounWebhookSubscription, lists, err)
}
