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

// redis reads where the servers are.
func (v value) redis(r *Redis) {
	durable := v.child("durable", nil).variable
	v.mapping(
		field{name: "cache", read: func(c value) {
			if c.target(&r.Cache, "REDIS_URL") {
				return
			}
			if _, ok := c.override(durable); ok {
				c.problemIn(durable, "found it without redis.cache, expected both")
			} else if v.node != nil {
				c.problem("missing, expected %s", redisForms)
			}
		}},
		field{name: "durable", read: func(v value) {
			if !v.target(&r.Durable, "") {
				r.Durable = r.Cache
			}
		}},
		field{name: "ca", read: func(v value) {
			var ca string
			if !load(v, &ca, fileName) {
				return
			}
			if !r.Cache.TLS() && !r.Durable.TLS() {
				v.problem("found a CA, but no rediss:// URL that it is for")
			}
			r.Cache.CA, r.Durable.CA = ca, ca
		}},
		setting("timeout", &r.Timeout, duration(time.Millisecond, 10*time.Second)),
		field{name: "replicas", read: func(c value) {
			if load(c, &r.Replicas, wholeNumber(1, 1000)) && r.Cache.IsZero() && v.node == nil {
				c.problemIn(c.variable, "found it without redis.cache, expected both")
			}
		}},
	)
}

// target reads where one Redis is, in one of its forms, and says whether anything is said about it. Of the variables, the
// fallback goes behind the place's own.
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
	sound := len(v.problems)
	switch v.node.(type) {
	case nil:
		return false
	case *ast.SequenceNode:
		t.Cluster = true
		many(v)
	case *ast.MappingNode:
		v.mapping(field{name: "sentinel", want: "a mapping with the keys master, addresses", read: func(v value) {
			v.mapping(required("master", &t.Master, label), field{name: "addresses", read: many})
		}})
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
