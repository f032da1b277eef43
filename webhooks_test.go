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

// createAffiliate creates an affiliate at a simulated vendor, as others do.
func createAffiliate(t *testing.T, vendor, base string, sim providers.Simulator, email string) {
	t.Helper()
	call := newAffiliates[vendor]
	r, _ := http.NewRequest(http.MethodPost, base+call.path, strings.NewReader(fmt.Sprintf(call.body, email)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", call.scheme+sim.Credentials()["api_key"])
	r.Header.Set("Account-ID", sim.Credentials()["account_id"])
	if status, body := do(t, r); status/100 != 2 {
		t.Fatalf("%s: %d %s", vendor, status, body)
	}
}

// TestWebhooksReachClients wants what happens at a vendor shown to the next client, where the
// vendor's webhooks tell it, while all answers are cached; and a delivery that nobody signed
// to change nothing.
func TestWebhooksReachClients(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	var config strings.Builder
	config.WriteString("cache: { list: 1h, affiliate: 1h }\naccounts:\n")
	type account struct {
		sim    providers.Simulator
		sender sandbox.Sender
		url    string
	}
	accounts := map[string]account{}
	for _, f := range all.Registry().Factories() {
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: time.Now})
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		sender := sim.(sandbox.Sender)
		accounts[f.Name] = account{sim, sender, server.URL}
		fmt.Fprintf(&config, "  - id: %s\n    provider: %s\n    currency: %s\n    base_url: %s\n    credentials:\n", f.Name, f.Name, sim.Currency(), server.URL)
		for name, value := range sim.Credentials() {
			fmt.Fprintf(&config, "      %s: %q\n", name, value)
		}
		fmt.Fprintf(&config, "    webhooks: { path_tokens: [%s], signing_secrets: [%q] }\n", token, sender.HookSecrets().Signing[0])
	}
	s := start(t, "serve", "--config", write(t, config.String()), "--listen", "127.0.0.1:0")
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
		create := func(email string) {
			t.Helper()
			createAffiliate(t, name, a.url, a.sim, email)
		}
		shows("")
		create("silent@new.example")
		if shows("silent@new.example") {
			t.Errorf("%s: what nobody told is shown: nothing was cached", name)
		}
		address := url + "/webhooks/" + name + "/" + token
		r, _ := http.NewRequest(http.MethodPost, address+"/affiliate.new", strings.NewReader(`{"id": 1, "email": "silent@new.example"}`))
		if status, _ := do(t, r); status != http.StatusUnauthorized || shows("silent@new.example") {
			t.Errorf("%s: a delivery without a signature: %d", name, status)
		}
		a.sender.SendTo(address)
		a.sender.Webhooks().Open(sandbox.SendOptions{AllowHTTP: true, LocalOnly: true})
		create("told@new.example")
		a.sender.Webhooks().Settle()
		if !shows("told@new.example") {
			t.Errorf("%s: what a webhook told is not shown", name)
		}
		a.sender.Webhooks().Close()
	}
	if _, metrics := get(t, url+"/metrics"); !strings.Contains(metrics, `partnergraph_webhook_deliveries_total{account="uppromote",outcome="recorded"}`) ||
		!strings.Contains(metrics, `outcome="unverified"`) {
		t.Error("the deliveries are not counted")
	}
	if log := s.stderr.String(); strings.Contains(log, token) || strings.Contains(log, "new.example") {
		t.Errorf("the log shows a secret or an address:\n%s", log)
	}
}
