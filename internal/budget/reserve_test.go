package budget

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// TestReserve wants calls that leave the reserve to end at their part, and all others to
// have what is left, whichever come first.
func TestReserve(t *testing.T) {
	for _, staffFirst := range []bool{false, true} {
		now := func() time.Time { return time.Unix(1, 0) }
		b := Reserved{Budget: New(10, time.Minute, now), Part: New(8, time.Minute, now)}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		taken := func(ctx context.Context) (n int) {
			for {
				err := b.Take(ctx)
				if err == nil {
					n++
					continue
				}
				if providers.KindOf(err) != providers.KindRateLimited {
					t.Fatalf("%v, want a refusal for the rate", err)
				}
				if keeps := providers.KeepsReserve(ctx); errors.Is(err, providers.ErrReserve) != (keeps && !staffFirst) {
					t.Errorf("%v, of a call that leaves the reserve: %v", err, keeps)
				}
				return n
			}
		}
		if staffFirst {
			if n := taken(soon); n != 10 {
				t.Errorf("%d calls of staff, want all 10", n)
			}
			continue
		}
		if n := taken(providers.KeepReserve(soon)); n != 8 {
			t.Errorf("%d calls of partners, want their part, 8", n)
		}
		if n := taken(soon); n != 2 {
			t.Errorf("%d calls of staff, want the reserve, 2", n)
		}
	}
}

// TestSpare wants calls that take what others leave to end at their part, and at half of the
// budget, without waiting and without keeping others from anything.
func TestSpare(t *testing.T) {
	now := func() time.Time { return time.Unix(1, 0) }
	for _, tt := range []struct{ others, want int }{{0, 3}, {4, 2}, {5, 1}, {6, 0}, {10, 0}} {
		b := Reserved{Budget: New(10, time.Minute, now), Part: New(8, time.Minute, now), Spare: New(3, time.Minute, now)}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		for range tt.others {
			if err := b.Take(soon); err != nil {
				t.Fatal(err)
			}
		}
		got := 0
		for err := error(nil); err == nil; {
			if err = b.Take(providers.WithSpare(t.Context())); err == nil { // a wait would not end
				got++
			} else if !errors.Is(err, providers.ErrReserve) || providers.KindOf(err) != providers.KindRateLimited {
				t.Errorf("%v, want a refusal by the reserve", err)
			}
		}
		left := 0
		for b.Take(soon) == nil {
			left++
		}
		if got != tt.want || left != 10-tt.others-tt.want {
			t.Errorf("behind %d calls of others: %d, and then %d of others", tt.others, got, left)
		}
		cancel()
	}
}
