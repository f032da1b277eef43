package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// seenFault is what a client sees of a call.
type seenFault struct {
	status int    // 0 where there was no header
	whole  bool   // whether the body came to its end
	long   bool   // whether it has more than 8 MiB
	is     string // what the body is: json, html, "" or other
	said   string // a member of the JSON that tells the faults apart
}

// wantedFaults are what is seen of each.
var wantedFaults = map[string]seenFault{
	"cut, not done":                        {},
	"cut, done":                            {},
	"reset, not done":                      {},
	"reset, done":                          {},
	"silent, not done":                     {},
	"silent, done":                         {},
	"500, not done":                        {status: 500, whole: true},
	"500, done":                            {status: 500, whole: true},
	"500 cut in its body, not done":        {status: 500},
	"body cut after the headers, done":     {status: 201},
	"body cut in its middle, done":         {status: 201},
	"2xx cut after the headers, not done":  {status: 200},
	"body stalls, done":                    {status: 201},
	"body drips, done":                     {status: 201},
	"body over the bound, done":            {status: 201, whole: true, long: true, is: "json", said: "2026-03-01T12:00:00Z"},
	"2xx that is no JSON, not done":        {status: 200, whole: true, is: "html"},
	"2xx that is no JSON, done":            {status: 200, whole: true, is: "html"},
	"2xx without a body, done":             {status: 200, whole: true},
	"2xx with odd fields, done":            {status: 201, whole: true, is: "json", said: zeroDate},
	"2xx without success, not done":        {status: 200, whole: true, is: "json", said: "failed"},
	"2xx without success, done":            {status: 201, whole: true, is: "json", said: "failed"},
	"challenge, not done":                  {status: 403, whole: true, is: "html"},
	"challenge, done":                      {status: 403, whole: true, is: "html"},
	"403 without a body, done":             {status: 403, whole: true},
	"404 that is null, done":               {status: 404, whole: true, is: "json"},
	"429 without a body, done":             {status: 429, whole: true},
	"499 with a message, done":             {status: 499, whole: true, is: "json"},
	"2xx of failure beside data, not done": {status: 200, whole: true, is: "json", said: "failed"},
	"202 without a body, done":             {status: 202, whole: true},
	"2xx of another API, not done":         {status: 200, whole: true, is: "json"},
	"switched, not done":                   {status: 101},
	"switched, done":                       {status: 101},
	"cut after early hints, done":          {},
	"chunked body cut, done":               {status: 201},
	"compressed body cut, done":            {status: 201},
	"2xx in UTF-16, done":                  {status: 201, whole: true, is: "other"},
	"2xx with a NUL behind it, done":       {status: 201, whole: true, is: "other"},
	"2xx with each member twice, done":     {status: 201, whole: true, is: "json", said: "2026-03-01T12:00:00Z"},
	"closed after the reply, done":         {status: 201, whole: true, is: "json", said: "2026-03-01T12:00:00Z"},
}

// TestWriteFaults wants every fault to show as its name says, on a connection that was used
// before, and the work to be done or not.
func TestWriteFaults(t *testing.T) {
	if len(wantedFaults) != len(WriteFaults) {
		t.Errorf("%d faults, and %d are described", len(WriteFaults), len(wantedFaults))
	}
	for name, fault := range WriteFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := NewKit(KitOptions{Now: time.Now})
			var works atomic.Int64
			server := httptest.NewServer(k.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				works.Add(1)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"success":true,"data":{"id":"7","created_at":"2026-03-01T12:00:00Z","note":null}}`)
			})))
			defer server.Close()
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
			if got := see(t, client, server.URL); got.status != 201 {
				t.Fatalf("before it is %+v", got)
			}
			k.Fail(fault)
			if fault.Slow() {
				client.Timeout = 2 * time.Second
			}
			if got := see(t, client, server.URL); got != wantedFaults[name] {
				t.Errorf("got %+v, want %+v", got, wantedFaults[name])
			}
			want, done := int64(2), http.StatusCreated
			if strings.HasSuffix(name, "not done") {
				want, done = 1, 0
			}
			if works.Load() != want {
				t.Errorf("the work was done %d times, want %d", works.Load(), want)
			}
			server.Close()
			k.Settled() // the log is written, also of connections that the server no longer knows
			if calls := k.Requests(); calls[len(calls)-1].Done != done {
				t.Errorf("the log says %+v, want done %d", calls[len(calls)-1], done)
			}
		})
	}
}

// TestClosedBetweenCalls wants a connection to be closed after its reply without notice: the next
// call on it never arrives, or goes out on another one.
func TestClosedBetweenCalls(t *testing.T) {
	k := NewKit(KitOptions{Now: time.Now})
	server := httptest.NewServer(k.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "{}") })))
	defer server.Close()
	k.Fail(WriteFaults["closed after the reply, done"])
	response, err := http.Post(server.URL, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Close || response.Header.Get("Connection") != "" {
		t.Errorf("the reply announces it: %v", response.Header)
	}
	k.Settled() // the reply arrives before the call is logged
	if calls := k.Requests(); len(calls) != 1 || calls[0].Status != 200 || calls[0].Done != 200 {
		t.Errorf("the log says %+v", calls)
	}
}

// see makes a call, and says what it saw.
func see(t *testing.T, client *http.Client, url string) (s seenFault) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return s
	}
	defer response.Body.Close()
	s.status = response.StatusCode
	if s.status == http.StatusSwitchingProtocols { // its body is the silent connection
		return s
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return s
	}
	s.whole, s.long = true, len(body) > 8<<20
	var record struct {
		Success *bool
		Data    struct {
			CreatedAt string `json:"created_at"`
		}
	}
	switch body = bytes.TrimSpace(body); {
	case bytes.HasPrefix(body, []byte("<!DOCTYPE html>")) && strings.HasPrefix(response.Header.Get("Content-Type"), "text/html"):
		s.is = "html"
	case json.Unmarshal(body, &record) == nil:
		s.is, s.said = "json", record.Data.CreatedAt
		if record.Success != nil && !*record.Success {
			s.said = "failed"
		}
	case len(body) > 0:
		s.is = "other"
	}
	return s
}

// TestUnsuccessful writes a failure in each vendor's envelope.
func TestUnsuccessful(t *testing.T) {
	for is, want := range map[string]string{
		`{"success":true,"data":{"id":1}}`:               `{"data":{"id":1},"success":false}`,
		`{"status":200,"message":"success","data":null}`: `{"data":null,"message":"Something went wrong","status":500}`,
		`{"id":1,"status":"completed"}`:                  `{"code":"operation_failed","message":"Something went wrong"}`,
		`[]`:                                             `{"code":"operation_failed","message":"Something went wrong"}`,
		``:                                               ``,
	} {
		if got := string(unsuccessful([]byte(is))); got != want {
			t.Errorf("%s becomes %s, want %s", is, got, want)
		}
	}
}

// TestForms writes values in the forms that depend on them.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		form string
		is   any
		want any
	}{
		{"thousands", "1075.00", "1,075.00"}, {"thousands", json.Number("-1234567"), "-1,234,567"}, {"thousands", "12.5", "12.5"},
		{"dollars", "12.00", "$12.00"}, {"noise", "59.97", json.Number("59.970000000000006")},
		{"bool_as_number", true, json.Number("1")}, {"bool_as_text", false, "false"},
		{"time_without_zone", "2026-03-01T10:00:00.5Z", "2026-03-01T10:00:00"},
		{"time_with_spaces", "2026-03-01T10:00:00+00:00", "2026-03-01 10:00:00 UTC"},
		{"date_only", "2026-03-01T10:00:00Z", "2026-03-01"},
		{"number_as_text", json.Number("12"), "12"}, {"text_as_number", "12.50", json.Number("12.50")},
	} {
		for _, f := range forms {
			if f.name == c.form && f.make(c.is) != c.want {
				t.Errorf("%v as %s is %v, want %v", c.is, c.form, f.make(c.is), c.want)
			}
		}
	}
}
