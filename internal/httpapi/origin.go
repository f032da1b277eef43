package httpapi

import (
	"net/http"
	"slices"
	"time"

	"github.com/rs/cors"

	"github.com/partnergraph/partnergraph/resolvers"
)

// This file says what pages of other origins may do, by two rules of which neither rests on the other.
//
// Reading: CORS, for the origins that are configured. There are no cookies, and no other credentials that a browser adds by itself, so none are
// allowed; a page has to have its key and send it.
//
// Asking: what a browser says is from a page of any other origin is refused before it is executed, reads as well as writes. Without cookies that is
// no matter where a key is asked for, which such a page does not have. But a server without authentication trusts everybody on its machine,
// and so every page in a browser there: one that could not read the answers could still spend the accounts' calls. That a POST is taken as
// application/json alone, which a browser asks leave for first, and that GET is for queries, holds besides.
//
// So GET needs no header of its own, as it would by https://www.apollographql.com/docs/apollo-server/security/cors#preventing-cross-site-request-forgery-csrf,
// and stays open to all that the specification of GraphQL over HTTP lets ask by it. What is no browser says no origin, and none of this concerns it. One
// thing is left: a browser from before 2023, which sends no Sec-Fetch-Site, can be made to send a query by GET as if for a picture, and to throw away the
// answer. (No browser sends that header in plain http to another machine either, but there a key is asked for.)

// preflightLife is how long a browser may remember what it is allowed; Chromium takes no more.
const preflightLife = 2 * time.Hour

// shared is CORS: pages of these origins may ask, and read the answers. Of a private network, it grants no page of a public one anything.
func shared(origins []string) func(http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool { return slices.Contains(origins, origin) }, // the library's own list, were it empty, would be everybody
		AllowedMethods:  []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{
			"Accept", "Authorization", "Content-Type", "X-API-Key", ExplainHeader, RequestIDHeader,
			// What clients add by themselves, or are told to for other servers.
			"Apollo-Require-Preflight", "ApolloGraphQL-Client-Name", "ApolloGraphQL-Client-Version", "GraphQL-Require-Preflight", "X-Apollo-Operation-Id",
			"X-Apollo-Operation-Name", "X-GraphQL-Yoga-CSRF", "X-Requested-With",
		},
		ExposedHeaders: []string{RequestIDHeader},
		MaxAge:         int(preflightLife.Seconds()),
	}).Handler
}

// invited refuses what a browser sends for a page that is neither the server's own nor of one of these origins.
func invited(origins []string, next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic(err) // the configuration has checked them
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := *r
		if r.Method != http.MethodOptions {
			asked.Method = http.MethodPost // the standard library lets every GET through, for it takes reading to cost nothing
		}
		if protection.Check(&asked) != nil {
			refused(http.StatusForbidden, resolvers.CodeForbidden, "the request is from a web page of an origin that is not listed in cors.origins").answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
