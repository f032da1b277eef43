package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

func accountChecks() []check {
	return []check{
		{"Account/record", func(t *testing.T, w *world, p providers.Provider) {
			a := p.Account()
			if want := (providers.ID{Account: w.account, Noun: providers.NounAccount}); a.ID != want || !providers.ValidAccount(w.account) {
				t.Errorf("the account's id is %+v", a.ID)
			}
			roundTrip(t, a.ID)
			vendor := a.Provider
			if a.ProviderID == "" || a.FetchedAt.IsZero() || vendor.ID == "" || vendor.Name == "" || vendor.DocumentationURL == "" {
				t.Errorf("the account lacks what every account has: %+v", a)
			}
			if !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(a.CurrencyCode) {
				t.Errorf("CurrencyCode is %q", a.CurrencyCode)
			}
			statuses := []providers.AccountStatus{providers.AccountOK, providers.AccountDegraded, providers.AccountDown}
			if !slices.Contains(statuses, a.Status) {
				t.Errorf("Status is %q", a.Status)
			}
			if !slices.IsSorted(a.Capabilities) || len(slices.Compact(slices.Clone(a.Capabilities))) != len(a.Capabilities) {
				t.Errorf("Capabilities are not sorted, or some stand twice: %q", a.Capabilities)
			}
			if r := a.RateLimit; r.Limit <= 0 || r.WindowSeconds <= 0 || r.Remaining < 0 || r.Remaining > r.Limit {
				t.Errorf("RateLimit is %+v", r)
			}
		}},
		{"Account/ping", func(t *testing.T, w *world, p providers.Provider) {
			if err := p.Ping(context.Background()); err != nil {
				t.Errorf("Ping: %v", fault(t, err))
			}
			if err := p.Ping(canceled()); err == nil {
				t.Error("Ping succeeds though its context is over")
			} else {
				fault(t, err)
			}
		}},
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (c col[T, F]) checks(w *world) []check {
	named := func(name string, run func(*testing.T, *world, providers.Provider)) check {
		return check{string(c.name) + "/" + name, run}
	}
	if !w.has(c.name) {
		return []check{named("unsupported", c.unsupported)}
	}
	checks := []check{
		named("plan", c.planned), named("capabilities", c.capabilities), named("same by id", c.same), named("unknown ids", c.unknown),
		named("few and many ids", c.fewAndMany), named("need", c.need), named("edges", c.edges), named("harvest", c.harvested),
		named("calls", c.calls), named("raw", c.raw), named("canceled", c.canceled), named("concurrent", c.concurrent),
	}
	if c.name == providers.NounCommission && w.has(providers.NounPayout) {
		checks = append(checks, named("of payouts", ofPayouts))
	}
	for _, pa := range c.parents {
		checks = append(checks,
			named("filter/"+pa.name, func(t *testing.T, w *world, p providers.Provider) {
				c.try(t, w, p, probe[T, F]{can: pa.can, filters: func(w *world) []F { return c.parentFilters(w, pa) }})
			}),
			named("filter/"+pa.name+" of nobody", func(t *testing.T, w *world, p providers.Provider) { c.nobody(t, w, p, pa) }))
	}
	for _, pr := range c.probes {
		checks = append(checks, named("filter/"+pr.name, func(t *testing.T, w *world, p providers.Provider) { c.try(t, w, p, pr) }))
	}
	return checks
}

func (c col[T, F]) unsupported(t *testing.T, w *world, p providers.Provider) {
	var empty F
	if _, err := c.plan(p, empty); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("planning: error %v; want one that wraps errors.ErrUnsupported", err)
	} else {
		fault(t, err)
	}
	ids := []providers.ID{{Account: w.account, Noun: c.name, Local: "1"}}
	if _, err := c.byID(p, context.Background(), ids); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("by id: error %v; want one that wraps errors.ErrUnsupported", err)
	} else {
		fault(t, err)
	}
	if slices.Contains(p.Account().Capabilities, c.can) {
		t.Errorf("the account claims %s", c.can)
	}
}

// planned: planning is free, and equal filters plan equal keys.
func (c col[T, F]) planned(t *testing.T, w *world, p providers.Provider) {
	var filters []F
	var empty F
	filters = append(filters, empty, c.every)
	for _, pa := range c.parents {
		filters = append(filters, c.parentFilters(w, pa)...)
	}
	for _, pr := range c.probes {
		filters = append(filters, pr.filters(w)...)
	}
	keys := func(p providers.Provider, f F) (keys []string) {
		lists, err := c.plan(p, f)
		if err != nil {
			return nil // the filter's own check tells
		}
		for _, l := range lists {
			keys = append(keys, l.Key)
		}
		return keys
	}
	before := w.spent(p)
	other := w.New(t)
	for _, f := range filters {
		one, two := keys(p, f), keys(other, f)
		if !slices.Equal(one, two) {
			t.Errorf("%+v plans lists of the keys %q, then %q", f, one, two)
		}
		for i, k := range one {
			if k == "" || regexp.MustCompile(`\S@\S|%40`).MatchString(k) || slices.Contains(one[:i], k) {
				t.Errorf("%+v plans lists of the keys %q; want them set, different, and without e-mail addresses", f, one)
			}
		}
	}
	if n := w.spent(p) - before; n != 0 {
		t.Errorf("planning made %d calls", n)
	}
}

// spent is how many calls a provider made, as far as that can be told.
func (w *world) spent(p providers.Provider) int {
	if w.Calls == nil {
		return 0
	}
	return w.Calls(p)
}

// capabilities: what the account claims of its lists is so.
func (c col[T, F]) capabilities(t *testing.T, w *world, p providers.Provider) {
	has := p.Account().Capabilities
	if !slices.Contains(has, c.can) {
		t.Errorf("the account does not claim %s", c.can)
	}
	if c.count == "" {
		return
	}
	var empty F
	counted := true
	for _, l := range c.mustPlan(t, p, empty) {
		page, err := l.Page(context.Background(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil {
			t.Fatal(fault(t, err))
		}
		counted = counted && l.Exact && (page.Total != nil || l.Count != nil)
	}
	if claims := slices.Contains(has, c.count); claims != counted {
		t.Errorf("the account claims %s: %v; whether its lists are exact and tell their length: %v", c.count, claims, counted)
	}
}

// same: what a list says of a record is what a read by its id says, now and again.
func (c col[T, F]) same(t *testing.T, w *world, p providers.Provider) {
	r := c.rows(w)
	for id, row := range r.base {
		if whole := r.byID[id]; whole != nil {
			if d := Diff(row, whole); d != "" {
				t.Errorf("%+v differs in its list (-) and by its id (+):\n%s", id, d)
			}
		}
	}
	for id, row := range c.read(t, p, spread(r.ids())).Found {
		if d := Diff(row, r.byID[id]); d != "" {
			t.Errorf("%+v differs when read among few (-) and among all (+):\n%s", id, d)
		}
	}
}

func (c col[T, F]) unknown(t *testing.T, w *world, p providers.Provider) {
	own := c.rows(w).ids()[0]
	ids := []providers.ID{
		{},
		{Account: "somebody-elses", Noun: c.name, Local: own.Local},
		{Account: w.account, Noun: providers.NounAccount},
	}
	for _, n := range w.columns {
		if n.noun() != c.name {
			ids = append(ids, providers.ID{Account: w.account, Noun: n.noun(), Local: own.Local})
		}
	}
	for _, local := range []string{"", "0", "-1", "999999999999", "99999999999999999999999", "no-such", "0" + own.Local, own.Local + "~1",
		"no~such", "1~2~3", "../accounts", "a/b?c=d&e#f", "%2e%2e", " ", "é\x00\n", "00000000-0000-4000-8000-000000000000"} {
		ids = append(ids, providers.ID{Account: w.account, Noun: c.name, Local: local})
	}
	b := c.read(t, p, append(slices.Clone(ids), own))
	if len(b.Found) != 1 || b.Found[own] == nil {
		t.Errorf("%d ids that lead nowhere and %+v: found %+v; want only the latter", len(ids), own, slices.Collect(maps.Keys(b.Found)))
	}
	for _, id := range ids {
		if b := c.read(t, p, []providers.ID{id}); len(b.Found) != 0 {
			t.Errorf("%+v leads to a record", id)
		}
	}
}

func (c col[T, F]) fewAndMany(t *testing.T, w *world, p providers.Provider) {
	if b := c.read(t, p, nil); b == nil || len(b.Found) != 0 {
		t.Errorf("no ids: %+v; want an empty batch", b)
	}
	ids := c.rows(w).ids()
	id := ids[len(ids)/2]
	if b := c.read(t, p, []providers.ID{id, id, id}); len(b.Found) != 1 {
		t.Errorf("one id three times: found %d; want 1", len(b.Found))
	}
}

func (c col[T, F]) need(t *testing.T, w *world, p providers.Provider) {
	ids := spread(c.rows(w).ids())
	for _, need := range [][]string{
		{"id"}, {"createdAt", "providerId", "fetchedAt"}, {"email", "name", "status"}, {"parent"}, {"payout"}, nil,
	} {
		found := c.read(t, w.New(t), ids, need...).Found
		if len(found) != len(ids) {
			t.Errorf("read for %q: found %d of %d", need, len(found), len(ids))
		}
		for id, row := range found {
			if d := Diff(row, c.rows(w).byID[id]); d != "" {
				t.Errorf("%+v, read for %q, differs (-) from the whole record (+):\n%s", id, need, d)
			}
		}
	}
	for _, need := range [][]string{{"payout"}, nil} { // now of a provider that may remember
		if found := c.read(t, p, ids, need...).Found; len(found) != len(ids) {
			t.Errorf("read again for %q: found %d of %d", need, len(found), len(ids))
		}
	}
}

// edges: an id in a row leads to a record.
func (c col[T, F]) edges(t *testing.T, w *world, p providers.Provider) {
	named := map[providers.Noun][]providers.ID{}
	for _, row := range c.rows(w).all {
		for _, id := range c.refs(row) {
			if id.Account != w.account {
				t.Errorf("%+v refers to %+v of another account", providers.NodeOf(row).ID, id)
			}
			if !slices.Contains(named[id.Noun], id) {
				named[id.Noun] = append(named[id.Noun], id)
			}
		}
	}
	for _, n := range w.columns {
		if ids := named[n.noun()]; len(ids) > 0 {
			if ids = n.missing(t, w, p, ids); len(ids) > 0 {
				t.Errorf("%d ids that rows refer to lead nowhere, the first is %+v", len(ids), ids[0])
			}
		}
	}
}

// harvested: what came along is what a read by id gives.
func (c col[T, F]) harvested(t *testing.T, w *world, p providers.Provider) {
	seen := map[providers.ID][]*T{}
	for _, row := range c.rows(w).seen {
		node := providers.NodeOf(row)
		c.node(t, w, node)
		seen[node.ID] = append(seen[node.ID], row)
	}
	found := c.read(t, p, slices.Collect(maps.Keys(seen))).Found
	for id, readings := range seen {
		if found[id] == nil {
			t.Errorf("%+v was harvested, but is not found by its id", id)
			continue
		}
		for _, row := range spread(readings) {
			if d := Diff(row, found[id]); d != "" {
				t.Errorf("%+v differs as harvested (-) and by its id (+):\n%s", id, d)
				break
			}
		}
	}
}

// calls: no estimate is below what a cold read takes.
func (c col[T, F]) calls(t *testing.T, w *world, p providers.Provider) {
	edge := c.edge
	if n := p.Calls(edge, providers.RowsOf(0)); n != 0 {
		t.Errorf("Calls(%q, 0) = %d; want 0", edge, n)
	}
	for _, ids := range [][]providers.ID{c.rows(w).ids()[:1], spread(c.rows(w).ids()), c.rows(w).ids()} {
		p := w.New(t)
		estimate, before := p.Calls(edge, providers.RowsOf(len(ids))), w.spent(p)
		if estimate < 0 {
			t.Errorf("Calls(%q, %d) = %d", edge, len(ids), estimate)
		}
		c.read(t, p, ids)
		if n := w.spent(p) - before; n > estimate {
			t.Errorf("reading %d took %d calls; Calls(%q) had said at most %d", len(ids), n, edge, estimate)
		}
	}
}

func (c col[T, F]) raw(t *testing.T, w *world, p providers.Provider) {
	own := c.rows(w).ids()[0]
	raw, err := p.RawRecord(context.Background(), own)
	switch can := slices.Contains(p.Account().Capabilities, providers.ReadRawRecord); {
	case errors.Is(err, errors.ErrUnsupported):
		fault(t, err)
	case err != nil:
		t.Errorf("RawRecord: %v", fault(t, err))
	case !can:
		t.Errorf("RawRecord answers, but the account does not claim %s", providers.ReadRawRecord)
	case json.Unmarshal(raw, &map[string]any{}) != nil:
		t.Errorf("RawRecord is no object: %s", raw)
	}
	for _, id := range []providers.ID{
		{}, {Account: w.account, Noun: c.name, Local: "no-such"}, {Account: "somebody-elses", Noun: c.name, Local: own.Local},
	} {
		_, err := p.RawRecord(context.Background(), id)
		if !errors.Is(err, errors.ErrUnsupported) && providers.KindOf(err) != providers.KindNotFound {
			t.Errorf("RawRecord of %+v, which is not there: error %v; want %s", id, err, providers.KindNotFound)
		}
	}
}

func (c col[T, F]) canceled(t *testing.T, w *world, p providers.Provider) {
	id := c.rows(w).ids()[0]
	if b, err := c.byID(p, canceled(), []providers.ID{id}); err != nil {
		fault(t, err)
	} else if b.Failed[id] == nil {
		t.Error("a read by id succeeds though its context is over")
	} else {
		fault(t, b.Failed[id])
	}
	var empty F
	for _, l := range c.mustPlan(t, p, empty) {
		if _, err := l.Page(canceled(), providers.PageRequest{Number: 1, Reader: p}); err == nil {
			t.Errorf("list %q gives a page though its context is over", l.Key)
		} else {
			fault(t, err)
		}
	}
	if b := c.read(t, p, []providers.ID{id}); b.Found[id] == nil {
		t.Error("after a canceled read the record is gone")
	}
}

func (c col[T, F]) concurrent(t *testing.T, w *world, p providers.Provider) {
	var (
		wg    sync.WaitGroup
		empty F
		ids   = spread(c.rows(w).ids())
	)
	for range 2 {
		wg.Go(func() {
			got := map[providers.ID]bool{}
			lists, err := c.plan(p, empty)
			if err != nil {
				t.Errorf("planning: %v", err)
			}
			for _, l := range lists {
				for row, err := range providers.All(context.Background(), l, p) {
					if err != nil {
						t.Errorf("walking: %v", err)
						return
					}
					got[providers.NodeOf(row).ID] = true
				}
			}
			if len(got) != len(c.rows(w).base) {
				t.Errorf("a walk among others gives %d rows; want %d", len(got), len(c.rows(w).base))
			}
		})
		wg.Go(func() {
			b, err := c.byID(p, context.Background(), ids)
			if err != nil {
				t.Errorf("reading by id: %v", err)
			} else if len(b.Found) != len(ids) {
				t.Errorf("a read among others finds %d; want %d", len(b.Found), len(ids))
			}
		})
	}
	wg.Wait()
}
