package firstpromoter

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// oddMembers take the place of a member of a reply.
var oddMembers = []string{`null`, `""`, `[]`, `{}`, `{"x":[1]}`, `["x"]`, `12`, `"N/A"`, `true`, `"0000-00-00 00:00:00"`, `12345678901234567890`}

// oddWrite is a write of which the vendor's record is odd.
type oddWrite struct {
	name    string
	command providers.Command
	before  string
	write   string            // the operation
	record  string            // the record that the reply and look-ups have
	looked  string            // the path of the look-up
	listed  bool              // it and the reply of a commission are lists
	others  map[string]string // further paths
	sure    []string          // members that prove nothing where they are odd
}

var oddWrites = []oddWrite{
	{name: "affiliate", command: &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "jane@example.com", FirstName: new("Jane"), Campaign: &main},
		write: promoterCreate, looked: "/promoters/jane@example.com", record: janeAs(`,"archived_at":null,"joined_at":"2026-01-01T00:00:00Z","stats":{},"balances":{},"note":null,"name":"Jane"`, "28004 accepted"),
		sure: []string{"email", "promoter_campaigns"}},
	{name: "referral", command: &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: jane, Email: new("c@example.com"), CustomerID: new("u")}, before: `{"Campaign":"28004"}`,
		write: referralCreate, looked: "/referrals/c@example.com", sure: []string{"email", "promoter_campaign", "uid"},
		record: `{"id":5,"email":"c@example.com","uid":"u","state":"signup","created_at":null,"customer_since":null,"entry_source":"api","promoter_campaign":{"id":128004,"promoter_id":8262622,"campaign_id":28004}}`,
		others: map[string]string{janePath: janeAs("", "28004 accepted")}},
	{name: "custom commission", command: &providers.CreateCommissionInput{IdempotencyKey: someWrite, Commission: providers.NewCommissionInput{
		Custom: &providers.CustomCommissionInput{Affiliate: jane, Amount: usd("12.50")}}}, before: `{"Campaign":"28004"}`,
		write: commissionCreate, looked: "/commissions", listed: true, sure: []string{"event_id", "amount", "commission_type", "promoter_campaign", "tier", "unit"},
		record: `{"id":9,"status":"pending","commission_type":"custom","unit":"cash","amount":1250,"sale_amount":0,"is_paid":false,"is_split":false,"tier":1,"created_at":"2026-01-01T00:00:00Z",
			"event_id":"` + eventOf(&providers.CreateCommissionInput{IdempotencyKey: someWrite, Commission: providers.NewCommissionInput{
			Custom: &providers.CustomCommissionInput{Affiliate: jane, Amount: usd("12.50")}}}) + `","referral":null,"promoter_campaign":{"id":128004,"promoter_id":8262622,"campaign_id":28004}}`,
		others: map[string]string{janePath: janeAs("", "28004 accepted")}},
	{name: "campaign", command: &providers.CreateCampaignInput{IdempotencyKey: someWrite, Account: account, Name: "Spring", Terms: providers.CampaignTerms{
		WebsiteURL: new("https://a.example"), CookieDays: new(int64(30)), LinkParameter: new("via")}}, before: `{"IDs":""}`,
		write: campaignCreate, looked: "/campaigns", listed: true, sure: []string{"name", "landing_url", "visitor_cookie_life", "ref_token_param"},
		record: `{"id":9,"name":"Spring","landing_url":"https://a.example","visitor_cookie_life":30,"ref_token_param":"?via","is_private":false,"is_default":false,"auto_approve_promoters":true,"rewards_for_promoters":[]}`},
	{name: "webhook", command: &providers.CreateWebhookSubscriptionInput{IdempotencyKey: someWrite, Account: account, TargetURL: "https://a.example", Events: []string{"a"}}, before: `{"IDs":""}`,
		write: webhookCreate, looked: "/webhooks", listed: true, sure: []string{"url", "event_types"},
		record: `{"id":9,"url":"https://a.example","event_types":["a"],"active":true,"created_at":"2026-01-01T00:00:00Z","secret_key":"k"}`},
	{name: "update of an affiliate", command: &providers.UpdateAffiliateInput{IdempotencyKey: someWrite, ID: jane, LastName: new("Roe")}, before: `{}`,
		write: promoterUpdate, looked: janePath, sure: []string{"profile", "email"},
		record: strings.Replace(janeAs(`,"archived_at":null,"joined_at":"2026-01-01T00:00:00Z","stats":{},"name":"Jane"`, "28004 accepted"), "Doe", "Roe", 1)},
	{name: "update of a campaign", command: &providers.UpdateCampaignInput{IdempotencyKey: someWrite, ID: main, Name: new("Spring")}, before: `{}`,
		write: campaignUpdate, looked: "/campaigns/28004", sure: []string{"name"},
		record: `{"id":28004,"name":"Spring","landing_url":"https://a.example","visitor_cookie_life":30,"is_private":false,"rewards_for_promoters":[]}`},
	{name: "update of a referral", command: &providers.UpdateReferralInput{IdempotencyKey: someWrite, ID: lead, CustomerID: new("u")}, before: `{}`,
		write: referralUpdate, looked: "/referrals/29203686", sure: []string{"uid"},
		record: `{"id":29203686,"email":"c@example.com","uid":"u","state":"signup","created_at":null,"customer_since":null,"promoter_campaign":null}`},
}

// vendor answers with this record wherever it is asked for it.
func (o oddWrite) vendor(t *testing.T, record string, there bool) *provider {
	return open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := o.others[r.URL.Path]
		page := r.URL.Query().Get("page")
		switch {
		case r.Method != http.MethodGet:
			if body = record; o.name == "custom commission" {
				body = "[" + record + "]"
			}
		case r.URL.Path == o.looked && there && o.listed && page < "2":
			body = "[" + record + "]"
		case r.URL.Path == o.looked && there && !o.listed:
			body = record
		case strings.Count(r.URL.Path, "/") == 1:
			body = `[]`
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(body))
	}), someKey)
}

// TestOddReplies: a write that the vendor answers is made, whatever it says beside the id;
// and where nobody answered, a look never says of it that it was not made.
func TestOddReplies(t *testing.T) {
	for _, o := range oddWrites {
		t.Run(o.name, func(t *testing.T) {
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(o.record), &members); err != nil {
				t.Fatal(err)
			}
			update := strings.HasPrefix(o.write, "PUT")
			for name := range members {
				for _, odd := range oddMembers {
					if name == "id" {
						continue
					}
					record := with(t, o.record, map[string]string{name: odd})
					p := o.vendor(t, record, update)
					w, err := p.Plan(t.Context(), o.command)
					if err != nil {
						t.Fatalf("%s = %s: Plan: %v", name, odd, err)
					}
					made, err := w.Send(t.Context())
					contradicts := o.name == "custom commission" && slices.Contains(o.sure, name)
					if (err != nil || made.ID.IsZero()) && !contradicts {
						t.Errorf("%s = %s: Send: %+v, %v", name, odd, made, err)
					}
					if err == nil && told(made.Harvest, made.ID) && unreadable(o, name, odd) {
						t.Errorf("%s = %s: a record that could not be read is taken over", name, odd)
					}
					if err == nil && told(made.Harvest, made.ID) == slices.Contains(made.Stale, made.ID) {
						t.Errorf("%s = %s: the record is neither told nor stale, or both: %+v", name, odd, made)
					}
					verdict, _, err := o.vendor(t, record, true).Look(t.Context(), o.command, json.RawMessage(o.before), false)
					sure := !slices.ContainsFunc(o.sure, func(s string) bool { return s == name })
					if err != nil || verdict == providers.NotMade && !plain(odd) || sure && verdict != providers.Made {
						t.Errorf("%s = %s: a look says %s, %v", name, odd, verdict, err)
					}
				}
			}
		})
	}
}

// unreadable says whether a value is an oddity of a member that the client reads.
func unreadable(o oddWrite, member, value string) bool {
	return value == `{"x":[1]}` && slices.Contains(o.sure, member) && member != "promoter_campaign" && member != "promoter_campaigns" && member != "profile"
}

// plain says whether a value is one that a text member may have: then a record with it is
// another one.
func plain(value string) bool {
	return !strings.HasPrefix(value, "[") && !strings.HasPrefix(value, "{")
}

// TestOddStates: a state that cannot be read, before and after, does not prove that a write
// was not made.
func TestOddStates(t *testing.T) {
	status := func(to providers.AffiliateStatus) providers.Command {
		return &providers.SetAffiliateStatusInput{IdempotencyKey: someWrite, ID: jane, Status: to}
	}
	place := func(row string) string {
		return strings.TrimSuffix(row, "}") + `,"promoter_campaign":` + membershipM + `}`
	}
	for _, c := range []struct {
		name    string
		command providers.Command
		before  any
		vendor  map[string]string
	}{
		{"archived_at", status(providers.AffiliateArchived), statusImage{}, map[string]string{janePath: janeAs(`,"archived_at":{"x":1}`, "28004 accepted")}},
		{"archived_at of one to restore", status(providers.AffiliateActive), statusImage{Archived: true},
			map[string]string{janePath: janeAs(`,"archived_at":{"x":1}`, "28004 accepted")}},
		{"state", status(providers.AffiliateBanned), statusImage{Campaign: "28004"},
			map[string]string{janePath: `{"id":8262622,"promoter_campaigns":[{"id":1,"campaign_id":28004,"promoter_id":8262622,"state":[]}]}`}},
		{"no state", status(providers.AffiliateBanned), statusImage{Campaign: "28004"},
			map[string]string{janePath: `{"id":8262622,"promoter_campaigns":[{"id":1,"campaign_id":28004,"promoter_id":8262622}]}`}},
		{"a membership", &providers.AddAffiliateToCampaignInput{IdempotencyKey: someWrite, Affiliate: jane, Campaign: second}, struct{}{},
			map[string]string{janePath: `{"id":8262622,"promoter_campaigns":[{"id":2,"campaign_id":{},"promoter_id":8262622,"state":"accepted"}]}`}},
		{"a parent", &providers.SetAffiliateParentInput{IdempotencyKey: someWrite, ID: jane, Parent: second}, parentImage{},
			map[string]string{janePath: janeAs(`,"parent_promoter":[1]`)}},
		{"names", &providers.UpdateAffiliateInput{IdempotencyKey: someWrite, ID: jane, FirstName: new("Janet")}, affiliateImage{},
			map[string]string{janePath: `{"id":8262622,"profile":"x"}`}},
		{"a campaign's name", &providers.CreateCampaignInput{IdempotencyKey: someWrite, Account: account, Name: "Spring"}, namesakesImage{"1"},
			map[string]string{"/campaigns": `[{"id":2,"name":[]},{"id":1,"name":"Spring"}]`}},
		{"a campaign's row", &providers.CreateCampaignInput{IdempotencyKey: someWrite, Account: account, Name: "Spring"}, namesakesImage{"1"},
			map[string]string{"/campaigns": `[{"id":{},"name":"Spring"},{"id":1,"name":"Spring"}]`}},
		{"a webhook's url", &providers.CreateWebhookSubscriptionInput{IdempotencyKey: someWrite, Account: account, TargetURL: "https://a.example", Events: []string{"a"}}, namesakesImage{},
			map[string]string{"/webhooks": `[{"id":2,"url":{},"event_types":["a"]}]`}},
		{"a referral's state", &providers.SetReferralStatusInput{IdempotencyKey: someWrite, ID: lead, Decision: providers.ReferralApprove}, stateImage{"PENDING"},
			map[string]string{"/referrals/29203686": place(`{"id":29203686,"state":[]}`)}},
		{"a referral's owner", &providers.MoveReferralInput{IdempotencyKey: someWrite, ID: lead, Affiliate: jane}, ownerImage{},
			map[string]string{"/referrals/29203686": `{"id":29203686,"promoter_campaign":"x"}`}},
		{"a commission's state", &providers.SetCommissionStatusInput{IdempotencyKey: someWrite, ID: earned, Status: providers.CommissionDenied}, stateImage{"UNKNOWN"},
			map[string]string{"/commissions": "[" + place(`{"id":13533100,"status":[]}`) + "]"}},
		{"a commission's event", &providers.CreateCommissionInput{IdempotencyKey: someWrite, EventID: new("ch"), Commission: providers.NewCommissionInput{
			Custom: &providers.CustomCommissionInput{Affiliate: jane, Amount: usd("1")}}}, placeImage{"28004"},
			map[string]string{"/commissions": "[" + place(`{"id":1,"event_id":["ch"]}`) + "]"}},
		{"notes", &providers.UpdateCommissionInput{IdempotencyKey: someWrite, ID: earned, Note: new("n")}, notesImage{},
			map[string]string{"/commissions": "[" + place(`{"id":13533100,"external_note":["n"]}`) + "]"}},
		{"a payout's state", &providers.MarkPayoutPaidInput{IdempotencyKey: someWrite, ID: id(providers.NounPayout, "27")}, stateImage{"UNKNOWN"},
			map[string]string{"/payouts": `[{"id":27,"status":{}}]`}},
	} {
		v, _, err := says(t, c.vendor).Look(t.Context(), c.command, providers.Image(c.before), false)
		if err != nil || v != providers.Unclear {
			t.Errorf("%s: got %s, %v; want %s", c.name, v, err, providers.Unclear)
		}
	}
}

// TestUnreadLooks: a record, or a row that may be the one, which cannot be read says nothing.
func TestUnreadLooks(t *testing.T) {
	for name, c := range map[string]struct {
		command providers.Command
		vendor  map[string]string
	}{
		"an affiliate": {&providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "jane@example.com"},
			map[string]string{"/promoters/jane@example.com": `{"id":null,"email":"jane@example.com"}`}},
		"a commission": {&providers.CreateCommissionInput{IdempotencyKey: someWrite, Commission: providers.NewCommissionInput{
			Custom: &providers.CustomCommissionInput{Affiliate: jane, Amount: usd("1")}}}, map[string]string{"/commissions": `[{"id":null}]`}},
		"a payout": {&providers.MarkPayoutPaidInput{IdempotencyKey: someWrite, ID: id(providers.NounPayout, "27")}, map[string]string{"/payouts": `[{"id":null}]`}},
	} {
		v, _, err := says(t, c.vendor).Look(t.Context(), c.command, json.RawMessage(`{}`), false)
		if v != "" || providers.KindOf(err) != providers.KindBadReply {
			t.Errorf("%s: got %q, %v", name, v, err)
		}
	}
	pay := &providers.MarkPayoutPaidInput{IdempotencyKey: someWrite, ID: id(providers.NounPayout, "27"), ExpectedTotal: usd("5"), Commissions: []providers.ID{id(providers.NounCommission, "1")}}
	_, err := says(t, map[string]string{
		"/payouts":     `[{"id":27,"status":"pending","unit":"cash","amount":500,"promoter":{"id":8}}]`,
		"/commissions": `[{"id":1,"status":"approved","unit":"cash","amount":500,"promoter_campaign":{"id":9,"promoter_id":8,"campaign_id":7}},{"id":null,"unit":"cash","amount":0}]`,
	}).Plan(t.Context(), pay)
	if providers.KindOf(err) != providers.KindBadReply || errors.As(err, new(providers.Problems)) {
		t.Errorf("a payout with a commission that cannot be read: %v", err)
	}
}

// TestOddBatches: an action whose answer cannot be read is no success, and no refusal.
// Errors that say nothing are none, in whatever form.
func TestOddBatches(t *testing.T) {
	type batch struct{ body, want string }
	var batches []batch
	for want, forms := range map[string][]string{
		"":        {`null`, `[]`, `[ ]`, `{}`, `{ }`, `[null]`, `[[]]`, `[{}]`, `{"errors":[]}`, `false`, `0`, `""`, `" "`},
		"refused": {`["Record is invalid"]`, `[null,"x"]`, `[{"id":1,"error":"x"}]`, `{"0":"x"}`},
		"unknown": {`true`, `1`, `"none"`, `"[]"`, `[true]`, `[["x"]]`, `{"message":"done"}`},
	} {
		for _, form := range forms {
			batches = append(batches,
				batch{`{"id":8,"status":"completed","processing_errors":` + form + `}`, want},
				batch{`{"data":{"id":8,"status":"Completed","processing_errors":` + form + `},"meta":{}}`, want},
				batch{`{"id":8,"status":"completed","failed_count":1,"processing_errors":` + form + `}`, "refused"})
			counted := want
			if want == "refused" {
				counted = "unknown" // the count says that nothing failed
			}
			batches = append(batches, batch{`{"id":8,"status":"completed","failed_count":0,"processing_errors":` + form + `}`, counted})
		}
	}
	for _, c := range append(batches, []batch{
		{`{"id":"8","status":"completed","processed_count":"1","failed_count":"0","processing_errors":null}`, ""},
		{`{"id":8,"status":"completed","processing_errors":{},"meta":[]}`, ""},
		{`{"id":8,"status":"completed","processing_errors":"Record is invalid"}`, "unknown"},
		{`{"id":8,"status":"completed","processing_errors":{"5":"Record is invalid"}}`, "refused"},
		{`{"id":8,"status":"completed","failed_count":"1"}`, "refused"},
		{`{"id":8,"status":"completed","failed_count":"some"}`, "unknown"},
		{`{"id":8,"status":["completed"]}`, "unknown"},
		{`[]`, "unknown"},
	}...) {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.body)) }), someKey)
		err := p.act(t.Context(), promoterArchive, promotersBody{IDs: []int64{1}})
		got := ""
		if errors.As(err, new(providers.Problems)) {
			got = "refused"
		} else if providers.KindOf(err) == providers.KindBadReply {
			got = "unknown"
		}
		if got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.body, got, err, c.want)
		}
	}
}
