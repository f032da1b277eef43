package responses

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/maypok86/otter/v2"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/compress"
)

func key(i int) Key { return sha256.Sum256(fmt.Append(nil, i)) }

// join joins without a bound.
func join(ctx context.Context, c *Cache, k Key) (*Answer, *Flight) {
	a, f, _ := c.Join(ctx, k, func() func() { return func() {} })
	return a, f
}

// encoded is the body of an answer in a coding.
func encoded(c *Cache, a *Answer, coding compress.Coding) []byte {
	form, _ := c.Encoded(a, coding, func(coding compress.Coding, parts ...[]byte) ([]byte, bool) {
		return coding.Encode(context.Background(), parts...)
	})
	return form
}

// keep keeps an answer that was made of nothing.
func keep(t *testing.T, c *Cache, k Key, bytes int) {
	t.Helper()
	a, f := join(t.Context(), c, k)
	if a != nil || f == nil {
		t.Fatalf("%v is executed already, or kept: %v", k, a)
	}
	f.Keep(&Answer{Body: make([]byte, bytes)}, cache.NewRecorder())
	f.End()
}

func TestBounded(t *testing.T) {
	const bound = 1 << 20
	c := New(bound)
	for i := range 5000 {
		keep(t, c, key(i), 1000)
	}
	if got := c.Bytes(); got > bound || got < bound/2 {
		t.Errorf("a cache of %d bytes takes %d; want it filled", bound, got)
	}
	held := int64(0)
	for i := range 5000 {
		if a := c.Get(key(i)); a != nil {
			held += int64(len(a.Body))
		}
	}
	if got := c.Bytes(); held > got || held == 0 {
		t.Errorf("answers of %d bytes are taken for %d", held, got)
	}
	c.Forget()
	if got := c.Bytes(); got != 0 || len(c.flights) != 0 {
		t.Errorf("%d bytes are left, and %d flights", got, len(c.flights))
	}
}

// TestForgetWhileExecuted wants an answer gone that is finished after everything was forgotten.
func TestForgetWhileExecuted(t *testing.T) {
	c := New(1 << 20)
	_, f := join(t.Context(), c, key(1))
	c.Forget()
	f.Keep(&Answer{}, cache.NewRecorder())
	f.End()
	f.End()
	if c.Get(key(1)) != nil || c.answers.EstimatedSize() != 0 {
		t.Error("the answer is kept")
	}
}

func TestOff(t *testing.T) {
	c := New(0)
	if a, f := join(t.Context(), c, key(1)); c != nil || a != nil || f != nil || c.Get(key(1)) != nil || c.Bytes() != 0 {
		t.Errorf("%v: %v %v", c, a, f)
	}
	var f *Flight
	f.Keep(&Answer{}, cache.NewRecorder())
	f.End()
	c.Forget()
}

// TestFlights has many ask for the same at once. outcomes says, for each execution in turn,
// what it leaves, and want how many of a hundred had to execute.
func TestFlights(t *testing.T) {
	type outcome string
	const (
		kept   outcome = "kept"   // an answer
		read   outcome = "read"   // what it read at a vendor is stored now
		failed outcome = "failed" // errors
		gone   outcome = "gone"   // nothing: its client has gone
	)
	for name, tt := range map[string]struct {
		outcomes []outcome
		want     int
	}{
		"warm":       {[]outcome{kept}, 1},
		"cold":       {[]outcome{read, kept}, 2},
		"failing":    {[]outcome{failed}, 100},
		"never kept": {[]outcome{read}, 100},
		"abandoned":  {[]outcome{gone, read, kept}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					c        = New(1 << 20)
					wg       sync.WaitGroup
					mu       sync.Mutex
					executed int
				)
				for range 100 {
					wg.Go(func() {
						a, f := join(t.Context(), c, key(1))
						if a != nil {
							return
						}
						mu.Lock()
						n := executed
						executed++
						mu.Unlock()
						if f == nil {
							return
						}
						synctest.Wait() // until all others wait
						switch tt.outcomes[min(n, len(tt.outcomes)-1)] {
						case read:
							f.again = true
						case gone:
							f.Abandon()
						case kept:
							f.Keep(&Answer{}, cache.NewRecorder())
						}
						f.End()
					})
				}
				wg.Wait()
				if executed != tt.want {
					t.Errorf("%d of 100 executed, want %d", executed, tt.want)
				}
			})
		})
	}
}

// TestFlightGone has the first caller leave: those who waited for it go on by themselves.
func TestFlightGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(1 << 20)
		_, first := join(t.Context(), c, key(1))
		gone, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if a, f := join(gone, c, key(1)); a != nil || f != nil {
				t.Errorf("who has gone is given %v %v", a, f)
			}
		})
		wg.Go(func() {
			if a, _ := join(t.Context(), c, key(1)); a != nil {
				t.Errorf("an answer of nobody: %v", a)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		first.End() // without an answer: its client has gone
		wg.Wait()
	})
}

// TestEncoded wants the form of an answer in each coding kept from the second time on,
// within the bound, and for no longer than the answer.
func TestEncoded(t *testing.T) {
	for coding := compress.Gzip; coding < compress.Codings; coding++ {
		c := New(1 << 20)
		keep(t, c, key(1), 60_000)
		a, before := c.Get(key(1)), c.Bytes()
		if got := encoded(c, a, compress.Identity); &got[0] != &a.Body[0] {
			t.Error("the body is copied")
		}
		first, between := encoded(c, a, coding), c.Bytes()
		second := encoded(c, a, coding)
		third, after := encoded(c, a, coding), c.Bytes()
		if !bytes.Equal(first, second) || !bytes.Equal(second, third) || len(first) == 0 {
			t.Errorf("%v: %d, %d and %d bytes", coding, len(first), len(second), len(third))
		}
		if between != before || after != before+int64(cap(third)) || cap(a.forms[coding]) > len(third)+len(third)/2+64 {
			t.Errorf("%v: the cache takes %d, then %d, then %d; the form has %d", coding, before, between, after, cap(third))
		}
		if fourth := encoded(c, a, coding); &fourth[0] != &third[0] {
			t.Errorf("%v: it is encoded again", coding)
		}
		if c.Get(key(1)) != a {
			t.Errorf("%v: another answer is kept", coding)
		}
		other := compress.Gzip + compress.Zstd - coding
		keep(t, c, key(1), 10)
		if encoded(c, a, other); c.Get(key(1)) == a { // someone still writes it
			t.Errorf("%v: the former answer came back", coding)
		}
		a = c.Get(key(1))
		encoded(c, a, coding)
		c.Forget()
		encoded(c, a, coding)
		if got := c.Bytes(); got != 0 {
			t.Errorf("%v: %d bytes are left", coding, got)
		}
	}
}

// TestEncodedBounded wants answers to make room for the forms of others.
func TestEncodedBounded(t *testing.T) {
	const bound = 200_000
	random := rand.NewChaCha8([32]byte{})
	c := New(bound)
	for i := range 15 {
		a := &Answer{Body: make([]byte, 10_000)}
		_, _ = random.Read(a.Body) // what does not get smaller
		_, f := join(t.Context(), c, key(i))
		f.Keep(a, cache.NewRecorder())
		f.End()
		for range 3 {
			encoded(c, a, compress.Gzip)
		}
	}
	held := int64(0)
	got := c.Bytes()
	for i := range 15 {
		if a := c.Get(key(i)); a != nil {
			held += int64(cap(a.Body) + cap(a.forms[compress.Gzip]))
		}
	}
	if got > bound || held > got || held < bound/2 {
		t.Errorf("answers and forms of %d bytes are taken for %d, of %d", held, got, bound)
	}
}

// TestEncodedAtOnce has many encode one answer at once, and others take its place or forget it.
func TestEncodedAtOnce(t *testing.T) {
	c := New(1 << 20)
	keep(t, c, key(1), 50_000)
	a := c.Get(key(1))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 20 {
				if form := encoded(c, a, compress.Coding(1+(i+n)%2)); len(form) == 0 {
					t.Error("no form")
				}
				if i == 0 {
					_, f := join(t.Context(), c, key(1))
					f.Keep(&Answer{Body: make([]byte, 10)}, cache.NewRecorder())
					f.End()
				}
			}
		})
	}
	wg.Wait()
	if got := c.Get(key(1)); got == a {
		t.Error("the former answer came back")
	}
	if got := c.Bytes(); got > overhead+1000 {
		t.Errorf("an answer of 10 bytes is taken for %d", got)
	}
}

// TestJoinParks wants each request counted once while it waits, however often it does, and
// refused where it may not wait; who does not wait is not counted.
func TestJoinParks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(1 << 20)
		parked, entered := 0, 0
		park := func() func() {
			parked, entered = parked+1, entered+1
			return func() { parked-- }
		}
		_, first, err := c.Join(t.Context(), key(1), park)
		if first == nil || err != nil || entered != 0 {
			t.Fatalf("%v %v, %d entered", first, err, entered)
		}
		if a, f, err := c.Join(t.Context(), key(1), func() func() { return nil }); a != nil || f != nil || !errors.Is(err, ErrNoRoom) {
			t.Errorf("without room: %v %v %v", a, f, err)
		}
		done := make(chan *Flight)
		go func() {
			_, f, _ := c.Join(t.Context(), key(1), park)
			done <- f
		}()
		synctest.Wait()
		c.mu.Lock() // another one is faster than who waits
		delete(c.flights, key(1))
		c.mu.Unlock()
		_, second := join(t.Context(), c, key(1))
		first.Abandon()
		first.ended.Do(func() { close(first.done) })
		synctest.Wait()
		if parked != 1 || entered != 1 {
			t.Errorf("%d are counted of one that waits again, %d times", parked, entered)
		}
		second.Abandon()
		second.End()
		third := <-done
		if third == nil || parked != 0 || entered != 1 {
			t.Errorf("%v; %d stay counted, %d entered", third, parked, entered)
		}
		third.End()
	})
}

// TestLargest wants no answer kept that takes more than its part of the cache.
func TestLargest(t *testing.T) {
	const bound = 1 << 20
	c := New(bound)
	for i, bytes := range []int{bound / largest / 2, bound/largest - 2*overhead, bound / largest, bound, 2 * bound} {
		keep(t, c, key(i), bytes)
		if kept, want := c.Get(key(i)) != nil, i < 2; kept != want || len(c.flights) != 0 {
			t.Errorf("of %d bytes: kept: %v", bytes, kept)
		}
	}
}

// TestKeptAtOnce wants the bound held while answers are kept, also where the goroutine that
// makes room has not run yet.
func TestKeptAtOnce(t *testing.T) {
	const bound, size = 8 << 20, 400_000
	c := New(bound)
	late := bounded(bound)
	late.Executor = func(func()) {}
	c.answers = otter.Must(late)
	for i := range 200 {
		keep(t, c, key(i), size)
		if got := c.answers.EstimatedSize() * size; got > bound+size { // with those that are due for removal
			t.Fatalf("%d answers take %d, of %d", i, got, bound)
		}
	}
	if got := c.Bytes(); got > bound || got < bound/2 {
		t.Errorf("the answers take %d, of %d", got, bound)
	}
}

// TestEncodedBusy wants an answer free for others while it is encoded, and nothing kept
// where it is not.
func TestEncodedBusy(t *testing.T) {
	c := New(1 << 20)
	keep(t, c, key(1), 10_000)
	a := c.Get(key(1))
	for n := range 3 {
		if _, ok := c.Encoded(a, compress.Gzip, func(compress.Coding, ...[]byte) ([]byte, bool) { return nil, false }); ok {
			t.Errorf("%d: nothing is taken for a form", n)
		}
	}
	form, ok := c.Encoded(a, compress.Gzip, func(coding compress.Coding, parts ...[]byte) ([]byte, bool) {
		encoded(c, a, compress.Gzip)
		encoded(c, a, compress.Gzip) // kept
		return coding.EncodeNow(parts...)
	})
	if again := encoded(c, a, compress.Gzip); !ok || &again[0] != &form[0] {
		t.Error("another form is kept than the first one")
	}
}
