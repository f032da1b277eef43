package resolvers

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// The executor resolves the fields of an answer one after the other. What a field of many
// rows has to read is therefore read before the rows are returned: all rows together, and
// level by level. A resolver of a field below finds it in the operation's loaders.

// prefetcher is a field of a record that has to be read, or that leads to records with such
// fields.
type prefetcher interface {
	// prefetch reads what the field f of rows needs, and what is selected below it.
	prefetch(ctx context.Context, rows any, f graphql.CollectedField)
}

// prefetchers are all of them by field, as the schema has it.
var prefetchers = func() map[string]prefetcher {
	m := map[string]prefetcher{
		"Affiliate.memberships": membershipRows{},
		"Referral.email":        customerRules{},
		"Referral.customerId":   customerRules{},
	}
	for name, e := range edges {
		m[name] = e
	}
	m["Affiliate.coupons"] = couponRows{}
	return m
}()

// prefetch reads what the selected fields of rows need, side by side. It reads nothing more
// once ctx has ended: then the fields themselves fail.
func prefetch[T providers.Record](ctx context.Context, rows []*T, fields []graphql.CollectedField) {
	if len(rows) == 0 || ctx.Err() != nil {
		return
	}
	var (
		wg   providers.Group
		last func()
	)
	for _, f := range fields {
		p, ok := prefetchers[f.ObjectDefinition.Name+"."+f.Name]
		if !ok {
			continue
		}
		if last != nil {
			wg.Go(last)
		}
		last = func() { p.prefetch(ctx, rows, f) }
	}
	defer wg.Wait()
	if last != nil {
		last()
	}
}

// distinct are the rows that are there, each once.
func distinct[T comparable](rows []T) []T {
	var zero T
	seen := make(map[T]struct{}, len(rows))
	out := make([]T, 0, len(rows))
	for _, row := range rows {
		if _, ok := seen[row]; !ok && row != zero {
			seen[row] = struct{}{}
			out = append(out, row)
		}
	}
	return out
}

// prefetchByID reads records with the fields that are selected of them, and what is
// selected below.
func (n records[T]) prefetchByID(ctx context.Context, ids []providers.ID, fields []graphql.CollectedField) {
	need := strings.Join(names(fields), " ")
	var wants []want
	for _, id := range distinct(ids) {
		wants = append(wants, want{id, need})
	}
	if len(wants) == 0 {
		return
	}
	rows, _ := n.loader(loadersFrom(ctx)).all(ctx, wants) // who resolves the field reports the error
	prefetch(ctx, distinct(rows), fields)
}

func (e one[From, To]) prefetch(ctx context.Context, rows any, f graphql.CollectedField) {
	from := rows.([]*From)
	ids := make([]providers.ID, len(from))
	for i, row := range from {
		ids[i] = e.id(row)
	}
	e.to.prefetchByID(ctx, ids, collect(graphql.GetOperationContext(ctx), f.Selections, e.to.noun))
}

func (e many[From, To, F]) prefetch(ctx context.Context, rows any, f graphql.CollectedField) {
	op := graphql.GetOperationContext(ctx)
	args := f.ArgumentMap(op.Variables)
	first, err := graphql.UnmarshalInt(args["first"])
	if err != nil {
		return // the field itself will say so
	}
	w, err := windowOf(first, args)
	if err != nil {
		return
	}
	e.prefetchLists(ctx, rows.([]*From), w, rowFields(op, f.Selections, e.to.noun), selects(op, f.Selections, "totalCount"))
}

// prefetchLists reads the lists of rows, and what is selected of their rows.
func (e many[From, To, F]) prefetchLists(ctx context.Context, from []*From, w window, fields []graphql.CollectedField, counted bool) {
	branches := make([]branch[From], len(from))
	for i := range from {
		branches[i] = branch[From]{from[i], w}
	}
	lists, _ := e.loader(loadersFrom(ctx)).all(ctx, branches)
	lists = distinct(lists)
	var wg providers.Group
	defer wg.Wait()
	var rows []*To
	for _, l := range lists {
		for _, r := range l.Rows {
			rows = append(rows, r.Record)
		}
		if counted && l.count != nil {
			wg.Go(func() { _, _ = l.count(ctx) })
		}
	}
	if len(fields) > 0 && len(rows) > 0 {
		rows, _ = e.to.complete(ctx, rows, names(fields))
		prefetch(ctx, distinct(rows), fields)
	}
}

// membershipRows is Affiliate.memberships: records that come with the affiliate.
type membershipRows struct{}

func (membershipRows) prefetch(ctx context.Context, rows any, f graphql.CollectedField) {
	prefetch(
		ctx,
		membershipsOf(rows.([]*providers.Affiliate)),
		collect(graphql.GetOperationContext(ctx), f.Selections, providers.NounMembership),
	)
}

// membershipsOf are those that came with affiliates, each once.
func membershipsOf(affiliates []*providers.Affiliate) []*providers.Membership {
	var all []*providers.Membership
	for _, a := range affiliates {
		all = append(all, a.Memberships...)
	}
	return distinct(all)
}

// couponRows is Affiliate.coupons: records that come with the affiliate, or are a list of
// their own.
type couponRows struct{}

func (couponRows) prefetch(ctx context.Context, rows any, f graphql.CollectedField) {
	fields := collect(graphql.GetOperationContext(ctx), f.Selections, providers.NounCoupon)
	var (
		all     []*providers.Coupon
		without []*providers.Affiliate
		wg      providers.Group
	)
	for _, a := range rows.([]*providers.Affiliate) {
		if a.Coupons == nil {
			without = append(without, a)
		}
		all = append(all, a.Coupons...)
	}
	defer wg.Wait()
	if len(without) > 0 {
		wg.Go(func() { affiliateCoupons.prefetchLists(ctx, without, window{first: maxFirst}, fields, false) })
	}
	if len(all) > 0 {
		all, _ = coupons.complete(ctx, all, names(fields))
		prefetch(ctx, distinct(all), fields)
	}
}

// customerRules is what decides whether a partner sees the address of a customer.
type customerRules struct{}

func (customerRules) prefetch(ctx context.Context, rows any, _ graphql.CollectedField) {
	r := resolverFrom(ctx)
	if v := auth.ViewerFrom(ctx); v != nil && v.Role != auth.RolePartner {
		return
	}
	var wants []want
	for _, row := range rows.([]*providers.Referral) {
		if (row.Email != nil || mayBeEmail(row.CustomerID)) && r.emails[row.ID.Account] == EmailsCampaign && !row.CampaignID.IsZero() {
			wants = append(wants, customerRule(row))
		}
	}
	if wants = distinct(wants); len(wants) > 0 {
		_, _ = loaderOf(loadersFrom(ctx), rulesLoader, rules).all(ctx, wants)
	}
}
