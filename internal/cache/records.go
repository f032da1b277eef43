package cache

import (
	"context"
	"fmt"

	"github.com/partnergraph/partnergraph/providers"
)

// byID reads records of one noun at the vendor.
type byID[T providers.Record] func(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[T], error)

// read is a read by id through the cache.
func read[T providers.Record](ctx context.Context, c *Cache, noun providers.Noun, ids []providers.ID, need []string, inner byID[T]) (*providers.Batch[T], error) {
	b := &providers.Batch[T]{Found: make(map[providers.ID]*T, len(ids))}
	op := string(noun) + " by id"
	if err := c.over(ctx, op); err != nil {
		return nil, err
	}
	byKey := map[string]providers.ID{}
	for _, id := range ids {
		if id.Account == c.account && id.Noun == noun {
			byKey[recordKey(id)] = id
		}
	}
	got, missing, late := lookup[T](ctx, c, keysOf(byKey), need)
	if providers.WantsFresh(ctx) {
		for _, k := range late {
			delete(got, k)
		}
		missing, late = append(missing, late...), nil
	}
	switch {
	case len(missing) > 0:
		recorderFrom(ctx).spoil(miss)
	case len(late) > 0:
		recorderFrom(ctx).spoil(stale)
	}
	sources := map[providers.Source][]string{}
	for k, row := range got {
		b.Found[byKey[k]] = row.record
		sources[row.source] = append(sources[row.source], k)
	}
	for source, keys := range sources {
		c.noteRecords(ctx, noun, keys, source)
	}
	load := func(ctx context.Context, keys []string) (any, error) { return load(ctx, c, byKey, keys, need, inner) }
	if len(late) > 0 {
		c.refresh(ctx, late, need, load)
	}
	if len(missing) == 0 {
		return b, nil
	}
	var failed error
	c.flights.bring(ctx, missing, need, load, func(answer any, err error, keys []string, others bool) (again []string) {
		if others && overLimits(err) {
			return keys
		}
		if err != nil {
			failed = c.fault(op, err)
			for _, k := range keys {
				fail(b, byKey[k], failed)
			}
			return nil
		}
		brought := answer.(*providers.Batch[T])
		if others {
			c.noteRecords(ctx, noun, keys, providers.SourceMemory)
		}
		b.Harvest.Add(brought.Harvest)
		for _, k := range keys {
			id := byKey[k]
			if row := brought.Found[id]; row != nil {
				b.Found[id] = row
			} else if err := brought.Failed[id]; others && overLimits(err) {
				again = append(again, k)
			} else if err != nil {
				fail(b, id, err)
			}
		}
		return again
	})
	if err := c.over(ctx, op); err != nil {
		return nil, err
	}
	if failed != nil && len(b.Found) == 0 {
		return nil, failed
	}
	return b, nil
}

func fail[T providers.Record](b *providers.Batch[T], id providers.ID, err error) {
	if b.Failed == nil {
		b.Failed = map[providers.ID]error{}
	}
	b.Failed[id] = err
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// noteRecords tells the trace of records in one line.
func (c *Cache) noteRecords(ctx context.Context, noun providers.Noun, keys []string, source providers.Source) {
	if len(keys) == 1 {
		c.note(ctx, keys[0], source)
	} else {
		c.note(ctx, fmt.Sprintf("%s/record/%s (%d)", c.account, noun, len(keys)), source)
	}
}

// remembered is a record that the store holds.
type remembered[T providers.Record] struct {
	record *T
	source providers.Source
}

// lookup is what the store knows of records: those that cover need, the keys of those to be
// read, and of those found that are stale. Keys that are known to be absent are in none of them.
func lookup[T providers.Record](ctx context.Context, c *Cache, keys, need []string) (got map[string]remembered[T], missing, late []string) {
	now := c.o.Now()
	entries := c.get(ctx, keys...)
	got = make(map[string]remembered[T], len(keys))
	for _, k := range keys {
		e := entries[k]
		s := stateOf(e, now)
		if _, ok := e.Value.(Absent); ok && s == fresh {
			continue
		}
		row, ok := e.Value.(*T)
		if !ok || s == miss || !providers.NodeOf(row).Known.Covers(need...) {
			missing = append(missing, k)
			continue
		}
		if got[k] = (remembered[T]{row, sourceOf(e, s)}); s == stale {
			late = append(late, k)
		}
	}
	return got, missing, late
}

// load reads records at the vendor and stores them, but for those that someone else brought just
// before.
func load[T providers.Record](ctx context.Context, c *Cache, byKey map[string]providers.ID, keys, need []string, inner byID[T]) (*providers.Batch[T], error) {
	got, missing, late := lookup[T](ctx, c, keys, need)
	b := &providers.Batch[T]{Found: make(map[providers.ID]*T, len(keys))}
	for k, row := range got {
		b.Found[byKey[k]] = row.record
	}
	if missing = append(missing, late...); len(missing) == 0 {
		return b, nil
	}
	ids := make([]providers.ID, len(missing))
	for i, k := range missing {
		ids[i] = byKey[k]
	}
	r := c.begin(ctx)
	read, err := inner(r.remembering(ctx), ids, need...)
	if err != nil {
		return nil, err
	}
	r.harvest(read.Harvest)
	rows := make([]*T, 0, len(read.Found))
	for _, row := range read.Found {
		rows = append(rows, row)
	}
	rows = payouts(ctx, c, rows)
	keep(r, rows)
	for _, row := range rows {
		b.Found[providers.NodeOf(row).ID] = row
	}
	for i, id := range ids {
		if read.Found[id] == nil && read.Failed[id] == nil {
			r.add(missing[i], Absent{})
			delete(b.Found, id)
		}
	}
	r.end(ctx)
	b.Failed, b.Harvest = read.Failed, read.Harvest
	return b, nil
}

// payouts gives commissions that could not know their payout the one that an older reading knew.
func payouts[T providers.Record](ctx context.Context, c *Cache, rows []*T) []*T {
	var keys []string
	for _, r := range rows {
		if cm, ok := any(r).(*providers.Commission); ok && cm.PayoutUnknown && cm.ID.Account == c.account {
			keys = append(keys, recordKey(cm.ID))
		}
	}
	if len(keys) == 0 {
		return rows
	}
	older := c.get(ctx, keys...)
	known := make([]*T, len(rows))
	for i, r := range rows {
		known[i] = withPayout(r, older[recordKey(providers.NodeOf(r).ID)].Value).(*T)
	}
	return known
}

// HasRecord says likewise of a read by id that needs these fields; none means all.
func (c *Cache) HasRecord(ctx context.Context, id providers.ID, need ...string) bool {
	if id.Account != c.account {
		return false
	}
	k := recordKey(id)
	e := c.get(ctx, k)[k]
	s := stateOf(e, c.o.Now())
	if _, ok := e.Value.(Absent); ok {
		return s == fresh
	}
	n := node(e.Value)
	return n != nil && s != miss && n.Known.Covers(need...)
}

// AffiliatesByID reads through the cache.
func (c *Cache) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	return read(ctx, c, providers.NounAffiliate, ids, need, c.Provider.AffiliatesByID)
}

// MembershipsByID reads through the cache.
func (c *Cache) MembershipsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Membership], error) {
	return read(ctx, c, providers.NounMembership, ids, need, c.Provider.MembershipsByID)
}

// CampaignsByID reads through the cache.
func (c *Cache) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	return read(ctx, c, providers.NounCampaign, ids, need, c.Provider.CampaignsByID)
}

// ReferralsByID reads through the cache.
func (c *Cache) ReferralsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Referral], error) {
	return read(ctx, c, providers.NounReferral, ids, need, c.Provider.ReferralsByID)
}

// CommissionsByID reads through the cache.
func (c *Cache) CommissionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Commission], error) {
	return read(ctx, c, providers.NounCommission, ids, need, c.Provider.CommissionsByID)
}

// PayoutsByID reads through the cache.
func (c *Cache) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
	return read(ctx, c, providers.NounPayout, ids, need, c.Provider.PayoutsByID)
}

// CouponsByID reads through the cache.
func (c *Cache) CouponsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Coupon], error) {
	return read(ctx, c, providers.NounCoupon, ids, need, c.Provider.CouponsByID)
}

// WebhookSubscriptionsByID reads through the cache.
func (c *Cache) WebhookSubscriptionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.WebhookSubscription], error) {
	return read(ctx, c, providers.NounWebhookSubscription, ids, need, c.Provider.WebhookSubscriptionsByID)
}
