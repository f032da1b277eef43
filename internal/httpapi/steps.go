package httpapi

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// maxSteps is how many steps the validation of a document may take. A document of 5,000
// tokens that uses its fragments as programs do takes fewer than half of them.
const maxSteps = 40_000

// steps counts, before a document is validated, what the validator will do with it. The
// validator cannot be interrupted while it compares, and compares the square of what
// fragments bring together:
//
//   - It visits each operation and each fragment with all that these reach.
//   - It compares each pair of fields with one response name that are merged into one.
//   - It compares each fragment with each selection and each fragment that it is merged with.
//
// The count ends beyond maxSteps, and so takes no more than that many steps itself.
type steps struct {
	fragments map[string]*ast.FragmentDefinition
	n         int
}

// countSteps counts the steps of a document, up to the first beyond maxSteps, and says
// whether its fragments contain themselves.
func countSteps(doc *ast.QueryDocument) (n int, cyclic bool) {
	s := &steps{fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments))}
	for _, f := range doc.Fragments {
		if s.fragments[f.Name] == nil { // as the validator takes the first of a name
			s.fragments[f.Name] = f
		}
	}
	reach := reach{steps: s, bodies: make(map[string]*body, len(s.fragments)), path: map[string]bool{}}
	for _, f := range doc.Fragments {
		if reach.cycle(f.Name) {
			cyclic = true
			break
		}
	}
	for i, op := range doc.Operations {
		operation := &body{weight: directives(op.Directives) + len(op.VariableDefinitions)}
		operation.add(op.SelectionSet)
		reach.visit(operation, i+1)
	}
	for i, f := range doc.Fragments {
		reach.visit(reach.body(f.Name), len(doc.Operations)+i+1)
	}
	if cyclic {
		return s.n, true
	}
	merge := merge{steps: s, merged: map[string]bool{}}
	for _, op := range doc.Operations {
		merge.root(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		if !merge.merged[f.Name] {
			merge.root(f.SelectionSet)
		}
	}
	return s.n, false
}

// add counts steps, and says whether the count goes on.
func (s *steps) add(n int) bool {
	s.n += n
	return s.n <= maxSteps
}

// body is what stands in an operation or a fragment.
type body struct {
	weight  int      // its selections, directives and values
	spreads []string // the fragments that it spreads
	root    int      // the last root from which it was visited
	acyclic bool     // it is known to contain itself nowhere
}

// add adds a selection set.
func (b *body) add(set ast.SelectionSet) {
	for _, s := range set {
		b.weight++
		switch s := s.(type) {
		case *ast.Field:
			b.weight += directives(s.Directives) + arguments(s.Arguments)
			b.add(s.SelectionSet)
		case *ast.InlineFragment:
			b.weight += directives(s.Directives)
			b.add(s.SelectionSet)
		case *ast.FragmentSpread:
			b.weight += directives(s.Directives)
			b.spreads = append(b.spreads, s.Name)
		}
	}
}

// directives counts directives and their values.
func directives(list ast.DirectiveList) (n int) {
	for _, d := range list {
		n += 1 + arguments(d.Arguments)
	}
	return n
}

// arguments counts the values of arguments.
func arguments(list ast.ArgumentList) (n int) {
	for _, a := range list {
		n += literals(a.Value)
	}
	return n
}

// literals counts a value and those within it.
func literals(v *ast.Value) int {
	if v == nil {
		return 0
	}
	n := 1
	for _, child := range v.Children {
		n += literals(child.Value)
	}
	return n
}

// reach counts what each operation and each fragment reaches, every fragment once.
type reach struct {
	*steps
	bodies map[string]*body
	path   map[string]bool // the fragments that are being searched for cycles
}

// body is that of a fragment; nil where there is none of the name.
func (r *reach) body(name string) *body {
	b, known := r.bodies[name]
	if f := r.fragments[name]; !known && f != nil {
		b = &body{weight: 1 + directives(f.Directives)}
		b.add(f.SelectionSet)
		r.bodies[name] = b
	}
	return b
}

// cycle says whether a fragment contains itself, or one that does.
func (r *reach) cycle(name string) bool {
	b := r.body(name)
	if b == nil || b.acyclic {
		return false
	}
	if r.path[name] {
		return true
	}
	r.path[name] = true
	for _, spread := range b.spreads {
		if r.cycle(spread) {
			return true
		}
	}
	delete(r.path, name)
	b.acyclic = true
	return false
}

// visit counts a body and those that it reaches from a root.
func (r *reach) visit(b *body, root int) {
	if b == nil || b.root == root {
		return
	}
	b.root = root
	if !r.add(b.weight) {
		return
	}
	for _, spread := range b.spreads {
		r.visit(r.body(spread), root)
	}
}

// merge counts the pairs that are compared where selections are merged.
type merge struct {
	*steps
	merged map[string]bool // fragments that were merged into any selection
}

// fields are those of one response name that are merged.
type fields struct {
	count int
	sets  []ast.SelectionSet // what is selected of them
}

// root goes through the selections of an operation, or of a fragment that no operation uses.
func (m *merge) root(set ast.SelectionSet) {
	queue := [][]ast.SelectionSet{{set}}
	names, spreads := map[string]fields{}, map[string]bool{}
	for len(queue) > 0 {
		sets := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		clear(names)
		clear(spreads)
		for _, set := range sets {
			m.collect(set, names, spreads)
		}
		if !m.add((len(sets) + len(spreads)) * len(spreads)) {
			return
		}
		for _, f := range names {
			if len(f.sets) > 0 {
				queue = append(queue, f.sets)
			}
		}
	}
}

// collect adds the fields of a selection set to those that they are merged with, and says
// how many it has. The executor copies the fields of a fragment into those around it.
func (m *merge) collect(set ast.SelectionSet, names map[string]fields, spreads map[string]bool) (n int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			f := names[s.Alias]
			pairs := 0
			if f.count > 0 {
				pairs = f.count * (1 + arguments(s.Arguments))
			}
			if !m.add(1 + pairs) {
				return n
			}
			n++
			f.count++
			if len(s.SelectionSet) > 0 {
				f.sets = append(f.sets, s.SelectionSet)
			}
			names[s.Alias] = f
		case *ast.InlineFragment:
			copied := m.collect(s.SelectionSet, names, spreads)
			if !m.add(1 + copied) {
				return n
			}
			n += copied
		case *ast.FragmentSpread:
			f := m.fragments[s.Name]
			copied := 0
			if f != nil && !spreads[s.Name] {
				spreads[s.Name], m.merged[s.Name] = true, true
				copied = m.collect(f.SelectionSet, names, spreads)
			}
			if !m.add(1 + copied) {
				return n
			}
			n += copied
		}
	}
	return n
}
