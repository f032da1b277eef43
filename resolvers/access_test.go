package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// TestAccess wants operations refused that ask for what the viewer's role may not, naming
// all of it, before anybody is asked; and nothing else.
func TestAccess(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{vendors: []string{"promotekit"}, ticks: true})
	self := id(w.truth().affiliates[0])
	const update = `mutation($input: UpdateAffiliateInput!) { updateAffiliate(input: $input) { userErrors { code } } }`
	given := func(field string, value any) map[string]any {
		return map[string]any{"input": map[string]any{"idempotencyKey": "key-" + field, "id": self, field: value}}
	}
	for name, try := range map[string]struct {
		role      auth.Role
		query     string
		variables map[string]any
		want      []string
	}{
		"all that is everyone's": {auth.RolePartner, `{ affiliates { nodes { id note } } __typename __schema { types { name } } }`, nil, nil},
		"a field":                {auth.RolePartner, `{ affiliates { nodes { internalNote } } }`, nil, []string{"Affiliate.internalNote"}},
		"by another name":        {auth.RolePartner, `{ affiliates { nodes { note: internalNote } } }`, nil, []string{"Affiliate.internalNote"}},
		"to staff":               {auth.RoleReader, `{ affiliates { nodes { internalNote } } }`, nil, nil},
		"several, each once": {auth.RolePartner, `{ commissions { nodes { fraudCheck isSelfReferral } edges { node { again: fraudCheck } } } }`, nil,
			[]string{"Commission.fraudCheck", "Commission.isSelfReferral"}},
		"in a fragment": {auth.RolePartner, `{ affiliates { nodes { ...f } } } fragment f on Affiliate { ...g } fragment g on Affiliate { parent { id } }`, nil,
			[]string{"Affiliate.parent"}},
		"of one type of a node": {auth.RolePartner, fmt.Sprintf(`{ node(id: %q) { ... on Commission { internalNote } ... on Affiliate { id } } }`, self), nil,
			[]string{"Commission.internalNote"}},
		"a list, and not what is below it": {auth.RolePartner, `{ webhookSubscriptions { nodes { id } } }`, nil, []string{"Query.webhookSubscriptions"}},
		"left out":                         {auth.RolePartner, `query($staff: Boolean = false) { accounts { id lastError @include(if: $staff) } }`, nil, nil},
		"left in": {auth.RolePartner, `query($staff: Boolean = false) { accounts { id lastError @include(if: $staff) } }`,
			map[string]any{"staff": true}, []string{"Account.lastError"}},
		"skipped":                    {auth.RolePartner, `{ ... @skip(if: true) { accounts { lastError } } ...f @skip(if: true) } fragment f on Query { rawRecord(id: "x") }`, nil, nil},
		"not skipped":                {auth.RolePartner, `{ ... @skip(if: false) { accounts { lastError } } }`, nil, []string{"Account.lastError"}},
		"raw records":                {auth.RoleEditor, fmt.Sprintf(`{ rawRecord(id: %q) }`, self), nil, []string{"Query.rawRecord"}},
		"a mutation":                 {auth.RoleReader, update, given("firstName", "Eve"), []string{"Mutation.updateAffiliate"}},
		"a mutation for admins":      {auth.RoleEditor, `mutation { deleteWebhookSubscription(input: { idempotencyKey: "12345678", id: "x" }) { deletedId } }`, nil, []string{"Mutation.deleteWebhookSubscription"}},
		"a mutation of others":       {auth.RolePartner, `mutation { createCommission(input: { idempotencyKey: "12345678", commission: { custom: { affiliate: "x", amount: { amount: "1", currencyCode: "USD" } } } }) { userErrors { code } } }`, nil, []string{"Mutation.createCommission"}},
		"an input":                   {auth.RolePartner, update, given("email", "eve@example.com"), []string{"UpdateAffiliateInput.email"}},
		"an input that is no change": {auth.RolePartner, update, given("email", nil), nil},
		"an input in the document": {auth.RolePartner, fmt.Sprintf(`mutation { updateAffiliate(input: { idempotencyKey: "12345678", id: %q, note: "mine" }) { userErrors { code } } }`, self), nil,
			[]string{"UpdateAffiliateInput.note"}},
		"an input as a variable in the document": {auth.RolePartner, fmt.Sprintf(`mutation($n: String) { updateAffiliate(input: { idempotencyKey: "12345678", id: %q, note: $n }) { userErrors { code } } }`, self),
			map[string]any{"n": "mine"}, []string{"UpdateAffiliateInput.note"}},
		"a role that nobody knows": {"ROOT", `{ accounts { id } }`, nil, []string{"Query.accounts"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.called()
			a := w.as(&auth.Viewer{Role: try.role, Affiliates: []string{self}}, try.query, try.variables)
			got := w.refused(a)
			if diff := cmp.Diff(try.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s%s", diff, clipped(a.text))
			}
		})
	}
}

// refused are the fields for which an operation was refused, as the answer should tell
// them, and without a call; nil if it was not refused for any.
func (w *world) refused(a *answer) (fields []string) {
	w.t.Helper()
	if len(a.Errors) == 0 || a.Errors[0].Extensions["code"] != string(apierror.Forbidden) {
		return nil
	}
	for _, f := range a.Errors[0].Extensions["fields"].([]any) {
		fields = append(fields, f.(string))
	}
	for _, f := range fields {
		if !strings.Contains(a.Errors[0].Message, f+" (for ") {
			w.t.Errorf("the message does not say for whom %s is: %s", f, a.Errors[0].Message)
		}
	}
	if len(a.Errors) > 1 || !slices.Contains([]string{"", "null"}, string(a.Data)) || !strings.Contains(a.text, `"locations":[{"line":1,"column":`) {
		w.t.Errorf("refused with %s", a.text)
	}
	if calls := w.called(); len(calls) > 0 {
		w.t.Errorf("what is refused costs %s", calls[0])
	}
	return fields
}

// TestAccessOfEveryField asks, as each role, for each field of the schema that is not for
// it, and gives each field of an input: of what is the viewer's own, and each alone.
func TestAccessOfEveryField(t *testing.T) {
	s := newPortal(t, setup{vendors: []string{"promotekit"}})
	self := s.selves("promotekit")[0]
	s.w.called()
	tried := 0
	for _, a := range []*actor{s.staff(auth.RoleReader, "promotekit"), s.staff(auth.RoleEditor, "promotekit"), s.partner("a partner", self)} {
		role := a.viewer.Role
		own := func(noun string, _ int) string {
			if ids := s.own(a, noun); len(ids) > 0 {
				return ids[0]
			}
			return self // nobody has any
		}
		want := func(answer *answer, field string) {
			t.Helper()
			tried++
			if diff := cmp.Diff([]string{field}, s.w.refused(answer)); diff != "" {
				t.Errorf("%s (-want +got)\n%s%s", role, diff, clipped(answer.text))
			}
		}
		for _, f := range s.forbidden("Query", role) {
			want(s.w.browse(a.viewer, fmt.Sprintf("{ %s }", s.bare(f, self)), nil), "Query."+f.Name)
		}
		for _, def := range s.generator.records() {
			for _, f := range s.forbidden(def.Name, role) {
				query := fmt.Sprintf("query($id: ID!) { node(id: $id) { ... on %s { %s } } }", def.Name, s.bare(f, self))
				want(s.w.browse(a.viewer, query, map[string]any{"id": own(def.Name, 0)}), def.Name+"."+f.Name)
			}
		}
		inputs := map[string]bool{}
		for i, mutation := range s.schema.Mutation.Fields {
			w := &writing{stage: s, mutation: mutation, role: role, id: own}
			def := s.schema.Types[mutation.Arguments[0].Type.Name()]
			inputs[def.Name] = true
			input := w.inputs(def)[0]
			if !may("Mutation", mutation, role) {
				want(w.commit(a, input, fmt.Sprint(i)), "Mutation."+mutation.Name)
				continue
			}
			for _, f := range s.forbidden(def.Name, role) {
				input := maps.Clone(input)
				input[f.Name] = w.values(f)[0]
				want(w.commit(a, input, f.Name), def.Name+"."+f.Name)
			}
		}
		for name, def := range s.schema.Types {
			if def.Kind == ast.InputObject && !inputs[name] || def.Kind == ast.Object && s.within(name, role) {
				for _, f := range s.forbidden(name, role) {
					t.Errorf("%s.%s is not for the role %s: say in access_test.go how it is asked for", name, f.Name, role)
				}
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d fields were tried", tried)
	}
}

// forbidden are the fields of a type that a role may not use.
func (g *generator) forbidden(typ string, role auth.Role) ast.FieldList {
	return slices.DeleteFunc(slices.Clone(g.schema.Types[typ].Fields), func(f *ast.FieldDefinition) bool {
		return strings.HasPrefix(f.Name, "__") || may(typ, f, role)
	})
}

// bare is a field with as little as can be asked of it, of the record with this id where it
// wants one.
func (g *generator) bare(f *ast.FieldDefinition, id string) string {
	text := f.Name
	for _, arg := range f.Arguments {
		switch {
		case arg.Type.NonNull && arg.DefaultValue == nil && arg.Type.NamedType == "ID":
			text += fmt.Sprintf("(%s: %q)", arg.Name, id)
		case arg.Type.NonNull && arg.DefaultValue == nil:
			g.t.Fatalf("%s takes %s: say in access_test.go what for", f.Name, arg.Name)
		}
	}
	if k, _ := g.kind(f.Type); k != leaf {
		text += " { __typename }"
	}
	return text
}

// within says whether a type is part of others, and some field for a role leads to it.
func (g *generator) within(typ string, role auth.Role) bool {
	def := g.schema.Types[typ]
	if typ == "Query" || typ == "Mutation" || slices.Contains(def.Interfaces, "Node") {
		return false
	}
	for name, from := range g.schema.Types {
		if from.Kind == ast.Object && slices.ContainsFunc(from.Fields, func(f *ast.FieldDefinition) bool { return f.Type.Name() == typ && may(name, f, role) }) {
			return true
		}
	}
	return false
}

// TestAccessComesFirst wants nothing to be said of the cost of what may not be asked at all.
func TestAccessComesFirst(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"promotekit"}, cost: 1, calls: 1})
	a := w.as(partner("x"), `{ affiliates(first: 100) { nodes { referrals(first: 100) { nodes { id } } internalNote } } }`, nil)
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != string(apierror.Forbidden) {
		t.Error(a.text)
	}
}

// TestCapabilities wants each role to be told of the mutations, lists, edges and filters
// that it may use, and of no other.
func TestCapabilities(t *testing.T) {
	sequential(t)
	for _, rule := range []resolvers.CustomerEmails{"", resolvers.EmailsHidden, resolvers.EmailsCampaign, resolvers.EmailsShown} {
		t.Run(string(rule), func(t *testing.T) { checkCapabilities(t, rule) })
	}
}

// checkCapabilities is TestCapabilities where partners see this of customers' addresses.
func checkCapabilities(t *testing.T, rule resolvers.CustomerEmails) {
	emails := map[string]resolvers.CustomerEmails{"promotekit": rule, "firstpromoter": rule, "uppromote": rule}
	w := newWorld(t, setup{ticks: true, emails: emails})
	of := func(v *auth.Viewer) map[string][]string {
		var data struct {
			Accounts []struct {
				ProviderID   string
				Capabilities []string
			}
		}
		a := w.as(v, `{ accounts { providerId capabilities } }`, nil)
		if err := json.Unmarshal(a.Data, &data); err != nil || len(a.Errors) > 0 {
			t.Fatalf("%v %s", err, a.text)
		}
		out := map[string][]string{}
		for _, account := range data.Accounts {
			out[account.ProviderID] = account.Capabilities
		}
		return out
	}
	all := of(auth.Local())
	if !slices.Contains(all["firstpromoter"], "FILTER_REFERRALS_BY_SEARCH") {
		t.Error("no vendor searches customers: nothing is proven of that")
	}
	var selves []string
	for _, a := range w.rows(auth.Local(), "affiliates", "{}", "id") {
		selves = append(selves, id(a))
	}
	for role, lost := range map[auth.Role]func(c string) bool{
		auth.RoleAdmin:  func(string) bool { return false },
		auth.RoleEditor: func(c string) bool { return strings.HasSuffix(c, "_WEBHOOK_SUBSCRIPTION") || c == "RAW_RECORD" },
		auth.RoleReader: func(c string) bool { return isMutation(c) || c == "RAW_RECORD" },
		auth.RolePartner: func(c string) bool {
			return isMutation(c) && c != "UPDATE_AFFILIATE" || slices.Contains([]string{"RAW_RECORD", "LIST_WEBHOOK_SUBSCRIPTIONS", "AFFILIATE_PARENT", "AFFILIATE_CHILDREN"}, c) ||
				rule != resolvers.EmailsShown && slices.Contains([]string{"FILTER_REFERRALS_BY_EMAIL", "FILTER_REFERRALS_BY_CUSTOMER", "FILTER_REFERRALS_BY_SEARCH"}, c)
		},
	} {
		got := of(&auth.Viewer{Role: role, Affiliates: selves})
		for vendor, capabilities := range all {
			want := slices.DeleteFunc(slices.Clone(capabilities), lost)
			if diff := cmp.Diff(want, got[vendor]); diff != "" || len(want) == 0 {
				t.Errorf("%s at %s (-want +got)\n%s", role, vendor, diff)
			}
		}
	}
}

// isMutation says whether a capability is a mutation by its name.
func isMutation(capability string) bool {
	return mutations[providers.Capability(capability)].name != ""
}

// TestPartnerWrites has partners change what they may of themselves, and try the same with
// somebody else.
func TestPartnerWrites(t *testing.T) {
	sequential(t)
	for vendor, changes := range map[string]map[string]any{
		"promotekit":    {"firstName": "Eve", "lastName": "Adams", "payoutEmail": "eve@pay.example", "notifyOnSale": false},
		"firstpromoter": {"firstName": "Eve", "lastName": "Adams"},
	} {
		t.Run(vendor, func(t *testing.T) {
			w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true})
			all := w.truth()
			self, other := id(all.affiliates[0]), id(all.affiliates[1])
			email := all.affiliates[0]["email"].(string)
			key := 0
			update := func(v *auth.Viewer, subject string, changes map[string]any) *answer {
				key++
				input := map[string]any{"idempotencyKey": fmt.Sprintf("partner-%d", key), "id": subject}
				for field, value := range changes {
					input[field] = value
				}
				w.kits[vendor].Forget()
				return w.as(v, `mutation($input: UpdateAffiliateInput!) { updateAffiliate(input: $input) { affiliate { id firstName lastName payoutEmail } userErrors { field code message } } }`,
					map[string]any{"input": input})
			}
			for name, v := range map[string]*auth.Viewer{"by id": partner(self), "by address": {Name: "portal", Role: auth.RolePartner, Email: email}} {
				a := update(v, self, changes)
				if len(a.Errors) > 0 || !strings.Contains(a.text, `"firstName":"Eve","lastName":"Adams"`) || !strings.Contains(a.text, `"userErrors":[]`) {
					t.Errorf("%s: %s", name, a.text)
				}
				_, writes := w.taken(vendor)
				if len(writes) != 1 {
					t.Fatalf("%s: %d writes", name, len(writes))
				}
				if vendor == "promotekit" {
					if !strings.Contains(a.text, `"payoutEmail":"eve@pay.example"`) {
						t.Errorf("%s: %s", name, a.text)
					}
					self, _ := providers.ParseID(self)
					checkSent(t, "PUT /affiliates/"+self.Local+` {"first_name":"Eve","last_name":"Adams","payout_email":"eve@pay.example","new_paid_referral_notifications":false}`, writes[0])
				}
				missing, _ := providers.ParseID(self)
				missing.Local += "0"
				foreign, absent := update(v, other, changes), update(v, missing.String(), changes)
				if calls := w.kits[vendor].Requests(); len(calls) > 0 {
					t.Errorf("%s: whether somebody else is there costs %s", name, calls[0].Path)
				}
				if foreign.text != absent.text || !strings.Contains(foreign.text, `"NOT_FOUND"`) {
					t.Errorf("%s: somebody else:\n%s\nwho is not there:\n%s", name, foreign.text, absent.text)
				}
			}
			var stands object
			a := w.as(auth.Local(), fmt.Sprintf(`{ affiliate(id: %q) { firstName email } }`, other), nil)
			if err := json.Unmarshal(a.Data, &stands); err != nil || at(stands, "affiliate", "firstName") == "Eve" {
				t.Errorf("somebody else: %s", a.text)
			}
		})
	}
}

// TestPartnerWriteUnsure wants no write for a partner of whom it is not known who they are.
func TestPartnerWriteUnsure(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, ticks: true})
	self := id(w.truth().affiliates[0])
	w.pass(1000 * 3600 * 1e9)
	w.sims["firstpromoter"].server.Close()
	a := w.as(&auth.Viewer{Role: auth.RolePartner, Email: "somebody@example.com"},
		fmt.Sprintf(`mutation { updateAffiliate(input: { idempotencyKey: "12345678", id: %q, firstName: "Eve" }) { userErrors { code } } }`, self), nil)
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != string(apierror.UpstreamUnavailable) {
		t.Error(a.text)
	}
}
