package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// long is a secret that is just long enough.
const long = "hush-hush-hush-hush-hush-hush-32"

func TestJWT(t *testing.T) {
	names := auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"}
	shared := &JWT{Issuer: "portal", Audience: "graph", Claims: names, Secret: NewCredentials(map[string]string{"hs256_secret": long})}
	fetched := &JWT{Issuer: "https://id.example/", Audience: "graph", Claims: names, JWKSURL: "https://id.example/keys?tenant=1"}
	named := *fetched
	named.JWKSURL = "http://127.0.0.1:8081/keys"
	named.Roles = []auth.Role{auth.RolePartner, auth.RoleReader}
	named.Claims = auth.Claims{Role: "https://x.example/role", Accounts: "shops", Affiliates: "partner_ids", Email: "contact"}
	tests := []struct {
		name, file string
		env        map[string]string
		want       *JWT
	}{
		{"a secret", `auth: { jwt: { issuer: portal, audience: graph, hs256_secret: "${SECRET}" } }`, map[string]string{"SECRET": long}, shared},
		{"a JWKS", "auth: { jwt: { issuer: 'https://id.example/', audience: graph, jwks_url: 'https://id.example/keys?tenant=1' } }", nil, fetched},
		{"a JWKS of this machine, and other claims", "auth: { jwt: { issuer: 'https://id.example/', audience: graph, jwks_url: 'http://127.0.0.1:8081/keys', " +
			"roles: [partner, reader], role_claim: 'https://x.example/role', accounts_claim: shops, affiliates_claim: partner_ids, email_claim: contact } }", nil, &named},
		{"from variables alone", "", map[string]string{
			"PARTNERGRAPH_AUTH_JWT_ISSUER": "portal", "PARTNERGRAPH_AUTH_JWT_AUDIENCE": "graph", "PARTNERGRAPH_AUTH_JWT_HS256_SECRET": long,
		}, shared},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse("f", []byte(account+"listen: :80\n"+tt.file), environment(tt.env), registry(t)) // which needs auth: this is enough
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Auth{JWT: tt.want}, got.Auth, compareCredentials); diff != "" {
				t.Errorf("auth (-want +got):\n%s", diff)
			}
			for _, verb := range []string{"%v", "%+v", "%#v"} {
				if s := fmt.Sprintf(verb, *got.Auth.JWT); strings.Contains(s, "hush") {
					t.Errorf("a secret is shown: %s", s)
				}
			}
		})
	}
}

func TestJWTProblems(t *testing.T) {
	const (
		text   = "1 to 255 printable characters without spaces"
		url    = "an https URL without user and fragment, or an http one of this machine"
		secret = "at least 32 characters without spaces and line breaks"
	)
	tests := []struct {
		name, jwt string
		env       map[string]string
		want      string
	}{
		{"nothing in it", "{}", nil, "f:2:14: auth.jwt.issuer: missing, expected " + text + "\nf:2:14: auth.jwt.audience: missing, expected " + text +
			"\nf:2:14: auth.jwt: found neither jwks_url nor hs256_secret, expected one of them"},
		{"no mapping", "hush", nil, "f:2:14: auth.jwt: found a single value, expected a mapping with the keys issuer, audience, jwks_url, hs256_secret, roles, role_claim, accounts_claim, affiliates_claim, email_claim"},
		{"both", "{ issuer: i, audience: a, jwks_url: 'https://x', hs256_secret: " + long + " }", nil, "f:2:14: auth.jwt: found both jwks_url and hs256_secret, expected one of them"},
		{"one of them from a variable", "{ issuer: i, audience: a, jwks_url: 'https://x' }", map[string]string{"PARTNERGRAPH_AUTH_JWT_HS256_SECRET": long},
			"f:2:14: auth.jwt: found both jwks_url and hs256_secret, expected one of them"},
		{"a short secret", "{ issuer: i, audience: a, hs256_secret: hush }", nil, "f:2:54: auth.jwt.hs256_secret: found a text that is not shown here, expected " + secret},
		{"a variable's short secret", `{ issuer: i, audience: a, hs256_secret: "${SHORT}" }`, map[string]string{"SHORT": "hush"}, "f:2:54: auth.jwt.hs256_secret: found the value of ${SHORT}, expected " + secret},
		{"a short secret over the file's", "{ issuer: i, audience: a, hs256_secret: " + long + " }", map[string]string{"PARTNERGRAPH_AUTH_JWT_HS256_SECRET": "hush"},
			"PARTNERGRAPH_AUTH_JWT_HS256_SECRET: auth.jwt.hs256_secret: found a text that is not shown here, expected " + secret},
		{"a secret with a line break", `{ issuer: i, audience: a, hs256_secret: "` + long + `\n" }`, nil, "f:2:54: auth.jwt.hs256_secret: found a text that is not shown here, expected " + secret},
		{"http", "{ issuer: i, audience: a, jwks_url: 'http://id.example/keys' }", nil, `f:2:50: auth.jwt.jwks_url: found "http://id.example/keys", expected ` + url},
		{"http of what is called as this machine", "{ issuer: i, audience: a, jwks_url: 'http://localhost.example/keys' }", nil, `f:2:50: auth.jwt.jwks_url: found "http://localhost.example/keys", expected ` + url},
		{"a file", "{ issuer: i, audience: a, jwks_url: 'file:///keys' }", nil, `f:2:50: auth.jwt.jwks_url: found "file:///keys", expected ` + url},
		{"a password", "{ issuer: i, audience: a, jwks_url: 'https://u:hush@x/keys' }", nil, "f:2:50: auth.jwt.jwks_url: found a text that is not shown here, expected " + url},
		{"an issuer of two words", "{ issuer: i i, audience: '', hs256_secret: " + long + " }", nil, `f:2:24: auth.jwt.issuer: found "i i", expected ` + text + "\nf:2:39: auth.jwt.audience: found an empty text, expected " + text},
		{"no roles", "{ issuer: i, audience: a, hs256_secret: " + long + ", roles: [] }", nil, "f:2:95: auth.jwt.roles: found an empty list, expected a list of roles"},
		{"an unknown role", "{ issuer: i, audience: a, hs256_secret: " + long + ", roles: [partner, root] }", nil,
			`f:2:105: auth.jwt.roles[1]: found "root", expected admin, editor, reader or partner`},
		{"no claim", "{ issuer: i, audience: a, hs256_secret: " + long + ", role_claim: '' }", nil, "f:2:100: auth.jwt.role_claim: found an empty text, expected " + text},
		{"misspelt", "{ issuer: i, audience: a, hs256_secret: " + long + ", role_clam: r }", nil, `f:2:88: auth.jwt: found the unknown key "role_clam", expected "role_claim"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(account+"auth: { jwt: "+tt.jwt+" }"), environment(tt.env), registry(t))
			if err == nil {
				t.Fatalf("accepted, want\n%s", tt.want)
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
