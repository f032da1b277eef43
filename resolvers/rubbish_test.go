package resolvers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestRubbishIsNoSuccess has a vendor answer everything with a success that is none of its
// own. The account is not well, and was not before.
func TestRubbishIsNoSuccess(t *testing.T) {
	sequential(t)
	for vendor := range oddLists {
		for _, f := range []sandbox.Fault{
			{Status: 200, Body: `{}`}, {Status: 200, Body: `null`}, {Status: 200, Body: `"maintenance"`}, {Status: 200, Body: `{"error":"invalid api key"}`},
			{Status: 200, Body: `{"status":401,"message":"Unauthenticated."}`}, {Status: 200, Body: `{"success":false}`},
			{Status: 206, Body: `{}`}, {Status: 204}, {Status: 200, Body: "<html>"},
		} {
			w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true})
			w.kits[vendor].Choose(func(*http.Request) (sandbox.Fault, bool) { return f, true })
			for _, query := range []string{`affiliates(first: 3)`, `campaigns(first: 3)`} {
				if a := w.ask("{ "+query+" { nodes { id } } }", nil); len(a.Errors) == 0 {
					t.Errorf("%s, %d %s: %s", vendor, f.Status, f.Body, clipped(a.text))
				}
			}
			a := w.ask(fmt.Sprintf(`{ account(id: %q) { status lastSuccessAt } }`, account(vendor)), nil)
			if strings.Contains(a.text, `"OK"`) || !strings.Contains(a.text, `"lastSuccessAt":null`) {
				t.Errorf("%s, %d %s: %s", vendor, f.Status, f.Body, clipped(a.text))
			}
		}
	}
}

// TestTypedFilters asks for what no vendor accepts. It matches nothing, without a call
// where that is plain, and says nothing of the account.
func TestTypedFilters(t *testing.T) {
	sequential(t)
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true})
		w.ask(`{ affiliates(first: 1) { nodes { id } } }`, nil)
		for _, query := range []string{
			`affiliates(first: 2, filter: { email: "no-at-sign" })`, `affiliates(first: 2, filter: { email: "a/../b@example.com" })`,
			`referrals(first: 2, filter: { email: "a b@example.com" })`,
			`commissions(first: 2, filter: { createdAt: { to: "9999-12-31T23:59:59Z" } })`,
			`commissions(first: 2, filter: { createdAt: { from: "0001-01-02T00:00:00Z" } })`,
			`referrals(first: 2, filter: { createdAt: { from: "9999-12-31T23:00:00Z" } })`,
		} {
			a := w.ask("{ "+query+" { nodes { id } } }", nil)
			if status, said := w.status(vendor); len(a.Errors) > 0 || status != "OK" {
				t.Errorf("%s, %s: the account is %s (%s): %s", vendor, query, status, said, clipped(a.text))
			}
			if rows := strings.Count(a.text, `"id"`); rows > 0 != strings.HasPrefix(query, "commissions") {
				t.Errorf("%s, %s: %d rows", vendor, query, rows)
			}
		}
		w.kits[vendor].Choose(func(*http.Request) (sandbox.Fault, bool) {
			return sandbox.Fault{Status: 422, Body: `{"success":false,"message":"no","error":{"message":"no"}}`}, true
		})
		w.ask(`{ affiliates(first: 2, filter: { email: "kim@example.com" }) { nodes { id } } }`, nil)
		if status, said := w.status(vendor); status != "OK" {
			t.Errorf("%s: a refused filter makes the account %s: %s", vendor, status, said)
		}
	}
}
