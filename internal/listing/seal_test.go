package listing

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// seals are those of the other tests.
var seals = NewSeals(time.Now)

// TestKeys wants cursors to be valid on every replica with the same key, with no other key,
// and for a day after their key was replaced, by a reload or by a restart that names the
// former key.
func TestKeys(t *testing.T) {
	now := epoch
	clock := func() time.Time { return now }
	at := []Position{{List: "x", Page: 3, Last: tags{1}}}
	with := func(key string, former ...string) *Seals {
		s := NewSeals(clock)
		var keys [][]byte
		for _, f := range former {
			keys = append(keys, []byte(f))
		}
		s.Use([]byte(key), keys...)
		return s
	}
	valid := func(name string, s *Seals, cursor string, want bool) {
		t.Helper()
		if _, err := s.Unseal("list", cursor); (err == nil) != want || err != nil && !errors.Is(err, ErrCursor) {
			t.Errorf("%s: %v, valid should be %v", name, err, want)
		}
	}
	first := with("first")
	cursor := first.Seal("list", at)
	valid("the same replica", first, cursor, true)
	valid("another replica", with("first"), cursor, true)
	valid("another key", with("second"), cursor, false)
	valid("no key", NewSeals(clock), cursor, false)

	first.Use([]byte("second"))
	restarted := with("second", "first")
	for _, s := range []*Seals{first, restarted} {
		s.Use([]byte("second"), []byte("first")) // a reload that changes nothing does not prolong it
		valid("a replaced key", s, cursor, true)
		valid("the new key", s, with("second").Seal("list", at), true)
		valid("what is sealed now", with("second"), s.Seal("list", at), true)
	}
	now = now.Add(FormerKeyLife - time.Second)
	for _, s := range []*Seals{first, restarted} {
		s.Use([]byte("second"), []byte("first"))
		valid("a key replaced less than a day ago", s, cursor, true)
	}
	now = now.Add(time.Second)
	for _, s := range []*Seals{first, restarted} {
		valid("a key replaced a day ago", s, cursor, false)
		s.Use([]byte("second"), []byte("first"))
		s.Use([]byte("second"), []byte("first"))
		valid("a key replaced a day ago, after a reload", s, cursor, false)
	}
}

// TestForgedCursors wants what a client can compute without the key to be no cursor.
func TestForgedCursors(t *testing.T) {
	body := []byte(`[{"l":"x","p":1000000}]`)
	for _, version := range []byte{0, 1, cursorVersion, cursorVersion + 1} {
		unkeyed := (&sealKey{}).sum("list", body)
		for _, seal := range [][]byte{nil, make([]byte, 8), make([]byte, sumSize), unkeyed, unkeyed[:8]} {
			forged := append(append([]byte{version}, seal...), body...)
			if _, err := seals.Unseal("list", base64.RawURLEncoding.EncodeToString(forged)); !errors.Is(err, ErrCursor) {
				t.Errorf("version %d, seal %x: %v", version, seal, err)
			}
		}
	}
}

// TestCursorSpelling wants one text for each cursor: the decoder skips line breaks.
func TestCursorSpelling(t *testing.T) {
	cursor := seals.Seal("list", []Position{{List: "x", Page: 3, Last: tags{1}}})
	if _, err := seals.Unseal("list", cursor); err != nil {
		t.Fatal(err)
	}
	for _, blank := range []string{"\n", "\r", "\r\n", strings.Repeat("\n", 5000), " ", "\t", "="} {
		for _, at := range []int{0, 1, len(cursor) / 2, len(cursor)} {
			if _, err := seals.Unseal("list", cursor[:at]+blank+cursor[at:]); !errors.Is(err, ErrCursor) {
				t.Errorf("%d times %q at %d: %v", len(blank), blank[:1], at, err)
			}
		}
	}
}

// TestLongCursors wants a cursor that was given out to be read again, of however many lists
// it is, and none beyond the bound to be looked at.
func TestLongCursors(t *testing.T) {
	sealed := func(lists int) string {
		positions := make([]Position, lists)
		for i := range positions {
			most := Tag(math.MaxUint64)
			positions[i] = Position{List: nameOf("account", fmt.Sprint(i)), Page: 1000, Time: math.MaxInt64, Last: tags{most, most, most, most}}
		}
		return seals.Seal("list", positions)
	}
	for _, lists := range []int{1, 100, 5000} {
		cursor := sealed(lists)
		if at, err := seals.Unseal("list", cursor); err != nil || len(at) != lists {
			t.Errorf("of %d lists, %d bytes: %v", lists, len(cursor), err)
		}
	}
	if _, err := seals.Unseal("list", sealed(6000)); !errors.Is(err, ErrCursor) {
		t.Errorf("beyond the bound: %v", err)
	}
}
