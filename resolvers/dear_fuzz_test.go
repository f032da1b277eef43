package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// dearKinds are the kinds of documents that are searched: the fields of Query that they
// begin with.
var dearKinds = map[string][]string{
	"lists":         {"affiliates", "memberships", "campaigns", "referrals", "commissions", "payouts", "coupons"},
	"node":          {"node", "affiliate", "campaign", "referral", "commission", "payout"},
	"nodes":         {"nodes"},
	"viewer":        {"viewer", "accounts"},
	"introspection": {"__schema", "__type"},
}

// dearQuery is a document over the schema that bytes choose: fields, aliases, fragments,
// filters, ids and numbers of rows.
type dearQuery struct {
	choices   []byte
	ids       []string
	fragments []string
	role      string
	fields    int
	most      int // fields
	aliases   int // without those of the roots
	nested    int // lists of the schema in each other, where the document has come to
}

// schemaLists are the fields of the schema of which the validator allows two in each other.
var schemaLists = []string{"fields", "inputFields", "interfaces", "possibleTypes"}

// next is a choice of n; the first, when the bytes are at their end.
func (q *dearQuery) next(n int) int {
	if len(q.choices) == 0 || n < 2 {
		return 0
	}
	c := int(q.choices[0])
	q.choices = q.choices[1:]
	return c % n
}

// document begins with fields of Query.
func (q *dearQuery) document(roots []string) string {
	var b strings.Builder
	b.WriteString("{")
	q.most = 1 + q.next(250)
	most := 5
	if strings.HasPrefix(roots[0], "__") {
		most = 2
	}
	for i := range 1 + q.next(most) {
		def := schema.Parsed().Query.Fields.ForName(roots[q.next(len(roots))])
		if def != nil {
			fmt.Fprintf(&b, " r%d: %s", i, q.field(def, 2))
		}
	}
	return b.String() + " __typename }" + strings.Join(q.fragments, "")
}

// field is a field with its arguments and its selection.
func (q *dearQuery) field(def *ast.FieldDefinition, depth int) string {
	q.fields++
	if slices.Contains(schemaLists, def.Name) {
		q.nested++
		defer func() { q.nested-- }()
	}
	var given []string
	for _, arg := range def.Arguments {
		switch {
		case arg.Name == "first":
			given = append(given, fmt.Sprint("first: ", []int{1, 1, 2, 3, 5, 10, 50, 100}[q.next(8)]))
		case arg.Name == "id":
			given = append(given, fmt.Sprintf("id: %q", q.ids[q.next(len(q.ids))]))
		case arg.Name == "ids":
			given = append(given, "ids: ["+repeated(1+q.next(100), func() string { return fmt.Sprintf(" %q", q.ids[q.next(len(q.ids))]) })+"]")
		case arg.Name == "name":
			given = append(given, fmt.Sprintf("name: %q", []string{"Query", "Affiliate", "Capability", "Commission"}[q.next(4)]))
		case arg.Name == "filter" && q.next(2) == 1:
			given = append(given, "filter: "+q.filter(schema.Parsed().Types[arg.Type.Name()]))
		}
	}
	text := def.Name
	if len(given) > 0 {
		text += "(" + strings.Join(given, ", ") + ")"
	}
	return text + q.selection(schema.Parsed().Types[def.Type.Name()], depth)
}

// filter narrows a list by some of its members.
func (q *dearQuery) filter(def *ast.Definition) string {
	text, used := "{", map[string]bool{}
	for range 1 + q.next(3) {
		f := def.Fields[q.next(len(def.Fields))]
		value := func() string { return fmt.Sprintf("%q", q.ids[q.next(len(q.ids))]) }
		switch typ := schema.Parsed().Types[f.Type.Name()]; {
		case f.Name == "accounts":
			value = func() string { return fmt.Sprintf("%q", account("promotekit")) }
		case typ.Kind == ast.Enum:
			value = func() string { return typ.EnumValues[q.next(len(typ.EnumValues))].Name }
		case typ.Kind == ast.InputObject || typ.Name != "ID" && typ.Name != "String":
			continue
		}
		if roles := schema.Roles(def.Name, f.Name); used[f.Name] || roles != nil && !slices.Contains(roles, q.role) {
			continue
		}
		used[f.Name] = true
		if f.Type.Elem == nil {
			text += " " + f.Name + ": " + value()
		} else {
			text += " " + f.Name + ": [" + repeated(1+q.next(100), func() string { return " " + value() }) + "]"
		}
	}
	return text + " }"
}

func repeated(n int, text func() string) string {
	var b strings.Builder
	for range n {
		b.WriteString(text())
	}
	return b.String()
}

// selection is a selection of a type; nothing for a leaf.
func (q *dearQuery) selection(def *ast.Definition, depth int) string {
	switch def.Kind {
	case ast.Object:
	case ast.Interface:
		types := []string{"Affiliate", "Campaign", "Referral", "Commission", "Payout"}
		return " { id" + repeated(1+q.next(2), func() string {
			name := types[q.next(len(types))]
			return " ... on " + name + q.selection(schema.Parsed().Types[name], depth)
		}) + " }"
	default:
		return ""
	}
	text := " { __typename"
	fields := slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
		roles := schema.Roles(def.Name, f.Name)
		return strings.HasPrefix(f.Name, "__") || roles != nil && !slices.Contains(roles, q.role) || q.nested == 2 && slices.Contains(schemaLists, f.Name)
	})
	for _, rows := range []string{"nodes", "edges", "types", "fields", "node"} { // where the rows are
		if f := ast.FieldList(fields).ForName(rows); f != nil && depth < 12 && q.fields < q.most {
			text += " " + q.field(f, depth+1)
		}
	}
	used := map[string]bool{"nodes": true, "edges": true, "types": true, "fields": true, "node": true}
	for range q.next(14) {
		f := fields[q.next(len(fields))]
		composite := schema.Parsed().Types[f.Type.Name()].IsCompositeType()
		if q.fields > q.most || composite && depth >= 11 {
			break
		}
		alias := ""
		if q.next(6) == 5 && q.aliases < 44 {
			q.aliases++
			alias = fmt.Sprintf("x%d: ", q.aliases)
		} else if used[f.Name] {
			continue
		} else {
			used[f.Name] = true
		}
		text += " " + alias + q.field(f, depth+1)
	}
	if q.next(5) == 4 && !strings.HasPrefix(def.Name, "__") {
		name := fmt.Sprint("F", len(q.fragments))
		q.fragments = append(q.fragments, fmt.Sprintf(" fragment %s on %s%s }", name, def.Name, text))
		return " { ..." + name + " }"
	}
	return text + " }"
}

// dearCost is what a document took.
type dearCost struct {
	tokens, calls, answer, values int
	allocated                     uint64
	cpu                           time.Duration
	text, refused                 string
	seed                          uint64
}

// dearWorld answers the searched documents of staff and of a partner.
type dearWorld struct {
	*world
	ids    []string
	tokens map[string]string // by role
}

// cold is a server with an empty cache, in front of the same vendors.
func (w *dearWorld) cold() *dearWorld {
	c := *w
	c.world = newWorld(w.t, setup{calls: maxDearCalls, noBudget: true, tokens: true, beside: w.world})
	return &c
}

// found measures the document of a kind that a seed chooses.
func (w *dearWorld) found(kind string, seed uint64) dearCost {
	role := dearRoles[seed%uint64(len(dearRoles))]
	q := dearQuery{choices: randomChoices(seed), ids: w.ids, role: role}
	c := w.measure(q.document(dearKinds[kind]), role)
	c.seed = seed
	return c
}

// dearRoles are the roles that ask.
var dearRoles = []string{"ADMIN", "PARTNER"}

const (
	maxDearCalls     = 50
	maxDearAnswer    = 4 << 20
	maxDearAllocated = 64 << 20
)

func newDearWorld(t testing.TB) *dearWorld {
	w := &dearWorld{world: newWorld(t, setup{calls: maxDearCalls, noBudget: true, tokens: true, ticks: true})}
	for _, account := range slices.Sorted(maps.Keys(w.accounts)) {
		for _, noun := range []providers.Noun{providers.NounAffiliate, providers.NounCampaign, providers.NounReferral, providers.NounCommission} {
			w.ids = append(w.ids, idsOf(account, noun, 2)...)
		}
	}
	var a struct {
		Affiliates, Commissions, Referrals struct{ Nodes []struct{ ID string } }
	}
	w.tokens = map[string]string{"ADMIN": w.token(&auth.Viewer{Name: "admin", Role: auth.RoleAdmin})}
	found := w.ask(`{ affiliates(first: 20) { nodes { id } } commissions(first: 20) { nodes { id } } referrals(first: 20) { nodes { id } } }`,
		nil, "Authorization", "Bearer "+w.tokens["ADMIN"])
	if err := json.Unmarshal(found.Data, &a); err != nil {
		t.Fatal(err)
	}
	w.tokens["PARTNER"] = w.token(&auth.Viewer{Name: "partner", Role: auth.RolePartner, Affiliates: []string{a.Affiliates.Nodes[0].ID, a.Affiliates.Nodes[1].ID}})
	for _, rows := range [][]struct{ ID string }{a.Affiliates.Nodes, a.Commissions.Nodes, a.Referrals.Nodes} {
		for _, r := range rows {
			w.ids = append(w.ids, r.ID)
		}
	}
	return w
}

// measure answers a document of a viewer with this role.
func (w *dearWorld) measure(query, role string) (c dearCost) {
	body, _ := json.Marshal(map[string]string{"query": query})
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://localhost/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(httpapi.ExplainHeader, "1")
	r.Header.Set("Authorization", "Bearer "+w.tokens[role])
	sent := func() (n int) {
		for _, kit := range w.kits {
			n += len(kit.Requests())
		}
		return n
	}
	calls := sent()
	recorded := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := cpuTime()
	w.handler.ServeHTTP(recorded, r)
	c.cpu = cpuTime() - begin
	runtime.ReadMemStats(&after)
	c.allocated, c.answer, c.calls, c.text = after.TotalAlloc-before.TotalAlloc, recorded.Body.Len(), sent()-calls, query
	for l := lexer.New(&ast.Source{Input: query}); ; c.tokens++ {
		if t, err := l.ReadToken(); err != nil || t.Kind == lexer.EOF {
			break
		}
	}
	var a answer
	if json.Unmarshal(recorded.Body.Bytes(), &a) != nil {
		return c
	}
	var data any
	if json.Unmarshal(a.Data, &data) == nil {
		c.values = countLeaves(data)
	}
	if a.Data == nil && len(a.Errors) > 0 {
		c.refused = fmt.Sprint(a.Errors[0].Extensions["code"], " ", a.Errors[0].Extensions["limit"])
		if a.Errors[0].Extensions["limit"] == nil {
			c.refused = a.Errors[0].Message
		}
	}
	return c
}

// countLeaves counts the values of a JSON value that are neither objects nor lists.
func countLeaves(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			n += countLeaves(member)
		}
		return n
	case []any:
		for _, item := range v {
			n += countLeaves(item)
		}
		return n
	}
	return 1
}

func (c dearCost) beyond() bool {
	return c.calls > maxDearCalls || c.answer > maxDearAnswer || c.allocated > maxDearAllocated
}

// FuzzDearestQuery searches for the most expensive document over the schema: whatever it is, it
// allocates, answers and calls within these bounds.
func FuzzDearestQuery(f *testing.F) {
	kinds := []string{"introspection", "lists", "node", "nodes", "viewer"}
	for kind := range len(kinds) * len(dearRoles) {
		for seed := range uint64(3) {
			choices := randomChoices(seed)
			f.Add(append([]byte{byte(kind)}, choices[:100]...))
		}
	}
	for i, kind := range kinds {
		for _, seed := range dearFindings[kind] {
			role := int(seed % uint64(len(dearRoles)))
			f.Add(append([]byte{byte(i + role*len(kinds))}, randomChoices(seed)...))
		}
	}
	w := newDearWorld(f)
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) == 0 || len(choices) > 4000 {
			return
		}
		w.t = t // a fuzz target must not use the F
		kind := int(choices[0])
		q := dearQuery{choices: choices[1:], ids: w.ids, role: dearRoles[kind/len(kinds)%len(dearRoles)]}
		c := w.measure(q.document(dearKinds[kinds[kind%len(kinds)]]), q.role)
		if c.beyond() {
			t.Errorf("%d calls, %d bytes, %d bytes allocated: %s", c.calls, c.answer, c.allocated, c.text)
		}
	})
}

func randomChoices(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 3000)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}
