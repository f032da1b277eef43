package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Options are how long things are remembered.
type Options struct {
	Lifetimes map[providers.Noun]time.Duration // how long a record is fresh; nouns that are not named: List
	List      time.Duration                    // how long a page, a count and an absence are fresh; 0: one minute
	Stale     time.Duration                    // how long after that a record, page or count may still be the answer

	Timeout time.Duration    // of a refresh behind a stale answer; 0: half a minute
	Process context.Context  // refreshes end with it; nil: it does not end
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: nothing is logged
	Observe Observer         // nil: nobody is told where answers come from

	// Wrote is told of each write that was made, when this cache has forgotten what it
	// changed and holds what the reply said, before the write's caller is. nil: nobody is.
	Wrote func(ctx context.Context, command providers.Command, w *providers.Written)
}

// Observer is told, for metrics, that so many records, pages or counts of an account were
// answered from a layer. It is called by many goroutines at once, and returns at once.
type Observer func(account string, noun providers.Noun, from Layer, n int)

// Layer is where an answer came from.
type Layer string

// The layers. [LayerStale] is either cache, past its lifetime.
const (
	LayerMemory Layer = "memory"
	LayerRedis  Layer = "redis"
	LayerStale  Layer = "stale"
	LayerFlight Layer = "flight" // another request's call, which was under way
	LayerVendor Layer = "vendor" // a call of this request's own
)

// layers are those of the answers from the cache.
var layers = map[providers.Source]Layer{
	providers.SourceMemory: LayerMemory,
	providers.SourceRedis:  LayerRedis,
	providers.SourceStale:  LayerStale,
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

// Wrap is p with a memory. Several providers may share a store: every key begins with the
// account's id, which must be theirs alone.
func Wrap(p providers.Provider, s Store, o Options) *Cache {
	o.List = cmp.Or(o.List, time.Minute)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	if o.Process == nil {
		o.Process = context.Background()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(string, providers.Noun, Layer, int) {}
	}
	if o.Wrote == nil {
		o.Wrote = func(context.Context, providers.Command, *providers.Written) {}
	}
	c := &Cache{Provider: p, store: s, account: p.AccountID(), o: o}
	c.flights.failed = func(p *providers.Panic) error { return c.fault("cache", p) } // whoever tells of it logs it
	if w, ok := s.(interface{ watch(string, func()) }); ok {
		w.watch(c.account, c.flights.forgetAll)
	}
	return c
}

// state is how good an entry is.
type state int

const (
	miss state = iota
	stale
	fresh
)

func stateOf(e *Entry, now time.Time) state {
	switch {
	case e == nil:
		return miss
	case now.Before(e.FreshUntil):
		return fresh
	case now.Before(e.StaleUntil):
		return stale
	default:
		return miss
	}
}

// sourceOf is what the trace is told of an entry.
func sourceOf(e *Entry, s state) providers.Source {
	if s == stale {
		return providers.SourceStale
	}
	return e.Source
}

// quality is how good an answer is, and where it is from.
type quality struct {
	state  state
	source providers.Source
}

func (c *Cache) quality(e *Entry) quality {
	if e == nil {
		return quality{}
	}
	s := stateOf(e, c.o.Now())
	return quality{s, sourceOf(e, s)}
}

// worse is the worse of two; an answer that is from here in part only is from where the rest is.
func (q quality) worse(o quality) quality {
	if o.state < q.state || o.state == q.state && q.source == providers.SourceMemory {
		return o
	}
	return q
}

// get asks the store; one that cannot be asked holds nothing.
func (c *Cache) get(ctx context.Context, keys ...Key) []*Entry {
	found, err := c.store.Get(ctx, keys...)
	if err != nil {
		c.o.Logger.Warn("the cache cannot be read", "account", c.account, "error", err)
	}
	now := c.o.Now()
	for i, e := range found {
		found[i] = e.at(now)
	}
	if slices.Contains(found, nil) && providers.CachedOnly(ctx) {
		return found // what is missed here is read again, and noted then
	}
	recorderFrom(ctx).note(c, keys, found)
	return found
}

// getOnce is get, but asks the store only once in a request for what is in Redis.
func (c *Cache) getOnce(ctx context.Context, keys ...Key) []*Entry {
	request := requestFrom(ctx)
	if known := request.remembered(keys); known != nil {
		return known
	}
	found := c.get(ctx, keys...)
	request.remember(keys, found, c.o.Now())
	return found
}

// note tells the observer and the request's trace of an answer from here: of a key, or of so
// many records, the first of which has it, in one line.
func (c *Cache) note(ctx context.Context, key Key, n int, source providers.Source) {
	c.o.Observe(c.account, key.Noun, layers[source], n)
	c.trace(ctx, key, n, source)
}

// noteFlight is note for what a call brought: this request's own, or another's.
func (c *Cache) noteFlight(ctx context.Context, key Key, n int, others bool) {
	if !others {
		c.o.Observe(c.account, key.Noun, LayerVendor, n)
		return
	}
	c.o.Observe(c.account, key.Noun, LayerFlight, n)
	c.trace(ctx, key, n, providers.SourceMemory)
}

// trace tells the request's trace of an answer that took no call of its own.
func (c *Cache) trace(ctx context.Context, key Key, n int, source providers.Source) {
	t := providers.TraceFrom(ctx)
	if source == providers.SourceStale {
		t.AddStale(c.account)
	}
	if t == nil || t.VendorsOnly {
		return
	}
	text := key.String()
	if n > 1 {
		text = fmt.Sprintf("%s/record/%s (%d)", c.account, key.Noun, n)
	}
	t.Add(providers.Call{Account: c.account, Path: text, Source: source})
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

// refresh reads keys again behind a stale answer. It begins at the end of the request, and
// may make the calls that the request's allowance has left then. These leave the reserve of
// the account's budget, whoever asked. What is not refreshed stays stale, until a later
// request asks for it.
func (c *Cache) refresh(ctx context.Context, keys []Key, need []string, r run) {
	behind := providers.KeepReserve(providers.ShareAllowance(providers.WithTrace(ctx, nil), 0))
	providers.Afterwards(ctx, func() {
		c.flights.refresh(behind, c.o, keys, need, func(ctx context.Context, keys []Key) (any, error) {
			answer, err := r(ctx, keys)
			if err != nil && !overLimits(err) {
				c.o.Logger.Warn(
					"a refresh failed; the stale answer stays",
					"account", c.account,
					"key", keys[0].String(),
					"keys", len(keys),
					"error", err,
				)
			}
			return answer, err
		})
	})
}

// overLimits says whether an error is about what the request may ask for, and says nothing
// about the vendor: another request may be answered.
func overLimits(err error) bool {
	return providers.OverAllowance(err) || errors.Is(err, providers.ErrReserve)
}
