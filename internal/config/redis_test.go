package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/redisclient"
)

func redisAt(urls ...string) redisclient.Target {
	var t redisclient.Target
	for _, u := range urls {
		t.Addresses = append(t.Addresses, redisclient.NewAddress(u))
	}
	return t
}

func TestRedis(t *testing.T) {
	cluster, one, sentinels := redisAt("redis://:p@a:7000", "redis://:p@b:7000"), redisAt("redis://a"), redisAt("redis://s1:26379/2", "redis://s2:26379/2")
	cluster.Cluster, one.Cluster, sentinels.Master = true, true, "primary"
	secured := redisAt("rediss://u:hush@a:6380/1")
	trusting := secured
	trusting.CA = "ca.pem"
	plain := redisAt("redis://b")
	plain.CA = "ca.pem"
	const brief = 50 * time.Millisecond
	tests := []struct {
		name, file string
		env        map[string]string
		want       Redis
	}{
		{"none", "", nil, Redis{Timeout: brief}},
		{"a timeout", "redis: { cache: redis://a, timeout: 2s }", nil, Redis{redisAt("redis://a"), redisAt("redis://a"), 2 * time.Second, 0}},
		{"replicas", "redis: { cache: redis://a, replicas: 3 }", nil, Redis{redisAt("redis://a"), redisAt("redis://a"), brief, 3}},
		{"replicas from a variable", "redis: { cache: redis://a, replicas: 3 }", map[string]string{"PARTNERGRAPH_REDIS_REPLICAS": "4"},
			Redis{redisAt("redis://a"), redisAt("redis://a"), brief, 4}},
		{"one for both", "redis: { cache: 'rediss://u:hush@a:6380/1' }", nil, Redis{secured, secured, brief, 0}},
		{"from a variable", `redis: { cache: "${URL}" }`, map[string]string{"URL": "rediss://u:hush@a:6380/1"}, Redis{secured, secured, brief, 0}},
		{"two", "redis: { cache: redis://a, durable: redis://b }", nil, Redis{redisAt("redis://a"), redisAt("redis://b"), brief, 0}},
		{"a cluster", "redis: { cache: ['redis://:p@a:7000', 'redis://:p@b:7000'], durable: redis://b }", nil, Redis{cluster, redisAt("redis://b"), brief, 0}},
		{"a cluster of one", "redis: { cache: [redis://a] }", nil, Redis{one, one, brief, 0}},
		{"Sentinels", "redis:\n  cache: redis://b\n  durable:\n    sentinel: { master: primary, addresses: ['redis://s1:26379/2', 'redis://s2:26379/2'] }", nil, Redis{redisAt("redis://b"), sentinels, brief, 0}},
		{"a CA", "redis: { cache: 'rediss://u:hush@a:6380/1', durable: redis://b, ca: ca.pem }", nil, Redis{trusting, plain, brief, 0}},
		{"REDIS_URL alone", "", map[string]string{"REDIS_URL": "redis://a"}, Redis{redisAt("redis://a"), redisAt("redis://a"), brief, 0}},
		{"REDIS_URL over the file", "redis: { cache: [redis://x], durable: redis://b }", map[string]string{"REDIS_URL": "redis://a"}, Redis{redisAt("redis://a"), redisAt("redis://b"), brief, 0}},
		{"the obvious names", "redis: { cache: redis://x, durable: redis://y }", map[string]string{
			"REDIS_URL": "redis://z", "PARTNERGRAPH_REDIS_CACHE": "redis://a", "PARTNERGRAPH_REDIS_DURABLE": "redis://b",
		}, Redis{redisAt("redis://a"), redisAt("redis://b"), brief, 0}},
		{"the master's", "redis: { cache: { sentinel: { master: x, addresses: ['redis://s1:26379/2', 'redis://s2:26379/2'] } } }",
			map[string]string{"PARTNERGRAPH_REDIS_CACHE_SENTINEL_MASTER": "primary"}, Redis{sentinels, sentinels, brief, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse("f", []byte(account+tt.file), environment(tt.env), registry(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Redis); diff != "" {
				t.Errorf("redis (-want +got):\n%s", diff)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%d"} {
				if s := fmt.Sprintf(verb, got); strings.Contains(s, "hush") {
					t.Errorf("a password is shown: %s", s)
				}
			}
		})
	}
}

func TestRedisProblems(t *testing.T) {
	const url, forms = "a URL like redis://host:6379 or rediss://user:password@host:6379/0", ", a list of them for a cluster, or sentinel"
	tests := []struct {
		name, file string
		env        map[string]string
		want       string
	}{
		{"nothing in it", "redis: {}", nil, "f:2:8: redis.cache: missing, expected " + url + forms},
		{"durable alone", "redis: { durable: redis://b }", nil, "f:2:8: redis.cache: missing, expected " + url + forms},
		{"durable alone from a variable", "", map[string]string{"PARTNERGRAPH_REDIS_DURABLE": "redis://b"},
			"PARTNERGRAPH_REDIS_DURABLE: redis.cache: found it without redis.cache, expected both"},
		{"no mapping", "redis: redis://:hush@a", nil, "f:2:8: redis: found a single value, expected a mapping with the keys cache, durable, ca, timeout, replicas"},
		{"no URL", "redis: { cache: hush }", nil, "f:2:17: redis.cache: found a text that is not shown here, expected " + url + forms},
		{"another scheme", "redis: { cache: 'http://:hush@a' }", nil, "f:2:17: redis.cache: found a text that is not shown here, expected " + url + forms},
		{"a variable's", `redis: { cache: "${URL}" }`, map[string]string{"URL": "hush"}, "f:2:17: redis.cache: found the value of ${URL}, expected " + url + forms},
		{"an unset variable", `redis: { cache: "${UNSET}" }`, nil, "f:2:17: redis.cache: found ${UNSET}, expected a variable that is set in the environment"},
		{"REDIS_URL", "", map[string]string{"REDIS_URL": "redis://:hush@a:many"}, "REDIS_URL: redis.cache: found a text that is not shown here, expected " + url},
		{"an override", "redis: { cache: redis://a }", map[string]string{"PARTNERGRAPH_REDIS_CACHE": "hush"},
			"PARTNERGRAPH_REDIS_CACHE: redis.cache: found a text that is not shown here, expected " + url},
		{"an empty list", "redis: { cache: [] }", nil, "f:2:17: redis.cache: found an empty list, expected a list of URLs"},
		{"a bad node", "redis: { cache: [redis://a, 'redis://:hush@'] }", nil, "f:2:29: redis.cache[1]: found a text that is not shown here, expected " + url + ", in quotes inside { } and [ ]"},
		{"no quotes", "redis: { cache: [redis://a:7000] }", nil, "f:2:18: redis.cache[0]: found a mapping, expected " + url + ", in quotes inside { } and [ ]"},
		{"a cluster's database", "redis: { cache: [redis://a/1] }", nil, "f:2:17: redis.cache: address 1: a cluster has no database 1"},
		{"two passwords", "redis: { cache: ['redis://:hush@a', 'redis://:husher@b'] }", nil, "f:2:17: redis.cache: address 2: user, password, database and TLS have to be as in the first"},
		{"no Sentinels", "redis: { cache: { sentinel: { } } }", nil, "f:2:29: redis.cache.sentinel.master: missing, expected 1 to 100 printable characters\n" +
			"f:2:29: redis.cache.sentinel.addresses: missing, expected a list of URLs"},
		{"neither form", "redis: { cache: { master: m } }", nil, "f:2:17: redis.cache.sentinel: missing, expected a mapping with the keys master, addresses\n" +
			`f:2:19: redis.cache: found the unknown key "master", expected sentinel`},
		{"a CA for nothing", "redis: { cache: redis://a, ca: ca.pem }", nil, "f:2:32: redis.ca: found a CA, but no rediss:// URL that it is for"},
		{"an empty CA", "redis: { cache: rediss://a, ca: '' }", nil, "f:2:33: redis.ca: found an empty text, expected the name of a file"},
		{"no replicas", "redis: { cache: redis://a, replicas: 0 }", nil, `f:2:38: redis.replicas: found "0", expected a whole number from 1 to 1000`},
		{"replicas alone from a variable", "", map[string]string{"PARTNERGRAPH_REDIS_REPLICAS": "3"},
			"PARTNERGRAPH_REDIS_REPLICAS: redis.replicas: found it without redis.cache, expected both"},
		{"misspelt", "redis: { cach: redis://a }", nil, "f:2:8: redis.cache: missing, expected " + url + forms + "\n" + `f:2:10: redis: found the unknown key "cach", expected "cache"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("f", []byte(account+tt.file), environment(tt.env), registry(t))
			if err == nil {
				t.Fatalf("accepted as %v, want\n%s", c.Redis, tt.want)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("a secret is shown: %v", err)
			}
		})
	}
}
