package uppromote

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestAbsentPayouts: that the payments of an affiliate's address are none proves that
// nothing is owed only where the vendor finds payments by addresses. It is tried once, and
// else all are searched.
func TestAbsentPayouts(t *testing.T) {
	for _, c := range []struct {
		mute         bool // the filter by addresses is answered with nothing
		there        int  // affiliates who are owed something, from 501
		wanted       []int
		found, calls int // at most; affiliates take a call each
	}{
		{false, 5, []int{503}, 1, 2}, {false, 5, []int{999}, 0, 4}, {false, 0, []int{999}, 0, 3},
		{true, 5, []int{503}, 1, 5}, {true, 5, []int{999}, 0, 5}, {true, 0, []int{999}, 0, 3},
		{true, 5, []int{501, 503, 998, 999}, 2, 9},
	} {
		calls := 0
		p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			if strings.HasPrefix(r.URL.Path, "/affiliates/") {
				n := path.Base(r.URL.Path)
				_, _ = fmt.Fprintf(w, `{"status":200,"data":{"id":%s,"email":"%s@x.example"}}`, n, n)
				return
			}
			var rows []string
			for n := 501; n < 501+c.there; n++ {
				email := fmt.Sprintf("%d@x.example", n)
				if by := r.URL.Query().Get(emailParam); by == "" || by == email && !c.mute {
					rows = append(rows, fmt.Sprintf(`{"affiliate_id":%d,"affiliate_email":"%s","total_referrals":1,"total_commission":4}`, n, email))
				}
			}
			_, _ = io.WriteString(w, `{"status":200,"data":[`+strings.Join(rows, ",")+`]}`)
		}))
		var ids []providers.ID
		for _, n := range c.wanted {
			ids = append(ids, id(providers.NounPayout, fmt.Sprintf("due~%d", n)))
		}
		b, err := p.PayoutsByID(t.Context(), ids, "amount")
		if err != nil || len(b.Found) != c.found || len(b.Failed) != 0 || calls > c.calls {
			t.Errorf("%+v: %d found, %d failed by %d calls, %v", c, len(b.Found), len(b.Failed), calls, err)
		}
		if able := slices.Contains(p.Account().Capabilities, providers.FilterPayoutsByAffiliate); c.mute && c.there > 0 && len(c.wanted) == 1 && able {
			t.Errorf("%+v: the filter is still believed", c)
		}
	}
}
