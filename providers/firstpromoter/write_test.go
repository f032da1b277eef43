package firstpromoter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/firstpromoter/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// eachAttempt runs a test of every attempt, each in a world of its own.
func eachAttempt(t *testing.T, run func(t *testing.T, s *stage, a attempt)) {
	first := newStage(t)
	for _, a := range first.attempts() {
		t.Run(a.name, func(t *testing.T) { run(t, first.again(t), a) })
	}
}

func mustPlan(t *testing.T, s *stage, c providers.Command) *providers.Write {
	t.Helper()
	w, err := s.Plan(t.Context(), c)
	if err != nil {
		t.Fatalf("Plan: %v", err)
	}
	return w
}

// mustLook is the verdict, and the id of what was made.
func mustLook(t *testing.T, s *stage, c providers.Command, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written) {
	t.Helper()
	v, w, err := s.Look(t.Context(), c, before, disturbed)
	if err != nil {
		t.Fatalf("Look: %v", err)
	}
	if (w != nil) != (v == providers.Made) {
		t.Errorf("Look says %s, and what was written is %+v", v, w)
	}
	return v, w
}

// TestWrites: what is sent, by how many calls, and what the vendor has afterwards.
func TestWrites(t *testing.T) {
	eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
		if problems := a.command.Check("USD", noon); len(problems) > 0 {
			t.Fatalf("the input is wrong: %v", problems)
		}
		w := mustPlan(t, s, a.command)
		writes, reads := s.sent()
		if len(writes) != 0 || reads != a.reads {
			t.Errorf("planning made %d writes and %d reads, want 0 and %d", len(writes), reads, a.reads)
		}
		made, err := w.Send(t.Context())
		if err != nil {
			t.Fatalf("Send: %v", err)
		}
		writes, reads = s.sent()
		if len(writes) != 1 || reads != a.reads+a.answers {
			t.Fatalf("%d writes and %d reads, want 1 and %d", len(writes), reads, a.reads+a.answers)
		}
		if got := writes[0].Method + " " + writes[0].Path; got != a.request {
			t.Errorf("got %s, want %s", got, a.request)
		}
		if diff := cmp.Diff(object(t, a.body), object(t, writes[0].Body)); diff != "" {
			t.Errorf("body (-want +got)\n%s", diff)
		}
		raw, err := s.RawRecord(t.Context(), made.ID)
		if len(a.shows) == 0 != (providers.KindOf(err) == providers.KindNotFound) {
			t.Fatalf("the record afterwards: %v", err)
		}
		for _, part := range a.shows {
			if !strings.Contains(string(raw), part) {
				t.Errorf("the vendor has %s; want it with %s", raw, part)
			}
		}
		if told(made.Harvest, made.ID) == slices.Contains(made.Stale, made.ID) {
			t.Errorf("the record is neither told nor stale, or both: %+v", made)
		}
		for _, private := range []string{"secret", "@"} {
			if strings.Contains(string(w.Before), private) {
				t.Errorf("what is stored before holds %q: %s", private, w.Before)
			}
		}
		if v, again := mustLook(t, s, a.command, w.Before, false); v != providers.Made || again.ID != made.ID {
			t.Errorf("a look says %s %+v, want %s and %v", v, again, providers.Made, made.ID)
		}
	})
}

// told says whether a harvest holds a record whole, or nearly.
func told(h providers.Harvest, id providers.ID) bool {
	nodes := slices.Concat(nodes(h.Affiliates), nodes(h.Memberships), nodes(h.Campaigns), nodes(h.Referrals), nodes(h.Commissions), nodes(h.Payouts), nodes(h.Coupons))
	return slices.ContainsFunc(nodes, func(n *providers.Node) bool {
		_, whole := n.Known.Names()
		return n.ID == id && whole
	})
}

func nodes[T providers.Record](rows []*T) (all []*providers.Node) {
	for _, r := range rows {
		all = append(all, providers.NodeOf(r))
	}
	return all
}

func object(t *testing.T, text string) (v any) {
	t.Helper()
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// TestUnanswered: a write that nobody answered was made if the vendor had done it and not
// if it had not, and a look tells; with others' writes in between it tells no more than is
// known.
func TestUnanswered(t *testing.T) {
	for name, fault := range map[string]world.Fault{
		"cut before": {}, "cut after": {After: true}, "500 before": {Status: 500}, "500 after": {Status: 500, After: true},
	} {
		t.Run(name, func(t *testing.T) {
			eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
				w := mustPlan(t, s, a.command)
				s.server.Kit().Fail(fault)
				_, err := w.Send(t.Context())
				var e *providers.Error
				if !errors.As(err, &e) || e.Unsent || e.Kind != providers.KindUnavailable {
					t.Fatalf("got %#v, want an error that says it may have been sent", err)
				}
				if strings.Contains(err.Error(), "@") || strings.Contains(err.Error(), "fp_sandbox_key") {
					t.Errorf("the error tells too much: %v", err)
				}
				want, disturbed := providers.NotMade, a.notMade
				if fault.After {
					want, disturbed = providers.Made, a.made
				}
				if v, _ := mustLook(t, s, a.command, w.Before, false); v != want {
					t.Errorf("a look says %s, want %s", v, want)
				}
				if v, _ := mustLook(t, s, a.command, w.Before, true); v != disturbed {
					t.Errorf("with others' writes in between a look says %s, want %s", v, disturbed)
				}
				if writes, _ := s.sent(); len(writes) != 1 {
					t.Errorf("%d writes were sent, want 1", len(writes))
				}
			})
		})
	}
}

// TestNotSent: what has not left is told from what may have.
func TestNotSent(t *testing.T) {
	s := newStage(t)
	w := mustPlan(t, s, s.attempts()[0].command)
	for name, spoil := range map[string]func(p *provider){
		"a refused connection": func(p *provider) { p.config.BaseURL = "http://127.0.0.1:1" },
		"a spent budget":       func(p *provider) { p.config.Budget = spent{} },
	} {
		p := &provider{config: s.config}
		spoil(p)
		made, err := New(p.config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = promoterList.writeTo(t.Context(), made.(*provider), promoterUpdate, jane.Local, promoterBody{})
		var e *providers.Error
		if !errors.As(err, &e) || !e.Unsent {
			t.Errorf("%s: got %#v, want an error that says it was not sent", name, err)
		}
	}
	if _, err := w.Send(t.Context()); err != nil {
		t.Errorf("and the account itself: %v", err)
	}
}

// spent is a budget with nothing left.
type spent struct{ providers.Budget }

func (spent) Take(context.Context) error {
	return &providers.Error{Kind: providers.KindRateLimited}
}

// TestTwice: a vendor that takes equal writes twice is not asked twice. With the same key
// the second plan finds what the first made.
func TestTwice(t *testing.T) {
	eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
		if _, err := mustPlan(t, s, a.command).Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		var e providers.Problems
		_, err := s.Plan(t.Context(), a.command)
		taken := errors.As(err, &e)
		switch a.command.(type) {
		case *providers.CreateAffiliateInput, *providers.CreateReferralInput, *providers.CreateCommissionInput, *providers.AdjustCommissionInput:
			if !taken || e[0].Code != providers.ProblemTaken {
				t.Errorf("got %v, want %s", err, providers.ProblemTaken)
			}
		default:
			if err != nil && !taken {
				t.Errorf("got %v", err)
			}
		}
	})
}

// TestBackground: actions that go on after they were answered are waited for.
func TestBackground(t *testing.T) {
	actions := 0
	eachAttempt(t, func(t *testing.T, s *stage, a attempt) {
		s.server.Kit().Set(sandbox.Background, true)
		w := mustPlan(t, s, a.command)
		made, err := w.Send(t.Context())
		if err != nil {
			t.Fatalf("Send: %v", err)
		}
		polls := 0
		for _, r := range s.server.Kit().Requests() {
			if strings.HasPrefix(r.Path, "/batch_processes/") {
				polls++
			}
		}
		if polls > 0 {
			actions++
		}
		if writes, _ := s.sent(); len(writes) != 1 {
			t.Errorf("%d writes, want 1", len(writes))
		}
		if v, again := mustLook(t, s, a.command, w.Before, false); v != providers.Made || again.ID != made.ID {
			t.Errorf("a look says %s %+v", v, again)
		}
	})
	if actions < 12 {
		t.Errorf("only %d actions went on in the background", actions)
	}
}

// TestBatches: what an action's answer means.
func TestBatches(t *testing.T) {
	for name, c := range map[string]struct {
		replies []string
		sent    bool // an error that says it may have been done
		code    providers.ProblemCode
	}{
		"done":                 {replies: []string{`{"id":8,"status":"completed","processed_count":1}`}},
		"done at the third":    {replies: []string{`{"id":8,"status":"pending"}`, `{"id":8,"status":"in_progress"}`, `{"data":{"id":8,"status":"completed"}}`}},
		"refused":              {replies: []string{`{"id":8,"status":"completed","failed_count":1,"processed_count":1}`}, code: providers.ProblemWrongState},
		"refused with objects": {replies: []string{`{"data":{"id":8,"status":"completed","processing_errors":[{"x":"jane@example.com"}]}}`}, code: providers.ProblemWrongState},
		"broken off":           {replies: []string{`{"id":8,"status":"in_progress"}`, `{"id":8,"status":"stopped"}`}, sent: true},
		"failed":               {replies: []string{`{"id":8,"status":"failed"}`}, sent: true},
		"nothing processed":    {replies: []string{`{"id":8,"status":"completed","processed_count":0}`}, sent: true},
		"an unknown state":     {replies: []string{`{"id":8,"status":"resting"}`}, sent: true},
		"no state":             {replies: []string{`{}`}, sent: true},
		"no id":                {replies: []string{`{"status":"pending"}`}, sent: true},
		"lost on the way":      {replies: []string{`{"id":8,"status":"pending"}`, ""}, sent: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			p := open(t, providertest.Wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				reply := c.replies[min(n, len(c.replies)-1)]
				if n++; (r.Method == http.MethodGet) != (n > 1) || n > 1 && r.URL.Path != "/batch_processes/8" {
					t.Errorf("call %d is %s %s", n, r.Method, r.URL.Path)
				}
				if reply == "" {
					w.WriteHeader(http.StatusNotFound)
				}
				_, _ = w.Write([]byte(reply))
			})), someKey)
			err := p.act(t.Context(), promoterArchive, promotersBody{IDs: []int64{1}})
			var e *providers.Error
			var problems providers.Problems
			switch {
			case c.sent:
				if !errors.As(err, &e) || e.Unsent || e.Kind != providers.KindUnavailable && e.Kind != providers.KindBadReply {
					t.Errorf("got %#v, want an error that says it may have been done", err)
				}
			case c.code != "":
				if !errors.As(err, &problems) || problems[0].Code != c.code || strings.Contains(err.Error(), "@") {
					t.Errorf("got %#v, want %s", err, c.code)
				}
			case err != nil:
				t.Errorf("got %v", err)
			}
			if n != len(c.replies) {
				t.Errorf("%d calls, want %d", n, len(c.replies))
			}
		})
	}
}

// TestWait: a wait for the end of an action ends with its context, and the write may have
// been made.
func TestWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := open(t, providertest.Wire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			cancel()
		}
		_, _ = w.Write([]byte(`{"id":8,"status":"in_progress"}`))
	})), someKey)
	err := p.act(ctx, promoterArchive, promotersBody{IDs: []int64{1}})
	var e *providers.Error
	if !errors.As(err, &e) || e.Unsent {
		t.Errorf("got %#v, want an error that says it may have been done", err)
	}
}

// TestMutations holds the list of commands, the proofs and the capabilities together.
func TestMutations(t *testing.T) {
	s := newStage(t)
	var tried, proven, able []string
	for _, a := range s.attempts() {
		tried = append(tried, string(a.command.Mutation()))
		if w := mustPlan(t, s, a.command); !slices.Contains(s.Proofs(), w.Proof) || w.Proof.Mutation != a.command.Mutation() {
			t.Errorf("%s is under the proof %+v", a.name, w.Proof)
		}
	}
	seen := map[string]bool{}
	for _, r := range s.Proofs() {
		if r.Look == "" || r.By == "" || seen[fmt.Sprint(r.Mutation, r.When)] {
			t.Errorf("the row %+v", r)
		}
		seen[fmt.Sprint(r.Mutation, r.When)] = true
		proven = append(proven, string(r.Mutation))
	}
	for _, c := range s.Account().Capabilities {
		if c == providers.CanConnectCustomer || slices.Contains(proven, string(c)) {
			able = append(able, string(c))
		}
	}
	set := func(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }
	if diff := cmp.Diff(set(tried), set(proven)); diff != "" {
		t.Errorf("mutations (-tried +proven)\n%s", diff)
	}
	if diff := cmp.Diff(set(able), set(proven)); diff != "" {
		t.Errorf("mutations (-capabilities +proven)\n%s", diff)
	}
	none := &providers.ConnectCustomerInput{IdempotencyKey: someWrite, Affiliate: jane, CustomerEmail: "a@example.com"}
	if _, err := s.Plan(t.Context(), none); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Plan of a mutation that the vendor does not have: %v", err)
	}
	if _, _, err := s.Look(t.Context(), none, nil, false); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Look of a mutation that the vendor does not have: %v", err)
	}
}
