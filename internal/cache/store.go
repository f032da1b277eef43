package cache

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Store holds entries by key. Every implementation passes the suite in package cachetest.
//
// Implementations MUST be safe for concurrent use and MUST honour their context. An entry
// MAY vanish at any time. An error means that the store could not be asked; the caller then
// goes on without it.
type Store interface {
	// Get is what the store holds of each of these keys, in their order. Where it holds
	// nothing, or the entry's StaleUntil has come, or the key was dropped since, that MUST
	// be nil. With an error there may be some entries nevertheless. The answer is as long
	// as keys in any case. The entries stay the store's: nobody may change them. A store
	// that has to wait for an entry holds nothing for ctx that takes only what is cached in
	// memory ([providers.CachedOnly]).
	Get(ctx context.Context, keys ...Key) ([]*Entry, error)

	// Put stores entries. Where there is an entry of the same key already, what is stored
	// MUST be what [Merge] makes of the two; an implementation does so atomically for each
	// key as far as it can. The entries and what they hold belong to the store from then
	// on: nobody may change them.
	Put(ctx context.Context, entries map[Key]Entry) error

	// Epoch is now, for a read of this account that is about to begin. One that is too low
	// costs that the read may not be stored.
	Epoch(ctx context.Context, account string) (Epoch, error)

	// Drop removes entries of one account, and keeps out, until then, what was read
	// earlier: it fences the keys at an epoch that MUST be higher than all that Epoch
	// answered of the account before. Keys that are not there are fenced as well.
	Drop(ctx context.Context, account string, until time.Time, keys ...Key) error
}

// Epoch orders the reads and the invalidations of one account: microseconds since 1970 on
// the store's clock, or more.
type Epoch int64

// Fence keeps out what was read before an invalidation, also when it comes in only after.
// The zero Fence keeps out nothing.
type Fence struct {
	At    Epoch     // reads that began earlier are kept out
	Until time.Time // from then on it is forgotten; no read takes as long
}

// Entry is one thing remembered.
type Entry struct {
	// Value is a pointer to a record (*providers.Affiliate …), a [Rows], a [Count], an
	// [Absent] or a [Family]; nil in the place of something that was dropped, where only
	// the fence is left. Stores never show that.
	Value any

	Began      Epoch     // when the read that brought it began
	FetchedAt  time.Time // when the vendor said so
	FreshUntil time.Time // from then on it is stale (left out)
	StaleUntil time.Time // from then on it is gone (left out); not before FreshUntil

	Fence Fence // of the key's last invalidation

	Payout Borrowed // of a commission: zero where its own reading says what payout it has

	Source providers.Source // where a store's answer comes from; not stored

	version uint64 // of what is shown under the key in a [Memory]; 0 for an entry of no memory
}

// Borrowed says when the payout of a commission was read, where another reading knew it
// than the one that the rest of the entry is from. From FreshUntil on the payout is not
// known any more, whatever has become of the rest: a payout that is borrowed again and
// again would else never end.
type Borrowed struct{ FetchedAt, FreshUntil time.Time }

func (b Borrowed) ended(now time.Time) bool { return b != (Borrowed{}) && !now.Before(b.FreshUntil) }

// Rows is a page of a list, by reference.
type Rows struct {
	_ struct{} `cbor:",toarray"`

	Rows   []Row
	More   bool
	Total  *int64
	Unread int           // rows of the vendor's page that could not be read
	Mark   uint64        // see providers.Page
	Took   time.Duration // from when the vendor was asked until the page was there
	Owner  providers.ID  // the affiliate that all rows belonged to; zero if not one
}

// Row names a row of a page, and what the page knew of it: a record that knows less does
// not stand for the row.
type Row struct {
	_ struct{} `cbor:",toarray"`

	ID          providers.ID
	Known       *providers.Fields
	KnowsPayout bool  // of a commission: its payout was known, if only that there is none
	CreatedAt   int64 // by the page; nanoseconds since 1970, 0 for none
}

// Count is the length of a list.
type Count int64

// Absent says that the vendor has no record of this id.
type Absent struct{}

// Family stands for the lists of one noun. Pages and counts are what it says only if they
// began at its Began or after: whoever stores one stores it as well, an invalidation drops
// it, and without it none of them counts. So all lists of a noun are dropped by one key,
// and what was forgotten by eviction brings no old page back.
type Family struct{}

// Merge is what is remembered of one key, given what is stored and what comes in: one of
// the two, or, for a commission, one that borrows its payout from the other; behind the
// higher of their fences, which neither may have begun before.
func Merge(stored, incoming Entry, now time.Time) Entry {
	merged, _ := merge(stored, incoming, now)
	return merged
}

// merge is Merge. kept says that what is shown under the key stays exactly as it is stored.
func merge(stored, incoming Entry, now time.Time) (merged Entry, kept bool) {
	fence := higher(stored.Fence, incoming.Fence, now)
	switch old, in := stored.passes(fence) && now.Before(stored.StaleUntil), incoming.passes(fence); {
	case old && in:
		merged, kept = better(stored, incoming, now)
	case old:
		merged, kept = stored, true
	case in:
		merged = incoming
	}
	merged.Fence = fence
	return merged, kept
}

func higher(a, b Fence, now time.Time) Fence {
	if b.At > a.At {
		a, b = b, a
	}
	if b.Until.After(a.Until) {
		a.Until = b.Until
	}
	if !now.Before(a.Until) {
		return Fence{}
	}
	return a
}

// passes says whether there is something that a fence does not keep out.
func (e Entry) passes(f Fence) bool { return e.Value != nil && e.Began >= f.At }

// shown says whether there is something for who asks.
func (e Entry) shown(now time.Time) bool { return e.passes(e.Fence) && now.Before(e.StaleUntil) }

// end is when nothing is left to remember.
func (e Entry) end() time.Time {
	if e.Value == nil || e.Fence.Until.After(e.StaleUntil) {
		return e.Fence.Until
	}
	return e.StaleUntil
}

// better is the better of two that may both stand.
//
// A record that knows more stays in the place of one that knows less while it is fresh, so
// that stubs never replace a whole record. Of two that know the same, or of which one
// contradicts the other, the one fetched later stays. Of what is no record, the one that
// began later stays while it is fresh.
func better(stored, incoming Entry, now time.Time) (_ Entry, kept bool) {
	if _, ok := stored.Value.(Family); ok {
		return family(stored, incoming, now)
	}
	old, in := node(stored.Value), node(incoming.Value)
	if old == nil || in == nil {
		if stored.Began > incoming.Began && now.Before(stored.FreshUntil) {
			return stored, true
		}
		return incoming, false
	}
	richer := !in.Known.CoversAll(old.Known) && !incoming.contradicts(stored, stored.FetchedAt)
	later := stored.FetchedAt.After(incoming.FetchedAt) && old.Known.CoversAll(in.Known) ||
		stored.contradicts(incoming, incoming.FetchedAt)
	if now.Before(stored.FreshUntil) && (richer || later) {
		merged := withPayout(stored, incoming, now)
		return merged, merged.Value == stored.Value // two records, so that these are pointers
	}
	return withPayout(incoming, stored, now), false
}

// family reaches back to the earlier of two: nothing was invalidated between them, or a
// fence would stand there. It is made to last longer only when half of its time is over,
// which saves most writes.
func family(stored, incoming Entry, now time.Time) (_ Entry, kept bool) {
	if stored.StaleUntil.Sub(now) >= incoming.StaleUntil.Sub(now)/2 && stored.Began <= incoming.Began {
		return stored, true
	}
	incoming.Began = min(stored.Began, incoming.Began)
	return incoming, false
}

// withPayout is a, a commission, with the payout that b knows, where a could not know it, or
// has it from an earlier reading. b lends what is fresh by the reading that knew it, and
// only to a reading that it does not contradict: a commission that was paid since is in
// another payout than the one that was due. That a commission had no payout is not lent: it
// may have one since. What is no commission stays as it is.
func withPayout(a, b Entry, now time.Time) Entry {
	d, ok := b.Value.(*providers.Commission)
	if !ok || node(a.Value) == nil {
		return a
	}
	if a.Payout != (Borrowed{}) && (a.Payout.ended(now) || b.contradicts(a, a.Payout.FetchedAt)) {
		a = a.unlent()
	}
	lent := b.payout()
	c, same := a.Value.(*providers.Commission)
	if !same || d.PayoutUnknown || d.PayoutID.IsZero() || !now.Before(lent.FreshUntil) {
		return a
	}
	if !c.PayoutUnknown && !lent.FetchedAt.After(a.payout().FetchedAt) || differ(c, d) {
		return a
	}
	known := *c
	known.PayoutID, known.PayoutUnknown = d.PayoutID, false
	a.Value, a.Payout = &known, lent
	return a
}

// contradicts says whether a commission was read after a time, and says otherwise than
// another.
func (e Entry) contradicts(other Entry, read time.Time) bool {
	a, ok := e.Value.(*providers.Commission)
	b, same := other.Value.(*providers.Commission)
	if !ok || !same || !e.FetchedAt.After(read) {
		return false
	}
	knows := a.Known.Covers("payout") && !a.PayoutUnknown
	return differ(a, b) || knows && !b.PayoutID.IsZero() && a.PayoutID != b.PayoutID
}

// differ says whether a commission was in another state, or another affiliate's, in one
// reading than in another.
func differ(a, b *providers.Commission) bool {
	known := func(field string) bool { return a.Known.Covers(field) && b.Known.Covers(field) }
	return known("status") && a.Status != b.Status || known("affiliate") && a.AffiliateID != b.AffiliateID
}

// payout is the reading that knew the payout of a commission.
func (e Entry) payout() Borrowed {
	if e.Payout != (Borrowed{}) {
		return e.Payout
	}
	return Borrowed{e.FetchedAt, e.FreshUntil}
}

// at is what is shown of an entry now; nil for none.
func (e *Entry) at(now time.Time) *Entry {
	if e == nil || !e.Payout.ended(now) {
		return e
	}
	unlent := e.unlent()
	return &unlent
}

// unlent is the entry as its own reading had it, without a payout that was borrowed.
func (e Entry) unlent() Entry {
	if c, ok := e.Value.(*providers.Commission); ok && e.Payout != (Borrowed{}) {
		unknown := *c
		unknown.PayoutID, unknown.PayoutUnknown = providers.ID{}, true
		e.Value, e.Payout = &unknown, Borrowed{}
	}
	return e
}

// valueOf is what an entry holds; nil for none.
func valueOf(e *Entry) any {
	if e == nil {
		return nil
	}
	return e.Value
}

// node is the shared part of a record; nil for what is no record.
func node(v any) *providers.Node {
	if r, ok := v.(interface{ Meta() *providers.Node }); ok {
		return r.Meta()
	}
	return nil
}
