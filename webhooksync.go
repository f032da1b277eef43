package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

// hookSync creates and repairs the subscriptions of one account.
type hookSync struct {
	out      io.Writer
	dry      bool
	now      func() time.Time
	account  config.Account
	hooks    providers.Hooks
	secrets  providers.HookSecrets
	address  hookAddress
	vendor   providers.Provider
	writes   *ledger.Ledger
	patience time.Duration   // for one write, with the wait for other writes
	shown    map[string]bool // signing secrets that are new
	told     int             // subscriptions that this run has created and knows the secret of
}

// say prints a line about the account.
func (s *hookSync) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%s (%s): %s\n", s.account.ID, s.account.Provider, fmt.Sprintf(format, args...))
}

// reason is the text of an error, without secrets that a vendor may repeat.
func (s *hookSync) reason(err error) string {
	return redact(explained(err), slices.Concat(s.address.tokens, s.secrets.Values, s.secrets.Signing))
}

// run does what is to do, and says whether all is as it should be in the end.
func (s *hookSync) run(ctx context.Context) (ok bool) {
	wanted := s.hooks.Subscriptions(s.secrets)
	if s.byHand(wanted) {
		return true
	}
	rows, err := subscriptionsOf(ctx, s.vendor)
	if err != nil {
		s.say("FAILED: the subscriptions cannot be read, so nothing was changed: %s", s.reason(err))
		return false
	}
	states := s.address.compare(rows, wanted)
	problems := make([]error, len(states))
	sent := false
	for i, state := range states {
		switch {
		case state.right():
		case state.taken != nil:
		case s.dry && state.is == nil:
			s.say("%s: would be created", state.name())
		case s.dry:
			s.say("%s: would be repaired: %s", state.name(), strings.Join(state.faults, ", "))
		case state.is == nil:
			sent, problems[i] = true, s.create(ctx, state)
		default:
			sent, problems[i] = true, s.repair(ctx, state)
		}
	}
	if sent {
		if rows, err = subscriptionsOf(ctx, s.vendor); err != nil {
			s.say("FAILED: the subscriptions cannot be read again, so run this once more: %s", s.reason(err))
			return false
		}
		states = s.address.compare(rows, wanted)
	}
	return s.conclude(states, problems, sent)
}

// byHand prints what to enter where the vendor has no calls for subscriptions.
func (s *hookSync) byHand(wanted []providers.HookSubscription) (manual bool) {
	for _, want := range wanted {
		if want.Dashboard != "" {
			manual = true
			s.say("by hand, as its vendor has no API for webhooks, and nothing is known of what is there: in the dashboard, %s, enter %s "+
				"for %s. If a signing secret is shown, add it to the account's webhooks.signing_secrets",
				want.Dashboard, s.address.to(want), strings.Join(want.Events, ", "))
		}
	}
	return manual
}

// conclude says what is not as it should be in the end.
func (s *hookSync) conclude(states []hookState, problems []error, sent bool) (ok bool) {
	ok = true
	right, there := 0, 0
	for i, state := range states {
		if state.is != nil {
			there++
		}
		fail := func(format string, args ...any) {
			ok = false
			s.say(state.name()+": FAILED: "+format, args...)
		}
		switch err := problems[i]; {
		case state.right() && err != nil:
			s.say("%s: is there now, though the vendor did not confirm that this run made it: %s", state.name(), s.reason(err))
		case state.right():
			right++
		case state.taken != nil:
			fail("the vendor has one subscription for each event, and that of this event sends to %s, which is left alone: "+
				"delete it there, if nobody needs it, and run this again", hostName(state.taken.TargetURL))
		case err != nil:
			fail("%s", s.reason(err))
		case s.dry:
		case state.is == nil:
			fail("the vendor accepted it, and does not list it: run this again in a minute")
		default:
			fail("the vendor still has it otherwise (%s), whatever it is told: delete it in the vendor's dashboard, and run this again",
				strings.Join(state.faults, ", "))
		}
		for _, double := range state.doubles {
			s.say("%s: there is one more to this address, number %s, which does no harm: delete it in the vendor's dashboard, "+
				"unless its signing secret is the one that is configured", state.name(), double.ID.Local)
		}
	}
	if right == len(states) && !sent {
		s.say("nothing to change: %d of %d subscriptions are as they should be", right, len(states))
	}
	s.adviseSecrets(there)
	return ok
}

// adviseSecrets says which secrets have to be configured, so that deliveries of the
// subscriptions that are there are verified.
func (s *hookSync) adviseSecrets(there int) {
	needs := s.hooks.Needs(s.secrets)
	switch optional := needs == "" && len(s.secrets.Signing) == 0; {
	case len(s.shown) > 0 && optional:
		s.say("add the new signing secret to the account's webhooks.signing_secrets if signatures are to be verified, too")
	case len(s.shown) > 0:
		s.say("add the new signing secrets to the account's webhooks.signing_secrets, and reload the server: until then deliveries are refused")
	}
	if needs != "" && s.told < there {
		s.say("all deliveries are refused, and the secrets of subscriptions that were there before are in the vendor's dashboard alone: %s", needs)
	}
}

// create makes a subscription that is missing.
func (s *hookSync) create(ctx context.Context, state hookState) error {
	c := &providers.CreateWebhookSubscriptionInput{
		IdempotencyKey: rand.Text(), Account: providers.ID{Account: s.account.ID, Noun: providers.NounAccount},
		TargetURL: s.address.to(state.want), Events: state.want.Events, Headers: state.want.Headers,
	}
	written, err := s.write(ctx, c)
	if err != nil {
		return err
	}
	if state.want.Sole {
		s.say("%s: created", state.name())
	} else {
		s.say("%s: created, number %s", state.name(), written.ID.Local)
	}
	if deleted, err := s.withdraw(ctx, state, written.ID); deleted || err != nil {
		return err
	}
	s.show(state, written.Secret)
	return nil
}

// withdraw deletes a subscription that this run has just created if another run has created
// the same at once, and says whether it did. Every run keeps the same one of both. Nobody
// has seen the secret of the one that is deleted, so that no delivery depends on it.
func (s *hookSync) withdraw(ctx context.Context, state hookState, made providers.ID) (deleted bool, err error) {
	if state.want.Sole {
		return false, nil
	}
	rows, err := subscriptionsOf(ctx, s.vendor)
	if err != nil {
		return false, nil // it is told as a double by the next run, if it is one
	}
	now := s.address.compare(rows, []providers.HookSubscription{state.want})[0]
	superfluous := slices.ContainsFunc(now.doubles, func(d *providers.WebhookSubscription) bool { return d.ID == made })
	if !superfluous || !now.right() {
		return false, nil
	}
	if _, err := s.write(ctx, &providers.DeleteWebhookSubscriptionInput{IdempotencyKey: rand.Text(), ID: made}); err != nil {
		return false, fmt.Errorf("another run has created number %s at the same time, and number %s could not be deleted: %w",
			now.is.ID.Local, made.Local, err)
	}
	s.say("%s: number %s deleted, as another run has created number %s at the same time: that run shows its signing secret",
		state.name(), made.Local, now.is.ID.Local)
	return true, nil
}

// show prints a signing secret that is not configured, once.
func (s *hookSync) show(state hookState, secret string) {
	if secret != "" {
		s.told++
	}
	switch {
	case secret == "":
		s.say("%s: no signing secret came with the vendor's answer: look for it in the vendor's dashboard", state.name())
	case slices.Contains(s.secrets.Signing, secret), s.shown[secret]:
	default:
		s.shown[secret] = true
		s.say("%s: new signing secret, shown this once: %s", state.name(), secret)
	}
}

// repair changes what of a subscription is not as it should be, as far as the vendor lets it
// be changed.
func (s *hookSync) repair(ctx context.Context, state hookState) error {
	target := s.address.to(state.want)
	c := &providers.UpdateWebhookSubscriptionInput{
		IdempotencyKey: rand.Text(), ID: state.is.ID, TargetURL: &target, Headers: state.want.Headers,
	}
	if missing := missingEvents(state.is, state.want); len(missing) > 0 {
		c.Events = slices.Concat(state.is.Events, missing)
	}
	if state.is.Active != nil && !*state.is.Active {
		c.Active = new(true)
	}
	for _, problem := range s.vendor.Wants(c) {
		if problem.Code == providers.ProblemUnsupported && slices.Equal(problem.Field, []string{"active"}) {
			c.Active = nil // the vendor may switch it on again when it is told the address
		}
	}
	if _, err := s.write(ctx, c); err != nil {
		return err
	}
	s.say("%s: repaired: %s", state.name(), strings.Join(state.faults, ", "))
	return nil
}

// maxAgain is how often a write is asked for again that the vendor has put off, or whose
// outcome it did not tell.
const maxAgain = 3

// maxWait bounds the wait before that.
const maxWait = 2 * time.Minute

// write makes a write at most once. The outcome of one that nobody answered is found out by
// reading.
func (s *hookSync) write(ctx context.Context, c providers.Command) (*providers.Written, error) {
	if problems := c.Check(s.account.Currency, s.now()); len(problems) > 0 {
		return nil, problems
	}
	for again := 0; ; again++ {
		out, err := s.ask(ctx, c)
		wait := waitFor(err)
		switch {
		case err == nil && len(out.Problems) > 0:
			return nil, fmt.Errorf("%w (has the server this path token, and is it reached at the public URL? Some vendors call it before they accept it)",
				out.Problems)
		case err == nil && out.Written == nil:
			return &providers.Written{ID: out.ID}, nil
		case err == nil:
			return out.Written, nil
		case wait == 0 || again == maxAgain:
			return nil, err
		}
		s.say("the vendor did not answer a write, or puts it off: waiting %v", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// ask has the ledger make a write, or find out what became of it.
func (s *hookSync) ask(ctx context.Context, c providers.Command) (*ledger.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	return s.writes.Do(ctx, ledger.Request{Subject: "partnergraph webhooks sync", Command: c, Writer: s.vendor, Timeout: s.account.Timeout})
}

// waitFor is how long to wait before a write is asked for again; 0 where that is no use.
func waitFor(err error) time.Duration {
	var unknown *ledger.Unknown
	var e *providers.Error
	switch {
	case errors.As(err, &unknown):
		return min(unknown.RetryAfter, maxWait)
	case errors.As(err, &e) && e.Kind == providers.KindRateLimited && providers.NothingWritten(err):
		return min(max(e.RetryAfter, time.Second), maxWait)
	}
	return 0
}
