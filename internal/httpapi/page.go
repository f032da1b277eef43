package httpapi

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/partnergraph/partnergraph/internal/playground"
)

// FirstQuery is what the page shows first.
var FirstQuery = playground.Walk

// mountPage serves the page at /: our own where it was built, else the fallback, but that
// only where there are no keys: it runs scripts of others, which could read a key that is
// typed into it.
func mountPage(mux *http.ServeMux, built, open bool) {
	if built {
		page := playground.Handler()
		mux.Handle("GET /{$}", page)
		mux.Handle("GET "+playground.Assets, page)
	} else if open {
		mux.Handle("GET /{$}", fallback())
	}
}

const notBuilt = `# The playground of partnergraph itself was not built: this is GraphiQL, loaded from a CDN.
# With node and npm, "make run" builds it.

`

// fallbackPolicy lets the fallback run its own script, which is inline, and load GraphiQL
// from the one CDN that it names, with the hash of each file.
const fallbackPolicy = "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net; " +
	"font-src data: https://cdn.jsdelivr.net; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed fallback.html
var fallbackPage string

// fallback is GraphiQL from a CDN, with the first example. It keeps nothing: neither in the
// URL nor in the browser's storage. (gqlgen's own page keeps headers in both.)
func fallback() http.Handler {
	var page bytes.Buffer
	if err := template.Must(template.New("fallback").Parse(fallbackPage)).Execute(&page, notBuilt+FirstQuery); err != nil {
		panic(err) // both are constants
	}
	text := static("text/html", page.String())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", fallbackPolicy)
		text.ServeHTTP(w, r)
	})
}
