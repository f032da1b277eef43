package providers

import (
	"slices"
	"time"

	"github.com/govalues/decimal"
)

// Payout is money (or another reward) owed or paid to one affiliate for several commissions.
type Payout struct {
	Node
	Status          PayoutStatus
	ProviderStatus  *string
	Amount          *Money // without tax; nil when it is no money
	Reward          *Reward
	TaxRate         *decimal.Decimal // percent
	TotalWithTax    *Money
	Method          *string // the vendor's word: paypal, bank …
	PeriodStart     *time.Time
	PeriodEnd       *time.Time
	Period          *string // text, where a vendor gives text
	PaidAt          *time.Time
	Error           *string // why a payment failed
	CommissionCount *int64
	AffiliateID     ID
	CampaignID      ID

	// CommissionIDs are the commissions it covers, where the vendor lists them; else nil.
	CommissionIDs []ID
}

// PayoutStatus says where a payout stands.
type PayoutStatus string

// The states of a payout.
const (
	PayoutDue        PayoutStatus = "DUE"
	PayoutPending    PayoutStatus = "PENDING"
	PayoutProcessing PayoutStatus = "PROCESSING"
	PayoutPaid       PayoutStatus = "PAID"
	PayoutFailed     PayoutStatus = "FAILED"
	PayoutCanceled   PayoutStatus = "CANCELED"
	PayoutUnknown    PayoutStatus = "UNKNOWN"
)

// PayoutFilter narrows a list of payouts; see [AffiliateFilter] for the rules.
type PayoutFilter struct {
	Accounts   []ID // of these accounts; a provider is one account and does not look at it
	Affiliates []ID
	Campaigns  []ID
	Statuses   []PayoutStatus
}

// Match says whether a row passes the filter.
func (f PayoutFilter) Match(p *Payout) bool {
	return (len(f.Affiliates) == 0 || slices.Contains(f.Affiliates, p.AffiliateID)) &&
		(len(f.Campaigns) == 0 || slices.Contains(f.Campaigns, p.CampaignID)) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, p.Status))
}
