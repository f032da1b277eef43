package listing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"
)

// cursorVersion goes up when the meaning of a cursor changes. Older cursors are then refused.
const cursorVersion = 2

// maxCursor bounds the bytes that are read of a cursor. It is more than a list over all
// accounts that a configuration can have takes, for what is sealed has to be read again:
// each list takes up to 190 bytes.
const maxCursor = 1 << 20

// sumSize is the length of a seal in bytes.
const sumSize = 16

// FormerKeyLife is how long cursors stay valid after their key was replaced.
const FormerKeyLife = 24 * time.Hour

// ErrCursor says that a text is not a cursor of the list.
var ErrCursor = errors.New("listing: not a cursor of this list")

// Seals seals cursors, so that a client cannot make one: a position costs calls to find. A
// cursor is valid on every replica that has the same key. It is safe for concurrent use.
type Seals struct {
	now func() time.Time

	mu   sync.RWMutex
	keys []sealKey // the current one first
	used bool      // whether Use chose the current key
}

type sealKey struct {
	hash  [sha256.Size]byte
	until time.Time // zero: it is current
}

// NewSeals makes seals with a key of random bytes. The first Use drops it.
func NewSeals(now func() time.Time) *Seals {
	s := &Seals{now: now, keys: make([]sealKey, 1)}
	_, _ = rand.Read(s.keys[0].hash[:]) // never fails
	return s
}

// Use makes a key the current one. The key that it replaces, and those in former, stay valid for
// [FormerKeyLife]. To use the current key again changes nothing about keys known before.
func (s *Seals) Use(key []byte, former ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	current := sealKey{hash: sha256.Sum256(key)}
	keys := []sealKey{current}
	keep := func(k sealKey) {
		known := slices.ContainsFunc(keys, func(have sealKey) bool { return have.hash == k.hash })
		if known {
			return
		}
		if k.until.IsZero() {
			k.until = now.Add(FormerKeyLife)
		}
		keys = append(keys, k) // also one whose time is over, so that it does not begin anew
	}
	var seen []sealKey
	if s.used {
		seen = s.keys
	}
	for _, k := range seen {
		keep(k)
	}
	for _, key := range former {
		keep(sealKey{hash: sha256.Sum256(key)})
	}
	s.keys, s.used = keys, true
}

// sum is the seal of a body, by a key, for the list of that name.
func (k *sealKey) sum(list string, body []byte) []byte {
	h := hmac.New(sha256.New, k.hash[:])
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(list))))
	_, _ = h.Write([]byte(list))
	_, _ = h.Write(body)
	return h.Sum(nil)[:sumSize]
}

// Seal makes a cursor of positions. It is valid for the list of that name only.
func (s *Seals) Seal(list string, positions []Position) string {
	body, err := json.Marshal(positions)
	if err != nil {
		panic("listing: a position is plain data: " + err.Error())
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return base64.RawURLEncoding.EncodeToString(slices.Concat([]byte{cursorVersion}, s.keys[0].sum(list, body), body))
}

// valid says whether one of the keys made a seal. Each comparison takes the same time.
func (s *Seals) valid(list string, seal, body []byte) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	valid := false
	for i := range s.keys {
		k := &s.keys[i]
		if k.until.IsZero() || s.now().Before(k.until) {
			valid = hmac.Equal(seal, k.sum(list, body)) || valid
		}
	}
	return valid
}

// Unseal reads a cursor that Seal made for the list. Anything else is [ErrCursor].
func (s *Seals) Unseal(list, cursor string) ([]Position, error) {
	if len(cursor) > maxCursor {
		return nil, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 1+sumSize || b[0] != cursorVersion {
		return nil, ErrCursor
	}
	if base64.RawURLEncoding.EncodeToString(b) != cursor { // line breaks, which the decoder skips
		return nil, ErrCursor
	}
	seal, body := b[1:1+sumSize], b[1+sumSize:]
	if !s.valid(list, seal, body) {
		return nil, ErrCursor
	}
	var positions []Position
	if json.Unmarshal(body, &positions) != nil {
		return nil, ErrCursor
	}
	for _, p := range positions {
		if p.Page < 0 {
			return nil, ErrCursor
		}
	}
	return positions, nil
}
