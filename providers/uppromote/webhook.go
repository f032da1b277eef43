package uppromote

import (
	"context"

	"github.com/partnergraph/partnergraph/providers"
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
func (p *provider) WebhookSubscriptionsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.WebhookSubscription], error) {
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
	Event     text    `json:"event"`
	TargetURL text    `json:"target_url"`
	Status    text    `json:"status"`
	CreatedAt instant `json:"created_at"`
}

// subscription converts a row. The event is its key.
func (r *reply) subscription(w *wireSubscription) *providers.WebhookSubscription {
	if w.Event == "" {
		r.fail(errNoID)
	}
	s := &providers.WebhookSubscription{
		Node:      r.node(r.local(providers.NounWebhookSubscription, string(w.Event)), string(w.Event), w.CreatedAt, nil),
		TargetURL: string(w.TargetURL),
		Events:    []string{string(w.Event)},
	}
	if w.Status != "" {
		s.Active = new(w.Status.is("active"))
	}
	return s
}
