package firstpromoter

import (
	"fmt"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestAbsenceIsProven: a list by ids without any of the records asked for is no proof that
// they are not there. It is proven once, in a bounded number of calls, or the records are
// read one by one, or fail.
func TestAbsenceIsProven(t *testing.T) {
	for path, noun := range map[string]struct {
		read   func(p *provider, numbers []int64) (found, failed int, err error)
		single bool
	}{
		"/promoters":   {byIDs(providers.NounAffiliate, (*provider).AffiliatesByID), true},
		"/referrals":   {byIDs(providers.NounReferral, (*provider).ReferralsByID), true},
		"/commissions": {byIDs(providers.NounCommission, (*provider).CommissionsByID), false},
		"/payouts":     {byIDs(providers.NounPayout, (*provider).PayoutsByID), false},
	} {
		for _, mute := range []bool{false, true} {
			for _, rows := range []int{0, 200} { // what the list of all has
				for name, numbers := range map[string][]int64{
					"one of the newest": {7000}, "some": {7000, 7001, 7002, 7003, 7004, 9001, 9002, 9003}, "older ones": {7150, 9001}, "none": {9001, 9002, 9003}, "not one": {9001},
				} {
					vendor := &lists{rows: map[string][]string{path: rowsOf(path, rows), "/campaigns": nil}, mute: mute}
					if noun.single {
						vendor.records = vendor.rows[path]
					}
					want := 0
					for _, n := range numbers {
						if n < 7000+int64(rows) {
							want++
						}
					}
					found, failed, err := noun.read(open(t, vendor, someKey), numbers)
					what := fmt.Sprintf("%s, %s of %d rows, ids[] is answered: %v", path, name, rows, !mute)
					switch {
					case err != nil:
						t.Errorf("%s: %v", what, err)
					case mute && !noun.single && rows > 0: // nothing tells
						if found != 0 || failed != len(numbers) {
							t.Errorf("%s: %d found, %d failed; want all to fail", what, found, failed)
						}
					case found != want || failed != 0:
						t.Errorf("%s: %d found, %d failed; want %d", what, found, failed, want)
					}
					if len(vendor.calls) > 3 {
						t.Errorf("%s: %d calls of lists", what, len(vendor.calls))
					}
				}
			}
		}
	}
}
