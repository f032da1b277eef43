package httpapi

import (
	"net/http"
	"net/url"

	"github.com/99designs/gqlgen/graphql/playground"
)

// FirstQuery is what the page shows first: the whole walk, over all accounts, in one query.
const FirstQuery = `# One query over every account: affiliate → campaign → referral → commission → payout.
query Walk {
  affiliates(first: 4, filter: { statuses: [ACTIVE] }) {
    nodes {
      account { name }
      name
      status
      campaign { name }
      referrals(first: 2) {
        nodes {
          maskedEmail
          status
          commissions(first: 2) {
            nodes {
              createdAt
              status
              amount { amount currencyCode }
              payout { status paidAt }
            }
          }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`

// page is GraphiQL as gqlgen serves it, with the first query in its first tab. It loads its scripts from a CDN.
func page() http.Handler {
	graphiql := playground.Handler("partnergraph", "/graphql",
		playground.WithGraphiqlPersistStateInURL(true), playground.WithGraphiqlEnablePluginExplorer(true), playground.WithStoragePrefix("partnergraph"))
	first := "/?" + url.Values{"query": {FirstQuery}}.Encode()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			http.Redirect(w, r, first, http.StatusFound)
			return
		}
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		graphiql(w, r)
	})
}
