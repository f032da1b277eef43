package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/providers"
)

type checkCommand struct {
	Config string `type:"path" required:"" help:"The configuration file."`
	Probe  bool   `help:"${probe}"`
}

// probeHelp explains --probe.
var probeHelp = fmt.Sprintf("Also ask each account what its vendor's documentation leaves open: at most %d calls an account, "+
	"all of them GET, one of them with wrong credentials. Prints names of fields, JSON types, counts and verdicts, and no values. "+
	"A verdict that differs from what is assumed is no failure.", providers.MaxProbeCalls)

// Run checks the configuration, the accounts and Redis, and probes the accounts if that is asked
// for. It prints no secret, and of replies no value.
func (c checkCommand) Run(p *process) error {
	cfg, err := config.Load(c.Config, p.getenv, p.registry, p.environ...)
	if err != nil {
		return err
	}
	redis, err := connect(cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.close()
	lost, failed := p.checkRedis(redis, cfg.Redis), 0
	shared := redis
	if lost > 0 { // the accounts can be checked nevertheless, with a call each
		shared = connections{}
	}
	log := slog.New(slog.DiscardHandler)
	accounts := make([]providers.Provider, len(cfg.Accounts))
	for i, a := range cfg.Accounts {
		b := shared.budget(a, log, p.now)
		defer leave(b)
		if accounts[i], err = p.provider(a, b, &http.Client{}, log, nil); err != nil {
			return err
		}
	}
	for i, err := range ping(p.ctx, accounts) {
		a := accounts[i].Account()
		said := fmt.Sprintf(
			"reachable, key accepted; %d of %d calls left in %d s",
			a.RateLimit.Remaining,
			a.RateLimit.Limit,
			a.RateLimit.WindowSeconds,
		)
		if err != nil {
			failed++
			said = "FAILED: " + err.Error()
		}
		fmt.Fprintf(p.stdout, "%s (%s): %s\n", a.ID.Account, a.Provider.Name, said)
	}
	if c.Probe {
		printProbes(p.stdout, accounts, probeAll(p.ctx, accounts))
	}
	var failures []string
	if failed > 0 {
		failures = append(failures, fmt.Sprintf("%d of %d accounts failed", failed, len(accounts)))
	}
	if lost > 0 {
		failures = append(failures, "a Redis failed")
	}
	if len(failures) > 0 {
		return errors.New(strings.Join(failures, "; "))
	}
	fmt.Fprintf(p.stdout, "%s is sound: %d accounts, listening on %s\n", c.Config, len(accounts), cfg.Listen)
	return nil
}

// ping asks every account at once whether it answers.
func ping(ctx context.Context, accounts []providers.Provider) []error {
	errs := make([]error, len(accounts))
	var wg sync.WaitGroup
	for i, a := range accounts {
		wg.Go(func() { errs[i] = a.Ping(ctx) })
	}
	wg.Wait()
	return errs
}
