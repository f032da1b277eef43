package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// newWebhooks sends as the vendor does. How often a delivery is made again, nothing says.
func newWebhooks(o providers.SandboxOptions) *sandbox.Webhooks {
	return sandbox.NewWebhooks(sandbox.WebhookOptions{
		Now: o.Now, Seed: o.Seed, Timeout: 10 * time.Second,
		Sign: func(h http.Header, e sandbox.Endpoint, _ sandbox.Change, body []byte) {
			h.Set("X-UpPromote-Signature", sandbox.HexSignature(e.Secret, body))
		},
	})
}

// Webhooks send and log what changes. Subscriptions of the story are to addresses that
// nobody has: only those that calls make are sent to.
func (s *Server) Webhooks() *sandbox.Webhooks { return s.webhooks }

// The bodies of a status that changed.
type (
	affiliateStatus struct {
		ID       int64  `json:"affiliate_id"`
		Previous string `json:"previous_status"`
		Current  string `json:"current_status"`
	}
	referralStatus struct {
		ID       int64  `json:"referral_id"`
		Previous string `json:"previous_status"`
		Current  string `json:"current_status"`
	}
)

// tell logs a change and sends it, unless it has no event. The body is the bare record.
func (s *Server) tell(event string, noun providers.Noun, id int64, body func() any) {
	s.webhooks.Tell(sandbox.Change{Event: event, Noun: noun, Local: strconv.FormatInt(id, 10)}, 0, body)
}

func (s *Server) tellAffiliate(event string, i int) {
	s.tell(event, providers.NounAffiliate, firstAffiliate+int64(i), func() any { return s.store.affiliateRecord(i) })
}

func (s *Server) tellReferral(event string, row int) {
	s.tell(event, providers.NounReferral, firstReferral+int64(row), func() any { return s.store.referralRecord(row) })
}

// tellVerdict tells that a referral's status is another than before.
func (s *Server) tellVerdict(row int, before sandbox.Verdict) {
	id := firstReferral + int64(row)
	s.tell("referral.status-changed", providers.NounReferral, id, func() any {
		return referralStatus{id, statuses[before], statuses[s.store.world.Commissions[row].Verdict]}
	})
}

// events are those that can be subscribed to.
var events = []string{
	"referral.new",
	"referral.approved",
	"referral.denied",
	"referral.status-changed",
	"affiliate.new",
	"affiliate.approved",
	"affiliate.inactive",
	"affiliate.status-changed",
	"payment.paid",
}

// hook reads an event that can be subscribed to, and finds its subscription; -1 for none.
func (f *form) hook(s *store) (event string, i int) {
	event = f.word("event", true, events...)
	return event, slices.IndexFunc(s.hooks, func(h subscription) bool { return h.Event == event })
}

// target reads an address that events can be sent to.
func (s *Server) target(f *form) string {
	url := f.text("target_url", true)
	if url != "" && !s.webhooks.Allows(url) {
		f.fail("target_url", "must begin with https://")
	}
	return url
}

// hookSecret signs what is sent by SendTo.
const hookSecret = "uppromote-sandbox-secret"

// HookSecrets verify what is sent by SendTo.
func (s *Server) HookSecrets() providers.HookSecrets {
	return providers.HookSecrets{Signing: []string{hookSecret}}
}

// SendTo has all events sent to an address, each to one of its own below it.
func (s *Server) SendTo(address string) {
	for _, own := range events {
		s.webhooks.Register(own+" of the user", sandbox.Endpoint{
			URL: address + "/" + own, Secret: hookSecret, Retries: -1, Wants: func(event string, _ int64) bool { return event == own },
		})
	}
}

// register has an event sent to its subscription.
func (s *Server) register(h subscription) {
	s.webhooks.Register(h.Event, sandbox.Endpoint{
		URL: h.TargetURL, Secret: h.SecretKey, Retries: -1,
		Wants: func(event string, _ int64) bool { return event == h.Event },
	})
}

// subscribe subscribes to an event that is not subscribed to. The address is called once,
// empty and unsigned, and has to answer.
func (s *Server) subscribe(f *form) any {
	event, i := f.hook(s.store)
	h := subscription{Event: event, TargetURL: s.target(f), Status: "active", CreatedAt: stamp(s.now())}
	if i >= 0 {
		f.fail("event", "has already been taken")
	}
	if f.ok() && !s.webhooks.Validate(f.request.Context(), sandbox.Endpoint{URL: h.TargetURL}) {
		f.fail("target_url", "does not answer")
	}
	if !f.ok() {
		return nil
	}
	h.SecretKey = fmt.Sprintf("sandbox-secret-%d-%s", s.store.seed, event)
	s.store.hooks = slices.Insert(s.store.hooks, 0, h)
	s.register(h)
	return h
}

// resubscribe points an event at another address.
func (s *Server) resubscribe(f *form) any {
	event, i := f.hook(s.store)
	url := s.target(f)
	if event != "" && i < 0 {
		f.missing = "Webhook subscription"
	}
	if !f.ok() {
		return nil
	}
	s.store.hooks[i].TargetURL = url
	s.register(s.store.hooks[i])
	return s.store.hooks[i]
}

// unsubscribe ends a subscription.
func (s *Server) unsubscribe(f *form) any {
	event, i := f.hook(s.store)
	if event != "" && i < 0 {
		f.missing = "Webhook subscription"
	}
	if !f.ok() {
		return nil
	}
	s.store.hooks = slices.Delete(s.store.hooks, i, i+1)
	s.webhooks.Remove(event)
	return map[string]any{}
}
