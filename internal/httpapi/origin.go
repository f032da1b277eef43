package httpapi

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/resolvers"
)

// This file says what pages of other origins may do, by two rules of which neither rests on
// the other.
//
// Reading: CORS, for the origins that are configured. There are no cookies, and no other
// credentials that a browser adds by itself, so none are allowed; a page has to have its
// key and send it.
//
// Asking: what a browser says is from a page of any other origin is refused before it is
// executed, reads as well as writes. Without cookies that is no matter where a key is asked
// for, which such a page does not have. But a server without authentication trusts
// everybody on its machine, and so every page in a browser there: one that could not read
// the answers could still spend the accounts' calls. That a POST is taken as
// application/json alone, which a browser asks leave for first, and that GET is for
// queries, holds besides.
//
// A browser that says nothing of the page (one from before 2023 does not where it asks as
// if for a picture, and none does in plain http to another machine) has to send by GET what
// a page cannot without asking leave, as by
// https://www.apollographql.com/docs/graphos/routing/security/csrf: a header of those in
// asksLeave, which a key is as well, or a content type that no form has. What is no browser
// can be made to send nothing by any page. It says no origin either, and needs no header:
// so all that the specification of GraphQL over HTTP lets ask by GET stays open to it. A
// browser is known by its name, which no page may change without asking leave.

// asksLeave are headers that a page can only send after its browser has asked for leave,
// and that nobody adds on the way: some WebViews add X-Requested-With to everything, and
// proxies an X-Request-Id.
var asksLeave = []string{
	"Apollo-Require-Preflight",
	"GraphQL-Require-Preflight",
	"X-Apollo-Operation-Name",
	"X-GraphQL-Yoga-CSRF",
	"X-API-Key",
}

// silent says whether a request is a browser's that a page may have made it send, and that
// does not say which.
func silent(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != "" || !strings.HasPrefix(r.UserAgent(), "Mozilla/") {
		return false
	}
	// Other schemes a browser may add by itself, from the address.
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return (err != nil || mediaType != plainJSON) &&
		!slices.ContainsFunc(asksLeave, func(name string) bool { return r.Header.Get(name) != "" })
}

// preflightLife is how long a browser may remember what it is allowed; Chromium takes no more.
const preflightLife = 2 * time.Hour

// shared is CORS: pages of these origins may ask, by GET, POST and more, and read the
// answers. Of a private network, it grants no page of a public one anything.
func shared(origins, headers []string, more ...string) func(http.Handler) http.Handler {
	return cors.New(cors.Options{
		// An empty list of the library's own would allow everybody.
		AllowOriginFunc: func(origin string) bool { return slices.Contains(origins, origin) },
		AllowedMethods:  append([]string{http.MethodGet, http.MethodPost}, more...),
		AllowedHeaders: slices.Concat([]string{
			"Accept",
			"Authorization",
			"Content-Type",
			ExplainHeader,
			RequestIDHeader,
			streamTokenHeader,
			"ApolloGraphQL-Client-Name",
			"ApolloGraphQL-Client-Version",
			"X-Apollo-Operation-Id",
			"X-Requested-With", // which clients add by themselves
			"Traceparent",
			"Tracestate",
			"Baggage",
			"Sentry-Trace", // which OpenTelemetry's and Sentry's SDKs add to every request
		}, asksLeave, headers),
		ExposedHeaders: []string{RequestIDHeader},
		MaxAge:         int(preflightLife.Seconds()),
	}).Handler
}

// invited refuses what a browser sends for a page that is neither the server's own nor of
// one of these origins, or may send for any.
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
			bad := refused(http.StatusForbidden, apierror.Forbidden,
				"the request is from a web page of an origin that is not listed in cors.origins")
			bad.reason = fmt.Sprintf("the origin %q is not listed in cors.origins", resolvers.CutText(r.Header.Get("Origin")))
			bad.answer(w, r)
			return
		}
		if r.Method == http.MethodGet && silent(r) {
			refused(http.StatusForbidden, apierror.Forbidden,
				"the browser does not say which web page the request is from: use POST, or send one of the headers "+
					strings.Join(asksLeave, ", ")).answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
