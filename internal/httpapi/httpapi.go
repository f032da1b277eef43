// Package httpapi is what the server speaks over HTTP: GraphQL at /graphql, the playground
// at /, the schema's text at /schema.graphql, and /healthz and /readyz for whoever runs it.
//
// A request goes through these steps, in this order: deadline of the answer → the end of
// the connection where the body is not read → strict headers → request id → log line → the
// bound of headers → the net for panics → CORS → (GraphQL only) whether its page is invited
// → who asks → a partner's share → the bound of time → the transport, with the bound of the
// body → the bounds of the document → the executor. [New] and graphQL are that order.
package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/compress"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/resolvers"
	"github.com/partnergraph/partnergraph/schema"
)

// Options is what the handler is made from.
type Options struct {
	Resolvers *resolvers.Resolver
	Auth      *auth.Authenticator // nil: everybody who reaches the server is auth.Local
	// Origins are those of pages that may ask and read, besides the server's own: each
	// scheme://host[:port], as browsers send it.
	Origins   []string
	Headers   []string        // that requests of such pages may have, besides those that clients and tracing add by themselves
	Persisted persisted.Store // what clients may ask by its hash
	Trusted   Trusted         // documents of the team's own programs
	Logger    *slog.Logger
	Now       func() time.Time // default: time.Now

	Timeout       time.Duration // of a GraphQL request
	Body          int64         // bytes of a GraphQL request's body
	Tokens        int           // of a GraphQL document
	Depth         int           // of its fields; introspection has a bound of its own
	Aliases       int           // of its fields, and repetitions of fields, fragments put in
	Answer        int64         // bytes of an answer; 0: no bound
	Load          int64         // planned field values of all operations that are executed at once; 0: no bound
	Unread        time.Duration // how long a client may take to read an answer, besides Timeout; 0: no bound
	Responses     int64         // bytes that finished answers may take, to be given again, half of them for partners; 0: none are kept
	Documents     int64         // bytes that parsed documents may take in each part of the cache
	Introspection bool          // let clients ask for the schema, here and at /schema.graphql
	Playground    bool
	Partner       int                // requests of one partner in a minute, with the calls planned for them; 0: no bound
	PartnerCalls  map[string]float64 // planned calls of one partner in a minute, by account
	Shares        budget.Shares      // of partners; nil: those of this handler alone
	Staff         int                // requests of one viewer of staff in a minute; 0: no bound
	StaffShares   budget.Shares      // of staff; nil: those of this handler alone
	State         *State             // nil: one of this handler alone

	Hub                 *events.Hub // of changes; nil: there are no subscriptions
	Subscriptions       int         // open at once at this replica; 0: no bound
	ViewerSubscriptions int         // of one viewer at this replica; 0: no bound

	Receiver      Receiver  // of what vendors send; nil: no address exists
	Operators     Operators // pages for those who run the server
	OwnListener   bool      // they have a listener of their own: the main one does not serve them
	OperatorHosts []string  // names of that listener, besides localhost and addresses

	Observe   Observer             // nil: nobody is told of requests
	Tracer    trace.TracerProvider // nil: nothing is traced
	TraceText bool                 // traces show the documents of operations
}

// Handler answers every path. It is safe for concurrent use.
type Handler struct {
	http.Handler
	Operators http.Handler // of a listener for operators alone, which asks nobody who they are
	draining  atomic.Bool
	valid     *documents
	responses keptAnswers
	persisted persisted.Store
	auth      *auth.Authenticator // nil where nobody is asked
}

// Drain makes /readyz say that no more requests should be sent here. What runs goes on.
func (h *Handler) Drain() { h.draining.Store(true) }

// New makes the handler.
func New(o Options) *Handler {
	if !o.Resolvers.Cached() {
		o.Responses = 0
	}
	h := &Handler{valid: newDocuments(o.Documents), responses: newKeptAnswers(o.Responses), persisted: o.Persisted, auth: o.Auth}
	mux := http.NewServeMux()
	api := http.NewServeMux()
	quota := newPartnerQuota(o)
	if o.State == nil {
		o.State = NewState(o.Now)
	}
	operations := graphQL(o, quota, h.valid, h.responses)
	single := viewer(o.Auth, quota.request(bounded(o, operations)))
	api.Handle("/graphql", invited(o.Origins, local(o.Auth == nil, streaming(o, operations, quota, single))))
	if o.Introspection {
		api.Handle("GET /schema.graphql", static("text/plain", schema.SDL()))
	}
	var more []string // methods of streams
	if o.Hub != nil {
		more = []string{http.MethodPut, http.MethodDelete}
	}
	mux.Handle("/graphql", shared(o.Origins, o.Headers, more...)(api))
	mux.Handle("/schema.graphql", shared(o.Origins, o.Headers)(api))
	mux.Handle(webhooksPath, webhooks(o.Receiver))
	h.probes(mux)
	if !o.OwnListener {
		o.Operators.mount(mux, operatorsOnly(o.Auth))
	}
	if o.Playground {
		mountPage(mux, playground.Built(), o.Auth == nil)
	}
	unread := o.Unread
	if unread > 0 {
		unread += o.Timeout
	}
	wrap := func(mux *http.ServeMux) http.Handler {
		return deadline(unread, closing(guarded(requestID(logged(o, brief(recovered(o.Resolvers, mux)))))))
	}
	operators := http.NewServeMux()
	h.probes(operators)
	o.Operators.mount(operators, func(page http.Handler) http.Handler { return knownHost(o.OperatorHosts, page) })
	h.Handler, h.Operators = wrap(mux), wrap(operators)
	return h
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// static serves a text that never changes.
func static(mediaType, text string) http.Handler {
	forms := compress.Text([]byte(text))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		coding := acceptedCoding(r, int64(len(text)))
		body := forms(coding)
		send(w, mediaType, http.StatusOK, coding, [][]byte{body}, int64(len(body)))
	})
}

// viewer puts who asks into the request's context; whoever cannot say so goes no further.
func viewer(known *auth.Authenticator, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := auth.Local()
		if known != nil {
			var err error
			if v, err = known.FromRequest(r); err != nil {
				w.Header().Set("WWW-Authenticate", challenge(err))
				bad := refused(http.StatusUnauthorized, apierror.Unauthenticated, err.Error())
				if refusal, ok := errors.AsType[*auth.Refusal](err); ok {
					bad.reason = refusal.Reason
				}
				bad.answer(w, r)
				return
			}
		}
		note(r.Context(), func(l *line) { l.viewer, l.role = v.Name, v.Role })
		if !admitted(r.Context(), v) {
			overloaded("limits.connections").answer(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(auth.WithViewer(r.Context(), v)))
	})
}

// challenge says how to be let in: https://www.rfc-editor.org/rfc/rfc6750#section-3.
func challenge(err error) string {
	const bearer = `Bearer realm="partnergraph"`
	if errors.Is(err, auth.ErrNoCredentials) {
		return bearer
	}
	return bearer + `, error="invalid_token"`
}

// local refuses requests that were sent to a name other than this machine's, where nobody
// is asked who they are: else any web page could have its own name point here and read
// everything (DNS rebinding).
func local(only bool, next http.Handler) http.Handler {
	if !only {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, ip := hostOf(r)
		if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			bad := refused(http.StatusForbidden, apierror.Forbidden,
				"without authentication this server answers to localhost only; configure auth to reach it under another name")
			bad.reason = "without auth, the request is sent to the host " + r.Host
			bad.answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
