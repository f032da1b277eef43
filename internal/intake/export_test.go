package intake

import (
	"runtime"
	"time"
)

// AwaitSearches waits until so many records are asked for by the next search.
func (i *Intake) AwaitSearches(account string, records int) {
	o := &i.accounts[account].owners
	for {
		o.mu.Lock()
		there := o.waiting != nil && len(o.waiting.ids) == records
		o.mu.Unlock()
		if there {
			return
		}
		runtime.Gosched()
	}
}

// SetWriteTime sets how long a mutation waits until its event is recorded.
func (i *Intake) SetWriteTime(d time.Duration) { i.writeTime = d }
