package sweep

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

// Account is an account that is swept.
type Account struct {
	Cache  Cache              // through which lists are read, for all
	Vendor providers.Provider // below the cache
	Nouns  []providers.Noun   // whose lists are swept
}

// Cache is what is remembered of an account. (It is a cache.Cache.)
type Cache interface {
	providers.Provider

	// Remembered are the records that are remembered of these ids. No call is made.
	Remembered(ctx context.Context, ids ...providers.ID) map[providers.ID]any
}

// Intake takes in what is found. (It is an intake.Intake.)
type Intake interface {
	Found(ctx context.Context, account string, findings []intake.Finding) error
}

// Options is what a sweeper is made from.
type Options struct {
	Accounts []Account
	Store    ledger.Store  // of what was seen, shared by all replicas
	Interval time.Duration // between two rounds of an account
	Timeout  time.Duration // of a round; 0: the interval
	Intake   Intake
	Log      events.Log       // in which others tell of changes
	Now      func() time.Time // the cache's clock
	Logger   *slog.Logger
	Observe  Observer // nil: nobody is told
}

// Outcome says what became of the reading of one list, for metrics.
type Outcome string

// The outcomes of readings.
const (
	Read   Outcome = "read"
	Held   Outcome = "held"   // its calls were left to others
	Failed Outcome = "failed" // and is read again with the next round
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Read, Held, Failed}

// Observer is told of each reading of a list. It is called by many goroutines at once, and
// returns at once.
type Observer func(account string, outcome Outcome)

// Sweeper sweeps accounts. It is safe for concurrent use.
type Sweeper struct {
	o Options

	mu     sync.Mutex
	failed map[string]bool // accounts whose last round has failed, which is logged once
}

// New makes a sweeper that does nothing yet.
func New(o Options) *Sweeper {
	o.Timeout = cmp.Or(o.Timeout, o.Interval)
	if o.Observe == nil {
		o.Observe = func(string, Outcome) {}
	}
	return &Sweeper{o: o, failed: map[string]bool{}}
}

// Run sweeps each account from time to time, first after the interval, until the context
// ends. It returns when no goroutine of it runs any more.
func (s *Sweeper) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, a := range s.o.Accounts {
		wg.Go(func() {
			timer := time.NewTimer(s.o.Interval)
			defer timer.Stop()
			for {
				select {
				case <-timer.C:
					timer.Reset(s.turn(ctx, a))
				case <-ctx.Done():
					return
				}
			}
		})
	}
	wg.Wait()
}

// turn sweeps an account if its round is due, and says how long to wait for the next turn.
func (s *Sweeper) turn(ctx context.Context, a Account) (wait time.Duration) {
	wait, err := s.Round(ctx, a)
	s.mu.Lock()
	before := s.failed[a.Cache.AccountID()]
	s.failed[a.Cache.AccountID()] = err != nil
	s.mu.Unlock()
	if err != nil && !before && ctx.Err() == nil {
		s.o.Logger.LogAttrs(ctx, slog.LevelWarn, "not all lists of an account could be looked at for changes; they are tried again",
			slog.String("account", a.Cache.AccountID()), slog.Any("error", err))
	}
	return min(max(wait, 0), s.o.Interval)
}

// The store's values: when the last round of an account began and where it stands, and what
// was seen of each of its lists.
const (
	keepMemory = 7 * 24 * time.Hour
	storeTime  = 5 * time.Second // how long the store may take
)

// round is what the store has of an account.
type round struct {
	Began int64 `cbor:"1,keyasint"` // nanoseconds since 1970, by the store's clock
	Next  int   `cbor:"2,keyasint"` // the list that is read first

	// Position is up to where the log was read, for what others have told.
	Position events.Position `cbor:"3,keyasint"`
}

// Round sweeps the lists of an account if a round is due and no other replica has taken it.
// wait is how long to wait for the next one. The error is the first list's that could not be
// read, or the store's; lists that are left to others are none.
func (s *Sweeper) Round(ctx context.Context, a Account) (wait time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil { // of the vendor's code: it would end the process
			wait, err = s.o.Interval, providers.Panicked(p)
		}
	}()
	key := a.Cache.AccountID()
	r, version, wait, err := s.claim(ctx, key)
	if err != nil || wait > 0 {
		return cmp.Or(wait, s.o.Interval), err
	}
	lists, err := listsOfAccount(a)
	if err != nil || len(lists) == 0 {
		return s.o.Interval, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	told, err := s.told(ctx, key, &r)
	if err == nil {
		r.Next, err = s.sweep(ctx, a, lists, r.Next%len(lists), told)
	}
	_, saveErr := s.save(ctx, key, version, encodeRound(r))
	if errors.Is(saveErr, ledger.ErrMoved) { // the next round has begun elsewhere
		saveErr = nil
	}
	return s.o.Interval, cmp.Or(err, saveErr)
}

// maxTold bounds how many entries of the log are looked at in one round.
const maxTold = 10_000

// told are the records of an account that others have told of since the last round. It moves
// the round's position on.
func (s *Sweeper) told(ctx context.Context, account string, r *round) (map[providers.ID]bool, error) {
	told := map[providers.ID]bool{}
	for read := 0; r.Position != "" && read < maxTold; {
		entries, err := s.o.Log.Read(ctx, r.Position, maxTold)
		if errors.Is(err, events.ErrGone) || errors.Is(err, events.ErrPosition) {
			break
		}
		if err != nil || len(entries) == 0 {
			return told, err
		}
		for _, e := range entries {
			if e.Record.Account == account && e.Source != events.Sweep {
				told[e.Record] = true
			}
			r.Position = e.Position
		}
		read += len(entries)
	}
	last, err := s.o.Log.Last(ctx)
	r.Position = cmp.Or(last, r.Position)
	return told, err
}

// claim takes the round of an account if one is due. Then wait is 0.
func (s *Sweeper) claim(ctx context.Context, account string) (r round, version string, wait time.Duration, err error) {
	rec, err := s.load(ctx, account)
	if err != nil {
		return r, "", 0, err
	}
	if cbor.Unmarshal(rec.Value, &r) != nil {
		r = round{}
	}
	if wait = time.Unix(0, r.Began).Add(s.o.Interval).Sub(rec.Now); wait > 0 && wait <= s.o.Interval {
		return r, "", wait, nil
	}
	r.Began, r.Next = rec.Now.UnixNano(), max(r.Next, 0)
	version, err = s.save(ctx, account, rec.Version, encodeRound(r))
	if errors.Is(err, ledger.ErrMoved) {
		return r, "", s.o.Interval, nil
	}
	return r, version, 0, err
}

func encodeRound(r round) []byte {
	b, err := cbor.Marshal(r)
	if err != nil {
		panic("a round is plain data: " + err.Error())
	}
	return b
}

func listsOfAccount(a Account) (lists []list, err error) {
	for _, noun := range Nouns {
		if slices.Contains(a.Nouns, noun) {
			more, err := nouns[noun](a)
			if err != nil {
				return nil, err
			}
			lists = append(lists, more...)
		}
	}
	return lists, nil
}

// sweep reads lists, first of all one of them, until the calls have to be left to others or
// the vendor cannot be reached. next is where the next round begins. The error is the first
// list's that failed.
func (s *Sweeper) sweep(ctx context.Context, a Account, lists []list, first int, told map[providers.ID]bool) (next int, err error) {
	for i := range lists {
		at := (first + i) % len(lists)
		failed := s.look(ctx, a, lists[at], told)
		switch {
		case failed == nil:
			s.o.Observe(a.Cache.AccountID(), Read)
		case errors.Is(failed, providers.ErrReserve):
			s.o.Observe(a.Cache.AccountID(), Held)
			return at, err
		default:
			s.o.Observe(a.Cache.AccountID(), Failed)
			err = cmp.Or(err, failed)
			if ctx.Err() != nil || providers.KindOf(failed).Retryable() || providers.KindOf(failed) == providers.KindUnauthorized {
				return (at + 1) % len(lists), err
			}
		}
	}
	return first, err
}

// Bounds of what one list may take in a round.
const (
	maxCalls  = 10 // to read the page, with look-ups and retries, or to ask for a record
	maxAsked  = 5  // records that are missing and are asked for by their ids
	pageBound = 20 // pages of a list that is walked for one of these
)

// look reads a list and takes in how it differs from what was seen before. told are records
// that others have told of: what the cache holds of them was read since, and is what whoever
// was told has seen.
func (s *Sweeper) look(ctx context.Context, a Account, l list, told map[providers.ID]bool) error {
	key := a.Cache.AccountID() + "/" + l.key
	rec, err := s.load(ctx, key)
	if err != nil {
		return err
	}
	spare := func() context.Context {
		return providers.WithLimits(providers.WithSpare(providers.WithFresh(ctx)), maxCalls, pageBound)
	}
	shown := map[string][]byte{}
	for id, record := range a.Cache.Remembered(ctx, ofNoun(told, l.noun)...) { // before they are read again
		shown[id.Local] = digests(record)
	}
	now, err := l.read(spare(), s.o.Now())
	if errors.Is(err, errRemembered) {
		return nil
	}
	if err != nil {
		return err
	}
	next, changes := decode(rec.Value, l.fields).compare(l, now, shown)
	left := next.ask(a.Cache.AccountID(), l, func(id providers.ID) (*row, error) { return l.single(spare(), id) })
	if changes = append(left, changes...); len(changes) > 0 {
		findings := make([]intake.Finding, len(changes))
		for i, c := range changes {
			findings[i] = c.finding(l, next.Round)
		}
		if err := s.o.Intake.Found(ctx, a.Cache.AccountID(), findings); err != nil {
			return err
		}
		next.Round++
	}
	_, err = s.save(ctx, key, rec.Version, next.encode())
	if errors.Is(err, ledger.ErrMoved) { // by a replica that was faster, and has told the same
		return nil
	}
	return err
}

// ofNoun are those of a noun.
func ofNoun(records map[providers.ID]bool, noun providers.Noun) (ids []providers.ID) {
	for id := range records {
		if id.Noun == noun {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *Sweeper) load(ctx context.Context, key string) (ledger.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return s.o.Store.Load(ctx, key)
}

// save saves a value also where the round's time is over: what was told is to be known.
func (s *Sweeper) save(ctx context.Context, key, was string, value []byte) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	return s.o.Store.Save(ctx, key, was, value, keepMemory)
}
