package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

const (
	hookToken   = "0123456789abcdef0123456789abcdef"
	formerToken = "fedcba9876543210fedcba9876543210"
	hookHost    = "https://graph.example.com"
)

// synced is an account at a simulated vendor whose webhooks are synchronized.
type synced struct {
	*testing.T
	name   string
	sim    providers.Simulator
	kit    *sandbox.Kit
	vendor providers.Provider
	base   string
	before func(*http.Request) // is called before each call to the vendor; nil: nothing is
	config string
}

// newSynced starts a vendor; webhooks are the account's settings as YAML.
func newSynced(t *testing.T, name, webhooks string) *synced {
	t.Helper()
	f, _ := all.Registry().Factory(name)
	var ticks atomic.Int64
	began := time.Now()
	s := &synced{T: t, name: name}
	s.sim = f.Sandbox(providers.SandboxOptions{
		Size: providers.SandboxSmall, Seed: 1, // every look at the clock is a second later, so that the vendor's own limit never counts
		Now: func() time.Time { return began.Add(time.Duration(ticks.Add(1)) * time.Second) },
	})
	s.kit = s.sim.(interface{ Kit() *sandbox.Kit }).Kit()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := s.before; before != nil {
			before(r)
		}
		s.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.base = server.URL
	var err error
	s.vendor, err = f.New(providers.Config{
		Account: name, Currency: s.sim.Currency(), BaseURL: server.URL, Credentials: s.sim.Credentials(), Timeout: 10 * time.Second,
		HTTP: server.Client(), Logger: slog.New(slog.DiscardHandler), Budget: budget.New(100_000, time.Minute, time.Now), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.config = write(t, s.text(webhooks))
	return s
}

// text is a configuration of the account.
func (s *synced) text(webhooks string) string {
	credentials := ""
	for name, value := range s.sim.Credentials() {
		credentials += fmt.Sprintf(" %s: %q,", name, value)
	}
	if webhooks != "" {
		webhooks = ", webhooks: " + webhooks
	}
	return fmt.Sprintf("accounts:\n  - { id: %s, provider: %s, currency: %s, base_url: %q, rate_limit: { requests: 100000, per: 1m }, credentials: {%s }%s }\n"+
		"writes: { settle: 1s }\n", s.name, s.name, s.sim.Currency(), s.base, credentials, webhooks)
}

// sync runs the command, and answers what it prints.
func (s *synced) sync(flags ...string) (string, error) { return s.syncIn(s.Context(), flags...) }

func (s *synced) syncIn(ctx context.Context, flags ...string) (string, error) {
	var out, failures bytes.Buffer
	err := run(ctx, append([]string{"webhooks", "sync", "--public-url", hookHost, "--config", s.config}, flags...), noEnv, &out, &failures)
	if text := out.String() + failures.String() + fmt.Sprint(err); s.name != "promotekit" && (strings.Contains(text, hookToken) || strings.Contains(text, formerToken)) {
		s.Errorf("a path token is shown: %s", text)
	}
	return out.String(), err
}

// runs wants a run to succeed, or to fail, and to print these texts.
func (s *synced) runs(ok bool, wants ...string) (out string) {
	s.Helper()
	out, err := s.sync()
	if (err == nil) != ok {
		s.Errorf("%s: %v\n%s", s.name, err, out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			s.Errorf("%s: %q is not in:\n%s", s.name, want, out)
		}
	}
	return out
}

// rows are the subscriptions at the vendor: addresses with the number of events, sorted.
func (s *synced) rows() (texts []string) {
	s.Helper()
	rows, err := subscriptionsOf(s.Context(), s.vendor)
	if err != nil {
		s.Fatal(err)
	}
	for _, row := range rows {
		texts = append(texts, fmt.Sprintf("%s %d %t", row.TargetURL, len(row.Events), row.Active != nil && *row.Active))
	}
	slices.Sort(texts)
	return texts
}

// does makes a write at the vendor.
func (s *synced) does(c providers.Command) *providers.Written {
	s.Helper()
	w, err := s.vendor.Plan(s.Context(), c)
	if err != nil {
		s.Fatal(err)
	}
	written, err := w.Send(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return written
}

// there has the vendor send events to an address.
func (s *synced) there(address string, events ...string) *providers.Written {
	s.Helper()
	return s.does(&providers.CreateWebhookSubscriptionInput{TargetURL: address, Events: events})
}

// free deletes the subscriptions that the vendor's world begins with.
func (s *synced) free() {
	s.Helper()
	rows, err := subscriptionsOf(s.Context(), s.vendor)
	if err != nil {
		s.Fatal(err)
	}
	for _, row := range rows {
		s.does(&providers.DeleteWebhookSubscriptionInput{ID: row.ID})
	}
	s.kit.Forget()
}

// writes are the methods of the calls that changed something, or tried to.
func (s *synced) writes() (methods []string) {
	for _, r := range s.kit.Requests() {
		if r.Method != http.MethodGet {
			methods = append(methods, r.Method)
		}
	}
	return methods
}

var syncedVendors = []string{"firstpromoter", "uppromote"}

// hookEventsOf are the events of an account at a vendor.
func hookEventsOf(t *testing.T, vendor string) (events []string) {
	f, _ := all.Registry().Factory(vendor)
	for _, want := range f.Hooks(providers.HookOptions{Account: vendor, Now: time.Now}).Subscriptions(providers.HookSecrets{}) {
		events = append(events, want.Events...)
	}
	if len(events) < 5 {
		t.Fatalf("%s: the events are %v", vendor, events)
	}
	return events
}

// at is the address of an account's deliveries with this token.
func at(vendor, token string) string { return hookHost + "/webhooks/" + vendor + "/" + token }
