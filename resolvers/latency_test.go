package resolvers_test

import (
	"fmt"
	"testing"
	"time"
)

// chain is a field of Query of five levels, whose rows are of one account.
func chain(vendor string) string {
	return fmt.Sprintf(`%s: affiliates(first: 3, filter: { accounts: [%q] }) { nodes { id
		referrals(first: 3) { nodes { id commissions(first: 3) { nodes { id
			payout { id status commissions(first: 2) { nodes { id campaign { id name cookieDays } } } } } } } } } }
	`, vendor, account(vendor))
}

// BenchmarkColdQuery asks a query of five levels over three accounts of different latency,
// and the part of each account alone: together they should take as long as the slowest. The
// metric ratio is how many times as long they take.
func BenchmarkColdQuery(b *testing.B) {
	w := newWorld(b, setup{vendors: lookVendors, noBudget: true, answers: -1, calls: 100_000, cost: 1 << 20})
	for turn := range lookVendors {
		b.Run(fmt.Sprintf("slowest %s", lookVendors[(turn+2)%len(lookVendors)]), func(b *testing.B) {
			for i, latency := range []time.Duration{20, 50, 100} {
				w.kits[lookVendors[(turn+i)%len(lookVendors)]].SetLatency(latency*time.Millisecond, 0)
			}
			cold := func(vendors ...string) (took time.Duration) {
				w.pass(24 * time.Hour)
				query := ""
				for _, v := range vendors {
					query += chain(v)
				}
				began := time.Now()
				a := w.ask("{ "+query+"}", nil)
				if took = time.Since(began); len(a.Errors) > 0 || a.Extensions.Cost.Spent < len(vendors) {
					b.Fatal(clipped(a.text))
				}
				return took
			}
			var together, slowest time.Duration
			for range b.N {
				alone := time.Duration(0)
				for _, v := range lookVendors {
					alone = max(alone, cold(v))
				}
				slowest += alone
				together += cold(lookVendors...)
			}
			b.ReportMetric(float64(together)/float64(slowest), "ratio")
			b.ReportMetric(float64(together.Milliseconds())/float64(b.N), "ms/together")
			b.ReportMetric(float64(slowest.Milliseconds())/float64(b.N), "ms/slowest")
		})
	}
}
