package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// The environment variables that turn traces on, and the protocol that is supported. All
// others that OpenTelemetry names are read by its SDK:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
var endpointVariables = []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}

const protocol = "http/protobuf"

// Traces makes what exports traces by OTLP over HTTP, where the environment names an
// endpoint, and nil where it does not. The caller shuts it down, which exports the rest.
// What cannot be exported is logged.
func Traces(ctx context.Context, getenv func(string) (string, bool), version string, log *slog.Logger) (*trace.TracerProvider, error) {
	value := func(name string) string {
		if text, set := getenv(name); set {
			return text
		}
		return ""
	}
	if !enabled(value) {
		return nil, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if found := value(name); found != "" && found != protocol {
			return nil, fmt.Errorf("%s: found %q, expected %s", name, found, protocol)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("the exporter of traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces cannot be exported", slog.Any("error", err)) }))
	described, err := resource.Merge(
		resource.NewSchemaless(attribute.String("service.name", "partnergraph"), attribute.String("service.version", version)),
		resource.Environment(), // takes precedence
	)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(described)), nil
}

// enabled says whether the environment wants traces.
func enabled(value func(name string) string) bool {
	if value("OTEL_SDK_DISABLED") == "true" || value("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return slices.ContainsFunc(endpointVariables, func(name string) bool { return value(name) != "" })
}
