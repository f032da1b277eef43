package main

import (
	"context"
	"slices"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/internal/sweep"
	"github.com/partnergraph/partnergraph/providers"
)

// swept is an account as it is looked at for changes: the lists of all nouns of which its
// webhooks, where it has any, do not tell everything.
func (p *parts) swept(a config.Account, vendor providers.Provider, cached *cache.Cache) sweep.Account {
	nouns := slices.Clone(sweep.Nouns)
	if source := p.source(a, cached); source.Hooks != nil && len(source.Tokens) > 0 {
		told := source.Hooks.Complete()
		nouns = slices.DeleteFunc(nouns, func(n providers.Noun) bool { return slices.Contains(told, n) })
	}
	return sweep.Account{Cache: cached, Vendor: vendor, Nouns: nouns}
}

// sweeper looks for changes of accounts; nil where that is switched off.
func (p *parts) sweeper(accounts []sweep.Account, taken *intake.Intake) *sweep.Sweeper {
	if p.sweepEvery == 0 {
		return nil
	}
	return sweep.New(sweep.Options{
		Accounts: accounts, Store: p.seen, Interval: p.sweepEvery, Intake: taken, Log: p.changes, Now: p.now,
		Logger: p.log, Observe: p.metrics.Swept,
	})
}

// sweep looks for changes by the configuration that was assembled last, and no longer by the
// one before.
func (p *parts) sweep() {
	p.stopSweeping()
	if p.next == nil {
		return
	}
	ctx, end := context.WithCancel(p.work)
	done, next := make(chan struct{}), p.next
	go func() {
		defer close(done)
		next.Run(ctx)
	}()
	p.stopSweeping = func() {
		end()
		<-done
	}
}
