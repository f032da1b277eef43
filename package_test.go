package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers/all"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// found is what the pattern's group matches in the file, every time that it does.
func found(t *testing.T, path, pattern string) []string {
	t.Helper()
	var groups []string
	for _, m := range regexp.MustCompile("(?m)"+pattern).FindAllStringSubmatch(read(t, path), -1) {
		groups = append(groups, m[1])
	}
	if groups == nil {
		t.Fatalf("%s has no %s", path, pattern)
	}
	return groups
}

// TestToolchains wants the image and the archives of a release to be built by the same Go
// and the same node, and by the Go that the module is for.
func TestToolchains(t *testing.T) {
	const dockerfile, release = "Dockerfile", ".github/workflows/release.yml"
	goes := found(t, dockerfile, `^FROM .*\bgolang:(\S+) AS`)
	if got := found(t, release, `go-version: (\S+)`); !slices.Equal(got, goes) {
		t.Errorf("the release is built by Go %s, the image by %s", got, goes)
	}
	need := found(t, "go.mod", `^go (\d+\.\d+)`)[0]
	if !strings.HasPrefix(goes[0]+".", need+".") {
		t.Errorf("the image is built by Go %s, go.mod is for %s", goes[0], need)
	}
	nodes := found(t, dockerfile, `^FROM .*\bnode:(\S+) AS`)
	if got := found(t, release, `node-version: (\S+)`); !slices.Equal(got, nodes) {
		t.Errorf("the release is built by node %s, the image by %s", got, nodes)
	}
	var major int
	if _, err := fmt.Sscanf(nodes[0], "%d.", &major); err != nil {
		t.Fatal(err)
	}
	for _, least := range found(t, "web/package-lock.json", `"node": ">= ?(\d+)`) {
		var want int
		if _, err := fmt.Sscanf(least, "%d", &want); err != nil || major < want {
			t.Errorf("the playground is bundled by node %s, something in it wants %s (%v)", nodes[0], least, err)
		}
	}
}

// TestBuild wants make build to make a program that needs nothing but itself, and knows
// which it is.
func TestBuild(t *testing.T) {
	long(t)
	t.Parallel()
	needs.Program(t, "make")
	needs.Program(t, "bash")
	dir := t.TempDir()
	// With the playground as it is: a test builds nothing of it.
	build := exec.CommandContext(t.Context(), "make", "--old-file=page", "build", "VERSION=v1.2.3-test", "BIN="+dir)
	build.Env = append(os.Environ(), "MAKEFLAGS=", "GOOS=", "GOARCH=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program := filepath.Join(dir, "partnergraph")
	out, err := exec.CommandContext(t.Context(), program, "version").Output()
	if want := "partnergraph v1.2.3-test " + runtime.Version() + "\n"; err != nil || string(out) != want {
		t.Errorf("it says it is %q, want %q (%v)", out, want, err)
	}
	sources, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(read(t, program), sources+"/") {
		t.Error("it holds the path of its sources: other folders make other bytes")
	}
	if runtime.GOOS != "linux" {
		return // ELF below
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("it is not static: it has a %v", part.Type)
		}
	}
}

// composed is what compose.yaml says, as far as other files hang on it.
type composed struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
		Volumes     []string
		Ports       []string
	}
}

func readComposed(t *testing.T) (c composed) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

const deployed = "deploy/partnergraph.yaml"

// TestCompose wants the services of compose.yaml, the configuration that they mount, the
// image and the simulators to be of one mind.
func TestCompose(t *testing.T) {
	c := readComposed(t)
	// The SHA-256 of "secret".
	getenv := config.Getenv(func(name string) (string, bool) {
		value, set := c.Services["partnergraph"].Environment[name]
		if !set {
			return "", false
		}
		if !strings.HasPrefix(value, "${"+name+":?") || !strings.Contains(read(t, ".env.example"), "\n"+name+"=\n") {
			t.Errorf("%s is %q: a secret without a default that .env.example names is expected", name, value)
		}
		return "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", true
	})
	cfg, err := config.Load(deployed, getenv, all.Registry())
	if err != nil {
		t.Fatal(err)
	}
	server := c.Services["partnergraph"]
	if want := []string{"serve", "--config", "/etc/partnergraph.yaml"}; !slices.Equal(server.Command, want) || !slices.Equal(server.Volumes, []string{"./" + deployed + ":" + want[2] + ":ro"}) {
		t.Errorf("the server runs %q over %q", server.Command, server.Volumes)
	}
	port := found(t, "Dockerfile", `^EXPOSE (\d+)$`)[0]
	if cfg.Listen != "0.0.0.0:"+port || !slices.Equal(server.Ports, []string{"127.0.0.1:8080:" + port}) {
		t.Errorf("the image exposes %s, the server listens on %s, compose publishes %s", port, cfg.Listen, server.Ports)
	}

	var typed commandLine
	parser, err := kong.New(&typed, kong.Vars{"probe": probeHelp})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(c.Services["sandbox"].Command); err != nil {
		t.Fatal(err)
	}
	p := &process{registry: all.Registry(), now: time.Now}
	sims, err := p.simulate("127.0.0.1", 0, typed.Sandbox.sandboxFlags)
	if err != nil {
		t.Fatal(err)
	}
	defer sims.close()
	for i := range sims.accounts {
		sims.accounts[i].BaseURL = fmt.Sprintf("http://sandbox:%d", typed.Sandbox.Port+i)
	}
	reveal := cmp.Transformer("Reveal", func(c config.Credentials) map[string]string { return c.Reveal() })
	if diff := cmp.Diff(sims.accounts, cfg.Accounts, reveal); diff != "" || typed.Sandbox.Listen != "0.0.0.0" {
		t.Errorf("the simulators listen on %s, and %s names them otherwise (- as they are, + as it says):\n%s", typed.Sandbox.Listen, deployed, diff)
	}
}

// TestComposedRedis starts the two servers of compose.yaml by their commands, and wants
// each to be what its role in the configuration says.
func TestComposedRedis(t *testing.T) {
	c := readComposed(t)
	for role, want := range map[string]map[string]string{
		"cache":   {"maxmemory": "268435456", "maxmemory-policy": "allkeys-lru", "appendonly": "no"},
		"durable": {"maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "yes"},
	} {
		service := c.Services[role]
		if urls := found(t, deployed, `^  `+role+`: redis://([^:]+):6379\b`); !slices.Equal(urls, []string{role}) {
			t.Errorf("the configuration has the %s at %q", role, urls)
		}
		if lasting := slices.Equal(service.Volumes, []string{role + ":/data"}); lasting != (want["appendonly"] == "yes") {
			t.Errorf("the %s has the volumes %q", role, service.Volumes)
		}
		if service.Command[0] != "redis-server" {
			t.Fatalf("the %s runs %q", role, service.Command)
		}
		client := redistest.Start(t, service.Command[1:]...).Client(redisclient.Durable)
		for name, value := range want {
			if got, err := client.ConfigGet(t.Context(), name).Result(); err != nil || got[name] != value {
				t.Errorf("the %s has %s %q, want %q (%v)", role, name, got[name], value, err)
			}
		}
	}
}

// TestEachRace requires that the race detector watches each test that starts goroutines: in
// `make test` it watches the packages CONCURRENT of the Makefile, and elsewhere the tests
// AT_ONCE. Each name there is a test's.
func TestEachRace(t *testing.T) {
	// Those that are not, each with the reason.
	unwatched := map[string]string{
		"TestCachesDoNotLeak": "it takes minutes with the race detector; TestQueriesAtOnce and TestReplicas are watched",
	}
	watched := map[string]bool{}
	for _, name := range strings.Split(strings.Trim(found(t, "Makefile", `^AT_ONCE := \^\((.*)\)\$\$$`)[0], " "), "|") {
		watched[name] = false
	}
	goroutine := regexp.MustCompile(`\bwg\.Go\(|\bgo func\(`)
	began := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\) \{$`)
	for _, dir := range []string{".", "resolvers"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text := read(t, file)
			for _, m := range began.FindAllStringSubmatchIndex(text, -1) {
				name := text[m[2]:m[3]]
				body, _, _ := strings.Cut(text[m[1]:], "\n}\n")
				_, listed := watched[name]
				if listed {
					watched[name] = true
				}
				if starts := goroutine.MatchString(body); starts && !listed && unwatched[name] == "" {
					t.Errorf("%s: %s starts goroutines, and is not in AT_ONCE", file, name)
				}
			}
		}
	}
	for name, there := range watched {
		if !there {
			t.Errorf("AT_ONCE names %s, which is no test", name)
		}
	}
}

// TestPorts wants the simulators on the ports that they were told, in the registry's order.
func TestPorts(t *testing.T) {
	p := &process{registry: all.Registry(), now: time.Now}
	for attempt := range 50 { // others may take one of the ports meanwhile
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		first := l.Addr().(*net.TCPAddr).Port
		l.Close()
		sims, err := p.simulate("127.0.0.1", first, sandboxFlags{Size: "small", Seed: 1})
		if err != nil && attempt < 49 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer sims.close()
		for i, a := range sims.accounts {
			if want := fmt.Sprintf("http://127.0.0.1:%d", first+i); a.BaseURL != want {
				t.Errorf("%s is at %s, want %s", a.ID, a.BaseURL, want)
			}
		}
		break
	}
	if err := run(t.Context(), []string{"sandbox", "--port", "65536"}, noEnv, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "65536") {
		t.Errorf("an impossible port: %v", err)
	}
}

// TestRelease requires the archives of a release to have the program, the example
// configuration, and every file that their pages link to.
func TestRelease(t *testing.T) {
	long(t)
	for _, program := range []string{"sh", "tar", "gzip", "sha256sum"} {
		needs.Program(t, program)
	}
	dir := t.TempDir()
	for _, part := range []string{"docs", "deploy", ".ci"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(part)); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(pages, "LICENSE") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "bin") // what the script calls, without a build
	for name, text := range map[string]string{"git": "echo 1700000000", "make": `for a; do case $a in BIN=*) mkdir -p "${a#BIN=}"; echo x >"${a#BIN=}/partnergraph";; esac; done`} {
		if err := errors.Join(os.MkdirAll(bin, 0o700), os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", ".ci/release")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "VERSION=v1.2.3", "PATH="+bin+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const name = "partnergraph_1.2.3_linux_amd64"
	out, err := exec.CommandContext(t.Context(), "tar", "-tzf", filepath.Join(dir, "dist", name+".tar.gz")).Output()
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		held[strings.TrimPrefix(strings.TrimSpace(line), name+"/")] = true
	}
	if !held["partnergraph"] || !held["deploy/example.yaml"] || !held["docs/operations.md"] {
		t.Errorf("an archive holds %s", out)
	}
	for page := range held {
		if !strings.HasSuffix(page, ".md") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to != "" && !strings.Contains(to, "://") && !held[filepath.Join(filepath.Dir(page), to)] {
				t.Errorf("an archive has %s, and not %s, which it links to", page, to)
			}
		}
	}
}
