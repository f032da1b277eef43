package providertest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// HookCase is a delivery and what is to be read of it.
type HookCase struct {
	Event string // of the address
	Body  string
	Want  string // as [Told] writes it, or the error
}

// HookReads holds what is read of deliveries against what is wanted.
func HookReads(t *testing.T, h providers.Hooks, cases map[string]HookCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			n, err := h.Read(providers.Delivery{Event: c.Event, Header: http.Header{}, Body: []byte(c.Body)})
			got := Told(n)
			if err != nil {
				got = "error: " + err.Error()
			}
			if want := strings.ReplaceAll(strings.TrimSpace(c.Want), "\t", ""); got != want {
				t.Errorf("%s %s\n   is read as\n%s\n   wanted\n%s", c.Event, c.Body, got, want)
			}
		})
	}
}

// Told is a notice as text: a line for the event, and one for each change, with the other
// records and the lists that it makes stale.
func Told(n providers.Notice) string {
	lines := []string{strings.TrimSpace(n.Event + " " + n.ID)}
	if !n.At.IsZero() {
		lines[0] += " at " + n.At.Format("2006-01-02T15:04:05Z")
	}
	if n.Ignored != "" {
		lines = append(lines, "ignored: "+n.Ignored)
	}
	for _, c := range n.Changes {
		line := string(c.Kind) + " " + toldID(c.ID)
		if c.ID != c.Affiliate && !c.Affiliate.IsZero() {
			line += " of " + toldID(c.Affiliate)
		}
		for _, id := range c.Stale {
			line += " + " + toldID(id)
		}
		lines = append(lines, line+toldLists(c.StaleLists))
	}
	if len(n.StaleLists) > 0 {
		lines = append(lines, strings.TrimPrefix(toldLists(n.StaleLists), " | "))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func toldID(id providers.ID) string { return string(id.Noun) + "/" + id.Local }

func toldLists(nouns []providers.Noun) string {
	if len(nouns) == 0 {
		return ""
	}
	return " | lists of " + strings.Trim(fmt.Sprint(nouns), "[]")
}

// VerifyCase is a delivery, and why it is refused; "" for not at all.
type VerifyCase struct {
	Header  http.Header
	Body    string
	Secrets providers.HookSecrets
	Refused string
}

// Verify is a case of a delivery with these headers.
func Verify(h http.Header, body string, secrets providers.HookSecrets, refused string) VerifyCase {
	return VerifyCase{Header: h, Body: body, Secrets: secrets, Refused: refused}
}

// HookVerifies holds what is verified against what is wanted. A refusal repeats no value of
// a header and no secret.
func HookVerifies(t *testing.T, h providers.Hooks, cases map[string]VerifyCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.Header == nil {
				c.Header = http.Header{}
			}
			err := h.Verify(providers.Delivery{Header: c.Header, Body: []byte(c.Body)}, c.Secrets)
			switch {
			case err == nil && c.Refused == "":
				return
			case err == nil:
				t.Fatalf("it is verified, and should be refused: %s", c.Refused)
			case c.Refused == "":
				t.Fatalf("it is refused: %v", err)
			case !errors.Is(err, providers.ErrUnverified) || !strings.Contains(err.Error(), c.Refused):
				t.Errorf("it is refused with %q, not with %q", err, c.Refused)
			}
			secret := append(append([]string{}, c.Secrets.Signing...), c.Secrets.Values...)
			for _, values := range c.Header {
				secret = append(secret, values...)
			}
			for _, text := range secret {
				if len(text) > 3 && strings.Contains(err.Error(), text) {
					t.Errorf("the refusal %q repeats %q", err, text)
				}
			}
		})
	}
}

// FuzzHooks reads and verifies anything. Nothing panics, nothing is verified that has no
// right signature, and whatever is read names records of this account alone. cases are the
// seeds. allowed says whether a delivery may pass without any signature.
func FuzzHooks(
	f *testing.F, h providers.Hooks, account string, secrets providers.HookSecrets, header string,
	cases map[string]HookCase, allowed func(body []byte) bool,
) {
	f.Helper()
	for _, c := range cases {
		f.Add(c.Event, c.Body, "00")
	}
	f.Fuzz(func(t *testing.T, event, body, signature string) {
		d := providers.Delivery{Event: event, Header: http.Header{}, Body: []byte(body)}
		for _, values := range [][]string{nil, {signature}, {signature, signature}} {
			d.Header[http.CanonicalHeaderKey(header)] = values
			if err := h.Verify(d, secrets); err == nil && !allowed(d.Body) {
				t.Errorf("%q is verified by %q", body, values)
			} else if err != nil && !errors.Is(err, providers.ErrUnverified) {
				t.Errorf("%q: %v is no refusal", body, err)
			}
		}
		n, err := h.Read(d)
		if err != nil {
			if Told(n) != "" {
				t.Errorf("%q is read as %s with the error %v", body, Told(n), err)
			}
			return
		}
		if tells := len(n.Changes)+len(n.StaleLists) > 0; tells == (n.Ignored != "") {
			t.Errorf("%q is read as %s", body, Told(n))
		}
		for _, c := range n.Changes {
			if c.Kind != providers.Created && c.Kind != providers.Updated && c.Kind != providers.Deleted {
				t.Errorf("%q: the kind %q", body, c.Kind)
			}
			ids := append([]providers.ID{c.ID}, c.Stale...)
			if !c.Affiliate.IsZero() {
				ids = append(ids, c.Affiliate)
			}
			for _, id := range ids {
				text := id.String()
				back, err := providers.ParseID(text)
				if id.Account != account || len(text) <= 512 && (err != nil || back != id) {
					t.Errorf("%q names the record %+v: %v", body, id, err)
				}
			}
		}
	})
}
