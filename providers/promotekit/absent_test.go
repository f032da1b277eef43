package promotekit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// TestAbsentReferrals: that the list of an affiliate has no rows proves that a referral is
// not there only where the vendor finds others so. It is tried once, and else the list of
// all is searched.
func TestAbsentReferrals(t *testing.T) {
	affiliate := func(n int) string { return fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n) }
	referral := func(n int) string { return fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", n) }
	row := func(n int) string {
		return `{"id": "` + referral(n) + `", "email": "r@x.example", "affiliate": {"id": "` + affiliate(n) + `", "email": "a@x.example"}}`
	}
	for _, c := range []struct {
		mute         bool // the filter by affiliates is answered with nothing
		there        int  // referrals of the account
		wanted       []int
		found, calls int // at most
	}{
		{false, 20, []int{3}, 1, 1}, {false, 20, []int{99}, 0, 3}, {false, 0, []int{99}, 0, 2},
		{true, 20, []int{3}, 1, 2}, {true, 20, []int{19}, 1, 3}, {true, 20, []int{99}, 0, 3}, {true, 0, []int{99}, 0, 2},
		{true, 20, []int{1, 2, 19, 98, 99}, 3, 9}, {false, 20, []int{98, 99}, 0, 5},
	} {
		calls := 0
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			var rows []string
			for n := range c.there {
				if by := r.URL.Query().Get("affiliate_id"); by == "" || by == affiliate(n) && !c.mute {
					rows = append(rows, row(n))
				}
			}
			_, _ = io.WriteString(w, `{"success": true, "data": [`+strings.Join(rows, ",")+`], "pagination": {"has_more": false}}`)
		}))
		var ids []providers.ID
		for _, n := range c.wanted {
			ids = append(ids, id(providers.NounReferral, referral(n), affiliate(n)))
		}
		b, err := p.ReferralsByID(t.Context(), ids, "email")
		if err != nil || len(b.Found) != c.found || len(b.Failed) != 0 || calls > c.calls {
			t.Errorf("%+v: %d found, %d failed by %d calls, %v", c, len(b.Found), len(b.Failed), calls, err)
		}
	}
}

// TestMadeUpReferrals asks for referrals that nobody has, one after the other: a walk of the
// list answers all of them for a minute. One that was made since is found by its affiliate,
// reads that want a proof walk, and the planned calls cover the first.
func TestMadeUpReferrals(t *testing.T) {
	const affiliate = "aaaaaaaa-0000-4000-8000-000000000001"
	referral := func(n int) string { return fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", n) }
	there, calls := 250, 0
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		page, rows := 1, []string{}
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
		for n := there - 1; n >= 0; n-- { // newest first; those of the affiliate are the newest
			if by := r.URL.Query().Get("affiliate_id"); by == "" || by == affiliate && n >= 250 {
				rows = append(rows, `{"id": "`+referral(n)+`", "email": "r@x.example", "affiliate": {"id": "`+affiliate+`"}}`)
			}
		}
		first, last := min((page-1)*100, len(rows)), min(page*100, len(rows))
		_, _ = fmt.Fprintf(w, `{"success": true, "data": [%s], "pagination": {"has_more": %v}}`, strings.Join(rows[first:last], ","), last < len(rows))
	}))
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	p.config.Now = func() time.Time { return now }
	read := func(ctx context.Context, n, found, want int, what string) {
		t.Helper()
		calls = 0
		b, err := p.ReferralsByID(ctx, []providers.ID{id(providers.NounReferral, referral(n), affiliate)}, "email")
		if err != nil || len(b.Found) != found || len(b.Failed) > 0 || calls > want {
			t.Errorf("%s: %d found, %d failed by %d calls, %v; want %d by %d", what, len(b.Found), len(b.Failed), calls, err, found, want)
		}
	}
	planned := p.Calls(providers.QueryReferralEdge, providers.Rows{Count: 1}, "email")
	read(t.Context(), 9000, 0, planned, "the first")
	for n := range 20 {
		read(t.Context(), 9001+n, 0, 1, "another")
	}
	read(t.Context(), 3, 1, 4, "one that has moved")
	there++
	read(t.Context(), 250, 1, 1, "one that was made since")
	now = now.Add(30 * time.Second)
	read(t.Context(), 9100, 0, 1, "half a minute later")
	if read(providers.WithProof(t.Context()), 9101, 0, 9, "with a proof"); calls < 4 {
		t.Errorf("%d calls prove nothing", calls)
	}
	now = now.Add(2 * time.Minute)
	if read(t.Context(), 9200, 0, p.Calls(providers.QueryReferralEdge, providers.Rows{Count: 1}, "email"), "minutes later"); calls < 4 {
		t.Errorf("%d calls: an old walk proves nothing", calls)
	}
}

// TestMadeUpReferralsMeanwhile: a walk in which a referral is made, or which does not come to
// the end of the list, does not prove that others are not there.
func TestMadeUpReferralsMeanwhile(t *testing.T) {
	const affiliate, other = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
	row := func(n int) string {
		return fmt.Sprintf(`{"id": "bbbbbbbb-0000-4000-8000-%012d", "email": "r@x.example", "affiliate": {"id": "`+other+`"}}`, n)
	}
	rows, more, meanwhile := []string{row(1)}, false, func() {}
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := rows
		if r.URL.Query().Get("affiliate_id") == affiliate || r.URL.Query().Get("page") > "1" {
			page = nil
		}
		if page != nil {
			meanwhile()
		}
		_, _ = fmt.Fprintf(w, `{"success": true, "data": [%s], "pagination": {"has_more": %v}}`, strings.Join(page, ","), more)
	}))
	read := func(n int) (found, failed int) {
		b, err := p.ReferralsByID(t.Context(), []providers.ID{id(providers.NounReferral, fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", n), affiliate)}, "email")
		if err != nil {
			t.Fatal(err)
		}
		return len(b.Found), len(b.Failed)
	}
	meanwhile = func() {
		rows = append(rows, row(2))
		p.createdReferral(&referralWire{}, other)
	}
	if found, failed := read(8); found+failed != 0 {
		t.Errorf("a made-up one: %d found, %d failed", found, failed)
	}
	meanwhile = func() {}
	if found, failed := read(2); found != 1 || failed != 0 {
		t.Errorf("one that was made meanwhile: %d found, %d failed", found, failed)
	}
	more = true
	for n := range 2 {
		if found, failed := read(8 + n); found != 0 || failed != 1 {
			t.Errorf("where empty pages promise rows: %d found, %d failed", found, failed)
		}
	}
}

// TestRawReferralThatMoved: the raw record of a referral's old id is the referral, whoever
// has it now; a made-up id has none.
func TestRawReferralThatMoved(t *testing.T) {
	old, now := "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
	there, madeUp := "bbbbbbbb-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000009"
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rows := `{"id": "` + there + `", "email": "r@x.example", "affiliate": {"id": "` + now + `"}}`
		if by := r.URL.Query().Get("affiliate_id"); by != "" && by != now {
			rows = ""
		}
		_, _ = io.WriteString(w, `{"success": true, "data": [`+rows+`], "pagination": {"has_more": false}}`)
	}))
	for _, affiliate := range []string{old, now} {
		if raw, err := p.RawRecord(t.Context(), id(providers.NounReferral, there, affiliate)); err != nil || !strings.Contains(string(raw), there) {
			t.Errorf("by affiliate %s: %s, %v", affiliate, raw, err)
		}
		if raw, err := p.RawRecord(t.Context(), id(providers.NounReferral, madeUp, affiliate)); providers.KindOf(err) != providers.KindNotFound {
			t.Errorf("a made-up one: %s, %v", raw, err)
		}
	}
}
