package uppromote

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/partnergraph/partnergraph/providers"
)

// emailFilter is what was seen of the vendor's filter of payments by e-mail address, which is assumed to be there.
// Vendors ignore unknown parameters silently.
type emailFilter struct{ state atomic.Int32 }

const (
	filterUnseen int32 = iota
	filterApplied
	filterIgnored
)

func (f *emailFilter) ignored() bool { return f.state.Load() == filterIgnored }

// check looks at a page that should hold payments of one affiliate only.
func (f *emailFilter) check(log *slog.Logger, affiliate providers.ID, rows []*providers.Payout) {
	switch {
	case len(rows) == 0: // says nothing
	case slices.ContainsFunc(rows, func(p *providers.Payout) bool { return p.AffiliateID != affiliate }):
		if f.state.Swap(filterIgnored) != filterIgnored && log != nil {
			log.Warn("payments are not narrowed by "+emailParam+": they are searched from now on", "account", affiliate.Account, "provider", name)
		}
	default:
		f.state.CompareAndSwap(filterUnseen, filterApplied)
	}
}

// payments plans lists of payments of these affiliates, all of them for none.
func (p *provider) payments(affiliates []providers.ID) *plan {
	l := p.plan()
	param := idParam
	if p.emails.ignored() {
		param = ""
	}
	l.parents(param, providers.NounAffiliate, affiliates)
	if len(affiliates) > 0 {
		l.Exact = false // the filter is not documented
	}
	return l
}

// paymentLists are the lists of a plan of payments, whose pages are held against the filter.
func paymentLists[W any](e endpoint[W, providers.Payout], l *plan) []providers.List[providers.Payout] {
	lists := e.lists(l)
	for i, q := range l.Queries() {
		if !q.Has(idParam) {
			continue
		}
		page, affiliate := lists[i].Page, l.local(providers.NounAffiliate, q.Get(idParam))
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Payout], error) {
			rows, err := page(ctx, r)
			if err == nil {
				l.provider.emails.check(l.config.Logger, affiliate, rows.Items)
			}
			return rows, err
		}
	}
	return lists
}

// payoutsOf are the payments of an affiliate that was just read, and maybe of others, where the vendor does not narrow them.
func payoutsOf[W any](ctx context.Context, p *provider, e endpoint[W, providers.Payout], a *providers.Affiliate) iter.Seq2[*providers.Payout, error] {
	l := p.payments([]providers.ID{a.ID})
	l.emails = map[providers.ID]string{a.ID: *a.Email}
	return providers.All(ctx, paymentLists(e, l)[0], p)
}

// addresses are those of affiliates that came along.
func addresses(h providers.Harvest) map[providers.ID]string {
	m := map[providers.ID]string{}
	for _, a := range h.Affiliates {
		if a.Email != nil {
			m[a.ID] = *a.Email
		}
	}
	return m
}

// ofEachWidth bounds how many affiliates' payments are read at once.
const ofEachWidth = 16

// ofEach reads the payments of affiliates until as many things of each are settled as are sought; visit says how many
// a payment settles. It walks the list of all payments for as long as that is cheaper (providers.WalkOn), or if nothing
// else is possible, and then reads the list of each affiliate who is left. What could not be read is answered by affiliate.
func ofEach[W any](ctx context.Context, p *provider, e endpoint[W, providers.Payout], sought map[providers.ID]int, emails map[providers.ID]string, visit func(*providers.Payout) (settled int)) map[providers.ID]error {
	var (
		mu     sync.Mutex // of all below, and of visit
		open   = maps.Clone(sought)
		failed = map[providers.ID]error{}
	)
	// read reads a page for affiliates, and says who of them is left if there is another page.
	read := func(l providers.List[providers.Payout], n int, affiliates []providers.ID) (left []providers.ID, more bool) {
		page, err := l.Page(ctx, providers.PageRequest{Number: n, Reader: p})
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			for _, a := range affiliates {
				failed[a] = err
			}
			return nil, false
		}
		for _, payout := range page.Items {
			open[payout.AffiliateID] -= visit(payout)
		}
		for _, a := range affiliates {
			if open[a] > 0 {
				left = append(left, a)
			}
		}
		return left, page.More && len(left) > 0
	}
	one := func(affiliate providers.ID) {
		l := p.payments([]providers.ID{affiliate})
		l.emails = emails
		for _, list := range paymentLists(e, l) {
			for n, more := 1, true; more; n++ {
				_, more = read(list, n, []providers.ID{affiliate})
			}
		}
	}
	left, all := slices.Collect(maps.Keys(sought)), e.all(p)
	walk := func(on func(read int) bool) {
		for n, more := 1, true; more && on(n-1); n++ {
			if left, more = read(all, n, left); !more {
				left = nil // whoever was left has nothing
			}
		}
	}
	walk(func(read int) bool {
		return p.emails.ignored() || providers.WalkOn(read, len(left), len(sought), p.lengths[e.path].pages(), true)
	})
	for len(left) > 0 && p.emails.state.Load() == filterUnseen {
		one(left[0]) // alone: if the filter is ignored, the others must not read the list of all each
		if left = left[1:]; p.emails.ignored() {
			walk(func(int) bool { return len(left) > 0 })
		}
	}
	var wg providers.Group
	slot := make(chan struct{}, ofEachWidth)
	for _, affiliate := range left {
		slot <- struct{}{}
		wg.Go(func() {
			defer func() { <-slot }()
			one(affiliate)
		})
	}
	wg.Wait()
	return failed
}
