package uppromote

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// programList reads programs: a page of them, or one by its id.
//
// https://aff-api.uppromote.com/docs/v2/get-programs-28435009e0
// https://aff-api.uppromote.com/docs/v2/get-a-program-by-id-28435010e0
//
//api:operation GET /programs
//api:operation GET /programs/{id}
var programList = endpoint[wireProgram, providers.Campaign]{
	noun: providers.NounCampaign, path: "/programs", convert: (*reply).program, core: programCore,
}

// Campaigns plans the list of programs.
func (p *provider) Campaigns(providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return []providers.List[providers.Campaign]{programList.all(p)}, nil
}

// CampaignsByID reads programs, one call each, or by walking all of them, which are few.
func (p *provider) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	return programList.byIDs(ctx, p, ids, true, covers[providers.Campaign](need))
}

// wireProgram is what is read of a program.
type wireProgram struct {
	wire.Members
	ID                 int64             `json:"id"`
	Name               string            `json:"name"`
	IsDefault          string            `json:"is_default"`
	Rule               json.RawMessage   `json:"rule"`
	CommissionType     string            `json:"commission_type"`
	CommissionAmount   providers.Decimal `json:"commission_amount"`
	CommissionAdvanced json.RawMessage   `json:"commission_advanced"`
	NewCustomer        json.RawMessage   `json:"new_customer_commission"`
	Lifetime           json.RawMessage   `json:"lifetime_commission"`
	SpecialCoupon      json.RawMessage   `json:"special_coupon_commission"`
	CreatedAt          time.Time         `json:"created_at"`
}

// programCore is what every program of the list has.
var programCore = &wire.Core{
	Members: []string{"name", "is_default", "commission_type", "commission_amount", "created_at"},
	Knowledge: wire.NewKnowledge([]string{
		"providerId", "websiteUrl", "isPrivate", "approvalRequired", "codeMode", "cookieDays", "hidesCustomerEmails",
		"memberships", "referrals", "commissions",
	}, map[string]string{
		"createdAt":  "created_at",
		"name":       "name",
		"isDefault":  "is_default",
		"commission": "commission_type commission_amount rule commission_advanced new_customer_commission lifetime_commission special_coupon_commission",
	}),
}

func (r *reply) program(w *wireProgram) *providers.Campaign {
	return &providers.Campaign{
		Node:       r.numbered(providers.NounCampaign, w.ID, w.CreatedAt, nil),
		Name:       wire.Name(w.Name),
		IsDefault:  w.isDefault(),
		Commission: w.commission(r.config.Currency),
	}
}

// isDefault reads a word. "not_default" has been seen; the other is assumed.
func (w *wireProgram) isDefault() *bool {
	switch strings.ToLower(w.IsDefault) {
	case "default", "true", "1":
		return new(true)
	case "not_default", "false", "0":
		return new(false)
	}
	return nil
}

// ruleTypes are the vendor's three types, by the words that people are shown.
var ruleTypes = map[string]providers.CommissionRuleType{
	"percent of sale":     providers.RulePercentage,
	"flat rate per order": providers.RuleFixed,
	"flat rate per item":  providers.RuleFixedPerItem,
}

// commission is the program's rule. What differs by product, customer or coupon is opaque,
// and goes into the notes.
func (w *wireProgram) commission(currency string) *providers.CommissionRule {
	t, ok := ruleTypes[strings.ToLower(w.CommissionType)]
	if !ok {
		t = providers.RuleUnknown
	}
	rule := providers.NewCommissionRule(t, w.CommissionAmount, currency)
	unknown := !ok && w.CommissionType != ""
	if unknown {
		rule.Notes = append(rule.Notes, "commission_type: "+w.CommissionType)
	}
	if unknown || w.CommissionAmount.Odd() {
		rule.Note("commission_amount", w.CommissionAmount.JSON())
	}
	var basic string
	_, _ = wire.Decode(w.Rule, &basic)
	if !strings.EqualFold(basic, "basic") && !strings.EqualFold(basic, "auto") { // words that are assumed to add nothing
		rule.Note("rule", w.Rule)
	}
	rule.Note("commission_advanced", w.CommissionAdvanced)
	rule.Note("new_customer_commission", w.NewCustomer)
	rule.Note("lifetime_commission", w.Lifetime)
	rule.Note("special_coupon_commission", w.SpecialCoupon)
	if w.CommissionType == "" && rule.Notes == nil {
		return nil
	}
	return rule
}

// What other records tell of a program: its id, and in affiliates its name. Lists below it
// need no more.
var (
	programStub      = providers.Only("providerId", "memberships", "referrals", "commissions")
	namedProgramStub = providers.Only("providerId", "name", "memberships", "referrals", "commissions")
)

// harvestProgram keeps what a record tells of its program; without a name that is only its id.
func (r *reply) harvestProgram(n int64, name string) {
	known := namedProgramStub
	if name == "" {
		known = programStub
	}
	if r.stub(r.id(providers.NounCampaign, n), known) {
		r.harvest.Campaigns = append(r.harvest.Campaigns, &providers.Campaign{
			Node: r.numbered(providers.NounCampaign, n, time.Time{}, known), Name: wire.Name(name),
		})
	}
}
