package redisclient_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestScan wants every key that matches, of every node, with what stands there; and each
// removed by the node that has it.
func TestScan(t *testing.T) {
	for name, open := range map[string]func(*testing.T) redisclient.Target{
		"single":  func(t *testing.T) redisclient.Target { return redistest.Start(t).Target() },
		"cluster": func(t *testing.T) redisclient.Target { return redistest.StartCluster(t) },
	} {
		t.Run(name, func(t *testing.T) {
			c := redistest.Open(t, open(t), redisclient.Durable)
			want := map[string]string{}
			if _, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for i := range 1000 {
					want[fmt.Sprint("here:", i)] = strconv.Itoa(i)
					p.Set(t.Context(), fmt.Sprint("here:", i), i, 0)
					p.Set(t.Context(), fmt.Sprint("there:", i), i, 0)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			texts := func(pattern string) map[string]string {
				got := map[string]string{}
				if err := redisclient.ScanTexts(t.Context(), c, pattern, func(_ context.Context, _ redis.Cmdable, texts map[string]string) error {
					maps.Copy(got, texts)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				return got
			}
			if d := cmp.Diff(want, texts("here:*")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			removed := 0
			if err := redisclient.Scan(t.Context(), c, "here:*", func(ctx context.Context, node redis.Cmdable, keys []string) error {
				n, err := redisclient.Unlink(ctx, node, keys...)
				removed += n
				return err
			}); err != nil || removed != len(want) {
				t.Errorf("%d removed, %v; want %d", removed, err, len(want))
			}
			if here, there := len(texts("here:*")), len(texts("there:*")); here != 0 || there != len(want) {
				t.Errorf("%d and %d are left; want 0 and %d", here, there, len(want))
			}

			broken := errors.New("broken")
			if err := redisclient.Scan(t.Context(), c, "*", func(context.Context, redis.Cmdable, []string) error { return broken }); !errors.Is(err, broken) {
				t.Errorf("a visit that fails: %v", err)
			}
			if err := c.HSet(t.Context(), "hash", "v", 1).Err(); err != nil {
				t.Fatal(err)
			}
			if err := redisclient.ScanTexts(t.Context(), c, "*", func(context.Context, redis.Cmdable, map[string]string) error { return nil }); err == nil {
				t.Error("what is no text is passed over")
			}
		})
	}
}

// TestScanGone wants what goes while it is scanned left out, and is no error.
func TestScanGone(t *testing.T) {
	c := redistest.Start(t).Client(redisclient.Durable)
	for _, k := range []string{"a", "b", "c"} {
		if err := c.Set(t.Context(), k, "text", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	c.AddHook(losing{c, "b"})
	got := map[string]string{}
	err := redisclient.ScanTexts(t.Context(), c, "*", func(_ context.Context, _ redis.Cmdable, texts map[string]string) error {
		maps.Copy(got, texts)
		return nil
	})
	if d := cmp.Diff(map[string]string{"a": "text", "c": "text"}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

// losing removes a key before each pipeline.
type losing struct {
	c   redis.UniversalClient
	key string
}

func (losing) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (losing) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (l losing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := l.c.Del(ctx, l.key).Err(); err != nil {
			return err
		}
		return next(ctx, cmds)
	}
}
