package cache

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// drops are keys that could not be dropped in Redis yet, by account.
type drops struct {
	mu      sync.Mutex
	wait    map[string]map[Key]bool
	count   int
	tried   int           // were taken, and are neither dropped nor waiting again
	settled chan struct{} // closed when none is left; nil: there is none
}

const (
	maxDrops = 10_000 // wait for Redis at most
	oneDrop  = 200    // of an account are tried at once
)

// add makes keys wait. Those that are too many do not, which is an error.
func (d *drops) add(account string, keys []Key) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count+len(keys) > maxDrops {
		return fmt.Errorf(
			"%d keys of account %s could not be dropped in Redis, and %d others wait to be already: other replicas may show what was there before",
			len(keys),
			account,
			d.count,
		)
	}
	d.put(account, keys)
	return nil
}

// tell notes what became of keys that were taken: those that were not dropped wait again.
func (d *drops) tell(account string, keys []Key, dropped bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !dropped {
		d.put(account, keys)
	}
	if d.tried -= len(keys); d.tried+d.count == 0 {
		close(d.settled)
		d.settled = nil
	}
}

// left is closed when no key is left of all; nil where there is none.
func (d *drops) left() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.settled
}

// put is add; the lock is held.
func (d *drops) put(account string, keys []Key) {
	if d.wait == nil {
		d.wait = map[string]map[Key]bool{}
	}
	if d.wait[account] == nil {
		d.wait[account] = map[Key]bool{}
	}
	if d.settled == nil {
		d.settled = make(chan struct{})
	}
	for _, k := range keys {
		if !d.wait[account][k] {
			d.wait[account][k] = true
			d.count++
		}
	}
}

// take gives out some of each account, which wait no longer. The caller tells what became of
// them.
func (d *drops) take() map[string][]Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	some := map[string][]Key{}
	for account, all := range d.wait {
		keys := slices.Collect(maps.Keys(all))
		keys = keys[:min(len(keys), oneDrop)]
		some[account] = keys
		for _, k := range keys {
			delete(all, k)
		}
		d.count, d.tried = d.count-len(keys), d.tried+len(keys)
		if len(all) == 0 {
			delete(d.wait, account)
		}
	}
	return some
}

// clocks estimate Redis' epochs while it cannot be asked, from what it said last and the
// time that has passed here since.
type clocks struct {
	now   func() time.Time
	slack time.Duration // how old an answer may be when it arrives

	mu   sync.Mutex
	last map[string]seen // by account: in a cluster they are different servers' clocks
}

type seen struct {
	at    time.Time
	epoch Epoch
}

// How far an estimate may be off: by how clocks drift apart, and, where Redis never said
// anything, by how they differ at all.
const (
	drift = time.Second
	apart = time.Minute
)

func (c *clocks) saw(account string, n Epoch) {
	at := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[string]seen{}
	}
	c.last[account] = seen{at, n}
}

// estimate is between what an account's epoch is now: reads take the low one and fences the
// high one, so that an error leaves something uncached, and never something old.
func (c *clocks) estimate(account string) (low, high Epoch) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	n, off := Epoch(now.UnixMicro()), apart
	if s, ok := c.last[account]; ok {
		n, off = s.epoch+Epoch(now.Sub(s.at).Microseconds()), drift+c.slack
	}
	return n - Epoch(off.Microseconds()), n + Epoch(off.Microseconds())
}
