package redisclient

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Apart knows whether two clients are connected to different servers: their addresses do
// not tell, for one server may have several. It asks both once. It is safe for concurrent
// use.
type Apart struct {
	a, b redis.UniversalClient

	mu           sync.Mutex
	known, apart bool
	askAgain     time.Time
}

// NewApart makes an Apart that has asked nobody yet.
func NewApart(a, b redis.UniversalClient) *Apart { return &Apart{a: a, b: b} }

// Known says whether the servers are known to be different. While one of them does not
// answer, they are not, and it is asked once in a second. Servers that do not tell who they
// are count as different.
func (p *Apart) Known(ctx context.Context) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); !p.known && !now.Before(p.askAgain) {
		p.askAgain = now.Add(time.Second)
		ours, err := runIDs(ctx, p.a)
		theirs, otherErr := runIDs(ctx, p.b)
		p.known = err == nil && otherErr == nil
		p.apart = p.known && !slices.ContainsFunc(ours, func(id string) bool { return slices.Contains(theirs, id) })
	}
	return p.apart
}

// runIDs are the names that the servers of a client have given themselves when they started:
// https://redis.io/docs/latest/commands/info/.
func runIDs(ctx context.Context, c redis.UniversalClient) (ids []string, err error) {
	var mu sync.Mutex
	ask := func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "server").Result()
		if refused := redis.Error(nil); errors.As(err, &refused) {
			return nil
		}
		for line := range strings.Lines(info) {
			if id, ok := strings.CutPrefix(line, "run_id:"); ok {
				mu.Lock()
				ids = append(ids, strings.TrimSpace(id))
				mu.Unlock()
			}
		}
		return err
	}
	switch c := c.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, ask)
	case *redis.Client:
		err = ask(ctx, c)
	}
	return ids, err
}
