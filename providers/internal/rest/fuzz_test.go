package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, s := range []string{"", "0", "7", " 7 ", "-1", "+7", "1.5", "3600", "99999999999999999999", "soon", now.Add(time.Minute).Format(http.TimeFormat)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := retryAfter(s, now)
		if got < 0 || got > maxRetryAfter {
			t.Errorf("%q: %v is out of bounds", s, got)
		}
		if n, err := strconv.ParseUint(s, 10, 16); err == nil && got != min(time.Duration(n)*time.Second, maxRetryAfter) {
			t.Errorf("%q: got %v", s, got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second,
		"86400": maxRetryAfter, "99999999999999999999": maxRetryAfter,
		"Sat, 01 Mar 2025 12:00:30 GMT": 30 * time.Second, "Sat, 01 Mar 2025 11:00:00 GMT": 0, "Sun, 01 Mar 2026 12:00:00 GMT": maxRetryAfter,
	} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

// A body is decoded when it is one JSON value within the bound, and a bad reply in every
// other case.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{}`, `[1, 2]`, ` null `, `{"a":`, `{}{}`, `{}]`, `"é"`, "\xff", "", "1e999", `{"id": 1e999}`, "{}\x00", "\xef\xbb\xbf{}", "\xef\xbb\xbf\xef\xbb\xbf{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const bound = 256
		client := newFixture("http://vendor.test", always(200, string(body)), func(c *Config) { c.MaxBytes = bound })
		var raw json.RawMessage
		err := client.get(t.Context(), &raw)
		if got, want := err == nil, json.Valid(bytes.TrimPrefix(body, byteOrderMark)) && len(body) <= bound; got != want {
			t.Errorf("%q: decoded: %t, want %t (%v)", body, got, want, err)
		}
		if err != nil && providers.KindOf(err) != providers.KindBadReply {
			t.Errorf("%q: got %v, want %q", body, err, providers.KindBadReply)
		}
		err = client.get(t.Context(), &struct {
			ID *int
			At *time.Time
		}{})
		if err != nil && providers.KindOf(err) != providers.KindBadReply {
			t.Errorf("%q: got %v, want %q", body, err, providers.KindBadReply)
		}
	})
}
