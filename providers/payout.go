package providers

import (
	"fmt"
	"time"

	"github.com/govalues/decimal"
)

// Payout is money (or another reward) owed or paid to one affiliate for several commissions.
type Payout struct {
	_ struct{} `cbor:",toarray"` // as it is stored: without the names of the fields

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
	v := f.judge(p)
	return v.passes()
}

// Unsure is the field by which nobody can tell whether a row passes the filter; "" where it
// does, or does not.
func (f PayoutFilter) Unsure(p *Payout) string {
	v := f.judge(p)
	return v.unsure()
}

func (f PayoutFilter) judge(p *Payout) (v verdict) {
	v.by(&p.Node, "affiliate", among(f.Affiliates, p.AffiliateID), !p.AffiliateID.IsZero())
	v.by(&p.Node, "campaign", among(f.Campaigns, p.CampaignID), !p.CampaignID.IsZero())
	v.state(&p.Node, among(f.Statuses, p.Status), p.Status != PayoutUnknown, p.ProviderStatus)
	return v
}

// MarkPayoutPaidInput says that a payout was paid outside of the vendor: exactly these
// commissions, for exactly this total, or nothing.
type MarkPayoutPaidInput struct {
	IdempotencyKey string
	ID             ID
	Commissions    []ID
	ExpectedTotal  Money   // their sum
	Note           *string // for the merchant's eyes only
	Message        *string // for the affiliate
}

// Mutation is MARK_PAYOUT_PAID.
func (*MarkPayoutPaidInput) Mutation() Capability { return CanMarkPayoutPaid }

// Key is the idempotency key.
func (c *MarkPayoutPaidInput) Key() string { return c.IdempotencyKey }

// Subject is the payout.
func (c *MarkPayoutPaidInput) Subject() (string, ID) { return "id", c.ID }

// Target is all payouts of the account: what is due is worked out from what was paid.
func (c *MarkPayoutPaidInput) Target() string { return "payouts" }

// maxPaid is how many commissions a payout may name.
const maxPaid = 1000

// Check checks the input.
func (c *MarkPayoutPaidInput) Check(currency string, now time.Time) Problems {
	ch := check(c, currency, now, NounPayout)
	if n := len(c.Commissions); n < 1 || n > maxPaid {
		ch.add("commissions", "has to have 1 to %d ids", maxPaid)
	}
	seen := map[ID]bool{}
	for i, id := range c.Commissions {
		field := fmt.Sprintf("commissions.%d", i)
		ch.id(field, id, NounCommission)
		if seen[id] {
			ch.add(field, "stands there twice")
		}
		seen[id] = true
	}
	ch.money("expectedTotal", &c.ExpectedTotal, 1)
	ch.text("note", c.Note, maxText)
	ch.text("message", c.Message, maxText)
	return ch.problems()
}
