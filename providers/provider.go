package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Provider is one account at one vendor. See the package documentation for the contract, and
// package providertest for the suite that proves it.
type Provider interface {
	// AccountID is the id of the account in the configuration. It never changes, and costs
	// nothing.
	AccountID() string

	// Account describes the account and how it is doing just now. No call is made.
	Account() Account

	// Ping makes the cheapest call that proves the account reachable and its key accepted.
	Ping(ctx context.Context) error

	// Calls is how many calls at most it takes to follow an edge from these rows, reading
	// need of each record it leads to: edge is the GraphQL field with its type,
	// "Commission.affiliate" or "Referral.commissions" (its first page), or the field of
	// Query for a read by id, "Query.affiliate". "Query.commissions" is what it takes,
	// beyond the pages of the list, to complete its rows. It is 0 where the row's reply
	// carries what is needed, and where the vendor has no such edge. It is an estimate made
	// before anything is sent: it looks into no cache, and does not know what turns out to
	// be missing from a batch.
	Calls(edge Edge, from Rows, need ...string) int

	// Owner is the affiliate whose record an id names, where the id itself says so: no call
	// is made, and whether there is such a record is not known. An affiliate is their own.
	Owner(id ID) (affiliate ID, ok bool)

	// RawRecord is the vendor's own record, read live, with everything that is a secret left
	// out by an allow-list. A record that is not there is an error of KindNotFound.
	RawRecord(ctx context.Context, id ID) (json.RawMessage, error)

	Reader
	Writer

	// Each method below plans: it answers the lists at the vendor that hold every record that
	// matches, making no call. A filter that names another account's records matches none:
	// the answer is no lists. What the vendor does not have is an error that wraps
	// [errors.ErrUnsupported].

	Affiliates(f AffiliateFilter) ([]List[Affiliate], error)
	Memberships(f MembershipFilter) ([]List[Membership], error)
	Campaigns(f CampaignFilter) ([]List[Campaign], error)
	Referrals(f ReferralFilter) ([]List[Referral], error)
	Commissions(f CommissionFilter) ([]List[Commission], error)
	Payouts(f PayoutFilter) ([]List[Payout], error)
	Coupons(f CouponFilter) ([]List[Coupon], error)
	WebhookSubscriptions() ([]List[WebhookSubscription], error)
}

// Rows is how many rows an edge is followed from.
type Rows struct {
	Count      int
	Affiliates int // how many affiliates they belong to at most
}

// RowsOf is n rows of which nothing else is known.
func RowsOf(n int) Rows { return Rows{Count: n, Affiliates: n} }

// Reader reads records by id. It is the half of a Provider that lists need to look up a parent
// on the way (an affiliate's e-mail, say), so that those look-ups go through the cache as well.
//
// need names the fields that the caller will read, by their GraphQL names; empty means all. An
// implementation may answer with any record that covers them ([Fields.Covers]) and may use need
// to choose the cheaper call. Ids of other accounts or nouns, and ids that are not there, are
// absent from the batch; that is no error.
type Reader interface {
	AffiliatesByID(ctx context.Context, ids []ID, need ...string) (*Batch[Affiliate], error)
	MembershipsByID(ctx context.Context, ids []ID, need ...string) (*Batch[Membership], error)
	CampaignsByID(ctx context.Context, ids []ID, need ...string) (*Batch[Campaign], error)
	ReferralsByID(ctx context.Context, ids []ID, need ...string) (*Batch[Referral], error)
	CommissionsByID(ctx context.Context, ids []ID, need ...string) (*Batch[Commission], error)
	PayoutsByID(ctx context.Context, ids []ID, need ...string) (*Batch[Payout], error)
	CouponsByID(ctx context.Context, ids []ID, need ...string) (*Batch[Coupon], error)
	WebhookSubscriptionsByID(ctx context.Context, ids []ID, need ...string) (*Batch[WebhookSubscription], error)
}

// Unsupported answers every part of [Provider] but Account and Ping with an error that wraps
// [errors.ErrUnsupported]. Vendors embed it, and override what they have.
type Unsupported struct{}

func unsupported(op string) error {
	return &Error{Op: op, Kind: KindUnsupported, Err: fmt.Errorf("%s: %w", op, errors.ErrUnsupported)}
}

// RawRecord is not supported.
func (Unsupported) RawRecord(context.Context, ID) (json.RawMessage, error) {
	return nil, unsupported("rawRecord")
}

// Owner says that ids tell no owner, but those of affiliates.
func (Unsupported) Owner(id ID) (ID, bool) { return id, id.Noun == NounAffiliate }

// Wants is nothing: what is not supported has no input.
func (Unsupported) Wants(Command) Problems { return nil }

// Plan is not supported.
func (Unsupported) Plan(context.Context, Command) (*Write, error) {
	return nil, unsupported("write")
}

// Look is not supported.
func (Unsupported) Look(context.Context, Command, json.RawMessage, bool) (Verdict, *Written, error) {
	return "", nil, unsupported("write")
}

// Proofs are none.
func (Unsupported) Proofs() []Proof { return nil }

// Affiliates is not supported.
func (Unsupported) Affiliates(AffiliateFilter) ([]List[Affiliate], error) {
	return nil, unsupported("affiliates")
}

// Memberships is not supported.
func (Unsupported) Memberships(MembershipFilter) ([]List[Membership], error) {
	return nil, unsupported("memberships")
}

// Campaigns is not supported.
func (Unsupported) Campaigns(CampaignFilter) ([]List[Campaign], error) {
	return nil, unsupported("campaigns")
}

// Referrals is not supported.
func (Unsupported) Referrals(ReferralFilter) ([]List[Referral], error) {
	return nil, unsupported("referrals")
}

// Commissions is not supported.
func (Unsupported) Commissions(CommissionFilter) ([]List[Commission], error) {
	return nil, unsupported("commissions")
}

// Payouts is not supported.
func (Unsupported) Payouts(PayoutFilter) ([]List[Payout], error) {
	return nil, unsupported("payouts")
}

// Coupons is not supported.
func (Unsupported) Coupons(CouponFilter) ([]List[Coupon], error) {
	return nil, unsupported("coupons")
}

// WebhookSubscriptions is not supported.
func (Unsupported) WebhookSubscriptions() ([]List[WebhookSubscription], error) {
	return nil, unsupported("webhookSubscriptions")
}

// AffiliatesByID is not supported.
func (Unsupported) AffiliatesByID(context.Context, []ID, ...string) (*Batch[Affiliate], error) {
	return nil, unsupported("affiliate")
}

// MembershipsByID is not supported.
func (Unsupported) MembershipsByID(context.Context, []ID, ...string) (*Batch[Membership], error) {
	return nil, unsupported("membership")
}

// CampaignsByID is not supported.
func (Unsupported) CampaignsByID(context.Context, []ID, ...string) (*Batch[Campaign], error) {
	return nil, unsupported("campaign")
}

// ReferralsByID is not supported.
func (Unsupported) ReferralsByID(context.Context, []ID, ...string) (*Batch[Referral], error) {
	return nil, unsupported("referral")
}

// CommissionsByID is not supported.
func (Unsupported) CommissionsByID(context.Context, []ID, ...string) (*Batch[Commission], error) {
	return nil, unsupported("commission")
}

// PayoutsByID is not supported.
func (Unsupported) PayoutsByID(context.Context, []ID, ...string) (*Batch[Payout], error) {
	return nil, unsupported("payout")
}

// CouponsByID is not supported.
func (Unsupported) CouponsByID(context.Context, []ID, ...string) (*Batch[Coupon], error) {
	return nil, unsupported("coupon")
}

// WebhookSubscriptionsByID is not supported.
func (Unsupported) WebhookSubscriptionsByID(context.Context, []ID, ...string) (*Batch[WebhookSubscription], error) {
	return nil, unsupported("webhookSubscription")
}
