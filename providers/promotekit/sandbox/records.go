package sandbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// view makes the records of one reply.
type view struct {
	*program
	bare  bool // related records are their ids alone
	lower bool // addresses are told in lower case
}

type (
	campaign struct {
		ID                     string      `json:"id"`
		Name                   string      `json:"name"`
		CreatedAt              string      `json:"created_at"`
		WebsiteURL             *string     `json:"website_url"`
		CommissionType         string      `json:"commission_type"`
		CommissionAmount       json.Number `json:"commission_amount"`
		IsDefault              bool        `json:"is_default"`
		LimitType              *string     `json:"limit_type"`
		LimitAmount            *int        `json:"limit_amount"`
		CodeMode               string      `json:"code_mode"`
		ReferenceCoupon        *string     `json:"reference_coupon"`
		CustomCommissionType   *string     `json:"custom_commission_type"`
		WelcomeMessage         *string     `json:"welcome_message"`
		ApprovalNeeded         bool        `json:"approval_needed"`
		CollectDetails         bool        `json:"collect_details"`
		DetailsText            *string     `json:"details_text"`
		HideEmails             bool        `json:"hide_emails"`
		DashboardText          *string     `json:"dashboard_text"`
		CookieDuration         int         `json:"cookie_duration"`
		FirstPaymentCommission struct {
			Enabled bool    `json:"enabled"`
			Type    *string `json:"type"`
			Amount  int     `json:"amount"`
		} `json:"first_payment_commission"`
	}
	affiliate struct {
		ID            string      `json:"id"`
		Email         string      `json:"email"`
		FirstName     string      `json:"first_name"`
		LastName      string      `json:"last_name"`
		PayoutEmail   *string     `json:"payout_email"`
		Links         []link      `json:"links"`
		PromoCodes    []promoCode `json:"promo_codes"`
		Clicks        int64       `json:"clicks"`
		Approved      bool        `json:"approved"`
		Banned        bool        `json:"banned"`
		Details       *string     `json:"details"`
		Notifications bool        `json:"new_paid_referral_notifications"`
		CreatedAt     string      `json:"created_at"`
		Campaign      any         `json:"campaign"`
	}
	link struct {
		URL  string `json:"url"`
		Code string `json:"code"`
	}
	promoCode struct {
		Code       string `json:"code"`
		ExternalID string `json:"external_id"`
	}
	shortReferral struct {
		ID                 string  `json:"id"`
		Email              string  `json:"email"`
		SubscriptionStatus string  `json:"subscription_status"`
		SignupDate         string  `json:"signup_date"`
		StripeCustomerID   *string `json:"stripe_customer_id"`
		CreatedAt          string  `json:"created_at"`
	}
	referral struct {
		shortReferral
		Affiliate any `json:"affiliate"`
	}
	shortPayout struct {
		ID            string      `json:"id"`
		AffiliateName string      `json:"affiliate_name"`
		PayoutEmail   *string     `json:"payout_email"`
		Amount        json.Number `json:"amount"`
		Currency      string      `json:"currency"`
		Period        string      `json:"period"`
		PaymentCount  int64       `json:"payment_count"`
		CreatedAt     string      `json:"created_at"`
	}
	payout struct {
		shortPayout
		Affiliate any `json:"affiliate"`
	}
	commission struct {
		ID               string      `json:"id"`
		RevenueAmount    json.Number `json:"revenue_amount"`
		Currency         string      `json:"currency"`
		CommissionAmount json.Number `json:"commission_amount"`
		PayoutStatus     string      `json:"payout_status"`
		ReferralDate     string      `json:"referral_date"`
		CreatedAt        string      `json:"created_at"`
		StripePaymentID  *string     `json:"stripe_payment_id"`
		Affiliate        any         `json:"affiliate"`
		Referral         any         `json:"referral"`
		Payout           any         `json:"payout"`
	}
)

// address is an address as it is stored.
func (v view) address(s string) string {
	if v.lower {
		return strings.ToLower(s)
	}
	return s
}

// related is a record inside another: as record makes it, or its id alone.
func related[R any](v view, k kind, i int, record func(view, int) R) any {
	if v.bare {
		return v.uuid(k, i)
	}
	return record(v, i)
}

func campaignRecord(v view, i int) campaign {
	w, terms := v.world.Campaigns[i], v.terms[i]
	c := campaign{
		ID:               v.uuid(campaignKind, i),
		Name:             w.Name,
		CreatedAt:        moment(w.CreatedAt),
		CommissionType:   terms.kind,
		CommissionAmount: terms.amount,
		IsDefault:        w.Default,
		CodeMode:         w.Mode,
		ApprovalNeeded:   w.Approval,
		HideEmails:       w.HideEmail,
		CookieDuration:   w.Cookie,
	}
	if w.Mode != "coupon" {
		c.WebsiteURL = optional(terms.website)
	}
	if w.Mode != "link" {
		c.ReferenceCoupon = optional(terms.coupon)
	}
	return c
}

func affiliateRecord(v view, i int) affiliate {
	w := v.world.Affiliates[i]
	a := affiliate{
		ID:            v.uuid(affiliateKind, i),
		Email:         v.address(w.Email),
		FirstName:     w.First,
		LastName:      w.Last,
		PayoutEmail:   optional(w.PayoutEmail),
		Links:         v.links(i),
		PromoCodes:    v.promoCodes(i),
		Clicks:        w.Clicks,
		Approved:      v.standing[i].approved,
		Banned:        v.standing[i].banned,
		Details:       optional(w.Note),
		Notifications: v.standing[i].notified,
		CreatedAt:     moment(w.JoinedAt),
	}
	if len(w.Campaigns) > 0 {
		a.Campaign = related(v, campaignKind, w.Campaigns[0], campaignRecord)
	}
	return a
}

// mode is what the affiliate's campaign gives: link, coupon or both.
func (p *program) mode(affiliate int) string {
	if c := p.world.Affiliates[affiliate].Campaigns; len(c) > 0 {
		return p.world.Campaigns[c[0]].Mode
	}
	return "link"
}

func (p *program) links(affiliate int) []link {
	code := p.world.Affiliates[affiliate].Code
	if code == "" || p.mode(affiliate) == "coupon" {
		return []link{}
	}
	site := "https://" + p.world.Site
	if c := p.world.Affiliates[affiliate].Campaigns; len(c) > 0 {
		site = p.terms[c[0]].website
	}
	return []link{{URL: site + "?via=" + code, Code: code}}
}

func (p *program) promoCodes(affiliate int) []promoCode {
	code := p.world.Affiliates[affiliate].Coupon
	if code == "" || p.mode(affiliate) == "link" {
		return []promoCode{}
	}
	return []promoCode{{Code: code, ExternalID: fmt.Sprintf("promo_%016x", mix(p.seed^uint64(affiliate)))}}
}

func shortReferralRecord(v view, i int) shortReferral {
	w := v.world.Customers[i]
	return shortReferral{
		ID:                 v.uuid(referralKind, i),
		Email:              v.address(w.Email),
		SubscriptionStatus: v.subscription(i),
		SignupDate:         date(w.At),
		StripeCustomerID:   optional(w.Reference),
		CreatedAt:          moment(w.At),
	}
}

func referralRecord(v view, i int) referral {
	return referral{shortReferralRecord(v, i), related(v, affiliateKind, v.world.Customers[i].Affiliate, affiliateRecord)}
}

// subscription is PromoteKit's word for where a customer stands.
func (p *program) subscription(customer int) string {
	if customer == p.trial {
		return "trialing"
	}
	switch p.world.Customers[customer].State {
	case sandbox.Trialing:
		return "trialing"
	case sandbox.Paying:
		return "active"
	case sandbox.PastDue:
		return "past_due"
	case sandbox.Canceled, sandbox.Refunded:
		return "canceled"
	default:
		return "signed_up"
	}
}

func shortPayoutRecord(v view, i int) shortPayout {
	w := v.world.Payouts[i]
	a := v.world.Affiliates[w.Affiliate]
	return shortPayout{
		ID:            v.uuid(payoutKind, i),
		AffiliateName: a.First + " " + a.Last,
		PayoutEmail:   optional(a.PayoutEmail),
		Amount:        v.major(v.amount[i]),
		Currency:      strings.ToLower(v.world.Currency),
		Period:        w.Start.UTC().Format("January 2006"),
		PaymentCount:  v.count[i],
		CreatedAt:     moment(w.At),
	}
}

func payoutRecord(v view, i int) payout {
	return payout{shortPayoutRecord(v, i), related(v, affiliateKind, v.world.Payouts[i].Affiliate, affiliateRecord)}
}

func commissionRecord(v view, i int) commission {
	w := v.world.Commissions[i]
	c := commission{
		ID:               v.uuid(commissionKind, i),
		Currency:         strings.ToLower(v.world.Currency),
		CommissionAmount: v.major(w.Amount + w.Adjustment),
		PayoutStatus:     "not_paid",
		ReferralDate:     date(w.At),
		CreatedAt:        moment(w.At),
		Affiliate:        related(v, affiliateKind, w.Affiliate, affiliateRecord),
		Referral:         related(v, referralKind, int(v.customer[i]), shortReferralRecord),
	}
	if w.Sale >= 0 {
		sale := v.world.Sales[w.Sale]
		c.RevenueAmount, c.StripePaymentID, c.ReferralDate = v.major(sale.Amount), optional(sale.Reference), date(sale.At)
	} else { // made by hand, where the revenue is whatever the merchant says
		c.RevenueAmount = c.CommissionAmount
	}
	if v.payout[i] >= 0 {
		c.PayoutStatus = "paid"
		c.Payout = related(v, payoutKind, int(v.payout[i]), shortPayoutRecord)
	}
	return c
}

// date writes a time as the live API does: with its offset.
func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }

// moment writes the time at which a record was made as the live API does: with its offset,
// and with fractions of the second without zeros at their end. The world has whole seconds:
// each gets a fraction of its own.
func moment(t time.Time) string {
	fraction := time.Duration(mix(uint64(t.Unix()))%1_000_000) * time.Microsecond
	return t.UTC().Truncate(time.Second).Add(fraction).Format("2006-01-02T15:04:05.999999-07:00")
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// major writes minor units in major ones: 1980 is 19.8 dollars.
func (p *program) major(minor int64) json.Number {
	digits := providers.MinorDigits(p.world.Currency)
	if digits == 0 {
		return json.Number(fmt.Sprint(minor))
	}
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	whole := fmt.Sprintf("%s%d", sign, minor/100)
	return json.Number(strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%s.%02d", whole, minor%100), "0"), "."))
}
