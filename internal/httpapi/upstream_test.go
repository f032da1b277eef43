package httpapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/resolvers"
)

// silent is a server over a vendor that answers nobody, and tells when it was asked and
// when whoever asked has gone.
func silent(t *testing.T, timeout time.Duration) (server *httptest.Server, asked, gone chan struct{}) {
	t.Helper()
	asked, gone = make(chan struct{}, 10), make(chan struct{}, 10)
	vendor := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	}))
	t.Cleanup(vendor.Close)
	factory, ok := all.Registry().Factory("promotekit")
	if !ok {
		t.Fatal("there is no such vendor")
	}
	p, err := factory.New(providers.Config{
		Account: "shop", Name: "Shop", Currency: "USD", BaseURL: vendor.URL, Credentials: map[string]string{"api_key": "key"}, Timeout: time.Minute,
		HTTP: vendor.Client(), Logger: slog.New(slog.DiscardHandler), Budget: budget.New(100, time.Minute, time.Now), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	server = listen(t, func(o *httpapi.Options) {
		o.Timeout = timeout
		cached := cache.Wrap(p, cache.NewMemory(1<<20, time.Now), cache.Options{})
		o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{cached}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
	})
	return server, asked, gone
}

const unanswerable = `{ affiliates { nodes { id } } }`

// TestTimeoutUpstream wants the call to a vendor ended with the time of the request that it
// was made for.
func TestTimeoutUpstream(t *testing.T) {
	server, asked, gone := silent(t, 2*time.Second)
	w := call(t, server, http.MethodPost, plainJSON, map[string]any{"query": unanswerable})
	if a := decode(t, w); len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "UPSTREAM_UNAVAILABLE" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	<-asked
	<-gone
}

// TestClientGone wants the call to a vendor ended when nobody waits for the answer any more.
func TestClientGone(t *testing.T) {
	server, asked, gone := silent(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	body, _ := json.Marshal(map[string]string{"query": unanswerable})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", plainJSON)
	ended := make(chan error, 1)
	go func() {
		response, err := server.Client().Do(r)
		if err == nil {
			_ = response.Body.Close()
		}
		ended <- err
	}()
	<-asked
	cancel()
	if err := <-ended; err == nil {
		t.Error("the request was answered")
	}
	<-gone
}
