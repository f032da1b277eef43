package wire

import (
	"slices"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// TestSpelled merges the pages of both spellings of an address, each row once.
func TestSpelled(t *testing.T) {
	for _, tt := range []struct {
		address      string
		typed, lower []string // ids of the rows of each spelling
		more         bool     // behind the page of the lower case
		want         []string
	}{
		{"Buyer@Example.com", []string{"1"}, []string{"2", "3"}, false, []string{"1", "2", "3"}},
		{"Buyer@Example.com", []string{"1", "2"}, []string{"2", "1"}, true, []string{"1", "2"}}, // compared without case
		{"Buyer@Example.com", nil, []string{"2"}, true, []string{"2"}},
		{"buyer@example.com", []string{"2"}, []string{"2"}, true, []string{"2"}},
	} {
		page, err := Spelled(tt.address, func(spelling string) (*providers.Page[providers.Affiliate], error) {
			ids, p := tt.typed, &providers.Page[providers.Affiliate]{Total: new(int64(1)), Mark: 7}
			if spelling == "buyer@example.com" {
				ids, p.More = tt.lower, tt.more
			}
			for _, id := range ids {
				p.Items = append(p.Items, &providers.Affiliate{Node: providers.Node{ID: providers.ID{Account: "a", Noun: providers.NounAffiliate, Local: id}}})
			}
			return p, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range page.Items {
			got = append(got, row.ID.Local)
		}
		alone := tt.address == "buyer@example.com"
		if !slices.Equal(got, tt.want) || page.More != tt.more || (page.Total != nil) != alone {
			t.Errorf("%+v: rows %v, more %v, total known %v", tt, got, page.More, page.Total != nil)
		}
	}
}
