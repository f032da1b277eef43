package sandbox

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// bench is a kit on a real server.
type bench struct {
	*Kit
	*clock
	t    *testing.T
	url  string
	http *http.Client
	work atomic.Int64 // calls that were done
}

// newBench serves 204 and, where the path is /missing, 404, through a kit. /echo answers
// what it was sent, and /panic cuts the connection.
func newBench(t *testing.T, o KitOptions) *bench {
	b := &bench{t: t, clock: &clock{at: time.Unix(1_000_000_003, 0).UTC()}}
	o.Now = b.now
	o.Key = func(r *http.Request) string { return r.Header.Get("Authorization") }
	o.TooMany = func(w http.ResponseWriter, wait time.Duration) {
		w.Header().Set("Retry-After", wait.String())
		w.WriteHeader(http.StatusTooManyRequests)
	}
	b.Kit = NewKit(o)
	server := httptest.NewServer(b.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.work.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/echo":
			_, _ = w.Write(body)
		case "/panic":
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})))
	t.Cleanup(server.Close)
	// A connection a call: the client repeats no call by itself.
	b.url, b.http = server.URL, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return b
}

// call is the answer's status, 0 for a cut connection; its body; and its Retry-After.
func (b *bench) call(path, key, body string) (status int, answer, wait string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", key)
	res, err := b.http.Do(req)
	if err != nil {
		return 0, "", ""
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", ""
	}
	return res.StatusCode, string(got), res.Header.Get("Retry-After")
}

// wants calls, and compares the status and what there is to wait.
func (b *bench) wants(path, key string, status int, wait string) {
	b.t.Helper()
	if got, _, w := b.call(path, key, ""); got != status || w != wait {
		b.t.Errorf("%s by %q: got %d, wait %q; want %d, %q", path, key, got, w, status, wait)
	}
}

func TestFixedWindow(t *testing.T) {
	// 7 seconds do not divide a day, so that it matters where windows are counted from.
	b := newBench(t, KitOptions{Limit: 2, Window: 7 * time.Second})
	b.move(-3 * time.Second) // to 1,000,000,000 = 142,857,142 × 7 + 6: a second before the next window
	b.wants("/", "a", 204, "")
	b.wants("/missing", "a", 404, "")
	b.wants("/", "a", 429, "1s") // failed calls count
	b.wants("/", "b", 204, "")   // and every key alone
	b.move(999 * time.Millisecond)
	b.wants("/", "a", 429, "1ms")
	b.move(time.Millisecond)
	b.wants("/", "a", 204, "")
	b.wants("/", "a", 204, "")
	b.wants("/", "a", 429, "7s")
	b.Forget()
	b.wants("/", "a", 204, "")
	if got := len(b.Requests()); got != 1 {
		t.Errorf("%d calls in the log after Forget and one, want 1", got)
	}
}

func TestRollingWindow(t *testing.T) {
	b := newBench(t, KitOptions{Limit: 2, Window: 10 * time.Second, Rolling: true})
	b.wants("/", "a", 204, "")
	b.move(6 * time.Second)
	b.wants("/missing", "a", 404, "")
	b.move(3 * time.Second)
	b.wants("/", "a", 429, "1s") // and does not count itself
	b.move(time.Second)
	b.wants("/", "a", 204, "") // the first is over, the second is not
	b.wants("/", "a", 429, "6s")
	b.wants("/", "b", 204, "")
}

func TestFaults(t *testing.T) {
	b := newBench(t, KitOptions{})
	b.Fail(
		Fault{Status: 503, Body: "busy", Header: http.Header{"Retry-After": {"4"}}},
		Fault{Status: 502, After: true},
		Fault{},
		Fault{After: true},
	)
	for i, want := range []struct {
		status       int
		answer, wait string
		work         int64 // done so far
	}{{503, "busy", "4", 0}, {502, "", "", 1}, {0, "", "", 1}, {0, "", "", 2}, {200, "hello", "", 3}} {
		status, answer, wait := b.call("/echo", "", "hello")
		if work := b.work.Load(); status != want.status || answer != want.answer || wait != want.wait || work != want.work {
			t.Errorf("call %d: got %d %q, wait %q, %d done; want %+v", i, status, answer, wait, work, want)
		}
	}
	b.SetErrorRate(1)
	b.wants("/", "", 500, "")
	b.SetErrorRate(0)
	b.wants("/", "", 204, "")
}

// TestLate: a request is cut at once, and its work is done all the same, with all that it said.
func TestLate(t *testing.T) {
	b := newBench(t, KitOptions{})
	b.Fail(Fault{Late: time.Millisecond})
	if status, _, _ := b.call("/echo", "", "hello"); status != 0 {
		t.Errorf("status %d, want a cut connection", status)
	}
	b.Settled()
	if work := b.work.Load(); work != 1 {
		t.Errorf("%d calls done, want 1", work)
	}
	b.Fail(Fault{After: true, Silent: true})
	b.http.Timeout = time.Second
	if status, _, _ := b.call("/echo", "", "hello"); status != 0 {
		t.Errorf("status %d, want none in time", status)
	}
	for len(b.Requests()) < 3 { // the kit notices a little later that the caller has gone
		runtime.Gosched()
	}
	var done []int
	for _, r := range b.Requests() {
		done = append(done, r.Done)
	}
	if want := []int{0, 200, 200}; !slices.Equal(done, want) {
		t.Errorf("the log says that %v were done, want %v: nothing at first, then late, then in silence", done, want)
	}
}

// TestChoose: each call may have a fault of its own.
func TestChoose(t *testing.T) {
	b := newBench(t, KitOptions{})
	b.Choose(func(r *http.Request) (Fault, bool) { return Fault{Status: 503}, r.URL.Path == "/odd" })
	b.wants("/odd", "", 503, "")
	b.wants("/", "", 204, "")
	b.Choose(nil)
	b.wants("/odd", "", 204, "")
}

func TestDown(t *testing.T) {
	b := newBench(t, KitOptions{})
	b.SetDown(true)
	b.Fail(Fault{Status: 503})
	b.wants("/", "", 0, "")
	b.SetDown(false)
	b.wants("/", "", 503, "") // no call reached the fault before
	b.wants("/", "", 204, "")
}

func TestLatency(t *testing.T) {
	b := newBench(t, KitOptions{})
	b.SetLatency(time.Hour, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan any)
	go func() { // without a server, so that the call is known to have ended
		defer func() { served <- recover() }()
		b.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	}()
	cancel()
	if got := <-served; got != http.ErrAbortHandler {
		t.Errorf("got %v for a call whose caller went away, want a cut connection", got)
	}
	b.SetLatency(time.Nanosecond, time.Nanosecond)
	b.wants("/", "", 204, "")
}

func TestRequests(t *testing.T) {
	b := newBench(t, KitOptions{Limit: 2, Window: time.Minute})
	start := b.now()
	long := strings.Repeat("x", maxBody+1)
	if _, got, _ := b.call("/echo?page=2&limit=100", "", long); got != long {
		t.Errorf("the simulator read %d bytes of a body of %d", len(got), len(long))
	}
	b.move(time.Second)
	b.wants("/panic", "", 0, "")
	b.wants("/missing", "", 429, "16s")
	b.SetDown(true)
	b.wants("/", "", 0, "")
	want := []Request{
		{start, "POST", "/echo?page=2&limit=100", long[:maxBody], 200, 200},
		{start.Add(time.Second), "POST", "/panic", "", 0, 0},
		{start.Add(time.Second), "POST", "/missing", "", 429, 429},
		{start.Add(time.Second), "POST", "/", "", 0, 0},
	}
	if diff := cmp.Diff(want, b.Requests()); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	k := NewKit(KitOptions{})
	for i := range maxRequests + 5 {
		k.note(Request{Status: i})
	}
	log := k.Requests()
	if n := len(log); n > maxRequests || n < maxRequests*9/10 || log[n-1].Status != maxRequests+4 {
		t.Errorf("%d calls are kept, the last is %d", n, log[n-1].Status)
	}
}

func TestConcurrentCalls(t *testing.T) {
	b := newBench(t, KitOptions{Limit: 30, Window: time.Minute})
	handler := b.Handler(http.NotFoundHandler())
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			b.Set("odd", true)
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			b.Requests()
		})
	}
	calls.Wait()
	got := map[int]int{}
	for _, r := range b.Requests() {
		got[r.Status]++
	}
	if want := map[int]int{404: 30, 429: 20}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !b.On("odd") || b.On("even") {
		t.Error("the switches are not as they were set")
	}
}
