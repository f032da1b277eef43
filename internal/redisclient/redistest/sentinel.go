package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/internal/redisclient"
)

// StartReplica starts a server that copies another, and waits until it does.
func StartReplica(t testing.TB, master *Server) *Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.address)
	s := Start(t, "--replicaof", host+" "+port)
	c := s.Client(redisclient.Durable)
	Eventually(t, "the replica is in step", func(ctx context.Context) error {
		up, err := c.InfoMap(ctx, "replication").Result()
		if err == nil && up["Replication"]["master_link_status"] != "up" {
			err = fmt.Errorf("%v", up)
		}
		return err
	})
	return s
}

// StartSentinel starts a Sentinel that watches a master, and the replicas that this has,
// and waits until it knows replicas of them. It alone decides that a master is gone.
func StartSentinel(t testing.TB, master *Server, replicas int) redisclient.Target {
	t.Helper()
	const name = "primary"
	s := &Server{t: t, program: needs.Program(t, "redis-server"), dir: t.TempDir(), address: free(t)}
	_, port, _ := net.SplitHostPort(s.address)
	host, watched, _ := net.SplitHostPort(master.address)
	file := filepath.Join(s.dir, "sentinel.conf") // which a Sentinel rewrites
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\nlogfile %s/log\n", port, s.dir, s.dir) +
		fmt.Sprintf(
			"sentinel monitor %s %s %s 1\nsentinel down-after-milliseconds %[1]s 200\nsentinel failover-timeout %[1]s 2000\n",
			name,
			host,
			watched,
		)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{file, "--sentinel"}
	s.launch()
	c := redis.NewSentinelClient(&redis.Options{Addr: s.address})
	defer func() { _ = c.Close() }()
	Eventually(t, "the Sentinel knows its master", func(ctx context.Context) error {
		known, err := c.Replicas(ctx, name).Result()
		if err == nil && len(known) < replicas {
			err = errors.New("not all replicas are known")
		}
		return err
	})
	target := s.Target()
	target.Master = name
	return target
}
