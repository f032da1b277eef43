package cache

import (
	"context"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// fenceLife is how long an invalidation keeps out what was read before it. What a read
// brings that took half as long is not stored.
const fenceLife = 10 * time.Minute

// reading is one read at the vendor, and what it will leave in the store.
type reading struct {
	c       *Cache
	began   Epoch
	at      time.Time // when it began, here
	keeps   bool      // whether it leaves anything: not if nobody knows what invalidations it would race
	entries map[Key]Entry

	mu     sync.Mutex
	peeked map[Key]Epoch // by key: when what was remembered of records began, that the vendor was shown
}

// begin is called before the vendor is asked, so that what is read can be told from what
// comes after an invalidation.
func (c *Cache) begin(ctx context.Context) *reading {
	r := &reading{c: c, at: c.o.Now(), keeps: true, entries: map[Key]Entry{}}
	var err error
	if r.began, err = c.store.Epoch(ctx, c.account); err != nil {
		c.o.Logger.Warn("what is read now will not be cached", "account", c.account, "error", err)
		r.keeps = false
	}
	return r
}

// add stores v under a key, when the reading ends.
func (r *reading) add(key Key, v any) { r.entries[key] = r.entry(v) }

// entry is v as it is stored now.
func (r *reading) entry(v any) Entry {
	o, now := r.c.o, r.c.o.Now()
	life, late := o.List, o.Stale
	e := Entry{Value: v, Began: r.began, FetchedAt: now}
	if n := node(v); n != nil {
		if l, ok := o.Lifetimes[n.ID.Noun]; ok {
			life = l
		}
		if !n.FetchedAt.IsZero() {
			e.FetchedAt = n.FetchedAt
		}
	} else if _, ok := v.(Absent); ok {
		late = 0 // what has come since must be seen
	}
	e.FreshUntil = now.Add(life)
	if e.FetchedAt.Before(now) { // a record that the vendor was shown comes back as it was read
		e.FreshUntil = e.FetchedAt.Add(life)
	}
	e.StaleUntil = e.FreshUntil.Add(late)
	return e
}

// list adds a page or a count, with its family, which lasts longer.
func (r *reading) list(noun providers.Noun, key Key, v any) {
	r.add(key, v)
	f := r.entry(Family{})
	f.StaleUntil = f.StaleUntil.Add(r.c.o.List + r.c.o.Stale)
	f.FreshUntil = f.StaleUntil
	r.entries[r.c.familyKey(noun)] = f
}

// keep adds records.
func keep[T providers.Record](r *reading, records []*T) {
	for _, record := range records {
		id := providers.NodeOf(record).ID
		if id.Account != r.c.account { // it could be read, or replaced, by nobody who may
			continue
		}
		e, k := r.entry(record), recordKey(id)
		e.Began = min(e.Began, r.since(k))
		if before, ok := r.entries[k]; ok {
			e = Merge(before, e, r.c.o.Now())
		}
		r.entries[k] = e
	}
}

// remembering is ctx with what is fresh here, for vendors that can do with less then.
func (r *reading) remembering(ctx context.Context) context.Context {
	c := r.c
	return providers.WithPeek(ctx, func(id providers.ID) any {
		if id.Account != c.account {
			return nil
		}
		k := recordKey(id)
		e := c.get(ctx, k)[0]
		if stateOf(e, c.o.Now()) != fresh {
			return nil
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.peeked == nil {
			r.peeked = map[Key]Epoch{}
		}
		r.peeked[k] = e.Began
		return e.unlent().Value
	})
}

// since is when a record was read at the vendor, at the latest: one that was remembered may
// have come back as it was.
func (r *reading) since(key Key) Epoch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if began, ok := r.peeked[key]; ok {
		return began
	}
	return r.began
}

func (r *reading) harvest(h providers.Harvest) {
	keep(r, h.Affiliates)
	keep(r, h.Memberships)
	keep(r, h.Campaigns)
	keep(r, h.Referrals)
	keep(r, h.Commissions)
	keep(r, h.Payouts)
	keep(r, h.Coupons)
}

// end stores what was read. It is read, so the reader's going away does not matter any more.
func (r *reading) end(ctx context.Context) {
	if !r.keeps || r.c.o.Now().Sub(r.at) > fenceLife/2 {
		return
	}
	if err := r.c.store.Put(context.WithoutCancel(ctx), r.entries); err != nil {
		r.c.o.Logger.Warn("the cache cannot be written", "account", r.c.account, "error", err)
	}
}

// Invalidate forgets records of the account, and every list of these nouns. No read that
// began before brings back what was forgotten, on any replica that shares the store, and
// none that is asked for from here afterwards waits for one that did. After an error it may
// be so on this replica only. It goes on when the context ends.
func (c *Cache) Invalidate(ctx context.Context, ids []providers.ID, lists ...providers.Noun) error {
	var keys []Key
	for _, id := range ids {
		if id.Account == c.account {
			keys = append(keys, recordKey(id))
		}
	}
	for _, noun := range lists {
		keys = append(keys, c.familyKey(noun))
	}
	requestFrom(ctx).forget()
	err := c.store.Drop(context.WithoutCancel(ctx), c.account, c.o.Now().Add(fenceLife), keys...)
	c.flights.forgetAll() // after the fence: those that set off meanwhile began behind it
	return err
}

// Keep stores what the answer to a write carried. Invalidate what the write changed first:
// else an older record that knows more stays.
func (c *Cache) Keep(ctx context.Context, h providers.Harvest) {
	r := c.begin(ctx)
	r.harvest(h)
	r.end(ctx)
	requestFrom(ctx).forget()
}
