package resolvers

import (
	"maps"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/providers"
)

// minVisits is how many selections a plan may visit at least, where limits.cost is lower. No operation within limits.cost
// needs more visits than that limit: each visit is a field value where the lists are full.
const minVisits = 10_000

// collect is [graphql.CollectFields], within the bound of the plan. What there is to merge is counted before it is merged:
// fragments in fragments multiply what stands in a short document.
func (p *planner) collect(selections ast.SelectionSet, types ...string) []graphql.CollectedField {
	p.round++
	p.visit(selections)
	if p.ended() {
		return nil
	}
	return graphql.CollectFields(p.op, selections, types)
}

// record are the fields that are selected of a record.
func (p *planner) record(selections ast.SelectionSet, noun providers.Noun) []graphql.CollectedField {
	return p.collect(selections, string(noun), "Node")
}

// visit counts the selections that a collection goes through. It visits each fragment once, as the collection does.
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

// checkAmounts refuses a list in a filter that has more values than a page has rows: each may be a list of its own at the
// vendor.
func checkAmounts(value any, path string) error {
	switch value := value.(type) {
	case []any:
		if len(value) > maxFirst {
			return badInput("%s takes at most %d values, not %d", path, maxFirst, len(value))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) { // in order, so that the error is the same each time
			if err := checkAmounts(value[name], path+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}
