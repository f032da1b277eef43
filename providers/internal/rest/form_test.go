package rest

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// TestContent wants each kind of content to be sent whole and named by its type, in every
// attempt of a read and in the one of a write.
func TestContent(t *testing.T) {
	for name, c := range map[string]struct {
		r                 Request
		contentType, body string
	}{
		"nothing":    {Request{}, "", ""},
		"JSON":       {Request{Body: map[string]string{"note": "a&b=ü +"}}, "application/json", `{"note":"a\u0026b=ü +"}`},
		"form":       {Request{Form: url.Values{"note": {"a&b=ü +"}, "id": {"1", "2"}}}, "application/x-www-form-urlencoded", "id=1&id=2&note=a%26b%3D%C3%BC+%2B"},
		"empty form": {Request{Form: url.Values{}}, "application/x-www-form-urlencoded", ""},
	} {
		c.r.Op, c.r.Path, c.r.Into = "POST /things", "/things", new(any)
		answer := func(n int, r *http.Request) (*http.Response, error) {
			body := []byte(nil)
			if r.Body != nil {
				body, _ = io.ReadAll(r.Body)
			}
			if got := r.Header.Get("Content-Type"); got != c.contentType || string(body) != c.body {
				t.Errorf("%s, attempt %d: sent %q as %q; want %q as %q", name, n, body, got, c.body, c.contentType)
			}
			return replied(503, "{}"), nil
		}
		read, write := &vendor{answer: answer}, &vendor{answer: answer}
		bubble(t, read, time.Minute, func(t *testing.T, f *fixture) {
			if err := f.Get(t.Context(), c.r); providers.KindOf(err) != providers.KindUnavailable || len(read.at) != maxAttempts {
				t.Errorf("%s: read by %d attempts: %v; want %d", name, len(read.at), err, maxAttempts)
			}
		})
		bubble(t, write, time.Minute, func(t *testing.T, f *fixture) {
			if err := f.Send(t.Context(), c.r); providers.KindOf(err) != providers.KindUnavailable || len(write.at) != 1 {
				t.Errorf("%s: written by %d attempts: %v; want 1", name, len(write.at), err)
			}
		})
	}
}

// TestPrivateForm wants a private parameter of a form not to be repeated where the vendor
// repeats it.
func TestPrivateForm(t *testing.T) {
	for _, form := range []url.Values{{"email": {"code 7&8"}}, {"email": {"first", "code 7&8"}}} {
		for _, said := range []string{"no code 7&8", "no code+7%268", "no code%207&8"} {
			f := newFixture("http://vendor.test", always(422, said), func(c *Config) {
				c.Classify = func(_ int, body []byte) *providers.Error {
					return &providers.Error{Err: providers.Cause(body), Fields: map[string][]string{"email": {string(body)}}}
				}
			})
			e := asError(t, f.Send(t.Context(), Request{Op: "POST /things", Path: "/things", Form: form, Into: new(any)}))
			if e.Err.Error() != "no …" {
				t.Errorf("the error of %q says %q", form, e.Err)
			}
		}
	}
}
