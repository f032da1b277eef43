package firstpromoter

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// wireError is the body of a refusal; a 401 has none.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/promoters/openapi-v2-promoters.json
type wireError struct {
	Message string         `json:"message"`
	Error   string         `json:"error"` // in the place of the message, as the vendor's own client reads it
	Code    string         `json:"code"`
	Errors  byName[phrase] `json:"errors"`
}

// phrase is what is wrong with a field: a list of texts, or one text.
type phrase []string

// UnmarshalJSON reads either form.
func (f *phrase) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		*f = make(phrase, 1)
		return json.Unmarshal(b, &(*f)[0])
	}
	_, err := wire.Decode(b, (*[]string)(f))
	return err
}

// codes are the words that say more than the status: a validation that failed is a 400, a
// missing or bad parameter a 422. The list is not closed; other words go by the status.
var codes = map[string]providers.Kind{
	"forbidden":        providers.KindUnauthorized,
	"not_found":        providers.KindNotFound,
	"invalid_record":   providers.KindInvalid,
	"invalid_params":   providers.KindInvalid,
	"operation_failed": providers.KindConflict,
	"destroy_failed":   providers.KindConflict,
}

// refusals are the statuses of refusals that the contract has, each with the codes that may
// stand in its body. Where a body names none, the status says enough.
var refusals = map[int][]string{
	http.StatusBadRequest:          {"", "invalid_record", "invalid_params"},
	http.StatusUnauthorized:        {"", "unauthorized"},
	http.StatusForbidden:           {"", "forbidden"},
	http.StatusNotFound:            {"", "not_found"},
	http.StatusConflict:            {"destroy_failed", "operation_failed"},
	http.StatusUnprocessableEntity: {"", "invalid_params", "invalid_record", "operation_failed"},
	http.StatusTooManyRequests:     {""},
}

// settles says whether a refusal of this status and body is the vendor's: it is an object
// with a message. A refused key is documented to be a 401 without a body; anybody on the
// way may answer that, so that it settles no write. (A key that is refused is met by the
// reads before a write.)
func settles(status int, w wireError) bool {
	codes, known := refusals[status]
	return known && w.Message != "" && slices.Contains(codes, w.Code)
}

// classify says what a reply of this status and body means: nil for a success.
func classify(status int, body []byte) *providers.Error {
	if status >= 200 && status < 300 {
		return nil
	}
	e := &providers.Error{}
	var w wireError
	_, err := wire.Decode(body, &w)
	if err != nil {
		return e // no body, or a page of HTML
	}
	e.Refused = settles(status, w)
	if status != http.StatusTooManyRequests && status < 500 {
		e.Kind = codes[w.Code]
	}
	for field, said := range w.Errors {
		if e.Fields == nil {
			e.Fields = map[string][]string{}
		}
		e.Fields[field] = said
	}
	if m := withoutAddresses(cmp.Or(w.Message, w.Error)); m != "" {
		e.Err = errors.New(m)
	}
	return e
}

// withoutAddresses is a short text with every word left out that could be an e-mail address.
func withoutAddresses(s string) string {
	var kept []string
	for _, w := range strings.Fields(s) {
		if strings.Contains(w, "@") {
			w = "…"
		}
		kept = append(kept, w)
	}
	s = strings.Join(kept, " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}

// classifyLookup is classify for a look-up by another field than the id: a 404 or 422,
// whatever its code, says that there is no such record. Any other refusal is about the
// account or the request.
func classifyLookup(status int, body []byte) *providers.Error {
	e := classify(status, body)
	if status == http.StatusNotFound || status == http.StatusUnprocessableEntity {
		e.Kind = providers.KindNotFound
	}
	return e
}
