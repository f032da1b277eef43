package firstpromoter

import (
	"context"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// webhookList is GET /webhooks: the subscriptions, newest first.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/webhooks/openapi-v2-webhooks.json
//
//api:operation GET /webhooks
var webhookList = endpoint[wireWebhook, providers.WebhookSubscription]{
	noun: providers.NounWebhookSubscription, path: "/webhooks", convert: (*reply).webhook,
}

// webhookOne is GET /webhooks/{id}: one subscription.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/webhooks/openapi-v2-webhooks.json
//
//api:operation GET /webhooks/{id}
var webhookOne = webhookList

// wireWebhook is a subscription, without its headers and its user, which may hold secrets.
type wireWebhook struct {
	ID         int64      `json:"id"`
	URL        *string    `json:"url"`
	EventTypes []string   `json:"event_types"`
	Active     *bool      `json:"active"`
	CreatedAt  *time.Time `json:"created_at"`
}

func (r *reply) webhook(w *wireWebhook) *providers.WebhookSubscription {
	s := &providers.WebhookSubscription{
		Node:   r.node(providers.NounWebhookSubscription, w.ID, w.CreatedAt, nil),
		Events: w.EventTypes,
		Active: w.Active,
	}
	if w.URL != nil {
		s.TargetURL = *w.URL
	}
	return s
}

// WebhookSubscriptions plans the list of all subscriptions.
func (p *provider) WebhookSubscriptions() ([]providers.List[providers.WebhookSubscription], error) {
	return []providers.List[providers.WebhookSubscription]{webhookList.list(p, nil, true, nil)}, nil
}

// WebhookSubscriptionsByID reads subscriptions one by one.
func (p *provider) WebhookSubscriptionsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.WebhookSubscription], error) {
	return webhookOne.each(ctx, p, p.numbers(providers.NounWebhookSubscription, ids), nil)
}
