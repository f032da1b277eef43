package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/redisclient"
)

type forgetCommand struct {
	Config  string `type:"path" required:"" help:"The configuration file, as the servers have it."`
	Account string `required:"" help:"The id of the account that the person is, or is a customer, at."`
	Email   string `required:"" help:"The person's e-mail address."`
}

// Help is what --help says besides.
func (forgetCommand) Help() string {
	return `Delete the person at the vendor first: what the vendor still has, the next read brings back.

Nobody can tell every record that a person stands in, so the whole account is forgotten: what was read from it is removed from Redis, and from the
memory of every server; it is read again when it is asked for. Documents of persisted queries are removed where the address stands in them. Then all that
is left in Redis is searched for the address.

The ledger of writes stays: without it a write could be made twice. It holds ids and hashes, no address.

Ends with status 1 if the address is still there, or if anything could not be done; it may be run again at any time.`
}

// forgetting is one run of the command.
type forgetting struct {
	out            io.Writer
	cfg            *config.Config
	account        string
	holds          func(text string) bool // the person's address
	cache, durable redis.UniversalClient
	timeout        time.Duration // of one call
}

// Run forgets a person. The address is neither printed nor logged.
func (c forgetCommand) Run(p *process) error {
	holds, err := traceOf(c.Email)
	if err != nil {
		return err
	}
	cfg, err := config.Load(c.Config, p.getenv, p.registry, p.environ...)
	if err != nil {
		return err
	}
	var ids []string
	for _, a := range cfg.Accounts {
		ids = append(ids, a.ID)
	}
	if !slices.Contains(ids, c.Account) {
		return fmt.Errorf("--account: there is no account %q in %s, which has %s", c.Account, c.Config, strings.Join(ids, ", "))
	}
	if cfg.Redis.Cache.IsZero() {
		return errors.New(
			"nothing was forgotten: without redis in the configuration each server keeps what it read in its own process, where this command does not reach it. " +
				"Restart every server: that drops it all. One that is not restarted may hold it until it ends",
		)
	}
	f := forgetting{out: p.stdout, cfg: cfg, account: c.Account, holds: holds, timeout: redisTime}
	for client, target := range map[*redis.UniversalClient]redisclient.Target{&f.cache: cfg.Redis.Cache, &f.durable: cfg.Redis.Durable} {
		if *client, err = redisclient.Open(target, redisclient.Durable); err != nil {
			return err
		}
		defer func() { _ = (*client).Close() }()
	}
	if err := f.forget(p.ctx); err != nil {
		return fmt.Errorf("not everything may be forgotten; run it again: %w", err)
	}
	return f.verify(p.ctx)
}

// redisTime is how long one call to Redis may take here, where nobody waits for an answer.
const redisTime = 10 * time.Second

// forget drops what is remembered.
func (f *forgetting) forget(ctx context.Context) error {
	late := f.cfg.Redis.Timeout + cache.Noticed
	wait := func(ctx context.Context) error {
		select {
		case <-time.After(late):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	documents := 0
	entries, err := cache.NewRedis(f.cache, cache.RedisOptions{Timeout: f.timeout}).
		Forget(ctx, f.account, wait, func(ctx context.Context) (err error) {
			documents, err = persisted.Forget(ctx, f.cache, f.holds)
			return err
		})
	if err != nil {
		return err
	}
	fmt.Fprintf(f.out, "account %s: %d entries removed from Redis; every server was told to empty its memory of it\n", f.account, entries)
	fmt.Fprintf(
		f.out,
		"persisted queries: %d documents with the address removed, and every server's memory of documents and tokens emptied\n",
		documents,
	)
	return nil
}

// verify searches what is left for the address, and says what stays on purpose.
func (f *forgetting) verify(ctx context.Context) error {
	var found []error
	entries, err := cache.Holding(ctx, f.cache, f.holds)
	if err != nil {
		return fmt.Errorf("it was forgotten, but could not be verified; run it again: %w", err)
	}
	if n := entries[f.account]; n > 0 {
		found = append(
			found,
			fmt.Errorf(
				"%d entries of account %s hold the address again: the vendor still has it. Delete the person there, and run this again",
				n,
				f.account,
			),
		)
	}
	delete(entries, f.account)
	for _, other := range slices.Sorted(maps.Keys(entries)) {
		fmt.Fprintf(
			f.out,
			"account %s: %d entries hold the address, too; they were left, as you did not name this account\n",
			other,
			entries[other],
		)
	}
	documents, err := persisted.Forget(ctx, f.cache, f.holds)
	if err != nil {
		return fmt.Errorf("it was forgotten, but could not be verified; run it again: %w", err)
	}
	if documents > 0 {
		found = append(
			found,
			fmt.Errorf(
				"%d documents of persisted queries with the address came in meanwhile: a client sends it in its text. Have it send variables, and run this again",
				documents,
			),
		)
	}
	written, clear, err := ledger.Holding(ctx, f.durable, f.holds)
	if err != nil {
		return fmt.Errorf("it was forgotten, but the ledger could not be verified; run it again: %w", err)
	}
	if clear > 0 {
		found = append(found, fmt.Errorf("%d entries of the ledger of writes hold the address, which none should; they were left", clear))
	}
	fmt.Fprintf(
		f.out,
		"ledger of writes: %d entries of all accounts stay, so that nothing is written twice: ids, states and hashes; outcomes until %v after the write, "+
			"and for ever where nobody ever answered what became of it\n",
		written,
		f.cfg.Writes.Keep,
	)
	fmt.Fprintln(
		f.out,
		"not reached: logs, what Redis writes to disk, and servers cut off from Redis, which empty their memory when they notice, and again when they are back",
	)
	if len(found) > 0 {
		return errors.Join(found...)
	}
	fmt.Fprintln(f.out, "the address is found nowhere else in Redis")
	return nil
}
