package promotekit

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

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
