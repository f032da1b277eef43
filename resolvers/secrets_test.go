package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
	"github.com/partnergraph/partnergraph/schema"
)

// keptCache and keptLedger write down what they are given to keep.
type keptCache struct {
	cache.Store
	kept *lines
}

func (k keptCache) Put(ctx context.Context, entries map[cache.Key]cache.Entry) error {
	for key, e := range entries {
		text, err := json.Marshal(e.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(k.kept, "%s %s\n", key, text)
	}
	return k.Store.Put(ctx, entries)
}

type keptLedger struct {
	ledger.Store
	kept *lines
}

func (k keptLedger) Save(ctx context.Context, key, was string, value []byte, keep time.Duration) (string, error) {
	fmt.Fprintf(k.kept, "%s %s\n", key, value)
	return k.Store.Save(ctx, key, was, value, keep)
}

// secret is what the simulators put where vendors have secrets: addresses to set passwords
// at, bank details, tax numbers, keys of webhooks.
var secret = regexp.MustCompile(`secret-[\w-]+`)

// TestSecretsStayWithTheVendor has vendors say secrets in errors, reads everything that
// there is in every way, writes what makes a secret, and wants none of it in the cache, in
// the ledger, in the logs, or in an answer; but for the one that a mutation shows, once.
func TestSecretsStayWithTheVendor(t *testing.T) {
	var heard, logs, kept lines
	now := func() time.Time { return today }
	w := newWorld(t, setup{noBudget: true, ticks: true, cost: 1 << 20, heard: &heard, logs: &logs,
		store: keptCache{cache.NewMemory(64<<20, now), &kept}, entries: keptLedger{ledger.NewMemory(now), &kept}})
	var told strings.Builder
	for vendor, kit := range w.kits {
		for _, fault := range []sandbox.Fault{
			{Status: http.StatusForbidden, Body: `{"message":"words-of-the-vendor","error":{"message":"words-of-the-vendor"},"errors":{"x":["words-of-the-vendor"]}}`},
			{Status: http.StatusOK, Body: `{"success":true,"data":[{"id":1,"email":7,"password_setup_url":"secret-half-a-record","vat_id":"secret-half`},
			{Status: http.StatusOK, Body: `{"success":true,"status":"ok","data":[{"id":{},"email":"secret-of-another-shape"}],"affiliates":[{"id":{},"email":"secret-of-another-shape"}]}`},
		} {
			kit.Fail(fault)
			a := w.as(auth.Local(), fmt.Sprintf(`{ affiliates(filter: { search: %q, accounts: [%q] }) { nodes { id } } accounts { lastError } }`,
				fault.Body[:20], providers.ID{Account: vendor, Noun: providers.NounAccount}.String()), nil)
			w.pass(2 * time.Minute) // a refused key rests for one
			if told.WriteString(a.text); len(a.Errors) == 0 || strings.Contains(a.text, "words-of-the-vendor") {
				t.Errorf("%s, %d: %s", vendor, fault.Status, a.text)
			}
		}
	}
	w.pass(7 * 24 * time.Hour) // the refused keys have rested, and nothing of the odd replies is cached
	nouns := map[string]string{"affiliates": "Affiliate", "memberships": "Membership", "campaigns": "Campaign", "referrals": "Referral", "commissions": "Commission",
		"payouts": "Payout", "coupons": "Coupon", "webhookSubscriptions": "WebhookSubscription"}
	raw := 0
	for list, noun := range nouns {
		for vendor := range w.kits {
			account := providers.ID{Account: vendor, Noun: providers.NounAccount}.String()
			a := w.as(auth.Local(), fmt.Sprintf(`{ %s(first: 100, filter: { accounts: [%q] }) { nodes { %s } } }`, list, account, leaves(noun)), nil)
			told.WriteString(a.text)
			var data map[string]struct{ Nodes []object }
			if err := json.Unmarshal(a.Data, &data); err != nil {
				t.Fatalf("%v %s", err, clipped(a.text))
			}
			if len(data[list].Nodes) == 0 && !strings.Contains(a.text, `"UNSUPPORTED"`) {
				t.Errorf("no %s at %s: %s", list, vendor, clipped(a.text))
			}
			for _, row := range data[list].Nodes[:min(10, len(data[list].Nodes))] {
				a := w.as(auth.Local(), fmt.Sprintf(`{ rawRecord(id: %q) node(id: %q) { id } }`, id(row), id(row)), nil)
				if told.WriteString(a.text); strings.Contains(a.text, `"rawRecord":{`) {
					raw++
				}
			}
		}
	}
	if raw < 60 {
		t.Errorf("only %d raw records were seen", raw)
	}
	for _, vendor := range []string{"firstpromoter", "uppromote"} {
		event := map[string]string{"firstpromoter": "referral.created", "uppromote": "affiliate.new"}[vendor]
		made := w.as(auth.Local(), fmt.Sprintf(`mutation { createWebhookSubscription(input: { idempotencyKey: "12345678", account: %q, targetUrl: "https://hooks.example/in", events: [%q] }) {
			webhookSubscription { id } secret userErrors { message } } }`, providers.ID{Account: vendor, Noun: providers.NounAccount}.String(), event), nil)
		if !strings.Contains(made.text, `"secret":"`) {
			t.Errorf("no secret is shown: %s", made.text)
		}
	}
	said := map[string]bool{}
	for _, s := range secret.FindAllString(heard.take(), -1) {
		said[regexp.MustCompile(`^secret-[a-z]+|^secret`).FindString(s)] = true
	}
	if len(said) < 5 {
		t.Errorf("the vendors said only %v", said)
	}
	for where, text := range map[string]string{"an answer": told.String(), "the cache or the ledger": kept.take(), "the log": logs.take() + w.told.take() + w.audit.take()} {
		if text == "" {
			t.Errorf("%s: nothing was looked at", where)
		}
		if found := secret.FindAllString(text, 3); found != nil {
			t.Errorf("%s: %q", where, found)
		}
	}
}

// leaves selects every field of a type that leads to no other record.
func leaves(typeName string) string {
	var b strings.Builder
	for _, f := range schema.Parsed().Types[typeName].Fields {
		switch def := schema.Parsed().Types[f.Type.Name()]; {
		case def.Kind != ast.Object:
			fmt.Fprintf(&b, "%s ", f.Name)
		case len(f.Arguments) == 0 && len(def.Interfaces) == 0:
			fmt.Fprintf(&b, "%s { %s} ", f.Name, leaves(def.Name))
		}
	}
	return b.String()
}
