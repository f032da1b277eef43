package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
)

var _ = bytes.MinRead

// BenchmarkRecords prints what the records of the large world take in memory: each vendor's commissions, page by page, and what their replies carried besides.
func BenchmarkRecords(b *testing.B) {
	file := vendors(b, providers.SandboxLarge)
	c := spawn(b, "records", file)
	fmt.Println(strings.TrimSpace(c.stdout.awaitFor(b, 20*time.Minute, `(?s)\n(\| .*)\ndone\n`)[1]))
	fmt.Println()
}

// recordsChild reads everything into memory as the server does.
func recordsChild() {
	ctx := context.Background()
	cfg, err := config.Load(os.Args[1], os.LookupEnv, all.Registry())
	if err != nil {
		panic(err)
	}
	memory := cache.NewMemory(int64(cfg.Cache.Memory), time.Now)
	p := &process{ctx: ctx, getenv: os.LookupEnv, stdout: os.Stdout, stderr: os.Stderr, registry: all.Registry(), now: time.Now}
	parts := &parts{process: p, log: slog.New(slog.DiscardHandler), client: &http.Client{}, store: memory, budgets: map[string]providers.Budget{}}
	_, accounts, err := parts.assemble(cfg)
	if err != nil {
		panic(err)
	}
	debug.SetGCPercent(gcPercent)
	before := look()
	walk(ctx, accounts, func(*providers.Commission) {})
	parts.client.CloseIdleConnections()
	full := look()
	debug.FreeOSMemory()
	settled := look()
	fmt.Println(before, full, settled, memory.Bytes())
	known := make([]map[providers.ID]bool, 0)
	_ = known
	fmt.Println("done")
}

// footprint is what a process takes of the machine.
type footprint struct{ resident, live int64 }

func look() footprint {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		panic(err)
	}
	return footprint{kib << 10, int64(m.HeapAlloc)}
}

// walk reads all commissions of all accounts.
func walk(ctx context.Context, accounts []providers.Provider, row func(*providers.Commission)) {
	var wg sync.WaitGroup
	for _, a := range accounts {
		wg.Go(func() {
			lists, err := a.Commissions(providers.CommissionFilter{})
			if err != nil {
				panic(err)
			}
			for _, l := range lists {
				n := 0
				start := time.Now()
				for c, err := range providers.All(ctx, l, a) {
					if err != nil {
						panic(err)
					}
					row(c)
					n++
				}
				fmt.Println(a.Account().ID.Account, l.Key, n, time.Since(start))
			}
		})
	}
	wg.Wait()
}
