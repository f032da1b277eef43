package promotekit

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// TestRelated: a related record knows what its object carries, and its id alone only what follows
// from that.
func TestRelated(t *testing.T) {
	harvest := func(text string) providers.Harvest {
		var w commissionWire
		if _, err := wire.Decode([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		r := newReply("saas", "EUR", noon)
		r.commission(&w)
		return r.harvest
	}
	knows := func(n providers.Node, fields string) {
		t.Helper()
		for field := range strings.FieldsSeq(fields) {
			if field, not := strings.CutPrefix(field, "-"); n.Known.Covers(field) == not {
				t.Errorf("%v knows %s: %v", n.ID, field, !not)
			}
		}
	}
	for _, form := range []string{`"%s"`, `{"id": "%s"}`, `{"id": "%s", "unknown": {"email": "x"}}`} {
		text := `{"id": "` + uuidA + `", "affiliate": A, "referral": R, "payout": P}`
		for word, uuid := range map[string]string{" A": uuidA, " R": uuidB, " P": uuidC} {
			text = strings.Replace(text, word, fmt.Sprintf(form, uuid), 1)
		}
		h := harvest(text)
		if len(h.Affiliates) != 1 || len(h.Referrals) != 1 || len(h.Payouts) != 1 || len(h.Campaigns)+len(h.Memberships)+len(h.Coupons) != 0 {
			t.Fatalf("%s: harvested %+v", text, h)
		}
		knows(h.Affiliates[0].Node, "id providerId referrals commissions payouts -email -name -status -campaign -memberships -coupons -createdAt -clicks")
		knows(h.Referrals[0].Node, "id providerId affiliate commissions -campaign -email -maskedEmail -status -customerId -signedUpAt -createdAt")
		knows(h.Payouts[0].Node, "id providerId affiliate commissions -campaign -amount -paidAt -period -commissionCount -createdAt")
		if got, want := h.Referrals[0].ID, id(providers.NounReferral, uuidB, uuidA); got != want || h.Payouts[0].AffiliateID.Local != uuidA {
			t.Errorf("%s: got %v of %v, want %v", text, got, h.Payouts[0].AffiliateID, want)
		}
	}
	h := harvest(`{"id": "` + uuidA + `", "affiliate": {"id": "` + uuidA + `", "email": "a@x.example", "first_name": null, "approved": true, "banned": false,
		"promo_codes": [{"code": "X"}], "campaign": {"id": "` + uuidC + `", "name": "Main"}},
		"referral": {"id": "` + uuidB + `", "email": "r@x.example"}, "payout": {"id": "` + uuidC + `", "created_at": null}}`)
	knows(h.Affiliates[0].Node, "email firstName status campaign coupons -name -lastName -memberships -links -createdAt")
	knows(h.Memberships[0].Node, "status coupon affiliate campaign -link -refCode -createdAt")
	knows(h.Coupons[0].Node, "code campaign affiliate createdAt")
	knows(h.Campaigns[0].Node, "name memberships -createdAt -isDefault -commission -hidesCustomerEmails")
	knows(h.Referrals[0].Node, "email maskedEmail affiliate campaign -status")
	knows(h.Payouts[0].Node, "createdAt paidAt affiliate campaign -amount")
	for _, nothing := range []string{`null`, `{}`, `[]`, `""`, `"text"`, `12`, `true`, `{"id": null, "email": null}`, `{"id": "7"}`} {
		h := harvest(`{"id": "` + uuidA + `", "affiliate": ` + nothing + `, "referral": ` + nothing + `, "payout": ` + nothing + `}`)
		if len(h.Affiliates)+len(h.Referrals)+len(h.Payouts) != 0 {
			t.Errorf("%s is taken for a record: %+v", nothing, h)
		}
	}
	// The richer of two rows is kept, whichever comes first.
	for _, rows := range [][]string{{`"` + uuidA + `"`, `{"id": "` + uuidA + `", "email": "a@x.example"}`}, {`{"id": "` + uuidA + `", "email": "a@x.example"}`, `"` + uuidA + `"`}} {
		r := newReply("saas", "EUR", noon)
		for _, a := range rows {
			var w referralWire
			if _, err := wire.Decode([]byte(`{"id": "`+uuidB+`", "affiliate": `+a+`}`), &w); err != nil {
				t.Fatal(err)
			}
			r.referral(&w)
		}
		if !slices.ContainsFunc(r.harvest.Affiliates, func(a *providers.Affiliate) bool { return a.Known.Covers("email") }) {
			t.Errorf("%q: the e-mail is lost", rows)
		}
	}
}

// bareVendor has 100 referrals and commissions of 40 affiliates in 5 campaigns, and says of
// related records no more than their ids, in this form.
type bareVendor struct {
	form string

	mu    sync.Mutex
	asked []string
}

func (v *bareVendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.asked = append(v.asked, r.URL.Path)
	v.mu.Unlock()
	const wholeCampaign = `, "created_at": null, "commission_type": "fixed", "commission_amount": 1, "is_default": false, "code_mode": "link",
		"approval_needed": false, "hide_emails": false, "cookie_duration": 30`
	const wholeAffiliate = `, "created_at": null, "first_name": "A", "last_name": "", "links": [], "promo_codes": [], "clicks": 0, "approved": true, "banned": false`
	uuid := func(noun string, n int) string { return fmt.Sprintf("%s-0000-4000-8000-%012d", noun, n) }
	related := func(noun string, n int) string { return fmt.Sprintf(v.form, uuid(noun, n)) }
	const campaigns, affiliates, referrals, commissions = "cccccccc", "aaaaaaaa", "bbbbbbbb", "eeeeeeee"
	row := map[string]func(n int) string{
		"campaigns": func(n int) string { return `{"id": "` + uuid(campaigns, n) + `", "name": "c"` + wholeCampaign + `}` },
		"affiliates": func(n int) string {
			return `{"id": "` + uuid(affiliates, n) + `", "email": "a@x.example", "campaign": ` + related(campaigns, n%5) + wholeAffiliate + `}`
		},
		"referrals": func(n int) string {
			return `{"id": "` + uuid(referrals, n) + `", "email": "r@x.example", "affiliate": ` + related(affiliates, n%40) + `}`
		},
		"commissions": func(n int) string {
			return `{"id": "` + uuid(commissions, n) + `", "affiliate": ` + related(affiliates, n%40) + `, "referral": ` + related(referrals, n) + `}`
		},
	}
	size := map[string]int{"campaigns": 5, "affiliates": 40, "referrals": 100, "commissions": 100}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	noun := parts[len(parts)-1]
	if row[noun] == nil { // a single record
		var n int
		_, _ = fmt.Sscanf(path.Base(r.URL.Path)[24:], "%d", &n)
		_, _ = io.WriteString(w, `{"success": true, "data": `+row[parts[len(parts)-2]](n)+`}`)
		return
	}
	var rows []string
	for n := range size[noun] {
		rows = append(rows, row[noun](n))
	}
	_, _ = fmt.Fprintf(w, `{"success": true, "data": [%s], "pagination": {"has_more": false, "total_count": %d}}`, strings.Join(rows, ","), len(rows))
}

// TestCallsOfBareIDs follows the edges of 100 referrals, cold, to 40 affiliates and 5
// campaigns of which only ids are sent.
func TestCallsOfBareIDs(t *testing.T) {
	for _, form := range []string{`"%s"`, `{"id": "%s"}`} {
		t.Run(form, func(t *testing.T) {
			vendor := &bareVendor{form: form}
			p := open(t, vendor)
			page := providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{}))
			remembered, ids := map[providers.ID]any{}, []providers.ID{}
			for _, r := range page.Items {
				if r.Known.Covers("campaign") || !r.Known.Covers("affiliate", "email") {
					t.Fatalf("%v knows the wrong fields", r.ID)
				}
				remembered[r.ID], ids = r, append(ids, r.ID)
			}
			for _, a := range page.Harvest.Affiliates {
				if a.Known.Covers("email") || a.Known.Covers("campaign") {
					t.Fatalf("%v is taken for more than an id", a.ID)
				}
			}
			ctx := providers.WithPeek(t.Context(), func(id providers.ID) any { return remembered[id] })
			rows := batch[providers.Referral](t)(p.ReferralsByID(ctx, ids, "campaign"))
			affiliates, campaigns := map[providers.ID]bool{}, map[providers.ID]bool{}
			for _, r := range rows.Found {
				affiliates[r.AffiliateID], campaigns[r.CampaignID] = true, true
			}
			for _, a := range rows.Harvest.Affiliates {
				if a.Known == nil {
					delete(affiliates, a.ID) // need not be read again
				}
			}
			found := batch[providers.Campaign](t)(p.CampaignsByID(t.Context(), slices.Collect(maps.Keys(campaigns)))).Found
			if len(rows.Found) != 100 || len(affiliates) != 0 || len(campaigns) != 5 || len(found) != 5 {
				t.Errorf("%d referrals, %d affiliates that did not come along, %d campaigns, %d found", len(rows.Found), len(affiliates), len(campaigns), len(found))
			}
			if got, want := len(vendor.asked), 3; got > want {
				t.Errorf("calls: %d, want at most %d: %q", got, want, vendor.asked)
			}
			for _, r := range page.Items {
				if r.Known == nil {
					t.Error("a row that others have seen was changed")
				}
			}

			// The same by Gather alone, with nothing remembered.
			vendor = &bareVendor{form: form}
			p = open(t, vendor)
			page = providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{}))
			var ofRows, ofAffiliates []providers.ID
			for _, r := range page.Items {
				ofRows = append(ofRows, r.AffiliateID)
			}
			for _, a := range batch[providers.Affiliate](t)(p.AffiliatesByID(t.Context(), ofRows)).Found {
				ofAffiliates = append(ofAffiliates, a.Memberships[0].CampaignID)
			}
			if found := batch[providers.Campaign](t)(p.CampaignsByID(t.Context(), ofAffiliates)).Found; len(found) != 5 || len(vendor.asked) > 4 {
				t.Errorf("%d campaigns by %d calls: %q", len(found), len(vendor.asked), vendor.asked)
			}
		})
	}
}

// TestUnreadableAffiliate: of rows that lack their campaign, an affiliate who cannot be
// understood costs theirs and no others.
func TestUnreadableAffiliate(t *testing.T) {
	inner := &bareVendor{form: `"%s"`}
	vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/affiliates") || strings.HasSuffix(r.URL.Path, "000000000007") {
			_, _ = io.WriteString(w, `{"success": true, "data": []}`) // no list to find them in; no object
			return
		}
		inner.ServeHTTP(w, r)
	})
	p := open(t, vendor)
	page := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{}))
	var ids []providers.ID
	for _, c := range page.Items {
		ids = append(ids, c.ID)
	}
	b := batch[providers.Commission](t)(p.CommissionsByID(t.Context(), ids, "campaign"))
	if len(b.Found) != 97 || len(b.Failed) != 3 { // 7, 47 and 87
		t.Errorf("found %d, failed %d; want 97, 3", len(b.Found), len(b.Failed))
	}
	for _, err := range b.Failed {
		if providers.KindOf(err) != providers.KindBadReply {
			t.Errorf("got %v", err)
		}
	}
	campaign := id(providers.NounCampaign, fmt.Sprintf("cccccccc-0000-4000-8000-%012d", 1))
	narrowed := providertest.First[providers.Commission](t, p)(p.Commissions(providers.CommissionFilter{Campaigns: []providers.ID{campaign}}))
	if len(narrowed.Items) != 97 || narrowed.Unread != 3 {
		t.Errorf("a list for a filter by campaign: %d rows, %d unread; want 97, 3", len(narrowed.Items), narrowed.Unread)
	}
}
