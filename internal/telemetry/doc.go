// Package telemetry is what operators see of the server: [Metrics] for Prometheus, and
// traces by OTLP ([Traces]).
//
// It imports what it measures, and nothing that it measures imports it: each package has an
// observer among its options, which the program sets to a method of Metrics. What is true of
// a moment, as the budget that is left, is read when Prometheus asks.
//
// Every label has few values: accounts, templates of endpoints, nouns and words of this
// program. No label comes from a request but the name of an operation that is in the
// configured manifest.
package telemetry
