package resolvers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestWalk follows affiliate → campaign → referral → commission → payout over all vendors
// in one query.
func TestWalk(t *testing.T) {
	w := newWorld(t, setup{calls: 50})
	type payout struct{ Status string }
	type commission struct {
		Amount *struct{ Amount, CurrencyCode string }
		Payout *payout
	}
	data, a := must[struct {
		Affiliates struct {
			Nodes []struct {
				Account   struct{ ProviderID string }
				Name      string
				Campaign  *struct{ Name string }
				Referrals struct {
					Nodes []struct{ Commissions struct{ Nodes []commission } }
				}
			}
		}
	}](w, httpapi.FirstQuery, nil)
	if got := len(data.Affiliates.Nodes); got != 3 {
		t.Fatalf("%d affiliates, want one for each vendor", got)
	}
	for _, n := range data.Affiliates.Nodes {
		if n.Name == "" || n.Campaign == nil || n.Campaign.Name == "" {
			t.Errorf("an affiliate without name or campaign: %+v", n)
		}
	}
	t.Logf("planned %d, spent %d calls", a.Extensions.Cost.Planned, a.Extensions.Cost.Spent)

	// The oldest active affiliates have everything: each vendor for itself, all five nouns
	// in a row.
	for vendor := range w.accounts {
		v := newWorld(t, setup{vendors: []string{vendor}, noBudget: true})
		data, _ := must[struct {
			Payouts struct {
				Nodes []struct {
					Status    string
					Amount    *struct{ Amount string }
					Affiliate *struct {
						Name      string
						Campaign  *struct{ Name string }
						Referrals struct {
							Nodes []struct {
								Commissions struct{ Nodes []commission }
							}
						}
					}
				}
			}
		}](v, `{ payouts(first: 5, filter: { statuses: [PAID] }) { nodes { status amount { amount } affiliate { name campaign { name }
			referrals(first: 5) { nodes { commissions(first: 5) { nodes { amount { amount currencyCode } payout { status } } } } } } } } }`, nil)
		commissions := 0
		for _, p := range data.Payouts.Nodes {
			if p.Status != "PAID" || p.Amount == nil || p.Affiliate == nil || p.Affiliate.Campaign == nil {
				t.Errorf("%s: a payout is not whole: %+v", vendor, p)
				continue
			}
			for _, r := range p.Affiliate.Referrals.Nodes {
				commissions += len(r.Commissions.Nodes)
			}
		}
		if len(data.Payouts.Nodes) != 5 || commissions == 0 {
			t.Errorf("%s: %d payouts lead to %d commissions", vendor, len(data.Payouts.Nodes), commissions)
		}
	}
}

// TestPagesOfAllAccounts walks every root list to its end in small pages, and wants each
// record once, in order, and as many as the vendors count.
func TestPagesOfAllAccounts(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{noBudget: true})
	for _, list := range []string{"affiliates", "memberships", "campaigns", "referrals", "commissions", "payouts", "coupons"} {
		t.Run(list, func(t *testing.T) {
			type page struct {
				Nodes []struct {
					ID        string
					CreatedAt *time.Time
					Account   struct{ ProviderID string }
				}
				PageInfo struct {
					HasNextPage bool
					EndCursor   *string
				}
			}
			seen := map[string]bool{}
			accounts := map[string]int{}
			var after any
			last := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
			for n := 0; ; n++ {
				if n > 200 {
					t.Fatal("the list does not end")
				}
				data, _ := must[map[string]page](w, fmt.Sprintf(`query($after: String) { %s(first: 37, after: $after) {
					nodes { id createdAt account { providerId } } pageInfo { hasNextPage endCursor } } }`, list), map[string]any{"after": after})
				p := data[list]
				for _, row := range p.Nodes {
					if seen[row.ID] {
						t.Fatalf("%s was given twice", row.ID)
					}
					seen[row.ID] = true
					accounts[row.Account.ProviderID]++
					at := time.Time{} // undated rows come last
					if row.CreatedAt != nil {
						at = *row.CreatedAt
					}
					if at.After(last) {
						t.Fatalf("a row of %s comes behind one of %s", at, last)
					}
					last = at
				}
				if !p.PageInfo.HasNextPage {
					break
				}
				after = *p.PageInfo.EndCursor
			}
			for name, p := range w.accounts {
				if slices.Contains(p.Account().Capabilities, providers.Capability("LIST_"+strings.ToUpper(list))) && accounts[name] == 0 {
					t.Errorf("no rows of %s", name)
				}
			}
			t.Logf("%d rows: %v", len(seen), accounts)
		})
	}
}

// TestNodes wants each record to be found again by its global id, in the order asked for,
// and null for what is not there.
func TestNodes(t *testing.T) {
	w := newWorld(t, setup{noBudget: true})
	type withID struct{ Nodes []struct{ ID string } }
	lists, _ := must[map[string]withID](w, `{
		affiliates(first: 3) { nodes { id } } memberships(first: 3) { nodes { id } } campaigns(first: 3) { nodes { id } } referrals(first: 3) { nodes { id } }
		commissions(first: 3) { nodes { id } } payouts(first: 3) { nodes { id } } coupons(first: 3) { nodes { id } } webhookSubscriptions(first: 3) { nodes { id } } }`, nil)
	var ids []any
	types := map[string]string{"affiliates": "Affiliate", "memberships": "Membership", "campaigns": "Campaign", "referrals": "Referral",
		"commissions": "Commission", "payouts": "Payout", "coupons": "Coupon", "webhookSubscriptions": "WebhookSubscription"}
	var want []string
	for list, l := range lists {
		if len(l.Nodes) == 0 {
			t.Errorf("no %s", list)
		}
		for _, n := range l.Nodes {
			ids, want = append(ids, n.ID), append(want, types[list]+" "+n.ID)
		}
	}
	absent := providers.ID{Account: "promotekit", Noun: providers.NounAffiliate, Local: "00000000-0000-4000-8000-000000000000"}.String()
	foreign := providers.ID{Account: "nobody", Noun: providers.NounAffiliate, Local: "1"}.String()
	ids = append(ids, absent, foreign)
	want = append(want, "null", "null")
	data, _ := must[struct {
		Nodes []*struct {
			Typename string `json:"__typename"`
			ID       string
		}
	}](w, `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Affiliate { name } } }`, map[string]any{"ids": ids})
	for i, n := range data.Nodes {
		got := "null"
		if n != nil {
			got = n.Typename + " " + n.ID
		}
		if got != want[i] {
			t.Errorf("nodes[%d] = %s, want %s", i, got, want[i])
		}
	}
	for _, c := range []struct{ query, code string }{
		{`{ node(id: "x") { id } }`, "BAD_USER_INPUT"},
		{fmt.Sprintf(`{ campaign(id: %q) { id } }`, ids[0]), ""},
	} {
		a := w.ask(c.query, nil)
		if c.code != "" && (len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != c.code) {
			t.Errorf("%s: %s, want %s", c.query, a.text, c.code)
		}
	}
}

// TestOneAccountFails wants the others' data, one entry in errors that says which account,
// and the failed one's rows in a later page.
func TestOneAccountFails(t *testing.T) {
	w := newWorld(t, setup{noBudget: true})
	w.kits["firstpromoter"].SetDown(true)
	query := `query($after: String) { commissions(first: 50, after: $after) { nodes { account { providerId } amount { amount } } pageInfo { hasNextPage endCursor } } }`
	type data struct {
		Commissions struct {
			Nodes []struct {
				Account struct{ ProviderID string }
			}
			PageInfo struct {
				HasNextPage bool
				EndCursor   string
			}
		}
	}
	a := w.ask(query, nil)
	var d data
	if err := json.Unmarshal(a.Data, &d); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
	if len(d.Commissions.Nodes) != 50 || slices.ContainsFunc(d.Commissions.Nodes, func(n struct{ Account struct{ ProviderID string } }) bool {
		return n.Account.ProviderID == "firstpromoter"
	}) {
		t.Errorf("%d rows of the other accounts, want 50", len(d.Commissions.Nodes))
	}
	if len(a.Errors) != 1 {
		t.Fatalf("%d errors, want one: %s", len(a.Errors), a.text)
	}
	e := a.Errors[0].Extensions
	if e["code"] != "UPSTREAM_UNAVAILABLE" || e["account"] != account("firstpromoter") || e["provider"] != "firstpromoter" || e["retryable"] != true || e["requestId"] == nil {
		t.Errorf("the error says %v", e)
	}
	accounts, _ := must[struct {
		Accounts []struct {
			ProviderID, Status string
			LastError          *string
		}
	}](w, `{ accounts { providerId status lastError } }`, nil)
	for _, acc := range accounts.Accounts {
		if failed := acc.ProviderID == "firstpromoter"; failed != (acc.Status != "OK") || failed != (acc.LastError != nil) {
			t.Errorf("account %+v", acc)
		}
	}
	w.kits["firstpromoter"].SetDown(false)
	later, _ := must[data](w, query, map[string]any{"after": d.Commissions.PageInfo.EndCursor})
	if !slices.ContainsFunc(later.Commissions.Nodes, func(n struct{ Account struct{ ProviderID string } }) bool {
		return n.Account.ProviderID == "firstpromoter"
	}) {
		t.Error("the failed account's rows do not come in a later page")
	}
}

// TestEdgeFails wants an edge whose vendor fails to leave the page as it is.
func TestEdgeFails(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"uppromote"}, noBudget: true})
	must[any](w, `{ commissions(first: 5) { nodes { id } } }`, nil)
	w.kits["uppromote"].SetDown(true)
	a := w.ask(`{ commissions(first: 5) { nodes { id affiliate { status } } } }`, nil)
	rows := nodes(t, a.Data)
	if len(rows) != 5 || len(a.Errors) == 0 {
		t.Fatalf("%s", clipped(a.text))
	}
	for _, r := range rows {
		if r["affiliate"] != nil {
			t.Errorf("the affiliate of %v", r)
		}
	}
	if got := a.Errors[0].Path; len(got) == 0 || got[len(got)-1] != "affiliate" {
		t.Errorf("the error is at %v", got)
	}
}

// TestLimits wants a refusal before anything is sent, that names the field.
func TestTooManyCalls(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"uppromote"}, calls: 3})
	a := w.ask(`{ affiliates { nodes { id } } referrals { nodes { id } } payouts(first: 3) { nodes { id } } coupons { nodes { id } } }`, nil)
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "QUERY_TOO_COMPLEX" || a.Errors[0].Extensions["field"] != "payouts" {
		t.Errorf("%s", a.text)
	}
	if got := len(w.kits["uppromote"].Requests()); got != 0 {
		t.Errorf("%d calls were made", got)
	}
	w = newWorld(t, setup{vendors: []string{"uppromote"}, calls: 50, beside: w})
	if a := w.ask(`{ commissions(first: 100) { nodes { affiliate { id status } } } }`, nil); len(a.Errors) != 0 {
		t.Errorf("a cheaper query: %s", clipped(a.text))
	}
}

// TestViewers wants each key to see its accounts and nothing else, wherever it asks.
func TestViewers(t *testing.T) {
	w := newWorld(t, setup{noBudget: true, keys: []auth.Key{
		{Name: "boss", SHA256: sum("boss-key"), Role: auth.RoleAdmin},
		{Name: "dashboard", SHA256: sum("reader-key"), Role: auth.RoleReader, Accounts: []string{"promotekit"}},
	}})
	if a := w.ask(`{ viewer { name } }`, nil); a.status != http.StatusUnauthorized || a.Errors[0].Extensions["code"] != "UNAUTHENTICATED" {
		t.Errorf("without a key: %d %s", a.status, a.text)
	}
	if a := w.ask(`{ viewer { name } }`, nil, "Authorization", "Bearer wrong"); a.status != http.StatusUnauthorized || strings.Contains(a.text, "wrong") {
		t.Errorf("with a wrong key: %d %s", a.status, a.text)
	}
	boss, reader := []string{"Authorization", "Bearer boss-key"}, []string{"Authorization", "Bearer reader-key"}
	foreign := w.ask(`{ commissions(first: 1, filter: { accounts: ["`+account("uppromote")+`"] }) { nodes { id affiliate { id } } pageInfo { endCursor } } }`, nil, boss...)
	var d struct {
		Commissions struct {
			Nodes    []struct{ ID, Affiliate any }
			PageInfo struct{ EndCursor string }
		}
	}
	if err := json.Unmarshal(foreign.Data, &d); err != nil || len(d.Commissions.Nodes) != 1 {
		t.Fatalf("the admin sees %s", foreign.text)
	}
	id := d.Commissions.Nodes[0].ID.(string)
	calls := len(w.kits["uppromote"].Requests())
	for query, want := range map[string]string{
		`{ viewer { role name accounts { providerId } } }`:       `{"viewer":{"role":"READER","name":"dashboard","accounts":[{"providerId":"promotekit"}]}}`,
		`{ node(id: "` + id + `") { id } }`:                      `{"node":null}`,
		`{ commission(id: "` + id + `") { id } }`:                `{"commission":null}`,
		`{ nodes(ids: ["` + id + `"]) { id } }`:                  `{"nodes":[null]}`,
		`{ account(id: "` + account("uppromote") + `") { id } }`: `{"account":null}`,
		`{ commissions(filter: { accounts: ["` + account("uppromote") + `"] }) { nodes { id } pageInfo { hasNextPage } } }`: `{"commissions":{"nodes":[],"pageInfo":{"hasNextPage":false}}}`,
	} {
		if a := w.ask(query, nil, reader...); string(a.Data) != want || len(a.Errors) > 0 {
			t.Errorf("%s: %s, want %s", query, a.text, want)
		}
	}
	if a := w.ask(`query($c: String) { commissions(after: $c) { nodes { id } } }`, map[string]any{"c": d.Commissions.PageInfo.EndCursor}, reader...); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "BAD_CURSOR" {
		t.Errorf("another viewer's cursor: %s", a.text)
	}
	if a := w.ask(`{ rawRecord(id: "`+id+`") }`, nil, reader...); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" {
		t.Errorf("a reader's raw record: %s", a.text)
	}
	if got := len(w.kits["uppromote"].Requests()); got != calls {
		t.Errorf("asking for what one may not see cost %d calls", got-calls)
	}
	if a := w.ask(`{ commissions(first: 1) { nodes { id } } }`, nil, reader...); a.Extensions.Explain != nil {
		t.Error("a reader gets an explanation")
	}
	if a := w.ask(`{ rawRecord(id: "`+id+`") }`, nil, boss...); len(a.Errors) != 0 || !strings.Contains(string(a.Data), `"total_sales"`) {
		t.Errorf("an admin's raw record: %s", clipped(a.text))
	}
}

// TestBadInput wants a clear refusal of everything that makes no sense, before anything is sent.
func TestBadInput(t *testing.T) {
	w := newWorld(t, setup{})
	campaign := providers.ID{Account: "promotekit", Noun: providers.NounCampaign, Local: "x"}.String()
	for query, want := range map[string]string{
		`{ commissions(first: 0) { nodes { id } } }`:                                                                            "BAD_USER_INPUT first must be 1 to 100, not 0",
		`{ commissions(first: 101) { nodes { id } } }`:                                                                          "BAD_USER_INPUT first must be 1 to 100, not 101",
		`{ commissions(after: "") { nodes { id } } }`:                                                                           "BAD_CURSOR",
		`{ commissions(after: "abc") { nodes { id } } }`:                                                                        "BAD_CURSOR",
		`{ commissions(filter: { affiliates: ["` + campaign + `"] }) { nodes { id } } }`:                                        "BAD_USER_INPUT filter.affiliates takes ids of type Affiliate",
		`{ commissions(filter: { affiliates: ["zzz"] }) { nodes { id } } }`:                                                     "BAD_USER_INPUT",
		`{ commissions(filter: { createdAt: { from: "yesterday" } }) { nodes { id } } }`:                                        "BAD_USER_INPUT",
		`{ commissions(filter: { createdAt: { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" } }) { nodes { id } } }`: "BAD_USER_INPUT filter.createdAt",
		`{ commissions(filter: { createdAt: { from: "9999-12-31T23:00:00-10:00" } }) { nodes { id } } }`:                        "BAD_USER_INPUT",
		`{ commissions(filter: { createdAt: { to: "9999-12-31T23:00:00-10:00" } }) { nodes { id } } }`:                          "BAD_USER_INPUT",
		`{ referrals(filter: { createdAt: { from: "9999-12-31T23:00:00-10:00" } }) { nodes { id } } }`:                          "BAD_USER_INPUT",
		`{ referrals(filter: { createdAt: { to: "0000-01-01T00:00:00+10:00" } }) { nodes { id } } }`:                            "BAD_USER_INPUT",
		`{ affiliate(id: "` + campaign + `") { id } }`:                                                                          "BAD_USER_INPUT id takes ids of type Affiliate",
		`{ nodes(ids: [` + strings.Repeat(`"`+campaign+`" `, 101) + `]) { id } }`:                                               "BAD_USER_INPUT ids must be at most 100, not 101",
		`{ nothing }`:                          "BAD_USER_INPUT",
		`{ affiliates(first: 1) { nodes { id `: "BAD_USER_INPUT",
		`{ referrals(filter: { statuses: [UNKNOWN] }) { nodes { id } } }`: "BAD_USER_INPUT",
	} {
		a := w.ask(query, nil)
		if len(a.Errors) == 0 {
			t.Errorf("%s: no error: %s", query, clipped(a.text))
			continue
		}
		if got := fmt.Sprint(a.Errors[0].Extensions["code"], " ", a.Errors[0].Message); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for name, kit := range w.kits {
		if got := len(kit.Requests()); got != 0 {
			t.Errorf("%s got %d calls", name, got)
		}
	}
}

// TestNoSecretsInErrors wants nothing of what a vendor said in its errors to reach a client.
func TestNoSecretsInErrors(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"promotekit"}, noBudget: true})
	w.kits["promotekit"].Fail(sandbox.Fault{Status: http.StatusUnauthorized, Body: `{"success":false,"error":{"message":"key sk_live_123 of jane@example.com","type":"x"}}`})
	a := w.ask(`{ commissions(first: 1) { nodes { id } } accounts { status lastError } }`, nil)
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "UPSTREAM_UNAUTHORIZED" || a.Errors[0].Extensions["retryable"] != false {
		t.Errorf("%s", a.text)
	}
	if strings.Contains(a.text, "sk_live") || strings.Contains(a.text, "jane@") {
		t.Errorf("the vendor's words reach the client: %s", a.text)
	}
}

// TestTotalCount wants a number exactly where every account can tell it without a walk, and
// the right one.
func TestTotalCount(t *testing.T) {
	w := newWorld(t, setup{noBudget: true})
	count := func(list, filter string) *int {
		t.Helper()
		data, _ := must[map[string]struct{ TotalCount *int }](w, fmt.Sprintf(`{ %s(first: 1, filter: { %s }) { totalCount } }`, list, filter), nil)
		return data[list].TotalCount
	}
	rows := func(list, filter string) (n int) {
		t.Helper()
		after := ""
		for {
			data, _ := must[map[string]struct {
				Nodes    []struct{ ID string }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}](w, fmt.Sprintf(`{ %s(first: 100%s, filter: { %s }) { nodes { id } pageInfo { hasNextPage endCursor } } }`, list, after, filter), nil)
			n += len(data[list].Nodes)
			if !data[list].PageInfo.HasNextPage {
				return n
			}
			after = fmt.Sprintf(", after: %q", data[list].PageInfo.EndCursor)
		}
	}
	promotekit, uppromote := fmt.Sprintf("accounts: [%q]", account("promotekit")), fmt.Sprintf("accounts: [%q]", account("uppromote"))
	for _, c := range []struct {
		list, filter string
		known        bool
	}{
		{"affiliates", promotekit, true},
		{"referrals", promotekit + ", statuses: [ACTIVE]", true},
		{"commissions", promotekit, true},
		{"commissions", promotekit + ", statuses: [PAID]", false}, // filtered here
		{"payouts", uppromote + ", statuses: [PAID]", true},       // by a call of its own
		{"payouts", uppromote, false},
		{"affiliates", "", false}, // one account that cannot tell is enough
	} {
		got := count(c.list, c.filter)
		if (got != nil) != c.known {
			t.Errorf("%s(%s): known %v, want %v", c.list, c.filter, got != nil, c.known)
		}
		if got != nil {
			if want := rows(c.list, c.filter); *got != want {
				t.Errorf("%s(%s): %d, and there are %d", c.list, c.filter, *got, want)
			}
		}
	}
}

// account is the global id of an account.
func account(name string) string {
	return providers.ID{Account: name, Noun: providers.NounAccount}.String()
}

// TestRefundsOfAnOrder wants what was earned on an order together with what its refund took back.
func TestRefundsOfAnOrder(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"uppromote"}, noBudget: true})
	type referrals struct {
		Referrals struct {
			Nodes []struct {
				OrderID, Status string
				Commissions     struct {
					Nodes []struct {
						Kind   string
						Amount struct{ Amount string }
					}
				}
			}
		}
	}
	refunds, _ := must[referrals](w, `{ referrals(first: 3, filter: { statuses: [REFUNDED] }) { nodes { orderId status commissions { nodes { kind amount { amount } } } } } }`, nil)
	if len(refunds.Referrals.Nodes) == 0 {
		t.Fatal("nothing was refunded")
	}
	for _, refund := range refunds.Referrals.Nodes {
		if c := refund.Commissions.Nodes; len(c) != 1 || c[0].Kind != "REFUND" {
			t.Errorf("the refund itself has %+v", c)
		}
		order, _ := must[referrals](w, fmt.Sprintf(`{ referrals(filter: { orderId: %q }) { nodes { orderId status commissions { nodes { kind amount { amount } } } } } }`, refund.OrderID), nil)
		var kinds []string
		for _, r := range order.Referrals.Nodes {
			if r.Status != "REFUNDED" {
				for _, c := range r.Commissions.Nodes {
					kinds = append(kinds, c.Kind)
				}
			}
		}
		if !slices.Equal(kinds, []string{"REFUND", "SALE"}) {
			t.Errorf("order %s earned %v, want its sale and its refund", refund.OrderID, kinds)
		}
	}
}
