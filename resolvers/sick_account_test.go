package resolvers_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// status is how an account is doing, as staff are told.
func (w *world) status(vendor string) (status, lastError string) {
	w.t.Helper()
	data, _ := must[struct {
		Account struct{ Status, LastError string }
	}](w, fmt.Sprintf(`{ account(id: %q) { status lastError } }`, account(vendor)), nil)
	return data.Account.Status, data.Account.LastError
}

// TestSickEndpointOfList has one endpoint answer 500 for so long that it rests. Every list
// that is not read there is answered, and the account is degraded, not down.
func TestSickEndpointOfList(t *testing.T) {
	sequential(t)
	for vendor, lists := range oddLists {
		sick := map[string]bool{}
		for _, paths := range lists {
			for _, path := range paths {
				sick[path] = true
			}
		}
		for _, path := range slices.Sorted(maps.Keys(sick)) {
			t.Run(vendor+" "+path, func(t *testing.T) {
				w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true})
				w.kits[vendor].Odd().Break(path)
				for list, paths := range lists {
					for range 6 { // more than an endpoint may fail in a row
						if !slices.Contains(paths, path) {
							break
						}
						a := w.ask(fmt.Sprintf(`{ %s(first: 5) { nodes { id } pageInfo { hasNextPage endCursor } } }`, list), nil)
						if a.code() != "UPSTREAM_UNAVAILABLE" || a.Errors[0].Extensions["retryable"] != true {
							t.Errorf("%s: %s", list, clipped(a.text))
						}
					}
				}
				for list, paths := range lists {
					if slices.Contains(paths, path) {
						continue
					}
					a := w.ask(fmt.Sprintf(`{ %s(first: 5) { nodes { id } } }`, list), nil)
					if len(a.Errors) > 0 || len(nodes(t, a.Data)) == 0 && list != "webhookSubscriptions" {
						t.Errorf("%s is not answered: %s", list, clipped(a.text))
					}
				}
				if status, said := w.status(vendor); status != "DEGRADED" || said == "" {
					t.Errorf("the account is %s: %q", status, said)
				}
			})
		}
	}
}

// sickAccounts are the ways in which every call to an account fails, and what is told of each.
var sickAccounts = map[string]struct {
	code, message, status string
	retryable             bool
}{
	sandbox.Payment402:  {"UPSTREAM_UNAUTHORIZED", "asks for a payment", "DOWN", false},
	sandbox.BadRequest:  {"UPSTREAM_ERROR", "did not accept the request", "DEGRADED", false},
	sandbox.Unprocessed: {"UPSTREAM_ERROR", "did not accept the request", "DEGRADED", false},
	sandbox.Challenge:   {"UPSTREAM_UNAVAILABLE", "bot protection", "DEGRADED", true},
	sandbox.NoRetry:     {"RATE_LIMITED", "used up for now", "DEGRADED", true},
	sandbox.KeyRefused:  {"UPSTREAM_UNAUTHORIZED", "refuses this account's key", "DOWN", false},
	"wrong account":     {"UPSTREAM_UNAUTHORIZED", "refuses this account's key", "DOWN", false}, // FirstPromoter's 404
}

// TestSickAccount has every call to an account fail in one way. A list and a look-up by an
// address say so, each in an account of its own that has never answered, and so does the
// account.
func TestSickAccount(t *testing.T) {
	sequential(t)
	for name, want := range sickAccounts {
		for vendor := range oddLists {
			if name == "wrong account" && vendor != "firstpromoter" {
				continue
			}
			for _, query := range []string{`commissions(first: 5)`, `affiliates(first: 5, filter: { email: "a@example.com" })`, `affiliates(first: 5)`} {
				s := setup{vendors: []string{vendor}, noBudget: true, ticks: true}
				if name == sandbox.NoRetry { // the budget waits on the machine's clock
					s.timeout = time.Second
				}
				w := newWorld(t, s)
				w.kits[vendor].Set(name, true)
				if name == "wrong account" {
					w.kits[vendor].Choose(func(*http.Request) (sandbox.Fault, bool) {
						return sandbox.Fault{Status: http.StatusNotFound, Body: `{"message":"Record not found","code":"not_found"}`}, true
					})
				}
				a := w.ask("{ "+query+" { nodes { id } pageInfo { hasNextPage endCursor } } }", nil)
				if a.code() != want.code || !strings.Contains(a.text, want.message) || a.Errors[0].Extensions["retryable"] != want.retryable {
					t.Errorf("%s, %s, %s: %s", name, vendor, query, clipped(a.text))
				}
				if status, said := w.status(vendor); status != want.status || said == "" {
					t.Errorf("%s, %s, %s: the account is %s: %q", name, vendor, query, status, said)
				}
			}
		}
	}
}

// TestSickAccountHasNoAbsentRecords reads a record of each noun by its id, from an account
// that fails every call and has never answered. No record is told not to be there.
func TestSickAccountHasNoAbsentRecords(t *testing.T) {
	sequential(t)
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true})
		ids := map[string]string{} // by the field of the schema
		for _, noun := range []string{"affiliate", "membership", "campaign", "referral", "commission", "payout", "coupon"} {
			for _, row := range w.rowsOf(noun+"s", "providerId") {
				ids[noun] = id(row)
			}
		}
		for sick, want := range sickAccounts {
			if sick == sandbox.NoRetry || sick == "wrong account" {
				continue // neither says that there is no record
			}
			for noun, id := range ids {
				w.kits[vendor].Set(sick, false)
				cold := newWorld(t, setup{beside: w, vendors: []string{vendor}, noBudget: true})
				w.kits[vendor].Set(sick, true)
				a := cold.ask(fmt.Sprintf(`{ %s(id: %q) { providerId createdAt fetchedAt } }`, noun, id), nil)
				if a.code() != want.code || !strings.Contains(a.text, want.message) {
					t.Errorf("%s, %s, %s: %s", sick, vendor, noun, clipped(a.text))
				}
			}
			w.kits[vendor].Set(sick, false)
		}
	}
}

// TestUnpaidAccount answers each call before a write with 402. It is no fault of
// the input: nothing was written, the account is told, and the same key writes once it is paid.
func TestUnpaidAccount(t *testing.T) {
	eachRow(t, func(t *testing.T, r row) {
		w, p := r.sole(t, setup{})
		refused := func(where string, a *answer) {
			t.Helper()
			if a.code() != "UPSTREAM_UNAUTHORIZED" || !strings.Contains(a.text, "asks for a payment") {
				t.Errorf("%s: %s", where, clipped(a.text))
			}
			if status, _ := w.status(r.vendor); status == "OK" {
				t.Errorf("%s: the account is %s", where, status)
			}
		}
		w.kits[r.vendor].Set(sandbox.Payment402, true)
		refused("the account", w.writeOnly(r.mutation, p.input))
		w.kits[r.vendor].Set(sandbox.Payment402, false)
		w.pass(2 * time.Minute)
		w.taken(r.vendor)
		a := w.writeOnly(r.mutation, p.input)
		calls, _ := w.taken(r.vendor)
		if a.code() != "" || landed(calls) != 1 {
			t.Errorf("once it is paid: %s:%s", clipped(a.text), lined(calls))
		}
	})
}
