package model

import "github.com/partnergraph/partnergraph/providers"

// Payload is what every mutation answers. The record it wrote is read by id, with what is
// selected of it.
type Payload struct {
	ID         *providers.ID // of the record; nil when there are problems
	Secret     *string       // shown once
	UserErrors []*providers.Problem
}
