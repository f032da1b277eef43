// Package sandbox is what the vendors' simulators share: the seeded world they tell of, and the
// kit they are served with (request log, faults, latency, downtime, rate windows).
//
// A [World] is neutral: a vendor's simulator turns it into its own records. It tells a plausible
// story whose figures add up: a payout is the sum of its commissions, nobody earns before they
// joined, nobody is paid twice.
package sandbox

import "time"

// World is one merchant's affiliate program. Records refer to each other by index. All
// slices are sorted by time, oldest first, so that an index is also a serial number. It
// belongs to the simulator that it was made for, which goes on telling it as it is written
// to.
type World struct {
	Merchant    string // the company: "Northwind Analytics"
	Site        string // "northwind.example"
	Currency    string
	Campaigns   []Campaign
	Affiliates  []Affiliate
	Customers   []Customer
	Sales       []Sale
	Commissions []Commission
	Payouts     []Payout
	Until       time.Time // the story's present
}

// Campaign is a set of terms.
type Campaign struct {
	Name      string
	CreatedAt time.Time
	Percent   int64  // share of a sale; 0 when Fixed is set
	Fixed     int64  // minor units a sale; 0 when Percent is set
	Mode      string // link, coupon, both
	Default   bool
	Private   bool
	Approval  bool // newcomers wait
	HideEmail bool
	Cookie    int // days
}

// Standing is how an affiliate stands with the merchant.
type Standing string

// The standings of an affiliate.
const (
	Active   Standing = "active"
	Waiting  Standing = "waiting"
	Inactive Standing = "inactive"
	Rejected Standing = "rejected"
	Banned   Standing = "banned"
	Archived Standing = "archived"
)

// Affiliate is a partner.
type Affiliate struct {
	First, Last string
	Email       string
	PayoutEmail string // "" when it is the same
	Company     string // "" for most
	Country     string // two letters
	Code        string // unique, lower case: jane-miller
	Coupon      string // unique, upper case: JANE20; "" for none
	JoinedAt    time.Time
	Standing    Standing
	Left        time.Time // when they were switched off, banned or put away; zero for all others
	Campaigns   []int     // the main one first; most have one, some two or three
	Parent      int       // the affiliate above; -1 for none
	Clicks      int64
	Method      string // paypal, bank, wise
	Note        string // what they told of themselves; "" for many
	Internal    string // what the merchant noted; "" for most
}

// CustomerState is where a customer stands.
type CustomerState string

// The states of a customer.
const (
	Lead     CustomerState = "lead"
	Trialing CustomerState = "trialing"
	Paying   CustomerState = "paying"
	PastDue  CustomerState = "past_due"
	Canceled CustomerState = "canceled"
	Refunded CustomerState = "refunded"
	Denied   CustomerState = "denied"
)

// Customer is someone an affiliate brought.
type Customer struct {
	First, Last string
	Email       string
	Affiliate   int
	Campaign    int
	At          time.Time // when they came
	FirstSale   time.Time // zero for none
	State       CustomerState
	Reference   string // the billing system's id: cus_…
	ViaCoupon   bool
}

// Sale is one payment of a customer, or its refund.
type Sale struct {
	Customer  int
	At        time.Time
	Amount    int64 // minor units; negative for a refund
	Plan      string
	Reference string // the payment's id: ch_…
	Order     int64  // the shop's order id, 13 digits; a refund has its sale's
	OrderNo   int64
	Refund    int64 // the shop's refund id; 0 for a sale
}

// Verdict is where a commission stands.
type Verdict string

// The verdicts on a commission.
const (
	Pending  Verdict = "pending"
	Approved Verdict = "approved"
	Refused  Verdict = "denied"
	Paid     Verdict = "paid" // and so part of a payout
)

// Commission is what an affiliate earns by a sale, or as a bonus.
type Commission struct {
	Sale       int // -1 for a bonus
	Customer   int // -1 for a bonus
	Affiliate  int
	Campaign   int
	At         time.Time
	Amount     int64 // minor units, or a number of points; negative for a refund's; without Adjustment
	Adjustment int64 // minor units, signed; 0 for most
	Points     bool  // the reward is points, no money
	Verdict    Verdict
	Payout     int // the payout it is part of; -1 for none
	Tier       int // 1, or 2 for the share of the affiliate's parent
	Note       string
}

// Payout is what an affiliate is paid for a month in one campaign.
type Payout struct {
	Affiliate   int
	Campaign    int
	Start, End  time.Time // the month; End is its last second
	At          time.Time // when it was made: after the month's end
	PaidAt      time.Time // zero while it is not paid
	Amount      int64     // minor units: the sum of its commissions with their adjustments
	Commissions []int
	State       string // paid, pending, processing, failed
}
