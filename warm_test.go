package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

// warmQueries are the queries whose warm answers are measured.
var warmQueries = []struct {
	name, query string
	partner     bool // a partner asks, and not an admin
}{
	{name: "page", query: `{ referrals(first: 100) { nodes { id status maskedEmail affiliate { id name email campaign { id name } } } } }`},
	{name: "portal", partner: true, query: `{ viewer { role affiliates { id name status } }
  referrals(first: 20) { nodes { id status maskedEmail } }
  commissions(first: 20) { nodes { id status amount { amount currencyCode } campaign { name } } }
  payouts(first: 10) { nodes { id status amount { amount currencyCode } } } }`},
	{name: "deep", query: `{ payouts(first: 20) { nodes { id status commissions(first: 5) { nodes { id amount { amount currencyCode }
  referral { id affiliate { id name campaign { id name } } } } } } } }`},
}

// warmSecret signs the tokens of the viewers.
const warmSecret = "a-secret-of-thirty-two-characters"

// warmToken is the header of a viewer.
func warmToken(b *testing.B, claims jwt.MapClaims) []string {
	b.Helper()
	claims["iss"], claims["aud"], claims["exp"] = "bench", "graph", time.Now().Add(time.Hour).Unix()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(warmSecret))
	if err != nil {
		b.Fatal(err)
	}
	return []string{"Authorization", "Bearer " + text}
}

// warmAccess are the settings for these viewers.
const warmAccess = "auth: { jwt: { issuer: bench, audience: graph, hs256_secret: " + warmSecret + " } }\n"

// warmPartners are the headers of partners who see the same records. They are so many that
// their shares of requests are in nobody's way.
func warmPartners(b *testing.B, s server, admin []string) (headers [][]string) {
	b.Helper()
	s.query, s.headers = `{ payouts(first: 1) { nodes { affiliate { id } } } }`, [][]string{admin}
	s.ask(b)
	var found struct {
		Data struct {
			Payouts struct {
				Nodes []struct{ Affiliate struct{ ID string } }
			}
		}
	}
	if err := json.Unmarshal(s.body, &found); err != nil || len(found.Data.Payouts.Nodes) == 0 {
		b.Fatalf("nobody was paid: %v, %.500s", err, s.body)
	}
	for i := range 100 {
		headers = append(headers, warmToken(b, jwt.MapClaims{
			"role": "partner", "sub": strconv.Itoa(i), "affiliates": []string{found.Data.Payouts.Nodes[0].Affiliate.ID},
		}))
	}
	return headers
}

// measured is a child that also serves how many objects it has allocated so far. It collects
// its garbage first where it is asked to.
func measured(child func()) func() {
	return func() {
		listener := must(net.Listen("tcp", "127.0.0.1:0"))
		go func() {
			panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/collect" {
					debug.FreeOSMemory()
				}
				sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
				metrics.Read(sample)
				_, _ = fmt.Fprint(w, sample[0].Value.Uint64())
			})))
		}()
		fmt.Printf("Allocations http://%s/\n", listener.Addr())
		child()
	}
}

// server is one that is measured, with a query.
type server struct {
	name        string
	pid         int
	behind      int // the process id of the Redis that it asks; 0: none
	host        string
	allocations string // the address that tells them
	query       string
	headers     [][]string     // of the viewers, who take turns
	answer      *http.Response // to the query, as it is sent every time
	body        []byte

	latencies     []time.Duration
	rates         []float64 // by round: requests a second
	objects       []float64 // by round: allocated for a request
	costs, beyond []float64 // by round: milliseconds of CPU time a request, of the server and of its Redis
}

// allocated is how many objects the server has allocated so far.
func (s *server) allocated(b *testing.B) float64 {
	b.Helper()
	r, err := http.Get(s.allocations)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// question is the query as an HTTP request.
func (s *server) question(tb testing.TB, header ...string) []byte {
	tb.Helper()
	body, err := json.Marshal(map[string]string{"query": s.query})
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
	if _, err := conn.Write(s.question(b, append(header, s.headers[0]...)...)); err != nil {
		b.Fatal(err)
	}
	if s.answer, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		b.Fatal(err)
	}
	if s.body, err = io.ReadAll(s.answer.Body); err != nil {
		b.Fatal(err)
	}
	if s.answer.StatusCode != http.StatusOK || bytes.HasPrefix(s.body, []byte(`{"errors"`)) {
		b.Fatalf("%s answers %d, %.500s", s.name, s.answer.StatusCode, s.body)
	}
}

// warm asks until no vendor is asked any more, and wants all that an admin reads then to
// come from one source.
func (s *server) warm(b *testing.B, source providers.Source) {
	b.Helper()
	for range 3 { // also until an answer is kept, where answers are kept
		s.ask(b)
	}
	s.ask(b, httpapi.ExplainHeader, "1")
	var explained struct {
		Extensions struct {
			Explain *struct{ Calls []providers.Call }
		}
	}
	if err := json.Unmarshal(s.body, &explained); err != nil {
		b.Fatal(err)
	}
	if e := explained.Extensions.Explain; e != nil {
		if len(e.Calls) == 0 {
			b.Fatalf("%s explains nothing: %.500s", s.name, s.body)
		}
		for _, call := range e.Calls {
			if call.Source != source {
				b.Fatalf("%s has %s from %s, not from %s", s.name, call.Path, call.Source, source)
			}
		}
	}
	s.ask(b)
}

// compressed is the server, asked for compressed answers.
func (s server) compressed(b *testing.B) *server {
	b.Helper()
	s.name, s.headers = s.name+", gzip", [][]string{append([]string{"Accept-Encoding", "gzip"}, s.headers[0]...)}
	for range 3 { // until the encoded form is kept, where answers are kept
		s.ask(b)
	}
	if s.answer.Header.Get("Content-Encoding") != "gzip" {
		b.Fatalf("%s does not compress: %v", s.name, s.answer.Header)
	}
	return &s
}

const (
	clients = 4 // connections that ask without a pause, each for its next answer as soon as it has one
	rounds  = 5
	round   = time.Second
)

// measure asks for one round.
func (s *server) measure(b *testing.B) {
	b.Helper()
	pids, spent := []int{s.pid, cmp.Or(s.behind, s.pid)}, [2]time.Duration{}
	for i, pid := range pids {
		spent[i] = cpu(b, pid)
	}
	var questions [][]byte
	for _, header := range s.headers {
		questions = append(questions, s.question(b, header...))
	}
	objects, began := s.allocated(b), time.Now()
	var latencies [clients][]time.Duration
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			var err error
			if latencies[i], err = s.loop(questions, began.Add(round)); err != nil {
				b.Errorf("%s: %v", s.name, err)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(latencies[:]...)
	n := float64(len(all))
	s.latencies = append(s.latencies, all...)
	s.rates = append(s.rates, n/time.Since(began).Seconds())
	s.objects = append(s.objects, (s.allocated(b)-objects)/n)
	for i, costs := range []*[]float64{&s.costs, &s.beyond} {
		*costs = append(*costs, float64(cpu(b, pids[i])-spent[i])/float64(time.Millisecond)/n)
	}
}

// loop asks over one connection, and says how long each answer took. It does as little as
// possible besides, for the server shares the processors with it.
func (s *server) loop(questions [][]byte, until time.Time) (latencies []time.Duration, err error) {
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	in, body := bufio.NewReaderSize(conn, 1<<16), bytes.Buffer{}
	for began := time.Now(); began.Before(until); {
		if _, err := conn.Write(questions[len(latencies)%len(questions)]); err != nil {
			return nil, err
		}
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, err
		}
		body.Reset()
		if _, err := body.ReadFrom(r.Body); err != nil {
			return nil, err
		}
		plain := r.Header.Get("Content-Encoding") == "" && s.answer.Header.Get("Content-Encoding") != "" // every encoder was busy
		if r.StatusCode != http.StatusOK || !plain && !bytes.Equal(body.Bytes(), s.body) {
			return nil, fmt.Errorf("another answer: %d, it ends with %.100q", r.StatusCode, body.Bytes()[max(0, body.Len()-100):])
		}
		ended := time.Now()
		latencies, began = append(latencies, ended.Sub(began)), ended
	}
	return latencies, nil
}

// plainChild is what net/http alone takes to read a request and write an answer, which it
// is given in a file as HTTP has it.
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

// redisChild is the program with no memory in front of its Redis, for which it waits as
// long as it takes.
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
	c := spawn(b, "measured "+name, args...)
	return &server{
		name: title, pid: c.pid, host: c.stdout.await(b, `GraphQL +http://(\S+)/graphql`)[1],
		allocations: c.stdout.await(b, `Allocations (\S+)`)[1],
	}
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
	s.query, s.headers = like.query, like.headers
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

// quantile is the latency that so much of all, from 0 to 1, stay within, in milliseconds.
func (s *server) quantile(part float64) float64 {
	slices.Sort(s.latencies)
	return float64(s.latencies[int(part*float64(len(s.latencies)-1))]) / float64(time.Millisecond)
}

// BenchmarkWarm prints what warm requests take, beside net/http alone with the same bytes:
// executed, and answered from the answers that are kept. The rounds of all servers take
// turns, so that what else the machine does meets all alike.
func BenchmarkWarm(b *testing.B) {
	settings, redis := vendors(b, providers.SandboxSmall)+warmAccess, redistest.Start(b)
	uncached := func(settings string) string {
		return strings.Replace(settings, "memory: ", "responses: 0B, memory: ", 1)
	}
	program := func(title, settings string) *server {
		return serving(b, title, "program", "serve", "--config", write(b, settings), "--listen", "127.0.0.1:0")
	}
	executed, kept := program("executed, from memory", uncached(settings)), program("kept answer", settings)
	address := redis.Target().Addresses[0].Reveal()
	far := serving(b, "executed, from Redis", "redis", write(b, uncached(settings)+"redis: { cache: \""+address+"\" }\n"))
	info, err := redis.Client(redisclient.Durable).InfoMap(b.Context(), "server").Result()
	if err != nil {
		b.Fatal(err)
	}
	if far.behind, err = strconv.Atoi(info["Server"]["process_id"]); err != nil {
		b.Fatal(err)
	}
	admin := warmToken(b, jwt.MapClaims{"role": "admin", "sub": "admin"})
	partners := warmPartners(b, *executed, admin)
	fmt.Printf("%s, %d cores, %d connections:\n", runtime.Version(), runtime.NumCPU(), clients)
	for _, q := range warmQueries {
		var servers []*server
		for _, s := range []server{*executed, *kept, *far} {
			source := providers.SourceMemory
			if s.behind != 0 {
				source = providers.SourceRedis
				if q.name != "page" {
					continue
				}
			}
			if s.query, s.headers = q.query, [][]string{admin}; q.partner {
				s.headers = partners
			}
			s.warm(b, source)
			servers = append(servers, &s)
			if q.name == "page" && s.behind == 0 {
				servers = append(servers, s.compressed(b))
			}
		}
		servers = append([]*server{plain(b, servers[0])}, servers...)
		compare(b, servers)
		base := servers[0]
		fmt.Printf("\n`%s`, an answer of %d bytes:\n\n", q.name, len(base.body))
		fmt.Print("| | requests a second | CPU milliseconds a request | p50, ms | p99, ms | allocations ",
			"| times net/http alone |\n|---|---|---|---|---|---|---|\n")
		for _, s := range servers {
			fmt.Printf("| %s | %.0f | %.3f | %.2f | %.2f | %.0f | %.1f |\n", s.name, median(s.rates), median(s.costs),
				s.quantile(0.5), s.quantile(0.99), median(s.objects), median(s.costs)/median(base.costs))
		}
		if last := servers[len(servers)-1]; last.behind != 0 {
			fmt.Printf("\nBesides, redis-server takes %.2f milliseconds.\n", median(last.beyond))
		}
	}
	fmt.Println()
}

// compare measures servers by turns, after a round that does not count.
func compare(b *testing.B, servers []*server) {
	b.Helper()
	for _, s := range servers {
		s.measure(b)
		s.latencies, s.rates, s.objects, s.costs, s.beyond = nil, nil, nil, nil, nil
	}
	for range rounds {
		for _, s := range servers {
			s.measure(b)
		}
	}
}
