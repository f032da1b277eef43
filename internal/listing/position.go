package listing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
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
func (p Position) fresh() bool { return len(p.Last) == 0 && p.Page == 0 }

// pass moves the position behind a row of a page.
func (p *Position) pass(n *providers.Node, page int) {
	p.Page, p.Time = page, stamp(n.Listed())
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

// cursorVersion goes up when the meaning of a cursor changes: older ones are then refused.
const cursorVersion = 1

// maxCursor bounds what is read of a cursor, in bytes.
const maxCursor = 16 << 10

// ErrCursor says that a text is no cursor of the list.
var ErrCursor = errors.New("listing: not a cursor of this list")

// Seal makes a cursor of positions, bound to the name of the list that they belong to. The seal
// detects mistakes, not attackers: a forged cursor reads no more than its viewer may read anyway.
func Seal(list string, positions []Position) string {
	body, err := json.Marshal(positions)
	if err != nil {
		panic("listing: a position is plain data: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte{cursorVersion}, sum(list, body)...), body...))
}

const sumSize = 8

func sum(list string, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(list))
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)[:sumSize]
}

// Unseal reads a cursor that Seal made for the list. Anything else is [ErrCursor].
func Unseal(list, cursor string) ([]Position, error) {
	if len(cursor) > maxCursor {
		return nil, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 1+sumSize || b[0] != cursorVersion {
		return nil, ErrCursor
	}
	body := b[1+sumSize:]
	if string(b[1:1+sumSize]) != string(sum(list, body)) {
		return nil, ErrCursor
	}
	var positions []Position
	if json.Unmarshal(body, &positions) != nil {
		return nil, ErrCursor
	}
	for _, p := range positions {
		if p.Page < 0 || len(p.Last) > maxTags {
			return nil, ErrCursor
		}
	}
	return positions, nil
}

// Moved says whether any of the lists was read further between two moments.
func Moved(before, after []Position) bool {
	for i := range before {
		b, a := before[i], after[i]
		if b.Page != a.Page || b.Done != a.Done || !slices.Equal(b.Last, a.Last) {
			return true
		}
	}
	return false
}
