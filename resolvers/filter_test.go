package resolvers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// filterField is a field of the filter of a root list.
type filterField struct {
	list   string // commissions
	input  string // CommissionFilter
	field  *ast.FieldDefinition
	roles  []auth.Role // that may list it
	isList bool
}

// filterFields are all fields of all filters that the schema has.
func filterFields(t *testing.T) (out []filterField) {
	t.Helper()
	seen := map[string]bool{}
	for _, list := range schema.Parsed().Query.Fields {
		arg := list.Arguments.ForName("filter")
		if arg == nil {
			continue
		}
		seen[arg.Type.Name()] = true
		for _, f := range schema.Parsed().Types[arg.Type.Name()].Fields {
			item := filterField{list: list.Name, input: arg.Type.Name(), field: f, isList: f.Type.Elem != nil}
			for _, role := range []auth.Role{auth.RoleAdmin, auth.RolePartner} {
				roles := schema.Roles("Query", list.Name)
				if strings.Contains(strings.Join(roles, " "), string(role)) {
					item.roles = append(item.roles, role)
				}
			}
			out = append(out, item)
		}
	}
	for name, def := range schema.Parsed().Types {
		if def.Kind == ast.InputObject && strings.HasSuffix(name, "Filter") && !seen[name] && name != "ChangeFilter" { // of the stream of changes
			t.Errorf("no root list takes %s", name)
		}
	}
	return out
}

// filterWorld is a world with viewers, and a way to ask it that says whether a vendor was called.
func filterWorld(t *testing.T) (ask func(role auth.Role, query string, variables map[string]any) (a *answer, called bool)) {
	var heard lines
	w := newWorld(t, setup{portal: true, noBudget: true, heard: &heard})
	found := firstEmail(w)
	viewers := map[auth.Role]*auth.Viewer{
		auth.RoleAdmin:   {Name: "staff", Role: auth.RoleAdmin},
		auth.RolePartner: {Name: "kim", Role: auth.RolePartner, Email: found},
	}
	return func(role auth.Role, query string, variables map[string]any) (*answer, bool) {
		heard.take()
		a := w.browse(viewers[role], query, variables)
		return a, heard.take() != ""
	}
}

// firstEmail is the address of an affiliate.
func firstEmail(w *world) string {
	w.t.Helper()
	a := w.browse(&auth.Viewer{Name: "staff", Role: auth.RoleAdmin}, `{ affiliates(first: 1) { nodes { email } } }`, nil)
	var data struct {
		Affiliates struct{ Nodes []struct{ Email string } }
	}
	if err := json.Unmarshal(a.Data, &data); err != nil || len(data.Affiliates.Nodes) == 0 || data.Affiliates.Nodes[0].Email == "" {
		w.t.Fatalf("%v: %s", err, clipped(a.text))
	}
	return data.Affiliates.Nodes[0].Email
}

// ways are the ways in which a value of a filter's field can be given: the query, and its
// variables.
func (f filterField) ways(value any) map[string]struct {
	query     string
	variables map[string]any
} {
	text, _ := json.Marshal(value)
	literal := string(text)
	if schema.Parsed().Types[f.field.Type.Name()].Kind == ast.Enum {
		literal = strings.ReplaceAll(literal, `"`, "")
	}
	rows := "{ nodes { id } pageInfo { hasNextPage } }"
	return map[string]struct {
		query     string
		variables map[string]any
	}{
		"literal":  {fmt.Sprintf(`{ %s(first: 3, filter: {%s: %s}) %s }`, f.list, f.field.Name, literal, rows), nil},
		"filter":   {fmt.Sprintf(`query ($f: %s) { %s(first: 3, filter: $f) %s }`, f.input, f.list, rows), map[string]any{"f": map[string]any{f.field.Name: value}}},
		"variable": {fmt.Sprintf(`query ($v: %s) { %s(first: 3, filter: {%s: $v}) %s }`, f.field.Type, f.list, f.field.Name, rows), map[string]any{"v": value}},
	}
}

// TestEmptyListInFilter wants an empty list in any filter to match nothing, without a call.
func TestEmptyListInFilter(t *testing.T) {
	sequential(t)
	ask := filterWorld(t)
	tried := 0
	for _, f := range filterFields(t) {
		if !f.isList {
			continue
		}
		for _, role := range f.roles {
			for way, q := range f.ways([]string{}) {
				tried++
				a, called := ask(role, q.query, q.variables)
				want := fmt.Sprintf(`{"%s":{"nodes":[],"pageInfo":{"hasNextPage":false}}}`, f.list)
				if len(a.Errors) > 0 || string(a.Data) != want || called {
					t.Errorf("%s.%s: [] as a %s, %s: called %v, %s", f.input, f.field.Name, way, role, called, clipped(a.text))
				}
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d empty lists were tried", tried)
	}
}

// TestEmptyTextInFilter wants a text that is empty or blank to be refused by the name of
// the field, and only an empty search to find all.
func TestEmptyTextInFilter(t *testing.T) {
	sequential(t)
	ask := filterWorld(t)
	tried := 0
	for _, f := range filterFields(t) {
		if f.field.Type.Name() != "String" {
			continue
		}
		for _, role := range f.roles {
			for _, empty := range []string{"", " ", "\t\n\u00a0"} {
				for way, q := range f.ways(empty) {
					a, called := ask(role, q.query, q.variables)
					if f.field.Name == "search" && empty == "" {
						if role == auth.RoleAdmin && (len(a.Errors) > 0 || strings.Contains(string(a.Data), `"nodes":[]`)) {
							t.Errorf("%s.search: \"\" as a %s: %s", f.input, way, clipped(a.text))
						}
						continue
					}
					tried++
					if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" || called ||
						!strings.Contains(a.Errors[0].Message, "filter."+f.field.Name+" must not be empty or blank") {
						t.Errorf("%s.%s: %q as a %s, %s: called %v, %s", f.input, f.field.Name, empty, way, role, called, clipped(a.text))
					}
				}
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d empty texts were tried", tried)
	}
}

// TestNullInFilter wants null to be no condition, as leaving it out is.
func TestNullInFilter(t *testing.T) {
	sequential(t)
	ask := filterWorld(t)
	for _, f := range filterFields(t) {
		if f.field.Type.NonNull {
			continue
		}
		without, _ := ask(auth.RoleAdmin, fmt.Sprintf(`{ %s(first: 3) { nodes { id } pageInfo { hasNextPage } } }`, f.list), nil)
		for way, q := range f.ways(nil) {
			if a, _ := ask(auth.RoleAdmin, q.query, q.variables); string(a.Data) != string(without.Data) {
				t.Errorf("%s.%s: null as a %s: %s; want %s", f.input, f.field.Name, way, clipped(a.text), without.Data)
			}
		}
	}
}

// TestEnumInFilter wants the values of enums in variables to be spelled as they are in literals.
func TestEnumInFilter(t *testing.T) {
	sequential(t)
	ask := filterWorld(t)
	tried := 0
	for _, f := range filterFields(t) {
		def := schema.Parsed().Types[f.field.Type.Name()]
		if def.Kind != ast.Enum {
			continue
		}
		right := def.EnumValues[0].Name
		for _, wrong := range []string{strings.ToLower(right), right[:1] + strings.ToLower(right[1:]), "NO_SUCH_WORD"} {
			values := []any{[]string{wrong}, []string{right, wrong}}
			if f.isList {
				values = append(values, wrong) // a single value stands for a list of it
			} else {
				values = []any{wrong}
			}
			for _, value := range values {
				for way, q := range f.ways(value) {
					tried++
					a, called := ask(f.roles[0], q.query, q.variables)
					if len(a.Errors) == 0 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" || called || !strings.Contains(a.Errors[0].Message, wrong) {
						t.Errorf("%s.%s: %q as a %s: called %v, %s", f.input, f.field.Name, value, way, called, clipped(a.text))
					}
					if way != "literal" && wrong != "NO_SUCH_WORD" && !strings.Contains(a.Errors[0].Message, "must be one of "+right) {
						t.Errorf("%s.%s: %q as a %s: the error does not name what is allowed: %s", f.input, f.field.Name, value, way, a.Errors[0].Message)
					}
				}
			}
		}
		for way, q := range f.ways([]string{right}) {
			if a, _ := ask(f.roles[0], q.query, q.variables); len(a.Errors) > 0 {
				t.Errorf("%s.%s: [%q] as a %s: %s", f.input, f.field.Name, right, way, clipped(a.text))
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d words were tried", tried)
	}
}

// TestWrongIDInFilter wants an id of another noun to be refused by the name of the field.
func TestWrongIDInFilter(t *testing.T) {
	ask := filterWorld(t)
	id := providers.ID{Account: "promotekit", Noun: providers.NounWebhookSubscription, Local: "1"}.String()
	for _, f := range filterFields(t) {
		if f.field.Type.Name() != "ID" {
			continue
		}
		for way, q := range f.ways([]string{id}) {
			a, called := ask(auth.RoleAdmin, q.query, q.variables)
			if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" || called || !strings.Contains(a.Errors[0].Message, "filter."+f.field.Name) {
				t.Errorf("%s.%s: %q as a %s: called %v, %s", f.input, f.field.Name, id, way, called, clipped(a.text))
			}
		}
	}
}

// TestEnumInMutation wants the same of what mutations take, before anything is written.
func TestEnumInMutation(t *testing.T) {
	ask := filterWorld(t)
	id := providers.ID{Account: "promotekit", Noun: providers.NounAffiliate, Local: "1"}.String()
	a, called := ask(auth.RoleAdmin, `mutation ($in: SetAffiliateStatusInput!) { setAffiliateStatus(input: $in) { userErrors { code } } }`,
		map[string]any{"in": map[string]any{"idempotencyKey": "k-1", "id": id, "status": "active"}})
	if len(a.Errors) != 1 || a.Errors[0].Message != `Variable "$in": status must be one of ACTIVE, PENDING, INACTIVE, REJECTED, BANNED, ARCHIVED, not "active"` || called {
		t.Errorf("called %v, %s", called, clipped(a.text))
	}
}
