package resolvers

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/providers"
)

// minVisits is how much a plan may visit at least, where limits.cost is lower: selections,
// values of arguments, and lists at vendors. No operation within limits.cost needs more
// selections than that limit: each is a field value where the lists are full.
const minVisits = 10_000

// textUnit is how many bytes of a text count as a value.
const textUnit = 64

// collect is [graphql.CollectFields], within the bound of the plan. What there is to merge
// is counted before it is merged: fragments in fragments multiply what stands in a short
// document.
func (p *planner) collect(selections ast.SelectionSet, types ...string) []graphql.CollectedField {
	p.round++
	p.visit(selections)
	if p.ended() {
		return nil
	}
	return graphql.CollectFields(p.op, selections, types)
}

// object are the fields that are selected of an object that is no record. The types are
// those that the executor gives, so that it finds them collected.
func (p *planner) object(f graphql.CollectedField) []graphql.CollectedField {
	return p.collect(f.Selections, f.Definition.Type.Name())
}

// record are the fields that are selected of a record.
func (p *planner) record(selections ast.SelectionSet, noun providers.Noun) []graphql.CollectedField {
	return p.collect(selections, string(noun), "Node")
}

// visit counts the selections that a collection goes through. It visits each fragment once,
// as the collection does.
func (p *planner) visit(selections ast.SelectionSet) {
	for _, s := range selections {
		p.visited++
		if p.visited > p.maxVisits() {
			return
		}
		switch s := s.(type) {
		case *ast.InlineFragment:
			p.visit(s.SelectionSet)
		case *ast.FragmentSpread:
			if p.spreads[s.Definition] != p.round {
				p.spreads[s.Definition] = p.round
				p.visit(s.Definition.SelectionSet)
			}
		}
	}
}

func (p *planner) maxVisits() int { return max(minVisits, p.r.cost) }

// ended says whether nothing more is planned: the operation is too large, or nobody waits for it.
func (p *planner) ended() bool {
	if p.err == nil {
		p.err = p.ctx.Err()
	}
	return p.err != nil || p.visited > p.maxVisits()
}

// arguments counts the values that an operation gives to its fields. It comes before all
// that goes through these values: a variable may be long, and given to each field.
func (p *planner) arguments(set ast.SelectionSet, seen map[*ast.FragmentDefinition]bool) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			for _, arg := range s.Arguments {
				p.visited += p.literal(arg.Value)
			}
			if p.ended() {
				return
			}
			p.arguments(s.SelectionSet, seen)
		case *ast.InlineFragment:
			p.arguments(s.SelectionSet, seen)
		case *ast.FragmentSpread:
			if !seen[s.Definition] {
				seen[s.Definition] = true
				p.arguments(s.Definition.SelectionSet, seen)
			}
		}
	}
}

// refuseArguments is the error of an operation whose arguments have too many values.
func (p *planner) refuseArguments() error {
	if p.err != nil {
		return p.err
	}
	text := fmt.Sprintf("the arguments of this operation have %d values or more, and %d are allowed: "+
		"a variable counts for each field that it is given to, and a text for each %d bytes", p.visited, p.maxVisits(), textUnit)
	return &apierror.Error{
		Code:       apierror.TooComplex,
		Text:       text,
		Extensions: map[string]any{"limit": "cost", "asked": p.visited, "allowed": p.maxVisits()},
	}
}

// literal counts the values in a value of the document.
func (p *planner) literal(v *ast.Value) int {
	if v.Kind == ast.Variable {
		return p.amount(p.op.Variables[v.Raw])
	}
	n := len(v.Raw) / textUnit
	for _, child := range v.Children {
		n += 1 + p.literal(child.Value)
	}
	return n
}

// amount counts the values in a value of a variable, no further than the plan goes.
func (p *planner) amount(value any) (n int) {
	switch value := value.(type) {
	case string:
		return len(value) / textUnit
	case []any:
		for _, v := range value {
			if n += 1 + p.amount(v); n > p.maxVisits() {
				break
			}
		}
	case map[string]any:
		for _, v := range value {
			n += 1 + p.amount(v)
		}
	}
	return n
}

// maxCombinations is how many combinations of the values of its lists a filter may have. A
// vendor that takes one value of each at a time has a list for each combination.
const maxCombinations = maxFirst * maxFirst

// checkAmounts refuses a filter with a list that has more values than a page has rows, or
// with too many combinations of them: each may be a list of its own at the vendor.
func checkAmounts(filter any) error {
	members, _ := filter.(map[string]any)
	combinations := 1
	for _, name := range slices.Sorted(maps.Keys(members)) { // in order, so that the error is the same each time
		list, _ := members[name].([]any)
		if len(list) > maxFirst {
			return apierror.BadInput("filter.%s takes at most %d values, not %d", name, maxFirst, len(list))
		}
		if name != "accounts" {
			combinations *= max(len(list), 1)
		}
		if combinations > maxCombinations {
			return apierror.BadInput("filter combines the values of its lists in more than %d ways: give fewer values", maxCombinations)
		}
	}
	return nil
}

// listOf are the items of an argument's value that is a list. A value that stands for a list
// of itself has become a slice of its own type.
func listOf(value any) []any {
	if list, ok := value.([]any); ok || value == nil {
		return list
	}
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Slice {
		return []any{value}
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = v.Index(i).Interface()
	}
	return list
}
