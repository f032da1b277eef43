package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// simulatedVendor is a vendor's simulator, and its kit.
func simulatedVendor(f providers.Factory) (providers.Simulator, *sandbox.Kit) {
	s := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: time.Now})
	return s, s.(interface{ Kit() *sandbox.Kit }).Kit()
}

// unwired calls a handler without a network.
type unwired struct{ vendor http.Handler }

func (u unwired) RoundTrip(r *http.Request) (reply *http.Response, err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			reply, err = nil, errors.New("the connection was cut")
		} else if p != nil {
			panic(p)
		}
	}()
	asked := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), nil)
	asked.Header = r.Header.Clone()
	w := httptest.NewRecorder()
	u.vendor.ServeHTTP(w, asked)
	return w.Result(), nil
}

// probing are the vendors that leave questions open.
func probing(t *testing.T) (vendors []providers.Factory) {
	t.Helper()
	for _, f := range all.Registry().Factories() {
		s, _ := simulatedVendor(f)
		p, err := f.New(providers.Config{
			Account: "saas", Currency: s.Currency(), Credentials: s.Credentials(), Timeout: time.Second, HTTP: http.DefaultClient,
			Logger: slog.New(slog.DiscardHandler), Budget: budget.New(1, time.Minute, time.Now), Now: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.(providers.Prober); ok {
			vendors = append(vendors, f)
		}
	}
	return vendors
}

// probed is what check prints of an account at a vendor that answers by this handler.
func probed(t *testing.T, f providers.Factory, s providers.Simulator, vendor http.Handler) (text string, probe providers.Probe) {
	t.Helper()
	p, err := f.New(providers.Config{
		Account: "saas", Name: "Acme", Currency: s.Currency(), BaseURL: "http://vendor.test",
		Credentials: s.Credentials(), Timeout: 10 * time.Second, HTTP: &http.Client{Transport: unwired{vendor}},
		Logger: slog.New(slog.DiscardHandler), Budget: budget.New(100, time.Minute, time.Now), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	accounts := []providers.Provider{p}
	probes := probeAll(t.Context(), accounts)
	var out bytes.Buffer
	printProbes(&out, accounts, probes)
	return out.String(), probes[0]
}

// canaries gives each value of a vendor's replies another one, which can be recognized wherever
// it turns up. Equal values stay equal, and the vendor is asked for the values it knows.
type canaries struct {
	vendor http.Handler
	times  bool // stay as they are
	by     map[string]string
	back   map[string]string
}

var (
	canary    = regexp.MustCompile(`(?i)cnry|9\d{8}`)
	timeValue = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)
	movedText = " (moved)"
)

// of is the canary of a value.
func (c *canaries) of(kind, value string) string {
	known, ok := c.by[kind+value]
	if !ok {
		if known = fmt.Sprintf("cnry%05dx", len(c.by)); kind == "number" {
			known = fmt.Sprint(900_000_000 + len(c.by))
		}
		c.by[kind+value], c.back[known] = known, value
	}
	return known
}

// freeKeys are members that are maps with keys of a customer's.
var freeKeys = []string{"metadata", "custom_fields", "details", "meta", "payment_info"}

func (c *canaries) edit(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inside := range v {
			if v[name] = c.edit(inside); slices.Contains(freeKeys, name) {
				v[name] = map[string]any{"cnry_a": "cnryb", "cnry": map[string]any{"cnry_c": 900_000_000}}
			}
		}
		v["cnry d@cnry.example"], v["Cnry"], v["notes"] = 1, 1, map[string]any{"cnry_e": []any{map[string]any{"cnry_f": nil}}}
		return v
	case []any:
		for i := range v {
			v[i] = c.edit(v[i])
		}
	case json.Number:
		if v == "200" { // the status of an envelope
			return v
		}
		return json.Number(c.of("number", v.String()))
	case string:
		bare, moved := strings.CutSuffix(v, movedText)
		switch {
		case c.times && timeValue.MatchString(v):
			return v
		case moved:
			return c.of("text", bare) + movedText
		}
		return c.of("text", v)
	}
	return v
}

func (c *canaries) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for _, values := range q {
		for i := range values {
			if value, ok := c.back[values[i]]; ok {
				values[i] = value
			}
		}
	}
	r = r.Clone(r.Context())
	r.URL.RawQuery = q.Encode()
	rec := httptest.NewRecorder()
	c.vendor.ServeHTTP(rec, r)
	d := json.NewDecoder(rec.Body)
	d.UseNumber()
	var v any
	if d.Decode(&v) == nil {
		v = c.edit(v)
	}
	w.WriteHeader(rec.Code)
	_ = json.NewEncoder(w).Encode(v) // a recorder
}

// TestProbeShowsNoValue: whatever a vendor answers, no value of it is printed, and no key
// of a map that may be a customer's.
func TestProbeShowsNoValue(t *testing.T) {
	for _, f := range probing(t) {
		for _, times := range []bool{true, false} {
			s, kit := simulatedVendor(f)
			for _, name := range kit.Odd().Shape().Mixed {
				kit.Set(name, true)
			}
			c := &canaries{s, times, map[string]string{}, map[string]string{}}
			text, probe := probed(t, f, s, c)
			for line := range strings.Lines(text) {
				if canary.MatchString(line) || timeValue.MatchString(line) {
					t.Errorf("%s: %s", f.Name, line)
				}
			}
			judged := 0
			for _, finding := range probe.Findings {
				if finding.Answer != providers.NotAnswered {
					judged++
				}
			}
			all, hidden := len(probe.Findings), strings.Count(text, "members without names")
			if len(c.by) < 500 || hidden < 20 || judged < 3 || times && judged < all {
				t.Errorf("%s (times %t): %d canaries and %d answers of %d are too few to tell\n%s",
					f.Name, times, len(c.by), judged, all, text)
			}
		}
	}
}

// hostile are rows that are meant to break what is printed, or the program.
var hostile = map[string]func() string{
	"control characters": func() string { return `{"a\u001b[2J": 1, "a\r\nverdict: as assumed": 1, "\u202eb": 1, "\u0000": 1}` },
	"long name":          func() string { return `{"` + strings.Repeat("a", 1<<18) + `": 1}` },
	"20,000 members": func() string {
		var b strings.Builder
		b.WriteString(`{"id": 1`)
		for i := range 20_000 {
			fmt.Fprintf(&b, `, "%s": 1`, strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i)))
		}
		return b.String() + `}`
	},
	"nested 9,000 deep":  func() string { return `{"data": ` + strings.Repeat(`{"data":`, 9000) + `1` + strings.Repeat(`}`, 9001) },
	"nested 11,000 deep": func() string { return strings.Repeat(`[`, 11_000) + strings.Repeat(`]`, 11_000) },
	"long value": func() string {
		return `{"id": "` + strings.Repeat("9", 1<<18) + `", "created_at": ` + strings.Repeat("9", 1<<18) + `}`
	},
}

// TestProbeOfHostileVendor: what is printed stays short and plain, whatever the vendor sends.
func TestProbeOfHostileVendor(t *testing.T) {
	for _, f := range probing(t) {
		for name, make := range hostile {
			s, _ := simulatedVendor(f)
			body := fmt.Sprintf(`{"success": true, "status": 200, "data": [%s]}`, make())
			if f.Name == "firstpromoter" {
				body = fmt.Sprintf(`[%s]`, make())
			}
			text, probe := probed(t, f, s, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
			if len(text) > 32<<10 || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
				t.Errorf("%s, %s: %d bytes\n%.2000q", f.Name, name, len(text), text)
			}
			for _, finding := range probe.Findings {
				if finding.Answer == providers.AsAssumed {
					t.Errorf("%s, %s: %s is as assumed", f.Name, name, finding.Name)
				}
			}
		}
	}
}

// TestProbeReadsOnly: in tidy and odd worlds, and where nobody answers, a probe sends GET
// requests only, and no more than are promised.
func TestProbeReadsOnly(t *testing.T) {
	answers := map[providers.Answer]int{}
	for _, f := range probing(t) {
		for name, change := range map[string]func(*sandbox.Kit){
			"tidy":   func(*sandbox.Kit) {},
			"odd":    func(k *sandbox.Kit) { k.Odd().Mix(1, 0.05, 0) },
			"odder":  func(k *sandbox.Kit) { k.Odd().Mix(2, 0.2, 0.2) },
			"errors": func(k *sandbox.Kit) { k.SetErrorRate(1) },
			"down":   func(k *sandbox.Kit) { k.SetDown(true) },
			"silent": func(k *sandbox.Kit) {
				k.Choose(func(*http.Request) (sandbox.Fault, bool) { return sandbox.Fault{Silent: true}, true })
			},
			"stalls": func(k *sandbox.Kit) {
				k.Choose(func(*http.Request) (sandbox.Fault, bool) { return sandbox.Fault{End: sandbox.EndStall}, true })
			},
			"refused": func(k *sandbox.Kit) { k.Set(sandbox.KeyRefused, true) },
			"no plan": func(k *sandbox.Kit) { k.Set(sandbox.Payment402, true) },
		} {
			synctest.Test(t, func(t *testing.T) {
				s, kit := simulatedVendor(f)
				change(kit)
				start := time.Now()
				text, probe := probed(t, f, s, s)
				asked := kit.Requests()
				if len(asked) != probe.Calls || len(asked) == 0 || len(asked) > providers.MaxProbeCalls {
					t.Errorf("%s, %s: %d calls, of which %d are told", f.Name, name, len(asked), probe.Calls)
				}
				for _, r := range asked {
					if r.Method != http.MethodGet || r.Body != "" {
						t.Errorf("%s, %s: %s %s %s", f.Name, name, r.Method, r.Path, r.Body)
					}
				}
				if took := time.Since(start); took > time.Minute {
					t.Errorf("%s, %s: it took %v", f.Name, name, took)
				}
				for _, finding := range probe.Findings {
					answers[finding.Answer]++
					want := map[string]bool{"tidy": finding.Name == "moved-customer", "odd": true, "odder": true}
					if may, ok := want[name]; !may && (finding.Answer == providers.NotAnswered) == ok {
						t.Errorf("%s, %s: %s is %s: %s", f.Name, name, finding.Name, finding.Answer, finding.Reason)
					}
					if !strings.Contains(text, finding.Question+"\n    verdict: "+string(finding.Answer)) {
						t.Errorf("%s, %s: %q is not printed", f.Name, name, finding.Question)
					}
				}
			})
		}
	}
	if len(answers) != 3 {
		t.Errorf("the answers are %v", answers)
	}
}

// TestCheckProbe: check prints the probes after the accounts, and fails only as it does without.
func TestCheckProbe(t *testing.T) {
	good := sandboxed(t)
	base, err := url.Parse(regexp.MustCompile(`base_url: (\S+)`).FindStringSubmatch(good)[1])
	if err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]string{good: "", keyLine.ReplaceAllString(good, `${1}"refused-key"`): fmt.Sprintf("1 of %d accounts failed", len(all.Registry().Factories()))} {
		var out bytes.Buffer
		err := run(t.Context(), []string{"check", "--probe", "--config", write(t, config)}, noEnv, &out, io.Discard)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		text := out.String()
		for _, part := range []string{
			"promotekit (PromoteKit): 9 open questions, 6 of at most 12 calls made", "uppromote (UpPromote): 5 open questions",
			"    GET /commissions?affiliate_id={affiliate_id}&limit=100: status 200\n", "      data[].affiliate.email: 100 string\n",
			"    GET /referrals?limit=1 with a wrong Authorization: status 401\n",
			"    verdict: not answered: none of the customers that were read was moved\n",
		} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in\n%s", part, text)
			}
		}
		if strings.Contains(text, base.Host) || strings.Contains(text, "refused-key") || strings.Contains(text, "-key\"") {
			t.Errorf("a host or a key is in\n%s", text)
		}
		if refused := strings.Count(text, "verdict: not answered: the vendor refuses the key"); (refused == 5) != (want != "") {
			t.Errorf("%d questions are not answered as the key is refused", refused)
		}
	}
	var help bytes.Buffer
	_ = run(t.Context(), []string{"check", "--help"}, noEnv, &help, io.Discard)
	most := fmt.Sprintf("at most %d calls an account", providers.MaxProbeCalls)
	if said := strings.Join(strings.Fields(help.String()), " "); !strings.Contains(said, most) {
		t.Errorf("the help says %s", said)
	}
	if !strings.Contains(strings.ReplaceAll(strings.ToLower(read(t, "docs/operations.md")), "\n", " "), most) {
		t.Errorf("docs/operations.md does not say %q", most)
	}
}
