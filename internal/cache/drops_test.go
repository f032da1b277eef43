package cache

import (
	"testing"
	"time"
)

// An estimate of an epoch leaves room on both sides, and more where Redis never said anything.
func TestEstimate(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := clocks{now: func() time.Time { return now }, slack: 50 * time.Millisecond}
	check := func(what string, want Epoch, room time.Duration) {
		t.Helper()
		low, high := c.estimate("a-1")
		if r := Epoch(room.Microseconds()); low != want-r || high != want+r {
			t.Errorf("%s: %d to %d; want %d, %v more or less", what, low, high, want, room)
		}
	}
	check("unknown", Epoch(now.UnixMicro()), time.Minute)
	c.saw("a-1", 5_000_000)
	now = now.Add(2 * time.Second)
	check("two seconds later", 7_000_000, 1050*time.Millisecond)
}
