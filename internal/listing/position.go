package listing

import (
	"crypto/sha256"
	"encoding/base64"
	"hash/fnv"
	"slices"
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
	Last []Tag  `json:"r,omitempty"` // the last rows taken, the very last at the end
	Over int    `json:"o,omitempty"` // the last of the pages behind Page that were read and have no row; 0: none
	Done bool   `json:"d,omitempty"` // the list was read to its end
}

// Tag stands for an id in a cursor.
type Tag uint64

// maxTags is how many rows a position remembers. Should the last one have been deleted, an earlier
// one still says where it was.
const maxTags = 4

func tagOf(id providers.ID) Tag {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id.Account + string(id.Noun) + "\x00" + id.Local))
	return Tag(h.Sum64())
}

// fresh says whether nothing was read yet.
func (p Position) fresh() bool { return len(p.Last) == 0 && p.Page == 0 && p.Over == 0 }

// pass moves the position behind a row of a page.
func (p *Position) pass(n *providers.Node, page int) {
	p.Page, p.Over, p.Time = page, 0, stamp(n.Listed())
	if slices.Contains(p.Last, tagOf(n.ID)) {
		return // a remembered row, met again: it must not push the others out
	}
	last := append(slices.Clone(p.Last), tagOf(n.ID)) // cursors of earlier rows keep theirs
	p.Last = last[max(0, len(last)-maxTags):]
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
		if b.Page != a.Page || b.Over != a.Over || b.Done != a.Done || !slices.Equal(b.Last, a.Last) {
			return true
		}
	}
	return false
}
