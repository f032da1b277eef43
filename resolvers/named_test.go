package resolvers

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// deaf is an account at a vendor who answers with the same commissions whoever's are asked for.
type deaf struct {
	providers.Provider
	commissions []*providers.Commission
	read        []providers.ID // the payouts that were read by their ids
}

func odd(noun providers.Noun, local string) providers.ID {
	return providers.ID{Account: "odd", Noun: noun, Local: local}
}

func (d *deaf) AccountID() string { return "odd" }

func (d *deaf) Account() providers.Account {
	return providers.Account{Node: providers.Node{ID: odd(providers.NounAccount, "")}}
}

func (d *deaf) Owner(id providers.ID) (providers.ID, bool) {
	return id, id.Noun == providers.NounAffiliate
}

func (d *deaf) Commissions(providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	return []providers.List[providers.Commission]{{Page: func(context.Context, providers.PageRequest) (*providers.Page[providers.Commission], error) {
		return &providers.Page[providers.Commission]{Items: d.commissions}, nil
	}}}, nil
}

func (d *deaf) Payouts(providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	return nil, nil
}

func (d *deaf) PayoutsByID(_ context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Payout], error) {
	d.read = append(d.read, ids...)
	return &providers.Batch[providers.Payout]{}, nil
}

// TestPartnerNamed wants a payout that the partner's own commissions name to be read, and
// none that is named in a list with rows of others, which is no list of theirs.
func TestPartnerNamed(t *testing.T) {
	me, payout, others := odd(providers.NounAffiliate, "1"), odd(providers.NounPayout, "1"), odd(providers.NounPayout, "2")
	mine := &providers.Commission{Node: providers.Node{ID: odd(providers.NounCommission, "1")}, AffiliateID: me, PayoutID: payout}
	another := &providers.Commission{Node: providers.Node{ID: odd(providers.NounCommission, "2")}, AffiliateID: odd(providers.NounAffiliate, "2"), PayoutID: others}
	for name, c := range map[string]struct {
		rows []*providers.Commission
		told bool // that the vendor does not narrow it
		want []providers.ID
	}{
		"their own list":   {[]*providers.Commission{mine}, false, []providers.ID{payout}},
		"everybody's list": {[]*providers.Commission{mine, another}, true, nil},
	} {
		d := &deaf{commissions: c.rows}
		r := New(Options{Accounts: []providers.Provider{d}, Pages: 1, Logger: slog.New(slog.DiscardHandler)})
		ctx := withLoaders(auth.WithViewer(t.Context(), &auth.Viewer{Role: auth.RolePartner, Affiliates: []string{me.String()}}), newLoaders(r))
		p, ok := r.provider(ctx, "odd")
		if !ok {
			t.Fatal("the partner is nobody")
		}
		lists, err := p.Commissions(providers.CommissionFilter{})
		if err != nil || len(lists) != 1 {
			t.Fatalf("%s: %d lists, %v", name, len(lists), err)
		}
		if _, err := lists[0].Page(ctx, providers.PageRequest{Number: 1}); (providers.KindOf(err) == providers.KindUnsupported) != c.told || (err != nil) != c.told {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := p.PayoutsByID(ctx, []providers.ID{payout, others}); err != nil || b.Found[others] != nil {
			t.Errorf("%s: %v, %v", name, b, err)
		}
		if !slices.Equal(d.read, c.want) {
			t.Errorf("%s: %v are read, want %v", name, d.read, c.want)
		}
	}
}
