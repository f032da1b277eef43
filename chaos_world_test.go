package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// chaosWorld are the vendors. Their clock is a month behind and goes faster, so that they
// send again soon what was not accepted.
type chaosWorld struct {
	vendors  []*chaosVendor
	accounts string // the configuration of the accounts
	began    time.Time
	opened   time.Time    // of their clock: when they began to send
	ahead    atomic.Int64 // the clock was put forward by so much
	mutated  []*chaosAffiliate
}

const (
	chaosSpeed = 20 // of the vendors' clock
	chaosToken = "0123456789abcdef0123456789abcdef"
)

// chaosVendor is a simulator whose records are changed by one goroutine.
type chaosVendor struct {
	t      *testing.T
	world  *chaosWorld
	name   string
	sim    providers.Simulator
	sender sandbox.Sender
	url    string
	made   int

	mu         sync.Mutex
	affiliates []*chaosAffiliate
	owners     map[providers.ID]*chaosAffiliate // of records that were made in the run; of ids the first part
	open       []func()                         // changes that are still to come to records that were made
}

// chaosAffiliate is an affiliate that changes, or whose records do.
type chaosAffiliate struct {
	id         providers.ID
	email      string
	membership int64 // FirstPromoter's number of it
	counter    int   // in the name: how often it was changed, and told; see verifyFresh
}

// now is the vendors' clock.
func (w *chaosWorld) now() time.Time {
	passed := time.Since(w.began)*chaosSpeed + time.Duration(w.ahead.Load())
	return w.began.AddDate(0, -1, 0).Add(passed)
}

func newChaosWorld(t *testing.T, random *rand.Rand) *chaosWorld {
	t.Helper()
	w := &chaosWorld{began: time.Now(), accounts: "accounts:\n"}
	for _, f := range all.Registry().Factories() {
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: random.Uint64(), Now: w.now})
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		v := &chaosVendor{t: t, world: w, name: f.Name, sim: sim, sender: sim.(sandbox.Sender), url: server.URL, owners: map[providers.ID]*chaosAffiliate{}}
		v.kit().SetLatency(0, 20*time.Millisecond)
		w.vendors = append(w.vendors, v)
		w.accounts += fmt.Sprintf("  - { id: %s, provider: %s, currency: %s, base_url: %q, timeout: 8s, rate_limit: { requests: 10000, per: 1s }, webhooks: { path_tokens: [%s]%s }, credentials: {",
			f.Name, f.Name, sim.Currency(), server.URL, chaosToken, v.signed())
		for _, name := range f.Credentials {
			w.accounts += fmt.Sprintf(" %s: %q,", name, sim.Credentials()[name])
		}
		w.accounts += " } }\n"
		for range 3 { // two of partners, one whose name changes through the replicas
			v.affiliate()
		}
		w.mutated = append(w.mutated, v.affiliates[2])
		v.affiliates = v.affiliates[:2]
	}
	return w
}

// signed is the setting of the secret. PromoteKit's signatures have a time, which has to be
// that of the replicas.
func (v *chaosVendor) signed() string {
	if v.name == "promotekit" {
		return ""
	}
	return fmt.Sprintf(", signing_secrets: [%q]", v.sender.HookSecrets().Signing[0])
}

func (v *chaosVendor) kit() *sandbox.Kit { return v.sim.(interface{ Kit() *sandbox.Kit }).Kit() }

// open has the vendors send to the balancer, twice and in disorder.
func (w *chaosWorld) open(front string) {
	w.opened = w.now()
	for _, v := range w.vendors {
		hooks := v.sender.Webhooks()
		v.sender.SendTo(front + "/webhooks/" + v.name + "/" + chaosToken)
		hooks.SetDuplicates(true)
		hooks.SetDisorder(true)
		hooks.Open(sandbox.SendOptions{AllowHTTP: true, LocalOnly: true})
		v.t.Cleanup(hooks.Close)
	}
}

// pump has a vendor look at its clock again and again.
func (v *chaosVendor) pump(ctx context.Context) {
	for ctx.Err() == nil {
		v.sender.Webhooks().Settle()
		rest(ctx, 10*time.Millisecond)
	}
}

// forget has the vendors forget how often they were asked, so that their limits never count.
func (w *chaosWorld) forget(ctx context.Context) {
	for ctx.Err() == nil {
		for _, v := range w.vendors {
			v.kit().Forget()
		}
		rest(ctx, 100*time.Millisecond)
	}
}

// deliver puts the clock forward until all deliveries are accepted.
func (w *chaosWorld) deliver() {
	for over := time.Now().Add(patience); ; {
		left := 0
		for _, v := range w.vendors {
			v.sender.Webhooks().Settle()
			left += v.sender.Webhooks().Pending()
		}
		if left == 0 {
			return
		}
		if time.Now().After(over) {
			w.vendors[0].t.Fatalf("%d deliveries are still not accepted", left)
		}
		w.ahead.Add(int64(time.Second))
		time.Sleep(5 * time.Millisecond)
	}
}

// call changes something at the vendor, and answers the record.
func (v *chaosVendor) call(method, path string, body map[string]any) (record map[string]any) {
	text, _ := json.Marshal(body)
	r, _ := http.NewRequest(method, v.url+path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", newAffiliates[v.name].scheme+v.sim.Credentials()["api_key"])
	r.Header.Set("Account-ID", v.sim.Credentials()["account_id"])
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Error(err)
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(response.Body)
	if response.StatusCode/100 != 2 {
		v.t.Errorf("%s %s %s %s: %d %s", v.name, method, path, text, response.StatusCode, answer)
		return nil
	}
	var found any
	if err := json.Unmarshal(answer, &found); err != nil {
		v.t.Errorf("%s %s: %v", method, path, err)
	}
	if list, ok := found.([]any); ok {
		found = list[0]
	}
	record, _ = found.(map[string]any)
	if inner, ok := record["data"].(map[string]any); ok {
		record = inner
	}
	return record
}

// text is a number or a text as text.
func textOf(value any) string {
	if f, ok := value.(float64); ok {
		return fmt.Sprint(int64(f))
	}
	return fmt.Sprint(value)
}

// affiliate makes an affiliate, and remembers it.
func (v *chaosVendor) affiliate() {
	v.made++
	email := fmt.Sprintf("chaos%d@%s.example", v.made, v.name)
	body := map[string]any{"email": email, "first_name": "n0", "last_name": "x"}
	if v.name == "firstpromoter" {
		body = map[string]any{"email": email, "profile": map[string]any{"first_name": "n0", "last_name": "x"}}
	}
	record := v.call(http.MethodPost, newAffiliates[v.name].path, body)
	if record == nil {
		return
	}
	a := &chaosAffiliate{id: providers.ID{Account: v.name, Noun: providers.NounAffiliate, Local: textOf(record["id"])}, email: email}
	if in, ok := record["promoter_campaigns"].([]any); ok && len(in) > 0 {
		a.membership = int64(in[0].(map[string]any)["id"].(float64))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.affiliates = append(v.affiliates, a)
	v.owners[a.id] = a
}

// owned remembers whose a record is that was made.
func (v *chaosVendor) owned(a *chaosAffiliate, local string, nouns ...providers.Noun) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, noun := range nouns {
		v.owners[providers.ID{Account: v.name, Noun: noun, Local: local}] = a
	}
}

// change changes records at random until the context ends.
func (v *chaosVendor) change(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		a := v.affiliates[random.IntN(min(len(v.affiliates), 2+random.IntN(4)))]
		switch n := random.IntN(10); {
		case n == 0 && len(v.affiliates) < 100:
			v.affiliate()
		case n < 5 && len(v.open) > 0: // a record that was made changes for the first time
			i := random.IntN(len(v.open))
			do := v.open[i]
			v.open[i] = v.open[len(v.open)-1]
			v.open = v.open[:len(v.open)-1]
			do()
		default:
			v.made++
			v.changes(a, random)
		}
		if random.IntN(6) > 0 { // else a burst
			rest(ctx, between(random, 40*time.Millisecond, 240*time.Millisecond))
		}
	}
}

// changes makes or changes something of an affiliate, as the vendor has it. Bodies of
// deliveries differ: where a vendor gives an event no id, equal ones are taken for one.
func (v *chaosVendor) changes(a *chaosAffiliate, random *rand.Rand) {
	amount := 1000 + v.made
	switch v.name {
	case "promotekit":
		f := v.call(http.MethodPost, "/referrals", map[string]any{"affiliate_id": a.id.Local, "email": fmt.Sprintf("customer%d@new.example", v.made)})
		id := textOf(f["id"])
		v.owned(a, id, providers.NounReferral)
		v.open = append(v.open, func() {
			c := v.call(http.MethodPost, "/commissions", map[string]any{"referral_id": id, "revenue_amount": amount, "commission_amount": 10})
			v.owned(a, textOf(c["id"]), providers.NounCommission)
		})
	case "uppromote":
		f := v.call(http.MethodPost, "/referrals", map[string]any{"type": "fixed_amount", "affiliate_email": a.email, "commission": amount})
		id := textOf(f["id"])
		v.owned(a, id, providers.NounReferral, providers.NounCommission)
		v.open = append(v.open, func() {
			status := []string{"approved", "denied"}[random.IntN(2)]
			v.call(http.MethodPost, "/referral/"+id+"/status", map[string]any{"status": status})
		})
	case "firstpromoter":
		switch random.IntN(4) {
		case 0:
			f := v.call(http.MethodPost, "/referrals", map[string]any{"promoter_campaign_id": a.membership, "uid": fmt.Sprint("u", v.made)})
			id, uid := textOf(f["id"]), fmt.Sprint("v", v.made)
			v.owned(a, id, providers.NounReferral)
			v.open = append(v.open, func() { v.call(http.MethodPut, "/referrals/"+id, map[string]any{"uid": uid}) })
		case 1:
			c := v.call(http.MethodPost, "/commissions", map[string]any{"commission_type": "custom", "promoter_campaign_id": a.membership, "amount": amount})
			id := textOf(c["id"])
			v.owned(a, id, providers.NounCommission)
			v.open = append(v.open, func() {
				v.call(http.MethodPut, "/commissions/"+id, map[string]any{"internal_note": fmt.Sprint(amount)})
			})
		default:
			a.counter++
			v.call(http.MethodPut, "/promoters/"+a.id.Local, map[string]any{"profile": map[string]any{"first_name": fmt.Sprint("n", a.counter)}})
		}
	}
}

// counterOf is the counter in a name.
func counterOf(name string) (n int) {
	_, _ = fmt.Sscanf(strings.TrimPrefix(name, "n"), "%d", &n)
	return n
}
