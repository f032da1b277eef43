package uppromote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// markPayoutPaid says that what an affiliate is owed was paid elsewhere: the referrals
// named, which have to be all of it. No amount is sent, so that it is compared right
// before. That the ids are joined by commas is assumed.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /payments/mark-as-paid
type markPayoutPaid struct {
	*provider
	in *providers.MarkPayoutPaidInput
}

const opMarkPaid = "POST /payments/mark-as-paid"

// wireMarkPaid is what is sent.
type wireMarkPaid struct {
	AffiliateEmail string  `json:"affiliate_email"`
	ReferralIDs    string  `json:"referral_ids"`
	Note           *string `json:"note,omitempty"`
	Message        *string `json:"message,omitempty"`
}

func (c markPayoutPaid) check() (found providers.Problems) {
	switch state, _, ok := c.payout(c.in.ID); {
	case !ok:
		found = nobody("id")
	case state != dueState:
		found = providers.Problemf(providers.ProblemWrongState, "id", "was paid already")
	}
	for i, id := range c.in.Commissions {
		found = append(found, c.named(providers.NounCommission, fmt.Sprintf("commissions.%d", i), id)...)
	}
	return found
}

// affiliate is the id of who is owed.
func (c markPayoutPaid) affiliate() providers.ID {
	_, n, _ := c.payout(c.in.ID)
	return c.id(providers.NounAffiliate, n)
}

func (c markPayoutPaid) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "id", c.affiliate())
	if err != nil {
		return nil, err
	}
	if err := c.agree(ctx, a); err != nil {
		return nil, err
	}
	locals := make([]string, len(c.in.Commissions))
	for i, id := range c.in.Commissions {
		locals[i] = id.Local
	}
	body := wireMarkPaid{*a.Email, strings.Join(locals, ","), c.in.Note, c.in.Message}
	return &providers.Write{
		Op:     opMarkPaid,
		Fields: map[string]string{"affiliate_email": "id", "referral_ids": "commissions", "note": "note", "message": "message"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, odd, err := send[wirePayment](ctx, c.provider, opMarkPaid, "/payments/mark-as-paid", body)
			if err != nil {
				return nil, err
			}
			return c.made(ctx, a, &w, odd)
		},
	}, nil
}

// agree holds the input against what is owed now, as the vendor sums it and as its referrals say.
func (c markPayoutPaid) agree(ctx context.Context, a *providers.Affiliate) error {
	conflict := func(field, format string, args ...any) error {
		return providers.Problemf(providers.ProblemConflict, field, format, args...)
	}
	var due *providers.Payout
	for row, err := range payoutsOf(ctx, c.provider, unpaidList, a) {
		if err != nil {
			return err
		}
		if row.ID == c.in.ID {
			due = row
			break
		}
	}
	switch {
	case due == nil:
		return providers.Problemf(providers.ProblemWrongState, "id", "is not due: nothing is owed to the affiliate")
	case due.Amount == nil:
		return c.bad("GET "+unpaidList.path, errNoData)
	}
	agree := func(ids []providers.ID) error {
		switch {
		case !sameIDs(ids, c.in.Commissions):
			return conflict("commissions", "are not those that are due now, which are %d", len(ids))
		case !due.Amount.Amount.Equal(c.in.ExpectedTotal.Amount):
			return conflict("expectedTotal", "is not what is due now, which is %s", due.Amount.Amount)
		}
		return nil
	}
	named := due.CommissionIDs != nil && (due.CommissionCount == nil || *due.CommissionCount == int64(len(due.CommissionIDs)))
	if named {
		if err := agree(due.CommissionIDs); err != nil {
			return err
		}
	}
	rows, err := c.rows(ctx, a, named)
	if err != nil {
		return err
	}
	if !named { // then they are all that is approved
		var approved []providers.ID
		for id, e := range rows {
			if e.Status == providers.CommissionApproved {
				approved = append(approved, id)
			}
		}
		if err := agree(approved); err != nil {
			return err
		}
	}
	var sum providers.Decimal
	for i, id := range c.in.Commissions {
		e := rows[id]
		if e == nil {
			return conflict(fmt.Sprintf("commissions.%d", i), "is not among the affiliate's commissions")
		}
		if e.Status != providers.CommissionApproved {
			return conflict(fmt.Sprintf("commissions.%d", i), "is not approved and unpaid, but %s", e.Status)
		}
		if e.Amount == nil {
			return c.bad("GET "+referralList.path, errNoData)
		}
		if sum.Value, err = sum.Value.AddExact(e.Amount.Amount, max(sum.Value.Scale(), e.Amount.Amount.Scale())); err != nil {
			return c.bad("GET "+referralList.path, err)
		}
	}
	if !sum.Value.Equal(c.in.ExpectedTotal.Amount) {
		return conflict("expectedTotal", "is not the sum of the commissions")
	}
	return nil
}

// rows are the affiliate's commissions, live; with named only those that are named: the
// newest first, until all are there.
func (c markPayoutPaid) rows(ctx context.Context, a *providers.Affiliate, named bool) (map[providers.ID]*providers.Commission, error) {
	filter := providers.CommissionFilter{Affiliates: []providers.ID{a.ID}}
	filter.Parent.Affiliate = a
	lists, err := c.Commissions(filter)
	if err != nil {
		return nil, err
	}
	open, found := map[providers.ID]bool{}, map[providers.ID]*providers.Commission{}
	for _, id := range c.in.Commissions {
		open[id] = true
	}
	for e, err := range every(ctx, c.provider, lists[0]) {
		if err != nil {
			return nil, err
		}
		if e.AffiliateID != a.ID || named && !open[e.ID] {
			continue
		}
		found[e.ID] = e
		if delete(open, e.ID); named && len(open) == 0 {
			break
		}
	}
	return found, nil
}

// payment is the payment that names the first of the commissions, live; nil where none does.
func (c markPayoutPaid) payment(ctx context.Context, a *providers.Affiliate) (*providers.Payout, error) {
	for payout, err := range payoutsOf(ctx, c.provider, paidList, a) {
		if errors.Is(err, errUnread) {
			break // none that can be read
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(payout.CommissionIDs, c.in.Commissions[0]) {
			return payout, nil
		}
	}
	return nil, nil
}

// made is what the reply tells. That it is the payment is assumed: where it names none, it
// is searched for, and where it is not found the payout that was due stands for it.
func (c markPayoutPaid) made(ctx context.Context, a *providers.Affiliate, w *wirePayment, odd oddities) (*providers.Written, error) {
	r := c.reply()
	switch {
	case w.AffiliateID > 0 && c.id(providers.NounAffiliate, w.AffiliateID) != a.ID,
		len(w.ReferralIDs) > 0 && !odd.member("referral_ids") && !sameIDs(r.commissionIDs(w.ReferralIDs), c.in.Commissions):
		return nil, c.garbled(opMarkPaid, errAnother)
	case w.PaymentID > 0 && len(odd) == 0 && w.Has("affiliate_id", "status", "total_processed", "processed_at"):
		return c.paid(r.payment(w)), nil
	case w.PaymentID > 0:
		written := c.paid(nil)
		written.ID = c.payoutID(paidState, w.PaymentID)
		written.Stale = append(written.Stale, written.ID)
		return written, nil
	}
	payout, err := c.payment(ctx, a)
	if err != nil {
		payout = nil // the write was made all the same
	}
	return c.paid(payout), nil
}

// paid is what has changed by the payment; nil where it is not known.
func (c markPayoutPaid) paid(payout *providers.Payout) *providers.Written {
	w := &providers.Written{ID: c.in.ID, Stale: []providers.ID{c.in.ID, c.affiliate()}, StaleLists: listsOfReferrals}
	if payout != nil {
		w.ID, w.Harvest.Payouts = payout.ID, []*providers.Payout{payout}
	}
	for _, id := range c.in.Commissions {
		w.Stale = append(w.Stale, id, c.local(providers.NounReferral, id.Local))
	}
	return w
}

// look counts which of the commissions were paid: nobody can take a payment back. All of
// them by a payment of exactly these is this write, or the same as if it were.
func (c markPayoutPaid) look(ctx context.Context, _ json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	a, err := c.addressee(ctx, "id", c.affiliate())
	if problems := (providers.Problems)(nil); errors.As(err, &problems) {
		return providers.Unclear, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	rows, err := c.rows(ctx, a, true)
	if err != nil {
		return "", nil, err
	}
	paid, untold := 0, false
	for _, e := range rows {
		untold = untold || e.Status == providers.CommissionUnknown
		if e.Status == providers.CommissionPaid {
			paid++
		}
	}
	switch {
	case untold, len(rows) < len(c.in.Commissions), paid > 0 && paid < len(rows):
		return providers.Unclear, nil, nil
	case paid == 0:
		return providers.NotMade, nil, nil
	}
	payout, err := c.payment(ctx, a)
	switch {
	case err != nil:
		return "", nil, err
	case payout == nil && disturbed, payout != nil && !sameIDs(payout.CommissionIDs, c.in.Commissions):
		return providers.Unclear, nil, nil
	}
	return providers.Made, c.paid(payout), nil
}

// sameIDs says whether two lists hold the same ids, each once.
func sameIDs(a, b []providers.ID) bool {
	set := func(ids []providers.ID) map[providers.ID]bool {
		m := make(map[providers.ID]bool, len(ids))
		for _, id := range ids {
			m[id] = true
		}
		return m
	}
	return len(a) == len(b) && maps.Equal(set(a), set(b))
}
