package providertest

import (
	"maps"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// parentFilters name parents that rows have, some that may have none, and several at once.
func (c col[T, F]) parentFilters(w *world, pa parent[T, F]) (filters []F) {
	ids := distinct(c.rows(w).all, func(r *T) (providers.ID, bool) { id := pa.of(r); return id, !id.IsZero() })
	for _, id := range spread(w.idsOf(pa.noun)) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		filters = append(filters, pa.filter(id))
	}
	if len(ids) > 1 {
		filters = append(filters, pa.filter(ids...))
	}
	return filters
}

func (w *world) idsOf(n providers.Noun) []providers.ID {
	switch n {
	case providers.NounAffiliate:
		return w.affiliates.ids()
	case providers.NounCampaign:
		return w.campaigns.ids()
	case providers.NounReferral:
		return w.referrals.ids()
	case providers.NounPayout:
		return w.payouts.ids()
	}
	return nil
}

// filtered are the rows of a filter's lists that match, and proves what holds of such lists.
func (c col[T, F]) filtered(t *testing.T, w *world, p providers.Provider, f F, within bool) map[providers.ID]*T {
	t.Helper()
	got := map[providers.ID]*T{}
	for _, l := range c.mustPlan(t, p, f) {
		mine := map[providers.ID]bool{}
		for _, row := range c.walk(t, w, p, l) {
			node := providers.NodeOf(row)
			if c.match(f, row) {
				got[node.ID], mine[node.ID] = row, true
			} else if l.Exact {
				t.Errorf("%+v: list %q is exact, but holds %+v, which does not match", f, l.Key, node.ID)
			}
		}
		if l.Within == nil || !within {
			continue
		}
		in := map[providers.ID]bool{}
		for _, row := range c.walk(t, w, p, *l.Within) {
			if c.match(f, row) {
				in[providers.NodeOf(row).ID] = true
			}
		}
		for id := range mine {
			if !in[id] {
				t.Errorf(
					"%+v: list %q holds %+v, which does not match, or is not, in the list within which it lies, %q",
					f,
					l.Key,
					id,
					l.Within.Key,
				)
			}
		}
	}
	return got
}

// try holds filtered lists against the unfiltered ones.
func (c col[T, F]) try(t *testing.T, w *world, p providers.Provider, pr probe[T, F]) {
	r := c.rows(w)
	must := pr.must
	if must == nil {
		must = c.match
	}
	matched := 0
	for i, f := range pr.filters(w) {
		got := c.filtered(t, w, p, f, i == 0)
		matched += len(got)
		for id, whole := range r.byID {
			if (pr.all || r.base[id] != nil) && must(f, whole) && got[id] == nil {
				t.Errorf("%+v: %+v matches, but is not in the lists", f, id)
			}
		}
		for id, row := range got {
			whole := r.byID[id]
			if whole == nil {
				t.Errorf("%+v gives %+v, which no unfiltered list has", f, id)
			} else if !c.match(f, whole) && (c.unsure == nil || !c.unsure(f, whole)) {
				t.Errorf(
					"%+v gives %+v, which matches only here; it differs (-) from the record by its id (+):\n%s",
					f,
					id,
					Diff(row, whole),
				)
			} else if d := Diff(row, whole); d != "" {
				t.Errorf("%+v: %+v differs here (-) and by its id (+):\n%s", f, id, d)
			}
		}
	}
	switch {
	case matched > 0:
	case pr.can != "" && !slices.Contains(p.Account().Capabilities, pr.can):
		t.Skipf("no row passes any filter that was tried, and the account does not claim %s", pr.can)
	default:
		t.Error("no row passes any filter that was tried: the world has nothing to prove it with")
	}
}

// nobody: filters by records that are another account's, or not there.
func (c col[T, F]) nobody(t *testing.T, w *world, p providers.Provider, pa parent[T, F]) {
	foreign := providers.ID{Account: "somebody-elses", Noun: pa.noun, Local: "1"}
	if lists := c.mustPlan(t, p, pa.filter(foreign)); len(lists) != 0 {
		t.Errorf("a filter by a record of another account plans %d lists, the first is %q; want none", len(lists), lists[0].Key)
	}
	for _, local := range []string{"no-such", "999999999999", "1~2"} {
		f := pa.filter(providers.ID{Account: w.account, Noun: pa.noun, Local: local})
		if got := c.filtered(t, w, p, f, false); len(got) != 0 {
			t.Errorf("%+v names nobody, but %d rows match", f, len(got))
		}
	}
	own := distinct(c.rows(w).all, func(r *T) (providers.ID, bool) { id := pa.of(r); return id, !id.IsZero() })
	if len(own) == 0 {
		return
	}
	one := c.filtered(t, w, p, pa.filter(own[0]), false)
	if two := c.filtered(t, w, p, pa.filter(own[0], foreign), false); len(one) != len(two) {
		t.Errorf("a filter by %+v gives %d rows, and %d with another account's record beside it; want as many", own[0], len(one), len(two))
	}
}

// ofPayouts: the commissions of a payout are those that it says it covers.
func ofPayouts(t *testing.T, w *world, p providers.Provider) {
	lists := columns()
	at := slices.IndexFunc(lists, func(c column) bool { return c.noun() == providers.NounCommission })
	c := lists[at].(col[providers.Commission, providers.CommissionFilter])
	some := 0
	for _, payout := range spread(w.payouts.all) {
		f := providers.CommissionFilter{Payouts: []providers.ID{payout.ID}}
		got := c.filtered(t, w, p, f, false)
		f.Parent.Payout = payout
		if known := c.filtered(t, w, p, f, false); !maps.EqualFunc(got, known, func(a, b *providers.Commission) bool { return true }) {
			t.Errorf("%+v has %d commissions, but %d once its record is known", payout.ID, len(got), len(known))
		}
		some += len(got)
		if n := payout.CommissionCount; n != nil && *n != int64(len(got)) {
			t.Errorf("%+v counts %d commissions, but %d are found", payout.ID, *n, len(got))
		}
		for _, id := range payout.CommissionIDs {
			if got[id] == nil {
				t.Errorf("%+v covers %+v, which is not found among its commissions", payout.ID, id)
			}
		}
		for id, row := range got {
			if payout.CommissionIDs != nil && !slices.Contains(payout.CommissionIDs, id) {
				t.Errorf("%+v is found among the commissions of %+v, which does not cover it", id, payout.ID)
			}
			if row.AffiliateID != payout.AffiliateID {
				t.Errorf("%+v is found among the commissions of %+v, which is another affiliate's", id, payout.ID)
			}
		}
	}
	if some == 0 {
		t.Error("no payout that was tried has a commission")
	}
}
