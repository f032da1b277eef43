package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/telemetry"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
)

// The benchmarks of this package print tables for docs/benchmarks.md (`make bench`). What
// they measure runs in processes of its own: this binary, started again.

// childVariable is the environment variable that makes this binary one of the children.
const childVariable = "PG_TEST_CHILD"

var children = map[string]func(){"program": main, "vendors": vendorsChild, "records": recordsChild,
	"measured program": measured(main), "measured plain": measured(plainChild), "measured redis": measured(redisChild)}

// child is a process that was started.
type child struct {
	pid    int
	stdout *output
}

// spawn starts a child. It ends with the benchmark. Its log goes to a file.
func spawn(b *testing.B, name string, args ...string) *child {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	log, err := os.CreateTemp(b.TempDir(), name)
	if err != nil {
		b.Fatal(err)
	}
	c := &child{stdout: newOutput()}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stdout, cmd.Stderr = c.stdout, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a benchmark that is killed leaves nobody behind
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c.pid = cmd.Process.Pid
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); b.Failed() && err == nil {
			b.Logf("%s: %.2000s", name, text)
		}
	})
	return c
}

// proc reads a file about a process from where Linux has them.
func proc(tb testing.TB, pid int, name string) string {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		tb.Skip("only Linux tells what a process takes: ", err)
	}
	return string(text)
}

// cpu is how much time processors have spent on a process so far.
func cpu(tb testing.TB, pid int) (spent time.Duration) {
	tb.Helper()
	stat := proc(tb, pid, "stat")
	// proc_pid_stat(5): behind the name, which may hold anything, user and system time are
	// the 12th and 13th field, in hundredths of a second.
	for _, field := range strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		spent += time.Duration(ticks) * time.Second / 100
	}
	return spent
}

// childProcess is a child, by a clock.
func childProcess(now func() time.Time) *process {
	return &process{ctx: context.Background(), getenv: os.LookupEnv, stdout: os.Stdout, stderr: os.Stderr, registry: all.Registry(), now: now}
}

// childParts are what the program makes of the configuration that the first argument names,
// but for the store of the cache.
func childParts() (*parts, *config.Config) {
	debug.SetGCPercent(gcPercent)
	p := childProcess(time.Now)
	cfg := must(config.Load(os.Args[1], p.getenv, p.registry))
	redis := must(connect(cfg.Redis))
	return newParts(p, p.logger(nil), &http.Client{}, redis, nil, telemetry.New("bench"), cfg), cfg
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// vendorsChild runs the simulators by a clock on which a second passes whenever one looks,
// so that rate limits stop nobody.
func vendorsChild() {
	began, looks := time.Now(), atomic.Int64{}
	now := func() time.Time { return began.Add(time.Duration(looks.Add(1)) * time.Second) }
	if err := (sandboxCommand{sandboxFlags: sandboxFlags{Size: os.Args[1], Seed: 1}, Listen: "127.0.0.1"}).Run(childProcess(now)); err != nil {
		panic(err)
	}
}

// vendors starts the simulators and answers a configuration of them, by which nothing goes
// stale while it is measured and no limit is in the way.
func vendors(b *testing.B, size providers.SandboxSize) (settings string) {
	b.Helper()
	v := spawn(b, "vendors", string(size))
	v.stdout.await(b, `provider: uppromote(?s:.)*credentials:\n +api_key: "\S+"\n`)
	_, accounts, _ := strings.Cut(v.stdout.String(), "\naccounts:\n")
	accounts = strings.ReplaceAll(accounts, "    credentials:\n", "    rate_limit: { requests: 1000000, per: 1m }\n    credentials:\n")
	return "accounts:\n" + accounts + `
cache: { affiliate: 24h, membership: 24h, campaign: 24h, referral: 24h, commission: 24h, payout: 24h, coupon: 24h, list: 24h, memory: 16GiB }
limits: { calls: 10000, partner: 1000000 }
`
}
