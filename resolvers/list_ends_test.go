package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// everywhere says that it holds at every vendor.
var everywhere []string

// endings are odd ways to say where a list ends that cost no row.
var endings = map[string][]string{ // by switch: the vendors where something else tells the end
	sandbox.PageSize10:      everywhere,
	sandbox.PageSize20:      everywhere,
	sandbox.PageSize50:      everywhere,
	sandbox.LastPageRepeats: {"firstpromoter", "uppromote"},
	sandbox.PageRefused:     {"promotekit"}, // which says that there is no such page, so that it is not asked for
	sandbox.PageNumbered:    everywhere,
	sandbox.PageRepeats:     everywhere,
	sandbox.RowsTwice:       everywhere,
	sandbox.PageEmpty:       {"promotekit"},
	sandbox.MoreMissing:     {"promotekit"},
	sandbox.TotalsMissing:   {"promotekit"},
	sandbox.TotalsWrong:     {"promotekit"},
}

// TestListEnds reads every root list at vendors that number and count their pages oddly:
// all rows are there, each once, and nothing is told to be wrong. Where the vendor ignores
// the page's number the list has the rows of one page, and an end.
func TestListEnds(t *testing.T) {
	sequential(t)
	for vendor, lists := range oddLists {
		t.Run(vendor, func(t *testing.T) {
			plain := map[string][]string{}
			s := setup{vendors: []string{vendor}, noBudget: true, ticks: true, pages: 100}
			w := newWorld(t, s)
			for list := range lists {
				plain[list] = slices.Sorted(slices.Values(w.walkList(list, 100).ids))
			}
			s.beside = w
			turn := 0
			for _, name := range slices.Sorted(maps.Keys(endings)) {
				if where := endings[name]; where != nil && !slices.Contains(where, vendor) {
					continue
				}
				w.kits[vendor].Set(name, true)
				odd := newWorld(t, s) // nothing is known there
				turn++
				for n, list := range slices.Sorted(maps.Keys(lists)) {
					if (n+turn)%2 == 0 {
						continue // the next switch is tried on it
					}
					got := odd.walkList(list, []int{100, 30}[n%2])
					if ids := slices.Sorted(slices.Values(got.ids)); !slices.Equal(ids, plain[list]) || got.rows > 0 {
						t.Errorf("%s, %s: %d rows, want %d", name, list, len(ids), len(plain[list]))
					}
				}
				w.kits[vendor].Set(name, false)
			}
			w.kits[vendor].Set(sandbox.PageIgnored, true)
			odd := newWorld(t, s)
			for list, paths := range lists {
				w.kits[vendor].Forget()
				ids := odd.walkList(list, 100).ids
				if each := slices.Compact(slices.Sorted(slices.Values(ids))); len(each) != len(ids) || len(ids) == 0 {
					t.Errorf("%s, %s: %d rows, of which %d are different", sandbox.PageIgnored, list, len(ids), len(each))
				}
				if calls := len(w.kits[vendor].Requests()); calls > 4*len(paths)+1 {
					t.Errorf("%s, %s: %d calls for one page:%s", sandbox.PageIgnored, list, calls, lined(w.kits[vendor].Requests()))
				}
			}
			w.kits[vendor].Set(sandbox.PageIgnored, false)
		})
	}
}

// TestOdditiesAreBounded wants an oddity of a vendor told and kept once for each noun,
// however many lists clients make by their filters.
func TestOdditiesAreBounded(t *testing.T) {
	w := newWorld(t, setup{noBudget: true, ticks: true, pages: 100, size: providers.SandboxMedium})
	for vendor, kit := range w.kits {
		kit.Set(sandbox.PageIgnored, true)
		for n := range 4 {
			from := today.AddDate(-10, 0, n).Format(time.RFC3339)
			for _, list := range []string{"referrals", "commissions"} {
				after := "null"
				for after != "" {
					answer := w.ask(fmt.Sprintf(`{ list: %s(first: 100, after: %s, filter: { accounts: [%q], createdAt: { from: %q } }) { pageInfo { hasNextPage endCursor } } }`,
						list, after, account(vendor), from), nil)
					var found struct {
						List struct {
							PageInfo struct {
								HasNextPage bool
								EndCursor   string
							}
						}
					}
					if err := json.Unmarshal(answer.Data, &found); err != nil {
						t.Fatal(err)
					}
					if after = ""; found.List.PageInfo.HasNextPage {
						after = fmt.Sprintf("%q", found.List.PageInfo.EndCursor)
					}
				}
			}
		}
	}
	if n := w.graph.Noticed(); n == 0 || n > 2*len(w.kits) {
		t.Errorf("%d are kept, of %d vendors and 2 nouns", n, len(w.kits))
	}
}

// sickness is what is wrong with one account of several while a client reads a list of all.
type sickness struct {
	name  string
	fault sandbox.Fault
	from  string // the fewest digits of the sick pages: "1" for all, "2" for all but the first
	until int    // how many calls of the vendor fail; 0 for all
}

// TestPlainLoop reads lists of three accounts by the plainest loop, while one account
// fails. No row comes twice, there is always a cursor to go on with, and the other
// accounts' rows are all there.
func TestPlainLoop(t *testing.T) {
	sequential(t)
	lists := []string{"commissions", "referrals", "affiliates"}
	whole := map[string]map[string]int{} // rows by vendor and list
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, pages: 100})
		whole[vendor] = map[string]int{}
		for _, list := range lists {
			whole[vendor][list] = len(w.walkList(list, 100).ids)
		}
	}
	for n, is := range []sickness{
		{"unavailable, for a while", sandbox.Fault{Status: http.StatusInternalServerError}, "", 2},
		{"unavailable, the whole time", sandbox.Fault{Status: http.StatusInternalServerError}, "", 0},
		{"unavailable from page 2 on", sandbox.Fault{Status: http.StatusInternalServerError}, "2", 0},
		{"unavailable on page 2 for a while", sandbox.Fault{Status: http.StatusInternalServerError}, "2", 2},
		{"refused, the whole time", sandbox.Fault{Status: http.StatusUnauthorized, Body: `{"message":"Unauthorized"}`}, "", 0},
		{"refused from page 2 on", sandbox.Fault{Status: http.StatusUnauthorized, Body: `{"message":"Unauthorized"}`}, "2", 0},
		{"unreadable from page 2 on", sandbox.Fault{Status: http.StatusOK, Body: "<html>"}, "2", 0},
	} {
		for m, sick := range slices.Sorted(maps.Keys(oddLists)) {
			t.Run(is.name+" "+sick, func(t *testing.T) {
				w := newWorld(t, setup{noBudget: true, ticks: true})
				w.kits[sick].Odd().SetPageSize(50) // several pages
				failed := 0
				w.kits[sick].Choose(func(r *http.Request) (sandbox.Fault, bool) {
					page := r.URL.Query().Get("page")
					if is.from == "2" && (page == "" || page == "1") || is.until > 0 && failed == is.until {
						return sandbox.Fault{}, false
					}
					failed++
					return is.fault, true
				})
				list := lists[(n+m)%len(lists)]
				for vendor, rows := range checkPlainLoop(t, w, list) {
					if vendor != sick && rows != whole[vendor][list] {
						t.Errorf("%s: %d rows of %s, want %d", list, rows, vendor, whole[vendor][list])
					}
				}
			})
		}
	}
}

// checkPlainLoop is the loop of a client that knows nothing of errors. It gives up after
// more pages than the list has, and answers how many rows of each vendor there were.
func checkPlainLoop(t *testing.T, w *world, list string) map[string]int {
	t.Helper()
	seen, rows := map[string]bool{}, map[string]int{}
	for vendor := range w.kits {
		rows[vendor] = 0
	}
	var after *string
	for range 40 {
		a := w.ask(fmt.Sprintf(`query ($a: String) { %s(first: 100, after: $a) { nodes { id } pageInfo { hasNextPage endCursor } } }`, list),
			map[string]any{"a": after})
		var data map[string]struct {
			Nodes    []struct{ ID string }
			PageInfo struct {
				HasNextPage bool
				EndCursor   *string
			}
		}
		if err := json.Unmarshal(a.Data, &data); err != nil {
			t.Fatalf("%s: %v: %s", list, err, clipped(a.text))
		}
		for _, n := range data[list].Nodes {
			if seen[n.ID] {
				t.Fatalf("%s: %s is there twice", list, n.ID)
			}
			seen[n.ID] = true
			rows[parsed(n.ID).Account]++
		}
		info := data[list].PageInfo
		if !info.HasNextPage {
			break
		}
		if info.EndCursor == nil {
			t.Fatalf("%s: hasNextPage without endCursor: %s", list, clipped(a.text))
		}
		after = info.EndCursor
		w.pass(time.Minute)
	}
	return rows
}
