package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Oddity is a member of a reply that did not have the form it should have.
type Oddity struct {
	Field string // the path of the member, without indexes: "affiliate.email"
	Form  string // the form that it had: "an array"
}

// Reply is the JSON value of a reply, decoded by [Decode]. It is given to the HTTP client to
// decode into.
type Reply[E any] struct {
	Value E
	Odd   []Oddity // each once
}

// UnmarshalJSON reads what Decode reads.
func (r *Reply[E]) UnmarshalJSON(b []byte) error { return r.DecodeReply(context.Background(), b) }

// DecodeReply reads what Decode reads, and fails when the context has ended.
func (r *Reply[E]) DecodeReply(ctx context.Context, b []byte) (err error) {
	*r = Reply[E]{}
	r.Odd, err = decode(ctx, b, &r.Value)
	return err
}

// Decode reads JSON into the value that into points to. The outermost value must have the form
// that into wants, or Decode fails. Within it nothing fails: a member that cannot be read leaves
// its field empty and is answered as an oddity, each once. An array of too
// many elements cannot be read either. Only a list of too many rows makes all of it unreadable.
func Decode(body []byte, into any) ([]Oddity, error) {
	return decode(context.Background(), body, into)
}

func decode(ctx context.Context, body []byte, into any) ([]Oddity, error) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) {
		return nil, errNoJSON
	}
	d := &decoder{ctx: ctx}
	err := d.value(body, reflect.ValueOf(into).Elem(), "")
	switch {
	case d.stop != nil:
		return nil, d.stop
	case err != nil:
		return nil, fmt.Errorf("it is %s where it should be %s", form(body), wanted(reflect.TypeOf(into).Elem()))
	}
	return d.odd, nil
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "an object"
	case reflect.Slice:
		return "an array"
	default:
		return "another value"
	}
}

// errNoJSON is a body that is not one JSON value.
var errNoJSON = errors.New("it is no JSON, or not whole, or goes on behind it")

// decoder gathers the oddities of one reply.
type decoder struct {
	ctx      context.Context
	seen     int   // values
	elements int   // of arrays inside rows
	stop     error // why the rest is not read
	odd      []Oddity
	member   string // the path of the member that is being read
	hit      bool   // something of it could not be read
}

// step says whether another value is read. The context is looked at now and then.
func (d *decoder) step() bool {
	if d.seen++; d.seen%1024 == 0 && d.stop == nil {
		d.stop = d.ctx.Err()
	}
	return d.stop == nil
}

func (d *decoder) note(path string, raw []byte) {
	d.hit = d.hit || path == d.member
	o := Oddity{path, form(raw)}
	if !slices.Contains(d.odd, o) {
		d.odd = append(d.odd, o)
	}
}

// errForm says that a value does not have the form that is wanted.
var errForm = errors.New("a value of another form")

// Normalizer is implemented by wire structs with members that the vendor may spell in
// several ways. Normalize is called when an object was read, and leaves one spelling.
type Normalizer interface{ Normalize() }

// decodable is implemented by the types of this package that hold records.
type decodable interface {
	decode(d *decoder, raw []byte, path string) error
}

// read reads a member into v, which stays zero where the value cannot be read. odd says
// that it could not, or that not all of it is there.
func (d *decoder) read(raw []byte, v reflect.Value, path string) (odd bool) {
	member, hit := d.member, d.hit
	d.member, d.hit = path, false
	if err := d.value(raw, v, path); err != nil {
		v.SetZero()
		d.note(path, raw)
	}
	odd = d.hit
	d.member, d.hit = member, hit
	return odd
}

// value reads a value into v.
func (d *decoder) value(raw []byte, v reflect.Value, path string) error {
	if !d.step() {
		return d.stop
	}
	switch into := v.Addr().Interface().(type) {
	case decodable:
		return into.decode(d, raw, path)
	case *time.Time:
		return setTime(raw, into)
	case json.Unmarshaler:
		return d.unmarshal(raw, into, path)
	}
	if isNull(raw) {
		v.SetZero()
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return d.pointer(raw, v, path)
	case reflect.Struct:
		return d.object(raw, v, path)
	case reflect.Slice:
		return d.slice(raw, v, path)
	case reflect.String:
		return setString(raw, v)
	case reflect.Int64, reflect.Int:
		return setInt(raw, v)
	case reflect.Bool:
		return setBool(raw, v)
	}
	return json.Unmarshal(raw, v.Addr().Interface())
}

// unmarshal reads a type that reads itself. A type that took an odd value for nothing says so by
// a method Odd.
func (d *decoder) unmarshal(raw []byte, into json.Unmarshaler, path string) error {
	if err := into.UnmarshalJSON(raw); err != nil {
		return err
	}
	if o, ok := into.(interface{ Odd() bool }); ok && o.Odd() {
		d.note(path, raw)
	}
	return nil
}

// pointer reads into a new value. A blank text is nothing where no text is wanted.
func (d *decoder) pointer(raw []byte, v reflect.Value, path string) error {
	elem := v.Type().Elem()
	if elem.Kind() != reflect.String && isBlank(raw) {
		v.SetZero()
		return nil
	}
	into := reflect.New(elem)
	if err := d.value(raw, into.Elem(), path); err != nil {
		return err
	}
	v.Set(into)
	return nil
}

// object reads a JSON object into a struct, member by member.
func (d *decoder) object(raw []byte, v reflect.Value, path string) error {
	if raw[0] != '{' {
		return errForm
	}
	members, ok := membersOf(raw, maxMembersRead)
	if !ok {
		return errForm
	}
	fields, odd, read := fieldsOf(v.Type()), []string(nil), 0
	for _, f := range fields {
		value, ok := members[f.name]
		if f.members || !ok {
			continue
		}
		read++
		at := join(path, f.name)
		if d.read(value, v.FieldByIndex(f.index), at) {
			odd = append(odd, f.name)
		}
	}
	told := false
	for _, f := range fields {
		switch into := v.FieldByIndex(f.index); {
		case f.members:
			into.Set(reflect.ValueOf(Members{members, odd}))
			told = true
		case f.list:
			into.Addr().Interface().(list).enveloped(read > 1)
		}
	}
	// What has its own Members says itself what is odd in it. Of anything else the member
	// that holds it is odd.
	d.hit = d.hit || !told && len(odd) > 0 && path == d.member
	if n, ok := v.Addr().Interface().(Normalizer); ok {
		n.Normalize()
	}
	return nil
}

// The bounds of what is read inside rows, as each value takes memory that the reply does
// not have.
const (
	maxElements     = 10_000 // of one array
	maxElementsRead = 50_000 // of all arrays of a reply
	maxMembersRead  = 1_000  // of one object; a vendor's widest record has about 40
)

// slice reads an array, also one of PHP's with gaps. Some write several ids as one text, which is
// read, too. What is no element is left out. An array of too many elements cannot be read.
func (d *decoder) slice(raw []byte, v reflect.Value, path string) error {
	limit := min(maxElements, maxElementsRead-d.elements)
	elements, err := elementsOf(raw, v.Type().Elem(), limit+1)
	if err != nil {
		return err
	}
	if len(elements) > limit {
		return errForm
	}
	d.elements += len(elements)
	out := reflect.MakeSlice(v.Type(), 0, len(elements))
	for _, raw := range elements {
		if d.stop != nil {
			return d.stop
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if isNull(raw) || d.value(raw, element, path) != nil {
			d.note(path, raw)
			continue
		}
		out = reflect.Append(out, element)
	}
	v.Set(out)
	return nil
}

// elementsOf are the first elements of an array, limit of them at most.
func elementsOf(raw []byte, elem reflect.Type, limit int) (elements []json.RawMessage, err error) {
	scalar := elem.Kind() == reflect.String || elem.Kind() == reflect.Int64
	switch {
	case raw[0] == '[':
		return split(raw, limit), nil
	case raw[0] == '{':
		return listed(raw)
	case isBlank(raw):
		return nil, nil
	case raw[0] == '"' && scalar:
		var text string
		if err = json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				quoted, _ := json.Marshal(part)
				elements = append(elements, quoted)
			}
			if len(elements) == limit {
				break
			}
		}
	default:
		err = errForm
	}
	return elements, err
}

// listed are the values of an object whose members are numbered, in their order. PHP writes an
// array with gaps so.
func listed(raw []byte) ([]json.RawMessage, error) {
	members, ok := membersOf(raw, maxRows)
	if !ok {
		return nil, errManyRows
	}
	numbers := make([]int, 0, len(members))
	for name := range members {
		n, err := strconv.Atoi(name)
		if err != nil || strconv.Itoa(n) != name {
			return nil, errForm
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	elements := make([]json.RawMessage, len(numbers))
	for i, n := range numbers {
		elements[i] = members[strconv.Itoa(n)]
	}
	return elements, nil
}

// field is a field of a wire struct.
type field struct {
	name    string // of the member
	index   []int
	members bool // the field takes the names of the members
	list    bool // the field is a list
}

// list is implemented by the lists of this package.
type list interface{ enveloped(yes bool) }

var structs sync.Map // reflect.Type → []field

// fieldsOf are the fields of a wire struct, those of embedded structs among them.
func fieldsOf(t reflect.Type) []field {
	if known, ok := structs.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Type == reflect.TypeFor[Members]():
			fields = append(fields, field{index: f.Index, members: true})
		case f.Anonymous && name == "":
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append(slices.Clone(f.Index), inner.index...)
				fields = append(fields, inner)
			}
		case name != "" && name != "-" && f.IsExported():
			fields = append(fields, field{name: name, index: f.Index, list: reflect.PointerTo(f.Type).Implements(reflect.TypeFor[list]())})
		}
	}
	structs.Store(t, fields)
	return fields
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
