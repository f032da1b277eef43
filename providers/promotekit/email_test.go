package promotekit

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// exact is a vendor that keeps addresses in lower case and compares them as they stand. Its rows
// have these members beside the id and the address.
type exact struct {
	members string
	made    map[string]string // path and address → row
	silent  bool              // writes are done and not answered
	asked   []string
	sent    int
}

func (v *exact) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		address := r.URL.Query().Get("email")
		v.asked = append(v.asked, address)
		row := v.made[r.URL.Path+" "+address]
		_, _ = fmt.Fprintf(w, `{"success": true, "data": [%s], "pagination": {"has_more": false}}`, row)
		return
	}
	v.sent++
	var body struct{ Email string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	address := strings.ToLower(body.Email)
	row := fmt.Sprintf(`{"id": %q, "email": %q%s}`, uuidA, address, v.members)
	v.made[r.URL.Path+" "+address] = row
	if v.silent {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"success": true, "data": `+row+`}`)
}

// TestEmailSpellings: lists by address find what the vendor stored as it was typed and in
// lower case, and are named by what is sent.
func TestEmailSpellings(t *testing.T) {
	for _, tt := range []struct {
		typed, there string
		want         []string
		found        int
	}{
		{"New.Partner@Example.com", "new.partner@example.com", []string{"New.Partner@Example.com", "new.partner@example.com"}, 1},
		{"New.Partner@Example.com", "New.Partner@Example.com", []string{"New.Partner@Example.com", "new.partner@example.com"}, 1},
		{" new.partner@example.com", "new.partner@example.com", []string{"new.partner@example.com"}, 1},
		{"New.Partner@Example.com", "else@example.com", []string{"New.Partner@Example.com", "new.partner@example.com"}, 0},
		{"new.partner@example.com", "else@example.com", []string{"new.partner@example.com"}, 0},
	} {
		row := fmt.Sprintf(`{"id": %q, "email": %q}`, uuidA, tt.there)
		vendor := &exact{made: map[string]string{"/affiliates " + tt.there: row, "/referrals " + tt.there: row}}
		p := open(t, vendor)
		a := providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{Email: tt.typed}))
		if diff := cmp.Diff(tt.want, vendor.asked); diff != "" || len(a.Items) != tt.found {
			t.Errorf("affiliates by %q: found %d; asked (-want +got)\n%s", tt.typed, len(a.Items), diff)
		}
		vendor.asked = nil
		r := providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{Email: tt.typed}))
		if diff := cmp.Diff(tt.want, vendor.asked); diff != "" || len(r.Items) != tt.found {
			t.Errorf("referrals by %q: found %d; asked (-want +got)\n%s", tt.typed, len(r.Items), diff)
		}
	}
	p := open(t, simulator())
	key := func(address string) string {
		return strings.Join(plan(p.Affiliates(providers.AffiliateFilter{Email: address})), "") +
			strings.Join(plan(p.Referrals(providers.ReferralFilter{Email: address})), "")
	}
	if key("A@x.example") == key("a@x.example") || key(" a@x.example") != key("a@x.example") || strings.Contains(key("A@x.example"), "@") {
		t.Errorf("the lists are named %q, %q, %q", key("A@x.example"), key("a@x.example"), key(" a@x.example"))
	}
}

// prefix is a vendor that finds by the beginning of an address, and tells upper case from lower.
type prefix []string

func (v prefix) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var rows []string
	for i, address := range v {
		if strings.HasPrefix(address, r.URL.Query().Get("email")) {
			rows = append(rows, fmt.Sprintf(`{"id": "0a000000-0000-4000-8000-%012d", "email": %q}`, i, address))
		}
	}
	_, _ = fmt.Fprintf(w, `{"success": true, "data": [%s]}`, strings.Join(rows, ","))
}

// TestEmailPrefixes passes over rows whose address only begins with the one that is looked
// for: in lists, before a write, and in the look after it.
func TestEmailPrefixes(t *testing.T) {
	create := &providers.CreateAffiliateInput{IdempotencyKey: "k", Email: "Kim@x.co", FirstName: new("Kim"), LastName: new("Lee")}
	for _, tt := range []struct {
		there []string
		found int
	}{
		{[]string{"Kim@x.com", "Kim@x.co.uk"}, 0},
		{[]string{"Kim@x.com", "kim@x.co"}, 1},
		{[]string{"Kim@x.com", "Kim@x.co"}, 1},
		{[]string{"kim@x.com", "kim@x.co"}, 1},
	} {
		p := open(t, prefix(tt.there))
		a := providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{Email: create.Email}))
		r := providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{Email: create.Email}))
		if len(a.Items) != tt.found || len(r.Items)+r.Unread != tt.found {
			t.Errorf("%q: found %d affiliates and %d referrals, want %d", tt.there, len(a.Items), len(r.Items), tt.found)
		}
		if w, err := p.Plan(t.Context(), create); (w != nil) != (tt.found == 0) {
			t.Errorf("%q: planned %v, %v", tt.there, w != nil, err)
		}
		if v, _, err := p.Look(t.Context(), create, nil, false); err != nil || (v == providers.NotMade) != (tt.found == 0) {
			t.Errorf("%q: the look says %s, %v", tt.there, v, err)
		}
	}
}

// TestOddWrites makes records of which one member is odd: with an answer and without one, each is
// made once and found again, and what could not be read is not remembered.
func TestOddWrites(t *testing.T) {
	all := writes(newCast(t))
	affiliate := *all["createAffiliate"].command.(*providers.CreateAffiliateInput)
	affiliate.Email = "New.Partner@Example.com"
	referral := *all["createReferral"].command.(*providers.CreateReferralInput)
	referral.Email = new("New.Partner@Example.com")
	sound := map[string]string{ // as they were asked for
		"createAffiliate": `, "first_name": "Jane", "last_name": "Doe", "payout_email": "pay@new.example", "links": [], "promo_codes": [], "clicks": 0, "approved": false,
			"banned": false, "details": "a friend", "created_at": "2026-03-01T12:00:00Z", "campaign": "` + affiliate.Campaign.Local + `"`,
		"createReferral": `, "subscription_status": "past_due", "signup_date": null, "stripe_customer_id": "cus_9", "created_at": "2026-03-01T12:00:00Z",
			"affiliate": "` + referral.Affiliate.Local + `"`,
	}
	for name, command := range map[string]providers.Command{"createAffiliate": &affiliate, "createReferral": &referral} {
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(`{`+sound[name][2:]+`}`), &members); err != nil {
			t.Fatal(err)
		}
		for member := range members {
			for _, form := range []string{`[]`, `{}`, `"0"`, `"0000-00-00 00:00:00"`, `[null]`} {
				for _, silent := range []bool{false, true} {
					oddity := name + " with " + member + " " + form
					related, text := member == "campaign" || member == "affiliate", form[0] == '"'
					told := "" // nothing but the odd member, and the rest
					for other, value := range members {
						if other != member {
							told += fmt.Sprintf(`, %q: %s`, other, value)
						}
					}
					vendor := &exact{members: told + fmt.Sprintf(`, %q: %s`, member, form), made: map[string]string{}, silent: silent}
					p := open(t, vendor)
					w, err := p.Plan(t.Context(), command)
					if err != nil {
						t.Fatalf("%s: planning: %v", oddity, err)
					}
					written, err := w.Send(t.Context())
					if silent {
						var verdict providers.Verdict
						verdict, written, err = p.Look(t.Context(), command, w.Before, false)
						if differing[member] && (text && !related || form == `{}` && related) { // it can be read
							if err != nil || verdict != providers.Unclear {
								t.Errorf("%s, not answered: %s, %v; want %s: it is another", oddity, verdict, err, providers.Unclear)
							}
							continue
						}
						if verdict != providers.Made {
							t.Errorf("%s, not answered: %s, %v; want %s", oddity, verdict, err, providers.Made)
							continue
						}
					}
					if (form == `[null]` || related && text) && (len(written.Stale) != 1 || len(written.Harvest.Affiliates)+len(written.Harvest.Referrals) != 0) {
						t.Errorf("%s is remembered: %+v", oddity, written)
					}
					if err != nil || vendor.sent != 1 || uuidOf(written.ID) != uuidA && written.ID.Local != uuidA {
						t.Errorf("%s: %+v, %v by %d writes", oddity, written, err, vendor.sent)
					}
				}
			}
		}
	}
}

// differing are the members that tell another record from the one to be made.
var differing = map[string]bool{"first_name": true, "last_name": true, "campaign": true, "affiliate": true, "stripe_customer_id": true}
