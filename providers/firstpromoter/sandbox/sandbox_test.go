package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// clock is the simulator's; tests move it.
type clock struct{ now time.Time }

func open(size providers.SandboxSize) (*Server, *clock) {
	c := &clock{time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)}
	return New(providers.SandboxOptions{Size: size, Seed: 1, Now: func() time.Time { return c.now }}), c
}

func call(s *Server, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer "+apiKey)
	r.Header.Set("Account-ID", accountID)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// get is the decoded answer to a call that succeeds.
func get[T any](t *testing.T, s *Server, target string) (body T) {
	t.Helper()
	w := call(s, target)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v in %s", target, err, w.Body)
	}
	return body
}

type row struct {
	ID        int64
	CreatedAt time.Time `json:"created_at"`
}

func ids(rows []row) (ids []int64) {
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

// shape is a value with every plain value replaced by nil, and lists by their first element.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		s := map[string]any{}
		for k, e := range v {
			s[k] = shape(e)
		}
		return s
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		return []any{shape(v[0])}
	}
	return nil
}

// TestShape holds the list of referrals against the vendor's own example of it.
func TestShape(t *testing.T) {
	stored := providertest.Find(t, providertest.Exchanges(t, ".."), "referral_list")
	var example any
	if err := json.Unmarshal(stored.Body, &example); err != nil {
		t.Fatal(err)
	}
	s, _ := open(providers.SandboxSmall)
	if diff := cmp.Diff(shape(example), shape(get[any](t, s, "/referrals"))); diff != "" {
		t.Errorf("the keys of a referral (-vendor +simulator)\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	s, _ := open(providers.SandboxSmall)
	for _, c := range []struct {
		target string
		change func(*http.Request)
		status int
		body   string
	}{
		{"/campaigns", func(r *http.Request) { r.Header.Del("Authorization") }, 401, ""},
		{"/campaigns", func(r *http.Request) { r.Header.Set("Authorization", "Bearer other") }, 401, ""},
		{"/campaigns", func(r *http.Request) { r.Header.Set("Account-ID", "other") }, 404, `{"code":"not_found","message":"Record not found"}`},
		{"/campaigns", func(r *http.Request) { r.Method = http.MethodDelete }, 404, `{"code":"not_found","message":"Record not found"}`},
		{"/campaigns/1", nil, 404, `{"code":"not_found","message":"Record not found"}`},
		{"/commissions/113500001", nil, 404, `{"code":"not_found","message":"Record not found"}`},
		{"/promoters/x%40y.example?find_by=email", nil, 404, `{"code":"not_found","message":"Record not found"}`},
		{"/promoters/x?find_by=shoe_size", nil, 422, `{"code":"invalid_params","message":"Invalid find_by"}`},
		{"/promoter_campaigns/search", nil, 422, `{"code":"invalid_params","message":"param is missing or the value is empty or invalid: q"}`},
	} {
		change := c.change
		if change == nil {
			change = func(*http.Request) {}
		}
		w := call(s, c.target, change)
		if got := strings.TrimSpace(w.Body.String()); w.Code != c.status || got != c.body {
			t.Errorf("%s: got %d %s; want %d %s", c.target, w.Code, got, c.status, c.body)
		}
	}
}

func TestPages(t *testing.T) {
	s, _ := open(providers.SandboxSmall)
	all := get[[]row](t, s, "/commissions?per_page=1000")
	for target, want := range map[string][]int64{
		"/commissions":                    ids(all[:20]),
		"/commissions?per_page=x&page=y":  ids(all[:20]),
		"/commissions?per_page=7&page=0":  ids(all[:7]),
		"/commissions?per_page=7&page=2":  ids(all[7:14]),
		"/commissions?page=1000000000000": nil,
		"/commissions?ids[]=1&ids%5B%5D=" + fmt.Sprint(all[3].ID) + "&ids[]=" + fmt.Sprint(all[1].ID): {all[1].ID, all[3].ID},
	} {
		if diff := cmp.Diff(want, ids(get[[]row](t, s, target))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", target, diff)
		}
	}
	if len(all) != 100 {
		t.Errorf("a page of 1000 has %d rows, want 100", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b row) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		t.Error("commissions are not newest first")
	}
	oldest := get[[]row](t, s, "/commissions?sorting[created_at]=asc&per_page=100")
	if !slices.IsSortedFunc(oldest, func(a, b row) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
		t.Error("commissions sorted ascending are not oldest first")
	}
}

func TestRateWindow(t *testing.T) {
	s, c := open(providers.SandboxSmall)
	for range 400 {
		if w := call(s, "/campaigns"); w.Code != http.StatusOK {
			t.Fatalf("got %d within the limit", w.Code)
		}
	}
	c.now = c.now.Add(30 * time.Second)
	w := call(s, "/campaigns")
	if got := w.Header().Get("Retry-After"); w.Code != http.StatusTooManyRequests || got != "30" {
		t.Errorf("got %d, Retry-After %q; want 429, 30", w.Code, got)
	}
	s.Kit().Set(NoRetryAfter, true)
	w = call(s, "/campaigns")
	if got := w.Header().Values("Retry-After"); w.Code != http.StatusTooManyRequests || got != nil {
		t.Errorf("switched off: got %d, Retry-After %q; want 429, none", w.Code, got)
	}
	c.now = c.now.Add(30 * time.Second)
	if w := call(s, "/campaigns"); w.Code != http.StatusOK {
		t.Errorf("got %d when the minute is over", w.Code)
	}
}

// TestFigures: what the simulator tells of a promoter, of payouts and of their commissions
// adds up.
func TestFigures(t *testing.T) {
	s, c := open(providers.SandboxSmall)
	figures(t, s, c)
}

func figures(t *testing.T, s *Server, c *clock) {
	t.Helper()
	again := func() { c.now = c.now.Add(time.Minute) }
	type payout struct {
		ID     int64
		Amount int64
		Unit   string
	}
	type commission struct {
		Amount int64
		Unit   string
		Status string
		IsPaid bool `json:"is_paid"`
	}
	for _, p := range get[[]payout](t, s, "/payouts?per_page=100") {
		again()
		var sum int64
		for _, e := range get[[]commission](t, s, fmt.Sprintf("/commissions?per_page=100&filters[payout_id]=%d", p.ID)) {
			if e.Unit != p.Unit {
				t.Errorf("payout %d of %s holds a commission of %s", p.ID, p.Unit, e.Unit)
			}
			sum += e.Amount
		}
		if sum != p.Amount {
			t.Errorf("payout %d is %d, its commissions %d", p.ID, p.Amount, sum)
		}
	}
	promoters := get[struct {
		Data []struct {
			ID       int64
			Balances struct{ Cash, Points int64 }
		}
	}](t, s, "/promoters?per_page=100")
	for _, p := range promoters.Data {
		again()
		var cash, points int64
		for n := 1; ; n++ {
			rows := get[[]commission](t, s, fmt.Sprintf("/commissions?per_page=100&page=%d&filters[promoter_id]=%d&filters[status]=approved", n, p.ID))
			for _, e := range rows {
				switch {
				case e.IsPaid:
				case e.Unit == "cash":
					cash += e.Amount
				default:
					points += e.Amount
				}
			}
			if len(rows) < 100 {
				break
			}
		}
		if cash != p.Balances.Cash || points != p.Balances.Points {
			t.Errorf("promoter %d is owed %d and %d points, by its commissions %d and %d", p.ID, p.Balances.Cash, p.Balances.Points, cash, points)
		}
	}
}

// TestFilters: each filter leaves some rows and takes some away.
func TestFilters(t *testing.T) {
	s, _ := open(providers.SandboxSmall)
	parent := slices.IndexFunc(s.childrenOf, func(children []int32) bool { return len(children) > 0 })
	for _, c := range []struct {
		rows    func(url.Values) *filter
		queries []string
	}{
		{s.promoters, []string{"filters[state]=accepted", "filters[archived]=true", "filters[campaign_id]=28001", "filters[parent_promoter_id]=" + fmt.Sprint(promoters.of(parent)),
			"filters[joined_at][from]=2025-01-01", "q=A1"}},
		{s.referrals, []string{"filters[type]=lead", "filters[state]=active", "filters[campaign_id][]=28002", "filters[created_at][to]=2025-10-20",
			"filters[customer_since][from]=2025-10-20", "filters[promoter_id]=8200003"}},
		{s.commissions, []string{"filters[status]=denied", "filters[paid]=yes", "filters[fulfilled]=no", "q=CUS_1", "filters[payout_id][]=2700001",
			"filters[promoter_id]=8200003", "filters[created_at][from]=2026-06-01"}},
		{s.payouts, []string{"filters[status]=completed", "filters[campaign_id]=28001", "filters[promoter_id]=8200003"}},
		{s.promoCodes, []string{"promoter_campaign_id=" + fmt.Sprint(memberships.of(s.codes[0].membership))}},
	} {
		all := len(slices.Collect(c.rows(url.Values{}).sorted()))
		for _, query := range c.queries {
			q, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(slices.Collect(c.rows(q).sorted())); n == 0 || n >= all {
				t.Errorf("%s leaves %d of %d rows", query, n, all)
			}
			q.Set("ids[]", "1")
			if n := len(slices.Collect(c.rows(q).sorted())); n != 0 {
				t.Errorf("%s leaves %d rows of an id that is not there", query, n)
			}
		}
	}
}
