package budget

import (
	"fmt"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// all lets all running replicas make as many calls as they may for so many beats, and
// returns their number.
func (m *model) all(beats int) (made int) {
	for range beats {
		for _, n := range m.running {
			made += m.take(n, m.limit)
		}
		m.wait(modelBeat)
	}
	return made
}

// want fails the test unless a replica makes just so many calls at once.
func (m *model) want(n *node, calls int) {
	m.t.Helper()
	if got := m.take(n, m.limit+1); got != calls {
		m.t.Errorf("%s made %d calls, want %d, after\n%v", n.name, got, calls, m.history)
	}
}

// TestCrash ends a replica without a word and starts its successor, as often as wanted. The
// successor makes calls at once if it is the only replica; otherwise the replicas go on
// with what they need not reserve for the one that ended. A window later nothing is
// reserved.
func TestCrash(t *testing.T) {
	server := redistest.Start(t)
	for _, replicas := range []int{1, 2, 3} {
		for _, kills := range []int{1, 10} {
			for _, age := range []time.Duration{0, modelBeat, 2 * modelWindow} {
				t.Run(fmt.Sprint(replicas, kills, age), func(t *testing.T) {
					m := newModel(t, server, 30, replicas)
					for range replicas {
						m.start(up)
					}
					m.wait(age)
					for range kills {
						n := m.running[replicas-1]
						if got := m.take(n, 2); replicas == 1 && got != 2 {
							t.Errorf("%s made %d calls, want 2", n.name, got)
						}
						m.end(n, false)
						m.start(up)
						if replicas > 1 {
							m.wait(2 * modelBeat)
							made := 0
							for _, n := range m.running {
								made += m.take(n, 1)
							}
							if made == 0 && kills == 1 {
								t.Errorf("no calls after the start of %s", m.running[replicas-1].name)
							}
						}
					}
					if replicas == 1 {
						m.want(m.running[0], m.limit-2*kills)
					}
					m.wait(2 * modelWindow)
					if got := m.all(3); got != m.limit {
						t.Errorf("later %d calls, want %d", got, m.limit)
					}
				})
			}
		}
	}
}

// TestCrashCutOff ends a replica that has made calls without Redis for minutes, and starts its
// successor. These calls count until they have left the window, and no longer.
func TestCrashCutOff(t *testing.T) {
	server := redistest.Start(t)
	for _, replicas := range []int{2, 3, 4} {
		for _, away := range []time.Duration{modelBeat, 3 * modelWindow} {
			for _, word := range []bool{false, true} {
				t.Run(fmt.Sprint(replicas, away, word), func(t *testing.T) {
					m := newModel(t, server, 60, replicas)
					for range replicas {
						m.start(up)
					}
					m.wait(2 * modelWindow)
					n := m.running[0]
					n.link = down
					m.wait(away)
					m.want(n, m.limit/replicas)
					m.end(n, word)
					m.start(up)
					m.all(12)
					m.wait(2 * modelWindow)
					if got := m.all(3); got != m.limit {
						t.Errorf("later %d calls, want %d", got, m.limit)
					}
				})
			}
		}
	}
}

// TestEmptyRedis has Redis lose its data after one replica has made all calls, and cuts it off or
// ends it. The others make no calls in its place before these have left the window.
func TestEmptyRedis(t *testing.T) {
	server := redistest.Start(t)
	for _, replicas := range []int{0, 2, 3} {
		for _, then := range []string{"cut off", "ended with a word", "ended", "there"} {
			t.Run(fmt.Sprint(replicas, " ", then), func(t *testing.T) {
				m := newModel(t, server, 30, replicas)
				for range max(replicas, 2) {
					m.start(up)
				}
				m.wait(2 * modelWindow)
				busy := m.running[0]
				for made := 0; made < m.limit; { // the others lend their rights
					made += m.take(busy, m.limit)
					m.wait(modelBeat)
				}
				switch then {
				case "cut off":
					busy.link = down
				case "ended", "ended with a word":
					m.end(busy, then != "ended")
				}
				m.empty()
				m.all(15)
				busy.link = up
				m.wait(2 * modelWindow)
				if got := m.all(3); got < m.limit/2 {
					t.Errorf("later %d calls, want at least %d", got, m.limit/2)
				}
			})
		}
	}
}
