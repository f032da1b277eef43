package hook

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestAnyTriesAll: all secrets are tried whichever matches, and an empty one is none.
func TestAnyTriesAll(t *testing.T) {
	for _, right := range []string{"a", "b", "c", "none", ""} {
		tried := ""
		got := Any([]string{"a", "", "b", "c"}, func(secret string) bool {
			tried += secret
			return secret == right
		})
		if want := strings.Contains("abc", right) && right != ""; got != want || tried != "abc" {
			t.Errorf("with %q: %v after trying %q", right, got, tried)
		}
	}
	if Any(nil, func(string) bool { return true }) {
		t.Error("a secret of none matches")
	}
}

// TestSigned: the signature of the body by any key, whatever the case of names and digits; and
// no key that is empty.
func TestSigned(t *testing.T) {
	const header = "X-Signature"
	body := []byte(`{"id":1}`)
	sign := func(key string, body []byte) string { return hex.EncodeToString(MAC([]byte(key), body)) }
	for name, c := range map[string]struct {
		header, value string
		secrets       []string
		ok            bool
	}{
		"the only key":                {header, sign("new", body), []string{"new"}, true},
		"the first of two keys":       {header, sign("new", body), []string{"new", "old"}, true},
		"the second of two keys":      {header, sign("old", body), []string{"new", "old"}, true},
		"a header in another case":    {"x-sIGNATURE", sign("new", body), []string{"new"}, true},
		"upper-case digits":           {header, strings.ToUpper(sign("new", body)), []string{"new"}, true},
		"a key that is not ours":      {header, sign("other", body), []string{"new", "old"}, false},
		"the empty key":               {header, sign("", body), []string{"", "new"}, false},
		"the empty key alone":         {header, sign("", body), []string{""}, false},
		"no keys":                     {header, sign("", body), nil, false},
		"another body":                {header, sign("new", []byte(`{"id":2}`)), []string{"new"}, false},
		"a part of the signature":     {header, sign("new", body)[:62], []string{"new"}, false},
		"more than the signature":     {header, sign("new", body) + "00", []string{"new"}, false},
		"a prefix":                    {header, "sha256=" + sign("new", body), []string{"new"}, false},
		"the key itself":              {header, hex.EncodeToString([]byte("new")), []string{"new"}, false},
		"an empty value":              {header, "", []string{"new"}, false},
		"the signature with a header": {"X-Other", sign("new", body), []string{"new"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			h.Set(c.header, c.value)
			err := Signed(providers.Delivery{Header: h, Body: body}, header, c.secrets)
			if (err == nil) != c.ok || err != nil && !errors.Is(err, providers.ErrUnverified) {
				t.Errorf("got %v", err)
			}
			h.Add(c.header, c.value)
			if err := Signed(providers.Delivery{Header: h, Body: body}, header, c.secrets); err == nil {
				t.Error("the header twice is verified")
			}
		})
	}
	h := http.Header{}
	h.Set(header, sign("new", body))
	for i := range body {
		for bit := range 8 {
			changed := append([]byte(nil), body...)
			changed[i] ^= 1 << bit
			if Signed(providers.Delivery{Header: h, Body: changed}, header, []string{"new"}) == nil {
				t.Errorf("%q is verified by the signature of %q", changed, body)
			}
		}
	}
}

// TestShared: the header that is configured, with one of its values.
func TestShared(t *testing.T) {
	for name, c := range map[string]struct {
		secrets providers.HookSecrets
		sent    []string
		ok      bool
	}{
		"nothing configured":     {providers.HookSecrets{}, nil, true},
		"the value":              {providers.HookSecrets{Header: "X-Key", Values: []string{"abc"}}, []string{"abc"}, true},
		"the older value":        {providers.HookSecrets{Header: "X-Key", Values: []string{"new", "abc"}}, []string{"abc"}, true},
		"the name in lower case": {providers.HookSecrets{Header: "x-key", Values: []string{"abc"}}, []string{"abc"}, true},
		"no header":              {providers.HookSecrets{Header: "X-Key", Values: []string{"abc"}}, nil, false},
		"another value":          {providers.HookSecrets{Header: "X-Key", Values: []string{"abc"}}, []string{"abd"}, false},
		"another case":           {providers.HookSecrets{Header: "X-Key", Values: []string{"abc"}}, []string{"ABC"}, false},
		"a part of the value":    {providers.HookSecrets{Header: "X-Key", Values: []string{"abc"}}, []string{"ab"}, false},
		"the value twice":        {providers.HookSecrets{Header: "X-Key", Values: []string{"abc"}}, []string{"abc", "abc"}, false},
		"an empty value":         {providers.HookSecrets{Header: "X-Key", Values: []string{""}}, []string{""}, false},
		"no values":              {providers.HookSecrets{Header: "X-Key"}, []string{""}, false},
		"values without a name":  {providers.HookSecrets{Values: []string{"abc"}}, []string{"abc"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for _, v := range c.sent {
				h.Add("X-Key", v)
			}
			if err := Shared(providers.Delivery{Header: h}, c.secrets); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
			if half := Half(c.secrets); (half != "") != (strings.Contains(name, "no values") || strings.Contains(name, "an empty") ||
				strings.Contains(name, "without a name")) {
				t.Errorf("it is half configured: %q", half)
			}
		})
	}
}
