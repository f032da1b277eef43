package cache

import (
	"context"
	"maps"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// byID reads records of one noun at the vendor.
type byID[T providers.Record] func(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[T], error)

// read is a read by id through the cache.
func read[T providers.Record](
	ctx context.Context,
	c *Cache,
	noun providers.Noun,
	ids []providers.ID,
	need []string,
	inner byID[T],
) (*providers.Batch[T], error) {
	b := &providers.Batch[T]{Found: make(map[providers.ID]*T, len(ids))}
	op := string(noun) + " by id"
	if err := c.over(ctx, op); err != nil {
		return nil, err
	}
	wanted := make([]wantedRecord, 0, len(ids))
	for _, id := range ids {
		if id.Account == c.account && id.Noun == noun {
			wanted = append(wanted, wantedRecord{id, recordKey(id)})
		}
	}
	found, missing, late := lookup[T](ctx, c, wanted, need, c.getOnce)
	if providers.WantsFresh(ctx) {
		for _, w := range late {
			delete(found.records, w.id)
		}
		missing, late = append(missing, late...), nil
	}
	if len(missing)+len(late) > 0 {
		if err := providers.Missed(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case len(missing) > 0:
		recorderFrom(ctx).spoil(miss)
	case len(late) > 0:
		recorderFrom(ctx).spoil(stale)
	}
	b.Found = found.records
	found.note(ctx, c)
	if len(missing)+len(late) == 0 {
		return b, nil
	}
	byKey := map[Key]providers.ID{}
	toRead, toRefresh := index(byKey, missing), index(byKey, late)
	load := func(ctx context.Context, keys []Key) (any, error) { return load(ctx, c, byKey, keys, need, inner) }
	if len(late) > 0 {
		c.refresh(ctx, toRefresh, need, load)
	}
	if len(missing) == 0 {
		return b, nil
	}
	var failed error
	c.flights.bring(ctx, toRead, need, load, func(answer any, err error, keys []Key, others bool) (again []Key) {
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
		c.noteFlight(ctx, keys[0], len(keys), others)
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
	for _, w := range missing { // those that were asked for by two ids
		if id := byKey[w.key]; id != w.id && b.Found[id] != nil {
			b.Found[w.id] = b.Found[id]
		} else if err := b.Failed[id]; id != w.id && err != nil {
			fail(b, w.id, err)
		}
	}
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

// wantedRecord is a record that is asked for, and its key in the store.
type wantedRecord struct {
	id  providers.ID
	key Key
}

// index adds records to byKey, and answers the keys of those that were not there yet.
func index(byKey map[Key]providers.ID, wanted []wantedRecord) (keys []Key) {
	for _, w := range wanted {
		if _, ok := byKey[w.key]; !ok {
			byKey[w.key] = w.id
			keys = append(keys, w.key)
		}
	}
	return keys
}

// remembered is records that the store holds, and how many of them are from where.
type remembered[T providers.Record] struct {
	records map[providers.ID]*T
	sources []sourceCount // one for each source
}

// sourceCount is how many records are from a source, and the key of the first of them.
type sourceCount struct {
	source providers.Source
	key    Key
	n      int
}

func (r *remembered[T]) add(w wantedRecord, record *T, source providers.Source) {
	r.records[w.id] = record
	for i := range r.sources {
		if r.sources[i].source == source {
			r.sources[i].n++
			return
		}
	}
	r.sources = append(r.sources, sourceCount{source, w.key, 1})
}

// note tells the request's trace where the records are from.
func (r *remembered[T]) note(ctx context.Context, c *Cache) {
	for _, s := range r.sources {
		c.note(ctx, s.key, s.n, s.source)
	}
}

// lookup is what the store knows of records: those that cover need, those to be read, and
// of those found the ones that are stale. Records that are known to be absent are in none
// of them. get asks the store.
func lookup[T providers.Record](
	ctx context.Context,
	c *Cache,
	wanted []wantedRecord,
	need []string,
	get func(context.Context, ...Key) []*Entry,
) (found remembered[T], missing, late []wantedRecord) {
	now := c.o.Now()
	found.records = make(map[providers.ID]*T, len(wanted))
	keys := make([]Key, len(wanted))
	for i, w := range wanted {
		keys[i] = w.key
	}
	for i, e := range get(ctx, keys...) {
		s := stateOf(e, now)
		if _, ok := valueOf(e).(Absent); ok && s == fresh {
			continue
		}
		row, ok := valueOf(e).(*T)
		if !ok || s == miss || !providers.NodeOf(row).Known.Covers(need...) {
			missing = append(missing, wanted[i])
			continue
		}
		if found.add(wanted[i], row, sourceOf(e, s)); s == stale {
			late = append(late, wanted[i])
		}
	}
	return found, missing, late
}

// load reads records at the vendor and stores them, but for those that someone else brought just
// before, or brings meanwhile.
func load[T providers.Record](
	ctx context.Context,
	c *Cache,
	byKey map[Key]providers.ID,
	keys []Key,
	need []string,
	inner byID[T],
) (*providers.Batch[T], error) {
	b := &providers.Batch[T]{Found: make(map[providers.ID]*T, len(keys))}
	for {
		missing := lack(ctx, c, b, byKey, keys, need)
		if len(missing) == 0 {
			return b, nil
		}
		mine, release := c.lease(ctx, missing)
		if len(mine) == 0 {
			if err := c.awaitLeases(ctx, missing); err != nil {
				return nil, err
			}
			keys = missing
			continue
		}
		if err := readLeased(ctx, c, b, byKey, mine, release, need, inner); err != nil {
			return nil, err
		}
		keys = slices.DeleteFunc(missing, func(k Key) bool { return slices.Contains(mine, k) })
	}
}

// lack adds what the store knows of records to a batch, and answers the keys of those that
// have to be read.
func lack[T providers.Record](
	ctx context.Context,
	c *Cache,
	b *providers.Batch[T],
	byKey map[Key]providers.ID,
	keys []Key,
	need []string,
) (missing []Key) {
	if len(keys) == 0 {
		return nil
	}
	wanted := make([]wantedRecord, len(keys))
	for i, k := range keys {
		wanted[i] = wantedRecord{byKey[k], k}
	}
	found, absent, late := lookup[T](ctx, c, wanted, need, c.get)
	maps.Copy(b.Found, found.records)
	for _, w := range append(absent, late...) {
		missing = append(missing, w.key)
	}
	return missing
}

// readLeased reads records at the vendor whose leases are held, stores them, and releases
// the leases, also when the vendor's code panics.
func readLeased[T providers.Record](ctx context.Context, c *Cache, b *providers.Batch[T], byKey map[Key]providers.ID,
	keys []Key, release func(), need []string, inner byID[T]) error {
	defer release()
	if c.shares() {
		keys = lack(ctx, c, b, byKey, keys, need) // another replica may have brought them before the leases were taken
	}
	if len(keys) == 0 {
		return nil
	}
	ids := make([]providers.ID, len(keys))
	for i, k := range keys {
		ids[i] = byKey[k]
	}
	r := c.begin(ctx)
	read, err := inner(r.remembering(ctx), ids, need...)
	if err != nil {
		return err
	}
	r.harvest(read.Harvest)
	asked := slices.Collect(maps.Keys(read.Found))
	rows := make([]*T, len(asked))
	for i, id := range asked {
		rows[i] = read.Found[id]
	}
	keep(r, rows) // as they were read: what is borrowed for the answer is no newer for it
	rows = payouts(ctx, c, rows)
	for i, id := range asked {
		b.Found[id] = rows[i]
	}
	for i, id := range ids {
		if read.Found[id] == nil && read.Failed[id] == nil {
			r.add(keys[i], Absent{})
			delete(b.Found, id)
		}
	}
	r.end(ctx)
	requestFrom(ctx).forget()
	for id, err := range read.Failed {
		fail(b, id, err)
	}
	b.Harvest.Add(read.Harvest)
	return nil
}

// payouts gives commissions that could not know their payout the one that an older reading
// knew, as they will have it from the store.
func payouts[T providers.Record](ctx context.Context, c *Cache, rows []*T) []*T {
	var (
		keys   []Key
		places []int // of the rows that they are of
	)
	for i, r := range rows {
		if cm, ok := any(r).(*providers.Commission); ok && cm.PayoutUnknown && cm.ID.Account == c.account {
			keys, places = append(keys, recordKey(cm.ID)), append(places, i)
		}
	}
	if len(keys) == 0 {
		return rows
	}
	known := slices.Clone(rows)
	now := c.o.Now()
	for i, older := range c.get(ctx, keys...) {
		if older != nil {
			known[places[i]] = withPayout(Entry{Value: rows[places[i]]}, *older, now).Value.(*T)
		}
	}
	return known
}

// HasRecord says likewise of a read by id that needs these fields; none means all.
func (c *Cache) HasRecord(ctx context.Context, id providers.ID, need ...string) bool {
	if id.Account != c.account {
		return false
	}
	k := recordKey(id)
	e := c.get(ctx, k)[0]
	s := stateOf(e, c.o.Now())
	if _, ok := valueOf(e).(Absent); ok {
		return s == fresh
	}
	n := node(valueOf(e))
	return n != nil && s != miss && n.Known.Covers(need...)
}

// Remembered are the records (pointers to them) that the cache holds of these ids, stale ones
// with them. No call is made. They are not to be changed.
func (c *Cache) Remembered(ctx context.Context, ids ...providers.ID) map[providers.ID]any {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = recordKey(id)
	}
	records := map[providers.ID]any{}
	for i, e := range c.get(ctx, keys...) {
		if v := valueOf(e); node(v) != nil {
			records[ids[i]] = v
		}
	}
	return records
}

// Owners are the affiliates that records belong to, of those that the cache holds and that
// tell it, stale ones with them. No call is made.
func (c *Cache) Owners(ctx context.Context, ids ...providers.ID) map[providers.ID]providers.ID {
	owners := map[providers.ID]providers.ID{}
	for id, record := range c.Remembered(ctx, ids...) {
		if owner := providers.BelongsTo(record); !owner.IsZero() {
			owners[id] = owner
		}
	}
	return owners
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
func (c *Cache) WebhookSubscriptionsByID(
	ctx context.Context,
	ids []providers.ID,
	need ...string,
) (*providers.Batch[providers.WebhookSubscription], error) {
	return read(ctx, c, providers.NounWebhookSubscription, ids, need, c.Provider.WebhookSubscriptionsByID)
}
