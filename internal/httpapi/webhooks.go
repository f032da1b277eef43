package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/providers"
)

// Receiver takes in what vendors send to the addresses of their webhooks.
type Receiver interface {
	// Known says whether an account has an address with this token, in time that does not
	// depend on how much of the token is right.
	Known(account, token string) bool

	// Receive verifies a delivery, and answers nil when what it tells is recorded, or when it
	// tells nothing. Its error wraps [providers.ErrUnverified], [intake.ErrUnreadable], or else
	// says that nothing could be recorded just now. It says nothing of a secret.
	Receive(ctx context.Context, account string, d providers.Delivery) error
}

// Bounds of a delivery.
const (
	maxDelivery  = 1 << 20 // bytes of its body
	deliveryTime = 8 * time.Second
	maxPathPart  = 128 // bytes of each part of its path
)

// webhooksPath begins the addresses.
const webhooksPath = "/webhooks/"

// WebhookPath is the path of the address for an account's deliveries. The name of an event
// may follow, for vendors that need an address for each.
func WebhookPath(account, token string) string { return webhooksPath + account + "/" + token }

// webhooks answers deliveries. The sender learns no more than a status: the reason is in the
// log.
func webhooks(receiver Receiver) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, token, event, ok := WebhookAddress(r.URL.Path)
		if !ok || receiver == nil || !receiver.Known(account, token) {
			unaccepted(w, r, http.StatusNotFound, "no account has this address for webhooks")
			return
		}
		note(r.Context(), func(l *line) { l.account = account })
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			unaccepted(w, r, http.StatusMethodNotAllowed, "deliveries are sent by POST")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), deliveryTime)
		defer cancel()
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(deliveryTime)) // not supported: the server's own holds
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDelivery))
		switch {
		case errors.As(err, new(*http.MaxBytesError)):
			unaccepted(w, r, http.StatusRequestEntityTooLarge, "the body has more than 1 MiB")
			return
		case err != nil:
			unaccepted(w, r, http.StatusBadRequest, "the body did not arrive: "+err.Error())
			return
		}
		err = receiver.Receive(ctx, account, providers.Delivery{Event: event, Header: r.Header, Body: body})
		switch {
		case err == nil:
			say(w, http.StatusOK, "ok")
		case errors.Is(err, providers.ErrUnverified):
			unaccepted(w, r, http.StatusUnauthorized, err.Error())
		case errors.Is(err, intake.ErrUnreadable):
			unaccepted(w, r, http.StatusBadRequest, err.Error())
		default:
			w.Header().Set("Retry-After", "30")
			unaccepted(w, r, http.StatusServiceUnavailable, err.Error())
		}
	})
}

// unaccepted answers with a status, and leaves the reason to the log.
func unaccepted(w http.ResponseWriter, r *http.Request, status int, reason string) {
	note(r.Context(), func(l *line) { l.reason = reason })
	say(w, status, strings.ToLower(http.StatusText(status)))
}

// WebhookAddress reads the path of a delivery, which [WebhookPath] makes; event is "" where
// the address is for all.
func WebhookAddress(path string) (account, token, event string, ok bool) {
	parts := strings.Split(strings.TrimPrefix(path, webhooksPath), "/")
	if len(parts) == 2 {
		parts = append(parts, "")
	}
	if len(parts) != 3 {
		return "", "", "", false
	}
	for i, p := range parts {
		if len(p) > maxPathPart || p == "" && i < 2 {
			return "", "", "", false
		}
	}
	return parts[0], parts[1], parts[2], true
}
