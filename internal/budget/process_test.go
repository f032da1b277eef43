package budget_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
)

// The budget of TestProcesses, and the variable that tells the test's own program to be a
// replica.
const (
	processLimit  = 60
	processWindow = time.Second / 2
	processRedis  = "BUDGET_TEST_REDIS"
)

// TestReplicaProcess is one replica of TestProcesses. It prints when each of its calls was let
// through.
func TestReplicaProcess(t *testing.T) {
	url := os.Getenv(processRedis)
	if url == "" {
		t.Skip("TestProcesses starts it")
	}
	to := redisclient.Target{Addresses: []redisclient.Address{redisclient.NewAddress(url)}}
	b := budget.NewRedis(budget.RedisOptions{
		Client: redistest.Open(t, to, redisclient.Cache), Account: "a", Limit: processLimit, Window: processWindow,
		Logger: quiet, Beat: 50 * time.Millisecond,
	})
	for b.Take(t.Context()) == nil {
		fmt.Println("call", time.Now().UnixMicro())
	}
}

// TestProcesses starts three processes one after another, each behind a proxy of its own,
// and cuts them off Redis at random. No rolling window holds more calls than the limit.
func TestProcesses(t *testing.T) {
	server := redistest.Start(t)
	random := rand.New(rand.NewPCG(7, 7))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls granted
	var wg sync.WaitGroup
	var proxies []*redistest.Proxy
	counted := make(chan bool)
	start := func() {
		p := redistest.StartProxy(t, server, nil)
		p.Cut(random.IntN(4) == 0)
		proxies = append(proxies, p)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestReplicaProcess$")
		cmd.Env = append(os.Environ(), processRedis+"="+p.Target().Addresses[0].Reveal())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				digits, ok := strings.CutPrefix(lines.Text(), "call ")
				at, err := strconv.ParseInt(digits, 10, 64)
				if !ok || err != nil {
					continue
				}
				calls.mu.Lock()
				calls.at = append(calls.at, time.UnixMicro(at))
				calls.mu.Unlock()
				select {
				case counted <- true:
				case <-ctx.Done():
				}
			}
			_ = cmd.Wait()
		})
	}
	// The calls themselves are the clock: something happens after so many of them.
	start()
	proxies[0].Cut(false)
	for i := range 200 {
		<-counted
		switch {
		case i == 20 || i == 50:
			start()
		case i%9 == 0:
			k := random.IntN(len(proxies))
			for j, p := range proxies {
				p.Cut(j == k && random.IntN(2) == 0 || random.IntN(5) == 0)
			}
		case i%9 == 5:
			for _, p := range proxies {
				p.Cut(false)
			}
		}
	}
	cancel()
	wg.Wait()
	if got := calls.most(processWindow); got > processLimit {
		t.Errorf("up to %d calls in a window, want at most %d", got, processLimit)
	}
}
