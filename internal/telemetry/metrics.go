package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/sweep"
	"github.com/partnergraph/partnergraph/providers"
)

// Metrics counts what the server does. It is made once for a process, and outlives reloads of
// the configuration. It is safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	documented []Metric

	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	errors    *prometheus.CounterVec
	trusted   *prometheus.CounterVec
	answers   *prometheus.CounterVec
	planned   prometheus.Counter
	spent     prometheus.Counter
	attempts  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	exchanges *prometheus.HistogramVec
	waits     *prometheus.HistogramVec
	reads     *prometheus.CounterVec
	writes    *prometheus.CounterVec
	hooks     *prometheus.CounterVec
	sweeps    *prometheus.CounterVec
	commands  *prometheus.HistogramVec
	redisUp   *prometheus.GaugeVec
	reloads   *prometheus.CounterVec
	reloaded  prometheus.Gauge

	version  string
	started  time.Time
	accounts accounts
	unknown  unknownWrites
	lines    lastLines
}

// namespace begins the name of each metric.
const namespace = "partnergraph"

// The upper bounds of histograms, in seconds.
var (
	requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	redisBuckets   = []float64{.0002, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 5}
)

// New makes metrics that count nothing yet.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), version: version, started: time.Now()}
	document := func(name, kind, help string, labels []string) {
		m.documented = append(m.documented, Metric{namespace + "_" + name, kind, help, labels})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		document(name, "counter", help, labels)
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histograms := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		document(name, "histogram", help, labels)
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		document(name, "gauge", help, labels)
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	m.requests = counters("requests_total", "HTTP requests that were answered, by route, status and role of the viewer.", "route", "status", "role")
	m.duration = histograms("request_seconds", "Time from the request's header to the end of its answer.", requestBuckets, "route")
	m.errors = counters("request_errors_total", "Answers with errors, once for each code in them.", "code")
	m.trusted = counters("operations_total", "Requests for documents of the manifest, by the name of the operation.", "operation")
	m.answers = counters("answers_total", "Answers of operations: kept (cache of finished answers), shared (execution for another request) or executed.", "from")
	m.planned = counters("planned_calls_total", "Calls to vendors that executed operations were planned to take.").WithLabelValues()
	m.spent = counters("spent_calls_total", "Calls to vendors that executed operations took.").WithLabelValues()
	m.attempts = counters("upstream_attempts_total", "Attempts to call a vendor, by account, endpoint and outcome; sent says whether a request left.",
		"account", "endpoint", "outcome", "sent")
	m.retries = counters("upstream_retries_total", "Attempts to call a vendor after the first one.", "account")
	m.exchanges = histograms("upstream_seconds", "Time of an exchange with a vendor.", requestBuckets, "account")
	m.waits = histograms("budget_wait_seconds", "Time that a call waited for a place in the account's budget.", requestBuckets, "account")
	m.reads = counters("cache_reads_total", "Records, pages and counts that were answered, by layer: memory, redis, stale, flight (another request's call) or vendor.",
		"account", "noun", "layer")
	m.hooks = counters("webhook_deliveries_total", "Deliveries of webhooks to addresses of accounts, by outcome: recorded, repeated, "+
		"ignored, unverified, unreadable or refused.", "account", "outcome")
	m.sweeps = counters("sweeps_total", "Lists that were to be looked at for changes that no webhook tells, by outcome: read, held (the calls "+
		"were left to others) or failed.", "account", "outcome")
	m.writes = counters("writes_total", "Mutations, by outcome: made, refused, unknown or not sent; replayed ones were answered from the ledger.",
		"account", "mutation", "outcome", "replayed")
	m.commands = histograms("redis_seconds", "Time of a round trip to Redis, by role and outcome; those that wait for a change do not count.", redisBuckets, "role", "outcome")
	m.redisUp = gauges("redis_up", "Whether the last command to the Redis of a role reached it.", "role")
	m.reloads = counters("config_reloads_total", "Reloads of the configuration, by outcome.", "outcome")
	m.reloaded = gauges("config_last_reload_timestamp_seconds", "When the configuration in use was read.").WithLabelValues()
	gauges("build_info", "1; the label is the program's version.", "version").WithLabelValues(version).Set(1)
	m.documented = append(m.documented, accountMetrics...)
	// A counter that begins with 1 has not increased, as Prometheus sees it: those that alerts
	// are about are there from the start.
	for _, code := range apierror.Codes {
		m.errors.WithLabelValues(string(code))
	}
	for _, outcome := range []string{reloadOK, reloadRefused} {
		m.reloads.WithLabelValues(outcome)
	}
	m.registry.MustRegister(&m.accounts, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Metric documents a metric.
type Metric struct {
	Name   string
	Type   string // counter, gauge or histogram
	Help   string
	Labels []string
}

// WriteReference writes the reference of all metrics as a Markdown table.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| metric | type | labels | what it is |\n|---|---|---|---|\n")
	for _, m := range New("").documented {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(m.Labels, ", "), m.Help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Handler answers Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second, EnableOpenMetrics: true})
}

// Served counts a request.
func (m *Metrics) Served(s httpapi.Served) {
	role := string(s.Role)
	if role == "" {
		role = "none"
	}
	m.requests.WithLabelValues(s.Route, strconv.Itoa(s.Status), role).Inc()
	m.duration.WithLabelValues(s.Route).Observe(s.Took.Seconds())
	for _, code := range s.Codes {
		m.errors.WithLabelValues(code).Inc()
	}
	if s.Trusted != "" {
		m.trusted.WithLabelValues(s.Trusted).Inc()
	}
	if s.Answer != "" {
		m.answers.WithLabelValues(s.Answer).Inc()
	}
	if s.Answer == httpapi.AnswerExecuted {
		m.planned.Add(float64(s.Planned))
		m.spent.Add(float64(s.Spent))
	}
}

// Attempted counts an attempt to call a vendor.
func (m *Metrics) Attempted(a providers.Attempt) {
	m.attempts.WithLabelValues(a.Account, a.Op, a.Outcome, strconv.FormatBool(a.Sent)).Inc()
	if a.Asked { // others waited for nothing, and would look like places without a wait
		m.waits.WithLabelValues(a.Account).Observe(a.Waited.Seconds())
	}
	if a.Sent {
		m.exchanges.WithLabelValues(a.Account).Observe(a.Took.Seconds())
	}
	if a.Sent && a.Number > 1 {
		m.retries.WithLabelValues(a.Account).Inc()
	}
}

// Read counts answers of an account's cache.
func (m *Metrics) Read(account string, noun providers.Noun, from cache.Layer, n int) {
	m.reads.WithLabelValues(account, string(noun), string(from)).Add(float64(n))
}

// Swept counts a list that was to be looked at for changes.
func (m *Metrics) Swept(account string, outcome sweep.Outcome) {
	m.sweeps.WithLabelValues(account, string(outcome)).Inc()
}

// Delivered counts a delivery of a webhook.
func (m *Metrics) Delivered(account string, outcome intake.Outcome) {
	m.hooks.WithLabelValues(account, string(outcome)).Inc()
}

// Wrote counts a mutation, and keeps those whose outcome is unknown.
func (m *Metrics) Wrote(a ledger.Audit) {
	m.writes.WithLabelValues(a.Account, string(a.Mutation), a.Outcome, strconv.FormatBool(a.Replayed)).Inc()
	m.unknown.note(a)
}

// Commanded counts a round trip to Redis.
func (m *Metrics) Commanded(c redisclient.Command) {
	outcome, up := "ok", 1.0
	if c.Unreached {
		outcome, up = "unreached", 0
	} else if c.Err != nil {
		outcome = "error"
	}
	if !c.Blocking {
		m.commands.WithLabelValues(string(c.Role), outcome).Observe(c.Took.Seconds())
	}
	m.redisUp.WithLabelValues(string(c.Role)).Set(up)
}

// The outcomes of a reload.
const (
	reloadOK      = "ok"
	reloadRefused = "refused"
)

// Reloaded counts a reload of the configuration, and the first reading of it.
func (m *Metrics) Reloaded(at time.Time, err error) {
	if err != nil {
		m.reloads.WithLabelValues(reloadRefused).Inc()
		return
	}
	m.reloads.WithLabelValues(reloadOK).Inc()
	m.reloaded.Set(float64(at.Unix()))
}
