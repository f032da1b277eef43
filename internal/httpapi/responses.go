package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"maps"
	"net/http"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/compress"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/responses"
	"github.com/partnergraph/partnergraph/resolvers"
)

// keptAnswers are finished answers, apart for partners and staff, so that no partner drives
// those of staff out. Both are nil where none are kept.
type keptAnswers struct{ staff, partners *responses.Cache }

// newKeptAnswers makes caches that take about so many bytes together.
func newKeptAnswers(bytes int64) keptAnswers {
	return keptAnswers{responses.New(bytes / 2), responses.New(bytes / 2)}
}

// part is the part of whoever asks in this context.
func (k keptAnswers) part(ctx context.Context) *responses.Cache {
	if part(ctx) == persisted.Partners {
		return k.partners
	}
	return k.staff
}

// forget empties both parts.
func (k keptAnswers) forget() {
	k.staff.Forget()
	k.partners.Forget()
}

// recall is what a request knows of the answers that are kept.
type recall struct {
	recorder *cache.Recorder
	key      responses.Key
	keyed    bool              // its answer may be given to others, and it may be given theirs
	answer   *responses.Answer // that was kept; nil for none
}

// kept is the answer that was kept; nil for none.
func (r *recall) kept() *responses.Answer {
	if r == nil {
		return nil
	}
	return r.answer
}

type recallKey struct{}

// eventKey has the key of the answer for an event, if it may be given again.
type eventKey struct{}

// withRecall is ctx for a plan and its execution, with a recall; nil where no answers are kept.
// An answer for an event is looked for before, by the key in ctx.
func (t transport) withRecall(ctx context.Context) (context.Context, *recall) {
	if t.responses.part(ctx) == nil {
		return cache.WithRequest(ctx, nil), nil
	}
	r := &recall{recorder: cache.NewRecorder()}
	r.key, r.keyed = ctx.Value(eventKey{}).(responses.Key)
	return context.WithValue(cache.WithRequest(ctx, r.recorder), recallKey{}, r), r
}

// recollection looks for a kept answer as soon as the variables of an operation are known,
// before it is planned.
type recollection struct{ responses keptAnswers }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = recollection{}

// ExtensionName is the name for gqlgen.
func (recollection) ExtensionName() string { return "responses" }

// Validate accepts every schema.
func (recollection) Validate(graphql.ExecutableSchema) error { return nil }

// errRecalled ends the preparation of an operation whose answer is kept.
var errRecalled = gqlerror.Wrap(errors.New("the answer is kept"))

// MutateOperationContext ends the preparation where there is an answer.
func (c recollection) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	r, ok := ctx.Value(recallKey{}).(*recall)
	if !ok || r.keyed { // the key of an event was known before
		return nil
	}
	if r.key, r.keyed = keyOf(ctx, op); !r.keyed {
		r.recorder.Stop()
		return nil
	}
	if r.answer = c.responses.part(ctx).Get(r.key); r.answer != nil {
		return errRecalled
	}
	return nil
}

// keyOf is the key of the answer to a query, if the answer may be given again.
func keyOf(ctx context.Context, op *graphql.OperationContext) (k responses.Key, ok bool) {
	if op.Operation.Operation != ast.Query {
		return k, false
	}
	return questionOf(ctx, op).key(ctx, "")
}

// question is what an operation asks, whoever asks it.
type question struct {
	hash    responses.Key
	sharing resolvers.Sharing
}

// questionOf is what an operation asks. Where a stream of changes begins is no part of it.
func questionOf(ctx context.Context, op *graphql.OperationContext) question {
	q := question{sharing: resolvers.SharingOf(op.Operation)}
	if q.sharing == resolvers.NotShared || resolvers.Explains(ctx) {
		return question{}
	}
	asked := op.Variables
	for _, v := range op.Operation.VariableDefinitions {
		if v.Type.Name() == "ChangeCursor" {
			asked = maps.Clone(asked)
			delete(asked, v.Variable)
		}
	}
	variables, err := json.Marshal(asked) // as they were read: with defaults, and sorted
	if err != nil {
		return question{}
	}
	h := keyHash{sha256.New()}
	h.texts(op.RawQuery, op.Operation.Name, string(variables))
	h.Sum(q.hash[:0])
	return q
}

// key is a hash of all that an answer to the question depends on besides what is read for it:
// who asks, and the event that it is asked for, if there is one; false where the answer may not
// be given again. The configuration is no part of it: a new one has a cache of its own.
func (q question) key(ctx context.Context, event events.Position) (k responses.Key, ok bool) {
	v := auth.ViewerFrom(ctx)
	if v == nil || q.sharing == resolvers.NotShared {
		return k, false
	}
	h := keyHash{sha256.New()}
	_, _ = h.Write(q.hash[:])
	h.texts(string(v.Role), v.Email, string(event))
	h.list(v.Accounts)
	h.list(v.Affiliates)
	if q.sharing == resolvers.SharedByName {
		h.texts(v.Name)
	}
	h.Sum(k[:0])
	return k, true
}

// keyHash hashes texts so that no two lists of texts are the same bytes.
type keyHash struct{ hash.Hash }

func (h keyHash) number(n uint64) {
	var b [8]byte
	_, _ = h.Write(binary.BigEndian.AppendUint64(b[:0], n))
}

func (h keyHash) texts(texts ...string) {
	for _, text := range texts {
		h.number(uint64(len(text)))
		_, _ = h.Write([]byte(text))
	}
}

// list adds a list, of which nil and the empty one are not the same.
func (h keyHash) list(texts []string) {
	if texts == nil {
		h.number(0)
		return
	}
	h.number(1 + uint64(len(texts)))
	h.texts(texts...)
}

// answered answers from what is kept, at the same price as an execution.
func (t transport) answered(ctx context.Context, w http.ResponseWriter, r *http.Request, answer *responses.Answer) {
	note(ctx, func(l *line) { l.operation, l.answer, l.planned = answer.Operation, AnswerKept, answer.Planned })
	if bad := t.partners.take(ctx, answer.ByAccount); bad != nil {
		bad.answer(w, r)
		return
	}
	t.writeKept(w, r, answer)
}

// writeKept writes a kept answer, within the bound of what clients have not read yet.
func (t transport) writeKept(w http.ResponseWriter, r *http.Request, answer *responses.Answer) {
	coding := acceptedCoding(r, int64(len(answer.Body)))
	body, ok := t.responses.part(r.Context()).Encoded(answer, coding, encoding(r))
	if !ok {
		body, coding = answer.Body, compress.Identity
	}
	pass := t.load.write.enter(r.Context(), int64(len(body)))
	if pass == nil {
		overloaded("limits.load").answer(w, r)
		return
	}
	defer pass.leave()
	mediaType, _ := negotiate(r.Header["Accept"])
	send(w, mediaType, http.StatusOK, coding, [][]byte{body}, int64(len(body)))
}

// join waits for another request with the same answer, or begins the flight for those that come
// meanwhile. It calls park before it waits.
func (t transport) join(ctx context.Context, r *recall, park func() (leave func())) (*responses.Answer, *responses.Flight, error) {
	if r == nil || !r.keyed {
		return nil, nil, nil
	}
	return t.responses.part(ctx).Join(ctx, r.key, park)
}

// park counts a request while it waits for another one, until leave is called; nil where
// there is no room. The request keeps its texts alone: it is planned once more if it has to
// be executed.
func (t transport) park(ctx context.Context, asked *request) (leave func()) {
	asked.pack()
	pass := t.load.join.enter(ctx, int64(max((len(asked.Query)+len(asked.variables))>>10, minWeight)))
	if pass == nil {
		return nil
	}
	return pass.leave
}

// keepAnswer keeps the answer of an operation for the next who asks, where it may be given again.
func (t transport) keepAnswer(
	ctx context.Context,
	f *responses.Flight,
	r *recall,
	op *graphql.OperationContext,
	response *graphql.Response,
) {
	switch {
	case f == nil:
		return
	case ctx.Err() != nil:
		f.Abandon()
		return
	case response == nil || len(response.Errors) > 0 || response.Data == nil:
		return
	}
	parts, _, ok := encode(response, t.answers.max)
	if !ok {
		return
	}
	f.Keep(&responses.Answer{
		Body: slices.Concat(parts...), Planned: resolvers.Planned(op), ByAccount: resolvers.PlannedByAccount(op), Operation: nameOf(op),
	}, r.recorder)
}
