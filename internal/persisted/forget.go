package persisted

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
)

// Forget removes the documents that hold something from a Redis, and says how many there
// were. Servers have them in their memories until their [Store.Forget] is called.
func Forget(ctx context.Context, c redis.UniversalClient, holds func(document string) bool) (n int, err error) {
	err = redisclient.ScanTexts(ctx, c, prefix+"*", func(ctx context.Context, node redis.Cmdable, texts map[string]string) error {
		var keys []string
		for key, document := range texts {
			if holds(document) {
				keys = append(keys, key)
			}
		}
		gone, err := redisclient.Unlink(ctx, node, keys...)
		n += gone
		return err
	})
	return n, err
}
