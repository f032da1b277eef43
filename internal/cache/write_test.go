package cache_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// scribe is a fake that renames an affiliate.
type scribe struct {
	*providertest.Fake
	written *providers.Written
	err     error
}

func (s *scribe) Plan(context.Context, providers.Command) (*providers.Write, error) {
	return &providers.Write{Send: func(context.Context) (*providers.Written, error) { return s.written, s.err }}, nil
}

func (s *scribe) Look(context.Context, providers.Command, json.RawMessage, bool) (providers.Verdict, *providers.Written, error) {
	return providers.Made, s.written, s.err
}

// TestWrites: after a write, and after a look that found one, what it answered is what is read, what it made stale is read anew, and the
// rest is still known.
func TestWrites(t *testing.T) {
	for name, write := range map[string]func(*cache.Cache) error{
		"Send": func(c *cache.Cache) error {
			w, err := c.Plan(t.Context(), nil)
			if err != nil {
				return err
			}
			_, err = w.Send(t.Context())
			return err
		},
		"Look": func(c *cache.Cache) error {
			_, _, err := c.Look(t.Context(), nil, nil, false)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := providertest.NewFake("a-1", providertest.Options{})
			s := &scribe{Fake: fake}
			c := cache.Wrap(s, cache.NewMemory(1<<20, cachetest.NewClock().Now), cache.Options{})
			read := func(local string) *providers.Affiliate {
				t.Helper()
				id := ids(local)[0]
				b, err := c.AffiliatesByID(t.Context(), []providers.ID{id})
				if err != nil || b.Found[id] == nil {
					t.Fatalf("%s: %v", local, err)
				}
				return b.Found[id]
			}
			one, two, three := read("aff001"), read("aff002"), read("aff003")

			s.err = errors.New("nobody answered")
			if err := write(c); !errors.Is(err, s.err) {
				t.Errorf("error %v, want the write's", err)
			}
			if read("aff001") != one {
				t.Error("a write that failed had something forgotten")
			}
			renamed := *one
			renamed.Name = new("Second")
			s.err, s.written = nil, &providers.Written{ID: one.ID, Harvest: providers.HarvestOf(&renamed), Stale: []providers.ID{two.ID}}
			if err := write(c); err != nil {
				t.Fatal(err)
			}
			if got := read("aff001"); got.Name == nil || *got.Name != "Second" {
				t.Errorf("what was written is read as %v", got.Name)
			}
			if read("aff002") == two {
				t.Error("what became stale was not read anew")
			}
			if read("aff003") != three {
				t.Error("what has nothing to do with it was forgotten")
			}
		})
	}
}
