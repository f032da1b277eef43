package providertest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// failing is a test that may fail; said is what it says.
type failing struct {
	testing.TB
	said     strings.Builder
	cleanups []func()
}

func (f *failing) Helper()                   {}
func (f *failing) Context() context.Context  { return context.Background() }
func (f *failing) Cleanup(c func())          { f.cleanups = append(f.cleanups, c) }
func (f *failing) Logf(s string, a ...any)   { f.Errorf(s, a...) }
func (f *failing) Errorf(s string, a ...any) { fmt.Fprintf(&f.said, s+"\n", a...) }
func (f *failing) Fatal(a ...any)            { f.Fatalf("%s", fmt.Sprint(a...)) }
func (f *failing) Fatalf(s string, a ...any) { f.Errorf(s, a...); runtime.Goexit() }

// says is what a test says until its end.
func says(test func(t testing.TB)) string {
	f := new(failing)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, c := range f.cleanups {
				c()
			}
		}()
		test(f)
	}()
	<-done
	return f.said.String()
}

var clock = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const stored = "# Recorded from the simulator\n# Operation: GET /affiliates/{id}\nGET /affiliates/7?b=2&a=1\n\n{\"id\": 7}\n\n"

// vendor makes a vendor's folder of these files and goes there.
func vendor(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "testdata"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestExchanges(t *testing.T) {
	vendor(t, map[string]string{"testdata/affiliate_get.http": stored, "testdata/affiliate_get.golden.json": "{}"})
	missing := providertest.Exchange{
		Name: "referral_get_gone", Source: "Written from documentation: https://vendor.example/docs", Operation: "GET /referrals/{id}",
		Request: "GET /referrals/1", Status: http.StatusNotFound, Body: []byte("{}\n"),
	}
	missing.Store(t)
	want := []providertest.Exchange{{
		Name: "affiliate_get", Source: "Recorded from the simulator", Operation: "GET /affiliates/{id}",
		Request: "GET /affiliates/7?b=2&a=1", Status: http.StatusOK, Body: []byte("{\"id\": 7}\n\n"),
	}, missing}
	if diff := cmp.Diff(want, providertest.Exchanges(t, ".")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBadExchanges(t *testing.T) {
	for name, tt := range map[string]struct{ file, text, want string }{
		"empty":           {"affiliate_get.http", "", "no empty line"},
		"no source":       {"affiliate_get.http", strings.Replace(stored, "Recorded from", "Heard of", 1), "where it comes from"},
		"no address":      {"affiliate_get.http", strings.Replace(stored, "Recorded from the simulator", "Written from documentation: a page", 1), "where it comes from"},
		"no operation":    {"affiliate_get.http", strings.Replace(stored, "# Operation: ", "# ", 1), "second line"},
		"no method":       {"affiliate_get.http", strings.Replace(stored, "\nGET ", "\nFETCH ", 1), "request line"},
		"no status":       {"affiliate_get.http", strings.Replace(stored, "\nGET ", "\n# Status: fine\nGET ", 1), "no status"},
		"a header":        {"affiliate_get.http", strings.Replace(stored, "\n\n{", "\nAccept: x\n\n{", 1), "request line"},
		"other operation": {"affiliate_get.http", strings.Replace(stored, "/{id}", "", 1), "no request of"},
		"longer path":     {"affiliate_get.http", strings.Replace(stored, "/7", "/7/x", 1), "no request of"},
		"other noun":      {"partner_get.http", stored, "<noun>_<action>.http"},
		"no action":       {"affiliate.http", stored, "<noun>_<action>.http"},
		"other ending":    {"affiliate_get.txt", stored, "<noun>_<action>.http"},
		"lonely golden":   {"affiliate_list.golden.json", "{}", "of no exchange"},
	} {
		t.Run(name, func(t *testing.T) {
			vendor(t, map[string]string{"testdata/coupon_list.http": strings.ReplaceAll(stored, "affiliates", "coupons"), "testdata/" + tt.file: tt.text})
			if got := says(func(t testing.TB) { providertest.Exchanges(t, ".") }); !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("it says %q; want one failure with %q", got, tt.want)
			}
		})
	}
	vendor(t, nil)
	if got := says(func(t testing.TB) { providertest.Exchanges(t, ".") }); !strings.Contains(got, "no exchanges") {
		t.Errorf("no exchanges: it says %q", got)
	}
}

func TestPlay(t *testing.T) {
	vendor(t, map[string]string{"testdata/affiliate_get.http": stored, "testdata/coupon_list.http": strings.ReplaceAll(stored, "affiliates", "coupons")})
	all := providertest.Exchanges(t, ".")
	key := http.Header{"Authorization": {"key"}}
	for name, tt := range map[string]struct {
		requests []string
		key      string
		want     string // "" for no failure
	}{
		"all, in any order": {[]string{"GET /coupons/7?a=1&b=2", "GET /affiliates/7?b=2&a=1", "GET /affiliates/7?b=2&a=1"}, "key", ""},
		"one unused":        {[]string{"GET /coupons/7?a=1&b=2"}, "key", "affiliate_get: nobody asked"},
		"no parameters":     {[]string{"GET /coupons/7"}, "key", "is not stored"},
		"one too many":      {[]string{"GET /coupons/7?a=1&b=2&c=3"}, "key", "is not stored"},
		"another method":    {[]string{"POST /coupons/7?a=1&b=2"}, "key", "is not stored"},
		"another key":       {[]string{"GET /coupons/7?a=1&b=2"}, "other", "Authorization"},
	} {
		got := says(func(t testing.TB) {
			c := providertest.Config("a", providertest.Play(t, key, all...), clock)
			for _, request := range tt.requests {
				method, target, _ := strings.Cut(request, " ")
				r, err := http.NewRequest(method, "https://vendor.test"+target, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", tt.key)
				reply, err := c.HTTP.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = reply.Body.Close()
			}
		})
		if !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%s: it says %q; want %q", name, got, tt.want)
		}
	}
}

func TestGolden(t *testing.T) {
	vendor(t, nil)
	total, path := int64(0), filepath.Join("testdata", "affiliate_list.golden.json")
	page := &providers.Page[providers.Affiliate]{Total: &total, Items: []*providers.Affiliate{{
		Node:    providers.Node{ID: providers.ID{Account: "a", Noun: providers.NounAffiliate, Local: "7"}, FetchedAt: clock, Known: providers.Only("coupons")},
		Coupons: []*providers.Coupon{},
	}}}
	const want = `{
  "Items": [
    {
      "Coupons": [],
      "ID": "Affiliate/7",
      "Known": "id, account, fetchedAt, coupons"
    }
  ],
  "Mark": 0,
  "More": false,
  "Total": 0,
  "Unread": 0
}
`
	check := func() string { return says(func(t testing.TB) { providertest.Golden(t, path, page) }) }
	if got := check(); !strings.Contains(got, "-update") {
		t.Errorf("without a file it says %q", got)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := check(); got != "" {
		t.Errorf("it says\n%s", got)
	}
	page.More = true
	if got := check(); !strings.Contains(got, "-want +got") {
		t.Errorf("where they differ it says %q", got)
	}
	page.Items[0].Note = new("my secret")
	if got := check(); !strings.Contains(got, "a secret was kept") {
		t.Errorf("with a secret it says %q", got)
	}
}

func TestOperations(t *testing.T) {
	const code, list = "package x\n\n// Get reads one.\n//\n//api:operation GET /affiliates/{id}\nfunc Get() {}\n",
		"# All of them.\n\nGET /affiliates/{id}  played\nGET /charts  no: no record\nPOST /affiliates  not yet: write\nDELETE /all  no: too much\n"
	const count = "Vendor: 4 operations: 1 played, 1 writes not yet, 2 left out with a reason\n"
	for name, tt := range map[string]struct{ file, text, want string }{
		"all is well":         {"x_test.go", "package x\n\n//api:operation GET /tests\n", `^$`},
		"not listed":          {"y.go", "package x\n\n//api:operation GET /y\n", `in the code(?s:.*)\+.*GET /y`},
		"coded twice":         {"y.go", code, `in the code(?s:.*)\+.*GET /affiliates/{id}`},
		"not coded":           {"x.go", "package x\n\nconst s = `\n//api:operation GET /affiliates/{id}\n`\n", `in the code(?s:.*)-.*GET /affiliates/{id}`},
		"not Go":              {"y.go", "func", "expected 'package'"},
		"stored, not listed":  {"testdata/coupon_list.http", strings.ReplaceAll(stored, "affiliates", "coupons"), `in exchanges(?s:.*)\+.*GET /coupons/{id}`},
		"played, not stored":  {"operations.txt", list + "GET /y  played\n", `in exchanges(?s:.*)-.*GET /y`},
		"listed twice":        {"operations.txt", list + "GET /charts  no: a chart\n", "GET /charts stands twice"},
		"a read not yet":      {"operations.txt", list + "GET /y  not yet: write\n", `GET /y cannot be`},
		"no reason":           {"operations.txt", list + "GET /y  no: \n", "is no operation and its status"},
		"no status":           {"operations.txt", list + "GET /y\n", "is no operation and its status"},
		"another status":      {"operations.txt", list + "GET /y  later\n", "is no operation and its status"},
		"aligned":             {"operations.txt", list + "GET /y     no: not in use\n", "is no operation and its status"},
		"an exchange is bad":  {"testdata/affiliate_get.http", "", "no empty line"},
		"there is no list":    {"operations.txt", "", "listed as played"},
		"a lonely golden one": {"testdata/coupon_list.golden.json", "{}", "of no exchange"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"x.go": code, "operations.txt": list, "testdata/affiliate_get.http": stored}
			files[tt.file] = tt.text
			vendor(t, files)
			got := says(func(t testing.TB) { providertest.Operations(t, "Vendor") })
			if tt.want == "^$" {
				if got != count {
					t.Errorf("it says %q; want %q", got, count)
				}
			} else if !regexp.MustCompile(tt.want).MatchString(got) {
				t.Errorf("it says\n%s\nwant %q", got, tt.want)
			}
		})
	}
}
