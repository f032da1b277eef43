package events

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
)

// Position is a place in a log, behind an event or at the beginning, as opaque text. It
// names the log and its incarnation. "" is no position.
type Position string

// logKind says which implementation a position belongs to.
type logKind byte

const (
	memoryKind logKind = 'm'
	redisKind  logKind = 'r'
)

// incarnation names the life of a log from its first use until its content is lost.
type incarnation [8]byte

// point is what a position says: an entry by its time in milliseconds and its number.
// Numbers are dense in an incarnation: the entry behind number n has number n+1. So each
// reader sees by itself whether an entry is missing.
type point struct {
	kind  logKind
	log   incarnation
	milli uint64
	n     uint64
}

// position writes a point as text.
func (p point) position() Position {
	b := make([]byte, 0, 40)
	b = append(b, byte(p.kind))
	b = append(b, p.log[:]...)
	b = binary.AppendUvarint(b, p.milli)
	b = binary.AppendUvarint(b, p.n)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return Position(base64.RawURLEncoding.EncodeToString(b))
}

// maxPosition bounds the text of a position.
const maxPosition = 64

// parse reads what position wrote. Exactly one text stands for a point. The checksum finds
// texts that were cut or altered; it is no protection, as a position opens nothing.
func parse(text Position) (point, error) {
	bad := func(why string) (point, error) { return point{}, fmt.Errorf("%w (%s)", ErrPosition, why) }
	if len(text) > maxPosition {
		return bad("it is too long")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(b) < 1+8+1+1+4 {
		return bad("it is no position")
	}
	p := point{kind: logKind(b[0])}
	rest := b[1+copy(p.log[:], b[1:]):]
	for _, value := range []*uint64{&p.milli, &p.n} {
		v, size := binary.Uvarint(rest)
		if size <= 0 {
			return bad("it is no position")
		}
		*value, rest = v, rest[size:]
	}
	if p.position() != text {
		return bad("it is no position")
	}
	return p, nil
}

// parseOf reads a position of a kind of log.
func parseOf(kind logKind, text Position) (point, error) {
	p, err := parse(text)
	if err == nil && p.kind != kind {
		return point{}, fmt.Errorf("%w (it belongs to another kind of log)", ErrPosition)
	}
	return p, err
}

// next is the point of the entry behind p.
func (p point) next(milli uint64) point {
	p.milli, p.n = milli, p.n+1
	return p
}

// compare says whether what a log has behind p can be told without a gap. last is the last
// entry that was ever appended; first is the number of the oldest kept entry behind p, and
// 0 without any.
func (p point) compare(last point, first uint64) error {
	switch {
	case p.log != last.log:
		return fmt.Errorf("%w (the log has begun anew)", ErrGone)
	case p.n > last.n:
		return fmt.Errorf("%w (it is in the future)", ErrPosition)
	case p.n == last.n && p.milli != last.milli:
		return fmt.Errorf("%w (the log has lost what was appended last)", ErrGone)
	case p.n < last.n && first != p.n+1:
		return fmt.Errorf("%w (it is older than what is kept)", ErrGone)
	}
	return nil
}

// streamID is the id of an entry in Redis.
func (p point) streamID() string { return fmt.Sprintf("%d-%d", p.milli, p.n) }

// parseStreamID reads an id into a point of the same log.
func (p point) parseStreamID(id string) (point, error) {
	milli, n, _ := strings.Cut(id, "-")
	return p.parseNumbers(milli, n)
}

// parseNumbers reads decimal numbers into a point of the same log.
func (p point) parseNumbers(milli, n string) (point, error) {
	if _, err := fmt.Sscanf(milli+" "+n, "%d %d", &p.milli, &p.n); err != nil {
		return point{}, fmt.Errorf("events: %q and %q are no id of an entry", milli, n)
	}
	return p, nil
}

// parseIncarnation reads the text of an incarnation.
func parseIncarnation(text string) (i incarnation, err error) {
	if n, err := hex.Decode(i[:], []byte(text)); err != nil || len(text) != hex.EncodedLen(n) || n != len(i) {
		return i, fmt.Errorf("events: %q is no name of an incarnation", text)
	}
	return i, nil
}

func (i incarnation) String() string { return hex.EncodeToString(i[:]) }
