package httpapi

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"

	"github.com/partnergraph/partnergraph/internal/needs"
)

//go:embed testdata/graphiql.js
var standIn string

var integrity = regexp.MustCompile(`integrity="[^"]*"`)

// standInPage serves the fallback page, with the hashes of what stands for the files of its
// CDN, and notes the keys of requests for GraphQL.
func standInPage(t *testing.T) (server *httptest.Server, keys chan string) {
	t.Helper()
	sum := sha256.Sum256([]byte(standIn))
	hash := `integrity="sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `"`
	keys = make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		page := httptest.NewRecorder()
		fallback().ServeHTTP(page, r)
		for _, name := range []string{"Content-Type", "Content-Security-Policy"} {
			w.Header().Set(name, page.Header().Get(name))
		}
		_, _ = io.WriteString(w, integrity.ReplaceAllString(page.Body.String(), hash))
	})
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":{"answered":true}}`)
	})
	server = httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server, keys
}

// TestFallbackInBrowser types a header and a query into the fallback page, in a browser that
// gets a stand-in for the files of the CDN. The query is answered with that header, and
// neither the URL nor the browser keeps anything of the two.
func TestFallbackInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it is long: it runs without -short")
	}
	chromium := needs.Program(t, "chromium", "chromium-browser", "google-chrome")
	server, keys := standInPage(t)
	ctx, free := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	t.Cleanup(free)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(event any) {
		if paused, ok := event.(*fetch.EventRequestPaused); ok {
			kind := "text/javascript"
			if strings.HasSuffix(paused.Request.URL, ".css") {
				kind = "text/css"
			}
			go func() {
				_, _ = chromedp.Call(ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
					RequestID: paused.RequestID, ResponseCode: http.StatusOK, Body: []byte(standIn),
					ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: kind}, {Name: "Access-Control-Allow-Origin", Value: "*"}},
				})
			}()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "https://*"}}}); err != nil {
		t.Fatal(err)
	}
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	evaluate := func(expression string) string {
		t.Helper()
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return text
	}
	const query, headers, button, answer = chromedp.CSS("#query"), chromedp.CSS("#headers"), chromedp.CSS("button"), chromedp.CSS("#answer")
	do(chromedp.Navigate(server.URL+"/"), chromedp.WaitVisible(headers))
	if text := evaluate(`document.querySelector('#query').value`); text != notBuilt+FirstQuery {
		t.Errorf("the page begins with %.100q", text)
	}
	do(chromedp.SendKeys(headers, `{"Authorization":"Bearer s3cret"}`), chromedp.SendKeys(query, ` # s3cret`), chromedp.Click(button), chromedp.WaitVisible(answer))
	if text := evaluate(`document.querySelector('#answer').textContent`); text != `{"data":{"answered":true}}` {
		t.Errorf("the query is answered with %s", text)
	}
	if key := <-keys; key != "Bearer s3cret" {
		t.Errorf("the query had the key %q", key)
	}
	const kept = `(async () => JSON.stringify([location.href, history.state, {...localStorage}, {...sessionStorage}, document.cookie,
		await indexedDB.databases(), await caches.keys()]))()`
	for _, when := range []string{"behind the query", "behind a reload"} {
		if got, want := evaluate(kept), `["`+server.URL+`/",null,{},{},"",[],[]]`; got != want {
			t.Errorf("%s the browser keeps %s, want %s", when, got, want)
		}
		do(chromedp.Reload(), chromedp.WaitVisible(headers))
		if text := evaluate(`document.querySelector('#headers').value + document.querySelector('#query').value`); strings.Contains(text, "s3cret") {
			t.Errorf("%s the page still has %.100q", when, text)
		}
	}
}
