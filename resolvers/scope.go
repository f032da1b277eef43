package resolvers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/partner"
	"github.com/partnergraph/partnergraph/providers"
)

// This file is the one place where it is decided what a viewer sees. Everything that leads
// to a record comes through it: root lists and their filters by visible, single records and
// edges by provider, cursors by scope. What a partner sees of an account is decided by the
// provider that they get: [partner.View].

// provider is the account's provider, if there is such an account and the viewer may see it.
func (r *Resolver) provider(ctx context.Context, account string) (providers.Provider, bool) {
	v := auth.ViewerFrom(ctx)
	if !v.Sees(account) {
		return nil, false
	}
	if unasked(ctx, v) {
		account = r.first(v)
	}
	p, ok := r.byID[account]
	if !ok {
		return nil, false
	}
	switch v.Role {
	case auth.RoleAdmin, auth.RoleEditor, auth.RoleReader:
		return p, true
	case auth.RolePartner:
		view := r.viewOf(ctx, p, v)
		view.Identify(ctx)
		return view, view.Visible()
	}
	return nil, false // whoever adds a role says here what it sees
}

// writable is the account's provider, if the viewer may see the record that a write is about.
func (r *Resolver) writable(ctx context.Context, subject providers.ID) (p providers.Provider, ok bool, err error) {
	p, ok = r.provider(ctx, subject.Account)
	if view, is := p.(*partner.View); ok && is {
		return p, view.Owns(subject), unidentified(p)
	}
	return p, ok, nil
}

// unasked says whether it is still to be found out which affiliates a viewer is, as it is
// while an operation is planned. Until then every account that they name counts like the
// first, and the first like all: else the plan, which may be refused, would tell which
// accounts there are.
func unasked(ctx context.Context, v *auth.Viewer) bool {
	_, begun := ctx.Value(loadersKey{}).(*loaders)
	return !begun && v != nil && v.Role == auth.RolePartner && identity(v).ByEmail()
}

// first is the first account that a viewer may know of; "" for none.
func (r *Resolver) first(v *auth.Viewer) string {
	if i := slices.IndexFunc(r.order, v.Sees); i >= 0 {
		return r.order[i]
	}
	return ""
}

// identity is who a viewer of the role partner is.
func identity(v *auth.Viewer) partner.Identity {
	return partner.Identity{Affiliates: v.Affiliates, Email: v.Email}
}

// viewOf is the view of an account that all of one operation shares.
func (r *Resolver) viewOf(ctx context.Context, p providers.Provider, v *auth.Viewer) *partner.View {
	account := p.AccountID()
	l, executed := ctx.Value(loadersKey{}).(*loaders)
	made := partner.New(p, identity(v), partner.Options{
		MaxPages:        r.pages,
		SearchCustomers: r.emails[account] == EmailsShown,
		Planning:        !executed,
		Ignored:         func(noun providers.Noun, list string) { r.ignored(account, noun, list) },
	})
	if !executed {
		return made
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := "partner\x00" + account
	if found, ok := l.m[key]; ok {
		return found.(*partner.View)
	}
	l.m[key] = made
	return made
}

// ignored tells the operator once that a vendor does not narrow a list to an affiliate.
func (r *Resolver) ignored(account string, noun providers.Noun, list string) {
	if _, told := r.noticed.LoadOrStore(account+"\x00"+string(noun), true); !told {
		r.log.Warn(
			"a vendor ignores the filter by affiliate: partners do not see this list",
			"account", account,
			"noun", noun,
			"list", list,
		)
	}
}

// unidentified is why it is not known what a viewer may see of an account; nil where it is
// known. Such a provider shows nothing.
func unidentified(p providers.Provider) error {
	if view, ok := p.(*partner.View); ok && view.Err() != nil {
		return located(p, view.Err())
	}
	return nil
}

// visible are the providers of the accounts that the viewer may see, those named by ids if
// there are any. Ids that name no account, or one that the viewer may not see, are as if
// they were not there. Staff who see all accounts are told which name none, beside the rows
// of the others: to them that tells of no account.
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
	order, v := r.order, auth.ViewerFrom(ctx)
	if unasked(ctx, v) {
		order = []string{r.first(v)}
		if len(named) > 0 { // one of them, whichever
			named = nil
		}
	}
	found := make([]providers.Provider, len(order))
	var wg providers.Group
	for i, account := range order {
		if named != nil && !named[account] {
			continue
		}
		find := func() {
			if p, ok := r.provider(ctx, account); ok {
				found[i] = p
			}
		}
		if v != nil && identity(v).ByEmail() { // it is read who they are
			wg.Go(find)
		} else {
			find()
		}
	}
	wg.Wait()
	out := slices.DeleteFunc(found, func(p providers.Provider) bool { return p == nil })
	_, executed := ctx.Value(loadersKey{}).(*loaders) // and not planned
	if executed && v != nil && v.Role != auth.RolePartner && v.Accounts == nil {
		for i, id := range ids {
			if !slices.ContainsFunc(out, func(p providers.Provider) bool { return p.AccountID() == id.Account }) {
				graphql.AddError(ctx, apierror.BadInput("filter.accounts[%d] names no account", i))
			}
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
	s := fmt.Sprintf("%q", v.Accounts)
	if v.Role == auth.RolePartner {
		s += fmt.Sprintf(" %q %q", v.Affiliates, providers.FoldEmail(v.Email))
	}
	return s
}

// accounts are the accounts of providers. One of which it is not known whether the viewer
// may see it is left out, with an entry in errors.
func accounts(ctx context.Context, ps []providers.Provider) []*providers.Account {
	out := make([]*providers.Account, 0, len(ps))
	for _, p := range ps {
		if err := unidentified(p); err != nil {
			graphql.AddError(ctx, err)
			continue
		}
		a := p.Account()
		out = append(out, &a)
	}
	return out
}

// selves are the affiliates that the viewer is, if they are asked for.
func selves(ctx context.Context, ps []providers.Provider) []*providers.Affiliate {
	out := []*providers.Affiliate{}
	var fields []graphql.CollectedField
	for _, f := range graphql.CollectFieldsCtx(ctx, nil) {
		if f.Name == "affiliates" { // under several aliases, maybe, with other fields below each
			fields = append(fields, collect(graphql.GetOperationContext(ctx), f.Selections, providers.NounAffiliate)...)
		}
	}
	if len(fields) == 0 {
		return out
	}
	var wants []want
	for _, p := range ps {
		if view, ok := p.(*partner.View); ok {
			for _, id := range view.Own() {
				wants = append(wants, want{id, strings.Join(names(fields), " ")})
			}
		}
	}
	rows, failed := affiliates.loader(loadersFrom(ctx)).all(ctx, wants)
	for _, err := range distinctErrors(failed) {
		graphql.AddError(ctx, err)
	}
	for _, row := range rows {
		if row != nil {
			out = append(out, row)
		}
	}
	prefetch(ctx, distinct(out), fields)
	return out
}
