package uppromote

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// shop is a vendor that has these rows at any list.
type shop struct {
	rows     []string
	size     int  // the most rows that it gives a page, whatever is asked for
	larger   int  // the rows that it gives a page, whatever is asked for; 0: as many as are asked for
	onePage  bool // it gives the first page, whatever is asked for
	narrowed bool // it applies the filter by affiliate
	calls    atomic.Int64
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	if id, ok := strings.CutPrefix(r.URL.Path, "/affiliates/"); ok {
		_, _ = fmt.Fprintf(w, `{"data":{"id":%s,"email":"a%s@example.com"}}`, id, id)
		return
	}
	q := r.URL.Query()
	rows := s.rows
	if email := q.Get(emailParam); s.narrowed && email != "" {
		rows = nil
		for _, row := range s.rows {
			if strings.Contains(row, strconv.Quote(email)) {
				rows = append(rows, row)
			}
		}
	}
	page, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("per_page"))
	if s.size > 0 {
		size = min(size, s.size)
	}
	if s.larger > 0 {
		size = s.larger
	}
	if s.onePage {
		page = 1
	}
	first := min((page-1)*size, len(rows))
	_, _ = fmt.Fprintf(w, `{"status":200,"data":[%s]}`, strings.Join(rows[first:min(first+size, len(rows))], ","))
}

// rowsOf are n rows that every list can read, the newest first.
func rowsOf(n int) (rows []string) {
	for i := range n {
		at := noon.AddDate(0, 0, -i).Format(time.RFC3339)
		rows = append(rows, fmt.Sprintf(`{"id":%d,"payment_id":%[1]d,"affiliate_id":%[1]d,"event":"e%[1]d","coupon":"C%[1]d","email":"a%[1]d@example.com",`+
			`"affiliate":{"id":%[1]d,"email":"a%[1]d@example.com"},"program_id":8,"created_at":%q,"processed_at":%[2]q,"status":"approved"}`, n-i, at))
	}
	return rows
}

// walked counts the rows of a list, each once, and the calls that its walk takes.
func walked[T providers.Record](t *testing.T, vendor *shop, lists func(*provider) ([]providers.List[T], error)) (rows int, calls int64) {
	t.Helper()
	p := open(t, vendor)
	planned, err := lists(p)
	seen := map[providers.ID]bool{}
	for _, row := range all(t, p, planned, err) {
		seen[providers.NodeOf(row).ID] = true
	}
	return len(seen), vendor.calls.Load()
}

// everyList walks each list of the vendor.
var everyList = map[string]func(t *testing.T, vendor *shop) (rows int, calls int64){
	"affiliates": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Affiliate], error) {
			return p.Affiliates(providers.AffiliateFilter{})
		})
	},
	"memberships": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Membership], error) {
			return p.Memberships(providers.MembershipFilter{})
		})
	},
	"campaigns": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Campaign], error) {
			return p.Campaigns(providers.CampaignFilter{})
		})
	},
	"referrals": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Referral], error) {
			return p.Referrals(providers.ReferralFilter{})
		})
	},
	"commissions": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Commission], error) {
			return p.Commissions(providers.CommissionFilter{})
		})
	},
	"paid payouts": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutPaid}})
		})
	},
	"due payouts": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Payout], error) {
			return p.Payouts(providers.PayoutFilter{Statuses: []providers.PayoutStatus{providers.PayoutDue}})
		})
	},
	"coupons": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.Coupon], error) {
			return p.Coupons(providers.CouponFilter{})
		})
	},
	"subscriptions": func(t *testing.T, vendor *shop) (int, int64) {
		return walked(t, vendor, func(p *provider) ([]providers.List[providers.WebhookSubscription], error) {
			return p.WebhookSubscriptions()
		})
	},
}

// TestEnds: every list is read to its end and no further, however many rows the vendor
// gives a page.
func TestEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		rows, size int
		onePage    bool
		want       int
		calls      int64
		larger     int
	}{
		"nothing":                        {0, 0, false, 0, 1, 0},
		"one row":                        {1, 0, false, 1, 1, 0},
		"twelve rows":                    {12, 0, false, 12, 2, 0},
		"ten rows a page":                {35, 10, false, 35, 4, 0},
		"ten rows a page, no rest":       {30, 10, false, 30, 4, 0},
		"twenty rows a page":             {130, 20, false, 130, 8, 0},
		"fifty rows a page":              {120, 50, false, 120, 4, 0},
		"a full page and a rest":         {113, 0, false, 113, 2, 0},
		"full pages":                     {200, 0, false, 200, 3, 0},
		"page is ignored":                {100, 0, true, 100, 1 + providers.MaxRepeats, 0},
		"page is ignored, with more":     {250, 0, true, 100, 1 + providers.MaxRepeats, 0},
		"page is ignored, of a few rows": {17, 0, true, 17, 3, 0},
		"larger pages":                   {650, 0, false, 650, 4, 250},
		"larger pages, no rest":          {500, 0, false, 500, 3, 250},
		"no pages":                       {250, 0, true, 250, 1 + providers.MaxRepeats, 250},
	} {
		for list, walk := range everyList {
			rows, calls := walk(t, &shop{rows: rowsOf(tt.rows), size: tt.size, larger: tt.larger, onePage: tt.onePage})
			if rows != tt.want || calls != tt.calls {
				t.Errorf("%s of %s: %d rows by %d calls; want %d by %d", name, list, rows, calls, tt.want, tt.calls)
			}
		}
	}
}

// TestLaterPageSizes: no row is lost where the vendor has given larger pages before, at the
// same list or at another one of the endpoint.
func TestLaterPageSizes(t *testing.T) {
	for _, before := range []int{100, 101, 250} {
		for _, later := range []int{10, 12, 20, 24, 25, 30, 48, 50, 75, 99, 100} {
			vendor := &shop{rows: rowsOf(before), larger: max(0, before-100) + 100}
			p := open(t, vendor)
			lists, err := p.Affiliates(providers.AffiliateFilter{})
			all(t, p, lists, err)
			vendor.rows, vendor.larger, vendor.size = rowsOf(300), 0, later
			if got := len(all(t, p, lists, err)); got != 300 {
				t.Errorf("after a page of %d rows, pages of %d: %d rows of 300", before, later, got)
			}
		}
	}
}

// TestLengthIsLearnt: what a walk of a list has shown of its length is the price of reads
// by id, also where its last page is full.
func TestLengthIsLearnt(t *testing.T) {
	for _, n := range []int{1200, 1199, 1201} {
		vendor := &shop{rows: rowsOf(n)}
		p := open(t, vendor)
		lists, err := p.Affiliates(providers.AffiliateFilter{})
		var ids []providers.ID
		for _, a := range all(t, p, lists, err) {
			ids = append(ids, a.ID)
		}
		pages := (n + pageSize - 1) / pageSize
		if got := p.Calls(providers.QueryAffiliateEdge, providers.RowsOf(62)); got != pages {
			t.Errorf("%d affiliates: 62 of them are said to take %d calls; want %d", n, got, pages)
		}
		vendor.calls.Store(0)
		step := n / 62
		var some []providers.ID
		for i := range 62 {
			some = append(some, ids[i*step])
		}
		b, err := p.AffiliatesByID(t.Context(), some, "providerId")
		if calls := vendor.calls.Load(); err != nil || len(b.Found) != 62 || calls > int64(pages) {
			t.Errorf("%d affiliates: %d of 62 by %d calls, %v; want all by %d", n, len(b.Found), calls, err, pages)
		}
	}
}

// TestWritesReadToTheEnd: what a write reads is searched to its end, with ten rows a page.
func TestWritesReadToTheEnd(t *testing.T) {
	rows := rowsOf(35)
	oldest := `{"id":1,"affiliate_id":500,"affiliate":{"id":500},"status":"approved","commission":"4","total_commission":4,"referral_ids":[1],"event":"referral.new","target_url":"https://a.example"}`
	rows[34] = oldest
	p := open(t, &shop{rows: rows, size: 10})
	c := &providers.MarkPayoutPaidInput{ID: p.payoutID(dueState, 500), Commissions: []providers.ID{id(providers.NounCommission, "1")}, ExpectedTotal: *money("4")}
	if _, err := p.Plan(t.Context(), c); err != nil {
		t.Errorf("markPayoutPaid: %v", err)
	}
	if _, err := p.Plan(t.Context(), &providers.UpdateWebhookSubscriptionInput{ID: id(providers.NounWebhookSubscription, "referral.new"), TargetURL: new("https://b.example")}); err != nil {
		t.Errorf("updateWebhookSubscription: %v", err)
	}
	raw, err := p.RawRecord(t.Context(), id(providers.NounWebhookSubscription, "referral.new"))
	if err != nil || !json.Valid(raw) || !strings.Contains(string(raw), "https://a.example") {
		t.Errorf("rawRecord: %s, %v", raw, err)
	}
}
