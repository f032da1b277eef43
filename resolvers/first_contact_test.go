package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// editReplies changes the rows of one of the vendor's lists before they are sent.
func (w *world) editReplies(vendor, path string, change func(n int, row object)) {
	w.kits[vendor].Choose(func(r *http.Request) (sandbox.Fault, bool) {
		return sandbox.Fault{Edit: func(body []byte) []byte {
			var whole any
			if json.Unmarshal(body, &whole) != nil {
				return body
			}
			rows, isArray := whole.([]any)
			if !isArray {
				rows, _ = at(whole, "data").([]any)
			}
			for n, row := range rows {
				change(n, row.(object))
			}
			text, err := json.Marshal(whole)
			if err != nil {
				return body
			}
			return text
		}}, r.Method == http.MethodGet && r.URL.Path == path
	})
}

// TestReferralIDsInOtherForms wants a payment's commissions also where the vendor lists
// them in another form than an array of numbers; what cannot be read is not told to be
// nothing.
func TestReferralIDsInOtherForms(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{vendors: []string{"uppromote"}, noBudget: true, ticks: true})
	const query = `payouts(first: 20, filter: { statuses: [PAID] }) { nodes { id commissionCount commissions(first: 100) { nodes { id } } } }`
	type payouts struct{ Payouts struct{ Nodes []object } }
	commissions := func(p object) (ids []string) {
		rows, _ := at(p, "commissions", "nodes").([]any)
		for _, row := range rows {
			ids = append(ids, id(row))
		}
		slices.Sort(ids)
		return ids
	}
	plain, _ := must[payouts](w, "{ "+query+" }", nil)
	forms := map[string]func(ids []any) any{
		"text": func(ids []any) any {
			return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ","), "[]")
		},
		"with null": func(ids []any) any { return append(slices.Clone(ids), nil) },
		"texts": func(ids []any) any {
			var out []any
			for _, id := range ids {
				out = append(out, fmt.Sprint(id))
			}
			return out
		},
		"object": func(ids []any) any {
			out := object{}
			for n, id := range ids {
				out[fmt.Sprint(n)] = id
			}
			return out
		},
	}
	for name, form := range forms {
		w.pass(100 * time.Hour)
		w.editReplies("uppromote", "/payments/paid", func(_ int, row object) {
			if ids, ok := row["referral_ids"].([]any); ok {
				for n, id := range ids {
					if f, ok := id.(float64); ok {
						ids[n] = int64(f)
					}
				}
				row["referral_ids"] = form(ids)
			}
		})
		odd, _ := must[payouts](w, "{ "+query+" }", nil)
		checked := 0
		for n, p := range odd.Payouts.Nodes {
			if want := commissions(plain.Payouts.Nodes[n]); id(p) != id(plain.Payouts.Nodes[n]) || !slices.Equal(commissions(p), want) {
				t.Errorf("%s: %s has the commissions %v, want %v", name, id(p), commissions(p), want)
			}
			checked += len(commissions(p))
		}
		if checked == 0 {
			t.Errorf("%s: nothing was checked", name)
		}
	}
}

// TestDecimalsOfCurrencies wants amounts with the decimals of the account's currency,
// whether the vendor sends major or minor units.
func TestDecimalsOfCurrencies(t *testing.T) {
	sequential(t)
	lists := map[string]string{"promotekit": "/commissions", "firstpromoter": "/commissions", "uppromote": "/referrals"}
	for currency, want := range map[string]map[string]string{
		"KWD": {"promotekit": "1.500", "firstpromoter": "1.500", "uppromote": "1.500"},
		"USD": {"promotekit": "1.50", "firstpromoter": "15.00", "uppromote": "1.50"},
		"JPY": {"promotekit": "1500", "firstpromoter": "1500", "uppromote": "1500"},
	} {
		w := newWorld(t, setup{currency: currency, noBudget: true, ticks: true})
		for vendor, path := range lists {
			w.editReplies(vendor, path, func(_ int, row object) {
				major := any(1.5)
				if currency == "JPY" {
					major = 1500
				}
				switch vendor {
				case "promotekit":
					row["commission_amount"], row["currency"] = major, strings.ToLower(currency)
				case "firstpromoter":
					row["amount"], row["unit"] = 1500, "cash"
				case "uppromote":
					row["commission"], row["commission_adjustment"] = fmt.Sprint(major), "0.00"
				}
			})
			data, _ := must[struct {
				Commissions struct{ Nodes []object }
			}](w, fmt.Sprintf(`{ commissions(first: 3, filter: { accounts: [%q] }) { nodes { amount { amount currencyCode } } } }`, account(vendor)), nil)
			for _, row := range data.Commissions.Nodes {
				if at(row, "amount", "amount") != want[vendor] || at(row, "amount", "currencyCode") != currency {
					t.Errorf("%s, %s: %v, want %s", vendor, currency, row, want[vendor])
				}
			}
			if len(data.Commissions.Nodes) == 0 {
				t.Errorf("%s: no rows", vendor)
			}
		}
	}
}

// TestMovedReferrals wants the address of a customer who was moved without the vendor's
// mark, and the customer found by it.
func TestMovedReferrals(t *testing.T) {
	w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, ticks: true, pages: 100})
	emails := func() map[string]any {
		all := map[string]any{}
		for _, row := range w.rowsOf("referrals", "email maskedEmail") {
			all[id(row)] = row["email"]
			if strings.Contains(fmt.Sprint(row), "moved") {
				t.Errorf("%v", row)
			}
		}
		return all
	}
	plain := emails()
	w.pass(100 * time.Hour)
	w.kits["firstpromoter"].Set("moved", true)
	odd := emails()
	if !maps.Equal(plain, odd) {
		t.Error("the addresses differ with the mark")
	}
	w.pass(100 * time.Hour)
	for n, row := range slices.Sorted(maps.Keys(plain)) {
		email, _ := plain[row].(string)
		if n >= 10 || email == "" {
			continue
		}
		data, _ := must[struct{ Referrals struct{ Nodes []object } }](w, `query ($e: String) { referrals(filter: { email: $e }) { nodes { id } } }`, object{"e": email})
		if !slices.ContainsFunc(data.Referrals.Nodes, func(found object) bool { return id(found) == row }) {
			t.Errorf("%s is not found by its address", row)
		}
	}
}

// otherCase is an address as somebody else may write it.
func otherCase(email string) string {
	name, domain, _ := strings.Cut(email, "@")
	return strings.ToUpper(name[:1]) + name[1:] + "@" + strings.ToUpper(domain[:1]) + domain[1:]
}

// TestAddressesInOtherCase looks up affiliates and customers by their address in another
// case, cold and beside what the cache has of other spellings, at vendors who compare
// addresses as they are typed; and finds out who a partner is whose token has it so.
func TestAddressesInOtherCase(t *testing.T) {
	sequential(t)
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, portal: true, noBudget: true, ticks: true, pages: 100})
		admin := &auth.Viewer{Name: "staff", Role: auth.RoleAdmin}
		for _, list := range []string{"affiliates", "referrals"} {
			w.kits[vendor].Set(sandbox.ExactAddress, true)
			a := w.browse(admin, fmt.Sprintf(`{ %s(first: 10) { nodes { id email } } }`, list), nil)
			tried := 0
			for _, row := range nodes(t, a.Data) {
				email, _ := row["email"].(string)
				if email == "" {
					continue
				}
				tried++
				for i, typed := range []string{otherCase(email), strings.ToUpper(email), email, strings.ToLower(email), otherCase(email)} {
					if i < 2 { // the others are looked up beside what is remembered of these
						w.pass(100 * time.Hour)
					}
					a := w.browse(admin, fmt.Sprintf(`query ($e: String) { %s(filter: { email: $e }) { nodes { id email } } }`, list), object{"e": typed})
					found := nodes(t, a.Data)
					if len(a.Errors) > 0 || !slices.ContainsFunc(found, func(f map[string]any) bool { return f["id"] == row["id"] }) {
						t.Errorf("%s: %s by %q: %s", vendor, list, typed, clipped(a.text))
					}
					if list != "affiliates" || i >= 2 {
						continue
					}
					w.pass(100 * time.Hour)
					a = w.browse(&auth.Viewer{Name: "kim", Role: auth.RolePartner, Email: typed}, `{ viewer { affiliates { id } } }`, nil)
					if len(a.Errors) > 0 || !strings.Contains(a.text, row["id"].(string)) {
						t.Errorf("%s: a partner with the address %q: %s", vendor, typed, clipped(a.text))
					}
				}
			}
			if tried == 0 {
				t.Errorf("%s: no %s has an address", vendor, list)
			}
		}
	}
}
