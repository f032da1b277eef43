package uppromote

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/partnergraph/partnergraph/providers"
)

// emailFilter is what was seen of the vendor's filter of payments by e-mail address, which
// is assumed to be there. Vendors ignore unknown parameters silently.
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
	case slices.ContainsFunc(rows, func(p *providers.Payout) bool { return !p.AffiliateID.IsZero() && p.AffiliateID != affiliate }):
		f.ignore(log, affiliate.Account)
	default:
		f.state.CompareAndSwap(filterUnseen, filterApplied)
	}
}

// ignore notes that the filter does not work, and says so once.
func (f *emailFilter) ignore(log *slog.Logger, account string) {
	if f.state.Swap(filterIgnored) == filterIgnored {
		return
	}
	providers.Learn()
	if log != nil {
		log.Warn("payments are not narrowed by "+emailParam+": they are searched from now on", "account", account, "provider", name)
	}
}

// naming is what was seen of the referrals that payments name, which is assumed: in lists,
// and in single payments.
type naming struct{ listed, alone atomic.Int32 }

const (
	namingUnseen int32 = iota
	namingSeen
	namingMissing
)

// unlisted says that lists of payments do not name the referrals.
func (n *naming) unlisted() bool { return n.listed.Load() == namingMissing }

// never says that neither do single payments.
func (n *naming) never() bool {
	return n.alone.Load() == namingMissing && n.listed.Load() != namingSeen
}

// noteNaming looks at a payment. A member that is odd or empty says nothing: only one that
// is not there is missing.
func (p *provider) noteNaming(state *atomic.Int32, w *wirePayment) {
	switch {
	case len(w.ReferralIDs) > 0:
		if state.Swap(namingSeen) != namingSeen {
			providers.Learn()
		}
	case !w.Has("referral_ids") && w.PaymentID > 0 && (w.TotalReferrals == nil || *w.TotalReferrals > 0):
		if state.CompareAndSwap(namingUnseen, namingMissing) {
			providers.Learn()
			p.config.Logger.Warn("payments do not name their referrals: their commissions are not known",
				"account", p.config.Account, "provider", name, "single", state == &p.naming.alone)
		}
	}
}

// errNaming is the error of a payment whose commissions are not known.
func (p *provider) errNaming() error {
	e := &providers.Error{
		Account:  p.config.Account,
		Provider: name,
		Op:       "GET " + paidList.path,
		Kind:     providers.KindBadReply,
		Err:      errUnnamed,
	}
	if p.naming.never() {
		e.Kind = providers.KindUnsupported
	}
	return e
}

var errUnnamed = errors.New("a payment that does not name its referrals")

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

// payoutsOf are the payments of an affiliate that was just read, and maybe of others, where
// the vendor does not narrow them.
func payoutsOf[W any](
	ctx context.Context,
	p *provider,
	e endpoint[W, providers.Payout],
	a *providers.Affiliate,
) iter.Seq2[*providers.Payout, error] {
	l := p.payments([]providers.ID{a.ID})
	l.emails = map[providers.ID]string{a.ID: *a.Email}
	return every(ctx, p, paymentLists(e, l)[0])
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

// ofEach reads the payments of affiliates until as many things of each are settled as are
// sought; visit says how many a payment settles. It walks the list of all payments for as
// long as that is cheaper (providers.WalkOn), or if nothing else is possible, and then
// reads the list of each affiliate who is left. What could not be read is answered by
// affiliate; so is errUnread for those who are left at the end of a list with rows that
// could not be read.
func ofEach[W any](
	ctx context.Context,
	p *provider,
	e endpoint[W, providers.Payout],
	sought map[providers.ID]int,
	emails map[providers.ID]string,
	visit func(*providers.Payout) (settled int),
) map[providers.ID]error {
	s := &settling{open: maps.Clone(sought), failed: map[providers.ID]error{}, visit: visit}
	all := func(on func(read int) bool, left []providers.ID) []providers.ID {
		return s.read(ctx, p, e.all(p), left, on)
	}
	one := func(affiliate providers.ID) {
		l := p.payments([]providers.ID{affiliate})
		l.emails = emails
		for _, list := range paymentLists(e, l) {
			s.read(ctx, p, list, []providers.ID{affiliate}, func(int) bool { return true })
		}
	}
	left := all(func(read int) bool {
		return p.emails.ignored() || providers.WalkOn(read, s.count(), len(sought), p.extents[e.path].Pages(), true)
	}, slices.Collect(maps.Keys(sought)))
	for len(left) > 0 && p.emails.state.Load() == filterUnseen {
		one(left[0]) // alone: if the filter is ignored, the others must not read the list of all each
		first := left[:1]
		if left = left[1:]; p.emails.state.Load() == filterUnseen && s.failed[first[0]] == nil {
			none, err := tryEmails(ctx, p, e)
			switch left = append(first, left...); {
			case err != nil:
				s.fail(left, err)
				return s.failed
			case none:
				return s.failed
			case !p.emails.ignored():
				left = left[1:]
			}
		}
		if p.emails.ignored() {
			left = all(func(int) bool { return true }, left)
		}
	}
	if len(left) > providers.AllowanceFrom(ctx).Left(p.config.Account) { // it cannot be finished, so it is not begun
		s.fail(
			left,
			&providers.Error{
				Account:  p.config.Account,
				Provider: name,
				Op:       "GET " + e.path,
				Kind:     providers.KindAllowance,
				Err:      providers.ErrAllowance,
			},
		)
		return s.failed
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
	return s.failed
}

// tryEmails looks whether the filter by e-mail address finds a payment that is there, where
// it found none: a vendor that answers nothing by it would else have no payments. none says
// that there are none.
func tryEmails[W any](ctx context.Context, p *provider, e endpoint[W, providers.Payout]) (none bool, err error) {
	page, err := e.page(ctx, p, nil, providers.PageRequest{Number: 1})
	if err != nil {
		return false, err
	}
	known := addresses(page.Harvest)
	i := slices.IndexFunc(page.Items, func(payout *providers.Payout) bool { return known[payout.AffiliateID] != "" })
	if i < 0 {
		return len(page.Items) == 0 && page.Unread == 0 && !page.More, nil
	}
	l := p.payments([]providers.ID{page.Items[i].AffiliateID})
	l.emails = known
	found, err := paymentLists(e, l)[0].Page(ctx, providers.PageRequest{Number: 1, Reader: p})
	if err == nil && len(found.Items)+found.Unread == 0 {
		p.emails.ignore(p.config.Logger, p.config.Account)
	}
	return false, err
}

// settling is what is still sought of affiliates. It is safe for concurrent use.
type settling struct {
	visit func(*providers.Payout) (settled int) // by one at a time

	mu     sync.Mutex
	open   map[providers.ID]int
	failed map[providers.ID]error
}

// count is how many affiliates are left.
func (s *settling) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sought := range s.open {
		if sought > 0 {
			n++
		}
	}
	return n
}

// page visits the payments of a page, and answers which of the affiliates are left.
func (s *settling) page(page *providers.Page[providers.Payout], affiliates []providers.ID) (left []providers.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, payout := range page.Items {
		s.open[payout.AffiliateID] -= s.visit(payout)
	}
	for _, a := range affiliates {
		if s.open[a] > 0 {
			left = append(left, a)
		}
	}
	return left
}

// fail notes why something of these affiliates was not found.
func (s *settling) fail(affiliates []providers.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range affiliates {
		s.failed[a] = err
	}
}

// read reads a list for affiliates while on says so, and answers who of them is left. At
// the end of the list nobody is: whoever was left has nothing.
func (s *settling) read(
	ctx context.Context,
	p *provider,
	l providers.List[providers.Payout],
	left []providers.ID,
	on func(read int) bool,
) []providers.ID {
	read, unread := 0, 0
	if len(left) == 0 || !on(read) {
		return left
	}
	for page, err := range providers.Pages(ctx, l, p, 0) {
		if err != nil {
			s.fail(left, err)
			return nil
		}
		read, unread = read+1, unread+page.Unread
		left = s.page(page, left)
		if len(left) == 0 || page.More && !on(read) {
			return left
		}
	}
	if unread > 0 {
		s.fail(left, p.bad("GET /"+l.Key, errUnread))
	}
	return nil
}
