package events

import (
	"bytes"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/partnergraph/partnergraph/providers"
)

var sample = Event{
	Record: providers.ID{Account: "acme", Noun: providers.NounCommission, Local: "4711"}, Kind: providers.Created,
	Owner: providers.ID{Account: "acme", Noun: providers.NounAffiliate, Local: "12"},
	At:    time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), Source: Webhook,
}

// TestNewerRelease: what a newer release adds to an event is ignored, and an event that this
// release cannot read is told as one without a record.
func TestNewerRelease(t *testing.T) {
	record, err := sample.Record.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	owner, _ := sample.Owner.MarshalBinary()
	members := func(change map[any]any) map[any]any {
		m := map[any]any{1: record, 2: "CREATED", 3: owner, 4: sample.At.UnixNano(), 5: "webhook"}
		for k, v := range change {
			m[k] = v
		}
		return m
	}
	kind, source := sample, sample
	kind.Kind, source.Source = "MERGED", "import"
	for name, tt := range map[string]struct {
		stored any
		want   Event
	}{
		"today's":             {members(nil), sample},
		"members more":        {members(map[any]any{6: "x", 7: []int{1}, "word": map[string]int{"a": 1}, -1: nil}), sample},
		"a kind":              {members(map[any]any{2: "MERGED"}), kind},
		"a source":            {members(map[any]any{5: "import"}), source},
		"a noun":              {members(map[any]any{1: []byte("zacme:1")}), Event{}},
		"another type":        {members(map[any]any{4: "2026-03-04"}), Event{}},
		"no record":           {map[any]any{2: "CREATED", 4: 1}, Event{}},
		"another format":      {[]any{1, 2, 3}, Event{}},
		"a text":              {"event", Event{}},
		"nothing of an event": {nil, Event{}},
	} {
		b, err := cbor.Marshal(tt.stored)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(b); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	if got := decode([]byte("no CBOR")); got != (Event{}) {
		t.Errorf("what is no CBOR: %+v", got)
	}
}

// TestEventSize wants an event in the size that the limits are documented with.
func TestEventSize(t *testing.T) {
	b, err := encode(sample)
	if err != nil || len(b) > 100 {
		t.Errorf("%d bytes, error %v; want at most 100", len(b), err)
	}
}

// FuzzDecode: whatever is stored is no event, or one that can be stored again.
func FuzzDecode(f *testing.F) {
	staff := sample
	staff.Owner, staff.Source = providers.ID{}, ""
	for _, e := range []Event{sample, staff} {
		b, err := encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := decode(b)
		if e == (Event{}) {
			return
		}
		again, err := encode(e)
		if err != nil {
			return // no kind, or too long
		}
		got := decode(again)
		if got != e {
			t.Fatalf("%+v came back as %+v", e, got)
		}
		if third, err := encode(got); err != nil || !bytes.Equal(again, third) {
			t.Errorf("not the same twice: %v\n%x\n%x", err, again, third)
		}
	})
}
