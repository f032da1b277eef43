// Package redisclient opens connections to Redis: to a single server, to a cluster, or to
// the master that Sentinels name, with or without TLS, in one of two roles; and says of a
// server whether it is set up for them.
//
// The cache role holds what can be fetched again, and is asked on the way of every request:
// one attempt, and short time-outs. The durable role holds what cannot, the ledger of
// writes: patient, but a command is still sent once, for who sent it must know whether it
// may have arrived.
package redisclient

import (
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

func init() {
	logging.Disable() // it writes to stderr past the program's logger; what matters comes back as an error
}

// Role is what a connection is for.
type Role string

// The roles.
const (
	Cache   Role = "cache"
	Durable Role = "durable"
)

// timeouts of a role: to connect, and for a command of which the caller's context does not
// say otherwise.
var timeouts = map[Role]struct{ dial, command time.Duration }{
	Cache:   {500 * time.Millisecond, 500 * time.Millisecond},
	Durable: {5 * time.Second, 5 * time.Second},
}

// Open makes a client, without connecting yet. The caller closes it. Its commands honour
// their context and are sent once, but for pipelines to a cluster, of which commands may be
// sent again after a lost connection. The error names what is wrong with the target, and
// shows no password.
func Open(t Target, role Role) (redis.UniversalClient, error) {
	hosts, first, err := t.options()
	if err != nil {
		return nil, err
	}
	secured, err := t.tls(first)
	if err != nil {
		return nil, err
	}
	limit := timeouts[role]
	o := &redis.UniversalOptions{
		Addrs: hosts, IsClusterMode: t.Cluster, MasterName: t.Master,
		DB: first.DB, Username: first.Username, Password: first.Password, TLSConfig: secured,
		ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, // nobody repeats behind the caller's back
		DialTimeout: limit.dial, ReadTimeout: limit.command, WriteTimeout: limit.command, PoolTimeout: limit.command,
		DisableIdentity:          true, // saves a round trip a connection, as does the next
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if t.Master != "" {
		o.SentinelUsername, o.SentinelPassword = first.Username, first.Password
	}
	c := redis.NewUniversalClient(o)
	if cluster, ok := c.(*redis.ClusterClient); ok {
		cluster.OnNewNode(func(node *redis.Client) {
			node.AddHook(once{})
			node.AddHook(&staleConns{})
		})
	} else {
		c.AddHook(&staleConns{})
	}
	return c, nil
}
