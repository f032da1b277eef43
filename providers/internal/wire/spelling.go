package wire

import (
	"slices"

	"github.com/partnergraph/partnergraph/providers"
)

// Spelled is a page of the rows with an e-mail address. The vendor may compare addresses
// exactly and hold one in several cases, so it is asked for each of
// [providers.EmailSpellings]. read reads the page of a spelling. Each row is in the page
// once, and the page has a total only where one spelling was asked for.
func Spelled[T providers.Record](address string, read func(spelling string) (*providers.Page[T], error)) (*providers.Page[T], error) {
	var page *providers.Page[T]
	for _, spelling := range providers.EmailSpellings(address) {
		p, err := read(spelling)
		if err != nil {
			return nil, err
		}
		if page == nil {
			page = p
			continue
		}
		for _, row := range p.Items {
			same := func(r *T) bool { return providers.NodeOf(r).ID == providers.NodeOf(row).ID }
			if !slices.ContainsFunc(page.Items, same) {
				page.Items = append(page.Items, row)
			}
		}
		page.More, page.Total = page.More || p.More, nil
		page.Unread = max(page.Unread, p.Unread) // a vendor that ignores case sends the same rows twice
		if page.Mark != 0 && p.Mark != 0 {
			page.Mark = max(page.Mark+p.Mark-providers.NoRows, providers.NoRows)
		} else {
			page.Mark = 0
		}
		page.Harvest.Add(p.Harvest)
	}
	return page, nil
}
