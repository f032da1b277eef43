package wire

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// Members are the names of the members that a JSON object had, null ones among them. A wire
// struct embeds it, or has a field of it, to be told them.
type Members struct {
	names map[string]json.RawMessage
	odd   []string
}

// Has says whether the object had all of these members.
func (m Members) Has(names ...string) bool {
	for _, n := range names {
		if _, ok := m.names[n]; !ok {
			return false
		}
	}
	return true
}

// Empty says whether there was no object, or one without members.
func (m Members) Empty() bool { return len(m.names) == 0 }

// Odd says whether one of these members, or with no names any member, had a form that could not
// be read. Its field is empty, or not all of it is there, and proves nothing.
func (m Members) Odd(names ...string) bool {
	if len(names) == 0 {
		return len(m.odd) > 0
	}
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(m.odd, n) })
}

// Lost says whether the member had a value that could not be read. An array or object
// without elements is none: PHP writes null so.
func (m Members) Lost(name string) bool { return m.Odd(name) && !bare(m.names[name]) }

// None says whether the object says that it has no related record of this name: the member
// is not there, or null, or empty, or an object whose id is null. Anything else is a
// record, or cannot be read.
func (m Members) None(name string) bool {
	raw, ok := m.names[name]
	if !ok || isNull(raw) || isBlank(raw) {
		return true
	}
	var related struct {
		ID json.RawMessage `json:"id"`
	}
	return json.Unmarshal(raw, &related) == nil && len(related.ID) > 0 && isNull(related.ID)
}

// Lacking are those of these members that a record's object left out, or that cannot be
// read in it. Members that records of its kind do not have are not among them.
func Lacking[W any](w *W, names []string) (lacking []string) {
	m, ok := any(*w).(interface{ told() Members })
	if !ok || len(names) == 0 {
		return nil
	}
	for _, f := range fieldsOf(reflect.TypeFor[W]()) {
		if slices.Contains(names, f.name) && (!m.told().Has(f.name) || m.told().Odd(f.name)) {
			lacking = append(lacking, f.name)
		}
	}
	return lacking
}

// told are the members of the object that embeds them.
func (m Members) told() Members { return m }

// Core names the members that every whole record has. Members that a vendor leaves out
// where they are empty must not be among them, as each such record would be read again.
type Core struct {
	Knowledge *Knowledge
	Members   []string

	// Listed says that nothing tells more of a record than its row: it cannot be read by
	// itself.
	Listed bool
}

// Narrow notes on a row of a list that it came in part, where its object lacks a member of
// the core: then only what the object had is known, and the rest is read. It also does what
// [Mark] does. A nil core names no members. seen is what replies have shown of the list;
// nil for a record that was read by itself, of which nothing else tells more.
func Narrow[W any, T providers.Record](core *Core, seen *Extent, w *W, row *T) *T {
	if m, ok := any(*w).(interface{ told() Members }); ok && row != nil {
		node := providers.NodeOf(row)
		node.Known = core.Fields(seen, m.told(), node.Known)
	}
	return Mark(core, w, row)
}

// Mark notes on a record which fields its object left out or told in a form that cannot be
// read. By these no filter can judge it.
func Mark[W any, T providers.Record](core *Core, w *W, row *T) *T {
	if m, ok := any(*w).(interface{ told() Members }); ok && row != nil && core != nil {
		node := providers.NodeOf(row)
		node.Unread = core.unread(m.told(), node.Unread, true)
	}
	return row
}

// MarkPart does what [Mark] does to a record that stands inside another one. Fields that its
// object left out or told in a form that cannot be read are not known, and are read where
// they are needed: an odd part never takes the place of a sound record.
func MarkPart[W any, T providers.Record](core *Core, w *W, row *T) *T {
	if m, ok := any(*w).(interface{ told() Members }); ok && core != nil {
		node := providers.NodeOf(row)
		for _, field := range core.unread(m.told(), nil, false) {
			node.Known = node.Known.Without(field)
		}
		node.Unread = core.unread(m.told(), node.Unread, false)
	}
	return row
}

// unread are the fields that cannot be read of a record whose object had these members,
// besides those of already. whole says that a whole record has the members of the core.
func (core *Core) unread(m Members, already []string, whole bool) []string {
	lacks := func(name string) bool { return whole && !m.Has(name) && slices.Contains(core.Members, name) }
	if len(m.odd) == 0 && !slices.ContainsFunc(core.Members, lacks) {
		return already
	}
	unread := slices.Clone(already)
	for field, names := range core.Knowledge.members {
		if slices.ContainsFunc(names, m.Lost) || slices.ContainsFunc(names, lacks) {
			unread = append(unread, field)
		}
	}
	slices.Sort(unread)
	return slices.Compact(unread)
}

// Fields are the fields that a row of a list knows whose object had these members, out of
// those that are known already. core and seen are as in [Narrow].
func (core *Core) Fields(seen *Extent, m Members, already *providers.Fields) *providers.Fields {
	if core == nil || core.Listed || seen == nil || !seen.singles.lacks(core, m) {
		return already
	}
	return core.Knowledge.fields(m, &seen.singles, already)
}

// bare says whether a value is an array or object without elements, as PHP writes null at
// times.
func bare(raw json.RawMessage) bool {
	return len(raw) > 1 && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0 && (raw[0] == '[' || raw[0] == '{')
}

// Alone notes which members of the core a record had that was read by itself. A member that
// no such record has is not asked for any more: there is nowhere else to look. It also does
// what [Mark] does.
func Alone[W any, T providers.Record](core *Core, seen *Extent, w *W, row *T) *T {
	if m, ok := any(*w).(interface{ told() Members }); ok && core != nil && seen != nil {
		seen.singles.note(core, m.told())
	}
	return Mark(core, w, row)
}

// Knowledge says which fields of a record are known, by the members that its JSON object had. It
// is made once for each kind of record, and is safe for concurrent use.
type Knowledge struct {
	id      []string            // fields and edges that the id alone answers
	members map[string][]string // for each other field, the members that it is made of

	mu    sync.Mutex
	known map[string]*providers.Fields // by the missing fields: equal knowledge is the same value
}

// NewKnowledge makes one: id are the fields and edges that a record answers by its id alone;
// members has, for each other field, the members that it is made of, separated by spaces.
func NewKnowledge(id []string, members map[string]string) *Knowledge {
	k := &Knowledge{id: id, members: map[string][]string{}, known: map[string]*providers.Fields{}}
	for field, names := range members {
		k.members[field] = strings.Fields(names)
	}
	return k
}

// Fields are the known fields of a record whose object had these members; nil for all.
func (k *Knowledge) Fields(m Members) *providers.Fields { return k.fields(m, nil, nil) }

// fields are the known fields out of those that are known already. Members that no record
// has, as seen says, are not missing.
func (k *Knowledge) fields(m Members, seen *singles, already *providers.Fields) *providers.Fields {
	var missing []string
	for _, field := range slices.Sorted(maps.Keys(k.members)) {
		lacks := func(name string) bool { return !m.Has(name) && !seen.never(name) }
		if !already.Covers(field) || slices.ContainsFunc(k.members[field], lacks) {
			missing = append(missing, field)
		}
	}
	if len(missing) == 0 {
		return already
	}
	key := strings.Join(missing, " ")
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[key] == nil {
		known := slices.Clone(k.id)
		for _, field := range slices.Sorted(maps.Keys(k.members)) {
			if !slices.Contains(missing, field) {
				known = append(known, field)
			}
		}
		k.known[key] = providers.Only(known...)
	}
	return k.known[key]
}
