package providers

import "github.com/govalues/decimal"

// Campaign is a set of terms under which affiliates earn.
type Campaign struct {
	Node
	Name                *string
	WebsiteURL          *string
	IsDefault           *bool // new affiliates land here
	IsPrivate           *bool
	ApprovalRequired    *bool // new affiliates wait for an approval
	CodeMode            *CodeMode
	CookieDays          *int64 // how long a click counts
	Commission          *CommissionRule
	HidesCustomerEmails *bool // affiliates do not see their customers' addresses
}

// CommissionRule is what an affiliate earns of a sale, in the simple case. Where the vendor's rule
// is richer than this, it is nil.
type CommissionRule struct {
	Type    CommissionRuleType
	Percent *decimal.Decimal // 20 is 20 %; nil unless PERCENTAGE
	Amount  *Money           // nil unless FIXED
}

// CommissionRuleType tells shares from sums.
type CommissionRuleType string

// The types of commission rule.
const (
	RulePercentage CommissionRuleType = "PERCENTAGE"
	RuleFixed      CommissionRuleType = "FIXED"
	RuleUnknown    CommissionRuleType = "UNKNOWN"
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
