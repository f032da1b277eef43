package sandbox

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// The first numbers of each noun. A record's number is its place in the world, counted from
// there.
const (
	firstProgram   = 29_401
	firstAffiliate = 1_960_001
	firstReferral  = 1_700_001
	firstPayment   = 26_001
	firstCoupon    = 158_001
)

// store is the world as the store's records, by index. Writes go on telling the world,
// which is the store's own; see change.go.
type store struct {
	world *sandbox.World
	seed  uint64
	on    func(name string) bool // whether a switch is on

	// All of these are indexes into the world, newest first.
	newestPrograms   []int32
	newestAffiliates []int32
	granted          []coupon // to affiliates
	rows             []int32  // commissions that are referrals
	rowsByAffiliate  [][]int32
	rowsByProgram    [][]int32
	rowsByOrder      map[int64][]int32
	payments         []int32 // paid payouts
	paymentsOf       [][]int32
	owed             []int32   // affiliates with approved referrals
	approved         [][]int32 // their referrals

	byEmail map[string]int32
	amounts []amounts  // by affiliate
	codes   [][]string // of coupons, by affiliate
	hooks   []subscription

	holders   map[string]int32 // of coupons, by code in upper case
	said      map[int32]int64  // the sales that were told with referrals made by hand, in minor units, by row
	connected map[string]int32 // customers, by address, and their affiliates
}

// amounts are the totals of an affiliate's referrals by status, in minor units.
type amounts struct{ paid, approved, pending, denied int64 }

func newStore(w *sandbox.World, seed uint64) *store {
	n := len(w.Affiliates)
	s := &store{
		world: w, seed: seed, byEmail: make(map[string]int32, n), amounts: make([]amounts, n), codes: make([][]string, n),
		rowsByAffiliate: make([][]int32, n), rowsByProgram: make([][]int32, len(w.Campaigns)), rowsByOrder: map[int64][]int32{},
		paymentsOf: make([][]int32, n), approved: make([][]int32, n),
		holders: map[string]int32{}, said: map[int32]int64{}, connected: map[string]int32{},
	}
	for i := len(w.Campaigns) - 1; i >= 0; i-- {
		s.newestPrograms = append(s.newestPrograms, int32(i))
	}
	for i := n - 1; i >= 0; i-- {
		a := &w.Affiliates[i]
		s.newestAffiliates = append(s.newestAffiliates, int32(i))
		s.byEmail[strings.ToLower(a.Email)] = int32(i)
		if a.Coupon != "" {
			s.granted = append(s.granted, s.couponRecord(i, a.Coupon, a.JoinedAt))
			s.codes[i], s.holders[a.Coupon] = []string{a.Coupon}, int32(i)
		}
	}
	for i := len(w.Commissions) - 1; i >= 0; i-- {
		c := &w.Commissions[i]
		if c.Points {
			continue
		}
		row := int32(i)
		c.Campaign = s.program(c.Affiliate) // an affiliate is in one program only
		s.rows = append(s.rows, row)
		s.rowsByAffiliate[c.Affiliate] = append(s.rowsByAffiliate[c.Affiliate], row)
		s.rowsByProgram[c.Campaign] = append(s.rowsByProgram[c.Campaign], row)
		if c.Sale >= 0 {
			order := w.Sales[c.Sale].Order
			s.rowsByOrder[order] = append(s.rowsByOrder[order], row)
		}
		s.count(row, 1)
	}
	for i := len(w.Payouts) - 1; i >= 0; i-- {
		if !w.Payouts[i].PaidAt.IsZero() {
			s.payments = append(s.payments, int32(i))
		}
	}
	slices.SortStableFunc(s.payments, func(a, b int32) int { return w.Payouts[b].PaidAt.Compare(w.Payouts[a].PaidAt) })
	for _, i := range s.payments {
		s.paymentsOf[w.Payouts[i].Affiliate] = append(s.paymentsOf[w.Payouts[i].Affiliate], i)
	}
	for i, event := range []string{"payment.paid", "affiliate.status-changed", "referral.new"} {
		s.hooks = append(s.hooks, subscription{
			Event: event, TargetURL: "https://" + w.Site + "/hooks/" + event, Status: "active",
			SecretKey: fmt.Sprintf("sandbox-secret-%d-%d", seed, i), CreatedAt: stamp(w.Until.Add(-time.Duration(i+1) * 720 * time.Hour)),
		})
	}
	return s
}

// program is the one that an affiliate is in.
func (s *store) program(affiliate int) int { return s.world.Affiliates[affiliate].Campaigns[0] }

// at finds the record that has a number.
func at[T any](records []T, id, first int64) (int, bool) {
	return int(id - first), id >= first && id-first < int64(len(records))
}

// within are the rows of a list, newest first, that are in a window: a part of the list,
// because that is sorted.
func within(rows []int32, w window, when func(i int32) time.Time) []int32 {
	// before is the first row that is older than t, or as old if that is asked for.
	before := func(t time.Time, same bool) int {
		return sort.Search(len(rows), func(i int) bool {
			at := when(rows[i]).Truncate(time.Second)
			return at.Before(t) || same && at.Equal(t)
		})
	}
	first, end := 0, len(rows)
	if !w.to.IsZero() {
		first = before(w.to, true)
	}
	if !w.from.IsZero() {
		end = before(w.from, false)
	}
	return rows[first:max(first, end)]
}

// only are the rows that pass.
func only(rows []int32, pass func(i int32) bool) []int32 {
	var out []int32
	for _, i := range rows {
		if pass(i) {
			out = append(out, i)
		}
	}
	return out
}

// ofEmail are the rows of the affiliate with this address, or all of them for none.
func (s *store) ofEmail(email string, all []int32, of [][]int32) []int32 {
	if email == "" {
		return all
	}
	if i, ok := s.byEmail[email]; ok {
		return of[i]
	}
	return nil
}

func (s *store) programs(q *query) selection {
	status, part := q.word("status", "active", "inactive"), strings.ToLower(q.values.Get("program_name"))
	return pick(only(s.newestPrograms, func(i int32) bool {
		return status != "inactive" && strings.Contains(strings.ToLower(s.world.Campaigns[i].Name), part)
	}), s.programRecord)
}

func (s *store) programByID(id int64) (any, bool) {
	i, ok := at(s.world.Campaigns, id, firstProgram)
	if !ok {
		return nil, false
	}
	return s.programRecord(i), true
}

func (s *store) affiliates(q *query) selection {
	email, dates := q.email(), q.dates(false)
	status, verified := q.word("status", "active", "inactive", "pending"), q.word("email_verified", "verified", "unverified")
	rows := within(s.newestAffiliates, dates, func(i int32) time.Time { return s.world.Affiliates[i].JoinedAt })
	if email != "" {
		i, ok := s.byEmail[email]
		if rows = nil; ok && dates.holds(s.world.Affiliates[i].JoinedAt) {
			rows = []int32{i}
		}
	}
	if status != "" || verified != "" {
		rows = only(rows, func(i int32) bool {
			a := &s.world.Affiliates[i]
			return (status == "" || standing(a) == status) && (verified == "" || verification(a) == verified)
		})
	}
	return pick(rows, s.affiliateRecord)
}

func (s *store) affiliateByID(id int64) (any, bool) {
	i, ok := at(s.world.Affiliates, id, firstAffiliate)
	if !ok {
		return nil, false
	}
	return s.affiliateRecord(i), true
}

func (s *store) coupons(q *query) selection {
	dates := q.dates(false)
	var rows []int32
	for i, c := range s.granted {
		if dates.holds(time.Time(c.CreatedAt)) {
			rows = append(rows, int32(i))
		}
	}
	return pick(rows, func(i int) coupon { return s.granted[i] })
}

// referrals starts from the shortest list that holds all matches.
func (s *store) referrals(q *query) selection {
	order, program, email := q.number("order_id", 0, 0, 0), q.number("program_id", 0, 0, 0), q.email()
	dates := q.dates(true)
	rows := s.rows
	shorter := func(other []int32) {
		if len(other) < len(rows) {
			rows = other
		}
	}
	if program != 0 {
		i, ok := at(s.world.Campaigns, program, firstProgram)
		if !ok {
			return selection{}
		}
		shorter(s.rowsByProgram[i])
	}
	if email != "" {
		shorter(s.ofEmail(email, nil, s.rowsByAffiliate))
	}
	if order != 0 {
		shorter(s.rowsByOrder[order])
	}
	rows = within(rows, dates, func(i int32) time.Time { return s.world.Commissions[i].At })
	if program != 0 && email != "" || order != 0 && (program != 0 || email != "") {
		rows = only(rows, func(i int32) bool {
			c := &s.world.Commissions[i]
			return (program == 0 || int64(firstProgram+c.Campaign) == program) &&
				(email == "" || strings.ToLower(s.world.Affiliates[c.Affiliate].Email) == email) &&
				(order == 0 || c.Sale >= 0 && s.world.Sales[c.Sale].Order == order)
		})
	}
	return pick(rows, s.referralRecord)
}

func (s *store) referralByID(id int64) (any, bool) {
	i, ok := at(s.world.Commissions, id, firstReferral)
	if !ok || s.world.Commissions[i].Points {
		return nil, false
	}
	return s.referralRecord(i), true
}

// methods are the ways to pay that can be asked for.
var methods = []string{"paypal", "bank", "wise", "debit", "cheque", "venmo", "paytm", "upi", "store_credit", "other"}

// unpaid computes what is owed.
func (s *store) unpaid(q *query) selection {
	method := q.word("payment_method", append(slices.Clone(methods), noMethod)...)
	rows := s.owed
	if email := q.email(); email != "" {
		i, ok := s.byEmail[email]
		if rows = nil; ok && len(s.approved[i]) > 0 {
			rows = []int32{i}
		}
	}
	if method != "" {
		rows = only(rows, func(i int32) bool { return s.method(int(i)) == method })
	}
	return pick(rows, s.unpaidRecord)
}

func (s *store) paid(q *query) selection {
	method, dates := q.word("payment_method", methods...), q.dates(false)
	rows := within(s.ofEmail(q.email(), s.payments, s.paymentsOf), dates, func(i int32) time.Time { return s.world.Payouts[i].PaidAt })
	if method != "" {
		rows = only(rows, func(i int32) bool { return s.method(s.world.Payouts[i].Affiliate) == method })
	}
	return pick(rows, s.paymentRecord)
}

func (s *store) paymentByID(id int64) (any, bool) {
	i, ok := at(s.world.Payouts, id, firstPayment)
	if !ok || s.world.Payouts[i].PaidAt.IsZero() {
		return nil, false
	}
	return s.paymentRecord(i), true
}

func (s *store) subscriptions(q *query) selection {
	event := q.values.Get("event")
	var rows []int32
	for i, h := range s.hooks {
		if event == "" || event == h.Event {
			rows = append(rows, int32(i))
		}
	}
	return pick(rows, func(i int) subscription { return s.hooks[i] })
}
