package promotekit

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

const idempotencyKey = "0f6d1a52-6d0e-4f2e-9a55-3c1b7c9d2e10"

func dollars(s string) *providers.Money { return providers.NewMoney(decimal.MustParse(s), "USD") }

// cast are the records of the small simulator that writes are about.
type cast struct {
	link, coupon, both *providers.Campaign  // by what they give; link is the default one
	template           string               // the coupon at Stripe behind coupon\'s codes
	member, insider    *providers.Affiliate // of link, of both
	banned             *providers.Affiliate
	sale               *providers.Commission // with an event id
	referral, bare     providers.ID          // the sale's, and one without commissions
}

func newCast(t testing.TB) (c cast) {
	t.Helper()
	p := open(t, simulator())
	for _, row := range providertest.First[providers.Campaign](t, p)(p.Campaigns(providers.CampaignFilter{})).Items {
		switch *row.CodeMode {
		case providers.CodeLink:
			c.link = row
		case providers.CodeCoupon:
			c.coupon = row
		case providers.CodeBoth:
			c.both = row
		}
	}
	w, err := readOne[campaignWire](t.Context(), p, "/campaigns", c.coupon.ID.Local)
	if err != nil {
		t.Fatal(err)
	}
	c.template = w.ReferenceCoupon
	for _, row := range providertest.First[providers.Affiliate](t, p)(p.Affiliates(providers.AffiliateFilter{})).Items {
		switch {
		case row.Status == providers.AffiliateBanned:
			c.banned = row
		case row.Memberships[0].CampaignID == c.link.ID:
			c.member = row
		case row.Memberships[0].CampaignID == c.both.ID && len(row.Coupons) > 0:
			c.insider = row
		}
	}
	earned := map[providers.ID]bool{}
	lists, _ := p.Commissions(providers.CommissionFilter{})
	for row, err := range providers.All(t.Context(), lists[0], p) {
		if err != nil {
			t.Fatal(err)
		}
		earned[row.ReferralID] = true
		if row.Kind == providers.CommissionSale && !row.PayoutID.IsZero() {
			c.sale, c.referral = row, row.ReferralID
		}
	}
	for _, row := range providertest.First[providers.Referral](t, p)(p.Referrals(providers.ReferralFilter{})).Items {
		if !earned[row.ID] {
			c.bare = row.ID
		}
	}
	if c.link == nil || c.coupon == nil || c.both == nil || c.member == nil || c.insider == nil || c.banned == nil || c.sale == nil || c.bare.IsZero() {
		t.Fatalf("the small world lacks somebody: %+v", c)
	}
	return c
}

func commission(referral providers.ID, sale, amount string, event *string) *providers.CreateCommissionInput {
	return &providers.CreateCommissionInput{IdempotencyKey: idempotencyKey, EventID: event, Commission: providers.NewCommissionInput{
		Sale: &providers.SaleCommissionInput{Referral: referral, SaleAmount: *dollars(sale), Amount: dollars(amount)},
	}}
}

// write is a write to the small simulator.
type write struct {
	command providers.Command
	reads   []string // what planning asks for, without parameters
	sends   string   // the one call that follows, and its body
	id      string   // of what it answers; "new" stands for the id that the vendor made up
	stale   []providers.ID
	lists   string
	proof   providers.ProofBy
	after   string // what the vendor then tells of the record, or its holder

	// What a look says after another write to the same target: where this one was made, and
	// where it was not.
	made, lost providers.Verdict
}

// writes are one of each mutation at least.
func writes(c cast) map[string]write {
	const key, lists = idempotencyKey, "Affiliate Membership Coupon"
	account, coupon := providers.ID{Account: "saas", Noun: providers.NounAccount}, c.insider.Coupons[0].ID
	member := id(providers.NounMembership, c.insider.ID.Local, c.both.ID.Local)
	first := commission(c.bare, "99.90", "20", nil)
	first.EarnedAt = new(time.Date(2026, 2, 1, 11, 0, 0, 0, time.FixedZone("", 3600)))
	// change is a PUT for an affiliate, which says absolutely what is to be.
	change := func(a *providers.Affiliate, command providers.Command, body, id, lists string, proof providers.ProofBy, after string, stale ...providers.ID) write {
		path := "/affiliates/" + a.ID.Local
		return write{command: command, reads: []string{"GET " + path}, sends: "PUT " + path + " " + body, id: id, stale: stale, lists: lists, proof: proof,
			after: after, made: providers.Made, lost: providers.Unclear}
	}
	status := func(a *providers.Affiliate, status providers.AffiliateStatus, body string) write {
		return change(a, &providers.SetAffiliateStatusInput{IdempotencyKey: key, ID: a.ID, Status: status}, body, a.ID.Local, "Affiliate Membership",
			providers.ProofState, strings.Trim(body, "{}"))
	}
	return map[string]write{
		"createAffiliate": {
			command: &providers.CreateAffiliateInput{IdempotencyKey: key, Account: account,
				Email: "Jane@new.example", FirstName: new("Jane"), LastName: new("Doe"), PayoutEmail: new("pay@new.example"), Campaign: &c.both.ID,
				RefCode: new("jane-doe"), CouponCode: new("JANE99"), Approved: new(false), Note: new("a friend")},
			reads: []string{"GET /affiliates", "GET /affiliates"}, // as it is written, and in lower case
			sends: `POST /affiliates {"email":"Jane@new.example","first_name":"Jane","last_name":"Doe","payout_email":"pay@new.example","ref_code":"jane-doe",` +
				`"promo_code":"JANE99","campaign_id":"` + c.both.ID.Local + `","approved":false,"details":"a friend"}`,
			id: "new", lists: lists, proof: providers.ProofEmail, made: providers.Unclear, lost: providers.NotMade,
			after: `"promo_codes":[{"code":"JANE99"`,
		},
		"createCampaign": {
			command: &providers.CreateCampaignInput{IdempotencyKey: key, Account: account, Name: "Summer",
				Terms: providers.CampaignTerms{WebsiteURL: new("https://s.example"), CouponTemplate: new("co_1"), CodeMode: new(providers.CodeBoth),
					Commission: &providers.CommissionRuleInput{Amount: dollars("12.50")}, IsDefault: new(true)}},
			reads: []string{"GET /campaigns"},
			sends: `POST /campaigns {"name":"Summer","commission_type":"fixed","commission_amount":12.5,"code_mode":"both","website_url":"https://s.example",` +
				`"reference_coupon":"co_1","is_default":true}`,
			id: "new", stale: []providers.ID{c.link.ID}, lists: "Campaign", proof: providers.ProofState, made: providers.Unclear, lost: providers.NotMade,
			after: `"commission_amount":12.5,"is_default":true`,
		},
		"updateCampaign": {
			command: &providers.UpdateCampaignInput{IdempotencyKey: key, ID: c.coupon.ID, Name: new("Creators"), Terms: &providers.CampaignTerms{
				CodeMode: new(providers.CodeBoth), WebsiteURL: new("https://c.example"), Commission: &providers.CommissionRuleInput{Percent: new(decimal.MustParse("7.50"))}}},
			reads: []string{"GET /campaigns/" + c.coupon.ID.Local},
			sends: "PUT /campaigns/" + c.coupon.ID.Local + ` {"name":"Creators","commission_type":"percentage","commission_amount":7.5,"code_mode":"both",` +
				`"website_url":"https://c.example","reference_coupon":"` + c.template + `"}`, // which goes along with the mode,
			id: c.coupon.ID.Local, lists: "Campaign " + lists, proof: providers.ProofState, made: providers.Made, lost: providers.Unclear,
			after: `"website_url":"https://c.example","commission_type":"percentage","commission_amount":7.5`,
		},
		"updateCampaign, the default": {
			command: &providers.UpdateCampaignInput{IdempotencyKey: key, ID: c.both.ID, Terms: &providers.CampaignTerms{IsDefault: new(true)}},
			reads:   []string{"GET /campaigns"}, sends: "PUT /campaigns/" + c.both.ID.Local + ` {"is_default":true}`,
			id: c.both.ID.Local, stale: []providers.ID{c.link.ID}, lists: "Campaign", proof: providers.ProofState, made: providers.Made, lost: providers.Unclear,
			after: `"is_default":true`,
		},
		"createReferral": {
			command: &providers.CreateReferralInput{IdempotencyKey: key, Affiliate: c.member.ID, Email: new("cy@new.example"), CustomerID: new("cus_9"), Status: new(providers.ReferralPastDue)},
			reads:   []string{"GET /referrals"},
			sends:   `POST /referrals {"affiliate_id":"` + c.member.ID.Local + `","email":"cy@new.example","stripe_customer_id":"cus_9","subscription_status":"past_due"}`,
			id:      "new~" + c.member.ID.Local, lists: "Referral", proof: providers.ProofEmail, made: providers.Unclear, lost: providers.NotMade,
			after: `"subscription_status":"past_due"`,
		},
		"createCommission": {
			command: commission(c.referral, "99.90", "20", new("ch_new")),
			reads:   []string{"GET /commissions"},
			sends:   `POST /commissions {"referral_id":"` + uuidOf(c.referral) + `","revenue_amount":99.9,"commission_amount":20,"stripe_payment_id":"ch_new"}`,
			id:      "new", lists: "Commission", proof: providers.ProofEventID, made: providers.Made, lost: providers.NotMade,
			after: `"revenue_amount":99.9,"currency":"usd","commission_amount":20,"payout_status":"not_paid"`,
		},
		"createCommission, the first, without an event id": {
			command: first,
			reads:   []string{"GET /commissions", "GET /referrals"},
			sends:   `POST /commissions {"referral_id":"` + uuidOf(c.bare) + `","revenue_amount":99.9,"commission_amount":20,"referral_date":"2026-02-01T10:00:00Z"}`,
			id:      "new", lists: "Commission", proof: providers.ProofState, made: providers.Unclear, lost: providers.NotMade,
			after: `"referral_date":"2026-02-01T10:00:00+00:00"`,
		},
		"updateAffiliate": change(c.member, &providers.UpdateAffiliateInput{IdempotencyKey: key, ID: c.member.ID, Email: new("Moved@new.example"), LastName: new("Ray"),
			PayoutEmail: new("p@new.example"), Note: new("hi"), NotifyOnSale: new(false)},
			`{"email":"Moved@new.example","last_name":"Ray","payout_email":"p@new.example","details":"hi","new_paid_referral_notifications":false}`,
			c.member.ID.Local, "Affiliate", providers.ProofState, `"email":"Moved@new.example"`),
		"setAffiliateStatus ACTIVE":  status(c.banned, providers.AffiliateActive, `{"approved":true,"banned":false}`),
		"setAffiliateStatus PENDING": status(c.banned, providers.AffiliatePending, `{"approved":false,"banned":false}`),
		"setAffiliateStatus BANNED":  status(c.member, providers.AffiliateBanned, `{"banned":true}`),
		"moveAffiliate": change(c.insider, &providers.MoveAffiliateInput{IdempotencyKey: key, ID: c.insider.ID, FromCampaign: &c.both.ID, ToCampaign: c.link.ID},
			`{"campaign_id":"`+c.link.ID.Local+`"}`, c.insider.ID.Local, lists+" Referral Commission Payout", providers.ProofState,
			`"campaign":{"id":"`+c.link.ID.Local, member, coupon),
		"updateMembership": change(c.insider, &providers.UpdateMembershipInput{IdempotencyKey: key, ID: member, RefCode: new("newref"), CouponCode: new("NEW99")},
			`{"ref_code":"newref","promo_code":"NEW99"}`, member.Local, lists, providers.ProofCode, `"code":"newref"}],"promo_codes":[{"code":"NEW99"`, coupon),
		"assignCoupon": change(c.insider, &providers.AssignCouponInput{IdempotencyKey: key, Affiliate: c.insider.ID, Code: "GIVEN9"}, `{"promo_code":"GIVEN9"}`,
			providers.JoinLocal(c.insider.ID.Local, "GIVEN9"), lists, providers.ProofCode, `"promo_codes":[{"code":"GIVEN9"`, coupon),
	}
}

// calls are the requests that the simulator saw, without parameters; writes with their bodies.
func calls(s *sandbox.Server) (lines []string) {
	for _, r := range s.Kit().Requests() {
		path, _, _ := strings.Cut(r.Path, "?")
		lines = append(lines, strings.TrimSpace(r.Method+" "+path+" "+r.Body))
	}
	return lines
}

// compact is a reply without spaces.
func compact(t testing.TB, s *sandbox.Server, target string) string {
	t.Helper()
	status, body := ask(s, http.MethodGet, target)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", target, status, body)
	}
	return strings.TrimSpace(string(body))
}

// TestWrites plans and sends each write: what it asks for, sends, answers and brings about.
func TestWrites(t *testing.T) {
	c := newCast(t)
	for name, w := range writes(c) {
		t.Run(name, func(t *testing.T) {
			s := simulator()
			p := open(t, s)
			if problems := w.command.Check("USD", noon); len(problems) > 0 {
				t.Fatal(problems)
			}
			plan, err := p.Plan(t.Context(), w.command)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(w.reads, calls(s)); diff != "" {
				t.Errorf("planning asks for (-want +got)\n%s", diff)
			}
			s.Kit().Forget()
			written, err := plan.Send(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{w.sends}, calls(s)); diff != "" {
				t.Errorf("sending (-want +got)\n%s", diff)
			}
			if got := plan.Proof; got.By != w.proof || !slices.Contains(p.Proofs(), got) || got.Mutation != w.command.Mutation() || got.Look == "" {
				t.Errorf("the proof is %+v, want one of them by %s", got, w.proof)
			}
			uuid := uuidOf(written.ID)
			if got, want := written.ID.Local, strings.Replace(w.id, "new", uuid, 1); got != want {
				t.Errorf("it answers %s, want %s", got, want)
			}
			checkWritten(t, p, w, written)
			holder := map[providers.Noun]string{providers.NounAffiliate: "/affiliates/", providers.NounMembership: "/affiliates/", providers.NounCoupon: "/affiliates/",
				providers.NounCampaign: "/campaigns/", providers.NounCommission: "/commissions/"}[written.ID.Noun] + uuid
			if written.ID.Noun == providers.NounReferral {
				holder = "/referrals?email=cy%40new.example"
			}
			if got := compact(t, s, holder); !strings.Contains(got, w.after) {
				t.Errorf("afterwards the vendor tells %s, want %s", got, w.after)
			}
		})
	}
}

// checkWritten holds what a write says that it has done against the vendor's records: what
// came along is as it is now, and what is stale is no more, or is otherwise.
func checkWritten(t *testing.T, p *provider, w write, written *providers.Written) {
	t.Helper()
	var lists []string
	for _, noun := range written.StaleLists {
		lists = append(lists, string(noun))
	}
	if got := strings.Join(lists, " "); got != w.lists {
		t.Errorf("the stale lists are of %s, want %s", got, w.lists)
	}
	if diff := cmp.Diff(w.stale, written.Stale); diff != "" {
		t.Errorf("stale (-want +got)\n%s", diff)
	}
	h := written.Harvest
	cameAlong(t, p.AffiliatesByID, h.Affiliates)
	cameAlong(t, p.MembershipsByID, h.Memberships)
	cameAlong(t, p.CampaignsByID, h.Campaigns)
	cameAlong(t, p.ReferralsByID, h.Referrals)
	cameAlong(t, p.CommissionsByID, h.Commissions)
	cameAlong(t, p.CouponsByID, h.Coupons)
	got := map[providers.Noun]int{
		providers.NounAffiliate: len(h.Affiliates), providers.NounMembership: len(h.Memberships), providers.NounCampaign: len(h.Campaigns),
		providers.NounReferral: len(h.Referrals), providers.NounCommission: len(h.Commissions), providers.NounCoupon: len(h.Coupons),
	}
	if got[written.ID.Noun] == 0 {
		t.Errorf("the %s that it answers did not come along", written.ID.Noun)
	}
}

// cameAlong holds records that came along against a live read of them.
func cameAlong[T providers.Record](
	t *testing.T, read func(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[T], error), rows []*T,
) {
	t.Helper()
	for _, row := range rows {
		of := providers.NodeOf(row).ID
		if diff := providertest.Diff(batch[T](t)(read(t.Context(), []providers.ID{of})).Found[of], row); diff != "" {
			t.Errorf("%v came along otherwise than it is: %s", of, diff)
		}
	}
}
