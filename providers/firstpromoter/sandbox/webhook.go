package sandbox

import (
	"net/http"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// webhook is a subscription.
type webhook struct {
	url       string
	events    []string
	active    bool
	gone      bool // deleted
	campaigns []int64
	headers   map[string]string
	user      string
	password  string
	timeout   int
	retries   int
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
			webhook{
				url: "https://hooks." + w.Site + "/firstpromoter", events: events, active: i > 0, createdAt: at, updatedAt: at,
				headers: map[string]string{"Authorization": "Bearer secret-header"}, user: "secret-user",
				campaigns: everyCampaign, timeout: 30, retries: maxRetries,
			},
		)
	}
	return all
}

func (s *Server) webhook(i int) object {
	h := s.webhooks[i]
	headers := h.headers
	if headers == nil {
		headers = map[string]string{}
	}
	return object{
		"id":                 webhooks.of(i),
		"url":                h.url,
		"event_types":        h.events,
		"campaign_ids":       h.campaigns,
		"description":        nil,
		"active":             h.active,
		"timeout":            h.timeout,
		"max_retries":        h.retries,
		"headers":            headers,
		"basic_auth_user":    given(h.user),
		"basic_auth_enabled": h.user != "",
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

	Campaigns []int64           `json:"campaign_ids"`
	Headers   map[string]string `json:"headers"`
	User      *string           `json:"basic_auth_user"`
	Password  *string           `json:"basic_auth_password"`
	Timeout   *int              `json:"timeout"`
	Retries   *int              `json:"max_retries"`
}

// write puts what a body says into a subscription; false where that is not allowed, and
// then the call is answered.
func (b webhookBody) write(w http.ResponseWriter, s *Server, h *webhook) bool {
	if b.URL != nil {
		if !s.sender.Allows(*b.URL) {
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
	if b.Campaigns != nil {
		h.campaigns = b.Campaigns
	}
	if b.Headers != nil {
		h.headers = b.Headers
	}
	if b.User != nil {
		h.user = *b.User
	}
	if b.Password != nil {
		h.password = *b.Password
	}
	if b.Timeout != nil {
		if *b.Timeout < 1 || *b.Timeout > 120 {
			invalid(w, "Timeout must be between 1 and 120")
			return false
		}
		h.timeout = *b.Timeout
	}
	if b.Retries != nil {
		if *b.Retries < 0 || *b.Retries > maxRetries {
			invalid(w, "Max retries must be between 0 and 10")
			return false
		}
		h.retries = *b.Retries
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
	h := webhook{active: true, campaigns: everyCampaign, timeout: 30, retries: maxRetries, createdAt: s.now().UTC().Truncate(time.Second)}
	if !b.write(w, s, &h) {
		return
	}
	s.webhooks = append(s.webhooks, h)
	s.register(len(s.webhooks) - 1)
	o := s.webhook(len(s.webhooks) - 1)
	o["secret_key"] = secretKey
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
	s.register(i)
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
	s.sender.Remove(endpointName(i))
	send(w, o)
}
