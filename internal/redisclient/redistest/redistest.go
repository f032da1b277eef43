// Package redistest starts real Redis servers for tests, alone, as a cluster, under a
// Sentinel or with TLS, each on ports of its own, with nothing of a former test in them.
package redistest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/internal/redisclient"
)

// Server is a redis-server that a test may stop, start again, and hold.
type Server struct {
	t       testing.TB
	program string
	args    []string
	dir     string
	address string
	cmd     *exec.Cmd
}

// Start starts a server, with settings as on redis-server's command line. It ends with the
// test. Without redis-server on the PATH the test is skipped, and in CI (CI=true) fails.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := launch(t, settings...)
	s.await()
	return s
}

func launch(t testing.TB, settings ...string) *Server {
	t.Helper()
	for {
		s := &Server{t: t, program: needs.Program(t, "redis-server"), dir: t.TempDir(), address: free(t)}
		_, port, _ := net.SplitHostPort(s.address)
		s.args = append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--save", "", "--logfile", s.log()}, settings...)
		if s.launch(); s.listens() {
			return s
		}
	}
}

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

// listens waits until the server says that it does, or that it cannot: then somebody else
// has taken its port, or the one ten thousand above, since it was free. Who answers there
// might be another test's.
func (s *Server) listens() (ready bool) {
	s.t.Helper()
	Eventually(s.t, s.address+" listens", func(context.Context) error {
		said, err := os.ReadFile(s.log())
		ready = bytes.Contains(said, []byte("Ready to accept connections"))
		if ready || bytes.Contains(said, []byte("Failed listening on port")) {
			return nil
		}
		return fmt.Errorf("%w: %s", err, said)
	})
	return ready
}

func (s *Server) launch() {
	s.t.Helper()
	s.t.Cleanup(s.Stop)
	s.run()
}

// free is an address nobody listens on. A cluster's nodes also take the port ten thousand above.
func free(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if port+10000 < 1<<16 {
			return l.Addr().String()
		}
		bus, err := net.Listen("tcp", "127.0.0.1:0") // moves the kernel's choice on
		if err == nil {
			defer func() { _ = bus.Close() }()
		}
	}
	t.Fatal("no free port below 55536")
	return ""
}

func (s *Server) run() {
	s.t.Helper()
	s.cmd = exec.Command(s.program, s.args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves no server behind
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// await waits until the server answers.
func (s *Server) await() {
	s.t.Helper()
	c := s.Client(redisclient.Durable)
	Eventually(s.t, s.address+" answers", func(ctx context.Context) error { return c.Ping(ctx).Err() })
}

// Eventually asks until there is no error, for processes that tell nobody when they are
// ready; after a minute the test fails.
func Eventually(t testing.TB, what string, ask func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

// Target is where the server is.
func (s *Server) Target() redisclient.Target {
	return redisclient.Target{Addresses: []redisclient.Address{redisclient.NewAddress("redis://" + s.address)}}
}

// Client is a client of the server's. It is closed with the test.
func (s *Server) Client(role redisclient.Role) redis.UniversalClient {
	s.t.Helper()
	return Open(s.t, s.Target(), role)
}

// Stop kills the server, as a machine that goes away would. It does no harm to one that is
// stopped.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Restart starts a stopped server again, at the same address; what it had in memory is
// gone, what it had on disk is not.
func (s *Server) Restart() {
	s.t.Helper()
	s.run()
	s.await()
}

// Hold lets the server accept connections and answer nobody, until Release.
func (s *Server) Hold() { s.signal(syscall.SIGSTOP) }

// Release ends Hold.
func (s *Server) Release() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// StartCluster starts a cluster of three masters and no replicas.
func StartCluster(t testing.TB) redisclient.Target {
	t.Helper()
	const nodes, slots = 3, 16384
	target := redisclient.Target{Cluster: true}
	servers := make([]*Server, nodes)
	for i := range servers {
		servers[i] = launch(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
		target.Addresses = append(target.Addresses, servers[i].Target().Addresses...)
	}
	for i, s := range servers {
		s.await()
		node := s.Client(redisclient.Durable)
		lo, hi := i*slots/nodes, (i+1)*slots/nodes-1
		if err := node.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", lo, hi).Err(); err != nil {
			t.Fatal(err)
		}
		if err := node.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers[1:] {
		host, port, _ := net.SplitHostPort(s.address)
		if err := servers[0].Client(redisclient.Durable).ClusterMeet(t.Context(), host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers {
		node := s.Client(redisclient.Durable)
		Eventually(t, s.address+" knows all nodes", func(ctx context.Context) error {
			info, err := node.ClusterInfo(ctx).Result()
			known := fmt.Sprintf("cluster_known_nodes:%d", nodes)
			if err == nil && (!strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, known)) {
				err = fmt.Errorf("%s", info)
			}
			return err
		})
	}
	return target
}

// Open is a client of a target. It is closed with the test.
func Open(t testing.TB, target redisclient.Target, role redisclient.Role) redis.UniversalClient {
	t.Helper()
	c, err := redisclient.Open(target, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
