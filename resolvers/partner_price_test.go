package resolvers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// TestPartnerPrice wants what partners ask for to take about as many calls as were planned,
// which is what their share pays: at a vendor that nothing is known of, each of their lists
// may take one more.
func TestPartnerPrice(t *testing.T) {
	sequential(t)
	for _, size := range []providers.SandboxSize{providers.SandboxSmall, providers.SandboxMedium} {
		for _, vendor := range registered() {
			staff := newWorld(t, setup{vendors: []string{vendor}, size: size, noBudget: true})
			mine := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, beside: staff})
			tight := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, beside: staff, calls: 1, cost: 1 << 20})
			me := &auth.Viewer{Name: "portal", Role: auth.RolePartner, Affiliates: []string{id(staff.page("affiliates")[0])}}
			for _, list := range []string{"affiliates", "memberships", "campaigns", "referrals", "commissions", "payouts", "coupons"} {
				for _, first := range []int{1, 100} {
					query := fmt.Sprintf("{ a: %[1]s(first: %[2]d) { nodes { id } } b: %[1]s(first: %[2]d) { nodes { id } } }", list, first)
					refused := tight.as(me, query, nil)
					if len(refused.Errors) != 1 || refused.Errors[0].Extensions["limit"] != "calls" {
						t.Fatalf("%s: %s", query, clipped(refused.text))
					}
					planned := int(refused.Errors[0].Extensions["asked"].(float64)) / 2
					mine.pass(3 * time.Hour)
					mine.kits[vendor].Forget()
					if a := mine.as(me, query, nil); len(a.Errors) > 0 {
						t.Fatalf("%s: %s", query, clipped(a.text))
					}
					if spent := len(mine.kits[vendor].Requests()); spent > planned+1 {
						t.Errorf("%s, %s world, %s of %d: %d calls, %d planned", vendor, size, list, first, spent, planned)
					}
				}
			}
		}
	}
}
