package httpapi

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator/core"

	"github.com/partnergraph/partnergraph/internal/apierror"
)

// introspectionDepth is how deep __schema and __type may go, counted from themselves.
// GraphiQL and code generators ask 15 deep, for types wrapped in lists and non-nulls; it
// costs no more than the schema has, for the validator bounds the lists in it.
const introspectionDepth = 20

// operations is how many operations a document may have: the validator goes through all
// fragments again for each.
const operations = 20

// limits are the bounds of documents. What is beyond them is refused before it is
// validated. (The body's bound is the transport's; field values and calls to vendors are
// bounded by the resolvers, once the document is valid.)
type limits struct {
	tokens, depth, aliases int
}

// preparation parses, bounds and validates the documents of requests.
type preparation struct {
	limits
	schema *ast.Schema
	rules  func(discreet bool) map[string]core.RuleFunc // discreet: without suggestions
	valid  graphql.Cache[*ast.QueryDocument]            // documents that passed before
}

// prepare is the document of a request, or what is wrong with it. It looks at the context
// throughout.
func (p preparation) prepare(ctx context.Context, params *graphql.RawParams) (*ast.QueryDocument, gqlerror.List) {
	if err := ctx.Err(); err != nil { // nobody waits for what would be found
		return nil, gqlerror.List{gqlerror.Wrap(err)}
	}
	doc, known := p.valid.Get(ctx, params.Query)
	cyclic := false
	if !known {
		var err *gqlerror.Error
		if doc, err = p.parse(params.Query); err == nil {
			cyclic, err = p.check(doc)
		}
		if err != nil {
			return nil, gqlerror.List{err}
		}
	}
	if err := choose(ctx, doc, params.OperationName); err != nil {
		return nil, gqlerror.List{err}
	}
	if known {
		return doc, nil
	}
	rules := p.rules(longToken(params.Query))
	if cyclic {
		rules = cycleRules()
	}
	if errs := validate(ctx, p.schema, doc, rules); len(errs) > 0 {
		return nil, errs
	}
	p.valid.Add(ctx, params.Query, doc)
	return doc, nil
}

// parse parses a document within the limit of tokens.
func (l limits) parse(query string) (*ast.QueryDocument, *gqlerror.Error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, l.tokens)
	if err != nil {
		if n := tokens(query); n > l.tokens {
			return nil, exceeded("tokens", int64(n), int64(l.tokens), last(doc), "the document has %d tokens, and %d are allowed")
		}
		wrong := gqlerror.WrapIfUnwrapped(err)
		errcode.Set(wrong, errcode.ParseFailed)
		return nil, wrong
	}
	if len(doc.Operations) == 0 {
		none := gqlerror.Errorf("no operation provided")
		errcode.Set(none, errcode.ValidationFailed)
		return nil, none
	}
	return doc, nil
}

// choose finds the operation of a document that is asked for, and refuses one that the
// method does not allow.
func choose(ctx context.Context, doc *ast.QueryDocument, name string) *gqlerror.Error {
	op := doc.Operations.ForName(name)
	switch {
	case op == nil && name == "":
		return badRequest("the document has several operations: say which one by `operationName`")
	case op == nil:
		return badRequest("the document has no operation of the name in `operationName`")
	case op.Operation == ast.Subscription && ctx.Value(streamedKey{}) == nil:
		return badRequest("a subscription needs a stream: send it with `Accept: " + eventStreamType +
			"`, or over a WebSocket with the subprotocol " + socketProtocol)
	case op.Operation == ast.Mutation && ctx.Value(queriesOnlyKey{}) != nil:
		return errQueriesOnly
	}
	return nil
}

func badRequest(text string) *gqlerror.Error {
	return &gqlerror.Error{Message: text, Extensions: map[string]any{"code": apierror.BadUserInput}}
}

// exceeded is the error of what goes beyond a limit, by its name in the configuration, at a
// field, if it is one's. The format has the two numbers.
func exceeded(limit string, asked, allowed int64, field, format string) *gqlerror.Error {
	err := &gqlerror.Error{
		Message:    fmt.Sprintf(format, asked, allowed),
		Extensions: map[string]any{"code": apierror.TooComplex, "limit": limit, "asked": asked, "allowed": allowed},
	}
	if field != "" {
		err.Message += "; the first beyond is at " + field
		err.Extensions["field"] = field
	}
	return err
}

// tokens counts the tokens of a document, up to the first that is none.
func tokens(query string) int {
	l := lexer.New(&ast.Source{Input: query})
	for n := 0; ; n++ {
		if t, err := l.ReadToken(); err != nil || t.Kind == lexer.EOF {
			return n
		}
	}
}

// maxSuggested is how many bytes a word may have for which others are suggested. No word of
// the schema has half as many.
const maxSuggested = 100

// longToken says whether a document has a name or a value that is longer than any for which
// another is suggested. To find a suggestion it would be compared with each word of the
// schema, letter by letter.
func longToken(query string) bool {
	if len(query) <= maxSuggested {
		return false
	}
	for l := lexer.New(&ast.Source{Input: query}); ; {
		t, err := l.ReadToken()
		if err != nil || t.Kind == lexer.EOF {
			return false
		}
		if t.Kind != lexer.Comment && len(t.Value) > maxSuggested {
			return true
		}
	}
}

// last is the path of the field at which the parser gave up; "" where it was not at one.
func last(doc *ast.QueryDocument) string {
	var set ast.SelectionSet
	if n := len(doc.Fragments); n > 0 {
		set = doc.Fragments[n-1].SelectionSet
	} else if n := len(doc.Operations); n > 0 {
		set = doc.Operations[n-1].SelectionSet
	}
	var path []string
	for len(set) > 0 {
		switch s := set[len(set)-1].(type) {
		case *ast.Field:
			if s.Alias != "" {
				path = append(path, s.Alias)
			}
			set = s.SelectionSet
		case *ast.InlineFragment:
			set = s.SelectionSet
		default:
			set = nil
		}
	}
	return strings.Join(path, ".")
}

// check refuses a document that has too many operations, is too deep, repeats itself too
// often or takes too long to validate, all its operations and fragments together. It says
// whether fragments contain themselves.
func (l limits) check(doc *ast.QueryDocument) (cyclic bool, err *gqlerror.Error) {
	if n := len(doc.Operations); n > operations {
		return false, exceeded("operations", int64(n), operations, "", "the document has %d operations, and %d are allowed")
	}
	m := &measure{limits: l, bound: l.depth, fragments: map[string]*fragment{}}
	for _, f := range doc.Fragments {
		if m.fragments[f.Name] == nil {
			m.fragments[f.Name] = &fragment{}
		}
		m.fragments[f.Name].sets = append(m.fragments[f.Name].sets, f.SelectionSet)
	}
	for _, op := range doc.Operations {
		m.set(op.SelectionSet, 1, "", map[name]bool{})
	}
	for _, f := range doc.Fragments { // to find that one is used by no operation takes the validator as long as the others
		if known := m.fragments[f.Name]; !known.seen {
			m.spread(known, 1)
		}
	}
	if m.tooDeep != nil {
		return false, m.tooDeep
	}
	if m.aliased > l.aliases {
		return false, exceeded("aliases", int64(m.aliased), int64(l.aliases), m.aliasedAt,
			"the document has %d fields that have an alias or stand twice, and %d are allowed")
	}
	n, cyclic := countSteps(doc)
	if n > maxSteps {
		return false, exceeded(
			"steps",
			maxSteps+1,
			maxSteps,
			"",
			"the document takes %d steps or more to validate, and %d are allowed: use fewer fragments, or select fewer fields in several of them",
		)
	}
	return cyclic, nil
}

// measure goes through every selection of a document once: what it knows of a fragment, it
// adds where else that is spread.
type measure struct {
	limits
	fragments map[string]*fragment
	path      []string // of the current field
	base      int      // how many fields of the path are above those that bound counts …
	bound     int      // … and how many it allows below
	beyond    int      // by how much the deepest field is too deep
	tooDeep   *gqlerror.Error
	aliased   int    // fields under an alias, and those that stand twice in a selection, so far
	aliasedAt string // where they became too many
}

// fragment is what is known of one: nothing but seen while it is gone through, so that one
// that contains itself has an end.
type fragment struct {
	sets    []ast.SelectionSet // one, unless several fragments have the name, which the validator refuses
	seen    bool
	height  int // levels of fields
	aliased int
}

// name is a field or spread in a selection, under a type condition: fields of different
// types are not the same.
type name struct{ condition, text string }

// set goes through a selection at a depth, and returns how many levels of fields it has.
// seen are the names it already had.
func (m *measure) set(set ast.SelectionSet, depth int, condition string, seen map[name]bool) (height int) {
	once := func(text string) bool {
		n := name{condition, text}
		again := seen[n]
		seen[n] = true
		return !again
	}
	for _, s := range set {
		levels := 0
		switch s := s.(type) {
		case *ast.Field:
			m.path = append(m.path, s.Alias)
			if !once(s.Alias) || s.Alias != s.Name {
				m.alias(1)
			}
			levels = 1 + m.below(s, depth)
			m.reach(depth)
			m.path = m.path[:len(m.path)-1]
		case *ast.InlineFragment:
			inner := condition
			if s.TypeCondition != "" {
				inner = s.TypeCondition
			}
			levels = m.set(s.SelectionSet, depth, inner, seen)
		case *ast.FragmentSpread:
			if !once("..." + s.Name) {
				m.alias(1)
			}
			if f := m.fragments[s.Name]; f != nil {
				levels = m.spread(f, depth)
			}
		}
		height = max(height, levels)
	}
	return height
}

// below goes through what is selected of a field. What is below a field of introspection
// has a bound of its own.
func (m *measure) below(f *ast.Field, depth int) (height int) {
	if f.Name != "__schema" && f.Name != "__type" {
		return m.set(f.SelectionSet, depth+1, "", map[name]bool{})
	}
	base, bound := m.base, m.bound
	m.base, m.bound = len(m.path)-1, max(introspectionDepth, m.depth)
	m.set(f.SelectionSet, 2, "", map[name]bool{})
	m.base, m.bound = base, bound
	return 0
}

// spread goes through a fragment, or adds what is known of it.
func (m *measure) spread(f *fragment, depth int) (height int) {
	if f.seen {
		m.alias(f.aliased)
		m.reach(depth + f.height - 1)
		return f.height
	}
	f.seen = true
	before := m.aliased
	for _, set := range f.sets {
		height = max(height, m.set(set, depth, "", map[name]bool{}))
	}
	f.height, f.aliased = height, m.aliased-before
	return height
}

// alias counts what stands under an alias or again. Fragments in fragments can double it at
// each level: the count has an end.
func (m *measure) alias(n int) {
	m.aliased = min(m.aliased+n, math.MaxInt32)
	if m.aliased > m.aliases && m.aliasedAt == "" {
		m.aliasedAt = strings.Join(m.path, ".")
	}
}

// reach notes that there are fields this deep, at the current path or in a fragment there.
func (m *measure) reach(depth int) {
	if beyond := depth - m.bound; beyond > m.beyond {
		m.beyond = beyond
		at := m.path[:min(len(m.path), m.base+m.bound+1)]
		m.tooDeep = exceeded(
			"depth",
			int64(depth),
			int64(m.bound),
			strings.Join(at, "."),
			"the document is %d fields deep, and %d are allowed",
		)
	}
}
