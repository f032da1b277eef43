package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Reserved is a budget of which some calls may take a part only. What is left of it is the
// reserve of all other calls.
type Reserved struct {
	providers.Budget                  // of all calls
	Part             providers.Budget // of those by [providers.KeepReserve]
	Spare            providers.Budget // of those by [providers.WithSpare]; nil: they are as all others
}

// Take takes the call from its part first, if it has to leave the reserve: it is counted
// before it is sent.
func (r Reserved) Take(ctx context.Context) error {
	part := r.Part
	switch {
	case providers.TakesSpare(ctx) && r.Spare != nil:
		if state := r.Budget.State(); 2*state.Remaining < state.Limit {
			return reserved(&providers.Error{Op: "budget", Kind: providers.KindRateLimited, Err: errBusy})
		}
		part, ctx = r.Spare, unwaiting{ctx}
	case !providers.KeepsReserve(ctx):
		return r.Budget.Take(ctx)
	}
	if err := part.Take(ctx); err != nil {
		return reserved(err)
	}
	err := r.Budget.Take(ctx)
	if _, spare := ctx.(unwaiting); spare && err != nil {
		return reserved(err)
	}
	return err
}

var errBusy = errors.New("others use more than half of the account's calls")

// unwaiting is a context in which no call waits for a place.
type unwaiting struct{ context.Context }

// Deadline is now, so that a budget refuses at once what would have to wait.
func (unwaiting) Deadline() (time.Time, bool) { return time.Now(), true }

// reserved is the refusal of a call that would have used the reserve.
func reserved(err error) error {
	if e := (*providers.Error)(nil); errors.As(err, &e) {
		refused := *e
		refused.Err = fmt.Errorf("%w: %w", providers.ErrReserve, e.Err)
		return &refused
	}
	return fmt.Errorf("%w: %w", providers.ErrReserve, err)
}
