// Package redisclient opens connections to Redis: to a single server, to a cluster, or to the master that Sentinels name, with or
// without TLS, in one of two roles.
//
// The cache role holds what can be fetched again, and is asked on the way of every request: one attempt, and short time-outs. The durable
// role holds what cannot, the ledger of writes: patient, but a command is still sent once, for who sent it must know whether it may have
// arrived.
package redisclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

func init() {
	logging.Disable() // it writes to stderr past the program's logger; what matters comes back as an error
}

// Target says where a Redis is. Addresses are URLs, redis:// or for TLS rediss://, with user, password and, unless it is a cluster, the
// database's number: rediss://user:password@host:6379/0. All of one target share the first one's user, password, database and TLS.
type Target struct {
	Addresses []string
	Cluster   bool   // the addresses are nodes of a cluster
	Master    string // the addresses are Sentinels, which know the master of this name
}

// IsZero says whether it names nothing.
func (t Target) IsZero() bool { return len(t.Addresses) == 0 }

// Role is what a connection is for.
type Role string

// The roles.
const (
	Cache   Role = "cache"
	Durable Role = "durable"
)

// timeouts of a role: to connect, and for a command of which the caller's context does not say otherwise.
var timeouts = map[Role]struct{ dial, command time.Duration }{
	Cache:   {500 * time.Millisecond, 500 * time.Millisecond},
	Durable: {5 * time.Second, 5 * time.Second},
}

// Open makes a client, without connecting yet. The caller closes it. Its commands honour their context and are sent once. The error names what
// is wrong with an address, without the address, which may hold a password.
func Open(t Target, role Role) (redis.UniversalClient, error) {
	if t.IsZero() {
		return nil, errors.New("no address")
	}
	if t.Cluster && t.Master != "" {
		return nil, errors.New("either a cluster or Sentinels, not both")
	}
	if !t.Cluster && t.Master == "" && len(t.Addresses) > 1 {
		return nil, errors.New("several addresses, which are neither a cluster's nor Sentinels'")
	}
	limit := timeouts[role]
	o := &redis.UniversalOptions{
		IsClusterMode: t.Cluster, MasterName: t.Master,
		ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, // nobody repeats behind the caller's back
		DialTimeout: limit.dial, ReadTimeout: limit.command, WriteTimeout: limit.command, PoolTimeout: limit.command,
		DisableIdentity:          true, // saves a round trip a connection, as does the next
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	for i, address := range t.Addresses {
		one, err := parse(address)
		if err != nil {
			return nil, fmt.Errorf("address %d: %w", i+1, err)
		}
		if t.Cluster && one.DB != 0 {
			return nil, fmt.Errorf("address %d: a cluster has no database %d", i+1, one.DB)
		}
		o.Addrs = append(o.Addrs, one.Addr)
		if i == 0 {
			o.DB, o.Username, o.Password, o.TLSConfig = one.DB, one.Username, one.Password, serverName(one.TLSConfig, len(t.Addresses) == 1)
			if t.Master != "" {
				o.SentinelUsername, o.SentinelPassword = one.Username, one.Password
			}
		}
	}
	return redis.NewUniversalClient(o), nil
}

// serverName keeps the name that certificates are checked against only where there is but one host; else each is checked against its own.
func serverName(c *tls.Config, single bool) *tls.Config {
	if c != nil && !single {
		c = c.Clone()
		c.ServerName = ""
	}
	return c
}

// Valid says what is wrong with an address; nil if nothing is.
func Valid(address string) error {
	_, err := parse(address)
	return err
}

// parse reads an address. What go-redis says of a bad one may hold the password.
func parse(address string) (*redis.Options, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" {
		return nil, errors.New("not a URL like redis://host:6379 or rediss://user:password@host:6379/0")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("nothing may stand behind the database's number")
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("the path of the URL is not the number of a database")
	}
	return o, nil
}
