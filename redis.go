package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/providers"
)

// connections are those to Redis, one in each role; none where none is configured.
type connections struct {
	cache, durable redis.UniversalClient // nil without Redis
	timeout        time.Duration         // of the cache's
	replicas       int                   // that run at once; 0 if nobody said
}

// connect opens the connections, without asking anybody yet. Each of observe is told of
// every round trip.
func connect(cfg config.Redis, observe ...func(redisclient.Command)) (c connections, err error) {
	if cfg.Cache.IsZero() {
		return c, nil
	}
	if c.cache, err = redisclient.Open(cfg.Cache, redisclient.Cache); err != nil {
		return connections{}, fmt.Errorf("redis.cache: %w", err)
	}
	if c.durable, err = redisclient.Open(cfg.Durable, redisclient.Durable); err != nil {
		_ = c.cache.Close()
		return connections{}, fmt.Errorf("redis.durable: %w", err)
	}
	for _, observer := range observe {
		redisclient.Observe(c.cache, redisclient.Cache, observer)
		redisclient.Observe(c.durable, redisclient.Durable, observer)
	}
	c.timeout, c.replicas = cfg.Timeout, cfg.Replicas
	return c, nil
}

func (c connections) close() {
	if c.cache != nil {
		_, _ = c.cache.Close(), c.durable.Close()
	}
}

// store is the cache's: a memory, in front of Redis if there is one. The caller closes it
// before the connections.
func (c connections) store(bytes int64, log *slog.Logger, now func() time.Time) (s cache.Store, closed func()) {
	memory := cache.NewMemory(bytes, now)
	if c.cache == nil {
		return memory, func() {}
	}
	t := cache.NewTiered(memory, cache.NewRedis(c.cache, cache.RedisOptions{Timeout: c.timeout, Now: now, Logger: log}))
	return t, t.Close
}

// caughtUp is when a store has heard what other replicas had forgotten before the call.
func caughtUp(s cache.Store) func(context.Context) error {
	if t, ok := s.(*cache.Tiered); ok {
		return t.CatchUp
	}
	return nil
}

// toldAll is when Redis and the other replicas know what a store had forgotten before the call.
func toldAll(s cache.Store) func(context.Context) error {
	if t, ok := s.(*cache.Tiered); ok {
		return t.Told
	}
	return nil
}

// entries is where the ledger of writes is kept: in Redis, or else for as long as this
// process lives.
func (c connections) entries(now func() time.Time) ledger.Store {
	if c.durable == nil {
		return ledger.NewMemory(now)
	}
	return ledger.NewRedis(c.durable)
}

// seen is where sweeps remember what they saw: in Redis, or else for as long as this process
// lives.
func (c connections) seen(now func() time.Time) ledger.Store {
	if c.durable == nil {
		return ledger.NewMemory(now)
	}
	return ledger.NewRedisUnder(c.durable, "pg:sweep:")
}

// events is the log of changes: in Redis, or else for as long as this process lives.
func (c connections) events(cfg config.Events, now func() time.Time) events.Log {
	limits := events.Limits{Age: cfg.Keep, Bytes: int(cfg.Size)}
	if c.durable == nil {
		return events.NewMemory(limits, now)
	}
	return events.NewRedis(c.durable, limits, nil) // by its own clock, as those of replicas differ
}

// queries is where clients' documents are kept. They never go to a Redis that is durable
// too: clients choose them, and a full one that must not evict would refuse the ledger's
// writes.
func (c connections) queries(cfg config.Redis, now func() time.Time) persisted.Store {
	if c.cache == nil || cfg.Cache.Overlaps(cfg.Durable) {
		return persisted.New(nil, 0, now)
	}
	s := persisted.New(c.cache, c.timeout, now)
	if shared, ok := s.(*persisted.Redis); ok {
		shared.Usable = redisclient.NewApart(c.cache, c.durable).Known
	}
	return s
}

// budget is an account's, shared by all replicas if there is a Redis.
func (c connections) budget(a config.Account, log *slog.Logger, now func() time.Time) providers.Budget {
	if c.cache == nil {
		return budget.New(a.RateLimit.Requests, a.RateLimit.Per, now)
	}
	return budget.NewRedis(budget.RedisOptions{
		Client: c.cache, Account: a.ID, Limit: a.RateLimit.Requests, Window: a.RateLimit.Per,
		Replicas: c.replicas, Patience: c.timeout, Logger: log,
	})
}

// shares are partners', of all replicas together if there is a Redis.
func (c connections) shares(log *slog.Logger, now func() time.Time) budget.Shares {
	if c.cache == nil {
		return budget.NewShares(now)
	}
	return budget.NewRedisShares(budget.SharesOptions{Client: c.cache, Replicas: c.replicas, Logger: log})
}

// leave ends a budget, so that other replicas need not reserve the share of this one.
func leave(b providers.Budget) {
	if b, ok := b.(*budget.Redis); ok {
		b.Close()
	}
}

// checkup is what is found of a Redis.
type checkup struct {
	name     string // without a secret
	warnings []redisclient.Finding
	err      error
}

// checkups asks each Redis whether it answers and is set up for its roles.
func (c connections) checkups(ctx context.Context, cfg config.Redis) []checkup {
	if c.cache == nil {
		return nil
	}
	look := func(client redis.UniversalClient, t redisclient.Target, roles ...redisclient.Role) checkup {
		if cfg.Cache.Overlaps(cfg.Durable) {
			roles = []redisclient.Role{redisclient.Cache, redisclient.Durable}
		}
		warnings, err := redisclient.Check(ctx, client, roles...)
		return checkup{fmt.Sprintf("redis %s (%s)", join(roles, " and "), join(t.Addresses, ", ")), warnings, err}
	}
	found := []checkup{look(c.durable, cfg.Durable, redisclient.Durable)}
	if !cfg.Cache.Equal(cfg.Durable) {
		found = append(found, look(c.cache, cfg.Cache, redisclient.Cache))
	}
	return found
}

// redisNames names the servers of a configuration, without secrets.
func redisNames(cfg config.Redis) string {
	switch {
	case cfg.Cache.IsZero():
		return "none"
	case cfg.Cache.Equal(cfg.Durable):
		return join(cfg.Cache.Addresses, ", ")
	default:
		return "cache " + join(cfg.Cache.Addresses, ", ") + "; durable " + join(cfg.Durable.Addresses, ", ")
	}
}

func join[T any](values []T, separator string) string {
	var words []string
	for _, v := range values {
		words = append(words, fmt.Sprint(v))
	}
	return strings.Join(words, separator)
}

// greetRedis finds out early how each Redis does. The server serves without as well.
func (p *parts) greetRedis(ctx context.Context, cfg config.Redis) {
	for _, found := range p.redis.checkups(ctx, cfg) {
		if found.err != nil && ctx.Err() == nil {
			p.log.Warn("a Redis does not answer; serving without it", slog.String("redis", found.name), slog.Any("error", found.err))
		}
		for _, w := range found.warnings {
			p.log.Warn("a Redis is not set up for what it is used for", slog.String("redis", found.name), slog.String("warning", w.Text))
		}
	}
}

// pingEvery is how often each Redis is asked whether it is there.
const pingEvery = 10 * time.Second

// watch asks each Redis from time to time, so that observers learn of one that nobody uses
// just now. It ends with ctx.
func (c connections) watch(ctx context.Context) {
	if c.cache == nil {
		return
	}
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, client := range []redis.UniversalClient{c.cache, c.durable} {
				_ = client.Ping(ctx).Err() // observers hear of it
			}
		case <-ctx.Done():
			return
		}
	}
}

// redisWatch logs once when the Redis of a role cannot be reached any more, and once when it
// can. It is safe for concurrent use.
type redisWatch struct {
	log   *slog.Logger
	mu    sync.Mutex
	roles map[redisclient.Role]*redisState
}

// redisState is what is known of the Redis of a role.
type redisState struct {
	missed int // commands in a row that nobody answered
	down   bool
}

// maxMissed is how many commands in a row without an answer are logged: on a busy machine a
// single one may come too late.
const maxMissed = 3

// watch notes a round trip.
func (w *redisWatch) watch(c redisclient.Command) {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := w.roles[c.Role]
	if state == nil {
		state = &redisState{}
		w.roles[c.Role] = state
	}
	if !c.Unreached {
		if state.down {
			w.log.Info("Redis answers again", slog.String("role", string(c.Role)))
		}
		*state = redisState{}
		return
	}
	state.missed++
	if state.down || !c.Refused && state.missed < maxMissed {
		return
	}
	state.down = true
	level, text := slog.LevelWarn, "the cache's Redis does not answer: serving from memory and vendors"
	if c.Role == redisclient.Durable {
		level, text = slog.LevelError, "the durable Redis does not answer: mutations are refused until it does"
	}
	w.log.Log(context.Background(), level, text, slog.String("role", string(c.Role)), slog.Any("error", c.Err))
}
