package promotekit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
)

// pageSize is the most rows that the vendor gives at once.
const pageSize = 100

// single is the envelope of one record.
type single[W any] struct {
	Success bool `json:"success"`
	Data    *W   `json:"data"`
}

// rows is the envelope of a page.
type rows[W any] struct {
	Success    bool `json:"success"`
	Data       []W  `json:"data"`
	Pagination *struct {
		TotalCount *int64 `json:"total_count"`
		HasMore    bool   `json:"has_more"`
	} `json:"pagination"`
}

// more says whether a page may follow. An empty page is the end, whatever the vendor says of it.
func (r *rows[W]) more() bool {
	if r.Pagination == nil {
		return len(r.Data) >= pageSize
	}
	return r.Pagination.HasMore && len(r.Data) > 0
}

func (r *rows[W]) total() *int64 {
	if r.Pagination == nil || r.Pagination.TotalCount == nil || *r.Pagination.TotalCount < 0 {
		return nil
	}
	return r.Pagination.TotalCount
}

// record is what every record on the wire has.
type record struct {
	ID        string `json:"id"`
	CreatedAt moment `json:"created_at"`
}

func (r record) id() string { return r.ID }

type identified interface{ id() string }

// related is another record inside a record: whole, or its id alone. The zero value is null.
type related[W identified] struct {
	ID     string
	Record *W // nil where only the id was sent
}

// UnmarshalJSON reads an object, a string or null.
func (r *related[W]) UnmarshalJSON(b []byte) error {
	*r = related[W]{}
	if string(b) == "null" {
		return nil
	}
	if b[0] == '"' {
		return json.Unmarshal(b, &r.ID)
	}
	w := new(W)
	if err := json.Unmarshal(b, w); err != nil {
		return err
	}
	if (*w).id() == "" {
		return errors.New("a related record without an id")
	}
	r.ID, r.Record = (*w).id(), w
	return nil
}

// moment is a time on the wire; nil where it was null, "" or absent. Fractions of a second are not
// documented, and read where they occur.
type moment struct{ Time *time.Time }

// UnmarshalJSON reads RFC 3339.
func (m *moment) UnmarshalJSON(b []byte) error {
	*m = moment{}
	var s string
	if err := json.Unmarshal(b, &s); err != nil || s == "" {
		return err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return err
	}
	t = t.UTC()
	m.Time = &t
	return nil
}

// text is a string on the wire; nil where it was null, "" or absent.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// reply turns one reply's wire structs into records. Embedded records become its harvest, each once
// however many rows hold it.
type reply struct {
	account  string
	currency string
	at       time.Time
	seen     map[providers.ID]bool
	harvest  providers.Harvest
	bare     bool // a related record came as its id alone
}

func (p *provider) reply() *reply {
	return &reply{
		account:  p.config.Account,
		currency: p.config.Currency,
		at:       p.config.Now(),
		seen:     map[providers.ID]bool{},
	}
}

func (r *reply) id(noun providers.Noun, local string) providers.ID {
	return recordID(r.account, noun, local)
}

func (r *reply) node(noun providers.Noun, local string, w record) providers.Node {
	return providers.Node{ID: r.id(noun, local), ProviderID: w.ID, CreatedAt: w.CreatedAt.Time, FetchedAt: r.at}
}

// harvested adds to the harvest what it does not hold yet.
func harvested[T providers.Record](r *reply, row *T) {
	if id := providers.NodeOf(row).ID; !r.seen[id] {
		r.seen[id] = true
		r.harvest.Add(providers.HarvestOf(row))
	}
}

// embedded harvests the record that came inside another.
func embedded[W identified, T providers.Record](r *reply, w related[W], convert func(*reply, *W) *T) {
	if w.Record != nil {
		harvested(r, convert(r, w.Record))
	} else if w.ID != "" {
		r.bare = true
	}
}

// errNoEnvelope is a reply of status 2xx that is not what the vendor's reference promises.
var errNoEnvelope = errors.New("the reply is no success with data")

var errNoID = errors.New("a row has no id")

func (p *provider) badReply(op string, err error) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: op, Kind: providers.KindBadReply, Err: err}
}

// readRows reads one page of the list at path.
func readRows[W any](ctx context.Context, p *provider, path string, query url.Values, number, limit int) (*rows[W], error) {
	q := with(with(query, "limit", strconv.Itoa(limit)), "page", strconv.Itoa(number))
	body := new(rows[W])
	op := "GET " + path
	if err := p.rest.Get(ctx, rest.Request{Op: op, Path: path, Query: q, Into: body}); err != nil {
		return nil, err
	}
	if !body.Success {
		return nil, p.badReply(op, errNoEnvelope)
	}
	return body, nil
}

// readPage reads one page of the list of a noun. The length of a list that nothing narrows is remembered.
func readPage[W identified, T providers.Record](
	ctx context.Context, p *provider, noun providers.Noun, path string, query url.Values, number int, convert func(*reply, *W) *T,
) (*providers.Page[T], error) {
	body, err := readRows[W](ctx, p, path, query, number, pageSize)
	if err != nil {
		return nil, err
	}
	page := &providers.Page[T]{More: body.more(), Total: body.total(), Items: make([]*T, len(body.Data))}
	r := p.reply()
	for i := range body.Data {
		if body.Data[i].id() == "" {
			return nil, p.badReply("GET "+path, errNoID)
		}
		page.Items[i] = convert(r, &body.Data[i])
	}
	page.Harvest = p.finish(r)
	if page.Total != nil && len(query) == 0 {
		p.totals[noun].set(*page.Total)
	}
	return page, nil
}

// finish is what a reply carried along.
func (p *provider) finish(r *reply) providers.Harvest {
	if r.bare {
		p.bare.Store(true)
	}
	return r.harvest
}

// readOne reads one record below path; it is nil where there is none.
func readOne[W any](ctx context.Context, p *provider, path, uuid string) (*W, error) {
	op := "GET " + path + "/{id}"
	body := new(single[W])
	err := p.rest.Get(ctx, rest.Request{Op: op, Path: path + "/" + uuid, Into: body})
	switch {
	case err != nil && providers.KindOf(err) == providers.KindNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case !body.Success || body.Data == nil:
		return nil, p.badReply(op, errNoEnvelope)
	}
	return body.Data, nil
}

// readRecord reads one record and what it brings along.
func readRecord[W identified, T providers.Record](
	ctx context.Context, p *provider, path, uuid string, convert func(*reply, *W) *T,
) (*T, providers.Harvest, error) {
	w, err := readOne[W](ctx, p, path, uuid)
	if w == nil || err != nil {
		return nil, providers.Harvest{}, err
	}
	if (*w).id() != uuid { // another spelling of the id, which is no id of ours
		return nil, providers.Harvest{}, nil
	}
	r := p.reply()
	row := convert(r, w)
	return row, p.finish(r), nil
}

// lister reads one page of a list that query narrows.
type lister[T providers.Record] func(ctx context.Context, query url.Values, number int) (*providers.Page[T], error)

// byID reads records by their ids, one by one or by a walk, whichever is fewer calls.
func byID[T providers.Record](
	ctx context.Context, p *provider, noun providers.Noun, ids []providers.ID, list lister[T],
	one func(ctx context.Context, uuid string) (*T, providers.Harvest, error),
) (*providers.Batch[T], error) {
	return providers.Gather(ctx, p.mine(noun, ids), pageSize, p.totals[noun].pages(), true,
		func(ctx context.Context, number int) (*providers.Page[T], error) { return list(ctx, nil, number) },
		func(ctx context.Context, id providers.ID) (*T, providers.Harvest, error) { return one(ctx, id.Local) })
}

// at is the list at path that query narrows.
func at[T providers.Record](path string, query url.Values, exact bool, list lister[T]) providers.List[T] {
	return providers.List[T]{
		Key:   listKey(path, query),
		Exact: exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			return list(ctx, query, r.Number)
		},
	}
}

// forEach is one list for each value of a parameter that takes only one, each within the list that
// nothing narrows; without values it is the one list that query alone narrows.
func forEach[T providers.Record](path string, query url.Values, param string, values []string, exact bool, list lister[T]) []providers.List[T] {
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

// listKey names a list. Private values are hashed: the key must tell them apart, not tell them.
func listKey(path string, query url.Values) string {
	q := url.Values{}
	for name, values := range query {
		for _, v := range values {
			if slices.Contains(private, name) {
				v = digest(strings.ToLower(v))
			}
			q.Add(name, v)
		}
	}
	key := strings.TrimPrefix(path, "/")
	if len(q) > 0 {
		key += "?" + q.Encode()
	}
	return key
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// derived is a list whose rows are parts of the rows of another. counted says that each row has one part.
func derived[T, U providers.Record](l providers.List[T], counted bool, parts func(*T) []*U) providers.List[U] {
	d := providers.List[U]{
		Key:   l.Key,
		Exact: l.Exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[U], error) {
			page, err := l.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			return partsOf(page, counted, parts), nil
		},
	}
	if l.Within != nil {
		within := derived(*l.Within, counted, parts)
		d.Within = &within
	}
	return d
}

func partsOf[T, U providers.Record](page *providers.Page[T], counted bool, parts func(*T) []*U) *providers.Page[U] {
	out := &providers.Page[U]{More: page.More, Harvest: page.Harvest}
	if counted {
		out.Total = page.Total
	}
	for _, row := range page.Items {
		out.Items = append(out.Items, parts(row)...)
		out.Harvest.Add(providers.HarvestOf(row))
	}
	return out
}

// ofAffiliates are lists whose rows are parts of the affiliates of these ids, a page's worth of
// affiliates in each. They are read through the caller's Reader, newest first.
func ofAffiliates[U providers.Record](p *provider, uuids []string, exact bool, parts func(*providers.Affiliate) []*U) (lists []providers.List[U]) {
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
					if page.Items, err = p.affiliates(ctx, r.Reader, chunk); err != nil {
						return nil, err
					}
				}
				return partsOf(page, false, parts), nil
			},
		})
	}
	return lists
}

// firstSet is the first parameter of these pairs of name and value that has a value, most selective first,
// as a query of its own; nil where none has. more says that others have one too: the reference does not
// say how filters combine, so the others are left to the reader of the rows.
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

// ofCampaigns are the nouns that have a campaign by their affiliate.
var ofCampaigns = []providers.Noun{providers.NounReferral, providers.NounCommission, providers.NounPayout}

// needsCampaign says whether a read by id has to tell the campaign.
func needsCampaign(need []string) bool { return len(need) == 0 || slices.Contains(need, "campaign") }

// campaignOf are the affiliate and, to be filled in, the campaign of a row.
func campaignOf[T providers.Record](row *T) (affiliate providers.ID, campaign *providers.ID) {
	switch row := any(row).(type) {
	case *providers.Referral:
		return row.AffiliateID, &row.CampaignID
	case *providers.Commission:
		return row.AffiliateID, &row.CampaignID
	case *providers.Payout:
		return row.AffiliateID, &row.CampaignID
	}
	return providers.ID{}, nil
}

// fillCampaigns reads the affiliates of rows that came with an affiliate's bare id, for the campaigns
// that are needed. The rows must not have been shown to anyone yet.
func fillCampaigns[T providers.Record](ctx context.Context, p *provider, reader providers.Reader, found []*T, need ...string) error {
	if !needsCampaign(need) {
		return nil
	}
	var missing []*T
	var uuids []string
	for _, row := range found {
		if providers.NodeOf(row).Known == noCampaign {
			affiliate, _ := campaignOf(row)
			missing, uuids = append(missing, row), append(uuids, affiliate.Local)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(uuids)
	affiliates, err := p.affiliates(ctx, reader, slices.Compact(uuids))
	if err != nil {
		return err
	}
	campaigns := map[providers.ID]providers.ID{}
	for _, a := range affiliates {
		for _, m := range a.Memberships {
			campaigns[a.ID] = m.CampaignID
		}
	}
	for _, row := range missing {
		affiliate, campaign := campaignOf(row)
		*campaign = campaigns[affiliate]
		providers.NodeOf(row).Known = nil
	}
	return nil
}

// inCampaigns prepares lists for a filter by campaigns, which the reader of the rows applies: rows
// without a campaign get theirs. Where such rows are known to come, the lists are named apart from those that
// leave them as they are.
func inCampaigns[T providers.Record](p *provider, campaigns []string, lists []providers.List[T]) []providers.List[T] {
	if len(campaigns) == 0 {
		return lists
	}
	filled := func(l providers.List[T]) providers.List[T] {
		page := l.Page
		l.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			out, err := page(ctx, r)
			if err != nil {
				return nil, err
			}
			return out, fillCampaigns(ctx, p, r.Reader, out.Items)
		}
		if p.bare.Load() {
			l.Key += "#campaign"
		}
		return l
	}
	for i, l := range lists {
		lists[i] = filled(l)
		if l.Within != nil {
			within := filled(*l.Within)
			lists[i].Within = &within
		}
	}
	return lists
}
