package resolvers

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// field is a field of the schema.
type field struct{ typeName, name string }

// live are the fields whose values are not made of records in the cache: the same query may
// answer something else a moment later, though nothing was invalidated. Of types that are
// not in recorded, all other fields are the configuration's, or change with what
// providers.Lessons counts.
var live = map[field]bool{
	{"Query", "rawRecord"}:       true,
	{"Account", "fetchedAt"}:     true,
	{"Account", "status"}:        true,
	{"Account", "lastError"}:     true,
	{"Account", "lastSuccessAt"}: true,
	{"Account", "rateLimit"}:     true,
	{"Account", "lists"}:         true,
}

// named are the fields that tell a viewer from others who see the same.
var named = map[field]bool{{"Viewer", "name"}: true}

// Sharing says to whom the answer of an operation may be given again.
type Sharing int

// Sharing of answers.
const (
	NotShared    Sharing = iota // to nobody: it is a write, or tells how something is just now
	SharedByName                // to viewers of the same scope and name
	SharedByAll                 // to viewers of the same scope
)

// SharingOf says to whom the answer of an operation may be given again. It goes by what is
// written in the document, whatever is skipped. The answer of the schema alone is large,
// and read from nowhere: it is given to nobody.
func SharingOf(op *ast.OperationDefinition) Sharing {
	var seen, spread []*ast.FragmentDefinition
	if op.Operation == ast.Mutation || !reads(op.SelectionSet, &spread) {
		return NotShared
	}
	return sharing(op.SelectionSet, &seen)
}

// reads says whether a selection of Query has a field besides those of introspection.
func reads(set ast.SelectionSet, seen *[]*ast.FragmentDefinition) bool {
	return slices.ContainsFunc(set, func(s ast.Selection) bool {
		switch s := s.(type) {
		case *ast.Field:
			return !strings.HasPrefix(s.Name, "__")
		case *ast.InlineFragment:
			return reads(s.SelectionSet, seen)
		case *ast.FragmentSpread:
			if slices.Contains(*seen, s.Definition) {
				return false
			}
			*seen = append(*seen, s.Definition)
			return reads(s.Definition.SelectionSet, seen)
		}
		return false
	})
}

func sharing(set ast.SelectionSet, seen *[]*ast.FragmentDefinition) Sharing {
	least := SharedByAll
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.ObjectDefinition != nil {
				f := field{s.ObjectDefinition.Name, s.Name}
				if live[f] {
					return NotShared
				}
				if named[f] {
					least = min(least, SharedByName)
				}
			}
			least = min(least, sharing(s.SelectionSet, seen))
		case *ast.InlineFragment:
			least = min(least, sharing(s.SelectionSet, seen))
		case *ast.FragmentSpread:
			if !slices.Contains(*seen, s.Definition) {
				*seen = append(*seen, s.Definition)
				least = min(least, sharing(s.Definition.SelectionSet, seen))
			}
		}
		if least == NotShared {
			break
		}
	}
	return least
}

// Cached says whether all that queries read is read through caches, which record it.
func (r *Resolver) Cached() bool {
	for _, p := range r.byID {
		if _, ok := p.(peeker); !ok {
			return false
		}
	}
	return true
}
