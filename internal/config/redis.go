package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/partnergraph/partnergraph/internal/redisclient"
)

const (
	redisAddress = "a URL like redis://host:6379 or rediss://user:password@host:6379/0"
	redisForms   = redisAddress + ", a list of them for a cluster, or sentinel"
)

// What the settings of redis do.
const (
	cacheDoc = "The server of the cache: records, pages and rate limits of accounts. It may evict " +
		"entries and lose all data. " +
		"It also keeps the documents of persisted queries, unless it is the durable server too. " +
		"`REDIS_URL` sets it as well; `PARTNERGRAPH_REDIS_CACHE` takes precedence."
	durableDoc = "The server of what cannot be read again: the ledger of writes. It needs an " +
		"append-only file and the policy `noeviction`."
	caDoc = "A file with the certificates of the authorities that signed those of the `rediss://` " +
		"servers."
	replicasDoc = "The largest number of replicas that run at once, also during an update. While Redis " +
		"is away, each replica uses this part of every " +
		"account's calls and of every partner's share for as long as it takes. Without this setting it " +
		"makes no call before it has reached Redis, and stops calling vendors 15 minutes after it lost it."
	sentinelDoc  = "In place of URLs: Sentinels that know the master."
	masterDoc    = "The name that the Sentinels have for the master."
	addressesDoc = "The addresses of the Sentinels."
)

// redis reads where the servers are.
func (v value) redis(r *Redis) {
	durable := v.child("durable", nil).variable
	v.mapping(
		field{name: "cache", absent: mandatory, doc: cacheDoc, read: func(c value) {
			if c.target(&r.Cache, "REDIS_URL") {
				return
			}
			if _, ok := c.override(durable); ok {
				c.problemIn(durable, "found it without redis.cache, expected both")
			} else if v.node != nil {
				c.problem("missing, expected %s", redisForms)
			}
		}},
		field{name: "durable", absent: "the server of `redis.cache`", doc: durableDoc, read: func(v value) {
			if !v.target(&r.Durable, "") {
				r.Durable = r.Cache
			}
		}},
		field{name: "ca", absent: "the certificates of the system", doc: caDoc, read: func(v value) {
			var ca string
			if !load(v, &ca, fileName) {
				return
			}
			if !r.Cache.TLS() && !r.Durable.TLS() {
				v.problem("found a CA, but no rediss:// URL that it is for")
			}
			r.Cache.CA, r.Durable.CA = ca, ca
		}},
		setting("timeout", &r.Timeout, duration(time.Millisecond, 10*time.Second),
			"How long a request waits for the server of `redis.cache` before it continues without it."),
		field{name: "replicas", absent: "the number that Redis has heard of", doc: replicasDoc, read: func(c value) {
			if load(c, &r.Replicas, wholeNumber(1, 1000)) && r.Cache.IsZero() && v.node == nil {
				c.problemIn(c.variable, "found it without redis.cache, expected both")
			}
		}},
	)
}

// target reads where one Redis is, in one of its forms, and says whether anything is said
// about it. Of the variables, the fallback goes behind the place's own.
func (v value) target(t *redisclient.Target, fallback string) bool {
	one := kind[redisclient.Address]{
		want: redisAddress, hide: always,
		parse: func(s string) (redisclient.Address, bool) {
			a, err := redisclient.ParseAddress(s)
			return a, err == nil
		},
	}
	var a redisclient.Address
	for _, variable := range []string{v.variable, fallback} {
		if text, ok := v.override(variable); ok {
			if override(v, variable, text, &a, one) {
				t.Addresses = []redisclient.Address{a}
			}
			return true
		}
	}
	many := func(v value) {
		each := one
		each.want += ", in quotes inside { } and [ ]" // where the parser takes a colon for a mapping's
		v.list("URLs", true, func(v value) {
			if load(v, &a, each) {
				t.Addresses = append(t.Addresses, a)
			}
		})
	}
	sentinel := func() {
		v.mapping(field{name: "sentinel", want: "a mapping with the keys master, " +
			"addresses", doc: sentinelDoc, read: func(v value) {
			v.mapping(
				required("master", &t.Master, label, masterDoc),
				field{name: "addresses", absent: mandatory, doc: addressesDoc, read: many},
			)
		}})
	}
	if v.describing() {
		v.describe(redisForms, "")
		sentinel()
		return true
	}
	sound := len(v.problems)
	switch v.node.(type) {
	case nil:
		return false
	case *ast.SequenceNode:
		t.Cluster = true
		many(v)
	case *ast.MappingNode:
		sentinel()
	default:
		one.want = redisForms
		if load(v, &a, one) {
			t.Addresses = []redisclient.Address{a}
		}
	}
	if sound == len(v.problems) {
		if err := t.Valid(); err != nil {
			v.problem("%v", err)
		}
	}
	return true
}
