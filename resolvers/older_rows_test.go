package resolvers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// parentage is a field that leads to rows which belong to a record, and the field that
// leads back.
type parentage struct {
	parents, field, back string
	paths                map[string]string // by vendor: where the parents are read; no vendor that has no such edge
}

var parentages = []parentage{
	{"affiliates", "commissions", "affiliate", map[string]string{"promotekit": "/affiliates", "firstpromoter": "/promoters", "uppromote": "/affiliates"}},
	{"affiliates", "referrals", "affiliate", map[string]string{"promotekit": "/affiliates", "firstpromoter": "/promoters", "uppromote": "/affiliates"}},
	{"affiliates", "payouts", "affiliate", map[string]string{"promotekit": "/affiliates", "firstpromoter": "/promoters", "uppromote": "/affiliates"}},
	{"referrals", "commissions", "referral", map[string]string{"promotekit": "/referrals", "firstpromoter": "/referrals"}}, // at UpPromote both are one row
	{"campaigns", "commissions", "campaign", map[string]string{"promotekit": "/campaigns", "firstpromoter": "/campaigns", "uppromote": "/programs"}},
	{"campaigns", "referrals", "campaign", map[string]string{"promotekit": "/campaigns", "firstpromoter": "/campaigns", "uppromote": "/programs"}},
	{"campaigns", "memberships", "campaign", map[string]string{"promotekit": "/campaigns", "firstpromoter": "/campaigns", "uppromote": "/programs"}},
}

var timeText = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T`)

// renewed is a reply in which the parents were made yesterday: all rows if they are its
// rows, and the records that others carry as a whole.
func renewed(body []byte, isList bool, carried []string) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return body
	}
	var visit func(v any, is bool)
	visit = func(v any, is bool) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				visit(e, is)
			}
		case map[string]any:
			for name, e := range v {
				if s, ok := e.(string); ok && is && timeText.MatchString(s) {
					v[name] = "2026-11-20T00:00:00Z"
				}
				visit(e, slices.Contains(carried, name) || is && name == "data")
			}
		}
	}
	visit(v, isList)
	text, err := json.Marshal(v)
	if err != nil {
		return body
	}
	return text
}

// TestRowsOlderThanParent wants all rows below a record, also where it was made after them:
// affiliates that were imported, customers who were given to an affiliate later.
func TestRowsOlderThanParent(t *testing.T) {
	sequential(t)
	carried := map[string][]string{
		"affiliates": {"affiliate", "promoter", "promoter_campaign"}, "referrals": {"referral"}, "campaigns": {"campaign", "program"},
	}
	for vendor := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true, pages: 100, calls: 5000, cost: 1 << 20})
		all := map[string][]object{}
		for _, p := range parentages {
			path := p.paths[vendor]
			if path == "" {
				continue
			}
			t.Run(fmt.Sprintf("%s %s.%s", vendor, p.parents, p.field), func(t *testing.T) {
				w.kits[vendor].Choose(nil)
				w.pass(100 * time.Hour)
				key := p.field + p.back
				if all[key] == nil {
					all[key] = w.rowsOf(p.field, p.back+" { id }")
				}
				want := map[string][]string{}
				for _, row := range all[key] {
					if parent, ok := at(row, p.back, "id").(string); ok {
						want[parent] = append(want[parent], id(row))
					}
				}
				if len(want) == 0 {
					t.Skip("no row says what it belongs to")
				}
				w.pass(100 * time.Hour)
				w.kits[vendor].Choose(func(r *http.Request) (sandbox.Fault, bool) {
					isList := r.URL.Path == path
					return sandbox.Fault{Edit: func(body []byte) []byte { return renewed(body, isList, carried[p.parents]) }}, r.Method == http.MethodGet
				})
				checked := 0
				for _, row := range w.rowsOf(p.parents, fmt.Sprintf("createdAt %s(first: 100) { nodes { id } pageInfo { hasNextPage } }", p.field)) {
					var got []string
					nodes, _ := at(row, p.field, "nodes").([]any)
					for _, n := range nodes {
						got = append(got, id(n))
					}
					wanted := want[id(row)]
					isWhole := at(row, p.field, "pageInfo", "hasNextPage") == false
					if isWhole && len(wanted) > 100 || !isWhole && len(wanted) < 100 || len(got) != min(len(wanted), 100) {
						t.Errorf("%s has %d of %d rows, hasNextPage %v", id(row), len(got), len(wanted), !isWhole)
					}
					if slices.Sort(got); isWhole && len(slices.Compact(got)) != len(wanted) {
						t.Errorf("%s has rows twice", id(row))
					}
					checked += len(got)
				}
				if checked == 0 {
					t.Error("nothing was checked")
				}
			})
		}
	}
}

// rowsOf reads a root list to its end.
func (w *world) rowsOf(list, fields string) (all []object) {
	w.t.Helper()
	var after *string
	for range 100 {
		data, _ := must[map[string]struct {
			Nodes    []object
			PageInfo struct {
				HasNextPage bool
				EndCursor   *string
			}
		}](w, fmt.Sprintf(`query ($a: String) { %s(first: 100, after: $a) { nodes { id %s } pageInfo { hasNextPage endCursor } } }`, list, fields), map[string]any{"a": after})
		all = append(all, data[list].Nodes...)
		if after = data[list].PageInfo.EndCursor; !data[list].PageInfo.HasNextPage {
			return all
		}
	}
	w.t.Fatalf("%s does not end", list)
	return nil
}
