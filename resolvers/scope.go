package resolvers

import (
	"context"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// This file is the one place where it is decided what a viewer sees. Everything that leads to a record comes through
// it: root lists and their filters by visible, single records and edges by provider, cursors by scope.

// provider is the account's provider, if there is such an account and the viewer may see it.
func (r *Resolver) provider(ctx context.Context, account string) (providers.Provider, bool) {
	v := auth.ViewerFrom(ctx)
	if v == nil || !v.Sees(account) {
		return nil, false
	}
	p, ok := r.byID[account]
	return p, ok
}

// visible are the providers of the accounts that the viewer may see, those named by ids if there are any. Ids
// that name no account, or one that the viewer may not see, are as if they were not there.
func (r *Resolver) visible(ctx context.Context, ids []providers.ID) ([]providers.Provider, error) {
	var named map[string]bool
	if ids != nil {
		named = make(map[string]bool, len(ids))
		for _, id := range ids {
			if id.Noun != providers.NounAccount {
				return nil, wrongNoun("filter.accounts", id, providers.NounAccount)
			}
			named[id.Account] = true
		}
	}
	var out []providers.Provider
	for _, account := range r.order {
		if named != nil && !named[account] {
			continue
		}
		if p, ok := r.provider(ctx, account); ok {
			out = append(out, p)
		}
	}
	return out, nil
}

// scope is what distinguishes this viewer's lists from another's: part of every cursor.
func scope(ctx context.Context) string {
	v := auth.ViewerFrom(ctx)
	if v == nil {
		return ""
	}
	s := string(v.Role)
	for _, a := range v.Accounts {
		s += " " + a
	}
	return s
}
