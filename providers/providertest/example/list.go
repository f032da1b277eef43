package example

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strconv"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// pageSize is the most rows that a page can have.
const pageSize = 100

// The defects of a reply that can be read and makes no sense.
var (
	errNoList  = errors.New("a reply whose data is no list")
	errNoData  = errors.New("a reply without data")
	errAnother = errors.New("another record than the one asked for")
)

// page is the envelope of a list.
type page[W any] struct {
	Data  wire.Rows[W] `json:"data"`
	Total *int64       `json:"total"`
}

// record is the envelope of a single record.
type record[W any] struct {
	Data *W `json:"data"`
}

// endpoint is one of the vendor's lists: its rows W, and what they mean, T. convert answers
// a record without an id for a row that names none.
type endpoint[W any, T providers.Record] struct {
	noun    providers.Noun
	path    string
	core    *wire.Core // what every row has
	convert func(*provider, *W) *T
}

// rows reads one page. query narrows the list.
func (e endpoint[W, T]) rows(ctx context.Context, p *provider, query url.Values, number int) (*page[W], error) {
	paged := url.Values{"page": {strconv.Itoa(number)}, "per_page": {strconv.Itoa(pageSize)}}
	maps.Copy(paged, query)
	var reply wire.Reply[page[W]]
	r := rest.Request{Op: "GET " + e.path, Path: e.path, Query: paged, Later: number > 1, Into: &reply, Verify: func() error {
		if !reply.Value.Data.IsList() {
			return errNoList
		}
		return nil
	}}
	if err := p.client.Get(ctx, r); err != nil {
		return nil, err
	}
	p.log.Odd(r.Op, reply.Odd)
	return &reply.Value, nil
}

// page reads one page of the list that query narrows.
func (e endpoint[W, T]) page(ctx context.Context, p *provider, query url.Values, r providers.PageRequest) (*providers.Page[T], error) {
	return wire.Proven(ctx, p.extents[e.noun], r, func(number int) (*providers.Page[T], int, error) {
		return e.counted(ctx, p, query, number)
	})
}

// counted reads one page and converts it. It also says how many rows came.
func (e endpoint[W, T]) counted(ctx context.Context, p *provider, query url.Values, number int) (*providers.Page[T], int, error) {
	reply, err := e.rows(ctx, p, query, number)
	if err != nil {
		return nil, 0, err
	}
	op, sent, extent := "GET "+e.path, reply.Data.Sent(), p.extents[e.noun]
	read := wire.PageOf(&reply.Data, func(w *W) *T { return wire.Narrow(e.core, extent, w, e.convert(p, w)) })
	read.More = extent.More(ctx, sent) // and not by the total, which may be wrong
	if reply.Total != nil && *reply.Total >= int64(sent) {
		read.Total = reply.Total
	}
	if len(query) == 0 {
		extent.Saw(number, sent, read.More)
	}
	p.log.Unread(op, read.Unread)
	p.log.Page(op, sent, pageSize)
	return read, sent, nil
}

// one reads a single record; nil where there is none.
func (e endpoint[W, T]) one(ctx context.Context, p *provider, id providers.ID) (*T, providers.Harvest, error) {
	var (
		reply wire.Reply[record[W]]
		row   *T
	)
	r := rest.Request{Op: "GET " + e.path + "/{id}", Path: e.path + "/" + id.Local, Into: &reply, Verify: func() error {
		if reply.Value.Data == nil {
			return errNoData
		}
		row = e.convert(p, reply.Value.Data)
		if providers.NodeOf(row).ID != id {
			return errAnother
		}
		return nil
	}}
	switch err := p.client.Get(ctx, r); {
	case err != nil && providers.KindOf(err) == providers.KindNotFound:
		return nil, providers.Harvest{}, nil
	case err != nil:
		return nil, providers.Harvest{}, err
	}
	p.log.Odd(r.Op, reply.Odd)
	return wire.Alone(e.core, p.extents[e.noun], reply.Value.Data, row), providers.Harvest{}, nil
}

// byID reads records one by one, or by walking the list, whichever takes fewer calls.
func (e endpoint[W, T]) byID(ctx context.Context, p *provider, ids []providers.ID, need []string) (*providers.Batch[T], error) {
	extent := p.extents[e.noun]
	return providers.Gather(ctx, wire.Numbered(p.config.Account, e.noun, ids), extent.PageSize(pageSize), extent.Pages(), true,
		func(ctx context.Context, number int) (*providers.Page[T], error) {
			return e.page(ctx, p, nil, providers.PageRequest{Number: number})
		},
		func(ctx context.Context, id providers.ID) (*T, providers.Harvest, error) { return e.one(ctx, p, id) },
		func(row *T) bool { return providers.NodeOf(row).Known.Covers(need...) })
}

// list is the list that query narrows. exact says that nothing else was asked for.
func (e endpoint[W, T]) list(p *provider, query url.Values, exact bool) providers.List[T] {
	return providers.List[T]{
		Key:   wire.ListKey(e.path, query),
		Exact: exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			return e.page(ctx, p, query, r)
		},
	}
}
