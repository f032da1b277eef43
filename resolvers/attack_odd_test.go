package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// left is an account at a vendor with an affiliate who has left a campaign: some of what is
// theirs is still in it.
type left struct {
	providers.Provider
	campaign providers.ID // zero: nobody has
}

// remaining are lists of which every second row is in the campaign that was left. The
// vendor applies the whole filter.
func remaining[T providers.Record](l *left, match func(*T) bool, campaign func(*T) *providers.ID, lists []providers.List[T], err error) ([]providers.List[T], error) {
	lists = slices.Clone(lists)
	for i, list := range lists {
		lists[i].Exact, lists[i].Within, lists[i].Page = true, nil, func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			p, err := list.Page(ctx, r)
			if err != nil {
				return nil, err
			}
			page := &providers.Page[T]{More: p.More}
			for i, row := range p.Items {
				row := *row
				if i%2 == 1 {
					*campaign(&row) = l.campaign
				}
				if match(&row) {
					page.Items = append(page.Items, &row)
				}
			}
			return page, nil
		}
	}
	return lists, err
}

func (l *left) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	if l.campaign.IsZero() {
		return l.Provider.Referrals(f)
	}
	match := f.Match
	f.Campaigns = nil
	lists, err := l.Provider.Referrals(f)
	return remaining(l, match, func(r *providers.Referral) *providers.ID { return &r.CampaignID }, lists, err)
}

func (l *left) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	if l.campaign.IsZero() {
		return l.Provider.Commissions(f)
	}
	match := f.Match
	f.Campaigns = nil
	lists, err := l.Provider.Commissions(f)
	return remaining(l, match, func(c *providers.Commission) *providers.ID { return &c.CampaignID }, lists, err)
}

// TestAttackLeft wants a campaign that a partner has left to be none for them: what was
// theirs in it is neither found nor counted by it, though it is shown.
func TestAttackLeft(t *testing.T) {
	odd := new(left)
	vendors(t, setup{wrap: func(p providers.Provider) providers.Provider { odd.Provider = p; return odd }}, func(t *testing.T, w *world, vendor string, all *truth) {
		odd.campaign = providers.ID{}
		self, stays := all.some()[0], ""
		joined := all.campaignsOf(self)
		stays = joined[0]
		odd.campaign, _ = providers.ParseID(stays)
		odd.campaign.Local = "99999"
		defer func() { odd.campaign = providers.ID{} }()
		for _, list := range []string{"referrals", "commissions"} {
			a := w.as(partner(self), fmt.Sprintf(`{ all: %[1]s(first: 100) { nodes { id campaign { id } } }
				those: %[1]s(first: 100, filter: { campaigns: [%[2]q, %[3]q] }) { totalCount nodes { id campaign { id } } } }`, list, stays, odd.campaign), nil)
			var data struct {
				All, Those struct {
					TotalCount *int
					Nodes      []object
				}
			}
			if err := json.Unmarshal(a.Data, &data); err != nil || len(a.Errors) > 0 {
				t.Fatalf("%v: %s", err, clipped(a.text))
			}
			if len(data.All.Nodes) <= len(data.Those.Nodes) || len(data.Those.Nodes) == 0 {
				t.Errorf("%d %s of all are in a campaign that the partner is in: nothing is proven", len(data.Those.Nodes), list)
			}
			if n := data.Those.TotalCount; n != nil && *n != len(data.Those.Nodes) {
				t.Errorf("%d %s are counted, and %d shown", *n, list, len(data.Those.Nodes))
			}
			for _, row := range data.Those.Nodes {
				if at(row, "campaign", "id") != stays {
					t.Errorf("%s: %v is found by the campaign that was left", list, row)
				}
			}
		}
	})
}

// folding is an account at a vendor who takes letters for the same that are not, as many
// databases do.
type folding struct {
	providers.Provider
	email, asked string
}

func (f *folding) Affiliates(filter providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	if f.asked != "" && filter.Email == f.asked {
		filter.Email = f.email
	}
	return f.Provider.Affiliates(filter)
}

// TestAttackFolded wants somebody whose address differs by a letter to be nobody, though
// Unicode has that letter, in the other case, be the same.
func TestAttackFolded(t *testing.T) {
	odd := new(folding)
	vendors(t, setup{wrap: func(p providers.Provider) providers.Provider { odd.Provider = p; return odd }}, func(t *testing.T, w *world, vendor string, all *truth) {
		for _, a := range all.affiliates {
			email, _ := a["email"].(string)
			if other := strings.NewReplacer("k", "\u212a", "s", "\u017f").Replace(email); other != email && strings.EqualFold(other, email) {
				odd.email, odd.asked = email, other
			}
		}
		defer func() { odd.asked = "" }()
		if odd.asked == "" {
			t.Fatal("nobody has such a letter")
		}
		for email, want := range map[string]bool{odd.email: true, odd.asked: false} {
			a := w.as(&auth.Viewer{Name: "a partner", Role: auth.RolePartner, Email: email}, `{ viewer { affiliates { id } } affiliates { nodes { id } } accounts { id } }`, nil)
			if got := strings.Contains(a.text, `"id"`); got != want || len(a.Errors) > 0 {
				t.Errorf("%q: %s", email, clipped(a.text))
			}
		}
	})
}

// TestAttackNobody wants a partner of whom nothing is known to be nobody, and nobody to be
// looked for.
func TestAttackNobody(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		w.kits[vendor].Forget()
		w.pass(1000 * time.Hour)
		a := w.as(&auth.Viewer{Name: "a partner", Role: auth.RolePartner}, `{ viewer { affiliates { id } } accounts { id } affiliates { nodes { id } } commissions { totalCount nodes { id } } }`, nil)
		if calls := w.kits[vendor].Requests(); len(calls) > 0 || len(a.Errors) > 0 || strings.Contains(a.text, `"id"`) {
			t.Errorf("%d calls: %s", len(calls), clipped(a.text))
		}
	})
}

// terse is an account at a vendor of whom a payout is known as far as it was asked for, and
// nothing more.
type terse struct{ providers.Provider }

func (t terse) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
	b, err := t.Provider.PayoutsByID(ctx, ids, need...)
	if err != nil || len(need) == 0 || slices.Contains(need, "affiliate") {
		return b, err
	}
	out := &providers.Batch[providers.Payout]{Found: map[providers.ID]*providers.Payout{}, Failed: b.Failed}
	for id, row := range b.Found {
		row := *row
		row.AffiliateID, row.Known = providers.ID{}, providers.Only(need...)
		out.Found[id] = &row
	}
	return out, nil
}

// TestPartnerPayoutsPartly wants partners to see their payouts whatever they ask of them:
// whose these are is asked for as well.
func TestPartnerPayoutsPartly(t *testing.T) {
	vendors(t, setup{wrap: func(p providers.Provider) providers.Provider { return terse{p} }}, func(t *testing.T, w *world, vendor string, all *truth) {
		if vendor == "firstpromoter" {
			t.Skip("its commissions do not say which payout they are in")
		}
		var self string
		for _, c := range all.of["commissions"] {
			if at(c, "payout", "affiliate", "id") == at(c, "affiliate", "id") && at(c, "payout", "id") != nil {
				self = at(c, "affiliate", "id").(string)
			}
		}
		want := 0
		for _, c := range all.own("commissions", self) {
			if at(c, "payout", "id") != nil {
				want++
			}
		}
		got := 0
		for _, c := range w.rows(partner(self), "commissions", "{}", "id payout { id status }") {
			if at(c, "payout", "status") != nil {
				got++
			}
		}
		if got != want || want == 0 {
			t.Errorf("%d commissions have a payout, want %d", got, want)
		}
	})
}
