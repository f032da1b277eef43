package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
)

// writing makes the inputs of a mutation.
type writing struct {
	*stage
	mutation *ast.FieldDefinition
	role     auth.Role
	id       func(noun string, nth int) string // the nth id of the input; "" where there is none
	ids      int                               // that were given
	lacking  bool                              // an id that is wanted is not there
}

// namedBy are the types of the records that inputs name, by the names of fields. The field
// id names what the payload has.
var namedBy = map[string]string{
	"account": "Account", "campaign": "Campaign", "fromCampaign": "Campaign", "toCampaign": "Campaign", "affiliate": "Affiliate", "parent": "Affiliate",
	"referral": "Referral", "commissions": "Commission",
}

// inputs are inputs with every field: one, or one for each of what a field takes one of.
func (w *writing) inputs(def *ast.Definition) (all []object) {
	if def.Directives.ForName("oneOf") != nil {
		for _, f := range def.Fields {
			for _, v := range w.values(f) {
				all = append(all, object{f.Name: v})
			}
		}
		return all
	}
	all = []object{{}}
	for _, f := range def.Fields {
		if may("Mutation", w.mutation, w.role) && !may(def.Name, f, w.role) {
			continue
		}
		values := w.values(f)
		var next []object
		for _, so := range all {
			for _, v := range values {
				with := maps.Clone(so)
				with[f.Name] = v
				next = append(next, with)
			}
		}
		all = next
	}
	return all
}

// values are what a field of an input is given.
func (w *writing) values(f *ast.FieldDefinition) (all []any) {
	def := w.schema.Types[f.Type.Name()]
	switch {
	case def.Kind == ast.InputObject:
		for _, v := range w.inputs(def) {
			all = append(all, v)
		}
	case def.Kind == ast.Enum:
		all = []any{def.EnumValues[0].Name}
	case def.Name == "ID":
		noun := namedBy[f.Name]
		if f.Name == "id" {
			noun = w.subject()
		}
		if noun == "" {
			w.t.Fatalf("%s: say in attack_writes_test.go what %s is the id of", w.mutation.Name, f.Name)
		}
		id := w.id(noun, w.ids)
		w.ids++
		w.lacking = w.lacking || id == ""
		all = []any{id}
	default:
		v, ok := map[string]any{"Boolean": true, "Decimal": "1.00", "CurrencyCode": "USD", "Long": 30, "DateTime": "2026-11-20T00:00:00Z", "String": "mallory-1"}[def.Name]
		switch name := strings.ToLower(f.Name); {
		case !ok:
			w.t.Fatalf("%s: say in attack_writes_test.go what a %s is given", w.mutation.Name, def.Name)
		case strings.Contains(name, "email") && def.Name == "String":
			v = "mallory@evil.example"
		case strings.HasSuffix(name, "url"):
			v = "https://evil.example/mallory"
		}
		all = []any{v}
	}
	if f.Type.Elem != nil {
		for i := range all {
			all[i] = []any{all[i]}
		}
	}
	return all
}

// subject is the type of the records that a mutation writes.
func (w *writing) subject() string {
	payload := w.schema.Types[w.mutation.Type.Name()]
	for _, f := range payload.Fields {
		if k, def := w.kind(f.Type); k == record {
			return def.Name
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(payload.Name, "Delete"), "Payload")
}

// commit makes a mutation, each time under a key of its own.
func (w *writing) commit(a *actor, input object, key string) *answer {
	input = maps.Clone(input)
	input["idempotencyKey"] = "attack-" + key
	arg := w.mutation.Arguments.ForName("input")
	if arg == nil || len(w.mutation.Arguments) != 1 {
		w.t.Fatalf("%s does not take one input: say in attack_writes_test.go how it is made", w.mutation.Name)
	}
	payload := w.schema.Types[w.mutation.Type.Name()]
	query := fmt.Sprintf("mutation($input: %s) { %s(input: $input) %s }", arg.Type.String(), w.mutation.Name, w.selection(payload, a.viewer.Role, 0))
	return w.w.browse(a.viewer, query, map[string]any{"input": input})
}

// TestAttackWrites makes every mutation with what is others'. It must be answered as with
// what does not exist, and nothing may be written.
func TestAttackWrites(t *testing.T) {
	s := newPortal(t, setup{})
	accounts := s.w.names()
	type attempt struct{ actor, victim *actor }
	var attempts []attempt
	for i, account := range accounts {
		selves := s.selves(account)
		outside := s.staff(auth.RoleReader, accounts[(i+1)%len(accounts)])
		attempts = append(attempts,
			attempt{s.partner("a partner at "+account, selves[0]), s.partner("another", s.unlike(selves[0], selves[1:]))},
			attempt{s.partner("a partner at "+account, selves[0]), s.staff(auth.RoleReader, account)},
			attempt{s.staff(auth.RoleEditor, account), outside}, attempt{s.staff(auth.RoleAdmin, account), outside}, attempt{s.staff(auth.RoleReader, account), outside})
	}
	s.w.called()
	made := map[string]bool{}
	for n, at := range attempts {
		for _, mutation := range s.schema.Mutation.Fields {
			for _, way := range []string{"others'", "own, and others' beside it"} {
				s.attempt(at.actor, at.victim, mutation, way, fmt.Sprint(n), made)
			}
		}
	}
	for _, mutation := range s.schema.Mutation.Fields {
		if !made[mutation.Name] {
			t.Errorf("%s: nobody tried it with what is others'", mutation.Name)
		}
	}
}

// attempt makes one mutation.
func (s *stage) attempt(a, victim *actor, mutation *ast.FieldDefinition, way, key string, made map[string]bool) {
	s.t.Helper()
	def := s.schema.Types[mutation.Arguments[0].Type.Name()]
	foreign := &writing{stage: s, mutation: mutation, role: a.viewer.Role}
	absent := *foreign
	theirs := func(noun string, nth int) string {
		if way != "others'" && nth == 0 {
			return first(s.own(a, noun))
		}
		return s.others(a, victim, noun)
	}
	var swapped []string // each of others' with one that is not there
	foreign.id = theirs
	absent.id = func(noun string, nth int) string {
		id := theirs(noun, nth)
		if id == "" || way != "others'" && nth == 0 {
			return id
		}
		none := s.absentID(id)
		swapped = append(swapped, id, none)
		return none
	}
	inputs, absents := foreign.inputs(def), absent.inputs(def)
	if foreign.lacking || way != "others'" && may("Mutation", mutation, a.viewer.Role) {
		return // there is nobody's, or it is a write that may be made
	}
	made[mutation.Name] = true
	for i, input := range inputs {
		got := foreign.commit(a, input, key+"-"+way[:3]+fmt.Sprint(i))
		want := absent.commit(a, absents[i], key+"-"+way[:3]+"absent"+fmt.Sprint(i))
		if calls := s.w.called(); len(calls) > 0 {
			s.t.Errorf("%s of %s by %s costs %s", mutation.Name, way, a.name, calls[0])
		}
		if code := got.code(); code != string(apierror.Forbidden) && !strings.Contains(got.text, `"NOT_FOUND"`) {
			s.t.Errorf("%s of %s by %s: %s", mutation.Name, way, a.name, clipped(got.text))
		}
		if a, b := strings.NewReplacer(swapped...).Replace(unnumbered(got.text)), unnumbered(want.text); a != b {
			s.t.Errorf("%s of %s: %s, want %s", mutation.Name, way, clipped(a), clipped(b))
		}
		var data any
		if err := json.Unmarshal(got.Data, &data); err == nil {
			each(data, func(r object) { s.t.Errorf("%s of %s by %s answers %v", mutation.Name, way, a.name, r) })
		}
	}
}

// TestAttackKeys has two partners write under one key: each key is the viewer's own, and
// tells nothing of what others wrote under it.
func TestAttackKeys(t *testing.T) {
	s := newPortal(t, setup{})
	selves := s.selves("promotekit")
	for i, me := range []*actor{s.partner("a partner", selves[0]), s.partner("another", selves[1])} {
		a := s.w.browse(me.viewer, fmt.Sprintf(`mutation { updateAffiliate(input: { idempotencyKey: "a-key-of-mine", id: %q, firstName: "Mallory" }) { affiliate { id firstName } userErrors { code } } }`, me.selves[0]), nil)
		if len(a.Errors) > 0 || !strings.Contains(a.text, me.selves[0]) || !strings.Contains(a.text, `"firstName":"Mallory"`) {
			t.Errorf("%d: %s", i, clipped(a.text))
		}
	}
}

// TestAttackBeside makes every mutation with an id of another account beside a first one
// that is right: of an account that the actor sees, and of one that they do not. It has to
// be wrong as one is that is not there, and nobody may be asked.
func TestAttackBeside(t *testing.T) {
	s := newPortal(t, setup{})
	accounts := s.w.names()
	tried := map[string]bool{}
	for i, account := range accounts {
		other := accounts[(i+1)%len(accounts)]
		own, foreign := s.staff(auth.RoleReader, account), s.staff(auth.RoleReader, other)
		for _, a := range []*actor{s.staff(auth.RoleEditor, account), s.staff(auth.RoleAdmin, account), s.staff(auth.RoleEditor, account, other)} {
			for _, mutation := range s.schema.Mutation.Fields {
				if may("Mutation", mutation, a.viewer.Role) {
					s.beside(a, own, foreign, mutation, tried)
				}
			}
		}
	}
	if len(tried) == 0 {
		t.Error("no input names several records")
	}
	for what, done := range tried {
		if !done {
			t.Errorf("%s: nobody tried it with what is another account's", what)
		}
	}
}

// beside makes a mutation once for each id of its inputs but the first.
func (s *stage) beside(a, own, foreign *actor, mutation *ast.FieldDefinition, tried map[string]bool) {
	s.t.Helper()
	def := s.schema.Types[mutation.Arguments[0].Type.Name()]
	for nth := 1; ; nth++ {
		var before []string // the right ids that come before the wrong one
		var theirs, none string
		with := &writing{stage: s, mutation: mutation, role: a.viewer.Role}
		with.id = func(noun string, at int) string {
			id := first(s.own(own, noun))
			switch {
			case at < nth:
				before = append(before, id)
			case at == nth:
				id = first(s.own(foreign, noun))
				theirs = id
			}
			return id
		}
		inputs := with.inputs(def)
		if nth >= with.ids {
			return
		}
		if theirs != "" {
			none = s.absentID(theirs)
		}
		for i, input := range inputs {
			path := place(input, theirs)
			if path == nil || !slices.ContainsFunc(before, func(id string) bool { return place(input, id) != nil }) {
				continue // it is not in inputs of this kind, or is their first
			}
			what := mutation.Name + " " + strings.Join(path, ".")
			if tried[what] = tried[what] || !with.lacking; with.lacking {
				continue
			}
			s.w.called()
			got := with.commit(a, input, fmt.Sprint(a.name, nth, i))
			want := with.commit(a, replaced(input, theirs, none).(object), fmt.Sprint(a.name, nth, i, "absent"))
			if calls := s.w.called(); len(calls) > 0 {
				s.t.Errorf("%s of another account's by %s costs %s", what, a.name, calls[0])
			}
			if !slices.Contains(got.problems(s.t), strings.Join(path, ".")+" INVALID") {
				s.t.Errorf("%s of another account's by %s: %s", what, a.name, clipped(got.text))
			}
			if a, b := strings.ReplaceAll(unnumbered(got.text), theirs, none), unnumbered(want.text); a != b {
				s.t.Errorf("%s of another account's: %s, want %s", what, clipped(a), clipped(b))
			}
		}
	}
}

// place is where a text stands in an input; nil where it does not.
func place(v any, text string) (path []string) {
	switch v := v.(type) {
	case string:
		if v == text {
			return []string{}
		}
	case object:
		for name, below := range v {
			if at := place(below, text); at != nil {
				return append([]string{name}, at...)
			}
		}
	case []any:
		for i, below := range v {
			if at := place(below, text); at != nil {
				return append([]string{fmt.Sprint(i)}, at...)
			}
		}
	}
	return nil
}

// replaced is an input with another text in place of one.
func replaced(v any, text, by string) any {
	switch v := v.(type) {
	case string:
		if v == text {
			return by
		}
	case object:
		out := object{}
		for name, below := range v {
			out[name] = replaced(below, text, by)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			out[i] = replaced(below, text, by)
		}
		return out
	}
	return v
}

// problems are what an answer says is wrong with an input: paths and codes.
func (a *answer) problems(t testing.TB) (all []string) {
	t.Helper()
	var data map[string]struct {
		UserErrors []struct {
			Field []string
			Code  string
		}
	}
	if err := json.Unmarshal(a.Data, &data); err != nil {
		t.Fatalf("%v: %s", err, clipped(a.text))
	}
	for _, payload := range data {
		for _, e := range payload.UserErrors {
			all = append(all, strings.Join(e.Field, ".")+" "+e.Code)
		}
	}
	return all
}
