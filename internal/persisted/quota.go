package persisted

import (
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

const (
	// viewerQuota is how many bytes of new documents one viewer may have kept within
	// FirstLifetime, the overhead of each included: hundreds of documents, as programs have
	// them.
	viewerQuota = 512 << 10
	// maxViewers is how many viewers' quotas are remembered. Whoever is forgotten has a
	// whole one.
	maxViewers = 10_000
)

// Quota bounds what each viewer may have kept, by this process. It is safe for concurrent use.
type Quota struct {
	viewers *otter.Cache[string, *rate.Limiter]
	now     func() time.Time
}

// NewQuota makes a quota in which nobody has taken anything.
func NewQuota(now func() time.Time) *Quota {
	if now == nil {
		now = time.Now
	}
	return &Quota{otter.Must(&otter.Options[string, *rate.Limiter]{MaximumSize: maxViewers, Logger: &otter.NoopLogger{}}), now}
}

// Take takes a new document out of a viewer's quota, and says whether there was room.
func (q *Quota) Take(viewer, document string) bool {
	l, _ := q.viewers.ComputeIfAbsent(viewer, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Limit(viewerQuota/FirstLifetime.Seconds()), viewerQuota), false
	})
	return l.AllowN(q.now(), overhead+len(document))
}
