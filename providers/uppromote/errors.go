package uppromote

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// wireError is the body of a refusal. Its message is all that can be relied on; that it may
// be an object, and that errors names the fields, is assumed.
//
// https://aff-api.uppromote.com/docs/v2/get-list-referrals-21170075e0
type wireError struct {
	Message json.RawMessage `json:"message"`
	Errors  json.RawMessage `json:"errors"`
}

// refusals are the statuses of refusals that the contract has: 401 and 422 are the
// vendor's, the others are assumed. Each has a message.
var refusals = []int{
	http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
}

// classify says what a reply of this status and body means: nil for a success.
func classify(status int, body []byte) *providers.Error {
	if status >= 200 && status < 300 {
		return nil // the envelope may say otherwise: see [wire.Failed]
	}
	var w wireError
	_ = json.Unmarshal(body, &w) // no body, or a page of HTML: the status says it
	e := w.fault()
	e.Refused = slices.Contains(refusals, status) && (e.Err != nil || e.Fields != nil)
	return e
}

// fault is what a refusal says, without its kind.
func (w wireError) fault() *providers.Error {
	e := &providers.Error{}
	for _, b := range []json.RawMessage{w.Errors, w.Message} {
		var fields map[string]json.RawMessage
		if json.Unmarshal(b, &fields) == nil && len(fields) > 0 {
			e.Fields = make(map[string][]string, len(fields))
			for field, said := range fields {
				e.Fields[field] = messages(said)
			}
			break
		}
	}
	if said := messages(w.Message); len(said) > 0 {
		e.Err = errors.New(said[0])
	}
	return e
}

// messages are the texts in a text or in an array of them.
func messages(b json.RawMessage) (texts []string) {
	var one string
	switch {
	case bytes.HasPrefix(b, []byte("[")):
		_, _ = wire.Decode(b, &texts) // what is no text is left out
	default:
		if _, err := wire.Decode(b, &one); err == nil && one != "" {
			texts = []string{one}
		}
	}
	for i := range texts {
		texts[i] = withoutAddresses(texts[i])
	}
	return texts
}

// notFound says whether a read of one record failed because there is none. The vendor
// documents 422 and no 404; a 404 is assumed to mean the same. Any other refusal is about
// the account or the call.
func notFound(err error) bool { return providers.KindOf(err) == providers.KindNotFound }

// withoutAddresses is a short text with every word left out that could be an e-mail address.
func withoutAddresses(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		if strings.Contains(w, "@") {
			words[i] = "…"
		}
	}
	if r := []rune(strings.Join(words, " ")); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return strings.Join(words, " ")
}
