package promotekit

import (
	"context"
	"net/url"

	"github.com/partnergraph/partnergraph/providers"
)

// Campaigns plans the one list of campaigns.
func (p *provider) Campaigns(providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return []providers.List[providers.Campaign]{at("/campaigns", nil, true, p.listCampaigns)}, nil
}

// CampaignsByID reads campaigns one by one, or all where that is fewer calls.
func (p *provider) CampaignsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Campaign], error) {
	return byID(ctx, p, providers.NounCampaign, ids, p.listCampaigns, p.getCampaign)
}

// listCampaigns reads a page of the campaigns.
// https://www.promotekit.com/docs/api-reference/campaigns/list-campaigns
//
//api:operation GET /campaigns
func (p *provider) listCampaigns(ctx context.Context, query url.Values, number int) (*providers.Page[providers.Campaign], error) {
	return readPage(ctx, p, providers.NounCampaign, "/campaigns", query, number, (*reply).campaign)
}

// getCampaign reads one campaign.
// https://www.promotekit.com/docs/api-reference/campaigns/get-campaign
//
//api:operation GET /campaigns/{id}
func (p *provider) getCampaign(ctx context.Context, uuid string) (*providers.Campaign, providers.Harvest, error) {
	return readRecord(ctx, p, "/campaigns", uuid, (*reply).campaign)
}

type campaignWire struct {
	record
	Name                   string            `json:"name"`
	WebsiteURL             string            `json:"website_url"`
	CommissionType         string            `json:"commission_type"`
	CommissionAmount       providers.Decimal `json:"commission_amount"`
	IsDefault              *bool             `json:"is_default"`
	CodeMode               string            `json:"code_mode"`
	CustomCommissionType   string            `json:"custom_commission_type"`
	ApprovalNeeded         *bool             `json:"approval_needed"`
	HideEmails             *bool             `json:"hide_emails"`
	CookieDuration         providers.Decimal `json:"cookie_duration"`
	FirstPaymentCommission *struct {
		Enabled bool `json:"enabled"`
	} `json:"first_payment_commission"`
}

func (r *reply) campaign(w *campaignWire) *providers.Campaign {
	return &providers.Campaign{
		Node:                r.node(providers.NounCampaign, w.ID, w.record),
		Name:                text(w.Name),
		WebsiteURL:          text(w.WebsiteURL),
		IsDefault:           w.IsDefault,
		ApprovalRequired:    w.ApprovalNeeded,
		CodeMode:            codeMode(w.CodeMode),
		CookieDays:          cookieDays(w.CookieDuration),
		Commission:          r.commissionRule(w),
		HidesCustomerEmails: w.HideEmails,
	}
}

func codeMode(word string) *providers.CodeMode {
	if word == "" {
		return nil
	}
	mode, ok := map[string]providers.CodeMode{
		"link": providers.CodeLink, "coupon": providers.CodeCoupon, "both": providers.CodeBoth,
	}[word]
	if !ok {
		mode = providers.CodeUnknown
	}
	return &mode
}

// cookieDays takes cookie_duration for days, which the reference does not say.
func cookieDays(d providers.Decimal) *int64 {
	days, fraction, ok := d.Value.Int64(0)
	if !d.Set || !ok || fraction != 0 || !d.Value.IsInt() {
		return nil
	}
	return &days
}

// commissionRule is the share or the sum of each sale; nil where the first payment or a custom type
// makes the rule richer than that. The amount is in the account's currency, as the vendor names none.
func (r *reply) commissionRule(w *campaignWire) *providers.CommissionRule {
	if !w.CommissionAmount.Set || w.CustomCommissionType != "" ||
		w.FirstPaymentCommission != nil && w.FirstPaymentCommission.Enabled {
		return nil
	}
	switch w.CommissionType {
	case "percentage":
		return &providers.CommissionRule{Type: providers.RulePercentage, Percent: &w.CommissionAmount.Value}
	case "fixed":
		return &providers.CommissionRule{Type: providers.RuleFixed, Amount: w.CommissionAmount.Major(r.currency)}
	default:
		return &providers.CommissionRule{Type: providers.RuleUnknown}
	}
}
