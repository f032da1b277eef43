package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/providers"
)

// part is an id with the first part of its local, which is what a vendor calls the record.
func part(id providers.ID) providers.ID {
	id.Local, _, _ = strings.Cut(id.Local, "~")
	return id
}

// ownerOf is whose a record is that was made in the run; nil for others.
func (w *chaosWorld) ownerOf(id providers.ID) *chaosAffiliate {
	for _, v := range w.vendors {
		if v.name != id.Account {
			continue
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.owners[part(id)]
	}
	return nil
}

// owns says whether an event is of a record of an affiliate's. Of records that only the
// vendor makes, such as payouts, the log tells.
func (w *chaosWorld) owns(e events.Event, a *chaosAffiliate) bool {
	if owner := w.ownerOf(e.Record); owner != nil {
		return owner == a
	}
	return e.Owner == a.id
}

// entries are all events of the run.
func (c *chaos) entries() (all []events.Entry, err error) {
	for after := c.began; ; after = all[len(all)-1].Position {
		some, err := c.log.Read(context.Background(), after, 1000)
		if err != nil || len(some) == 0 {
			return all, err
		}
		all = append(all, some...)
	}
}

// due are the events that a subscriber may see, and how many of them, of the last, they have
// to have seen.
func (w *watcher) due(entries []events.Entry) (all []events.Entry, least int) {
	behind := w.begin == w.began
	for _, e := range entries {
		if w.sees(e.Event) {
			all = append(all, e)
			if behind {
				least++
			}
		}
		behind = behind || e.Position == w.begin
	}
	return all, least
}

// is says whether a sighting is of an entry.
func (s sighting) is(e events.Entry) bool {
	return s.NodeID == e.Record.String() && strings.EqualFold(s.Kind, string(e.Kind)) && s.At.Truncate(time.Millisecond).Equal(e.At.Truncate(time.Millisecond))
}

// settle waits until every subscriber has got what is in the log.
func (c *chaos) settle() []events.Entry {
	c.t.Helper()
	var entries []events.Entry
	c.eventually("all subscribers have all", func() (err error) {
		if entries, err = c.entries(); err != nil {
			return err
		}
		for _, w := range c.watchers {
			if err := w.complete(entries); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
		return nil
	})
	return entries
}

// eventually is redistest.Eventually, but for the end of the test: the run goes on and says what
// was seen.
func (c *chaos) eventually(what string, ask func() error) {
	var err error
	for over := time.Now().Add(20 * time.Second); time.Now().Before(over); time.Sleep(100 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	c.t.Errorf("waited in vain until %s: %v", what, err)
}

// complete says whether what a subscriber has seen is the end of what they may see, in the
// same order, and all that was appended since they began.
func (w *watcher) complete(entries []events.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	all, least := w.due(entries)
	if len(w.seen) < least || len(w.seen) > len(all) {
		return fmt.Errorf("%d changes were seen, want %d to %d%s", len(w.seen), least, len(all), w.difference(all))
	}
	all = all[len(all)-len(w.seen):]
	for i, s := range w.seen {
		if !s.is(all[i]) {
			return fmt.Errorf("change %d of %d is another than in the log%s", i, len(all), w.difference(all))
		}
	}
	return nil
}

// difference tells the first changes that were missed, doubled or foreign.
func (w *watcher) difference(all []events.Entry) string {
	var b strings.Builder
	count := map[string]int{}
	key := func(id, kind string, at time.Time) string {
		return fmt.Sprint(id, " ", strings.ToUpper(kind), " ", at.UTC().Format(time.RFC3339Nano))
	}
	for _, e := range all {
		count[key(e.Record.String(), string(e.Kind), e.At.Truncate(time.Millisecond))]++
	}
	for _, s := range w.seen {
		count[key(s.NodeID, s.Kind, s.At.Truncate(time.Millisecond))]--
	}
	said := 0
	for k, n := range count {
		if n != 0 && said < 5 {
			said++
			fmt.Fprintf(&b, "; %s: %+d", k, -n)
		}
	}
	return b.String()
}

// verify holds what subscribers have got against the log, and the log against the
// simulators' own.
func (c *chaos) verify(entries []events.Entry) {
	c.t.Helper()
	if n := c.counts.gaps.Load(); n > 0 {
		c.t.Errorf("STREAM_GAP was told %d times, though Redis has lost nothing", n)
	}
	ids := map[string]events.Position{}
	for _, w := range c.watchers {
		if err := w.complete(entries); err != nil {
			c.t.Errorf("%s: %v", w.name, err)
			continue
		}
		all, _ := w.due(entries)
		all = all[len(all)-len(w.seen):]
		for i, s := range w.seen {
			if at, known := ids[s.ID]; known && at != all[i].Position {
				c.t.Errorf("%s: the id %s names two changes", w.name, s.ID)
			}
			ids[s.ID] = all[i].Position
		}
	}
	c.verifyTold(entries)
	c.verifyFresh(entries)
}

// verifyTold wants each change that a vendor told, and each write of the server's own, once in
// the log, with whose it is.
func (c *chaos) verifyTold(entries []events.Entry) {
	c.t.Helper()
	created, updated, written := map[providers.ID]int{}, map[providers.ID]int{}, map[providers.ID]int{}
	for _, e := range entries {
		switch {
		case e.Kind == providers.Created:
			created[part(e.Record)]++
		case e.Source == events.Webhook:
			updated[part(e.Record)]++
		case e.Source == events.Write:
			written[e.Record]++
		}
		if a := c.world.ownerOf(e.Record); a != nil && e.Owner != a.id {
			c.t.Errorf("the owner of %v is %v in the log, want %v", e.Record, e.Owner, a.id)
		}
	}
	for _, a := range c.world.mutated {
		if written[a.id] != a.counter {
			c.t.Errorf("%v was written %d times; in the log %d", a.id, a.counter, written[a.id])
		}
	}
	for _, v := range c.world.vendors {
		tells := map[providers.ID][2]int{}
		for _, change := range v.sender.Webhooks().Log() {
			if change.Event == "" || change.At.Before(c.world.opened) {
				continue
			}
			id := providers.ID{Account: v.name, Noun: change.Noun, Local: change.Local}
			n := tells[id]
			if strings.HasSuffix(change.Event, ".created") || strings.HasSuffix(change.Event, ".new") {
				n[0]++
			} else {
				n[1]++
			}
			tells[id] = n
			if v.name == "uppromote" && change.Noun == providers.NounReferral {
				id.Noun = providers.NounCommission
				tells[id] = n
			}
		}
		for id, n := range tells {
			if created[id] != n[0] || updated[id] != n[1] {
				c.t.Errorf("%v: told as created %d times and as changed %d times; in the log %d and %d", id, n[0], n[1], created[id], updated[id])
			}
		}
	}
}

// verifyFresh wants each record as it was when the change happened, or later. A status that
// changes once has changed; a name has a counter, which is at least that of the change. Which
// that is, the time of the event tells, or, for the server's own, how many there were before.
func (c *chaos) verifyFresh(entries []events.Entry) {
	c.t.Helper()
	counters := map[providers.ID]map[int64]int{} // by the second of the vendor's clock: the least
	for _, v := range c.world.vendors {
		so := map[string]int{}
		for _, change := range v.sender.Webhooks().Log() {
			if change.Noun != providers.NounAffiliate || v.name != "firstpromoter" {
				continue
			}
			if change.Event == "promoter.updated" {
				so[change.Local]++
			}
			id := providers.ID{Account: v.name, Noun: change.Noun, Local: change.Local}
			if counters[id] == nil {
				counters[id] = map[int64]int{}
			}
			if _, ok := counters[id][change.At.Unix()]; !ok {
				counters[id][change.At.Unix()] = so[change.Local]
			}
		}
	}
	written, least := map[providers.ID]int{}, map[events.Position]int{}
	for _, e := range entries {
		if e.Source == events.Write {
			if e.Kind == providers.Updated {
				written[e.Record]++
				least[e.Position] = written[e.Record]
			}
		} else {
			least[e.Position] = counters[e.Record][e.At.Unix()]
		}
	}
	bad := 0
	for _, w := range c.watchers {
		all, _ := w.due(entries)
		if len(w.seen) > len(all) {
			continue
		}
		all = all[len(all)-len(w.seen):]
		for i, s := range w.seen {
			e, why := all[i], ""
			switch {
			case !s.is(e) || s.unread != "" || e.Kind == providers.Deleted:
				continue
			case s.Node == nil:
				why = "the record is null"
			case counterOf(s.Node.Name) < least[e.Position]:
				why = fmt.Sprintf("the name is %q, want n%d or later", s.Node.Name, least[e.Position])
			case e.Kind == providers.Updated && e.Source == events.Webhook && e.Record.Noun == providers.NounCommission &&
				e.Record.Account == "uppromote" && s.Node.Earned == "PENDING":
				why = "the status is still PENDING"
			default:
				continue
			}
			if bad++; bad <= 10 {
				c.t.Errorf("%s: %v, %s of %v by a %s: %s", w.name, e.Record, e.Kind, e.At, e.Source, why)
			}
		}
	}
	if bad > 10 {
		c.t.Errorf("%d records were older than the change that they came with", bad)
	}
}

// loseAll empties Redis, and wants every subscriber to be told that changes are missing.
func (c *chaos) loseAll() {
	c.t.Helper()
	if err := c.redis.Client(redisclient.Durable).FlushAll(c.t.Context()).Err(); err != nil {
		c.t.Error(err)
	}
	c.eventually("all subscribers are told that Redis has lost all", func() error {
		for _, w := range c.watchers {
			if !w.isLost() {
				return errors.New(w.name + " is not")
			}
		}
		return nil
	})
}

// summarize logs what has happened.
func (c *chaos) summarize(harm map[string]int, entries []events.Entry) {
	n, seen, told := &c.counts, 0, 0
	for _, w := range c.watchers {
		w.mu.Lock()
		seen += len(w.seen)
		w.mu.Unlock()
	}
	for _, v := range c.world.vendors {
		told += len(v.sender.Webhooks().Log())
	}
	c.t.Logf("%v", harm)
	c.unread.Range(func(why, n any) bool { c.t.Logf("%d records not read: %s", n.(*atomic.Int64).Load(), why); return true })
	c.t.Logf("%d changes at the vendors; %d deliveries (%d to both replicas, %d answers lost, %d cut, %d refused or lost in all); %d writes and %d reads through the replicas",
		told, n.deliveries.Load(), n.twice.Load(), n.lost.Load(), n.cut.Load(), n.refused.Load(), n.writes.Load(), n.reads.Load())
	c.t.Logf("%d events in the log, seen %d times by %d subscribers in %d connections (left %d times, %d of them within an event, %d ended by the server, %d expired, %d not let in); %d records not read",
		len(entries), seen, len(c.watchers), n.connections.Load(), n.left.Load()+n.torn.Load(), n.torn.Load(), n.ended.Load(), n.expired.Load(), n.overloaded.Load(), n.unread.Load())
}
