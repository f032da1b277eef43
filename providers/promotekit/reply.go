package promotekit

import (
	"maps"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// single is the envelope of one record. That it denies success is seen by [wire.Failed].
type single[W any] struct {
	Data *W `json:"data"`
}

// rows is the envelope of a page. The flag of further pages is documented within pagination; a
// public client reads it beside that, so both places count.
type rows[W any] struct {
	Success    *bool        `json:"success"`
	Data       wire.Rows[W] `json:"data"`
	HasMore    *bool        `json:"has_more"`
	Pagination *pagination  `json:"pagination"`
}

// pagination says where a page stands in its list.
type pagination struct {
	Limit      *int64 `json:"limit"`
	TotalCount *int64 `json:"total_count"`
	TotalPages *int64 `json:"total_pages"`
	HasMore    *bool  `json:"has_more"`
}

// record is what every record on the wire has.
type record struct {
	wire.Members
	ID        string     `json:"id"`
	CreatedAt *time.Time `json:"created_at"`
}

// Normalize spells the id as every UUID is spelled here.
func (r *record) Normalize() { r.ID = canonicalID(r.ID) }

// WireID is the record's id; "" where it is not usable. All ids are UUIDs, and nothing else is
// ever asked for.
func (r record) WireID() string {
	if !isUUID(r.ID) {
		return ""
	}
	return r.ID
}

// text is a string on the wire; nil where it was null, blank or absent.
func text(s string) *string { return wire.Text(s) }

// told is a field for comparisons; nil where its member was missing or could not be read, which
// proves nothing.
func told[V any](m wire.Members, name string, value V) *V {
	if !m.Has(name) || m.Odd(name) {
		return nil
	}
	return &value
}

// reply turns one reply's wire structs into records. Related records become its harvest,
// each once however many rows hold it, unless a row tells more of it than those before.
type reply struct {
	account  string
	currency string
	at       time.Time
	told     map[providers.ID]*providers.Fields // what the harvest knows of each record
	harvest  providers.Harvest
	partial  map[providers.Noun]map[*providers.Fields]bool // what is known of related records that came in part
	list     *wire.Extent                                  // of the list that it is a page of; nil for a single record
}

func newReply(account, currency string, at time.Time) *reply {
	return &reply{
		account: account, currency: currency, at: at,
		told:    map[providers.ID]*providers.Fields{},
		partial: map[providers.Noun]map[*providers.Fields]bool{},
	}
}

func (p *provider) reply() *reply {
	return newReply(p.config.Account, p.config.Currency, p.config.Now())
}

// finish is what a reply carried along. That related records come in part is remembered.
func (p *provider) finish(r *reply) providers.Harvest {
	for noun, known := range r.partial {
		p.partial.note(noun, maps.Keys(known))
	}
	return r.harvest
}

// id is the zero ID where there is no record, or none that can be called by its id.
func (r *reply) id(noun providers.Noun, local string) providers.ID {
	return recordID(r.account, noun, local)
}

func (r *reply) node(noun providers.Noun, w record) providers.Node {
	return providers.Node{ID: r.id(noun, w.WireID()), ProviderID: w.ID, CreatedAt: w.CreatedAt, FetchedAt: r.at}
}

// part is the node of a part of a record, whose id is the record's and something more.
func (r *reply) part(noun providers.Noun, w record, more string) providers.Node {
	n := r.node(noun, w)
	if !n.ID.IsZero() {
		n.ID.Local = providers.JoinLocal(n.ID.Local, more)
	}
	return n
}

// harvested adds to the harvest what it does not hold yet.
func harvested[T providers.Record](r *reply, row *T) {
	n := providers.NodeOf(row)
	if before, ok := r.told[n.ID]; n.ID.IsZero() || ok && before.CoversAll(n.Known) {
		return
	}
	r.told[n.ID] = n.Known
	r.harvest.Add(providers.HarvestOf(row))
}

// related harvests the record that stands inside another: whole, a part of it, or its id alone.
// What is no id is taken for null.
func related[W wire.Identified, T providers.Record](r *reply, w *wire.Related[W], convert func(*reply, *W) *T) {
	if !isUUID(w.ID) {
		*w = wire.Related[W]{}
		return
	}
	inner := w.Record
	if inner == nil { // the same as an object with nothing but an id
		inner = new(W)
		_, _ = wire.Decode([]byte(`{"id": "`+w.ID+`"}`), inner)
	}
	row := convert(r, inner)
	n := providers.NodeOf(row)
	if wire.MarkPart(core[n.ID.Noun], inner, row); n.Known != nil {
		if r.partial[n.ID.Noun] == nil {
			r.partial[n.ID.Noun] = map[*providers.Fields]bool{}
		}
		r.partial[n.ID.Noun][n.Known] = true
	}
	harvested(r, row)
}
