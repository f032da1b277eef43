package uppromote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// webhookList reads the subscriptions, of which there is at most one for each event.
//
// https://aff-api.uppromote.com/docs/v2/get-webhook-subscriptions-21170079e0
//
//api:operation GET /webhook-subscriptions
var webhookList = endpoint[wireSubscription, providers.WebhookSubscription]{
	noun: providers.NounWebhookSubscription, path: "/webhook-subscriptions", convert: (*reply).subscription,
}

// WebhookSubscriptions plans the list of subscriptions.
func (p *provider) WebhookSubscriptions() ([]providers.List[providers.WebhookSubscription], error) {
	return []providers.List[providers.WebhookSubscription]{webhookList.all(p)}, nil
}

// WebhookSubscriptionsByID searches the list, which is short.
func (p *provider) WebhookSubscriptionsByID(
	ctx context.Context,
	ids []providers.ID,
	_ ...string,
) (*providers.Batch[providers.WebhookSubscription], error) {
	var own []providers.ID
	for _, id := range ids {
		if id.Local != "" && id == p.local(providers.NounWebhookSubscription, id.Local) {
			own = append(own, id)
		}
	}
	return search(ctx, p, webhookList.all(p), own)
}

// wireSubscription is what is read of a subscription; its secret is not.
type wireSubscription struct {
	Event     string    `json:"event"`
	TargetURL string    `json:"target_url"`
	Status    string    `json:"status"`
	CreatedAt time.Time `json:"created_at"`
}

// subscription converts a row. The event is its key.
func (r *reply) subscription(w *wireSubscription) *providers.WebhookSubscription {
	event := strings.TrimSpace(w.Event)
	s := &providers.WebhookSubscription{TargetURL: w.TargetURL, Events: []string{event}}
	if event != "" {
		s.Node = r.node(r.local(providers.NounWebhookSubscription, event), event, w.CreatedAt, nil)
	}
	if w.Status != "" {
		s.Active = new(strings.EqualFold(w.Status, "active"))
	}
	return s
}

// subscriptionTo reads the subscription to an event, live; nil for none.
func (p *provider) subscriptionTo(ctx context.Context, event string) (*providers.WebhookSubscription, error) {
	for s, err := range every(ctx, p, webhookList.list(p.plan(), url.Values{"event": {event}})) {
		if err != nil {
			return nil, err
		}
		if wire.Same(s.ID.Local, event) {
			return s, nil
		}
	}
	return nil, nil
}

// wireSubscribe is what is sent.
type wireSubscribe struct {
	TargetURL string `json:"target_url,omitempty"`
	Event     string `json:"event"`
}

// wireSubscribed is what a reply tells of a new subscription. It is the only place where
// the secret is read.
type wireSubscribed struct {
	Event     string `json:"event"`
	SecretKey string `json:"secret_key"`
}

// subscribed is a subscription that has changed.
func (p *provider) subscribed(event string) *providers.Written {
	id := p.local(providers.NounWebhookSubscription, event)
	return &providers.Written{ID: id, Stale: []providers.ID{id}, StaleLists: []providers.Noun{providers.NounWebhookSubscription}}
}

// createSubscription subscribes to one event. The vendor calls the address at once, without
// a signature, and wants an answer of 200.
//
// https://aff-api.uppromote.com/docs/v2/subscribe-a-webhook-event-21170080e0
//
//api:operation POST /webhook-subscriptions
type createSubscription struct {
	*provider
	in *providers.CreateWebhookSubscriptionInput
}

const opSubscribe = "POST /webhook-subscriptions"

func (c createSubscription) check() providers.Problems {
	found := untaken("targetUrl and events", given{"headers", c.in.Headers != nil})
	if len(c.in.Events) != 1 {
		found = append(
			found,
			providers.Problemf(providers.ProblemUnsupported, "events", "has to have one name: %s takes one event a subscription", title)...)
	}
	return found
}

func (c createSubscription) plan(ctx context.Context) (*providers.Write, error) {
	event := c.in.Events[0]
	switch s, err := c.subscriptionTo(ctx, event); {
	case err != nil:
		return nil, err
	case s != nil:
		return nil, providers.Problemf(providers.ProblemTaken, "events", "has a subscription already, of which there is one for each event")
	}
	return &providers.Write{
		Op: opSubscribe, Fields: map[string]string{"target_url": "targetUrl", "event": "events"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			said, err := c.subscribe(ctx, opSubscribe, wireSubscribe{c.in.TargetURL, event})
			if err != nil {
				return nil, err
			}
			w := c.subscribed(event)
			w.Secret = said.SecretKey
			return w, nil
		},
	}, nil
}

// look searches for the event, which had no subscription when the write was planned.
func (c createSubscription) look(ctx context.Context, _ json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	s, err := c.subscriptionTo(ctx, c.in.Events[0])
	switch {
	case err != nil:
		return "", nil, err
	case s != nil && s.TargetURL == c.in.TargetURL:
		return providers.Made, c.subscribed(c.in.Events[0]), nil
	case s == nil && !disturbed:
		return providers.NotMade, nil, nil
	}
	return providers.Unclear, nil, nil
}

// subscribe makes a write to the subscription of an event, and sees that the reply names no
// other event.
func (p *provider) subscribe(ctx context.Context, op string, body wireSubscribe) (wireSubscribed, error) {
	said, _, err := send[wireSubscribed](ctx, p, op, webhookList.path, body)
	if err == nil && said.Event != "" && !wire.Same(said.Event, body.Event) {
		err = p.garbled(op, errAnother)
	}
	return said, err
}

// fingerprint stands for a subscription in a pre-image, as its address may hold a secret;
// "" for none.
func fingerprint(s *providers.WebhookSubscription) string {
	if s == nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", s.TargetURL, s.Listed().Unix()))
	return hex.EncodeToString(sum[:12])
}

// subscription reads the subscription that a write is about, live.
func (p *provider) subscription(ctx context.Context, id providers.ID) (*providers.WebhookSubscription, error) {
	s, err := p.subscriptionTo(ctx, id.Local)
	if err == nil && s == nil {
		return nil, nobody("id")
	}
	return s, err
}

// updateSubscription points an event at another address.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation PUT /webhook-subscriptions
type updateSubscription struct {
	*provider
	in *providers.UpdateWebhookSubscriptionInput
}

const opResubscribe = "PUT /webhook-subscriptions"

func (c updateSubscription) check() providers.Problems {
	found := untaken("targetUrl",
		given{"events", c.in.Events != nil}, given{"active", c.in.Active != nil}, given{"headers", c.in.Headers != nil})
	if c.in.TargetURL == nil {
		found = append(found, providers.Problemf(providers.ProblemInvalid, "targetUrl", "is wanted: nothing else can be changed")...)
	}
	return found
}

func (c updateSubscription) plan(ctx context.Context) (*providers.Write, error) {
	s, err := c.subscription(ctx, c.in.ID)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: opResubscribe, Before: providers.Image(fingerprint(s)), Fields: map[string]string{"target_url": "targetUrl", "event": "id"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := c.subscribe(ctx, opResubscribe, wireSubscribe{*c.in.TargetURL, c.in.ID.Local}); err != nil {
				return nil, err
			}
			return c.subscribed(c.in.ID.Local), nil
		},
	}, nil
}

func (c updateSubscription) look(
	ctx context.Context,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	s, err := c.subscriptionTo(ctx, c.in.ID.Local)
	switch {
	case err != nil:
		return "", nil, err
	case s == nil, s.TargetURL == "": // its address is not told
		return providers.Unclear, nil, nil
	case s.TargetURL == *c.in.TargetURL:
		return providers.Made, c.subscribed(c.in.ID.Local), nil
	}
	return absolute(fingerprint(s), "", before, disturbed), nil, nil
}

// deleteSubscription ends the subscription to an event. The event comes in the body.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation DELETE /webhook-subscriptions
type deleteSubscription struct {
	*provider
	in *providers.DeleteWebhookSubscriptionInput
}

const opUnsubscribe = "DELETE /webhook-subscriptions"

func (deleteSubscription) check() providers.Problems { return nil }

func (c deleteSubscription) plan(ctx context.Context) (*providers.Write, error) {
	s, err := c.subscription(ctx, c.in.ID)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: opUnsubscribe, Before: providers.Image(fingerprint(s)), Fields: map[string]string{"event": "id"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := c.subscribe(ctx, opUnsubscribe, wireSubscribe{Event: c.in.ID.Local}); err != nil {
				return nil, err
			}
			return c.subscribed(c.in.ID.Local), nil
		},
	}, nil
}

func (c deleteSubscription) look(
	ctx context.Context,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	s, err := c.subscriptionTo(ctx, c.in.ID.Local)
	if err != nil {
		return "", nil, err
	}
	if s != nil && s.TargetURL == "" { // which subscription it is cannot be told
		return providers.Unclear, nil, nil
	}
	v := absolute(fingerprint(s), fingerprint(nil), before, disturbed)
	if v != providers.Made {
		return v, nil, nil
	}
	return v, c.subscribed(c.in.ID.Local), nil
}
