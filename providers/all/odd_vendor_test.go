package all_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	firstpromoter "github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	promotekit "github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/sandbox"
	uppromote "github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// addresses says where a vendor makes affiliates, and how it is asked for the one with an
// address. Vendors that make none are not in it.
var addresses = map[string]struct {
	path  string
	under bool // the address is part of the path
	query func(email string) url.Values
}{
	"promotekit":    {path: "/affiliates", query: func(email string) url.Values { return url.Values{"email": {email}} }},
	"uppromote":     {path: "/affiliates", query: func(email string) url.Values { return url.Values{"affiliate_email": {email}} }},
	"firstpromoter": {path: "/promoters", under: true, query: func(string) url.Values { return url.Values{"find_by": {"email"}} }},
}

// knows says whether the vendor has an affiliate with this address.
func (v *oddVendor) knows(email string) bool {
	v.t.Helper()
	a := addresses[v.Name]
	path := a.path
	if a.under {
		path += "/" + url.PathEscape(email)
	}
	_, _, body := v.get(path, a.query(email))
	return strings.Contains(strings.ToLower(string(body)), `"email":"`+strings.ToLower(email)+`"`)
}

// create makes an affiliate, and answers the reply.
func (v *oddVendor) create(email string) string {
	v.t.Helper()
	text, err := json.Marshal(map[string]string{"email": email, "first_name": "Ann", "last_name": "Ash"})
	if err != nil {
		v.t.Fatal(err)
	}
	response := v.send(http.MethodPost, addresses[v.Name].path, string(text))
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		v.t.Fatalf("%v: %d %s", err, response.StatusCode, body)
	}
	return string(body)
}

// TestExactAddress wants addresses to be stored in lower case and compared as they are
// typed, with the switch; without it to be stored as typed and compared without case.
func TestExactAddress(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		if _, ok := addresses[v.Name]; !ok {
			t.Skip("the vendor makes no affiliates")
		}
		if reply := v.create("New.Partner@Example.com"); !strings.Contains(reply, `"email":"New.Partner@Example.com"`) {
			t.Errorf("the reply is %s", reply)
		}
		if !v.knows("new.partner@example.com") || !v.knows("NEW.partner@Example.com") {
			t.Error("without the switch case matters")
		}
		v.kit.Set(sandbox.ExactAddress, true)
		if reply := v.create("Other.Partner@Example.com"); !strings.Contains(reply, `"email":"other.partner@example.com"`) {
			t.Errorf("with the switch the reply is %s", reply)
		}
		if !v.knows("other.partner@example.com") || v.knows("Other.Partner@Example.com") {
			t.Error("with the switch case does not matter")
		}
	})
}

// TestOwnSwitches wants the vendors' own oddities to show, and only with their switches.
func TestOwnSwitches(t *testing.T) {
	times := func(rows []any) (created []string) {
		for _, row := range rows {
			created = append(created, member(row, "created_at").(string))
		}
		return created
	}
	shows := map[string]func(path string, rows []any) bool{
		promotekit.OldestCampaigns: func(_ string, rows []any) bool { return len(rows) > 1 && slices.IsSorted(times(rows)) },
		firstpromoter.Moved: func(path string, rows []any) bool {
			name := map[string]string{"/referrals": "email", "/commissions": "referral.email"}[path]
			return slices.ContainsFunc(rows, func(row any) bool { s, _ := member(row, name).(string); return strings.HasSuffix(s, " (moved)") })
		},
		uppromote.PaymentWords: func(_ string, rows []any) bool {
			return slices.ContainsFunc(rows, func(row any) bool { return member(row, "status") != "SUCCESS" })
		},
		uppromote.NoReferralIDs: func(_ string, rows []any) bool {
			return !slices.ContainsFunc(rows, func(row any) bool { _, there := row.(map[string]any)["referral_ids"]; return there })
		},
	}
	paths := map[string][]string{
		promotekit.OldestCampaigns: {"/campaigns"}, firstpromoter.Moved: {"/referrals", "/commissions"},
		uppromote.PaymentWords: {"/payments/paid"}, uppromote.NoReferralIDs: {"/payments/paid", "/payments/unpaid"},
	}
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		for _, name := range v.kit.Odd().Shape().Mixed {
			for _, path := range paths[name] {
				for _, on := range []bool{false, true, false} {
					v.kit.Set(name, on)
					if rows, _, _ := v.page(sandbox.ListShape{Path: path}, 1, 100); len(rows) == 0 || shows[name](path, rows) != on {
						t.Errorf("%s is %v, and %s shows otherwise", name, on, path)
					}
				}
			}
		}
	})
}

// TestWrongAccount wants an account id that names no account to be answered 404, as
// FirstPromoter does.
func TestWrongAccount(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		credentials := v.sim.Credentials()
		if credentials["account_id"] == "" {
			t.Skip("there is none")
		}
		credentials["account_id"] = "acc_999"
		v.header = header(t, v.Factory, credentials)
		for _, l := range v.lists {
			if status, _, _ := v.get(l.Path, nil); status != http.StatusNotFound {
				t.Errorf("%s: %d", l.Path, status)
			}
		}
	})
}
