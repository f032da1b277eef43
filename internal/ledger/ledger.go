package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/providers"
)

// Options are how a ledger is kept.
type Options struct {
	Settle time.Duration // how long a write that nobody answered may still land
	Keep   time.Duration // how long outcomes are given again
	Plan   time.Duration // how long planning may take
	Pages  int           // how many pages of one list the reads of a write may read; 0: not bounded
	Logger *slog.Logger  // one line for each outcome

	// Take takes a write from a subject's share and returns zero, or returns how long to
	// wait until there may be one. Every request costs calls to the store, and to the
	// vendor. Nil: not bounded.
	Take func(ctx context.Context, subject string) time.Duration

	// Observe is told how each request ended, for operators. Nil: nobody is.
	Observe func(Audit)
}

// Audit is how a request for a write ended.
type Audit struct {
	Account  string
	Mutation providers.Capability
	Key      string // the beginning of the hash of the idempotency key
	Outcome  string // OutcomeMade …
	Replayed bool   // it was known from an earlier request
	Look     string // of an unknown one: what a person looks at, as [providers.Proof.Look]
}

// The outcomes of a request.
const (
	OutcomeMade    = "made"
	OutcomeRefused = "refused"
	OutcomeUnknown = "unknown"
	OutcomeNotSent = "not sent"
)

// Ledger makes writes. It is safe for concurrent use, and starts no goroutine.
type Ledger struct {
	store   Store
	o       Options
	targets keyedMutex
}

// New makes a ledger over a store. Every replica has to be given the same options.
func New(s Store, o Options) *Ledger { return &Ledger{store: s, o: o} }

// Request is one write that somebody asks for.
type Request struct {
	Subject string // who asks, whatever their token is: the same over all their requests
	Command providers.Command
	Writer  providers.Writer
	Timeout time.Duration // of one call of the account's, with its waits
}

// Outcome is what became of a request: the write was made, or it has problems and was not.
type Outcome struct {
	ID       providers.ID // of the record that the mutation answers
	Problems providers.Problems
	Replayed bool               // it was made, or refused, for an earlier request with this key
	Written  *providers.Written // nil where it was replayed, or has problems
}

// The errors of Do that are no outcome. After all of them but [Unknown], nothing was sent
// for this request.
var (
	// ErrConflict says that the key was used for another input.
	ErrConflict = errors.New("ledger: the idempotency key was used for another input")
	// ErrUnavailable says that the store cannot be asked.
	ErrUnavailable = errors.New("ledger: not available")
	// ErrBusy says that other writes to the same target took the time that there was.
	ErrBusy = errors.New("ledger: other writes to the same target are not through yet")
	// ErrReads says that the write needed more calls than the request's allowance has left,
	// or more pages of a list than Options.Pages. With an [Unknown] it is about the search
	// for what became of a write that was sent.
	ErrReads = errors.New("ledger: the reads of the write reached their limit")
)

// Unknown is the error of a write that may have been made.
type Unknown struct {
	Proof      providers.Proof
	RetryAfter time.Duration // when the same request may find out more; 0: never
}

// Error says what to do.
func (u *Unknown) Error() string {
	if u.RetryAfter > 0 {
		return fmt.Sprintf("ledger: nobody answered whether the write was made; ask again after %v with the same key", u.RetryAfter)
	}
	return "ledger: nobody can tell whether the write was made: look at " + u.Proof.Look
}

// TooMany is the error of a write that was not begun because its subject asked for too
// many. Nothing is kept of it.
type TooMany struct{ RetryAfter time.Duration }

// Error says how long to wait.
func (e *TooMany) Error() string {
	return fmt.Sprintf("ledger: too many writes in a minute; ask again after %v", e.RetryAfter)
}

// unanswered says that more may be known after a time: never, of what nothing proves.
func unanswered(by providers.Proof, after time.Duration) *Unknown {
	if by.By == providers.ProofNone {
		after = 0
	}
	return &Unknown{Proof: by, RetryAfter: after}
}

// write is one request on its way.
type write struct {
	*Ledger
	Request
	key, input   string // the entry's name, and the hash of what is asked for
	target       string // the name of what is written to
	owner        string // of the lease
	account      string // the account's id
	lease        lease
	former       string // the write that was the last to the target before this one
	entry        entry
	entryVersion string
	now          time.Time // the store's clock, when it was last read …
	at           time.Time // … and this process's then
}

// lease is the target as this request holds it.
type lease struct {
	target
	version string
}

// Do makes a write at most once, or says what became of it before.
func (l *Ledger) Do(ctx context.Context, r Request) (*Outcome, error) {
	if l.o.Take != nil {
		if wait := l.o.Take(ctx, r.Subject); wait > 0 {
			return nil, &TooMany{RetryAfter: wait}
		}
	}
	input, err := inputOf(r.Command)
	if err != nil {
		return nil, err
	}
	_, record := r.Command.Subject()
	w := &write{Ledger: l, Request: r, input: input, owner: newVersion(), account: record.Account,
		key: keyOf(r.Subject, record.Account, r.Command.Key()), target: targetOf(record.Account, r.Command.Target())}
	out, err := w.do(ctx)
	w.audit(ctx, out, err)
	return out, err
}

// do is Do, without the audit.
func (w *write) do(ctx context.Context) (*Outcome, error) {
	if out, err := w.known(ctx); out != nil || err != nil {
		return out, err
	}
	unlock, err := w.targets.lock(ctx, w.target)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer unlock()
	if err := w.hold(ctx); err != nil {
		return nil, err
	}
	defer w.release(ctx)
	if out, err := w.known(ctx); out != nil || err != nil { // somebody else was there first
		return out, err
	}
	if w.entryVersion != "" {
		if out, err := w.recover(ctx); out != nil || err != nil {
			return out, err
		}
	}
	return w.make(ctx)
}

// known is the outcome of an entry that has one. What is neither is for recover, or new.
func (w *write) known(ctx context.Context) (*Outcome, error) {
	e, version, err := loadAs[entry](ctx, w, w.key)
	if err != nil {
		return nil, err
	}
	if w.entry, w.entryVersion = e, version; version == "" {
		return nil, nil
	}
	if e.Mutation != w.Command.Mutation() || e.Hash != w.input {
		return nil, ErrConflict
	}
	switch e.State {
	case done:
		return &Outcome{ID: e.ID, Replayed: true}, nil
	case refused:
		return &Outcome{Problems: e.Problems, Replayed: true}, nil
	case unknown:
		return nil, &Unknown{Proof: e.Proof}
	}
	return nil, nil
}

// loadAs loads an entry or a target, and notes the store's clock.
func loadAs[T entry | target](ctx context.Context, w *write, key string) (v T, version string, err error) {
	r, err := w.store.Load(ctx, key)
	if err != nil {
		return v, "", unavailable(err)
	}
	w.now, w.at = r.Now, time.Now()
	if r.Version == "" {
		return v, "", nil
	}
	v, err = decode[T](r.Value)
	return v, r.Version, err
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// recover finds out what became of an entry that was sent. It answers neither outcome nor
// error where the write may be sent anew.
func (w *write) recover(ctx context.Context) (*Outcome, error) {
	e := &w.entry
	if rest := e.LeftBy.Add(w.o.Settle).Sub(w.now); rest > 0 {
		return nil, unanswered(e.Proof, rest)
	}
	if e.Proof.By == providers.ProofNone {
		return nil, w.never(ctx)
	}
	ctx, cancel := w.reads(ctx)
	defer cancel()
	verdict, written, err := w.Writer.Look(ctx, w.Command, e.Before, w.lease.Last != w.key)
	if err = bounded(err); err != nil {
		u := &Unknown{Proof: e.Proof, RetryAfter: time.Second}
		if errors.Is(err, ErrReads) {
			u.RetryAfter = 0 // the next look would end there, too, unless somebody changes the limits
		}
		return nil, fmt.Errorf("%w: %w", u, err)
	}
	switch verdict {
	case providers.Made:
		return w.made(ctx, written), nil
	case providers.NotMade:
		return nil, nil
	default:
		return nil, w.never(ctx)
	}
}

// reads bounds the reads of a write: the time that they take together, and the pages of
// each list. Their calls are taken from the allowance of the client's request, which all
// its writes share. They read lists to their proven end: what the plan did not see would be
// taken for this write's work by the look, and what the look does not see is made again.
func (w *write) reads(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(providers.WithProof(providers.ShareAllowance(ctx, w.o.Pages)), w.o.Plan)
}

// sendCalls is how many calls are left to a write before it is sent: the write itself, and
// the reads with which some vendors' writes end. A write that has fewer is not sent: one
// that may have left must not miss the calls that settle it.
const sendCalls = 4

// bounded marks the error of reads that needed more calls or pages than they may take.
func bounded(err error) error {
	if errors.Is(err, providers.ErrPages) || errors.Is(err, providers.ErrAllowance) {
		return fmt.Errorf("%w: %w", ErrReads, err)
	}
	return err
}

// never notes that nobody can ever tell.
func (w *write) never(ctx context.Context) error {
	w.entry.State, w.entry.Before = unknown, nil // nobody looks again
	w.conclude(ctx, 0)
	return &Unknown{Proof: w.entry.Proof}
}

// make plans the write, stores the intent, sends, and stores the outcome.
func (w *write) make(ctx context.Context) (*Outcome, error) {
	planned, cancel := w.reads(ctx)
	defer cancel()
	plan, err := w.Writer.Plan(planned, w.Command)
	if p := (providers.Problems)(nil); errors.As(err, &p) {
		return &Outcome{Problems: p}, w.forget(ctx)
	}
	if err != nil {
		return nil, bounded(err)
	}
	if providers.AllowanceFrom(ctx).Left(w.account) < sendCalls {
		return nil, bounded(providers.ErrAllowance)
	}
	if err := w.intend(ctx, plan); err != nil {
		return nil, err
	}
	// From here on the end of the client's request ends nothing: whoever asks next must
	// find a clear state.
	ctx = context.WithoutCancel(ctx)
	written, err := w.send(ctx, plan)
	if err == nil {
		return w.made(ctx, written), nil
	}
	return w.failed(ctx, plan, err)
}

// intend stores what is about to be sent. Whoever reads the target from now on knows that
// this write is the last; whoever reads the entry, that it may have left.
func (w *write) intend(ctx context.Context, plan *providers.Write) error {
	r, err := w.store.Load(ctx, w.target)
	if err != nil {
		return unavailable(err)
	}
	w.now, w.at = r.Now, time.Now()
	if w.lease.Last != w.key { // else it was sent before, and was not made
		w.former = w.lease.Last
	}
	w.lease.Last, w.lease.Until = w.key, w.now.Add(w.Timeout+storeTime)
	w.lease.version, err = w.store.Save(ctx, w.target, w.lease.version, encode(w.lease.target), w.keepTarget(w.lease.target))
	if errors.Is(err, ErrMoved) {
		return fmt.Errorf("%w: planning took longer than the lease", ErrBusy)
	} else if err != nil {
		return unavailable(err)
	}
	w.entry = entry{
		Format:   format,
		Mutation: w.Command.Mutation(),
		Hash:     w.input,
		State:    sent,
		LeftBy:   w.now.Add(w.Timeout),
		Proof:    plan.Proof,
		Before:   plan.Before,
	}
	w.entryVersion, err = w.store.Save(ctx, w.key, w.entryVersion, encode(w.entry), 0)
	switch {
	case errors.Is(err, ErrMoved): // another input came under the same key meanwhile
		w.lease.Last = w.former // nothing was sent to this target
		return ErrConflict
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// send makes the one call, within the lease. It is counted, and no limit of calls refuses it.
func (w *write) send(ctx context.Context, plan *providers.Write) (*providers.Written, error) {
	ctx, cancel := context.WithTimeout(providers.ShareAllowance(ctx, w.o.Pages), w.Timeout)
	defer cancel()
	return plan.Send(ctx)
}

// made notes that the write was made. If that cannot be stored, the caller is told all the
// same: the next one finds out by looking.
func (w *write) made(ctx context.Context, written *providers.Written) *Outcome {
	w.entry.State, w.entry.ID, w.entry.Before = done, written.ID, nil
	w.conclude(ctx, w.o.Keep)
	return &Outcome{ID: written.ID, Written: written}
}

// failed is what follows from an error of the one call.
func (w *write) failed(ctx context.Context, plan *providers.Write, err error) (*Outcome, error) {
	problems, nothing := refusal(plan, err)
	switch {
	case len(problems) > 0:
		w.entry.State, w.entry.Problems, w.entry.Before = refused, problems, nil
		if w.conclude(ctx, w.o.Keep) {
			w.lease.Last = w.former // nothing was made
		}
		return &Outcome{Problems: problems}, nil
	case nothing:
		_ = w.forget(ctx) // else it is found out by looking that nothing was made
		return nil, err
	}
	w.entry.LeftBy = w.now.Add(time.Since(w.at)) // it leaves no more
	w.conclude(ctx, 0)
	return nil, fmt.Errorf("%w: %w", unanswered(plan.Proof, w.o.Settle), err)
}

// storeTime is how long the store may take where nobody waits any more, or nobody may be
// kept from knowing.
const storeTime = 5 * time.Second

// conclude stores what is known of the entry at the end, and says whether it is stored.
func (w *write) conclude(ctx context.Context, keep time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if _, err := w.store.Save(ctx, w.key, w.entryVersion, encode(w.entry), keep); err != nil {
		w.o.Logger.WarnContext(ctx, "what became of a write could not be stored; it is found out when it is asked for again",
			slog.String("mutation", string(w.Command.Mutation())), slog.Any("error", err))
		return false
	}
	return true
}

// forget removes the entry, if there is one: nothing was made, and the key may be used
// again. The write before it is then the last one to the target.
func (w *write) forget(ctx context.Context) error {
	if w.entryVersion == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if _, err := w.store.Save(ctx, w.key, w.entryVersion, nil, 0); err != nil {
		return unavailable(err)
	}
	if w.lease.Last == w.key {
		w.lease.Last = w.former
	}
	return nil
}

// audit says in one line who wrote what, and what became of it.
func (w *write) audit(ctx context.Context, out *Outcome, err error) {
	a := Audit{Account: w.account, Mutation: w.Command.Mutation(), Key: w.key[len(entryPrefix):][:16], Outcome: OutcomeMade,
		Replayed: out != nil && out.Replayed}
	u := (*Unknown)(nil)
	switch {
	case errors.As(err, &u):
		a.Outcome, a.Look = OutcomeUnknown, u.Proof.Look
	case err != nil:
		a.Outcome = OutcomeNotSent
	case len(out.Problems) > 0:
		a.Outcome = OutcomeRefused
	}
	attrs := []slog.Attr{
		slog.String("mutation", string(a.Mutation)), slog.String("by", w.Subject), slog.String("account", a.Account),
		slog.String("key", a.Key), slog.String("outcome", a.Outcome),
	}
	if out != nil {
		attrs = append(attrs, slog.Bool("replayed", a.Replayed))
		if !out.ID.IsZero() {
			attrs = append(attrs, slog.String("id", out.ID.String()))
		}
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if id := apierror.RequestID(ctx); id != "" {
		attrs = append(attrs, slog.String("requestId", id))
	}
	w.o.Logger.LogAttrs(ctx, slog.LevelInfo, "write", attrs...)
	if w.o.Observe != nil {
		w.o.Observe(a)
	}
}
