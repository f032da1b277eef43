package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// auth reads who is let in, and says whether anything is said about it. The accounts are known by now.
func (v value) auth(c *Config) bool {
	tokens := v.child("jwt", nil).overridden("issuer", "audience", "jwks_url", "hs256_secret")
	if v.node == nil && !tokens {
		return false
	}
	keys := false
	v.mapping(
		field{name: "api_keys", read: func(v value) {
			keys = v.node != nil
			v.list("keys", false, func(v value) { c.Auth.APIKeys = append(c.Auth.APIKeys, v.apiKey(c)) })
		}},
		field{name: "jwt", read: func(v value) {
			if tokens = tokens || v.node != nil; tokens {
				c.Auth.JWT = v.jwt()
			}
		}},
	)
	if _, ok := v.node.(*ast.MappingNode); ok && !keys && !tokens {
		v.problem("found neither api_keys nor jwt, expected one of them or both")
	}
	return true
}

// overridden says whether a variable overrides one of these keys of the mapping here.
func (v value) overridden(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, ok := v.override(v.child(name, nil).variable)
		return ok
	})
}

// apiKey reads an entry of api_keys; c holds those before it.
func (v value) apiKey(c *Config) auth.Key {
	var key auth.Key
	known := kind[string]{
		want:  "the id of one of the accounts",
		parse: func(s string) (string, bool) { return s, c.hasAccount(s) },
	}
	v.mapping(
		required("name", &key.Name, label),
		field{name: "sha256", want: keyHash.want, read: func(v value) {
			if load(v, &key.SHA256, keyHash) &&
				slices.ContainsFunc(c.Auth.APIKeys, func(k auth.Key) bool { return k.SHA256 == key.SHA256 }) {
				v.problem("found the hash of another key, expected one of its own")
			}
		}},
		required("role", &key.Role, role),
		field{name: "accounts", read: func(v value) {
			v.list("accounts' ids", false, func(v value) {
				var id string
				if load(v, &id, known) {
					key.Accounts = append(key.Accounts, id)
				}
			})
		}},
	)
	return key
}

// jwt reads which tokens are accepted.
func (v value) jwt() *JWT {
	t := &JWT{Claims: auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"}}
	var hs256 string
	var said []string // of the two ways to verify a token
	way := func(name string, dst *string, k kind[string]) field {
		return field{name: name, read: func(v value) {
			if _, ok := v.override(v.variable); ok || v.node != nil {
				said = append(said, name)
			}
			load(v, dst, k)
		}}
	}
	v.mapping(
		required("issuer", &t.Issuer, identifier),
		required("audience", &t.Audience, identifier),
		way("jwks_url", &t.JWKSURL, jwksURL),
		way("hs256_secret", &hs256, hmacSecret),
		field{name: "roles", read: func(v value) {
			v.list("roles", false, func(v value) {
				var r auth.Role
				if load(v, &r, tokenRole) {
					t.Roles = append(t.Roles, r)
				}
			})
		}},
		setting("role_claim", &t.Claims.Role, identifier),
		setting("accounts_claim", &t.Claims.Accounts, identifier),
		setting("affiliates_claim", &t.Claims.Affiliates, identifier),
		setting("email_claim", &t.Claims.Email, identifier),
	)
	switch _, ok := v.node.(*ast.MappingNode); {
	case len(said) == 2:
		v.problem("found both jwks_url and hs256_secret, expected one of them")
	case len(said) == 0 && (ok || v.node == nil):
		v.problem("found neither jwks_url nor hs256_secret, expected one of them")
	}
	if hs256 != "" {
		t.Secret = NewCredentials(map[string]string{"hs256_secret": hs256})
	}
	return t
}
