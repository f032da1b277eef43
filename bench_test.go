package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
)

// The benchmarks of this package print tables for docs/benchmarks.md (`make bench`). What they measure runs in processes of its own: this binary,
// started again.

// childVariable is the environment variable that makes this binary one of the children.
const childVariable = "PARTNERGRAPH_TEST_CHILD"

var children = map[string]func(){"program": main, "vendors": vendorsChild, "plain": plainChild, "redis": redisChild, "records": recordsChild}

// child is a process that was started.
type child struct {
	pid    int
	stdout *output
}

// spawn starts a child. It ends with the benchmark. Its log goes to a file.
func spawn(b *testing.B, name string, args ...string) *child {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	log, err := os.CreateTemp(b.TempDir(), name)
	if err != nil {
		b.Fatal(err)
	}
	c := &child{stdout: newOutput()}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stdout, cmd.Stderr = c.stdout, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a benchmark that is killed leaves nobody behind
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c.pid = cmd.Process.Pid
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); b.Failed() && err == nil {
			b.Logf("%s: %.2000s", name, text)
		}
	})
	return c
}

// proc reads a file about a process from where Linux has them.
func proc(tb testing.TB, pid int, name string) string {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		tb.Skip("only Linux tells what a process takes: ", err)
	}
	return string(text)
}

// cpu is how much time processors have spent on a process so far.
func cpu(tb testing.TB, pid int) (spent time.Duration) {
	tb.Helper()
	stat := proc(tb, pid, "stat")
	// proc_pid_stat(5): behind the name, which may hold anything, user and system time are the 12th and 13th field, in hundredths of a second.
	for _, field := range strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		spent += time.Duration(ticks) * time.Second / 100
	}
	return spent
}

// childProcess is a child, by a clock.
func childProcess(now func() time.Time) *process {
	return &process{ctx: context.Background(), getenv: os.LookupEnv, stdout: os.Stdout, stderr: os.Stderr, registry: all.Registry(), now: now}
}

// childParts are what the program makes of the configuration that the first argument names, but for the store of the cache.
func childParts() (*parts, *config.Config) {
	debug.SetGCPercent(gcPercent)
	p := childProcess(time.Now)
	cfg := must(config.Load(os.Args[1], p.getenv, p.registry))
	redis := must(connect(cfg.Redis))
	return newParts(p, p.logger(), &http.Client{}, redis, cfg), cfg
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// vendorsChild runs the simulators by a clock on which a second passes whenever one looks, so that rate limits stop nobody.
func vendorsChild() {
	began, looks := time.Now(), atomic.Int64{}
	now := func() time.Time { return began.Add(time.Duration(looks.Add(1)) * time.Second) }
	if err := (sandboxCommand{sandboxFlags{Size: os.Args[1], Seed: 1}, "127.0.0.1", 0}).Run(childProcess(now)); err != nil {
		panic(err)
	}
}

// vendors starts the simulators and answers a configuration of them, by which nothing goes stale while it is measured and no limit is in the way.
func vendors(b *testing.B, size providers.SandboxSize) (settings string) {
	b.Helper()
	v := spawn(b, "vendors", string(size))
	v.stdout.await(b, `provider: uppromote(?s:.)*credentials:\n +api_key: "\S+"\n`)
	_, accounts, _ := strings.Cut(v.stdout.String(), "\naccounts:\n")
	accounts = strings.ReplaceAll(accounts, "    credentials:\n", "    rate_limit: { requests: 1000000, per: 1m }\n    credentials:\n")
	return "accounts:\n" + accounts + `
cache: { affiliate: 24h, membership: 24h, campaign: 24h, referral: 24h, commission: 24h, payout: 24h, coupon: 24h, list: 24h, memory: 16GiB }
limits: { calls: 10000 }
`
}

// nested is the query whose warm answer is measured: 100 rows from all vendors, with what hangs on them.
const nested = `{ referrals(first: 100) { nodes { id maskedEmail status affiliate { id name campaign { id name } }
  commissions(first: 5) { nodes { id status amount { amount currencyCode } } } } } }`

// server is one that is measured.
type server struct {
	name   string
	pid    int
	behind int // the process id of the Redis that it asks; 0: none
	host   string
	answer *http.Response // to the query, as it is sent every time
	body   []byte

	rates         []float64 // by round: requests a second
	costs, beyond []float64 // by round: milliseconds of CPU time a request, of the server and of its Redis
}

// question is the query as an HTTP request.
func (s *server) question(tb testing.TB, header ...string) []byte {
	tb.Helper()
	body, err := json.Marshal(map[string]string{"query": nested})
	if err != nil {
		tb.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+s.host+"/graphql", bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// ask sends a request once and keeps the answer.
func (s *server) ask(b *testing.B, header ...string) {
	b.Helper()
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(s.question(b, header...)); err != nil {
		b.Fatal(err)
	}
	if s.answer, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		b.Fatal(err)
	}
	if s.body, err = io.ReadAll(s.answer.Body); err != nil {
		b.Fatal(err)
	}
	if s.answer.StatusCode != http.StatusOK || bytes.Contains(s.body, []byte(`"errors"`)) {
		b.Fatalf("%s answers %d, %.500s", s.name, s.answer.StatusCode, s.body)
	}
}

// warm asks until no vendor is asked any more, and wants all that is read then to come from one source.
func (s *server) warm(b *testing.B, source providers.Source) {
	b.Helper()
	s.ask(b)
	s.ask(b, httpapi.ExplainHeader, "1")
	var explained reply
	if err := json.Unmarshal(s.body, &explained); err != nil {
		b.Fatal(err)
	}
	if calls := explained.Extensions.Explain.Calls; len(calls) == 0 {
		b.Fatalf("%s explains nothing: %.500s", s.name, s.body)
	} else {
		for _, call := range calls {
			if call.Source != source {
				b.Fatalf("%s has %s from %s, not from %s", s.name, call.Path, call.Source, source)
			}
		}
	}
	if n := len(explained.Data.Referrals.Nodes); n != 100 {
		b.Fatalf("%s has %d rows, want 100", s.name, n)
	}
	s.ask(b)
}

// reply is what of an answer is looked at.
type reply struct {
	Data       struct{ Referrals struct{ Nodes []struct{} } }
	Extensions struct {
		Explain struct{ Calls []providers.Call }
	}
}

const (
	clients = 4 // connections that ask without a pause, each for its next answer as soon as it has one
	rounds  = 7
	round   = 2 * time.Second
)

// measure asks for one round.
func (s *server) measure(b *testing.B) {
	b.Helper()
	pids, spent := []int{s.pid, cmp.Or(s.behind, s.pid)}, [2]time.Duration{}
	for i, pid := range pids {
		spent[i] = cpu(b, pid)
	}
	question, began := s.question(b), time.Now()
	var answers atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			if err := s.loop(question, began.Add(round), &answers); err != nil {
				b.Errorf("%s: %v", s.name, err)
			}
		})
	}
	wg.Wait()
	n := float64(answers.Load())
	s.rates = append(s.rates, n/time.Since(began).Seconds())
	for i, costs := range []*[]float64{&s.costs, &s.beyond} {
		*costs = append(*costs, float64(cpu(b, pids[i])-spent[i])/float64(time.Millisecond)/n)
	}
}

// loop asks over one connection. It does as little as possible besides, for the server shares the processors with it.
func (s *server) loop(question []byte, until time.Time, answers *atomic.Int64) error {
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	in, body := bufio.NewReaderSize(conn, 1<<16), bytes.Buffer{}
	for time.Now().Before(until) {
		if _, err := conn.Write(question); err != nil {
			return err
		}
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		body.Reset()
		if _, err := body.ReadFrom(r.Body); err != nil {
			return err
		}
		if r.StatusCode != http.StatusOK || !bytes.Equal(body.Bytes(), s.body) {
			return fmt.Errorf("another answer: %d, it ends with %.100q", r.StatusCode, body.Bytes()[max(0, body.Len()-100):])
		}
		answers.Add(1)
	}
	return nil
}

// plainChild is what net/http alone takes to read a request and write an answer, which it is given in a file as HTTP has it.
func plainChild() {
	stored := must(http.ReadResponse(bufio.NewReader(must(os.Open(os.Args[1]))), nil))
	body := must(io.ReadAll(stored.Body))
	serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for name, values := range stored.Header {
			w.Header()[name] = values
		}
		_, _ = w.Write(body)
	}))
}

// redisChild is the program with no memory in front of its Redis, for which it waits as long as it takes.
func redisChild() {
	parts, cfg := childParts()
	client := must(redisclient.Open(cfg.Redis.Cache, redisclient.Durable)) // a cache's gives up when the machine is busy
	parts.store = cache.NewRedis(client, cache.RedisOptions{Timeout: time.Minute, Now: parts.now, Logger: parts.log})
	handler, _, err := parts.assemble(cfg)
	if err != nil {
		panic(err)
	}
	serve(handler)
}

// serve says where it serves, as the program does.
func serve(handler http.Handler) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	fmt.Printf("GraphQL http://%s/graphql\n", listener.Addr())
	panic(http.Serve(listener, handler))
}

// serving is a child that serves HTTP.
func serving(b *testing.B, title, name string, args ...string) *server {
	b.Helper()
	c := spawn(b, name, args...)
	return &server{name: title, pid: c.pid, host: c.stdout.await(b, `GraphQL +http://(\S+)/graphql`)[1]}
}

// plain is a server that answers with what another has answered.
func plain(b *testing.B, like *server) *server {
	b.Helper()
	stored := *like.answer
	stored.Body = io.NopCloser(bytes.NewReader(like.body))
	var text bytes.Buffer
	if err := stored.Write(&text); err != nil {
		b.Fatal(err)
	}
	s := serving(b, "net/http alone, the same bytes", "plain", write(b, text.String()))
	s.ask(b)
	if !bytes.Equal(s.body, like.body) || len(s.answer.Header) != len(like.answer.Header) {
		b.Fatalf("the plain server answers otherwise: %v", s.answer.Header)
	}
	return s
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// BenchmarkWarm prints how many warm requests a server answers in a second and what one takes of the processors, beside net/http alone. The rounds
// of all servers take turns, so that what else the machine does meets all alike.
func BenchmarkWarm(b *testing.B) {
	settings, redis := vendors(b, providers.SandboxSmall), redistest.Start(b)
	memory := serving(b, "partnergraph, from memory", "program", "serve", "--config", write(b, settings), "--listen", "127.0.0.1:0")
	memory.warm(b, providers.SourceMemory)
	far := serving(b, "partnergraph, from Redis", "redis", write(b, settings+"redis: { cache: \""+redis.Target().Addresses[0].Reveal()+"\" }\n"))
	far.warm(b, providers.SourceRedis)
	info, err := redis.Client(redisclient.Durable).InfoMap(b.Context(), "server").Result()
	if err != nil {
		b.Fatal(err)
	}
	if far.behind, err = strconv.Atoi(info["Server"]["process_id"]); err != nil {
		b.Fatal(err)
	}
	servers := []*server{plain(b, memory), memory, far}
	for _, s := range servers {
		s.measure(b)
		s.rates, s.costs, s.beyond = nil, nil, nil
	}
	for range rounds {
		for _, s := range servers {
			s.measure(b)
		}
	}
	base := servers[0]
	fmt.Printf("%s, %d cores, %d connections, an answer of %d bytes:\n\n", runtime.Version(), runtime.NumCPU(), clients, len(memory.body))
	fmt.Print("| | requests a second | CPU milliseconds a request | times net/http alone |\n|---|---|---|---|\n")
	for _, s := range servers {
		fmt.Printf("| %s | %.0f | %.3f | %.0f |\n", s.name, median(s.rates), median(s.costs), median(s.costs)/median(base.costs))
	}
	fmt.Printf("\nBesides, redis-server takes %.2f milliseconds.\n\n", median(far.beyond))
}
