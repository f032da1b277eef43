package resolvers_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// searchedWrites are the mutations that are found, or found missing, in a list.
var searchedWrites = []providers.Capability{
	providers.CanCreateAffiliate, providers.CanCreateCampaign, providers.CanCreateReferral, providers.CanCreateCommission,
	providers.CanAdjustCommission, providers.CanAssignCoupon, providers.CanMarkPayoutPaid,
	providers.CanCreateWebhookSubscription, providers.CanUpdateWebhookSubscription, providers.CanDeleteWebhookSubscription,
}

// TestWriteShortPages makes a write without an answer at a vendor with short pages, oldest
// rows first, that says nothing of where its lists end. The look finds the write on the
// last page, and nothing is made twice.
func TestWriteShortPages(t *testing.T) {
	sequential(t)
	for _, r := range rows() {
		if !slices.Contains(searchedWrites, r.mutation) {
			continue
		}
		for size := 2; size <= 12; size++ {
			t.Run(strings.TrimSpace(r.vendor+" "+string(r.mutation)+" "+r.also)+" "+strconv.Itoa(size), func(t *testing.T) {
				t.Parallel()
				w, p := r.sole(t, setup{})
				written := false
				w.kits[r.vendor].Choose(func(q *http.Request) (sandbox.Fault, bool) {
					if q.Method == http.MethodGet {
						return oldestFirst(q, size)
					}
					first := !written
					written = true
					return sandbox.Fault{After: true}, first
				})
				w.write(r.mutation, p.fields, newKey, p.input)
				w.pass(settle)
				got, a := w.write(r.mutation, p.fields, newKey, p.input)
				if made := a.code() == "" && got != nil && len(got.UserErrors) == 0; !made && a.code() != "OUTCOME_UNKNOWN" {
					t.Errorf("%s", clipped(a.text))
				}
				if all, writes := w.taken(r.vendor); landed(all) != 1 || len(writes) != 1 {
					t.Errorf("it was made %d times:%s", landed(all), lined(all))
				}
			})
		}
	}
}

// TestWriteLookEnds bounds the pages of a look. What is not found within them is not proven
// absent: the write is not sent again, whoever asks.
func TestWriteLookEnds(t *testing.T) {
	for _, r := range rows() {
		if r.mutation != providers.CanCreateCampaign && (r.mutation != providers.CanCreateWebhookSubscription || r.vendor != "firstpromoter") {
			continue
		}
		w, p := r.sole(t, setup{reads: 2})
		written := false
		w.kits[r.vendor].Choose(func(q *http.Request) (sandbox.Fault, bool) {
			switch {
			case q.Method != http.MethodGet:
				written = true
				return sandbox.Fault{After: true}, true
			case written:
				return oldestFirst(q, 1)
			}
			return sandbox.Fault{}, false
		})
		for range 3 {
			if _, a := w.write(r.mutation, p.fields, newKey, p.input); a.code() != "OUTCOME_UNKNOWN" {
				t.Errorf("%s %s: %s", r.vendor, r.mutation, clipped(a.text))
			}
			w.pass(settle)
		}
		if all, writes := w.taken(r.vendor); landed(all) != 1 || len(writes) != 1 {
			t.Errorf("%s %s: it was made %d times:%s", r.vendor, r.mutation, landed(all), lined(all))
		}
	}
}

// oldestFirst has a page of a list hold so many rows, the oldest first, and nothing beside them.
func oldestFirst(r *http.Request, size int) (sandbox.Fault, bool) {
	q := r.URL.Query()
	number, err := strconv.Atoi(q.Get("page"))
	if err != nil {
		return sandbox.Fault{}, false
	}
	q.Set("page", "1")
	r.URL.RawQuery = q.Encode()
	return sandbox.Fault{Edit: func(body []byte) []byte {
		var rows []json.RawMessage
		var list map[string]json.RawMessage
		if json.Unmarshal(body, &rows) != nil && (json.Unmarshal(body, &list) != nil || json.Unmarshal(list["data"], &rows) != nil) {
			return body
		}
		slices.Reverse(rows)
		rows = rows[min((number-1)*size, len(rows)):min(number*size, len(rows))]
		if list == nil {
			return encoded(rows)
		}
		delete(list, "pagination")
		delete(list, "has_more")
		list["data"] = encoded(rows)
		return encoded(list)
	}}, true
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return b
}
