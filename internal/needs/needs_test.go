package needs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/needs"
)

// ended is a test, and how it was ended before its time.
type ended struct {
	testing.TB
	failed, skipped string
}

func (e *ended) Helper() {}

func (e *ended) Fatal(args ...any) { e.failed = args[0].(string); panic(e) }

func (e *ended) Skip(args ...any) { e.skipped = args[0].(string); panic(e) }

// run is how a test ends that does f.
func run(t *testing.T, f func(testing.TB)) *ended {
	t.Helper()
	e := &ended{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(e) {
				panic(r)
			}
		}()
		f(e)
	}()
	return e
}

// TestMissing wants a test to be skipped on a newcomer's machine, and to fail in CI.
func TestMissing(t *testing.T) {
	program := func(t testing.TB) { needs.Program(t, "no-such-program", "nor-this") }
	const want = "no-such-program or nor-this is not on the PATH: make test installs it on Debian"
	t.Setenv("CI", "")
	if got := run(t, program); got.skipped != want || got.failed != "" {
		t.Errorf("on a newcomer's machine: skipped %q, failed %q", got.skipped, got.failed)
	}
	t.Setenv("CI", "true")
	if got := run(t, program); got.failed != want || got.skipped != "" {
		t.Errorf("in CI: skipped %q, failed %q", got.skipped, got.failed)
	}
	if got := run(t, func(t testing.TB) { needs.Program(t, "no-such-program", "go") }); got.failed != "" {
		t.Errorf("go is there: %q", got.failed)
	}
}

// TestPackages wants packages installed once, and again when others are asked for. npm is
// one that notes that it was called.
func TestPackages(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(bin, "node"), "#!/bin/sh\n")
	write(filepath.Join(bin, "npm"), "#!/bin/sh\necho $1 >>calls\nmkdir -p node_modules && touch node_modules/.package-lock.json\n")
	for _, name := range []string{"package.json", "package-lock.json"} {
		write(filepath.Join(dir, name), "{}")
	}
	calls := func() string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	needs.Packages(t, dir)
	needs.Packages(t, dir)
	if got, want := calls(), "ci\n"; got != want {
		t.Errorf("npm was called %q, want %q", got, want)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "package-lock.json"), later, later); err != nil {
		t.Fatal(err)
	}
	needs.Packages(t, dir)
	if got, want := calls(), "ci\nci\n"; got != want {
		t.Errorf("after a change npm was called %q, want %q", got, want)
	}

	t.Setenv("CI", "true")
	write(filepath.Join(bin, "npm"), "#!/bin/sh\necho out of luck >&2\nexit 1\n")
	if got := run(t, func(t testing.TB) { needs.Packages(t, dir) }); got.failed != "the packages of "+dir+" cannot be installed: exit status 1\nout of luck\n" {
		t.Errorf("a failing npm: %q", got.failed)
	}
}
