package events

// window holds the newest entries that a hub has read from its log, for all subscribers. A
// slice that after returned never changes.
type window struct {
	size    int
	base    cursor // behind which entries begin
	entries []Entry
}

// cursor is a place in a log: the number of the entry, and the position behind it.
type cursor struct {
	n  uint64
	at Position
}

// head is the place behind the last entry.
func (w *window) head() cursor {
	if len(w.entries) == 0 {
		return w.base
	}
	return cursor{w.base.n + uint64(len(w.entries)), w.entries[len(w.entries)-1].Position}
}

// add appends entries and drops the oldest. Entries are never overwritten: append copies
// those that are left, once in a while, to a slice that is little larger.
func (w *window) add(entries []Entry) {
	w.entries = append(w.entries, entries...)
	if drop := len(w.entries) - w.size; drop > 0 {
		w.base = cursor{w.base.n + uint64(drop), w.entries[drop-1].Position}
		w.entries = w.entries[drop:]
	}
}

// place says where a cursor is, seen from a window.
type place int

const (
	inside place = iota // in the window, or at one of its ends
	behind              // older than the window
	ahead               // the hub has not read so far
	astray              // at the number of a cursor the log has another entry
)

// after returns the entries behind a cursor, if it is inside.
func (w *window) after(c cursor) ([]Entry, place) {
	switch head := w.head(); {
	case c.n > head.n:
		return nil, ahead
	case c.n < w.base.n:
		return nil, behind
	}
	skip := int(c.n - w.base.n)
	at := w.base.at
	if skip > 0 {
		at = w.entries[skip-1].Position
	}
	if at != c.at {
		return nil, astray
	}
	return w.entries[skip:len(w.entries):len(w.entries)], inside
}
