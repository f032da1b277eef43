package cache

import (
	"context"
	"encoding/json"

	"github.com/partnergraph/partnergraph/providers"
)

// Plan plans a write, whose Send also makes this cache forget what the write has changed, and remember what its answer says: before
// anybody is told that it was made. It reads at the vendor, never here.
func (c *Cache) Plan(ctx context.Context, command providers.Command) (*providers.Write, error) {
	planned, err := c.Provider.Plan(ctx, command)
	if err != nil {
		return nil, err
	}
	w := *planned
	w.Send = func(ctx context.Context) (*providers.Written, error) {
		written, err := planned.Send(ctx)
		c.wrote(ctx, written)
		return written, err
	}
	return &w, nil
}

// Look finds out what became of a write, and forgets and remembers likewise.
func (c *Cache) Look(ctx context.Context, command providers.Command, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	verdict, written, err := c.Provider.Look(ctx, command, before, disturbed)
	c.wrote(ctx, written)
	return verdict, written, err
}

// wrote takes note of what was written; nil is nothing. A stub in the answer says nothing of what was written: whoever knows more of that record stays.
func (c *Cache) wrote(ctx context.Context, w *providers.Written) {
	if w == nil {
		return
	}
	ids := append(append([]providers.ID{w.ID}, w.Stale...), w.Harvest.Whole()...)
	if err := c.Invalidate(ctx, ids, w.StaleLists...); err != nil {
		c.o.Logger.Error("what a write has changed may be shown as it was before on other replicas, until its time is over", "account", c.account, "error", err)
	}
	c.Keep(ctx, w.Harvest)
}
