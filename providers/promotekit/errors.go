package promotekit

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// addressPattern finds e-mail addresses, which the vendor may repeat and no error of ours does.
var addressPattern = regexp.MustCompile(`[^\s"]+@[^\s"]+`)

// refusals are the statuses of refusals that the contract has. The vendor names only 429;
// the others are assumed.
var refusals = []int{
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
	http.StatusUnprocessableEntity, http.StatusTooManyRequests,
}

// classify reads a reply that may be an error. The reference lists neither the values of
// error.type nor the statuses (429 apart), so the status decides the kind and the vendor's
// words are details. An error is the vendor's if it has the envelope.
// https://www.promotekit.com/docs/api-reference
func classify(status int, body []byte) *providers.Error {
	if status >= 200 && status < 300 {
		return nil // the envelope may say otherwise: see [wire.Failed]
	}
	var envelope struct {
		Success *bool `json:"success"`
		Error   struct {
			Message string `json:"message"`
			Type    string `json:"type"`
		} `json:"error"`
	}
	e := new(providers.Error)
	if _, err := wire.Decode(body, &envelope); err == nil && (envelope.Error.Type != "" || envelope.Error.Message != "") {
		said := fmt.Sprintf("%.64q: %.256q", envelope.Error.Type, envelope.Error.Message)
		e.Err = errors.New(addressPattern.ReplaceAllString(said, "…"))
		e.Refused = envelope.Success != nil && !*envelope.Success && slices.Contains(refusals, status)
		e.Fields = namedFields(envelope.Error.Message)
	}
	return e
}

// fieldPattern finds the fields of requests' bodies that a message names.
var fieldPattern = regexp.MustCompile(`\b(email|name|[a-z]+(_[a-z]+)+)\b`)

// namedFields is a message under each field that it names: the vendor tells single fields
// in no other way.
func namedFields(message string) (fields map[string][]string) {
	for _, name := range fieldPattern.FindAllString(message, -1) {
		for _, known := range []map[string]string{affiliateFields, campaignFields, referralFields, commissionFields} {
			if _, ok := known[name]; ok && fields[name] == nil {
				if fields == nil {
					fields = map[string][]string{}
				}
				fields[name] = []string{addressPattern.ReplaceAllString(message, "…")}
			}
		}
	}
	return fields
}
