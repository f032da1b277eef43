package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// replica is one process that sweeps an account.
type replica struct {
	*testing.T
	clock   *clock
	log     events.Log
	begin   events.Position
	intake  *intake.Intake
	cache   *cache.Cache
	account Account
	sweeper *Sweeper
	counted map[Outcome]int
	logged  *strings.Builder
}

// shared is what replicas have together.
type shared struct {
	clock *clock
	store ledger.Store
	log   events.Log
	cache cache.Store
}

func newShared() *shared {
	c := &clock{now: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)}
	return &shared{
		clock: c, store: ledger.NewMemory(c.Now), log: events.NewMemory(events.Limits{}, c.Now), cache: cache.NewMemory(1<<24, c.Now),
	}
}

// replica makes a process over a vendor.
func (s *shared) replica(t *testing.T, vendor providers.Provider) *replica {
	t.Helper()
	r := &replica{T: t, clock: s.clock, log: s.log, counted: map[Outcome]int{}, logged: &strings.Builder{}}
	r.cache = cache.Wrap(vendor, s.cache, cache.Options{Now: s.clock.Now, Stale: time.Hour})
	logger := slog.New(slog.NewTextHandler(r.logged, nil))
	r.intake = intake.New(intake.Options{Accounts: []intake.Account{{Cache: r.cache}}, Log: s.log, Now: s.clock.Now, Logger: logger})
	r.account = Account{Cache: r.cache, Vendor: vendor, Nouns: Nouns}
	r.sweeper = New(Options{
		Accounts: []Account{r.account}, Store: s.store, Interval: time.Minute, Intake: r.intake, Log: s.log, Now: s.clock.Now, Logger: logger,
		Observe: func(_ string, o Outcome) { r.counted[o]++ },
	})
	begin, err := s.log.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.begin = begin
	return r
}

// round lets time pass until a round is due, and sweeps.
func (r *replica) round() {
	r.Helper()
	r.clock.pass(time.Minute)
	if _, err := r.sweeper.Round(r.Context(), r.account); err != nil {
		r.Fatal(err)
	}
}

// told are the events since it was called last: "CREATED Commission/c001 of aff001".
func (r *replica) told() (texts []string) {
	r.Helper()
	for _, e := range r.events() {
		text := fmt.Sprintf("%s %s/%s", e.Kind, e.Record.Noun, e.Record.Local)
		if !e.Owner.IsZero() {
			text += " of " + e.Owner.Local
		}
		if e.Source != events.Sweep {
			text += " by " + string(e.Source)
		}
		texts = append(texts, text)
	}
	return texts
}

func (r *replica) events() (all []events.Event) {
	r.Helper()
	for {
		entries, err := r.log.Read(r.Context(), r.begin, 100)
		if err != nil {
			r.Fatal(err)
		}
		if len(entries) == 0 {
			return all
		}
		for _, e := range entries {
			all, r.begin = append(all, e.Event), e.Position
		}
	}
}

// wants checks what was told since the last time.
func (r *replica) wants(what string, want ...string) {
	r.Helper()
	if got := r.told(); !slices.Equal(got, want) {
		r.Errorf("%s: told\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// commission is one of an affiliate, so many minutes after the begin of the world.
func commission(n, minute int, change ...func(*providers.Commission)) *providers.Commission {
	at := time.Date(2026, 7, 1, 0, minute, 0, 0, time.UTC)
	c := &providers.Commission{Status: providers.CommissionPending}
	c.ID = providers.ID{Account: "a-1", Noun: providers.NounCommission, Local: fmt.Sprintf("c%02d", n)}
	c.ProviderID, c.CreatedAt = c.ID.Local, &at
	c.AffiliateID = providers.ID{Account: "a-1", Noun: providers.NounAffiliate, Local: "ann"}
	for _, do := range change {
		do(c)
	}
	return c
}

func commissions(rows ...*providers.Commission) providers.Harvest {
	return providers.Harvest{Commissions: rows}
}

func paid(c *providers.Commission) { c.Status = providers.CommissionPaid }

func undated(c *providers.Commission) { c.CreatedAt = nil }

// emptyFake is a vendor of pages of three rows with these commissions.
func emptyFake(c *clock, before func(ctx context.Context, op string) error, rows ...*providers.Commission) *providertest.Fake {
	f := providertest.NewFake("a-1", providertest.Options{Empty: true, PageSize: 3, Now: c.Now, Before: before})
	f.Insert(commissions(rows...))
	return f
}
