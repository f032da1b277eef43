package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// newAffiliates create an affiliate at each vendor: the call, and the body around an address.
var newAffiliates = map[string]struct{ path, scheme, body string }{
	"promotekit":    {"/affiliates", "Bearer ", `{"email": %q, "first_name": "Ann", "last_name": "Ash"}`},
	"firstpromoter": {"/promoters", "Bearer ", `{"email": %q, "profile": {"first_name": "Ann"}}`},
	"uppromote":     {"/affiliates", "", `{"email": %q, "first_name": "Ann"}`},
}

// simulatedAccount is an account at a vendor's simulator.
type simulatedAccount struct {
	name, url string
	sim       providers.Simulator
}

// simulateAccounts serves the simulator of each vendor, and answers their accounts by name and
// the configuration of these, in which each has what more says.
func simulateAccounts(t *testing.T, more func(providers.Simulator) string) (map[string]simulatedAccount, string) {
	t.Helper()
	accounts := map[string]simulatedAccount{}
	var config strings.Builder
	config.WriteString("accounts:\n")
	for _, f := range all.Registry().Factories() {
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: time.Now})
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		accounts[f.Name] = simulatedAccount{f.Name, server.URL, sim}
		fmt.Fprintf(&config, "  - id: %s\n    provider: %s\n    currency: %s\n    base_url: %s\n    credentials:\n", f.Name, f.Name, sim.Currency(), server.URL)
		for name, value := range sim.Credentials() {
			fmt.Fprintf(&config, "      %s: %q\n", name, value)
		}
		config.WriteString(more(sim))
	}
	return accounts, config.String()
}

// create makes an affiliate at the vendor.
func (a simulatedAccount) create(t *testing.T, email string) {
	t.Helper()
	call := newAffiliates[a.name]
	r, _ := http.NewRequest(http.MethodPost, a.url+call.path, strings.NewReader(fmt.Sprintf(call.body, email)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", call.scheme+a.sim.Credentials()["api_key"])
	r.Header.Set("Account-ID", a.sim.Credentials()["account_id"])
	if status, body := do(t, r); status/100 != 2 {
		t.Fatalf("%s: %d %s", a.name, status, body)
	}
}

// TestWebhooksReachClients wants what happens at a vendor shown to the next client, where the
// vendor's webhooks tell it, while all answers are cached; and a delivery that nobody signed
// to change nothing.
func TestWebhooksReachClients(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	accounts, config := simulateAccounts(t, func(sim providers.Simulator) string {
		return fmt.Sprintf("    webhooks: { path_tokens: [%s], signing_secrets: [%q] }\n", token, sim.(sandbox.Sender).HookSecrets().Signing[0])
	})
	s := start(t, "serve", "--config", write(t, "cache: { list: 1h, affiliate: 1h }\n"+config), "--listen", "127.0.0.1:0")
	url := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	for name, a := range accounts {
		id := providers.ID{Account: name, Noun: providers.NounAccount}
		shows := func(email string) bool {
			t.Helper()
			status, body := ask(t, url, `{ affiliates(first: 3, filter: { accounts: ["`+id.String()+`"] }) { nodes { email } } }`)
			if status != http.StatusOK || !strings.Contains(body, "@") {
				t.Fatalf("%s: %d %s", name, status, body)
			}
			return strings.Contains(body, email)
		}
		shows("")
		a.create(t, "silent@new.example")
		if shows("silent@new.example") {
			t.Errorf("%s: what nobody told is shown: nothing was cached", name)
		}
		address := url + "/webhooks/" + name + "/" + token
		r, _ := http.NewRequest(http.MethodPost, address+"/affiliate.new", strings.NewReader(`{"id": 1, "email": "silent@new.example"}`))
		if status, _ := do(t, r); status != http.StatusUnauthorized || shows("silent@new.example") {
			t.Errorf("%s: a delivery without a signature: %d", name, status)
		}
		a.sim.(sandbox.Sender).SendTo(address)
		a.sim.(sandbox.Sender).Webhooks().Open(sandbox.SendOptions{AllowHTTP: true, LocalOnly: true})
		a.create(t, "told@new.example")
		a.sim.(sandbox.Sender).Webhooks().Settle()
		if !shows("told@new.example") {
			t.Errorf("%s: what a webhook told is not shown", name)
		}
		a.sim.(sandbox.Sender).Webhooks().Close()
	}
	if _, metrics := get(t, url+"/metrics"); !strings.Contains(metrics, `partnergraph_webhook_deliveries_total{account="uppromote",outcome="recorded"}`) ||
		!strings.Contains(metrics, `outcome="unverified"`) {
		t.Error("the deliveries are not counted")
	}
	if log := s.stderr.String(); strings.Contains(log, token) || strings.Contains(log, "new.example") {
		t.Errorf("the log shows a secret or an address:\n%s", log)
	}
}
