package firstpromoter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// pageSize is the most rows that a page can have.
const pageSize = 100

// pageNumber is the parameter of a page's number, from 1.
const pageNumber = "page"

// glean harvests a stub, again only if it knows more: a page of one affiliate's commissions names
// them in every row.
func glean[T providers.Record](r *reply, to *[]*T, stub *T) {
	node := providers.NodeOf(stub)
	if node.ID.IsZero() {
		return
	}
	if known, ok := r.gleaned[node.ID]; ok && known.CoversAll(node.Known) {
		return
	}
	if r.gleaned == nil {
		r.gleaned = map[providers.ID]*providers.Fields{}
	}
	r.gleaned[node.ID] = node.Known
	*to = append(*to, stub)
}

// badReply is the error of a read whose reply cannot be understood.
func (p *provider) badReply(op string, err error) error {
	return p.client.BadReply(op, err)
}

// What a reply that cannot be understood lacks.
var (
	errNoID    = errors.New("a record without an id")
	errAnother = errors.New("another record than the one that was asked for")
	errNoData  = errors.New("a reply without data")
	errNoList  = errors.New(`neither an array nor an object with "data"`)
)

// node is the shared part of a record. Its id is zero where the vendor's number is none.
func (r *reply) node(noun providers.Noun, id int64, created *time.Time, known *providers.Fields) providers.Node {
	return r.nodeOf(r.id(noun, id), decimal(id), created, known)
}

func (r *reply) nodeOf(id providers.ID, providerID string, created *time.Time, known *providers.Fields) providers.Node {
	return providers.Node{ID: id, ProviderID: providerID, CreatedAt: created, FetchedAt: r.at, Known: known}
}

// cents is an amount that the vendor counts in cents; nil where there is none, or none that
// can be held exactly.
func (r *reply) cents(d providers.Decimal, currency string) *providers.Money {
	return d.Minor(currency)
}

// worth is an amount by its unit: money for "cash", else so many of a reward. Of an unknown
// unit it is neither.
func (r *reply) worth(unit *string, d providers.Decimal) (*providers.Money, *providers.Reward) {
	switch {
	case !d.Set || unit == nil || *unit == "":
		return nil, nil
	case strings.EqualFold(*unit, "cash"):
		return r.cents(d, r.config.Currency), nil
	default:
		return nil, &providers.Reward{Unit: *unit, Quantity: d.Value}
	}
}

// id is the id of a record by the vendor's number; the zero ID for none.
func (p *provider) id(noun providers.Noun, n int64) providers.ID {
	return wire.NumberID(p.config.Account, noun, n)
}

// numbers are the vendor's numbers of those ids that are of this account and noun, each
// once, in order.
func (p *provider) numbers(noun providers.Noun, ids []providers.ID) []int64 {
	var numbers []int64
	for _, id := range wire.Numbered(p.config.Account, noun, ids) {
		n, _ := number(id.Local)
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}

// ids are the ids of the vendor's numbers.
func (p *provider) ids(noun providers.Noun, numbers []int64) []providers.ID {
	ids := make([]providers.ID, len(numbers))
	for i, n := range numbers {
		ids[i] = p.id(noun, n)
	}
	return ids
}

// own are those ids that are of this account and noun, each once.
func (p *provider) own(noun providers.Noun, ids []providers.ID) []providers.ID {
	return p.ids(noun, p.numbers(noun, ids))
}

func decimal(n int64) string { return wire.Decimal(n) }

// number reads a record's number as [decimal] writes it.
func number(s string) (int64, bool) { return wire.Number(s) }

func decimals(numbers []int64) []string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = decimal(n)
	}
	return texts
}

// text is a vendor's string, where a blank one means nothing.
func text(s *string) *string {
	if s == nil {
		return nil
	}
	return wire.Text(*s)
}

// texts are the texts that are there.
func texts(s *string) []string {
	if s == nil {
		return nil
	}
	return []string{*s}
}

// named is a name for people.
func named(s *string) *string {
	if s == nil {
		return nil
	}
	return wire.Name(*s)
}

// endpoint is one of the vendor's lists: its rows W, and what they mean, T. convert answers
// nil for a row that is not shown.
type endpoint[W any, T providers.Record] struct {
	noun    providers.Noun
	path    string
	always  url.Values // sent with every call; no part of a list's key
	convert func(*reply, *W) *T
	core    *wire.Core // of what every row of the list, and reply to a write, has
	single  bool       // there is a read of one record by its number, which tells no more than the list
}

// query is what goes with a call: what is always sent, and these.
func (e endpoint[W, T]) query(also url.Values) url.Values {
	q := url.Values{}
	maps.Copy(q, e.always)
	maps.Copy(q, also)
	return q
}

// paged asks for a page of the largest size.
func paged(n int) url.Values {
	return url.Values{pageNumber: {strconv.Itoa(n)}, "per_page": {strconv.Itoa(pageSize)}}
}

// rows makes one read of the list. sent is how many rows came, those not shown or not read
// included.
func (e endpoint[W, T]) rows(ctx context.Context, p *provider, query url.Values) (page *providers.Page[T], sent int, err error) {
	q := request(e.path, e.query(query))
	n := q.Query.Get(pageNumber)
	q.Later = n != "" && n != "1"
	r, rows, err := read(ctx, p, q, isList[W])
	if err != nil {
		return nil, 0, err
	}
	page = wire.PageOf(&rows.Rows, func(w *W) *T {
		noteRecord(watchOf(ctx), w)
		return wire.Narrow(e.core, e.extent(p), w, e.convert(r, w))
	})
	page.Harvest = r.harvest
	p.log.Unread(q.Op, page.Unread)
	p.log.Page(q.Op, rows.Sent(), pageSize)
	watchOf(ctx).noteUnread(page.Unread)
	return page, rows.Sent(), nil
}

// extent is what replies have shown of the list.
func (e endpoint[W, T]) extent(p *provider) *wire.Extent {
	x, _ := p.extents.LoadOrStore(e.path, new(wire.Extent))
	return x.(*wire.Extent)
}

// page reads one page of the list that query narrows.
func (e endpoint[W, T]) page(ctx context.Context, p *provider, query url.Values, r providers.PageRequest) (*providers.Page[T], error) {
	return wire.Proven(ctx, e.extent(p), r, func(n int) (*providers.Page[T], int, error) { return e.counted(ctx, p, query, n) })
}

// counted reads one page, and says how many rows came.
func (e endpoint[W, T]) counted(ctx context.Context, p *provider, query url.Values, n int) (*providers.Page[T], int, error) {
	q := paged(n)
	maps.Copy(q, query)
	page, sent, err := e.rows(ctx, p, q)
	if err != nil {
		return nil, 0, err
	}
	extent := e.extent(p)
	page.More = extent.More(ctx, sent)
	if len(query) == 0 {
		extent.Saw(n, sent, page.More)
	}
	return page, sent, nil
}

// list is the list narrowed by query. keep, if there is one, leaves out rows that belong to
// another list of the same plan.
func (e endpoint[W, T]) list(p *provider, query url.Values, exact bool, keep func(*T) bool) providers.List[T] {
	return providers.List[T]{
		Key:   key(query),
		Exact: exact && keep == nil,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			page, err := e.page(ctx, p, query, r)
			if err == nil && keep != nil {
				page.Items = slices.DeleteFunc(page.Items, func(t *T) bool { return !keep(t) })
			}
			return page, err
		},
	}
}

// lists are the lists of a plan, one for each of its queries. A list of one promoter lies
// within the list of all. (It says nothing of dates: what is moved to a promoter may be
// older than they are.)
func (e endpoint[W, T]) lists(p *provider, f *plan) []providers.List[T] {
	var lists []providers.List[T]
	for _, q := range f.Queries() {
		l := e.list(p, q, f.Exact, nil)
		if q.Has(byPromoter) {
			all := e.list(p, nil, true, nil)
			l.Within = &all
		}
		lists = append(lists, l)
	}
	return lists
}

// one reads a single record; nil where there is none. find_by in the query makes it a
// look-up by another field, whose value must not be seen.
func (e endpoint[W, T]) one(ctx context.Context, p *provider, segment string, query url.Values) (*T, providers.Harvest, error) {
	lookup, asked := query.Has(findBy), segment
	q := request(e.path+"/"+segment, query)
	q.Op, q.PrivatePath = "GET "+e.path+oneRecord, lookup
	if lookup {
		asked = ""
		q.NotFound, q.Classify = []int{http.StatusUnprocessableEntity}, classifyLookup
	}
	r, w, err := read(ctx, p, q, e.identified(p, asked))
	if err != nil {
		if e := (*providers.Error)(nil); lookup && errors.As(err, &e) && e.Status == http.StatusGone {
			err = p.badReply(q.Op, errGone)
		}
		if providers.KindOf(err) == providers.KindNotFound {
			err = nil
		}
		return nil, providers.Harvest{}, err
	}
	noteRecord(watchOf(ctx), w)
	return wire.Alone(e.core, e.extent(p), w, e.convert(r, w)), r.harvest, nil
}

// identified wants a record with an id, unless it is one that is not shown: the vendor's own
// number that was asked for, or any where that is "".
func (e endpoint[W, T]) identified(p *provider, asked string) func(*W) error {
	return func(w *W) error {
		switch t := e.convert(&reply{provider: p}, w); {
		case t == nil:
		case providers.NodeOf(t).ID.IsZero():
			return errNoID
		case asked != "" && providers.NodeOf(t).ProviderID != asked:
			return errAnother
		}
		return nil
	}
}

// oneRecord ends the operation of a call whose path names a record.
const oneRecord = "/{id}"

// each reads single records, one call each.
func (e endpoint[W, T]) each(ctx context.Context, p *provider, numbers []int64, query url.Values) (*providers.Batch[T], error) {
	ids := p.ids(e.noun, numbers)
	return providers.Gather(ctx, ids, pageSize, 0, false, nil, func(ctx context.Context, id providers.ID) (*T, providers.Harvest, error) {
		return e.one(ctx, p, id.Local, query)
	}, nil)
}

// findBy is the parameter that turns an id in a path into another field's value.
const findBy = "find_by"

// byEmail is the field of look-ups by address, which the vendor may compare exactly.
const byEmail = "email"

// The errors of a look-up that the vendor answered with a record which does not prove
// itself: it has another value in the field, or tells none. The first says that the vendor
// ignores find_by, so that nothing is known of the record that was looked for.
const (
	errOtherRecord providers.Cause = "a look-up was answered with another record"
	errNotTold     providers.Cause = "a look-up was answered with a record that does not tell what was looked for"
	errGone        providers.Cause = "a look-up is gone, which says nothing of the record"
)

// values are what a record tells in the field of a look-up.
type values[T any] func(context.Context, *T) ([]string, error)

// find reads the single record that has this value in this field; nil where there is none.
// An address is looked up as it was typed, and then in lower case. A record counts only if
// it tells the value.
func (e endpoint[W, T]) find(ctx context.Context, p *provider, field, value string, query url.Values, told values[T],
) (*T, providers.Harvest, error) {
	q := url.Values{findBy: {field}}
	maps.Copy(q, query)
	spellings, equal := []string{value}, strings.EqualFold
	if field == byEmail {
		spellings, equal = providers.EmailSpellings(value), providers.EqualEmail
	}
	var unproven error
	for _, spelling := range spellings {
		if spelling == "." || spelling == ".." { // would be another path
			continue
		}
		t, h, err := e.one(ctx, p, segment(spelling), q)
		if err != nil {
			return nil, h, err
		}
		if t == nil {
			continue
		}
		switch there, err := told(ctx, t); {
		case err != nil:
			return nil, h, err
		case slices.ContainsFunc(there, func(s string) bool { return equal(s, value) }):
			return t, h, nil
		case len(there) == 0:
			return nil, providers.Harvest{}, p.badReply("GET "+e.path+oneRecord, errNotTold)
		default:
			unproven = p.badReply("GET "+e.path+oneRecord, errOtherRecord)
		}
	}
	return nil, providers.Harvest{}, unproven
}

// taken says whether a look-up before a write found a record. Where the vendor ignores
// find_by, the write is left to the vendor, which refuses a value that it has already.
func taken[T any](t *T, err error) (bool, error) {
	if errors.Is(err, errOtherRecord) {
		return false, nil
	}
	return t != nil, err
}

// lookFailed is the outcome of a look whose look-up found no record. One that the vendor
// answered with a record that does not prove itself says nothing of the write.
func lookFailed(err error) (providers.Verdict, *providers.Written, error) {
	switch {
	case errors.Is(err, errOtherRecord), errors.Is(err, errNotTold):
		return providers.Unclear, nil, nil
	case err != nil:
		return "", nil, err
	}
	return providers.NotMade, nil, nil
}

// segment is a value as a part of a path. Whatever could mean something there is escaped,
// "+" and "@" too.
func segment(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// lookup is a list of at most one row, the one that has this value in this field. instead,
// if there is one, is read where there is no row.
func (e endpoint[W, T]) lookup(p *provider, field, value string, query url.Values, exact bool, told values[T],
	instead func(context.Context) (*providers.Page[T], error)) []providers.List[T] {
	return []providers.List[T]{{
		Key:   findBy + "=" + field + "&value=" + hash(value),
		Exact: exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			if r.Number > 1 {
				return &providers.Page[T]{}, nil
			}
			row, harvest, err := e.find(ctx, p, field, value, query, told)
			switch {
			case err != nil:
				return nil, err
			case row == nil && instead != nil:
				return instead(ctx)
			case row == nil:
				return &providers.Page[T]{Harvest: harvest}, nil
			}
			return &providers.Page[T]{Items: []*T{row}, Harvest: harvest}, nil
		},
	}}
}

// key names a list by what narrows it, with a hash in the place of what was searched for.
func key(query url.Values) string {
	if len(query) == 0 {
		return "all"
	}
	q := maps.Clone(query)
	if q.Has("q") {
		q.Set("q", hash(q.Get("q")))
	}
	return q.Encode()
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}
