package httpapi

import (
	"net/http"
	"time"
)

// always are headers of every answer, whatever it is and whoever it is for. A handler that
// knows better sets its own in their place: pages what they load, and what never changes
// how long it may be kept. There is no Strict-Transport-Security: whoever ends TLS in front
// of the server says that.
var always = []struct{ name, value string }{
	{"Cache-Control", "no-store"},                   // an answer is one viewer's: no cache may give it to the next
	{"Vary", "Accept-Encoding"},                     // whether it is compressed; CORS adds Origin
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

// brief refuses a request whose line and headers together are longer than MaxHeader. (Of
// much longer ones net/http says so itself, in plain text.)
func brief(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("Host: \r\n") + len(r.Host)
		for name, values := range r.Header {
			for _, v := range values {
				n += len(name) + len(": \r\n") + len(v)
			}
		}
		if n > MaxHeader {
			bad := &refusal{status: http.StatusRequestHeaderFieldsTooLarge, err: exceeded("header", int64(n), MaxHeader, "",
				"the request's line and headers have %d bytes, and %d are allowed: send a long document by POST")}
			bad.answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// deadline ends the connection of a client that does not read its answer in time. 0 is no bound.
func deadline(patience time.Duration, next http.Handler) http.Handler {
	if patience == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience)) // tests' writers have none
		next.ServeHTTP(w, r)
	})
}
