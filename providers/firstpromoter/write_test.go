package firstpromoter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// stage is a simulated account over real HTTP, and records of it that writes can be tried on.
type stage struct {
	*provider
	server *sandbox.Server

	single, several, archived, boss *providers.Affiliate // boss is another one with one campaign, and nobody above
	lead, denied                    *providers.Referral
	pending, approved, paid, points *providers.Commission
	payout                          *providers.Payout
	inside                          []providers.ID // the commissions of the payout
	place                           string         // the vendor's number of the approved commission's membership
	campaigns                       []*providers.Campaign
	coupon                          *providers.Coupon // not of single
}

// again is a fresh world with the same records.
func (s *stage) again(t *testing.T) *stage {
	fresh := *s
	fresh.server = simulator()
	fresh.provider = open(t, providertest.Wire(t, fresh.server), fresh.server.Credentials())
	return &fresh
}

// newStage looks for records to try writes on.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := (&stage{}).again(t)
	live := func(a *providers.Affiliate) bool {
		return a.Status == providers.AffiliateActive && *a.ProviderStatus == "accepted"
	}
	affiliates := func(f providers.AffiliateFilter, is func(a *providers.Affiliate) bool) *providers.Affiliate {
		return pick(t, s, is)(s.Affiliates(f))
	}
	s.single = affiliates(providers.AffiliateFilter{}, func(a *providers.Affiliate) bool { return live(a) && len(a.Memberships) == 1 })
	s.boss = affiliates(providers.AffiliateFilter{}, func(a *providers.Affiliate) bool {
		return live(a) && len(a.Memberships) == 1 && a.ID != s.single.ID && a.Memberships[0].CampaignID != s.single.Memberships[0].CampaignID
	})
	s.several = affiliates(providers.AffiliateFilter{}, func(a *providers.Affiliate) bool { return live(a) && len(a.Memberships) > 1 })
	s.archived = affiliates(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{providers.AffiliateArchived}}, func(*providers.Affiliate) bool { return true })
	referral := func(status providers.ReferralStatus) *providers.Referral {
		return pick(t, s, func(f *providers.Referral) bool { return f.Status == status && f.AffiliateID != s.boss.ID })(s.Referrals(providers.ReferralFilter{}))
	}
	s.lead, s.denied = referral(providers.ReferralLead), referral(providers.ReferralDenied)
	commission := func(is func(*providers.Commission) bool) *providers.Commission {
		return pick(t, s, is)(s.Commissions(providers.CommissionFilter{}))
	}
	status := func(want providers.CommissionStatus) func(*providers.Commission) bool {
		return func(c *providers.Commission) bool {
			return c.Status == want && c.Amount != nil && c.Kind == providers.CommissionSale
		}
	}
	s.pending, s.approved, s.paid = commission(status(providers.CommissionPending)), commission(status(providers.CommissionApproved)), commission(status(providers.CommissionPaid))
	owner, _, err := promoterOne.now(t.Context(), s.provider, s.approved.AffiliateID, "id", withParent)
	if err != nil {
		t.Fatal(err)
	}
	s.place = membershipIn(owner, s.approved.CampaignID).ProviderID
	s.coupon = pick(t, s, func(c *providers.Coupon) bool {
		return s.single.Memberships[0].Coupon == nil || c.Code != *s.single.Memberships[0].Coupon
	})(s.Coupons(providers.CouponFilter{}))
	s.points = commission(func(c *providers.Commission) bool { return c.Reward != nil })
	s.payout = pick(t, s, func(o *providers.Payout) bool {
		s.inside = nil
		lists, err := s.Commissions(providers.CommissionFilter{Payouts: []providers.ID{o.ID}})
		if err != nil {
			t.Fatal(err)
		}
		for c, err := range providers.All(t.Context(), lists[0], s.provider) {
			if err != nil {
				t.Fatal(err)
			}
			s.inside = append(s.inside, c.ID)
		}
		return o.Status == providers.PayoutPending && len(s.inside) > 1
	})(s.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPending}}))
	page := providertest.First[providers.Campaign](t, s.provider)(s.Campaigns(providers.CampaignFilter{}))
	s.campaigns = page.Items
	s.server.Kit().Forget()
	return s
}

// pick is the first row of lists that is as wanted.
func pick[T providers.Record](t *testing.T, s *stage, is func(*T) bool) func([]providers.List[T], error) *T {
	return func(lists []providers.List[T], err error) *T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range providers.All(t.Context(), lists[0], s.provider) {
			if err != nil {
				t.Fatal(err)
			}
			if is(row) {
				return row
			}
		}
		t.Fatalf("the world has no %T to try with", *new(T))
		return nil
	}
}

// other is a campaign that an affiliate takes no part in.
func (s *stage) other(a *providers.Affiliate) providers.ID {
	i := slices.IndexFunc(s.campaigns, func(c *providers.Campaign) bool { return membershipIn(a, c.ID) == nil })
	return s.campaigns[i].ID
}

// sent are the writes that the simulator saw, and how many reads.
func (s *stage) sent() (writes []world.Request, reads int) {
	for _, r := range s.server.Kit().Requests() {
		if r.Method == http.MethodGet {
			reads++
		} else {
			writes = append(writes, r)
		}
	}
	return writes, reads
}

// attempt is one write, and what is expected of it.
type attempt struct {
	name    string
	command providers.Command
	request string   // the write's method and path
	body    string   // its JSON
	reads   int      // calls that planning takes
	shows   []string // parts of the vendor's record afterwards; none where there is none
	answers int      // reads that belong to sending

	// With others' writes in between: what a look says of one that was not made, and of one that was.
	notMade, made providers.Verdict
}

// set is what is said of a write that sets a state, after others wrote: a state that is there proves itself, one
// that is not proves nothing.
func (a attempt) set() attempt {
	a.notMade, a.made = providers.Unclear, providers.Made
	return a
}

// makes is what is said of a write that makes a record that there was not: what is not there was not made, and what is may be
// another's.
func (a attempt) makes() attempt {
	a.notMade, a.made = providers.NotMade, providers.Unclear
	return a
}

// sure is what is said of a write that others cannot be taken for.
func (a attempt) sure() attempt {
	a.notMade, a.made = providers.NotMade, providers.Made
	return a
}

// attempts are writes of every mutation, and of every operation.
func (s *stage) attempts() []attempt {
	return slices.Concat(s.affiliateAttempts(), s.membershipAttempts(), s.referralAttempts(), s.commissionAttempts(), s.otherAttempts())
}

func (s *stage) affiliateAttempts() []attempt {
	one := s.single.ID.Local
	in, many := s.single.Memberships[0], s.several.Memberships[1]
	status := func(name string, a *providers.Affiliate, to providers.AffiliateStatus, campaign *providers.ID, request, body, shows string) attempt {
		return attempt{name: name, command: &providers.SetAffiliateStatusInput{IdempotencyKey: someWrite, ID: a.ID, Status: to, Campaign: campaign},
			request: request, body: body, reads: 1, shows: []string{shows}}.set()
	}
	return []attempt{
		attempt{name: "create an affiliate", command: &providers.CreateAffiliateInput{IdempotencyKey: someWrite, Account: account, Email: "new.one@example.com", FirstName: new("Ann"),
			Campaign: &s.campaigns[0].ID, Approved: new(false)}, request: "POST /promoters", reads: 1,
			body:  `{"email":"new.one@example.com","profile":{"first_name":"Ann"},"always_approve":false,"initial_campaign_id":` + s.campaigns[0].ID.Local + `}`,
			shows: []string{`"email":"new.one@example.com"`, `"first_name":"Ann"`, `"state":"pending"`}}.makes(),
		attempt{name: "update an affiliate", command: &providers.UpdateAffiliateInput{IdempotencyKey: someWrite, ID: s.single.ID, Email: new("other@example.com"), LastName: new("Smith")},
			request: "PUT /promoters/" + one, body: `{"email":"other@example.com","profile":{"last_name":"Smith"}}`, reads: 1,
			shows: []string{`"email":"other@example.com"`, `"last_name":"Smith"`}}.set(),
		status("reject", s.single, providers.AffiliateRejected, nil, "POST /promoters/reject", `{"ids":[`+one+`],"campaign_id":`+in.CampaignID.Local+`}`, `"state":"rejected"`),
		status("block", s.single, providers.AffiliateBanned, &in.CampaignID, "POST /promoters/block", `{"ids":[`+one+`],"campaign_id":`+in.CampaignID.Local+`}`, `"state":"blocked"`),
		status("block in one of several campaigns", s.several, providers.AffiliateBanned, &many.CampaignID, "POST /promoters/block",
			`{"ids":[`+s.several.ID.Local+`],"campaign_id":`+many.CampaignID.Local+`}`, `"state":"blocked"`),
		status("archive", s.single, providers.AffiliateArchived, nil, "POST /promoters/archive", `{"ids":[`+one+`]}`, `"archived_at":"`),
		status("restore", s.archived, providers.AffiliateActive, nil, "POST /promoters/restore", `{"ids":[`+s.archived.ID.Local+`]}`, `"archived_at":null`),
		status("deactivate", s.single, providers.AffiliateInactive, nil, "PUT /promoter_campaigns/"+in.ProviderID, `{"state":"inactive"}`, `"state":"inactive"`),
		status("suspend", s.single, providers.AffiliatePending, nil, "PUT /promoter_campaigns/"+in.ProviderID, `{"state":"pending"}`, `"state":"pending"`),
		attempt{name: "move an affiliate", command: &providers.MoveAffiliateInput{IdempotencyKey: someWrite, ID: s.single.ID, ToCampaign: s.other(s.single), MoveReferrals: new(true)},
			request: "POST /promoters/move_to_campaign", reads: 2,
			body:  `{"ids":[` + one + `],"from_campaign_id":` + in.CampaignID.Local + `,"to_campaign_id":` + s.other(s.single).Local + `,"soft_move_referrals":true}`,
			shows: []string{`"campaign_id":` + s.other(s.single).Local}}.set(),
		attempt{name: "set a parent", command: &providers.SetAffiliateParentInput{IdempotencyKey: someWrite, ID: s.single.ID, Parent: s.boss.ID},
			request: "POST /promoters/assign_parent", body: `{"ids":[` + one + `],"parent_promoter_id":` + s.boss.ID.Local + `}`, reads: 2,
			shows: []string{`"parent_promoter":{"email":"` + *s.boss.Email}}.set(),
	}
}

func (s *stage) membershipAttempts() []attempt {
	in := s.single.Memberships[0]
	added := attempt{name: "add to a campaign", command: &providers.AddAffiliateToCampaignInput{IdempotencyKey: someWrite, Affiliate: s.single.ID, Campaign: s.other(s.single)},
		request: "POST /promoters/add_to_campaign", body: `{"ids":[` + s.single.ID.Local + `],"campaign_id":` + s.other(s.single).Local + `}`, reads: 2, answers: 1,
		shows: []string{`"campaign_id":` + s.other(s.single).Local, `"state":"accepted"`}}.set()
	return []attempt{
		added,
		attempt{name: "update a membership", command: &providers.UpdateMembershipInput{IdempotencyKey: someWrite, ID: in.ID, RefCode: new("brand-new"), CouponCode: new("NEW10")},
			request: "PUT /promoter_campaigns/" + in.ProviderID, body: `{"ref_token":"brand-new","coupon":"NEW10"}`, reads: 1,
			shows: []string{`"ref_token":"brand-new"`, `"coupon":"NEW10"`}}.set(),
	}
}

func (s *stage) referralAttempts() []attempt {
	in, to := s.single.Memberships[0], s.boss.Memberships[0]
	return []attempt{
		attempt{name: "create a referral", command: &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: s.single.ID, Email: new("fresh@customer.example"), CustomerID: new("u-1")},
			request: "POST /referrals", body: `{"promoter_campaign_id":` + in.ProviderID + `,"email":"fresh@customer.example","uid":"u-1"}`, reads: 2,
			shows: []string{`"email":"fresh@customer.example"`, `"uid":"u-1"`, `"state":"signup"`}}.makes(),
		attempt{name: "create a referral by id", command: &providers.CreateReferralInput{IdempotencyKey: someWrite, Affiliate: s.single.ID, CustomerID: new("u-2")},
			request: "POST /referrals", body: `{"promoter_campaign_id":` + in.ProviderID + `,"uid":"u-2"}`, reads: 2, shows: []string{`"email":null`, `"uid":"u-2"`}}.makes(),
		attempt{name: "update a referral", command: &providers.UpdateReferralInput{IdempotencyKey: someWrite, ID: s.lead.ID, Email: new("moved@customer.example")},
			request: "PUT /referrals/" + s.lead.ID.Local, body: `{"email":"moved@customer.example"}`, reads: 1, shows: []string{`"email":"moved@customer.example"`}}.set(),
		attempt{name: "move a referral", command: &providers.MoveReferralInput{IdempotencyKey: someWrite, ID: s.lead.ID, Affiliate: s.boss.ID, MoveCommissions: new(true)},
			request: "POST /referrals/move_to_promoter", reads: 2,
			body:  `{"ids":[` + s.lead.ID.Local + `],"promoter_campaign_id":` + to.ProviderID + `,"move_associated_commissions":true}`,
			shows: []string{`"promoter_id":` + s.boss.ID.Local}}.set(),
		attempt{name: "disable a referral", command: &providers.SetReferralStatusInput{IdempotencyKey: someWrite, ID: s.lead.ID, Decision: providers.ReferralDisable},
			request: "POST /referrals/disable", body: `{"ids":[` + s.lead.ID.Local + `]}`, reads: 1, shows: []string{`"state":"denied"`}}.set(),
		attempt{name: "enable a referral", command: &providers.SetReferralStatusInput{IdempotencyKey: someWrite, ID: s.denied.ID, Decision: providers.ReferralEnable},
			request: "POST /referrals/enable", body: `{"ids":[` + s.denied.ID.Local + `]}`, reads: 1, shows: []string{`"state":"signup"`}}.set(),
	}
}

func (s *stage) commissionAttempts() []attempt {
	in := s.single.Memberships[0]
	sale := &providers.CreateCommissionInput{IdempotencyKey: someWrite, EventID: new("ch_new"), Note: new("thanks"), Commission: providers.NewCommissionInput{
		Sale: &providers.SaleCommissionInput{Referral: s.lead.ID, SaleAmount: usd("49.90")}}}
	custom := &providers.CreateCommissionInput{IdempotencyKey: someWrite, Commission: providers.NewCommissionInput{
		Custom: &providers.CustomCommissionInput{Affiliate: s.single.ID, Amount: usd("12.5")}}}
	adjust := &providers.AdjustCommissionInput{IdempotencyKey: someWrite, ID: s.approved.ID, Amount: usd("-3.05"), Note: new("returned")}
	status := func(name string, c *providers.Commission, to providers.CommissionStatus, request, shows string) attempt {
		return attempt{name: name, command: &providers.SetCommissionStatusInput{IdempotencyKey: someWrite, ID: c.ID, Status: to},
			request: request, body: `{"ids":[` + c.ID.Local + `]}`, reads: 1, shows: []string{shows}}.set()
	}
	return []attempt{
		attempt{name: "a sale's commission", command: sale, request: "POST /commissions", reads: 2,
			body:  `{"commission_type":"sale","referral_id":` + s.lead.ID.Local + `,"sale_amount":4990,"event_id":"ch_new","external_note":"thanks"}`,
			shows: []string{`"sale_amount":4990`, `"event_id":"ch_new"`, `"external_note":"thanks"`, `"commission_type":"sale"`}}.sure(),
		attempt{name: "a custom commission", command: custom, request: "POST /commissions", reads: 2,
			body:  `{"commission_type":"custom","promoter_campaign_id":` + in.ProviderID + `,"amount":1250,"unit":"cash","event_id":"` + eventOf(custom) + `"}`,
			shows: []string{`"amount":1250`, `"commission_type":"custom"`, `"promoter_id":` + s.single.ID.Local}}.sure(),
		attempt{name: "adjust a commission", command: adjust, request: "POST /commissions", reads: 2,
			body: `{"commission_type":"custom","promoter_campaign_id":` + s.place + `,"amount":-305,"unit":"cash","event_id":"` + eventOf(adjust) +
				`","external_note":"returned","internal_note":"Adjusts commission ` + s.approved.ID.Local + `"}`,
			shows: []string{`"amount":-305`, `"promoter_id":` + s.approved.AffiliateID.Local}}.sure(),
		attempt{name: "update a commission", command: &providers.UpdateCommissionInput{IdempotencyKey: someWrite, ID: s.pending.ID, Note: new("hello"), InternalNote: new("checked")},
			request: "PUT /commissions/" + s.pending.ID.Local, body: `{"external_note":"hello","internal_note":"checked"}`, reads: 1,
			shows: []string{`"external_note":"hello"`, `"internal_note":"checked"`}}.set(),
		status("approve a commission", s.pending, providers.CommissionApproved, "POST /commissions/approve", `"status":"approved"`),
		status("deny a commission", s.approved, providers.CommissionDenied, "POST /commissions/deny", `"status":"denied"`),
		attempt{name: "mark a payout as paid", command: &providers.MarkPayoutPaidInput{IdempotencyKey: someWrite, ID: s.payout.ID, Commissions: s.inside, ExpectedTotal: *s.payout.Amount},
			request: "POST /payouts/mark_as_paid", body: `{"ids":[` + s.payout.ID.Local + `]}`, reads: 2, shows: []string{`"status":"completed"`}}.sure(),
	}
}

func (s *stage) otherAttempts() []attempt {
	in := s.single.Memberships[0]
	hook := id(providers.NounWebhookSubscription, "901")
	terms := providers.CampaignTerms{WebsiteURL: new("https://northwind.example/spring"), CookieDays: new(int64(45)), LinkParameter: new("via"), IsPrivate: new(true)}
	return []attempt{
		attempt{name: "a new coupon", command: &providers.AssignCouponInput{IdempotencyKey: someWrite, Affiliate: s.single.ID, Code: "BRANDNEW", RewardID: new("157001"), Description: new("fair")},
			request: "POST /promo_codes", body: `{"code":"BRANDNEW","reward_id":157001,"promoter_campaign_id":` + in.ProviderID + `,"description":"fair"}`, reads: 2,
			shows: []string{`"code":"BRANDNEW"`, `"promoter_campaign_id":` + in.ProviderID}}.set(),
		attempt{name: "somebody else's coupon", command: &providers.AssignCouponInput{IdempotencyKey: someWrite, Affiliate: s.single.ID, Code: s.coupon.Code},
			request: "PUT /promo_codes/" + s.coupon.ProviderID, body: `{"promoter_campaign_id":` + in.ProviderID + `}`, reads: 2,
			shows: []string{`"code":"` + s.coupon.Code + `"`, `"promoter_campaign_id":` + in.ProviderID}}.set(),
		attempt{name: "create a campaign", command: &providers.CreateCampaignInput{IdempotencyKey: someWrite, Account: account, Name: "Spring", Terms: terms}, request: "POST /campaigns", reads: 1,
			body:  `{"name":"Spring","landing_url":"https://northwind.example/spring","ref_token_param":"?via","visitor_cookie_life":45,"is_private":true}`,
			shows: []string{`"name":"Spring"`, `"visitor_cookie_life":45`, `"is_private":true`}}.makes(),
		attempt{name: "update a campaign", command: &providers.UpdateCampaignInput{IdempotencyKey: someWrite, ID: s.campaigns[0].ID, Terms: &providers.CampaignTerms{ApprovalRequired: new(true)}},
			request: "PUT /campaigns/" + s.campaigns[0].ID.Local, body: `{"auto_approve_promoters":false}`, reads: 1, shows: []string{`"auto_approve_promoters":false`}}.set(),
		attempt{name: "create a webhook", command: &providers.CreateWebhookSubscriptionInput{IdempotencyKey: someWrite, Account: account, TargetURL: "https://hooks.example.com/x", Events: []string{"b", "a"}},
			request: "POST /webhooks", body: `{"url":"https://hooks.example.com/x","event_types":["b","a"]}`, reads: 1, shows: []string{`"url":"https://hooks.example.com/x"`}}.makes(),
		attempt{name: "update a webhook", command: &providers.UpdateWebhookSubscriptionInput{IdempotencyKey: someWrite, ID: hook, Events: []string{"referral.created"}, Active: new(true)},
			request: "PUT /webhooks/901", body: `{"event_types":["referral.created"],"active":true}`, reads: 1, shows: []string{`"event_types":["referral.created"]`, `"active":true`}}.set(),
		attempt{name: "delete a webhook", command: &providers.DeleteWebhookSubscriptionInput{IdempotencyKey: someWrite, ID: hook}, request: "DELETE /webhooks/901", reads: 1}.sure(),
	}
}

// eachAttempt runs a test of every attempt, each in a world of its own.
func eachAttempt(t *testing.T, run func(t *testing.T, s *stage, a attempt)) {
	first := newStage(t)
	for _, a := range first.attempts() {
		t.Run(a.name, func(t *testing.T) { run(t, first.again(t), a) })
	}
}

func mustPlan(t *testing.T, s *stage, c providers.Command) *providers.Write {
	t.Helper()
	w, err := s.Plan(t.Context(), c)
	if err != nil {
		t.Fatalf("Plan: %v", err)
	}
	return w
}

// mustLook is the verdict, and the id of what was made.
func mustLook(t *testing.T, s *stage, c providers.Command, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written) {
	t.Helper()
	v, w, err := s.Look(t.Context(), c, before, disturbed)
	if err != nil {
		t.Fatalf("Look: %v", err)
	}
	if (w != nil) != (v == providers.Made) {
		t.Errorf("Look says %s, and what was written is %+v", v, w)
	}
	return v, w
}

// TestWrites: what is sent, by how many calls, and what the vendor has afterwards.
func TestWrites(t *testing.T) {
	eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
		if problems := a.command.Check("USD", noon); len(problems) > 0 {
			t.Fatalf("the input is wrong: %v", problems)
		}
		w := mustPlan(t, s, a.command)
		writes, reads := s.sent()
		if len(writes) != 0 || reads != a.reads {
			t.Errorf("planning made %d writes and %d reads, want 0 and %d", len(writes), reads, a.reads)
		}
		made, err := w.Send(t.Context())
		if err != nil {
			t.Fatalf("Send: %v", err)
		}
		writes, reads = s.sent()
		if len(writes) != 1 || reads != a.reads+a.answers {
			t.Fatalf("%d writes and %d reads, want 1 and %d", len(writes), reads, a.reads+a.answers)
		}
		if got := writes[0].Method + " " + writes[0].Path; got != a.request {
			t.Errorf("got %s, want %s", got, a.request)
		}
		if diff := cmp.Diff(object(t, a.body), object(t, writes[0].Body)); diff != "" {
			t.Errorf("body (-want +got)\n%s", diff)
		}
		raw, err := s.RawRecord(t.Context(), made.ID)
		if len(a.shows) == 0 != (providers.KindOf(err) == providers.KindNotFound) {
			t.Fatalf("the record afterwards: %v", err)
		}
		for _, part := range a.shows {
			if !strings.Contains(string(raw), part) {
				t.Errorf("the vendor has %s; want it with %s", raw, part)
			}
		}
		if told(made.Harvest, made.ID) == slices.Contains(made.Stale, made.ID) {
			t.Errorf("the record is neither told nor stale, or both: %+v", made)
		}
		for _, private := range []string{"secret", "@"} {
			if strings.Contains(string(w.Before), private) {
				t.Errorf("what is stored before holds %q: %s", private, w.Before)
			}
		}
		if v, again := mustLook(t, s, a.command, w.Before, false); v != providers.Made || again.ID != made.ID {
			t.Errorf("a look says %s %+v, want %s and %v", v, again, providers.Made, made.ID)
		}
	})
}

// told says whether a harvest holds a record whole, or nearly.
func told(h providers.Harvest, id providers.ID) bool {
	nodes := slices.Concat(nodes(h.Affiliates), nodes(h.Memberships), nodes(h.Campaigns), nodes(h.Referrals), nodes(h.Commissions), nodes(h.Payouts), nodes(h.Coupons))
	return slices.ContainsFunc(nodes, func(n *providers.Node) bool {
		_, whole := n.Known.Names()
		return n.ID == id && whole
	})
}

func nodes[T providers.Record](rows []*T) (all []*providers.Node) {
	for _, r := range rows {
		all = append(all, providers.NodeOf(r))
	}
	return all
}

func object(t *testing.T, text string) (v any) {
	t.Helper()
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// TestUnanswered: a write that nobody answered was made if the vendor had done it and not if it had not, and a look tells; with
// others' writes in between it tells no more than is known.
func TestUnanswered(t *testing.T) {
	for name, fault := range map[string]world.Fault{
		"cut before": {}, "cut after": {After: true}, "500 before": {Status: 500}, "500 after": {Status: 500, After: true},
	} {
		t.Run(name, func(t *testing.T) {
			eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
				w := mustPlan(t, s, a.command)
				s.server.Kit().Fail(fault)
				_, err := w.Send(t.Context())
				var e *providers.Error
				if !errors.As(err, &e) || !e.Sent || e.Kind != providers.KindUnavailable {
					t.Fatalf("got %#v, want an error that says it may have been sent", err)
				}
				if strings.Contains(err.Error(), "@") || strings.Contains(err.Error(), "fp_sandbox_key") {
					t.Errorf("the error tells too much: %v", err)
				}
				want, disturbed := providers.NotMade, a.notMade
				if fault.After {
					want, disturbed = providers.Made, a.made
				}
				if v, _ := mustLook(t, s, a.command, w.Before, false); v != want {
					t.Errorf("a look says %s, want %s", v, want)
				}
				if v, _ := mustLook(t, s, a.command, w.Before, true); v != disturbed {
					t.Errorf("with others' writes in between a look says %s, want %s", v, disturbed)
				}
				if writes, _ := s.sent(); len(writes) != 1 {
					t.Errorf("%d writes were sent, want 1", len(writes))
				}
			})
		})
	}
}

// TestNotSent: what has not left is told from what may have.
func TestNotSent(t *testing.T) {
	s := newStage(t)
	w := mustPlan(t, s, s.attempts()[0].command)
	for name, spoil := range map[string]func(p *provider){
		"a refused connection": func(p *provider) { p.config.BaseURL = "http://127.0.0.1:1" },
		"a spent budget":       func(p *provider) { p.config.Budget = spent{} },
	} {
		p := &provider{config: s.config}
		spoil(p)
		made, err := New(p.config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = promoterList.writeTo(t.Context(), made.(*provider), promoterUpdate, jane, jane.Local, promoterBody{})
		var e *providers.Error
		if !errors.As(err, &e) || e.Sent {
			t.Errorf("%s: got %#v, want an error that says it was not sent", name, err)
		}
	}
	if _, err := w.Send(t.Context()); err != nil {
		t.Errorf("and the account itself: %v", err)
	}
}

// spent is a budget with nothing left.
type spent struct{ providers.Budget }

func (spent) Take(context.Context) error {
	return &providers.Error{Kind: providers.KindRateLimited}
}

// TestTwice: a vendor that takes equal writes twice is not asked twice. With the same key the second plan finds what the first made.
func TestTwice(t *testing.T) {
	eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
		if _, err := mustPlan(t, s, a.command).Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		var e providers.Problems
		_, err := s.Plan(t.Context(), a.command)
		taken := errors.As(err, &e)
		switch a.command.(type) {
		case *providers.CreateAffiliateInput, *providers.CreateReferralInput, *providers.CreateCommissionInput, *providers.AdjustCommissionInput:
			if !taken || e[0].Code != providers.ProblemTaken {
				t.Errorf("got %v, want %s", err, providers.ProblemTaken)
			}
		default:
			if err != nil && !taken {
				t.Errorf("got %v", err)
			}
		}
	})
}

// TestBackground: actions that go on after they were answered are waited for.
func TestBackground(t *testing.T) {
	actions := 0
	eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
		s.server.Kit().Set(sandbox.Background, true)
		w := mustPlan(t, s, a.command)
		made, err := w.Send(t.Context())
		if err != nil {
			t.Fatalf("Send: %v", err)
		}
		polls := 0
		for _, r := range s.server.Kit().Requests() {
			if strings.HasPrefix(r.Path, "/batch_processes/") {
				polls++
			}
		}
		if polls > 0 {
			actions++
		}
		if writes, _ := s.sent(); len(writes) != 1 {
			t.Errorf("%d writes, want 1", len(writes))
		}
		if v, again := mustLook(t, s, a.command, w.Before, false); v != providers.Made || again.ID != made.ID {
			t.Errorf("a look says %s %+v", v, again)
		}
	})
	if actions < 12 {
		t.Errorf("only %d actions went on in the background", actions)
	}
}

// TestBatches: what an action's answer means.
func TestBatches(t *testing.T) {
	for name, c := range map[string]struct {
		replies []string
		sent    bool // an error that says it may have been done
		code    providers.ProblemCode
	}{
		"done":                 {replies: []string{`{"id":8,"status":"completed","processed_count":1}`}},
		"done at the third":    {replies: []string{`{"id":8,"status":"pending"}`, `{"id":8,"status":"in_progress"}`, `{"data":{"id":8,"status":"completed"}}`}},
		"refused":              {replies: []string{`{"id":8,"status":"completed","failed_count":1,"processed_count":1}`}, code: providers.ProblemWrongState},
		"refused with objects": {replies: []string{`{"data":{"id":8,"status":"completed","processing_errors":[{"x":"jane@example.com"}]}}`}, code: providers.ProblemWrongState},
		"broken off":           {replies: []string{`{"id":8,"status":"in_progress"}`, `{"id":8,"status":"stopped"}`}, sent: true},
		"failed":               {replies: []string{`{"id":8,"status":"failed"}`}, sent: true},
		"nothing processed":    {replies: []string{`{"id":8,"status":"completed","processed_count":0}`}, sent: true},
		"an unknown state":     {replies: []string{`{"id":8,"status":"resting"}`}, sent: true},
		"no state":             {replies: []string{`{}`}, sent: true},
		"no id":                {replies: []string{`{"status":"pending"}`}, sent: true},
		"lost on the way":      {replies: []string{`{"id":8,"status":"pending"}`, ""}, sent: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			p := open(t, providertest.Wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				reply := c.replies[min(n, len(c.replies)-1)]
				if n++; (r.Method == http.MethodGet) != (n > 1) || n > 1 && r.URL.Path != "/batch_processes/8" {
					t.Errorf("call %d is %s %s", n, r.Method, r.URL.Path)
				}
				if reply == "" {
					w.WriteHeader(http.StatusNotFound)
				}
				_, _ = w.Write([]byte(reply))
			})), someKey)
			err := p.act(t.Context(), promoterArchive, promotersBody{IDs: []int64{1}})
			var e *providers.Error
			var problems providers.Problems
			switch {
			case c.sent:
				if !errors.As(err, &e) || !e.Sent || e.Kind != providers.KindUnavailable && e.Kind != providers.KindBadReply {
					t.Errorf("got %#v, want an error that says it may have been done", err)
				}
			case c.code != "":
				if !errors.As(err, &problems) || problems[0].Code != c.code || strings.Contains(err.Error(), "@") {
					t.Errorf("got %#v, want %s", err, c.code)
				}
			case err != nil:
				t.Errorf("got %v", err)
			}
			if n != len(c.replies) {
				t.Errorf("%d calls, want %d", n, len(c.replies))
			}
		})
	}
}

// TestWait: a wait for the end of an action ends with its context, and the write may have been made.
func TestWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := open(t, providertest.Wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			cancel()
		}
		_, _ = w.Write([]byte(`{"id":8,"status":"in_progress"}`))
	})), someKey)
	err := p.act(ctx, promoterArchive, promotersBody{IDs: []int64{1}})
	var e *providers.Error
	if !errors.As(err, &e) || !e.Sent {
		t.Errorf("got %#v, want an error that says it may have been done", err)
	}
}

// TestMutations holds the list of commands, the proofs and the capabilities together.
func TestMutations(t *testing.T) {
	s := newStage(t)
	var tried, proven, able []string
	for _, a := range s.attempts() {
		tried = append(tried, string(a.command.Mutation()))
		if w := mustPlan(t, s, a.command); !slices.Contains(s.Proofs(), w.Proof) || w.Proof.Mutation != a.command.Mutation() {
			t.Errorf("%s is under the proof %+v", a.name, w.Proof)
		}
	}
	seen := map[string]bool{}
	for _, r := range s.Proofs() {
		if r.Look == "" || r.By == "" || seen[fmt.Sprint(r.Mutation, r.When)] {
			t.Errorf("the row %+v", r)
		}
		seen[fmt.Sprint(r.Mutation, r.When)] = true
		proven = append(proven, string(r.Mutation))
	}
	for _, c := range s.Account().Capabilities {
		if c == providers.CanConnectCustomer || slices.Contains(proven, string(c)) {
			able = append(able, string(c))
		}
	}
	set := func(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }
	if diff := cmp.Diff(set(tried), set(proven)); diff != "" {
		t.Errorf("mutations (-tried +proven)\n%s", diff)
	}
	if diff := cmp.Diff(set(able), set(proven)); diff != "" {
		t.Errorf("mutations (-capabilities +proven)\n%s", diff)
	}
	none := &providers.ConnectCustomerInput{IdempotencyKey: someWrite, Affiliate: jane, CustomerEmail: "a@example.com"}
	if _, err := s.Plan(t.Context(), none); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Plan of a mutation that the vendor does not have: %v", err)
	}
	if _, _, err := s.Look(t.Context(), none, nil, false); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Look of a mutation that the vendor does not have: %v", err)
	}
}
