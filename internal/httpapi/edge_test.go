package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/persisted"
)

// TestHeaderBytes wants the line and the headers of a request bounded together, with a 431
// that says so, wherever the bytes are and whichever path is asked for.
func TestHeaderBytes(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Body = 100 << 10 })
	long := strings.Repeat("x", httpapi.MaxHeader)
	many := []string{}
	for i := range 300 {
		many = append(many, fmt.Sprintf("X-H%d", i), strings.Repeat("y", 50))
	}
	for name, r := range map[string]struct {
		method, target string
		header         []string
	}{
		"a header":     {"POST", "/graphql", []string{"X-Long", long}},
		"a token":      {"POST", "/graphql", []string{"Authorization", "Bearer " + long}},
		"many headers": {"POST", "/graphql", many},
		"a query":      {"GET", "/graphql?" + url.Values{"query": {"{ __typename } #" + long}}.Encode(), nil},
		"a path":       {"GET", "/" + long, nil},
		"the schema":   {"GET", "/schema.graphql?" + long, nil},
		"the page":     {"GET", "/?" + long, nil},
	} {
		w := send(h, r.method, r.target, strings.NewReader(`{"query":"{ __typename }"}`), r.header...)
		a := decode(t, w)
		if w.Code != http.StatusRequestHeaderFieldsTooLarge || len(a.Errors) != 1 || a.Errors[0].Extensions.Limit != "header" || a.Errors[0].Extensions.Allowed != httpapi.MaxHeader {
			t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
		}
	}
	if w := send(h, "POST", "/graphql", strings.NewReader(`{"query":"{ __typename }"}`), "X-Long", long[:httpapi.MaxHeader-1000]); w.Code != 200 {
		t.Errorf("within the bound: %d %s", w.Code, w.Body)
	}
}

// TestAcceptBytes wants a long Accept refused without being read: what it allocates does
// not grow with it.
func TestAcceptBytes(t *testing.T) {
	h, _ := serve(t, nil)
	ask := func(accept string) *httptest.ResponseRecorder {
		return send(h, "POST", "/graphql", strings.NewReader(`{"query":"{ __typename }"}`), "Accept", accept)
	}
	ranges := strings.Repeat("a/b;q=0.1,", 1000)
	for _, accept := range []string{ranges + plainJSON, plainJSON + "," + ranges, strings.Repeat(",", 1100)} {
		w := ask(accept)
		if a := decode(t, w); w.Code != http.StatusNotAcceptable || a.Errors[0].Extensions.Limit != "header" {
			t.Errorf("%.20s…: %d %s", accept, w.Code, w.Body)
		}
	}
	short := testing.AllocsPerRun(50, func() { ask("*/*") })
	if long := testing.AllocsPerRun(50, func() { ask(ranges) }); long > short {
		t.Errorf("a short Accept and its answer take %v allocations, a long one %v", short, long)
	}
}

// TestLogCut wants no text that clients choose longer than 200 bytes in the log, by any way
// to send it.
func TestLogCut(t *testing.T) {
	for _, long := range []string{strings.Repeat("n", 5000), strings.Repeat("é", 2500), strings.Repeat("n", 199) + "é" + strings.Repeat("n", 300)} {
		name := strings.ReplaceAll(long, "é", "e")
		document := "query " + name + " { __typename }"
		for way, request := range map[string]func(h http.Handler){
			"path":   func(h http.Handler) { send(h, "GET", "/"+url.PathEscape(long[:500]), nil) },
			"method": func(h http.Handler) { send(h, name, "/graphql", nil) },
			"POST":   func(h http.Handler) { post(h, document) },
			"GET": func(h http.Handler) {
				send(h, "GET", "/graphql?"+url.Values{"query": {document}, "operationName": {name}}.Encode(), nil)
			},
			"persisted": func(h http.Handler) {
				body, _ := json.Marshal(map[string]any{"query": document, "extensions": persistedQuery(1, persisted.Hash(document))})
				send(h, "POST", "/graphql", bytes.NewReader(body))
			},
		} {
			h, log := serve(t, func(o *httpapi.Options) { o.Body = 64 << 10 })
			request(h)
			for line := range strings.Lines(log.String()) {
				var members map[string]any
				if err := json.Unmarshal([]byte(line), &members); err != nil {
					t.Fatal(err)
				}
				for member, value := range members {
					if text, ok := value.(string); ok && (len(text) > 200+len("…") || !utf8.ValidString(text)) {
						t.Errorf("%s: %s has %d bytes", way, member, len(text))
					}
				}
			}
			if !strings.Contains(log.String(), "…") {
				t.Errorf("%s: nothing is cut: %s", way, log)
			}
		}
	}
}

// deadlineWriter notes the deadline of its answer.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (d *deadlineWriter) SetWriteDeadline(t time.Time) error {
	d.deadline = t
	return nil
}

// TestWriteDeadline wants a deadline for every answer, on whichever path.
func TestWriteDeadline(t *testing.T) {
	h, _ := serve(t, func(o *httpapi.Options) { o.Timeout, o.Unread = 10*time.Second, time.Minute })
	for _, path := range []string{"/graphql?query=%7B__typename%7D", "/schema.graphql", "/healthz", "/", "/nothing"} {
		w, began := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}, time.Now()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost"+path, nil))
		if low, high := began.Add(70*time.Second), time.Now().Add(80*time.Second); w.deadline.Before(low) || w.deadline.After(high) {
			t.Errorf("%s: the deadline is %v after the request", path, w.deadline.Sub(began))
		}
	}
}

// TestUnread wants a request ended whose client does not read the answer, also of those
// that are pipelined.
func TestUnread(t *testing.T) {
	done := make(chan int64, 10)
	h, _ := serve(t, func(o *httpapi.Options) {
		o.Tokens, o.Body, o.Timeout, o.Unread = 5000, 100<<10, time.Millisecond, time.Millisecond
	})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		_, err := io.WriteString(w, strings.Repeat("x", 64<<20)) // more than any socket holds
		if err != nil {
			done <- 1
		}
	}))
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, strings.Repeat("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 20))
	<-done
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	if len(done) > 0 {
		t.Error("pipelined requests were served on a connection that was given up")
	}
}
