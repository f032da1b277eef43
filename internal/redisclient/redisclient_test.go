package redisclient_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

func target(urls ...string) redisclient.Target {
	var t redisclient.Target
	for _, u := range urls {
		t.Addresses = append(t.Addresses, redisclient.NewAddress(u))
	}
	return t
}

// reach asks a target for its name of a user's connection, and returns the error.
func reach(t *testing.T, to redisclient.Target) error {
	t.Helper()
	return redistest.Open(t, to, redisclient.Durable).Ping(t.Context()).Err()
}

func TestTLS(t *testing.T) {
	_, to := redistest.StartTLS(t)
	if err := reach(t, to); err != nil {
		t.Errorf("by TLS: %v", err)
	}
	untrusted := to
	untrusted.CA = ""
	if err := reach(t, untrusted); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the CA: %v, want a certificate refused", err)
	}
	plain := target(strings.Replace(to.Addresses[0].Reveal(), "rediss", "redis", 1))
	if err := reach(t, plain); err == nil {
		t.Error("a port for TLS answered without")
	}
	elsewhere := target(strings.Replace(to.Addresses[0].Reveal(), "127.0.0.1", "localhost", 1))
	elsewhere.CA = to.CA
	if err := reach(t, elsewhere); err == nil || !strings.Contains(err.Error(), "localhost") {
		t.Errorf("under another name: %v, want its certificate refused", err)
	}
}

func TestAuthentication(t *testing.T) {
	s := redistest.Start(t)
	admin := s.Client(redisclient.Durable)
	if err := admin.ACLSetUser(t.Context(), "graph", "on", ">hu:sh", "~*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.ACLSetUser(t.Context(), "default", "off").Err(); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(s.Target().Addresses[0].Reveal(), "redis://")
	if err := reach(t, target("redis://graph:hu%3Ash@"+host+"/2")); err != nil {
		t.Errorf("with the password: %v", err)
	}
	for _, bad := range []string{"redis://" + host, "redis://graph:hush@" + host, "redis://other:hu%3Ash@" + host} {
		if err := reach(t, target(bad)); err == nil || strings.Contains(err.Error(), "sh") {
			t.Errorf("%s: %v, want a refusal without the password", target(bad).Addresses[0], err)
		}
	}
}

// TestSentinel: the master that a Sentinel names is reached, and when it is gone, its successor.
func TestSentinel(t *testing.T) {
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	to := redistest.StartSentinel(t, master, 1)
	c := redistest.Open(t, to, redisclient.Cache)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := master.Client(redisclient.Cache).Exists(t.Context(), "k").Result(); n != 1 || err != nil {
		t.Errorf("the master has %d such keys (%v), want 1", n, err)
	}
	master.Stop()
	redistest.Eventually(t, "the successor takes writes", func(ctx context.Context) error { return c.Set(ctx, "k", "w", 0).Err() })

	to.Master = "nobody"
	if err := reach(t, to); err == nil {
		t.Error("the master of another name was found")
	}
}

func TestBadTargets(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(to redisclient.Target, change func(*redisclient.Target)) redisclient.Target {
		change(&to)
		return to
	}
	cluster := func(to *redisclient.Target) { to.Cluster = true }
	tests := []struct {
		name   string
		target redisclient.Target
		want   string
	}{
		{"nothing", target(), "no address"},
		{"zero address", redisclient.Target{Addresses: make([]redisclient.Address, 1)}, "address 1: not a URL like redis://host:6379 or rediss://user:password@host:6379/0"},
		{"no URL", target("hush@host"), "address 1: not a URL like redis://host:6379 or rediss://user:password@host:6379/0"},
		{"no such URL", target("redis://:hu%zzsh@host"), "address 1: not a URL like redis://host:6379 or rediss://user:password@host:6379/0"},
		{"scheme", target("http://:hush@host"), "address 1: not a URL like redis://host:6379 or rediss://user:password@host:6379/0"},
		{"port", target("redis://:hush@host:many"), "address 1: not a URL like redis://host:6379 or rediss://user:password@host:6379/0"},
		{"database", target("redis://:hush@host/hush"), "address 1: the path of the URL is not the number of a database"},
		{"options", target("redis://host?password=hush"), "address 1: nothing may stand behind the database's number"},
		{"several", target("redis://a", "redis://b"), "several addresses, which are neither a cluster's nor Sentinels'"},
		{"both", with(target("redis://a"), func(to *redisclient.Target) { to.Cluster, to.Master = true, "m" }), "either a cluster or Sentinels, not both"},
		{"a cluster's database", with(target("redis://a", "redis://b/1"), cluster), "address 2: a cluster has no database 1"},
		{"two passwords", with(target("redis://:hush@a", "redis://:husher@b"), cluster), "address 2: user, password, database and TLS have to be as in the first"},
		{"half TLS", with(target("rediss://a", "redis://b"), cluster), "address 2: user, password, database and TLS have to be as in the first"},
		{"no CA", with(target("rediss://a"), func(to *redisclient.Target) { to.CA = empty + "x" }), "ca: open " + empty + "x: no such file or directory"},
		{"empty CA", with(target("rediss://a"), func(to *redisclient.Target) { to.CA = empty }), "ca: " + empty + " holds no certificate in PEM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if c, err := redisclient.Open(tt.target, redisclient.Cache); c != nil || err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestAddressesHideWhoAsks(t *testing.T) {
	to := target("rediss://someone:hush@host:6380/3")
	type unexported struct{ a redisclient.Address }
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{to, &to, to.Addresses, to.Addresses[0], unexported{to.Addresses[0]}} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	encoded, err := json.Marshal(to)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("x", "target", to, "address", to.Addresses[0])
	}
	for _, s := range append(printed, string(encoded), log.String()) {
		if strings.Contains(s, "hush") || strings.Contains(s, "68757368") || strings.Contains(s, "someone") {
			t.Errorf("shows a secret: %s", s)
		}
	}
	if got, want := to.Addresses[0].String(), "rediss://host:6380/3"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestOverlaps(t *testing.T) {
	sentinel := func(master string) redisclient.Target {
		to := target("redis://a:26379")
		to.Master = master
		return to
	}
	for _, tt := range []struct {
		a, b redisclient.Target
		want bool
	}{
		{target("redis://a"), target("redis://a:6379/1"), true}, // the port has a default
		{target("redis://a"), target("redis://a:6380"), false},
		{target("redis://a"), target("redis://b"), false},
		{sentinel("m"), sentinel("m"), true},
		{sentinel("m"), sentinel("n"), false},
		{target(), target(), false},
	} {
		if got := tt.a.Overlaps(tt.b); got != tt.want {
			t.Errorf("%v and %v: %t, want %t", tt.a, tt.b, got, tt.want)
		}
	}
}
