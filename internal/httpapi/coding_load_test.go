package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/internal/responses"
)

// slow is a client that has not read its answer yet: it says what the gate holds meanwhile.
type slow struct {
	*httptest.ResponseRecorder
	gate *gate
	held int64
}

func (s *slow) Write(p []byte) (int, error) {
	s.held = s.gate.used
	return s.ResponseRecorder.Write(p)
}

// TestHeldEncoded wants what a client has not read yet to hold the bytes that it takes:
// those of the executor and the form that is sent. Where there is room for one of them, it
// is sent as it is.
func TestHeldEncoded(t *testing.T) {
	data := []byte(`"` + strings.Repeat("row ", 10_000) + `"`)
	const around = len(`{"data":}`)
	plain := int64(len(data) + around)
	for name, tt := range map[string]struct {
		capacity int64
		accept   string
		coding   string
	}{
		"room for both":     {2 * plain, "gzip", "gzip"},
		"room for one":      {plain, "gzip", ""},
		"room for no other": {plain, "zstd, identity;q=0", ""},
		"nothing accepted":  {2 * plain, "", ""},
	} {
		tr := transport{answers: answers{max: 2 * plain}, load: newLoad()}
		tr.load.write.resize(tt.capacity)
		w := &slow{ResponseRecorder: httptest.NewRecorder(), gate: tr.load.write}
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header.Set("Accept-Encoding", tt.accept)
		tr.write(w, r, http.StatusOK, &graphql.Response{Data: data})
		sent := int64(w.Body.Len())
		if got := w.Header().Get("Content-Encoding"); got != tt.coding || w.Code != http.StatusOK || tt.coding == "" && sent != plain {
			t.Errorf("%s: %d, %d bytes as %q, want %q", name, w.Code, sent, got, tt.coding)
		}
		least := plain
		if tt.coding != "" {
			least += sent
		}
		if w.held < least || w.held > least+plain/2 {
			t.Errorf("%s: %d bytes are held, want %d", name, w.held, least)
		}
		if tr.load.write.used != 0 {
			t.Errorf("%s: %d bytes stay held", name, tr.load.write.used)
		}
	}
}

// TestHeldKept wants a kept answer to hold what is sent of it.
func TestHeldKept(t *testing.T) {
	tr := transport{load: newLoad(), responses: newKeptAnswers(2 << 20)}
	answer := &responses.Answer{Body: []byte(`{"data":"` + strings.Repeat("row ", 10_000) + `"}`)}
	for _, accept := range []string{"", "gzip", "zstd", "gzip"} {
		w := &slow{ResponseRecorder: httptest.NewRecorder(), gate: tr.load.write}
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header.Set("Accept-Encoding", accept)
		tr.writeKept(w, r, answer)
		if sent := int64(w.Body.Len()); w.held != sent || (sent < int64(len(answer.Body))) != (accept != "") {
			t.Errorf("%q: %d bytes are held, and %d sent", accept, w.held, sent)
		}
		if tr.load.write.used != 0 {
			t.Errorf("%q: %d bytes stay held", accept, tr.load.write.used)
		}
	}
}

// TestGoneEncoded wants nothing compressed for a client that has gone.
func TestGoneEncoded(t *testing.T) {
	tr := transport{answers: answers{max: 4 << 20}, load: newLoad(), responses: newKeptAnswers(2 << 20)}
	text := `"` + strings.Repeat("row ", 10_000) + `"`
	for _, accept := range []string{"gzip", "gzip, identity;q=0"} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header.Set("Accept-Encoding", accept)
		for gone, ctx := range map[bool]context.Context{false: r.Context(), true: over()} {
			for name, write := range map[string]func(http.ResponseWriter, *http.Request){
				"made": func(w http.ResponseWriter, r *http.Request) {
					tr.write(w, r, http.StatusOK, &graphql.Response{Data: []byte(text)})
				},
				"kept": func(w http.ResponseWriter, r *http.Request) {
					tr.writeKept(w, r, &responses.Answer{Body: []byte(text)})
				},
			} {
				w := httptest.NewRecorder()
				write(w, r.WithContext(ctx))
				if coded := w.Header().Get("Content-Encoding") != ""; coded == gone {
					t.Errorf("%s, %q, gone: %v: compressed: %v", name, accept, gone, coded)
				}
			}
		}
	}
}
