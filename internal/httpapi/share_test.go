package httpapi_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/resolvers"
)

// byToken is who knows tokens, and what makes the header with one. Partners are these
// affiliates; one of the account shop by default.
func byToken(t *testing.T, affiliates ...string) (*auth.Authenticator, func(subject, role string) []string) {
	t.Helper()
	secret := []byte("a secret of thirty-two characters")
	if affiliates == nil {
		affiliates = []string{providers.ID{Account: "shop", Noun: providers.NounAffiliate, Local: "aff001"}.String()}
	}
	known := auth.New(nil, auth.NewTokens(t.Context(), auth.TokenOptions{
		Issuer: "i", Audience: "a", Secret: secret, Now: time.Now, Claims: auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"},
	}))
	return known, func(subject, role string) []string {
		made, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iss": "i", "aud": "a", "sub": subject, "role": role, "exp": time.Now().Add(time.Hour).Unix(), "affiliates": affiliates,
		}).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return []string{"Authorization", "Bearer " + made}
	}
}

// TestShares wants a partner who took a minute's share of requests, or of the calls that
// these cost, refused until time has made up for it, whatever they ask; and neither other
// partners nor staff kept from anything by that.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, token := byToken(t)
		h, _ := serve(t, func(o *httpapi.Options) { o.Partner, o.Auth = 60, known })
		const free, dear = `{ __typename }`, `{ affiliates(first: 1) { nodes { id } } }`
		asks := func(times int, query string, who []string, want int) {
			t.Helper()
			for n := range times {
				w := post(h, query, who...)
				if w.Code != want || (want == http.StatusOK) != strings.Contains(w.Body.String(), `"data"`) {
					t.Fatalf("request %d: %d %s, want %d", n, w.Code, w.Body, want)
				}
			}
		}
		wait := func(who []string, want int) {
			t.Helper()
			w := post(h, free, who...)
			for _, says := range []string{`"code":"RATE_LIMITED"`, `"retryable":true`, fmt.Sprintf(`"retryAfter":%d,`, want)} {
				if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != fmt.Sprint(want) || !strings.Contains(w.Body.String(), says) {
					t.Fatalf("%d %v %s, want to be told to wait for %d s", w.Code, w.Header(), w.Body, want)
				}
			}
			time.Sleep(time.Duration(want) * time.Second)
		}
		jane, joe := token("jane", "partner"), token("joe", "partner")
		asks(60, free, jane, http.StatusOK)
		asks(10, free, jane, http.StatusTooManyRequests) // which take nothing
		wait(jane, 1)
		asks(1, free, jane, http.StatusOK)
		asks(1, free, token("jane", "partner"), http.StatusTooManyRequests) // by another token
		asks(60, free, joe, http.StatusOK)
		asks(200, dear, token("boss", "reader"), http.StatusOK)

		time.Sleep(time.Minute)
		asks(54, free, jane, http.StatusOK)
		asks(1, dear, jane, http.StatusOK) // its request and three planned calls
		asks(1, free, jane, http.StatusOK)
		asks(1, dear, jane, http.StatusTooManyRequests) // its request alone: nothing is sent
		time.Sleep(4 * time.Second)
		asks(1, dear, jane, http.StatusOK)
		wait(jane, 1)
	})
}

// TestShareOfCalls wants the calls of an operation taken by its plan, before any is sent,
// whatever there is and is cached: and its refusals to be the same where there is much and
// where there is nothing.
func TestShareOfCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, token := byToken(t)
		told := map[string]bool{}
		for _, data := range []providertest.Options{{Empty: true}, {PageSize: 1}, {PageSize: 100}} {
			var sent atomic.Int64
			var reserve atomic.Bool
			data.Before = func(ctx context.Context, _ string) error {
				sent.Add(1)
				reserve.Store(providers.KeepsReserve(ctx))
				return nil
			}
			h, _ := serve(t, func(o *httpapi.Options) {
				o.Partner, o.PartnerCalls, o.Auth = 120, map[string]float64{"shop": 12}, known
				shop := providertest.NewFake("shop", data)
				o.Resolvers = resolvers.New(resolvers.Options{Accounts: []providers.Provider{shop}, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
			})
			jane := token("jane", "partner")
			for n := range 12 {
				before := sent.Load()
				w := post(h, `{ commissions(first: 1) { nodes { id } } payouts(first: 1) { nodes { id } } }`, jane...)
				text := fmt.Sprintf("%d: %d %s", n, w.Code, w.Header().Get("Retry-After"))
				told[text] = true
				if n == 0 && !reserve.Load() {
					t.Error("a partner's calls may take the reserve")
				}
				if w.Code == http.StatusTooManyRequests && sent.Load() != before {
					t.Errorf("%+v, request %d: refused, and calls were sent", data, n)
				}
			}
			if post(h, `{ campaigns { nodes { id } } }`, token("boss", "reader")...); reserve.Load() {
				t.Error("staff's calls may not take the reserve")
			}
		}
		if len(told) != 12 {
			t.Errorf("what is found makes a difference: %v", told)
		}
		for _, text := range []string{"0: 200 ", "1: 200 ", "2: 429 30"} {
			if !told[text] {
				t.Errorf("no %q in %v", text, told)
			}
		}
	})
}

// TestShareByAccount wants a partner of several accounts to pay at each of them what it takes
// there, of that account's own limit, and to be refused by the account that has the least
// left: also where another partner's query left the answer.
func TestShareByAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"shop", "other", "third"}
		var self []string
		for _, name := range names {
			self = append(self, providers.ID{Account: name, Noun: providers.NounAffiliate, Local: "aff001"}.String())
		}
		known, token := byToken(t, self...)
		h, _ := serve(t, func(o *httpapi.Options) {
			o.Partner, o.Auth, o.Responses = 126, known, 32<<20
			o.PartnerCalls = map[string]float64{"shop": 9, "other": 6, "third": 90}
			var accounts []providers.Provider
			store := cache.NewMemory(1<<20, time.Now)
			for _, name := range names {
				accounts = append(accounts, cache.Wrap(providertest.NewFake(name, providertest.Options{}), store, cache.Options{
					Lifetimes: map[providers.Noun]time.Duration{providers.NounCommission: time.Hour, providers.NounPayout: time.Hour}, List: time.Hour, Stale: time.Hour,
					Timeout: time.Second, Process: t.Context(), Now: time.Now, Logger: o.Logger,
				}))
			}
			o.Resolvers = resolvers.New(resolvers.Options{Accounts: accounts, Pages: 20, Calls: 50, Cost: 10_000, Logger: o.Logger, Now: time.Now})
		})
		account := func(name string) string {
			return providers.ID{Account: name, Noun: providers.NounAccount}.String()
		}
		list := func(names ...string) string { // each account is planned to take three calls
			for i, name := range names {
				names[i] = fmt.Sprintf("%q", account(name))
			}
			return fmt.Sprintf(`{ commissions(first: 1, filter: { accounts: [%s] }) { nodes { id } } }`, strings.Join(names, " "))
		}
		asks := func(who []string, query string, want int) { // a status, or seconds to wait
			t.Helper()
			w := post(h, query, who...)
			got := w.Code
			if wait, err := strconv.Atoi(w.Header().Get("Retry-After")); err == nil && got == http.StatusTooManyRequests {
				got = wait
			}
			if got != want {
				t.Fatalf("%s: %d %s, want %d", query, w.Code, w.Body, want)
			}
		}
		for _, who := range []string{"jane", "joe"} { // whom answers that are kept cost the same
			who := token(who, "partner")
			asks(who, list("shop", "other", "third"), http.StatusOK)
			asks(who, list("shop", "other", "third"), http.StatusOK)
			asks(who, list("shop", "other", "third"), 30) // by other: half of its six in a minute
			asks(who, list("shop", "third"), http.StatusOK)
			asks(who, list("shop", "third"), 20) // by shop: three of its nine
			for range 27 {
				asks(who, list("third"), http.StatusOK)
			}
			asks(who, list("third"), 2)
		}
	})
}

// unknownShares cannot tell anything, as when Redis is late.
type unknownShares struct{}

func (unknownShares) Take(context.Context, string, ...budget.Price) time.Duration {
	return budget.Unknown
}
func (unknownShares) Close() {}

// TestUnknownShare wants a partner whose share cannot be told just now to hear that the
// server is busy, and not that they asked for too much. It is nothing to staff.
func TestUnknownShare(t *testing.T) {
	known, token := byToken(t)
	h, _ := serve(t, func(o *httpapi.Options) { o.Partner, o.Auth, o.Shares = 60, known, unknownShares{} })
	w := post(h, `{ __typename }`, token("p", "partner")...)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "2" || !strings.Contains(w.Body.String(), `"code":"OVERLOADED"`) {
		t.Errorf("a partner: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := post(h, `{ __typename }`, token("a", "admin")...); w.Code != http.StatusOK {
		t.Errorf("staff: %d %s", w.Code, w.Body)
	}
}

// TestStaffQuota wants a viewer of staff refused beyond their requests in a minute, other
// viewers not, and neither those of a server that asks nobody who they are.
func TestStaffQuota(t *testing.T) {
	now := time.Now()
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Auth = auth.New([]auth.Key{
			{Name: "one", SHA256: sha256.Sum256([]byte("one")), Role: auth.RoleReader},
			{Name: "other", SHA256: sha256.Sum256([]byte("other")), Role: auth.RoleAdmin},
		}, nil)
		o.Staff, o.Now = 3, func() time.Time { return now }
	})
	asks := func(key string, want int) {
		t.Helper()
		w := post(h, `{ __typename }`, "Authorization", "Bearer "+key)
		if w.Code != want || (w.Header().Get("Retry-After") != "") != (want == http.StatusTooManyRequests) {
			t.Errorf("%s: %d %v %s, want %d", key, w.Code, w.Header(), w.Body, want)
		}
		if want == http.StatusTooManyRequests && !strings.Contains(w.Body.String(), "limits.staff") {
			t.Errorf("the refusal does not name the limit: %s", w.Body)
		}
	}
	for range 3 {
		asks("one", http.StatusOK)
	}
	asks("one", http.StatusTooManyRequests)
	asks("other", http.StatusOK)
	now = now.Add(time.Minute)
	asks("one", http.StatusOK)

	h, _ = serve(t, func(o *httpapi.Options) { o.Staff = 1 })
	for range 5 {
		if w := post(h, `{ __typename }`); w.Code != http.StatusOK {
			t.Errorf("without authentication: %d %s", w.Code, w.Body)
		}
	}
}
