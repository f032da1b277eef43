package firstpromoter

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
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
	wire.Members
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
func (p *provider) WebhookSubscriptionsByID(
	ctx context.Context,
	ids []providers.ID,
	_ ...string,
) (*providers.Batch[providers.WebhookSubscription], error) {
	return webhookOne.each(ctx, p, p.numbers(providers.NounWebhookSubscription, ids), nil)
}

// The writes of subscriptions.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/webhooks/openapi-v2-webhooks.json
const (
	//api:operation POST /webhooks
	webhookCreate = "POST /webhooks"
	//api:operation PUT /webhooks/{id}
	webhookUpdate = "PUT /webhooks/{id}"
	//api:operation DELETE /webhooks/{id}
	webhookDelete = "DELETE /webhooks/{id}"
)

// webhookBody is what POST and PUT /webhooks take.
type webhookBody struct {
	URL        *string           `json:"url,omitempty"`
	EventTypes []string          `json:"event_types,omitempty"`
	Active     *bool             `json:"active,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
}

// webhookFields are the vendor's names of what is written to a subscription.
var webhookFields = map[string]string{"url": "targetUrl", "event_types": "events", "active": "active", "headers": "headers"}

// is says whether a subscription is as the body asks for, as far as it is read: headers are
// not. The order of the events means nothing.
func (b webhookBody) is(s *providers.WebhookSubscription) bool {
	return equal(&s.TargetURL, b.URL) && equal(s.Active, b.Active) &&
		(b.EventTypes == nil || slices.Equal(inOrder(b.EventTypes), inOrder(s.Events)))
}

func inOrder(events []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(events)))
}

func webhookWritten(id providers.ID) *providers.Written {
	return written(id, providers.Harvest{}, []providers.Noun{providers.NounWebhookSubscription}, id)
}

// createWebhook is POST /webhooks. The secret that deliveries are signed with is in its
// answer alone.
type createWebhook struct {
	*providers.CreateWebhookSubscriptionInput
}

// wireNewWebhook is the answer to a new subscription.
type wireNewWebhook struct {
	wireWebhook
	SecretKey *string `json:"secret_key"`
}

// others are the subscriptions that have the address, or tell none, as they are now.
func (m createWebhook) others(ctx context.Context, p *provider) ([]*providers.WebhookSubscription, error) {
	all, _, err := webhookList.rowsOf(ctx, p, nil)
	return slices.DeleteFunc(all, func(s *providers.WebhookSubscription) bool {
		return strings.TrimSpace(s.TargetURL) != "" && !wire.Same(s.TargetURL, m.TargetURL)
	}), err
}

func (createWebhook) wants(*provider) providers.Problems { return nil }

func (m createWebhook) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	others, err := m.others(ctx, p)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, s := range others {
		ids = append(ids, s.ID.Local)
	}
	body := webhookBody{URL: &m.TargetURL, EventTypes: m.Events, Headers: m.Headers}
	return &providers.Write{
		Op: webhookCreate, Fields: webhookFields, Before: providers.Image(namesakesImage{strings.Join(ids, " ")}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			r, w, err := send(ctx, p, webhookCreate, pathOf(webhookCreate), body, func(w *wireNewWebhook) error { return recordBack(w.ID) })
			if err != nil {
				return nil, err
			}
			s := r.webhook(&w.wireWebhook)
			made := webhookWritten(s.ID)
			if w.SecretKey != nil {
				made.Secret = *w.SecretKey
			}
			return made, nil
		},
	}, nil
}

func (m createWebhook) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	all, err := m.others(ctx, p)
	if err != nil {
		return "", nil, err
	}
	was := strings.Fields(pictured[namesakesImage](before).IDs)
	all = slices.DeleteFunc(all, func(s *providers.WebhookSubscription) bool { return slices.Contains(was, s.ID.Local) })
	if len(all) != 1 {
		return judgeNew(len(all) > 0, false, disturbed), nil, nil
	}
	// An address in another case may be another.
	alike := strings.TrimSpace(all[0].TargetURL) == m.TargetURL && webhookBody{EventTypes: m.Events}.is(all[0])
	return judgeNew(true, alike, disturbed), webhookWritten(all[0].ID), nil
}

// updateWebhook is PUT /webhooks/{id}.
type updateWebhook struct {
	*providers.UpdateWebhookSubscriptionInput
}

func (m updateWebhook) body() webhookBody {
	return webhookBody{m.TargetURL, m.Events, m.Active, m.Headers}
}

// webhookImage is what updateWebhook changes.
type webhookImage struct {
	URL, Events string
	Active      bool
}

func imageOfWebhook(s *providers.WebhookSubscription) webhookImage {
	return webhookImage{hash(s.TargetURL), strings.Join(inOrder(s.Events), " "), s.Active != nil && *s.Active}
}

func (m updateWebhook) wants(p *provider) providers.Problems {
	return p.named(providers.NounWebhookSubscription, "id", m.ID)
}

func (m updateWebhook) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	s, _, err := webhookOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: webhookUpdate, Fields: webhookFields, Before: providers.Image(imageOfWebhook(s)),
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := webhookOne.writeTo(ctx, p, webhookUpdate, m.ID.Local, m.body()); err != nil {
				return nil, err
			}
			return webhookWritten(m.ID), nil
		},
	}, nil
}

func (m updateWebhook) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	s, _, err := webhookOne.now(ctx, p, m.ID, "id", nil)
	if err != nil {
		return "", nil, err
	}
	return providers.JudgeState(m.body().is(s), pictured[webhookImage](before) == imageOfWebhook(s), disturbed), webhookWritten(m.ID), nil
}

// deleteWebhook is DELETE /webhooks/{id}.
type deleteWebhook struct {
	*providers.DeleteWebhookSubscriptionInput
}

func (m deleteWebhook) wants(p *provider) providers.Problems {
	return p.named(providers.NounWebhookSubscription, "id", m.ID)
}

func (m deleteWebhook) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	if _, _, err := webhookOne.now(ctx, p, m.ID, "id", nil); err != nil {
		return nil, err
	}
	return &providers.Write{Op: webhookDelete, Send: func(ctx context.Context) (*providers.Written, error) {
		// The status is documented to be 200. What the body holds is not: the subscription,
		// or nothing.
		var gone wire.Reply[wireWebhook]
		r := rest.Request{Op: webhookDelete, Path: webhookOne.path + "/" + m.ID.Local, Into: &gone, Optional: true, Verify: func() error {
			if decimal(gone.Value.ID) != m.ID.Local {
				return errNoRecordBack
			}
			return nil
		}}
		if err := p.client.Send(ctx, r); err != nil {
			return nil, err
		}
		return webhookWritten(m.ID), nil
	}}, nil
}

// look: numbers are not given twice, so that a subscription that is there was not deleted,
// whatever else was written.
func (m deleteWebhook) look(ctx context.Context, p *provider, _ json.RawMessage, _ bool) (providers.Verdict, *providers.Written, error) {
	s, _, err := webhookOne.one(ctx, p, m.ID.Local, nil)
	if err != nil {
		return "", nil, err
	}
	return providers.JudgeState(s == nil, true, false), webhookWritten(m.ID), nil
}
