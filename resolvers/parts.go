package resolvers

import (
	"cmp"
	"maps"
	"slices"

	"github.com/partnergraph/partnergraph/internal/auth"
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

// ask notes that so many calls to an account are planned, and answers them.
func (p *planner) ask(account providers.Provider, calls int) int {
	id := account.AccountID()
	p.at[id] = min(p.at[id]+calls, uncountable)
	return calls
}

// byAccount are the planned calls to each account. Where it is not known yet which accounts a
// partner is in, they may be made to any.
func (p *planner) byAccount() map[string]int {
	v := auth.ViewerFrom(p.ctx)
	if !unasked(p.ctx, v) {
		return p.at
	}
	all := p.at[p.r.first(v)]
	at := map[string]int{}
	for _, account := range p.r.order {
		if all > 0 && v.Sees(account) {
			at[account] = all
		}
	}
	return at
}

// followParts is what an edge costs, where it is known which account has how many rows.
func (p *planner) followParts(edge providers.Edge, parts []accountRows, need []string) (calls int) {
	for _, part := range parts {
		if part.rows.Count > 0 {
			calls = min(calls+p.ask(part.account, part.account.Calls(edge, part.rows, need...)), uncountable)
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

// partsOf are the accounts that have rows, in their order. Where it is not known yet which
// accounts a partner is in, one that is not there counts, too.
func (p *planner) partsOf(counts map[string]providers.Rows) []accountRows {
	parts, order := []accountRows{}, p.r.order
	if unasked(p.ctx, auth.ViewerFrom(p.ctx)) {
		order = slices.Sorted(maps.Keys(counts))
	}
	for _, account := range order {
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
