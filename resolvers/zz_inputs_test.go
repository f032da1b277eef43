package resolvers_test

import "testing"

func TestZZInputs(t *testing.T) {
	w := newWorld(t, setup{noBudget: true, ticks: true, pages: 100})
	fp, pk, up := account("firstpromoter"), account("promotekit"), account("uppromote")
	for _, c := range []struct {
		q string
		v map[string]any
	}{
		{`mutation($i: CreateAffiliateInput!) { createAffiliate(input: $i) { affiliate { id } userErrors { field code message } } }`, object{"i": object{"idempotencyKey": "short", "account": fp, "email": "x", "payoutEmail": "y", "refCode": "z", "note": ""}}},
		{`mutation($i: CreateAffiliateInput!) { createAffiliate(input: $i) { affiliate { id } userErrors { field code message } } }`, object{"i": object{"idempotencyKey": "longenough1", "account": fp, "email": "x", "payoutEmail": "y", "refCode": "z", "note": "n"}}},
		{`mutation($i: CreateAffiliateInput!) { createAffiliate(input: $i) { affiliate { id } userErrors { field code message } } }`, object{"i": object{"idempotencyKey": "longenough2", "account": up, "email": "x@y.z", "firstName": " ", "lastName": "", "refCode": "z"}}},
		{`mutation($i: CreateAffiliateInput!) { createAffiliate(input: $i) { affiliate { id } userErrors { field code message } } }`, object{"i": object{"idempotencyKey": "longenough3", "account": pk, "email": " ", "firstName": nil, "lastName": nil, "campaign": nil, "sendEmail": true, "couponCode": " "}}},
		{`mutation($i: CreateCommissionInput!) { createCommission(input: $i) { commission { id } userErrors { field code message } } }`, object{"i": object{"idempotencyKey": "longenough4", "account": pk, "commission": object{"sale": nil, "custom": nil}}}},
		{`mutation($i: CreateCommissionInput!) { createCommission(input: $i) { commission { id } userErrors { field code message } } }`, object{"i": object{"idempotencyKey": "longenough5", "account": up, "commission": object{"sale": nil, "custom": object{"affiliate": "x", "amount": object{"amount": "1e3", "currencyCode": "USD"}}}}}},
		{`{ commissions(first: null, after: null, filter: null) { nodes { id } } }`, nil},
		{`{ commissions(first: 1, filter: {createdAt: {from: null, to: null}, accounts: null, statuses: null}) { nodes { id } } }`, nil},
		{`{ commissions(first: 1, filter: {createdAt: {}}) { nodes { id } } }`, nil},
		{`query($s: [CommissionStatus!]) { commissions(first: 1, filter: {statuses: $s}) { nodes { id } } }`, object{"s": "PAID"}},
		{`query($s: [CommissionStatus!]) { commissions(first: 1, filter: {statuses: $s}) { nodes { id } } }`, object{"s": []any{"PAID", nil}}},
		{`query($s: [CommissionStatus!]) { commissions(first: 1, filter: {statuses: $s}) { nodes { id } } }`, object{"s": []any{"paid"}}},
		{`query($s: [CommissionStatus!]) { commissions(first: 1, filter: {statuses: $s}) { nodes { id } } }`, object{"s": []any{"UNKNOWN"}}},
		{`query($s: CommissionStatus!) { commissions(first: 1, filter: {statuses: [$s]}) { nodes { id } } }`, object{"s": "Paid"}},
		{`query($s: [CommissionStatus!] = [paid]) { commissions(first: 1, filter: {statuses: $s}) { nodes { id } } }`, nil},
		{`query($c: DateTime) { commissions(first: 1, filter: {createdAt: {from: $c, to: "2026-01-01T00:00:00Z"}}) { nodes { id createdAt } } }`, object{"c": nil}},
		{`query($c: DateTime) { commissions(first: 1, filter: {createdAt: {from: $c, to: "2020-01-01T00:00:00Z"}}) { nodes { id createdAt } } }`, nil},
		{`{ commissions(first: 1, filter: {createdAt: {from: "2027-01-01T00:00:00Z", to: "2020-01-01T00:00:00Z"}}) { nodes { id createdAt } } }`, nil},
		{`query($f: Int) { commissions(first: $f) { nodes { id } } }`, object{"f": "2"}},
		{`query($f: Int) { commissions(first: $f) { nodes { id } } }`, object{"f": 2.5}},
		{`query($f: Int) { commissions(first: $f) { nodes { id } } }`, object{"f": true}},
		{`query($f: Int) { commissions(first: $f) { nodes { id } } }`, object{"f": 2.0}},
		{`query($f: CommissionFilter) { commissions(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"affiliates": []any{""}}}},
		{`query($f: CommissionFilter) { commissions(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"affiliates": []any{pk}}}},
		{`query($f: CommissionFilter) { commissions(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"accounts": []any{"nope"}}}},
		{`query($f: CommissionFilter) { commissions(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"accounts": pk}}},
		{`query($f: CommissionFilter) { commissions(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"orderId": "\u200b"}}},
		{`query($f: AffiliateFilter) { affiliates(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"email": "\u200b"}}},
		{`query($f: AffiliateFilter) { affiliates(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"search": "\u200b"}}},
		{`query($f: AffiliateFilter) { affiliates(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"search": "@"}}},
		{`query($f: AffiliateFilter) { affiliates(first: 1, filter: $f) { nodes { id } } }`, object{"f": object{"search": "%"}}},
	} {
		a := w.ask(c.q, c.v)
		s := string(a.Data)
		for _, e := range a.Errors {
			s += " | " + e.Message + " " + zzJSON(e.Extensions["code"])
		}
		if len(s) > 500 {
			s = s[:500]
		}
		t.Logf("%s %s\n   -> %s", c.q[:min(60, len(c.q))], zzJSON(c.v), s)
	}
}
