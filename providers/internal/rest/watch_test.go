package rest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Watch is shown the reply to each attempt, whatever comes of it.
func TestWatch(t *testing.T) {
	for _, c := range []struct {
		v    *vendor
		want []string
	}{
		{always(200, `{"id": 7}`), []string{`200 {"id": 7}`}},
		{always(404, `{"code": "x"}`), []string{`404 {"code": "x"}`}},
		{always(200, "<html>"), []string{"200 <html>"}},
		{always(302, ""), []string{"302 "}},
		{&vendor{answer: func(n int, _ *http.Request) (*http.Response, error) {
			return replied(500+n, fmt.Sprint(n)), nil
		}}, []string{"501 1", "502 2", "503 3", "504 4"}},
		{&vendor{answer: func(int, *http.Request) (*http.Response, error) { return nil, http.ErrHandlerTimeout }}, nil},
	} {
		bubble(t, c.v, time.Minute, func(t *testing.T, f *fixture) {
			var got []string
			_ = f.Get(t.Context(), Request{Op: "GET /a", Path: "/a", Watch: func(status int, body []byte) {
				got = append(got, fmt.Sprintf("%d %s", status, body))
			}})
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A client with another header spends the same budget, and leaves the first one's health alone.
func TestWithHeader(t *testing.T) {
	v := &vendor{answer: func(_ int, r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") != "Bearer "+secret {
			return replied(401, "{}"), nil
		}
		return replied(200, "{}"), nil
	}}
	f := newFixture("http://vendor.test", v, nil)
	wrong := f.WithHeader("Authorization", "Bearer wrong")
	if err := wrong.Get(t.Context(), Request{Op: "GET /a", Path: "/a"}); providers.KindOf(err) != providers.KindUnauthorized {
		t.Errorf("a wrong key: %v", err)
	}
	if got := v.asked.Header.Get("Authorization"); got != "Bearer wrong" {
		t.Errorf("sent %q", got)
	}
	if err := f.read(t, "/a"); err != nil || f.Health().Status != providers.AccountOK || f.budget.taken != 2 {
		t.Errorf("the right key: %v, health %v, %d places taken", err, f.Health().Status, f.budget.taken)
	}
}
