package httpapi

import "context"

// Remembers says whether a document is kept parsed.
func (h *Handler) Remembers(document string) bool {
	_, ok := h.valid.Get(context.Background(), document)
	return ok
}
