// Package all is the one place that knows which vendors the program is built with: a line each.
package all

import (
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter"
	"github.com/partnergraph/partnergraph/providers/promotekit"
	"github.com/partnergraph/partnergraph/providers/uppromote"
)

// Registry holds every vendor.
func Registry() *providers.Registry {
	r, err := providers.NewRegistry(
		promotekit.Factory,
		firstpromoter.Factory,
		uppromote.Factory,
	)
	if err != nil {
		panic(err) // two lines above have the same name
	}
	return r
}
