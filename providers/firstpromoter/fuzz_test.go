package firstpromoter

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// fuzzed is an account for replies that are decoded without a call.
func fuzzed() *provider { return &provider{config: providers.Config{Account: "saas", Currency: "USD"}} }

// decode reads rows as a reply's and converts them. Each is a record with an id, not shown,
// or counted as unread.
func decode[W any, T providers.Record](t *testing.T, e endpoint[W, T], b []byte) {
	t.Helper()
	var rows wire.Enveloped[W]
	if _, err := wire.Decode(b, &rows); err != nil {
		return
	}
	r := &reply{provider: fuzzed(), at: noon}
	hidden := 0
	page := wire.PageOf(&rows.Rows, func(w *W) *T {
		row := e.convert(r, w)
		if row == nil {
			hidden++
		}
		return row
	})
	if sent := rows.Sent(); len(page.Items)+page.Unread+hidden != sent {
		t.Errorf("%s: of %d rows %d are there, %d unread, %d hidden", b, sent, len(page.Items), page.Unread, hidden)
	}
	for _, row := range page.Items {
		node := providers.NodeOf(row)
		if id, err := providers.ParseID(node.ID.String()); err != nil || id != node.ID || id.Noun != e.noun {
			t.Errorf("%s became a record of the id %+v: %v", b, node.ID, err)
		}
	}
	for _, m := range r.harvest.Memberships {
		if m.ID.IsZero() || m.AffiliateID.IsZero() {
			t.Errorf("%s brought a membership without an id: %+v", b, m)
		}
	}
}

// FuzzRows decodes anything as the rows of every list.
func FuzzRows(f *testing.F) {
	for _, e := range providertest.Exchanges(f, ".") {
		f.Add(e.Body)
		f.Add([]byte("[" + string(e.Body) + "]"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decode(t, promoterList, b)
		decode(t, membershipList, b)
		decode(t, campaignList, b)
		decode(t, referralList, b)
		decode(t, commissionList, b)
		decode(t, payoutList, b)
		decode(t, codeList, b)
		decode(t, webhookList, b)
	})
}

// FuzzBalances: balances never make a promoter unreadable, and never come without an amount.
func FuzzBalances(f *testing.F) {
	f.Add([]byte(`{"cash":8925,"points":null}`))
	f.Add([]byte(`{"current_balance":{"cash":"12"},"x":[1]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			return
		}
		var w wirePromoter
		if _, err := wire.Decode([]byte(`{"id":1,"balances":`+string(b)+`}`), &w); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		r := &reply{provider: fuzzed()}
		for _, balance := range r.balances(w.Balances) {
			if balance.Amount == nil && balance.Reward == nil || balance.Status == "" {
				t.Errorf("%s: %+v", b, balance)
			}
		}
	})
}

// FuzzClassify: a refusal is an error whatever its body, and tells no address.
func FuzzClassify(f *testing.F) {
	f.Add(422, []byte(`{"message":"x a@b.example","code":"invalid_params","errors":{"a":["b"]}}`))
	f.Add(401, []byte{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := classify(status, body)
		if success := status >= 200 && status < 300; success != (e == nil) {
			t.Fatalf("%d %q: %v", status, body, e)
		}
		if e != nil && e.Err != nil && withoutAddresses(e.Err.Error()) != e.Err.Error() {
			t.Errorf("%q tells %q", body, e.Err)
		}
	})
}

// FuzzRaw: of a record only what is named is shown.
func FuzzRaw(f *testing.F) {
	f.Add([]byte(`{"id":1,"secret":2,"promoter":{"id":3,"secret":4}}`))
	f.Add([]byte(`[{"id":1.50,"promoter":null}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			return
		}
		shown, err := raw(b).only(fields{"id": nil, "promoter": {"id": nil}})
		if err != nil {
			return
		}
		var check func(v any)
		check = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, e := range v {
					check(e)
				}
			case map[string]any:
				for name, e := range v {
					if name != "id" && name != "promoter" {
						t.Errorf("%s shows %q", b, name)
					}
					if name == "promoter" {
						check(e)
					}
				}
			}
		}
		var v any
		if err := json.Unmarshal(shown, &v); err != nil {
			t.Fatalf("%s became %s: %v", b, shown, err)
		}
		check(v)
	})
}

// FuzzWritten decodes anything as the answers to writes: an action's outcome is told for
// completed ones alone, and a commission that is taken for the one that was made has its
// amount.
func FuzzWritten(f *testing.F) {
	for _, e := range providertest.Exchanges(f, ".") {
		f.Add(e.Body)
	}
	f.Add([]byte(`{"data":{"id":1,"status":"completed"},"meta":{}}`))
	f.Add([]byte(`{"id":1,"url":"https://a.example","secret_key":"s"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := fuzzed()
		var answer batchReply
		if _, err := wire.Decode(b, &answer); err == nil {
			batch := answer.batch()
			var errs []json.RawMessage
			_ = json.Unmarshal(batch.Errors, &errs)
			if p.outcome("POST /x", batch) == nil && len(errs) > 0 {
				t.Errorf("%s is taken for a success", b)
			}
		}
		var hook wireNewWebhook
		if _, err := wire.Decode(b, &hook); err == nil {
			s := (&reply{provider: p, at: noon}).webhook(&hook.wireWebhook)
			if made := hook.ID > 0; made == s.ID.IsZero() {
				t.Errorf("%s became a subscription of the id %+v", b, s.ID)
			}
		}
		var made wire.Rows[wireCommission]
		if _, err := wire.Decode(b, &made); err != nil {
			return
		}
		r := &reply{provider: p, at: noon}
		all := wire.PageOf(&made, func(w *wireCommission) *providers.Commission { return r.commission(w) }).Items
		e := earning{kind: providers.CommissionCustom, minor: 1250, place: &earningPlace{jane, main}}
		if c := e.made(all, false); c != nil && (c.AffiliateID != jane || c.Amount.Amount.String() != "12.50") {
			t.Errorf("%s is taken for a commission of 12.50: %+v", b, c)
		}
	})
}

// FuzzImages: whatever was stored before, a look does not fall over it, and what was stored
// by this process is read back.
func FuzzImages(f *testing.F) {
	f.Add([]byte(`{"Campaign":"1"}`), "1", "2")
	f.Fuzz(func(t *testing.T, b []byte, from, state string) {
		_ = pictured[moveImage](b)
		if !utf8.ValidString(from) || !utf8.ValidString(state) {
			return
		}
		want := moveImage{from, state}
		if got := pictured[moveImage](providers.Image(want)); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
