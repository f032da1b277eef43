package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/partnergraph/partnergraph/providers"
)

// maxRows bounds the rows of one reply, as decoding each takes time. Pages have a hundred
// at most; an endpoint without pages sends all rows at once.
const maxRows = 10_000

// errManyRows is a reply with more rows than maxRows.
var errManyRows = providers.Cause(fmt.Sprintf("the page has more than the %d rows that are allowed", maxRows))

// Rows is a list of records as a reply carries it.
type Rows[W any] struct {
	All    []W
	Form   Form
	Unread int // elements that are no objects; they are left out of All

	raw  []json.RawMessage // of the elements of All
	none bool              // an empty object in an envelope
}

// Form is the form in which rows came.
type Form int

// The forms of rows.
const (
	FormAbsent Form = iota // there was no such member
	FormNull
	FormArray
	FormObject // a single record
	FormOther
)

// decode reads an array of objects, also one of PHP's with gaps, or a single object.
func (r *Rows[W]) decode(d *decoder, raw []byte, path string) error {
	*r = Rows[W]{}
	elements := []json.RawMessage{raw}
	switch raw[0] {
	case '[':
		r.Form = FormArray
		elements = split(raw, maxRows+1)
	case '{':
		r.Form = FormObject
		switch numbered, err := listed(raw); {
		case errors.Is(err, errManyRows):
			d.stop = err
			return err
		case err == nil && len(numbered) > 0:
			r.Form, elements = FormArray, numbered
		case err == nil:
			r.none = true
		}
	case 'n':
		r.Form = FormNull
		return nil
	default:
		r.Form = FormOther
		d.note(path, raw)
		return nil
	}
	if len(elements) > maxRows {
		d.stop = errManyRows
		return d.stop
	}
	r.All = make([]W, 0, len(elements))
	for _, raw := range elements {
		if !d.step() {
			return d.stop
		}
		var w W
		if raw[0] != '{' || d.object(raw, reflect.ValueOf(&w).Elem(), path) != nil {
			r.Unread++
			d.note(path, raw)
			continue
		}
		r.All, r.raw = append(r.All, w), append(r.raw, raw)
	}
	return nil
}

// enveloped says whether the rows stand in an envelope: beside other members. An empty
// object that does not could be anything.
func (r *Rows[W]) enveloped(yes bool) { r.none = r.none && yes }

// IsList says whether these are the rows of a list. PHP writes an empty array as an empty
// object at times: in an envelope that is a list without rows, and becomes one.
func (r *Rows[W]) IsList() bool {
	if r.none {
		*r = Rows[W]{Form: FormArray}
	}
	return r.Form == FormArray
}

// split are the first elements of a JSON array, or members of an object with their names,
// limit of them at most. The JSON is known to be valid.
func split(raw []byte, limit int) (elements []json.RawMessage) {
	depth, begin, quoted := 0, 1, false
	for i := 0; i < len(raw) && len(elements) < limit; i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case depth == 1 && (c == ',' || c == ']' || c == '}'):
			if element := bytes.TrimSpace(raw[begin:i]); len(element) > 0 {
				elements = append(elements, element)
			}
			begin = i + 1
		case c == ']' || c == '}':
			depth--
		}
	}
	return elements
}

// cutName cuts a member that split has found into its name and its value.
func cutName(member []byte) (name string, value json.RawMessage) {
	end := 1
	for ; member[end] != '"'; end++ {
		if member[end] == '\\' {
			end++
		}
	}
	if quoted := member[:end+1]; bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		name = string(quoted[1:end])
	} else {
		_ = json.Unmarshal(quoted, &name)
	}
	_, value, _ = bytes.Cut(member[end+1:], []byte(":"))
	return name, bytes.TrimSpace(value)
}

// membersOf are the members of a JSON object that is known to be valid. ok is false where
// it has more of them than limit. The values share the memory of raw.
func membersOf(raw []byte, limit int) (members map[string]json.RawMessage, ok bool) {
	elements := split(raw, limit+1)
	if len(elements) > limit {
		return nil, false
	}
	members = make(map[string]json.RawMessage, len(elements))
	for _, e := range elements {
		name, value := cutName(e)
		members[name] = value
	}
	return members, true
}

// Enveloped is a list that comes as an array or as an object whose member "data" is the array.
type Enveloped[W any] struct{ Rows[W] }

// decode reads either form.
func (e *Enveloped[W]) decode(d *decoder, raw []byte, path string) error {
	envelope := false
	if raw[0] == '{' {
		members, _ := membersOf(raw, maxMembersRead)
		if data, ok := members["data"]; ok {
			raw, envelope = data, len(members) > 1
		}
	}
	err := e.Rows.decode(d, raw, path)
	e.enveloped(envelope)
	if err == nil && !e.IsList() && e.Form == FormObject {
		e.Rows = Rows[W]{Form: FormOther}
	}
	return err
}

// Sent is how many elements came, those that could not be read among them.
func (r *Rows[W]) Sent() int { return len(r.All) + r.Unread }

// Raw is the JSON of an element of All.
func (r *Rows[W]) Raw(i int) json.RawMessage { return r.raw[i] }

// PageOf converts rows. convert answers nil for a row that is not shown. A row whose record has
// no id is left out and counted as unread. More is left to the caller.
func PageOf[W any, T providers.Record](rows *Rows[W], convert func(*W) *T) *providers.Page[T] {
	page := &providers.Page[T]{Items: make([]*T, 0, len(rows.All)), Unread: rows.Unread}
	mark := uint64(providers.NoRows) // and a sum, because a vendor without an order sends the same rows in another one
	for i := range rows.All {
		record := convert(&rows.All[i])
		if record == nil {
			mark += hash(rows.raw[i])
			continue
		}
		id := providers.NodeOf(record).ID
		if id.IsZero() {
			page.Unread++
			mark += hash(rows.raw[i])
			continue
		}
		mark += hash([]byte(id.Local))
		page.Items = append(page.Items, record)
	}
	if len(rows.All) > 0 || rows.Unread == 0 { // else nothing tells the page from another of such rows
		page.Mark = max(mark, providers.NoRows)
	}
	return page
}

// hash is the FNV-1a hash of a text, mixed by the finalizer of SplitMix64. Without it, the
// sums of the hashes of neighboring numbers would often be equal.
func hash(text []byte) uint64 {
	f := fnv.New64a()
	_, _ = f.Write(text)
	h := f.Sum64()
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Identified is a wire struct that tells its id; "" for none.
type Identified interface{ WireID() string }

// Related is another record inside a record: an object, or its id alone. It is empty for null,
// for what is neither, and for an object without an id.
type Related[W Identified] struct {
	ID     string
	Record *W // nil where only the id was sent
}

// decode reads an object, a text or a number.
func (r *Related[W]) decode(d *decoder, raw []byte, path string) error {
	*r = Related[W]{}
	switch raw[0] {
	case 'n':
		return nil
	case '{':
		w := new(W)
		if err := d.object(raw, reflect.ValueOf(w).Elem(), path); err != nil {
			return err
		}
		if r.ID = (*w).WireID(); r.ID != "" {
			r.Record = w
		} else if members, _ := membersOf(raw, maxMembersRead); len(members) > 0 && string(members["id"]) != "null" {
			d.hit = d.hit || path == d.member // a record, and nobody can tell which
		}
		return nil
	}
	text, ok := textOf(raw)
	if !ok {
		return errForm
	}
	if text == "" {
		return nil
	}
	w := new(W) // an id alone is read as the id in an object
	if err := d.object(slices.Concat([]byte(`{"id":`), raw, []byte(`}`)), reflect.ValueOf(w).Elem(), path); err != nil {
		return err
	}
	if r.ID = (*w).WireID(); r.ID == "" {
		return errForm // a record, and nobody can tell which
	}
	return nil
}
