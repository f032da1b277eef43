package cache

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// channel is where replicas tell each other what they drop, whatever their release.
const channel = "pg:dropped"

// dropped is what they say.
type dropped struct {
	Shape   string
	Account string
	At      Epoch
	Until   time.Time
	Keys    []string
	All     bool   // everything of the account, without its keys; see Redis.Forget
	Mark    string `json:",omitempty"` // instead of all else: see Tiered.CatchUp
}

// tell publishes what was dropped.
func (r *Redis) tell(ctx context.Context, d dropped) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return r.call(ctx, func(ctx context.Context) error {
		node := redis.Cmdable(r.client)
		if cluster, ok := r.client.(*redis.ClusterClient); ok {
			// All messages go by the server at which replicas subscribe, so that they arrive in
			// one order. The client would publish at any.
			if node, err = cluster.MasterForKey(ctx, channel); err != nil {
				return err
			}
		}
		return node.Publish(ctx, channel, b).Err()
	})
}

// idle is how long the channel may be silent before it is asked whether it is still there,
// and how long it may take to answer.
const idle = time.Second

// follow keeps the channel open.
func (t *Tiered) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := t.listen(ctx)
		t.unlink(ctx, err)
		select {
		case <-ctx.Done():
		case <-time.After(idle):
		}
	}
}

// listen opens the channel and hears it out. Its error is why it is closed.
func (t *Tiered) listen(ctx context.Context) error {
	s := t.redis.client.Subscribe(ctx, channel)
	defer func() { _ = s.Close() }()
	defer context.AfterFunc(ctx, func() { _ = s.Close() })() // the wait below does not look at ctx
	for asked := false; ; {
		m, err := s.ReceiveTimeout(ctx, idle)
		if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() && !asked {
			asked, err = true, s.Ping(ctx)
			if err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		asked = false
		switch m := m.(type) {
		case *redis.Subscription:
			t.link()
		case *redis.Message:
			if err := t.hear(ctx, m.Payload); err != nil {
				return err
			}
		}
	}
}

// hear applies what another replica said, or this one.
func (t *Tiered) hear(ctx context.Context, payload string) error {
	var d dropped
	if err := json.Unmarshal([]byte(payload), &d); err != nil {
		return fmt.Errorf("a message that nobody sends: %w", err)
	}
	if d.Mark != "" {
		if heard, ok := t.marks.LoadAndDelete(d.Mark); ok {
			close(heard.(chan struct{}))
		}
		return nil
	}
	if d.All {
		t.forget(d.Account, Fence{At: d.At, Until: d.Until})
		return nil
	}
	keys := make([]Key, 0, len(d.Keys))
	for _, text := range d.Keys {
		if k, err := ParseKey(text); err == nil { // else another release's, of a kind that this one does not keep
			keys = append(keys, k)
		}
	}
	f := fences(Fence{At: d.At, Until: d.Until}, keys)
	_ = t.memory.Put(ctx, f)
	if d.Shape != shape() { // another release, which cannot fence what this one wrote
		if err := t.redis.Put(ctx, f); err != nil {
			return errors.Join(err, t.dropLater(d.Account, keys))
		}
	}
	t.mu.RLock()
	watch := t.watches[d.Account]
	t.mu.RUnlock()
	if watch != nil {
		watch()
	}
	return nil
}

// markTime is how long a mark may be on its way before another one is sent.
const markTime = 500 * time.Millisecond

// CatchUp returns when this replica has heard of everything that any replica had dropped
// before the call, so that its memory shows nothing older. It sends a mark over the channel
// and waits for it: messages arrive in the order in which they were published, in a cluster,
// too, where all are published at the server of the channel's slot. While the channel is
// closed, nothing can be heard and memory is emptied, as it may be the answer where Redis
// fails. The only error is that of ctx.
func (t *Tiered) CatchUp(ctx context.Context) error {
	for t.isLinked() {
		mark, heard := rand.Text(), make(chan struct{})
		t.marks.Store(mark, heard)
		err := t.redis.tell(ctx, dropped{Shape: shape(), Mark: mark})
		if err != nil {
			t.away(ctx, "mark", err)
		}
		select {
		case <-heard:
			return nil
		case <-ctx.Done():
		case <-time.After(markTime):
		}
		t.marks.Delete(mark)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.linked { // else it was emptied since
		t.empty()
	}
	return nil
}

func (t *Tiered) isLinked() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.linked
}

// link empties memory, for messages may have been missed, and then trusts it.
func (t *Tiered) link() {
	t.flush(true)
	t.redis.o.Logger.Info("the cache hears of the other replicas' invalidations")
}

// unlink empties memory, and trusts it no longer.
func (t *Tiered) unlink(ctx context.Context, err error) {
	if t.isLinked() && ctx.Err() == nil {
		t.flush(false)
		t.redis.o.Logger.Warn("the cache lost the channel of invalidations; memory is emptied", "error", err)
	}
}

// flush empties memory, and says whether it is trusted from then on.
func (t *Tiered) flush(linked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.linked = linked
	t.empty()
}

// empty empties memory, and keeps out what is being read. The lock is held.
func (t *Tiered) empty() {
	t.round++
	t.memory.clear("")
	for _, watch := range t.watches {
		watch()
	}
	if t.onForget != nil {
		t.onForget()
	}
}
