package rest

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/partnergraph/partnergraph/providers"
)

// scopeName names the spans of this package.
const scopeName = "github.com/partnergraph/partnergraph/providers"

// startSpan starts the span of an attempt where the request is traced. It has the
// attributes of https://opentelemetry.io/docs/specs/semconv/http/http-spans/ but url.full,
// which could show e-mail addresses. The trace does not go on at the vendor.
func (c *Client) startSpan(ctx context.Context, r Request, number int) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsValid() {
		return ctx, parent
	}
	template := strings.TrimPrefix(r.Op, r.method()+" ")
	attributes := []attribute.KeyValue{
		attribute.String("http.request.method", r.method()),
		attribute.String("url.template", template),
		attribute.String("partnergraph.account", c.c.Account),
		attribute.String("partnergraph.provider", c.c.Provider),
	}
	if u, err := url.Parse(c.c.BaseURL); err == nil {
		attributes = append(attributes, attribute.String("server.address", u.Hostname()))
	}
	if number > 1 {
		attributes = append(attributes, attribute.Int("http.request.resend_count", number-1))
	}
	return parent.TracerProvider().Tracer(scopeName).Start(ctx, r.method()+" "+template,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
}

// endSpan notes how an attempt ended. What the vendor said is not in it.
func endSpan(span trace.Span, status int, f *failure) {
	if !span.IsRecording() {
		return
	}
	if status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	if f == nil || f.err.Kind == providers.KindNotFound && status == http.StatusNotFound {
		return
	}
	span.SetAttributes(attribute.String("error.type", string(f.err.Kind)))
	span.SetStatus(codes.Error, string(f.err.Kind))
}
