package sandbox

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

const (
	day   = 24 * time.Hour
	month = 30 * day
	past  = 24 * month // how long the story goes back
)

// extent is how much of a story there is.
type extent struct{ affiliates, customers int }

var extents = map[providers.SandboxSize]extent{
	providers.SandboxSmall:  {40, 235},
	providers.SandboxMedium: {1_000, 8_000},
	providers.SandboxLarge:  {10_000, 203_000},
}

// NewWorld makes the world of this size and seed that ends at until. Equal arguments make equal
// worlds. Large takes a few seconds at most.
func NewWorld(size providers.SandboxSize, seed uint64, until time.Time) *World {
	s := &story{
		Rand: rand.New(rand.NewPCG(seed, 0x706172746e6572)),
		world: &World{
			Merchant: "Northwind Analytics",
			Site:     "northwind.example",
			Currency: "USD",
			Until:    until.UTC().Truncate(time.Second),
		},
	}
	s.start = s.world.Until.Add(-past)
	x := extents[size]
	s.campaigns()
	s.affiliates(x.affiliates)
	s.customers(x.customers)
	s.everyState()
	s.lateRefunds()
	s.sales()
	s.commissions()
	s.payouts()
	return s.world
}

// story is a world being told.
type story struct {
	*rand.Rand
	world *World
	start time.Time
	paid  [][]payment  // of each customer
	low   map[int]bool // affiliates whose late refund outweighs what they are owed
}

// payment is a sale before all of them are in order.
type payment struct {
	at     time.Time
	amount int64 // negative for the refund of the one before
	plan   string
}

// chance is true in one of n cases.
func (s *story) chance(n int) bool { return s.IntN(n) == 0 }

// between is a duration from low to high, in whole seconds.
func (s *story) between(low, high time.Duration) time.Duration {
	return (low + time.Duration(s.Int64N(int64(high-low)+1))).Truncate(time.Second)
}

// agencies is the campaign in which parents earn a share as well.
const agencies = 3

func (s *story) campaigns() {
	s.world.Campaigns = []Campaign{
		{Name: "Partner program", Percent: 20, Mode: "link", Default: true, Cookie: 60},
		{Name: "Newsletter sponsors", Fixed: 2500, Mode: "coupon", Cookie: 30},
		{Name: "Creators", Percent: 30, Mode: "both", Cookie: 90},
		{Name: "Agencies", Percent: 25, Mode: "link", Private: true, Approval: true, Cookie: 120},
		{Name: "Students and schools", Percent: 10, Mode: "link", HideEmail: true, Cookie: 30},
	}
	for i := range s.world.Campaigns {
		s.world.Campaigns[i].CreatedAt = s.start.Add(-time.Duration(60-10*i) * day)
	}
}

var (
	firstNames = strings.Fields(
		"Amara Ingrid Mateo Yuki Priya Jonas Leila Tomás Freya Kwame Sofia Dmitri Aisha Lars Mei Rafael Noor Elias Zainab Hugo " +
			"Camille Arjun Beatriz Stefan Nadia Oliver Hana Luca Fatima Emil Chiara Samuel Ananya Viktor Isabel Kenji Greta Omar Juliette Daniel",
	)
	lastNames = strings.Fields(
		"Okafor Lindqvist García Tanaka Sharma Weber Haddad Silva Nielsen Mensah Rossi Petrov Khan Johansson Chen Moreau Rahman Novák Bello Dubois " +
			"Laurent Patel Costa Müller Ivanova Murphy Kobayashi Ricci Hassan Schmidt Bianchi Adeyemi Iyer Horváth Fernández Sato Keller Farouk Bernard Cohen",
	)
	countries = strings.Fields("NG SE ES JP IN DE LB BR DK GH IT RU PK NO CN FR BD CZ US GB")
	domains   = strings.Fields("example.com example.org example.net mail.example studio.example")
	notes     = []string{
		"I review analytics tools on my blog.",
		"Weekly newsletter for founders, 12,000 readers.",
		"We build dashboards for clients.",
		"YouTube tutorials about data.",
	}
	internals = []string{"Met at the spring conference.", "Asks for a higher rate every quarter.", "Great content, slow invoices."}
)

// ascii turns a name into the letters of an address.
var ascii = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ü", "u", "ö", "o", "ç", "c")

func (s *story) affiliates(n int) {
	joined := make([]time.Time, n)
	for i := range joined {
		joined[i] = s.start.Add(s.between(0, past-2*day))
	}
	joined[0] = s.start // somebody was there from the first day
	slices.SortFunc(joined, time.Time.Compare)
	for i, at := range joined {
		first, last := firstNames[s.IntN(len(firstNames))], lastNames[s.IntN(len(lastNames))]
		handle := strings.ToLower(ascii.Replace(first + "." + last))
		a := Affiliate{First: first, Last: last, JoinedAt: at, Standing: Active, Parent: -1,
			Email:   fmt.Sprintf("%s%d@%s", handle, i+1, domains[s.IntN(len(domains))]),
			Code:    fmt.Sprintf("%s-%d", strings.ReplaceAll(handle, ".", "-"), i+1),
			Country: countries[s.IntN(len(countries))], Method: []string{"paypal", "paypal", "bank", "wise"}[s.IntN(4)],
			Campaigns: []int{[]int{0, 0, 0, 0, 1, 2, 2, 3, 3, 4}[s.IntN(10)]}}
		switch i % 40 { // every standing is there in every size
		case 5, 35:
			a.Standing = Waiting
		case 11:
			a.Standing = Inactive
		case 17:
			a.Standing = Rejected
		case 23:
			a.Standing = Banned
		case 29:
			a.Standing = Archived
		}
		if a.Standing == Inactive || a.Standing == Banned || a.Standing == Archived {
			a.Left = at.Add(s.between(0, s.world.Until.Sub(at)))
		}
		if i%6 == 0 {
			a.Campaigns = appendNew(a.Campaigns, s.IntN(len(s.world.Campaigns)))
		}
		if i%18 == 0 {
			a.Campaigns = appendNew(a.Campaigns, s.IntN(len(s.world.Campaigns)))
		}
		if i%3 == 0 {
			a.Coupon = fmt.Sprintf("%s%d", strings.ToUpper(ascii.Replace(first)), i+10)
		}
		if i%4 == 1 {
			a.PayoutEmail = fmt.Sprintf("pay.%s%d@%s", handle, i+1, domains[s.IntN(len(domains))])
		}
		if i%5 == 2 {
			a.Company = last + " Media"
		}
		if i%3 == 1 {
			a.Note = notes[s.IntN(len(notes))]
		}
		if i%9 == 4 {
			a.Internal = internals[s.IntN(len(internals))]
		}
		if i%10 == 3 { // somebody who was there before brought them
			parent := s.IntN(i)
			for s.world.Affiliates[parent].Standing != Active || s.world.Affiliates[parent].Parent >= 0 {
				parent--
				if parent < 0 {
					parent = 0
					break
				}
			}
			a.Parent = parent
			if i%20 == 3 { // and earns with them
				a.Campaigns = append([]int{agencies}, slices.DeleteFunc(a.Campaigns, func(c int) bool { return c == agencies })...)
				s.world.Affiliates[parent].Campaigns = appendNew(s.world.Affiliates[parent].Campaigns, agencies)
			}
		}
		s.world.Affiliates = append(s.world.Affiliates, a)
	}
}

func appendNew(list []int, x int) []int {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// earns says whether an affiliate could bring somebody at a time.
func (a *Affiliate) earns(at time.Time) bool {
	return a.Standing != Waiting && a.Standing != Rejected && a.JoinedAt.Before(at) && (a.Left.IsZero() || at.Before(a.Left))
}

var plans = []struct {
	name  string
	price int64 // a month
}{{"Starter", 1900}, {"Starter", 1900}, {"Pro", 4900}, {"Pro", 4900}, {"Team", 9900}, {"Business", 24900}}

// customers come in growing numbers, most of them by few affiliates.
func (s *story) customers(n int) {
	w := s.world
	// Cumulated weights: the affiliate of rank r draws as 1/r^0.8.
	sums := make([]float64, len(w.Affiliates))
	sum := 0.0
	for i, rank := range s.Perm(len(w.Affiliates)) {
		sum += 1 / math.Pow(float64(rank+1), 0.8)
		sums[i] = sum
	}
	came := make([]time.Time, n)
	for i := range came {
		came[i] = s.start.Add(time.Duration(float64(past-time.Hour) * math.Pow(s.Float64(), 0.6))).Truncate(time.Second)
		if i > 0 && s.chance(50) {
			came[i] = came[i-1] // some come in the same second
		}
	}
	slices.SortFunc(came, time.Time.Compare)
	for i, at := range came {
		who := 0
		for range 20 {
			candidate, _ := slices.BinarySearch(sums, s.Float64()*sum)
			if candidate < len(w.Affiliates) && w.Affiliates[candidate].earns(at) {
				who = candidate
				break
			}
		}
		a := &w.Affiliates[who]
		if !a.earns(at) {
			at = at.Add(time.Second) // the first affiliate's first second
		}
		c := newCustomer(s.Rand, i)
		c.Affiliate, c.Campaign, c.At = who, a.Campaigns[s.IntN(len(a.Campaigns))], at
		c.Reference, c.ViaCoupon = reference("cus", s.Rand), a.Coupon != "" && s.chance(3)
		var paid []payment
		switch d := s.IntN(100); {
		case d < 2:
			c.State = Denied
		case d < 18:
			// still a lead
		case d < 26 && w.Until.Sub(at) < 14*day:
			c.State = Trialing
		default:
			paid = s.subscribe(&c, a)
		}
		w.Customers = append(w.Customers, c)
		s.paid = append(s.paid, paid)
		a.Clicks += 15 + s.Int64N(60)
	}
	for i := range w.Affiliates {
		if a := &w.Affiliates[i]; a.Standing != Waiting {
			a.Clicks += s.Int64N(40)
		}
	}
}

// subscribe is what a customer pays, up to today or their end.
func (s *story) subscribe(c *Customer, a *Affiliate) []payment {
	plan := plans[s.IntN(len(plans))]
	at, amount, every := c.At.Add(s.between(5*time.Minute, time.Hour)), plan.price, month
	if s.chance(3) {
		at = c.At.Add(s.between(day, 14*day))
	}
	name := plan.name + " monthly"
	if s.chance(8) {
		name, amount, every = plan.name+" yearly", plan.price*10, 365*day
	}
	var paid []payment
	c.State = Paying
	for at.Before(s.world.Until) && (a.Left.IsZero() || at.Before(a.Left)) {
		paid = append(paid, payment{at, amount, name})
		if s.IntN(100) < 26 {
			c.State = Canceled
			break
		}
		at = at.Add(every)
	}
	if len(paid) == 0 {
		c.State = Lead
		return nil
	}
	c.FirstSale = paid[0].at
	last := paid[len(paid)-1]
	refund := last.at.Add(s.between(time.Hour, 10*day))
	switch {
	case s.chance(25) && refund.Before(s.world.Until) && (a.Left.IsZero() || refund.Before(a.Left)):
		paid = append(paid, payment{refund, -last.amount, name})
		c.State = Refunded
	case c.State == Paying && s.chance(30):
		c.State = PastDue
	}
	return paid
}

// everyState moves the newest customers that fit into the states that nobody is in, as
// happens in a small story.
func (s *story) everyState() {
	customers := s.world.Customers
	has := map[CustomerState]bool{}
	for _, c := range customers {
		has[c.State] = true
	}
	for _, move := range []struct{ from, to CustomerState }{{Lead, Trialing}, {Lead, Denied}, {Paying, PastDue}} {
		if has[move.to] {
			continue
		}
		for i := len(customers) - 1; i >= 0; i-- {
			if customers[i].State == move.from {
				customers[i].State = move.to
				break
			}
		}
	}
}

// lateRefunds gives two small affiliates a refund of something they were paid for long ago,
// and nothing else that is owed to them.
func (s *story) lateRefunds() {
	w := s.world
	of := make([][]int, len(w.Affiliates))
	for i, c := range w.Customers {
		of[c.Affiliate] = append(of[c.Affiliate], i)
	}
	s.low = map[int]bool{}
	for size := 1; size < 50 && len(s.low) < 2; size++ {
		for a, customers := range of {
			if len(customers) != size || len(s.low) == 2 || s.low[a] || w.Affiliates[a].Standing != Active {
				continue
			}
			for _, i := range customers {
				n := len(s.paid[i])
				if w.Customers[i].State == Canceled && n > 0 && w.Until.Sub(s.paid[i][n-1].at) > 100*day {
					last := s.paid[i][n-1]
					s.paid[i] = append(s.paid[i], payment{w.Until.Add(-s.between(5*day, 12*day)), -last.amount, last.plan})
					w.Customers[i].State = Refunded
					s.low[a] = true
					break
				}
			}
		}
	}
}
