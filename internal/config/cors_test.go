package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// opened is the shortest file with auth.
const opened = account + "auth: { api_keys: [ { name: ops, sha256: " + sum + ", role: admin } ] }\n"

// TestOrigins wants exactly those origins that a browser could send, and that whoever is on
// the way cannot take the place of.
func TestOrigins(t *testing.T) {
	for _, good := range []string{
		"https://portal.example.com", "https://portal.example.com:8443", "https://xn--mnchen-3ya.example", "https://10.0.0.1", "https://[2001:db8::1]:8443", "https://a_b.example",
		"http://localhost:3000", "http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]:3000", "https://localhost", "http://localhost:443", "https://localhost:80",
	} {
		c, err := Parse("f", []byte(opened+"cors: { origins: ['"+good+"'] }"), environment(nil), registry(t))
		if err != nil {
			t.Errorf("%s: %v", good, err)
		} else if diff := cmp.Diff([]string{good}, c.CORS.Origins); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, bad := range []string{
		"*", "null", "portal.example.com", "//portal.example.com", "ftp://x", "file://", "chrome-extension://abc", "https://", "https://*", "https://*.example.com", "https://x/", "https://x/a", "https://x?a",
		"https://x#a", "https://u@x", "https://u:p@x", "https://X", "HTTPS://x", "https://münchen.example", "https://x:443", "http://localhost:80", "https://x:", "https://x:0", "https://x:080", "https://x:65536",
		"https://a..b", "https://.a", "https://a.", "https://[::1", "https://::1", "https://[::0001]", "https://[::1%25lo]", "https://[10.0.0.1]", "https://x ", "https://x, https://y", "https://x\\n",
		"http://portal.example.com", "http://192.168.0.9", "http://0.0.0.0", "http://localhost.example.com", "http://[::]",
	} {
		_, err := Parse("f", []byte(opened+`cors: { origins: ["`+bad+`"] }`), environment(nil), registry(t))
		if err == nil || !strings.HasPrefix(err.Error(), "f:3:19: cors.origins[0]: found ") || !strings.HasSuffix(err.Error(), ", expected "+origin.want) {
			t.Errorf("%s: %v", bad, err)
		}
		if strings.Contains(bad, "u:p") && strings.Contains(err.Error(), bad) {
			t.Errorf("a password is shown: %v", err)
		}
	}
}

func TestCORS(t *testing.T) {
	variable := func(text string) map[string]string { return map[string]string{"PARTNERGRAPH_CORS_ORIGINS": text} }
	tests := []struct {
		name, file string
		env        map[string]string
		want       []string
		problem    string
	}{
		{name: "absent", file: opened},
		{name: "from a variable", file: opened + `cors: { origins: ["${PORTAL}"] }`, env: map[string]string{"PORTAL": "https://a"}, want: []string{"https://a"}},
		{name: "an override", file: opened + "cors: { origins: ['*'] }", env: variable("https://a, https://b:1"), want: []string{"https://a", "https://b:1"}},
		{name: "an override of nothing", file: opened, env: variable("https://a"), want: []string{"https://a"}},
		{name: "this machine without auth", file: account + "cors: { origins: ['http://localhost:3000'] }", want: []string{"http://localhost:3000"}},
		{name: "of nothing", file: opened + "cors: {}", problem: "f:3:7: cors.origins: missing, expected a list of origins"},
		{name: "an empty list", file: opened + "cors: { origins: [] }", problem: "f:3:18: cors.origins: found an empty list, expected a list of origins"},
		{name: "no list", file: opened + "cors: { origins: 'https://a' }", problem: "f:3:18: cors.origins: found a single value, expected a list of origins"},
		{name: "no mapping", file: opened + "cors: ['https://a']", problem: "f:3:7: cors: found a list, expected a mapping with the keys origins, headers"},
		{name: "misspelt", file: opened + "cors: { origin: x }", problem: "f:3:7: cors.origins: missing, expected a list of origins\n" + `f:3:9: cors: found the unknown key "origin", expected "origins"`},
		{name: "everybody", file: opened + "cors: { origins: ['https://a', '*'] }", problem: `f:3:32: cors.origins[1]: found "*", expected ` + origin.want},
		{name: "a bad override", file: opened, env: variable("https://a,null"), problem: `PARTNERGRAPH_CORS_ORIGINS: cors.origins: found "null", expected ` + origin.want},
		{name: "a comma too many", file: opened, env: variable("https://a,"), problem: "PARTNERGRAPH_CORS_ORIGINS: cors.origins: found an empty text, expected " + origin.want},
		{name: "without auth", file: account + "cors: { origins: ['http://localhost', 'https://a'] }",
			problem: `f:2:39: cors.origins[1]: found "https://a" without auth, which lets in all of its pages; expected an origin of this machine alone, like http://localhost:3000, or auth with api_keys or jwt`},
		{name: "an override without auth", file: account, env: variable("https://a"),
			problem: `PARTNERGRAPH_CORS_ORIGINS: cors.origins: found "https://a" without auth, which lets in all of its pages; expected an origin of this machine alone, like http://localhost:3000, or auth with api_keys or jwt`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("f", []byte(tt.file), environment(tt.env), registry(t))
			got := ""
			if err != nil {
				got = err.Error()
			} else if diff := cmp.Diff(tt.want, c.CORS.Origins); diff != "" {
				t.Errorf("origins (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.problem, got); diff != "" {
				t.Errorf("problem (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHeaders wants those names of headers that a page's request can have and that add no
// credentials, in the file and in the variable.
func TestHeaders(t *testing.T) {
	const here = opened + "cors: { origins: ['https://a'], headers: "
	variable := func(text string) map[string]string { return map[string]string{"PARTNERGRAPH_CORS_HEADERS": text} }
	for _, good := range []string{"X-Tenant", "x-b3-traceid", "X_Y", "b3", "DNT-Like", strings.Repeat("x", 60)} {
		c, err := Parse("f", []byte(here+"['"+good+"'] }"), environment(nil), registry(t))
		if err != nil {
			t.Errorf("%s: %v", good, err)
		} else if diff := cmp.Diff([]string{good}, c.CORS.Headers); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, bad := range []string{
		"*", "", "X Tenant", "X-Tenant:", "X;Y", "X-Tenänt", "X\\nY", strings.Repeat("x", 61), "-x",
		"Cookie", "COOKIE", "Set-Cookie", "Origin", "Host", "Referer", "Sec-Fetch-Site", "Proxy-Authorization", "Access-Control-Request-Method", "X-Forwarded-For",
	} {
		_, err := Parse("f", []byte(here+`["`+bad+`"] }`), environment(nil), registry(t))
		if err == nil || !strings.HasPrefix(err.Error(), "f:3:43: cors.headers[0]: found ") || !strings.HasSuffix(err.Error(), ", expected "+header.want) {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := Parse("f", []byte(opened), environment(variable("X-Tenant,"+bad)), registry(t)); err == nil {
			t.Errorf("%s is taken from the variable", bad)
		}
	}
	c, err := Parse("f", []byte(here+"['X-File'] }"), environment(variable("X-One, X-Two")), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"X-One", "X-Two"}, c.CORS.Headers); diff != "" {
		t.Errorf("the variable (-want +got):\n%s", diff)
	}
	many := strings.TrimSuffix(strings.Repeat("X-Tenant,", maxHeaders+1), ",")
	if _, err := Parse("f", []byte(here+"["+many+"] }"), environment(nil), registry(t)); err == nil || !strings.HasSuffix(err.Error(), "cors.headers: found 51 headers, expected at most 50") {
		t.Errorf("too many: %v", err)
	}
}
