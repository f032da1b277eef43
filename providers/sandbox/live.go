package sandbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Mover is a simulator whose world can move by itself.
type Mover interface {
	// Move makes one change, chosen by chance, as a user of the vendor would: webhooks are
	// sent, and lists, balances and owners follow. With add it adds a referral or what a
	// sale earns; without, it changes a record that is there. It answers false where the
	// world has no record for that. It is safe for concurrent use with calls.
	Move(random *rand.Rand, add bool) bool
}

// MaxAdded is how often a [Live] adds to each world. From then on it only changes records,
// so that a world that is left running stays small.
const MaxAdded = 1_000

// Live has the worlds of simulators move by themselves. It is not safe for concurrent use.
type Live struct {
	movers []Mover
	added  []int // how often, to each
	random *rand.Rand
}

// NewLive makes a Live of these simulators. Equal seeds make equal changes of equal worlds
// that nobody else changes.
func NewLive(seed uint64, movers ...Mover) *Live {
	return &Live{movers: movers, added: make([]int, len(movers)), random: rand.New(rand.NewPCG(seed, 0x6c697665))}
}

// Run makes a change at each tick, until the context ends.
func (l *Live) Run(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			l.Step()
		}
	}
}

// Step makes one change at a simulator that is chosen by chance. Three of four add, up to
// [MaxAdded] for each simulator; one that finds no record to change adds, too.
func (l *Live) Step() {
	i := l.random.IntN(len(l.movers))
	m, full := l.movers[i], l.added[i] >= MaxAdded
	if change := full || l.random.IntN(4) == 0; change && m.Move(l.random, false) || full {
		return
	}
	if m.Move(l.random, true) {
		l.added[i]++
	}
}

// Recent is how many of the newest rows of a table a world that moves by itself looks at,
// for customers who buy and commissions that are judged.
const Recent = 200

// Pick chooses by chance among those of the last rows of a table of n that fit. It answers
// false where none does.
func Pick(random *rand.Rand, n, last int, fits func(i int) bool) (int, bool) {
	var rows []int
	for i := max(0, n-last); i < n; i++ {
		if fits(i) {
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return 0, false
	}
	return rows[random.IntN(len(rows))], true
}

// Lead is a new customer whom an affiliate brings to a campaign. No customer of the story
// has the address.
func (w *World) Lead(random *rand.Rand, affiliate, campaign int, at time.Time) Customer {
	c := newCustomer(random, len(w.Customers))
	c.Affiliate, c.Campaign, c.At, c.Reference = affiliate, campaign, at.UTC().Truncate(time.Second), reference("cus", random)
	return c
}

// newCustomer is a lead with a name, and an address of their row.
func newCustomer(random *rand.Rand, row int) Customer {
	first, last := firstNames[random.IntN(len(firstNames))], lastNames[random.IntN(len(lastNames))]
	address := fmt.Sprintf("%s.%s.%d@customer.example", ascii.Replace(first), ascii.Replace(last), row+1)
	return Customer{First: first, Last: last, State: Lead, Email: strings.ToLower(address)}
}

// Purchase is a month of a plan that somebody pays now, in minor units, and the payment's id.
func Purchase(random *rand.Rand) (amount int64, payment string) {
	return plans[random.IntN(len(plans))].price, reference("ch", random)
}

// reference is an id of the billing system.
func reference(prefix string, random *rand.Rand) string {
	return fmt.Sprintf("%s_%012X", prefix, random.Uint64()>>16)
}

// Buys says whether a customer may pay once more.
func (c *Customer) Buys() bool { return c.State == Lead || c.State == Trialing || c.State == Paying }
