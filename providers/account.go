package providers

import "time"

// Account is one affiliate program at one vendor, under one key.
type Account struct {
	Node
	Name          string
	Provider      ProviderInfo
	CurrencyCode  string
	Capabilities  []Capability // sorted
	Status        AccountStatus
	LastError     *string    // what the last failed call said, without secrets; nil after a success
	LastSuccessAt *time.Time // when a call last succeeded; nil before the first
	RateLimit     RateLimit
}

// ProviderInfo says who the vendor is.
type ProviderInfo struct {
	ID               string // the word in the configuration: "promotekit"
	Name             string // "PromoteKit"
	DocumentationURL string // the vendor's API reference
}

// AccountStatus says how an account is doing.
type AccountStatus string

// The states of an account.
const (
	AccountOK       AccountStatus = "OK"       // the last calls succeeded, or none was made yet
	AccountDegraded AccountStatus = "DEGRADED" // some calls fail just now
	AccountDown     AccountStatus = "DOWN"     // nothing gets through: the key is refused or the vendor unreachable
)

// RateLimit is an account's budget of calls.
type RateLimit struct {
	Limit         int       // calls allowed in a window
	WindowSeconds int       // the window's length
	Remaining     int       // calls left just now
	ResetAt       time.Time // when Remaining will be Limit again, if no call is made until then
}

// Capability is one thing that an account can do.
type Capability string

// The capabilities of reading. Those that name an edge say that the edge is followed at this
// vendor; the FILTER ones say that the vendor filters itself, in one call a page; the COUNT ones
// say that totalCount is a number.
const (
	CanListAffiliates           Capability = "LIST_AFFILIATES"
	CanListMemberships          Capability = "LIST_MEMBERSHIPS"
	CanListCampaigns            Capability = "LIST_CAMPAIGNS"
	CanListReferrals            Capability = "LIST_REFERRALS"
	CanListCommissions          Capability = "LIST_COMMISSIONS"
	CanListPayouts              Capability = "LIST_PAYOUTS"
	CanListCoupons              Capability = "LIST_COUPONS"
	CanListWebhookSubscriptions Capability = "LIST_WEBHOOK_SUBSCRIPTIONS"

	EdgeAffiliateParent      Capability = "AFFILIATE_PARENT"
	EdgeAffiliateChildren    Capability = "AFFILIATE_CHILDREN"
	EdgeAffiliateBalances    Capability = "AFFILIATE_BALANCES"
	EdgeAffiliateClicks      Capability = "AFFILIATE_CLICKS"
	EdgeAffiliateReferrals   Capability = "AFFILIATE_REFERRALS"
	EdgeAffiliateCommissions Capability = "AFFILIATE_COMMISSIONS"
	EdgeAffiliatePayouts     Capability = "AFFILIATE_PAYOUTS"
	EdgeCampaignMemberships  Capability = "CAMPAIGN_MEMBERSHIPS"
	EdgeCampaignReferrals    Capability = "CAMPAIGN_REFERRALS"
	EdgeCampaignCommissions  Capability = "CAMPAIGN_COMMISSIONS"
	EdgeReferralCommissions  Capability = "REFERRAL_COMMISSIONS"
	EdgeCommissionReferral   Capability = "COMMISSION_REFERRAL"
	EdgeCommissionPayout     Capability = "COMMISSION_PAYOUT"
	EdgePayoutCommissions    Capability = "PAYOUT_COMMISSIONS"
	EdgePayoutCampaign       Capability = "PAYOUT_CAMPAIGN"

	FilterAffiliatesByCampaign   Capability = "FILTER_AFFILIATES_BY_CAMPAIGN"
	FilterAffiliatesByStatus     Capability = "FILTER_AFFILIATES_BY_STATUS"
	FilterAffiliatesByEmail      Capability = "FILTER_AFFILIATES_BY_EMAIL"
	FilterAffiliatesByRefCode    Capability = "FILTER_AFFILIATES_BY_REF_CODE"
	FilterAffiliatesByPromoCode  Capability = "FILTER_AFFILIATES_BY_PROMO_CODE"
	FilterAffiliatesBySearch     Capability = "FILTER_AFFILIATES_BY_SEARCH"
	FilterReferralsByAffiliate   Capability = "FILTER_REFERRALS_BY_AFFILIATE"
	FilterReferralsByCampaign    Capability = "FILTER_REFERRALS_BY_CAMPAIGN"
	FilterReferralsByStatus      Capability = "FILTER_REFERRALS_BY_STATUS"
	FilterReferralsByEmail       Capability = "FILTER_REFERRALS_BY_EMAIL"
	FilterReferralsByCustomer    Capability = "FILTER_REFERRALS_BY_CUSTOMER"
	FilterReferralsByOrder       Capability = "FILTER_REFERRALS_BY_ORDER"
	FilterReferralsByDate        Capability = "FILTER_REFERRALS_BY_DATE"
	FilterReferralsBySearch      Capability = "FILTER_REFERRALS_BY_SEARCH"
	FilterReferralsByConverted   Capability = "FILTER_REFERRALS_BY_CONVERTED"
	FilterCommissionsByAffiliate Capability = "FILTER_COMMISSIONS_BY_AFFILIATE"
	FilterCommissionsByCampaign  Capability = "FILTER_COMMISSIONS_BY_CAMPAIGN"
	FilterCommissionsByReferral  Capability = "FILTER_COMMISSIONS_BY_REFERRAL"
	FilterCommissionsByPayout    Capability = "FILTER_COMMISSIONS_BY_PAYOUT"
	FilterCommissionsByStatus    Capability = "FILTER_COMMISSIONS_BY_STATUS"
	FilterCommissionsByOrder     Capability = "FILTER_COMMISSIONS_BY_ORDER"
	FilterCommissionsByEvent     Capability = "FILTER_COMMISSIONS_BY_EVENT"
	FilterCommissionsByDate      Capability = "FILTER_COMMISSIONS_BY_DATE"
	FilterPayoutsByAffiliate     Capability = "FILTER_PAYOUTS_BY_AFFILIATE"
	FilterPayoutsByCampaign      Capability = "FILTER_PAYOUTS_BY_CAMPAIGN"
	FilterPayoutsByStatus        Capability = "FILTER_PAYOUTS_BY_STATUS"

	CountAffiliates  Capability = "COUNT_AFFILIATES"
	CountMemberships Capability = "COUNT_MEMBERSHIPS"
	CountCampaigns   Capability = "COUNT_CAMPAIGNS"
	CountReferrals   Capability = "COUNT_REFERRALS"
	CountCommissions Capability = "COUNT_COMMISSIONS"
	CountPayouts     Capability = "COUNT_PAYOUTS"
	CountPaidPayouts Capability = "COUNT_PAID_PAYOUTS"
	CountCoupons     Capability = "COUNT_COUPONS"

	ReadRawRecord Capability = "RAW_RECORD"
)

// The capabilities of writing: each is a mutation by its name.
const (
	CanCreateAffiliate           Capability = "CREATE_AFFILIATE"
	CanUpdateAffiliate           Capability = "UPDATE_AFFILIATE"
	CanSetAffiliateStatus        Capability = "SET_AFFILIATE_STATUS"
	CanMoveAffiliate             Capability = "MOVE_AFFILIATE"
	CanSetAffiliateParent        Capability = "SET_AFFILIATE_PARENT"
	CanConnectCustomer           Capability = "CONNECT_CUSTOMER"
	CanAddAffiliateToCampaign    Capability = "ADD_AFFILIATE_TO_CAMPAIGN"
	CanUpdateMembership          Capability = "UPDATE_MEMBERSHIP"
	CanAssignCoupon              Capability = "ASSIGN_COUPON"
	CanCreateCampaign            Capability = "CREATE_CAMPAIGN"
	CanUpdateCampaign            Capability = "UPDATE_CAMPAIGN"
	CanCreateReferral            Capability = "CREATE_REFERRAL"
	CanUpdateReferral            Capability = "UPDATE_REFERRAL"
	CanMoveReferral              Capability = "MOVE_REFERRAL"
	CanSetReferralStatus         Capability = "SET_REFERRAL_STATUS"
	CanCreateCommission          Capability = "CREATE_COMMISSION"
	CanUpdateCommission          Capability = "UPDATE_COMMISSION"
	CanSetCommissionStatus       Capability = "SET_COMMISSION_STATUS"
	CanAdjustCommission          Capability = "ADJUST_COMMISSION"
	CanMarkPayoutPaid            Capability = "MARK_PAYOUT_PAID"
	CanCreateWebhookSubscription Capability = "CREATE_WEBHOOK_SUBSCRIPTION"
	CanUpdateWebhookSubscription Capability = "UPDATE_WEBHOOK_SUBSCRIPTION"
	CanDeleteWebhookSubscription Capability = "DELETE_WEBHOOK_SUBSCRIPTION"
)
