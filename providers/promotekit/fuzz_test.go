package promotekit

import (
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// fuzz feeds the decoder of one noun. Whatever comes, it must not panic; what is accepted has ids
// that survive their codec, and records of this account only.
func fuzz[W wire.Identified, T providers.Record](f *testing.F, convert func(*reply, *W) *T) {
	for _, e := range providertest.Exchanges(f, ".") {
		var list rows[record]
		if _, err := wire.Decode(e.Body, &list); err != nil {
			f.Fatal(err)
		}
		for i := range list.Data.All { // a single record is one row
			f.Add([]byte(list.Data.Raw(i)))
		}
	}
	f.Add([]byte(`{"id": "` + uuidA + `", "affiliate": "` + uuidB + `", "campaign": "` + uuidC + `", "referral": {"id": "` + uuidB +
		`"}, "payout": "p", "amount": "1.50", "promo_codes": ["X"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var w W
		if _, err := wire.Decode(data, &w); err != nil {
			return
		}
		r := newReply("saas", "EUR", noon)
		var nodes []*providers.Node
		if row := convert(r, &w); w.WireID() != "" {
			nodes = append(nodes, providers.NodeOf(row))
		}
		for _, a := range r.harvest.Affiliates {
			nodes = append(nodes, &a.Node)
		}
		for _, c := range r.harvest.Coupons {
			nodes = append(nodes, &c.Node)
		}
		for _, m := range r.harvest.Memberships {
			nodes = append(nodes, &m.Node)
		}
		for _, x := range r.harvest.Referrals {
			nodes = append(nodes, &x.Node)
		}
		for _, x := range r.harvest.Payouts {
			nodes = append(nodes, &x.Node)
		}
		for _, n := range nodes {
			if n.ID.Account != "saas" || n.ID.Local == "" || n.ProviderID == "" || !n.FetchedAt.Equal(noon) {
				t.Errorf("%s: got the node %+v", data, n)
			}
		}
	})
}

func FuzzAffiliate(f *testing.F)  { fuzz(f, (*reply).affiliate) }
func FuzzCampaign(f *testing.F)   { fuzz(f, (*reply).campaign) }
func FuzzReferral(f *testing.F)   { fuzz(f, (*reply).referral) }
func FuzzCommission(f *testing.F) { fuzz(f, (*reply).commission) }
func FuzzPayout(f *testing.F)     { fuzz(f, (*reply).payout) }

// FuzzClassify: an error is never taken for a success, nor told with anybody's address.
func FuzzClassify(f *testing.F) {
	f.Add(200, []byte(`{"success": false, "error": {"message": "m a@b", "type": "t"}}`))
	f.Add(404, []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := classify(status, body)
		if ok := status >= 200 && status < 300; e == nil && !ok {
			t.Errorf("%d %s is no error", status, body)
		} else if e != nil && e.Err != nil && addressPattern.MatchString(e.Err.Error()) {
			t.Errorf("%d %s is told as %v", status, body, e.Err)
		}
	})
}

// FuzzShown: what an allow-list leaves is JSON that it would leave again.
func FuzzShown(f *testing.F) {
	f.Add([]byte(`{"id": 1, "secret": 2, "campaign": {"id": [1, {"x": 1}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := shownAffiliate.only(data)
		if err != nil {
			return
		}
		if twice, err := shownAffiliate.only(once); err != nil || string(twice) != string(once) {
			t.Errorf("%s: got %s, then %s, %v", data, once, twice, err)
		}
	})
}
