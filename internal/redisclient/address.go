package redisclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Address is the URL of a server: redis://, or for TLS rediss://, with user, password and,
// unless it is a cluster's, the database's number: rediss://user:password@host:6379/0.
// However it is printed, logged or encoded, user and password are left out. The zero value
// is no address.
type Address struct {
	// A function, because fmt descends into everything else, also where it may not call our
	// methods.
	reveal func() string
}

// NewAddress holds a URL. Whether it is one, ParseAddress says.
func NewAddress(url string) Address { return Address{func() string { return url }} }

// ParseAddress holds a URL, if it is the URL of a Redis. The error does not show it.
func ParseAddress(url string) (Address, error) {
	a := NewAddress(url)
	_, err := a.parse()
	return a, err
}

// Reveal is the URL, with its password.
func (a Address) Reveal() string {
	if a.reveal == nil {
		return ""
	}
	return a.reveal()
}

// String is the URL without user and password.
func (a Address) String() string {
	if _, err := a.parse(); err != nil {
		return "no address of a Redis"
	}
	u, _ := url.Parse(a.Reveal())
	u.User = nil
	return u.String()
}

// GoString is String, for %#v.
func (a Address) GoString() string { return a.String() }

// MarshalText is String, for encoding/json and its like. Nothing decodes it again.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// LogValue is String, for log/slog.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// parse reads an address. What go-redis and net/url say of a bad one may hold the password.
func (a Address) parse() (*redis.Options, error) {
	u, err := url.Parse(a.Reveal())
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" {
		return nil, errors.New("not a URL like redis://host:6379 or rediss://user:password@host:6379/0")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("nothing may stand behind the database's number")
	}
	o, err := redis.ParseURL(a.Reveal())
	if err != nil || o.DB < 0 {
		return nil, errors.New("the path of the URL is not the number of a database")
	}
	return o, nil
}

// Target says where a Redis is. All addresses of one target have the same user, password,
// database and TLS.
type Target struct {
	Addresses []Address
	Cluster   bool   // the addresses are nodes of a cluster
	Master    string // the addresses are Sentinels, which know the master of this name
	CA        string // with TLS: a file of PEM certificates, of which one has to vouch for the servers'. "" is the system's
}

// IsZero says whether it names nothing.
func (t Target) IsZero() bool { return len(t.Addresses) == 0 }

// TLS says whether connections are secured.
func (t Target) TLS() bool {
	_, first, err := t.options()
	return err == nil && first.TLSConfig != nil
}

// Equal says whether both name the same.
func (t Target) Equal(o Target) bool {
	return t.Cluster == o.Cluster && t.Master == o.Master && t.CA == o.CA &&
		slices.EqualFunc(t.Addresses, o.Addresses, func(a, b Address) bool { return a.Reveal() == b.Reveal() })
}

// Valid says what is wrong with a target, nil if nothing is; it looks at no file. The error
// shows no password.
func (t Target) Valid() error {
	_, _, err := t.options()
	return err
}

// options are the hosts with their ports, and what else the first address says.
func (t Target) options() (hosts []string, first *redis.Options, err error) {
	switch {
	case t.IsZero():
		return nil, nil, errors.New("no address")
	case t.Cluster && t.Master != "":
		return nil, nil, errors.New("either a cluster or Sentinels, not both")
	case !t.Cluster && t.Master == "" && len(t.Addresses) > 1:
		return nil, nil, errors.New("several addresses, which are neither a cluster's nor Sentinels'")
	}
	for i, a := range t.Addresses {
		one, err := a.parse()
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("address %d: %w", i+1, err)
		case t.Cluster && one.DB != 0:
			return nil, nil, fmt.Errorf("address %d: a cluster has no database %d", i+1, one.DB)
		case i == 0:
			first = one
		case one.Username != first.Username || one.Password != first.Password || one.DB != first.DB,
			(one.TLSConfig == nil) != (first.TLSConfig == nil):
			return nil, nil, fmt.Errorf("address %d: user, password, database and TLS have to be as in the first", i+1)
		}
		hosts = append(hosts, one.Addr)
	}
	return hosts, first, nil
}

// tls is how connections are secured; nil if they are not. The name that a certificate is
// checked against is the host's that was dialled: an address's, or what a cluster or
// Sentinels say.
func (t Target) tls(first *redis.Options) (*tls.Config, error) {
	if first.TLSConfig == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s holds no certificate in PEM", t.CA)
	}
	return c, nil
}

// Overlaps says whether a server is named by both. It does not ask them: [Apart] finds one server
// under two names.
func (t Target) Overlaps(o Target) bool {
	ours, _, _ := t.options()
	theirs, _, _ := o.options()
	return t.Master == o.Master && slices.ContainsFunc(ours, func(host string) bool { return slices.Contains(theirs, host) })
}
