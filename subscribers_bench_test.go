package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

const (
	idleStreams = 10_000
	fanStreams  = 1_000
	fanPosts    = 500 // deliveries of a webhook, each of which is two events
	fanPause    = 20 * time.Millisecond
	fanToken    = "0123456789abcdef0123456789abcdef"
)

var fanDocument = must(json.Marshal(map[string]string{
	"query": `subscription { changes { id kind noun nodeId position at node { ... on Affiliate { name status email } } } }`,
}))

// openings are what a client sends to subscribe, by the protocol; clients are bare connections, as
// many of them are in this process.
var openings = []struct {
	name  string
	texts func(host string) []string // each is sent when something was answered to the one before
	next  []byte                     // what a result begins with
}{
	{"server-sent events", func(host string) []string {
		return []string{fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", host, len(fanDocument), fanDocument)}
	}, []byte("event: next")},
	{"WebSocket", func(host string) []string {
		return []string{
			"GET /graphql HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
				"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
			frame(`{"type":"connection_init"}`), frame(`{"id":"1","type":"subscribe","payload":` + string(fanDocument) + `}`),
		}
	}, []byte(`"type":"next"`)},
}

// frame is a text message of a WebSocket. A mask of zeros changes nothing.
func frame(text string) string {
	header := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text)))
	return string(header) + "\x00\x00\x00\x00" + text
}

// BenchmarkSubscribers prints what idle subscribers take, and how long changes that a vendor's
// webhooks tell are on their way to many.
func BenchmarkSubscribers(b *testing.B) {
	settings := vendors(b, providers.SandboxSmall)
	settings = strings.Replace(settings, "    provider: promotekit\n", "    provider: promotekit\n    webhooks: { path_tokens: ["+fanToken+"] }\n", 1)
	settings = strings.Replace(settings, "limits: {", "limits: { connections: 30000, subscriptions: 20000, viewer_subscriptions: 20000,", 1)
	rows := fanRows(b, settings)
	fmt.Printf("%s, %d cores:\n\n", runtime.Version(), runtime.NumCPU())
	fmt.Printf("| %d idle subscriptions | KiB each, resident | garbage collected |\n|---|---|---|\n", idleStreams)
	for _, o := range openings {
		s := fanServer(b, settings)
		s.open(b, o.texts, fanStreams) // what is made once
		before, collected := s.resident(b)
		s.open(b, o.texts, idleStreams)
		after, held := s.resident(b)
		fmt.Printf("| %s | %.1f | %.1f |\n", o.name, float64(after-before)/idleStreams, float64(held-collected)/idleStreams)
		s.close()
	}
	fmt.Printf("\n| %d subscribers, %.0f events a second | events | lost or doubled | p50, ms | p99, ms | longest, ms | CPU, cores |\n|---|---|---|---|---|---|---|\n",
		fanStreams, 2*float64(time.Second)/float64(fanPause))
	for _, o := range openings {
		s := fanServer(b, settings)
		s.open(b, o.texts, fanStreams)
		s.fanOut(b, o.name, o.next, rows)
		s.close()
	}
	fmt.Println()
}

// fanRows are affiliates as the vendor's webhooks have them.
func fanRows(b *testing.B, settings string) (rows []json.RawMessage) {
	b.Helper()
	found := regexp.MustCompile(`provider: promotekit(?s:.*?)base_url: "?([^\s"]+)"?(?s:.*?)api_key: "(\S+)"`).FindStringSubmatch(settings)
	if found == nil {
		b.Fatalf("no address and key of the vendor in %s", settings)
	}
	r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, found[1]+"/affiliates?limit=40", nil)
	r.Header.Set("Authorization", "Bearer "+found[2])
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var list struct{ Data []json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil || len(list.Data) == 0 {
		b.Fatalf("%d %v", response.StatusCode, err)
	}
	return list.Data
}

// subscribed is the program with those who subscribe to it.
type subscribed struct {
	*server
	conns []net.Conn
}

func fanServer(b *testing.B, settings string) *subscribed {
	b.Helper()
	return &subscribed{server: serving(b, "the program", "program", "serve", "--config", write(b, settings), "--listen", "127.0.0.1:0")}
}

func (s *subscribed) close() {
	for _, c := range s.conns {
		_ = c.Close()
	}
}

// open subscribes n times.
func (s *subscribed) open(b *testing.B, texts func(host string) []string, n int) {
	b.Helper()
	answer := make([]byte, 4096)
	for range n {
		c, err := net.Dial("tcp", s.host)
		if err != nil {
			b.Fatal(err)
		}
		s.conns = append(s.conns, c)
		for i, text := range texts(s.host) {
			if i > 0 || len(s.conns)%64 == 0 {
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			}
			if _, err := c.Write([]byte(text)); err != nil {
				b.Fatal(err)
			}
			if i < 2 { // the last message of a WebSocket has no answer
				if _, err := c.Read(answer); err != nil {
					b.Fatal(err)
				}
			}
		}
		_ = c.SetReadDeadline(time.Time{})
	}
	time.Sleep(time.Second) // until the last are subscribed
}

// resident is the memory of the program in KiB, as it is and after its garbage was collected.
func (s *subscribed) resident(b *testing.B) (now, collected int) {
	b.Helper()
	read := func() int {
		return must(strconv.Atoi(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(proc(b, s.pid, "status"))[1]))
	}
	now = read()
	for range 4 { // each halves stacks that are mostly unused
		response, err := http.Get(s.allocations + "collect")
		if err != nil {
			b.Fatal(err)
		}
		_ = response.Body.Close()
	}
	return now, read()
}

// fanOut posts deliveries, and prints how long their events were on their way.
func (s *subscribed) fanOut(b *testing.B, name string, next []byte, rows []json.RawMessage) {
	b.Helper()
	const total = 2 * fanPosts
	var mu sync.Mutex
	sent := make([]time.Time, 0, fanPosts)
	var ways []time.Duration
	lost := 0
	var wg sync.WaitGroup
	for _, c := range s.conns {
		wg.Go(func() {
			mine := make([]time.Time, 0, total)
			reader := bufio.NewReaderSize(c, 64<<10)
			_ = c.SetReadDeadline(time.Now().Add(fanPosts*fanPause + 20*time.Second))
			for len(mine) < total {
				text, err := reader.ReadSlice('}')
				if err != nil && err != bufio.ErrBufferFull {
					break
				}
				if bytes.Contains(text, next) {
					mine = append(mine, time.Now())
				}
			}
			mu.Lock()
			defer mu.Unlock()
			lost += total - len(mine)
			for i, at := range mine {
				ways = append(ways, at.Sub(sent[i/2]))
			}
		})
	}
	began, spent := time.Now(), cpu(b, s.pid)
	tick := time.NewTicker(fanPause)
	defer tick.Stop()
	for i := range fanPosts {
		<-tick.C
		body := fmt.Sprintf(`{"type":"affiliate.approved","n":%d,"data":%s}`, i, rows[i%len(rows)])
		mu.Lock()
		sent = append(sent, time.Now())
		mu.Unlock()
		response, err := http.Post("http://"+s.host+"/webhooks/promotekit/"+fanToken, "application/json", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusAccepted && response.StatusCode != http.StatusNoContent {
			b.Fatal(response.Status)
		}
	}
	wg.Wait()
	took := time.Since(began)
	slices.Sort(ways)
	at := func(part float64) float64 {
		return float64(ways[int(part*float64(len(ways)-1))]) / float64(time.Millisecond)
	}
	fmt.Printf("| %s | %d | %d | %.0f | %.0f | %.0f | %.2f |\n", name, total*len(s.conns), lost, at(0.5), at(0.99), at(1),
		(cpu(b, s.pid)-spent).Seconds()/took.Seconds())
}
