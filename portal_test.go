package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/needs"
)

// portal is what docs/portal.md shows, running: its configuration, its commands and its
// script, word for word but for the address.
type portal struct {
	t            *testing.T
	dir, base    string
	secret       string
	shown, first string // what the page has as the commands' output, and what that was
}

// newPortal runs the commands in an empty folder, where the program is this binary.
func newPortal(t *testing.T) *portal {
	t.Helper()
	for _, program := range []string{"bash", "curl", "node"} {
		needs.Program(t, program)
	}
	const page = "docs/portal.md"
	m := []string{"", pick(t, page, "sh").text, pick(t, page, "text").text, pick(t, page, "js").text}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const build = "go build -o bin/partnergraph .\n"
	// A reader tells the truth, and the test asks faster than a partner may.
	const partners, staffToo = "roles: [partner]\n", "roles: [partner, reader]\nlimits:\n  partner: 100000\n"
	commands, builds := strings.CutPrefix(m[1], build)
	if !strings.Contains(commands, partners) {
		t.Fatal("the portal's tokens may be anybody's")
	}
	commands = strings.ReplaceAll(commands, partners, staffToo)
	script := strings.ReplaceAll(m[3], documented, address)
	if !builds || !strings.Contains(commands, documented) || script == m[3] {
		t.Fatal("the commands and the script do not begin by building, or do not ask " + documented)
	}
	p := &portal{t: t, dir: t.TempDir(), base: "http://" + address, shown: m[2]}
	if err := errors.Join(os.Mkdir(filepath.Join(p.dir, "bin"), 0o700), os.Symlink(self, filepath.Join(p.dir, "bin/partnergraph")),
		os.WriteFile(filepath.Join(p.dir, "portal.mjs"), []byte(script), 0o600)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-ec", strings.ReplaceAll(commands, documented, address)+"echo \"<$PORTAL_SECRET>\"")
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), childVariable+"=program", "PARTNERGRAPH_LISTEN="+address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, stderr := newOutput(), newOutput()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the commands say %.2000s", stderr)
		}
	})
	said := stdout.await(t, `(?s)ready\n(.*)<(\w{32,})>`)
	p.first, p.secret = said[1], said[2]
	return p
}

// run runs the script.
func (p *portal) run(env []string, who ...string) (stdout, stderr string, status int) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "node", append([]string{"portal.mjs"}, who...)...)
	cmd.Dir, cmd.Env = p.dir, append(append(os.Environ(), "PORTAL_SECRET="+p.secret), env...)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.t.Fatal(err)
	}
	return out.String(), bad.String(), cmd.ProcessState.ExitCode()
}

// token is one of the portal's, as the claims change it.
func (p *portal) token(method jwt.SigningMethod, key any, change jwt.MapClaims) string {
	p.t.Helper()
	claims := jwt.MapClaims{"iss": "https://portal.example.com", "aud": "partnergraph", "sub": "user-2", "exp": time.Now().Add(time.Minute).Unix()}
	for name, claim := range change {
		claims[name] = claim
	}
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// affiliate is what staff is told of one.
type affiliate struct {
	ID, Email string
	Account   struct{ Name string }
}

// commission is what staff is told of one.
type commission struct {
	CreatedAt, Status string
	Amount            *struct{ Amount, CurrencyCode string }
	Reward            *struct{ Quantity, Unit string }
	Account           struct{ Name string }
	Affiliate         struct{ ID string }
}

// line is how the script should show it.
func (c commission) line() string {
	earned := ""
	if c.Amount != nil {
		earned = c.Amount.Amount + " " + c.Amount.CurrencyCode
	} else if c.Reward != nil {
		earned = c.Reward.Quantity + " " + c.Reward.Unit
	}
	return fmt.Sprintf("%.10s %12s %-8s %s\n", c.CreatedAt, earned, c.Status, c.Account.Name)
}

// staffs walks a list to its end for a reader of everything.
func staffs[T any](p *portal, list, fields string) (all []T) {
	p.t.Helper()
	reader := p.token(jwt.SigningMethodHS256, []byte(p.secret), jwt.MapClaims{"role": "reader"})
	for after := "null"; ; {
		_, body := ask(p.t, p.base, fmt.Sprintf(`{ list: %s(first: 100, after: %s) { nodes { %s } pageInfo { hasNextPage endCursor } } }`, list, after, fields), "Authorization", "Bearer "+reader)
		var answer struct {
			Data struct {
				List struct {
					Nodes    []T
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
			Errors []any
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Errors) > 0 {
			p.t.Fatalf("%v %.500s", err, body)
		}
		all = append(all, answer.Data.List.Nodes...)
		if !answer.Data.List.PageInfo.HasNextPage {
			return all
		}
		after = fmt.Sprintf("%q", answer.Data.List.PageInfo.EndCursor)
	}
}

// sorted are the lines of a text; what happened in the same second is in no order.
func sorted(text string) []string { return slices.Sorted(strings.Lines(text)) }

// TestPortal does what docs/portal.md says, and wants of each partner's token exactly that
// partner's commissions, of every other token a clear refusal, and nothing for pages of
// other origins.
func TestPortal(t *testing.T) {
	long(t)
	t.Parallel()
	p := newPortal(t)
	const hana = "hana.rahman23@example.com"
	people := map[string][]string{} // ids by address
	for _, a := range staffs[affiliate](p, "affiliates", "id email account { name }") {
		people[a.Email] = append(people[a.Email], a.ID)
	}
	earned := map[string]string{} // lines by affiliate
	for _, c := range staffs[commission](p, "commissions", "createdAt status amount { amount currencyCode } reward { quantity unit } account { name } affiliate { id }") {
		earned[c.Affiliate.ID] += c.line()
	}
	of := func(ids ...string) (lines string) {
		for _, id := range ids {
			lines += earned[id]
		}
		return lines
	}
	var other string // the address of somebody else who earned as often in several accounts
	for email, ids := range people {
		if email != hana && len(ids) == len(people[hana]) && strings.Count(of(ids...), "\n") > 20 && of(ids...) != of(people[hana]...) {
			other = email
		}
	}
	if other == "" || strings.Count(of(people[hana]...), "\n") <= 20 {
		t.Fatalf("nobody earned more than a page: %q", people)
	}
	if diff := cmp.Diff(sorted(of(people[hana]...)), sorted(p.first)); diff != "" {
		t.Errorf("the page's last command (-want +got):\n%s", diff)
	}
	for shown := range strings.Lines(strings.TrimSuffix(p.shown, "…\n")) {
		if _, row, ok := strings.Cut(shown, " "); !ok || !strings.Contains(p.first, row) {
			t.Errorf("the page shows %q, which is not said", shown)
		}
	}
	for name, test := range map[string]struct {
		who  []string
		want string
	}{
		"an address":      {[]string{other}, of(people[other]...)},
		"all ids":         {people[hana], of(people[hana]...)},
		"one id":          {people[other][:1], of(people[other][0])},
		"nobody's":        {[]string{"nobody@example.com"}, ""},
		"a part of one's": {[]string{strings.TrimPrefix(hana, "h")}, ""},
	} {
		// Each is a user of the portal, with a share of their own.
		stdout, stderr, status := p.run([]string{"PORTAL_USER=" + name}, test.who...)
		if diff := cmp.Diff(sorted(test.want), sorted(stdout)); diff != "" || stderr != "" || status != 0 {
			t.Errorf("%s: status %d, %s (-want +got):\n%s", name, status, stderr, diff)
		}
	}
	p.refusals(people[hana], of(people[hana]...))
	p.pages()
}

// refusals tries tokens that differ from a good one in one thing.
func (p *portal) refusals(ids []string, want string) {
	p.t.Helper()
	claims := func(name string, claim any) jwt.MapClaims {
		return jwt.MapClaims{"role": "partner", "affiliates": ids, name: claim}
	}
	secret, good := []byte(p.secret), claims("role", "partner")
	refused := "UNAUTHENTICATED: " + auth.ErrBadToken.Error() + "\n"
	for name, test := range map[string]struct{ token, stdout, stderr string }{
		"a good one":                    {p.token(jwt.SigningMethodHS256, secret, good), want, ""},
		"another secret":                {p.token(jwt.SigningMethodHS256, []byte(strings.ToUpper(p.secret)), good), "", refused},
		"expired":                       {p.token(jwt.SigningMethodHS256, secret, claims("exp", time.Now().Add(-auth.Leeway-time.Second).Unix())), "", refused},
		"alg none":                      {p.token(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good), "", refused},
		"of nobody":                     {p.token(jwt.SigningMethodHS256, secret, claims("affiliates", []string{})), "", refused},
		"an address that is only typed": {p.token(jwt.SigningMethodHS256, secret, jwt.MapClaims{"role": "partner", "email": "hana.rahman23@example.com"}), "", refused},
		"empty":                         {"", "", "UNAUTHENTICATED: " + auth.ErrBadCredentials.Error() + "\n"},
	} {
		stdout, stderr, status := p.run([]string{"TOKEN=" + test.token})
		if diff := cmp.Diff(sorted(test.stdout), sorted(stdout)); diff != "" || stderr != test.stderr || (status == 0) != (test.stderr == "") {
			p.t.Errorf("%s: status %d, %s (-want +got):\n%s", name, status, stderr, diff)
		}
	}
	if _, stderr, status := p.run([]string{"PORTAL_SECRET=" + strings.Repeat("x", 32)}, "hana.rahman23@example.com"); stderr != refused || status != 1 {
		p.t.Errorf("a portal with another secret: status %d, %s", status, stderr)
	}
	if status, body := ask(p.t, p.base, `{ commissions(first: 1) { nodes { id } } }`); status != http.StatusUnauthorized || strings.Contains(body, `"data"`) {
		p.t.Errorf("no token: %d %s", status, body)
	}
}

// pages asks as browsers do for pages.
func (p *portal) pages() {
	p.t.Helper()
	token := p.token(jwt.SigningMethodHS256, []byte(p.secret), jwt.MapClaims{"role": "partner", "affiliates": []string{"x"}})
	for origin, want := range map[string]int{"https://portal.example.com": http.StatusOK, "https://portal.example": http.StatusForbidden} {
		if status, body := ask(p.t, p.base, `{ viewer { role } }`, "Authorization", "Bearer "+token, "Origin", origin); status != want || (want == http.StatusOK) != strings.Contains(body, "PARTNER") {
			p.t.Errorf("a page of %s: %d %s", origin, status, body)
		}
		r, err := http.NewRequestWithContext(p.t.Context(), http.MethodOptions, p.base+"/graphql", nil)
		if err != nil {
			p.t.Fatal(err)
		}
		for name, text := range map[string]string{"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"} {
			r.Header.Set(name, text)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			p.t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("Access-Control-Allow-Origin"); (got == origin) != (want == http.StatusOK) {
			p.t.Errorf("a page of %s may ask: %q", origin, got)
		}
	}
}
