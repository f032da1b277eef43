package redisclient_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// demoted makes the connections of a proxy answer writes as a replica does, as soon as its
// connections made so far are those of an old master. It counts the writes of every connection.
type demoted struct {
	answer string
	era    atomic.Int64
	writes atomic.Int64
}

func (d *demoted) wrap(client net.Conn) io.ReadWriter {
	return &demotedConn{Conn: client, demoted: d, era: d.era.Load()}
}

// demotedConn reads the commands of a client.
type demotedConn struct {
	net.Conn
	*demoted
	era int64
	mu  sync.Mutex
}

// Read passes the commands of a client on, but answers the writes of an old connection itself. A
// client sends each command of these tests in one piece.
func (c *demotedConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		writes := bytes.Count(bytes.ToLower(p[:n]), []byte("\r\nincr\r\n"))
		writes += bytes.Count(bytes.ToLower(p[:n]), []byte("\r\nevalsha\r\n"))
		c.writes.Add(int64(writes))
		if err != nil || writes == 0 || c.era == c.demoted.era.Load() {
			return n, err
		}
		for range writes {
			if _, err := c.Write([]byte(c.answer + "\r\n")); err != nil {
				return 0, err
			}
		}
	}
}

// Write lets the two directions take turns.
func (c *demotedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Write(p)
}

// TestDemoted: after a failover behind one name, the answer that the server takes no writes drops
// all old connections. So the first write fails, the second arrives, and none is sent twice.
func TestDemoted(t *testing.T) {
	script := redis.NewScript(`return redis.call('INCR', KEYS[1])`)
	sends := map[string]func(*testing.T, redis.UniversalClient) error{
		"command": func(t *testing.T, c redis.UniversalClient) error { return c.Incr(t.Context(), "n").Err() },
		"script": func(t *testing.T, c redis.UniversalClient) error {
			return script.EvalSha(t.Context(), c, []string{"n"}).Err()
		},
		"pipeline": func(t *testing.T, c redis.UniversalClient) error {
			_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error { return p.Incr(t.Context(), "n").Err() })
			return err
		},
	}
	const says = "READONLY You can't write against a read only replica."
	answers := map[string]string{
		"READONLY": "-" + says, "ERR READONLY": "-ERR " + says, "from a script": "-ERR Error running script (call to f_0): @user_script:1: -" + says,
	}
	server := redistest.Start(t)
	for wording, answer := range answers {
		for kind, send := range sends {
			for _, role := range []redisclient.Role{redisclient.Cache, redisclient.Durable} {
				t.Run(wording+", "+kind+", "+string(role), func(t *testing.T) {
					admin := server.Client(redisclient.Durable)
					if err := admin.Del(t.Context(), "n").Err(); err != nil {
						t.Fatal(err)
					}
					if err := script.Load(t.Context(), admin).Err(); err != nil {
						t.Fatal(err)
					}
					d := &demoted{answer: answer}
					c := redistest.Open(t, redistest.StartProxy(t, server, d.wrap).Target(), role)
					idle(t, c, 5)
					if _, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error { return p.Ping(t.Context()).Err() }); err != nil {
						t.Fatal(err)
					}
					d.era.Add(1)
					if err := send(t, c); err == nil {
						t.Error("the old master took a write")
					}
					for range 5 {
						if err := send(t, c); err != nil {
							t.Errorf("after the refusal: %v", err)
						}
					}
					if got := d.writes.Load(); got != 6 {
						t.Errorf("6 commands were sent %d times", got)
					}
					if n, err := admin.Get(t.Context(), "n").Int(); n != 5 || err != nil {
						t.Errorf("%d writes arrived (%v), want 5", n, err)
					}
				})
			}
		}
	}
}

// idle leaves n connections in the pool of a client.
func idle(t *testing.T, c redis.UniversalClient, n int) {
	t.Helper()
	var conns []*redis.Conn
	for range n {
		conn := c.(*redis.Client).Conn()
		if err := conn.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.PoolStats().IdleConns; int(got) != n {
		t.Fatalf("%d idle connections, want %d", got, n)
	}
}
