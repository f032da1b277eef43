package resolvers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

func wrongNoun(where string, id providers.ID, want providers.Noun) error {
	return apierror.BadInput("%s takes ids of type %s, and %q is the id of type %s", where, want, id, id.Noun)
}

var errBadCursor = &apierror.Error{
	Code: apierror.BadCursor,
	Text: "this cursor does not belong to this list with this filter; start again without `after`",
}

// unread is the error of a list some rows of which could not be read. elsewhere says that
// the rows are those of a longer list that was read in its place.
func (r *Resolver) unread(account string, rows int, elsewhere bool) error {
	name, ext := r.listError(account)
	ext["rows"] = rows
	text := fmt.Sprintf("%s sent %d rows of this list without a usable id; they are left out, and all others are here", name, rows)
	if rows == 1 {
		text = fmt.Sprintf("%s sent 1 row of this list without a usable id; it is left out, and all others are here", name)
	}
	if elsewhere {
		text = fmt.Sprintf(
			"%s sent rows without a usable id (%d), which may be of this list; they are left out, and all others are here",
			name,
			rows,
		)
	}
	return &apierror.Error{Code: apierror.UpstreamError, Text: text, Extensions: ext}
}

// unjudged is the error of a filtered list some rows of which tell no usable value of a
// field that the filter decides by.
func (r *Resolver) unjudged(account, field string, rows int) error {
	name, ext := r.listError(account)
	ext["rows"], ext["field"] = rows, field
	text := fmt.Sprintf(
		"%s sent rows without a usable %s (%d), by which this list is filtered; they are left out, and may belong to it", name, field, rows)
	return &apierror.Error{Code: apierror.UpstreamError, Text: text, Extensions: ext}
}

// ranOut is the error of a list that ended behind empty pages, though the vendor says that
// rows follow.
func (r *Resolver) ranOut(account string, promised int64, first, last int) error {
	name, ext := r.listError(account)
	rows := "more rows"
	if promised >= 0 {
		rows = fmt.Sprintf("%d rows", promised)
	}
	return &apierror.Error{Code: apierror.UpstreamError, Extensions: ext,
		Text: fmt.Sprintf("%s promises %s in this list, and its pages %d to %d are empty; the list ends here", name, rows, first, last)}
}

// listError is what the errors of an account's lists have in common: the vendor's name, and
// extensions.
func (r *Resolver) listError(account string) (name string, ext map[string]any) {
	name, ext = "the vendor", map[string]any{"retryable": false}
	if p, ok := r.byID[account]; ok {
		a := p.Account()
		name = a.Provider.Name
		ext["account"], ext["provider"] = a.ID.String(), a.Provider.ID
	}
	return name, ext
}

// errInternal is all that clients are told of what nobody wrote for them.
const errInternal = "internal error"

var errUnauthenticated = &apierror.Error{
	Code: apierror.Unauthenticated,
	Text: "who is asking is not known: send an API key or a token as `Authorization: Bearer …`",
}

// kinds is the one table from what went wrong to what a client is told: the code and a
// sentence, with the vendor's name in its place. What a vendor said goes to the log only.
var kinds = map[providers.Kind]struct {
	code apierror.Code
	text string
}{
	providers.KindUnauthorized: {apierror.UpstreamUnauthorized, "%s refuses this account's key"},
	providers.KindNotFound:     {apierror.NotFound, "%s does not have this record"},
	providers.KindInvalid:      {apierror.UpstreamError, "%s did not accept the request"},
	providers.KindConflict:     {apierror.UpstreamError, "%s says that the request conflicts with what is there"},
	providers.KindRateLimited:  {apierror.RateLimited, "the account's calls to %s are used up for now"},
	providers.KindUnavailable:  {apierror.UpstreamUnavailable, "%s cannot be reached, or does not answer in time"},
	providers.KindBadReply:     {apierror.UpstreamError, "%s sent a reply that cannot be understood"},
	providers.KindUnsupported:  {apierror.Unsupported, "%s does not have this"},
	providers.KindCanceled:     {apierror.UpstreamUnavailable, "the request ended before %s answered"},
}

// sentences are what a client is told instead where the kind alone would say something else.
var sentences = []struct {
	cause error
	text  string
}{
	{providers.ErrEdge, "the edge network in front of %s (bot protection) answered, not its API"},
	{providers.ErrPageRefused, "%s refused a further page of this list; there may be more rows, and a later request goes on there"},
	{providers.ErrPayment, "%s asks for a payment before it serves this account: look at its subscription there"},
	{providers.ErrAccountTime, "the calls to %s took longer than the account's timeout"},
}

// Present is what a client sees of an error. Whatever nobody wrote for clients is "internal
// error", and the log has the rest.
func (r *Resolver) Present(ctx context.Context, err error) *gqlerror.Error {
	cause := err.Error() // before it is made fit to be seen
	out := graphql.DefaultErrorPresenter(ctx, err)
	if out.Extensions == nil {
		out.Extensions = map[string]any{}
	}
	var (
		provider *providers.Error
		client   *apierror.Error
		input    *model.InputError
		panicked *providers.Panic
	)
	switch {
	case errors.As(err, &panicked):
		if !panicked.Logged.Swap(true) {
			r.logFailure(ctx, failure{level: slog.LevelError, message: "panic"}, out.Path,
				slog.String("value", cutAfter(maxLoggedError, fmt.Sprint(panicked.Value))), slog.String("stack", string(panicked.Stack)))
		}
		out.Message, out.Extensions["code"] = errInternal, apierror.Internal
	case errors.As(err, &input):
		out.Message, out.Extensions["code"] = argument(ctx, out.Path)+input.Error(), apierror.BadUserInput
	case errors.As(err, &client):
		out.Message, out.Extensions["code"] = client.Text, client.Code
		for k, v := range client.Extensions {
			out.Extensions[k] = v
		}
	case r.presentWrite(ctx, err, out):
	case errors.Is(err, providers.ErrAllowance):
		out.Message = "the request reached " + r.callLimit(ctx) + ", and what it had not read by then is missing; ask for less at once"
		out.Extensions["code"], out.Extensions["retryable"] = apierror.TooComplex, false
	case errors.As(err, &provider) && kinds[provider.Kind].code != "":
		kind := kinds[provider.Kind]
		name := "the vendor"
		if p, ok := r.byID[provider.Account]; ok {
			a := p.Account()
			name = a.Provider.Name
			out.Extensions["account"], out.Extensions["provider"] = a.ID.String(), a.Provider.ID
		}
		for _, s := range sentences {
			if errors.Is(provider, s.cause) {
				kind.text = s.text
			}
		}
		out.Message, out.Extensions["code"] = fmt.Sprintf(kind.text, name), kind.code
		out.Extensions["retryable"] = provider.Retryable()
		if wait := r.retryAfter(ctx, provider); wait > 0 {
			out.Extensions["retryAfter"] = seconds(wait)
		}
		r.logFailure(ctx, failure{slog.LevelWarn, "a read failed", provider.Account, provider.Op, provider.Kind}, out.Path,
			slog.String("account", provider.Account), slog.String("op", CutText(provider.Op)), slog.String("kind", string(provider.Kind)),
			slog.String("error", cutAfter(maxLoggedError, provider.Error())))
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		out.Message, out.Extensions["code"] = "the request took longer than it may", apierror.UpstreamUnavailable
		out.Extensions["retryable"] = true
	case fromParser(out):
		// Syntax, validation and coercion errors of the GraphQL library are about the
		// client's own text.
		switch out.Extensions["code"] {
		case nil, errcode.ValidationFailed, errcode.ParseFailed:
			out.Extensions["code"] = apierror.BadUserInput
		}
	default:
		r.logFailure(
			ctx,
			failure{level: slog.LevelError, message: "internal error"},
			out.Path,
			slog.String("error", cutAfter(maxLoggedError, cause)),
		)
		out.Message, out.Extensions["code"] = errInternal, apierror.Internal
	}
	if id := apierror.RequestID(ctx); id != "" {
		out.Extensions["requestId"] = id
	}
	return out
}

// argument is where a value stands in the arguments of the field that refuses it, as a
// prefix: "filter.accounts[0]: ". A path of an error goes on there behind the field's own.
func argument(ctx context.Context, at ast.Path) string {
	field := graphql.GetFieldContext(ctx)
	if field == nil || len(at) <= len(field.Path()) {
		return ""
	}
	return strings.TrimPrefix(at[len(field.Path()):].String(), ".") + ": "
}

// presentWrite is Present for what became of a write, if that is what the error is about.
func (r *Resolver) presentWrite(ctx context.Context, err error, out *gqlerror.Error) bool {
	var (
		u       *ledger.Unknown
		tooMany *ledger.TooMany
	)
	switch {
	case errors.As(err, &tooMany):
		out.Message, out.Extensions["code"] = "you have asked for more writes than one may in a minute (limits.writes); nothing was sent", apierror.RateLimited
		out.Extensions["retryable"], out.Extensions["retryAfter"] = true, seconds(tooMany.RetryAfter)
	case errors.As(err, &u) && errors.Is(err, ledger.ErrReads):
		out.Extensions["code"], out.Extensions["retryable"] = apierror.OutcomeUnknown, false
		out.Message = fmt.Sprintf(
			"nobody answered whether this was written, and the search for it reached %s: send the same mutation with the "+
				"same idempotencyKey again, in a request by itself or after these limits were raised, or look at %s",
			r.readLimits(ctx),
			u.Proof.Look,
		)
	case errors.As(err, &u):
		out.Extensions["code"], out.Extensions["retryable"] = apierror.OutcomeUnknown, u.RetryAfter > 0
		out.Message = "nobody answered whether this was written, and it cannot be found out: look at " + u.Proof.Look +
			"; and only then write it again, under a new idempotencyKey"
		if u.RetryAfter > 0 {
			out.Message = "nobody answered yet whether this was written: send the same mutation with the same idempotencyKey again, and it is found out"
			out.Extensions["retryAfter"] = seconds(u.RetryAfter)
		}
	case errors.Is(err, ledger.ErrConflict):
		out.Message, out.Extensions["code"] = "this idempotencyKey was used for another input: make up a new one for each intention", apierror.IdempotencyConflict
	case errors.Is(err, ledger.ErrUnavailable):
		out.Message, out.Extensions["code"] = "the ledger of writes cannot be reached just now; nothing was sent", apierror.UpstreamUnavailable
		out.Extensions["retryable"] = true
	case errors.Is(err, ledger.ErrBusy):
		out.Message, out.Extensions["code"] = "other writes to the same record are not through yet; nothing was sent", apierror.UpstreamUnavailable
		out.Extensions["retryable"] = true
	case errors.Is(err, ledger.ErrReads):
		out.Extensions["code"], out.Extensions["retryable"] = apierror.TooComplex, false
		out.Message = fmt.Sprintf("before this write the request reached %s; nothing was sent for it: send it in a request by itself, "+
			"raise these limits, or write it at the vendor", r.readLimits(ctx))
	default:
		return false
	}
	return true
}

// readLimits names the limits of a write's reads.
func (r *Resolver) readLimits(ctx context.Context) string {
	return fmt.Sprintf("%s or the limit of %d pages of one list (limits.pages)", r.callLimit(ctx), r.pages)
}

// retryAfter is how long to wait after a vendor's error. For partners who are over the rate
// it is the account's whole window: when a place comes free shows when others called.
func (r *Resolver) retryAfter(ctx context.Context, err *providers.Error) time.Duration {
	if p, ok := r.byID[err.Account]; ok && err.Kind == providers.KindRateLimited && providers.KeepsReserve(ctx) {
		return time.Duration(p.Account().RateLimit.WindowSeconds) * time.Second
	}
	return err.RetryAfter
}

// seconds are a wait in whole seconds, never less than it.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// fromParser says whether the error was made by the GraphQL library about the request
// itself: such an error wraps none of ours.
func fromParser(e *gqlerror.Error) bool {
	if code, _ := e.Extensions["code"].(string); code != "" {
		return true
	}
	return e.Err == nil || errors.As(e.Err, new(*gqlerror.Error))
}
