package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// auth reads who is let in, and says whether anything is said about it. The accounts are
// known by now.
func (v value) auth(c *Config) bool {
	tokens := v.child("jwt", nil).overridden("issuer", "audience", "jwks_url", "hs256_secret")
	if v.node == nil && !tokens && !v.describing() {
		return false
	}
	keys := false
	v.mapping(
		field{
			name: "api_keys", absent: "none",
			doc: "The keys of staff and programs, sent as `Authorization: Bearer KEY`. While one key " +
				"replaces another, give both entries the same name.",
			read: func(v value) {
				keys = v.node != nil
				v.list("keys", false, func(v value) { c.Auth.APIKeys = append(c.Auth.APIKeys, v.apiKey(c)) })
			},
		},
		field{
			name: "jwt", absent: "no tokens are accepted",
			doc: "The JSON Web Tokens of one issuer, sent as `Authorization: Bearer TOKEN`. They need " +
				"the claims `exp`, `sub` and the role. See [portal](portal.md).",
			read: func(v value) {
				if tokens = tokens || v.node != nil; tokens || v.describing() {
					c.Auth.JWT = v.jwt()
				}
			},
		},
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
		required("name", &key.Name, label, "Who has the key. The log names it, and idempotency keys "+
			"belong to it."),
		field{
			name: "sha256", want: keyHash.want,
			doc: "The SHA-256 of the key: `printf %s \"$KEY\" | sha256sum`. The key itself is stored " +
				"nowhere.",
			read: func(v value) {
				if load(v, &key.SHA256, keyHash) &&
					slices.ContainsFunc(c.Auth.APIKeys, func(k auth.Key) bool { return k.SHA256 == key.SHA256 }) {
					v.problem("found the hash of another key, expected one of its own")
				}
			},
		},
		required("role", &key.Role, role, "reader: queries; editor: also mutations; admin: everything, "+
			"including webhook subscriptions and raw records."),
		field{
			name: "accounts", absent: "all accounts",
			doc: "The ids of the accounts that the key may use.",
			read: func(v value) {
				v.list("accounts' ids", false, func(v value) {
					var id string
					if load(v, &id, known) {
						key.Accounts = append(key.Accounts, id)
					}
				})
			},
		},
	)
	return key
}

// jwt reads which tokens are accepted.
func (v value) jwt() *JWT {
	t := &JWT{Claims: auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"}}
	var hs256 string
	var said []string // of the two ways to verify a token
	way := func(name, absent string, dst *string, k kind[string], doc string) field {
		return field{name: name, absent: absent, doc: doc, read: func(v value) {
			if _, ok := v.override(v.variable); ok || v.node != nil {
				said = append(said, name)
			}
			load(v, dst, k)
		}}
	}
	v.mapping(
		required("issuer", &t.Issuer, identifier, "The `iss` that tokens must have."),
		required("audience", &t.Audience, identifier, "The audience that must be in `aud` of tokens."),
		way("jwks_url", "hs256_secret is required", &t.JWKSURL, jwksURL,
			"The address of the issuer's public keys, for RS256, ES256 and EdDSA. The key id `kid` "+
				"selects the key."),
		way("hs256_secret", "jwks_url is required", &hs256, hmacSecret,
			"The secret shared with the issuer, for HS256 and no other algorithm. Its characters are the "+
				"key; they are not decoded."),
		field{
			name: "roles", absent: "all roles",
			doc: "The roles that tokens may have. A token with another role is refused.",
			read: func(v value) {
				v.list("roles", false, func(v value) {
					var r auth.Role
					if load(v, &r, tokenRole) {
						t.Roles = append(t.Roles, r)
					}
				})
			},
		},
		setting("role_claim", &t.Claims.Role, identifier, "The claim with the role: admin, editor, "+
			"reader or partner."),
		setting("accounts_claim", &t.Claims.Accounts, identifier, "The claim with the list of account "+
			"ids. A token without it may use all accounts."),
		setting("affiliates_claim", &t.Claims.Affiliates, identifier, "The claim of partners with the "+
			"list of the global ids of their affiliates."),
		setting("email_claim", &t.Claims.Email, identifier,
			"The claim of partners with their e-mail address, used if `email_verified` is true. A claim "+
				"with another name `X` is used if `X_verified` is true."),
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
