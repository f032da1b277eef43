package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// TestOperatorsPages wants /metrics shown to staff who may see all accounts, and to nobody
// else; on a listener of its own it is shown to whoever reaches that, and nowhere else.
func TestOperatorsPages(t *testing.T) {
	key := func(name, sha, rest string) string {
		return fmt.Sprintf("    - { name: %s, sha256: %s, %s }\n", name, sha, rest)
	}
	text := sandboxed(t) + "auth:\n  jwt: { issuer: portal, audience: graph, hs256_secret: " + shareSecret + " }\n  api_keys:\n" +
		key("all", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", "role: reader") + // "secret"
		key("some", "7b508dace774f8adc1b121c1812b740904be6dfd37e3b5e3579bc81fbf6f5553", "role: admin, accounts: [promotekit]") // "limited"
	s := start(t, "serve", "--config", write(t, text), "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	for _, tt := range []struct {
		name   string
		header []string
		want   int
	}{
		{"nobody", nil, 401},
		{"a wrong key", []string{"Authorization", "Bearer x"}, 401},
		{"a partner", bearer(t, "p", "partner", "promotekit"), 403},
		{"staff of one account", []string{"Authorization", "Bearer limited"}, 403},
		{"staff", []string{"Authorization", "Bearer secret"}, 200},
		{"staff by token", bearer(t, "boss", "reader", ""), 200},
	} {
		for _, path := range []string{"/metrics", "/status.json"} {
			if status, body := getWith(t, base+path, tt.header...); status != tt.want || strings.Contains(body, "promotekit") != (tt.want == 200) {
				t.Errorf("%s of %s: %d, want %d: %.100s", path, tt.name, status, tt.want, body)
			}
		}
	}
	own := start(t, "serve", "--config", write(t, text+"admin: { listen: 127.0.0.1:0, hosts: [Metrics.internal] }\nlog: { level: debug }\n"), "--listen", "127.0.0.1:0")
	base = own.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	admin := "http://" + own.stderr.await(t, `"adminAddress":"([^"]+)"`)[1]
	if status, body := get(t, base+"/status"); status != 404 {
		t.Errorf("the main listener shows the status page: %d %.100s", status, body)
	}
	for url, want := range map[string]int{base + "/metrics": 404, base + "/status.json": 404, admin + "/status": 200, admin + "/status.json": 200, admin + "/metrics": 200, admin + "/healthz": 200, admin + "/readyz": 200, admin + "/graphql": 404, admin + "/": 404} {
		if status, _ := getWith(t, url, "Authorization", "Bearer secret"); status != want {
			t.Errorf("%s: %d, want %d", url, status, want)
		}
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(admin, "http://"), ":")
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST": 200, "127.0.0.1": 200, "10.1.2.3": 200, "[::1]": 200, "metrics.internal": 200, "Metrics.Internal": 200,
		"evil.example": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "xmetrics.internal": 403, "internal": 403,
	} {
		for _, with := range []string{host, host + ":" + port} {
			for _, path := range []string{"/metrics", "/status.json"} {
				if status, body := getWith(t, admin+path, "Host", with); status != want || (want == 200) != strings.Contains(body, "promotekit") {
					t.Errorf("%s by the name %s: %d, want %d", path, with, status, want)
				}
			}
			if status, _ := getWith(t, admin+"/readyz", "Host", with); status != 200 { // which tells nothing
				t.Errorf("/readyz by the name %s: %d", with, status)
			}
		}
	}
}

// TestStatusPage wants the page to ask for a key where one is needed, to keep it nowhere, and
// to show accounts, what they have left, and what went wrong, without a request elsewhere.
func TestStatusPage(t *testing.T) {
	text := sandboxed(t) + "auth:\n  api_keys:\n    - { name: ops, sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b, role: reader }\n"
	s := start(t, "serve", "--config", write(t, keyLine.ReplaceAllString(text, `${1}"refused-key"`)), "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	s.stderr.await(t, `an account does not answer.*uppromote`)
	ask(t, base, `{ commissions(first: 2) { nodes { id } } }`, "Authorization", "Bearer secret")
	b := browse(t)
	b.base = base
	b.do(chromedp.Navigate(base + "/status"))
	enter := func(key string) {
		b.do(chromedp.WaitVisible(chromedp.CSS("#key")), chromedp.Click(chromedp.CSS("#key")), chromedp.KeyEvent(key), chromedp.Click(chromedp.CSS("#ask button")))
	}
	enter("guess")
	b.await("#problem", "The key is not known here.")
	enter("secret")
	for selector, want := range map[chromedp.CSS]string{
		"#accounts": "unauthorized (status 401)", "#errors": "an account does not answer", "#redis": "everything is kept in the memory", "#noWrites": "None that this process has met", "#main": "Other replicas may have met others",
	} {
		b.await(selector, want)
	}
	for _, want := range []string{"PromoteKit", "OK", "DOWN", " of 200 in 60 s", "vendor 1"} {
		b.await("#accounts", want)
	}
	if kept := b.evaluate("location.href + JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie + document.getElementById('key').value"); strings.Contains(kept, "secret") {
		t.Errorf("the key is kept: %s", kept)
	}
	requests, problems := b.happened()
	for _, request := range requests {
		if !strings.HasPrefix(request, base+"/") {
			t.Errorf("a request to another host: %s", request)
		}
	}
	for _, problem := range problems {
		if !strings.Contains(problem, "401") { // of the question without a key, and with a wrong one
			t.Errorf("the console says %q", problem)
		}
	}
	if folder := os.Getenv("PG_SCREENSHOTS"); folder != "" {
		shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "status.png"), shot, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// getWith is get with headers.
func getWith(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	return do(t, r)
}

// TestRefusalsAreExplained wants the log line of each refused request to say why, and never
// to hold the token.
func TestRefusalsAreExplained(t *testing.T) {
	text := sandboxed(t) + "auth:\n  jwt: { issuer: portal, audience: other, hs256_secret: " + shareSecret + " }\n"
	s := start(t, "serve", "--config", write(t, text), "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	token := bearer(t, "boss", "reader", "")
	for _, tt := range []struct {
		header []string
		status int
		want   string
	}{
		{token, 401, `"reason":"the claim aud: expected the configured audience (auth.jwt.audience)"`},
		{[]string{token[0], token[1] + "x"}, 401, `"reason":"the signature is wrong`},
		{nil, 401, `"reason":"no API key`},
		{[]string{"Authorization", "Bearer s3cret"}, 401, `"reason":"the API key is not known here`},
		{[]string{"Origin", "https://evil.example"}, 403, `"reason":"the origin \\"https://evil.example\\" is not listed in cors.origins"`},
	} {
		if status, _ := ask(t, base, `{ viewer { name } }`, tt.header...); status != tt.status {
			t.Errorf("%q: %d, want %d", tt.header, status, tt.status)
		}
		s.stderr.await(t, `"status":`+fmt.Sprint(tt.status)+`,.*`+regexpQuote(tt.want))
	}
	if log := s.stderr.String(); strings.Contains(log, "s3cret") || strings.Contains(log, token[1][7:]) {
		t.Errorf("the log holds what was sent:\n%s", log)
	}
}

// regexpQuote quotes a text for a pattern that allows the backslashes of JSON.
func regexpQuote(text string) string {
	for _, special := range []string{`(`, `)`, `.`} {
		text = strings.ReplaceAll(text, special, `\`+special)
	}
	return text
}

// TestLogLevels wants probes logged at DEBUG alone, and a line of a request to have what it
// cost.
func TestLogLevels(t *testing.T) {
	for level, want := range map[string]bool{"debug": true, "info": false, "warn": false} {
		s := start(t, "serve", "--config", write(t, sandboxed(t)+"log: { level: "+level+" }\n"), "--listen", "127.0.0.1:0")
		base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
		get(t, base+"/healthz")
		ask(t, base, `{ campaigns(first: 1) { nodes { id } } }`)
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		log := s.stderr.String()
		if strings.Contains(log, `"path":"/healthz"`) != want {
			t.Errorf("%s: the probe is logged: %t, want %t", level, !want, want)
		}
		if line := `"answer":"executed","calls":`; strings.Contains(log, line) != (level != "warn") {
			t.Errorf("%s: the request's line: %s", level, log)
		}
		if strings.Contains(log, `"msg":"serving"`) != (level != "warn") {
			t.Errorf("%s: the line of the start: %s", level, log)
		}
	}
}

// otlp is a collector of traces.
type otlp struct {
	mu    sync.Mutex
	spans []*spans.Span
	names map[string]string // values of resource attributes
}

func (o *otlp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	data, err := io.ReadAll(body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &sent)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, resource := range sent.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			o.names[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range resource.ScopeSpans {
			o.spans = append(o.spans, scope.Spans...)
		}
	}
}

// attributes are those of a span as text.
func attributes(s *spans.Span) string {
	found := map[string]string{}
	for _, a := range s.Attributes {
		found[a.Key] = a.Value.String()
	}
	text, _ := json.Marshal(found)
	return string(text)
}

// TestTraces wants a span for the request, the operation, each batch, each call to a vendor
// and each round trip to Redis, all in the trace that the client began, and no value of the
// document or of a customer in them.
func TestTraces(t *testing.T) {
	o := &otlp{names: map[string]string{}}
	server := httptest.NewServer(o)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	redis := redistest.Start(t)
	for _, documents := range []bool{false, true} {
		o.spans = nil
		text := sandboxed(t) + fmt.Sprintf("redis: { cache: %q, timeout: 5s, replicas: 1 }\ntraces: { documents: %t }\n", redis.Target().Addresses[0].Reveal(), documents)
		s := startWith(t, config.Getenv(func(name string) (string, bool) {
			return server.URL, name == "OTEL_EXPORTER_OTLP_ENDPOINT"
		}), "serve", "--config", write(t, text), "--listen", "127.0.0.1:0")
		base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
		const trace = "0af7651916cd43dd8448eb211c80319c"
		ask(t, base, `query Portal { affiliates(first: 2, filter: { email: "secret@example.com" }) { nodes { id } } referrals(first: 2) { nodes { affiliate { name createdAt } } } }`,
			"Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		s.stderr.await(t, `"traceId":"`+trace+`"`)
		o.mu.Lock()
		kinds := map[string]int{}
		byID := map[string]*spans.Span{}
		for _, span := range o.spans {
			byID[string(span.SpanId)] = span
		}
		for _, span := range o.spans {
			if fmt.Sprintf("%x", span.TraceId) != trace {
				t.Errorf("%s is in another trace", span.Name)
			}
			if parent := byID[string(span.ParentSpanId)]; parent == nil && span.Name != "POST /graphql" {
				t.Errorf("%s has no parent", span.Name)
			}
			switch {
			case span.Name == "POST /graphql" && span.Kind == spans.Span_SPAN_KIND_SERVER:
				kinds["request"]++
			case span.Name == "query":
				kinds["operation"]++
			case strings.HasPrefix(span.Name, "load "):
				kinds["batch"]++
			case strings.HasPrefix(span.Name, "GET /"):
				kinds["call"]++
			case strings.Contains(attributes(span), "redis"):
				kinds["redis"]++
			default:
				t.Errorf("a span of an unknown kind: %s %s", span.Name, attributes(span))
			}
			if text := span.Name + attributes(span); strings.Contains(text, "secret@") && !documents {
				t.Errorf("a span shows an address: %s", text)
			}
			if span.Name == "query" && strings.Contains(attributes(span), "graphql.document") != documents {
				t.Errorf("documents are shown: %t, want %t", !documents, documents)
			}
		}
		o.mu.Unlock()
		want := []string{"batch", "call", "operation", "redis", "request"}
		if got := slices.Sorted(maps.Keys(kinds)); documents == false && !slices.Equal(got, want) {
			t.Errorf("kinds of spans: %v, want %v", kinds, want)
		}
		if kinds["request"] != 1 || kinds["operation"] != 1 {
			t.Errorf("%v, want one request and one operation", kinds)
		}
	}
	if o.names["service.name"] != "partnergraph" || o.names["service.version"] == "" {
		t.Errorf("the resource is %v", o.names)
	}
}
