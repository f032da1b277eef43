package httpapi

// Forget empties what is remembered of requests: documents, which may hold what is private
// as a literal, viewers of tokens, and answers. All of it comes again with the next
// request.
func (h *Handler) Forget() {
	h.valid.forget()
	h.responses.forget()
	h.persisted.Forget()
	if h.auth != nil {
		h.auth.Forget()
	}
}
