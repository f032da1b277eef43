// Package hook is what vendors' adapters share in verifying and reading deliveries of webhooks.
package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Unverified is the error of a delivery that is refused. The reason repeats nothing of the
// delivery.
func Unverified(reason string) error { return fmt.Errorf("%w: %s", providers.ErrUnverified, reason) }

// Any says whether a secret matches. All of them are tried, so that the time does not tell
// which one did. An empty secret, which everybody knows, is not tried.
func Any(secrets []string, matches func(secret string) bool) bool {
	found := 0
	for _, secret := range secrets {
		if secret != "" && matches(secret) {
			found |= 1
		}
	}
	return found == 1
}

// Usable says whether one of these secrets is not empty.
func Usable(secrets []string) bool { return strings.Join(secrets, "") != "" }

// MAC is the HMAC-SHA256 of the parts, one behind the other.
func MAC(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// Equal compares texts in a time that depends neither on what they have in common nor on the
// length of the secret.
func Equal(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Single is the value of a header that has to be there once. Of several values nobody could
// say which one counts.
func Single(h http.Header, name string) (string, error) {
	switch values := h.Values(name); len(values) {
	case 0:
		return "", Unverified("the header " + name + " is missing")
	case 1:
		return values[0], nil
	default:
		return "", Unverified("the header " + name + " is there more than once")
	}
}

// Signed wants a header with the hex HMAC-SHA256 of the raw body. The keys are the secrets
// as they are written.
func Signed(d providers.Delivery, header string, secrets []string) error {
	if !Usable(secrets) {
		return Unverified("no key of signatures is configured")
	}
	value, err := Single(d.Header, header)
	if err != nil {
		return err
	}
	given, err := hex.DecodeString(value)
	if err != nil {
		return Unverified("the header " + header + " is no hex text")
	}
	if !Any(secrets, func(secret string) bool { return hmac.Equal(given, MAC([]byte(secret), d.Body)) }) {
		return Unverified("the header " + header + " is the signature of no configured key")
	}
	return nil
}

// Shared wants the header that is configured, with one of its values. Without such a header
// nothing is wanted.
func Shared(d providers.Delivery, secrets providers.HookSecrets) error {
	if secrets.Header == "" {
		if Usable(secrets.Values) {
			return Unverified("values of a header are configured, and not its name")
		}
		return nil
	}
	given, err := Single(d.Header, secrets.Header)
	if err != nil {
		return err
	}
	if !Any(secrets.Values, func(value string) bool { return Equal(given, value) }) {
		return Unverified("the header " + secrets.Header + " has none of the configured values")
	}
	return nil
}

// Half says what is wrong with a header that is configured by half; "" for nothing.
func Half(secrets providers.HookSecrets) string {
	switch named, valued := secrets.Header != "", Usable(secrets.Values); {
	case named && !valued:
		return "The header " + secrets.Header + " is configured without a value that it may have."
	case valued && !named:
		return "Values of a header are configured without the header's name."
	}
	return ""
}

// Unsent says that a vendor sends no header that a user chooses, where one is configured; ""
// where none is.
func Unsent(vendor string, secrets providers.HookSecrets) string {
	if secrets.Header != "" || Usable(secrets.Values) {
		return vendor + " sends no header that you choose: remove the header and its values."
	}
	return ""
}

// maxBody bounds the bodies that are read. A vendor's widest record has a few kilobytes.
const maxBody = 1 << 20

// Decode reads a part of a delivery, which has a name for errors, as a wire struct. Members
// that are not known are passed over, and one that cannot be read is empty and odd: whoever
// needs it says that it is missing.
func Decode(name string, part []byte, into any) error {
	switch {
	case len(part) == 0:
		return fmt.Errorf("%s is missing", name)
	case len(part) > maxBody:
		return fmt.Errorf("%s is longer than 1 MiB", name)
	}
	if _, err := wire.Decode(part, into); err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	return nil
}

// Known are the ids that are not zero.
func Known(ids ...providers.ID) []providers.ID {
	return slices.DeleteFunc(ids, providers.ID.IsZero)
}

// Ignored is the notice of a delivery that changes nothing.
func Ignored(event, reason string) providers.Notice {
	return providers.Notice{Event: event, Ignored: reason}
}

// Unknown is why an event that is not known changes nothing.
const Unknown = "the event is not known"

// maxWord bounds the words of a delivery that are kept: names and ids of events.
const maxWord = 200

// Word is a name or an id of an event out of a delivery. It is stored and logged, so that it
// has to be short and printable.
func Word(name, text string) (string, error) {
	bad := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }
	if len(text) > maxWord || strings.ContainsFunc(text, bad) {
		return "", fmt.Errorf("%s is longer than %d bytes, or has characters that cannot be printed", name, maxWord)
	}
	return text, nil
}
