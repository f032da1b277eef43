package providers

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// List is one sequence of records at the vendor, newest first, that can be read page by page.
// Planning one costs nothing; reading a page usually costs one call. Where the vendor has another
// order, the rows of each page are newest first, and a list of several pages keeps the vendor's
// order of pages: readers may rely on the order for what they show, not for what they leave out.
type List[T Record] struct {
	// Key names the list within its account and noun: equal keys are the same list. It is
	// part of cache keys and cursors, so it holds ids rather than e-mail addresses, and
	// stays the same from release to release as far as it can.
	Key string

	// Exact says that the vendor applies the whole filter: every row matches, and a count of the
	// list is a count of the matches. It is a claim about documented filters only.
	Exact bool

	// Page reads one page. Pages are numbered from 1; one past the end is empty, with More
	// false. The page size is the vendor's largest and is constant, so that a page's number
	// has a meaning.
	Page func(ctx context.Context, r PageRequest) (*Page[T], error)

	// Count is how many rows the list has, where the vendor can tell in one call without a walk
	// and no page has said so (Page.Total); else nil.
	Count func(ctx context.Context) (int64, error)

	// Within is a longer list that holds every row of this one, if reading it may be cheaper when
	// many of its parts are asked for at once (a hundred referrals' commissions, say); else nil.
	Within *List[T]
}

// PageRequest asks for one page of a list.
type PageRequest struct {
	Number int // from 1

	// Reader is the caller's own way to single records, with its cache. A list that has to look
	// something up (the e-mail of an affiliate) does it here. Never nil.
	Reader Reader

	// NotBefore says that the page must have been read at the vendor at this time or later.
	// A cache that remembers an older one reads it again. Zero: any page will do.
	NotBefore time.Time

	// Prove says that the page is remembered and shown. Where the vendor does not say that
	// a page is the last one, that may cost a call more, once. Else a guess will do.
	Prove bool
}

// Page is one page of a list, in the vendor's order.
type Page[T Record] struct {
	Items   []*T
	More    bool   // whether there is, or may be, a next page: false only where the end is proven
	Total   *int64 // rows in the whole list, where the reply said so
	Unread  int    // rows that the vendor sent and that could not be read; they are not in Items
	Mark    uint64 // a hash of the rows that the vendor sent, in whatever order, those left out of Items among them; 0: unknown
	Harvest Harvest

	// AskedAt is when a cache asked the vendor for the page, ReadAt when it had the page;
	// both are zero where no cache is asked. Remembered says that the page was not read for
	// this request, so that the list may have changed since.
	AskedAt    time.Time
	ReadAt     time.Time
	Remembered bool
}

// NoRows is the mark of a page that the vendor sent without a row.
const NoRows = 1

// Empty says whether the vendor sent no row. A page whose rows were left out is not empty.
func (p *Page[T]) Empty() bool { return len(p.Items) == 0 && p.Unread == 0 && p.Mark <= NoRows }

// MaxEmpty is how many pages in a row may be empty though the vendor says that rows follow.
// Behind so many the list ends: what the vendor says of its length is wrong.
const MaxEmpty = 5

// Marks are the marks of the pages of one list that were read so far. The zero value is empty.
type Marks struct{ first map[uint64]int } // the lowest number of the pages with each mark

// Repeats says whether a page has the rows of a page before it, and notes the page.
func (m *Marks) Repeats(number int, mark uint64) bool {
	if mark <= NoRows {
		return false
	}
	if first, ok := m.first[mark]; ok && first < number {
		return true
	}
	if m.first == nil {
		m.first = make(map[uint64]int, 1)
	}
	m.first[mark] = number
	return false
}

// Harvest is what a reply carried besides what was asked for: whole records, and stubs, whose
// Known says so.
type Harvest struct {
	Affiliates  []*Affiliate
	Memberships []*Membership
	Campaigns   []*Campaign
	Referrals   []*Referral
	Commissions []*Commission
	Payouts     []*Payout
	Coupons     []*Coupon
}

// Add puts what another reply carried to what is there.
func (h *Harvest) Add(o Harvest) {
	h.Affiliates = append(h.Affiliates, o.Affiliates...)
	h.Memberships = append(h.Memberships, o.Memberships...)
	h.Campaigns = append(h.Campaigns, o.Campaigns...)
	h.Referrals = append(h.Referrals, o.Referrals...)
	h.Commissions = append(h.Commissions, o.Commissions...)
	h.Payouts = append(h.Payouts, o.Payouts...)
	h.Coupons = append(h.Coupons, o.Coupons...)
}

// Whole are the ids of the records in it that are more than stubs, which name what they
// know: these know everything, or all but what they name.
func (h Harvest) Whole() (ids []ID) {
	collect := func(n *Node) {
		if n.Known == nil || n.Known.except {
			ids = append(ids, n.ID)
		}
	}
	each(h.Affiliates, collect)
	each(h.Memberships, collect)
	each(h.Campaigns, collect)
	each(h.Referrals, collect)
	each(h.Commissions, collect)
	each(h.Payouts, collect)
	each(h.Coupons, collect)
	return ids
}

func each[T Record](records []*T, do func(*Node)) {
	for _, r := range records {
		do(NodeOf(r))
	}
}

// HarvestOf is a harvest of one record. Nouns that are not harvested make an empty one.
func HarvestOf[T Record](r *T) (h Harvest) {
	switch r := any(r).(type) {
	case *Affiliate:
		h.Affiliates = []*Affiliate{r}
	case *Membership:
		h.Memberships = []*Membership{r}
	case *Campaign:
		h.Campaigns = []*Campaign{r}
	case *Referral:
		h.Referrals = []*Referral{r}
	case *Commission:
		h.Commissions = []*Commission{r}
	case *Payout:
		h.Payouts = []*Payout{r}
	case *Coupon:
		h.Coupons = []*Coupon{r}
	}
	return h
}

// maxPages bounds a walk whose caller names no bound: of 100 rows a page, a million rows.
const maxPages = 10_000

// pageBound is how many pages of a list may be read: max, where it is not 0, and never more
// than the request's [Allowance] has for a list.
func pageBound(ctx context.Context, max int) int {
	bound := cmp.Or(max, maxPages)
	if a := AllowanceFrom(ctx); a != nil && a.pages > 0 {
		bound = min(bound, a.pages)
	}
	return bound
}

// ErrPages says that a list has more pages than may be read.
var ErrPages = errors.New("the list has more pages than may be read")

// MaxRepeats is how many pages in a row may repeat pages before them. After so many the
// list has ended: the vendor ignores page numbers, begins again behind the end, or has no
// more rows. Once it may be chance: as many new rows as a page holds have pushed its rows
// to the next page.
const MaxRepeats = 2

// Walk reads a list page by page, from page 1 to its end. Where pages belong to different
// readings of the list, it goes back to a page that has a row which was given before, or to
// page 1, and rows come again. It belongs to one goroutine.
type Walk[T Record] struct {
	List[T]
	Read int // pages so far, those that were read again among them

	number  int // of the page before; 0: none
	before  *Page[T]
	given   int // the highest number of a page that was given
	reading Reading
	broken  map[ID]bool // the rows of the page that a reading ended with; nil: there is none to go back to
	marks   Marks
	repeats int
	empty   int // pages in a row, the last one among them
	ended   bool
}

// Next reads the next page; nil behind the end. A page that repeats one before is not given.
func (w *Walk[T]) Next(ctx context.Context, r Reader) (*Page[T], error) {
	for !w.ended {
		p, err := w.Page(ctx, PageRequest{Number: w.number + 1, Reader: r, NotBefore: w.reading.NotBefore})
		if err != nil {
			return nil, err
		}
		w.Read++
		if !w.joins(p) {
			continue
		}
		w.number++
		w.before = p
		if w.repeats++; !w.marks.Repeats(w.number, p.Mark) {
			w.repeats = 0
		}
		if w.empty++; p.Mark != NoRows {
			w.empty = 0
		}
		w.ended = !p.More || w.repeats == MaxRepeats || w.empty == MaxEmpty
		if w.repeats == 0 {
			if w.number <= w.given && p.Unread > 0 { // they were counted before
				again := *p
				again.Unread = 0
				p = &again
			}
			w.given = max(w.given, w.number)
			return p, nil
		}
	}
	return nil, nil
}

// joins says whether the next page continues what was read. Where it does not, the walk has
// gone back to where it reads on.
func (w *Walk[T]) joins(p *Page[T]) bool {
	if w.before != nil {
		switch Follow(&w.reading, w.before, p) {
		case PageAgain:
			w.marks = Marks{}
			return false
		case BeforeAgain:
			w.broken = make(map[ID]bool, len(w.before.Items))
			each(w.before.Items, func(n *Node) { w.broken[n.ID] = true })
			w.back()
			return false
		}
	}
	if w.broken != nil && w.number > 0 && !slices.ContainsFunc(p.Items, func(row *T) bool { return w.broken[NodeOf(row).ID] }) {
		w.back()
		return false
	}
	w.broken = nil
	return true
}

// back goes to the page before the last one. Which pages repeat others is not known any more.
func (w *Walk[T]) back() {
	w.number, w.before, w.marks, w.repeats = w.number-1, nil, Marks{}, 0
	w.empty = 0
}

// Pages reads a list page by page, from page 1 to its end, at most max pages, and as many
// as the request's [Allowance] has for a list; max 0 bounds nothing more. A list that is
// longer ends with [ErrPages], any other failure with its error.
func Pages[T Record](ctx context.Context, l List[T], r Reader, max int) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		w, max := Walk[T]{List: l}, pageBound(ctx, max)
		for {
			if w.Read >= max && !w.ended {
				yield(nil, &Error{Op: l.Key, Kind: KindBadReply, Err: ErrPages})
				return
			}
			p, err := w.Next(ctx, r)
			if p == nil && err == nil || !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// All reads the rows of a list to its end. It stops at the first error, or when the caller stops.
func All[T Record](ctx context.Context, l List[T], r Reader) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for p, err := range Pages(ctx, l, r, 0) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range p.Items {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}
