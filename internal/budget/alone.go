package budget

import (
	"log/slog"
	"time"
)

// rights say how many calls in a window a replica may make without asking Redis. The
// package comment says why they are safe.
type rights struct {
	right int       // until Redis and all replicas know that this one is alone
	share int       // from then on
	asked time.Time // when the question was asked that Redis answered last; zero if none was answered
	heard time.Time // when its answer came
}

// at returns the calls in a window, and when the share begins; that time is zero if it has begun.
func (a rights) at(r *Redis, now time.Time) (calls int, begins time.Time) {
	begins = a.heard.Add(silence*r.o.Beat + r.own.span())
	switch {
	case a.ended(r, now):
		return 0, time.Time{}
	case a.heard.IsZero() || !now.Before(begins):
		return a.share, time.Time{}
	}
	return a.right, begins
}

// ended reports whether Redis may have given the share to others.
func (a rights) ended(r *Redis, now time.Time) bool {
	return r.o.Replicas == 0 && !now.Before(a.asked.Add(keep))
}

// waitAlone is how long a call waits without Redis.
func (r *Redis) waitAlone(now time.Time, ahead int) time.Duration {
	right, begins := r.alone.at(r, now)
	wait := max(r.o.Beat, r.own.blocked.Sub(now)) // by then Redis may be back
	if r.own.limit = right; right > 0 {
		wait = r.own.wait(now, ahead)
	}
	if share := begins.Sub(now); right < r.alone.share && !begins.IsZero() && (right == 0 || share < wait) {
		wait = max(share, r.own.blocked.Sub(now))
	}
	return wait
}

// heard notes an answer of Redis.
func (r *Redis) heard(now time.Time, answer reply) {
	r.seen, r.down, r.blocked = answer, false, time.Time{}
	r.alone = rights{right: answer.right, share: answer.share, asked: now, heard: answer.at}
	r.own.block(now.Add(answer.blocked))
}

// lost notes that Redis did not answer.
func (r *Redis) lost(now time.Time, err error) {
	r.askAgain = now.Add(r.o.Beat)
	if r.down {
		return
	}
	r.down = true
	log := r.o.Logger.With(slog.String("account", r.o.Account), slog.Int("replicas", r.seen.replicas), slog.Any("error", err))
	switch {
	case r.alone.ended(r, now):
		log.Warn("Redis has not answered yet: there are no calls until it does; set redis.replicas for calls without it")
	case r.o.Replicas > 0:
		log.Warn("Redis does not answer: calls go on within this replica's share of the budget", slog.Int("share", r.alone.share))
	default:
		log.Warn("Redis does not answer: calls go on within this replica's share of the budget",
			slog.Int("share", r.alone.share), slog.Float64("seconds", keep.Seconds()))
	}
}
