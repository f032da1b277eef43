package resolvers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/schema"
)

// lookQuery is a random document of edges below edges, as staff asks for: lists of few and
// of many rows, fields again under other aliases, fragments, filters, and records by id.
type lookQuery struct {
	r         *rand.Rand
	accounts  []string // their ids
	ids       []string
	known     map[string][]string // ids by noun
	fragments []string
	aliases   int
	roots     int // the most fields of Query
	edges     int // that may still be selected
}

// unequal are the fields whose values are not the same a moment later.
var unequal = map[string]bool{
	"Account.fetchedAt": true, "Account.status": true, "Account.lastError": true, "Account.lastSuccessAt": true, "Account.rateLimit": true,
	"Query.rawRecord": true, "Account.capabilities": true, // which are learnt
}

func (q *lookQuery) document() string {
	q.edges = 2 + q.r.IntN(6)
	var b strings.Builder
	for range 1 + q.r.IntN(q.roots) {
		name := dearKinds["lists"][q.r.IntN(len(dearKinds["lists"]))]
		switch q.r.IntN(8) {
		case 0:
			name = dearKinds["node"][q.r.IntN(len(dearKinds["node"]))]
		case 1:
			name = "nodes"
		}
		b.WriteString(" " + q.field(schema.Parsed().Query, name, 0))
	}
	return "{" + b.String() + " }" + strings.Join(q.fragments, "")
}

// pick is one of several; the zero value of none.
func pick[T any](q *lookQuery, all []T) (one T) {
	if len(all) > 0 {
		one = all[q.r.IntN(len(all))]
	}
	return one
}

// field is a field under an alias, with its arguments and what is selected below it.
func (q *lookQuery) field(of *ast.Definition, name string, depth int) string {
	def := of.Fields.ForName(name)
	var given []string
	for _, arg := range def.Arguments {
		switch arg.Name {
		case "first":
			all := [][]int{{1, 3, 10, 30, 60, 100}, {1, 2, 5, 20}, {1, 2, 3}}[min(depth, 2)]
			given = append(given, fmt.Sprint("first: ", pick(q, all)))
		case "id":
			all := q.known[def.Type.Name()]
			if len(all) == 0 {
				all = q.ids
			}
			given = append(given, fmt.Sprintf("id: %q", pick(q, all)))
		case "ids":
			given = append(given, "ids: ["+repeated(1+q.r.IntN(12), func() string { return fmt.Sprintf(" %q", pick(q, q.ids)) })+" ]")
		case "filter":
			if q.r.IntN(3) == 0 {
				given = append(given, "filter: "+q.filter(schema.Parsed().Types[arg.Type.Name()]))
			}
		}
	}
	text := name
	if len(given) > 0 {
		text += "(" + strings.Join(given, ", ") + ")"
	}
	q.aliases++
	return fmt.Sprintf("x%d: %s%s", q.aliases, text, q.selection(schema.Parsed().Types[def.Type.Name()], depth))
}

// filter narrows by accounts, by states, or by what is known.
func (q *lookQuery) filter(def *ast.Definition) string {
	text := "{"
	for _, f := range def.Fields {
		typ := schema.Parsed().Types[f.Type.Name()]
		noun := map[string]string{"affiliates": "Affiliate", "campaigns": "Campaign", "referrals": "Referral", "payouts": "Payout"}[f.Name]
		switch {
		case q.r.IntN(3) > 0:
		case f.Name == "accounts":
			text += " accounts: [" + repeated(1+q.r.IntN(2), func() string { return fmt.Sprintf(" %q", pick(q, q.accounts)) }) + " ]"
		case typ.Kind == ast.Enum && f.Type.Elem != nil:
			text += " " + f.Name + ": [" + repeated(1+q.r.IntN(2), func() string { return " " + pick(q, typ.EnumValues).Name }) + " ]"
		case noun != "" && f.Type.Elem != nil:
			text += " " + f.Name + ": [" + repeated(1+q.r.IntN(3), func() string { return fmt.Sprintf(" %q", pick(q, q.known[noun])) }) + " ]"
		}
	}
	return text + " }"
}

// selection is what is selected of a type; nothing of a leaf.
func (q *lookQuery) selection(def *ast.Definition, depth int) string {
	if !def.IsCompositeType() {
		return ""
	}
	if nodes := def.Fields.ForName("nodes"); nodes != nil { // a connection
		record := schema.Parsed().Types[nodes.Type.Name()]
		text := " {"
		if q.r.IntN(4) == 0 {
			text += " totalCount"
		}
		if q.r.IntN(4) == 0 {
			text += " pageInfo { hasNextPage startCursor endCursor }"
		}
		kind := q.r.IntN(6)
		if kind != 0 {
			text += " nodes" + q.selection(record, depth+1)
		}
		if kind <= 1 {
			text += " edges { cursor node" + q.selection(record, depth+1) + " }"
		}
		if kind == 2 {
			text += " more: nodes" + q.selection(record, depth+1)
		}
		return text + " }"
	}
	if def.Kind == ast.Interface {
		return " { __typename id" + repeated(2+q.r.IntN(3), func() string {
			name := pick(q, []string{"Affiliate", "Campaign", "Referral", "Commission", "Payout", "Coupon", "Membership"})
			q.aliases++
			return " ... on " + name + q.selection(schema.Parsed().Types[name], depth+1)
		}) + " }"
	}
	var leaves, inner []string
	for _, f := range def.Fields {
		key := def.Name + "." + f.Name
		roles := schema.Roles(def.Name, f.Name)
		if unequal[key] || strings.HasPrefix(f.Name, "__") || roles != nil && !slices.Contains(roles, "ADMIN") {
			continue
		}
		if schema.Parsed().Types[f.Type.Name()].IsCompositeType() {
			inner = append(inner, f.Name)
		} else {
			leaves = append(leaves, f.Name)
		}
	}
	text := " {"
	if def.Fields.ForName("id") != nil && q.r.IntN(5) > 0 {
		text += " id"
	}
	text += " __typename"
	for range q.r.IntN(4) {
		if len(leaves) > 0 {
			text += " " + pick(q, leaves)
		}
	}
	isRecord := def.Fields.ForName("id") != nil && def.Name != "Account"
	for range 1 + q.r.IntN(2) {
		if len(inner) == 0 || depth > 4 || isRecord && q.edges <= 0 {
			break
		}
		if isRecord {
			q.edges--
		}
		text += " " + q.field(def, pick(q, inner), depth+1)
	}
	if q.r.IntN(6) == 0 {
		name := fmt.Sprint("F", len(q.fragments))
		q.fragments = append(q.fragments, fmt.Sprintf(" fragment %s on %s%s }", name, def.Name, text))
		return " { ..." + name + " }"
	}
	return text + " }"
}
