package redisclient_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

func TestCheck(t *testing.T) {
	cache, durable := []redisclient.Role{redisclient.Cache}, []redisclient.Role{redisclient.Durable}
	both := []redisclient.Role{redisclient.Cache, redisclient.Durable}
	const (
		unbounded = "maxmemory is 0: it grows until the machine's memory is used up; set a bound"
		lost      = "appendonly is no: what it holds is lost when it restarts; set yes"
	)
	tests := []struct {
		name     string
		settings map[string]string
		roles    []redisclient.Role
		want     []string
	}{
		{"a good cache", map[string]string{"maxmemory": "100mb", "maxmemory-policy": "allkeys-lfu", "appendonly": "no"}, cache, nil},
		{"a new server as cache", map[string]string{"maxmemory": "0", "maxmemory-policy": "noeviction"}, cache,
			[]string{unbounded, "maxmemory-policy is noeviction: when it is full it takes nothing new; set allkeys-lfu"}},
		{"a cache of what expires", map[string]string{"maxmemory": "100mb", "maxmemory-policy": "volatile-lru"}, cache,
			[]string{"maxmemory-policy is volatile-lru: when it is full it takes nothing new; set allkeys-lfu"}},
		{"a good ledger", map[string]string{"maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec"}, durable, nil},
		{"a forgetful ledger", map[string]string{"maxmemory-policy": "allkeys-lru", "appendonly": "no", "appendfsync": "no"}, durable,
			[]string{"maxmemory-policy is allkeys-lru: when it is full it forgets what it must keep; set noeviction", lost,
				"appendfsync is no: what was written last may be lost with the machine; set everysec or always"}},
		{"good for both", map[string]string{"maxmemory": "100mb", "maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always"}, both, nil},
		{"a cache for both", map[string]string{"maxmemory": "0", "maxmemory-policy": "allkeys-lfu", "appendonly": "no"}, both,
			[]string{unbounded, "maxmemory-policy is allkeys-lfu: when it is full it forgets what it must keep; set noeviction, " +
				"as it is durable as well as cache, or give the cache a server of its own", lost}},
	}
	server := redistest.Start(t)
	c := server.Client(redisclient.Durable)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.settings {
				if err := c.ConfigSet(t.Context(), name, value).Err(); err != nil {
					t.Fatal(err)
				}
			}
			got, err := redisclient.Check(t.Context(), c, tt.roles...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, texts(t, got)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
	server.Stop()
	if got, err := redisclient.Check(t.Context(), c, redisclient.Cache); err == nil {
		t.Errorf("a stopped server: %v, want an error", got)
	}
}

// texts are those of findings. Severe are those, and no others, by which the durable role may
// lose what it keeps.
func texts(t *testing.T, findings []redisclient.Finding) (texts []string) {
	t.Helper()
	for _, f := range findings {
		if loses := strings.Contains(f.Text, "forgets what it must keep") || strings.Contains(f.Text, "is lost when it restarts"); f.Severe != loses {
			t.Errorf("%q is severe: %t, want %t", f.Text, f.Severe, loses)
		}
		texts = append(texts, f.Text)
	}
	return texts
}

// TestCheckCluster: every node is looked at.
func TestCheckCluster(t *testing.T) {
	to := redistest.StartCluster(t)
	for i, a := range to.Addresses {
		settings := map[string]string{"maxmemory": "100mb", "maxmemory-policy": "allkeys-lfu"}
		if i == 1 {
			settings["maxmemory"] = "0"
		}
		for name, value := range settings {
			if err := redistest.Open(t, target(a.Reveal()), redisclient.Durable).ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := redisclient.Check(t.Context(), redistest.Open(t, to, redisclient.Durable), redisclient.Cache)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{to.Addresses[1].Reveal()[len("redis://"):] + ": maxmemory is 0: it grows until the machine's memory is used up; set a bound"}
	if diff := cmp.Diff(want, texts(t, got)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestCheckReticent: a hosted Redis refuses CONFIG, and some refuse INFO as well.
func TestCheckReticent(t *testing.T) {
	tests := []struct {
		name  string
		rules []string
		want  []string
	}{
		{"no CONFIG", []string{"-config"}, []string{
			"maxmemory-policy is noeviction: when it is full it takes nothing new; set allkeys-lfu",
		}},
		{"neither", []string{"-config", "-info"}, []string{"it does not tell its maxmemory, maxmemory-policy, which could not be verified"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := redistest.Start(t, "--maxmemory", "100mb").Client(redisclient.Durable)
			if err := c.ACLSetUser(t.Context(), "default", tt.rules...).Err(); err != nil {
				t.Fatal(err)
			}
			got, err := redisclient.Check(t.Context(), c, redisclient.Cache)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, texts(t, got)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("renamed", func(t *testing.T) {
		c := redistest.Start(t, "--rename-command", "CONFIG", "").Client(redisclient.Durable)
		got, err := redisclient.Check(t.Context(), c, redisclient.Durable)
		want := []string{"appendonly is no: what it holds is lost when it restarts; set yes", "it does not tell its appendfsync, which could not be verified"}
		if diff := cmp.Diff(want, texts(t, got)); diff != "" || err != nil {
			t.Errorf("error %v, warnings (-want +got):\n%s", err, diff)
		}
	})
}

// TestCheckEnds: the context bounds it.
func TestCheckEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := redisclient.Check(ctx, redistest.Start(t).Client(redisclient.Durable), redisclient.Durable); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}
