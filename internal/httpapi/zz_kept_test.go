package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/compress"
	"github.com/partnergraph/partnergraph/internal/responses"
)

type zzBlocked struct {
	h       http.Header
	entered chan struct{}
	release chan struct{}
}

func (b *zzBlocked) Header() http.Header { return b.h }
func (b *zzBlocked) WriteHeader(int)     {}
func (b *zzBlocked) Write(p []byte) (int, error) {
	b.entered <- struct{}{}
	<-b.release
	return len(p), nil
}

func zzHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// zzText is 4 MB that compress to about a tenth.
func zzText(seed int) []byte {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	var b bytes.Buffer
	b.WriteString(`{"data":"`)
	for b.Len() < 4_000_000 {
		fmt.Fprintf(&b, "%08x", r.Uint32())
		b.WriteString(strings.Repeat("x", 60))
	}
	b.WriteString(`"}`)
	return b.Bytes()
}

// TestZZKeptPinned has clients that do not read kept answers which the cache has dropped since.
func TestZZKeptPinned(t *testing.T) {
	tr := transport{answers: answers{max: 4 << 20}, load: newLoad(), responses: responses.New(8 << 20), partners: &partnerQuota{}}
	tr.load.write.resize(maxAnswers * 4 << 20)
	before := zzHeap()
	release := make(chan struct{})
	var wg sync.WaitGroup
	const n = 40
	for i := range n {
		var k responses.Key
		k[0], k[1] = byte(i), 1
		_, f := tr.responses.Join(t.Context(), k)
		f.Keep(&responses.Answer{Body: zzText(i)}, cache.NewRecorder())
		f.End()
		a := tr.responses.Get(k)
		if a == nil {
			tr.responses.Bytes()
			continue
		}
		w := &zzBlocked{http.Header{}, make(chan struct{}), release}
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		wg.Add(1)
		go func() { defer wg.Done(); tr.answered(r.Context(), w, r, a) }()
		<-w.entered
	}
	after := zzHeap()
	t.Logf("heap %d MB more; the gate holds %d KB, the cache %d KB", (after-before)>>20, tr.load.write.used>>10, tr.responses.Bytes()>>10)
	if held := tr.load.write.used + tr.responses.Bytes(); after-before > 2*held {
		t.Errorf("%d MB are held, and %d MB counted", (after-before)>>20, held>>20)
	}
	close(release)
	wg.Wait()
}

// TestZZKeepOvershoot fills a cache of answers from many requests at once.
func TestZZKeepOvershoot(t *testing.T) {
	c := responses.New(8 << 20)
	before := zzHeap()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	peak := int64(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				peak = max(peak, zzHeap()-before)
			}
		}
	}()
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				var k responses.Key
				k[0], k[1] = byte(g), byte(i)
				_, f := c.Join(t.Context(), k)
				f.Keep(&responses.Answer{Body: make([]byte, 2<<20)}, cache.NewRecorder())
				f.End()
			}
		})
	}
	wg.Wait()
	close(stop)
	<-done
	time.Sleep(100 * time.Millisecond)
	t.Logf("peak %d MB over a bound of 8; %d MB a moment later", peak>>20, (zzHeap()-before)>>20)
	runtime.KeepAlive(c)
	if peak > 64<<20 {
		t.Errorf("peak %d MB", peak>>20)
	}
}

// TestZZGoneEncoded wants nothing compressed for a client that has gone.
func TestZZGoneEncoded(t *testing.T) {
	tr := transport{answers: answers{max: 4 << 20}, load: newLoad()}
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil).WithContext(over())
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	tr.write(w, r, http.StatusOK, &graphql.Response{Data: []byte(`"` + strings.Repeat("row ", 100_000) + `"`)})
	if w.Header().Get("Content-Encoding") != "" {
		t.Errorf("an answer of 400 KB was compressed for nobody")
	}
}

// TestZZEncoderQueue counts how many large answers of partners are compressed before a small one of staff,
// which came later.
func TestZZEncoderQueue(t *testing.T) {
	tr := transport{answers: answers{max: 4 << 20}, load: newLoad()}
	tr.load.write.resize(maxAnswers * 4 << 20)
	as := func(subject string, role auth.Role) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		return r.WithContext(auth.WithViewer(context.Background(), &auth.Viewer{Subject: subject, Role: role}))
	}
	var mu sync.Mutex
	order := []string{}
	var wg sync.WaitGroup
	text := zzText(1)
	for i := range 48 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			tr.write(w, as(fmt.Sprint("partner ", i/2), auth.RolePartner), http.StatusOK, &graphql.Response{Data: text[8 : len(text)-1]})
			mu.Lock()
			defer mu.Unlock()
			order = append(order, fmt.Sprint(w.Code, w.Header().Get("Content-Encoding")))
		})
	}
	time.Sleep(120 * time.Millisecond)
	began := time.Now()
	w := httptest.NewRecorder()
	tr.write(w, as("staff", auth.RoleReader), http.StatusOK, &graphql.Response{Data: []byte(`"` + strings.Repeat("row ", 400) + `"`)})
	took := time.Since(began)
	mu.Lock()
	before := 0
	for _, o := range order {
		if o == "200gzip" {
			before++
		}
	}
	mu.Unlock()
	wg.Wait()
	t.Logf("%d of 48 large answers before staff's small one, which took %v: %v; GOMAXPROCS %d", before, took, order, runtime.GOMAXPROCS(0))
	_ = compress.Gzip
	if before > 8 {
		t.Errorf("%d large answers of partners were compressed before a small one of staff", before)
	}
}

// TestZZPartnerEvicts has one partner drive the answers of staff out of the cache.
func TestZZPartnerEvicts(t *testing.T) {
	for _, uses := range []int{1, 3} {
		c := responses.New(32 << 20)
		key := func(kind, i int) (k responses.Key) { k[0], k[1], k[2] = byte(kind), byte(i), byte(i>>8); return k }
		keep := func(k responses.Key, bytes int) {
			_, f := c.Join(t.Context(), k)
			if f != nil {
				f.Keep(&responses.Answer{Body: make([]byte, bytes)}, cache.NewRecorder())
				f.End()
			}
		}
		for i := range 200 {
			keep(key(1, i), 50_000)
			for range uses {
				c.Get(key(1, i))
			}
		}
		c.Bytes()
		held := func() (n int) {
			for i := range 200 {
				if c.Get(key(1, i)) != nil {
					n++
				}
			}
			return n
		}
		for i := range 30 { // a minute of one partner
			keep(key(2, i), 2<<20)
			for range 3 {
				c.Get(key(2, i))
			}
			c.Bytes()
		}
		t.Logf("uses %d: %d of 200 answers of staff are left", uses, held())
		if n := held(); n < 150 {
			t.Errorf("uses %d: %d of 200 answers of staff are left", uses, n)
		}
	}
}
