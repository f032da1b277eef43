package httpapi

import (
	"net/http"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// recovered answers a request whose handling panicked outside of a field, logs it, and lets
// the process live. (A field that panics is an error of that field: the executor's affair.)
// The status is 500 in every media type: the 200 that application/json has for what was
// understood is for errors that GraphQL knows, and this is none.
func recovered(present *resolvers.Resolver, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &recorder{ResponseWriter: w}
		defer func() {
			switch p := recover(); {
			case p == nil:
			case p == http.ErrAbortHandler: // somebody wants the connection ended, and nothing said
				panic(p)
			default:
				err := present.Present(r.Context(), providers.Panicked(p))
				noteErrors(r.Context(), err)
				if answer.status != 0 { // the answer has begun: that it ends early is all that can be told
					panic(http.ErrAbortHandler)
				}
				mediaType, _ := negotiate(r.Header["Accept"])
				writeError(answer, mediaType, http.StatusInternalServerError, err)
			}
		}()
		next.ServeHTTP(answer, r)
	})
}
