package firstpromoter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// lists is a vendor whose lists have these rows, newest first, and that can be made as odd
// as vendors are.
type lists struct {
	rows    map[string][]string // by path
	clamp   int                 // the most rows of a page, however many are asked for
	larger  int                 // the rows of a page, however few are asked for
	unpaged bool                // page is ignored
	blind   bool                // ids[] is ignored
	mute    bool                // ids[] is answered with nothing
	records []string            // that are read one by one

	mu    sync.Mutex
	calls []string // the queries of list calls
}

// ServeHTTP answers reads of lists.
func (l *lists) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rows, ok := l.rows[r.URL.Path]
	if i := slices.IndexFunc(l.records, func(row string) bool { return rowID(row) == path.Base(r.URL.Path) }); i >= 0 {
		_, _ = w.Write([]byte(l.records[i]))
		return
	}
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	q := r.URL.Query()
	l.mu.Lock()
	l.calls = append(l.calls, r.URL.Path+"?"+r.URL.RawQuery)
	l.mu.Unlock()
	if ids := q["ids[]"]; len(ids) > 0 && !l.blind {
		rows = slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return !slices.Contains(ids, rowID(row)) })
	}
	if q.Has("ids[]") && l.mute {
		rows = nil
	}
	size, _ := strconv.Atoi(q.Get("per_page"))
	if l.clamp > 0 {
		size = min(size, l.clamp)
	}
	if l.larger > 0 {
		size = l.larger
	}
	number, _ := strconv.Atoi(q.Get("page"))
	from := max(number-1, 0) * size
	if l.unpaged {
		from = 0
	}
	page := rows[min(from, len(rows)):min(from+size, len(rows))]
	body := "[" + strings.Join(page, ",") + "]"
	if r.URL.Path == promoterList.path {
		body = `{"data":` + body + `,"meta":{}}`
	}
	_, _ = w.Write([]byte(body))
}

func rowID(row string) string {
	var head struct {
		ID json.Number `json:"id"`
	}
	_ = json.Unmarshal([]byte(row), &head)
	return head.ID.String()
}

// The rows of each list, by their numbers.
var someRow = map[string]func(n int) string{
	"/promoters": func(n int) string {
		return fmt.Sprintf(`{"id":%d,"email":"prom%d@example.com","name":"Prom","archived_at":null,"promoter_campaigns":[{"id":5%d,"campaign_id":28,"promoter_id":%d,"state":"accepted"}]}`, n, n, n, n)
	},
	"/promoter_campaigns": func(n int) string {
		return fmt.Sprintf(`{"id":%d,"campaign_id":28,"promoter_id":1001,"state":"accepted"}`, n)
	},
	"/campaigns": func(n int) string { return fmt.Sprintf(`{"id":%d,"name":"Main"}`, n) },
	"/referrals": func(n int) string {
		return fmt.Sprintf(`{"id":%d,"email":"lead%d@example.com","uid":"u%d","state":"active","promoter_campaign":%s}`, n, n, n, membershipM)
	},
	"/commissions": func(n int) string {
		return fmt.Sprintf(`{"id":%d,"status":"approved","commission_type":"sale","unit":"cash","amount":400,"sale_amount":2000,"is_paid":false,"tier":1,"event_id":"evt","promoter_campaign":%s,"referral":{"id":2001,"email":"lead1@example.com","uid":"u1"}}`, n, membershipM)
	},
	"/payouts": func(n int) string {
		return fmt.Sprintf(`{"id":%d,"status":"completed","amount":1200,"unit":"cash","promoter":{"id":1001,"email":"prom1@example.com","name":"Prom 1"},"campaign":{"id":28,"name":"Main"}}`, n)
	},
	"/promo_codes": func(n int) string { return fmt.Sprintf(`{"id":%d,"code":"C%d","promoter_campaign_id":5001}`, n, n) },
	"/webhooks": func(n int) string {
		return fmt.Sprintf(`{"id":%d,"url":"https://a.example/%d","event_types":["a"],"active":true}`, n, n)
	},
}

const membershipM = `{"id":5001,"campaign_id":28,"promoter_id":1001,"promoter":{"id":1001,"email":"prom1@example.com","name":"Prom 1"},"campaign":{"id":28,"name":"Main"}}`

// rowsOf are n rows of a list, numbered from 7000.
func rowsOf(path string, n int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = someRow[path](7000 + i)
	}
	return rows
}

// walks read each list to its end: the ids of its rows.
var walks = map[string]func(t *testing.T, p *provider) []string{
	"/promoters": walk(func(p *provider) ([]providers.List[providers.Affiliate], error) {
		return p.Affiliates(providers.AffiliateFilter{})
	}),
	"/promoter_campaigns": walk(func(p *provider) ([]providers.List[providers.Membership], error) {
		return p.Memberships(providers.MembershipFilter{})
	}),
	"/campaigns": walk(func(p *provider) ([]providers.List[providers.Campaign], error) {
		return p.Campaigns(providers.CampaignFilter{})
	}),
	"/referrals": walk(func(p *provider) ([]providers.List[providers.Referral], error) {
		return p.Referrals(providers.ReferralFilter{})
	}),
	"/commissions": walk(func(p *provider) ([]providers.List[providers.Commission], error) {
		return p.Commissions(providers.CommissionFilter{})
	}),
	"/payouts": walk(func(p *provider) ([]providers.List[providers.Payout], error) {
		return p.Payouts(providers.PayoutFilter{})
	}),
	"/promo_codes": walk(func(p *provider) ([]providers.List[providers.Coupon], error) {
		return p.Coupons(providers.CouponFilter{})
	}),
	"/webhooks": walk(func(p *provider) ([]providers.List[providers.WebhookSubscription], error) {
		return p.WebhookSubscriptions()
	}),
}

func walk[T providers.Record](plan func(p *provider) ([]providers.List[T], error)) func(t *testing.T, p *provider) []string {
	return func(t *testing.T, p *provider) (ids []string) {
		t.Helper()
		lists, err := plan(p)
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range providers.All(t.Context(), lists[0], p) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, providers.NodeOf(row).ProviderID)
		}
		return ids
	}
}

// TestEnds: every row of a list is read once, whatever number of rows the vendor gives a
// page, and an end is found where it ignores the page.
func TestEnds(t *testing.T) {
	for path, walk := range walks {
		for _, c := range []struct {
			rows, clamp int
			larger      int
			unpaged     bool
			want, calls int
		}{
			{rows: 0, want: 0, calls: 1},
			{rows: 3, want: 3, calls: 1},
			{rows: 12, want: 12, calls: 2}, // the second proves the end
			{rows: 100, want: 100, calls: 2},
			{rows: 113, want: 113, calls: 2},
			{rows: 130, want: 130, calls: 3}, // 30 may be a page size
			{rows: 200, want: 200, calls: 3},
			{rows: 130, clamp: 20, want: 130, calls: 8},
			{rows: 130, clamp: 50, want: 130, calls: 4},
			{rows: 130, clamp: 10, want: 130, calls: 14},
			{rows: 35, clamp: 10, want: 35, calls: 4},
			{rows: 33, clamp: 10, want: 33, calls: 4},
			{rows: 100, unpaged: true, want: 100, calls: 3},
			{rows: 7, unpaged: true, want: 7, calls: 1},
			{rows: 17, unpaged: true, want: 17, calls: 3},
			{rows: 20, unpaged: true, want: 20, calls: 3},
			{rows: 650, larger: 250, want: 650, calls: 4},
			{rows: 500, larger: 250, want: 500, calls: 3},
			{rows: 250, larger: 250, unpaged: true, want: 250, calls: 3},
		} {
			vendor := &lists{rows: map[string][]string{path: rowsOf(path, c.rows)}, clamp: c.clamp, larger: c.larger, unpaged: c.unpaged}
			got := walk(t, open(t, vendor, someKey))
			if distinct := slices.Compact(slices.Sorted(slices.Values(got))); len(got) != c.want || len(distinct) != c.want || len(vendor.calls) != c.calls {
				t.Errorf("%s %+v: %d rows, %d distinct, by %d calls; want %d by %d", path, c, len(got), len(distinct), len(vendor.calls), c.want, c.calls)
			}
		}
	}
}

// TestLaterPageSizes: no row is lost where the vendor has given larger pages before, at the
// same list or at another one of the endpoint.
func TestLaterPageSizes(t *testing.T) {
	for path, walk := range walks {
		for _, before := range []int{100, 101, 250} {
			for _, later := range []int{10, 12, 20, 24, 25, 30, 48, 50, 75, 99, 100} {
				vendor := &lists{rows: map[string][]string{path: rowsOf(path, before)}, larger: max(0, before-100) + 100}
				p := open(t, vendor, someKey)
				walk(t, p)
				vendor.rows[path], vendor.larger, vendor.clamp = rowsOf(path, 300), 0, later
				if got := len(walk(t, p)); got != 300 {
					t.Errorf("%s: after a page of %d rows, pages of %d: %d rows of 300", path, before, later, got)
				}
			}
		}
	}
}

// TestIDsOfClampedPages: reads by many ids lose none where the vendor gives fewer rows than
// are asked for, and find an end where ids are ignored.
func TestIDsOfClampedPages(t *testing.T) {
	for path, read := range map[string]func(t *testing.T, p *provider, numbers []int64) int{
		"/referrals":   found(providers.NounReferral, (*provider).ReferralsByID),
		"/commissions": found(providers.NounCommission, (*provider).CommissionsByID),
		"/payouts":     found(providers.NounPayout, (*provider).PayoutsByID),
		"/promoters":   found(providers.NounAffiliate, (*provider).AffiliatesByID),
	} {
		numbers := func(there, absent int) (n []int64) {
			for i := range there {
				n = append(n, int64(7000+i))
			}
			for i := range absent {
				n = append(n, int64(9000+i))
			}
			return n
		}
		for _, c := range []struct {
			clamp, there, absent int
			blind                bool
			calls                int
		}{
			{there: 100, calls: 1},
			{there: 130, calls: 2},
			{there: 130, clamp: 20, calls: 7},
			{there: 100, clamp: 20, calls: 5},
			{there: 45, clamp: 50, calls: 1},
			{there: 60, absent: 5, calls: 2},
			{there: 40, absent: 30, clamp: 20, calls: 3},
			{there: 0, absent: 30, calls: 1},
			{there: 20, absent: 30, clamp: 20, blind: true, calls: 2},
		} {
			vendor := &lists{rows: map[string][]string{path: rowsOf(path, c.there), campaignList.path: nil}, clamp: c.clamp, blind: c.blind}
			if got := read(t, open(t, vendor, someKey), numbers(c.there, c.absent)); got != c.there {
				t.Errorf("%s %+v: %d found", path, c, got)
			}
			calls := slices.DeleteFunc(vendor.calls, func(call string) bool { return !strings.Contains(call, url.QueryEscape("ids[]")) })
			if len(calls) != c.calls {
				t.Errorf("%s %+v: %d calls", path, c, len(calls))
			}
		}
	}
}

// TestUnreadRowsOfIDs: a record that cannot be read is an error for its id, and none for
// the others.
func TestUnreadRowsOfIDs(t *testing.T) {
	vendor := &lists{rows: map[string][]string{"/commissions": {someRow["/commissions"](7000), `{"id":"x","status":"approved"}`}}, blind: true}
	p := open(t, vendor, someKey)
	first, second := id(providers.NounCommission, "7000"), id(providers.NounCommission, "7001")
	b, err := p.CommissionsByID(t.Context(), []providers.ID{first, second})
	if err != nil || b.Found[first] == nil || providers.KindOf(b.Failed[second]) != providers.KindBadReply {
		t.Errorf("%+v, %v; want the first, and a bad reply for the second", b, err)
	}
}

func found[T providers.Record](noun providers.Noun, read func(*provider, context.Context, []providers.ID, ...string) (*providers.Batch[T], error)) func(*testing.T, *provider, []int64) int {
	return func(t *testing.T, p *provider, numbers []int64) int {
		t.Helper()
		b, err := read(p, t.Context(), p.ids(noun, numbers), "email")
		if err != nil || len(b.Failed) > 0 {
			t.Fatalf("%v, failed %v", err, b.Failed)
		}
		return len(b.Found)
	}
}

// TestIDsOfLists wants records that are read by their ids to be found, to be proven absent,
// or to fail: whether the vendor ignores ids[], or gives fewer rows than it is asked for.
// Where there is a read of one record, it is made.
func TestIDsOfLists(t *testing.T) {
	const rows = 60
	reads := map[string]func(p *provider, numbers []int64) (found, failed int, err error){
		"/promoters":   byIDs(providers.NounAffiliate, (*provider).AffiliatesByID),
		"/referrals":   byIDs(providers.NounReferral, (*provider).ReferralsByID),
		"/commissions": byIDs(providers.NounCommission, (*provider).CommissionsByID),
		"/payouts":     byIDs(providers.NounPayout, (*provider).PayoutsByID),
	}
	for path, read := range reads {
		single := path == "/promoters" || path == "/referrals"
		for name, vendor := range map[string]*lists{
			"sound": {}, "20 rows a page": {clamp: 20}, "7 rows a page": {clamp: 7}, "1 row a page": {clamp: 1},
			"ids ignored": {blind: true}, "ids ignored, 10 rows a page": {blind: true, clamp: 10},
		} {
			vendor.rows = map[string][]string{path: rowsOf(path, rows)}
			if single {
				vendor.records = vendor.rows[path]
			}
			var numbers []int64
			for n := range int64(rows) {
				numbers = append(numbers, 7000+n+20) // 20 of them are nowhere
			}
			found, failed, err := read(open(t, vendor, someKey), numbers)
			switch proven := !vendor.blind || single; {
			case err != nil, proven && (found != rows-20 || failed != 0), !proven && found+failed != rows:
				t.Errorf("%s, %s: %d found, %d failed, %v", path, name, found, failed, err)
			}
		}
	}
}

// byIDs reads records by their numbers, and counts those that were found and those that failed.
func byIDs[T providers.Record](noun providers.Noun, read func(*provider, context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
) func(p *provider, numbers []int64) (found, failed int, err error) {
	return func(p *provider, numbers []int64) (found, failed int, err error) {
		b, err := read(p, context.Background(), p.ids(noun, numbers), "email")
		if err != nil {
			return 0, 0, err
		}
		return len(b.Found), len(b.Failed), nil
	}
}

// TestThinRows wants a row of a list, and the reply to a write, that lacks what every
// record has to know only what it had, so that the rest is read. A row that has it is
// whole.
func TestThinRows(t *testing.T) {
	for row, want := range map[string]string{
		`{"id":7}`: "", `{"id":7,"email":"a@example.com"}`: "email", `{"id":7,"promoter_campaigns":[]}`: "status",
		`{"id":7,"email":null,"promoter_campaigns":[],"stats":null}`: "email status clicks",
	} {
		var wanted []string
		for _, field := range []string{"email", "status", "clicks"} {
			if strings.Contains(want, field) {
				wanted = append(wanted, field)
			}
		}
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = w.Write([]byte(row))
				return
			}
			_, _ = w.Write([]byte("[" + row + "]"))
		}), someKey)
		page, err := promoterList.page(t.Context(), p, nil, providers.PageRequest{Number: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, written, err := promoterList.write(t.Context(), p, promoterCreate, pathOf(promoterCreate), promoterBody{})
		if err != nil {
			t.Fatal(err)
		}
		for way, a := range map[string]*providers.Affiliate{"a list": page.Items[0], "a write": written.Affiliates[0]} {
			for _, field := range []string{"email", "status", "clicks"} {
				if got := a.Known.Covers(field); got != slices.Contains(wanted, field) {
					t.Errorf("%s in %s knows %s: %v", row, way, field, got)
				}
			}
		}
	}
}
