package stock_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

var documents = flag.Int("documents", 1500, "how many random documents both executors execute")

// TestSameAsStock generates gqlgen's own executor, and runs TestSameAnswers with it. It
// lies outside of the repository; an overlay shows it to the compiler.
func TestSameAsStock(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles gqlgen's executor")
	}
	dir := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%.4000s", cmd.Args, err, out)
		}
	}
	run("go", "run", "./graph/plugin", "-stock", dir)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for _, name := range []string{"stock.go", "fake.go"} {
		replace[filepath.Join(here, name)] = filepath.Join(dir, name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	run("go", "test", "-tags", "stock", "-overlay", file, "-run", "^TestSameAnswers$", "./graph/stock",
		"-documents", strconv.Itoa(*documents))
}
