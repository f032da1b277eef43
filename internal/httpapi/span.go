package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// scopeName names the spans of this package.
const scopeName = "github.com/partnergraph/partnergraph/internal/httpapi"

// startRequest starts the span of a request, which goes on a trace that the client began.
// Without a tracer provider nothing is traced. Names and attributes are those of
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
func startRequest(provider trace.TracerProvider, r *http.Request) (context.Context, trace.Span) {
	ctx := r.Context()
	if provider == nil {
		return ctx, trace.SpanFromContext(ctx)
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	route, name := routeOf(r.URL.Path), methodOf(r)
	attributes := []attribute.KeyValue{attribute.String("http.request.method", name), attribute.String("url.scheme", "http")}
	if route != "other" {
		name += " " + route
		attributes = append(attributes, attribute.String("http.route", route), attribute.String("url.path", route))
	}
	return provider.Tracer(scopeName).Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
}

// methodOf is the method of a request, of those that HTTP has.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodOptions, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch:
		return r.Method
	}
	return "_OTHER"
}

// endRequest notes how a request was answered.
func endRequest(span trace.Span, s Served) {
	if span.IsRecording() {
		span.SetAttributes(attribute.Int("http.response.status_code", s.Status))
		if len(s.Codes) > 0 {
			span.SetAttributes(attribute.String("error.type", s.Codes[0]))
		}
		if s.Status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}

// maxTracedText is how many bytes of a document a span has: thousands of spans may wait for
// their export at once.
const maxTracedText = 4 << 10

// tracedText is a document as a span has it, as a text of its own.
func tracedText(document string) string {
	if len(document) <= maxTracedText {
		return strings.Clone(document)
	}
	return strings.ToValidUTF8(document[:maxTracedText], "") + "…"
}

// startOperation starts the span of an operation, where its request is traced. Attributes
// are those of https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/. The
// document, which may hold e-mail addresses, is among them only where that is configured.
func startOperation(ctx context.Context, op *graphql.OperationContext, document bool) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsValid() {
		return ctx, trace.SpanFromContext(context.Background())
	}
	kind := string(op.Operation.Operation)
	attributes := []attribute.KeyValue{attribute.String("graphql.operation.type", kind)}
	if name := nameOf(op); name != "" {
		attributes = append(attributes, attribute.String("graphql.operation.name", name))
	}
	if document {
		attributes = append(attributes, attribute.String("graphql.document", tracedText(op.RawQuery)))
	}
	return parent.TracerProvider().Tracer(scopeName).Start(ctx, kind, trace.WithAttributes(attributes...))
}
