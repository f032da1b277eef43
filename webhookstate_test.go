package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestPublicURL wants an address that vendors can reach, and nothing behind it.
func TestPublicURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://Graph.Example.com./":           "https://graph.example.com",
		"https://graph.example.com:443":         "https://graph.example.com",
		"https://graph.example.com:8443/":       "https://graph.example.com:8443",
		"https://example.com/partners//":        "https://example.com/partners",
		"https://[2606:4700::1]/":               "https://[2606:4700::1]",
		"http://graph.example.com":              "error: --public-url: has to begin with https://",
		"graph.example.com":                     "error: --public-url: has to be an address like",
		"https://localhost":                     "error: --public-url: has to be an address on the internet",
		"https://10.0.0.1":                      "error: --public-url: has to be an address on the internet",
		"https://a:b@graph.example.com":         "error: --public-url: must not hold a password",
		"https://graph.example.com?x":           "error: --public-url: must not have a query",
		"https://graph.example.com?":            "error: --public-url: must not have a query",
		"https://graph.example.com#x":           "error: --public-url: must not have a query or a fragment",
		"https://graph.example.com/graphql":     "error: --public-url: ends too late: leave out /graphql",
		"https://graph.example.com/webhooks/a/": "error: --public-url: ends too late: leave out /webhooks",
	} {
		u, err := publicURL(text)
		got := fmt.Sprint(u)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want && (err == nil || !strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestHookAddress judges addresses as vendors may have them, where the server's own is known
// and where it is not.
func TestHookAddress(t *testing.T) {
	public, _ := url.Parse("https://graph.example.com/partners")
	all, sole := providers.HookSubscription{}, providers.HookSubscription{Path: "/referral.new", Sole: true}
	for _, tt := range []struct {
		address        string
		want           providers.HookSubscription
		known, unknown target
	}{
		{"https://graph.example.com/partners/webhooks/a/" + hookToken, all, targetRight, targetRight},
		{" https://GRAPH.example.com:443/partners/webhooks/a/" + hookToken + "/?x=y#z ", all, targetRight, targetRight},
		{"https://graph.example.com/partners/webhooks/a/" + formerToken, all, targetWrong, targetRight},
		{"http://graph.example.com/partners/webhooks/a/" + hookToken, all, targetWrong, targetWrong},
		{"https://graph.example.com/partners/webhooks/a/" + strings.ToUpper(hookToken), all, targetWrong, targetWrong},
		{"https://graph.example.com/Partners/webhooks/a/" + hookToken, all, targetWrong, targetRight},
		{"https://graph.example.com/partners/webhooks/a/other", all, targetWrong, targetForeign},
		{"https://graph.example.com/partners/webhooks/a/", all, targetWrong, targetForeign},
		{"https://graph.example.com/partners/webhooks/a/" + hookToken + "/referral.new", all, targetWrong, targetWrong},
		{"https://graph.example.com/partners/webhooks/a/" + hookToken + "/referral.new", sole, targetRight, targetRight},
		{"https://graph.example.com/partners/webhooks/a/" + hookToken + "/referral.new/x", sole, targetWrong, targetForeign},
		{"https://graph.example.com/partners/webhooks/a/" + hookToken, sole, targetWrong, targetWrong},
		{"https://graph.example.com/webhooks/a/" + hookToken, all, targetForeign, targetRight},
		{"https://graph.example.com:8443/partners/webhooks/a/" + hookToken, all, targetForeign, targetRight},
		{"https://graph.example.com.evil.example/partners/webhooks/a/" + hookToken, all, targetForeign, targetRight},
		{"https://graph.example.com/partners/webhooks/ab/" + hookToken, all, targetForeign, targetForeign},
		{"https://graph.example.com/partners", all, targetForeign, targetForeign},
		{"", all, targetForeign, targetForeign},
		{"::", all, targetForeign, targetForeign},
	} {
		a := hookAddress{"a", []string{hookToken, formerToken}, public}
		known := a.judge(tt.address, tt.want)
		a.public = nil
		if unknown := a.judge(tt.address, tt.want); known != tt.known || unknown != tt.unknown {
			t.Errorf("%q %s: %d and %d, want %d and %d", tt.address, tt.want.Path, known, unknown, tt.known, tt.unknown)
		}
	}
}
