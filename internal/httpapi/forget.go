package httpapi

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
)

// Forget empties what is remembered of requests: documents, which may hold what is private as a literal, and viewers of tokens. All of it comes
// again with the next request.
func (h *Handler) Forget() {
	h.valid.forget()
	h.persisted.Forget()
	if h.auth != nil {
		h.auth.Forget()
	}
}

// documents are those that were parsed and found valid, by their text.
type documents struct {
	kept atomic.Pointer[lru.LRU[*ast.QueryDocument]]
}

var _ graphql.Cache[*ast.QueryDocument] = (*documents)(nil)

func newDocuments() *documents {
	d := &documents{}
	d.forget()
	return d
}

func (d *documents) forget() { d.kept.Store(lru.New[*ast.QueryDocument](parsedQueries)) }

// Get looks a document up.
func (d *documents) Get(ctx context.Context, text string) (*ast.QueryDocument, bool) {
	return d.kept.Load().Get(ctx, text)
}

// Add keeps a document.
func (d *documents) Add(ctx context.Context, text string, doc *ast.QueryDocument) {
	d.kept.Load().Add(ctx, text, doc)
}
