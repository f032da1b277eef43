package redisclient

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// batch is about how many keys are looked at at once. Values are up to some tens of KiB.
const batch = 200

// Scan visits the keys that match a glob pattern, of a cluster's on each of its masters:
// all that are there from the beginning to the end, some of them perhaps twice. visit is
// given keys of one node and a client that asks it alone, and is not called twice at a
// time. Its error ends the scan.
func Scan(
	ctx context.Context,
	c redis.UniversalClient,
	pattern string,
	visit func(ctx context.Context, node redis.Cmdable, keys []string) error,
) error {
	cluster, ok := c.(*redis.ClusterClient)
	if !ok {
		return scanNode(ctx, c, pattern, visit)
	}
	var one sync.Mutex
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		return scanNode(ctx, node, pattern, func(ctx context.Context, node redis.Cmdable, keys []string) error {
			one.Lock()
			defer one.Unlock()
			return visit(ctx, node, keys)
		})
	})
}

func scanNode(
	ctx context.Context,
	node redis.Cmdable,
	pattern string,
	visit func(ctx context.Context, node redis.Cmdable, keys []string) error,
) error {
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, pattern, batch).Result()
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := visit(ctx, node, keys); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// ScanTexts is Scan with what stands under each key, which has to be a text. What has gone
// meanwhile is left out.
func ScanTexts(
	ctx context.Context,
	c redis.UniversalClient,
	pattern string,
	visit func(ctx context.Context, node redis.Cmdable, texts map[string]string) error,
) error {
	return Scan(ctx, c, pattern, func(ctx context.Context, node redis.Cmdable, keys []string) error {
		replies := make(map[string]*redis.StringCmd, len(keys))
		_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, k := range keys {
				replies[k] = p.Get(ctx, k)
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		texts := make(map[string]string, len(keys))
		for k, reply := range replies {
			switch text, err := reply.Result(); {
			case err == nil:
				texts[k] = text
			case !errors.Is(err, redis.Nil): // behind one that was nil, which is all that the pipeline tells
				return err
			}
		}
		return visit(ctx, node, texts)
	})
}

// Unlink removes keys of one node, and says how many were there. Each has a command of its
// own: of a cluster's node they are in several slots.
func Unlink(ctx context.Context, node redis.Cmdable, keys ...string) (n int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	replies, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, k := range keys {
			p.Unlink(ctx, k)
		}
		return nil
	})
	for _, r := range replies {
		n += int(r.(*redis.IntCmd).Val())
	}
	return n, err
}
