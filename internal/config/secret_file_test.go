package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretFiles wants ${file:…} to stand for a file's text without the line break at its
// end, every other file refused, and never shown.
func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct{ name, written, want, problem string }{
		{"plain", file("a", "s3cret"), "s3cret", ""},
		{"a line break", file("b", "s3cret\n"), "s3cret", ""},
		{"a line break of Windows", file("c", "s3cret\r\n"), "s3cret", ""},
		{"not there", filepath.Join(dir, "none"), "", "expected a file that exists"},
		{"a folder", dir, "", "expected a regular file"},
		{"a device", "/dev/zero", "", "expected a regular file"},
		{"empty", file("d", "\n"), "", "expected a file that is not empty"},
		{"too long", file("e", strings.Repeat("s3cret", 20_000)), "", "expected a file of at most"},
		{"relative", "run/secret", "", "expected an absolute path"},
		{"no path", "", "", "without the name of a variable"},
	} {
		text, used, problem := expand("${file:"+tt.written+"}", environment(nil))
		if problem == "" && text != tt.want || tt.problem == "" && problem != "" || !strings.Contains(problem, tt.problem) ||
			strings.Contains(problem, "s3cret") {
			t.Errorf("%s: %q, problem %q, want %q, %q", tt.name, text, problem, tt.want, tt.problem)
		}
		if tt.problem == "" && used == "" {
			t.Errorf("%s: the file is not named as used, so that messages may show its text", tt.name)
		}
	}
}
