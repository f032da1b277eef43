package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// refusal is how the vendor says no: nothing was changed.
type refusal struct {
	status        int
	kind, message string
}

func wrong(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, "validation_error", fmt.Sprintf(format, args...)}
}

func taken(what string) *refusal {
	return &refusal{http.StatusConflict, "conflict", what + " is already taken"}
}

func missing(what string) *refusal {
	return &refusal{http.StatusNotFound, "not_found", what + " not found"}
}

// body reads what a write sends, and answers what is wrong with it. Unknown fields are ignored.
func body[B any](r *http.Request) (*B, *refusal) {
	b := new(B)
	if err := json.NewDecoder(r.Body).Decode(b); err != nil {
		return nil, wrong("The request body is not valid")
	}
	return b, nil
}

// create answers a POST with what it makes.
func create[B, R any](s *Server, status int, record func(view, int) R, insert func(*B, time.Time) (int, *refusal)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, no := body[B](r)
		i := 0
		if no == nil {
			i, no = insert(b, s.now())
		}
		if no != nil {
			fail(w, no.status, no.kind, no.message)
			return
		}
		sandbox.Answer(w, status, map[string]any{"success": true, "data": record(s.view(), i)})
	}
}

// update answers a PUT with what it changed.
func update[B, R any](s *Server, record func(view, int) R, t *table, change func(int, *B) *refusal) http.HandlerFunc {
	read := one(s, record, t)
	return func(w http.ResponseWriter, r *http.Request) {
		if i, ok := t.find(r.PathValue("id")); ok {
			b, no := body[B](r)
			if no == nil {
				no = change(i, b)
			}
			if no != nil {
				fail(w, no.status, no.kind, no.message)
				return
			}
		}
		read(w, r)
	}
}

// clearable is a text that null empties.
type clearable struct {
	set  bool
	text string
}

// UnmarshalJSON reads a string or null.
func (c *clearable) UnmarshalJSON(b []byte) error {
	c.set = true
	return json.Unmarshal(b, &c.text)
}

type affiliateBody struct {
	Email         *string   `json:"email"`
	FirstName     *string   `json:"first_name"`
	LastName      *string   `json:"last_name"`
	PayoutEmail   clearable `json:"payout_email"`
	RefCode       *string   `json:"ref_code"`
	PromoCode     *string   `json:"promo_code"`
	CampaignID    *string   `json:"campaign_id"`
	Approved      *bool     `json:"approved"`
	Banned        *bool     `json:"banned"`
	Details       clearable `json:"details"`
	Notifications *bool     `json:"new_paid_referral_notifications"`
}

// createAffiliate adds an affiliate, in the default campaign unless another is named.
func (p *program) createAffiliate(b *affiliateBody, now time.Time) (int, *refusal) {
	for name, s := range map[string]*string{"email": b.Email, "first_name": b.FirstName, "last_name": b.LastName} {
		if s == nil || *s == "" {
			return 0, wrong("%s is required", name)
		}
	}
	a := sandbox.Affiliate{JoinedAt: now, Parent: -1}
	if i := slices.IndexFunc(p.world.Campaigns, func(c sandbox.Campaign) bool { return c.Default }); i >= 0 {
		a.Campaigns = []int{i}
	}
	b.Banned = nil
	at := standing{approved: true, notified: true}
	if no := p.apply(-1, &a, &at, b); no != nil {
		return 0, no
	}
	if a.Code == "" && len(a.Campaigns) > 0 && p.world.Campaigns[a.Campaigns[0]].Mode != "coupon" {
		a.Code = p.freeCode(strings.ToLower(a.First + "-" + a.Last))
	}
	p.world.Affiliates, p.standing = append(p.world.Affiliates, a), append(p.standing, at)
	return p.affiliates.add(), nil
}

// freeCode is a code that nobody has.
func (p *program) freeCode(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, name)
	code := name
	for n := 2; p.coded(-1, code, func(a *sandbox.Affiliate) string { return a.Code }); n++ {
		code = fmt.Sprintf("%s-%d", name, n)
	}
	return code
}

// coded says whether another affiliate than this one has the code.
func (p *program) coded(but int, code string, of func(*sandbox.Affiliate) string) bool {
	for i := range p.world.Affiliates {
		if i != but && strings.EqualFold(of(&p.world.Affiliates[i]), code) {
			return true
		}
	}
	return false
}

func (p *program) updateAffiliate(i int, b *affiliateBody) *refusal {
	a, at := p.world.Affiliates[i], p.standing[i]
	if no := p.apply(i, &a, &at, b); no != nil {
		return no
	}
	p.world.Affiliates[i], p.standing[i] = a, at
	return nil
}

// apply changes a copy of the affiliate i.
func (p *program) apply(i int, a *sandbox.Affiliate, at *standing, b *affiliateBody) *refusal {
	if b.CampaignID != nil {
		c, no := p.named(p.campaigns, "campaign_id", *b.CampaignID)
		if no != nil {
			return no
		}
		a.Campaigns = []int{c}
	}
	switch {
	case b.Email != nil && !address(*b.Email):
		return wrong("email must be a valid email")
	case b.PayoutEmail.text != "" && !address(b.PayoutEmail.text):
		return wrong("payout_email must be a valid email")
	case b.Email != nil && p.coded(i, *b.Email, func(a *sandbox.Affiliate) string { return a.Email }):
		return taken("email")
	case b.RefCode != nil && p.coded(i, *b.RefCode, func(a *sandbox.Affiliate) string { return a.Code }):
		return taken("ref_code")
	case b.PromoCode != nil && p.coded(i, *b.PromoCode, func(a *sandbox.Affiliate) string { return a.Coupon }):
		return taken("promo_code")
	case b.PromoCode != nil && (len(a.Campaigns) == 0 || p.world.Campaigns[a.Campaigns[0]].Mode == "link"):
		return wrong("promo_code needs a campaign with a reference coupon")
	}
	set(&a.Email, b.Email)
	set(&a.First, b.FirstName)
	set(&a.Last, b.LastName)
	set(&a.Code, b.RefCode)
	set(&a.Coupon, b.PromoCode)
	set(&at.approved, b.Approved)
	set(&at.banned, b.Banned)
	set(&at.notified, b.Notifications)
	if b.PayoutEmail.set {
		a.PayoutEmail = b.PayoutEmail.text
	}
	if b.Details.set {
		a.Note = b.Details.text
	}
	return nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func address(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

// named is the row that a body's field names.
func (p *program) named(t *table, field, id string) (int, *refusal) {
	if !uuidPattern.MatchString(id) {
		return 0, wrong("%s must be a valid UUID", field)
	}
	if i, ok := t.find(id); ok {
		return i, nil
	}
	return 0, missing(strings.TrimSuffix(field, "_id"))
}

type campaignBody struct {
	Name             *string      `json:"name"`
	CommissionType   *string      `json:"commission_type"`
	CommissionAmount *json.Number `json:"commission_amount"`
	CodeMode         *string      `json:"code_mode"`
	WebsiteURL       *string      `json:"website_url"`
	ReferenceCoupon  *string      `json:"reference_coupon"`
	IsDefault        *bool        `json:"is_default"`
}

func (p *program) createCampaign(b *campaignBody, now time.Time) (int, *refusal) {
	switch {
	case b.Name == nil || *b.Name == "":
		return 0, wrong("name is required")
	case b.CommissionType == nil || b.CommissionAmount == nil || b.CodeMode == nil:
		return 0, wrong("commission_type, commission_amount and code_mode are required")
	}
	c, t := sandbox.Campaign{CreatedAt: now, Cookie: 60}, terms{}
	if no := revise(&c, &t, b); no != nil {
		return 0, no
	}
	p.world.Campaigns, p.terms = append(p.world.Campaigns, c), append(p.terms, t)
	i := p.campaigns.add()
	p.oneDefault(i)
	return i, nil
}

func (p *program) updateCampaign(i int, b *campaignBody) *refusal {
	c, t := p.world.Campaigns[i], p.terms[i]
	if c.Default && b.IsDefault != nil && !*b.IsDefault {
		return wrong("is_default cannot be false: one campaign has to be the default")
	}
	if no := revise(&c, &t, b); no != nil {
		return no
	}
	p.world.Campaigns[i], p.terms[i] = c, t
	p.oneDefault(i)
	return nil
}

// oneDefault takes the place of the former default campaign, if this is one now.
func (p *program) oneDefault(i int) {
	if !p.world.Campaigns[i].Default {
		return
	}
	for k := range p.world.Campaigns {
		p.world.Campaigns[k].Default = k == i
	}
}

// revise changes a copy of a campaign.
func revise(c *sandbox.Campaign, t *terms, b *campaignBody) *refusal {
	set(&c.Name, b.Name)
	set(&t.kind, b.CommissionType)
	set(&t.amount, b.CommissionAmount)
	set(&c.Mode, b.CodeMode)
	set(&t.website, b.WebsiteURL)
	set(&t.coupon, b.ReferenceCoupon)
	set(&c.Default, b.IsDefault)
	amount, err := providers.ParseDecimal(t.amount.String())
	switch {
	case t.kind != "percentage" && t.kind != "fixed":
		return wrong("commission_type must be percentage or fixed")
	case err != nil || amount.IsNeg():
		return wrong("commission_amount must be a positive number")
	case c.Mode != "link" && c.Mode != "coupon" && c.Mode != "both":
		return wrong("code_mode must be link, coupon or both")
	case c.Mode != "coupon" && t.website == "":
		return wrong("website_url is required when code_mode is link or both")
	case c.Mode != "link" && t.coupon == "":
		return wrong("reference_coupon is required when code_mode is coupon or both")
	}
	return nil
}

type referralBody struct {
	AffiliateID        string  `json:"affiliate_id"`
	Email              string  `json:"email"`
	StripeCustomerID   string  `json:"stripe_customer_id"`
	SubscriptionStatus *string `json:"subscription_status"`
}

// customerStates are the vendor's words.
var customerStates = map[string]sandbox.CustomerState{
	"signed_up": sandbox.Lead,
	"active":    sandbox.Paying,
	"trialing":  sandbox.Trialing,
	"canceled":  sandbox.Canceled,
	"past_due":  sandbox.PastDue,
}

func (p *program) createReferral(b *referralBody, now time.Time) (int, *refusal) {
	affiliate, no := p.named(p.affiliates, "affiliate_id", b.AffiliateID)
	c := sandbox.Customer{Email: b.Email, Affiliate: affiliate, At: now, State: sandbox.Lead, Reference: b.StripeCustomerID}
	known := true
	if b.SubscriptionStatus != nil {
		c.State, known = customerStates[*b.SubscriptionStatus]
	}
	switch {
	case no != nil:
		return 0, no
	case !address(b.Email):
		return 0, wrong("email must be a valid email")
	case !known:
		return 0, wrong("subscription_status must be one of signed_up, active, trialing, canceled, past_due")
	case slices.ContainsFunc(p.world.Customers, func(o sandbox.Customer) bool { return strings.EqualFold(o.Email, b.Email) }):
		return 0, taken("email")
	}
	if in := p.world.Affiliates[affiliate].Campaigns; len(in) > 0 {
		c.Campaign = in[0]
	}
	p.world.Customers = append(p.world.Customers, c)
	i := p.referrals.add()
	p.referralsOf[int32(affiliate)] = p.referrals.insert(p.referralsOf[int32(affiliate)], i)
	return i, nil
}

type commissionBody struct {
	ReferralID       string      `json:"referral_id"`
	RevenueAmount    json.Number `json:"revenue_amount"`
	CommissionAmount json.Number `json:"commission_amount"`
	ReferralDate     *time.Time  `json:"referral_date"`
	StripePaymentID  string      `json:"stripe_payment_id"`
}

// createCommission adds a commission whenever it is asked to, equal ones too.
func (p *program) createCommission(b *commissionBody, now time.Time) (int, *refusal) {
	referral, no := p.named(p.referrals, "referral_id", b.ReferralID)
	revenue, revenueOK := p.minor(b.RevenueAmount)
	amount, amountOK := p.minor(b.CommissionAmount)
	switch {
	case no != nil:
		return 0, no
	case !revenueOK:
		return 0, wrong("revenue_amount must be greater than 0")
	case !amountOK:
		return 0, wrong("commission_amount must be greater than 0")
	}
	sale := sandbox.Sale{Customer: referral, At: now, Amount: revenue, Reference: b.StripePaymentID}
	set(&sale.At, b.ReferralDate)
	customer := p.world.Customers[referral]
	p.world.Sales = append(p.world.Sales, sale)
	p.world.Commissions = append(p.world.Commissions, sandbox.Commission{
		Sale: len(p.world.Sales) - 1, Customer: referral, Affiliate: customer.Affiliate, Campaign: customer.Campaign,
		At: now, Amount: amount, Verdict: sandbox.Approved, Payout: -1, Tier: 1,
	})
	p.customer, p.payout = append(p.customer, int32(referral)), append(p.payout, -1)
	i := p.commissions.add()
	a, r := int32(customer.Affiliate), int32(referral)
	p.commissionsOf[a] = p.commissions.insert(p.commissionsOf[a], i)
	p.commissionsFor[r] = p.commissions.insert(p.commissionsFor[r], i)
	return i, nil
}

// minor is a number of major units in minor ones; not ok unless it is more than 0.
func (p *program) minor(major json.Number) (units int64, ok bool) {
	d, err := providers.ParseDecimal(major.String())
	if err != nil {
		return 0, false
	}
	digits := providers.MinorDigits(p.world.Currency)
	whole, fraction, ok := d.Round(digits).Int64(digits)
	if !ok || d.Cmp(decimal.Zero) <= 0 {
		return 0, false
	}
	for range digits {
		whole *= 10
	}
	return whole + fraction, true
}
