package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// The bounds of a shape. A vendor's widest record has about 40 members.
const (
	maxNames   = 100 // different members of the objects at one place; more are a map with free keys
	maxMembers = 500 // of the whole shape
	maxNesting = 12  // arrays and objects deeper than this are not looked into
	maxName    = 48  // bytes of a name
	maxDigits  = 3   // in a name
)

// Shape says which members a JSON text has and of which types they are. It holds no value of the
// text. ok is false for a text that is not JSON.
//
// The names of an object's members may be values, as in a map of a customer's own fields.
// Names are therefore shown only of objects at the places in records ("data",
// "data.affiliate", without array brackets), and only if they look like a field of an API.
// All other members are counted.
func Shape(text []byte, records []string) (members []providers.Member, ok bool) {
	s := &shaper{d: json.NewDecoder(bytes.NewReader(text)), records: records, left: maxMembers}
	s.d.UseNumber() // a number that no float64 can hold is no error
	root := &place{}
	if s.value(root, "", 0) != nil {
		return nil, false
	}
	if _, err := s.d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return root.members(nil, ""), true
}

// place is a place in a JSON text, and what was seen there.
type place struct {
	types   map[string]int
	named   []*place // the members of its objects
	element *place   // the elements of its arrays
	name    string
	unnamed int
	free    bool // its objects have too many different members to be records
}

func (p *place) count(kind string) {
	if p.types == nil {
		p.types = map[string]int{}
	}
	p.types[kind]++
}

// hide turns the members that were named into a count.
func (p *place) hide() {
	p.free = true
	for _, m := range p.named {
		for _, n := range m.types {
			p.unnamed += n
		}
	}
	p.named = nil
}

// members are the place and all places below it.
func (p *place) members(all []providers.Member, path string) []providers.Member {
	all = append(all, providers.Member{Path: path, Types: p.types, Unnamed: p.unnamed})
	if p.element != nil && p.element.types != nil {
		all = p.element.members(all, path+"[]")
	}
	for _, m := range p.named {
		all = m.members(all, join(path, m.name))
	}
	return all
}

// shaper reads a text token by token, so that its memory is bounded by the shape.
type shaper struct {
	d       *json.Decoder
	records []string
	left    int // members that may still be added
}

// value reads one value at a place. path is where it is, without array brackets.
func (s *shaper) value(p *place, path string, depth int) error {
	token, err := s.d.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			p.count("array")
			return s.array(p, path, depth)
		}
		p.count("object")
		return s.object(p, path, depth)
	case string:
		p.count("string")
	case json.Number:
		p.count("number")
	case bool:
		p.count("boolean")
	default:
		p.count("null")
	}
	return nil
}

func (s *shaper) array(p *place, path string, depth int) error {
	if p.element == nil && depth < maxNesting && s.left > 0 {
		s.left--
		p.element = &place{}
	}
	for s.d.More() {
		if err := s.valueOrSkip(p.element, path, depth+1); err != nil {
			return err
		}
	}
	_, err := s.d.Token() // "]"
	return err
}

func (s *shaper) object(p *place, path string, depth int) error {
	for s.d.More() {
		token, err := s.d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		m := s.member(p, path, name, depth)
		inside := ""
		if m == nil {
			p.unnamed++
		} else {
			inside = join(path, name)
		}
		if err := s.valueOrSkip(m, inside, depth+1); err != nil {
			return err
		}
	}
	_, err := s.d.Token() // "}"
	return err
}

// member is the place of a member that may be named; nil for others.
func (s *shaper) member(p *place, path, name string, depth int) *place {
	if p.free || depth >= maxNesting || !isFieldName(name) || !slices.Contains(s.records, path) {
		return nil
	}
	for _, m := range p.named {
		if m.name == name {
			return m
		}
	}
	if s.left == 0 {
		return nil
	}
	if len(p.named) == maxNames {
		p.hide()
		return nil
	}
	s.left--
	m := &place{name: name}
	p.named = append(p.named, m)
	return m
}

// valueOrSkip reads a value at a place, or passes over it if there is no place. It recurses no
// deeper than maxNesting.
func (s *shaper) valueOrSkip(p *place, path string, depth int) error {
	if p != nil {
		return s.value(p, path, depth)
	}
	for open := 0; ; {
		token, err := s.d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		if open == 0 {
			return nil
		}
	}
}

// isFieldName says whether a name looks like a field of an API: lower-case letters, underscores
// and few digits. An address, a number, a name of a person or of a key is none.
func isFieldName(name string) bool {
	if name == "" || len(name) > maxName || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	digits := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z' || c == '_':
		case c >= '0' && c <= '9':
			digits++
		default:
			return false
		}
	}
	return digits <= maxDigits
}
