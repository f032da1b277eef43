package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestWebhooksSync wants the subscriptions created, their secrets shown once, and nothing
// changed by a second run or by a dry one. Those of others stay.
func TestWebhooksSync(t *testing.T) {
	for _, vendor := range syncedVendors {
		s := newSynced(t, vendor, "{ path_tokens: ["+hookToken+", "+formerToken+"] }")
		before := s.rows()
		if out, _ := s.sync("--dry-run"); len(s.writes()) > 0 || !strings.Contains(out, "would be created") {
			t.Errorf("%s: a dry run wrote %v, and printed\n%s", vendor, s.writes(), out)
		}
		if diff := cmp.Diff(before, s.rows()); diff != "" {
			t.Errorf("%s: %s", vendor, diff)
		}
		if vendor == "uppromote" { // which has one subscription for each event
			out := s.runs(false, "referral.new: FAILED", "which is left alone", "referral.approved: created")
			if strings.Contains(out, "/hooks/") {
				t.Errorf("somebody else's address is shown:\n%s", out)
			}
			for _, row := range before {
				if !slices.Contains(s.rows(), row) {
					t.Errorf("%s was changed", row)
				}
			}
			s.free()
			before = nil
		}
		out := s.runs(true, "created", "new signing secret, shown this once: ")
		added := slices.DeleteFunc(s.rows(), func(row string) bool { return slices.Contains(before, row) })
		want := []string{at(vendor, hookToken) + " 45 true"}
		if vendor == "uppromote" {
			want = nil
			for _, event := range hookEventsOf(t, vendor) {
				want = append(want, at(vendor, hookToken)+"/"+event+" 1 true")
			}
		}
		if diff := cmp.Diff(want, added); diff != "" || len(s.rows()) != len(before)+len(want) {
			t.Errorf("%s: %s", vendor, diff)
		}
		secrets := regexp.MustCompile(`this once: (\S+)`).FindAllStringSubmatch(out, -1)
		if len(secrets) != len(want) {
			t.Errorf("%s: %d secrets are shown:\n%s", vendor, len(secrets), out)
		}
		s.kit.Forget()
		again := s.runs(true, fmt.Sprintf("nothing to change: %d of %d subscriptions", len(want), len(want)), "all deliveries are refused, ")
		if len(s.writes()) > 0 || strings.Count(again, "\n") != 2 || strings.Contains(again, secrets[0][1]) {
			t.Errorf("%s: a second run makes %v, and prints\n%s", vendor, s.writes(), again)
		}
	}
}

// TestWebhooksSyncByHand wants to be told what to enter at a vendor without an API for it, and
// accounts without a token left out.
func TestWebhooksSyncByHand(t *testing.T) {
	s := newSynced(t, "promotekit", "{ path_tokens: ["+hookToken+"] }")
	s.runs(true, at("promotekit", hookToken)+" for affiliate.approved, ", "Settings → Webhooks → Add Endpoint")
	if made := s.kit.Requests(); len(made) > 0 {
		t.Errorf("calls are made: %v", made)
	}
	s = newSynced(t, "firstpromoter", "")
	if out, err := s.sync(); err == nil || !strings.Contains(err.Error(), "no account of") || !strings.Contains(out, "openssl rand") || len(s.kit.Requests()) > 0 {
		t.Errorf("no token: %v\n%s", err, out)
	}
}

// TestWebhooksSyncRepairs wants what is there of the account's own put right, once.
func TestWebhooksSyncRepairs(t *testing.T) {
	events := hookEventsOf(t, "firstpromoter")
	off := func(s *synced, w *providers.Written) {
		s.does(&providers.UpdateWebhookSubscriptionInput{ID: w.ID, Active: new(false)})
	}
	for _, tt := range []struct {
		name, vendor string
		there        func(s *synced)
		want         string // is printed; "" where nothing is to do
		rows         []string
	}{
		{"a former token", "firstpromoter", func(s *synced) { s.there(at(s.name, formerToken), events...) }, "repaired: its address", nil},
		{"a removed token", "firstpromoter", func(s *synced) { s.there(at(s.name, "gone"), events...) }, "repaired: its address", nil},
		{"too few events", "firstpromoter", func(s *synced) { s.there(at(s.name, hookToken), "Referral.created", "x.y") }, "repaired: its events",
			[]string{at("firstpromoter", hookToken) + " 46 true"}},
		{"switched off", "firstpromoter", func(s *synced) { off(s, s.there(at(s.name, hookToken), events...)) }, "repaired: it is switched off", nil},
		{"everything", "firstpromoter", func(s *synced) { off(s, s.there(at(s.name, "x"), "x.y")) }, "repaired: its address, its events, it is switched off",
			[]string{at("firstpromoter", hookToken) + " 46 true"}},
		{"another spelling", "firstpromoter", func(s *synced) {
			s.there("https://GRAPH.example.com:443/webhooks/firstpromoter/"+hookToken+"/?a=b", append([]string{"new.event"}, events...)...)
		}, "", []string{"https://GRAPH.example.com:443/webhooks/firstpromoter/" + hookToken + "/?a=b 46 true"}},
		{"another account's", "firstpromoter", func(s *synced) { s.there(at("firstpromoter-2", hookToken), events...) }, "created",
			[]string{at("firstpromoter-2", hookToken) + " 45 true", at("firstpromoter", hookToken) + " 45 true"}},
		{"two", "firstpromoter", func(s *synced) {
			s.there(at(s.name, hookToken), "x.y")
			s.there(at(s.name, hookToken), events...)
		}, "there is one more to this address", []string{at("firstpromoter", hookToken) + " 1 true", at("firstpromoter", hookToken) + " 45 true"}},
		{"another event's address", "uppromote", func(s *synced) { s.there(at(s.name, hookToken)+"/affiliate.new", "referral.new") },
			"referral.new: repaired: its address", nil},
		{"a slash at the end", "uppromote", func(s *synced) { s.there(at(s.name, hookToken)+"/referral.new/", "referral.new") },
			"referral.new: repaired: its address", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynced(t, tt.vendor, "{ path_tokens: ["+hookToken+", "+formerToken+"] }")
			s.free()
			if tt.there(s); tt.vendor == "uppromote" {
				for _, event := range hookEventsOf(t, tt.vendor)[1:] {
					if event != "referral.new" {
						s.there(at(s.name, hookToken)+"/"+event, event)
					}
				}
				s.there(at(s.name, hookToken)+"/affiliate.approved", "affiliate.approved")
				for _, event := range hookEventsOf(t, tt.vendor) {
					tt.rows = append(tt.rows, at(s.name, hookToken)+"/"+event+" 1 true")
				}
			}
			if tt.rows == nil {
				tt.rows = []string{at(s.name, hookToken) + " 45 true"}
			}
			s.kit.Forget()
			writes := 1
			if tt.want == "" || tt.name == "two" {
				writes = 0
			}
			if s.runs(true, tt.want); len(s.writes()) != writes {
				t.Errorf("the first run makes %v", s.writes())
			}
			s.runs(true, "nothing to change")
			if diff := cmp.Diff(tt.rows, s.rows()); diff != "" || len(s.writes()) != writes {
				t.Errorf("%v %s", s.writes(), diff)
			}
		})
	}
}

// TestWebhooksSyncFaults wants one subscription of each kind in the end, whatever became of
// the vendor's answers, and no write made again that may have been done.
func TestWebhooksSyncFaults(t *testing.T) {
	wait := http.Header{"Retry-After": {"1"}, "Content-Type": {"application/json"}}
	for _, tt := range []struct {
		name  string
		fault sandbox.Fault
		want  string
		posts int // that reached the vendor, beyond those of a run without a fault
	}{
		{"lost, done", sandbox.Fault{After: true}, "no signing secret came", 0},
		{"lost, not done", sandbox.Fault{}, "waiting", 1},
		{"500, done", sandbox.Fault{Status: 500, After: true}, "no signing secret came", 0},
		{"too many calls", sandbox.Fault{Status: 429, Header: wait, Body: `{"status":429,"message":"Too Many Requests","code":"rate_limited"}`}, "waiting", 1},
	} {
		for _, vendor := range syncedVendors {
			t.Run(tt.name+" at "+vendor, func(t *testing.T) {
				t.Parallel()
				s := newSynced(t, vendor, "{ path_tokens: ["+hookToken+"] }")
				s.free()
				hit := false
				s.kit.Choose(func(r *http.Request) (sandbox.Fault, bool) {
					if hit || r.Method != http.MethodPost {
						return sandbox.Fault{}, false
					}
					hit = true
					return tt.fault, true
				})
				s.runs(true, tt.want)
				wants := len(s.rows())
				if all := map[string]int{"firstpromoter": 1, "uppromote": 9}[vendor]; wants != all || len(s.writes()) != all+tt.posts {
					t.Errorf("%d subscriptions, by %v", wants, s.writes())
				}
				s.runs(true, "nothing to change")
			})
		}
	}
}

// TestWebhooksSyncTwice wants two runs at once, and a run after one that died in the middle,
// to leave no doubles.
func TestWebhooksSyncTwice(t *testing.T) {
	for _, vendor := range syncedVendors {
		s := newSynced(t, vendor, "{ path_tokens: ["+hookToken+"] }")
		s.free()
		other := ""
		s.before = func(r *http.Request) {
			if r.Method == http.MethodPost { // the other machine does all its work while this write is on its way
				s.before = nil
				other = s.runs(true, "created", "shown this once")
			}
		}
		out := s.runs(true, map[string]string{"firstpromoter": "deleted, as another run", "uppromote": "is there now"}[vendor])
		if n := len(s.rows()); other == "" || n != map[string]int{"firstpromoter": 1, "uppromote": 9}[vendor] {
			t.Errorf("%s: %d subscriptions", vendor, n)
		}
		if strings.Contains(out, "shown this once") {
			t.Errorf("%s: a secret of nothing is shown:\n%s", vendor, out)
		}

		s.free()
		ctx, die := context.WithCancel(t.Context())
		s.kit.Choose(func(r *http.Request) (sandbox.Fault, bool) {
			if r.Method == http.MethodPost {
				die()
			}
			return sandbox.Fault{After: true}, ctx.Err() != nil
		})
		if out, err := s.syncIn(ctx); err == nil {
			t.Errorf("%s: the run that died succeeded:\n%s", vendor, out)
		}
		s.kit.Choose(nil)
		s.runs(true, "all deliveries are refused")
		if n := len(s.rows()); n != map[string]int{"firstpromoter": 1, "uppromote": 9}[vendor] {
			t.Errorf("%s: %d subscriptions after a run that died", vendor, n)
		}
	}
}

// TestWebhooksSyncRefused wants refusals and replies that cannot be understood told, and
// nothing done on a guess.
func TestWebhooksSyncRefused(t *testing.T) {
	refuse := func(method string, f sandbox.Fault) func(r *http.Request) (sandbox.Fault, bool) {
		return func(r *http.Request) (sandbox.Fault, bool) { return f, r.Method == method }
	}
	inJSON := http.Header{"Content-Type": {"application/json"}}
	limit := sandbox.Fault{Status: 422, Header: inJSON, Body: `{"status":422,"message":"no more than 1","code":"invalid_params","errors":{"event":["limit reached"]}}`}
	forbidden := sandbox.Fault{Status: 403, Header: inJSON, Body: `{"status":403,"message":"not for ` + at("x", hookToken) + `","code":"forbidden"}`}
	unreadable := sandbox.Fault{Edit: func(body []byte) []byte {
		return []byte(strings.NewReplacer(`"id":`, `"no":`, `"event":`, `"no":`).Replace(string(body)))
	}}
	asleep := sandbox.Fault{Edit: func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(`"active"`), []byte(`"inactive"`)) }}
	for _, tt := range []struct {
		name, vendor string
		fault        func(*http.Request) (sandbox.Fault, bool)
		want         string
		writes       bool
	}{
		{"too many subscriptions", "firstpromoter", refuse(http.MethodPost, limit), "FAILED: ", true},
		{"too many subscriptions", "uppromote", refuse(http.MethodPost, limit), "referral.new: FAILED: ", true},
		{"no list", "firstpromoter", refuse(http.MethodGet, forbidden), "/webhooks/x/(secret)", false},
		{"no list", "uppromote", refuse(http.MethodGet, forbidden), "/webhooks/x/(secret)", false},
		{"an unknown list", "firstpromoter", refuse(http.MethodGet, unreadable), "nothing was changed", false},
		{"an unknown list", "uppromote", refuse(http.MethodGet, unreadable), "nothing was changed", false},
		{"switched off", "uppromote", refuse(http.MethodGet, asleep), "the vendor still has it otherwise (it is switched off)", true},
	} {
		t.Run(tt.name+" at "+tt.vendor, func(t *testing.T) {
			s := newSynced(t, tt.vendor, "{ path_tokens: ["+hookToken+"] }")
			if tt.name == "switched off" {
				s.free()
				s.there(at(s.name, hookToken)+"/referral.new", "referral.new")
			} else if tt.name != "an unknown list" {
				s.free()
			}
			s.kit.Forget()
			s.kit.Choose(tt.fault)
			if s.runs(false, tt.want); len(s.writes()) > 0 != tt.writes {
				t.Errorf("writes: %v", s.writes())
			}
		})
	}
}

// TestWebhooksSyncRedis wants writes kept in the ledger that servers share, and nothing done
// without it.
func TestWebhooksSyncRedis(t *testing.T) {
	s := newSynced(t, "firstpromoter", "{ path_tokens: ["+hookToken+"] }")
	former := read(t, s.config)
	s.config = write(t, former+"redis: { cache: 'redis://127.0.0.1:1' }\n")
	if out, err := s.sync(); err == nil || !strings.HasPrefix(err.Error(), "nothing was changed: redis") || len(s.kit.Requests()) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	server := redistest.Start(t, "--appendonly", "yes")
	s.config = write(t, former+fmt.Sprintf("redis: { cache: %q }\n", server.Target().Addresses[0].Reveal()))
	s.runs(true, "created")
	s.runs(true, "nothing to change")
	all, holding, err := ledger.Holding(t.Context(), redistest.Open(t, server.Target(), redisclient.Durable), func(text string) bool {
		return strings.Contains(text, hookToken)
	})
	if all == 0 || holding != 0 || err != nil {
		t.Errorf("the ledger has %d writes, %d with the token: %v", all, holding, err)
	}
}

// TestWebhooksSyncLongList wants a subscription found behind the first page.
func TestWebhooksSyncLongList(t *testing.T) {
	s := newSynced(t, "firstpromoter", "{ path_tokens: ["+hookToken+"] }")
	s.runs(true, "created")
	for i := range 130 {
		r, _ := http.NewRequest(http.MethodPost, s.base+"/webhooks", strings.NewReader(fmt.Sprintf(`{"url": "https://other.example/%d", "event_types": ["x"]}`, i)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+s.sim.Credentials()["api_key"])
		r.Header.Set("Account-ID", s.sim.Credentials()["account_id"])
		if status, body := do(t, r); status != http.StatusCreated {
			t.Fatal(status, body)
		}
	}
	s.kit.Forget()
	if s.runs(true, "nothing to change"); len(s.kit.Requests()) < 2 {
		t.Error("the list has one page")
	}
}

// rerouted sends what goes to the public address to a server of this machine.
type rerouted struct{ base atomic.Pointer[url.URL] }

func (r *rerouted) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Host != "graph.example.com" || q.URL.Scheme != "https" {
		return nil, errors.New("nobody is at " + q.URL.Host)
	}
	q = q.Clone(q.Context())
	q.URL.Scheme, q.URL.Host = "http", r.base.Load().Host
	q.Host = q.URL.Host
	return http.DefaultTransport.RoundTrip(q)
}

// TestWebhooksSyncDelivers wants deliveries verified by the secrets that sync has shown, or by
// the header that it has given to the vendor. UpPromote calls the server before it has any.
func TestWebhooksSyncDelivers(t *testing.T) {
	for _, tt := range []struct{ vendor, settings string }{
		{"firstpromoter", ""},
		{"firstpromoter", ", header: X-Token, header_values: [header-secret, former]"},
		{"uppromote", ""},
	} {
		s := newSynced(t, tt.vendor, "{ path_tokens: ["+hookToken+"]"+tt.settings+" }")
		s.free()
		target := &rerouted{}
		serve := func(config string) (base string, r *running) {
			r = start(t, "serve", "--config", config, "--listen", "127.0.0.1:0")
			base = r.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
			u, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			target.base.Store(u)
			return base, r
		}
		sender := s.sim.(sandbox.Sender).Webhooks()
		sender.Open(sandbox.SendOptions{Client: &http.Client{Transport: target}})
		base, first := serve(s.config)
		if tt.settings == "" {
			first.stderr.await(t, "all deliveries of webhooks are refused")
		}
		out := s.runs(true, "created", "shown this once: ")
		if tt.settings == "" {
			secrets := ""
			for _, m := range regexp.MustCompile(`this once: (\S+)`).FindAllStringSubmatch(out, -1) {
				secrets += fmt.Sprintf("%q, ", m[1])
			}
			_ = first.stop()
			base, _ = serve(write(t, s.text("{ path_tokens: ["+hookToken+"], signing_secrets: ["+secrets+"] }")))
		} else if !strings.Contains(out, "if signatures are to be verified, too") {
			t.Errorf("a secret is wanted that is not needed:\n%s", out)
		}
		simulatedAccount{tt.vendor, s.base, s.sim}.create(t, "told@new.example")
		sender.Settle()
		sender.Close()
		_, metrics := get(t, base+"/metrics")
		if !regexp.MustCompile(`outcome="recorded"} [1-9]`).MatchString(metrics) || !strings.Contains(metrics, `outcome="unverified"} 0`) {
			t.Errorf("%s%s: the deliveries are not recorded", tt.vendor, tt.settings)
		}
	}
}
