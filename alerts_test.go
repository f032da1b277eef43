package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

const alertsFile = "deploy/prometheus/alerts.yaml"

// alert is a rule of alertsFile.
type alert struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

// alerts are the rules of alertsFile, by name.
func alerts(t *testing.T) map[string]alert {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	data, err := os.ReadFile(alertsFile)
	if err == nil {
		err = yaml.Unmarshal(data, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]alert{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			found[r.Alert] = r
		}
	}
	return found
}

// observedServer is a server over simulators and two Redis, whose metrics are recorded.
type observedServer struct {
	t              *testing.T
	base, config   string
	kits           map[string]*sandbox.Kit
	cache, durable *redistest.Server
	passed         atomic.Int64 // added to the clock
	panics         atomic.Bool  // coupons of UpPromote panic
	keys           int
	stderr         *output
}

// panicky is an account whose coupons panic when they are asked for.
type panicky struct {
	providers.Provider
	on *atomic.Bool
}

func (p panicky) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	if p.on.Load() {
		panic("a fault of the program")
	}
	return p.Provider.Coupons(f)
}

func newObserved(t *testing.T) *observedServer {
	t.Helper()
	s := &observedServer{t: t, cache: redistest.Start(t), durable: redistest.Start(t, "--appendonly", "yes")}
	kits, accounts := simulated(t, providers.SandboxSmall, 8*time.Second)
	s.kits = kits
	lines := strings.Split(accounts, "\n")
	for i, line := range lines {
		if strings.Contains(line, "id: firstpromoter") {
			lines[i] = strings.Replace(line, "requests: 100000, per: 1m", "requests: 20, per: 1h", 1)
		}
	}
	accounts = strings.Join(lines, "\n")
	s.config = write(t, accounts+fmt.Sprintf("redis: { cache: %q, durable: %q, replicas: 1, timeout: 2s }\nlimits: { load: 1000, timeout: 10s }\ncache: { responses: 0B }\n",
		s.cache.Target().Addresses[0].Reveal(), s.durable.Target().Addresses[0].Reveal()))
	var factories []providers.Factory
	for _, f := range all.Registry().Factories() {
		if f.Name == "uppromote" {
			inner := f.New
			f.New = func(c providers.Config) (providers.Provider, error) {
				p, err := inner(c)
				return panicky{p, &s.panics}, err
			}
		}
		factories = append(factories, f)
	}
	registry, err := providers.NewRegistry(factories...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stdout := newOutput()
	s.stderr = newOutput()
	p := &process{ctx: ctx, getenv: noEnv, stdout: stdout, stderr: s.stderr, registry: registry,
		now: func() time.Time { return time.Now().Add(time.Duration(s.passed.Load())) }}
	done := make(chan error, 1)
	go func() { done <- serveCommand{Config: s.config, Listen: "127.0.0.1:0"}.Run(p) }()
	t.Cleanup(func() { cancel(); <-done })
	s.base = stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	return s
}

// query asks, and wants the answer to hold a text.
func (s *observedServer) query(query, want string) {
	s.t.Helper()
	if status, body := ask(s.t, s.base, query); !strings.Contains(body, want) {
		s.t.Errorf("%s: %d %.300s, want %q", query, status, body, want)
	}
}

// create makes a campaign's affiliate at PromoteKit, and wants the answer to hold a text.
func (s *observedServer) create(want string) {
	s.t.Helper()
	s.keys++
	s.query(fmt.Sprintf(`mutation { createAffiliate(input: { idempotencyKey: "alert-%04d", account: %q, email: "alert%d@example.com", firstName: "A", lastName: "B" }) { affiliate { id } userErrors { code } } }`,
		s.keys, providers.NewAccountNode("promotekit", time.Time{}).ID.String(), s.keys), want)
}

var sample = regexp.MustCompile(`(?m)^((?:partnergraph_\w+)(?:\{[^}]*\})?) ([0-9.e+-]+)$`)

// scrape is what /metrics says: each series with its value.
func (s *observedServer) scrape() map[string]float64 {
	s.t.Helper()
	status, body := get(s.t, s.base+"/metrics")
	if status != http.StatusOK {
		s.t.Fatalf("/metrics: %d %s", status, body)
	}
	series := map[string]float64{}
	for _, m := range sample.FindAllStringSubmatch(body, -1) {
		value, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		if !strings.Contains(m[1], "_bucket{") {
			series[m[1]] = value
		}
	}
	return series
}

// replay is a test for promtool: five minutes of the first scrape, and then an hour in which
// gauges are as in the second one, and counters grow in each minute as much as between both.
// want are the labels of the alert that has to fire at the end; nil for none.
func replay(t *testing.T, before, after map[string]float64, rule alert, want map[string]string) string {
	t.Helper()
	path, err := filepath.Abs(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [%q]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n", path)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		first, known := before[name]
		last, step := after[name], 0.0
		if metric, _, _ := strings.Cut(name, "{"); strings.HasSuffix(metric, "_total") {
			step = last - first
		}
		begin := "_x5" // not there yet
		if known {
			begin = fmt.Sprintf("%g+0x5", first)
		}
		fmt.Fprintf(&b, "      - series: '%s'\n        values: '%s %g+%gx60'\n", name, begin, last, step)
	}
	fmt.Fprintf(&b, "    alert_rule_test:\n      - eval_time: 65m\n        alertname: %s\n        exp_alerts:", rule.Alert)
	if want == nil {
		return b.String() + " []\n"
	}
	b.WriteString("\n          - exp_labels: {")
	for name, value := range want {
		fmt.Fprintf(&b, " %s: %q,", name, value)
	}
	for name, value := range rule.Labels {
		fmt.Fprintf(&b, " %s: %q,", name, value)
	}
	summary := strings.ReplaceAll(rule.Annotations["summary"], "{{ $labels.account }}", want["account"])
	fmt.Fprintf(&b, " }\n            exp_annotations: { summary: %q }\n", summary)
	return b.String()
}

// TestAlerts wants each alert to fire in a recorded run with its fault, and none in one
// without.
func TestAlerts(t *testing.T) {
	long(t)
	promtool := needs.Program(t, "promtool")
	s := newObserved(t)
	const lists = `{ affiliates(first: 2) { nodes { id } } campaigns(first: 2) { nodes { id } } }`
	fresh := func(account string) string {
		return fmt.Sprintf(`{ referrals(first: 2, filter: { accounts: [%q] }) { nodes { id } } }`, providers.NewAccountNode(account, time.Time{}).ID.String())
	}
	firstPromoter := providers.NewAccountNode("firstpromoter", time.Time{}).ID.String()
	expire := func() { s.passed.Add(int64(48 * time.Hour)) }
	began := s.scrape()
	s.query(lists, `"nodes"`)
	s.create(`"userErrors":[]`)
	healthy := s.scrape()
	account := func(id string) map[string]string { return map[string]string{"account": id} }
	faults := []struct {
		alert string
		want  map[string]string // labels beside those of the rule
		fault func()            // what happens until the second scrape
		end   func()            // nil: nothing has to be mended
	}{
		{"PartnergraphAccountDown", account("promotekit"), func() {
			expire()
			s.kits["promotekit"].Set(sandbox.KeyRefused, true)
			s.query(fresh("promotekit"), "UPSTREAM_UNAUTHORIZED")
		}, func() { s.kits["promotekit"].Set(sandbox.KeyRefused, false) }},
		{"PartnergraphAccountDegraded", account("uppromote"), func() {
			expire()
			s.kits["uppromote"].SetErrorRate(1)
			s.query(fresh("uppromote"), "UPSTREAM_UNAVAILABLE")
		}, func() { s.kits["uppromote"].SetErrorRate(0) }},
		{"PartnergraphBudgetUsedUp", account("firstpromoter"), func() {
			for n := range 20 {
				ask(t, s.base, fmt.Sprintf(`{ affiliates(first: 1, filter: { accounts: [%q], email: "nobody%d@example.com" }) { nodes { id } } }`, firstPromoter, n))
			}
		}, nil},
		{"PartnergraphWriteUnknown", account("promotekit"), func() {
			s.kits["promotekit"].Choose(func(r *http.Request) (sandbox.Fault, bool) {
				return sandbox.Fault{End: sandbox.EndHeaders}, r.Method == http.MethodPost
			})
			s.create("OUTCOME_UNKNOWN")
		}, func() { s.kits["promotekit"].Choose(nil) }},
		{"PartnergraphInternalErrors", map[string]string{}, func() {
			s.panics.Store(true)
			s.query(`{ coupons(first: 1) { nodes { id } } }`, "INTERNAL")
		}, func() { s.panics.Store(false) }},
		{"PartnergraphOverloaded", map[string]string{}, func() {
			expire()
			s.kits["promotekit"].SetLatency(500*time.Millisecond, 0)
			var wg sync.WaitGroup
			for n := range 150 {
				wg.Go(func() { ask(t, s.base, fmt.Sprintf(`{ commissions(first: %d) { nodes { id } } }`, n%100+1)) })
			}
			wg.Wait()
		}, func() { s.kits["promotekit"].SetLatency(0, 0) }},
		{"PartnergraphConfigurationRefused", map[string]string{}, func() {
			text, err := os.ReadFile(s.config)
			if err == nil {
				err = os.WriteFile(s.config, append(text, "surprise: true\n"...), 0o600)
			}
			if err == nil {
				err = syscall.Kill(os.Getpid(), syscall.SIGHUP)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.stderr.await(t, "was read again and refused")
		}, nil},
		{"PartnergraphStaleData", account("uppromote"), func() {
			s.query(fresh("uppromote"), `"nodes":[{`)
			s.passed.Add(int64(10 * time.Minute))
			s.kits["uppromote"].SetDown(true)
			for range 30 {
				s.query(fresh("uppromote"), `"nodes":[{`)
			}
		}, func() { s.kits["uppromote"].SetDown(false) }},
		{"PartnergraphCacheRedisDown", map[string]string{}, func() {
			s.cache.Stop()
			s.query(fresh("promotekit"), `"nodes"`)
			s.stderr.await(t, `"level":"WARN","msg":"the cache's Redis does not answer`)
		}, func() { s.cache.Restart() }},
		{"PartnergraphDurableRedisDown", map[string]string{}, func() {
			s.durable.Stop()
			s.create("UPSTREAM_UNAVAILABLE")
			s.stderr.await(t, `"level":"ERROR","msg":"the durable Redis does not answer`)
		}, func() {
			s.durable.Restart()
			s.create(`"userErrors":[]`)
			s.stderr.await(t, `"level":"INFO","msg":"Redis answers again","role":"durable"`)
		}},
	}
	rules := alerts(t)
	files := []string{}
	add := func(name, text string) {
		path := filepath.Join(t.TempDir(), name+".yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		add("healthy-"+name, replay(t, began, healthy, rules[name], nil))
	}
	for _, f := range faults {
		before := s.scrape()
		f.fault()
		add(f.alert, replay(t, before, s.scrape(), rules[f.alert], f.want))
		if f.end != nil {
			f.end()
		}
		delete(rules, f.alert)
	}
	for name := range rules {
		t.Errorf("no fault fires %s", name)
	}
	out, err := exec.CommandContext(t.Context(), promtool, append([]string{"test", "rules"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestNamedMetrics wants the metrics that alerts, the dashboard and the docs name to be
// there.
func TestNamedMetrics(t *testing.T) {
	s := newObserved(t)
	s.query(`{ affiliates(first: 2) { nodes { id } } }`, `"nodes"`)
	_, body := get(t, s.base+"/metrics")
	named := regexp.MustCompile(`\b(partnergraph|process|go)_[a-z_]+\b`)
	for _, path := range []string{alertsFile, "deploy/grafana/partnergraph.json", "docs/operations.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, name := range named.FindAllString(string(text), -1) {
			name = strings.TrimSuffix(name, "_bucket")
			if seen[name] {
				continue
			}
			seen[name] = true
			if !strings.Contains(body, "# TYPE "+name+" ") && !slices.Contains(lateMetrics, name) {
				t.Errorf("%s names %s, which /metrics does not have", path, name)
			}
		}
	}
}

// lateMetrics are there once something has happened that TestNamedMetrics does not do.
var lateMetrics = []string{"partnergraph_writes_total", "partnergraph_upstream_retries_total", "partnergraph_request_errors_total", "partnergraph_operations_total", "partnergraph_sweeps_total"}
