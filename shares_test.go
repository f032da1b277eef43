package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

const shareSecret = "a-secret-of-thirty-two-characters"

// bearer is the header with a token of a subject in a role; of partners, who are one affiliate.
func bearer(t *testing.T, subject, role, affiliate string) []string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "portal", "aud": "graph", "sub": subject, "role": role, "affiliates": []string{affiliate}, "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(shareSecret))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"Authorization", "Bearer " + text}
}

// TestPartnerShares wants partners to have one share over all servers and over a reload,
// and no more of it when Redis is gone; and staff to find the reserve when all partners
// together have taken what is theirs.
func TestPartnerShares(t *testing.T) {
	for _, servers := range []int{1, 2} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			// An hour, so that nothing comes back meanwhile. One partner's share is one
			// planned call then.
			text := strings.Replace(sandboxed(t), "provider: uppromote\n", "provider: uppromote\n    rate_limit: { requests: 30, per: 1h }\n", 1)
			text += "auth:\n  jwt: { issuer: portal, audience: graph, hs256_secret: " + shareSecret + " }\n"
			var redis *redistest.Server
			if servers > 1 {
				redis = redistest.Start(t)
				text += "redis:\n  timeout: 10s\n  cache: " + redis.Target().Addresses[0].Reveal() + "\n"
			}
			path := write(t, text)
			var bases []string
			var processes []*running
			for range servers {
				s := start(t, "serve", "--config", path, "--listen", "127.0.0.1:0")
				bases = append(bases, s.stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1])
				processes = append(processes, s)
			}
			base := func(n int) string { return bases[n%servers] }
			boss := bearer(t, "boss", "reader", "")
			read := func(t *testing.T, base string) (ids []string) {
				t.Helper()
				_, body := ask(t, base, `{ accounts { id providerId } }`, boss...)
				account := regexp.MustCompile(`"id":"([^"]+)","providerId":"uppromote"`).FindStringSubmatch(body)
				if account == nil {
					t.Fatalf("no account of UpPromote: %s", body)
				}
				_, body = ask(t, base, fmt.Sprintf(`{ affiliates(first: 40, filter: { accounts: [%q] }) { nodes { id } } }`, account[1]), boss...)
				var found struct {
					Data struct {
						Affiliates struct{ Nodes []struct{ ID string } }
					}
				}
				if err := json.Unmarshal([]byte(body), &found); err != nil || len(found.Data.Affiliates.Nodes) < 40 {
					t.Fatalf("%v %s", err, body)
				}
				for _, n := range found.Data.Affiliates.Nodes {
					ids = append(ids, n.ID)
				}
				return ids
			}
			ids := read(t, base(0))

			// One partner.
			jane := func(n, want int) {
				t.Helper()
				status, body := ask(t, base(n), `{ viewer { affiliates { name } } }`, bearer(t, "jane", "partner", ids[0])...)
				if status != want || want == http.StatusTooManyRequests && !strings.Contains(body, `"code":"RATE_LIMITED"`) {
					t.Errorf("server %d: %d %s, want %d", n%servers, status, body, want)
				}
			}
			jane(0, http.StatusOK)
			for n := range 4 {
				jane(n, http.StatusTooManyRequests)
			}

			// All partners: each has a share, until the account's part for partners is used up.
			taken, refused := 0, 0
			for n, id := range ids[1:30] {
				status, body := ask(t, base(n), `{ commissions(first: 1) { nodes { id } } }`, bearer(t, fmt.Sprint("partner ", n), "partner", id)...)
				switch {
				case status == http.StatusOK && !strings.Contains(body, `"errors"`) && refused == 0:
					taken++
				case status == http.StatusOK && strings.Contains(body, `"code":"RATE_LIMITED"`):
					refused++
				default:
					t.Errorf("partner %d: %d %s", n, status, body)
				}
			}
			// Partners have four fifths of the account, 24 calls. Each server makes at most
			// eight of them to prove that a short first page is the last one.
			if taken+refused != 29 || taken > 24 || taken < 24-8*servers {
				t.Errorf("%d partners were served and %d refused, want at most 24 served, and 29 in all", taken, refused)
			}
			left := regexp.MustCompile(`"providerId":"uppromote","rateLimit":{"limit":30,"remaining":(\d+)`)
			for n := range servers {
				_, body := ask(t, base(n), `{ accounts { providerId rateLimit { limit remaining } } }`, boss...)
				if m := left.FindStringSubmatch(body); m == nil || m[1] == "0" {
					t.Errorf("what staff have left: %s", body)
				}
				query := fmt.Sprintf(`{ commissions(first: 1, filter: { affiliates: [%q] }) { nodes { id } } }`, ids[30+n])
				if status, body := ask(t, base(n), query, boss...); status != http.StatusOK || strings.Contains(body, `"errors"`) {
					t.Errorf("staff are refused when partners have taken theirs: %d %s", status, body)
				}
			}

			// A reload, and an outage.
			if err := os.WriteFile(path, []byte(text+"playground: false\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			for n, s := range processes {
				s.stderr.await(t, "was read again")
				jane(n, http.StatusTooManyRequests)
			}
			if redis != nil {
				redis.Stop()
				for n := range servers { // nobody knows what is left, until each server goes by its own part
					status, body := ask(t, base(n), `{ viewer { affiliates { name } } }`, bearer(t, "jane", "partner", ids[0])...)
					if status != http.StatusTooManyRequests && (status != http.StatusServiceUnavailable || !strings.Contains(body, `"code":"OVERLOADED"`)) {
						t.Errorf("server %d without Redis: %d %s, want 429 or 503", n, status, body)
					}
				}
				for _, s := range processes {
					s.stderr.await(t, "partners' shares go on with this replica's part")
				}
			}
		})
	}
}

// TestReserveReload wants a reload that changes the reserve to forget nothing of what an
// account's calls were.
func TestReserveReload(t *testing.T) {
	p := &parts{process: &process{now: time.Now}, budgets: map[string]providers.Budget{}}
	a := config.Account{ID: "shop", RateLimit: config.RateLimit{Requests: 100, Per: time.Hour}}
	before, after := p.reserved(a, 20, 10), p.reserved(a, 50, 10)
	if err := before.Take(providers.KeepReserve(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := after.State().Remaining; got != 99 {
		t.Errorf("%d calls are left after the reload, want 99", got)
	}
	if whole, part := p.reserved(a, 20, 10).Part.State(), after.Part.State(); whole.Limit != 80 || whole.Remaining != 79 || part.Limit != 50 {
		t.Errorf("partners have %+v and %+v", whole, part)
	}
}
