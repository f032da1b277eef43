package firstpromoter

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// TestCommissionRules reads the terms of a campaign from its rewards.
func TestCommissionRules(t *testing.T) {
	twenty, err := providers.ParseDecimal("20")
	if err != nil {
		t.Fatal(err)
	}
	percent := func(rule providers.CommissionRule) *providers.CommissionRule {
		rule.Type, rule.Percent = providers.RulePercentage, &twenty
		return &rule
	}
	noted := func(notes ...string) *providers.CommissionRule {
		return percent(providers.CommissionRule{Notes: notes})
	}
	unknown := func(notes ...string) *providers.CommissionRule {
		return &providers.CommissionRule{Type: providers.RuleUnknown, Notes: notes}
	}
	const (
		sale  = `{"apply_on":"all","reward_id":1,"reward":{"name":"Main","promoter_reward_type":"sale","tier_level":1}}`
		share = `{"unit":"cash","amount":20,"flat_amount":false,"rules":[]}`
		first = `{"unit":"cash","amount":50,"flat_amount":false,"rules":[{"type":"sales","value":1}]}`
	)
	for name, tt := range map[string]struct {
		earners, reward string
		want            *providers.CommissionRule
	}{
		"nothing":         {``, ``, nil},
		"a share":         {sale, `"schemas":[` + share + `]`, noted()},
		"a sum":           {sale, `"schemas":[{"unit":"cash","amount":1250,"flat_amount":true}]`, &providers.CommissionRule{Type: providers.RuleFixed, Amount: newReply(t).cents(amount("1250"), "USD")}},
		"for ever":        {sale, `"schemas":[` + share + `],"duration":"forever","duration_in_months":null`, noted()},
		"some months":     {sale, `"schemas":[` + share + `],"duration":"repeating","duration_in_months":12`, percent(providers.CommissionRule{Months: new(int64(12))})},
		"no months":       {sale, `"schemas":[` + share + `],"duration":"repeating"`, noted("duration: repeating")},
		"the first":       {sale, `"schemas":[` + share + `],"duration":"once"`, percent(providers.CommissionRule{Payments: new(int64(1))})},
		"new customers":   {sale, `"schemas":[` + share + `],"new_customers_only":true,"max_redemptions":5`, noted("max_redemptions: 5", "new_customers_only: true")},
		"a first payment": {sale, `"schemas":[` + first + `,` + share + `]`, noted("schema: " + first)},
		"conditions only": {sale, `"schemas":[` + first + `]`, unknown("schema: "+first, "all: Main")},
		"points":          {sale, `"schemas":[{"unit":"points","amount":5,"flat_amount":true}]`, unknown(`schema: {"unit":"points","amount":5,"flat_amount":true}`, "all: Main")},
		"unreadable":      {sale, `"schemas":[{"unit":[]},7]`, unknown(`schema: {"unit":[]}`, "schema: 7", "all: Main")},
		"other forms":     {sale, `"schemas":[{"unit":"cash","amount":"20","flat_amount":"false","rules":null}]`, noted()},
		"odd rules": {sale, `"schemas":[{"unit":"cash","amount":20,"flat_amount":false,"rules":"x"}]`,
			unknown(`schema: {"unit":"cash","amount":20,"flat_amount":false,"rules":"x"}`, "all: Main")},
		"not there": {`{"apply_on":"all","reward_id":2,"reward":{"name":"Other","promoter_reward_type":"sale"}}`, `"schemas":[` + share + `]`, unknown("all: Other")},
		"a plan":    {`{"apply_on":"monthly","reward_id":1,"reward":{"name":"Main","promoter_reward_type":"sale"}}`, `"schemas":[` + share + `]`, noted("monthly: Main")},
		"a target": {`{"apply_on":"all","reward_id":1,"reward":{"name":"Main","promoter_reward_type":"target"}}`, `"schemas":[` + share + `]`,
			noted("all: Main", "promoter_reward_type: target")},
		"two plans": {`{"apply_on":"monthly","reward_id":1,"reward":{"name":"Main"}},{"apply_on":"yearly","reward_id":2}`, `"schemas":[` + share + `]`, unknown("monthly: Main", "yearly: 2")},
		"parents":   {sale + `,{"apply_on":"all","reward_id":2,"reward":{"name":"Above","tier_level":2}}`, `"schemas":[` + share + `]`, noted("all, tier 2: Above")},
	} {
		t.Run(name, func(t *testing.T) {
			var w wireCampaign
			var rewards []wireReward
			for text, to := range map[string]any{`{"id":1,"rewards_for_promoters":[` + tt.earners + `]}`: &w, `[{"id":1,` + tt.reward + `}]`: &rewards} {
				if tt.reward == "" && to == any(&rewards) {
					continue
				}
				if err := json.Unmarshal([]byte(text), to); err != nil {
					t.Fatal(err)
				}
			}
			known := map[int64]wireReward{}
			for _, reward := range rewards {
				known[reward.ID] = reward
			}
			if diff := cmp.Diff(tt.want, newReply(t).rule(w.RewardsForPromoters, known)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// newReply is what converts a reply of the account's.
func newReply(t testing.TB) *reply {
	t.Helper()
	return &reply{provider: &provider{config: providers.Config{Account: "saas", Currency: "USD"}}, at: noon}
}

func amount(s string) (d providers.Decimal) {
	_ = json.Unmarshal([]byte(s), &d)
	return d
}
