package cache_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/cache/cachetest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// refusals are errors that prove that nothing was written.
var refusals = []error{
	&providers.Error{Kind: providers.KindUnavailable, Unsent: true}, &providers.Error{Kind: providers.KindInvalid, Refused: true},
	providers.Problemf(providers.ProblemTaken, "id", "taken"),
}

// scribe is a fake that renames an affiliate.
type scribe struct {
	*providertest.Fake
	written *providers.Written
	stale   []providers.ID // of the plan
	err     error
}

func (s *scribe) Plan(context.Context, providers.Command) (*providers.Write, error) {
	return &providers.Write{Stale: s.stale, Send: func(context.Context) (*providers.Written, error) { return s.written, s.err }}, nil
}

func (s *scribe) Look(context.Context, providers.Command, json.RawMessage, bool) (providers.Verdict, *providers.Written, error) {
	return providers.Made, s.written, s.err
}

// TestWrites: after a write, and after a look that found one, what it answered is what is
// read, what it made stale is read anew, and the rest is still known.
func TestWrites(t *testing.T) {
	for name, write := range map[string]func(*cache.Cache) error{
		"Send": func(c *cache.Cache) error {
			w, err := c.Plan(t.Context(), nil)
			if err != nil {
				return err
			}
			_, err = w.Send(t.Context())
			return err
		},
		"Look": func(c *cache.Cache) error {
			_, _, err := c.Look(t.Context(), nil, nil, false)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := providertest.NewFake("a-1", providertest.Options{})
			s := &scribe{Fake: fake}
			c := cache.Wrap(s, cache.NewMemory(1<<20, cachetest.NewClock().Now), cache.Options{})
			read := func(local string) *providers.Affiliate {
				t.Helper()
				id := ids(local)[0]
				b, err := c.AffiliatesByID(t.Context(), []providers.ID{id})
				if err != nil || b.Found[id] == nil {
					t.Fatalf("%s: %v", local, err)
				}
				return b.Found[id]
			}
			one, two, three := read("aff001"), read("aff002"), read("aff003")

			for _, refusal := range refusals {
				if s.err = refusal; write(c) == nil {
					t.Errorf("%v: no error", refusal)
				}
				if read("aff001") != one {
					t.Errorf("%v: a write that made nothing had something forgotten", refusal)
				}
			}
			renamed := *one
			renamed.Name = new("Second")
			s.err, s.written = nil, &providers.Written{ID: one.ID, Harvest: providers.HarvestOf(&renamed), Stale: []providers.ID{two.ID}}
			if err := write(c); err != nil {
				t.Fatal(err)
			}
			if got := read("aff001"); got.Name == nil || *got.Name != "Second" {
				t.Errorf("what was written is read as %v", got.Name)
			}
			if read("aff002") == two {
				t.Error("what became stale was not read anew")
			}
			if read("aff003") != three {
				t.Error("what has nothing to do with it was forgotten")
			}
		})
	}
}

// commands are one for each mutation, as its file in package providers has it, with an id
// in every field that takes one.
func commands(id providers.ID) []providers.Command {
	var all []providers.Command
	for _, c := range []providers.Command{
		new(providers.CreateAffiliateInput), new(providers.UpdateAffiliateInput), new(providers.SetAffiliateStatusInput), new(providers.MoveAffiliateInput),
		new(providers.SetAffiliateParentInput), new(providers.ConnectCustomerInput), new(providers.AddAffiliateToCampaignInput), new(providers.UpdateMembershipInput),
		new(providers.AssignCouponInput), new(providers.CreateCampaignInput), new(providers.UpdateCampaignInput), new(providers.CreateReferralInput),
		new(providers.UpdateReferralInput), new(providers.MoveReferralInput), new(providers.SetReferralStatusInput), new(providers.CreateCommissionInput),
		new(providers.UpdateCommissionInput), new(providers.SetCommissionStatusInput), new(providers.AdjustCommissionInput), new(providers.MarkPayoutPaidInput),
		new(providers.CreateWebhookSubscriptionInput), new(providers.UpdateWebhookSubscriptionInput), new(providers.DeleteWebhookSubscriptionInput),
	} {
		fill(reflect.ValueOf(c).Elem(), id)
		all = append(all, c)
	}
	return all
}

// fill sets every id below a value.
func fill(v reflect.Value, id providers.ID) {
	switch {
	case v.Type() == reflect.TypeFor[providers.ID]():
		v.Set(reflect.ValueOf(id))
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), id)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), id)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), id)
			}
		}
	}
}

// listed is a read of the first page of each list that a noun has.
func listed[T providers.Record](t *testing.T, lists []providers.List[T], err error) []*T {
	t.Helper()
	var rows []*T
	for _, l := range lists {
		page, failed := l.Page(t.Context(), providers.PageRequest{Number: 1})
		if err = errors.Join(err, failed); failed == nil {
			rows = append(rows, page.Items...)
		}
	}
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows
}

// TestUnknownWrites: after a write whose outcome is not known, whatever it was, all lists
// are read anew, and so are the records that its command names, those that they refer to,
// and those that its plan names.
func TestUnknownWrites(t *testing.T) {
	fake := providertest.NewFake("a-1", providertest.Options{})
	all, err := fake.Commissions(providers.CommissionFilter{})
	commission := listed(t, all, err)[0]
	other := ids("aff003")
	for _, command := range commands(commission.ID) {
		t.Run(string(command.Mutation()), func(t *testing.T) {
			s := &scribe{Fake: fake, err: &providers.Error{Kind: providers.KindUnavailable}, stale: other}
			c := cache.Wrap(s, cache.NewMemory(1<<20, cachetest.NewClock().Now), cache.Options{})
			reads := []struct {
				what string
				read func() error
			}{
				{"the affiliate of the commission", func() error {
					_, err := c.AffiliatesByID(t.Context(), []providers.ID{commission.AffiliateID})
					return err
				}},
				{"the plan's affiliate", func() error { _, err := c.AffiliatesByID(t.Context(), other); return err }},
				{"the commission", func() error { _, err := c.CommissionsByID(t.Context(), []providers.ID{commission.ID}); return err }},
				{"commissions", func() error { l, err := c.Commissions(providers.CommissionFilter{}); listed(t, l, err); return nil }},
				{"affiliates", func() error { l, err := c.Affiliates(providers.AffiliateFilter{}); listed(t, l, err); return nil }},
				{"payouts", func() error { l, err := c.Payouts(providers.PayoutFilter{}); listed(t, l, err); return nil }},
				{"campaigns", func() error { l, err := c.Campaigns(providers.CampaignFilter{}); listed(t, l, err); return nil }},
				{"referrals", func() error { l, err := c.Referrals(providers.ReferralFilter{}); listed(t, l, err); return nil }},
			}
			wants := func(when string, want int) {
				t.Helper()
				for _, r := range reads {
					before := fake.Spent()
					if err := r.read(); err != nil {
						t.Fatal(err)
					}
					if got := fake.Spent() - before; (got > 0) != (want > 0) {
						t.Errorf("%s: %d calls for %s", when, got, r.what)
					}
				}
			}
			wants("at first", 1)
			wants("before the write", 0)
			w, err := c.Plan(t.Context(), command)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Send(t.Context()); !errors.Is(err, s.err) {
				t.Fatal(err)
			}
			wants("after the write", 1)
			wants("then", 0)
		})
	}
}
