package config

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
)

func TestOverrides(t *testing.T) {
	file := strings.Replace(account, "saas", "saas-eu", 1) + `
auth: { api_keys: [ { name: ops, sha256: ` + sum + `, role: admin } ] }
limits: { calls: "${UNSET}" } # overridden, so never read
`
	env := map[string]string{
		"PORT":                                              "9000",
		"PARTNERGRAPH_CACHE_LIST":                           "10s",
		"PARTNERGRAPH_CACHE_STALE":                          "", // as if it were not set
		"PARTNERGRAPH_LIMITS_CALLS":                         "7",
		"PARTNERGRAPH_PLAYGROUND":                           "false",
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_ID":                  "other", // the only one without effect
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_CREDENTIALS_API_KEY": "k2",
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_RATE_LIMIT_REQUESTS": "11",
		"PARTNERGRAPH_ACCOUNTS_SAAS_EU_BASE_URL":            "http://127.0.0.1:1",
		"PARTNERGRAPH_ACCOUNTS_ANOTHER_CREDENTIALS_API_KEY": "k3",
	}
	got, err := Parse("f", []byte(file), environment(env), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen = ":9000"
	want.Cache.List = 10 * time.Second
	want.Limits.Calls = 7
	want.Playground = false
	want.Auth.APIKeys = []auth.Key{{Name: "ops", SHA256: sha256.Sum256([]byte("foo")), Role: auth.RoleAdmin}}
	want.Accounts = []Account{{
		ID: "saas-eu", Name: "saas-eu", Provider: "promotekit", Currency: "USD", BaseURL: "http://127.0.0.1:1",
		RateLimit: RateLimit{11, time.Minute}, Timeout: 10 * time.Second, CustomerEmails: EmailsHidden,
		Credentials: NewCredentials(map[string]string{"api_key": "k2"}),
	}}
	if diff := cmp.Diff(want, got, compareCredentials); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}

	env["PARTNERGRAPH_LISTEN"] = "127.0.0.1:1" // goes before PORT
	if got, err := Parse("f", []byte(file), environment(env), registry(t)); err != nil || got.Listen != "127.0.0.1:1" {
		t.Errorf("listens on %v (%v), want PARTNERGRAPH_LISTEN", got, err)
	}
	if got, err := Parse("f", []byte(file), environment(env).With("PARTNERGRAPH_LISTEN", "[::1]:2"), registry(t)); err != nil || got.Listen != "[::1]:2" {
		t.Errorf("listens on %v (%v), want what With set", got, err)
	}
}

func TestBadOverrides(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"value", map[string]string{"PARTNERGRAPH_CACHE_LIST": "soon"}, `PARTNERGRAPH_CACHE_LIST: cache.list: found "soon", expected a duration like 90s or 1h30m, from 1s to 8760h`},
		{"secret", map[string]string{"PARTNERGRAPH_ACCOUNTS_SAAS_CREDENTIALS_API_KEY": "sk_live secret"},
			`PARTNERGRAPH_ACCOUNTS_SAAS_CREDENTIALS_API_KEY: accounts[0].credentials.api_key: found a text that is not shown here, expected a text without spaces and line breaks`},
		{"after the file's", map[string]string{"PARTNERGRAPH_LIMITS_CALLS": "0", "PARTNERGRAPH_CACHE_MEMORY": "1"},
			`f:2:23: persisted_operations: found a single value, expected a mapping with the keys manifest, only
PARTNERGRAPH_CACHE_MEMORY: cache.memory: found "1", expected a size in B, KiB, MiB or GiB, from 1MiB to 1024GiB
PARTNERGRAPH_LIMITS_CALLS: limits.calls: found "0", expected a whole number from 1 to 100000`},
		{"port", map[string]string{"PORT": "http"}, `PORT: listen: found "http", expected a port number`},
		{"port without auth", map[string]string{"PORT": "80"}, `PORT: listen: found ":80" without auth, which lets in everyone who reaches it; expected an address of this machine alone, like 127.0.0.1:8080, or auth with api_keys or jwt`},
		{"address without auth", map[string]string{"PARTNERGRAPH_LISTEN": "[::]:80"}, `PARTNERGRAPH_LISTEN: listen: found "[::]:80" without auth, which lets in everyone who reaches it; expected an address of this machine alone, like 127.0.0.1:8080, or auth with api_keys or jwt`},
		{"lists cannot be", map[string]string{"PARTNERGRAPH_ACCOUNTS": "x"}, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := account
			if strings.HasPrefix(tt.want, "f:") {
				file += "persisted_operations: x"
			}
			_, err := Parse("f", []byte(file), environment(tt.env), registry(t))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnknownVariables wants a variable that looks like an override refused where it
// overrides nothing.
func TestUnknownVariables(t *testing.T) {
	for _, tt := range []struct{ variable, want string }{
		{"PARTNERGRAPH_LISTEN=127.0.0.1:1", ""},
		{"PARTNERGRAPH_ACCOUNTS_SAAS_NAME=x", ""},
		{"PARTNERGRAPH_LISTEN=", ""}, // as not set
		{"PARTNERGRAPH=x", ""},
		{"OTHER_LISTEN=x", ""},
		{"PARTNERGRAPH_LISTN=x", "PARTNERGRAPH_LISTN: no setting of this configuration has this variable: did you mean PARTNERGRAPH_LISTEN?"},
		{"PARTNERGRAPH_ACCOUNTS_OTHER_NAME=s3cret", "PARTNERGRAPH_ACCOUNTS_OTHER_NAME: no setting of this configuration has this variable"},
		{"PARTNERGRAPH_ACCOUNTS_SAAS_ID=x", "PARTNERGRAPH_ACCOUNTS_SAAS_ID: no setting of this configuration has this variable"},
	} {
		_, err := Parse("f", []byte(account), environment(nil), registry(t), tt.variable)
		if got := fmt.Sprint(err); err == nil && tt.want != "" || err != nil && got != tt.want {
			t.Errorf("%s: %v, want %q", tt.variable, err, tt.want)
		}
	}
}

// TestSandboxPort wants PORT to open the sandbox, which asks nobody who they are, to this
// machine alone.
func TestSandboxPort(t *testing.T) {
	c, err := Load("", environment(map[string]string{"PORT": "9000"}), registry(t))
	if err != nil || c.Listen != "127.0.0.1:9000" {
		t.Errorf("%v, %v", c, err)
	}
}
