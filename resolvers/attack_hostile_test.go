package resolvers_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// ownTries are the ways that take nothing, and those that take one id, with one of the
// actor's own.
func (s *stage) ownTries(a *actor, ways []way) (tries []try) {
	for _, w := range ways {
		switch {
		case len(w.slots) == 0:
			tries = append(tries, try{way: w, what: "as it is"})
		case len(w.slots) == 1 && w.slots[0].typ == "ID":
			if own := first(s.own(a, s.noun(w, w.slots[0]))); own != "" {
				tries = append(tries, try{way: w, what: "by an own id", foreign: []any{own}})
			}
		}
	}
	return tries
}

// onward are the calls that go beyond a list's first page.
func onward(calls []string) []string {
	return slices.DeleteFunc(calls, func(call string) bool {
		u, err := url.Parse(call[strings.LastIndexByte(call, ' ')+1:])
		return err == nil && u.Query().Get("page") <= "1"
	})
}

// TestAttackThroughVendors has vendors lie about whose records are whose, in each way by
// itself. Partners see nothing of others', whatever a vendor answers; where filters are
// ignored the operator is told, and nobody's list is walked.
func TestAttackThroughVendors(t *testing.T) {
	told := map[string]*lies{}
	s := newPortal(t, setup{wrap: func(p providers.Provider) providers.Provider {
		l := new(lies)
		told[p.Account().ID.Account] = l
		return liar{p, l}
	}})
	for _, account := range s.w.names() {
		selves := s.selves(account)
		me, victim := s.partner("a partner at "+account, selves[0]), s.partner("another", s.unlike(selves[0], selves[1:]))
		everybody := s.staff(auth.RoleReader, account)
		secrets := s.secrets(me)
		walks := s.walks(auth.RolePartner)
		tries := s.ownTries(me, append(s.ways(auth.RolePartner), walks...))
		all, few := s.volley(auth.RolePartner, tries), s.volley(auth.RolePartner, tries[:len(tries)-len(walks)])
		l := told[account]
		l.known(s, s.w.accounts[account].(liar).Provider, me, everybody)
		l.known(s, s.w.accounts[account].(liar).Provider, me, victim)
		for _, l.of = range []string{ignoresFilters, slipsRows, slipsPages, namesOthers, swaps, reowns, along} {
			s.w.pass(1000 * time.Hour) // what was read is forgotten
			s.w.told.take()
			s.w.called()
			volley := few
			if l.of == ignoresFilters || l.of == slipsPages || l.of == namesOthers {
				volley = all
			}
			hits, _ := s.fire(me, volley, func(t try) []any { return t.foreign })
			me.name = account + ", which " + l.of
			for i, h := range hits {
				s.check(me, tries[i], h, secrets)
				for _, n := range belonging {
					if l.of == ignoresFilters && tries[i].name == "Query."+n.list && !strings.Contains(strings.Join(h.errors, ""), string(apierror.Unsupported)) {
						t.Errorf("%s of %s are answered with %s", n.list, account, clipped(h.data))
					}
				}
			}
			if calls := s.w.called(); l.of == ignoresFilters {
				for _, call := range onward(calls) {
					t.Errorf("everyone's list is walked by %s", call)
				}
				if got, want := strings.Count(s.w.told.take(), "ignores the filter by affiliate"), len(belonging); got != want {
					t.Errorf("the operator is told of %d lists of %s, want %d", got, account, want)
				}
			}
		}
		l.of = ""
	}
}

// TestAttackThroughDeafVendors has vendors ignore whatever narrows their lists, in earnest:
// by HTTP, below what reads their replies. Partners see nothing of others', nobody's list
// is walked for them, and the operator is told.
func TestAttackThroughDeafVendors(t *testing.T) {
	deaf := new(atomic.Bool)
	s := newPortal(t, setup{deaf: deaf})
	for _, account := range s.w.names() {
		self := s.selves(account)[0]
		for _, me := range []*actor{s.partner("a partner at "+account, self), s.known("by e-mail at "+account, self)} {
			secrets := s.secrets(me)
			tries := s.ownTries(me, append(s.ways(auth.RolePartner), s.walks(auth.RolePartner)...))
			all := s.volley(auth.RolePartner, tries)
			for range 2 { // an account learns that it is not listened to
				s.w.pass(1000 * time.Hour)
				s.w.called()
				deaf.Store(true)
				hits, _ := s.fire(me, all, func(t try) []any { return t.foreign })
				deaf.Store(false)
				for i, h := range hits {
					s.check(me, tries[i], h, secrets)
				}
				for _, call := range onward(s.w.called()) {
					t.Errorf("%s: everyone's list is walked by %s", me.name, call)
				}
			}
		}
	}
	if told := s.w.told.take(); !strings.Contains(told, "ignores the filter by affiliate") {
		t.Errorf("the operator is told %q", told)
	}
}

// TestAttackUnidentified wants nothing to be shown, and an error everywhere, while it
// cannot be found out who a partner is.
func TestAttackUnidentified(t *testing.T) {
	var told *lies
	s := newPortal(t, setup{wrap: func(p providers.Provider) providers.Provider {
		l := new(lies)
		if p.Account().ID.Account == "promotekit" {
			told = l
		}
		return liar{p, l}
	}})
	me := s.known("by e-mail", s.selves("promotekit")[0])
	me.viewer.Accounts = []string{"promotekit"}
	told.of = fails
	tries := s.ownTries(me, s.ways(auth.RolePartner))
	hits, _ := s.fire(me, s.volley(auth.RolePartner, tries), func(t try) []any { return t.foreign })
	for i, h := range hits {
		if strings.Contains(h.data, `"id"`) || len(h.errors) == 0 {
			t.Errorf("%s: %s %q", tries[i].name, clipped(h.data), h.errors)
		}
	}
}

// cutter is an account at a vendor who ignores whose commissions are asked for, where those
// of a payout are cut out of that list: no row shows it.
type cutter struct {
	providers.Provider
	pages *atomic.Int64 // read of lists of payouts' commissions
	mixed providers.ID  // whose commissions are among those of a payout as well
}

func (c cutter) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	if f.Affiliates == nil {
		return c.Provider.Commissions(f)
	}
	payouts := f.Payouts
	f.Affiliates, f.Payouts, f.Parent = nil, nil, providers.CommissionFilter{}.Parent
	lists, err := c.Provider.Commissions(f)
	if len(payouts) == 0 || err != nil {
		return lists, err
	}
	list := lists[0]
	read := list.Page
	list.Key, list.Page = list.Key+" cut", func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
		c.pages.Add(1)
		p, err := read(ctx, providers.PageRequest{Number: 1, Reader: r.Reader})
		if err != nil {
			return nil, err
		}
		if row := *p.Items[0]; !c.mixed.IsZero() {
			row.AffiliateID, row.PayoutID = c.mixed, payouts[0]
			return &providers.Page[providers.Commission]{Items: []*providers.Commission{&row}}, nil
		}
		return &providers.Page[providers.Commission]{More: r.Number < 10, Items: slices.DeleteFunc(slices.Clone(p.Items), func(row *providers.Commission) bool { return !slices.Contains(payouts, row.PayoutID) })}, nil
	}
	return []providers.List[providers.Commission]{list}, nil
}

// TestAttackCutOut wants nobody's commissions to be walked for a partner's payout, where
// only another list of the vendor's shows that they are everybody's.
func TestAttackCutOut(t *testing.T) {
	var pages atomic.Int64
	sequential(t)
	w := newWorld(t, setup{vendors: []string{"uppromote"}, noBudget: true, ticks: true, wrap: func(p providers.Provider) providers.Provider { return cutter{Provider: p, pages: &pages} }})
	payout := w.rows(auth.Local(), "payouts", "{ statuses: [PAID] }", "id affiliate { id }")[0]
	a := w.as(partner(at(payout, "affiliate", "id").(string)), fmt.Sprintf(`{ payout(id: %q) { commissions(first: 100) { nodes { id } } } }`, id(payout)), nil)
	if !strings.Contains(a.text, string(apierror.Unsupported)) || pages.Load() != 1 {
		t.Errorf("%d pages are read of everybody's: %s", pages.Load(), clipped(a.text))
	}
}

// TestAttackSharedPayout wants nothing of others to be shown who have a part in a partner's
// payout.
func TestAttackSharedPayout(t *testing.T) {
	sequential(t)
	c := &cutter{pages: new(atomic.Int64)}
	w := newWorld(t, setup{vendors: []string{"uppromote"}, noBudget: true, ticks: true, wrap: func(p providers.Provider) providers.Provider { c.Provider = p; return c }})
	payout := w.rows(auth.Local(), "payouts", "{ statuses: [PAID] }", "id affiliate { id }")[0]
	self := at(payout, "affiliate", "id").(string)
	for _, other := range w.rows(auth.Local(), "affiliates", "{}", "id") {
		if id(other) != self {
			c.mixed, _ = providers.ParseID(id(other))
		}
	}
	a := w.as(partner(self), fmt.Sprintf(`{ payout(id: %q) { commissions(first: 100) { nodes { id amount { amount } } } } }`, id(payout)), nil)
	if !strings.Contains(a.text, string(apierror.Unsupported)) || strings.Contains(a.text, `"amount"`) {
		t.Error(clipped(a.text))
	}
}

// TestAttackPair wants a partner's payout, asked for together with somebody else, to cost
// no call and to show nothing.
func TestAttackPair(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		payout := all.of["payouts"][0]
		self, other := at(payout, "affiliate", "id").(string), ""
		for _, a := range all.affiliates {
			if id(a) != self {
				other = id(a)
			}
		}
		w.kits[vendor].Forget()
		a := w.as(partner(self), fmt.Sprintf(`{ commissions(filter: { affiliates: [%q], payouts: [%q] }) { nodes { id } } }`, other, id(payout)), nil)
		if calls := w.kits[vendor].Requests(); len(a.Errors) > 0 || strings.Contains(a.text, `"id"`) || len(calls) > 0 {
			t.Errorf("%d calls: %s", len(calls), clipped(a.text))
		}
	})
}

// counter is an account at a vendor who counts everybody's.
type counter struct{ providers.Provider }

func (c counter) Coupons(f providers.CouponFilter) ([]providers.List[providers.Coupon], error) {
	lists, err := c.Provider.Coupons(f)
	lists = slices.Clone(lists)
	for i, list := range lists {
		lists[i].Exact = true
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Coupon], error) {
			p, err := list.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			everybodys := int64(100_000)
			return &providers.Page[providers.Coupon]{Items: p.Items, More: p.More, Total: &everybodys}, nil
		}
	}
	return lists, err
}

// TestAttackOfOne wants of a partner who is two affiliates no list of the second to be read
// when they ask for the first, and no count of everybody's to be shown.
func TestAttackOfOne(t *testing.T) {
	vendors(t, setup{wrap: func(p providers.Provider) providers.Provider { return counter{p} }}, func(t *testing.T, w *world, vendor string, all *truth) {
		coupon := all.of["coupons"][0]
		self, other := at(coupon, "affiliate", "id").(string), ""
		for _, c := range all.of["coupons"] {
			if owner := at(c, "affiliate", "id").(string); owner != self {
				other = owner
			}
		}
		query := fmt.Sprintf(`{ coupons(first: 100, filter: { affiliates: [%q] }) { totalCount nodes { id } } commissions(first: 1, filter: { affiliates: [%q] }) { nodes { id } } }`, self, self)
		w.as(partner(self), query, nil)
		w.kits[vendor].Forget()
		a := w.as(partner(self, other), query, nil)
		if calls := w.kits[vendor].Requests(); len(a.Errors) > 0 || len(calls) > 0 || strings.Contains(a.text, "100000") {
			t.Errorf("%d calls: %s", len(calls), clipped(a.text))
		}
	})
}
