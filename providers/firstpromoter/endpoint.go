package firstpromoter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
)

// pageSize is the most rows that a page can have.
const pageSize = 100

// list is the rows of a reply: a bare array at most endpoints, {"data": […]} at some.
type list[W any] []W

// UnmarshalJSON reads either form.
func (l *list[W]) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("{")) {
		var envelope struct {
			Data *[]W `json:"data"`
		}
		if err := json.Unmarshal(b, &envelope); err != nil {
			return err
		}
		if envelope.Data == nil {
			return errors.New(`neither an array nor an object with "data"`)
		}
		*l = *envelope.Data
		return nil
	}
	return json.Unmarshal(b, (*[]W)(l))
}

// reply is an answer that is being converted.
type reply struct {
	*provider
	at      time.Time         // when it came
	harvest providers.Harvest // what it carries besides what was asked for
	gleaned map[providers.ID]bool
	err     error // the first thing in it that could not be understood
}

// glean harvests a stub, once a reply: a page of one affiliate's commissions names them in every row.
func glean[T providers.Record](r *reply, to *[]*T, stub *T) {
	id := providers.NodeOf(stub).ID
	if r.gleaned[id] {
		return
	}
	if r.gleaned == nil {
		r.gleaned = map[providers.ID]bool{}
	}
	r.gleaned[id] = true
	*to = append(*to, stub)
}

// request is a read of this path.
func request(path string, query url.Values, into any) rest.Request {
	return rest.Request{Op: "GET " + path, Path: path, Query: query, Into: into}
}

// get makes one read.
func (p *provider) get(ctx context.Context, r rest.Request) (*reply, error) {
	if err := p.client.Get(ctx, r); err != nil {
		return nil, err
	}
	return &reply{provider: p, at: p.config.Now()}, nil
}

// done is the error of a converted reply.
func (r *reply) done(op string) error {
	if r.err == nil {
		return nil
	}
	return &providers.Error{Account: r.config.Account, Provider: name, Op: op, Kind: providers.KindBadReply, Err: r.err}
}

// errNoID is in the error of a reply in which a record has no id.
var errNoID = errors.New("a record without an id")

// node is the shared part of a record.
func (r *reply) node(noun providers.Noun, id int64, created *time.Time, known *providers.Fields) providers.Node {
	n := decimal(id)
	return r.nodeOf(r.id(noun, id), n, created, known)
}

func (r *reply) nodeOf(id providers.ID, providerID string, created *time.Time, known *providers.Fields) providers.Node {
	if id.IsZero() && r.err == nil {
		r.err = errNoID
	}
	return providers.Node{ID: id, ProviderID: providerID, CreatedAt: created, FetchedAt: r.at, Known: known}
}

// cents is an amount that the vendor counts in cents; nil where there is none.
func (r *reply) cents(d providers.Decimal, currency string) *providers.Money {
	return d.Minor(currency)
}

// worth is an amount by its unit: money for "cash", else so many of a reward. Of an unknown unit it is
// neither.
func (r *reply) worth(unit *string, d providers.Decimal) (*providers.Money, *providers.Reward) {
	switch {
	case !d.Set || unit == nil || *unit == "":
		return nil, nil
	case *unit == "cash":
		return r.cents(d, r.config.Currency), nil
	default:
		return nil, &providers.Reward{Unit: *unit, Quantity: d.Value}
	}
}

// id is the id of a record by the vendor's number; the zero ID for none.
func (p *provider) id(noun providers.Noun, n int64) providers.ID {
	if n <= 0 {
		return providers.ID{}
	}
	return providers.ID{Account: p.config.Account, Noun: noun, Local: decimal(n)}
}

// numbers are the vendor's numbers of those ids that are of this account and noun, each once, in order.
func (p *provider) numbers(noun providers.Noun, ids []providers.ID) []int64 {
	var numbers []int64
	for _, id := range ids {
		if n, ok := number(id.Local); ok && id == p.id(noun, n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
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

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0
}

func decimals(numbers []int64) []string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = decimal(n)
	}
	return texts
}

// text is a vendor's string, where "" means nothing.
func text(s *string) *string {
	if s == nil || *s == "" {
		return nil
	}
	return s
}

// endpoint is one of the vendor's lists: its rows W, and what they mean, T. convert answers nil for a row
// that is not shown.
type endpoint[W any, T providers.Record] struct {
	noun    providers.Noun
	path    string
	always  url.Values // sent with every call; no part of a list's key
	convert func(*reply, *W) *T
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
	return url.Values{"page": {strconv.Itoa(n)}, "per_page": {strconv.Itoa(pageSize)}}
}

// rows makes one read of the list. sent is how many rows came, those not shown included.
func (e endpoint[W, T]) rows(ctx context.Context, p *provider, query url.Values) (rows []*T, sent int, h providers.Harvest, err error) {
	var w list[W]
	q := request(e.path, e.query(query), &w)
	r, err := p.get(ctx, q)
	if err != nil {
		return nil, 0, h, err
	}
	rows = make([]*T, 0, len(w))
	for i := range w {
		if row := e.convert(r, &w[i]); row != nil {
			rows = append(rows, row)
		}
	}
	return rows, len(w), r.harvest, r.done(q.Op)
}

// page reads one page. A page of more rows than can be asked for is the whole list, at an endpoint that
// does not page.
func (e endpoint[W, T]) page(ctx context.Context, p *provider, query url.Values, n int) (*providers.Page[T], error) {
	q := paged(n)
	maps.Copy(q, query)
	rows, sent, harvest, err := e.rows(ctx, p, q)
	if err != nil {
		return nil, err
	}
	if n > 1 && sent > pageSize {
		return &providers.Page[T]{}, nil
	}
	return &providers.Page[T]{Items: rows, More: sent == pageSize, Harvest: harvest}, nil
}

// list is the list narrowed by query. keep, if there is one, leaves out rows that belong to another list
// of the same plan.
func (e endpoint[W, T]) list(p *provider, query url.Values, exact bool, keep func(*T) bool) providers.List[T] {
	return providers.List[T]{
		Key:   key(query),
		Exact: exact && keep == nil,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			page, err := e.page(ctx, p, query, r.Number)
			if err == nil && keep != nil {
				page.Items = slices.DeleteFunc(page.Items, func(t *T) bool { return !keep(t) })
			}
			return page, err
		},
	}
}

// lists are the lists of a plan, one for each of its queries. A list of one promoter lies within the
// list of all. (It says nothing of dates: what is moved to a promoter may be older than they are.)
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

// byIDs reads records by their numbers, a hundred a call. Those that the list leaves out are absent.
func (e endpoint[W, T]) byIDs(ctx context.Context, p *provider, numbers []int64) (*providers.Batch[T], error) {
	b := &providers.Batch[T]{Found: make(map[providers.ID]*T, len(numbers))}
	for chunk := range slices.Chunk(numbers, pageSize) {
		rows, _, harvest, err := e.rows(ctx, p, url.Values{"ids[]": decimals(chunk), "per_page": {strconv.Itoa(pageSize)}})
		if err != nil {
			if len(chunk) == len(numbers) || ctx.Err() != nil {
				return nil, err
			}
			if b.Failed == nil {
				b.Failed = map[providers.ID]error{}
			}
			for _, n := range chunk {
				b.Failed[p.id(e.noun, n)] = err
			}
			continue
		}
		b.Harvest.Add(harvest)
		for _, row := range rows {
			if n, _ := number(providers.NodeOf(row).ProviderID); slices.Contains(chunk, n) {
				b.Found[providers.NodeOf(row).ID] = row
			}
		}
	}
	return b, nil
}

// one reads a single record; nil where there is none. find_by in the query makes it a look-up by another
// field, whose value must not be seen.
func (e endpoint[W, T]) one(ctx context.Context, p *provider, segment string, query url.Values) (*T, providers.Harvest, error) {
	var w W
	lookup := query.Has(findBy)
	q := request(e.path+"/"+segment, query, &w)
	q.Op, q.PrivatePath = "GET "+e.path+"/{id}", lookup
	if lookup {
		q.NotFound = []int{http.StatusUnprocessableEntity}
	}
	r, err := p.get(ctx, q)
	if err != nil {
		if notFound(err, lookup) {
			err = nil
		}
		return nil, providers.Harvest{}, err
	}
	t := e.convert(r, &w)
	return t, r.harvest, r.done(q.Op)
}

// each reads single records, one call each.
func (e endpoint[W, T]) each(ctx context.Context, p *provider, numbers []int64, query url.Values) (*providers.Batch[T], error) {
	ids := p.ids(e.noun, numbers)
	return providers.Gather(ctx, ids, pageSize, 0, false, nil, func(ctx context.Context, id providers.ID) (*T, providers.Harvest, error) {
		return e.one(ctx, p, id.Local, query)
	})
}

// findBy is the parameter that turns an id in a path into another field's value.
const findBy = "find_by"

// find reads the single record that has this value in this field; nil where there is none.
func (e endpoint[W, T]) find(ctx context.Context, p *provider, field, value string, query url.Values) (*T, providers.Harvest, error) {
	if value == "." || value == ".." { // would be another path
		return nil, providers.Harvest{}, nil
	}
	q := url.Values{findBy: {field}}
	maps.Copy(q, query)
	return e.one(ctx, p, segment(value), q)
}

// segment is a value as a part of a path. Whatever could mean something there is escaped, "+" and "@" too.
func segment(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// lookup is a list of at most one row, the one that has this value in this field. finish, if there is one,
// completes the row.
func (e endpoint[W, T]) lookup(p *provider, field, value string, query url.Values, exact bool, finish func(context.Context, *T) error) []providers.List[T] {
	return []providers.List[T]{{
		Key:   findBy + "=" + field + "&value=" + hash(value),
		Exact: exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			if r.Number > 1 {
				return &providers.Page[T]{}, nil
			}
			row, harvest, err := e.find(ctx, p, field, value, query)
			if err == nil && row != nil && finish != nil {
				err = finish(ctx, row)
			}
			if err != nil {
				return nil, err
			}
			page := &providers.Page[T]{Harvest: harvest}
			if row != nil {
				page.Items = []*T{row}
			}
			return page, nil
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
