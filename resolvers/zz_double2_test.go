package resolvers_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// campaigns come oldest first, and so many a page: the new one is on the last page.
func TestZZDoubledShortPages(t *testing.T) {
	for _, c := range []struct{ clamp, there int }{{16, 20}, {32, 40}, {10, 20}, {20, 25}, {9, 12}} {
		v := &zzVendor{name: "firstpromoter", clamp: c.clamp, lists: map[string][]object{"/campaigns": zzRows(`{"id":28,"name":"Main"}`, c.there, nil)}}
		posts := 0
		v.hook = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "POST" {
				return false
			}
			posts++
			v.lists["/campaigns"] = append(v.lists["/campaigns"], zzRow(fmt.Sprintf(`{"id":%d,"name":"Spring","landing_url":"https://x.example","visitor_cookie_life":45,"ref_token_param":"?via"}`, 900+posts)))
			if posts == 1 {
				panic(http.ErrAbortHandler)
			}
			v.send(w, 201, zzJSON(v.lists["/campaigns"][len(v.lists["/campaigns"])-1]))
			return true
		}
		w := zzNew(t, v, setup{timeout: 5 * time.Second})
		var a *answer
		for range 3 {
			a = w.ask(`mutation($i: CreateCampaignInput!) { createCampaign(input: $i) { campaign { id name } userErrors { field code message } } }`, object{"i": object{"idempotencyKey": "key-12345678", "account": account("firstpromoter"), "name": "Spring",
				"terms": object{"websiteUrl": "https://x.example", "cookieDays": 45, "linkParameter": "via"}}})
			w.pass(settle)
		}
		if posts != 1 {
			t.Errorf("%d campaigns, %d a page, oldest first: %d POSTs for one key: %s", c.there, c.clamp, posts, clipped(string(a.Data)))
		} else {
			t.Log(c, clipped(a.text)[:100])
		}
	}
}
