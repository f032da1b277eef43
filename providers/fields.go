package providers

import (
	"fmt"
	"slices"
	"strings"
)

// Fields says which fields of a record are known, by their GraphQL names. The nil Fields
// means all of them: the record is whole. Values are shared and never changed: declare them
// once as package variables.
type Fields struct {
	except bool
	names  []string
}

// Only is a stub's Fields: just these are known. id, account and fetchedAt always are.
func Only(names ...string) *Fields {
	return &Fields{names: append([]string{"id", "account", "fetchedAt"}, names...)}
}

// AllBut is the Fields of a record that lacks these.
func AllBut(names ...string) *Fields { return &Fields{except: true, names: names} }

// Covers says whether every field in need is known. Asking for none means asking for all, which
// only a whole record covers.
func (f *Fields) Covers(need ...string) bool {
	if f == nil {
		return true
	}
	if len(need) == 0 {
		return false
	}
	for _, n := range need {
		if slices.Contains(f.names, n) == f.except {
			return false
		}
	}
	return true
}

// With is what f knows, and this field.
func (f *Fields) With(name string) *Fields {
	switch {
	case f.Covers(name):
		return f
	case !f.except:
		return &Fields{names: append(slices.Clone(f.names), name)}
	}
	lacks := slices.DeleteFunc(slices.Clone(f.names), func(n string) bool { return n == name })
	if len(lacks) == 0 {
		return nil
	}
	return AllBut(lacks...)
}

// Without is what f knows, but for this field.
func (f *Fields) Without(name string) *Fields {
	switch {
	case f == nil:
		return AllBut(name)
	case !f.Covers(name):
		return f
	case f.except:
		return AllBut(append(slices.Clone(f.names), name)...)
	}
	return &Fields{names: slices.DeleteFunc(slices.Clone(f.names), func(n string) bool { return n == name })}
}

// Names lists the names that f was made from, for tests and codecs.
func (f *Fields) Names() (names []string, except bool) {
	if f == nil {
		return nil, true
	}
	return f.names, f.except
}

// MarshalBinary writes what UnmarshalBinary reads, for storage.
func (f *Fields) MarshalBinary() ([]byte, error) {
	b := []byte{'+'}
	if f.except {
		b[0] = '-'
	}
	return append(b, strings.Join(f.names, " ")...), nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (f *Fields) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != '+' && b[0] != '-' {
		return fmt.Errorf("%q are no fields", b)
	}
	*f = Fields{b[0] == '-', strings.Fields(string(b[1:]))}
	return nil
}

// CoversAll says whether f knows at least what g knows.
func (f *Fields) CoversAll(g *Fields) bool {
	switch {
	case f == nil:
		return true
	case g == nil:
		return false
	case !f.except && !g.except:
		return f.Covers(g.names...)
	case f.except && g.except: // what f lacks, g lacks as well
		return subset(f.names, g.names)
	case f.except: // f lacks a few, g has a few
		return !slices.ContainsFunc(g.names, func(n string) bool { return slices.Contains(f.names, n) })
	default:
		return false
	}
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(n string) bool { return !slices.Contains(b, n) })
}
