package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Options are how long things are remembered.
type Options struct {
	Lifetimes map[providers.Noun]time.Duration // how long a record is fresh; nouns that are not named: List
	List      time.Duration                    // how long a page, a count and an absence are fresh; 0: one minute
	Stale     time.Duration                    // how long after that a record, page or count may still be the answer

	Timeout time.Duration    // of a refresh behind a stale answer; 0: half a minute
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: nothing is logged
}

// Cache is a provider that remembers what it read. It is safe for concurrent use.
type Cache struct {
	providers.Provider // for what is never remembered: Account, Ping, Calls, RawRecord
	store              Store
	account            string
	o                  Options
	flights            flights
}

var _ providers.Provider = (*Cache)(nil)

// Wrap is p with a memory. Several providers may share a store: every key begins with the account's
// id, which must be theirs alone.
func Wrap(p providers.Provider, s Store, o Options) *Cache {
	o.List = cmp.Or(o.List, time.Minute)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Cache{Provider: p, store: s, account: p.Account().ID.Account, o: o}
	c.flights.failed = func(p *providers.Panic) error { return c.fault("cache", p) } // whoever tells of it logs it
	return c
}

// The keys. Locals and list keys come last, because they may hold anything.

func recordKey(id providers.ID) string {
	return id.Account + "/record/" + string(id.Noun) + "/" + id.Local
}

func (c *Cache) pageKey(noun providers.Noun, list string, number int) string {
	return fmt.Sprintf("%s/page/%s/%d/%s", c.account, noun, number, list)
}

func (c *Cache) countKey(noun providers.Noun, list string) string {
	return c.account + "/count/" + string(noun) + "/" + list
}

// state is how good an entry is.
type state int

const (
	miss state = iota
	stale
	fresh
)

func stateOf(e Entry, now time.Time) state {
	switch {
	case now.Before(e.FreshUntil):
		return fresh
	case now.Before(e.StaleUntil):
		return stale
	default:
		return miss
	}
}

// entry is v as it is stored now.
func (c *Cache) entry(v any) Entry {
	now := c.o.Now()
	life, late := c.o.List, c.o.Stale
	e := Entry{Value: v, FetchedAt: now}
	if n := node(v); n != nil {
		if l, ok := c.o.Lifetimes[n.ID.Noun]; ok {
			life = l
		}
		if !n.FetchedAt.IsZero() {
			e.FetchedAt = n.FetchedAt
		}
	} else if _, ok := v.(Absent); ok {
		late = 0 // what has come since must be seen
	}
	e.FreshUntil = now.Add(life)
	e.StaleUntil = e.FreshUntil.Add(late)
	return e
}

// get asks the store; one that cannot be asked holds nothing.
func (c *Cache) get(ctx context.Context, keys ...string) map[string]Entry {
	found, err := c.store.Get(ctx, keys...)
	if err != nil {
		c.o.Logger.Warn("the cache cannot be read", "account", c.account, "error", err)
	}
	return found
}

// put stores what was read. It is read, so the reader's going away does not matter any more.
func (c *Cache) put(ctx context.Context, entries map[string]Entry) {
	if err := c.store.Put(context.WithoutCancel(ctx), entries); err != nil {
		c.o.Logger.Warn("the cache cannot be written", "account", c.account, "error", err)
	}
}

// keep adds records to what will be stored.
func keep[T providers.Record](c *Cache, entries map[string]Entry, records []*T) {
	for _, r := range records {
		id := providers.NodeOf(r).ID
		if id.Account != c.account { // it could be read, or replaced, by nobody who may
			continue
		}
		e, k := c.entry(r), recordKey(id)
		if before, ok := entries[k]; ok {
			e = Merge(before, e, c.o.Now())
		}
		entries[k] = e
	}
}

func (c *Cache) keepHarvest(entries map[string]Entry, h providers.Harvest) {
	keep(c, entries, h.Affiliates)
	keep(c, entries, h.Memberships)
	keep(c, entries, h.Campaigns)
	keep(c, entries, h.Referrals)
	keep(c, entries, h.Commissions)
	keep(c, entries, h.Payouts)
	keep(c, entries, h.Coupons)
}

// note tells the request's trace of an answer from here.
func (c *Cache) note(ctx context.Context, what string, s state) {
	source := providers.SourceMemory
	if s == stale {
		source = providers.SourceStale
	}
	providers.TraceFrom(ctx).Add(providers.Call{Account: c.account, Path: what, Source: source})
}

// over is the error of a context that has ended, else nil.
func (c *Cache) over(ctx context.Context, op string) error {
	if ctx.Err() == nil {
		return nil
	}
	return c.fault(op, context.Cause(ctx))
}

// fault makes an error the domain's.
func (c *Cache) fault(op string, err error) error {
	if _, ok := errors.AsType[*providers.Error](err); ok {
		return err
	}
	kind := providers.KindUnknown
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		kind = providers.KindUnavailable
	case errors.Is(err, context.Canceled):
		kind = providers.KindCanceled
	}
	return &providers.Error{Account: c.account, Op: op, Kind: kind, Err: err}
}

// refresh reads keys again behind a stale answer. The calls are no longer the request's.
func (c *Cache) refresh(ctx context.Context, keys, need []string, r run) {
	c.flights.behind(providers.WithTrace(ctx, nil), c.o.Timeout, keys, need, func(ctx context.Context, keys []string) (any, error) {
		answer, err := r(ctx, keys)
		if err != nil {
			c.o.Logger.Warn("a refresh failed; the stale answer stays", "account", c.account, "key", keys[0], "keys", len(keys), "error", err)
		}
		return answer, err
	})
}
