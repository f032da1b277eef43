package promotekit

import (
	"context"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

const (
	// walkedFor is how long a walk of all referrals proves that others are not there. It is
	// as long as absences are fresh by default.
	walkedFor = time.Minute

	// maxWalked bounds how many referrals of a walk are remembered.
	maxWalked = 100_000
)

// walkedReferrals are the referrals that the last walk of the whole list found. No referral
// can be read by its id, so each made-up id would else take a walk.
type walkedReferrals struct {
	walk chan struct{} // of size 1: one walk at a time

	mu    sync.Mutex
	until time.Time
	uuids map[string]bool
	made  int // referrals that were made
}

// newWalkedReferrals remembers nothing.
func newWalkedReferrals() *walkedReferrals { return &walkedReferrals{walk: make(chan struct{}, 1)} }

// lacks says whether a walk has proven lately that there is no such referral. Reads that
// want a proof of their own are told nothing.
func (w *walkedReferrals) lacks(ctx context.Context, now time.Time, uuid string) bool {
	if providers.WantsProof(ctx) || providers.WantsFresh(ctx) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Before(w.until) && !w.uuids[uuid]
}

// begin is called before a walk: made is how many referrals were made until then.
func (w *walkedReferrals) begin() (made int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.made
}

// note remembers a walk that began then and came to the proven end of the list. A referral
// that was made meanwhile may have been missed: then nothing is remembered.
func (w *walkedReferrals) note(began time.Time, made int, uuids map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(uuids) <= maxWalked && made == w.made {
		w.until, w.uuids = began.Add(walkedFor), uuids
	}
}

// forget is called when a referral was made.
func (w *walkedReferrals) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until, w.uuids, w.made = time.Time{}, nil, w.made+1
}
