package uppromote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/sandbox"
	server "github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

const someKey = "0123456789"

// store is a small store over HTTP, and the account at it.
func store(t testing.TB) (*server.Server, *provider) {
	t.Helper()
	s := simulator()
	return s, open(t, providertest.Wire(t, s))
}

// rowWhere is the first row that passes.
func rowWhere[T providers.Record](t testing.TB, p *provider, lists []providers.List[T], err error, pass func(*T) bool) *T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		for row, err := range providers.All(t.Context(), l, p) {
			if err != nil {
				t.Fatal(err)
			}
			if pass(row) {
				return row
			}
		}
	}
	t.Fatalf("there is no such %T", *new(T))
	return nil
}

func affiliateWhere(t testing.TB, p *provider, pass func(*providers.Affiliate) bool) *providers.Affiliate {
	t.Helper()
	lists, err := p.Affiliates(providers.AffiliateFilter{})
	return rowWhere(t, p, lists, err, pass)
}

func commissionWhere(t testing.TB, p *provider, pass func(*providers.Commission) bool) *providers.Commission {
	t.Helper()
	lists, err := p.Commissions(providers.CommissionFilter{})
	return rowWhere(t, p, lists, err, pass)
}

func dueWhere(t testing.TB, p *provider, pass func(*providers.Payout) bool) *providers.Payout {
	t.Helper()
	lists, err := p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutDue}})
	return rowWhere(t, p, lists, err, pass)
}

// reread is the affiliate as it is now.
func reread(t testing.TB, p *provider, id providers.ID) *providers.Affiliate {
	t.Helper()
	b, err := p.AffiliatesByID(t.Context(), []providers.ID{id})
	if err != nil || b.Found[id] == nil {
		t.Fatalf("affiliate %s: %v, %v", id.Local, b, err)
	}
	return b.Found[id]
}

// texts are the values of some fields of a list's rows that pass, one after the other.
func texts[T providers.Record](t testing.TB, p *provider, lists []providers.List[T], err error, text func(*T) string) string {
	t.Helper()
	var all []string
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		for row, err := range providers.All(t.Context(), l, p) {
			if err != nil {
				t.Fatal(err)
			}
			if s := text(row); s != "" {
				all = append(all, s)
			}
		}
	}
	return strings.Join(all, " ")
}

// play is one write at a store.
type play struct {
	c       providers.Command
	reads   int           // calls of its plan
	request string        // "POST /affiliates"
	body    string        // JSON
	state   func() string // what can be read of it
	was, is string        // that, before and after
	secret  string
	private []string // what errors and pre-images must not hold
}

func active(a *providers.Affiliate) bool { return a.Status == providers.AffiliateActive }

// orders, codes and addresses that the world does not have.
const (
	newOrder = "7000000000001"
	newEmail = "Robin.New@example.com"
	hooksURL = "https://hooks.example/in?token=hush"
)

// mutations are a write for each mutation, and what a look at it says: where it was made,
// and where it was not; then the same if others wrote to the target since.
var mutations = map[providers.Capability]struct {
	play                           func(t *testing.T, p *provider) play
	made, not, madeAmong, notAmong providers.Verdict
}{
	providers.CanCreateAffiliate: {func(t *testing.T, p *provider) play {
		return play{
			c:     &providers.CreateAffiliateInput{IdempotencyKey: someKey, Account: id(providers.NounAccount, ""), Email: newEmail, FirstName: new("Robin"), Approved: new(false)},
			reads: 2, request: "POST /affiliates", body: `{"email":"` + newEmail + `","first_name":"Robin","status":"inactive"}`, private: []string{newEmail},
			state: func() string {
				lists, err := p.Affiliates(providers.AffiliateFilter{Email: newEmail})
				return texts(t, p, lists, err, func(a *providers.Affiliate) string { return *a.FirstName + string(a.Status) })
			}, is: "RobinINACTIVE"}
	}, providers.Made, providers.NotMade, providers.Unclear, providers.NotMade},
	providers.CanSetAffiliateStatus: {func(t *testing.T, p *provider) play {
		a := affiliateWhere(t, p, active)
		return play{
			c:     &providers.SetAffiliateStatusInput{IdempotencyKey: someKey, ID: a.ID, Status: providers.AffiliateInactive},
			reads: 1, request: "POST /affiliate/active", body: fmt.Sprintf(`{"affiliate_email":%q,"status":"denied"}`, *a.Email), private: []string{*a.Email},
			state: func() string { return string(reread(t, p, a.ID).Status) }, was: "ACTIVE", is: "INACTIVE"}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
	providers.CanMoveAffiliate: {func(t *testing.T, p *provider) play {
		a := affiliateWhere(t, p, active)
		campaigns, err := p.Campaigns(providers.CampaignFilter{})
		to := rowWhere(t, p, campaigns, err, func(c *providers.Campaign) bool { return c.ID != a.Memberships[0].CampaignID })
		return play{
			c:     &providers.MoveAffiliateInput{IdempotencyKey: someKey, ID: a.ID, FromCampaign: &a.Memberships[0].CampaignID, ToCampaign: to.ID},
			reads: 1, request: "POST /affiliate/move-affiliate-to-program", body: fmt.Sprintf(`{"affiliate_email":%q,"program_id":%s}`, *a.Email, to.ID.Local),
			state: func() string { return programOf(reread(t, p, a.ID)) }, was: programOf(a), is: to.ID.Local, private: []string{*a.Email}}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
	providers.CanSetAffiliateParent: {func(t *testing.T, p *provider) play {
		a := affiliateWhere(t, p, func(a *providers.Affiliate) bool { return a.ParentID.IsZero() })
		up := affiliateWhere(t, p, func(b *providers.Affiliate) bool { return b.ParentID.IsZero() && b.ID != a.ID })
		return play{
			c:     &providers.SetAffiliateParentInput{IdempotencyKey: someKey, ID: a.ID, Parent: up.ID},
			reads: 2, request: "POST /affiliate/set-upline", body: fmt.Sprintf(`{"affiliate_email":%q,"upline_affiliate_email":%q}`, *a.Email, *up.Email),
			state: func() string { return reread(t, p, a.ID).ParentID.Local }, is: up.ID.Local, private: []string{*a.Email, *up.Email}}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
	providers.CanConnectCustomer: {func(t *testing.T, p *provider) play {
		a := affiliateWhere(t, p, active)
		return play{
			c:     &providers.ConnectCustomerInput{IdempotencyKey: someKey, Affiliate: a.ID, CustomerEmail: newEmail},
			reads: 1, request: "POST /affiliate/create-connect-customer", body: fmt.Sprintf(`{"affiliate_email":%q,"customer_email":%q}`, *a.Email, newEmail),
			state: func() string { return "" }, private: []string{*a.Email, newEmail}}
	}, providers.Unclear, providers.Unclear, providers.Unclear, providers.Unclear},
	providers.CanAssignCoupon: {func(t *testing.T, p *provider) play {
		a := affiliateWhere(t, p, active)
		return play{
			c:     &providers.AssignCouponInput{IdempotencyKey: someKey, Affiliate: a.ID, Code: "NEW-2026", Description: new("New.")},
			reads: 1, request: "POST /coupons/assign", body: fmt.Sprintf(`{"affiliate_email":%q,"coupon":"NEW-2026","description":"New."}`, *a.Email), private: []string{*a.Email},
			state: func() string {
				lists, err := p.Coupons(providers.CouponFilter{})
				return texts(t, p, lists, err, func(c *providers.Coupon) string {
					if c.Code != "NEW-2026" || c.AffiliateID != a.ID {
						return ""
					}
					return *c.Description
				})
			}, is: "New."}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
	providers.CanCreateReferral: {func(t *testing.T, p *provider) play {
		a := affiliateWhere(t, p, active)
		return play{
			c:     &providers.CreateReferralInput{IdempotencyKey: someKey, Affiliate: a.ID, OrderID: new(newOrder)},
			reads: 2, request: "POST /referrals", body: fmt.Sprintf(`{"type":"use_order_id","affiliate_email":%q,"order_id":%s}`, *a.Email, newOrder), private: []string{*a.Email},
			state: func() string {
				lists, err := p.Referrals(providers.ReferralFilter{OrderID: newOrder})
				return texts(t, p, lists, err, func(r *providers.Referral) string { return r.AffiliateID.Local + string(r.Status) })
			}, is: a.ID.Local + "PENDING"}
	}, providers.Made, providers.NotMade, providers.Unclear, providers.NotMade},
	providers.CanCreateCommission: {func(t *testing.T, p *provider) play {
		a := affiliateWhere(t, p, active)
		return play{
			c: &providers.CreateCommissionInput{IdempotencyKey: someKey, Note: new("Well done."), Commission: providers.NewCommissionInput{
				Custom: &providers.CustomCommissionInput{Affiliate: a.ID, Amount: *money("17.30"), SaleAmount: money("100")}}},
			reads: 1, request: "POST /referrals", private: []string{*a.Email},
			body: fmt.Sprintf(`{"type":"fixed_amount","affiliate_email":%q,"commission":17.3,"total_sale":100,"comment":"Well done."}`, *a.Email),
			state: func() string {
				lists, err := p.Commissions(providers.CommissionFilter{Affiliates: []providers.ID{a.ID}})
				return texts(t, p, lists, err, func(c *providers.Commission) string {
					if c.Amount.Amount.String() != "17.30" {
						return ""
					}
					return c.SaleAmount.Amount.String() + string(c.Kind) + string(c.Status)
				})
			}, is: "100.00CUSTOMPENDING"}
	}, providers.Unclear, providers.Unclear, providers.Unclear, providers.Unclear},
	providers.CanSetCommissionStatus: {func(t *testing.T, p *provider) play {
		e := commissionWhere(t, p, func(c *providers.Commission) bool { return c.Status == providers.CommissionPending })
		return play{
			c:     &providers.SetCommissionStatusInput{IdempotencyKey: someKey, ID: e.ID, Status: providers.CommissionApproved},
			reads: 1, request: "POST /referral/" + e.ID.Local + "/status", body: `{"status":"approved"}`,
			state: func() string { return string(byID(t, p, e.ID).Status) }, was: "PENDING", is: "APPROVED"}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
	providers.CanAdjustCommission: {func(t *testing.T, p *provider) play {
		e := commissionWhere(t, p, func(c *providers.Commission) bool {
			return c.Status != providers.CommissionPaid && c.Adjustment.Amount.Sign() != 0
		})
		sum, err := e.Adjustment.Amount.Sub(money("2.50").Amount)
		if err != nil {
			t.Fatal(err)
		}
		return play{
			c:     &providers.AdjustCommissionInput{IdempotencyKey: someKey, ID: e.ID, Amount: *money("-2.50")},
			reads: 1, request: "POST /referral/" + e.ID.Local + "/adjustment", body: `{"adjustment":-2.5}`,
			state: func() string { return byID(t, p, e.ID).Adjustment.Amount.String() }, was: e.Adjustment.Amount.String(), is: sum.String()}
	}, providers.Made, providers.NotMade, providers.Unclear, providers.Unclear},
	providers.CanMarkPayoutPaid: {func(t *testing.T, p *provider) play {
		due := dueWhere(t, p, func(d *providers.Payout) bool { return d.Amount.Amount.Sign() > 0 && len(d.CommissionIDs) > 1 })
		a := reread(t, p, due.AffiliateID)
		var locals []string
		for _, id := range due.CommissionIDs {
			locals = append(locals, id.Local)
		}
		return play{
			c:     &providers.MarkPayoutPaidInput{IdempotencyKey: someKey, ID: due.ID, Commissions: due.CommissionIDs, ExpectedTotal: *due.Amount, Note: new("By bank."), Message: new("Thanks.")},
			reads: 3, request: "POST /payments/mark-as-paid", private: []string{*a.Email},
			body: fmt.Sprintf(`{"affiliate_email":%q,"referral_ids":%q,"note":"By bank.","message":"Thanks."}`, *a.Email, strings.Join(locals, ",")),
			state: func() string {
				lists, err := p.Payouts(providers.PayoutFilter{Affiliates: []providers.ID{a.ID}})
				return texts(t, p, lists, err, func(d *providers.Payout) string {
					if !sameIDs(d.CommissionIDs, due.CommissionIDs) {
						return ""
					}
					return string(d.Status) + d.Amount.Amount.String()
				})
			}, was: "DUE" + due.Amount.Amount.String(), is: "PAID" + due.Amount.Amount.String()}
	}, providers.Made, providers.NotMade, providers.Made, providers.NotMade},
	providers.CanCreateWebhookSubscription: {func(t *testing.T, p *provider) play {
		return play{
			c:     &providers.CreateWebhookSubscriptionInput{IdempotencyKey: someKey, Account: id(providers.NounAccount, ""), TargetURL: hooksURL, Events: []string{"affiliate.new"}},
			reads: 1, request: "POST /webhook-subscriptions", body: `{"target_url":"` + hooksURL + `","event":"affiliate.new"}`,
			state: subscriptionState(t, p, "affiliate.new"), is: hooksURL, secret: "sandbox-secret-1-affiliate.new", private: []string{"hush"}}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
	providers.CanUpdateWebhookSubscription: {func(t *testing.T, p *provider) play {
		state := subscriptionState(t, p, "referral.new")
		return play{
			c:     &providers.UpdateWebhookSubscriptionInput{IdempotencyKey: someKey, ID: id(providers.NounWebhookSubscription, "referral.new"), TargetURL: new(hooksURL)},
			reads: 1, request: "PUT /webhook-subscriptions", body: `{"target_url":"` + hooksURL + `","event":"referral.new"}`,
			state: state, was: state(), is: hooksURL, private: []string{"hush", state()}}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
	providers.CanDeleteWebhookSubscription: {func(t *testing.T, p *provider) play {
		state := subscriptionState(t, p, "referral.new")
		return play{
			c:     &providers.DeleteWebhookSubscriptionInput{IdempotencyKey: someKey, ID: id(providers.NounWebhookSubscription, "referral.new")},
			reads: 1, request: "DELETE /webhook-subscriptions", body: `{"event":"referral.new"}`, state: state, was: state(), private: []string{state()}}
	}, providers.Made, providers.NotMade, providers.Made, providers.Unclear},
}

func byID(t testing.TB, p *provider, id providers.ID) *providers.Commission {
	t.Helper()
	b, err := p.CommissionsByID(t.Context(), []providers.ID{id}, "status")
	if err != nil || b.Found[id] == nil {
		t.Fatalf("commission %s: %v, %v", id.Local, b, err)
	}
	return b.Found[id]
}

func subscriptionState(t testing.TB, p *provider, event string) func() string {
	return func() string {
		lists, err := p.WebhookSubscriptions()
		return texts(t, p, lists, err, func(s *providers.WebhookSubscription) string {
			if s.ID.Local != event {
				return ""
			}
			return s.TargetURL
		})
	}
}

// writes are the calls in a log that are no reads.
func writes(log []sandbox.Request) (writes []sandbox.Request) {
	for _, r := range log {
		if r.Method != http.MethodGet {
			writes = append(writes, r)
		}
	}
	return writes
}

// planned plans a write at a store, checking its input before.
func planned(t *testing.T, p *provider, c providers.Command) *providers.Write {
	t.Helper()
	if found := c.Check("USD", noon); len(found) > 0 {
		t.Fatal(found)
	}
	w, err := p.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRows: the table, the switch and the capabilities name the same mutations.
func TestRows(t *testing.T) {
	p := open(t, http.NotFoundHandler())
	var proven []providers.Capability
	for _, proof := range p.Proofs() {
		proven = append(proven, proof.Mutation)
		if proof.Look == "" {
			t.Errorf("%s: where a person looks is not said: %q", proof.Mutation, proof.Look)
		}
		row, ok := mutations[proof.Mutation]
		if !ok {
			t.Errorf("%s is not played", proof.Mutation)
		}
		if (proof.By == providers.ProofNone) != (row.made == providers.Unclear && row.not == providers.Unclear) {
			t.Errorf("%s is proven by %s, and looks say %s and %s", proof.Mutation, proof.By, row.made, row.not)
		}
	}
	for _, c := range []providers.Command{
		&providers.CreateAffiliateInput{}, &providers.UpdateAffiliateInput{}, &providers.SetAffiliateStatusInput{}, &providers.MoveAffiliateInput{},
		&providers.SetAffiliateParentInput{}, &providers.ConnectCustomerInput{}, &providers.AddAffiliateToCampaignInput{}, &providers.UpdateMembershipInput{},
		&providers.AssignCouponInput{}, &providers.CreateCampaignInput{}, &providers.UpdateCampaignInput{}, &providers.CreateReferralInput{},
		&providers.UpdateReferralInput{}, &providers.MoveReferralInput{}, &providers.SetReferralStatusInput{}, &providers.CreateCommissionInput{},
		&providers.UpdateCommissionInput{}, &providers.SetCommissionStatusInput{}, &providers.AdjustCommissionInput{}, &providers.MarkPayoutPaidInput{},
		&providers.CreateWebhookSubscriptionInput{}, &providers.UpdateWebhookSubscriptionInput{}, &providers.DeleteWebhookSubscriptionInput{},
	} {
		m, has := c.Mutation(), p.action(c) != nil
		if has != slices.Contains(proven, m) || has != slices.Contains(p.Account().Capabilities, m) {
			t.Errorf("%s: planned %t, proofs %q, capabilities %q", m, has, proven, p.Account().Capabilities)
		}
		if !has {
			if _, err := p.Plan(t.Context(), c); !errors.Is(err, errors.ErrUnsupported) || providers.KindOf(err) != providers.KindUnsupported {
				t.Errorf("%s: Plan: %v; want one that wraps errors.ErrUnsupported", m, err)
			}
			if _, _, err := p.Look(t.Context(), c, nil, false); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s: Look: %v; want one that wraps errors.ErrUnsupported", m, err)
			}
		}
	}
}

// there wants an id to lead to a record, unless it was that of a deleted one.
func there(t *testing.T, p *provider, m providers.Capability, id providers.ID) {
	t.Helper()
	_, err := p.RawRecord(t.Context(), id)
	if gone := providers.KindOf(err) == providers.KindNotFound; err != nil && !gone || gone != (m == providers.CanDeleteWebhookSubscription) {
		t.Errorf("%s %q: %v", id.Noun, id.Local, err)
	}
}

// TestWrites makes each write once.
func TestWrites(t *testing.T) {
	for m, row := range mutations {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			sim, p := store(t)
			y := row.play(t, p)
			if got := y.state(); got != y.was {
				t.Fatalf("before: %q; want %q", got, y.was)
			}
			sim.Kit().Forget()
			w := planned(t, p, y.c)
			if log := sim.Kit().Requests(); len(log) != y.reads || len(writes(log)) != 0 {
				t.Errorf("planning called %+v; want %d reads", log, y.reads)
			}
			sim.Kit().Forget()
			written, err := w.Send(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			log := sim.Kit().Requests()
			if len(log) != 1 || log[0].Method+" "+log[0].Path != y.request {
				t.Fatalf("sent %+v; want %s alone", log, y.request)
			}
			var got, want any
			if json.Unmarshal([]byte(log[0].Body), &got) != nil || json.Unmarshal([]byte(y.body), &want) != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("sent %s; want %s", log[0].Body, y.body)
			}
			if w.Proof.Mutation != m || !slices.Contains(p.Proofs(), w.Proof) {
				t.Errorf("the proof is %+v, which is none of the mutation's", w.Proof)
			}
			if got := y.state(); got != y.is {
				t.Errorf("after: %q; want %q", got, y.is)
			}
			if written.Secret != y.secret {
				t.Errorf("the secret %q; want %q", written.Secret, y.secret)
			}
			there(t, p, m, written.ID)
		})
	}
}

// TestOutcomes leaves each write without an answer, with and without the work done, and looks.
func TestOutcomes(t *testing.T) {
	for m, row := range mutations {
		for name, fault := range map[string]sandbox.Fault{
			"cut before": {}, "cut after": {After: true}, "500 before": {Status: 500}, "500 after": {Status: 500, After: true},
			"no JSON after": {Status: 200, Body: "<html>", After: true},
		} {
			t.Run(string(m)+" "+name, func(t *testing.T) {
				t.Parallel()
				sim, p := store(t)
				y := row.play(t, p)
				w := planned(t, p, y.c)
				sim.Kit().Forget()
				sim.Kit().Fail(fault)
				_, err := w.Send(t.Context())
				e := (*providers.Error)(nil)
				if !errors.As(err, &e) || e.Unsent || e.Kind != providers.KindUnavailable && e.Kind != providers.KindBadReply {
					t.Fatalf("Send: %+v; want an error that says that it may have been sent", err)
				}
				for _, secret := range append(y.private, server.APIKey) {
					if strings.Contains(err.Error(), secret) || strings.Contains(string(w.Before), secret) {
						t.Errorf("%q is told by the error %q or the pre-image %s", secret, err, w.Before)
					}
				}
				verdicts, state := [2]providers.Verdict{row.not, row.notAmong}, y.was
				if fault.After {
					verdicts, state = [2]providers.Verdict{row.made, row.madeAmong}, y.is
				}
				for i, want := range verdicts {
					got, written, err := p.Look(t.Context(), y.c, w.Before, i == 1)
					if err != nil || got != want || (written != nil) != (got == providers.Made) {
						t.Errorf("disturbed %t: %s, %+v, %v; want %s", i == 1, got, written, err, want)
					}
					if written != nil {
						there(t, p, m, written.ID)
						if written.Secret != "" {
							t.Error("a secret is told again")
						}
					}
				}
				if log := writes(sim.Kit().Requests()); len(log) != 1 {
					t.Errorf("%d writes were sent; want one", len(log))
				}
				if got := y.state(); got != state {
					t.Errorf("there is %q; want %q", got, state)
				}
				if verdicts[0] == providers.NotMade { // it may be sent
					if _, err := planned(t, p, y.c).Send(t.Context()); err != nil || y.state() != y.is {
						t.Errorf("sent anew: %v, %q; want %q", err, y.state(), y.is)
					}
				}
			})
		}
	}
}
