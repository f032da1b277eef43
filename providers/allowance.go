package providers

import (
	"cmp"
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

// The reasons why a request's [Allowance] ends a call. Neither says anything about the vendor.
var (
	// ErrAllowance says that the request has made all the calls to vendors that it may make.
	ErrAllowance = errors.New("the request has made all the calls to vendors that it may make")
	// ErrAccountTime says that the calls of one request to one account took the account's timeout.
	ErrAccountTime = errors.New("the calls of this request to this account took the account's timeout")
)

// OverAllowance says whether an error is about the request's allowance and not about the vendor.
func OverAllowance(err error) bool {
	return errors.Is(err, ErrAllowance) || errors.Is(err, ErrAccountTime)
}

// Allowance bounds what one request may ask of vendors: the number of calls, the pages of each list
// that is walked, and the time that the calls to each account take together. Clients of vendors consult it before each attempt. It is
// safe for concurrent use; a nil Allowance bounds nothing.
type Allowance struct {
	mu    sync.Mutex
	calls int                  // left
	pages int                  // of one list; 0: not bounded here
	began map[string]time.Time // by account: when the first call began; nil: time is not bounded
}

// Take counts one call, every attempt by itself. It counts none and answers false where no call is
// left.
func (a *Allowance) Take() bool {
	if a == nil {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls <= 0 {
		return false
	}
	a.calls--
	return true
}

// Left is how many calls may still be taken.
func (a *Allowance) Left() int {
	if a == nil {
		return math.MaxInt
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

// Return gives back a call that was taken and not made.
func (a *Allowance) Return() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
}

// Deadline is when the calls to an account have to end: the account's timeout after the first of
// them began. It is the zero time where nothing bounds them.
func (a *Allowance) Deadline(account string, timeout time.Duration) time.Time {
	if a == nil || a.began == nil {
		return time.Time{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	began, ok := a.began[account]
	if !ok {
		began = time.Now()
		a.began[account] = began
	}
	return began.Add(timeout)
}

// Restart has the account's time begin again at its next call. A mutation reads what it wrote with
// the time that the write itself has not used.
func (a *Allowance) Restart(account string) {
	if a == nil || a.began == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.began, account)
}

type allowanceKey struct{}

// WithAllowance is ctx with a new allowance of calls, and of each account's timeout.
func WithAllowance(ctx context.Context, calls int) context.Context {
	return context.WithValue(ctx, allowanceKey{}, &Allowance{calls: calls, began: map[string]time.Time{}})
}

// WithLimits is ctx with a new allowance of calls, and of pages of each list that is walked; 0 bounds
// nothing. Time is not bounded: callers do that themselves.
func WithLimits(ctx context.Context, calls, pages int) context.Context {
	return context.WithValue(ctx, allowanceKey{}, &Allowance{calls: cmp.Or(calls, math.MaxInt), pages: pages})
}

// WithoutAllowance is ctx without an allowance, for work that outlives the request.
func WithoutAllowance(ctx context.Context) context.Context {
	return context.WithValue(ctx, allowanceKey{}, (*Allowance)(nil))
}

// AllowanceFrom is the allowance of ctx; nil where there is none.
func AllowanceFrom(ctx context.Context) *Allowance {
	a, _ := ctx.Value(allowanceKey{}).(*Allowance)
	return a
}
