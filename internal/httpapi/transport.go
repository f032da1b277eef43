package httpapi

import (
	"cmp"
	"context"
	"iter"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/compress"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/resolvers"
)

// The media types of answers. An answer of the first kind says with its status what became
// of the request. One of the second has 200 for everything that was understood as a request,
// as clients from before the specification expect.
const (
	graphqlResponse = "application/graphql-response+json"
	plainJSON       = "application/json"
)

// transport is GraphQL over HTTP: https://graphql.github.io/graphql-over-http/draft/.
type transport struct {
	exec      graphql.GraphExecutor
	check     preparation
	schema    *ast.Schema
	body      int64 // bytes that a request's body, or the query string of its URL, may have
	persisted persisted.Store
	trusted   Trusted
	partners  *partnerQuota
	quota     *persisted.Quota
	answers   answers
	responses keptAnswers
	load      *load
	traceText bool // traces show the documents of operations
}

// ServeHTTP answers one request.
func (t transport) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := graphql.StartOperationTrace(r.Context())
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	asked, bad := t.read(w, r)
	if bad != nil {
		bad.answer(w, r)
		return
	}
	ctx, known, bad := t.accept(ctx, r, asked)
	switch {
	case bad != nil:
		bad.answer(w, r)
	case !known:
		t.write(w, r, http.StatusBadRequest, t.exec.DispatchError(ctx, gqlerror.List{notPersisted()}))
	default:
		t.respond(ctx, w, r, asked)
	}
}

// accept finds the document of a request, and says whether its viewer may send it. It is not
// known where the request names it by a hash that nobody has sent before. The context
// returned is that of the request's operation.
func (t transport) accept(ctx context.Context, r *http.Request, asked *request) (_ context.Context, known bool, bad *refusal) {
	if !t.recall(ctx, asked) {
		return ctx, false, nil
	}
	if bad := t.trusted.admit(ctx, asked.Query); bad != nil {
		return ctx, true, bad
	}
	asked.Headers, asked.ReadTime = r.Header, graphql.TraceTiming{Start: graphql.GetStartTime(ctx), End: graphql.Now()}
	if r.Method == http.MethodGet {
		ctx = context.WithValue(ctx, queriesOnlyKey{}, true)
	}
	return ctx, true, nil
}

// respond answers an accepted request.
func (t transport) respond(ctx context.Context, w http.ResponseWriter, r *http.Request, asked *request) {
	beside := ctx // without what is planned
	ctx, op, recall, errs := t.plan(beside, asked)
	if answer := recall.kept(); answer != nil {
		t.keep(ctx, asked)
		t.answered(ctx, w, r, answer)
		return
	}
	if t.refuse(ctx, w, r, asked, op, errs) {
		return
	}
	t.keep(ctx, asked)
	if bad := t.partners.take(ctx, resolvers.PlannedByAccount(op)); bad != nil {
		bad.answer(w, r)
		return
	}
	parked := false
	answer, flight, err := t.join(ctx, recall, func() func() {
		parked = true
		ctx, op, recall = beside, nil, nil
		return t.park(ctx, asked)
	})
	if err != nil {
		overloaded("limits.load").answer(w, r)
		return
	}
	defer flight.End()
	if parked && answer == nil {
		ctx, op, recall, errs = t.plan(beside, asked) // by what is cached now
		if answer = recall.kept(); answer == nil && t.refuse(ctx, w, r, asked, op, errs) {
			return
		}
	}
	if answer != nil {
		note(ctx, func(l *line) { l.operation, l.answer, l.planned = answer.Operation, AnswerShared, answer.Planned })
		t.writeKept(w, r, answer)
		return
	}
	pass := t.load.execute.enter(ctx, weight(op, asked))
	if pass == nil {
		overloaded("limits.load").answer(w, r)
		return
	}
	ctx, response := t.dispatch(ctx, op, pass.leave)
	t.keepAnswer(ctx, flight, recall, op, response)
	flight.End()
	switch {
	case response == nil: // the executor's way to say that the request's time was over before it began
		late := gqlerror.Wrap(context.DeadlineExceeded)
		t.write(w, r, http.StatusGatewayTimeout, t.exec.DispatchError(ctx, gqlerror.List{late}))
	case foundNoRoom(response):
		overloaded("limits.load").answer(w, r)
	case response.Data == nil:
		t.write(w, r, statusOf(ctx, response.Errors), response)
	case len(response.Errors) > 0: // also null: the request was executed
		t.write(w, r, statusPartial, response)
	default:
		t.write(w, r, http.StatusOK, response)
	}
}

// statusPartial is the status of an answer with errors beside its data, which may be null:
// https://graphql.github.io/graphql-over-http/draft/#sec-Partial-success.
const statusPartial = 294

// statusOf is the status of a request that is not executed because of these errors:
// https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes.
func statusOf(ctx context.Context, errs gqlerror.List) int {
	var code any
	if len(errs) > 0 {
		code = errs[0].Extensions["code"]
	}
	switch {
	case ctx.Err() != nil: // the request's time was over before the plan was made
		return http.StatusGatewayTimeout
	case code == errcode.ParseFailed:
		return http.StatusBadRequest
	case code == apierror.Forbidden:
		return http.StatusForbidden
	default:
		return http.StatusUnprocessableEntity
	}
}

// plan parses, validates and plans an operation, or finds its answer. The context returned is the
// operation's. Where there was no room, there is neither an operation nor an error.
func (t transport) plan(ctx context.Context, asked *request) (context.Context, *graphql.OperationContext, *recall, gqlerror.List) {
	pass := t.load.prepare.enter(ctx, int64(max(len(asked.Query)+len(asked.variables), minDocument)))
	if pass == nil {
		return ctx, nil, nil, nil
	}
	ctx, recall := t.withRecall(ctx)
	op, errs := t.create(ctx, asked, pass.leave)
	return ctx, op, recall, errs
}

// refuse answers a request whose operation cannot be executed, and says whether it did.
func (t transport) refuse(
	ctx context.Context,
	w http.ResponseWriter,
	r *http.Request,
	asked *request,
	op *graphql.OperationContext,
	errs gqlerror.List,
) bool {
	switch {
	case op == nil || slices.Contains(errs, errCrowded):
		overloaded("limits.load").answer(w, r)
	case len(errs) == 0:
		return false
	case slices.Contains(errs, errQueriesOnly):
		notAllowed(http.MethodPost, errQueriesOnly.Message).answer(w, r)
	default:
		status := statusOf(ctx, errs)
		explain(t.schema, op.Operation, asked.Variables, errs)
		t.write(w, r, status, t.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs))
	}
	return true
}

// create parses, validates and plans an operation, and then leaves its gate.
func (t transport) create(ctx context.Context, asked *request, leave func()) (*graphql.OperationContext, gqlerror.List) {
	defer leave()
	doc, errs := t.check.prepare(ctx, &asked.RawParams)
	if len(errs) > 0 {
		return &graphql.OperationContext{}, errs
	}
	asked.decode(doc)
	return t.exec.CreateOperationContext(context.WithValue(ctx, preparedKey{}, doc), &asked.RawParams)
}

type preparedKey struct{}

// prepared hands the executor the document that was prepared for the request, in the place
// of a cache.
type prepared struct{}

// Get is the document of the request.
func (prepared) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(preparedKey{}).(*ast.QueryDocument)
	return doc, ok
}

// Add keeps nothing.
func (prepared) Add(context.Context, string, *ast.QueryDocument) {}

// dispatch executes an operation, and then leaves its gate. The context returned is the
// operation's.
func (t transport) dispatch(ctx context.Context, op *graphql.OperationContext, leave func()) (context.Context, *graphql.Response) {
	defer leave()
	ctx, span := startOperation(ctx, op, t.traceText)
	defer span.End()
	responses, ctx := t.exec.DispatchOperation(ctx, op)
	response := responses(ctx)
	noteOperation(ctx, op)
	return ctx, response
}

// write answers a request that was understood as one. The status is for those who asked for
// it by its media type.
func (t transport) write(w http.ResponseWriter, r *http.Request, status int, response *graphql.Response) {
	noteErrors(r.Context(), response.Errors...)
	mediaType, _ := negotiate(r.Header["Accept"])
	if mediaType == plainJSON {
		status = http.StatusOK
	}
	parts, size, ok := encode(response, t.answers.max)
	if !ok {
		parts, size, _ = encode(&graphql.Response{Errors: gqlerror.List{t.answers.tooLarge(r.Context())}}, math.MaxInt64)
	}
	held := size + int64(cap(response.Data)-len(response.Data)) // until the client has read the answer
	pass := t.load.write.enter(r.Context(), held)
	if pass == nil {
		overloaded("limits.load").answer(w, r)
		return
	}
	defer pass.leave()
	coding := acceptedCoding(r, size)
	if coding != compress.Identity {
		if form, ok := encoding(r)(coding, parts...); ok && pass.grow(int64(cap(form))) {
			parts, size = [][]byte{form}, int64(len(form))
		} else { // no encoder, or no room for both
			coding = compress.Identity
		}
	}
	send(w, mediaType, status, coding, parts, size)
}

// acceptedCoding is the content coding of an answer of so many bytes.
func acceptedCoding(r *http.Request, size int64) compress.Coding {
	return compress.Weigh(r.Header["Accept-Encoding"]).Choose(size)
}

// encoding is how the answer to a request is encoded: by an encoder that is idle, so that
// no answer waits for the compression of others. Only a client that does not take the
// answer as it is waits. Where nothing is encoded, because there is no encoder or no client
// any more, the answer is sent as it is.
func encoding(r *http.Request) func(compress.Coding, ...[]byte) ([]byte, bool) {
	return func(c compress.Coding, parts ...[]byte) ([]byte, bool) {
		switch ctx := r.Context(); {
		case ctx.Err() != nil:
			return nil, false
		case compress.Weigh(r.Header["Accept-Encoding"])[compress.Identity] > 0:
			return c.EncodeNow(parts...)
		default:
			return c.Encode(ctx, parts...)
		}
	}
}

// writeError answers with errors alone, which are few and short.
func writeError(w http.ResponseWriter, mediaType string, status int, errs ...*gqlerror.Error) {
	parts, size, _ := encode(&graphql.Response{Errors: errs}, math.MaxInt64)
	send(w, mediaType, status, compress.Identity, parts, size)
}

// refusal is a request that HTTP alone refuses: its status is the same in every media type,
// but for [refusal.plain].
type refusal struct {
	status int
	plain  int    // the status as plainJSON, where that differs; 0: the same
	allow  string // the header Allow, of a 405
	takes  string // the header Accept-Encoding, of a 415 for the encoding
	wait   int    // the header Retry-After in seconds, of a 429 or 503; 0: none
	reason string // why, for the log; "" for the text of err
	err    *gqlerror.Error
}

// refused is a refusal with a text for clients.
func refused(status int, code apierror.Code, text string) *refusal {
	return &refusal{status: status, err: &gqlerror.Error{Message: text, Extensions: map[string]any{"code": code}}}
}

func notAllowed(allow, text string) *refusal {
	bad := refused(http.StatusMethodNotAllowed, apierror.BadUserInput, text)
	bad.allow = allow
	return bad
}

// answer writes the refusal in the form of a GraphQL response.
func (f *refusal) answer(w http.ResponseWriter, r *http.Request) {
	if f.allow != "" {
		w.Header().Set("Allow", f.allow)
	}
	if f.takes != "" {
		w.Header().Set("Accept-Encoding", f.takes)
	}
	if f.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.wait))
	}
	f.err.Extensions["requestId"] = apierror.RequestID(r.Context())
	noteErrors(r.Context(), f.err)
	if f.status == http.StatusUnauthorized || f.status == http.StatusForbidden {
		note(r.Context(), func(l *line) { l.reason = cmp.Or(f.reason, f.err.Message) })
	}
	mediaType, ok := negotiate(r.Header["Accept"])
	if !ok {
		mediaType = plainJSON
	}
	status := f.status
	if mediaType == plainJSON {
		status = cmp.Or(f.plain, status)
	}
	writeError(w, mediaType, status, f.err)
}

// maxAccept is how many bytes of the header Accept are read. Browsers send less than 200.
const maxAccept = 1 << 10

// negotiate is the media type of the answer to a request with this Accept header, by RFC
// 9110, section 12.5.1: the most specific range that names a type has its weight. Among
// equals it is graphqlResponse for who names it, else plainJSON.
func negotiate(accept []string) (mediaType string, ok bool) {
	if size(accept) > maxAccept {
		return plainJSON, false
	}
	if strings.TrimSpace(strings.Join(accept, ",")) == "" {
		return plainJSON, true
	}
	type match struct {
		weight float64
		named  int // 3 by its name, 2 by application/*, 1 by */*, 0 not at all
	}
	var answer, plain match
	for name, weight := range mediaRanges(accept) {
		see := func(m *match, named int) {
			if named > m.named || named == m.named && weight > m.weight {
				*m = match{weight, named}
			}
		}
		switch name {
		case graphqlResponse:
			see(&answer, 3)
		case plainJSON:
			see(&plain, 3)
		case "application/*":
			see(&answer, 2)
			see(&plain, 2)
		case "*/*":
			see(&answer, 1)
			see(&plain, 1)
		}
	}
	if answer.weight > plain.weight || answer.weight == plain.weight && answer.named == 3 {
		return graphqlResponse, answer.weight > 0
	}
	return plainJSON, plain.weight > 0
}

// mediaRanges are the ranges of an Accept header that leave the text to be UTF-8, each with
// its weight. What cannot be read is passed over.
func mediaRanges(accept []string) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for text := range strings.SplitSeq(strings.Join(accept, ","), ",") {
			name, params, err := mime.ParseMediaType(text)
			if err != nil || !isUTF8(params) {
				continue
			}
			weight := 1.0
			if q, ok := params["q"]; ok {
				if weight, err = strconv.ParseFloat(q, 64); err != nil || !(0 <= weight && weight <= 1) {
					continue
				}
			}
			if !yield(name, weight) {
				return
			}
		}
	}
}

// isUTF8 says whether the parameters of a media type leave the text to be UTF-8.
func isUTF8(params map[string]string) bool {
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

type queriesOnlyKey struct{}

// errQueriesOnly is the error of an operation that GET may not ask for, because it is
// allowed to change something.
var errQueriesOnly = &gqlerror.Error{Message: "GET is for queries: send any other operation by POST"}

// size is how many bytes the values of a header have.
func size(values []string) (n int) {
	for _, v := range values {
		n += len(v) + 1
	}
	return n
}
