package resolvers_test

import (
	"strconv"
	"testing"
)

// maxCallsForBareIDs is how many calls it may take to complete 100 referrals that carry ids
// alone: a page of referrals, one of affiliates, and what campaigns take.
const maxCallsForBareIDs = 4

// TestCallsForBareIDs reads 100 referrals that carry nothing but the ids of 40 affiliates
// in 5 campaigns, cold, in both forms that an id has in a row: bare, and in an object.
//
//   - PromoteKit lists affiliates with a count, so that their list is walked: their rows
//     carry the campaign.
//   - FirstPromoter reads a hundred promoters by their ids in one call. Campaigns are a
//     list without a count, which is read to its end.
//   - UpPromote reads affiliates by id one by one only. Their list has no count; its first
//     page is tried, and holds all of a small program. Where the 40 are spread over a
//     longer list, the page does not pay, and each takes a call: nothing in the vendor's
//     API reads several by id.
func TestCallsForBareIDs(t *testing.T) {
	const query = `{ referrals(first: 100) { nodes { id campaign { id name } affiliate { id name campaign { id name } } } } }`
	type owner struct{ affiliate, campaign any }
	vendors := map[string]map[string]func(row object, of owner){
		"promotekit": {
			"bare":   func(row object, of owner) { row["affiliate"] = of.affiliate },
			"object": func(row object, of owner) { row["affiliate"] = object{"id": of.affiliate} },
		},
		"firstpromoter": {
			"bare": func(row object, of owner) {
				row["promoter_campaign"] = object{"id": at(row, "promoter_campaign", "id"), "promoter_id": of.affiliate, "campaign_id": of.campaign}
			},
			"object": func(row object, of owner) {
				row["promoter_campaign"] = object{"id": at(row, "promoter_campaign", "id"),
					"promoter": object{"id": of.affiliate}, "campaign": object{"id": of.campaign}}
			},
		},
		"uppromote": {
			"bare":   func(row object, of owner) { row["affiliate"] = of.affiliate },
			"object": func(row object, of owner) { row["affiliate"] = object{"id": of.affiliate} },
		},
	}
	for vendor, forms := range vendors {
		for form, put := range forms {
			t.Run(vendor+" "+form, func(t *testing.T) {
				w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true})
				local := func(id string) any {
					if n, err := strconv.Atoi(parsed(id).Local); err == nil {
						return n
					}
					return parsed(id).Local
				}
				var owners []owner
				campaigns := map[any]bool{}
				for _, row := range w.rowsOf("affiliates", "campaign { id }") {
					campaign, _ := at(row, "campaign", "id").(string)
					campaigns[campaign] = true
					owners = append(owners, owner{local(id(row)), local(campaign)})
				}
				owners = owners[:min(len(owners), 40)]
				if len(owners) < 39 || len(campaigns) < 5 {
					t.Fatalf("%d affiliates in %d campaigns", len(owners), len(campaigns))
				}
				w = newWorld(t, setup{beside: w, vendors: []string{vendor}, noBudget: true})
				w.editReplies(vendor, "/referrals", func(n int, row object) { put(row, owners[n%len(owners)]) })
				w.kits[vendor].Forget()
				_, a := must[any](w, query, nil)
				rows := nodes(t, a.Data)
				if n := unique(rows, "affiliate"); len(rows) != 100 || n != len(owners) {
					t.Errorf("%d rows of %d affiliates", len(rows), n)
				}
				for _, row := range rows {
					if at(object(row), "affiliate", "name") == nil || at(object(row), "affiliate", "campaign", "name") == nil {
						t.Fatalf("%v", row)
					}
				}
				if calls := w.kits[vendor].Requests(); len(calls) > maxCallsForBareIDs {
					t.Errorf("%d calls:%s", len(calls), lined(calls))
				}
			})
		}
	}
}
