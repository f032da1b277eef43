package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/partnergraph/partnergraph/providers/all"
)

// citation is a test as a page names one, with its folder where that is not this one.
var citation = regexp.MustCompile("`(?:([a-z/]+)\\.)?((?:Test|Fuzz)[A-Z]\\w*)`")

// citations are the tests that a page names. Each has to be there.
func citations(t *testing.T, page string) [][]string {
	t.Helper()
	sources := map[string]string{} // of tests, by folder
	tests := func(dir string) string {
		if _, ok := sources[dir]; !ok {
			files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				sources[dir] += read(t, f)
			}
		}
		return sources[dir]
	}
	cited := citation.FindAllStringSubmatch(read(t, page), -1)
	for _, m := range cited {
		if declared := fmt.Sprintf("\nfunc %s(%c *testing.%c)", m[2], m[2][0]+'a'-'A', m[2][0]); !strings.Contains(tests(m[1]), declared) {
			t.Errorf("%s names %s, which is not there", page, m[0])
		}
	}
	return cited
}

// TestDocsDraft wants each row of docs/http.md to name a test that is there.
func TestDocsDraft(t *testing.T) {
	rows := 0
	for row := range strings.Lines(read(t, "docs/http.md")) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| the draft says ") {
			continue
		}
		rows++
		if !citation.MatchString(row) {
			t.Errorf("nothing shows %s", row)
		}
	}
	if cited := citations(t, "docs/http.md"); rows < 30 || len(cited) < rows {
		t.Errorf("%d rows with %d tests are not all", rows, len(cited))
	}
}

// TestSecurity wants every row of the lists of docs/security.md to name a test or to say what
// is not done, and the first list to be whole.
func TestSecurity(t *testing.T) {
	text, cited := read(t, "docs/security.md"), citations(t, "docs/security.md")
	_, lists, _ := strings.Cut(text, "## OWASP")
	lists = regexp.MustCompile(`(?m)^\| .*\n\|---`).ReplaceAllString(lists, "|---") // without the heads of tables
	var risks []string
	for row := range strings.Lines(lists) {
		cells := strings.Split(strings.TrimSpace(row), " | ")
		if !strings.HasPrefix(row, "| ") {
			continue
		}
		if !strings.Contains(row, "**Not done**") && !citation.MatchString(cells[len(cells)-1]) {
			t.Errorf("nothing shows %s", row)
		}
		if m := regexp.MustCompile(`^\| (API\d+) `).FindStringSubmatch(row); m != nil {
			risks = append(risks, m[1])
		}
	}
	if want := strings.Fields("API1 API2 API3 API4 API5 API6 API7 API8 API9 API10"); !slices.Equal(risks, want) {
		t.Errorf("the first list has %q, want %q", risks, want)
	}
	if len(cited) < 50 || strings.Count(lists, "\n| ") < 30 {
		t.Errorf("%d citations in %d rows are not all", len(cited), strings.Count(lists, "\n| "))
	}
}

// TestUntrustedVendor wants a vendor whose certificate nobody vouches for to be told
// nothing, the account's key least of all.
func TestUntrustedVendor(t *testing.T) {
	t.Parallel()
	var asked atomic.Bool
	impostor := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	impostor.Config.ErrorLog = log.New(io.Discard, "", 0)
	impostor.StartTLS()
	t.Cleanup(impostor.Close)
	accounts := regexp.MustCompile(`base_url: http://\S+`).ReplaceAllString(sandboxed(t), "base_url: "+impostor.URL+"\n    timeout: 1m")
	out := newOutput()
	err := run(t.Context(), []string{"check", "--config", write(t, accounts)}, noEnv, out, io.Discard)
	n := len(all.Registry().Factories())
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%[1]d of %[1]d accounts failed", n)) || strings.Count(out.String(), "failed to verify certificate") != n || asked.Load() {
		t.Errorf("%v (asked: %t)\n%s", err, asked.Load(), out)
	}
}
