package providers

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/govalues/decimal"
)

// Campaign is a set of terms under which affiliates earn.
type Campaign struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Node
	Name                *string
	NamePrivate         bool // the name is the merchant's own; affiliates do not see it
	WebsiteURL          *string
	IsDefault           *bool // new affiliates land here
	IsPrivate           *bool
	ApprovalRequired    *bool // new affiliates wait for an approval
	CodeMode            *CodeMode
	CookieDays          *int64 // how long a click counts
	Commission          *CommissionRule
	HidesCustomerEmails *bool // affiliates do not see their customers' addresses
}

// CommissionRule is what an affiliate earns of the payments of a customer. It is nil where the
// vendor says nothing. If it has notes, the vendor's rule is richer than the other fields say.
type CommissionRule struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Type         CommissionRuleType
	Percent      *decimal.Decimal // 20 is 20 %; nil unless PERCENTAGE
	Amount       *Money           // nil unless FIXED or FIXED_PER_ITEM
	FirstPayment *PaymentRule     // for a customer's first payment; nil: as for the others
	Months       *int64           // for so many months of a customer; nil: no such limit is known
	Payments     *int64           // for so many payments of a customer; nil: no such limit is known
	Notes        []string         // what cannot be expressed, in the vendor's words: "rule: advance"
}

// PaymentRule is what a single payment earns.
type PaymentRule struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

	Type    CommissionRuleType
	Percent *decimal.Decimal // nil unless PERCENTAGE
	Amount  *Money           // nil unless FIXED
}

// NewCommissionRule is a rule with a value that is in major units where it is a sum. A value that
// is not set stays unknown.
func NewCommissionRule(t CommissionRuleType, value Decimal, currency string) *CommissionRule {
	rule := &CommissionRule{Type: t}
	switch {
	case !value.Set:
	case t == RulePercentage:
		percent := value.Value.Trim(0)
		rule.Percent = &percent
	case t == RuleFixed || t == RuleFixedPerItem:
		rule.Amount = value.Major(currency)
	}
	return rule
}

// maxNote bounds a note, in bytes.
const maxNote = 500

// Note adds a member of the vendor's JSON that the other fields cannot express. A member
// that says nothing adds nothing: one that is absent, null, false, 0, or empty.
func (r *CommissionRule) Note(name string, member json.RawMessage) {
	var compact bytes.Buffer
	if json.Compact(&compact, member) != nil {
		return
	}
	text := compact.String()
	var word string
	if json.Unmarshal(member, &word) == nil { // null is ""
		text = strings.TrimSpace(word)
	}
	switch text {
	case "", "false", "0", "[]", "{}":
		return
	}
	if text = name + ": " + text; len(text) > maxNote {
		text = strings.ToValidUTF8(text[:maxNote], "") + "…"
	}
	r.Notes = append(r.Notes, text)
}

// CommissionRuleType tells shares from sums.
type CommissionRuleType string

// The types of commission rule.
const (
	RulePercentage   CommissionRuleType = "PERCENTAGE"
	RuleFixed        CommissionRuleType = "FIXED"
	RuleFixedPerItem CommissionRuleType = "FIXED_PER_ITEM"
	RuleUnknown      CommissionRuleType = "UNKNOWN"
)

// CodeMode says what affiliates of a campaign are given.
type CodeMode string

// The code modes.
const (
	CodeLink    CodeMode = "LINK"
	CodeCoupon  CodeMode = "COUPON"
	CodeBoth    CodeMode = "BOTH"
	CodeUnknown CodeMode = "UNKNOWN"
)

// CampaignFilter narrows a list of campaigns; see [AffiliateFilter] for the rules.
type CampaignFilter struct {
	Accounts []ID // of these accounts; a provider is one account and does not look at it
}

// Match says whether a row passes the filter.
func (CampaignFilter) Match(*Campaign) bool { return true }

// Unsure is "": nothing is judged.
func (CampaignFilter) Unsure(*Campaign) string { return "" }

// CommissionRuleInput is what affiliates earn of a sale: one of the two.
type CommissionRuleInput struct {
	Percent *decimal.Decimal // 20 is 20 %
	Amount  *Money           // of each sale
}

// CampaignTerms are what a campaign is made of. What is nil is left to the vendor, or stays
// as it is.
type CampaignTerms struct {
	WebsiteURL       *string // where links lead
	Commission       *CommissionRuleInput
	CodeMode         *CodeMode
	CouponTemplate   *string // the billing system's coupon behind the affiliates' codes
	IsDefault        *bool
	IsPrivate        *bool
	ApprovalRequired *bool
	CookieDays       *int64
	LinkParameter    *string // that carries the code in links, without "?": via
}

func (t *CampaignTerms) check(ch *checks) {
	ch.link("websiteUrl", t.WebsiteURL, false)
	if r := t.Commission; r != nil {
		switch {
		case (r.Percent == nil) == (r.Amount == nil):
			ch.add("commission", "has to have either percent or amount")
		case r.Percent != nil && (r.Percent.Sign() <= 0 || r.Percent.Cmp(decimal.Hundred) > 0):
			ch.add("commission.percent", "has to be more than 0, and 100 at most")
		}
		ch.money("commission.amount", r.Amount, 1)
	}
	ch.text("couponTemplate", t.CouponTemplate, maxName)
	if t.CookieDays != nil && (*t.CookieDays < 1 || *t.CookieDays > 3650) {
		ch.add("cookieDays", "has to be a number from 1 to 3650")
	}
	ch.code("linkParameter", t.LinkParameter)
}

// CreateCampaignInput makes a campaign.
type CreateCampaignInput struct {
	IdempotencyKey string
	Account        ID
	Name           string
	Terms          CampaignTerms
}

// Mutation is CREATE_CAMPAIGN.
func (*CreateCampaignInput) Mutation() Capability { return CanCreateCampaign }

// Key is the idempotency key.
func (c *CreateCampaignInput) Key() string { return c.IdempotencyKey }

// Subject is the account.
func (c *CreateCampaignInput) Subject() (string, ID) { return "account", c.Account }

// Target is the campaign's name.
func (c *CreateCampaignInput) Target() string { return "campaign " + strings.ToLower(c.Name) }

// Check checks the input.
func (c *CreateCampaignInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounAccount)
	ch.text("name", &c.Name, maxName)
	c.Terms.check(ch.below("terms"))
	return ch.problems()
}

// UpdateCampaignInput changes a campaign. What is nil stays as it is.
type UpdateCampaignInput struct {
	IdempotencyKey string
	ID             ID
	Name           *string
	Terms          *CampaignTerms
}

// Mutation is UPDATE_CAMPAIGN.
func (*UpdateCampaignInput) Mutation() Capability { return CanUpdateCampaign }

// Key is the idempotency key.
func (c *UpdateCampaignInput) Key() string { return c.IdempotencyKey }

// Subject is the campaign.
func (c *UpdateCampaignInput) Subject() (string, ID) { return "id", c.ID }

// Target is the campaign.
func (c *UpdateCampaignInput) Target() string { return c.ID.String() }

// Check checks the input.
func (c *UpdateCampaignInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounCampaign)
	ch.text("name", c.Name, maxName)
	if c.Terms != nil {
		c.Terms.check(ch.below("terms"))
	}
	ch.some(c.Name != nil, c.Terms != nil && *c.Terms != CampaignTerms{})
	return ch.problems()
}
