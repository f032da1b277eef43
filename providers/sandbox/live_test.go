package sandbox

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// mover counts what it is asked for.
type mover struct {
	still          bool // there is nothing to change
	added, changed int
	moved          chan bool // nil: nobody waits for it
}

func (m *mover) Move(_ *rand.Rand, add bool) bool {
	if !add && m.still {
		return false
	}
	if add {
		m.added++
	} else {
		m.changed++
	}
	if m.moved != nil {
		m.moved <- add
	}
	return true
}

// TestLiveSteps: changes are dealt out to all simulators, most of them add, and each is added
// to [MaxAdded] times at most, one without records to change, too.
func TestLiveSteps(t *testing.T) {
	a, b := &mover{}, &mover{still: true}
	l := NewLive(1, a, b)
	for range 100 {
		l.Step()
	}
	if a.added+a.changed+b.added != 100 || a.changed == 0 || a.added < 2*a.changed || b.added < 30 || b.changed != 0 {
		t.Errorf("after 100 steps: %+v, %+v", a, b)
	}
	for range 10 * MaxAdded {
		l.Step()
	}
	if a.added != MaxAdded || b.added != MaxAdded || a.changed < MaxAdded {
		t.Errorf("in the end: %+v, %+v", a, b)
	}
}

// TestLiveRun: each tick makes a change, and nothing runs on when the context ends.
func TestLiveRun(t *testing.T) {
	m := &mover{moved: make(chan bool)}
	ctx, cancel := context.WithCancel(t.Context())
	ticks, ended := make(chan time.Time), make(chan struct{})
	go func() { NewLive(1, m).Run(ctx, ticks); close(ended) }()
	for range 5 {
		ticks <- time.Time{}
		<-m.moved
	}
	cancel()
	<-ended
	if m.added+m.changed != 5 {
		t.Errorf("5 ticks: %+v", m)
	}
}
