package uppromote

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
)

// pageSize is the most rows that a page can have.
const pageSize = 100

// The defects of a reply that can be read and makes no sense.
var (
	errNoData  = errors.New("a reply without data")
	errNoID    = errors.New("a record without an id")
	errAnother = errors.New("another record than the one asked for")
)

// get makes one read and opens the envelope.
func get[W any](ctx context.Context, p *provider, op, path string, query url.Values) ([]W, error) {
	var a answer[W]
	r := rest.Request{Op: "GET " + op, Path: path, Query: query, Into: &a}
	if strings.HasSuffix(op, "/{id}") {
		r.NotFound = []int{http.StatusUnprocessableEntity}
	}
	if err := p.client.Get(ctx, r); err != nil {
		return nil, err
	}
	if err := p.contradiction(r.Op, a.Status, a.wireError); err != nil {
		return nil, err
	}
	if !a.Data.sent {
		return nil, p.bad(r.Op, errNoData)
	}
	return a.Data.all, nil
}

// contradiction is the error of an envelope that tells of a failure, though the reply's status does not.
func (p *provider) contradiction(op string, said text, w wireError) error {
	status, err := strconv.Atoi(string(said))
	if err != nil || kind(status) == "" {
		return nil
	}
	e := w.fault()
	e.Account, e.Provider, e.Op, e.Status, e.Kind = p.config.Account, name, op, status, kind(status)
	return e
}

// bad is the error of a reply that cannot be understood.
func (p *provider) bad(op string, err error) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: op, Kind: providers.KindBadReply, Err: err}
}

// reply is an answer that is being converted.
type reply struct {
	*provider
	at      time.Time         // when it came
	harvest providers.Harvest // what it carries besides what was asked for
	stubs   map[providers.ID]bool
	err     error // the first thing in it that makes no sense
}

func (p *provider) reply() *reply {
	return &reply{provider: p, at: p.config.Now(), stubs: map[providers.ID]bool{}}
}

// fail keeps the first defect.
func (r *reply) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// node is the shared part of a record. A record without an id makes no sense.
func (r *reply) node(id providers.ID, providerID string, created instant, known *providers.Fields) providers.Node {
	if id.IsZero() {
		r.fail(errNoID)
	}
	return providers.Node{ID: id, ProviderID: providerID, CreatedAt: created.known(), FetchedAt: r.at, Known: known}
}

// numbered is the shared part of a record that has a number.
func (r *reply) numbered(noun providers.Noun, n integer, created instant, known *providers.Fields) providers.Node {
	return r.node(r.id(noun, n), decimal(n), created, known)
}

// stub says whether a stub of this record is still to be harvested: once a reply is enough.
func (r *reply) stub(id providers.ID) bool {
	if id.IsZero() || r.stubs[id] {
		return false
	}
	r.stubs[id] = true
	return true
}

// length is how many pages a list had when it was last read to its end.
type length struct{ n atomic.Int64 }

// pages is that number; -1 where it is not known.
func (l *length) pages() int { return int(l.n.Load()) - 1 }

func (l *length) learn(pages int) { l.n.Store(int64(pages) + 1) }

// endpoint is one of the vendor's lists: its rows W, and what they mean, T. convert answers nil for a row that does
// not hold one.
type endpoint[W any, T providers.Record] struct {
	noun    providers.Noun
	path    string
	convert func(*reply, *W) *T
}

// page reads one page of the list that query narrows.
func (e endpoint[W, T]) page(ctx context.Context, p *provider, query url.Values, n int) (*providers.Page[T], error) {
	q := url.Values{"page": {strconv.Itoa(n)}, "per_page": {strconv.Itoa(pageSize)}}
	maps.Copy(q, query)
	sent, err := get[W](ctx, p, e.path, e.path, q)
	if err != nil {
		return nil, err
	}
	if len(query) == 0 && len(sent) < pageSize && (len(sent) > 0 || n == 1) {
		p.lengths[e.path].learn(n)
	}
	r := p.reply()
	items := make([]*T, 0, len(sent))
	for i := range sent {
		if row := e.convert(r, &sent[i]); row != nil {
			items = append(items, row)
		}
	}
	if r.err != nil {
		return nil, p.bad("GET "+e.path, r.err)
	}
	return &providers.Page[T]{Items: items, More: len(sent) >= pageSize, Harvest: r.harvest}, nil
}

// one reads a single record by the vendor's number; nil where there is none.
func (e endpoint[W, T]) one(ctx context.Context, p *provider, path string, id providers.ID, n integer) (*T, providers.Harvest, error) {
	op := path + "/{id}"
	sent, err := get[W](ctx, p, op, path+"/"+decimal(n), nil)
	if err != nil && notFound(err) || err == nil && len(sent) == 0 {
		return nil, providers.Harvest{}, nil
	}
	if err != nil {
		return nil, providers.Harvest{}, err
	}
	r := p.reply()
	row := e.convert(r, &sent[0])
	if row != nil && r.err == nil && providers.NodeOf(row).ID != id {
		r.fail(errAnother)
	}
	if r.err != nil {
		return nil, providers.Harvest{}, p.bad("GET "+op, r.err)
	}
	return row, r.harvest, nil
}

// byIDs reads records by their numbers: one by one, or by walking the list where it is known to be short. With probe
// a list of unknown length is tried, too: the newest are probably wanted.
func (e endpoint[W, T]) byIDs(ctx context.Context, p *provider, ids []providers.ID, probe bool) (*providers.Batch[T], error) {
	return e.gather(ctx, p, p.own(e.noun, ids), probe, func(ctx context.Context, id providers.ID) (*T, providers.Harvest, error) {
		n, _ := number(id.Local)
		return e.one(ctx, p, e.path, id, n)
	})
}

// gather reads records by ids that are known to be of this list.
func (e endpoint[W, T]) gather(ctx context.Context, p *provider, ids []providers.ID, probe bool, one func(context.Context, providers.ID) (*T, providers.Harvest, error)) (*providers.Batch[T], error) {
	return providers.Gather(ctx, ids, pageSize, p.lengths[e.path].pages(), probe,
		func(ctx context.Context, n int) (*providers.Page[T], error) { return e.page(ctx, p, nil, n) }, one)
}

// search reads a list until all of these are found, or to its end.
func search[T providers.Record](ctx context.Context, p *provider, l providers.List[T], ids []providers.ID) (*providers.Batch[T], error) {
	open := make(map[providers.ID]bool, len(ids))
	for _, id := range ids {
		open[id] = true
	}
	b := &providers.Batch[T]{Found: make(map[providers.ID]*T, len(ids))}
	for n, more := 1, true; more && len(open) > 0; n++ {
		page, err := l.Page(ctx, providers.PageRequest{Number: n, Reader: p})
		if err != nil {
			return nil, err
		}
		more = page.More
		b.Harvest.Add(page.Harvest)
		for _, row := range page.Items {
			if id := providers.NodeOf(row).ID; open[id] {
				delete(open, id)
				b.Found[id] = row
			} else {
				b.Harvest.Add(providers.HarvestOf(row))
			}
		}
	}
	return b, nil
}

// id is the id of a record by the vendor's number; the zero ID for none.
func (p *provider) id(noun providers.Noun, n integer) providers.ID {
	if n <= 0 {
		return providers.ID{}
	}
	return p.local(noun, decimal(n))
}

func (p *provider) local(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: p.config.Account, Noun: noun, Local: local}
}

// own are those ids that are numbers of this account and noun, each once.
func (p *provider) own(noun providers.Noun, ids []providers.ID) []providers.ID {
	var own []providers.ID
	seen := make(map[providers.ID]bool, len(ids))
	for _, id := range ids {
		if n, ok := number(id.Local); ok && id == p.id(noun, n) && !seen[id] {
			seen[id] = true
			own = append(own, id)
		}
	}
	return own
}

// joined takes apart the ids of this account and noun that are made of two parts, the first of them a word or a
// number, in their order; others are left out.
func (p *provider) joined(id providers.ID, noun providers.Noun) (first, second string, ok bool) {
	parts, ok := providers.SplitLocal(id.Local, 2)
	if !ok || id != p.local(noun, providers.JoinLocal(parts...)) {
		return "", "", false
	}
	return parts[0], parts[1], true
}

func decimal(n integer) string { return strconv.FormatInt(int64(n), 10) }

// number reads a record's number as [decimal] writes it.
func number(s string) (integer, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return integer(n), err == nil && n > 0 && s == decimal(integer(n))
}
