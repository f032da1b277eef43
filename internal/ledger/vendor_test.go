package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

// vendor is a vendor of commissions, which are recognized by their event ids, and of which
// those without an event id cannot be told apart.
type vendor struct {
	mu    sync.Mutex
	posts int
	made  map[string]int // by event id
	plan  error          // what planning says
	send  func(do func()) error
	look  error
	reads func(ctx context.Context, what string) // what planning, sending and looking take; nil: nothing
}

// read is called by each method, with its name.
func (v *vendor) read(ctx context.Context, what string) {
	if v.reads != nil {
		v.reads(ctx, what)
	}
}

// answered does the work and says so; the others do it, or not, and say nothing.
var (
	answered  = func(do func()) error { do(); return nil }
	cutAfter  = func(do func()) error { do(); return cut(true) }
	cutBefore = func(func()) error { return cut(true) }
)

func cut(sent bool) error {
	return &providers.Error{Account: "saas", Op: "POST /commissions", Kind: providers.KindUnavailable, Unsent: !sent, Err: errors.New("cut")}
}

var proofs = []providers.Proof{
	{Mutation: providers.CanCreateCommission, When: "with an event id", By: providers.ProofEventID},
	{Mutation: providers.CanCreateCommission, When: "without one", By: providers.ProofNone, Look: "the affiliate's commissions"},
}

func (v *vendor) Proofs() []providers.Proof { return proofs }

// event is a command's event id.
func event(c providers.Command) string {
	if e := c.(*providers.CreateCommissionInput).EventID; e != nil {
		return *e
	}
	return ""
}

// Wants is nothing.
func (v *vendor) Wants(providers.Command) providers.Problems { return nil }

func (v *vendor) Plan(ctx context.Context, c providers.Command) (*providers.Write, error) {
	v.read(ctx, "plan")
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.plan != nil {
		return nil, v.plan
	}
	w := &providers.Write{Op: "POST /commissions", Proof: proofs[0], Before: json.RawMessage(fmt.Sprint(v.made[event(c)])), Fields: map[string]string{"event_id": "eventId"}}
	if event(c) == "" {
		w.Proof = proofs[1]
	}
	w.Send = func(ctx context.Context) (*providers.Written, error) {
		v.read(ctx, "send")
		v.mu.Lock()
		v.posts++
		send := v.send
		v.mu.Unlock()
		if send == nil {
			send = answered
		}
		err := send(func() {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.made[event(c)]++
		})
		if err == nil && ctx.Err() != nil {
			err = cut(true)
		}
		if err != nil {
			return nil, err
		}
		return written(event(c)), nil
	}
	return w, nil
}

func written(local string) *providers.Written {
	return &providers.Written{ID: providers.ID{Account: "saas", Noun: providers.NounCommission, Local: "e" + local}, Secret: "hush"}
}

func (v *vendor) Look(ctx context.Context, c providers.Command, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	v.read(ctx, "look")
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.look != nil:
		return "", nil, v.look
	case fmt.Sprint(v.made[event(c)]) != string(before):
		return providers.Made, written(event(c)), nil
	case disturbed && event(c) == "relative":
		return providers.Unclear, nil, nil
	}
	return providers.NotMade, nil, nil
}

// sends has the vendor answer the next calls like this.
func (v *vendor) sends(send func(do func()) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.send = send
}

// wants holds the vendor against what it should have seen.
func (v *vendor) wants(t *testing.T, posts, made int, event string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.posts != posts || v.made[event] != made {
		t.Errorf("the vendor was sent %d writes and made %d; want %d and %d", v.posts, v.made[event], posts, made)
	}
}

func newVendor() *vendor { return &vendor{made: map[string]int{}} }

// command is a commission for an affiliate's event; both may be "".
func command(key, affiliate, event string) *providers.CreateCommissionInput {
	c := &providers.CreateCommissionInput{IdempotencyKey: key, Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{
		Affiliate: providers.ID{Account: "saas", Noun: providers.NounAffiliate, Local: "a" + affiliate},
		Amount:    *providers.NewMoney(decimal.Ten, "USD"),
	}}}
	if event != "" {
		c.EventID = &event
	}
	return c
}

const (
	settle  = 20 * time.Second
	keep    = 24 * time.Hour
	timeout = 10 * time.Second
)

func open(s ledger.Store) *ledger.Ledger {
	return ledger.New(s, ledger.Options{Settle: settle, Keep: keep, Plan: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)})
}

// request is dana's.
func request(v *vendor, c providers.Command) ledger.Request {
	return ledger.Request{Subject: "dana", Command: c, Writer: v, Timeout: timeout}
}
