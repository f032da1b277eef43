package resolvers_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

func bearer(key string) []string { return []string{"Authorization", "Bearer " + key} }

// staff are keys of every role.
var staff = []auth.Key{
	{Name: "boss", SHA256: sum("boss-key"), Role: auth.RoleAdmin}, {Name: "portal", SHA256: sum("editor-key"), Role: auth.RoleEditor},
	{Name: "dashboard", SHA256: sum("reader-key"), Role: auth.RoleReader}, {Name: "elsewhere", SHA256: sum("foreign-key"), Role: auth.RoleEditor, Accounts: []string{}},
	{Name: "boss elsewhere", SHA256: sum("foreign-boss-key"), Role: auth.RoleAdmin, Accounts: []string{"elsewhere"}},
}

// writers are the keys of who may make a mutation, and of who could, but does not see the
// account.
func writers(m providers.Capability) (who, outside string) {
	if strings.HasSuffix(string(m), "WEBHOOK_SUBSCRIPTION") {
		return "boss-key", "foreign-boss-key"
	}
	return "editor-key", "foreign-key"
}

// silent wants nobody to have been asked.
func (w *world) silent(what string) {
	w.t.Helper()
	for vendor := range w.kits {
		if all, _ := w.taken(vendor); len(all) != 0 {
			w.t.Errorf("%s: %s was asked:%s", what, vendor, lined(all))
		}
	}
}

// TestWhoMayWrite has every role try each write.
func TestWhoMayWrite(t *testing.T) {
	eachRow(t, func(t *testing.T, r row) {
		finder, p := r.sole(t, setup{})
		w := newWorld(t, setup{vendors: []string{r.vendor}, noBudget: true, keys: staff, beside: finder})
		if _, a := w.write(r.mutation, p.fields, newKey, p.input); a.status != http.StatusUnauthorized || a.code() != "UNAUTHENTICATED" {
			t.Errorf("nobody: %d %s", a.status, a.text)
		}
		if got, a := w.write(r.mutation, p.fields, newKey, p.input, bearer("reader-key")...); a.code() != "FORBIDDEN" || got != nil {
			t.Errorf("a reader: %s", a.text)
		}
		who, outside := writers(r.mutation)
		forAdmins := who == "boss-key"
		if forAdmins {
			if got, a := w.write(r.mutation, p.fields, newKey, p.input, bearer("editor-key")...); a.code() != "FORBIDDEN" || got != nil {
				t.Errorf("an editor: %s", a.text)
			}
		}
		hidden, a := w.write(r.mutation, p.fields, newKey, p.input, bearer(outside)...)
		if a.code() != "" || len(hidden.UserErrors) != 1 || hidden.UserErrors[0].Code != "NOT_FOUND" {
			t.Errorf("whoever does not see the account: %s", a.text)
		}
		w.silent("who may not")
		if line := w.audit.take(); line != "" {
			t.Errorf("the audit has %s", line)
		}
		name := "by=key:portal"
		if forAdmins {
			name = "by=key:boss"
		}
		got, a := w.write(r.mutation, p.fields, newKey, p.input, bearer(who)...)
		if a.code() != "" || got == nil || len(got.UserErrors) != 0 {
			t.Errorf("who may: %s", clipped(a.text))
		}
		if line := w.audit.take(); !strings.Contains(line, name) {
			t.Errorf("the audit has %s, want %s", line, name)
		}
		// The key is this subject's: an admin's write under it is another.
		if _, a := w.write(r.mutation, p.fields, newKey, other(p.input), bearer("boss-key")...); !forAdmins && a.code() == "IDEMPOTENCY_CONFLICT" {
			t.Error("another subject's key is in the way")
		}
	})
}

// TestHiddenIsAbsent compares what is said of a record that is not there with what is said
// of one that may not be seen, and of one of an account that there is not.
func TestHiddenIsAbsent(t *testing.T) {
	eachRow(t, func(t *testing.T, r row) {
		finder, p := r.sole(t, setup{})
		who, outside := writers(r.mutation)
		w := newWorld(t, setup{vendors: []string{r.vendor}, noBudget: true, keys: staff, beside: finder})
		hidden, _ := w.write(r.mutation, "", newKey, p.input, bearer(outside)...)
		if hidden == nil || len(hidden.UserErrors) != 1 {
			t.Fatalf("hidden: %+v", hidden)
		}
		field := hidden.UserErrors[0].Field
		absent := maps.Clone(p.input)
		replaceSubject(absent, func(id providers.ID) providers.ID { id.Account = "nosuch"; return id })
		got, _ := w.write(r.mutation, "", "another-key", absent, bearer(who)...)
		if diff := cmp.Diff(hidden, got); diff != "" {
			t.Errorf("of an account that there is not (-hidden +absent)\n%s", diff)
		}
		w.silent("hidden")
		if _, ok := p.input["account"]; ok {
			return
		}
		gone := maps.Clone(p.input)
		replaceSubject(gone, func(id providers.ID) providers.ID {
			id.Local = missing(id)
			return id
		})
		got, a := w.write(r.mutation, "", "a-third-key", gone, bearer(who)...)
		if got == nil || len(got.UserErrors) == 0 || got.UserErrors[0].Code != "NOT_FOUND" || !slices.Equal(got.UserErrors[0].Field, field) {
			t.Errorf("a record that is not there: %s\nhidden: %+v", clipped(a.text), hidden.UserErrors)
		}
		if all, _ := w.taken(r.vendor); landed(all) != 0 { // PromoteKit's refusal of a referral's affiliate is the answer to the write itself
			t.Errorf("something was written:%s", lined(all))
		}
	})
}

// missing is the local part of an id like this one that names nothing.
func missing(id providers.ID) string {
	digits := func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '9'
		}
		return r
	}
	if local := strings.Map(digits, id.Local); local != id.Local {
		return local
	}
	return id.Local + ".none" // a webhook's event
}

// replaceSubject changes the id that says which account is meant, and whatever else is of
// that account.
func replaceSubject(in object, change func(providers.ID) providers.ID) {
	for _, name := range []string{"account", "id", "affiliate"} {
		if s, ok := in[name].(string); ok {
			in[name] = change(parsed(s)).String()
			return
		}
	}
	c := maps.Clone(in["commission"].(object))
	for kind, name := range map[string]string{"sale": "referral", "custom": "affiliate"} {
		if of, ok := c[kind].(object); ok {
			of = maps.Clone(of)
			of[name] = change(parsed(of[name].(string))).String()
			c[kind] = of
		}
	}
	in["commission"] = c
}

// TestUnsupportedWrites tries at each vendor what its capabilities do not have.
func TestUnsupportedWrites(t *testing.T) {
	w := newWorld(t, setup{noBudget: true})
	inputs := map[providers.Capability]play{}
	for _, r := range rows() {
		p := r.play(&cast{newWorld(t, setup{vendors: []string{r.vendor}, noBudget: true, cost: 1 << 20, beside: w}), r.vendor})
		inputs[r.mutation] = p
		w.taken(r.vendor)
	}
	for vendor := range w.kits {
		w.taken(vendor)
	}
	tried, offered := 0, 0
	for vendor, account := range w.accounts {
		for m, p := range inputs {
			if slices.Contains(account.Account().Capabilities, m) {
				offered++
				continue
			}
			tried++
			got, a := w.write(m, p.fields, newKey, moved(p.input, vendor).(object))
			if got != nil || a.code() != "UNSUPPORTED" || a.Errors[0].Extensions["provider"] != vendor || a.Errors[0].Extensions["retryable"] != false {
				t.Errorf("%s %s: %s", vendor, m, clipped(a.text))
			}
		}
	}
	if want := len(w.accounts)*len(mutations) - offered; tried != want {
		t.Errorf("%d mutations are missing somewhere, want %d", tried, want)
	}
	w.silent("unsupported")
}

// moved is an input with all its ids moved to another account.
func moved(v any, account string) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for name, inner := range v {
			out[name] = moved(inner, account)
		}
		return out
	case []string:
		out := make([]string, len(v))
		for i := range v {
			out[i] = moved(v[i], account).(string)
		}
		return out
	case string:
		if id := parsed(v); id.Noun != "" {
			id.Account = account
			return id.String()
		}
	}
	return v
}

// TestWrongInputs wants each thing that is wrong with an input to be named by its path, and
// nobody to be asked.
func TestWrongInputs(t *testing.T) {
	w := newWorld(t, setup{noBudget: true})
	id := func(noun providers.Noun, at ...string) string {
		return providers.ID{Account: append(at, "firstpromoter")[0], Noun: noun, Local: "12"}.String()
	}
	affiliate, campaign, referral, commission, payout := id(providers.NounAffiliate), id(providers.NounCampaign), id(providers.NounReferral), id(providers.NounCommission), id(providers.NounPayout)
	custom := func(amount object) object { return object{"custom": object{"affiliate": affiliate, "amount": amount}} }
	usd, eur := dollars, object{"amount": "1", "currencyCode": "EUR"}
	for name, c := range map[string]struct {
		of    providers.Capability
		input object
		want  string // paths and codes
	}{
		"an e-mail address":           {providers.CanCreateAffiliate, object{"account": account("firstpromoter"), "email": "Jane <jane@x.example>"}, "email INVALID"},
		"two things":                  {providers.CanUpdateAffiliate, object{"id": affiliate, "email": "no", "firstName": " "}, "email INVALID, firstName INVALID"},
		"nothing to change":           {providers.CanUpdateAffiliate, object{"id": affiliate}, " INVALID"},
		"nothing to change, null":     {providers.CanUpdateCommission, object{"id": commission, "note": nil}, " INVALID"},
		"no change of terms":          {providers.CanUpdateCampaign, object{"id": campaign, "terms": object{}}, " INVALID"},
		"a short key":                 {providers.CanUpdateAffiliate, object{"id": affiliate, "email": "a@b.example", "idempotencyKey": "short"}, "idempotencyKey INVALID"},
		"a key with a space":          {providers.CanUpdateAffiliate, object{"id": affiliate, "email": "a@b.example", "idempotencyKey": "two words of it"}, "idempotencyKey INVALID"},
		"another noun":                {providers.CanUpdateAffiliate, object{"id": campaign, "email": "a@b.example"}, "id INVALID"},
		"a record for an account":     {providers.CanCreateAffiliate, object{"account": affiliate, "email": "a@b.example"}, "account INVALID"},
		"another noun inside":         {providers.CanMoveAffiliate, object{"id": affiliate, "toCampaign": referral}, "toCampaign INVALID"},
		"another account":             {providers.CanMoveAffiliate, object{"id": affiliate, "toCampaign": id(providers.NounCampaign, "uppromote")}, "toCampaign INVALID"},
		"itself":                      {providers.CanSetAffiliateParent, object{"id": affiliate, "parent": affiliate}, "parent INVALID"},
		"amount 0":                    {providers.CanCreateCommission, object{"commission": custom(usd("0"))}, "commission.custom.amount.amount INVALID"},
		"amount below 0":              {providers.CanCreateCommission, object{"commission": custom(usd("-1"))}, "commission.custom.amount.amount INVALID"},
		"too many places":             {providers.CanCreateCommission, object{"commission": custom(usd("1.005"))}, "commission.custom.amount.amount INVALID"},
		"too much":                    {providers.CanCreateCommission, object{"commission": custom(usd("100000000.01"))}, "commission.custom.amount.amount INVALID"},
		"another currency":            {providers.CanCreateCommission, object{"commission": custom(eur)}, "commission.custom.amount.currencyCode INVALID"},
		"a sale of 0":                 {providers.CanCreateCommission, object{"commission": object{"sale": object{"referral": referral, "saleAmount": usd("0")}}}, "commission.sale.saleAmount.amount INVALID"},
		"an adjustment of 0":          {providers.CanAdjustCommission, object{"id": commission, "amount": usd("0.00")}, "amount.amount INVALID"},
		"the future":                  {providers.CanCreateCommission, object{"commission": custom(usd("1")), "earnedAt": "2026-11-22T00:00:00Z"}, "earnedAt INVALID"},
		"long ago":                    {providers.CanCreateCommission, object{"commission": custom(usd("1")), "earnedAt": "1999-11-22T00:00:00Z"}, "earnedAt INVALID"},
		"a status nobody can set":     {providers.CanSetCommissionStatus, object{"id": commission, "status": "PAID"}, "status INVALID"},
		"nobody":                      {providers.CanCreateReferral, object{"affiliate": affiliate}, " INVALID"},
		"a coupon code":               {providers.CanAssignCoupon, object{"affiliate": affiliate, "code": "10 %"}, "code INVALID"},
		"no commissions":              {providers.CanMarkPayoutPaid, object{"id": payout, "commissions": []string{}, "expectedTotal": usd("1")}, "commissions INVALID"},
		"a commission twice":          {providers.CanMarkPayoutPaid, object{"id": payout, "commissions": []string{commission, commission}, "expectedTotal": usd("1")}, "commissions.1 INVALID"},
		"no commission":               {providers.CanMarkPayoutPaid, object{"id": payout, "commissions": []string{commission, payout}, "expectedTotal": usd("1")}, "commissions.1 INVALID"},
		"somebody else's commission":  {providers.CanMarkPayoutPaid, object{"id": payout, "commissions": []string{id(providers.NounCommission, "uppromote")}, "expectedTotal": usd("1")}, "commissions.0 INVALID"},
		"a share above the whole":     {providers.CanUpdateCampaign, object{"id": campaign, "terms": object{"commission": object{"percent": "101"}}}, "terms.commission.percent INVALID, terms.commission UNSUPPORTED"},
		"days":                        {providers.CanUpdateCampaign, object{"id": campaign, "terms": object{"cookieDays": 0}}, "terms.cookieDays INVALID"},
		"an address without security": {providers.CanCreateWebhookSubscription, object{"account": account("firstpromoter"), "targetUrl": "http://x.example", "events": []string{"a"}}, "targetUrl INVALID"},
		"no events":                   {providers.CanCreateWebhookSubscription, object{"account": account("firstpromoter"), "targetUrl": "https://x.example", "events": []string{}}, "events INVALID"},
	} {
		key, _ := c.input["idempotencyKey"].(string)
		if key == "" {
			key = newKey
		}
		got, a := w.write(c.of, "", key, c.input)
		if a.code() != "" || got == nil || got.Record != nil {
			t.Errorf("%s: %s", name, clipped(a.text))
			continue
		}
		var found []string
		for _, e := range got.UserErrors {
			found = append(found, strings.Join(e.Field, ".")+" "+e.Code)
			if e.Message == "" || e.Field == nil {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if is := strings.Join(found, ", "); is != c.want {
			t.Errorf("%s: %s, want %s", name, is, c.want)
		}
	}
	both := object{"sale": object{"referral": referral, "saleAmount": usd("1")}, "custom": object{"affiliate": affiliate, "amount": usd("1")}}
	for name, of := range map[string]object{"both": both, "neither": {}} {
		got, a := w.write(providers.CanCreateCommission, "", newKey, object{"commission": of})
		if a.code() != "BAD_USER_INPUT" && (got == nil || len(got.UserErrors) != 1 || fmt.Sprint(got.UserErrors[0].Field) != "[commission]") {
			t.Errorf("%s of a sale and something else: %s", name, clipped(a.text))
		}
	}
	w.silent("a wrong input")
	if line := w.audit.take(); line != "" {
		t.Errorf("the audit has %s", line)
	}
}
