package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// attacks.js is a function of a server's address and a key. It tries all ways that a page
// has to send something there, each with an operation of the way's own name, and is what
// the page could read of the answers, by that name.
//
//go:embed testdata/attacks.js
var attacks string

// readings is a function of a server's address and a key, as a portal's page would ask: by
// POST and by GET, and the id of a request.
const readings = `async (base, key) => {
	const headers = { Authorization: 'Bearer ' + key, 'Content-Type': 'application/json', 'X-Apollo-Operation-Name': 'ReadByPost' };
	const posted = await fetch(base + '/graphql', { method: 'POST', headers, body: JSON.stringify({ query: 'query ReadByPost { accounts { id } }' }) });
	const got = await fetch(base + '/graphql?query=' + encodeURIComponent('query ReadByGet { accounts { id } }'), { headers: { 'X-API-Key': key } });
	const schema = await fetch(base + '/schema.graphql');
	const refused = await fetch(base + '/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
	return { post: await posted.text(), get: await got.text(), id: posted.headers.get('X-Request-Id') ?? '', schema: await schema.text(), refused: String(refused.status) };
}`

// page is the address of an empty page, under this host.
func page(t *testing.T, host string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>another page</title>")
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", host, 1)
}

// run calls a function of a server's address and a key in a page.
func (b *tab) run(page, function, base, key string) map[string]string {
	b.t.Helper()
	b.do(chromedp.Navigate(page))
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[map[string]string](fmt.Sprintf("(%s)(%q, %q)", function, base, key), chromedp.EvalAwaitPromise))
	if err != nil {
		_, problems := b.happened()
		b.t.Fatalf("%s: %v; the console says %q", page, err, problems)
	}
	return got
}

// request is what the server's log tells of one.
type request struct {
	Msg, Method, Path, Operation string
	Status                       int
}

// logged ends the server and is what was asked at /graphql.
func (r *running) logged(t *testing.T) (requests []request) {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	for text := range strings.Lines(r.stderr.String()) {
		var line request
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if line.Msg == "request" && line.Path == "/graphql" {
			requests = append(requests, line)
		}
	}
	return requests
}

// TestOtherOrigins wants a real browser's pages of other origins to have nothing executed
// and to read nothing, neither of a server that asks nobody who they are nor with a key
// that they somehow have; and a page of a listed origin to read with its key.
func TestOtherOrigins(t *testing.T) {
	long(t)
	t.Parallel()
	b := browse(t)
	portal := page(t, "localhost")
	const key = "secret"
	keyed := fmt.Sprintf("auth:\n  api_keys:\n    - { name: portal, sha256: %x, role: admin }\ncors: { origins: ['%s'] }\n", sha256.Sum256([]byte(key)), portal)
	for name, test := range map[string]struct {
		args []string
		keys []string // that the attacker has
	}{
		"without authentication": {[]string{"--listen", "127.0.0.1:0"}, []string{""}},
		"with keys":              {[]string{"serve", "--config", write(t, sandboxed(t)+keyed), "--listen", "127.0.0.1:0"}, []string{"", key}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, test.args...)
			base := s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
			tried := 0
			for _, host := range []string{"localhost", "127.0.0.1"} { // another site, and another origin of the same site
				for _, key := range test.keys {
					for way, read := range b.run(page(t, host), attacks, base, key) {
						tried++
						if read != "" {
							t.Errorf("%s from %s, with the key %q, reads %s", way, host, key, read)
						}
					}
				}
			}
			requests := s.logged(t)
			if i := slices.IndexFunc(requests, func(r request) bool {
				return r.Operation != "" || r.Status != http.StatusForbidden && (r.Method != http.MethodOptions || r.Status != http.StatusNoContent)
			}); i >= 0 {
				t.Errorf("executed, or understood at least: %+v", requests[i])
			}
			if each := 22; tried != each*2*len(test.keys) || len(requests) < tried {
				t.Errorf("%d ways were tried, and %d requests came, want %d in each page", tried, len(requests), each)
			}
		})
	}
	t.Run("a listed origin", func(t *testing.T) {
		s := start(t, "serve", "--config", write(t, sandboxed(t)+keyed), "--listen", "127.0.0.1:0")
		got := b.run(portal, readings, s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1], key)
		const want = `{"data":{"accounts":[{"id":`
		if !strings.HasPrefix(got["post"], want) || !strings.HasPrefix(got["get"], want) || got["id"] == "" || !strings.Contains(got["schema"], "type Query") || got["refused"] != "401" {
			_, problems := b.happened()
			t.Errorf("the page reads %q; the console says %q", got, problems)
		}
		var executed []string
		for _, r := range s.logged(t) {
			if r.Operation != "" {
				executed = append(executed, r.Operation)
			}
		}
		if fmt.Sprint(executed) != "[ReadByPost ReadByGet]" {
			t.Errorf("executed: %q", executed)
		}
	})
}
