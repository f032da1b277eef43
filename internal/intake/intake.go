package intake

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/providers"
)

// ErrUnreadable is wrapped by the error of a delivery that is verified and that is not what
// the vendor documents.
var ErrUnreadable = errors.New("the delivery cannot be read")

// Cache is what is remembered of an account. (It is a cache.Cache.)
type Cache interface {
	providers.Reader
	AccountID() string

	// Owners are the affiliates that records belong to, as far as that is remembered. No call
	// is made.
	Owners(ctx context.Context, ids ...providers.ID) map[providers.ID]providers.ID

	// Invalidate forgets records, and every list of these nouns, on all replicas.
	Invalidate(ctx context.Context, ids []providers.ID, lists ...providers.Noun) error
}

// Account is an account and how the deliveries of its vendor are recognized.
type Account struct {
	Cache   Cache
	Hooks   providers.Hooks // nil: the vendor sends none
	Tokens  []string        // of the addresses that the vendor is given
	Secrets providers.HookSecrets
}

// Options is what an intake is made from.
type Options struct {
	Accounts []Account
	Log      events.Log
	Now      func() time.Time
	Logger   *slog.Logger
	Observe  Observer // nil: nobody is told

	// Told returns when all replicas know of what was invalidated before the call. Its only error
	// is that of its context. nil: they always do.
	Told func(context.Context) error
}

// Outcome says what became of a delivery, for metrics.
type Outcome string

// The outcomes of deliveries.
const (
	Recorded   Outcome = "recorded"
	Repeated   Outcome = "repeated"   // all that it tells was in the log
	Ignored    Outcome = "ignored"    // it changes nothing
	Unverified Outcome = "unverified" // nobody knows who sent it
	Unreadable Outcome = "unreadable"
	Refused    Outcome = "refused" // it could not be recorded, and has to come again
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Recorded, Repeated, Ignored, Unverified, Unreadable, Refused}

// Observer is told of each delivery to an address of an account. It is called by many
// goroutines at once, and returns at once.
type Observer func(account string, outcome Outcome)

// Intake takes in deliveries and writes. It is safe for concurrent use.
type Intake struct {
	accounts map[string]*account
	o        Options

	writeTime time.Duration

	mu      sync.Mutex
	unknown map[string]bool // events that were logged as not known, by account and name
}

// account is an account with those who wait to know whose records are.
type account struct {
	Account
	owners owners
}

// How long what was appended is recognized when it comes again.
const (
	repeatsByID   = 48 * time.Hour // FirstPromoter repeats a delivery for 17 hours, and by hand
	repeatsByBody = 10 * time.Minute
	repeatsOfNew  = 48 * time.Hour // a record is created once, whoever tells it
)

// maxUnknown is how many unknown events are remembered as logged.
const maxUnknown = 1000

// New makes an intake.
func New(o Options) *Intake {
	i := &Intake{accounts: map[string]*account{}, o: o, writeTime: writeTime, unknown: map[string]bool{}}
	for _, a := range o.Accounts {
		i.accounts[a.Cache.AccountID()] = &account{Account: a, owners: owners{cache: a.Cache}}
	}
	return i
}

// Known says whether an account has an address with this token. The time that it takes
// depends on the number of tokens alone.
func (i *Intake) Known(name, token string) bool {
	a := i.accounts[name]
	if a == nil || a.Hooks == nil {
		return false
	}
	found, hash := 0, sha256.Sum256([]byte(token))
	for _, known := range a.Tokens {
		other := sha256.Sum256([]byte(known))
		found |= subtle.ConstantTimeCompare(hash[:], other[:])
	}
	return found == 1
}

// Receive takes in a delivery to an address that is known. Nil means that all that it tells
// is in the log, or that it tells nothing.
func (i *Intake) Receive(ctx context.Context, name string, d providers.Delivery) error {
	outcome, err := i.receive(ctx, i.accounts[name], d)
	if i.o.Observe != nil {
		i.o.Observe(name, outcome)
	}
	return err
}

func (i *Intake) receive(ctx context.Context, a *account, d providers.Delivery) (Outcome, error) {
	if err := a.Hooks.Verify(d, a.Secrets); err != nil {
		return Unverified, err
	}
	notice, err := a.Hooks.Read(d)
	if err != nil {
		return Unreadable, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if notice.Ignored != "" {
		i.ignore(ctx, a, notice)
		return Ignored, nil
	}
	once := events.Once{Key: notice.ID, For: repeatsByID}
	if once.Key == "" {
		sum := sha256.Sum256(append([]byte(d.Event+"\n"), d.Body...))
		once = events.Once{Key: hex.EncodeToString(sum[:]), For: repeatsByBody}
	}
	before := i.invalidate(ctx, a, notice)
	appended, err := i.record(ctx, a, events.Event{At: notice.At, Source: events.Webhook}, once, notice.Changes, before)
	switch {
	case err != nil:
		return Refused, err
	case !appended && len(notice.Changes) > 0:
		return Repeated, nil
	}
	return Recorded, nil
}

// ignore logs an event that is not known, once.
func (i *Intake) ignore(ctx context.Context, a *account, n providers.Notice) {
	key := a.Cache.AccountID() + "\n" + n.Event
	i.mu.Lock()
	said := i.unknown[key] || len(i.unknown) >= maxUnknown
	if !said {
		i.unknown[key] = true
	}
	i.mu.Unlock()
	if !said {
		i.o.Logger.LogAttrs(ctx, slog.LevelInfo, "deliveries of this event change nothing", slog.String("account", a.Cache.AccountID()),
			slog.String("event", n.Event), slog.String("reason", n.Ignored))
	}
}

// invalidate forgets what has changed, and answers whose the records were when they were
// read last.
func (i *Intake) invalidate(ctx context.Context, a *account, n providers.Notice) (before map[providers.ID]providers.ID) {
	ids := make([]providers.ID, len(n.Changes))
	for k, c := range n.Changes {
		ids[k] = c.ID
	}
	before = a.Cache.Owners(ctx, ids...)
	stale := ids
	lists := slices.Clone(n.StaleLists)
	for _, c := range n.Changes {
		stale = append(append(stale, c.Affiliate, before[c.ID]), c.Stale...)
		lists = append(lists, c.StaleLists...)
	}
	slices.Sort(lists)
	if err := a.Cache.Invalidate(ctx, stale, slices.Compact(lists)...); err != nil {
		// The cache invalidates again as soon as it can.
		i.o.Logger.LogAttrs(ctx, slog.LevelWarn, "other replicas may show what was before a change, until the cache's Redis answers",
			slog.String("account", a.Cache.AccountID()), slog.Any("error", err))
	}
	return before
}

// record appends changes to the log, and says whether anything was appended. before is whose
// the records were.
func (i *Intake) record(ctx context.Context, a *account, e events.Event, once events.Once, changes []providers.Change,
	before map[providers.ID]providers.ID) (appended bool, err error) {
	found, err := a.owners.find(ctx, changes, before)
	if err != nil {
		return false, err
	}
	if err := i.awaitTold(ctx); err != nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		i.o.Logger.LogAttrs(ctx, slog.LevelWarn, "subscribers are told of a change, but other replicas may show what was before it, "+
			"until the cache's Redis answers", slog.String("account", a.Cache.AccountID()))
	}
	if now := i.o.Now(); e.At.IsZero() || e.At.After(now) {
		e.At = now
	}
	for _, c := range changes {
		e.Record, e.Kind, e.Owner = c.ID, c.Kind, found[c.ID]
		added, err := i.o.Log.Append(ctx, onceFor(once, c), e)
		if err != nil {
			return appended, err
		}
		appended = appended || added
	}
	return appended, nil
}

// toldTime is how long an event waits for the other replicas. It is longer than a Redis that
// restarts is away, and than the cache rests before it asks again.
const toldTime = 5 * time.Second

// awaitTold waits until all replicas know of what was invalidated, so that none delivers the
// event with the record as it was before.
func (i *Intake) awaitTold(ctx context.Context) error {
	if i.o.Told == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, toldTime)
	defer cancel()
	return i.o.Told(ctx)
}

// onceFor is what an event is recognized by when it is told again. A record is created once.
func onceFor(once events.Once, c providers.Change) events.Once {
	if c.Kind == providers.Created {
		return events.Once{Key: "created/" + c.ID.String(), For: repeatsOfNew}
	}
	return events.Once{Key: c.ID.Account + "/" + once.Key + "/" + c.ID.String() + "/" + string(c.Kind), For: once.For}
}

// Finding is a change that a sweep has found. Key names the finding: found again, by this
// replica or another, it is told once.
type Finding struct {
	providers.Change
	Key string
}

// Found takes in what a sweep has found of an account, in its order. Nil means that all of it
// is in the log. After an error some of it may be: a caller who comes again with the same
// keys tells nothing twice. A creation that was told already is told as an update: the record
// may have changed since.
func (i *Intake) Found(ctx context.Context, name string, findings []Finding) error {
	a, changes := i.accounts[name], make([]providers.Change, len(findings))
	for k, f := range findings {
		changes[k] = f.Change
	}
	before := i.invalidate(ctx, a, providers.Notice{Changes: changes})
	for _, f := range findings {
		once := events.Once{Key: "sweep/" + f.Key, For: repeatsByID}
		appended, err := i.record(ctx, a, events.Event{Source: events.Sweep}, once, []providers.Change{f.Change}, before)
		if err == nil && !appended && f.Kind == providers.Created { // told before, of what the record was then
			f.Kind = providers.Updated
			_, err = i.record(ctx, a, events.Event{Source: events.Sweep}, once, []providers.Change{f.Change}, before)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Wrote takes in a write that was made, when the cache has forgotten what it changed:
// mutations are the changes that this server knows first. The write stays made where this
// fails.
func (i *Intake) Wrote(ctx context.Context, command providers.Command, w *providers.Written) {
	a := i.accounts[w.ID.Account]
	if a == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.writeTime)
	defer cancel()
	changes := []providers.Change{{ID: w.ID, Kind: kindOf(command.Mutation())}}
	once := events.Once{Key: "write/" + string(command.Mutation()) + "/" + command.Key(), For: repeatsByID}
	before := a.Cache.Owners(ctx, w.ID)
	_, err := i.record(ctx, a, events.Event{Source: events.Write}, once, changes, before)
	for pause := firstPause; err != nil && ctx.Err() == nil; pause *= 2 { // nobody else sends it again
		select {
		case <-time.After(pause):
			_, err = i.record(ctx, a, events.Event{Source: events.Write}, once, changes, before)
		case <-ctx.Done():
		}
	}
	if err != nil {
		i.o.Logger.LogAttrs(ctx, slog.LevelWarn, "a write was made, but subscribers are not told of it",
			slog.String("account", a.Cache.AccountID()), slog.String("mutation", string(command.Mutation())), slog.Any("error", err))
	}
}

// writeTime is how long a mutation waits until its event is recorded, and firstPause how long
// it does before it tries again for the first time.
const (
	writeTime  = toldTime + 2*time.Second
	firstPause = 50 * time.Millisecond
)

// kindOf is what a mutation does to the record that it answers.
func kindOf(mutation providers.Capability) providers.ChangeKind {
	switch {
	case strings.HasPrefix(string(mutation), "CREATE_"):
		return providers.Created
	case strings.HasPrefix(string(mutation), "DELETE_"):
		return providers.Deleted
	default:
		return providers.Updated
	}
}
