package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Options are what a [Fake] is made from. The zero Options make one of pages of ten rows
// that tells totals and whose replies carry whole records.
type Options struct {
	PageSize int // 0: 10
	Totals   Totals

	// Stubs makes commissions and payouts carry their affiliates as stubs that know e-mail
	// and name.
	Stubs bool

	// PayoutsUnknown makes commissions know their payout only in lists that are filtered by
	// payout.
	PayoutsUnknown bool

	// Empty makes a Fake without records, for those that Insert puts in.
	Empty bool

	Now func() time.Time // of FetchedAt; nil: time.Now

	// Before runs at the start of every call, if set; its error is the call's. It may
	// block. op is the name of the method and what it was asked: "Affiliates page 2",
	// "CampaignsByID 3".
	Before func(ctx context.Context, op string) error
}

// Totals says how a [Fake] tells the length of its lists.
type Totals int

// The ways to tell a list's length.
const (
	TotalInPage  Totals = iota // Page.Total
	TotalCounted               // List.Count
	TotalNone                  // not at all: a full page may be the last
)

// Fake is a [providers.Provider] in memory that keeps the whole contract, with a small
// world that is always the same. Each page, count, batch of ids, raw record and ping is one
// call. It is safe for concurrent use.
type Fake struct {
	o       Options
	account string

	mu    sync.Mutex
	ops   []string
	fails map[providers.ID]error

	tables
}

var _ providers.Provider = (*Fake)(nil)

// Wants is nothing.
func (f *Fake) Wants(providers.Command) providers.Problems { return nil }

// Plan is not supported: the fake is read only.
func (f *Fake) Plan(ctx context.Context, c providers.Command) (*providers.Write, error) {
	return providers.Unsupported{}.Plan(ctx, c)
}

// Look is not supported.
func (f *Fake) Look(
	ctx context.Context,
	c providers.Command,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	return providers.Unsupported{}.Look(ctx, c, before, disturbed)
}

// Proofs are none.
func (f *Fake) Proofs() []providers.Proof { return nil }

// NewFake makes a Fake of an account.
func NewFake(account string, o Options) *Fake {
	if o.PageSize == 0 {
		o.PageSize = 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Fake{o: o, account: account, fails: map[providers.ID]error{}}
	if !o.Empty {
		f.tables = told(account)
	}
	return f
}

// Insert puts records in, in the place of those with the same ids. They are not to be
// changed afterwards.
func (f *Fake) Insert(h providers.Harvest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.insert(h)
}

// Remove takes records out.
func (f *Fake) Remove(ids ...providers.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.affiliates.drop(ids)
	f.memberships.drop(ids)
	f.campaigns.drop(ids)
	f.referrals.drop(ids)
	f.commissions.drop(ids)
	f.payouts.drop(ids)
	f.coupons.drop(ids)
	f.subscriptions.drop(ids)
}

// Fail makes reads of these ids end in [providers.Batch.Failed]; nil makes them succeed again.
func (f *Fake) Fail(err error, ids ...providers.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		if f.fails[id] = err; err == nil {
			delete(f.fails, id)
		}
	}
}

// Spent is how many calls were made.
func (f *Fake) Spent() int { return len(f.Ops()) }

// Ops are the calls that were made, in the order they began.
func (f *Fake) Ops() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ops)
}

// call makes one call: it counts and traces it, and lets Before have its say.
func (f *Fake) call(ctx context.Context, op string) error {
	err := ctx.Err()
	if err == nil {
		f.mu.Lock()
		f.ops = append(f.ops, op)
		f.mu.Unlock()
		providers.TraceFrom(ctx).
			Add(providers.Call{Account: f.account, Method: "FAKE", Path: op, Status: 200, Source: providers.SourceVendor, Attempt: 1})
		if f.o.Before != nil {
			err = f.o.Before(ctx, op)
		}
	}
	return f.fault(op, err)
}

func (f *Fake) fault(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*providers.Error](err); ok {
		return err
	}
	kind := providers.KindUnavailable
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		kind = providers.KindCanceled
	}
	return &providers.Error{Account: f.account, Provider: "fake", Op: op, Kind: kind, Err: err}
}

// reply copies rows as a reply of just now would have them.
func reply[T providers.Record](f *Fake, rows []*T, payouts bool) []*T {
	now := f.o.Now()
	out := make([]*T, len(rows))
	for i, r := range rows {
		row := *r
		providers.NodeOf(&row).FetchedAt = now
		if c, ok := any(&row).(*providers.Commission); ok && f.o.PayoutsUnknown && !payouts {
			c.PayoutID, c.PayoutUnknown = providers.ID{}, true
		}
		out[i] = &row
	}
	return out
}

// stub is all that some replies say of an affiliate.
var stub = providers.Only("email", "name")

// along is what a reply carries besides its rows.
func along[T providers.Record](f *Fake, rows []*T) (h providers.Harvest) {
	affiliates, campaigns := map[providers.ID]bool{}, map[providers.ID]bool{}
	for _, row := range rows {
		switch r := any(row).(type) {
		case *providers.Affiliate:
			h.Memberships = append(h.Memberships, r.Memberships...)
			h.Coupons = append(h.Coupons, r.Coupons...)
		case *providers.Referral:
			affiliates[r.AffiliateID], campaigns[r.CampaignID] = true, true
		case *providers.Commission:
			affiliates[r.AffiliateID], campaigns[r.CampaignID] = true, true
		case *providers.Payout:
			affiliates[r.AffiliateID] = true
		}
	}
	for id := range affiliates {
		a := f.affiliates.get(id)
		if a == nil {
			continue
		}
		if f.o.Stubs {
			a = &providers.Affiliate{Node: providers.Node{ID: a.ID, ProviderID: a.ProviderID, Known: stub}, Email: a.Email, Name: a.Name}
		}
		h.Affiliates = append(h.Affiliates, a)
	}
	for id := range campaigns {
		if c := f.campaigns.get(id); c != nil {
			h.Campaigns = append(h.Campaigns, c)
		}
	}
	h.Affiliates, h.Campaigns = reply(f, h.Affiliates, false), reply(f, h.Campaigns, false)
	h.Memberships, h.Coupons = reply(f, h.Memberships, false), reply(f, h.Coupons, false)
	return h
}

// list is the list of the rows that match; what names it in its key.
func list[T providers.Record](f *Fake, t *table[T], name, what string, match func(*T) bool, payouts bool) providers.List[T] {
	matching := func() (rows []*T) {
		for _, r := range t.rows {
			if match(r) {
				rows = append(rows, r)
			}
		}
		return rows
	}
	l := providers.List[T]{Key: name + "/" + what, Exact: true}
	l.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
		if err := f.call(ctx, fmt.Sprintf("%s page %d", name, r.Number)); err != nil {
			return nil, err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		rows := matching()
		from := min((r.Number-1)*f.o.PageSize, len(rows))
		to := min(from+f.o.PageSize, len(rows))
		p := &providers.Page[T]{Items: reply(f, rows[from:to], payouts), More: to < len(rows), Harvest: along(f, rows[from:to])}
		switch f.o.Totals {
		case TotalInPage:
			total := int64(len(rows))
			p.Total = &total
		case TotalNone:
			p.More = to-from == f.o.PageSize
		}
		return p, nil
	}
	if f.o.Totals == TotalCounted {
		l.Count = func(ctx context.Context) (int64, error) {
			if err := f.call(ctx, name+" count"); err != nil {
				return 0, err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			return int64(len(matching())), nil
		}
	}
	return l
}

// plan answers the one list of a filter; ids are those that the filter names, field by field.
func plan[T providers.Record, F any](
	f *Fake,
	t *table[T],
	name string,
	filter F,
	match func(F, *T) bool,
	ids ...[]providers.ID,
) ([]providers.List[T], error) {
	payouts := false
	for _, field := range ids {
		if len(field) > 0 && !slices.ContainsFunc(field, func(id providers.ID) bool { return id.Account == f.account }) {
			return nil, nil
		}
	}
	if c, ok := any(filter).(providers.CommissionFilter); ok {
		payouts = len(c.Payouts) > 0
	}
	b, err := json.Marshal(filter)
	if err != nil {
		return nil, f.fault(name, err)
	}
	h := fnv.New64a() // filters hold e-mail addresses, and keys must not
	h.Write(b)
	l := list(f, t, name, fmt.Sprintf("%x", h.Sum64()), func(r *T) bool { return match(filter, r) }, payouts)
	return []providers.List[T]{l}, nil
}

// batch reads by id, all of them in one call.
func batch[T providers.Record](ctx context.Context, f *Fake, t *table[T], name string, ids []providers.ID) (*providers.Batch[T], error) {
	b := &providers.Batch[T]{Found: map[providers.ID]*T{}}
	if len(ids) == 0 {
		return b, nil
	}
	if err := f.call(ctx, fmt.Sprintf("%sByID %d", name, len(ids))); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var rows []*T
	for _, id := range ids {
		if err := f.fails[id]; err != nil {
			if b.Failed == nil {
				b.Failed = map[providers.ID]error{}
			}
			b.Failed[id] = f.fault(name, err)
		} else if r := t.get(id); r != nil {
			rows = append(rows, r)
		}
	}
	for _, r := range reply(f, rows, false) {
		b.Found[providers.NodeOf(r).ID] = r
	}
	b.Harvest = along(f, rows)
	return b, nil
}

// AccountID is the account's id.
func (f *Fake) AccountID() string { return f.account }

// Account describes the account.
func (f *Fake) Account() providers.Account {
	can := []providers.Capability{
		providers.CanListAffiliates, providers.CanListMemberships, providers.CanListCampaigns, providers.CanListReferrals,
		providers.CanListCommissions, providers.CanListPayouts, providers.CanListCoupons, providers.CanListWebhookSubscriptions,
		providers.ReadRawRecord,
	}
	if f.o.Totals != TotalNone {
		can = append(can, providers.CountAffiliates, providers.CountMemberships, providers.CountCampaigns, providers.CountReferrals,
			providers.CountCommissions, providers.CountPayouts, providers.CountCoupons)
	}
	slices.Sort(can)
	now := f.o.Now()
	return providers.Account{
		Node: providers.NewAccountNode(
			f.account,
			now,
		),
		Name:         "Fake " + f.account,
		CurrencyCode: "USD",
		Capabilities: can,
		Status:       providers.AccountOK,
		Provider:     providers.ProviderInfo{ID: "fake", Name: "Fake", DocumentationURL: "https://example.com/docs"},
		RateLimit:    providers.RateLimit{Limit: 1000, WindowSeconds: 60, Remaining: 1000, ResetAt: now},
	}
}

// Owner says that ids tell no owner, but those of affiliates.
func (f *Fake) Owner(id providers.ID) (providers.ID, bool) {
	return id, id.Noun == providers.NounAffiliate
}

// Ping makes one call.
func (f *Fake) Ping(ctx context.Context) error { return f.call(ctx, "Ping") }

// Calls is 1 for any number of records.
func (f *Fake) Calls(_ providers.Edge, from providers.Rows, _ ...string) int {
	return min(from.Count, 1)
}

// RawRecord is the record as JSON.
func (f *Fake) RawRecord(ctx context.Context, id providers.ID) (json.RawMessage, error) {
	if err := f.call(ctx, "RawRecord"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, raw := range []func(providers.ID) json.RawMessage{
		f.affiliates.raw, f.memberships.raw, f.campaigns.raw, f.referrals.raw, f.commissions.raw, f.payouts.raw,
		f.coupons.raw, f.subscriptions.raw,
	} {
		if b := raw(id); b != nil {
			return b, nil
		}
	}
	return nil, &providers.Error{Account: f.account, Provider: "fake", Op: "RawRecord", Kind: providers.KindNotFound}
}

func (t *table[T]) raw(id providers.ID) json.RawMessage {
	r := t.get(id)
	if r == nil {
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // records are plain data
	}
	return b
}
