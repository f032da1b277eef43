package httpapi

import (
	"context"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
)

// Remembers says whether a document is kept parsed.
func (h *Handler) Remembers(document string) bool {
	_, ok := h.valid.Get(context.Background(), document)
	return ok
}

var discard = slog.New(slog.DiscardHandler)

// SchemaValues counts the values that a valid document reads of the schema.
func SchemaValues(document string) int {
	doc, errs := gqlparser.LoadQueryWithRules(served(), document, nil)
	if errs != nil {
		panic(errs)
	}
	count := schemaCount{schema: served(), known: map[schemaPart]int{}}
	return count.values(doc.Operations[0].SelectionSet, root{})
}

var startTrace = graphql.StartOperationTrace

// MaxSteps is the bound of the validation.
const MaxSteps = maxSteps

// Steps counts the steps that the validation of a document takes.
func Steps(document string) int {
	doc, err := limits{tokens: 5000}.parse(document)
	if err != nil {
		panic(err)
	}
	n, _ := countSteps(doc)
	return n
}

// Admitted makes the connection of a request a viewer's, if there is room.
var Admitted = admitted

// WantsEvents says whether a request is for server-sent events.
var WantsEvents = wantsEvents

// Sockets is how many WebSockets are open.
func (s *State) Sockets() int {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	return s.sockets.all
}
