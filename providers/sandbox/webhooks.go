package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Change is a change of a simulated record's state.
type Change struct {
	Event string // the vendor's word; "" where it tells nobody
	ID    string // of the event; "" where the vendor gives none
	Noun  providers.Noun
	Local string // the record's id as the vendor has it
	At    time.Time
}

// Endpoint is an address that a simulated vendor sends events to.
type Endpoint struct {
	URL     string
	Secret  string
	Wants   func(event string, campaign int64) bool // nil: all
	Header  http.Header                             // sent with each delivery, as its user wants it
	Retries int                                     // at most so many; negative: as many as the vendor makes
	Timeout time.Duration                           // 0: the vendor's own
}

// WebhookOptions is how a vendor sends.
type WebhookOptions struct {
	Now     func() time.Time
	Seed    uint64
	Waits   []time.Duration // before each retry; nil: some, where the vendor documents none
	Timeout time.Duration
	// Sign adds to the headers what the vendor does: signatures, and what names the event.
	Sign func(h http.Header, e Endpoint, c Change, body []byte)
}

// Webhooks logs the changes of a simulator's world and sends them as the vendor does: at
// least once, in their order unless [Webhooks.SetDisorder] says otherwise. Nothing is sent
// before [Webhooks.Open], and nothing but to endpoints that were registered. Retries wait by
// the simulator's clock. It is safe for concurrent use.
type Webhooks struct {
	o WebhookOptions

	mu         sync.Mutex
	done       *sync.Cond // a delivery was made
	endpoints  map[string]Endpoint
	log        []Change
	queue      []delivery // by the time at which each is due
	sending    bool
	duplicates bool
	disorder   bool
	noRetries  bool
	random     *rand.Rand
	client     *http.Client // nil while nothing is sent
	allowHTTP  bool
	localOnly  bool
	host       string
	stop       context.CancelFunc
	sender     sync.WaitGroup
	wake       chan struct{}
}

// delivery is one change on its way to one endpoint.
type delivery struct {
	endpoint string
	change   Change
	body     []byte
	due      time.Time
	retries  int
}

// NewWebhooks makes a sender that is not open.
func NewWebhooks(o WebhookOptions) *Webhooks {
	if o.Waits == nil {
		o.Waits = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	}
	w := &Webhooks{
		o: o, endpoints: map[string]Endpoint{}, wake: make(chan struct{}, 1), random: rand.New(rand.NewPCG(o.Seed, 17)),
	}
	w.done = sync.NewCond(&w.mu)
	return w
}

// Sender is a simulator that sends webhooks.
type Sender interface {
	Webhooks() *Webhooks

	// SendTo has all events sent to an address, as if its user had subscribed to them.
	SendTo(address string)

	// HookSecrets verify what is sent there.
	HookSecrets() providers.HookSecrets
}

// SendOptions is how deliveries leave.
type SendOptions struct {
	Client    *http.Client // nil: the default
	AllowHTTP bool         // addresses on this machine may have no TLS
	LocalOnly bool         // nothing is sent to other machines: it counts as accepted
	Host      string       // with LocalOnly: the one host that is sent to as well, with its port; "" for none
}

// Open begins to send what changes from now on. Call Close in the end.
func (w *Webhooks) Open(o SendOptions) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client != nil {
		return
	}
	client := http.Client{}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx, stop := context.WithCancel(context.Background())
	w.client, w.allowHTTP, w.localOnly, w.host, w.stop = &client, o.AllowHTTP, o.LocalOnly, o.Host, stop
	w.sender.Go(func() { w.run(ctx) })
}

// Close ends sending. Deliveries that were not accepted are dropped. When it returns, no
// goroutine of the sender is left.
func (w *Webhooks) Close() {
	w.mu.Lock()
	stop, client := w.stop, w.client
	w.client, w.stop, w.queue = nil, nil, nil
	w.done.Broadcast()
	w.mu.Unlock()
	if stop != nil {
		stop()
		w.sender.Wait()
		client.CloseIdleConnections()
	}
}

// Allows says whether an address may be registered: one with TLS, or on this machine where
// that is allowed.
func (w *Webhooks) Allows(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return u.Scheme == "https" || u.Scheme == "http" && w.allowHTTP && isLocal(u)
}

// isLocal says whether an address is on this machine.
func isLocal(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Register has changes sent to an endpoint, in the place of the one of this name.
func (w *Webhooks) Register(name string, e Endpoint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endpoints[name] = e
}

// Remove ends what is sent to an endpoint, retries included.
func (w *Webhooks) Remove(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.endpoints, name)
	w.queue = slices.DeleteFunc(w.queue, func(d delivery) bool { return d.endpoint == name })
	w.done.Broadcast()
}

// SetDuplicates has every second delivery, by chance, sent once more, up to [Spread] later.
func (w *Webhooks) SetDuplicates(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.duplicates = on
}

// SetDisorder delays each delivery by chance, up to [Spread].
func (w *Webhooks) SetDisorder(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disorder = on
}

// SetRetries says whether deliveries that are not accepted are made again, as they are at
// first.
func (w *Webhooks) SetRetries(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noRetries = !on
}

// Spread is how far apart by the simulator's clock duplicates and disorder put deliveries.
const Spread = 2 * time.Second

// maxChanges bounds the log: of very many changes the last are kept, half of this at least.
const maxChanges = 1_000_000

// Tell logs a change of a record and sends it, with what body answers, to each endpoint that
// wants it. campaign is the vendor's number of the one that the record is in; 0 for none. The
// caller keeps the world from changing meanwhile.
func (w *Webhooks) Tell(c Change, campaign int64, body func() any) {
	c.At = w.o.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.log) >= maxChanges {
		w.log = slices.Delete(w.log, 0, maxChanges/2)
	}
	w.log = append(w.log, c)
	if w.client == nil || c.Event == "" {
		return
	}
	var encoded []byte
	for _, name := range slices.Sorted(maps.Keys(w.endpoints)) {
		if wants := w.endpoints[name].Wants; wants != nil && !wants(c.Event, campaign) {
			continue
		}
		if encoded == nil {
			encoded, _ = json.Marshal(body())
		}
		d := delivery{endpoint: name, change: c, body: encoded, due: c.At}
		if w.disorder {
			d.due = c.At.Add(time.Duration(w.random.Int64N(int64(Spread))))
		}
		w.put(d)
		if w.duplicates && w.random.IntN(2) == 0 {
			d.due = d.due.Add(time.Duration(w.random.Int64N(int64(Spread))))
			w.put(d)
		}
	}
	w.rouse()
}

// put queues a delivery behind those that are due before it, or with it. The lock is held.
func (w *Webhooks) put(d delivery) {
	i := len(w.queue)
	for i > 0 && w.queue[i-1].due.After(d.due) {
		i--
	}
	w.queue = slices.Insert(w.queue, i, d)
}

// rouse has the sender look at the queue.
func (w *Webhooks) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Settle sends what is due by now, and waits until it was answered.
func (w *Webhooks) Settle() {
	w.rouse()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.client != nil && (w.sending || len(w.queue) > 0 && !w.queue[0].due.After(w.o.Now())) {
		w.done.Wait()
	}
}

// Pending are the deliveries that are still to be made, or made again.
func (w *Webhooks) Pending() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// Log are the changes so far, in their order, whether or not anybody was told.
func (w *Webhooks) Log() []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

// run makes one delivery after the other until the context ends.
func (w *Webhooks) run(ctx context.Context) {
	for ctx.Err() == nil {
		d, e, wait := w.next()
		if wait != 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-w.wake:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		accepted := w.send(ctx, d, e)
		w.mu.Lock()
		w.sending = false
		if !accepted && d.retries < w.retries(e) && w.client != nil {
			d.due = w.o.Now().Add(w.o.Waits[d.retries])
			d.retries++
			w.put(d)
		}
		w.done.Broadcast()
		w.mu.Unlock()
	}
}

// retries is how often a delivery is made again at most. The lock is held.
func (w *Webhooks) retries(e Endpoint) int {
	switch {
	case w.noRetries:
		return 0
	case e.Retries < 0:
		return len(w.o.Waits)
	}
	return min(e.Retries, len(w.o.Waits))
}

// next takes the next delivery that is due, or says how long to wait for one.
func (w *Webhooks) next() (d delivery, e Endpoint, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 {
		if wait = w.queue[0].due.Sub(w.o.Now()); wait > 0 {
			return d, e, wait
		}
		d, w.queue = w.queue[0], w.queue[1:]
		if e, ok := w.endpoints[d.endpoint]; ok {
			w.sending = true
			return d, e, 0
		}
	}
	w.done.Broadcast()
	return d, e, time.Hour
}

// send makes a delivery, and says whether it was accepted.
func (w *Webhooks) send(ctx context.Context, d delivery, e Endpoint) (accepted bool) {
	h := http.Header{"Content-Type": {"application/json"}}
	maps.Copy(h, e.Header)
	if w.o.Sign != nil {
		w.o.Sign(h, e, d.change, d.body)
	}
	return w.post(ctx, e, h, d.body)
}

// Validate sends an empty call without a signature, and says whether it was answered by 200.
// Before Open it sends nothing and answers true.
func (w *Webhooks) Validate(ctx context.Context, e Endpoint) bool {
	return w.post(ctx, e, http.Header{}, nil)
}

// post makes a call, and says whether it was answered by a status of 2xx.
func (w *Webhooks) post(ctx context.Context, e Endpoint, h http.Header, body []byte) bool {
	w.mu.Lock()
	client, localOnly, host := w.client, w.localOnly, w.host
	w.mu.Unlock()
	if u, err := url.Parse(e.URL); client == nil || localOnly && (err != nil || !isLocal(u) && u.Host != host) {
		return true
	}
	timeout := e.Timeout
	if timeout == 0 {
		timeout = w.o.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header = h
	reply, err := client.Do(r)
	if err != nil {
		return false
	}
	defer reply.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, maxBody)) // so that the connection is used again
	return reply.StatusCode/100 == 2
}
