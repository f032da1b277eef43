package firstpromoter

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// payoutList is GET /payouts: payouts, assumed to come newest first, as they cannot be
// sorted by when they were made. There is no other way to read one.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/payouts/openapi-v2-payouts.json
//
//api:operation GET /payouts
var payoutList = endpoint[wirePayout, providers.Payout]{
	noun: providers.NounPayout, path: "/payouts", convert: (*reply).payout, core: payoutCore,
}

// payoutCore is what every payout of the list has.
var payoutCore = &wire.Core{
	Listed:  true,
	Members: []string{"status", "promoter", "campaign"},
	Knowledge: wire.NewKnowledge(nil, map[string]string{
		"createdAt": "created_at", "status": "status", "providerStatus": "status", "affiliate": "promoter", "campaign": "campaign",
	}),
}

// wirePayout is a payout. Of the payout method only its name is read (paypal, bank, wise,
// crypto, custom, dots, and stripe since July 2026): the rest are bank details.
type wirePayout struct {
	wire.Members
	ID           int64             `json:"id"`
	Status       *string           `json:"status"`
	Amount       providers.Decimal `json:"amount"`
	TaxRate      providers.Decimal `json:"tax_rate"`
	TotalInclTax providers.Decimal `json:"total_incl_tax"`
	Unit         *string           `json:"unit"`
	PeriodStart  *time.Time        `json:"period_start"`
	PeriodEnd    *time.Time        `json:"period_end"`
	CreatedAt    *time.Time        `json:"created_at"`
	PaidAt       *time.Time        `json:"paid_at"`
	Error        *string           `json:"error"`
	PayoutMethod *struct {
		Method *string `json:"method"`
	} `json:"payout_method"`
	Promoter wire.Related[wirePerson]   `json:"promoter"`
	Campaign wire.Related[wireCampaign] `json:"campaign"`
}

// payoutStates are the states of a payout.
var payoutStates = vocabulary[providers.PayoutStatus]{
	{"pending", providers.PayoutPending},
	{"processing", providers.PayoutProcessing},
	{"completed", providers.PayoutPaid},
	{"failed", providers.PayoutFailed},
	{"cancelled", providers.PayoutCanceled},
}

func (r *reply) payout(w *wirePayout) *providers.Payout {
	t := &providers.Payout{
		Node:           r.node(providers.NounPayout, w.ID, w.CreatedAt, nil),
		Status:         payoutStates.status(w.Status),
		ProviderStatus: text(w.Status),
		PeriodStart:    w.PeriodStart,
		PeriodEnd:      w.PeriodEnd,
		PaidAt:         w.PaidAt,
		Error:          text(w.Error),
	}
	t.Amount, t.Reward = r.worth(w.Unit, w.Amount)
	t.TotalWithTax, _ = r.worth(w.Unit, w.TotalInclTax)
	if w.TaxRate.Set {
		t.TaxRate = &w.TaxRate.Value
	}
	if w.PayoutMethod != nil {
		t.Method = text(w.PayoutMethod.Method)
	}
	t.AffiliateID, t.CampaignID = r.person(w.Promoter), r.campaignStub(w.Campaign)
	return t
}

// Payouts plans lists of payouts, one for each affiliate, or else for each state.
func (p *provider) Payouts(f providers.PayoutFilter) ([]providers.List[providers.Payout], error) {
	l := p.payoutPlan(f)
	l.ids(byPromoter, providers.NounAffiliate, f.Affiliates)
	statuses(l, "filters[status]", payoutStates, f.Statuses)
	return payoutList.lists(p, l), nil
}

func (p *provider) payoutPlan(f providers.PayoutFilter) *plan {
	l := p.plan()
	l.many("filters[campaign_id]", providers.NounCampaign, f.Campaigns)
	return l
}

// PayoutsByID reads payouts, a hundred a call.
func (p *provider) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
	return payoutList.byIDs(ctx, p, p.numbers(providers.NounPayout, ids), need)
}

// PayoutReporter is what an account at FirstPromoter tells about its payouts beside the
// records. It is no part of the graph; a provider of this package is one. All methods are
// safe for concurrent use.
type PayoutReporter interface {
	// PayoutStats sums payouts up by the month they were paid for, by state and by method
	// of payment. At most one state may be asked for.
	PayoutStats(ctx context.Context, f providers.PayoutFilter) (*PayoutStats, error)

	// DuePayouts sums up what is to be paid: by "next", "overdue" and "custom".
	DuePayouts(ctx context.Context, f providers.PayoutFilter) (map[string]PayoutTotal, error)

	// PayoutsByPromoter are the payouts by whom they are for.
	PayoutsByPromoter(ctx context.Context, f providers.PayoutFilter) ([]PromoterPayouts, error)
}

var _ PayoutReporter = (*provider)(nil)

// PayoutStats are sums of payouts, cut in three ways.
type PayoutStats struct {
	ByPeriod []PayoutTotal
	ByStatus map[string]PayoutTotal // by the vendor's words
	ByMethod map[string]PayoutTotal // by the vendor's words
}

// PayoutTotal is a sum of payouts. Units are never added up: money stands apart from each reward.
type PayoutTotal struct {
	Promoters    *int64             // how many are paid
	Amount       *providers.Money   // without tax; nil where there is no money in it
	Rewards      []providers.Reward // by unit, in the order of the alphabet
	TotalWithTax *providers.Money   // nil where the vendor does not say
	PeriodStart  *time.Time         // nil where the sum is not of one period
	PeriodEnd    *time.Time         // likewise
	DueDate      *time.Time         // nil where there is none
}

// PromoterPayouts are the payouts of one affiliate.
type PromoterPayouts struct {
	AffiliateID providers.ID
	Payable     *bool // whether the vendor's conditions for paying are met
	Payouts     []*providers.Payout
}

type wireTotal struct {
	PromotersCount *int64                    `json:"promoters_count"`
	Amounts        byName[providers.Decimal] `json:"amounts"`
	TotalInclTax   providers.Decimal         `json:"total_incl_tax"`
	PeriodStart    *time.Time                `json:"period_start"`
	PeriodEnd      *time.Time                `json:"period_end"`
	DueDate        *time.Time                `json:"due_date"`
}

func (r *reply) total(w wireTotal) PayoutTotal {
	t := PayoutTotal{
		Promoters: w.PromotersCount, TotalWithTax: r.cents(w.TotalInclTax, r.config.Currency),
		PeriodStart: w.PeriodStart, PeriodEnd: w.PeriodEnd, DueDate: w.DueDate,
	}
	for _, unit := range sortedKeys(w.Amounts, strings.Compare) {
		amount, reward := r.worth(&unit, w.Amounts[unit])
		if amount != nil {
			t.Amount = amount
		}
		if reward != nil {
			t.Rewards = append(t.Rewards, *reward)
		}
	}
	return t
}

func (r *reply) totals(w byName[wireTotal]) map[string]PayoutTotal {
	totals := make(map[string]PayoutTotal, len(w))
	for name, total := range w {
		totals[name] = r.total(total)
	}
	return totals
}

// hasData wants an aggregate.
func hasData(m wire.Members) error {
	if !m.Has("data") {
		return errNoData
	}
	return nil
}

// report reads an aggregate, narrowed by f, which may name one state at most.
func report[E any](
	ctx context.Context, p *provider, path string, f providers.PayoutFilter, query url.Values, verify func(*E) error,
) (*reply, *E, error) {
	l := p.payoutPlan(f)
	statuses(l, "filters[status]", payoutStates, f.Statuses)
	queries := l.Queries()
	if len(queries) != 1 || len(f.Affiliates) > 0 || slices.Contains(f.Statuses, providers.PayoutUnknown) {
		return nil, nil, &providers.Error{Account: p.config.Account, Provider: name, Op: "GET " + path, Kind: providers.KindInvalid}
	}
	maps.Copy(query, queries[0])
	return read(ctx, p, request(path, query), verify)
}

// PayoutStats is GET /payouts/stats: sums of payouts.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/payouts/openapi-v2-payouts.json
//
//api:operation GET /payouts/stats
func (p *provider) PayoutStats(ctx context.Context, f providers.PayoutFilter) (*PayoutStats, error) {
	type stats struct {
		wire.Members
		Data struct {
			ByPaidPeriod   []wireTotal       `json:"by_paid_period"`
			ByStatus       byName[wireTotal] `json:"by_status"`
			ByPayoutMethod byName[wireTotal] `json:"by_payout_method"`
		} `json:"data"`
	}
	query := url.Values{"stats_by[paid_period]": {"true"}, "stats_by[status]": {"true"}, "stats_by[payout_method]": {"true"}}
	r, w, err := report(ctx, p, "/payouts/stats", f, query, func(s *stats) error { return hasData(s.Members) })
	if err != nil {
		return nil, err
	}
	s := &PayoutStats{ByStatus: r.totals(w.Data.ByStatus), ByMethod: r.totals(w.Data.ByPayoutMethod)}
	for _, total := range w.Data.ByPaidPeriod {
		s.ByPeriod = append(s.ByPeriod, r.total(total))
	}
	return s, nil
}

// DuePayouts is GET /payouts/due_stats: sums of what is to be paid.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/payouts/openapi-v2-payouts.json
//
//api:operation GET /payouts/due_stats
func (p *provider) DuePayouts(ctx context.Context, f providers.PayoutFilter) (map[string]PayoutTotal, error) {
	type due struct {
		wire.Members
		Data byName[wireTotal] `json:"data"`
	}
	r, w, err := report(ctx, p, "/payouts/due_stats", f, url.Values{}, func(d *due) error { return hasData(d.Members) })
	if err != nil {
		return nil, err
	}
	return r.totals(w.Data), nil
}

// PayoutsByPromoter is GET /payouts/group_by_promoters: payouts by whom they are for. It
// has no documented pages.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/payouts/openapi-v2-payouts.json
//
//api:operation GET /payouts/group_by_promoters
func (p *provider) PayoutsByPromoter(ctx context.Context, f providers.PayoutFilter) ([]PromoterPayouts, error) {
	type group struct {
		Promoter        wire.Related[wirePerson] `json:"promoter"`
		Payouts         []wirePayout             `json:"payouts"`
		IsAmountPayable *bool                    `json:"is_amount_payable"`
	}
	r, w, err := report(ctx, p, "/payouts/group_by_promoters", f, url.Values{}, isList[group])
	if err != nil {
		return nil, err
	}
	groups := make([]PromoterPayouts, len(w.All))
	for i, g := range w.All {
		groups[i] = PromoterPayouts{AffiliateID: r.person(g.Promoter), Payable: g.IsAmountPayable}
		for j := range g.Payouts {
			if t := r.payout(&g.Payouts[j]); !t.ID.IsZero() {
				groups[i].Payouts = append(groups[i].Payouts, t)
			}
		}
	}
	return groups, nil
}

// payoutPaid is an action on payouts, here on one.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/payouts/openapi-v2-payouts.json
//
//api:operation POST /payouts/mark_as_paid
const payoutPaid = "POST /payouts/mark_as_paid"

// payoutsBody is what the actions on payouts take.
type payoutsBody struct {
	IDs []int64 `json:"ids"`
}

// markPayoutPaid is POST /payouts/mark_as_paid: of the payout as it stands, so that what is
// in it is read and held against what was expected just before.
type markPayoutPaid struct {
	*providers.MarkPayoutPaidInput
}

func (m markPayoutPaid) wants(p *provider) (r providers.Problems) {
	r.When(m.Note != nil, providers.ProblemUnsupported, "note", "FirstPromoter does not take it")
	r.When(m.Message != nil, providers.ProblemUnsupported, "message", "FirstPromoter does not take it")
	return append(r, p.named(providers.NounPayout, "id", m.ID)...)
}

func (m markPayoutPaid) plan(ctx context.Context, p *provider) (*providers.Write, error) {
	t, _, err := payoutList.nowListed(ctx, p, m.ID, "id")
	if err != nil {
		return nil, err
	}
	switch {
	case t.Amount == nil:
		return nil, providers.Problemf(providers.ProblemWrongState, "id", "the payout is no money")
	case t.Status != providers.PayoutPending:
		return nil, providers.Problemf(
			providers.ProblemWrongState,
			"id",
			"the payout is %s; only one that is PENDING can be marked",
			t.Status,
		)
	}
	e := commissionList
	e.convert = paidBy(m.ID)
	all, err := e.whole(ctx, p, url.Values{byPayout: {m.ID.Local}})
	if err == nil && all.Unread > 0 { // which would be paid without being named
		err = p.badReply("GET "+e.path, errNoID)
	}
	if err != nil {
		return nil, err
	}
	if err := m.agrees(t, all.Items); err != nil {
		return nil, err
	}
	return &providers.Write{
		Op:     payoutPaid,
		Before: providers.Image(stateImage{string(t.Status)}),
		Send: func(ctx context.Context) (*providers.Written, error) {
			if err := p.act(ctx, payoutPaid, payoutsBody{[]int64{numberOf(m.ID)}}); err != nil {
				return nil, err
			}
			return m.written(t, providers.Harvest{}), nil
		},
	}, nil
}

// agrees holds a payout and all that is in it against what was expected.
func (m markPayoutPaid) agrees(t *providers.Payout, all []*providers.Commission) error {
	var sum int64
	found := map[providers.ID]bool{}
	for _, c := range all {
		if found[c.ID] {
			continue // a row that moved to the next page while the pages were read
		}
		found[c.ID] = true
		if !slices.Contains(m.Commissions, c.ID) {
			return providers.Problemf(providers.ProblemConflict, "commissions", "the payout holds commissions that are not named")
		}
		if c.Amount == nil || c.AffiliateID != t.AffiliateID || c.Status != providers.CommissionApproved {
			return providers.Problemf(
				providers.ProblemConflict,
				"commissions",
				"the payout holds commissions that are not approved money of its affiliate's",
			)
		}
		n, ok := cents(*c.Amount)
		if !ok {
			return providers.Problemf(providers.ProblemConflict, "commissions", "the payout holds a commission that is no number of cents")
		}
		sum += n
	}
	for i, id := range m.Commissions {
		if !found[id] {
			return providers.Problemf(providers.ProblemConflict, fmt.Sprintf("commissions.%d", i), "is not in the payout")
		}
	}
	expected, ok := cents(m.ExpectedTotal)
	amount, whole := cents(*t.Amount)
	switch {
	case !ok || !whole || expected != amount || m.ExpectedTotal.CurrencyCode != t.Amount.CurrencyCode:
		return providers.Problemf(
			providers.ProblemConflict,
			"expectedTotal",
			"the payout is of %s %s",
			t.Amount.Amount,
			t.Amount.CurrencyCode,
		)
	case expected != sum:
		return providers.Problemf(providers.ProblemConflict, "expectedTotal", "is not the sum of the payout's commissions")
	}
	return nil
}

// written: the commissions become paid with it, and the affiliate's balances change.
func (m markPayoutPaid) written(t *providers.Payout, h providers.Harvest) *providers.Written {
	return written(
		m.ID,
		h,
		[]providers.Noun{providers.NounPayout, providers.NounCommission},
		append([]providers.ID{m.ID, t.AffiliateID}, m.Commissions...)...)
}

func (m markPayoutPaid) look(
	ctx context.Context,
	p *provider,
	before json.RawMessage,
	_ bool,
) (providers.Verdict, *providers.Written, error) {
	t, h, err := payoutList.nowListed(ctx, p, m.ID, "id")
	if err != nil {
		return "", nil, err
	}
	h.Payouts = append(h.Payouts, t)
	// The target of this write is all payouts, and others do not disturb this one: nothing
	// here marks one as unpaid.
	asBefore := t.ProviderStatus != nil && string(t.Status) == pictured[stateImage](before).State
	return providers.JudgeState(t.Status == providers.PayoutPaid, asBefore, false), m.written(t, h), nil
}
