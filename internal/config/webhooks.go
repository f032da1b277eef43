package config

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Webhooks says how the deliveries of an account's vendor are recognized. Where it has no
// path token, the account takes none.
type Webhooks struct {
	PathTokens Secrets // of the address that the vendor is given
	Signing    Secrets // keys of signatures
	Header     string  // that each delivery has; "" for none
	Values     Secrets // of this header
}

// Verify is what the vendor's deliveries are verified by.
func (w Webhooks) Verify() providers.HookSecrets {
	return providers.HookSecrets{Signing: w.Signing.Reveal(), Header: w.Header, Values: w.Values.Reveal()}
}

// Secrets are secrets of one use, each of which is good. However they are printed, logged or
// encoded, only their number is shown. The zero value holds none.
type Secrets struct {
	reveal func() []string // a function, as in Credentials
}

// NewSecrets holds a copy of these secrets.
func NewSecrets(secrets ...string) Secrets {
	secrets = slices.Clone(secrets)
	return Secrets{func() []string { return slices.Clone(secrets) }}
}

// Reveal is a copy of the secrets.
func (s Secrets) Reveal() []string {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Equal says whether both hold the same secrets, in the same order.
func (s Secrets) Equal(o Secrets) bool { return slices.Equal(s.Reveal(), o.Reveal()) }

// String is the number of the secrets.
func (s Secrets) String() string { return fmt.Sprintf("secrets(%d)", len(s.Reveal())) }

// GoString is String, for %#v.
func (s Secrets) GoString() string { return s.String() }

// MarshalText is String, for encoding/json and its like. Nothing decodes it again.
func (s Secrets) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for log/slog.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(s.String()) }

var (
	// pathToken is long enough that nobody guesses it, and needs no escape in a URL.
	pathToken = kind[string]{
		want:  "22 to 128 of the characters A-Z, a-z, 0-9, _ and -",
		hide:  always,
		parse: func(s string) (string, bool) { return s, plainToken.MatchString(s) },
	}

	// headerValue may have the space of an Authorization header.
	headerValue = kind[string]{
		want: "1 to 500 printable characters of ASCII, no space at an end",
		hide: always,
		parse: func(s string) (string, bool) {
			odd := func(r rune) bool { return r < ' ' || r > '~' }
			return s, s != "" && len(s) <= 500 && !strings.ContainsFunc(s, odd) && strings.TrimSpace(s) == s
		},
	}

	// hookHeader is the name of any header that a vendor can be told to send.
	hookHeader = kind[string]{
		want:  "the name of a header of 1 to 60 characters, like X-Webhook-Token or Authorization",
		parse: func(s string) (string, bool) { return s, plainHeader.MatchString(s) },
	}
)

var plainToken = regexp.MustCompile(`^[A-Za-z0-9_-]{22,128}$`)

// CheckPathToken says what is wrong with a path token; nil for nothing.
func CheckPathToken(token string) error {
	if _, ok := pathToken.parse(token); !ok {
		return errors.New("expected " + pathToken.want)
	}
	return nil
}

// webhooks reads how the deliveries of an account at this vendor are recognized.
func (v value) webhooks(account string, vendor providers.Factory) (w Webhooks) {
	there := v.node != nil
	several := func(name, absent, doc string, dst *Secrets, k kind[string]) field {
		return field{name: name, absent: absent, doc: doc, read: func(v value) {
			var secrets []string
			v.list("secrets", false, func(v value) {
				var text string
				if load(v, &text, k) {
					secrets = append(secrets, text)
				}
			})
			*dst = NewSecrets(secrets...)
			if there && absent == mandatory && v.node == nil {
				v.problem("missing, expected a list of secrets")
			}
		}}
	}
	v.mapping(
		several("path_tokens", mandatory, "Secret parts of the address that the vendor sends to: "+
			"`/webhooks/<account>/<path token>`. Make one with `openssl rand -hex 16`. While one replaces another, "+
			"list both.", &w.PathTokens, pathToken),
		several("signing_secrets", "none", "The secrets with which the vendor signs, which it shows once or in its "+
			"settings. A signature by any of them is good. UpPromote needs them: without them its deliveries are "+
			"refused.", &w.Signing, secret),
		setting("header", &w.Header, hookHeader, "The name of a header that the vendor is told to send with each "+
			"delivery. FirstPromoter needs it, or `signing_secrets`: without both its deliveries are refused.").without("none"),
		several("header_values", "none", "The values that this header may have. For HTTP Basic, the header is "+
			"Authorization and a value `Basic ` with the encoded user and password.", &w.Values, headerValue),
	)
	if there && vendor.Name != "" {
		v.judgeWebhooks(account, vendor, w)
	}
	return w
}

// judgeWebhooks reports what an account's vendor misses. That nothing is configured is no
// problem: vendors make the secrets when they are given the address, which some of them call
// at once, so that the server has to run before there are any.
func (v value) judgeWebhooks(account string, vendor providers.Factory, w Webhooks) {
	if (w.Header == "") != (len(w.Values.Reveal()) == 0) {
		v.problem("found one of header and header_values, expected both or neither")
		return
	}
	if vendor.Hooks == nil {
		v.problem("found webhooks, but %s sends none: leave them out", vendor.Title)
	} else if w.Verify().None() {
		return
	} else if missing := vendor.Hooks(providers.HookOptions{Account: account, Now: time.Now}).Needs(w.Verify()); missing != "" {
		v.problem("%s", missing)
	}
}
