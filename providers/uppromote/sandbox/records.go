package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// noMethod is the word for an affiliate who has not said how to be paid.
const noMethod = "no_payment_method"

// The records, spelled as the vendor does. A pointer that is nil is null.

type program struct {
	ID                      int64    `json:"id"`
	Name                    string   `json:"name"`
	IsDefault               string   `json:"is_default"`
	Status                  string   `json:"status"`
	Rule                    string   `json:"rule"`
	Description             *string  `json:"description"`
	CommissionType          string   `json:"commission_type"`
	CommissionAmount        string   `json:"commission_amount"`
	CommissionAdvanced      []any    `json:"commission_advanced"`
	NewCustomerCommission   any      `json:"new_customer_commission"`
	LifetimeCommission      any      `json:"lifetime_commission"`
	SpecialCouponCommission any      `json:"special_coupon_commission"`
	ExcludeProductTax       bool     `json:"exclude_product_tax"`
	ExcludeShipping         bool     `json:"exclude_shipping"`
	ExcludeShippingTax      bool     `json:"exclude_shipping_tax"`
	ExcludeTip              bool     `json:"exclude_tip"`
	ExcludeSelfReferral     bool     `json:"exclude_self_referral"`
	PaymentMethods          []string `json:"payment_methods"`
	PaymentDefault          string   `json:"payment_default"`
	CreatedAt               stamp    `json:"created_at"`
}

func (s *store) programRecord(i int) program {
	c := &s.world.Campaigns[i]
	p := program{
		ID: int64(firstProgram + i), Name: c.Name, IsDefault: "not_default", Status: "active", Rule: "basic",
		CommissionType: "Percent of sale", CommissionAmount: strconv.FormatInt(c.Percent, 10), CommissionAdvanced: []any{},
		ExcludeProductTax: true, ExcludeShippingTax: true, ExcludeTip: true,
		PaymentMethods: []string{"paypal", "bank"}, PaymentDefault: "paypal", CreatedAt: stamp(c.CreatedAt),
	}
	if c.Default {
		p.IsDefault = "default"
	}
	if c.Fixed != 0 {
		p.CommissionType, p.CommissionAmount = "Flat Rate Per Order", s.decimal(c.Fixed)
	}
	return p
}

type affiliate struct {
	ID             int64         `json:"id"`
	Email          string        `json:"email"`
	FirstName      string        `json:"first_name"`
	LastName       string        `json:"last_name"`
	Status         string        `json:"status"`
	EmailVerified  string        `json:"email_verified"`
	Company        *string       `json:"company"`
	Address        *string       `json:"address"`
	City           *string       `json:"city"`
	State          *string       `json:"state"`
	Zipcode        *string       `json:"zipcode"`
	Country        *string       `json:"country"`
	Phone          *string       `json:"phone"`
	Facebook       *string       `json:"facebook"`
	Twitter        *string       `json:"twitter"`
	Youtube        *string       `json:"youtube"`
	Instagram      *string       `json:"instagram"`
	Website        *string       `json:"website"`
	Tiktok         *string       `json:"tiktok"`
	W9Form         *string       `json:"w9_form"`
	InternalNote   *string       `json:"internal_note"`
	PersonalDetail *string       `json:"personal_detail"`
	CreatedAt      stamp         `json:"created_at"`
	DefaultLink    string        `json:"default_affiliate_link"`
	CustomLink     *string       `json:"custom_affiliate_link"`
	ProgramID      int64         `json:"program_id"`
	ProgramName    string        `json:"program_name"`
	CustomFields   []customField `json:"custom_fields"`
	Coupons        []string      `json:"coupons"`
	VATNumber      *string       `json:"vat_number"`
	TaxValue       int           `json:"tax_value"`
	UplineID       *int64        `json:"up_line_affiliate_id"`
	UplineEmail    *string       `json:"up_line_affiliate_email"`
	PaymentMethod  *string       `json:"payment_method"`
	PaymentInfo    any           `json:"payment_info"`
	PaidAmount     json.Number   `json:"paid_amount"`
	ApprovedAmount json.Number   `json:"approved_amount"`
	PendingAmount  json.Number   `json:"pending_amount"`
	DeniedAmount   json.Number   `json:"denied_amount"`
}

type customField struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

func (s *store) affiliateRecord(i int) affiliate {
	w, total := &s.world.Affiliates[i], &s.amounts[i]
	a := affiliate{
		ID: int64(firstAffiliate + i), Email: w.Email, FirstName: w.First, LastName: w.Last,
		Status: standing(w), EmailVerified: verification(w), Company: optional(w.Company), Country: optional(w.Country),
		Address: new(fmt.Sprintf("%d Harbour Street", 1+i%200)), Phone: new(fmt.Sprintf("+1555%07d", i)),
		InternalNote: optional(w.Internal), PersonalDetail: optional(w.Note), CreatedAt: stamp(w.JoinedAt),
		DefaultLink: "https://" + s.world.Site + "/?sca_ref=" + fmt.Sprintf("%d.%s", firstAffiliate+i, w.Code),
		ProgramID:   int64(firstProgram + s.program(i)), ProgramName: s.world.Campaigns[s.program(i)].Name,
		CustomFields: []customField{}, Coupons: append([]string{}, s.codes[i]...), PaymentMethod: optional(w.Method),
		PaidAmount: s.number(total.paid), ApprovedAmount: s.number(total.approved),
		PendingAmount: s.number(total.pending), DeniedAmount: s.number(total.denied),
	}
	if i%3 == 0 {
		a.CustomLink = new("https://" + s.world.Site + "/" + w.Code)
	}
	if w.Parent >= 0 {
		a.UplineID, a.UplineEmail = new(int64(firstAffiliate+w.Parent)), &s.world.Affiliates[w.Parent].Email
	}
	if w.Method == "paypal" {
		a.PaymentInfo = map[string]string{"paypal_email": w.Email}
		if w.PayoutEmail != "" {
			a.PaymentInfo = map[string]string{"paypal_email": w.PayoutEmail}
		}
	}
	return a
}

func standing(a *sandbox.Affiliate) string {
	switch a.Standing {
	case sandbox.Active:
		return "active"
	case sandbox.Waiting:
		return "pending"
	default:
		return "inactive"
	}
}

func verification(a *sandbox.Affiliate) string {
	if a.Standing == sandbox.Waiting {
		return "unverified"
	}
	return "verified"
}

type coupon struct {
	ID             int64  `json:"id"`
	AffiliateID    int64  `json:"affiliate_id"`
	AffiliateEmail string `json:"affiliate_email"`
	Coupon         string `json:"coupon"`
	Description    string `json:"description"`
	CreatedAt      stamp  `json:"created_at"`
}

// couponRecord is the first coupon of an affiliate. Its number is the affiliate's place;
// see grant for others.
func (s *store) couponRecord(i int, code string, at time.Time) coupon {
	return coupon{
		ID:             int64(firstCoupon + i),
		AffiliateID:    int64(firstAffiliate + i),
		AffiliateEmail: s.world.Affiliates[i].Email,
		Coupon:         code,
		CreatedAt:      stamp(at),
	}
}

type referral struct {
	ID                   int64          `json:"id"`
	OrderID              *int64         `json:"order_id"`
	OrderNumber          *int64         `json:"order_number"`
	CustomerID           *string        `json:"customer_id"`
	Quantity             *int           `json:"quantity"`
	TotalSales           string         `json:"total_sales"`
	CommissionRule       commissionRule `json:"commission_rule"`
	CommissionAdjustment string         `json:"commission_adjustment"`
	Status               string         `json:"status"`
	Commission           string         `json:"commission"`
	RefundID             *int64         `json:"refund_id"`
	TrackingType         string         `json:"tracking_type"`
	Affiliate            shortAffiliate `json:"affiliate"`
	CouponApplied        *string        `json:"coupon_applied"`
	CustomerEmail        *string        `json:"customer_email"`
	CreatedAt            stamp          `json:"created_at"`
}

type commissionRule struct {
	ProgramID      int64  `json:"program_id"`
	CommissionRate string `json:"commission_rate"`
	CommissionType string `json:"commission_type"`
}

type shortAffiliate struct {
	ID        int64  `json:"id"`
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

// statuses are the vendor's words.
var statuses = map[sandbox.Verdict]string{
	sandbox.Pending:  "pending",
	sandbox.Approved: "approved",
	sandbox.Refused:  "denied",
	sandbox.Paid:     "paid",
}

func (s *store) referralRecord(i int) referral {
	c := &s.world.Commissions[i]
	a, program := &s.world.Affiliates[c.Affiliate], c.Campaign
	terms := &s.world.Campaigns[program]
	r := referral{
		ID: int64(firstReferral + i), TotalSales: s.decimal(0),
		CommissionRule: commissionRule{
			ProgramID: int64(
				firstProgram + program,
			),
			CommissionRate: fmt.Sprintf("%d.00", terms.Percent),
			CommissionType: "Percent Of Sale",
		},
		CommissionAdjustment: s.decimal(c.Adjustment), Status: statuses[c.Verdict], Commission: s.decimal(c.Amount),
		TrackingType: "Performance bonus",
		Affiliate:    shortAffiliate{int64(firstAffiliate + c.Affiliate), a.Email, a.First, a.Last},
		CreatedAt:    stamp(c.At),
	}
	if terms.Fixed != 0 {
		r.CommissionRule.CommissionRate, r.CommissionRule.CommissionType = s.decimal(terms.Fixed), "Flat Rate Per Order"
	}
	said, manual := s.said[int32(i)]
	if manual {
		r.TrackingType, r.TotalSales = "Manually added", s.decimal(said)
	}
	if c.Sale < 0 {
		return r
	}
	sale := &s.world.Sales[c.Sale]
	r.OrderID, r.OrderNumber, r.Quantity, r.TotalSales = &sale.Order, &sale.OrderNo, new(1), s.decimal(sale.Amount)
	if c.Customer < 0 {
		return r
	}
	customer := &s.world.Customers[c.Customer]
	r.CustomerID, r.CustomerEmail = new(strconv.FormatInt(customerID(c.Customer), 10)), &customer.Email
	if sale.Refund != 0 {
		r.RefundID = &sale.Refund
	}
	switch {
	case c.Tier > 1:
		r.TrackingType = "Multi-level marketing"
	case customer.ViaCoupon && a.Coupon != "":
		r.TrackingType, r.CouponApplied = "Tracked by coupon", &a.Coupon
	default:
		r.TrackingType = "Tracked by affiliate link"
	}
	return r
}

// customerID is the shop's id of a customer.
func customerID(i int) int64 { return 8_680_000_000_000 + int64(i) }

type payment struct {
	PaymentID      int64       `json:"payment_id"`
	AffiliateID    int64       `json:"affiliate_id"`
	Status         string      `json:"status"`
	AffiliateEmail string      `json:"affiliate_email"`
	TotalReferrals int         `json:"total_referrals"`
	TotalProcessed json.Number `json:"total_processed"`
	PaymentMethod  string      `json:"payment_method"`
	ProcessedAt    stamp       `json:"processed_at"`
	ReferralIDs    []int64     `json:"referral_ids,omitzero"`
}

// paymentWords are the words for a payment's state that are known from anywhere.
var paymentWords = []string{
	"SUCCESS", "Processed", "Processing", "PENDING", "PAID", "completed", "FAILED", "DENIED", "CANCELED", "Refunded", "on hold",
}

func (s *store) paymentRecord(i int) payment {
	w := &s.world.Payouts[i]
	p := payment{
		PaymentID: int64(firstPayment + i), AffiliateID: int64(firstAffiliate + w.Affiliate), Status: "SUCCESS",
		AffiliateEmail: s.world.Affiliates[w.Affiliate].Email, TotalReferrals: len(w.Commissions), TotalProcessed: s.number(w.Amount),
		PaymentMethod: s.method(w.Affiliate), ProcessedAt: stamp(w.PaidAt),
	}
	if p.PaymentMethod == noMethod {
		p.PaymentMethod = "other"
	}
	if s.on(PaymentWords) {
		p.Status = paymentWords[i%len(paymentWords)]
	}
	if s.on(NoReferralIDs) {
		return p
	}
	p.ReferralIDs = []int64{}
	for _, c := range w.Commissions {
		p.ReferralIDs = append(p.ReferralIDs, int64(firstReferral+c))
	}
	return p
}

type unpaid struct {
	AffiliateID     int64       `json:"affiliate_id"`
	AffiliateEmail  string      `json:"affiliate_email"`
	TotalReferrals  int         `json:"total_referrals"`
	PaymentMethod   string      `json:"payment_method"`
	TotalCommission json.Number `json:"total_commission"`
	TotalSales      json.Number `json:"total_sales"`
	TotalProducts   int         `json:"total_products"`
	ReferralIDs     []int64     `json:"referral_ids,omitzero"`
}

// unpaidRecord sums an affiliate's approved referrals.
func (s *store) unpaidRecord(i int) unpaid {
	u := unpaid{
		AffiliateID: int64(firstAffiliate + i), AffiliateEmail: s.world.Affiliates[i].Email, TotalReferrals: len(s.approved[i]),
		PaymentMethod: s.method(i), TotalCommission: s.number(s.amounts[i].approved),
	}
	var sales int64
	for _, row := range s.approved[i] {
		if sale := s.world.Commissions[row].Sale; sale >= 0 {
			sales += s.world.Sales[sale].Amount
			u.TotalProducts++
		}
		u.ReferralIDs = append(u.ReferralIDs, firstReferral+int64(row))
	}
	u.TotalSales = s.number(sales)
	if s.on(NoReferralIDs) {
		u.ReferralIDs = nil
	}
	return u
}

func (s *store) method(affiliate int) string {
	if m := s.world.Affiliates[affiliate].Method; m != "" {
		return m
	}
	return noMethod
}

type subscription struct {
	Event     string  `json:"event"`
	TargetURL string  `json:"target_url"`
	Status    string  `json:"status"`
	Version   *string `json:"version"`
	SecretKey string  `json:"secret_key"`
	CreatedAt stamp   `json:"created_at"`
}

// stamp is a time in UTC and whole seconds.
type stamp time.Time

// MarshalText writes ISO 8601.
func (t stamp) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05Z"), nil
}

// decimal writes an amount in minor units as text with two places.
func (s *store) decimal(minor int64) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	if providers.MinorDigits(s.world.Currency) == 0 {
		minor *= 100
	}
	return fmt.Sprintf("%s%d.%02d", sign, minor/100, minor%100)
}

// number writes it as a number, without zeros at its end.
func (s *store) number(minor int64) json.Number {
	return json.Number(strings.TrimSuffix(strings.TrimRight(s.decimal(minor), "0"), "."))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
