package schema

import (
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// Everyone are the roles of ViewerRole, in the order in which sentences name them.
var Everyone = []string{"READER", "EDITOR", "ADMIN", "PARTNER"}

// staff are those who see whole accounts.
var staff = Everyone[:3]

// Roles are who may select a field, make a mutation, or give a field of an input: what its
// own directive says, else its type's. Of what has neither, or is not in the schema, it is
// nobody.
func Roles(typeName, field string) []string { return rules()[typeName+"."+field] }

// Audience is who is meant by roles, in words: "staff", "editors and admins".
func Audience(roles []string) string {
	var names []string
	for _, role := range Everyone {
		if slices.Contains(roles, role) {
			names = append(names, strings.ToLower(role)+"s")
		}
	}
	switch n := len(names); {
	case n == len(Everyone):
		return "everyone"
	case n == len(staff) && !slices.Contains(roles, "PARTNER"):
		return "staff"
	case n == 0:
		return "nobody"
	case n == 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

var rules = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for _, def := range Parsed().Types {
		for _, f := range def.Fields {
			if own, ok := rule(f.Directives); ok {
				out[def.Name+"."+f.Name] = own
			} else if all, ok := rule(def.Directives); ok {
				out[def.Name+"."+f.Name] = all
			}
		}
	}
	return out
})

// rule is what directives say, if they say anything.
func rule(directives ast.DirectiveList) (roles []string, ok bool) {
	if d := directives.ForName("only"); d != nil {
		for _, role := range d.Arguments.ForName("roles").Value.Children {
			roles = append(roles, role.Value.Raw)
		}
		return roles, true
	}
	return Everyone, directives.ForName("everyone") != nil
}
