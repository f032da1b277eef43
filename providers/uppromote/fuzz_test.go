package uppromote

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// FuzzDecode reads anything as a reply of every list: each row is converted or counted as
// unread, and what was converted has an id that can be given out and read back.
func FuzzDecode(f *testing.F) {
	for _, e := range providertest.Exchanges(f, ".") {
		f.Add(e.Body)
	}
	for _, s := range []string{
		`{"status":"200","data":{"id":"1","order_id":"5","commission":1e2,"created_at":"2024-07-11 06:58:59"}}`,
		`{"data":[{"id":1,"affiliate_id":2,"payment_id":"3","coupon":"~%","coupons":["A",{"coupon":"B"},null],"event":"é~"}]}`,
		`{"data":null}`, `{"data":[null]}`, `{"data":[{"id":-1}]}`, `{"data":[{"id":1,"commission":"9999999999999999999","commission_adjustment":"0.1"}]}`,
	} {
		f.Add([]byte(s))
	}
	p := open(f, providertest.Answer(200, ""))
	f.Fuzz(func(t *testing.T, body []byte) {
		decode(t, p, body, affiliateList)
		decode(t, p, body, membershipList)
		decode(t, p, body, programList)
		decode(t, p, body, referralList)
		decode(t, p, body, commissionList)
		decode(t, p, body, unpaidList)
		decode(t, p, body, paidList)
		decode(t, p, body, couponList)
		decode(t, p, body, webhookList)
		_ = json.Unmarshal(body, new(wire.Reply[envelope[wireTotal]]))
		_ = classify(422, body)
	})
}

func decode[W any, T providers.Record](t *testing.T, p *provider, body []byte, e endpoint[W, T]) {
	t.Helper()
	var a wire.Reply[envelope[wire.Rows[W]]]
	if json.Unmarshal(body, &a) != nil || a.Value.Data.Form != wire.FormArray {
		return
	}
	page := e.converted(t.Context(), p, &a.Value.Data, nil, 1)
	if len(page.Items)+page.Unread != a.Value.Data.Sent() {
		t.Fatalf("%s: %d rows and %d unread; want %d", body, len(page.Items), page.Unread, a.Value.Data.Sent())
	}
	for _, row := range page.Items {
		n := providers.NodeOf(row)
		if n.ID.Account != "store" || n.ID.Noun != e.noun || n.ID.Local == "" || n.ProviderID == "" || !n.FetchedAt.Equal(noon) {
			t.Fatalf("%s: a record of the node %+v", body, n)
		}
		if len(n.ID.String()) > 512 {
			continue // more than ids may hold: it is not found again
		}
		if got, err := providers.ParseID(n.ID.String()); err != nil || got != n.ID {
			t.Fatalf("%s: the id %+v is read back as %+v, %v", body, n.ID, got, err)
		}
	}
}

// FuzzWritten answers writes with anything: they fail, saying that they may have been made,
// or name a record by an id that can be given out.
func FuzzWritten(f *testing.F) {
	for _, e := range providertest.Exchanges(f, ".") {
		if e.Sends != "" {
			f.Add(e.Body)
		}
	}
	for _, s := range []string{`{"data":{"affiliate_id":"2029214","coupon":7}}`, `{"data":[1]}`, `{"status":"500"}`, `{"data":{"id":-1}}`, `{"data":{"payment_id":1,"referral_ids":[2]}}`} {
		f.Add([]byte(s))
	}
	email := "example@gmail.com"
	owner := &providers.Affiliate{Node: providers.Node{ID: id(providers.NounAffiliate, affiliateNo)}, Email: &email}
	commission := id(providers.NounCommission, "2")
	f.Fuzz(func(t *testing.T, body []byte) {
		p := open(t, providertest.Answer(200, string(body)))
		ctx := t.Context()
		made := func(what string, w *providers.Written, err error) {
			var e *providers.Error
			switch {
			case err != nil && (!errors.As(err, &e) || e.Unsent):
				t.Fatalf("%s, answered by %q: %v, which does not say that it was sent", what, body, err)
			case err == nil && (w.ID.Account != "store" || w.ID.Local == ""):
				t.Fatalf("%s, answered by %q: written %+v", what, body, w)
			}
		}
		w, err := p.addReferral(ctx, providers.NounReferral, owner.ID, wireNewReferral{})
		made("addReferral", w, err)
		_, err = p.act(ctx, opAffiliateActive, owner, wireApproval{})
		made("act", outdated(owner), err)
		err = p.sentReferral(ctx, "status", &providers.Commission{Node: providers.Node{ID: commission}}, wireDecision{})
		made("sentReferral", outdated(owner), err)
		_, _, err = send[wireSubscribed](ctx, p, opSubscribe, webhookList.path, wireSubscribe{})
		made("subscribe", p.subscribed("referral.new"), err)
		if a, odd, err := send[wireAffiliate](ctx, p, opCreateAffiliate, affiliateList.path, nil); err == nil {
			w, err := createAffiliate{p, &providers.CreateAffiliateInput{Email: email}}.made(&a, odd)
			made("createAffiliate", w, err)
		}
		if m, odd, err := send[wirePayment](ctx, p, opMarkPaid, paidList.path, nil); err == nil && m.PaymentID > 0 {
			w, err := markPayoutPaid{p, &providers.MarkPayoutPaidInput{ID: p.payoutID(dueState, 5), Commissions: []providers.ID{commission}}}.made(ctx, owner, &m, odd)
			made("markPayoutPaid", w, err)
		}
	})
}

// FuzzIDs: whatever an id holds, taking it apart and joining it again is the id, or it is
// refused.
func FuzzIDs(f *testing.F) {
	for _, s := range []string{"paid~1", "due~2", "5~COUPON%7E", "1~2~3", "~", "paid~01", ""} {
		f.Add(s)
	}
	p := open(f, providertest.Answer(200, ""))
	f.Fuzz(func(t *testing.T, local string) {
		if state, n, ok := p.payout(id(providers.NounPayout, local)); ok && p.payoutID(state, n).Local != local {
			t.Fatalf("%q is %s of %d, which is another payout", local, state, n)
		}
		if first, second, ok := p.joined(id(providers.NounCoupon, local), providers.NounCoupon); ok && providers.JoinLocal(first, second) != local {
			t.Fatalf("%q is %q and %q, which is another coupon", local, first, second)
		}
	})
}
