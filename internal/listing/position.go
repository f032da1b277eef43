package listing

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Position is how far one list at a vendor was read: behind the last row that was taken. The page
// number is a hint where to look for that row. Its time and id find it again wherever it has gone
// since.
type Position struct {
	List string `json:"l"`           // a hash of the list's account and key
	Page int    `json:"p,omitempty"` // the vendor's page that the row was on
	Time int64  `json:"t,omitempty"` // when the row was made, in nanoseconds; 0 for undated
	Last tags   `json:"r,omitzero"`  // the last rows taken
	Over int    `json:"o,omitempty"` // the last of the pages behind Page that were read and have no row; 0: none
	Gap  int    `json:"g,omitempty"` // how many pages in a row, Over the last of them, the vendor sent empty
	Seek int    `json:"s,omitempty"` // the first page with a row as old as the last one taken, while that is looked for; 0: none
	Done bool   `json:"d,omitempty"` // the list was read to its end
}

// Tag stands for an id in a cursor; 0 stands for none.
type Tag uint64

// tags are the rows that a position remembers, the last one taken first. Should that one
// have been deleted, an earlier one still says where it was.
type tags [4]Tag

// tagOf is the FNV-1a hash of an id. Cursors hold it, so it is the same on every replica.
func tagOf(id providers.ID) Tag {
	const start, prime = 14695981039346656037, 1099511628211
	h := uint64(start)
	for _, part := range [...]string{id.Account, string(id.Noun), "\x00", id.Local} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * prime
		}
	}
	return Tag(max(h, 1))
}

// fresh says whether nothing was read yet.
func (p *Position) fresh() bool { return p.Last == tags{} && p.Page == 0 && p.Over == 0 }

// pass moves the position behind a row of a page that was not passed before.
func (p *Position) pass(tag Tag, time int64, page int) {
	p.Page, p.Over, p.Gap, p.Seek, p.Time = page, 0, 0, 0, time
	copy(p.Last[1:], p.Last[:])
	p.Last[0] = tag
}

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// nameOf names a list in a cursor.
func nameOf(account, key string) string {
	h := sha256.Sum256([]byte(account + "\x00" + key))
	return base64.RawURLEncoding.EncodeToString(h[:6])
}

// Moved says whether any of the lists was read further between two moments.
func Moved(before, after []Position) bool {
	for i := range before {
		b, a := before[i], after[i]
		if b.Page != a.Page || b.Over != a.Over || b.Done != a.Done || b.Last != a.Last {
			return true
		}
	}
	return false
}
