package firstpromoter

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// reply is an answer that is being converted.
type reply struct {
	*provider
	at      time.Time         // when it came
	harvest providers.Harvest // what it carries besides what was asked for
	gleaned map[providers.ID]*providers.Fields
	odd     bool // a member had an unexpected form
}

// optional is a value that something is decided by. Unlike a pointer it tells a value that cannot
// be read from none.
type optional[V any] struct {
	Value *V
	odd   bool
}

// UnmarshalJSON reads what [wire.Decode] reads, and never fails.
func (o *optional[V]) UnmarshalJSON(b []byte) error {
	*o = optional[V]{}
	odd, err := wire.Decode(b, &o.Value)
	if o.odd = err != nil || len(odd) > 0; o.odd {
		o.Value = nil
	}
	return nil
}

// Odd says whether there was a value that cannot be read.
func (o optional[V]) Odd() bool { return o.odd }

// byName are values by their names, each read by itself.
type byName[V any] map[string]V

// UnmarshalJSON reads an object. Values of another form are left out.
func (n *byName[V]) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	*n = make(byName[V], len(members))
	for name, raw := range members {
		var value V
		if _, err := wire.Decode(raw, &value); err == nil {
			(*n)[name] = value
		}
	}
	return nil
}

// request is a read of this path.
func request(path string, query url.Values) rest.Request {
	return rest.Request{Op: "GET " + path, Path: path, Query: query}
}

// read makes one read. verify says what a reply lacks that cannot be understood.
func read[E any](ctx context.Context, p *provider, r rest.Request, verify func(*E) error) (*reply, *E, error) {
	var decoded wire.Reply[E]
	r.Into, r.Verify = &decoded, func() error { return verify(&decoded.Value) }
	if err := p.fetch(ctx, r); err != nil {
		return nil, nil, err
	}
	return p.reply(ctx, r.Op, decoded.Odd), &decoded.Value, nil
}

// send makes one write by one call. verify is as in read.
func send[E any](ctx context.Context, p *provider, op, path string, body any, verify func(*E) error) (*reply, *E, error) {
	var decoded wire.Reply[E]
	r := rest.Request{Op: op, Path: path, Body: body, Into: &decoded, Verify: func() error { return verify(&decoded.Value) }}
	if err := p.client.Send(ctx, r); err != nil {
		return nil, nil, err
	}
	return p.reply(ctx, op, decoded.Odd), &decoded.Value, nil
}

// isList wants a list.
func isList[W any](w *wire.Enveloped[W]) error {
	if !w.IsList() {
		return errNoList
	}
	return nil
}

// reply begins the conversion of an answer, and reports what was odd in it.
func (p *provider) reply(ctx context.Context, op string, odd []wire.Oddity) *reply {
	p.log.Odd(op, odd)
	watchOf(ctx).note(odd)
	return &reply{provider: p, at: p.config.Now(), odd: len(odd) > 0}
}

// accountProbe is the call that decides whether the vendor knows the account: a short list
// that every account has. A wrong account_id is a 404 of every path, which elsewhere may
// mean that a record is not there.
func accountProbe() rest.Request {
	r := request(campaignList.path, url.Values{"per_page": {"1"}})
	var list wire.Reply[wire.Enveloped[struct{}]]
	r.Into, r.Verify = &list, func() error { return isList(&list.Value) }
	r.Classify = func(status int, body []byte) *providers.Error {
		e := classify(status, body)
		if status == http.StatusNotFound {
			e.Kind, e.Err = providers.KindUnauthorized, errAccount
		}
		return e
	}
	return r
}

// errAccount is in the error of a call whose account the vendor does not know.
const errAccount providers.Cause = "the account_id names no account of this key"

// fetch makes one read. A 404 stands only for an account that the vendor knows: it does if
// a call has succeeded before, or if the probe does. The 404 of a path that names no record
// is always followed by the probe, as the account may be gone since.
func (p *provider) fetch(ctx context.Context, r rest.Request) error {
	err := p.client.Get(ctx, r)
	if providers.KindOf(err) == providers.KindNotFound && (!strings.HasSuffix(r.Op, oneRecord) || !p.client.Answered()) {
		if probed := p.client.Get(ctx, accountProbe()); probed != nil {
			return probed
		}
	}
	return err
}

// watch gathers what was odd in the replies that a look reads.
type watch struct {
	decides []string // the members that the look decides by

	mu     sync.Mutex
	odd    []string // paths of members
	unread int      // rows
}

type watchKey struct{}

func withWatch(ctx context.Context, w *watch) context.Context {
	return context.WithValue(ctx, watchKey{}, w)
}

// watchOf is the watch of a context; nil for none.
func watchOf(ctx context.Context) *watch {
	w, _ := ctx.Value(watchKey{}).(*watch)
	return w
}

func (w *watch) note(odd []wire.Oddity) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range odd {
		w.odd = append(w.odd, o.Field)
	}
}

// noteRecord notes the members that a record should have to decide by, and lacks.
func noteRecord[W any](w *watch, record *W) {
	if w == nil {
		return
	}
	lacking := wire.Lacking(record, w.decides)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.odd = append(w.odd, lacking...)
}

func (w *watch) noteUnread(rows int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unread += rows
}
