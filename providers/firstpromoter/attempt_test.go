package firstpromoter

import (
	"net/http"
	"slices"
	"testing"

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
	if err := fresh.Ping(t.Context()); err != nil { // so that a 404 says what it says
		t.Fatal(err)
	}
	fresh.server.Kit().Forget()
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

	// With others' writes in between: what a look says of one that was not made, and of one
	// that was.
	notMade, made providers.Verdict
}

// set is what is said of a write that sets a state, after others wrote: a state that is
// there proves itself, one that is not proves nothing.
func (a attempt) set() attempt {
	a.notMade, a.made = providers.Unclear, providers.Made
	return a
}

// makes is what is said of a write that makes a record that there was not: what is not
// there was not made, and what is may be another's.
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
			request: "POST /promo_codes", body: `{"code":"BRANDNEW","reward_id":157001,"promoter_campaign_id":` + in.ProviderID + `,"description":"fair"}`, reads: 3,
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
