package promotekit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// rowID is the id of the nth row of a made-up list.
func rowID(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }

// rowsFrom are rows of a made-up list.
func rowsFrom(first, last int) string {
	rows := make([]string, 0, max(last-first+1, 0))
	for n := first; n <= last; n++ {
		rows = append(rows, `{"id": "`+rowID(n)+`"}`)
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// TestEndOfList: a list goes on if anything in the reply says so, and ends where something
// says it and nothing says otherwise; without a word, where no page before was longer.
func TestEndOfList(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		number     int
		most       int // rows that a page had before
		more       bool
		total      int64 // -1: unknown
	}{
		{"as documented", `"data": ROW, "pagination": {"has_more": true, "total_count": 300}`, 1, 0, true, 300},
		{"the last", `"data": ROW, "pagination": {"has_more": false, "total_count": 1, "total_pages": 1}`, 1, 0, false, 1},
		{"an empty page in the middle", `"data": [], "pagination": {"has_more": true}`, 2, 100, true, -1},
		{"an empty page at the end", `"data": [], "pagination": {"has_more": false, "total_count": 100, "total_pages": 1}`, 2, 100, false, 100},
		{"has_more beside pagination", `"has_more": true, "data": ROW, "pagination": {"page": 1}`, 1, 0, true, -1},
		{"has_more beside pagination alone", `"has_more": true, "data": null`, 1, 0, true, -1},
		{"no has_more, rows counted", `"data": FULL, "pagination": {"limit": 100, "total_count": 130}`, 1, 0, true, 130},
		{"no has_more, all rows counted", `"data": ROW, "pagination": {"limit": 100, "total_count": 101}`, 2, 100, false, 101},
		{"no has_more, pages counted", `"data": ROW, "pagination": {"total_pages": 2}`, 1, 0, true, -1},
		{"no has_more, all pages counted", `"data": ROW, "pagination": {"total_pages": 2}`, 2, 0, false, -1},
		{"has_more false, but more pages", `"data": ROW, "pagination": {"has_more": false, "total_pages": 2}`, 1, 0, true, -1},
		{"has_more false, but more rows", `"data": ROW, "pagination": {"has_more": false, "total_count": 2}`, 1, 0, true, 2},
		{"has_more as a text", `"data": ROW, "pagination": {"has_more": "true"}`, 1, 0, true, -1},
		{"has_more odd", `"data": ROW, "pagination": {"has_more": []}`, 1, 100, false, -1},
		{"fewer rows than were asked for", `"data": ROWS, "pagination": {"limit": 100, "total_count": 45}`, 1, 0, true, 45},
		{"fewer rows again", `"data": ROWS, "pagination": {"limit": 100, "total_count": 45}`, 2, 20, true, 45},
		{"fewer rows, the last", `"data": ROW, "pagination": {"limit": 100, "total_count": 41}`, 3, 20, false, 41},
		{"counts that cannot be", `"data": ROW, "pagination": {"total_count": 0, "total_pages": 0}`, 1, 100, false, -1},
		{"a count that cannot be", `"data": ROW, "pagination": {"has_more": true, "total_count": -1}`, 1, 100, true, -1},
		{"no has_more, totals of the page", `"data": FULL, "pagination": {"total_count": 100, "total_pages": 1}`, 1, 0, true, 100},
		{"no has_more, totals of the page again", `"data": FULL, "pagination": {"total_count": 100, "total_pages": 1}`, 2, 100, true, 100},
		{"no has_more, a page whose total is reached", `"data": FULL, "pagination": {"total_count": 200}`, 2, 100, false, 200},
		{"has_more odd, totals of the page", `"data": FULL, "pagination": {"has_more": "yes", "total_count": 100}`, 1, 0, true, 100},
		{"has_more false, totals of the page", `"data": FULL, "pagination": {"has_more": false, "total_count": 100}`, 1, 0, false, 100},
		{"no block, a short page", `"data": ROW`, 1, 100, false, -1},
		{"no block, a page that may be full", `"data": ROWS`, 1, 0, true, -1},
		{"no block, fewer rows than any page has", `"data": ROW`, 1, 0, false, -1},
		{"no block, a full page", `"data": FULL`, 1, 100, true, -1},
		{"no block, an empty page", `"data": []`, 1, 0, false, -1},
		{"an odd block", `"data": ROW, "pagination": []`, 1, 100, false, -1},
		{"rows that cannot be read", `"data": [null, 7], "pagination": {"total_count": 3}`, 1, 0, true, 3},
	} {
		body := strings.NewReplacer("ROWS", rowsFrom(1, 20), "ROW", rowsFrom(1, 1), "FULL", rowsFrom(1, 100)).Replace(tt.body)
		p := open(t, providertest.Answer(http.StatusOK, `{"success": true, `+body+`}`))
		p.extents[providers.NounCampaign].More(t.Context(), tt.most)
		page, err := p.listCampaigns(t.Context(), nil, providers.PageRequest{Number: tt.number})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		total := int64(-1)
		if page.Total != nil {
			total = *page.Total
		}
		if page.More != tt.more || total != tt.total {
			t.Errorf("%s: got more %v, total %d; want %v, %d", tt.name, page.More, total, tt.more, tt.total)
		}
	}
}

// pager is a vendor that answers each page of its lists by a function, and counts the calls.
type pager struct {
	answer func(number int) string
	calls  int
}

func (v *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.calls++
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	_, _ = io.WriteString(w, `{"success": true, `+v.answer(number)+`}`)
}

// TestWalks reads lists whose pages are odd to their end: every row once, in few calls.
func TestWalks(t *testing.T) {
	for name, tt := range map[string]struct {
		answer      func(number int) string
		rows, calls int
		pages       int // that the list is known to have afterwards
	}{
		"page is ignored": {func(int) string {
			return `"data": ` + rowsFrom(1, 100) + `, "pagination": {"has_more": true, "total_count": 250}`
		}, 100, 1 + providers.MaxRepeats, 4},
		"has_more is missing": {func(n int) string {
			return `"has_more": ` + strconv.FormatBool(n < 2) + `, "data": ` + rowsFrom(100*n-99, min(100*n, 130)) +
				`, "pagination": {"page": 1, "limit": 100, "total_count": 130, "total_pages": 2}`
		}, 130, 2, 2},
		"20 rows a page": {func(n int) string {
			return `"data": ` + rowsFrom(20*n-19, min(20*n, 130)) + `, "pagination": {"has_more": ` + strconv.FormatBool(n < 7) + `}`
		}, 130, 7, 7},
		"20 rows a page, and nothing said":  {func(n int) string { return `"data": ` + rowsFrom(20*n-19, min(20*n, 130)) }, 130, 8, 7},
		"250 rows a page, and nothing said": {func(n int) string { return `"data": ` + rowsFrom(250*n-249, min(250*n, 650)) }, 650, 4, 3},
		"250 rows and no pages":             {func(int) string { return `"data": ` + rowsFrom(1, 250) }, 250, 1 + providers.MaxRepeats, -1},
		"200 rows, and nothing said":        {func(n int) string { return `"data": ` + rowsFrom(100*n-99, min(100*n, 200)) }, 200, 3, 2},
		"an empty page in the middle": {func(n int) string {
			data := map[int]string{1: rowsFrom(1, 100), 2: "[]", 3: rowsFrom(101, 200)}[n]
			return `"data": ` + data + `, "pagination": {"has_more": ` + strconv.FormatBool(n < 3) + `}`
		}, 200, 3, 3},
		"empty pages as long as pages are counted": {func(n int) string {
			data := map[int]string{1: rowsFrom(1, 100), 9: rowsFrom(101, 200)}[n]
			return `"data": [` + strings.Trim(data, "[]") + `], "pagination": {"has_more": ` + strconv.FormatBool(n < 9) + `, "total_pages": 9}`
		}, 200, 9, 9},
		"ten times the pages": {func(n int) string {
			return `"data": ` + rowsFrom(100*n-99, min(100*n, 250)) + `, "pagination": {"has_more": ` + strconv.FormatBool(n < 3) +
				`, "total_count": 250, "total_pages": 30}`
		}, 250, 4, 3},
		"pages without end": {func(n int) string {
			return `"data": ` + rowsFrom(100*n-99, min(100*n, 250)) + `, "pagination": {"has_more": ` + strconv.FormatBool(n < 3) +
				`, "total_pages": 9223372036854775807}`
		}, 250, 3 + providers.MaxEmpty, -1},
		"nothing but empty pages": {func(int) string { return `"data": [], "pagination": {"has_more": true}` }, 0, providers.MaxEmpty, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vendor := &pager{answer: tt.answer}
			p := open(t, vendor)
			lists, err := p.Commissions(providers.CommissionFilter{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for row, err := range providers.All(t.Context(), lists[0], p) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, row.ID.Local)
			}
			var want []string
			for n := 1; n <= tt.rows; n++ {
				want = append(want, rowID(n))
			}
			if !slices.Equal(got, want) || vendor.calls != tt.calls {
				t.Errorf("got %d rows by %d calls; want %d by %d", len(got), vendor.calls, tt.rows, tt.calls)
			}
			if pages := p.extents[providers.NounCommission].Pages(); pages != tt.pages {
				t.Errorf("the list is known to have %d pages; want %d", pages, tt.pages)
			}
		})
	}
}

// TestOldestFirst: campaigns come oldest first. A page is sorted; pages stay in their order.
func TestOldestFirst(t *testing.T) {
	row := func(n int, at string) string { return `{"id": "` + rowID(n) + `", "created_at": "` + at + `"}` }
	vendor := &pager{answer: func(n int) string {
		data := map[int]string{
			1: row(1, "2024-01-01T00:00:00Z") + "," + row(2, "2024-02-01T00:00:00Z") + "," + `{"id": "` + rowID(3) + `"}`,
			2: row(4, "2025-01-01T00:00:00Z") + "," + row(5, "2025-02-01T00:00:00Z"),
		}[n]
		return `"data": [` + data + `], "pagination": {"has_more": ` + strconv.FormatBool(n < 2) + `}`
	}}
	p := open(t, vendor)
	lists, _ := p.Campaigns(providers.CampaignFilter{})
	var got []string
	for c, err := range providers.All(t.Context(), lists[0], p) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c.ID.Local)
	}
	if want := []string{rowID(2), rowID(1), rowID(3), rowID(5), rowID(4)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOddIsLogged: each kind of oddity is told once, without its value.
func TestOddIsLogged(t *testing.T) {
	var log bytes.Buffer
	body := `{"success": true, "data": [{"id": "` + uuidA + `", "clicks": ["s3cret"]}, {"id": "` + uuidB + `", "clicks": ["s3cret"]}, {"id": ""}, null]}`
	p := openLogging(t, providertest.Answer(http.StatusOK, body), slog.NewJSONHandler(&log, nil))
	for range 2 {
		if _, err := p.listAffiliates(t.Context(), nil, providers.PageRequest{Number: 1}); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	for line := range strings.Lines(log.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		told = append(told, fmt.Sprint(l["operation"], " ", l["field"], " ", l["rows"]))
	}
	slices.Sort(told)
	want := []string{"GET /affiliates <nil> 2", "GET /affiliates data <nil>", "GET /affiliates data.clicks <nil>"}
	if !slices.Equal(told, want) || strings.Contains(log.String(), "s3cret") {
		t.Errorf("got %q, want %q:\n%s", told, want, log.String())
	}
}

// TestSmallPagesWithoutSigns reads lists whose vendor gives few rows a page and says nothing
// of the end: where the page is remembered, a proof finds the rows behind the first one.
// Where the reply tells the end, none is read.
func TestSmallPagesWithoutSigns(t *testing.T) {
	for size := 2; size <= 12; size++ {
		for _, rows := range []int{size - 1, size, size + 1, 3 * size} {
			for _, sign := range []bool{false, true} {
				v := &pager{answer: func(n int) string {
					data := `"data": ` + rowsFrom(size*(n-1)+1, min(size*n, rows))
					if sign {
						data += `, "pagination": {"has_more": ` + strconv.FormatBool(n*size < rows) + `}`
					}
					return data
				}}
				p := open(t, v)
				lists, err := p.Affiliates(providers.AffiliateFilter{})
				if err != nil {
					t.Fatal(err)
				}
				read, pages := 0, 0
				for more := true; more && pages < 20; {
					pages++
					page, err := lists[0].Page(t.Context(), providers.PageRequest{Number: pages, Reader: p, Prove: true})
					if err != nil {
						t.Fatal(err)
					}
					read, more = read+len(page.Items), page.More
				}
				if read != rows || sign && v.calls != pages {
					t.Errorf("%d rows at %d a page, told the end: %v: %d rows by %d calls", rows, size, sign, read, v.calls)
				}
			}
		}
	}
}

// TestSmallPagesBehindSigns reads a list whose vendor says of a small first page that more
// follows, and then says nothing: the next page of as many rows is not taken for the last
// one, and needs no proof.
func TestSmallPagesBehindSigns(t *testing.T) {
	const size, rows = 4, 10
	for name, sign := range map[string]string{
		"has_more":             `, "pagination": {"has_more": true}`,
		"has_more beside data": `, "has_more": true`,
		"total_pages":          `, "pagination": {"total_pages": 3}`,
		"total_count":          `, "pagination": {"total_count": 10}`,
	} {
		v := &pager{}
		v.answer = func(n int) string {
			data := `"data": ` + rowsFrom(size*(n-1)+1, min(size*n, rows))
			if v.calls == 1 {
				data += sign
			}
			return data
		}
		p := open(t, v)
		for _, number := range []int{1, 2, 1} { // the last is the first page of another list of the endpoint
			page, err := p.listAffiliates(t.Context(), nil, providers.PageRequest{Number: number, Prove: true})
			if err != nil || len(page.Items) != size || !page.More {
				t.Errorf("%s: page %d: %+v, %v; want %d rows, and more", name, number, page, err, size)
			}
		}
		if v.calls != 3 {
			t.Errorf("%s: %d calls, want 3", name, v.calls)
		}
	}
}
