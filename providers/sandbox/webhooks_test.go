package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// inbox takes deliveries.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	status func(delivery int) int // nil: 200
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.bodies = append(in.bodies, string(body))
		if in.status != nil {
			w.WriteHeader(in.status(len(in.bodies)))
		}
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) got() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.bodies)
}

func newSender(t *testing.T, seed uint64) (*Webhooks, *clock) {
	clock := &clock{at: time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)}
	w := NewWebhooks(WebhookOptions{
		Now: clock.now, Seed: seed, Timeout: 20 * time.Second, Waits: []time.Duration{time.Minute, time.Hour},
	})
	t.Cleanup(w.Close)
	return w, clock
}

func tell(w *Webhooks, n int) {
	w.Tell(Change{Event: "a.made", Noun: providers.NounAffiliate, Local: fmt.Sprint(n)}, 0, func() any { return n })
}

// TestWebhooksRetry: a delivery that is not accepted is made again after each wait of the
// vendor's, by the simulator's clock, and then given up.
func TestWebhooksRetry(t *testing.T) {
	in := newInbox(t)
	for name, c := range map[string]struct {
		accept  int // at which delivery; 0 for never
		retries int
		off     bool  // retries are switched off
		want    []int // deliveries at once, after a minute, after an hour more, after a day more
	}{
		"never accepted": {0, -1, false, []int{1, 2, 3, 3}},
		"at once":        {1, -1, false, []int{1, 1, 1, 1}},
		"at the second":  {2, -1, false, []int{1, 2, 2, 2}},
		"no retries":     {0, 0, false, []int{1, 1, 1, 1}},
		"one retry":      {0, 1, false, []int{1, 2, 2, 2}},
		"too many":       {0, 10, false, []int{1, 2, 3, 3}},
		"switched off":   {0, -1, true, []int{1, 1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			in.mu.Lock()
			in.bodies, in.status = nil, func(n int) int {
				switch {
				case n == c.accept:
					return http.StatusNoContent
				case n == 1:
					return http.StatusFound // is not followed
				}
				return http.StatusInternalServerError
			}
			in.mu.Unlock()
			w, clock := newSender(t, 1)
			w.Open(SendOptions{AllowHTTP: true})
			w.Register("x", Endpoint{URL: in.URL, Retries: c.retries})
			w.SetRetries(!c.off)
			tell(w, 7)
			var got []int
			for _, later := range []time.Duration{0, time.Minute, time.Hour, 24 * time.Hour} {
				clock.move(later)
				w.Settle()
				got = append(got, len(in.got()))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("deliveries %v, wanted %v", got, c.want)
			}
			if bodies := slices.Compact(in.got()); len(bodies) != 1 || bodies[0] != "7" {
				t.Errorf("a retry has another body: %q", bodies)
			}
		})
	}
}

// TestWebhooksDuplicatesAndDisorder: everything arrives, in order unless that is switched
// off, and equal seeds do the same.
func TestWebhooksDuplicatesAndDisorder(t *testing.T) {
	in := newInbox(t)
	run := func(seed uint64, duplicates, disorder bool) string {
		in.mu.Lock()
		in.bodies = nil
		in.mu.Unlock()
		w, clock := newSender(t, seed)
		w.Open(SendOptions{AllowHTTP: true})
		w.Register("x", Endpoint{URL: in.URL})
		w.SetDuplicates(duplicates)
		w.SetDisorder(disorder)
		for n := range 9 {
			tell(w, n+1)
		}
		clock.move(2 * Spread)
		w.Settle()
		return strings.Join(in.got(), "")
	}
	set := func(s string) string {
		b := []byte(s)
		slices.Sort(b)
		return string(slices.Compact(b))
	}
	const ordered = "123456789"
	if got := run(1, false, false); got != ordered {
		t.Errorf("in order: %s", got)
	}
	if got := run(1, true, false); len(got) == len(ordered) || set(got) != ordered {
		t.Errorf("with duplicates: %s", got)
	}
	mixed := run(1, false, true)
	if mixed == ordered || len(mixed) != len(ordered) || set(mixed) != ordered {
		t.Errorf("in disorder: %s", mixed)
	}
	if again := run(1, false, true); again != mixed {
		t.Errorf("in disorder of the same seed: %s, then %s", mixed, again)
	}
	if other := run(2, false, true); other == mixed {
		t.Errorf("in disorder of another seed: %s", other)
	}
}

// TestWebhooksSendNothingUnasked: not before Open, not to nobody, not what is not wanted, not
// after Remove or Close; the log has it all.
func TestWebhooksSendNothingUnasked(t *testing.T) {
	in := newInbox(t)
	w, clock := newSender(t, 1)
	w.Register("x", Endpoint{URL: in.URL, Wants: func(event string, campaign int64) bool { return campaign != 3 }})
	tell(w, 1)
	if !w.Validate(context.Background(), Endpoint{URL: in.URL}) {
		t.Error("without Open an address is refused")
	}
	w.Open(SendOptions{AllowHTTP: true})
	w.Tell(Change{Event: "a.made", Local: "2"}, 3, func() any { return 2 })
	w.Tell(Change{Local: "3"}, 0, nil)
	w.Settle()
	w.Remove("x")
	tell(w, 4)
	w.Settle()
	w.Register("y", Endpoint{URL: in.URL, Retries: -1})
	in.status = func(int) int { return http.StatusTeapot }
	tell(w, 5)
	w.Settle()
	if got := in.got(); !slices.Equal(got, []string{"5"}) || w.Pending() != 1 {
		t.Errorf("%q were sent, and %d wait", got, w.Pending())
	}
	w.Close()
	w.Close()
	clock.move(time.Hour)
	tell(w, 6)
	w.Settle()
	if got := in.got(); len(got) != 1 {
		t.Errorf("%q were sent, some after the end", got)
	}
	var log []string
	for _, c := range w.Log() {
		log = append(log, c.Local)
	}
	if strings.Join(log, "") != "123456" {
		t.Errorf("the log is %v", log)
	}
}

// elsewhere fails the test where a call leaves this machine for another host than its one,
// which refuses every call.
type elsewhere struct {
	t    *testing.T
	host string
}

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case r.URL.Host == e.host:
		return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}, nil
	case r.URL.Hostname() != "127.0.0.1":
		e.t.Errorf("a call of %s", r.URL)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestWebhooksLocalOnly: other machines than the one that is allowed are not called, and
// nothing is made again for them.
func TestWebhooksLocalOnly(t *testing.T) {
	in := newInbox(t)
	w, _ := newSender(t, 1)
	const host = "partnergraph.example:8080"
	w.Open(SendOptions{Client: &http.Client{Transport: elsewhere{t, host}}, AllowHTTP: true, LocalOnly: true, Host: host})
	for name, address := range map[string]string{"far": "https://hooks.example.com", "near": in.URL} {
		if w.Register(name, Endpoint{URL: address, Retries: -1}); !w.Validate(context.Background(), Endpoint{URL: address}) {
			t.Errorf("%s is refused", address)
		}
	}
	if w.Validate(context.Background(), Endpoint{URL: "http://" + host}) {
		t.Error("the host that is allowed is not called")
	}
	tell(w, 1)
	if w.Settle(); len(in.got()) != 2 || w.Pending() != 0 {
		t.Errorf("got %q, and %d wait", in.got(), w.Pending())
	}
}

// TestWebhooksClose: no goroutine is left, even if an endpoint does not answer.
func TestWebhooksClose(t *testing.T) {
	arrived, end := make(chan struct{}), make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		select {
		case <-r.Context().Done():
		case <-end:
		}
	}))
	defer hanging.Close()
	defer close(end)
	w, _ := newSender(t, 1)
	w.Open(SendOptions{AllowHTTP: true})
	w.Register("x", Endpoint{URL: hanging.URL})
	tell(w, 1)
	<-arrived
	w.Close()
	stacks := make([]byte, 1<<20)
	if all := string(stacks[:runtime.Stack(stacks, true)]); strings.Contains(all, "(*Webhooks).run") {
		t.Errorf("the sender still runs:\n%s", all)
	}
}

// TestWebhooksAllow: only addresses with TLS, but for those on this machine where that is
// allowed.
func TestWebhooksAllow(t *testing.T) {
	for address, want := range map[string]struct{ shut, open bool }{
		"https://hooks.example.com/x": {true, true},
		"http://hooks.example.com/x":  {false, false},
		"http://127.0.0.1:80/x":       {false, true},
		"http://[::1]/x":              {false, true},
		"http://localhost:80/x":       {false, true},
		"http://localhost.example":    {false, false},
		"ftp://localhost":             {false, false},
		"https://":                    {false, false},
		"localhost":                   {false, false},
		"https://%zz":                 {false, false},
	} {
		w, _ := newSender(t, 1)
		if got := w.Allows(address); got != want.shut {
			t.Errorf("%s: %v", address, got)
		}
		w.Open(SendOptions{AllowHTTP: true})
		if got := w.Allows(address); got != want.open {
			t.Errorf("%s where that is allowed: %v", address, got)
		}
	}
}
