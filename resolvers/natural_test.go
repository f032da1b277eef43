package resolvers_test

import (
	"fmt"
	"github.com/partnergraph/partnergraph/schema"
	"github.com/vektah/gqlparser/v2/ast"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/providers"
)

// playgroundQuery is a query of the playground.
func playgroundQuery(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../internal/playground/examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// askCold is the answer of a server that has read nothing yet, with the limits that are the
// default.
func (w *world) askCold(vendors []string, query string) *answer {
	w.t.Helper()
	return newWorld(w.t, setup{vendors: vendors, noBudget: true, beside: w, calls: config.Default().Limits.Calls}).ask(query, nil)
}

// everyVendor are the accounts that natural queries are asked of: each vendor's, and all at once.
var everyVendor = func() (accounts [][]string) {
	for _, name := range registered() {
		accounts = append(accounts, []string{name})
	}
	return append(accounts, registered())
}()

// able are the groups of accounts that can do all of this, without the accounts that cannot.
func (w *world) able(groups [][]string, can ...providers.Capability) (able [][]string) {
	for _, names := range groups {
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return slices.ContainsFunc(can, func(c providers.Capability) bool { return !w.can(name, c) })
		})
		if len(names) > 0 {
			able = append(able, names)
		}
	}
	return able
}

// TestNaturalQueries wants what frontends ask for to be answered cold, within the default
// limits, for no more calls than were planned, and not less than half of them.
func TestNaturalQueries(t *testing.T) {
	sequential(t)
	byEmail := providers.FilterAffiliatesByEmail
	queries := []struct {
		name, text string
		can        []providers.Capability // without which an account is not asked
	}{
		{name: "newest commissions", text: `{ commissions(first: 3) { nodes { createdAt status amount { amount currencyCode } affiliate { name } account { name } } } }`},
		{name: "walk", text: playground.Walk, can: []providers.Capability{byEmail}},
		{name: "owed", text: playgroundQuery(t, "owed.graphql")},
		{name: "accounts", text: playgroundQuery(t, "accounts.graphql")},
		{name: "look-up", text: `{ affiliates(filter: { email: "hana.rahman23@example.com" }) { nodes { id account { name } } } }`, can: []providers.Capability{byEmail}},
		{name: "referrals, affiliate, campaign", text: `{ referrals(first: 100) { nodes { id email affiliate { id email campaign { id name } } } } }`},
		{name: "commissions, name", text: `{ commissions(first: 100) { nodes { affiliate { name } } } }`},
		{name: "commissions, clicks", text: `{ commissions(first: 100) { nodes { affiliate { clicks status } } } }`},
		{name: "commissions, balances", text: `{ commissions(first: 100) { nodes { affiliate { status balances { status } } } } }`},
		{name: "commissions, campaign", text: `{ commissions(first: 100) { nodes { id campaign { name } referral { email } } } }`},
		{name: "campaigns, members", text: `{ campaigns(first: 20) { nodes { name memberships(first: 10) { nodes { status affiliate { name } } } } } }`},
		{name: "affiliates, parents' names", text: `{ affiliates(first: 20) { nodes { name parent { name } } } }`},
		{name: "a portal's home", text: `{ viewer { name role } affiliates(first: 1) { nodes { name balances { status amount { amount currencyCode } } } }
			commissions(first: 20) { nodes { createdAt status amount { amount currencyCode } campaign { name } } }
			referrals(first: 20) { nodes { maskedEmail status createdAt } } payouts(first: 20) { nodes { status amount { amount currencyCode } paidAt } } }`},
	}
	var table strings.Builder
	table.WriteString("| query | world | vendor | planned | spent |\n|---|---|---|---|---|\n")
	for _, size := range []providers.SandboxSize{providers.SandboxSmall, providers.SandboxMedium} {
		vendors := newWorld(t, setup{size: size, noBudget: true, ticks: true})
		for _, q := range queries {
			for _, names := range vendors.able(everyVendor, q.can...) {
				a := vendors.askCold(names, q.text)
				if len(a.Errors) > 0 {
					t.Errorf("%s, %s world, %v: %s", q.name, size, names, clipped(a.text))
					continue
				}
				planned, spent := a.Extensions.Cost.Planned, a.Extensions.Cost.Spent
				if spent > config.Default().Limits.Calls || planned > 2*max(spent, 1)+1 || spent > planned {
					t.Errorf("%s, %s world, %v: %d calls planned, %d spent:%s", q.name, size, names, planned, spent, a.calls())
				}
				fmt.Fprintf(&table, "| %s | %s | %s | %d | %d |\n", q.name, size, strings.Join(names, ", "), planned, spent)
			}
		}
	}
	t.Logf("calls to vendors, cold:\n%s", table.String())
}

// besideExample are accounts of every vendor beside one at a vendor that lacks most lists.
var besideExample = append(registered(), "example")

// TestLargestFirst wants the refusal of what would take too many calls to say the largest
// number of rows that is not refused: asked for those it is answered, with one more it is
// refused.
func TestLargestFirst(t *testing.T) {
	sequential(t)
	vendors := newWorld(t, setup{size: providers.SandboxMedium, noBudget: true, ticks: true, vendors: besideExample})
	for edge, can := range map[string][]providers.Capability{
		"affiliates(first: %d) { nodes { name commissions(first: 5) { nodes { id } } } }":             {providers.EdgeAffiliateCommissions},
		"affiliates(first: %d) { nodes { name referrals(first: 5) { nodes { id } } } }":               {providers.EdgeAffiliateReferrals},
		"referrals(first: %d) { nodes { commissions(first: 5) { nodes { id amount { amount } } } } }": {providers.CanListReferrals, providers.EdgeReferralCommissions},
	} {
		for _, names := range append(vendors.able(everyVendor, can...), besideExample) {
			query := func(first int) string { return "{ " + fmt.Sprintf(edge, first) + " }" }
			refused := vendors.askCold(names, query(100))
			if len(refused.Errors) != 1 || refused.Errors[0].Extensions["limit"] != "calls" || len(refused.Data) > 0 && string(refused.Data) != "null" {
				t.Errorf("%v, %s: %s", names, query(100), clipped(refused.text))
				continue
			}
			if spent := refused.Extensions.Cost.Spent; spent > 3*len(names) {
				t.Errorf("%v, %s: %d calls were spent to refuse it", names, query(100), spent)
			}
			first, _ := refused.Errors[0].Extensions["first"].(float64)
			if a := vendors.askCold(names, query(int(first))); len(a.Errors) > 0 || first < 1 {
				t.Errorf("%v, %s: with the first that is named: %s", names, query(int(first)), clipped(a.text))
			}
			if a := vendors.askCold(names, query(int(first)+1)); len(a.Errors) != 1 || a.Errors[0].Extensions["limit"] != "calls" {
				t.Errorf("%v, %s: with one more than the first that is named: %s", names, query(int(first)+1), clipped(a.text))
			}
		}
	}
}

// TestEveryPath asks for each edge below each edge of each list, cold, and wants no
// internal error: the plan, its look and the prefetch of rows know every way from one
// record to another.
func TestEveryPath(t *testing.T) {
	sequential(t)
	vendors := newWorld(t, setup{noBudget: true, ticks: true})
	n := 0
	for _, list := range dearKinds["lists"] {
		root := schema.Parsed().Query.Fields.ForName(list)
		for _, path := range paths(root, 3) {
			n++
			if a := vendors.askCold(everyVendor[n%(len(everyVendor)-1)], "{ "+path+" }"); strings.Contains(a.text, `"INTERNAL"`) {
				t.Errorf("%s: %s", path, clipped(a.text))
			}
		}
	}
	if n < 100 {
		t.Errorf("%d paths", n)
	}
	// Edges of different nouns that lead to one list.
	shared := "{ affiliates(first: 3) { nodes { commissions(first: 3) { nodes { id } } campaign { commissions(first: 3) { nodes { id } } memberships(first: 2) { nodes { id } } } } } }"
	for _, names := range everyVendor {
		if a := vendors.askCold(names, shared); strings.Contains(a.text, `"INTERNAL"`) {
			t.Errorf("%v, %s: %s", names, shared, clipped(a.text))
		}
	}
}

// paths are the selections of a field that lead through so many records one below the other.
func paths(f *ast.FieldDefinition, records int) (out []string) {
	text, leaves, def := f.Name, "", schema.Parsed().Types[f.Type.Name()]
	if f.Arguments.ForName("first") != nil {
		text += "(first: 40) { nodes"
		def = schema.Parsed().Types[def.Fields.ForName("nodes").Type.Name()]
		defer func() {
			for i := range out {
				out[i] += " }"
			}
		}()
	}
	if records == 1 {
		for _, leaf := range def.Fields {
			if len(leaf.Arguments) == 0 && schema.Parsed().Types[leaf.Type.Name()].IsLeafType() && leaf.Name != "rawRecord" {
				leaves += " " + leaf.Name
			}
		}
		return []string{text + " {" + leaves + " }"}
	}
	for _, below := range def.Fields {
		if named := schema.Parsed().Types[below.Type.Name()]; !isRecord(named) || len(below.Arguments) > 0 && below.Arguments.ForName("first") == nil {
			continue
		}
		for _, rest := range paths(below, records-1) {
			out = append(out, text+" { id "+rest+" }")
		}
	}
	return out
}

// isRecord says whether a type is a record with an id, or a connection of records.
func isRecord(def *ast.Definition) bool {
	return def.Kind == ast.Object && (def.Fields.ForName("id") != nil && def.Name != "Account" || strings.HasSuffix(def.Name, "Connection"))
}
