package sandbox

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// kind tells the ids of the nouns apart.
type kind uint64

const (
	campaignKind kind = iota + 1
	affiliateKind
	referralKind
	commissionKind
	payoutKind
)

// program is the world as PromoteKit would hold it. Rows are named by their index in the
// world, which is this program's own copy: writes change its campaigns and affiliates, and
// add to the rest. It is guarded by the [Server].
type program struct {
	world *sandbox.World
	seed  uint64

	campaigns, affiliates, referrals, commissions, payouts *table

	referralsOf, commissionsOf, payoutsOf map[int32][]int32 // by affiliate, in the order of the lists
	commissionsFor                        map[int32][]int32 // by referral, likewise

	terms    []terms    // of a campaign: what the world says otherwise, or not
	standing []standing // of an affiliate, likewise
	customer []int32    // of a commission; -1 for one that PromoteKit would not have
	payout   []int32    // of a commission; -1 for none
	amount   []int64    // of a payout, in minor units: the sum of its commissions that are here
	count    []int64    // of a payout: how many they are
	trial    int        // a lead that stands for those on trial, where the world has none; -1 for none
}

// terms are those of a campaign.
type terms struct {
	kind    string      // percentage, fixed
	amount  json.Number // percent, or major units
	website string
	coupon  string // the one at Stripe behind promo codes
}

// standing is an affiliate's three switches.
type standing struct{ approved, banned, notified bool }

func newProgram(told *sandbox.World, seed uint64) *program {
	w := new(*told)
	w.Campaigns, w.Affiliates = slices.Clone(w.Campaigns), slices.Clone(w.Affiliates)
	w.Customers, w.Sales, w.Commissions = slices.Clip(w.Customers), slices.Clip(w.Sales), slices.Clip(w.Commissions)
	p := &program{world: w, seed: seed}
	for i, c := range w.Campaigns {
		t := terms{kind: "percentage", amount: json.Number(fmt.Sprint(c.Percent))}
		if c.Fixed != 0 {
			t.kind, t.amount = "fixed", p.major(c.Fixed)
		}
		if c.Mode != "coupon" {
			t.website = "https://" + w.Site
		}
		if c.Mode != "link" {
			t.coupon = fmt.Sprintf("coupon_%08x", uint32(mix(seed+uint64(i))))
		}
		p.terms = append(p.terms, t)
	}
	for _, a := range w.Affiliates { // PromoteKit knows no other standings
		banned := a.Standing == sandbox.Banned || a.Standing == sandbox.Rejected || a.Standing == sandbox.Archived
		p.standing = append(p.standing, standing{approved: a.Standing != sandbox.Waiting, banned: banned, notified: true})
	}
	p.pick()
	p.trial = trial(w)
	p.campaigns = newTable(p, campaignKind, len(w.Campaigns), func(i int) time.Time { return w.Campaigns[i].CreatedAt }, nil)
	p.affiliates = newTable(p, affiliateKind, len(w.Affiliates), func(i int) time.Time { return w.Affiliates[i].JoinedAt }, nil)
	p.referrals = newTable(p, referralKind, len(w.Customers), func(i int) time.Time { return w.Customers[i].At }, nil)
	p.commissions = newTable(p, commissionKind, len(w.Commissions), func(i int) time.Time { return w.Commissions[i].At },
		func(i int) bool { return p.customer[i] >= 0 })
	p.payouts = newTable(p, payoutKind, len(w.Payouts), func(i int) time.Time { return w.Payouts[i].At },
		func(i int) bool { return p.count[i] > 0 })
	p.referralsOf = p.referrals.by(func(i int32) int32 { return int32(w.Customers[i].Affiliate) })
	p.commissionsOf = p.commissions.by(func(i int32) int32 { return int32(w.Commissions[i].Affiliate) })
	p.commissionsFor = p.commissions.by(func(i int32) int32 { return p.customer[i] })
	p.payoutsOf = p.payouts.by(func(i int32) int32 { return int32(w.Payouts[i].Affiliate) })
	return p
}

// pick chooses the commissions that PromoteKit would have, and sums up the payouts from them. A
// bonus becomes a commission made by hand for the affiliate's latest customer.
func (p *program) pick() {
	w := p.world
	p.customer = make([]int32, len(w.Commissions))
	p.payout = make([]int32, len(w.Commissions))
	p.amount = make([]int64, len(w.Payouts))
	p.count = make([]int64, len(w.Payouts))
	latest, next := map[int]int{}, 0 // the last customer of each affiliate so far
	for i, c := range w.Commissions {
		for ; next < len(w.Customers) && !w.Customers[next].At.After(c.At); next++ {
			latest[w.Customers[next].Affiliate] = next
		}
		p.customer[i], p.payout[i] = -1, -1
		if c.Points || c.Tier > 1 || c.Verdict == sandbox.Refused {
			continue
		}
		customer := c.Customer
		if customer < 0 {
			last, ok := latest[c.Affiliate]
			if !ok {
				continue
			}
			customer = last
		}
		if w.Customers[customer].Affiliate != c.Affiliate { // here a customer is one affiliate's alone
			continue
		}
		p.customer[i] = int32(customer)
		if c.Payout >= 0 && w.Payouts[c.Payout].State == "paid" && w.Payouts[c.Payout].Affiliate == c.Affiliate {
			p.payout[i] = int32(c.Payout)
			p.amount[c.Payout] += c.Amount + c.Adjustment
			p.count[c.Payout]++
		}
	}
}

// trial is the newest lead of a world in which nobody is on trial, so that there is always one.
func trial(w *sandbox.World) int {
	lead := -1
	for i, c := range w.Customers {
		switch c.State {
		case sandbox.Trialing:
			return -1
		case sandbox.Lead:
			lead = i
		}
	}
	return lead
}

// table is the order of one noun's list: newest first, ties by id.
type table struct {
	program *program
	kind    kind
	order   []int32
	at      func(int) time.Time // when a row came into being
	has     func(int) bool      // nil: every row of the world
	size    int
}

func newTable(p *program, k kind, size int, at func(int) time.Time, has func(int) bool) *table {
	t := &table{program: p, kind: k, size: size, at: at, has: has, order: make([]int32, 0, size)}
	for i := size - 1; i >= 0; i-- {
		if has == nil || has(i) {
			t.order = append(t.order, int32(i))
		}
	}
	slices.SortFunc(t.order, t.compare) // the world is sorted, so that little is left to do
	return t
}

// compare orders rows. Ids are compared within a second, as that is what the vendor's
// clients see.
func (t *table) compare(a, b int32) int {
	if c := cmp.Compare(t.at(int(b)).Unix(), t.at(int(a)).Unix()); c != 0 {
		return c
	}
	return cmp.Compare(t.program.uuid(t.kind, int(a)), t.program.uuid(t.kind, int(b)))
}

// add takes up the row that was just added to the world, and answers its index.
func (t *table) add() int {
	i := t.size
	t.size++
	t.order = t.insert(t.order, i)
	return i
}

// insert puts a row in its place.
func (t *table) insert(order []int32, i int) []int32 {
	at, _ := slices.BinarySearchFunc(order, int32(i), t.compare)
	return slices.Insert(order, at, int32(i))
}

// by is the order for each value of a column.
func (t *table) by(column func(int32) int32) map[int32][]int32 {
	m := map[int32][]int32{}
	for _, i := range t.order {
		m[column(i)] = append(m[column(i)], i)
	}
	return m
}

// find is the row of this id.
func (t *table) find(uuid string) (int, bool) {
	i, ok := t.program.index(t.kind, uuid)
	return i, ok && i < t.size && (t.has == nil || t.has(i))
}

// uuid is the id of a row. Its last 32 bits hold the index, masked by the rest, so that ids
// are found without a table of them.
func (p *program) uuid(k kind, i int) string {
	var b [16]byte
	h := mix(p.seed ^ mix(uint64(k)<<32|uint64(i)))
	binary.BigEndian.PutUint64(b[:8], h)
	binary.BigEndian.PutUint32(b[8:12], uint32(mix(h)))
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80 // RFC 9562
	binary.BigEndian.PutUint32(b[12:], uint32(i)^mask(b))
	s := hex.EncodeToString(b[:])
	return fmt.Sprintf("%s-%s-%s-%s-%s", s[:8], s[8:12], s[12:16], s[16:20], s[20:])
}

func (p *program) index(k kind, uuid string) (int, bool) {
	if len(uuid) != 36 {
		return 0, false
	}
	var b [16]byte
	s := uuid[:8] + uuid[9:13] + uuid[14:18] + uuid[19:23] + uuid[24:]
	if _, err := hex.Decode(b[:], []byte(s)); err != nil {
		return 0, false
	}
	i := int(binary.BigEndian.Uint32(b[12:]) ^ mask(b))
	return i, p.uuid(k, i) == uuid
}

func mask(b [16]byte) uint32 {
	return uint32(mix(binary.BigEndian.Uint64(b[:8]) ^ uint64(binary.BigEndian.Uint32(b[8:12]))))
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
