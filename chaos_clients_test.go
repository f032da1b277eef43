package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

const chaosSecret = "a-secret-of-thirty-two-characters"

// chaosBearer is a token with these claims that is accepted for so long.
func chaosBearer(claims jwt.MapClaims, life time.Duration) string {
	made := jwt.MapClaims{"iss": "chaos", "aud": "graph", "exp": time.Now().Add(life - auth.Leeway).Unix()}
	for name, value := range claims {
		made[name] = value
	}
	return must(jwt.NewWithClaims(jwt.SigningMethodHS256, made).SignedString([]byte(chaosSecret)))
}

// chaosBalancer sends deliveries to the replicas.
type chaosBalancer struct {
	*chaos
	client http.Client

	mu     sync.Mutex
	random *rand.Rand
	failed map[[sha256.Size]byte]int // how often deliveries of a body were made to fail
}

// maxFailed is how often a delivery is made to fail: a vendor does not send it for ever.
const maxFailed = 2

// balance starts the balancer that the vendors send to.
func (c *chaos) balance() (address string) {
	b := &chaosBalancer{chaos: c, client: http.Client{Timeout: 20 * time.Second}, random: c.random(3), failed: map[[sha256.Size]byte]int{}}
	server := httptest.NewServer(b)
	c.t.Cleanup(server.Close)
	return server.URL
}

// ServeHTTP sends a delivery to a replica at random, and to the other one where that is
// away. Some go to both at once, some are cut, and of some the answer is lost.
func (b *chaosBalancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.counts.deliveries.Add(1)
	key := sha256.Sum256(append([]byte(r.URL.Path), body...))
	b.mu.Lock()
	first, chance, cut := b.random.IntN(2), b.random.IntN(20), between(b.random, 0, 30*time.Millisecond)
	if chance < 2 {
		if b.failed[key]++; b.failed[key] > maxFailed {
			chance = 20
		}
	}
	b.mu.Unlock()
	ctx := r.Context()
	status := 0
	switch chance {
	case 0: // the answer is lost
		b.counts.lost.Add(1)
		_ = b.send(ctx, b.replicas[first], r, body)
	case 1:
		b.counts.cut.Add(1)
		ctx, cancel := context.WithTimeout(ctx, cut)
		_ = b.send(ctx, b.replicas[first], r, body)
		cancel()
	case 2, 3, 4:
		b.counts.twice.Add(1)
		var other int
		var both sync.WaitGroup
		both.Go(func() { other = b.send(ctx, b.replicas[1-first], r, body) })
		status = b.send(ctx, b.replicas[first], r, body)
		both.Wait()
		if other/100 == 2 {
			status = other
		}
	default:
		if status = b.send(ctx, b.replicas[first], r, body); status == 0 {
			status = b.send(ctx, b.replicas[1-first], r, body)
		}
	}
	if status == 0 {
		status = http.StatusBadGateway
	}
	if status/100 != 2 {
		b.counts.refused.Add(1)
	}
	w.WriteHeader(status)
}

// send sends a delivery to a replica, and answers the status; 0 where there is none.
func (b *chaosBalancer) send(ctx context.Context, to *chaosReplica, r *http.Request, body []byte) (status int) {
	out, err := http.NewRequestWithContext(ctx, r.Method, "http://"+to.address+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	out.Header = r.Header.Clone()
	response, err := b.client.Do(out)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

// ask asks a replica as an editor of all accounts.
func (c *chaos) ask(ctx context.Context, random *rand.Rand, query string, variables map[string]any) (*graphQL, error) {
	text := must(json.Marshal(map[string]any{"query": query, "variables": variables}))
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.replicas[random.IntN(2)].address+"/graphql", bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+chaosBearer(jwt.MapClaims{"sub": "editor", "role": "editor"}, time.Hour))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var g graphQL
	return &g, json.Unmarshal(answer, &g)
}

// mutate changes the name of an affiliate through the replicas, and makes others, each write
// until its outcome is known.
func (c *chaos) mutate(ctx context.Context, i int, random *rand.Rand) {
	a := c.world.mutated[i]
	account := providers.ID{Account: a.id.Account, Noun: providers.NounAccount}
	for n := 1; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("chaos-%s-%d", a.id.Account, n)
		if a.id.Account == "uppromote" || n%4 == 0 { // it edits no profile
			c.pursue(random, `mutation($input: CreateAffiliateInput!) { m: createAffiliate(input: $input) { userErrors { message } } }`, map[string]any{
				"idempotencyKey": key, "account": account.String(), "email": key + "@new.example", "firstName": "n0", "lastName": "x"})
		} else {
			a.counter++
			c.pursue(random, `mutation($input: UpdateAffiliateInput!) { m: updateAffiliate(input: $input) { userErrors { message } } }`, map[string]any{
				"idempotencyKey": key, "id": a.id.String(), "firstName": fmt.Sprint("n", a.counter)})
		}
		rest(ctx, between(random, 50*time.Millisecond, 500*time.Millisecond))
	}
}

// pursue sends a mutation until there is an answer for good.
func (c *chaos) pursue(random *rand.Rand, mutation string, input map[string]any) {
	var last string
	for over := time.Now().Add(patience); time.Now().Before(over); {
		g, err := c.ask(c.t.Context(), random, mutation, map[string]any{"input": input})
		switch {
		case err != nil:
			last = err.Error()
		case len(g.Errors) == 0:
			if string(g.Data["m"]) != `{"userErrors":[]}` {
				c.t.Errorf("%v: %s", input, g.Data["m"])
			}
			c.counts.writes.Add(1)
			return
		default:
			last = fmt.Sprintf("%+v", g.Errors)
		}
		time.Sleep(50 * time.Millisecond) // a client's pause, not a test's
	}
	c.t.Errorf("%v: no answer; the last was %s", input, last)
}

// read has clients read the lists and records that change, so that caches hold them.
func (c *chaos) read(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		_, err := c.ask(ctx, random, `{ affiliates(first: 10) { nodes { name status } } commissions(first: 10) { nodes { status } } referrals(first: 10) { nodes { status } } }`, nil)
		if err == nil {
			c.counts.reads.Add(1)
		}
		rest(ctx, between(random, 10*time.Millisecond, 200*time.Millisecond))
	}
}
