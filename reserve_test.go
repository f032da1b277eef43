package main

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
)

// TestReserve wants the calls of partners to leave a fifth of each account's limit to staff
// by default, whatever the limit is: those of one partner alone and of all together, who
// ask as often as they can.
func TestReserve(t *testing.T) {
	limits := map[string]config.RateLimit{}
	for _, f := range all.Registry().Factories() {
		limits[f.Name] = config.RateLimit{Requests: f.Limit, Per: f.Window}
	}
	for _, n := range []int{1, 2, 3, 4, 100, 240} {
		limits[fmt.Sprint(n)] = config.RateLimit{Requests: n, Per: time.Minute}
	}
	limits["2 an hour"] = config.RateLimit{Requests: 2, Per: time.Hour}
	cfg := config.Default()
	for name, limit := range limits {
		for partners, alone := range map[string]bool{"one": true, "all": false} {
			t.Run(name+"/"+partners, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkReserve(t, cfg, limit, alone) })
			})
		}
	}
}

// checkReserve lets partners call for twenty windows, one alone or as many as want to, and
// staff behind them.
func checkReserve(t *testing.T, cfg *config.Config, limit config.RateLimit, alone bool) {
	const windows = 20
	p := &parts{process: &process{now: time.Now}, budgets: map[string]providers.Budget{}}
	account := config.Account{ID: "shop", RateLimit: limit}
	whole := p.reserved(account, cfg.Limits.Reserve, cfg.Events.SweepCalls)
	shares := budget.NewShares(time.Now)
	c := *cfg
	c.Accounts = []config.Account{account}
	price := budget.Price{Part: "calls", Count: 1, Limit: partnerCalls(&c)["shop"]}
	take := func(keep func(context.Context) context.Context) bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond) // nobody waits
		defer cancel()
		return whole.Take(keep(ctx)) == nil
	}
	staff := func(ctx context.Context) context.Context { return ctx }
	var byPartners, byStaff int
	steps := max(100, 2*limit.Requests)
	for w := range windows {
		inWindow := 0
		for range steps {
			for (!alone || shares.Take(t.Context(), "partner", price) == 0) && take(providers.KeepReserve) {
				inWindow++
			}
			for byStaff < (w+1)*limit.Requests/5 && take(staff) {
				byStaff++
			}
			time.Sleep(limit.Per / time.Duration(steps))
		}
		if most := limit.Requests * 4 / 5; inWindow > max(1, most) {
			t.Errorf("%d calls of partners in a window, of %d", inWindow, limit.Requests)
		}
		byPartners += inWindow
	}
	if most := windows * limit.Requests * 4 / 5; byPartners > most || byPartners == 0 {
		t.Errorf("%d calls of partners in %d windows of %d, want at most %d", byPartners, windows, limit.Requests, most)
	}
	if want := windows * limit.Requests / 5; byStaff < want {
		t.Errorf("%d calls of staff in %d windows of %d, want %d", byStaff, windows, limit.Requests, want)
	}
}
