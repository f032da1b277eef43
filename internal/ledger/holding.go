package ledger

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
)

// Holding says how many values the ledger has in a Redis, and in how many of them something
// stands. It reads them all, and changes none: without them a write could be made twice.
func Holding(ctx context.Context, c redis.UniversalClient, holds func(text string) bool) (all, holding int, err error) {
	err = redisclient.Scan(ctx, c, prefix+"*", func(ctx context.Context, node redis.Cmdable, keys []string) error {
		replies, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, k := range keys {
				p.HGet(ctx, k, "v")
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		for i, r := range replies {
			value, err := r.(*redis.StringCmd).Result()
			switch {
			case errors.Is(err, redis.Nil): // gone meanwhile
			case err != nil:
				return err
			default:
				all++
				if holds(keys[i]) || holds(value) {
					holding++
				}
			}
		}
		return nil
	})
	return all, holding, err
}
