package uppromote

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// registry is a vendor that keeps addresses in lower case, and compares them as they stand.
type registry struct {
	emails []string
	lost   bool // answers to writes are
	writes int
}

func (v *registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		v.writes++
		body, _ := io.ReadAll(r.Body)
		_, email, _ := strings.Cut(string(body), `"email":"`)
		email, _, _ = strings.Cut(email, `"`)
		v.emails = append(v.emails, strings.ToLower(email))
		if v.lost {
			panic(http.ErrAbortHandler)
		}
	}
	var rows []string
	for i, email := range v.emails {
		if r.Method == http.MethodPost || r.URL.Query().Get(emailParam) == email {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"email":%q,"first_name":"New","last_name":"Partner","program_id":46}`, 701+i, email))
		}
	}
	if r.URL.Query().Get("page") > "1" {
		rows = nil
	}
	_, _ = fmt.Fprintf(w, `{"status":200,"message":"success","data":[%s]}`, strings.Join(rows, ","))
}

// TestAddressInAnotherCase: whatever the case of an address as it is typed, the affiliate
// is found: by a look, by the plan of a second write, and by a filter.
func TestAddressInAnotherCase(t *testing.T) {
	for _, typed := range []string{"New.Partner@Example.com", "NEW.PARTNER@EXAMPLE.COM", "new.partner@example.com"} {
		vendor := &registry{lost: true}
		p := open(t, providertest.Wire(t, vendor))
		c := &providers.CreateAffiliateInput{IdempotencyKey: someKey, Account: id(providers.NounAccount, ""), Email: typed, FirstName: new("New"), LastName: new("Partner")}
		w := planned(t, p, c)
		if _, err := w.Send(t.Context()); err == nil {
			t.Fatal("the answer was not lost")
		}
		v, written, err := p.Look(t.Context(), c, w.Before, false)
		if v != providers.Made || err != nil || written.ID != id(providers.NounAffiliate, "701") {
			t.Errorf("%s: %s, %+v, %v; want the affiliate", typed, v, written, err)
		}
		if _, err := p.Plan(t.Context(), c); told(err) != "email TAKEN" || vendor.writes != 1 {
			t.Errorf("%s, planned again: %v, %d writes; want TAKEN and one", typed, err, vendor.writes)
		}
		f := providers.AffiliateFilter{Email: typed}
		lists, err := p.Affiliates(f)
		if rows := all(t, p, lists, err); len(rows) != 1 || !f.Match(rows[0]) {
			t.Errorf("%s finds %+v", typed, rows)
		}
	}
}

// row801 is a referral, with some members in another form.
func row801(n int, replace ...string) string {
	row := fmt.Sprintf(`{"id":%d,"order_id":6439217201001,"order_number":3001,"customer_id":"868015341601","total_sales":"1075.00","commission_rule":{"program_id":46},`+
		`"commission_adjustment":"0.00","status":"approved","commission":"537.50","refund_id":null,"affiliate":{"id":701,"email":"up1@example.com","first_name":"Up","last_name":"1"},`+
		`"customer_email":"buyer1@example.com","created_at":"2026-03-%02dT00:00:00Z"}`, 800+n, 28-n)
	return strings.NewReplacer(replace...).Replace(row)
}

// TestOddValues: what is plainly meant is read, and what is not is null; never a value that
// is not so.
func TestOddValues(t *testing.T) {
	const affiliate = `"affiliate":{"id":701,"email":"up1@example.com","first_name":"Up","last_name":"1"}`
	for name, tt := range map[string]struct {
		from, to string
		want     func(c *providers.Commission, r *providers.Referral) bool
	}{
		"a deleted affiliate": {affiliate, `"affiliate":[]`,
			func(c *providers.Commission, r *providers.Referral) bool {
				return c.AffiliateID.IsZero() && r.AffiliateID.IsZero() && c.PayoutID.IsZero()
			}},
		"an affiliate's number": {affiliate, `"affiliate":"701"`,
			func(c *providers.Commission, r *providers.Referral) bool {
				return c.AffiliateID.Local == "701" && r.AffiliateID.Local == "701"
			}},
		"a rule that is none": {`{"program_id":46}`, `[]`,
			func(c *providers.Commission, r *providers.Referral) bool {
				return c.CampaignID.IsZero() && r.CampaignID.IsZero()
			}},
		"a zero date": {`"2026-03-26T00:00:00Z"`, `"0000-00-00 00:00:00"`,
			func(c *providers.Commission, r *providers.Referral) bool {
				return c.CreatedAt == nil && c.EarnedAt == nil && r.CreatedAt == nil
			}},
		"a date before time": {`"2026-03-26T00:00:00Z"`, `"-0001-11-30T00:00:00.000000Z"`,
			func(c *providers.Commission, _ *providers.Referral) bool { return c.CreatedAt == nil }},
		"a date without a time": {`"2026-03-26T00:00:00Z"`, `"2026-03-26"`,
			func(c *providers.Commission, _ *providers.Referral) bool { return c.CreatedAt.Day() == 26 }},
		"an amount for people": {`"1075.00"`, `"1,075.00"`,
			func(c *providers.Commission, _ *providers.Referral) bool {
				return c.SaleAmount == nil || c.SaleAmount.Amount.String() == "1075.00"
			}},
		"an amount with a sign": {`"537.50"`, `"$12.00"`,
			func(c *providers.Commission, _ *providers.Referral) bool {
				return c.Amount == nil || c.Amount.Amount.String() == "12.00"
			}},
		"no amount": {`"537.50"`, `"N/A"`, func(c *providers.Commission, _ *providers.Referral) bool { return c.Amount == nil }},
		"an odd adjustment": {`"0.00"`, `["5.00"]`, func(c *providers.Commission, _ *providers.Referral) bool {
			return c.Amount == nil && c.Adjustment == nil
		}},
		"no order": {`"order_id":6439217201001`, `"order_id":[]`, func(c *providers.Commission, r *providers.Referral) bool { return c.OrderID == nil && !*r.Converted }},
		"an odd order": {`"order_id":6439217201001`, `"order_id":"N/A"`,
			func(c *providers.Commission, r *providers.Referral) bool {
				return c.OrderID == nil && r.Converted == nil && c.Kind == providers.CommissionKindUnknown
			}},
		"a refund that is none": {`"refund_id":null`, `"refund_id":false`,
			func(c *providers.Commission, r *providers.Referral) bool {
				return c.Kind == providers.CommissionSale && r.Status == providers.ReferralActive
			}},
	} {
		p := open(t, &shop{rows: []string{row801(1), row801(2, tt.from, tt.to), `null`, row801(3)}})
		commissions, err := p.Commissions(providers.CommissionFilter{})
		c := all(t, p, commissions, err)
		referrals, err := p.Referrals(providers.ReferralFilter{})
		r := all(t, p, referrals, err)
		if len(c) != 3 || len(r) != 3 {
			t.Errorf("%s: %d commissions, %d referrals; want 3", name, len(c), len(r))
		} else if !tt.want(c[1], r[1]) {
			t.Errorf("%s: %+v, %+v", name, c[1], r[1])
		}
		page, err := commissions[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil || page.Unread != 1 {
			t.Errorf("%s: %d rows unread, %v; want 1", name, page.Unread, err)
		}
	}
}

// TestReferralIDs: the referrals of a payment are read in each form that they come in.
func TestReferralIDs(t *testing.T) {
	for ids, want := range map[string][]string{
		`"801,802"`: {"801", "802"}, `[802,null]`: {"802"}, `{"0":803}`: {"803"}, `[801,"803"]`: {"801", "803"}, `"802"`: {"802"}, `[]`: nil,
	} {
		count := len(want)
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rows := ""
			switch {
			case r.URL.Path == "/affiliates/701":
				rows = `{"id":701,"email":"up1@example.com"}`
			case r.URL.Query().Get("page") != "1":
			case r.URL.Path == "/payments/paid":
				rows = fmt.Sprintf(`{"payment_id":901,"affiliate_id":701,"status":"SUCCESS","affiliate_email":"up1@example.com","total_referrals":%d,"referral_ids":%s}`, count, ids)
			case r.URL.Path == "/referrals":
				for n := range 4 {
					rows += "," + row801(n, `"approved"`, `"paid"`)
				}
			}
			_, _ = fmt.Fprintf(w, `{"status":200,"data":[%s]}`, strings.TrimPrefix(rows, ","))
		}))
		lists, err := p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
		payout := all(t, p, lists, err)[0]
		f := providers.CommissionFilter{Payouts: []providers.ID{payout.ID}}
		f.Parent.Payout = payout
		commissions, err := p.Commissions(f)
		var got []string
		for _, c := range all(t, p, commissions, err) {
			got = append(got, c.ID.Local)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %q; want %q", ids, got, want)
		}
	}
}

// TestRelatedAffiliates: an affiliate inside another record knows what its object carries,
// and no more.
func TestRelatedAffiliates(t *testing.T) {
	below := []string{"referrals", "commissions", "payouts"}
	for affiliate, want := range map[string][]string{
		`"701"`:        {},
		`{"id":701}`:   {},
		`{"id":"701"}`: {},
		`{"id":701,"email":[],"status":"active"}`:                                             {}, // without the address it is no more than the id
		`{"id":701,"email":"a@example.com"}`:                                                  append([]string{"email"}, below...),
		`{"id":701,"email":"a@example.com","first_name":"A"}`:                                 append([]string{"email", "firstName"}, below...),
		`{"id":701,"email":"a@example.com","first_name":"A","last_name":null}`:                append([]string{"email", "firstName", "lastName", "name"}, below...),
		`{"id":701,"email":"a@example.com","status":"active","created_at":null,"coupons":[]}`: append([]string{"email", "status", "providerStatus", "createdAt", "coupons"}, below...),
	} {
		row := `{"id":1,"status":"pending","affiliate":` + affiliate + `}`
		p := open(t, &shop{rows: []string{row}})
		lists, err := p.Referrals(providers.ReferralFilter{})
		if err != nil {
			t.Fatal(err)
		}
		page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil || len(page.Harvest.Affiliates) != 1 || page.Items[0].AffiliateID != id(providers.NounAffiliate, "701") {
			t.Errorf("%s: %+v, %v", affiliate, page, err)
			continue
		}
		known := page.Harvest.Affiliates[0].Known
		if exactly := providers.Only(append([]string{"providerId", "children"}, want...)...); !known.CoversAll(exactly) || !exactly.CoversAll(known) {
			names, except := known.Names()
			t.Errorf("%s knows %q (except: %v); want %q", affiliate, names, except, want)
		}
	}
	// What knows more comes after what knows less.
	p := open(t, &shop{rows: []string{`{"id":2,"affiliate":{"id":701}}`, `{"id":1,"affiliate":{"id":701,"email":"a@example.com"}}`}})
	lists, err := p.Referrals(providers.ReferralFilter{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
	if err != nil || len(page.Harvest.Affiliates) != 2 || !page.Harvest.Affiliates[1].Known.Covers("email") {
		t.Errorf("%+v, %v; want both readings", page.Harvest.Affiliates, err)
	}
}

// TestNoAddress: lists that are narrowed by an address which cannot be read are no empty lists.
func TestNoAddress(t *testing.T) {
	p := open(t, providertest.Answer(200, `{"data":{"id":701,"email":[]}}`))
	lists, err := p.Commissions(providers.CommissionFilter{Affiliates: affiliateIDs("701")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lists[0].Page(t.Context(), providers.PageRequest{Number: 1, Reader: p}); providers.KindOf(err) != providers.KindBadReply {
		t.Errorf("%v; want %s", err, providers.KindBadReply)
	}
}

// TestPingAsksForAnAffiliate: programs are not known to be there in every plan of the vendor's.
func TestPingAsksForAnAffiliate(t *testing.T) {
	var asked []string
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
		_, _ = io.WriteString(w, `{"status":200,"data":[]}`)
	}))
	if err := p.Ping(t.Context()); err != nil || !slices.Equal(asked, []string{"GET /affiliates?per_page=1"}) {
		t.Errorf("asked %q, %v", asked, err)
	}
	if err := open(t, providertest.Answer(200, `{"data":"x"}`)).Ping(t.Context()); providers.KindOf(err) != providers.KindBadReply {
		t.Errorf("no list: %v; want %s", err, providers.KindBadReply)
	}
}
