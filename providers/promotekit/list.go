package promotekit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// pageSize is the most rows that the vendor gives at once.
const pageSize = 100

// errNoEnvelope is a reply of status 2xx that is not what the vendor's reference promises.
var errNoEnvelope = errors.New("the reply is no success with data")

var errOtherRecord = errors.New("the reply is another record than the one that was asked for")

var errNoID = errors.New("the record has no usable id")

func (p *provider) badReply(op string, err error) error {
	return p.rest.BadReply(op, err)
}

// more says whether another page may follow this one: if any of the reply's signs says so.
// The end is proven by a sign that says it while none says otherwise, and without any by
// the rule of [wire.Extent]. An empty page is not the end where a sign says that the list
// goes on; the number of pages alone does not say so when the rows of the pages before it
// are all that the vendor counts.
func (r *rows[W]) more(ctx context.Context, e *wire.Extent, number int) bool {
	guess := e.More(ctx, r.Data.Sent()) // always: it notes the page
	signs := r.signs(e, number)
	if len(signs) == 0 {
		return guess
	}
	goesOn := slices.ContainsFunc(signs, func(s *bool) bool { return *s })
	if goesOn {
		e.Follows(r.Data.Sent())
	}
	return goesOn
}

// signs are what the reply says of whether another page follows; none where that is nothing.
func (r *rows[W]) signs(e *wire.Extent, number int) []*bool {
	sent, signs := r.Data.Sent(), []*bool{r.HasMore}
	if p := r.Pagination; p != nil {
		signs = append(signs, p.HasMore, p.byCount(number, sent, e.PageSize(pageSize)))
		if sent > 0 || !isFalse(signs[2]) {
			signs = append(signs, p.byPages(number, sent))
		}
	}
	signs = slices.DeleteFunc(signs, func(s *bool) bool { return s == nil })
	if len(signs) > 0 && r.countsPage(number) {
		return nil
	}
	return signs
}

// countsPage says whether the totals may be those of the page instead of the list: nothing
// else tells that a full first page is the last one, and they are those of this page.
func (r *rows[W]) countsPage(number int) bool {
	p, sent := r.Pagination, int64(r.Data.Sent())
	return number == 1 && sent >= pageSize && r.HasMore == nil && p.HasMore == nil &&
		(p.TotalCount == nil || *p.TotalCount == sent) && (p.TotalPages == nil || *p.TotalPages == 1)
}

// byPages is what the number of pages says; nil for nothing, or for what cannot be so.
func (p *pagination) byPages(number, sent int) *bool {
	if p.TotalPages == nil || *p.TotalPages < 0 || int64(number) > *p.TotalPages && sent > 0 {
		return nil
	}
	return new(int64(number) < *p.TotalPages)
}

// byCount is what the number of rows says; nil for nothing, or for what cannot be so. A
// vendor may give fewer rows a page than it says: where that decides, the count says
// nothing.
func (p *pagination) byCount(number, sent, most int) *bool {
	if p.TotalCount == nil {
		return nil
	}
	limit := pageSize
	if p.Limit != nil && *p.Limit > 0 && *p.Limit < pageSize {
		limit = int(*p.Limit)
	}
	atMost, atLeast := (number-1)*max(limit, most)+sent, (number-1)*most+sent
	switch total := *p.TotalCount; {
	case total > int64(atMost):
		return new(true)
	case total == int64(atLeast), sent == 0 && total < int64(atLeast):
		return new(false)
	}
	return nil // fewer than were read, or nobody knows
}

func isFalse(sign *bool) bool { return sign != nil && !*sign }

// gap says whether the page is an empty one before the last, by the number of pages while
// no other sign says that the list has ended. Of other empty pages, [providers.MaxEmpty]
// end the list.
func (r *rows[W]) gap(e *wire.Extent, number int) bool {
	if r.Data.Sent() > 0 || r.Pagination == nil {
		return false
	}
	pages, count := r.Pagination.byPages(number, 0), r.Pagination.byCount(number, 0, e.PageSize(pageSize))
	return pages != nil && *pages && !isFalse(count) && !isFalse(r.HasMore) && !isFalse(r.Pagination.HasMore)
}

// total is how many rows the list has; nil where it was not said, or cannot be so.
func (r *rows[W]) total() *int64 {
	if r.Pagination == nil || r.Pagination.TotalCount == nil || *r.Pagination.TotalCount < int64(r.Data.Sent()) {
		return nil
	}
	return r.Pagination.TotalCount
}

// learn notes how long the whole list is, given a page of it.
func (r *rows[W]) learn(e *wire.Extent, number int, more bool) {
	sent := r.Data.Sent()
	if sent == 0 && more {
		return // a gap, not the end
	}
	if total := r.total(); total != nil && more {
		e.SetPages(max(int((*total+int64(sent)-1)/int64(sent)), number+1)) // no page but the last is shorter
	}
	e.Saw(number, sent, more)
}

// readRows reads one page of the list at path. Only an array is a list; null, and an empty
// object in an envelope, is one without rows. That there are no rows counts only where the
// envelope says that the call succeeded.
func readRows[W any](ctx context.Context, p *provider, path string, query url.Values, number, limit int) (*rows[W], error) {
	sized := with(with(query, "limit", strconv.Itoa(limit)), "page", strconv.Itoa(number))
	reply := new(wire.Reply[rows[W]])
	r := rest.Request{Op: "GET " + path, Path: path, Query: sized, Later: number > 1, Into: reply, Verify: func() error {
		got := &reply.Value
		succeeded := got.Success != nil && *got.Success
		if !got.Data.IsList() && got.Data.Form != wire.FormNull || got.Data.Sent() == 0 && !succeeded {
			return errNoEnvelope
		}
		return nil
	}}
	if err := p.rest.Get(ctx, r); err != nil {
		return nil, err
	}
	p.log.Odd(r.Op, reply.Odd)
	return &reply.Value, nil
}

// readPage reads one page of the list of a noun. The length of a list that nothing narrows
// is remembered.
func readPage[W wire.Identified, T providers.Record](
	ctx context.Context,
	p *provider,
	noun providers.Noun,
	path string,
	query url.Values,
	r providers.PageRequest,
	convert func(*reply, *W) *T,
) (*providers.Page[T], error) {
	return wire.Proven(ctx, p.extents[noun], r, func(number int) (*providers.Page[T], int, error) {
		body, err := readRows[W](ctx, p, path, query, number, pageSize)
		if err != nil {
			return nil, 0, err
		}
		page, sent := pageOf(ctx, p, noun, path, query, number, body, convert), body.Data.Sent()
		if number == 1 && len(body.signs(p.extents[noun], number)) > 0 {
			sent = 0
		}
		return page, sent, nil
	})
}

// pageOf is the page that a reply is.
func pageOf[W wire.Identified, T providers.Record](
	ctx context.Context,
	p *provider,
	noun providers.Noun,
	path string,
	query url.Values,
	number int,
	body *rows[W],
	convert func(*reply, *W) *T,
) *providers.Page[T] {
	r, e := p.reply(), p.extents[noun]
	r.list = e
	page := wire.PageOf(&body.Data, func(w *W) *T { return wire.Narrow(core[noun], e, w, convert(r, w)) })
	page.More, page.Total, page.Harvest = body.more(ctx, e, number), body.total(), p.finish(r)
	if body.gap(e, number) {
		page.Mark = 0 // so that any number of empty pages may follow each other
	}
	p.log.Unread("GET "+path, page.Unread)
	p.log.Page("GET "+path, body.Data.Sent(), pageSize)
	if len(query) == 0 {
		body.learn(e, number, page.More)
	}
	return page
}

// walk reads the list at path to its end and shows each page's rows as they came, until see is
// false. ended says that the end is proven: a page that repeats the one before ends a walk, too.
func walk[W wire.Identified, T providers.Record](
	ctx context.Context,
	p *provider,
	noun providers.Noun,
	path string,
	query url.Values,
	convert func(*reply, *W) *T,
	see func(*rows[W]) bool,
) (ended bool, err error) {
	goesOn := true
	list := at(path, query, false, func(ctx context.Context, query url.Values, r providers.PageRequest) (*providers.Page[T], error) {
		body, err := readRows[W](ctx, p, path, query, r.Number, pageSize)
		if err != nil {
			return nil, err
		}
		goesOn = see(body)
		return pageOf(ctx, p, noun, path, query, r.Number, body, convert), nil
	})
	for page, err := range providers.Pages(ctx, list, p, 0) {
		if err != nil || !goesOn {
			return false, err
		}
		ended = !page.More
	}
	return ended, nil
}

// idOf is the id of a record's object, or of its JSON; "" for none that can be used.
func idOf[W any](w W) string {
	switch w := any(w).(type) {
	case wire.Identified:
		return w.WireID()
	case json.RawMessage:
		var head record
		if _, err := wire.Decode(w, &head); err == nil {
			return head.WireID()
		}
	}
	return ""
}

// readOne reads one record below path; it is nil where there is none. Neither a record
// without a usable id nor another one can be understood.
func readOne[W any](ctx context.Context, p *provider, path, uuid string) (*W, error) {
	op := "GET " + path + "/{id}"
	reply := new(wire.Reply[single[W]])
	err := p.rest.Get(ctx, rest.Request{Op: op, Path: path + "/" + uuid, Into: reply, Verify: func() error {
		w := reply.Value.Data
		if w == nil {
			return errNoEnvelope
		}
		switch idOf(*w) {
		case uuid:
			return nil
		case "":
			return errNoID
		}
		return errOtherRecord
	}})
	switch {
	case err != nil && providers.KindOf(err) == providers.KindNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	p.log.Odd(op, reply.Odd)
	return reply.Value.Data, nil
}

// readRecord reads one record of a noun and what it brings along.
func readRecord[W wire.Identified, T providers.Record](
	ctx context.Context, p *provider, noun providers.Noun, path, uuid string, convert func(*reply, *W) *T,
) (*T, providers.Harvest, error) {
	w, err := readOne[W](ctx, p, path, uuid)
	if w == nil || err != nil {
		return nil, providers.Harvest{}, err
	}
	r := p.reply()
	row := wire.Alone(core[noun], p.extents[noun], w, convert(r, w))
	return row, p.finish(r), nil
}

// lister reads one page of a list that query narrows.
type lister[T providers.Record] func(ctx context.Context, query url.Values, r providers.PageRequest) (*providers.Page[T], error)

// byID reads records by their ids, one by one or by a walk, whichever is fewer calls. enough says
// whether a row of the list tells what is needed.
func byID[T providers.Record](
	ctx context.Context, p *provider, noun providers.Noun, ids []providers.ID, list lister[T],
	one func(ctx context.Context, uuid string) (*T, providers.Harvest, error), enough func(*T) bool,
) (*providers.Batch[T], error) {
	e := p.extents[noun]
	return providers.Gather(ctx, p.mine(noun, ids), e.PageSize(pageSize), e.Pages(), true,
		func(ctx context.Context, number int) (*providers.Page[T], error) {
			return list(ctx, nil, providers.PageRequest{Number: number})
		},
		func(ctx context.Context, id providers.ID) (*T, providers.Harvest, error) { return one(ctx, id.Local) }, enough)
}

// at is the list at path that query narrows.
func at[T providers.Record](path string, query url.Values, exact bool, list lister[T]) providers.List[T] {
	return providers.List[T]{
		Key:   listKey(path, query),
		Exact: exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			return list(ctx, query, r)
		},
	}
}

// hasEmail says whether a row has an e-mail address. The vendor may find rows whose address only
// begins with it.
func hasEmail[T providers.Record](row *T, address string) bool {
	switch row := any(row).(type) {
	case *providers.Affiliate:
		return row.Email == nil || providers.EqualEmail(*row.Email, address)
	case *providers.Referral:
		return row.Email == nil || providers.EqualEmail(*row.Email, address)
	}
	return true
}

// addressed is the list at path of the rows with the e-mail address in query. The vendor
// may compare addresses exactly: it is asked for the spelling that was typed and for the
// lower case. Rows with other addresses are left out.
func addressed[T providers.Record](path string, query url.Values, exact bool, list lister[T]) providers.List[T] {
	address := query.Get(emailParameter)
	l := at(path, url.Values{emailParameter: providers.EmailSpellings(address)[:1]}, exact, list)
	l.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
		return wire.Spelled(address, func(spelling string) (*providers.Page[T], error) {
			page, err := list(ctx, url.Values{emailParameter: {spelling}}, r)
			if err == nil {
				page.Items = slices.DeleteFunc(page.Items, func(row *T) bool { return !hasEmail(row, spelling) })
			}
			return page, err
		})
	}
	return l
}

// forEach is one list for each value of a parameter that takes only one, each within the
// list that nothing narrows; without values it is the one list that query alone narrows.
func forEach[T providers.Record](
	path string, query url.Values, param string, values []string, exact bool, list lister[T],
) []providers.List[T] {
	if len(values) == 0 {
		return []providers.List[T]{at(path, query, exact, list)}
	}
	all := at(path, nil, false, list)
	lists := make([]providers.List[T], len(values))
	for i, v := range values {
		lists[i] = at(path, with(query, param, v), exact && len(query) == 0, list)
		lists[i].Within = &all
	}
	return lists
}

// listKey names a list by what is sent. Private values are hashed: the key must tell them
// apart, not tell them.
func listKey(path string, query url.Values) string {
	q := url.Values{}
	for name, values := range query {
		for _, v := range values {
			if slices.Contains(private, name) {
				v = digest(v)
			}
			q.Add(name, v)
		}
	}
	return wire.ListKey(path, q)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// derived is a list whose rows are parts of the rows of another. parts answers nil where
// they could not be read, which counts as one row. each says that every row has exactly one
// part.
func derived[T, U providers.Record](l providers.List[T], each bool, parts func(*T) []*U) providers.List[U] {
	d := providers.List[U]{
		Key:   l.Key,
		Exact: l.Exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[U], error) {
			page, err := l.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			return partsOf(page, each, parts), nil
		},
	}
	if l.Within != nil {
		d.Within = new(derived(*l.Within, each, parts))
	}
	return d
}

func partsOf[T, U providers.Record](page *providers.Page[T], each bool, parts func(*T) []*U) *providers.Page[U] {
	out := &providers.Page[U]{More: page.More, Unread: page.Unread, Mark: page.Mark, Harvest: page.Harvest}
	if each {
		out.Total = page.Total
	}
	for _, row := range page.Items {
		found := parts(row)
		if found == nil {
			out.Unread++
		}
		out.Items = append(out.Items, found...)
		out.Harvest.Add(providers.HarvestOf(row))
	}
	return out
}

// ofAffiliates are lists whose rows are parts of the affiliates of these ids, a page's worth of
// affiliates in each. They are read through the caller's Reader, newest first.
func ofAffiliates[U providers.Record](
	p *provider, uuids []string, exact bool, parts func(*providers.Affiliate) []*U,
) (lists []providers.List[U]) {
	for chunk := range slices.Chunk(uuids, pageSize) {
		key := strings.Join(chunk, ",")
		if len(chunk) > 1 {
			key = digest(key)
		}
		lists = append(lists, providers.List[U]{
			Key:   "affiliates/" + key,
			Exact: exact,
			Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[U], error) {
				page := new(providers.Page[providers.Affiliate])
				if r.Number == 1 {
					var err error
					if page, err = p.affiliates(ctx, r.Reader, chunk); err != nil {
						return nil, err
					}
				}
				return partsOf(page, false, parts), nil
			},
		})
	}
	return lists
}

// affiliates are those of these ids that there are, newest first. One that cannot be
// understood is counted as unread; one that cannot be reached fails all.
func (p *provider) affiliates(ctx context.Context, reader providers.Reader, uuids []string) (*providers.Page[providers.Affiliate], error) {
	ids := make([]providers.ID, len(uuids))
	for i, uuid := range uuids {
		ids[i] = p.id(providers.NounAffiliate, uuid)
	}
	batch, err := reader.AffiliatesByID(ctx, ids)
	if err == nil {
		err = unreadable(maps.Values(batch.Failed))
	}
	if err != nil {
		return nil, err
	}
	page := &providers.Page[providers.Affiliate]{Unread: len(batch.Failed)}
	for _, id := range ids {
		if a := batch.Found[id]; a != nil {
			page.Items = append(page.Items, a)
		}
	}
	newestFirst(page.Items)
	return page, nil
}

// newestFirst sorts rows as lists are sorted.
func newestFirst[T providers.Record](rows []*T) {
	slices.SortStableFunc(rows, func(a, b *T) int { return providers.NodeOf(b).Listed().Compare(providers.NodeOf(a).Listed()) })
}

// firstSet is the first parameter of these pairs of name and value that has a value, most
// selective first, as a query of its own; nil where none has. more says that others have
// one too: the reference does not say how filters combine, so the others are left to the
// reader of the rows.
func firstSet(pairs ...string) (query url.Values, more bool) {
	for i := 0; i < len(pairs); i += 2 {
		switch {
		case pairs[i+1] == "":
		case query == nil:
			query = url.Values{pairs[i]: {pairs[i+1]}}
		default:
			more = true
		}
	}
	return query, more
}
