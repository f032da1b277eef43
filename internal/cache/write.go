package cache

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// Plan plans a write. When the write's Send returns, this cache has forgotten what the
// write changed and stored what the reply says. If the outcome is not known, it has
// forgotten everything that the write may have changed. Plan reads at the vendor, never
// here.
func (c *Cache) Plan(ctx context.Context, command providers.Command) (*providers.Write, error) {
	planned, err := c.Provider.Plan(ctx, command)
	if err != nil {
		return nil, err
	}
	w := *planned
	w.Send = func(ctx context.Context) (*providers.Written, error) {
		written, err := planned.Send(ctx)
		switch {
		case err == nil && written != nil:
			c.wrote(ctx, command, written)
		case !providers.NothingWritten(err):
			ids := append(c.touched(ctx, command), planned.Stale...)
			c.forgetWritten(ctx, ids, providers.Nouns...)
		}
		return written, err
	}
	return &w, nil
}

// Look finds out what became of a write, and forgets and stores likewise.
func (c *Cache) Look(
	ctx context.Context,
	command providers.Command,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	verdict, written, err := c.Provider.Look(ctx, command, before, disturbed)
	if written != nil {
		c.wrote(ctx, command, written)
	}
	return verdict, written, err
}

// wrote takes note of what was written. A stub in the reply does not say what was written:
// a record that is known better stays.
func (c *Cache) wrote(ctx context.Context, command providers.Command, w *providers.Written) {
	ids := append(append([]providers.ID{w.ID}, w.Stale...), w.Harvest.Whole()...)
	c.forgetWritten(ctx, ids, w.StaleLists...)
	c.Keep(ctx, w.Harvest)
	c.o.Wrote(ctx, command, w)
}

// forgetWritten is Invalidate for a write, which an error does not stop.
func (c *Cache) forgetWritten(ctx context.Context, ids []providers.ID, lists ...providers.Noun) {
	if err := c.Invalidate(ctx, ids, lists...); err != nil {
		c.o.Logger.Error("other replicas may show what a write changed as it was before, until its time to live is over",
			"account", c.account, "error", err)
	}
}

// touched are the records that a command names, and those that the cached ones of these
// refer to: a commission's affiliate has another balance when the commission changes.
func (c *Cache) touched(ctx context.Context, command providers.Command) []providers.ID {
	others := func(id providers.ID) bool { return id.Account != c.account }
	named := slices.DeleteFunc(idsIn(reflect.ValueOf(command)), others)
	keys := make([]Key, len(named))
	for i, id := range named {
		keys[i] = recordKey(id)
	}
	all := named
	for _, e := range c.get(context.WithoutCancel(ctx), keys...) {
		all = append(all, idsIn(reflect.ValueOf(valueOf(e)))...)
	}
	return all
}

// idsIn are the ids in the exported fields of a value, at any depth.
func idsIn(v reflect.Value) (ids []providers.ID) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return idsIn(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			ids = append(ids, idsIn(v.Index(i))...)
		}
	case reflect.Struct:
		if id, ok := reflect.TypeAssert[providers.ID](v); ok {
			if id.IsZero() {
				return nil
			}
			return []providers.ID{id}
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				ids = append(ids, idsIn(v.Field(i))...)
			}
		}
	}
	return ids
}
