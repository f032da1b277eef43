package uppromote

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// programList reads programs: a page of them, or one by its id.
//
// https://aff-api.uppromote.com/docs/v2/get-programs-28435009e0
// https://aff-api.uppromote.com/docs/v2/get-a-program-by-id-28435010e0
//
//api:operation GET /programs
//api:operation GET /programs/{id}
var programList = endpoint[wireProgram, providers.Campaign]{
	noun: providers.NounCampaign, path: "/programs", convert: (*reply).program,
}

// Campaigns plans the list of programs.
func (p *provider) Campaigns(providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return []providers.List[providers.Campaign]{programList.all(p)}, nil
}

// CampaignsByID reads programs, one call each, or by walking all of them.
func (p *provider) CampaignsByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Campaign], error) {
	return programList.byIDs(ctx, p, ids, false)
}

// wireProgram is what is read of a program.
type wireProgram struct {
	ID                 int64             `json:"id"`
	Name               string            `json:"name"`
	IsDefault          string            `json:"is_default"`
	Rule               string            `json:"rule"`
	CommissionType     string            `json:"commission_type"`
	CommissionAmount   providers.Decimal `json:"commission_amount"`
	CommissionAdvanced []json.RawMessage `json:"commission_advanced"`
	CreatedAt          time.Time         `json:"created_at"`
}

func (r *reply) program(w *wireProgram) *providers.Campaign {
	return &providers.Campaign{
		Node:       r.numbered(providers.NounCampaign, w.ID, w.CreatedAt, nil),
		Name:       text(w.Name),
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

// commission is the rule where it is a simple one: neither by product nor by item. Its words are shown to people, of
// which one is documented; the others are assumed.
func (w *wireProgram) commission(currency string) *providers.CommissionRule {
	switch {
	case w.CommissionType == "" || strings.EqualFold(w.Rule, "advance") || len(w.CommissionAdvanced) > 0 || strings.EqualFold(w.CommissionType, "flat rate per item"):
		return nil
	case strings.EqualFold(w.CommissionType, "percent of sale"):
		rule := &providers.CommissionRule{Type: providers.RulePercentage}
		if w.CommissionAmount.Set {
			rule.Percent = &w.CommissionAmount.Value
		}
		return rule
	case strings.EqualFold(w.CommissionType, "flat rate per order"):
		return &providers.CommissionRule{Type: providers.RuleFixed, Amount: w.CommissionAmount.Major(currency)}
	default:
		return &providers.CommissionRule{Type: providers.RuleUnknown}
	}
}

// What other records tell of a program: its id, and in affiliates its name. Lists below it need no more.
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
			Node: r.numbered(providers.NounCampaign, n, time.Time{}, known), Name: text(name),
		})
	}
}
