// Package needs gets tests what they need and this repository does not hold: programs, and
// packages from npm's registry. A test that cannot have it is skipped and says what is
// missing; in CI, where everything should be there, it fails.
package needs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Missing ends a test that lacks something from outside this repository, as the environment
// variable CI decides: skipped, or failed where it is true.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Program is the path of the first of these programs that is installed. Where none is, the
// test ends.
func Program(t testing.TB, names ...string) (path string) {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, strings.Join(names, " or ")+" is not on the PATH: make test installs it on Debian")
	return ""
}

// Packages installs what the package-lock.json of a folder names into its node_modules,
// from npm's registry or cache, unless it is there. No script of a package is run. Where it
// cannot be had, the test ends. Packages of one folder must not be asked for concurrently.
func Packages(t testing.TB, dir string) {
	t.Helper()
	Program(t, "node")
	npm := Program(t, "npm")
	if installed(t, dir) {
		return
	}
	install := exec.CommandContext(t.Context(), npm, "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		Missing(t, "the packages of "+dir+" cannot be installed: "+err.Error()+"\n"+string(out))
	}
}

// installed tells whether npm's own note of what it installed is there and younger than
// what was asked for. npm writes it last.
func installed(t testing.TB, dir string) bool {
	t.Helper()
	note, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err != nil {
		return false
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		asked, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if asked.ModTime().After(note.ModTime()) {
			return false
		}
	}
	return true
}
