package sandbox

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

var today = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// TestStory holds every world against what the package promises of it.
func TestStory(t *testing.T) {
	for _, c := range []struct {
		size                    providers.SandboxSize
		seed                    uint64
		affiliates, commissions int
	}{
		{providers.SandboxSmall, 1, 40, 600}, {providers.SandboxSmall, 2, 40, 600}, {providers.SandboxSmall, 3, 40, 600}, {providers.SandboxSmall, 99, 40, 600},
		{providers.SandboxMedium, 1, 1000, 20000},
	} {
		t.Run(string(c.size), func(t *testing.T) {
			w := NewWorld(c.size, c.seed, today)
			if got := len(w.Affiliates); got != c.affiliates {
				t.Errorf("%d affiliates, want %d", got, c.affiliates)
			}
			if got := len(w.Commissions); got < c.commissions*8/10 || got > c.commissions*13/10 {
				t.Errorf("%d commissions, want about %d", got, c.commissions)
			}
			t.Logf("%d affiliates, %d customers, %d sales, %d commissions, %d payouts", len(w.Affiliates), len(w.Customers), len(w.Sales), len(w.Commissions), len(w.Payouts))
			checkOrder(t, w)
			checkAffiliates(t, w)
			checkCustomers(t, w)
			checkCommissions(t, w)
			checkPayouts(t, w)
		})
	}
}

func checkOrder(t *testing.T, w *World) {
	sorted := func(what string, n int, at func(int) time.Time) {
		for i := range n {
			if i > 0 && at(i).Before(at(i-1)) {
				t.Errorf("%s %d is older than the one before", what, i)
			}
			if at(i).After(w.Until) || at(i).Nanosecond() != 0 || at(i).Location() != time.UTC {
				t.Errorf("%s %d: %v is no whole second of UTC before %v", what, i, at(i), w.Until)
			}
		}
	}
	sorted("campaign", len(w.Campaigns), func(i int) time.Time { return w.Campaigns[i].CreatedAt })
	sorted("affiliate", len(w.Affiliates), func(i int) time.Time { return w.Affiliates[i].JoinedAt })
	sorted("customer", len(w.Customers), func(i int) time.Time { return w.Customers[i].At })
	sorted("sale", len(w.Sales), func(i int) time.Time { return w.Sales[i].At })
	sorted("commission", len(w.Commissions), func(i int) time.Time { return w.Commissions[i].At })
	sorted("payout", len(w.Payouts), func(i int) time.Time { return w.Payouts[i].At })
}

func checkAffiliates(t *testing.T, w *World) {
	emails, codes, standings, parents := map[string]bool{}, map[string]bool{}, map[Standing]int{}, 0
	for i, a := range w.Affiliates {
		if emails[a.Email] || codes[a.Code] || a.Coupon != "" && codes[a.Coupon] {
			t.Errorf("affiliate %d: e-mail, code or coupon is another's: %+v", i, a)
		}
		emails[a.Email], codes[a.Code] = true, true
		if a.Coupon != "" {
			codes[a.Coupon] = true
		}
		standings[a.Standing]++
		if a.Parent >= 0 {
			parents++
			if a.Parent >= i {
				t.Errorf("affiliate %d joined before its parent %d", i, a.Parent)
			}
		}
		seen := slices.Clone(a.Campaigns)
		slices.Sort(seen)
		if len(a.Campaigns) == 0 || len(slices.Compact(seen)) != len(a.Campaigns) {
			t.Errorf("affiliate %d has campaigns %v", i, a.Campaigns)
		}
	}
	for _, s := range []Standing{Active, Waiting, Inactive, Rejected, Banned, Archived} {
		if standings[s] == 0 {
			t.Errorf("nobody is %s", s)
		}
	}
	if parents == 0 {
		t.Error("nobody has a parent")
	}
	defaults := 0
	for _, c := range w.Campaigns {
		if c.Default {
			defaults++
		}
		if (c.Percent == 0) == (c.Fixed == 0) {
			t.Errorf("campaign %s pays neither a share nor a sum, or both", c.Name)
		}
	}
	if defaults != 1 {
		t.Errorf("%d campaigns are the default", defaults)
	}
}

func checkCustomers(t *testing.T, w *World) {
	states := map[CustomerState]int{}
	sales := make([]int, len(w.Customers))
	orders := map[int64]int64{}
	for i, s := range w.Sales {
		c := w.Customers[s.Customer]
		if sales[s.Customer] == 0 && !s.At.Equal(c.FirstSale) {
			t.Errorf("sale %d is the first of customer %d, who says %v", i, s.Customer, c.FirstSale)
		}
		sales[s.Customer]++
		if s.Refund != 0 {
			if s.Amount >= 0 || orders[s.Order] != -s.Amount {
				t.Errorf("refund %d of %d does not take back its sale of %d", i, s.Amount, orders[s.Order])
			}
			if c.State != Refunded {
				t.Errorf("customer %d was refunded and is %s", s.Customer, c.State)
			}
		} else if _, ok := orders[s.Order]; ok {
			t.Errorf("sale %d has the order id of another", i)
		} else {
			orders[s.Order] = s.Amount
		}
	}
	for i, c := range w.Customers {
		states[c.State]++
		a := w.Affiliates[c.Affiliate]
		if !a.earns(c.At) {
			t.Errorf("customer %d came at %v by %s, who joined at %v and left at %v", i, c.At, a.Standing, a.JoinedAt, a.Left)
		}
		if !slices.Contains(a.Campaigns, c.Campaign) {
			t.Errorf("customer %d came in campaign %d, and the affiliate is in %v", i, c.Campaign, a.Campaigns)
		}
		if free := c.State == Lead || c.State == Trialing || c.State == Denied; free != (sales[i] == 0) || free != c.FirstSale.IsZero() {
			t.Errorf("customer %d is %s, has %d sales, the first at %v", i, c.State, sales[i], c.FirstSale)
		}
		if !c.FirstSale.IsZero() && c.FirstSale.Before(c.At) {
			t.Errorf("customer %d bought before they came", i)
		}
	}
	for _, s := range []CustomerState{Lead, Trialing, Paying, PastDue, Canceled, Refunded, Denied} {
		if states[s] == 0 {
			t.Errorf("no customer is %s", s)
		}
	}
	if last := w.Customers[len(w.Customers)-1]; w.Until.Sub(last.At) > 7*day {
		t.Errorf("the newest customer came at %v", last.At)
	}
}

func checkCommissions(t *testing.T, w *World) {
	open := map[int]int64{}
	type source struct {
		order int64
		tier  int
	}
	earned := map[source]Commission{} // by sales
	var bonus, points, tier2, adjusted, refunds int
	for i, c := range w.Commissions {
		a := w.Affiliates[c.Affiliate]
		if !a.earns(c.At) || !slices.Contains(a.Campaigns, c.Campaign) {
			t.Errorf("commission %d at %v in campaign %d is of affiliate %+v", i, c.At, c.Campaign, a)
		}
		if (c.Sale < 0) != (c.Customer < 0) || c.Sale >= 0 && w.Sales[c.Sale].Customer != c.Customer {
			t.Errorf("commission %d: sale %d, customer %d", i, c.Sale, c.Customer)
		}
		if c.Customer >= 0 && c.At.Before(w.Customers[c.Customer].At) {
			t.Errorf("commission %d is older than its customer", i)
		}
		if c.Sale >= 0 && (w.Sales[c.Sale].Amount < 0) != (c.Amount < 0) {
			t.Errorf("commission %d of %d is for a sale of %d", i, c.Amount, w.Sales[c.Sale].Amount)
		}
		if c.Sale >= 0 {
			from := source{w.Sales[c.Sale].Order, c.Tier}
			if before := earned[from]; w.Sales[c.Sale].Refund == 0 {
				earned[from] = c
			} else if before.Amount != -c.Amount || before.Points != c.Points || before.Affiliate != c.Affiliate ||
				before.Verdict == Refused && c.Verdict != Refused {
				t.Errorf("commission %d %+v takes back %+v", i, c, before)
			}
		}
		if (c.Amount < 0) != (c.Amount+c.Adjustment < 0) || c.Amount+c.Adjustment == 0 {
			t.Errorf("commission %d of %d is adjusted by %d", i, c.Amount, c.Adjustment)
		}
		if c.Tier == 2 && (c.Customer < 0 || w.Affiliates[w.Customers[c.Customer].Affiliate].Parent != c.Affiliate) {
			t.Errorf("commission %d of tier 2 is not the parent's", i)
		}
		if paid := c.Payout >= 0 && w.Payouts[c.Payout].State == "paid"; paid != (c.Verdict == Paid) {
			t.Errorf("commission %d is %s, its payout is %d", i, c.Verdict, c.Payout)
		}
		if c.Verdict == Approved && !c.Points {
			open[c.Affiliate] += c.Amount + c.Adjustment
		}
		count := func(n *int, is bool) {
			if is {
				*n++
			}
		}
		count(&bonus, c.Sale < 0)
		count(&points, c.Points)
		count(&tier2, c.Tier == 2)
		count(&adjusted, c.Adjustment != 0)
		count(&refunds, c.Amount < 0)
	}
	if bonus == 0 || points == 0 || adjusted == 0 || refunds == 0 || tier2 == 0 && len(w.Affiliates) > 100 {
		t.Errorf("%d bonuses, %d points, %d of tier 2, %d adjusted, %d refunds; want some of each", bonus, points, tier2, adjusted, refunds)
	}
	negative := 0
	for _, sum := range open {
		if sum < 0 {
			negative++
		}
	}
	if negative == 0 {
		t.Error("nobody's refunds outweigh what they are owed")
	}
}

func checkPayouts(t *testing.T, w *World) {
	states := map[string]int{}
	in := map[int]int{}
	for n, p := range w.Payouts {
		states[p.State]++
		var sum int64
		for _, i := range p.Commissions {
			c := w.Commissions[i]
			sum += c.Amount + c.Adjustment
			in[i]++
			if v := c.Verdict; v != Paid && v != Approved {
				t.Errorf("payout %d holds commission %d, which is %s", n, i, v)
			}
			if c.Payout != n || c.Affiliate != p.Affiliate || c.Campaign != p.Campaign || c.Points || c.At.Before(p.Start) || c.At.After(p.End) {
				t.Errorf("payout %d %+v holds commission %d %+v", n, p, i, c)
			}
		}
		if sum != p.Amount || p.Amount <= 0 || len(p.Commissions) == 0 {
			t.Errorf("payout %d says %d, and its %d commissions are %d", n, p.Amount, len(p.Commissions), sum)
		}
		if !p.At.After(p.End) || (p.State == "paid") != !p.PaidAt.IsZero() || p.PaidAt.After(w.Until) || p.At.After(w.Until) {
			t.Errorf("payout %d is %s for a month to %v, made %v, paid %v", n, p.State, p.End, p.At, p.PaidAt)
		}
	}
	for i, n := range in {
		if n > 1 {
			t.Errorf("commission %d is in %d payouts", i, n)
		}
	}
	if states["paid"] == 0 || states["failed"] != 1 {
		t.Errorf("payouts are %v", states)
	}
}

// TestWorldsAreEqual wants equal arguments to make equal worlds, and others to make others.
func TestWorldsAreEqual(t *testing.T) {
	a, b := NewWorld(providers.SandboxSmall, 7, today), NewWorld(providers.SandboxSmall, 7, today)
	if !reflect.DeepEqual(a, b) {
		t.Error("two worlds of one seed differ")
	}
	if reflect.DeepEqual(a, NewWorld(providers.SandboxSmall, 8, today)) {
		t.Error("two seeds make one world")
	}
}

func BenchmarkNewWorld(b *testing.B) {
	for _, size := range []providers.SandboxSize{providers.SandboxSmall, providers.SandboxMedium, providers.SandboxLarge} {
		b.Run(string(size), func(b *testing.B) {
			for b.Loop() {
				w := NewWorld(size, 1, today)
				b.ReportMetric(float64(len(w.Commissions)), "commissions")
			}
		})
	}
}
