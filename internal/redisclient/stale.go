package redisclient

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// staleConns drops the connections of one server after an answer that the server takes no writes.
// The name of the server may by then belong to a new master, which only new connections reach.
// Proxies of managed servers keep the old ones open. The client itself drops one connection at an
// error that begins with READONLY, and none at "ERR READONLY".
type staleConns struct {
	era atomic.Int64 // increases with each such answer
}

func (s *staleConns) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		era := s.era.Load()
		conn, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &eraConn{Conn: conn, conns: s, era: era}, nil
	}
}

func (s *staleConns) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		era := s.era.Load()
		err := next(ctx, cmd)
		s.note(era, err)
		return err
	}
}

func (s *staleConns) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		era := s.era.Load()
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			s.note(era, cmd.Err())
		}
		return err
	}
}

// note ends an era at an answer that takes no writes. Of several commands under way only
// the first ends it, so that the new connections stay.
func (s *staleConns) note(era int64, err error) {
	if readOnly(err) {
		s.era.CompareAndSwap(era, era+1)
	}
}

// readOnly reports whether a server refused a write because it is a replica. Scripts and
// proxies put words before the error's own.
func readOnly(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	text := answer.Error()
	return strings.HasPrefix(strings.TrimPrefix(text, "ERR "), "READONLY ") || strings.Contains(text, " -READONLY ")
}

// eraConn is a connection of an era. In a later era the pool finds it broken when it is
// idle; what is under way on it ends as it would.
type eraConn struct {
	net.Conn
	conns *staleConns
	era   int64
}

// SyscallConn is how the pool checks a connection before each use.
func (c *eraConn) SyscallConn() (syscall.RawConn, error) {
	if c.era != c.conns.era.Load() {
		return nil, net.ErrClosed
	}
	if conn, ok := c.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return unchecked{}, nil
}

// unchecked is a connection that the pool cannot check, such as one with TLS.
type unchecked struct{}

func (unchecked) Control(func(fd uintptr)) error    { return nil }
func (unchecked) Read(func(fd uintptr) bool) error  { return nil }
func (unchecked) Write(func(fd uintptr) bool) error { return nil }
