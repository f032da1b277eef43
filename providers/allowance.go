package providers

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The reasons why a request's [Allowance] ends a call. Neither says anything about the vendor.
var (
	// ErrAllowance says that the request has made all the calls to vendors that it may make.
	ErrAllowance = errors.New("the request has made all the calls to vendors that it may make")
	// ErrAccountTime says that the calls of one request to one account took the account's
	// timeout.
	ErrAccountTime = errors.New("the calls of this request to this account took the account's timeout")
)

// OverAllowance says whether an error is about the request's allowance and not about the vendor.
func OverAllowance(err error) bool {
	return errors.Is(err, ErrAllowance) || errors.Is(err, ErrAccountTime)
}

// Allowance bounds what one request may ask of vendors: the number of calls, the pages of
// each list that is walked, and the time that the calls to each account take together.
// Clients of vendors consult it before each attempt. It is safe for concurrent use; a nil
// Allowance bounds nothing.
type Allowance struct {
	calls    []*atomic.Int64          // left: of this allowance, and of those that it is a part of
	accounts map[string]*atomic.Int64 // left of each account's; nil: accounts are not bounded apart
	pages    int                      // of one list; 0: not bounded here
	times    *accountTimes            // nil: time is not bounded
}

// accountTimes is when the first call to each account began.
type accountTimes struct {
	mu    sync.Mutex
	began map[string]time.Time
}

// newAllowance is an allowance of calls that are taken from others, too.
func newAllowance(calls int, others ...*atomic.Int64) *Allowance {
	return &Allowance{calls: append([]*atomic.Int64{counter(calls)}, others...)}
}

// counter counts down from a number of calls.
func counter(calls int) *atomic.Int64 {
	left := new(atomic.Int64)
	left.Store(int64(calls))
	return left
}

// none is the counter of an account to which no call may be made. It is never changed.
var none = counter(0)

// counters are all that count a call to an account.
func (a *Allowance) counters(account string) []*atomic.Int64 {
	if a.accounts == nil {
		return a.calls
	}
	return append(slices.Clip(a.calls), cmp.Or(a.accounts[account], none))
}

// Take counts one call to an account, every attempt by itself. It counts none and answers
// false where no call is left.
func (a *Allowance) Take(account string) bool {
	if a == nil {
		return true
	}
	counters := a.counters(account)
	for i, calls := range counters {
		if !takeCall(calls) {
			for _, taken := range counters[:i] {
				taken.Add(1)
			}
			return false
		}
	}
	return true
}

// takeCall takes one of the calls that are left, if there is one.
func takeCall(calls *atomic.Int64) bool {
	for {
		left := calls.Load()
		if left <= 0 {
			return false
		}
		if calls.CompareAndSwap(left, left-1) {
			return true
		}
	}
}

// Left is how many calls to an account may still be taken.
func (a *Allowance) Left(account string) int {
	if a == nil {
		return math.MaxInt
	}
	left := int64(math.MaxInt)
	for _, calls := range a.counters(account) {
		left = min(left, calls.Load())
	}
	return int(left)
}

// Return gives back a call to an account that was taken and not made.
func (a *Allowance) Return(account string) {
	if a == nil {
		return
	}
	for _, calls := range a.counters(account) {
		calls.Add(1)
	}
}

// Deadline is when the calls to an account have to end: the account's timeout after the first of
// them began. It is the zero time where nothing bounds them.
func (a *Allowance) Deadline(account string, timeout time.Duration) time.Time {
	if a == nil || a.times == nil {
		return time.Time{}
	}
	a.times.mu.Lock()
	defer a.times.mu.Unlock()
	began, ok := a.times.began[account]
	if !ok {
		began = time.Now()
		a.times.began[account] = began
	}
	return began.Add(timeout)
}

// Restart has the account's time begin again at its next call. A mutation reads what it
// wrote with the time that the write itself has not used.
func (a *Allowance) Restart(account string) {
	if a == nil || a.times == nil {
		return
	}
	a.times.mu.Lock()
	defer a.times.mu.Unlock()
	delete(a.times.began, account)
}

type allowanceKey struct{}

// WithAllowance is ctx with a new allowance of calls, and of each account's timeout.
func WithAllowance(ctx context.Context, calls int) context.Context {
	a := newAllowance(calls)
	a.times = &accountTimes{began: map[string]time.Time{}}
	return context.WithValue(ctx, allowanceKey{}, a)
}

// WithAccounts is ctx with a new allowance like that of [WithAllowance], which bounds the calls
// to each account, too. To an account that is not named no call may be made.
func WithAccounts(ctx context.Context, calls int, accounts map[string]int) context.Context {
	ctx = WithAllowance(ctx, calls)
	a := AllowanceFrom(ctx)
	a.accounts = make(map[string]*atomic.Int64, len(accounts))
	for account, calls := range accounts {
		a.accounts[account] = counter(calls)
	}
	return ctx
}

// WithLimits is ctx with a new allowance of calls, and of pages of each list that is
// walked; 0 bounds nothing. Time is not bounded: callers do that themselves.
func WithLimits(ctx context.Context, calls, pages int) context.Context {
	a := newAllowance(cmp.Or(calls, math.MaxInt))
	a.pages = pages
	return context.WithValue(ctx, allowanceKey{}, a)
}

// WithPart is ctx with a part of its allowance: so many calls at most, each of which the
// allowance of ctx counts, too.
func WithPart(ctx context.Context, calls int) context.Context {
	whole := AllowanceFrom(ctx)
	if whole == nil {
		return WithAllowance(ctx, calls)
	}
	a := newAllowance(calls, whole.calls...)
	a.accounts, a.pages, a.times = whole.accounts, whole.pages, whole.times
	return context.WithValue(ctx, allowanceKey{}, a)
}

// ShareAllowance is ctx with an allowance that takes its calls from that of ctx, for work
// whose time is not the request's. It bounds the pages of each list that is walked, 0 for
// no bound.
func ShareAllowance(ctx context.Context, pages int) context.Context {
	from := AllowanceFrom(ctx)
	if from == nil {
		return WithLimits(ctx, 0, pages)
	}
	return context.WithValue(ctx, allowanceKey{}, &Allowance{calls: from.calls, accounts: from.accounts, pages: pages})
}

type proofKey struct{}

// WithProof is ctx for reads by which a write is decided. What they do not find has to be
// absent, so that they take only an empty page, a repeated one or the vendor's totals for
// the end of a list. Other reads guess it by the number of rows, which saves calls.
func WithProof(ctx context.Context) context.Context { return context.WithValue(ctx, proofKey{}, true) }

// WantsProof says whether the reads of ctx are such.
func WantsProof(ctx context.Context) bool { return ctx.Value(proofKey{}) != nil }

// AllowanceFrom is the allowance of ctx; nil where there is none.
func AllowanceFrom(ctx context.Context) *Allowance {
	a, _ := ctx.Value(allowanceKey{}).(*Allowance)
	return a
}
