package resolvers_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/playground"
)

// queriesAtOnce use every edge, batch, list and count, so that all that is read side by side is.
var queriesAtOnce = []string{
	playground.Walk,
	`{ accounts { id status } commissions(first: 20) { totalCount nodes { id status amount { amount } affiliate { id name clicks status
		balances { status } } campaign { id name } referral { id maskedEmail } payout { id status } } } }`,
	`{ affiliates(first: 5) { totalCount nodes { id name coupons { id code } memberships { id status campaign { id name } }
		commissions(first: 3) { totalCount nodes { id payout { id } } } referrals(first: 3) { totalCount nodes { id affiliate { id } } }
		payouts(first: 3) { totalCount nodes { id status } } } } }`,
	`{ campaigns(first: 5) { nodes { id name memberships(first: 3) { nodes { id affiliate { id name } } }
		commissions(first: 3) { nodes { id } } referrals(first: 3) { nodes { id } } } } }`,
	`{ referrals(first: 20) { nodes { id kind affiliate { id } campaign { id } commissions(first: 3) { nodes { id status } } } }
		payouts(first: 10) { totalCount nodes { id amount { amount } affiliate { id } commissions(first: 3) { nodes { id } } } }
		coupons(first: 10) { nodes { id code affiliate { id name } } } }`,
	`query($ids: [ID!]!, $email: String!, $affiliates: [ID!]!) { nodes(ids: $ids) { id ... on Affiliate { name } ... on Commission { status } }
		affiliates(first: 5, filter: { email: $email }) { nodes { id account { id } } }
		commissions(first: 10, filter: { affiliates: $affiliates }) { nodes { id affiliate { id } } } }`,
	`{ viewer { name role affiliates { id name } } memberships(first: 5) { nodes { id affiliate { id } } } }`,
}

var (
	recordID = regexp.MustCompile(`"id":"([^"]+)"`)
	payoutOf = regexp.MustCompile(`"payout":\{[^}]*\}`)
)

// recordsIn are the ids in an answer, sorted, but for payouts of commissions. Which of
// these and which counts are known, and the order of rows without a date, depend on what
// was read before.
func recordsIn(a *answer) (ids []string) {
	for _, m := range recordID.FindAllStringSubmatch(payoutOf.ReplaceAllString(string(a.Data), ""), -1) {
		ids = append(ids, m[1])
	}
	slices.Sort(ids)
	return ids
}

// TestQueriesAtOnce has viewers of all roles ask a server for the same at once: when it
// knows nothing, when what it knows is stale, and when it has forgotten it. Each is
// answered the records that a server answers which nobody else asks.
func TestQueriesAtOnce(t *testing.T) {
	alone := newWorld(t, setup{noBudget: true, ticks: true, tokens: true, cost: 1 << 20})
	as := func(v *auth.Viewer) []string { return []string{"Authorization", "Bearer " + alone.token(v)} }
	admin := &auth.Viewer{Name: "admin", Role: auth.RoleAdmin}
	var ids, selves []string
	var email string
	for _, vendor := range []string{"promotekit", "firstpromoter", "uppromote"} {
		a := alone.ask(fmt.Sprintf(`{ commissions(first: 2, filter: { accounts: [%q] }) { nodes { id affiliate { id email } } } }`, account(vendor)), nil, as(admin)...)
		for _, row := range nodes(t, a.Data) {
			of := row["affiliate"].(map[string]any)
			ids, selves, email = append(ids, row["id"].(string), of["id"].(string)), append(selves, of["id"].(string)), of["email"].(string)
		}
	}
	viewers := []*auth.Viewer{
		admin,
		{Name: "reader", Role: auth.RoleReader, Accounts: []string{"firstpromoter", "uppromote"}},
		partner(selves...),
		{Name: "by address", Role: auth.RolePartner, Email: email},
	}
	variables := map[string]any{"ids": ids, "email": email, "affiliates": selves}
	type turn struct {
		viewer *auth.Viewer
		query  string
		want   []string
	}
	ask := func(w *world, v *auth.Viewer, query string) *answer {
		var given map[string]any
		if strings.HasPrefix(query, "query(") {
			given = variables
		}
		return w.ask(query, given, as(v)...)
	}
	var turns []turn
	for _, v := range viewers {
		for _, query := range queriesAtOnce {
			if v.Role != auth.RolePartner || query != playground.Walk { // which asks for what partners may not have
				a := ask(alone, v, query)
				if len(a.Errors) > 0 {
					t.Fatalf("%s, %s: %s", v.Name, query, clipped(a.text))
				}
				turns = append(turns, turn{v, query, recordsIn(a)})
			}
		}
	}
	busy := newWorld(t, setup{noBudget: true, ticks: true, tokens: true, cost: 1 << 20, beside: alone})
	for _, pause := range []time.Duration{0, 2 * time.Minute, 25 * time.Hour} {
		busy.pass(pause)
		var wg sync.WaitGroup
		for _, turn := range turns {
			wg.Go(func() {
				a := ask(busy, turn.viewer, turn.query)
				if diff := cmp.Diff(turn.want, recordsIn(a)); diff != "" || len(a.Errors) > 0 {
					t.Errorf("after %v, %s, %.80s (-alone +at once)\n%s\n%v", pause, turn.viewer.Name, turn.query, diff, a.Errors)
				}
			})
		}
		wg.Wait()
	}
}
