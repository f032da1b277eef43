package httpapi

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
)

// probes mounts what load balancers and supervisors ask.
func (h *Handler) probes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if h.draining.Load() {
			say(w, http.StatusServiceUnavailable, "shutting down")
			return
		}
		say(w, http.StatusOK, "ready")
	})
}

// Operators are the pages for those who run the server; nil ones are not served.
type Operators struct {
	Metrics http.Handler // of GET /metrics
	Status  http.Handler // of GET /status.json
	Page    http.Handler // of GET /status, which has no data: it asks for /status.json
}

// mount mounts the pages, those with data behind a guard.
func (o Operators) mount(mux *http.ServeMux, guard func(http.Handler) http.Handler) {
	if o.Metrics != nil {
		mux.Handle("GET /metrics", guard(o.Metrics))
	}
	if o.Status != nil {
		mux.Handle("GET /status.json", guard(o.Status))
		mux.Handle("GET /status", o.Page)
	}
}

// hostOf is the host that a request names, without a port, and its address if it is one.
func hostOf(r *http.Request) (host string, ip net.IP) {
	host = r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(host), net.ParseIP(strings.Trim(host, "[]"))
}

// knownHost refuses requests to other names than localhost and these. Addresses are no names: no
// web page can have them for its own. Else any page in an operator's browser could have its
// name point here and read what is for operators (DNS rebinding).
func knownHost(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, ip := hostOf(r)
		if ip == nil && host != "localhost" && !slices.Contains(names, host) {
			bad := refused(http.StatusForbidden, apierror.Forbidden,
				"the pages of operators answer to addresses, to localhost and to the names in admin.hosts")
			bad.reason = "the request is sent to the host " + r.Host
			bad.answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// operatorsOnly lets staff through who may see all accounts, because the pages name all.
func operatorsOnly(known *auth.Authenticator) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return local(known == nil, viewer(known, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if v := auth.ViewerFrom(r.Context()); v.Role == auth.RolePartner || v.Accounts != nil {
				refused(http.StatusForbidden, apierror.Forbidden, "this page is for staff who may see all accounts").answer(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})))
	}
}
