package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// signedHooks are those of a vendor that signs.
type signedHooks struct{ providers.Hooks }

func (signedHooks) Needs(s providers.HookSecrets) string {
	if len(s.Signing)+len(s.Values) == 0 || s.Header == "X-Unsent" {
		return "missing signing_secrets, with which this vendor signs"
	}
	return ""
}

// TestWebhooks reads how deliveries are recognized, and refuses what recognizes nothing.
func TestWebhooks(t *testing.T) {
	reg, err := providers.NewRegistry(
		providers.Factory{Name: "silent", Title: "Silent", Limit: 1, Window: 1e9},
		providers.Factory{Name: "signing", Title: "Signing", Limit: 1, Window: 1e9,
			Hooks: func(providers.HookOptions) providers.Hooks { return signedHooks{} }},
	)
	if err != nil {
		t.Fatal(err)
	}
	const token = "0123456789abcdefghijAB"
	for _, tt := range []struct {
		name, vendor, webhooks string
		want                   providers.HookSecrets
		problem                string
	}{
		{"all", "signing", "{ path_tokens: [" + token + ", " + token + "x], signing_secrets: [a, '${S}'], header: Authorization, header_values: ['Basic eDp5'] }",
			providers.HookSecrets{Signing: []string{"a", "hidden-value"}, Header: "Authorization", Values: []string{"Basic eDp5"}}, ""},
		{"no token", "signing", "{ signing_secrets: [a] }", providers.HookSecrets{},
			"webhooks.path_tokens: missing, expected a list of secrets"},
		{"no tokens", "signing", "{ path_tokens: [], signing_secrets: [a] }", providers.HookSecrets{}, "found an empty list"},
		{"a short token", "signing", "{ path_tokens: [hidden-value], signing_secrets: [a] }", providers.HookSecrets{},
			"found a text that is not shown here, expected 22 to 128"},
		{"a token that needs an escape", "signing", "{ path_tokens: ['0123456789/bcdefghijAB'], signing_secrets: [a] }", providers.HookSecrets{},
			"expected 22 to 128"},
		{"no secret yet", "signing", "{ path_tokens: [" + token + ", " + token + "x] }", providers.HookSecrets{}, ""},
		{"not signed", "signing", "{ path_tokens: [" + token + "], header: X-Unsent, header_values: [a] }", providers.HookSecrets{},
			"missing signing_secrets, with which"},
		{"a header without values", "signing", "{ path_tokens: [" + token + "], signing_secrets: [a], header: X-Token }", providers.HookSecrets{},
			"found one of header and header_values"},
		{"values without a header", "signing", "{ path_tokens: [" + token + "], signing_secrets: [a], header_values: [a] }", providers.HookSecrets{},
			"found one of header and header_values"},
		{"an odd header", "signing", "{ path_tokens: [" + token + "], header: 'X Token', header_values: [a] }", providers.HookSecrets{},
			"expected the name of a header"},
		{"an odd value", "signing", "{ path_tokens: [" + token + "], header: X-Token, header_values: ['hidden-value '] }", providers.HookSecrets{},
			"expected 1 to 500 printable characters"},
		{"a vendor that sends none", "silent", "{ path_tokens: [" + token + "] }", providers.HookSecrets{}, "Silent sends none"},
		{"a text", "signing", "hidden-value", providers.HookSecrets{}, "found a single value, expected a mapping"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := fmt.Sprintf("accounts:\n  - { id: a, provider: %s, currency: USD, credentials: {}, webhooks: %s }", tt.vendor, tt.webhooks)
			c, err := Parse("f", []byte(file), environment(map[string]string{"S": "hidden-value"}), reg)
			switch {
			case tt.problem == "" && err != nil:
				t.Fatal(err)
			case tt.problem != "":
				if err == nil || !strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "hidden-value") {
					t.Fatalf("%v, want %q and no secret", errors.Join(err), tt.problem)
				}
				return
			}
			w := c.Accounts[0].Webhooks
			if diff := cmp.Diff(tt.want, w.Verify()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{token, token + "x"}, w.PathTokens.Reveal()); diff != "" {
				t.Error(diff)
			}
			if shown := fmt.Sprintf("%v %+v %#v", w, w, w); strings.Contains(shown, token) || strings.Contains(shown, "hidden") {
				t.Errorf("a secret is shown: %s", shown)
			}
		})
	}
}
