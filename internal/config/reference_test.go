package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// sentences are what documents a setting.
var sentences = regexp.MustCompile(`^[A-Za-z].*\.$`)

// TestReference requires documentation of each setting that is read: a sentence, a type,
// and what happens without it.
func TestReference(t *testing.T) {
	paths := map[string]Setting{}
	for _, s := range Reference(registry(t)) {
		if _, twice := paths[s.Path]; twice {
			t.Errorf("%s is documented twice", s.Path)
		}
		paths[s.Path] = s
		if !sentences.MatchString(s.Doc) {
			t.Errorf("%s has the documentation %q, want sentences", s.Path, s.Doc)
		}
		if s.Type == "" {
			t.Errorf("%s has no type", s.Path)
		}
		if !s.Required && s.Absent == "" && (s.Default == "" || s.Default == "0") {
			t.Errorf("%s: nothing says what happens without it", s.Path)
		}
	}
	for path, want := range map[string]Setting{
		"limits.calls": {Type: "a whole number from 1 to 100000", Default: "50", Variable: "PARTNERGRAPH_LIMITS_CALLS"},
		"cache.memory": {Type: "a size in B, KiB, MiB or GiB, from 1MiB to 1024GiB", Default: "256MiB", Variable: "PARTNERGRAPH_CACHE_MEMORY", Restart: true},
		"accounts[].timeout": {
			Type: "a duration like 90s or 1h30m, from 100ms to 1h", Default: "10s", Variable: "PARTNERGRAPH_ACCOUNTS_<ID>_TIMEOUT",
		},
		"auth.api_keys[].role": {Type: "admin, editor or reader", Required: true},
		"redis.replicas":       {Type: "a whole number from 1 to 1000", Absent: "the number that Redis has heard of", Variable: "PARTNERGRAPH_REDIS_REPLICAS", Restart: true},
		"cors.origins":         {Type: "a list; each entry: " + origin.want, Variable: "PARTNERGRAPH_CORS_ORIGINS", Required: true, Absent: mandatory},
	} {
		got := paths[path]
		want.Path, want.Doc = path, got.Doc
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
}

// TestReferenceRestart requires the settings that are marked as needing a restart to be
// those that a reload reports.
func TestReferenceRestart(t *testing.T) {
	var marked []string
	for _, s := range Reference(registry(t)) {
		if s.Restart && !slices.ContainsFunc(marked, func(m string) bool { return strings.HasPrefix(s.Path, m+".") }) {
			marked = append(marked, s.Path)
		}
	}
	slices.Sort(marked)
	other := Default()
	other.Listen, other.Redis.Timeout, other.Cache.Memory, other.Limits.Connections = ":1", time.Second, MiB, 10
	other.Admin.Listen, other.Events.Keep = ":2", time.Hour
	other.Cache.List, other.Limits.Calls, other.Playground = time.Second, 1, false // take effect with a reload
	if diff := cmp.Diff(marked, Default().NeedRestart(other)); diff != "" {
		t.Errorf("(-marked +reported)\n%s", diff)
	}
	if got := Default().NeedRestart(Default()); got != nil {
		t.Errorf("without a change: %q", got)
	}
}

const example = "../../deploy/example.yaml"

// exampleEnv has a value for each variable that the example reads.
func exampleEnv(text string) Getenv {
	vars := map[string]string{}
	for _, m := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(text, -1) {
		switch name := m[1]; {
		case strings.HasSuffix(name, "SHA256"):
			vars[name] = sum
		case strings.HasSuffix(name, "URL"):
			vars[name] = "rediss://redis.example:6379"
		default:
			vars[name] = strings.Repeat("x", 32)
		}
	}
	return environment(vars)
}

// paths lists the keys of a parsed file as Reference names them.
func paths(prefix string, node any, found map[string]bool) {
	switch n := node.(type) {
	case map[string]any:
		for key, value := range n {
			path := strings.TrimPrefix(prefix+"."+key, ".")
			found[path] = true
			paths(path, value, found)
		}
	case []any:
		for _, value := range n {
			paths(prefix+"[]", value, found)
		}
	}
}

// TestExample loads deploy/example.yaml. It must have every setting, or a comment in its
// place, and show the defaults.
func TestExample(t *testing.T) {
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := providers.NewRegistry(
		providers.Factory{Name: "promotekit", Credentials: []string{"api_key"}, Limit: 200, Window: time.Minute},
		providers.Factory{Name: "firstpromoter", Credentials: []string{"api_key", "account_id"}, Limit: 100, Window: time.Minute,
			Hooks: func(providers.HookOptions) providers.Hooks { return signedHooks{} }},
		providers.Factory{Name: "uppromote", Credentials: []string{"api_key"}, Limit: 120, Window: time.Minute},
	)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(example, exampleEnv(string(data)), reg)
	if err != nil {
		t.Fatal(err)
	}
	standard := Default()
	for name, pair := range map[string][2]any{
		"listen": {standard.Listen, got.Listen}, "redis.timeout": {standard.Redis.Timeout, got.Redis.Timeout},
		"cache": {standard.Cache, got.Cache}, "writes": {standard.Writes, got.Writes}, "limits": {standard.Limits, got.Limits},
		"playground": {standard.Playground, got.Playground}, "introspection": {standard.Introspection, got.Introspection},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s: the example is not the default (-default +example)\n%s", name, diff)
		}
	}

	var file any
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	paths("", file, found)
	for _, s := range Reference(reg) {
		commented := regexp.MustCompile(`# +` + s.Path[strings.LastIndexAny(s.Path, ".]")+1:] + `:`)
		if !found[s.Path] && !commented.Match(data) {
			t.Errorf("the example lacks %s", s.Path)
		}
	}
}
