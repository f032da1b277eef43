package resolvers

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// position is where the reading of one list at a vendor stands: behind the last row that was read of it. The page
// number is a hint where to look for that row; time and ids find it again wherever it has gone meanwhile.
type position struct {
	List string `json:"l"`           // a hash of the list's account and key
	Page int    `json:"p,omitempty"` // the vendor's page that the row was on
	Time int64  `json:"t,omitempty"` // when the row was made, in nanoseconds; 0 for undated
	Last []tag  `json:"r,omitempty"` // the last rows read, the very last at the end
	Done bool   `json:"d,omitempty"` // the list was read to its end
}

// tag stands for an id in a cursor.
type tag uint64

// tags is how many rows a position remembers: should the last one have been deleted, an earlier one still says where it stood.
const tags = 4

func tagOf(id providers.ID) tag {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id.Account + string(id.Noun) + "\x00" + id.Local))
	return tag(h.Sum64())
}

// fresh says whether nothing was read yet.
func (p position) fresh() bool { return len(p.Last) == 0 && p.Page == 0 }

// pass moves the position behind a row of page.
func (p *position) pass(n *providers.Node, page int) {
	p.Page, p.Time = page, stamp(n.Listed())
	if slices.Contains(p.Last, tagOf(n.ID)) {
		return // one of those remembered, come upon again: it must not push the others out
	}
	last := append(slices.Clone(p.Last), tagOf(n.ID)) // cursors of earlier rows keep theirs
	p.Last = last[max(0, len(last)-tags):]
}

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// listTag names a list in a cursor.
func listTag(account, key string) string {
	h := sha256.Sum256([]byte(account + "\x00" + key))
	return base64.RawURLEncoding.EncodeToString(h[:6])
}

// cursorVersion goes up when the meaning of a cursor changes: older ones are then refused, not misread.
const cursorVersion = 1

// cursorMax bounds what is read of a cursor.
const cursorMax = 16 << 10

var errBadCursor = &clientError{code: CodeBadCursor, text: "this cursor does not belong to this list with this filter; start again without `after`"}

// seal makes a cursor of positions, bound to the list that they belong to. The seal tells mistakes, not
// attackers: whoever forges one reads no more than they may read anyway.
func seal(list string, at []position) string {
	body, err := json.Marshal(at)
	if err != nil {
		panic("resolvers: a position is plain data: " + err.Error())
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

// unseal is the other way. Whatever is not a cursor of this list is errBadCursor.
func unseal(list, cursor string) ([]position, error) {
	if len(cursor) > cursorMax {
		return nil, errBadCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 1+sumSize || b[0] != cursorVersion {
		return nil, errBadCursor
	}
	body := b[1+sumSize:]
	if string(b[1:1+sumSize]) != string(sum(list, body)) {
		return nil, errBadCursor
	}
	var at []position
	if json.Unmarshal(body, &at) != nil {
		return nil, errBadCursor
	}
	for _, p := range at {
		if p.Page < 0 || len(p.Last) > tags {
			return nil, errBadCursor
		}
	}
	return at, nil
}
