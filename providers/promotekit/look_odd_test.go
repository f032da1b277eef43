package promotekit

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	kit "github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestRepliesInPart: the reply of a write needs nothing but the id. What it leaves out, or what
// cannot be read of it, is read anew and not remembered.
func TestRepliesInPart(t *testing.T) {
	c := newCast(t)
	all := writes(c)
	for name, body := range map[string]string{
		"createAffiliate":  `{"success": true, "data": {"id": "` + uuidA + `"}}`,
		"createCampaign":   `{"success": true, "data": {"id": "` + uuidA + `", "name": "Summer"}}`,
		"createReferral":   `{"data": {"id": "` + uuidA + `", "email": []}}`,
		"createCommission": `{"success": 1, "data": {"id": "` + uuidA + `", "affiliate": {}, "referral": [], "payout": 0, "revenue_amount": "N/A"}}`,
		"updateAffiliate":  `{"success": true, "data": {"id": "` + c.member.ID.Local + `", "clicks": []}}`,
		"updateCampaign":   `{"success": true, "data": {"id": "` + c.coupon.ID.Local + `", "created_at": 12}}`,
		"moveAffiliate":    `{"success": true, "data": {"id": "` + c.insider.ID.Local + `", "campaign": 5}}`,
	} {
		s := simulator()
		plan, err := open(t, s).Plan(t.Context(), all[name].command)
		if err != nil {
			t.Fatal(err)
		}
		s.Kit().Fail(kit.Fault{Status: http.StatusOK, Body: body})
		written, err := plan.Send(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		h := written.Harvest
		if !slices.Contains(written.Stale, written.ID) || len(h.Affiliates)+len(h.Campaigns)+len(h.Referrals)+len(h.Commissions) != 0 {
			t.Errorf("%s: %+v; want %v stale, and nothing harvested", name, written, written.ID)
		}
		if uuid := uuidOf(written.ID); name[0] == 'c' && uuid != uuidA {
			t.Errorf("%s answers %v", name, written.ID)
		}
	}
}

// listed is a vendor that answers every list with the same page.
func listed(data, more string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"success": true, "data": [%s], "pagination": {"has_more": %s}}`, data, more)
	})
}

// TestLookAmongOddRows: what could not be read is never taken for absent.
func TestLookAmongOddRows(t *testing.T) {
	c := newCast(t)
	all := writes(c)
	referral, owner := uuidOf(c.bare), referrer(c.bare)
	row := func(members string) string {
		return `{"id": "` + uuidA + `", "affiliate": "` + owner + `", "referral": "` + referral + `", ` + members + `}`
	}
	named, plain := commission(c.bare, "10", "2", new("ch_a")), commission(c.bare, "10", "2", nil)
	event, campaign := `"stripe_payment_id": "ch_a"`, all["createCampaign"].command
	const sums, terms = `"revenue_amount": 10, "commission_amount": 2`, `"commission_type": "fixed", "commission_amount": 12.5, "code_mode": "both"`
	for name, tt := range map[string]struct {
		command    providers.Command
		data, more string
		want       providers.Verdict
	}{
		"made":                             {named, row(sums + ", " + event), "false", providers.Made},
		"made, an amount that is odd":      {named, row(`"revenue_amount": "N/A", "commission_amount": 2, ` + event), "false", providers.Made},
		"made, everything else odd":        {named, row(`"revenue_amount": [], "commission_amount": {}, "payout_status": 1, "created_at": [], "payout": "x", ` + event), "false", providers.Made},
		"another sum":                      {named, row(`"revenue_amount": 11, "commission_amount": 2, ` + event), "false", providers.Unclear},
		"not there":                        {named, "", "false", providers.NotMade},
		"made, in another case":            {named, row(sums + `, "stripe_payment_id": "CH_A"`), "false", providers.Made},
		"made, padded":                     {named, row(sums + `, "stripe_payment_id": " ch_a "`), "false", providers.Made},
		"another event":                    {named, row(sums + `, "stripe_payment_id": "ch_b"`), "false", providers.NotMade},
		"an event that is odd":             {named, row(sums + `, "stripe_payment_id": []`), "false", providers.Unclear},
		"an event that is odd, other sums": {named, row(`"revenue_amount": 11, "commission_amount": 2, "stripe_payment_id": {"x": 1}`), "false", providers.Unclear},
		"no event is told, other sums":     {named, row(`"revenue_amount": 11, "commission_amount": 2`), "false", providers.Unclear},
		"no event, other sums":             {named, row(`"revenue_amount": 11, "commission_amount": 2, "stripe_payment_id": null`), "false", providers.NotMade},
		"an event and sums that are odd":   {named, row(`"revenue_amount": [], "stripe_payment_id": []`), "false", providers.Unclear},
		"a row that is none":               {named, "null", "false", providers.Unclear},
		"a row without an id":              {named, `{"id": 7, ` + event + `}`, "false", providers.Unclear},
		"a row of nobody known":            {named, `{"id": "` + uuidA + `", "affiliate": [], "referral": [], ` + event + `}`, "false", providers.Unclear},
		"a row of another affiliate":       {named, `{"id": "` + uuidA + `", "affiliate": "` + uuidB + `", "referral": []}`, "false", providers.NotMade},
		"a list that repeats":              {named, "", "true", providers.Unclear},
		"without an event":                 {plain, row(sums), "false", providers.Made},
		"without an event, sums odd":       {plain, row(`"revenue_amount": 10, "commission_amount": []`), "false", providers.Unclear},
		"without an event, one row odd":    {plain, row(sums) + ", null", "false", providers.Unclear},
		"a campaign":                       {campaign, `{"id": "` + uuidA + `", "name": "summer", ` + terms + `}`, "false", providers.Made},
		"a campaign, odd but for its name": {campaign, `{"id": "` + uuidA + `", "name": "Summer", "commission_amount": [], "code_mode": {}, "is_default": "x"}`, "false", providers.Made},
		"a campaign without a name":        {campaign, `{"id": "` + uuidA + `", "name": [], ` + terms + `}`, "false", providers.Unclear},
		"a campaign of a null name":        {campaign, `{"id": "` + uuidA + `", "name": null, ` + terms + `}`, "false", providers.Unclear},
		"a campaign of a blank name":       {campaign, `{"id": "` + uuidA + `", "name": " ", ` + terms + `}`, "false", providers.Unclear},
		"a campaign without an id":         {campaign, `{"name": "Summer"}`, "false", providers.Unclear},
		"no campaign":                      {campaign, `{"id": "` + uuidA + `", "name": "Winter"}`, "false", providers.NotMade},
		"no campaign, a row odd":           {campaign, `{"id": "` + uuidA + `", "name": "Winter"}, 7`, "false", providers.Unclear},
		"campaigns that repeat":            {campaign, `{"id": "` + uuidA + `", "name": "Winter"}`, "true", providers.Unclear},
		"affiliates that are odd":          {all["createAffiliate"].command, "null", "false", ""},
		"referrals that are odd":           {all["createReferral"].command, "7", "false", ""},
	} {
		verdict, written, err := open(t, listed(tt.data, tt.more)).Look(t.Context(), tt.command, []byte(`{}`), false)
		if verdict != tt.want || (err == nil) != (tt.want != "") || (written != nil) != (verdict == providers.Made) {
			t.Errorf("%s: got %s, %+v, %v; want %q", name, verdict, written, err, tt.want)
		}
	}
}

// TestUnreadableRecord: a single record that cannot be understood is an error for its id,
// and for no other; what is not there is none.
func TestUnreadableRecord(t *testing.T) {
	for data, want := range map[string]providers.Kind{
		`[]`: providers.KindBadReply, `null`: providers.KindBadReply, `"x"`: providers.KindBadReply, `{}`: providers.KindBadReply,
		`{"id": null}`: providers.KindBadReply, `{"id": 7}`: providers.KindBadReply, `{"id": "` + uuidA + `", "email": {}}`: "",
	} {
		vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch path.Base(r.URL.Path) {
			case uuidA:
				_, _ = io.WriteString(w, `{"success": true, "data": `+data+`}`)
			case uuidB:
				http.NotFound(w, r)
			default: // the list that holds neither
				_, _ = io.WriteString(w, `{"success": true, "data": []}`)
			}
		})
		p := open(t, vendor)
		a, b := id(providers.NounAffiliate, uuidA), id(providers.NounAffiliate, uuidB)
		got := batch[providers.Affiliate](t)(p.AffiliatesByID(t.Context(), []providers.ID{a, b}))
		kind := providers.Kind("")
		if err := got.Failed[a]; err != nil {
			kind = providers.KindOf(err)
		}
		if kind != want || (got.Found[a] != nil) != (want == "") || got.Found[b] != nil || got.Failed[b] != nil {
			t.Errorf("%s: found %v, failed %v; want %q", data, got.Found, got.Failed, want)
		}
	}
	// A referral is found in lists alone: it may be among the rows that could not be read.
	wanted := id(providers.NounReferral, uuidA, uuidB)
	for data, want := range map[string]bool{`null`: true, `{"id": []}`: true, ``: false, `{"id": "` + uuidC + `", "affiliate": "` + uuidB + `"}`: false} {
		got := batch[providers.Referral](t)(open(t, listed(data, "false")).ReferralsByID(t.Context(), []providers.ID{wanted}, "email"))
		if failed := got.Failed[wanted] != nil; failed != want || len(got.Found) != 0 {
			t.Errorf("referrals %s: found %v, failed %v; want a failure: %v", data, got.Found, got.Failed, want)
		}
	}
}
