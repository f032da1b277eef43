package schema_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/needs"
)

// TestReleased wants .ci/schema to name each change that breaks clients of the last
// release, unless the changelog names it under Unreleased.
func TestReleased(t *testing.T) {
	needs.Program(t, "node")
	git := needs.Program(t, "git")
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "web", "node_modules")); err != nil {
		needs.Missing(t, "the packages of web are not installed: make test installs them, with node and npm")
	}
	dir := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(name string, args ...string) {
		t.Helper()
		if out, err := run(name, args...); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	script := filepath.Join(root, ".ci", "schema")
	if err := os.Symlink(filepath.Join(root, "web"), filepath.Join(dir, "web")); err != nil {
		t.Fatal(err)
	}
	const sdl, changes = "type Query { a(b: Int, c: Int): Kind\n d: Int }\nenum Kind { E F }\n", "# Changelog\n\n## [Unreleased]\n\n%\n## [1.0.0]\n\n- **Breaking**: `Query.d` was removed.\n"
	write("schema/schema.graphqls", sdl)
	write("CHANGELOG.md", strings.Replace(changes, "%", "", 1))
	must(git, "init", "-q")
	must(git, "add", "schema")
	must(git, "commit", "-q", "-m", "first")
	broken := strings.NewReplacer("\n d: Int", "", "c: Int", "c: Int!", " F ", " G ").Replace(sdl)

	write("schema/schema.graphqls", broken)
	must("sh", script) // there is no release
	must(git, "tag", "v1.0.0")

	for _, c := range []struct {
		about, sdl, changes string
		want                []string
	}{
		{"unchanged", sdl, "", nil},
		{"more fields", strings.Replace(sdl, "d: Int", "d: Int, e: Int!", 1), "", nil},
		{"not named", broken, "", []string{"Query.d was removed.", "Query.a arg c has changed type from Int to Int!.", "F was removed from enum type Kind."}},
		{"named", broken, "- **Breaking**: `Query.d` was removed.\n- **Breaking**: Query.a arg c has changed\n  type from `Int` to `Int!`.\n" +
			"- **Breaking**: F was removed from enum type Kind. Ask for G.\n", nil},
		{"named in part", broken, "- **Breaking**: `Query.d` was removed.\n", []string{"Query.a arg c has changed type from Int to Int!.", "F was removed from enum type Kind."}},
	} {
		write("schema/schema.graphqls", c.sdl)
		write("CHANGELOG.md", strings.Replace(changes, "%", c.changes, 1))
		out, err := run("sh", script)
		if (err != nil) != (c.want != nil) || strings.Count(out, "\n- ") != len(c.want) {
			t.Errorf("%s: %v\n%s", c.about, err, out)
		}
		for _, want := range c.want {
			if !strings.Contains(out, "- **Breaking**: "+want+"\n") {
				t.Errorf("%s: %q is not named in\n%s", c.about, want, out)
			}
		}
	}
}
