package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

// accounts tells Prometheus how the accounts are doing when it asks.
type accounts struct {
	list atomic.Pointer[[]providers.Provider]
}

// accountMetrics document what is read of accounts.
var accountMetrics = []Metric{
	{namespace + "_account_status", "gauge", "1 for the status that the account has: OK, DEGRADED (an endpoint fails) or DOWN (its circuit breaker is open).",
		[]string{"account", "status"}},
	{namespace + "_budget_limit_calls", "gauge", "Calls that the account may make in its window.", []string{"account"}},
	{namespace + "_budget_left_calls", "gauge", "Calls of its window that the account has left.", []string{"account"}},
}

// descriptionOf is a documented metric for Prometheus.
func descriptionOf(m Metric) *prometheus.Desc {
	return prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
}

var (
	statusMetric = descriptionOf(accountMetrics[0])
	limitMetric  = descriptionOf(accountMetrics[1])
	leftMetric   = descriptionOf(accountMetrics[2])
)

// Accounts sets the accounts that metrics are about.
func (m *Metrics) Accounts(list []providers.Provider) {
	m.accounts.list.Store(&list)
	for _, p := range list {
		for _, outcome := range intake.Outcomes {
			m.hooks.WithLabelValues(p.AccountID(), string(outcome))
		}
		for _, proof := range p.Proofs() {
			m.writes.WithLabelValues(p.AccountID(), string(proof.Mutation), ledger.OutcomeUnknown, "false")
		}
	}
}

// Describe names the metrics, as prometheus.Collector wants it.
func (a *accounts) Describe(to chan<- *prometheus.Desc) {
	to <- statusMetric
	to <- limitMetric
	to <- leftMetric
}

// Collect reads the metrics, as prometheus.Collector wants it. No call is made.
func (a *accounts) Collect(to chan<- prometheus.Metric) {
	list := a.list.Load()
	if list == nil {
		return
	}
	gauge := func(metric *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(metric, prometheus.GaugeValue, value, labels...)
	}
	for _, p := range *list {
		account := p.Account()
		for _, status := range []providers.AccountStatus{providers.AccountOK, providers.AccountDegraded, providers.AccountDown} {
			value := 0.0
			if account.Status == status {
				value = 1
			}
			gauge(statusMetric, value, p.AccountID(), string(status))
		}
		gauge(limitMetric, float64(account.RateLimit.Limit), p.AccountID())
		gauge(leftMetric, float64(account.RateLimit.Remaining), p.AccountID())
	}
}
