package resolvers

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/partnergraph/partnergraph/schema"
)

// recorded are the object types whose fields are made of records in the cache, and of the
// viewer's scope, alone. Of these no field is live.
var recorded = map[string]bool{
	"Affiliate": true, "Membership": true, "Campaign": true, "Referral": true, "Commission": true, "Payout": true, "Coupon": true,
	"WebhookSubscription": true,
}

// settled are the fields of all other types that are not live: what a change of theirs
// takes with it.
var settled = map[string]map[string]string{
	"Query": {
		"viewer": "the key", "accounts": "the configuration", "account": "the configuration", "node": "records", "nodes": "records",
		"affiliate": "records", "affiliates": "records", "membership": "records", "memberships": "records", "campaign": "records", "campaigns": "records",
		"referral": "records", "referrals": "records", "commission": "records", "commissions": "records", "payout": "records", "payouts": "records",
		"coupon": "records", "coupons": "records", "webhookSubscriptions": "records",
	},
	"Viewer": {"role": "the key", "name": "the key", "accounts": "the configuration", "affiliates": "records"},
	"Account": {
		"id": "the configuration", "providerId": "the configuration", "name": "the configuration", "provider": "the configuration",
		"currencyCode": "the configuration", "createdAt": "nothing: it is null", "capabilities": "lessons",
	},
	"Provider": {"id": "nothing", "name": "nothing", "documentationUrl": "nothing"},
}

// reached are the object types that a query can lead to.
func reached(types map[string]bool, name string) map[string]bool {
	def := schema.Parsed().Types[name]
	if def == nil || types[name] || def.BuiltIn {
		return types
	}
	switch def.Kind {
	case ast.Object, ast.Interface:
	default:
		return types
	}
	types[name] = true
	for _, p := range schema.Parsed().GetPossibleTypes(def) {
		reached(types, p.Name)
	}
	for _, f := range def.Fields {
		reached(types, f.Type.Name())
	}
	return types
}

// TestLiveFields wants every field of the schema to be known either as live or as settled.
func TestLiveFields(t *testing.T) {
	parsed := schema.Parsed()
	for f := range live {
		if def := parsed.Types[f.typeName]; def == nil || def.Fields.ForName(f.name) == nil {
			t.Errorf("%v is no field", f)
		}
	}
	for f := range named {
		if def := parsed.Types[f.typeName]; def == nil || def.Fields.ForName(f.name) == nil {
			t.Errorf("%v is no field", f)
		}
	}
	types := reached(map[string]bool{}, "Query")
	if len(types) < 30 {
		t.Fatalf("%d types are reached", len(types))
	}
	parts := 0
	for name := range types {
		def := parsed.Types[name]
		_, ruled := settled[name]
		for _, f := range def.Fields {
			if f.Name == "__schema" || f.Name == "__type" {
				continue
			}
			switch {
			case live[field{name, f.Name}] == (settled[name][f.Name] != "") && ruled:
				t.Errorf("%s.%s is not known as either live or settled", name, f.Name)
			case live[field{name, f.Name}] && recorded[name]:
				t.Errorf("%s.%s is live, in a type of records", name, f.Name)
			case def.Kind == ast.Interface && f.Name != "id":
				t.Errorf("%s.%s may be live in a type that has it", name, f.Name)
			}
		}
		if !ruled && !recorded[name] && def.Kind == ast.Object {
			parts++
			if !within(name, types) {
				t.Errorf("the type %s is a part of no record: are its fields live?", name)
			}
		}
	}
	if parts < 10 {
		t.Errorf("%d types are parts of records", parts)
	}
}

// within says whether objects of a type are always parts of a record or of a list of
// records, or below a live field.
func within(name string, types map[string]bool) bool {
	for holder := range types {
		for _, f := range schema.Parsed().Types[holder].Fields {
			if f.Type.Name() == name && settled[holder][f.Name] != "" && settled[holder][f.Name] != "records" {
				return false
			}
		}
	}
	return true
}

func TestSharingOf(t *testing.T) {
	for query, want := range map[string]Sharing{
		`{ referrals { nodes { id } } }`: SharedByAll,
		`{ __typename }`:                 NotShared,
		`{ ...F } fragment F on Query { a: __schema { types { name } } ... { __type(name: "Query") { name } } }`: NotShared,
		`{ __typename ...F } fragment F on Query { ... { accounts { capabilities } } }`:                          SharedByAll,
		`{ viewer { role } }`:                                                      SharedByAll,
		`{ viewer { name } }`:                                                      SharedByName,
		`{ viewer { ...F } } fragment F on Viewer { name }`:                        SharedByName,
		`{ viewer { name accounts { status } } }`:                                  NotShared,
		`{ accounts { capabilities } }`:                                            SharedByAll,
		`{ accounts { fetchedAt } }`:                                               NotShared,
		`{ a: rawRecord(id: "x") }`:                                                NotShared,
		`query($no: Boolean = false) { accounts { lastError @include(if: $no) } }`: NotShared,
		`{ referrals { nodes { account { rateLimit { limit } } } } }`:              NotShared,
		`{ node(id: "x") { id ... on Account { lastSuccessAt } } }`:                NotShared,
		`{ accounts { ...F } } fragment F on Account { ... on Node { ...G } } fragment G on Account { s: status }`: NotShared,
		`mutation { updateAffiliate(input: { idempotencyKey: "12345678", id: "x" }) { affiliate { id } } }`:        NotShared,
	} {
		doc, err := parser.ParseQuery(&ast.Source{Input: query})
		if err != nil {
			t.Fatal(err)
		}
		if errs := validator.ValidateWithRules(schema.Parsed(), doc, nil); len(errs) > 0 {
			t.Fatalf("%s: %v", query, errs)
		}
		if got := SharingOf(doc.Operations[0]); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}
