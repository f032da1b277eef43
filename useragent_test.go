package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/providers/all"
)

// TestUserAgent wants every vendor told which program calls, in which version.
func TestUserAgent(t *testing.T) {
	defer func(was string) { version = was }(version)
	version = "1.2.3"
	for _, f := range all.Registry().Factories() {
		var agents []string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			agents = append(agents, r.Header.Get("User-Agent"))
		}))
		credentials := map[string]string{}
		for _, name := range f.Credentials {
			credentials[name] = "x"
		}
		p := &process{registry: all.Registry(), now: time.Now}
		account, err := p.provider(config.Account{ID: "a", Name: "A", Provider: f.Name, Currency: "USD", BaseURL: server.URL, Credentials: config.NewCredentials(credentials), Timeout: time.Second},
			budget.New(10, time.Minute, time.Now), server.Client(), slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = account.Ping(t.Context())
		server.Close()
		if len(agents) == 0 || agents[0] != "partnergraph/1.2.3" {
			t.Errorf("%s: %q", f.Name, agents)
		}
	}
}
