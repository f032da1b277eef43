package resolvers_test

import "testing"

// TestLookHandsOver wants a warm query that is looked at to read each thing once, from
// memory: what the look has found is what the execution shows. The plan of what is cached
// is no call.
func TestLookHandsOver(t *testing.T) {
	w := newWorld(t, setup{answers: -1})
	for _, query := range []string{
		`{ referrals(first: 100) { nodes { id maskedEmail affiliate { id name campaign { id name } } } } }`,
		`{ referrals(first: 100) { totalCount nodes { id affiliate { id name } } edges { cursor node { campaign { name } } } pageInfo { endCursor } } }`,
		`{ payouts(first: 20) { nodes { id commissions(first: 5) { nodes { id referral { id affiliate { id campaign { name } } } } } } } }`,
		`{ affiliates(first: 30) { nodes { id parent { id name } referrals(first: 3) { nodes { id campaign { name } } } } } }`,
	} {
		_, cold := must[any](w, query, nil)
		_, warm := must[any](w, query, nil)
		if string(warm.Data) != string(cold.Data) {
			t.Errorf("%s: the warm answer is another", query)
		}
		if cost := warm.Extensions.Cost; cost.Planned != 0 || cost.Spent != 0 {
			t.Errorf("%s: %d calls planned, and %d spent", query, cost.Planned, cost.Spent)
		}
		type read struct{ account, path string }
		reads := map[read]int{}
		for _, c := range warm.Extensions.Explain.Calls {
			reads[read{c.Account, c.Path}]++
		}
		for r, n := range reads {
			if n > 1 {
				t.Errorf("%s: %s is read %d times", query, r, n)
			}
		}
	}
}
