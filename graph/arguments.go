package graph

import "context"

// listArguments coerce the arguments of the lists among the fields of Query, and of the
// field of Subscription.
var listArguments = map[string]func(*executionContext, context.Context, map[string]any) (map[string]any, error){
	"changes":              (*executionContext).field_Subscription_changes_args,
	"affiliates":           (*executionContext).field_Query_affiliates_args,
	"memberships":          (*executionContext).field_Query_memberships_args,
	"campaigns":            (*executionContext).field_Query_campaigns_args,
	"referrals":            (*executionContext).field_Query_referrals_args,
	"commissions":          (*executionContext).field_Query_commissions_args,
	"payouts":              (*executionContext).field_Query_payouts_args,
	"coupons":              (*executionContext).field_Query_coupons_args,
	"webhookSubscriptions": (*executionContext).field_Query_webhookSubscriptions_args,
}

// ListArguments are the arguments of a list among the fields of Query, or of the field of
// Subscription, as its resolver gets them, so that a plan and the execution read the same filter.
func ListArguments(ctx context.Context, field string, raw map[string]any) (map[string]any, error) {
	return listArguments[field](&executionContext{}, ctx, raw)
}
