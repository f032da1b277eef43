package budget

import (
	"context"
	"errors"
	"fmt"

	"github.com/partnergraph/partnergraph/providers"
)

// Reserved is a budget of which some calls, by [providers.KeepReserve], may take a part
// only. What is left of it is the reserve of all other calls.
type Reserved struct {
	providers.Budget                  // of all calls
	Part             providers.Budget // of those that leave the reserve
}

// Take takes the call from the part first, if it has to leave the reserve: it is counted
// before it is sent.
func (r Reserved) Take(ctx context.Context) error {
	if providers.KeepsReserve(ctx) {
		if err := r.Part.Take(ctx); err != nil {
			if e := (*providers.Error)(nil); errors.As(err, &e) {
				reserved := *e
				reserved.Err = fmt.Errorf("%w: %w", providers.ErrReserve, e.Err)
				return &reserved
			}
			return fmt.Errorf("%w: %w", providers.ErrReserve, err)
		}
	}
	return r.Budget.Take(ctx)
}
