package resolvers_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestZZViewersApart has many viewers ask the same random questions of a server that keeps answers and of
// one that keeps none.
func TestZZViewersApart(t *testing.T) {
	emails := map[string]resolvers.CustomerEmails{"promotekit": resolvers.EmailsShown, "firstpromoter": resolvers.EmailsHidden, "uppromote": resolvers.EmailsCampaign}
	a := newWorld(t, setup{tokens: true, noBudget: true, ticks: true, emails: emails})
	b := newWorld(t, setup{tokens: true, noBudget: true, ticks: true, emails: emails, beside: a, answers: -1})
	all := a.truth()
	one, two := id(all.affiliates[0]), id(all.affiliates[len(all.affiliates)-1])
	mail, _ := at(all.affiliates[1], "email").(string)
	viewers := []*auth.Viewer{
		{Name: "x", Role: auth.RoleAdmin}, {Name: "y", Role: auth.RoleAdmin}, {Name: "x", Role: auth.RoleEditor}, {Name: "x", Role: auth.RoleReader},
		{Name: "x", Role: auth.RoleReader, Accounts: []string{"promotekit"}}, {Name: "x", Role: auth.RoleReader, Accounts: []string{"promotekit", "uppromote"}}, {Name: "x", Role: auth.RoleAdmin, Accounts: []string{"uppromote"}},
		{Name: "x", Role: auth.RoleReader, Accounts: []string{}},
		{Name: "x", Role: auth.RolePartner, Affiliates: []string{one}}, {Name: "x", Role: auth.RolePartner, Affiliates: []string{two}}, {Name: "x", Role: auth.RolePartner, Affiliates: []string{one, two}},
		{Name: "x", Role: auth.RolePartner, Email: mail}, {Name: "x", Role: auth.RolePartner, Email: "nobody@example.com"}, {Name: "x", Role: auth.RolePartner, Email: mail, Affiliates: []string{one}},
	}
	r := rand.New(rand.NewPCG(5, 5))
	compared, nonEmpty := 0, 0
	fixed := []string{"{ viewer { name role accounts { id } affiliates { id name } } }", "{ v: viewer { ...F } } fragment F on Viewer { ... on Viewer { name } }", "{ accounts { id name capabilities currencyCode } }",
		"{ referrals(first: 20) { nodes { id email maskedEmail customerId } } }", "{ node(id: \"" + one + "\") { id ... on Affiliate { name email balances { amount { amount } } } } }", "{ nodes(ids: [\"" + one + "\" \"" + two + "\"]) { id ... on Affiliate { email } } }"}
	began := time.Now()
	for q := 0; time.Since(began) < 45*time.Second && q < 150; q++ {
		g := &zzGen{r: r}
		root := []string{"affiliate", "campaign", "membership", "referral", "commission", "payout", "coupon"}[r.IntN(7)]
		query := "{ viewer { name } r: " + root + "s " + g.list(fmt.Sprintf("(first: %d)", []int{3, 10}[r.IntN(2)]), root, r.IntN(2)) + " }"
		if q < len(fixed) {
			query = fixed[q]
		}
		for range 3 {
			for _, i := range r.Perm(len(viewers)) {
				x, y := a.browse(viewers[i], query, nil), b.browse(viewers[i], query, nil)
				compared++
				if len(x.Data) > 100 {
					nonEmpty++
				}
				if string(x.Data) != string(y.Data) || len(x.Errors) != len(y.Errors) {
					t.Errorf("%+v: %s\n%s\n%s", *viewers[i], query, clipped(x.text), clipped(y.text))
					if t.Failed() && compared > 2000 {
						return
					}
				}
			}
		}
		if r.IntN(5) == 0 {
			a.pass(time.Duration(r.IntN(100)) * time.Second)
		}
	}
	t.Logf("%d answers compared, %d of them with rows", compared, nonEmpty)
}
