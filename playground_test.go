package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/providers"
)

// tab is one in a headless Chromium, and what went wrong in it.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	opened, stopped chan struct{} // get one for each event stream; a test opens fewer than fit

	mu       sync.Mutex
	streams  map[network.RequestID]bool
	requests []string // their URLs
	problems []string // what the console shows as an error or a warning
}

// browser is one headless Chromium for all tests, and how it is closed.
var browser struct {
	once  sync.Once
	ctx   context.Context
	err   error
	close func()
}

// startBrowser starts the browser, once.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	chromium := needs.Program(t, "chromium", "chromium-browser", "google-chrome")
	browser.once.Do(func() {
		ctx, free := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox,
			chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.WindowSize(1280, 800), chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
		browser.ctx, _ = chromedp.NewContext(ctx)
		browser.close = func() { _ = chromedp.Cancel(browser.ctx); free() }
		browser.err = chromedp.Do(browser.ctx)
	})
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	return browser.ctx
}

// tests are those of this package; what they share is closed behind them.
type tests struct{ *testing.M }

func (m tests) Run() int {
	code := m.M.Run()
	if browser.close != nil {
		browser.close()
	}
	return code
}

// open shows the page of the server at base in a tab.
func open(t *testing.T, base string) *tab {
	t.Helper()
	if !playground.Built() {
		needs.Missing(t, "the playground is not built: make test builds it, with node and npm")
	}
	tab := browse(t)
	tab.base = base
	tab.do(chromedp.Navigate(base + "/"))
	return tab
}

// browse is an empty tab. It shares no storage, cookies or cache with other tabs.
func browse(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(startBrowser(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*patience)
	t.Cleanup(cancel)
	tab := &tab{t: t, ctx: ctx, opened: make(chan struct{}, 10), stopped: make(chan struct{}, 10), streams: map[network.RequestID]bool{}}
	if err := chromedp.Listen(ctx, tab.listen); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return tab
}

// listen collects what happens in the tab.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *network.EventResponseReceived:
		if e.Response.MimeType == "text/event-stream" {
			b.streams[e.RequestID] = true
			b.opened <- struct{}{}
		}
	case *network.EventLoadingFailed:
		if b.streams[e.RequestID] {
			b.stopped <- struct{}{}
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			for _, arg := range e.Args {
				b.problems = append(b.problems, fmt.Sprint(arg.Value, arg.Description))
			}
		}
	}
}

// happened is what the tab asked for and complained of so far. Nobody holds the lock while
// the browser is asked: it answers only after listen has taken the events before the
// answer.
func (b *tab) happened() (requests, problems []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests), slices.Clone(b.problems)
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// await waits until the text of what a selector finds holds want.
func (b *tab) await(selector chromedp.CSS, want string) {
	b.t.Helper()
	// Monaco separates words by no-break spaces.
	text := fmt.Sprintf(`(document.querySelector(%q)?.textContent ?? '').replaceAll('\u00a0', ' ')`, selector)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise(resolve => {
		const look = () => { if (%s.includes(%q)) { watch.disconnect(); resolve(true); } };
		const watch = new MutationObserver(look);
		watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
		look();
	})`, text, want), chromedp.EvalAwaitPromise))
	if err != nil {
		got, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](text))
		_, problems := b.happened()
		b.t.Fatalf("%s: %q does not come (%v); its text is %.500q; the console says %q", selector, want, err, got, problems)
	}
}

// focus has the editor take what is typed. A click may miss it while the page still moves.
func (b *tab) focus() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise(resolve => {
		const take = () => {
			if (document.querySelector(%q)) { resolve(true); return; }
			document.querySelector('.graphiql-query-editor :is(textarea, .native-edit-context)')?.focus();
			setTimeout(take, 50);
		};
		take();
	})`, focused), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("the editor takes no focus: %v", err)
	}
}

// awaitStream waits until an event stream was opened, or stopped by the page.
func (b *tab) awaitStream(happened <-chan struct{}) {
	b.t.Helper()
	select {
	case <-happened:
	case <-time.After(patience):
		requests, problems := b.happened()
		text := b.evaluate(fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", answer))
		b.t.Fatalf("no event stream is opened, or stopped; the answer is %.500q; the console says %q; the last requests are %q",
			text, problems, requests[max(0, len(requests)-3):])
	}
}

// evaluate is the value of a JavaScript expression that is a string.
func (b *tab) evaluate(expression string) string {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

const (
	runButton = chromedp.CSS(".graphiql-execute-button")
	editor    = chromedp.CSS(".graphiql-query-editor .view-lines")
	focused   = chromedp.CSS(".graphiql-query-editor .monaco-editor.focused")
	answer    = chromedp.CSS(".graphiql-response .view-lines")
	keyInput  = chromedp.CSS(".pg-key input")
	useKey    = chromedp.CSS(".pg-key button")
	problem   = chromedp.CSS(".pg-problem")
	viewer    = chromedp.CSS(".pg-viewer")
	cost      = chromedp.CSS(".pg-cost")
)

// example is the tab of the page that holds an example query.
func example(i int) chromedp.CSS { return chromedp.CSS(fmt.Sprintf("#graphiql-session-tab-%d", i)) }

// TestPlayground wants the page to say whose accounts it looks at, to run each example, and
// to say what that cost; and all that with nothing from elsewhere and no complaint of the
// browser's.
func TestPlayground(t *testing.T) {
	long(t)
	t.Parallel()
	s := start(t, "--listen", "127.0.0.1:0")
	b := open(t, s.stdout.await(t, `Playground +(http://\S+)/`)[1])
	for _, want := range []string{"local", "PromoteKit sandbox", "FirstPromoter sandbox", "UpPromote sandbox"} {
		b.await(viewer, want)
	}
	var costs [3]string
	for i, want := range []struct{ query, answer string }{
		{"query Walk", `"name": "Hana Rahman"`}, {"query Owed", `"period": `}, {"query Accounts", `"provider": {`},
	} {
		b.do(chromedp.Click(example(i)))
		b.await(editor, want.query)
		b.do(chromedp.Click(runButton))
		b.await(answer, want.answer)
		if text := b.evaluate(fmt.Sprintf("document.querySelector(%q).textContent", answer)); strings.Contains(text, `"errors"`) {
			t.Errorf("example %d: %s", i, text)
		}
		costs[i] = b.evaluate(fmt.Sprintf("document.querySelector(%q).textContent", cost))
	}
	if !regexp.MustCompile(`^Last query: [1-9]\d* calls to vendors, [1-9]\d* planned$`).MatchString(costs[0]) || costs[2] != "Last query: 0 calls to vendors, 0 planned" {
		t.Errorf("the examples cost %q", costs)
	}
	b.do(chromedp.Click(chromedp.CSS(`[aria-label="Show GraphiQL Explorer"]`)))
	b.await(".graphiql-plugin", "commissions")

	cookies, err := chromedp.Call(b.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil || len(cookies.Cookies) > 0 {
		t.Errorf("the browser keeps the cookies %v (%v)", cookies, err)
	}
	requests, problems := b.happened()
	host, workers := strings.TrimPrefix(b.base, "http://"), map[string]bool{"editor": false, "json": false, "graphql": false}
	for _, request := range requests {
		u, err := url.Parse(request)
		if err != nil {
			t.Fatal(err)
		}
		if u.Host != host && u.Scheme != "data" {
			t.Errorf("a request to another host: %s", request)
		}
		for name := range workers {
			workers[name] = workers[name] || strings.HasPrefix(u.Path, playground.Assets+name+"-")
		}
	}
	for name, loaded := range workers {
		if !loaded {
			t.Errorf("the worker %s was not loaded: %q", name, requests)
		}
	}
	if len(problems) > 0 {
		t.Errorf("the console says %q", problems)
	}
}

// TestPlaygroundSubscribes: one tab subscribes, another creates a commission, the first shows
// it; and it stops when its user stops it.
func TestPlaygroundSubscribes(t *testing.T) {
	long(t)
	t.Parallel()
	s := start(t, "--listen", "127.0.0.1:0")
	base := s.stdout.await(t, `Playground +(http://\S+)/`)[1]
	account := providers.ID{Account: "uppromote", Noun: providers.NounAccount}
	_, body := ask(t, base, `{ affiliates(first: 1, filter: { accounts: ["`+account.String()+`"], statuses: [ACTIVE] }) { nodes { id } } }`)
	affiliate := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(body)
	if affiliate == nil {
		t.Fatal(body)
	}
	ready := func() *tab { // what the page shows moves while it comes: no click would hit
		b := open(t, base)
		b.await(viewer, "UpPromote sandbox")
		b.await(editor, "query Walk")
		return b
	}
	first := ready()
	first.do(chromedp.Click(example(3)))
	first.await(editor, "subscription Changes")
	first.do(chromedp.Click(runButton))
	first.awaitStream(first.opened)

	second := ready()
	second.focus()
	second.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	mutation := `mutation Create { createCommission(input: { idempotencyKey: "playground", commission: { custom: { affiliate: "` + affiliate[1] +
		`", amount: { amount: "4321.09", currencyCode: "USD" } } } }) { commission { id } userErrors { message } } }`
	if _, err := chromedp.Call(second.ctx, input.InsertText, input.InsertTextParams{Text: mutation}); err != nil {
		t.Fatal(err)
	}
	second.await(editor, "mutation Create")
	second.do(chromedp.Click(runButton))
	second.await(answer, `"userErrors": []`)

	first.await(answer, `"amount": "4321.09"`)
	first.do(chromedp.Click(runButton)) // which stops it now
	first.awaitStream(first.stopped)
	for _, b := range []*tab{first, second} {
		if _, problems := b.happened(); len(problems) > 0 {
			t.Errorf("the console says %q", problems)
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestPlaygroundBehindProxy wants the page to work under a path of a proxy, which takes it
// off.
func TestPlaygroundBehindProxy(t *testing.T) {
	long(t)
	t.Parallel()
	s := start(t, "--listen", "127.0.0.1:0")
	target, err := url.Parse(s.stdout.await(t, `Playground +(http://\S+)/`)[1])
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/tools/graph", httputil.NewSingleHostReverseProxy(target)))
	defer proxy.Close()
	b := open(t, proxy.URL+"/tools/graph")
	b.await(viewer, "PromoteKit sandbox")
	b.await(editor, "query Walk")
	b.do(chromedp.Click(runButton))
	b.await(answer, `"name": "Hana Rahman"`)
	requests, problems := b.happened()
	for _, request := range requests {
		if !strings.HasPrefix(request, proxy.URL+"/tools/graph/") && !strings.HasPrefix(request, "data:") {
			t.Errorf("a request beside the path: %s", request)
		}
	}
	if len(problems) > 0 {
		t.Errorf("the console says %q", problems)
	}
}

// TestPlaygroundKey wants the page to ask for a key where one is needed, to say when it is
// wrong, and to keep it for the session only.
func TestPlaygroundKey(t *testing.T) {
	long(t)
	t.Parallel()
	// The SHA-256 of "secret".
	auth := "auth:\n  api_keys:\n    - { name: dashboard, sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b, role: reader, accounts: [uppromote] }\n"
	s := start(t, "serve", "--config", write(t, sandboxed(t)+auth), "--listen", "127.0.0.1:0")
	b := open(t, s.stdout.await(t, `Playground +(http://\S+)/`)[1])
	b.await(problem, "wants an API key (401)")
	enter := func(key string) {
		b.do(chromedp.WaitVisible(keyInput), chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).select()", keyInput)),
			chromedp.KeyEvent(key), chromedp.Click(useKey))
	}
	enter("guess")
	b.await(problem, "The API key was refused (401): the API key is not known here")
	b.await(editor, "query Walk")
	b.do(chromedp.Click(runButton))
	b.await(answer, "UNAUTHENTICATED")

	enter("secret")
	b.await(viewer, "dashboard seesUpPromote sandbox")
	b.do(chromedp.WaitNotPresent(problem), chromedp.Click(runButton))
	b.await(answer, `"name": "Hana Rahman"`)
	b.do(chromedp.Reload())
	b.await(viewer, "dashboard")
	if got := b.evaluate("sessionStorage.getItem('partnergraph:key')"); got != "secret" {
		t.Errorf("the session keeps %q", got)
	}
	if kept := b.evaluate("JSON.stringify(localStorage) + document.cookie + location.href"); strings.Contains(kept, "secret") {
		t.Errorf("the key is kept beyond the session: %s", kept)
	}
}
