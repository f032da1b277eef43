package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// index is a world with what is looked up in it, and what the vendor keeps beside it. Lists
// of rows are in their own order, which is that of time, oldest first. Whoever changes it
// holds the server's lock.
type index struct {
	world       *world.World
	memberships []membership
	codes       []code
	archived    []time.Time    // of each affiliate; zero for who is not
	terms       []terms        // of each campaign
	extras      map[int]extra  // of a commission, by its row; most have none
	inHand      map[int]string // the states of customers that are not those of the story, by their rows
	viaAPI      map[int]bool   // customers that were made by calls
	webhooks    []webhook
	batches     []batch

	member        map[pair]int // the membership of an affiliate in a campaign
	membershipsOf [][]int32    // of an affiliate
	childrenOf    [][]int32
	customersOf   [][]int32
	commissionsOf [][]int32
	payoutsOf     [][]int32
	within        [][]int32       // the commissions of a payout
	codesOf       map[int][]int32 // the promo codes of a membership
	balances      []balances      // of an affiliate
	stats         []stats         // of an affiliate
	campaignStats []stats         // of a campaign
	byEmail       map[string]int  // affiliates, by lower-case address
	byToken       map[string]int  // affiliates, by a code of a link
	byCode        map[string]int  // promo codes
	byCustomer    map[string]int  // customers, by lower-case address
	byUID         map[string]int  // customers
}

type pair struct{ affiliate, campaign int }

// membership is an affiliate in a campaign: the vendor's promoter_campaign.
type membership struct {
	pair
	at     time.Time
	state  string
	token  string
	coupon string
	stats
}

// code is a promo code.
type code struct {
	code        string
	description string
	reward      int // the campaign whose reward it is
	membership  int
	archived    time.Time
}

// terms are what a campaign has beside its story.
type terms struct{ landing, parameter string }

// extra is what a commission has beside its story.
type extra struct {
	event    string
	internal string
	judged   time.Time
}

// balances are sums of commissions, in cents or numbers of points.
type balances struct{ cash, points sums }

// sums are those of one unit.
type sums struct{ pending, current, paid int64 }

func (s *sums) add(verdict world.Verdict, amount int64) {
	switch verdict {
	case world.Pending:
		s.pending += amount
	case world.Approved:
		s.current += amount
	case world.Paid:
		s.paid += amount
	}
}

type stats struct{ clicks, referrals, sales, customers, active, revenue, promoters int64 }

func newIndex(w *world.World) *index {
	n := len(w.Affiliates)
	x := &index{
		world:         w,
		member:        map[pair]int{},
		membershipsOf: make([][]int32, n),
		childrenOf:    make([][]int32, n),
		customersOf:   make([][]int32, n),
		commissionsOf: make([][]int32, n),
		payoutsOf:     make([][]int32, n),
		within:        make([][]int32, len(w.Payouts)),
		balances:      make([]balances, n),
		stats:         make([]stats, n),
		campaignStats: make([]stats, len(w.Campaigns)),
		byEmail:       make(map[string]int, n),
		byToken:       make(map[string]int, n),
		byCode:        map[string]int{},
		byCustomer:    make(map[string]int, len(w.Customers)),
		byUID:         make(map[string]int, len(w.Customers)),
		archived: make(
			[]time.Time,
			n,
		),
		codesOf:  map[int][]int32{},
		extras:   map[int]extra{},
		inHand:   map[int]string{},
		viaAPI:   map[int]bool{},
		webhooks: seedWebhooks(w),
	}
	for range w.Campaigns {
		x.terms = append(x.terms, terms{"https://" + w.Site, "?fpr"})
	}
	for i, a := range w.Affiliates {
		if a.Standing == world.Archived {
			x.archived[i] = a.Left
		}
	}
	x.addMemberships()
	for i, a := range w.Affiliates {
		x.byEmail[strings.ToLower(a.Email)] = i
		if a.Parent >= 0 {
			x.childrenOf[a.Parent] = append(x.childrenOf[a.Parent], int32(i))
		}
		x.count(a.Campaigns[0], i, func(s *stats) { s.clicks += a.Clicks })
	}
	for i, c := range w.Customers {
		x.customersOf[c.Affiliate] = append(x.customersOf[c.Affiliate], int32(i))
		x.byCustomer[strings.ToLower(c.Email)] = i
		x.byUID[c.Reference] = i
		x.countCustomer(i, 1)
	}
	for i := range w.Sales {
		x.countSale(i, 1)
	}
	for i, c := range w.Commissions {
		x.commissionsOf[c.Affiliate] = append(x.commissionsOf[c.Affiliate], int32(i))
		if c.Payout >= 0 {
			x.within[c.Payout] = append(x.within[c.Payout], int32(i))
		}
		x.countCommission(i, 1)
	}
	for i, p := range w.Payouts {
		x.payoutsOf[p.Affiliate] = append(x.payoutsOf[p.Affiliate], int32(i))
	}
	return x
}

// earned is a commission's amount. FirstPromoter knows no adjustments: the amount is what
// it came to.
func earned(c world.Commission) int64 { return c.Amount + c.Adjustment }

// addMemberships makes the memberships out of everyone's campaigns, and of those that
// something was earned in.
func (x *index) addMemberships() {
	add := func(affiliate, campaign int, at time.Time) {
		p := pair{affiliate, campaign}
		if _, ok := x.member[p]; !ok {
			x.member[p] = len(x.memberships)
			x.memberships = append(x.memberships, membership{pair: p, at: at})
		}
	}
	w := x.world
	for i, a := range w.Affiliates {
		for k, c := range a.Campaigns {
			add(i, c, a.JoinedAt.Add(time.Duration(k)*time.Minute))
		}
	}
	for _, c := range w.Customers {
		add(c.Affiliate, c.Campaign, c.At)
	}
	for _, c := range w.Commissions {
		add(c.Affiliate, c.Campaign, c.At)
	}
	slices.SortStableFunc(x.memberships, func(a, b membership) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.affiliate, b.affiliate))
	})
	for i := range x.memberships {
		m := &x.memberships[i]
		x.member[m.pair] = i
		a := w.Affiliates[m.affiliate]
		m.token, m.state = a.Code, standings[a.Standing]
		promo := a.Coupon
		if k := len(x.membershipsOf[m.affiliate]); k == 0 {
			m.coupon = promo
		} else { // others have codes of their own, and coupons that only their promo codes show
			suffix := "-" + strconv.Itoa(k+1)
			m.token += suffix
			if a.Standing == world.Active && m.affiliate%12 == 0 {
				m.state = "inactive" // some gave up one campaign of several
			}
			promo += suffix
		}
		x.byToken[m.token] = m.affiliate
		x.membershipsOf[m.affiliate] = append(x.membershipsOf[m.affiliate], int32(i))
		x.campaignStats[m.campaign].promoters++
		if a.Coupon != "" {
			x.addCode(code{code: promo, reward: m.campaign, membership: i, archived: x.archived[m.affiliate]})
		}
	}
}

// addCode makes a promo code.
func (x *index) addCode(c code) int {
	i := len(x.codes)
	x.codes = append(x.codes, c)
	x.byCode[c.code] = i
	x.codesOf[c.membership] = append(x.codesOf[c.membership], int32(i))
	return i
}

// count changes the figures of an affiliate, of a campaign and of the membership between them.
func (x *index) count(campaign, affiliate int, change func(*stats)) {
	change(&x.stats[affiliate])
	change(&x.campaignStats[campaign])
	change(&x.memberships[x.member[pair{affiliate, campaign}]].stats)
}

// countCustomer adds a customer to the figures, or takes them out by -1: before they
// change, and after.
func (x *index) countCustomer(i int, sign int64) {
	c := x.world.Customers[i]
	x.count(c.Campaign, c.Affiliate, func(s *stats) {
		s.referrals += sign
		if !c.FirstSale.IsZero() {
			s.customers += sign
		}
		if x.referralState(i) == "active" {
			s.active += sign
		}
	})
}

// countSale is countCustomer for what a customer paid.
func (x *index) countSale(i int, sign int64) {
	sale := x.world.Sales[i]
	c := x.world.Customers[sale.Customer]
	x.count(c.Campaign, c.Affiliate, func(s *stats) {
		if s.revenue += sign * sale.Amount; sale.Amount > 0 {
			s.sales += sign
		}
	})
}

// countCommission is countCustomer for what was earned.
func (x *index) countCommission(i int, sign int64) {
	c := x.world.Commissions[i]
	if b := &x.balances[c.Affiliate]; c.Points {
		b.points.add(c.Verdict, sign*earned(c))
	} else {
		b.cash.add(c.Verdict, sign*earned(c))
	}
}

// put adds a row to a list in order; drop takes it out.
func put(list []int32, row int) []int32 {
	i, there := slices.BinarySearch(list, int32(row))
	if there {
		return list
	}
	return slices.Insert(list, i, int32(row))
}

func drop(list []int32, row int) []int32 {
	return slices.DeleteFunc(list, func(r int32) bool { return r == int32(row) })
}
