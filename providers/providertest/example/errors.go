package example

import (
	"errors"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// classify says what a reply of this status and body means; nil for a success. The status
// decides the kind, and the vendor's message is a detail.
//
// https://example.com/docs/api/errors
func classify(status int, body []byte) *providers.Error {
	if status/100 == 2 {
		return nil
	}
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	e := &providers.Error{}
	if _, err := wire.Decode(body, &said); err == nil && said.Error.Message != "" {
		e.Err = errors.New(said.Error.Message)
	}
	return e
}
