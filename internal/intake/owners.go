package intake

import (
	"context"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// findTime is how long a vendor may take to say whose records are.
const findTime = 6 * time.Second

// owners finds out whose records are, for all who ask at once by one call of each noun: who
// asks while a call is under way waits for the next one. It is safe for concurrent use.
type owners struct {
	cache Cache

	mu      sync.Mutex
	waiting *search // the next one, which has not begun; nil: nobody asks
	running bool
}

// search is the reading for all who asked before it began.
type search struct {
	ids   []providers.ID
	done  chan struct{}
	found map[providers.ID]owner
}

// owner is whose a record is. An error says that nobody could tell just now.
type owner struct {
	affiliate providers.ID
	err       error
}

// find says whose the changed records are: by the delivery, by what was remembered, or by
// asking the vendor. A record that is deleted or not there, and one that is nobody's, has no
// owner.
func (o *owners) find(
	ctx context.Context, changes []providers.Change, before map[providers.ID]providers.ID,
) (map[providers.ID]providers.ID, error) {
	found, asked := map[providers.ID]providers.ID{}, []providers.ID{}
	for _, c := range changes {
		switch {
		case c.ID.Noun == providers.NounAffiliate:
			found[c.ID] = c.ID
		case !c.Affiliate.IsZero():
			found[c.ID] = c.Affiliate
		case !before[c.ID].IsZero():
			found[c.ID] = before[c.ID]
		case c.Kind != providers.Deleted && readers[c.ID.Noun] != nil:
			asked = append(asked, c.ID)
		}
	}
	if len(asked) == 0 {
		return found, nil
	}
	s := o.join(ctx, asked)
	select {
	case <-s.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for _, id := range asked {
		if err := s.found[id].err; err != nil {
			return nil, err
		}
		found[id] = s.found[id].affiliate
	}
	return found, nil
}

// join asks for records with the next search, which begins at once where none is under way.
func (o *owners) join(ctx context.Context, ids []providers.ID) *search {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting == nil {
		o.waiting = &search{done: make(chan struct{})}
	}
	s := o.waiting
	s.ids = append(s.ids, ids...)
	if !o.running {
		o.running = true
		go o.run(context.WithoutCancel(ctx)) // others wait for it, too
	}
	return s
}

// run searches until nobody waits. Each search ends in its time.
func (o *owners) run(ctx context.Context) {
	for {
		o.mu.Lock()
		s := o.waiting
		o.waiting = nil
		if s == nil {
			o.running = false
		}
		o.mu.Unlock()
		if s == nil {
			return
		}
		s.search(ctx, o.cache)
	}
}

// search asks for whose the records are.
func (s *search) search(ctx context.Context, cache Cache) {
	defer close(s.done)
	ctx, cancel := context.WithTimeout(providers.KeepReserve(ctx), findTime)
	defer cancel()
	byNoun := map[providers.Noun][]providers.ID{}
	for _, id := range s.ids {
		byNoun[id.Noun] = append(byNoun[id.Noun], id)
	}
	s.found = map[providers.ID]owner{}
	for noun, ids := range byNoun {
		readers[noun](ctx, cache, ids, s.found)
	}
}

// reading reads whose records of a noun are, into found.
type reading func(ctx context.Context, cache Cache, ids []providers.ID, found map[providers.ID]owner)

// readers are the readings of nouns that belong to affiliates.
var readers = map[providers.Noun]reading{
	providers.NounMembership: readingOf(Cache.MembershipsByID),
	providers.NounReferral:   readingOf(Cache.ReferralsByID),
	providers.NounCommission: readingOf(Cache.CommissionsByID),
	providers.NounPayout:     readingOf(Cache.PayoutsByID),
	providers.NounCoupon:     readingOf(Cache.CouponsByID),
}

func readingOf[T providers.Record](
	read func(Cache, context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
) reading {
	return func(ctx context.Context, cache Cache, ids []providers.ID, found map[providers.ID]owner) {
		batch, err := read(cache, ctx, ids, "affiliate")
		for _, id := range ids {
			switch {
			case err != nil:
				found[id] = owner{err: passing(err)}
			case batch.Failed[id] != nil:
				found[id] = owner{err: passing(batch.Failed[id])}
			case batch.Found[id] != nil:
				found[id] = owner{affiliate: providers.BelongsTo(batch.Found[id])}
			}
		}
	}
}

// passing is an error of the vendor that may be gone when the delivery comes again. One that
// stays must not keep the delivery out for ever: then nobody knows whose the record is.
func passing(err error) error {
	if providers.KindOf(err).Retryable() {
		return err
	}
	return nil
}
