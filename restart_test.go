package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

// pollEvery is how often the balancer asks replicas whether they are ready.
const pollEvery = 200 * time.Millisecond

// balancer is a small load balancer: it sends requests, in turn, to the replicas whose
// /readyz answered 200 when it asked last. It never sends a request twice.
type balancer struct {
	mu       sync.Mutex
	replicas []*replica
	next     int
}

// replica is a server in a process of its own.
type replica struct {
	cmd   *exec.Cmd
	base  string
	proxy *httputil.ReverseProxy
	ready bool
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	var chosen *replica
	for range b.replicas {
		b.next = (b.next + 1) % len(b.replicas)
		if b.replicas[b.next].ready {
			chosen = b.replicas[b.next]
			break
		}
	}
	b.mu.Unlock()
	if chosen == nil {
		http.Error(w, "no replica is ready", http.StatusBadGateway)
		return
	}
	chosen.proxy.ServeHTTP(w, r)
}

// poll asks each replica whether it is ready, until ctx ends.
func (b *balancer) poll(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		b.mu.Lock()
		replicas := slices.Clone(b.replicas)
		b.mu.Unlock()
		for _, r := range replicas {
			ready := false
			if response, err := http.Get(r.base + "/readyz"); err == nil {
				ready = response.StatusCode == http.StatusOK
				_ = response.Body.Close()
			}
			b.mu.Lock()
			r.ready = ready
			b.mu.Unlock()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// awaitReady waits until so many replicas are ready.
func (b *balancer) awaitReady(t *testing.T, n int) {
	t.Helper()
	redistest.Eventually(t, fmt.Sprint(n, " replicas are ready"), func(context.Context) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		ready := 0
		for _, r := range b.replicas {
			if r.ready {
				ready++
			}
		}
		if ready < n {
			return fmt.Errorf("%d are ready", ready)
		}
		return nil
	})
}

// newReplica starts a server in a process of its own.
func newReplica(t *testing.T, config string) *replica {
	t.Helper()
	stdout := newOutput()
	cmd := exec.Command(os.Args[0], "serve", "--config", config, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), childVariable+"=program")
	cmd.Stdout = stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	base := stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = target.Host }}
	return &replica{cmd: cmd, base: base, proxy: proxy}
}

// TestRollingRestart wants no request lost while three replicas behind a load balancer are
// replaced one after another under load, and each to end with status 0.
func TestRollingRestart(t *testing.T) {
	long(t)
	redis := redistest.Start(t)
	_, accounts := simulated(t, providers.SandboxSmall, 5*time.Second)
	config := write(t, accounts+fmt.Sprintf("redis: { cache: %q, replicas: 4 }\ndrain: 1s\nplayground: false\n", redis.Target().Addresses[0].Reveal()))
	b := &balancer{}
	for range 3 {
		b.replicas = append(b.replicas, newReplica(t, config))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { b.poll(ctx) })
	front := httptest.NewServer(b)
	defer front.Close()
	b.awaitReady(t, 3)
	var answered, lost atomic.Int64
	for range 8 {
		background.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				body := fmt.Sprintf(`{"query":"{ commissions(first: %d) { nodes { id affiliate { name } } } }"}`, n%20+1)
				response, err := http.Post(front.URL+"/graphql", "application/json", strings.NewReader(body))
				if err != nil {
					lost.Add(1)
					t.Error(err)
					return
				}
				text, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(text), `"nodes"`) {
					lost.Add(1)
					t.Errorf("%d %s, %v", response.StatusCode, text, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for i := range 3 {
		old := b.replicas[i]
		fresh := newReplica(t, config)
		if err := old.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := old.cmd.Wait(); err != nil {
			t.Errorf("the replica ended with %v", err)
		}
		b.mu.Lock()
		b.replicas[i] = fresh
		b.mu.Unlock()
		b.awaitReady(t, 3)
	}
	cancel()
	background.Wait()
	t.Logf("%d requests answered, %d lost", answered.Load(), lost.Load())
	if answered.Load() < 30 {
		t.Errorf("only %d requests were answered: too few to show anything", answered.Load())
	}
}
