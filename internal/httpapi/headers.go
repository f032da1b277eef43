package httpapi

import "net/http"

// always are headers of every answer, whatever it is and whoever it is for. A handler that knows better sets its own in their place: pages what
// they load, and what never changes how long it may be kept. There is no Strict-Transport-Security: whoever ends TLS in front of the server says that.
var always = []struct{ name, value string }{
	{"Cache-Control", "no-store"},                   // an answer is one viewer's: no cache may give it to the next
	{"X-Content-Type-Options", "nosniff"},           // data stays data: no page can load it as a script or a style sheet
	{"Content-Security-Policy", policy},             // and as a page of its own it does nothing
	{"X-Frame-Options", "DENY"},                     // what frame-ancestors says, to older browsers
	{"Cross-Origin-Resource-Policy", "same-origin"}, // no other page gets it but by CORS
	{"Cross-Origin-Opener-Policy", "same-origin"},   // nor a handle of the window that shows it
	{"Referrer-Policy", "no-referrer"},              // a query in a URL stays here
	{"Permissions-Policy", permissions},             // the page is text: no device of its reader's is of use
	{"X-Permitted-Cross-Domain-Policies", "none"},   // CORS alone says who may read
}

const (
	policy      = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	permissions = "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=()"
)

// guarded puts the headers of always on every answer.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range always {
			w.Header().Set(h.name, h.value)
		}
		next.ServeHTTP(w, r)
	})
}
