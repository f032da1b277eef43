package uppromote

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestPayoutAgrees: exactly what is due, for exactly what is expected, or nothing is sent.
func TestPayoutAgrees(t *testing.T) {
	sim, p := store(t)
	due := dueWhere(t, p, func(d *providers.Payout) bool { return d.Amount.Amount.Sign() > 0 && len(d.CommissionIDs) > 2 })
	other := commissionWhere(t, p, func(c *providers.Commission) bool {
		return c.Status == providers.CommissionApproved && c.AffiliateID != due.AffiliateID
	})
	pending := commissionWhere(t, p, func(c *providers.Commission) bool { return c.Status == providers.CommissionPending })
	in := func(total providers.Money, ids ...providers.ID) *providers.MarkPayoutPaidInput {
		return &providers.MarkPayoutPaidInput{IdempotencyKey: someKey, ID: due.ID, Commissions: ids, ExpectedTotal: total}
	}
	all, n := due.CommissionIDs, len(due.CommissionIDs)
	swapped := func(with providers.ID) []providers.ID { return append([]providers.ID{with}, all[1:]...) }
	for name, tt := range map[string]struct {
		c    *providers.MarkPayoutPaidInput
		want string
	}{
		"fewer":                {in(*due.Amount, all[1:]...), "commissions CONFLICT"},
		"more":                 {in(*due.Amount, append(swapped(other.ID), all[0])...), "commissions CONFLICT"},
		"another's":            {in(*due.Amount, swapped(other.ID)...), "commissions CONFLICT"},
		"one not approved":     {in(*due.Amount, swapped(pending.ID)...), "commissions CONFLICT"},
		"one twice":            {in(*due.Amount, swapped(all[n-1])...), "commissions CONFLICT"},
		"another total":        {in(*money("1"), all...), "expectedTotal CONFLICT"},
		"a total with a digit": {in(*money(due.Amount.Amount.String() + "1"), all...), "expectedTotal CONFLICT"},
	} {
		sim.Kit().Forget()
		if _, err := p.Plan(t.Context(), tt.c); told(err) != tt.want || len(writes(sim.Kit().Requests())) > 0 {
			t.Errorf("%s: %v; want %s", name, err, tt.want)
		}
	}
	must(t, p, &providers.AdjustCommissionInput{ID: all[0], Amount: *money("1")}) // which changes the total
	if _, err := p.Plan(t.Context(), in(*due.Amount, all...)); told(err) != "expectedTotal CONFLICT" {
		t.Errorf("after an adjustment: %v; want a conflict", err)
	}
	payAll(t, p, due.AffiliateID)
	if _, err := p.Plan(t.Context(), in(*due.Amount, all...)); told(err) != "id WRONG_STATE" {
		t.Errorf("after the payment: %v; want that nothing is due", err)
	}
}

// TestPayoutRows: the referrals themselves are asked, too, whatever the vendor's sum says.
func TestPayoutRows(t *testing.T) {
	const unpaidRow = `{"affiliate_id":5,"affiliate_email":"a@example.com","total_commission":12,"referral_ids":[1,2]}`
	const unnamedRow = `{"affiliate_id":5,"affiliate_email":"a@example.com","total_commission":12,"total_referrals":2}`
	const someRow = `{"affiliate_id":5,"affiliate_email":"a@example.com","total_commission":12,"total_referrals":2,"referral_ids":[1,null]}`
	row := func(id int, status, commission, adjustment string, affiliate int) string {
		return fmt.Sprintf(`{"id":%d,"status":%q,"commission":%q,"commission_adjustment":%q,"affiliate":{"id":%d,"email":"a@example.com"}}`, id, status, commission, adjustment, affiliate)
	}
	for name, tt := range map[string]struct{ unpaid, rows, want string }{
		"they agree":           {unpaidRow, row(2, "approved", "7", "-1", 5) + "," + row(1, "approved", "6", "0", 5), "<nil>"},
		"the sum is another":   {unpaidRow, row(2, "approved", "7", "0", 5) + "," + row(1, "approved", "6", "0", 5), "expectedTotal CONFLICT"},
		"the vendor's sum is":  {strings.Replace(unpaidRow, "12", "13", 1), row(2, "approved", "6", "0", 5) + "," + row(1, "approved", "6", "0", 5), "expectedTotal CONFLICT"},
		"one is pending":       {unpaidRow, row(2, "pending", "6", "0", 5) + "," + row(1, "approved", "6", "0", 5), "commissions.1 CONFLICT"},
		"one is paid":          {unpaidRow, row(2, "approved", "6", "0", 5) + "," + row(1, "paid", "6", "0", 5), "commissions.0 CONFLICT"},
		"one is not there":     {unpaidRow, row(2, "approved", "6", "0", 5), "commissions.0 CONFLICT"},
		"one is another's":     {unpaidRow, row(2, "approved", "6", "0", 7) + "," + row(1, "approved", "6", "0", 5), "commissions.1 CONFLICT"},
		"the row is another's": {strings.Replace(unpaidRow, `"affiliate_id":5`, `"affiliate_id":6`, 1), "", "id WRONG_STATE"},
		"no sum":               {`{"affiliate_id":5,"total_commission":"N/A","referral_ids":[1,2]}`, "", "account store: GET /payments/unpaid: bad_reply: a reply without data"},
		"one has no amount":    {unpaidRow, row(2, "approved", "12", "0", 5) + "," + row(1, "approved", "N/A", "0", 5), "account store: GET /referrals: bad_reply: a reply without data"},

		// What is owed does not name its referrals, or not all: they are the approved ones.
		"not named, they agree":            {unnamedRow, row(3, "paid", "9", "0", 5) + "," + row(2, "approved", "6", "0", 5) + "," + row(1, "approved", "6", "0", 5), "<nil>"},
		"not named, one more is approved":  {unnamedRow, row(3, "approved", "0", "0", 5) + "," + row(2, "approved", "6", "0", 5) + "," + row(1, "approved", "6", "0", 5), "commissions CONFLICT"},
		"not named, one is pending":        {unnamedRow, row(2, "pending", "6", "0", 5) + "," + row(1, "approved", "12", "0", 5), "commissions CONFLICT"},
		"not named, none is there":         {unnamedRow, "", "commissions CONFLICT"},
		"not named, the sum is another":    {unnamedRow, row(2, "approved", "7", "0", 5) + "," + row(1, "approved", "6", "0", 5), "expectedTotal CONFLICT"},
		"not named, a row cannot be read":  {unnamedRow, row(2, "approved", "6", "0", 5) + "," + row(1, "approved", "6", "0", 5) + `,{"id":[]}`, "account store: GET /referrals?affiliate_id=5: bad_reply: " + errUnread.Error()},
		"some are named, they agree":       {someRow, row(2, "approved", "6", "0", 5) + "," + row(1, "approved", "6", "0", 5), "<nil>"},
		"some are named, one more is owed": {someRow, row(3, "approved", "0", "0", 5) + "," + row(2, "approved", "6", "0", 5) + "," + row(1, "approved", "6", "0", 5), "commissions CONFLICT"},
	} {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := `{"id":5,"email":"a@example.com","status":"active"}`
			switch r.URL.Path {
			case "/payments/unpaid":
				body = "[" + tt.unpaid + "]"
			case "/referrals":
				body = "[" + tt.rows + "]"
			}
			_, _ = io.WriteString(w, `{"status":200,"data":`+body+`}`)
		}))
		_, err := p.Plan(t.Context(), &providers.MarkPayoutPaidInput{ID: id(providers.NounPayout, "due~5"), ExpectedTotal: *money("12"),
			Commissions: []providers.ID{id(providers.NounCommission, "1"), id(providers.NounCommission, "2")}})
		if got := told(err); got != tt.want {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
}

// TestPayoutLooks: all were paid, none, or some; and by which payment.
func TestPayoutLooks(t *testing.T) {
	row := func(id int, status string) string {
		return fmt.Sprintf(`{"id":%d,"status":%q,"affiliate":{"id":5}}`, id, status)
	}
	payment := func(ids string) string { return `{"payment_id":7,"affiliate_id":5,"referral_ids":[` + ids + `]}` }
	for name, tt := range map[string]struct {
		rows, payments string
		disturbed      bool
		want           string // the verdict, and the id of the payout
	}{
		"none":                                  {row(1, "approved") + "," + row(2, "denied"), "", true, "NOT_MADE"},
		"all, by the payment":                   {row(1, "paid") + "," + row(2, "paid"), payment("8") + "," + payment("2,1"), true, "MADE paid~7"},
		"all, by one that has more":             {row(1, "paid") + "," + row(2, "paid"), payment("1,2,3"), false, "UNCLEAR"},
		"all, by one for each":                  {row(1, "paid") + "," + row(2, "paid"), payment("1") + "," + payment("2"), false, "UNCLEAR"},
		"all, and no payment is told":           {row(1, "paid") + "," + row(2, "paid"), "", false, "MADE due~5"},
		"all, by whomever, and none is told":    {row(1, "paid") + "," + row(2, "paid"), "", true, "UNCLEAR"},
		"some":                                  {row(1, "paid") + "," + row(2, "approved"), "", false, "UNCLEAR"},
		"one is not there, the other was paid":  {row(1, "paid"), "", false, "UNCLEAR"},
		"one is not there, the other is unpaid": {row(1, "approved"), "", false, "UNCLEAR"},
	} {
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := `{"id":5,"email":"a@example.com","status":"active"}`
			switch r.URL.Path {
			case "/payments/paid":
				body = "[" + tt.payments + "]"
			case "/referrals":
				body = "[" + tt.rows + "]"
			}
			_, _ = io.WriteString(w, `{"status":200,"data":`+body+`}`)
		}))
		v, written, err := p.Look(t.Context(), &providers.MarkPayoutPaidInput{ID: id(providers.NounPayout, "due~5"),
			Commissions: []providers.ID{id(providers.NounCommission, "1"), id(providers.NounCommission, "2")}}, nil, tt.disturbed)
		got := string(v)
		if written != nil {
			got += " " + written.ID.Local
		}
		if got != tt.want || err != nil {
			t.Errorf("%s: %s, %v; want %s", name, got, err, tt.want)
		}
	}
}
