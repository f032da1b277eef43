package resolvers

import (
	"cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// accountRows is how many rows one account has.
type accountRows struct {
	account providers.Provider
	rows    providers.Rows
}

// rowParts is how rows are spread over the accounts; nil for unknown.
type rowParts func() []accountRows

// scaled is so many rows below each of the rows.
func (parts rowParts) scaled(rows int) rowParts {
	if parts == nil {
		return nil
	}
	return func() []accountRows {
		out := parts()
		for i := range out {
			out[i].rows.Count = min(out[i].rows.Count*rows, uncountable)
		}
		return out
	}
}

// followParts is what an edge costs, where it is known which account has how many rows.
func followParts(edge providers.Edge, parts []accountRows, need []string) (calls int) {
	for _, p := range parts {
		if p.rows.Count > 0 {
			calls = min(calls+p.account.Calls(edge, p.rows, need...), uncountable)
		}
	}
	return calls
}

// spread is how rows are spread over the accounts, and over affiliates.
func spread[T providers.Record](p *planner, rows []*T) rowParts {
	return func() []accountRows {
		owners := make(map[providers.ID]bool, len(rows))
		counts := map[string]providers.Rows{}
		for _, row := range rows {
			account := providers.NodeOf(row).ID.Account
			n := counts[account]
			n.Count++
			if owner := cmp.Or(providers.BelongsTo(row), providers.NodeOf(row).ID); !owners[owner] {
				owners[owner] = true
				n.Affiliates++
			}
			counts[account] = n
		}
		return p.partsOf(counts)
	}
}

// partsOf are the accounts that have rows, in their order.
func (p *planner) partsOf(counts map[string]providers.Rows) []accountRows {
	parts := []accountRows{}
	for _, account := range p.r.order {
		if n := counts[account]; n.Count > 0 {
			if a, ok := p.r.provider(p.ctx, account); ok {
				parts = append(parts, accountRows{a, n})
			}
		}
	}
	return parts
}

// parts are the records that an edge leads to from rows, by account. Those that belong to
// affiliates are as many affiliates' as the rows are.
func (e one[From, To]) parts(p *planner, rows []*From, ids []providers.ID) rowParts {
	return func() []accountRows {
		owned := e.to.noun != providers.NounAffiliate && e.to.noun != providers.NounCampaign
		counts := map[string]providers.Rows{}
		for _, id := range ids {
			n := counts[id.Account]
			n.Count++
			if !owned {
				n.Affiliates++
			}
			counts[id.Account] = n
		}
		if owned {
			owners := make(map[providers.ID]bool, len(rows))
			for _, row := range rows {
				id := e.id(row)
				if owner := cmp.Or(providers.BelongsTo(row), id); !id.IsZero() && !owners[owner] {
					owners[owner] = true
					n := counts[id.Account]
					n.Affiliates++
					counts[id.Account] = n
				}
			}
		}
		return p.partsOf(counts)
	}
}
