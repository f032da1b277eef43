package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// newWebhooks sends as the vendor does. Signatures are those of pages that were withdrawn.
func newWebhooks(now func() time.Time, seed uint64) *world.Webhooks {
	return world.NewWebhooks(world.WebhookOptions{
		Now: now, Seed: seed, Timeout: 30 * time.Second,
		Waits: []time.Duration{
			2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute,
			time.Hour, 2 * time.Hour, 4 * time.Hour, 8*time.Hour + 30*time.Minute,
		},
		Sign: func(h http.Header, e world.Endpoint, c world.Change, body []byte) {
			h.Set("X-Event-Id", c.ID)
			h.Set("X-Event-Type", c.Event)
			h.Set("X-Webhook-Signature", world.HexSignature(e.Secret, body))
		},
	})
}

// maxRetries is how often a user may have a delivery made again.
const maxRetries = 10

// everyCampaign is the vendor's word for a subscription to the events of all campaigns.
var everyCampaign = []int64{1}

// secretKey is the key of every subscription, as text.
var secretKey = strings.Repeat("5ec2e7", 11)[:64]

// Webhooks send and log what changes. Subscriptions of the story are to addresses that
// nobody has: only those that calls make, or change, are sent to.
func (s *Server) Webhooks() *world.Webhooks { return s.sender }

// HookSecrets verify what is sent by SendTo.
func (s *Server) HookSecrets() providers.HookSecrets {
	return providers.HookSecrets{Signing: []string{secretKey}}
}

// SendTo has all events sent to an address.
func (s *Server) SendTo(address string) {
	s.sender.Register(address, world.Endpoint{URL: address, Secret: secretKey, Retries: maxRetries})
}

// register has events sent to a subscription.
func (s *Server) register(i int) {
	h := s.webhooks[i]
	headers := http.Header{}
	for name, value := range h.headers {
		headers.Set(name, value)
	}
	if h.user != "" {
		r := http.Request{Header: headers}
		r.SetBasicAuth(h.user, h.password)
	}
	s.sender.Register(endpointName(i), world.Endpoint{
		URL: h.url, Secret: secretKey, Header: headers, Retries: h.retries, Timeout: time.Duration(h.timeout) * time.Second,
		Wants: func(event string, campaign int64) bool {
			return h.active && slices.Contains(h.events, event) &&
				(campaign == 0 || slices.Equal(h.campaigns, everyCampaign) || slices.Contains(h.campaigns, campaign))
		},
	})
}

func endpointName(i int) string { return strconv.FormatInt(webhooks.of(i), 10) }

// tell logs a change and sends it, unless it has no event. action is the rest of the event's
// name; changes are the fields that it changed, nil for a record that is made. Each event has
// an id of its own.
func (s *Server) tell(entity, action string, noun providers.Noun, id, campaign int64, changes object, data func() object) {
	c := world.Change{Noun: noun, Local: strconv.FormatInt(id, 10)}
	if entity != "" {
		s.events++
		c.Event, c.ID = entity+"."+action, world.EventID(s.seed, s.events)
	}
	kind := "updated"
	if changes == nil {
		kind, changes = "created", object{}
	}
	s.sender.Tell(c, campaign, func() any {
		return object{
			"event_id": c.ID, "event_type": c.Event, "action": kind, "entity_type": entity, "entity_id": id,
			"changes": changes, "data": data(), "timestamp": stamp(s.now()),
		}
	})
}

// part are some members of a record: the vendor's events tell no more.
func part(o object, names ...string) object {
	p := object{}
	for _, name := range names {
		if value, ok := o[name]; ok {
			p[name] = value
		}
	}
	return p
}

func (s *Server) tellPromoter(action string, i int, changes object) {
	s.tell("promoter", action, providers.NounAffiliate, promoters.of(i), 0, changes, func() object {
		o := s.promoter(i, nil, false)
		return part(o, "id", "email", "name", "cust_id", "balances", "joined_at", "profile")
	})
}

func (s *Server) tellMembership(action string, k int, changes object) {
	m := s.memberships[k]
	s.tell("promoter_campaign", action, providers.NounMembership, memberships.of(k), campaigns.of(m.campaign), changes, func() object {
		return part(s.membership(k), "id", "campaign_id", "promoter_id", "state", "ref_token", "coupon", "created_at")
	})
}

func (s *Server) tellReferral(action string, i int, changes object) {
	campaign := campaigns.of(s.world.Customers[i].Campaign)
	s.tell("referral", action, providers.NounReferral, referrals.of(i), campaign, changes, func() object {
		return part(s.referral(i), "id", "state", "email", "uid", "customer_since", "fraud_check", "created_at")
	})
}

func (s *Server) tellCommission(action string, i int, changes object) {
	campaign := campaigns.of(s.world.Commissions[i].Campaign)
	s.tell("commission", action, providers.NounCommission, commissions.of(i), campaign, changes, func() object {
		return part(s.commission(i), "id", "status", "amount", "unit", "referral", "created_at")
	})
}

func (s *Server) tellPayout(action string, i int, changes object) {
	campaign := campaigns.of(s.world.Payouts[i].Campaign)
	s.tell("payout", action, providers.NounPayout, payouts.of(i), campaign, changes, func() object {
		o := maps.Clone(s.payout(i))
		delete(o, "payout_method")
		return o
	})
}

// settling remembers the balances of affiliates; what it answers tells whose have changed.
func (s *Server) settling(affiliates ...int) (settle func()) {
	before := make([]balances, len(affiliates))
	for k, i := range affiliates {
		before[k] = s.balances[i]
	}
	return func() {
		for k, i := range affiliates {
			if s.balances[i] != before[k] {
				s.tellPromoter("balance.updated", i, object{})
			}
		}
	}
}
