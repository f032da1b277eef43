package resolvers

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/providers"
)

// account is the account that an id belongs to, as it is now; nil where the viewer may not
// see it. It costs no call.
func (r *Resolver) account(ctx context.Context, id providers.ID) (*providers.Account, error) {
	p, ok := r.provider(ctx, id.Account)
	if !ok {
		return nil, nil
	}
	if err := unidentified(p); err != nil {
		return nil, err
	}
	a := p.Account()
	return &a, nil
}

// lister is a provider that remembers when it read the newest page of a list.
type lister interface {
	ReadAt(ctx context.Context, nouns ...providers.Noun) (map[providers.Noun]time.Time, error)
}

// listedNouns are the nouns of which an account may have a list of its own, with what says so.
var listedNouns = []struct {
	noun providers.Noun
	can  providers.Capability
}{
	{providers.NounAffiliate, providers.CanListAffiliates},
	{providers.NounMembership, providers.CanListMemberships},
	{providers.NounCampaign, providers.CanListCampaigns},
	{providers.NounReferral, providers.CanListReferrals},
	{providers.NounCommission, providers.CanListCommissions},
	{providers.NounPayout, providers.CanListPayouts},
	{providers.NounCoupon, providers.CanListCoupons},
}

// freshness is how fresh the lists of an account are. It costs no call.
func freshness(ctx context.Context, p providers.Provider, can []providers.Capability) (lists []*model.ListFreshness, err error) {
	var nouns []providers.Noun
	for _, l := range listedNouns {
		if slices.Contains(can, l.can) {
			nouns = append(nouns, l.noun)
		}
	}
	var read map[providers.Noun]time.Time
	if cached, ok := p.(lister); ok {
		if read, err = cached.ReadAt(ctx, nouns...); err != nil {
			return nil, err
		}
	}
	for _, noun := range nouns {
		fresh := &model.ListFreshness{Noun: noun}
		if at, ok := read[noun]; ok {
			fresh.ReadAt = &at
		}
		lists = append(lists, fresh)
	}
	return lists, nil
}

// records are the records of any nouns with these ids; nil where there is none, or none
// that the viewer may see.
func (r *Resolver) records(ctx context.Context, ids []providers.ID) ([]model.Node, []error) {
	rows, errs := make([]model.Node, len(ids)), make([]error, len(ids))
	nouns := map[providers.Noun][]int{}
	for i, id := range ids {
		nouns[id.Noun] = append(nouns[id.Noun], i)
	}
	var wg providers.Group
	for noun, places := range nouns {
		wg.Go(func() { // with all ids of the noun, so that the loaders get them together
			if n, ok := recordsByNoun[noun]; ok {
				n.nodes(ctx, ids, places, rows, errs)
				return
			}
			for _, i := range places {
				if noun == providers.NounAccount {
					a, err := r.account(ctx, ids[i])
					rows[i], errs[i] = node(a), err
				} else {
					errs[i] = apierror.BadInput("%q is no id of this server", ids[i])
				}
			}
		})
	}
	wg.Wait()
	return rows, errs
}

// nodes are the records with the ids in these places, put there.
func (n records[T]) nodes(ctx context.Context, ids []providers.ID, places []int, rows []model.Node, errs []error) {
	some := make([]providers.ID, len(places))
	for i, place := range places {
		some[i] = ids[place]
	}
	found, failed := n.root(ctx, some...)
	for i, place := range places {
		rows[place], errs[place] = node(found[i]), failed[i]
	}
}

// node is a record as a Node; a nil pointer becomes the nil interface.
func node[T any](row *T) model.Node {
	if row == nil {
		return nil
	}
	return any(row).(model.Node)
}

// mask hides most of an e-mail address: j…@example.com. What is no address is hidden whole.
func mask(email *string) *string {
	if email == nil {
		return nil
	}
	masked := "…"
	if at := strings.LastIndexByte(*email, '@'); at > 0 {
		_, size := utf8.DecodeRuneInString(*email)
		masked = (*email)[:size] + "…" + (*email)[at:]
	}
	return &masked
}
