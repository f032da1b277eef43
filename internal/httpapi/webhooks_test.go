package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/providers"
)

// inbox is a Receiver with one address.
type inbox struct {
	got []providers.Delivery
	err error
}

const inboxToken = "the-secret-token-of-the-address"

func (i *inbox) Known(account, token string) bool { return account == "shop" && token == inboxToken }

func (i *inbox) Receive(_ context.Context, _ string, d providers.Delivery) error {
	i.got = append(i.got, d)
	return i.err
}

// TestWebhooks wants each delivery answered by what became of it, its reason in the log
// alone, and the address in neither.
func TestWebhooks(t *testing.T) {
	const address = "/webhooks/shop/" + inboxToken
	large := strings.NewReader(strings.Repeat("x", 1<<20+1))
	for _, tt := range []struct {
		name, method, path string
		body               io.Reader
		err                error
		status             int
		reason             string // in the log
		event              string // that is received
		received           bool
	}{
		{name: "arrives", path: address, status: 200, received: true},
		{name: "of an event", path: address + "/referral.new", status: 200, event: "referral.new", received: true},
		{name: "a slash at its end", path: address + "/", status: 200, received: true},
		{name: "empty", path: address, body: strings.NewReader(""), status: 200, received: true},
		{name: "no such account", path: "/webhooks/store/" + inboxToken, status: 404, reason: "no account has this address"},
		{name: "no such token", path: "/webhooks/shop/another-token", status: 404, reason: "no account has this address"},
		{name: "no token", path: "/webhooks/shop", status: 404, reason: "no account has this address"},
		{name: "an empty token", path: "/webhooks/shop/", status: 404, reason: "no account has this address"},
		{name: "too many parts", path: address + "/a/b", status: 404, reason: "no account has this address"},
		{name: "a long event", path: address + "/" + strings.Repeat("e", 129), status: 404, reason: "no account has this address"},
		{name: "read", method: http.MethodGet, path: address, status: 405, reason: "sent by POST"},
		{name: "put", method: http.MethodPut, path: address, status: 405, reason: "sent by POST"},
		{name: "read at no address", method: http.MethodGet, path: "/webhooks/shop/x", status: 404, reason: "no account has this address"},
		{name: "too large", path: address, body: large, status: 413, reason: "more than 1 MiB"},
		{name: "cut", path: address, body: io.MultiReader(strings.NewReader("{"), broken{}), status: 400, reason: "did not arrive"},
		{name: "unverified", path: address, err: fmt.Errorf("%w: no signature", providers.ErrUnverified), status: 401,
			reason: "no signature", received: true},
		{name: "unreadable", path: address, err: fmt.Errorf("%w: no id", intake.ErrUnreadable), status: 400, reason: "no id", received: true},
		{name: "not recorded", path: address, err: errors.New("redis is away"), status: 503, reason: "redis is away", received: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := &inbox{err: tt.err}
			h, log := serve(t, func(o *httpapi.Options) { o.Receiver = in })
			if tt.method == "" {
				tt.method = http.MethodPost
			}
			if tt.body == nil {
				tt.body = strings.NewReader(`{"customer":"kim@example.com"}`)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(tt.method, "http://hooks.example.com"+tt.path, tt.body))
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if (len(in.got) == 1) != tt.received || tt.received && in.got[0].Event != tt.event {
				t.Errorf("received %+v, want one: %t, of %q", in.got, tt.received, tt.event)
			}
			var line struct{ Path, Reason, Account string }
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, log)
			}
			known := tt.status != 404
			if line.Path != "/webhooks/…" || !strings.Contains(line.Reason, tt.reason) || (line.Account == "shop") != known {
				t.Errorf("log line %s, want the reason %q", log, tt.reason)
			}
			if tt.reason != "" && strings.Contains(w.Body.String(), tt.reason) {
				t.Errorf("the sender is told the reason: %s", w.Body)
			}
			for _, secret := range []string{inboxToken, "kim@example.com"} {
				if strings.Contains(log.String()+w.Body.String(), secret) {
					t.Errorf("%q is shown: %s %s", secret, log, w.Body)
				}
			}
			if tt.status == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

// broken is a body that ends early.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestNoWebhooks wants every address unknown where nothing receives.
func TestNoWebhooks(t *testing.T) {
	h, _ := serve(t, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/webhooks/shop/"+inboxToken, strings.NewReader("{}")))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d, want 404", w.Code)
	}
}
