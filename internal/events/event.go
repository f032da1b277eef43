package events

import (
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/partnergraph/partnergraph/providers"
)

// Source says how the server learned of a change.
type Source string

// The sources.
const (
	Webhook Source = "webhook" // the vendor told it
	Sweep   Source = "sweep"   // a sweep found a difference
	Write   Source = "write"   // the server made it
)

// Event is one change of one record.
type Event struct {
	// Record is what has changed. The zero ID in an event that was read: a newer release wrote
	// it, and this release cannot read it. A consumer skips such an event, and must not trust
	// what it has cached.
	Record providers.ID
	Kind   providers.ChangeKind

	// Owner is the affiliate whose record it was when the change was recorded. The zero ID
	// means that the owner is not known: only staff may see the event.
	Owner providers.ID

	At     time.Time // when the change happened, or was heard of
	Source Source
}

// Entry is an event at its place in a log.
type Entry struct {
	Event
	Position Position
}

// maxEventSize bounds an encoded event. Ids of clients have at most 512 bytes.
const maxEventSize = 4096

// storedEvent is the CBOR form of an event: a map with small integers as keys, so that a
// release can add members. Releases before it ignore them. A key is never used again.
type storedEvent struct {
	Record providers.ID         `cbor:"1,keyasint"`
	Kind   providers.ChangeKind `cbor:"2,keyasint"`
	Owner  providers.ID         `cbor:"3,keyasint,omitzero"`
	At     int64                `cbor:"4,keyasint"` // nanoseconds since 1970
	Source Source               `cbor:"5,keyasint,omitempty"`
}

var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	decoding = must(cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encode writes an event. Equal events give equal bytes.
func encode(e Event) ([]byte, error) {
	switch {
	case e.Record.IsZero():
		return nil, errors.New("events: the event names no record")
	case e.Kind == "":
		return nil, fmt.Errorf("events: the event of %s has no kind", e.Record)
	case e.At.IsZero():
		return nil, fmt.Errorf("events: the event of %s has no time", e.Record)
	case !time.Unix(0, e.At.UnixNano()).Equal(e.At):
		return nil, fmt.Errorf("events: the time of the event of %s is out of range", e.Record)
	}
	b, err := encoding.Marshal(storedEvent{e.Record, e.Kind, e.Owner, e.At.UnixNano(), e.Source})
	if err != nil {
		return nil, fmt.Errorf("events: encoding: %w", err)
	}
	if len(b) > maxEventSize {
		return nil, fmt.Errorf("events: the event has %d bytes, more than %d", len(b), maxEventSize)
	}
	return b, nil
}

// encodeAll writes the events of one Append.
func encodeAll(once Once, events []Event) ([][]byte, error) {
	switch {
	case len(events) == 0 || len(events) > MaxAppend:
		return nil, fmt.Errorf("events: %d events in one Append, want 1 to %d", len(events), MaxAppend)
	case once.Key != "" && once.For < time.Millisecond:
		return nil, fmt.Errorf("events: a key is remembered for %v, want at least 1ms", once.For)
	}
	all := make([][]byte, len(events))
	for i, e := range events {
		var err error
		if all[i], err = encode(e); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// decode reads what encode wrote. What this release cannot read is the zero Event.
func decode(b []byte) Event {
	var s storedEvent
	if err := decoding.Unmarshal(b, &s); err != nil || s.Record.IsZero() {
		return Event{}
	}
	return Event{s.Record, s.Kind, s.Owner, time.Unix(0, s.At).UTC(), s.Source}
}
