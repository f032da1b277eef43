package ledger

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

var stored = entry{
	Format: format, Mutation: providers.CanCreateCommission, Hash: "abc", State: sent, LeftBy: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	Proof:  providers.Proof{Mutation: providers.CanCreateCommission, When: "with an event id", By: providers.ProofEventID, Look: "there"},
	Before: json.RawMessage(`{"n":1}`), ID: providers.ID{Account: "saas", Noun: providers.NounCommission, Local: "1"},
	Problems: providers.Problemf(providers.ProblemTaken, "a.b", "taken"),
}

// TestFormat: what this release stores is what it reads, and what the first release stored
// is read for ever.
func TestFormat(t *testing.T) {
	got, err := decode[entry](encode(stored))
	if diff := cmp.Diff(stored, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	first := `{"f":1,"mutation":"CREATE_COMMISSION","hash":"abc","state":"SENT","leftBy":"2026-03-01T12:00:00Z",` +
		`"proof":{"Mutation":"CREATE_COMMISSION","When":"with an event id","By":"EVENT_ID","Look":"there"},"before":{"n":1},"id":"ZXNhYXM6MQ",` +
		`"problems":[{"Field":["a","b"],"Code":"TAKEN","Message":"taken"}]}`
	if got := string(encode(stored)); got != first {
		t.Errorf("the format has changed: got %s, want %s", got, first)
	}
	for _, bad := range []string{"", "{}", "[]", `{"f":2}`, `{"f":1,"leftBy":7}`, `{"f":1,"id":"x"}`} {
		if e, err := decode[entry]([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(stored))
	f.Add(encode(target{Format: format, Owner: "me", Last: "entry:abc"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decode[entry](b); err == nil {
			again, err := decode[entry](encode(e))
			if err != nil {
				t.Fatalf("%s: what was read cannot be read again: %v", b, err)
			}
			if string(encode(again)) != string(encode(e)) {
				t.Errorf("%s: got %s, then %s", b, encode(e), encode(again))
			}
		}
		_, _ = decode[target](b)
	})
}

// TestKeys: names of entries and targets do not run into each other, and two inputs are
// never one.
func TestKeys(t *testing.T) {
	if keyOf("a", "b", "c") == keyOf("ab", "", "c") || keyOf("a", "b", "c") == keyOf("a", "bc", "") {
		t.Error("two keys have one name")
	}
	one, err := inputOf(&providers.SetReferralStatusInput{IdempotencyKey: "k"})
	two, err2 := inputOf(&providers.DeleteWebhookSubscriptionInput{IdempotencyKey: "k"})
	if one == two || err != nil || err2 != nil {
		t.Errorf("two mutations have one hash (%v, %v)", err, err2)
	}
}
