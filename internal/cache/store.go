package cache

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Store holds entries by key. Every implementation passes the suite in package cachetest.
//
// Implementations MUST be safe for concurrent use and MUST honour their context. An entry MAY vanish at
// any time. An error means that the store could not be asked; the caller then goes on without it.
type Store interface {
	// Get is what the store holds of these keys. Keys that it does not hold, or whose entry's StaleUntil has come,
	// MUST be absent. No keys make an empty map.
	Get(ctx context.Context, keys ...string) (map[string]Entry, error)

	// Put stores entries. Where there is an entry of the same key already, what is stored MUST be
	// what [Merge] makes of the two; an implementation does so atomically for each key as far as it can.
	// The entries and what they hold belong to the store from then on: nobody may change them.
	Put(ctx context.Context, entries map[string]Entry) error

	// Drop removes entries. Keys that are not there do no harm.
	Drop(ctx context.Context, keys ...string) error
}

// Entry is one thing remembered.
type Entry struct {
	// Value is a pointer to a record (*providers.Affiliate …), a [Rows], a [Count] or an [Absent].
	Value any

	FetchedAt  time.Time // when the vendor said so
	FreshUntil time.Time // from then on it is stale (left out)
	StaleUntil time.Time // from then on it is gone (left out); not before FreshUntil
}

// Rows is a page of a list, by reference.
type Rows struct {
	Rows  []Row
	More  bool
	Total *int64
}

// Row names a row of a page, and what the page knew of it: a record that knows less does not stand
// for the row.
type Row struct {
	ID          providers.ID
	Known       *providers.Fields
	KnowsPayout bool // of a commission: its payout was known, if only that there is none
}

// Count is the length of a list.
type Count int64

// Absent says that the vendor has no record of this id.
type Absent struct{}

// Merge is what is remembered of one key, given what is stored and what comes in. It is one of the
// two, or, for a commission, one that has its payout from the other.
//
// A record that knows more stays in the place of one that knows less while it is fresh, so that stubs
// never replace a whole record; of two that know the same, the one fetched later stays.
func Merge(stored, incoming Entry, now time.Time) Entry {
	old, in := node(stored.Value), node(incoming.Value)
	if old == nil || in == nil || !now.Before(stored.StaleUntil) {
		return incoming
	}
	richer := !in.Known.CoversAll(old.Known)
	later := old.Known.CoversAll(in.Known) && stored.FetchedAt.After(incoming.FetchedAt)
	if now.Before(stored.FreshUntil) && (richer || later) {
		stored.Value = withPayout(stored.Value, incoming.Value)
		return stored
	}
	incoming.Value = withPayout(incoming.Value, stored.Value)
	return incoming
}

// withPayout is the commission a with the payout that b knows, where a could not know it. That a commission had no
// payout is not taken over: it may have one since. What is no commission stays as it is.
func withPayout(a, b any) any {
	c, ok := a.(*providers.Commission)
	d, same := b.(*providers.Commission)
	if !ok || !same || !c.PayoutUnknown || d.PayoutUnknown || d.PayoutID.IsZero() {
		return a
	}
	known := *c
	known.PayoutID, known.PayoutUnknown = d.PayoutID, false
	return &known
}

// node is the shared part of a record; nil for what is no record.
func node(v any) *providers.Node {
	if r, ok := v.(interface{ Meta() *providers.Node }); ok {
		return r.Meta()
	}
	return nil
}
