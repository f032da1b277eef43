package wire

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// NumberID is the id of a record that the vendor numbers; the zero ID where the number is none.
func NumberID(account string, noun providers.Noun, n int64) providers.ID {
	if n <= 0 {
		return providers.ID{}
	}
	return providers.ID{Account: account, Noun: noun, Local: Decimal(n)}
}

// Decimal is a vendor's number as ids have it.
func Decimal(n int64) string { return strconv.FormatInt(n, 10) }

// Number reads a vendor's number as [Decimal] writes it: two texts never name one record.
func Number(text string) (n int64, ok bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0 && text == Decimal(n)
}

// Numbered are those ids that can name numbered records of this account and noun, each
// once, in their order.
func Numbered(account string, noun providers.Noun, ids []providers.ID) (own []providers.ID) {
	seen := make(map[providers.ID]bool, len(ids))
	for _, id := range ids {
		if n, ok := Number(id.Local); ok && id == NumberID(account, noun, n) && !seen[id] {
			seen[id] = true
			own = append(own, id)
		}
	}
	return own
}

// ListKey names a list by its path and by what is sent with each of its pages. Keys are
// stored and shown: whoever sends an e-mail address has to put a hash in its place.
func ListKey(path string, query url.Values) string {
	key := strings.TrimPrefix(path, "/")
	if len(query) > 0 {
		key += "?" + query.Encode()
	}
	return key
}
