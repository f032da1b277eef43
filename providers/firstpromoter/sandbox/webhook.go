package sandbox

import (
	"net/http"
	"strings"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// webhook is a subscription.
type webhook struct {
	url       string
	events    []string
	active    bool
	gone      bool // deleted
	createdAt time.Time
	updatedAt time.Time
}

// seedWebhooks are the subscriptions that every account has.
func seedWebhooks(w *world.World) []webhook {
	var all []webhook
	for i, events := range [][]string{
		{"promoter.created", "promoter.updated"}, {"referral.created", "commission.created", "payout.completed"},
	} {
		at := w.Until.AddDate(0, i-3, 0)
		all = append(
			all,
			webhook{url: "https://hooks." + w.Site + "/firstpromoter", events: events, active: i > 0, createdAt: at, updatedAt: at},
		)
	}
	return all
}

func (s *Server) webhook(i int) object {
	h := s.webhooks[i]
	return object{
		"id":                 webhooks.of(i),
		"url":                h.url,
		"event_types":        h.events,
		"campaign_ids":       []int64{1},
		"description":        nil,
		"active":             h.active,
		"timeout":            30,
		"max_retries":        10,
		"headers":            object{"Authorization": "Bearer secret-header"},
		"basic_auth_user":    "secret-user",
		"basic_auth_enabled": true,
		"created_at":         stamp(h.createdAt),
		"updated_at":         stamp(h.updatedAt),
	}
}

// kept says whether a subscription was not deleted.
func (s *Server) kept(i int) bool { return !s.webhooks[i].gone }

// webhookBody is what POST and PUT /webhooks take.
type webhookBody struct {
	URL    *string  `json:"url"`
	Events []string `json:"event_types"`
	Active *bool    `json:"active"`
}

// write puts what a body says into a subscription; false where that is not allowed, and
// then the call is answered.
func (b webhookBody) write(w http.ResponseWriter, s *Server, h *webhook) bool {
	if b.URL != nil {
		if !strings.HasPrefix(*b.URL, "https://") {
			invalid(w, "Url must be a public https address")
			return false
		}
		h.url = *b.URL
	}
	if b.Events != nil {
		h.events = b.Events
	}
	if b.Active != nil {
		h.active = *b.Active
	}
	h.updatedAt = s.now().UTC().Truncate(time.Second)
	return true
}

func (s *Server) createWebhook(w http.ResponseWriter, r *http.Request) {
	b, ok := body[webhookBody](w, r)
	switch {
	case !ok:
		return
	case b.URL == nil:
		missing(w, "url")
		return
	case len(b.Events) == 0:
		missing(w, "event_types")
		return
	}
	h := webhook{active: true, createdAt: s.now().UTC().Truncate(time.Second)}
	if !b.write(w, s, &h) {
		return
	}
	s.webhooks = append(s.webhooks, h)
	o := s.webhook(len(s.webhooks) - 1)
	o["secret_key"] = strings.Repeat("5ec2e7", 11)[:64]
	sendStatus(w, http.StatusCreated, o)
}

func (s *Server) updateWebhook(w http.ResponseWriter, r *http.Request) {
	b, ok := body[webhookBody](w, r)
	if !ok {
		return
	}
	i, ok := webhooks.row(r.PathValue("id"), len(s.webhooks))
	if !ok || !s.kept(i) {
		notFound(w)
		return
	}
	h := s.webhooks[i]
	if !b.write(w, s, &h) {
		return
	}
	s.webhooks[i] = h
	send(w, s.webhook(i))
}

func (s *Server) deleteWebhook(w http.ResponseWriter, r *http.Request) {
	i, ok := webhooks.row(r.PathValue("id"), len(s.webhooks))
	if !ok || !s.kept(i) {
		notFound(w)
		return
	}
	o := s.webhook(i)
	s.webhooks[i].gone = true
	send(w, o)
}
