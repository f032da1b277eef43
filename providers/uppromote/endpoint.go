package uppromote

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// pageSize is the most rows that a page can have.
const pageSize = 100

// The defects of a reply that can be read and makes no sense.
var (
	errNoData   = errors.New("a reply without data")
	errNoList   = errors.New("a reply whose data is no list")
	errNoStatus = errors.New("a reply with neither data nor a status of success")
	errNoID     = errors.New("a record without an id")
	errAnother  = errors.New("another record than the one asked for")
	errUnread   = errors.New("not found, and rows of the list could not be read")
)

// get makes one read and opens the envelope. verify says what data lack that cannot be
// understood; success says whether the envelope tells of one, without which nothing is
// proven not to be there. That there is no such record counts only from an account that has
// answered a call: a 422 may as well be about the account. Else a ping decides.
func get[D any](ctx context.Context, p *provider, r rest.Request, verify func(data *D, success bool) error) (data D, _ oddities, _ error) {
	var a wire.Reply[envelope[D]]
	r.Into, r.Verify = &a, func() error {
		return verify(&a.Value.Data, a.Value.success())
	}
	if err := p.client.Get(ctx, r); err != nil {
		if len(r.NotFound) > 0 && notFound(err) && !p.client.Answered() {
			err = cmp.Or(p.Ping(ctx), err)
		}
		return data, nil, err
	}
	p.log.Odd(r.Op, a.Odd)
	return a.Value.Data, a.Odd, nil
}

// single is a read of one record.
func single(path string, n int64) rest.Request {
	return rest.Request{
		Op: "GET " + path + "/{id}", Path: path + "/" + decimal(n), NotFound: []int{http.StatusUnprocessableEntity},
	}
}

// isList wants a list.
func isList[W any](rows *wire.Rows[W], success bool) error {
	switch {
	case !rows.IsList():
		return errNoList
	case rows.Sent() == 0 && !success:
		return errNoStatus
	}
	return nil
}

// isRecord wants a record, or what says that there is none.
func isRecord[W any](rows *wire.Rows[W], success bool) error {
	if len(rows.All) == 0 && !(isNone(rows) && success) {
		return errNoData
	}
	return nil
}

// isNone says whether data say that there is no such record.
func isNone[W any](rows *wire.Rows[W]) bool {
	return rows.Form == wire.FormNull || rows.Form == wire.FormArray && rows.Sent() == 0
}

// bad is the error of a reply that cannot be understood.
func (p *provider) bad(op string, err error) error {
	return p.client.BadReply(op, err)
}

// reply is an answer that is being converted.
type reply struct {
	*provider
	at      time.Time         // when it came
	harvest providers.Harvest // what it carries besides what was asked for
	stubs   map[providers.ID]*providers.Fields
	list    *wire.Extent // of the list that it is a page of; nil for a single record
}

func (p *provider) reply() *reply {
	return &reply{provider: p, at: p.config.Now(), stubs: map[providers.ID]*providers.Fields{}}
}

// node is the shared part of a record.
func (r *reply) node(id providers.ID, providerID string, created time.Time, known *providers.Fields) providers.Node {
	return providers.Node{ID: id, ProviderID: providerID, CreatedAt: moment(created), FetchedAt: r.at, Known: known}
}

// numbered is the shared part of a record that has a number.
func (r *reply) numbered(noun providers.Noun, n int64, created time.Time, known *providers.Fields) providers.Node {
	return r.node(r.id(noun, n), decimal(n), created, known)
}

// stub says whether a stub of this record is to be harvested: not if the reply had one that
// knows as much.
func (r *reply) stub(id providers.ID, known *providers.Fields) bool {
	if before, ok := r.stubs[id]; id.IsZero() || ok && before.CoversAll(known) {
		return false
	}
	r.stubs[id] = known
	return true
}

// endpoint is one of the vendor's lists: its rows W, and what they mean, T. convert answers
// a record without an id for a row that cannot be told from others.
type endpoint[W any, T providers.Record] struct {
	noun    providers.Noun
	path    string
	convert func(*reply, *W) *T
	core    *wire.Core // of what every row of the list has
}

// paged is a read of one page.
func paged(path string, query url.Values, n int) rest.Request {
	q := url.Values{"page": {strconv.Itoa(n)}, "per_page": {strconv.Itoa(pageSize)}}
	maps.Copy(q, query)
	return rest.Request{Op: "GET " + path, Path: path, Query: q, Later: n > 1}
}

// page reads one page of the list that query narrows.
func (e endpoint[W, T]) page(ctx context.Context, p *provider, query url.Values, r providers.PageRequest) (*providers.Page[T], error) {
	return wire.Proven(ctx, p.extents[e.path], r, func(n int) (*providers.Page[T], int, error) {
		rows, _, err := get(ctx, p, paged(e.path, query, n), isList[W])
		if err != nil {
			return nil, 0, err
		}
		return e.converted(ctx, p, &rows, query, n), rows.Sent(), nil
	})
}

// converted is a page of the list that query narrows.
func (e endpoint[W, T]) converted(ctx context.Context, p *provider, rows *wire.Rows[W], query url.Values, n int) *providers.Page[T] {
	op, r, extent := "GET "+e.path, p.reply(), p.extents[e.path]
	r.list = extent
	page := wire.PageOf(rows, func(w *W) *T { return wire.Narrow(e.core, extent, w, e.convert(r, w)) })
	page.Harvest = r.harvest
	page.More = extent.More(ctx, rows.Sent())
	if len(query) == 0 {
		extent.Saw(n, rows.Sent(), page.More)
	}
	p.log.Unread(op, page.Unread)
	p.log.Page(op, rows.Sent(), pageSize)
	return page
}

// read reads a single record by the vendor's number; nil where there is none.
func (e endpoint[W, T]) read(
	ctx context.Context,
	p *provider,
	path string,
	id providers.ID,
	n int64,
) (*T, providers.Harvest, oddities, error) {
	r := p.reply()
	var row *T
	_, odd, err := get(ctx, p, single(path, n), func(rows *wire.Rows[W], success bool) error {
		if err := isRecord(rows, success); err != nil || isNone(rows) {
			return err
		}
		row = wire.Alone(e.core, p.extents[e.path], &rows.All[0], e.convert(r, &rows.All[0]))
		switch got := providers.NodeOf(row).ID; {
		case got.IsZero():
			return errNoID
		case got != id:
			return errAnother
		}
		return nil
	})
	switch {
	case err != nil && notFound(err):
		return nil, providers.Harvest{}, nil, nil
	case err != nil:
		return nil, providers.Harvest{}, nil, err
	}
	return row, r.harvest, odd, nil
}

// one is read for what does not look at oddities.
func (e endpoint[W, T]) one(ctx context.Context, p *provider, path string, id providers.ID, n int64) (*T, providers.Harvest, error) {
	row, harvest, _, err := e.read(ctx, p, path, id, n)
	return row, harvest, err
}

// byIDs reads records by their numbers: one by one, or by walking the list where it is
// known to be short. With probe a list of unknown length is tried, too: the newest are
// probably wanted.
func (e endpoint[W, T]) byIDs(
	ctx context.Context,
	p *provider,
	ids []providers.ID,
	probe bool,
	enough func(*T) bool,
) (*providers.Batch[T], error) {
	return e.gather(ctx, p, p.own(e.noun, ids), probe, func(ctx context.Context, id providers.ID) (*T, providers.Harvest, error) {
		n, _ := number(id.Local)
		return e.one(ctx, p, e.path, id, n)
	}, enough)
}

// covers says whether a record tells what is needed.
func covers[T providers.Record](need []string) func(*T) bool {
	return func(row *T) bool { return providers.NodeOf(row).Known.Covers(need...) }
}

// gather reads records by ids that are known to be of this list.
func (e endpoint[W, T]) gather(
	ctx context.Context,
	p *provider,
	ids []providers.ID,
	probe bool,
	one func(context.Context, providers.ID) (*T, providers.Harvest, error),
	enough func(*T) bool,
) (*providers.Batch[T], error) {
	extent := p.extents[e.path]
	return providers.Gather(ctx, ids, extent.PageSize(pageSize), extent.Pages(), probe,
		func(ctx context.Context, n int) (*providers.Page[T], error) {
			return e.page(ctx, p, nil, providers.PageRequest{Number: n})
		}, one, enough)
}

// every reads the rows of a list to its end. It fails there if rows could not be read: what
// is not among the others may be one of these.
func every[T providers.Record](ctx context.Context, p *provider, l providers.List[T]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		unread := 0
		for page, err := range providers.Pages(ctx, l, p, 0) {
			if err != nil {
				yield(nil, err)
				return
			}
			unread += page.Unread
			for _, row := range page.Items {
				if !yield(row, nil) {
					return
				}
			}
		}
		if unread > 0 {
			yield(nil, p.bad("GET /"+l.Key, errUnread))
		}
	}
}

// search reads a list until all of these are found, or to its end.
func search[T providers.Record](ctx context.Context, p *provider, l providers.List[T], ids []providers.ID) (*providers.Batch[T], error) {
	open := make(map[providers.ID]bool, len(ids))
	for _, id := range ids {
		open[id] = true
	}
	b := &providers.Batch[T]{Found: make(map[providers.ID]*T, len(ids)), Failed: map[providers.ID]error{}}
	if len(open) == 0 {
		return b, nil
	}
	unread := 0
	for page, err := range providers.Pages(ctx, l, p, 0) {
		if err != nil {
			return nil, err
		}
		unread += page.Unread
		b.Harvest.Add(page.Harvest)
		for _, row := range page.Items {
			if id := providers.NodeOf(row).ID; open[id] {
				delete(open, id)
				b.Found[id] = row
			} else {
				b.Harvest.Add(providers.HarvestOf(row))
			}
		}
		if len(open) == 0 {
			break
		}
	}
	for id := range open {
		if unread > 0 {
			b.Failed[id] = p.bad("GET /"+l.Key, errUnread)
		}
	}
	return b, nil
}

// id is the id of a record by the vendor's number; the zero ID for none.
func (p *provider) id(noun providers.Noun, n int64) providers.ID {
	return wire.NumberID(p.config.Account, noun, n)
}

func (p *provider) local(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: p.config.Account, Noun: noun, Local: local}
}

// own are those ids that are numbers of this account and noun, each once.
func (p *provider) own(noun providers.Noun, ids []providers.ID) []providers.ID {
	return wire.Numbered(p.config.Account, noun, ids)
}

// joined takes apart the ids of this account and noun that are made of two parts, the first
// of them a word or a number, in their order; others are left out.
func (p *provider) joined(id providers.ID, noun providers.Noun) (first, second string, ok bool) {
	parts, ok := providers.SplitLocal(id.Local, 2)
	if !ok || id != p.local(noun, providers.JoinLocal(parts...)) {
		return "", "", false
	}
	return parts[0], parts[1], true
}

func decimal(n int64) string { return wire.Decimal(n) }

// number reads a record's number as [decimal] writes it.
func number(s string) (int64, bool) { return wire.Number(s) }
