package httpapi

import (
	"net/http"
	"net/url"

	gqlgen "github.com/99designs/gqlgen/graphql/playground"

	"github.com/partnergraph/partnergraph/internal/playground"
)

// FirstQuery is what the page shows first.
var FirstQuery = playground.Walk

// mountPage serves the page at /: our own where it was built, else gqlgen's.
func mountPage(mux *http.ServeMux) {
	if !playground.Built() {
		mux.Handle("GET /{$}", fallback())
		return
	}
	page := playground.Handler()
	mux.Handle("GET /{$}", page)
	mux.Handle("GET "+playground.Assets, page)
}

const notBuilt = `# The playground of partnergraph itself was not built: this is GraphiQL, loaded from a CDN.
# With node and npm, "make run" builds it.

`

// fallbackPolicy lets gqlgen's page run its own script, which is inline, and load GraphiQL from the one CDN that it names, with the hash of each file.
const fallbackPolicy = "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net; " +
	"font-src data: https://cdn.jsdelivr.net; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// fallback is GraphiQL as gqlgen serves it, with the first example in its first tab. It loads its scripts from a CDN.
func fallback() http.Handler {
	graphiql := gqlgen.Handler("partnergraph", "/graphql",
		gqlgen.WithGraphiqlPersistStateInURL(true), gqlgen.WithGraphiqlEnablePluginExplorer(true), gqlgen.WithStoragePrefix("partnergraph"))
	first := "/?" + url.Values{"query": {notBuilt + FirstQuery}}.Encode()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			http.Redirect(w, r, first, http.StatusFound)
			return
		}
		w.Header().Set("Content-Security-Policy", fallbackPolicy)
		graphiql(w, r)
	})
}
