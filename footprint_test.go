package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
)

// BenchmarkRecords prints what the records of the large world take in a process' memory:
// every commission of every vendor, and what the replies carried besides.
func BenchmarkRecords(b *testing.B) {
	c := spawn(b, "records", write(b, vendors(b, providers.SandboxLarge)))
	fmt.Print(c.stdout.awaitFor(b, 20*time.Minute, `(?s)^(.*\n)end\n`)[1])
}

// recordsChild reads everything as the server does: the same client, the same cache, the
// same collection of garbage.
func recordsChild() {
	parts, cfg := childParts()
	ctx, memory := parts.ctx, cache.NewMemory(int64(cfg.Cache.Memory), parts.now)
	parts.store = memory
	_, accounts, err := parts.assemble(cfg)
	if err != nil {
		panic(err)
	}

	before := settle()
	var read atomic.Int64
	var wg sync.WaitGroup
	for _, a := range accounts {
		wg.Go(func() { walk(ctx, a, func(*providers.Commission) { read.Add(1) }) })
	}
	wg.Wait()
	running := resident()
	after := settle()
	estimate := memory.Bytes()

	kept := map[providers.Noun]int64{}
	for _, a := range accounts {
		count(ctx, a, kept)
	}
	if n := kept[providers.NounCommission]; n != read.Load() {
		panic(fmt.Sprintf("of %d commissions, memory kept %d", read.Load(), n))
	}
	var records int64
	var nouns []string
	for _, noun := range slices.Sorted(maps.Keys(kept)) {
		records += kept[noun]
		nouns = append(nouns, fmt.Sprintf("%s %d", noun, kept[noun]))
	}
	fmt.Printf("%d records (%s), and the pages that they stand on:\n\n", records, strings.Join(nouns, ", "))
	fmt.Print("| | MiB | bytes a record |\n|---|---|---|\n")
	for _, row := range []struct {
		name  string
		bytes int64
	}{
		{"resident before", before.resident},
		{"resident after, in the midst of work", running},
		{"resident after, garbage collected", after.resident},
		{"what the heap holds more than before", after.live - before.live},
		{"what the cache thinks it holds (`cache.memory`)", estimate},
	} {
		fmt.Printf("| %s | %d | %d |\n", row.name, row.bytes>>20, row.bytes/records)
	}
	fmt.Println("end")
}

// footprint is what a process takes, in bytes.
type footprint struct{ resident, live int64 }

// settle collects the garbage, and gives back what is free.
func settle() footprint {
	debug.FreeOSMemory()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return footprint{resident(), int64(live[0].Value.Uint64())}
}

// resident is how much of the machine's memory this process takes.
func resident() int64 {
	_, rest, _ := strings.Cut(string(must(os.ReadFile("/proc/self/status"))), "VmRSS:")
	return must(strconv.ParseInt(strings.Fields(rest)[0], 10, 64)) << 10
}

// walk reads all commissions of an account.
func walk(ctx context.Context, account providers.Provider, row func(*providers.Commission)) {
	for _, l := range must(account.Commissions(providers.CommissionFilter{})) {
		for c, err := range providers.All(ctx, l, account) {
			row(must(c, err))
		}
	}
}

// count counts by noun the records that an account's commissions name and that are kept.
func count(ctx context.Context, account providers.Provider, kept map[providers.Noun]int64) {
	memory, seen := account.(*cache.Cache), map[providers.ID]bool{}
	walk(ctx, account, func(c *providers.Commission) {
		for _, id := range []providers.ID{c.ID, c.AffiliateID, c.CampaignID, c.ReferralID, c.PayoutID} {
			if !id.IsZero() && !seen[id] && memory.HasRecord(context.Background(), id, "id") {
				seen[id] = true
				kept[id.Noun]++
			}
		}
	})
}
