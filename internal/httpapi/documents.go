package httpapi

import (
	"cmp"
	"context"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/persisted"
)

// documentBytes is what parsed documents may take in each part of the cache by default.
const documentBytes = 16 << 20

// documents are those that were parsed and found valid, by their text. They are bounded in
// bytes, and apart for partners and staff, so that no partner drives staff's documents out.
type documents struct {
	staff, partners *otter.Cache[string, *ast.QueryDocument]
}

var _ graphql.Cache[*ast.QueryDocument] = (*documents)(nil)

func newDocuments(bytes int64) *documents {
	part := func() *otter.Cache[string, *ast.QueryDocument] {
		return otter.Must(&otter.Options[string, *ast.QueryDocument]{
			MaximumWeight: uint64(cmp.Or(bytes, documentBytes)),
			Weigher:       func(text string, doc *ast.QueryDocument) uint32 { return uint32(documentSize(text, doc)) },
			Logger:        &otter.NoopLogger{},
		})
	}
	return &documents{part(), part()}
}

// part is the part of whoever asks in this context.
func (d *documents) part(ctx context.Context) *otter.Cache[string, *ast.QueryDocument] {
	if part(ctx) == persisted.Partners {
		return d.partners
	}
	return d.staff
}

// Get looks a document up.
func (d *documents) Get(ctx context.Context, text string) (*ast.QueryDocument, bool) {
	return d.part(ctx).GetIfPresent(text)
}

// Add keeps a document.
func (d *documents) Add(ctx context.Context, text string, doc *ast.QueryDocument) {
	d.part(ctx).Set(text, doc)
}

// forget empties both parts.
func (d *documents) forget() {
	d.staff.InvalidateAll()
	d.partners.InvalidateAll()
}

// entrySize is about what an entry takes in the cache's own tables.
const entrySize = 256

// documentSize is about what a parsed document takes in memory, its text with it. Nodes
// point into the text and into the schema, which is not counted.
func documentSize(text string, doc *ast.QueryDocument) int {
	n := sizer(entrySize + len(text))
	for _, o := range doc.Operations {
		n.node(unsafe.Sizeof(*o), len(o.SelectionSet))
		n.variables(o.VariableDefinitions)
		n.directives(o.Directives)
		n.comment(o.Comment)
		n.selections(o.SelectionSet)
	}
	for _, f := range doc.Fragments {
		n.node(unsafe.Sizeof(*f), len(f.SelectionSet))
		n.variables(f.VariableDefinition)
		n.directives(f.Directives)
		n.comment(f.Comment)
		n.selections(f.SelectionSet)
	}
	n.comment(doc.Comment)
	return int(n)
}

// sizer adds the sizes of nodes up.
type sizer int

// node adds a node, the pointer to it, its position, and the list of its children. Lists grow by
// doubling, so that half of one may be unused; the allocator rounds sizes up by an eighth.
func (n *sizer) node(size uintptr, children int) {
	const pointer, selection = 8, 16
	*n += sizer(size+size/8) + sizer(unsafe.Sizeof(ast.Position{})) + pointer + selection + sizer(children*selection)
}

func (n *sizer) selections(set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			n.node(unsafe.Sizeof(*s), len(s.SelectionSet))
			if s.Name == "__typename" { // the validator makes a definition of each
				n.node(unsafe.Sizeof(ast.FieldDefinition{})+unsafe.Sizeof(ast.Type{}), 0)
			}
			n.arguments(s.Arguments)
			n.directives(s.Directives)
			n.comment(s.Comment)
			n.selections(s.SelectionSet)
		case *ast.InlineFragment:
			n.node(unsafe.Sizeof(*s), len(s.SelectionSet))
			n.directives(s.Directives)
			n.comment(s.Comment)
			n.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			n.node(unsafe.Sizeof(*s), 0)
			n.directives(s.Directives)
			n.comment(s.Comment)
		}
	}
}

func (n *sizer) variables(list ast.VariableDefinitionList) {
	for _, v := range list {
		n.node(unsafe.Sizeof(*v), 0)
		for t := v.Type; t != nil; t = t.Elem {
			n.node(unsafe.Sizeof(*t), 0)
		}
		n.value(v.DefaultValue)
		n.directives(v.Directives)
		n.comment(v.Comment)
	}
}

func (n *sizer) directives(list ast.DirectiveList) {
	for _, d := range list {
		n.node(unsafe.Sizeof(*d), 0)
		n.arguments(d.Arguments)
	}
}

func (n *sizer) arguments(list ast.ArgumentList) {
	for _, a := range list {
		n.node(unsafe.Sizeof(*a), 0)
		n.comment(a.Comment)
		n.value(a.Value)
	}
}

func (n *sizer) value(v *ast.Value) {
	if v == nil {
		return
	}
	n.node(unsafe.Sizeof(*v), len(v.Children))
	if v.Kind == ast.StringValue || v.Kind == ast.BlockValue {
		*n += sizer(len(v.Raw)) // a copy, where it has escapes
	}
	n.comment(v.Comment)
	for _, child := range v.Children {
		n.node(unsafe.Sizeof(*child), 0)
		n.value(child.Value)
	}
}

func (n *sizer) comment(group *ast.CommentGroup) {
	if group == nil {
		return
	}
	n.node(unsafe.Sizeof(*group), 0)
	for _, c := range group.List {
		n.node(unsafe.Sizeof(*c), 0)
	}
}
