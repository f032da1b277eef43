package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// plainHooks read a delivery whose body is the Notice itself.
type plainHooks struct{}

func (plainHooks) Needs(providers.HookSecrets) string { return "" }

func (plainHooks) Subscriptions(providers.HookSecrets) []providers.HookSubscription { return nil }

func (plainHooks) Complete() []providers.Noun { return nil }

func (plainHooks) Verify(d providers.Delivery, s providers.HookSecrets) error {
	if !slices.Contains(s.Values, d.Header.Get(s.Header)) {
		return fmt.Errorf("%w: the header is wrong", providers.ErrUnverified)
	}
	return nil
}

func (plainHooks) Read(d providers.Delivery) (n providers.Notice, err error) {
	return n, json.Unmarshal(d.Body, &n)
}

// world is an intake of one account.
type world struct {
	*testing.T
	fake    *providertest.Fake
	cache   *cache.Cache
	log     *stoppable
	intake  *intake.Intake
	logged  strings.Builder
	clock   time.Time
	mu      sync.Mutex
	counted map[intake.Outcome]int
	begin   events.Position // of the log
	told    func(context.Context) error
}

// stoppable is a log that may fail.
type stoppable struct {
	events.Log
	err    error
	before func() // each Append
}

func (s *stoppable) Append(ctx context.Context, once events.Once, e ...events.Event) (bool, error) {
	if s.before != nil {
		s.before()
	}
	if s.err != nil {
		return false, s.err
	}
	return s.Log.Append(ctx, once, e...)
}

func newWorld(t *testing.T, o providertest.Options) *world {
	w := &world{T: t, clock: now, counted: map[intake.Outcome]int{}, told: func(context.Context) error { return nil }}
	tick := func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.clock }
	o.Now = tick
	w.fake = providertest.NewFake("a-1", o)
	w.cache = cache.Wrap(w.fake, cache.NewMemory(1<<20, tick), cache.Options{Now: tick})
	w.log = &stoppable{Log: events.NewMemory(events.Limits{}, tick)}
	w.intake = intake.New(intake.Options{
		Accounts: []intake.Account{
			{Cache: w.cache, Hooks: plainHooks{}, Tokens: []string{"old-token", "new-token"},
				Secrets: providers.HookSecrets{Header: "X-Token", Values: []string{"good"}}},
			{Cache: cache.Wrap(providertest.NewFake("silent", o), cache.NewMemory(1<<20, tick), cache.Options{})},
		},
		Log: w.log, Told: func(ctx context.Context) error { return w.told(ctx) }, Now: tick, Logger: slog.New(slog.NewTextHandler(&w.logged, nil)),
		Observe: func(account string, outcome intake.Outcome) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counted[outcome]++
		},
	})
	w.begin = must(w.log.Last(t.Context()))
	return w
}

// deliver sends a notice.
func (w *world) deliver(n providers.Notice) error {
	w.Helper()
	body, err := json.Marshal(n)
	if err != nil {
		w.Fatal(err)
	}
	return w.intake.Receive(w.Context(), "a-1", providers.Delivery{Header: map[string][]string{"X-Token": {"good"}}, Body: body})
}

// events are those in the log, without their times.
func (w *world) events() (all []events.Event) {
	w.Helper()
	after := w.begin
	for {
		entries, err := w.log.Read(w.Context(), after, 100)
		if err != nil {
			w.Fatal(err)
		}
		if len(entries) == 0 {
			return all
		}
		for _, e := range entries {
			e.At = time.Time{}
			all, after = append(all, e.Event), e.Position
		}
	}
}

// first is a record of each kind that the fake has.
func first[T providers.Record](w *world, lists []providers.List[T], err error) *T {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	page, err := lists[0].Page(w.Context(), providers.PageRequest{Number: 1, Reader: w.cache})
	if err != nil || len(page.Items) == 0 {
		w.Fatalf("no rows: %v", err)
	}
	return page.Items[0]
}

func (w *world) commission() *providers.Commission {
	lists, err := w.fake.Commissions(providers.CommissionFilter{})
	return first(w, lists, err)
}

// TestKnown wants each token of an account good, and nothing else.
func TestKnown(t *testing.T) {
	w := newWorld(t, providertest.Options{})
	for _, tt := range []struct {
		account, token string
		want           bool
	}{
		{"a-1", "old-token", true}, {"a-1", "new-token", true}, {"a-1", "new-toke", false}, {"a-1", "", false},
		{"silent", "old-token", false}, {"silent", "", false}, {"none", "old-token", false}, {"", "", false},
	} {
		if got := w.intake.Known(tt.account, tt.token); got != tt.want {
			t.Errorf("%s, %q: %t", tt.account, tt.token, got)
		}
	}
}

// TestReceive wants a delivery in the log once, and told otherwise where it is not.
func TestReceive(t *testing.T) {
	w := newWorld(t, providertest.Options{})
	c := w.commission()
	updated := providers.Notice{Event: "commission.updated", ID: "event-1",
		Changes: []providers.Change{{ID: c.ID, Kind: providers.Updated, Affiliate: c.AffiliateID}}}
	want := []events.Event{{Record: c.ID, Kind: providers.Updated, Owner: c.AffiliateID, Source: events.Webhook}}
	for range 3 { // and twice more by the vendor
		if err := w.deliver(updated); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := w.deliver(providers.Notice{Event: "dance", Ignored: "an event that is not known"}); err != nil {
			t.Fatal(err)
		}
	}
	bad := providers.Delivery{Header: map[string][]string{"X-Token": {"bad"}}, Body: []byte("{}")}
	if err := w.intake.Receive(t.Context(), "a-1", bad); !errors.Is(err, providers.ErrUnverified) {
		t.Errorf("unverified: %v", err)
	}
	bad.Header, bad.Body = map[string][]string{"X-Token": {"good"}}, []byte("{")
	if err := w.intake.Receive(t.Context(), "a-1", bad); !errors.Is(err, intake.ErrUnreadable) {
		t.Errorf("unreadable: %v", err)
	}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
	outcomes := map[intake.Outcome]int{intake.Recorded: 1, intake.Repeated: 2, intake.Ignored: 2, intake.Unverified: 1, intake.Unreadable: 1}
	if diff := cmp.Diff(outcomes, w.counted); diff != "" {
		t.Errorf("outcomes (-want +got)\n%s", diff)
	}
	if n := strings.Count(w.logged.String(), "deliveries of this event change nothing"); n != 1 {
		t.Errorf("an unknown event is logged %d times:\n%s", n, w.logged.String())
	}
}

// TestRepeats: what is a repetition, by the vendor's id, by the body, and for a record that
// is created, told by our own write and by the vendor.
func TestRepeats(t *testing.T) {
	w := newWorld(t, providertest.Options{})
	c := w.commission()
	change := func(kind providers.ChangeKind) []providers.Change {
		return []providers.Change{{ID: c.ID, Kind: kind, Affiliate: c.AffiliateID}}
	}
	count := func(name string, want int, n providers.Notice) {
		t.Helper()
		before := len(w.events())
		if err := w.deliver(n); err != nil {
			t.Fatal(err)
		}
		if got := len(w.events()) - before; got != want {
			t.Errorf("%s: %d events more, want %d", name, got, want)
		}
	}
	count("an id", 1, providers.Notice{ID: "1", Changes: change(providers.Updated)})
	count("another id", 1, providers.Notice{ID: "2", Changes: change(providers.Updated)})
	w.clock = w.clock.Add(17 * time.Hour)
	count("the first id, 17 hours later", 0, providers.Notice{ID: "1", Changes: change(providers.Updated)})
	count("no id", 1, providers.Notice{Changes: change(providers.Updated)})
	w.clock = w.clock.Add(9 * time.Minute)
	count("the same body, minutes later", 0, providers.Notice{Changes: change(providers.Updated)})
	w.clock = w.clock.Add(2 * time.Minute)
	count("the same body, later still", 1, providers.Notice{Changes: change(providers.Updated)})
	count("created", 1, providers.Notice{ID: "3", Changes: change(providers.Created)})
	count("created, told again", 0, providers.Notice{ID: "4", Changes: change(providers.Created)})

	r := first(w, must(w.fake.Referrals(providers.ReferralFilter{})), nil)
	w.intake.Wrote(t.Context(), &providers.CreateReferralInput{IdempotencyKey: "k"}, &providers.Written{ID: r.ID})
	count("created by us, told by the vendor", 0, providers.Notice{ID: "5",
		Changes: []providers.Change{{ID: r.ID, Kind: providers.Created, Affiliate: r.AffiliateID}}})
	last := w.events()[len(w.events())-1]
	if diff := cmp.Diff(events.Event{Record: r.ID, Kind: providers.Created, Owner: r.AffiliateID, Source: events.Write}, last); diff != "" {
		t.Errorf("our own write (-want +got)\n%s", diff)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestInvalidates wants everything that a change makes stale forgotten before its event is
// in the log, and nothing else.
func TestInvalidates(t *testing.T) {
	w := newWorld(t, providertest.Options{Stubs: true})
	c := w.commission()
	read := func() (ops []string) {
		before := w.fake.Spent()
		must(must(w.cache.Commissions(providers.CommissionFilter{}))[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: w.cache}))
		must(must(w.cache.Campaigns(providers.CampaignFilter{}))[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: w.cache}))
		must(w.cache.AffiliatesByID(t.Context(), []providers.ID{c.AffiliateID}))
		return w.fake.Ops()[before:]
	}
	read()
	if again := read(); len(again) != 0 {
		t.Fatalf("read again: %v", again)
	}
	var seen []string
	w.log.before = func() { seen = read() } // what whoever hears of the event reads
	if err := w.deliver(providers.Notice{ID: "1", Changes: []providers.Change{{ID: c.ID, Kind: providers.Updated, Affiliate: c.AffiliateID,
		StaleLists: []providers.Noun{providers.NounCommission}}}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Commissions page 1", "AffiliatesByID 1"}, seen); diff != "" {
		t.Errorf("read after the event (-want +got)\n%s", diff)
	}
}

// TestOwners: whose record it was is known by the delivery, by what was cached, or by asking
// the vendor; and where the vendor does not answer, the delivery has to come again.
func TestOwners(t *testing.T) {
	ctx := t.Context()
	notice := func(id string, c providers.Change) providers.Notice {
		return providers.Notice{ID: id, Changes: []providers.Change{c}}
	}
	t.Run("by the delivery", func(t *testing.T) {
		w := newWorld(t, providertest.Options{})
		c := w.commission()
		other := providers.ID{Account: "a-1", Noun: providers.NounAffiliate, Local: "other"}
		w.expect(notice("1", providers.Change{ID: c.ID, Kind: providers.Updated, Affiliate: other}), other, 0)
	})
	t.Run("by the cache", func(t *testing.T) {
		w := newWorld(t, providertest.Options{})
		c := w.commission()
		must(w.cache.CommissionsByID(ctx, []providers.ID{c.ID}))
		w.expect(notice("1", providers.Change{ID: c.ID, Kind: providers.Deleted}), c.AffiliateID, 0)
	})
	t.Run("by the vendor", func(t *testing.T) {
		w := newWorld(t, providertest.Options{})
		c := w.commission()
		w.expect(notice("1", providers.Change{ID: c.ID, Kind: providers.Created}), c.AffiliateID, 1)
	})
	t.Run("a record that is gone", func(t *testing.T) {
		w := newWorld(t, providertest.Options{})
		c := w.commission()
		w.fake.Remove(c.ID)
		w.expect(notice("1", providers.Change{ID: c.ID, Kind: providers.Updated}), providers.ID{}, 1)
		w.expect(notice("2", providers.Change{ID: c.ID, Kind: providers.Deleted}), providers.ID{}, 0)
	})
	t.Run("nobody's", func(t *testing.T) {
		w := newWorld(t, providertest.Options{})
		campaign := first(w, must(w.fake.Campaigns(providers.CampaignFilter{})), nil)
		w.expect(notice("1", providers.Change{ID: campaign.ID, Kind: providers.Updated}), providers.ID{}, 0)
	})
	t.Run("an error that stays", func(t *testing.T) {
		w := newWorld(t, providertest.Options{})
		c := w.commission()
		w.fake.Fail(&providers.Error{Kind: providers.KindBadReply}, c.ID)
		w.expect(notice("1", providers.Change{ID: c.ID, Kind: providers.Updated}), providers.ID{}, 1)
	})
	t.Run("an error that passes", func(t *testing.T) {
		w := newWorld(t, providertest.Options{})
		c := w.commission()
		n := notice("1", providers.Change{ID: c.ID, Kind: providers.Updated})
		w.fake.Fail(&providers.Error{Kind: providers.KindUnavailable}, c.ID)
		if err := w.deliver(n); err == nil || len(w.events()) != 0 || w.counted[intake.Refused] != 1 {
			t.Fatalf("%v, %d events, %v", err, len(w.events()), w.counted)
		}
		w.fake.Fail(nil, c.ID)
		w.expect(n, c.AffiliateID, 1)
	})
}

// expect delivers a notice of one change, and wants an event with this owner for so many calls.
func (w *world) expect(n providers.Notice, owner providers.ID, calls int) {
	w.Helper()
	spent, before := w.fake.Spent(), len(w.events())
	if err := w.deliver(n); err != nil {
		w.Fatal(err)
	}
	all := w.events()
	if len(all) != before+1 || all[before].Owner != owner {
		w.Errorf("events %+v, want one more, of %v", all, owner)
	}
	if got := w.fake.Spent() - spent; got != calls {
		w.Errorf("%d calls, want %d", got, calls)
	}
}

// TestOwnersTogether wants the deliveries that come while the vendor is asked answered by
// one more call.
func TestOwnersTogether(t *testing.T) {
	began, release := make(chan struct{}, 10), make(chan struct{})
	w := newWorld(t, providertest.Options{Before: func(_ context.Context, op string) error {
		if strings.HasPrefix(op, "CommissionsByID") {
			began <- struct{}{}
			<-release
		}
		return nil
	}})
	page := must(must(w.fake.Commissions(providers.CommissionFilter{}))[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: w.cache})).Items
	if len(page) < 5 {
		t.Fatalf("%d commissions", len(page))
	}
	var sent sync.WaitGroup
	send := func(c *providers.Commission) {
		sent.Go(func() {
			if err := w.deliver(providers.Notice{ID: c.ID.Local, Changes: []providers.Change{{ID: c.ID, Kind: providers.Created}}}); err != nil {
				t.Error(err)
			}
		})
	}
	spent := w.fake.Spent()
	send(page[0])
	<-began
	for _, c := range page[1:5] {
		send(c)
	}
	w.intake.AwaitSearches("a-1", 4)
	close(release)
	sent.Wait()
	if got := w.fake.Spent() - spent; got != 2 {
		t.Errorf("%d calls for 5 deliveries, want 2: %v", got, w.fake.Ops()[spent:])
	}
	if got := len(w.events()); got != 5 {
		t.Errorf("%d events, want 5", got)
	}
}

// TestLogAway wants a delivery refused while the log cannot be reached, and whole when it
// comes again, also where the log failed between its changes; and a write tried again.
func TestLogAway(t *testing.T) {
	w := newWorld(t, providertest.Options{})
	c := w.commission()
	n := providers.Notice{ID: "1", Changes: []providers.Change{
		{ID: c.ID, Kind: providers.Updated, Affiliate: c.AffiliateID}, {ID: c.AffiliateID, Kind: providers.Updated},
	}}
	w.log.err = errors.New("the log is away")
	if err := w.deliver(n); err == nil {
		t.Fatal("acknowledged")
	}
	w.log.err = nil
	appends := 0
	w.log.before = func() {
		if appends++; appends == 2 {
			w.log.err = errors.New("the log is away")
		}
	}
	if err := w.deliver(n); err == nil || len(w.events()) != 1 {
		t.Fatalf("acknowledged, or %d events", len(w.events()))
	}
	w.log.err, w.log.before = nil, nil
	for range 2 {
		if err := w.deliver(n); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.events()); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	w.log.err, appends = errors.New("the log is away"), 0
	w.log.before = func() {
		if appends++; appends == 3 {
			w.log.err = nil
		}
	}
	w.intake.Wrote(t.Context(), &providers.CreateReferralInput{IdempotencyKey: "j"}, &providers.Written{ID: c.AffiliateID})
	if got := len(w.events()); got != 3 {
		t.Errorf("a write while the log is away for a moment: %d events, want 3", got)
	}
	w.log.err, w.log.before = errors.New("the log is away"), nil
	w.intake.SetWriteTime(time.Millisecond)
	w.intake.Wrote(t.Context(), &providers.CreateReferralInput{IdempotencyKey: "k"}, &providers.Written{ID: c.ID})
	if !strings.Contains(w.logged.String(), "subscribers are not told") {
		t.Errorf("nothing is logged: %s", w.logged.String())
	}
}

// TestTold wants no event in the log before all replicas know what has changed; but where
// they cannot be told for long, and not where whoever waits goes away.
func TestTold(t *testing.T) {
	for name, tell := range map[string]func(w *world, id string) error{
		"a delivery": func(w *world, id string) error {
			c := w.commission()
			return w.deliver(providers.Notice{ID: id, Changes: []providers.Change{{ID: c.ID, Kind: providers.Updated, Affiliate: c.AffiliateID}}})
		},
		"a write": func(w *world, id string) error {
			w.intake.Wrote(w.Context(), &providers.UpdateReferralInput{IdempotencyKey: id}, &providers.Written{ID: w.commission().ID})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, providertest.Options{})
			asked := 0
			w.told = func(context.Context) error {
				if asked++; len(w.events()) != 0 {
					t.Error("the event was there before the replicas were told")
				}
				return nil
			}
			if err := tell(w, "1"); err != nil || asked != 1 || len(w.events()) != 1 {
				t.Errorf("%v, asked %d times, %d events", err, asked, len(w.events()))
			}
			w.told = func(context.Context) error { return context.DeadlineExceeded } // its own
			if err := tell(w, "2"); err != nil || len(w.events()) != 2 || !strings.Contains(w.logged.String(), "may show what was before it") {
				t.Errorf("not told for long: %v, %d events, %s", err, len(w.events()), &w.logged)
			}
		})
	}
	w := newWorld(t, providertest.Options{})
	c := w.commission()
	ctx, cancel := context.WithCancel(t.Context())
	w.told = func(ctx context.Context) error { cancel(); return ctx.Err() }
	body := must(json.Marshal(providers.Notice{ID: "1", Changes: []providers.Change{{ID: c.ID, Kind: providers.Updated, Affiliate: c.AffiliateID}}}))
	err := w.intake.Receive(ctx, "a-1", providers.Delivery{Header: map[string][]string{"X-Token": {"good"}}, Body: body})
	if !errors.Is(err, context.Canceled) || len(w.events()) != 0 {
		t.Errorf("gone: %v, %d events", err, len(w.events()))
	}
}

// TestUnnamedRecord wants the lists forgotten of a noun with a change whose record the
// delivery does not name.
func TestUnnamedRecord(t *testing.T) {
	w := newWorld(t, providertest.Options{})
	read := func() int {
		before := w.fake.Spent()
		must(must(w.cache.Commissions(providers.CommissionFilter{}))[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: w.cache}))
		return w.fake.Spent() - before
	}
	read()
	if err := w.deliver(providers.Notice{ID: "1", StaleLists: []providers.Noun{providers.NounCommission}}); err != nil {
		t.Fatal(err)
	}
	if calls := read(); calls != 1 || len(w.events()) != 0 || w.counted[intake.Recorded] != 1 {
		t.Errorf("%d calls, %d events, %v; want 1 call, no event", calls, len(w.events()), w.counted)
	}
}

// TestFound wants what a sweep has found told once, a creation that was told already as an
// update, and forgotten by the cache.
func TestFound(t *testing.T) {
	w := newWorld(t, providertest.Options{})
	c := w.commission()
	find := func(key string, kind providers.ChangeKind) {
		t.Helper()
		change := providers.Change{ID: c.ID, Kind: kind, Affiliate: c.AffiliateID, StaleLists: []providers.Noun{providers.NounCommission}}
		if err := w.intake.Found(t.Context(), "a-1", []intake.Finding{{Change: change, Key: key}}); err != nil {
			t.Fatal(err)
		}
	}
	read := func() {
		t.Helper()
		if _, err := w.cache.CommissionsByID(t.Context(), []providers.ID{c.ID}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	before := w.fake.Spent()
	find("1", providers.Created)
	read()
	if w.fake.Spent() == before {
		t.Error("the record is still in the cache")
	}
	for _, key := range []string{"1", "1", "2"} {
		find(key, providers.Created)
	}
	find("3", providers.Updated)
	find("3", providers.Updated)
	event := events.Event{Record: c.ID, Kind: providers.Created, Owner: c.AffiliateID, Source: events.Sweep}
	updated := event
	updated.Kind = providers.Updated
	if d := cmp.Diff([]events.Event{event, updated, updated, updated}, w.events()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
