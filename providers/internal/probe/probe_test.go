package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// maxBytes bounds a reply here.
const maxBytes = 1 << 16

// vendor answers requests without a network, and notes them.
type vendor struct {
	answer func(r *http.Request) (*http.Response, error)
	asked  []string
	spent  int // places of the budget
	err    error
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	v.asked = append(v.asked, r.Method+" "+r.URL.RequestURI())
	return v.answer(r)
}

func (v *vendor) Take(context.Context) error { v.spent++; return v.err }
func (v *vendor) Exhausted(time.Duration)    {}
func (v *vendor) State() providers.RateLimit { return providers.RateLimit{} }

func (v *vendor) client() *rest.Client {
	return rest.New(rest.Config{
		Account: "acme", Provider: "fake", BaseURL: "http://vendor.test", Timeout: 10 * time.Second,
		Header: http.Header{"Key": {"right"}}, HTTP: &http.Client{Transport: v}, Logger: slog.New(slog.DiscardHandler),
		Budget: v, Now: time.Now, MaxBytes: maxBytes,
	})
}

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func always(status int, body string) *vendor {
	return &vendor{answer: func(*http.Request) (*http.Response, error) { return reply(status, body), nil }}
}

// rows judges that there are rows.
func rows(replies []Reply) Verdict {
	if n := len(replies[0].Rows); n != 2 {
		return Differ("%d rows, not %d", n, 2)
	}
	return Confirm()
}

func ask(v *vendor, questions ...Question) providers.Probe {
	return Run(context.Background(), v.client(), []string{"", "data"}, questions)
}

var list = Read{Path: "/list", Query: url.Values{"limit": {"100"}}}

// Equal reads are made once, and a read that takes nothing is not made.
func TestRun(t *testing.T) {
	v := always(200, `{"data": [{"id": 7}, {"id": "s3cret"}]}`)
	narrowed := list
	narrowed.Take = func(before []Reply) url.Values { return url.Values{"a[b][]": {"s3cret", before[0].Rows[1].Text("id")}} }
	none := list
	none.Take = func([]Reply) url.Values { return nil }
	three := func(replies []Reply) Verdict { return Differ("%d replies", len(replies)) }
	got := ask(v,
		Question{Name: "a", Text: "A?", Reads: []Read{list}, Judge: rows},
		Question{Name: "b", Reads: []Read{list, narrowed, none, list}, Judge: three},
	)
	want := []string{"GET /list?limit=100", "GET /list?a%5Bb%5D%5B%5D=s3cret&a%5Bb%5D%5B%5D=s3cret&limit=100"}
	if got.Calls != 2 || v.spent != 2 || !slices.Equal(v.asked, want) {
		t.Errorf("%d calls: %q", got.Calls, v.asked)
	}
	a, b := got.Findings[0], got.Findings[1]
	if a.Name != "a" || a.Question != "A?" || a.Answer != providers.AsAssumed || a.Reason != "" ||
		len(a.Reads) != 1 || len(a.Reads[0].Members) != 4 {
		t.Errorf("got %+v", a)
	}
	if b.Answer != providers.NotAsAssumed || b.Reason != "2 replies" ||
		len(b.Reads) != 2 || !b.Reads[0].Shared || b.Reads[0].Members != nil ||
		b.Reads[1].Operation != "GET /list?a[b][]={b}&a[b][]={b}&limit=100" || b.Reads[1].Shared {
		t.Errorf("got %+v", b)
	}
	if strings.Contains(fmt.Sprint(got), "s3cret") {
		t.Errorf("the probe tells a value: %v", got)
	}
}

// A read that fails leaves its questions unanswered, says why in our own words, and spends
// no more calls than are promised.
func TestFaults(t *testing.T) {
	broken := errors.New("s3cret")
	var seen []string
	for name, c := range map[string]struct {
		v    *vendor
		want string
	}{
		"401":         {always(401, `{"message": "s3cret"}`), "the vendor refuses the key (401 Unauthorized)"},
		"404":         {always(404, `{"message": "s3cret"}`), "the vendor does not have this (404 Not Found)"},
		"422":         {always(422, `{"message": "s3cret"}`), "the vendor refuses the request (422 Unprocessable Entity)"},
		"429":         {always(429, `s3cret`), "over the limit of calls (429 Too Many Requests)"},
		"500":         {always(500, `s3cret`), "no answer (500 Internal Server Error)"},
		"302":         {always(302, `s3cret`), "the reply is not the JSON that it should be (302 Found)"},
		"page":        {always(200, `<html>s3cret`), "the reply is not the JSON that it should be (200 OK)"},
		"edge":        {always(403, `<html>s3cret`), providers.ErrEdge.Error() + " (403 Forbidden)"},
		"unreachable": {&vendor{answer: func(*http.Request) (*http.Response, error) { return nil, broken }}, "no answer"},
		"cut after a 500": {&vendor{answer: func(r *http.Request) (*http.Response, error) {
			if !slices.Contains(seen, r.URL.Path) {
				seen = append(seen, r.URL.Path)
				return reply(500, `{"id": 1}`), nil
			}
			return nil, broken
		}}, "no answer"},
		"budget":    {&vendor{err: &providers.Error{Kind: providers.KindRateLimited}}, "over the limit of calls"},
		"no list":   {always(200, `{"data": {"id": "s3cret"}}`), "the reply has no list"},
		"null list": {always(200, `{"data": null}`), "the reply has no list"},
		"silent":    {&vendor{answer: untilGone}, "no answer"},
		"endless": {&vendor{answer: func(r *http.Request) (*http.Response, error) {
			got := reply(200, "")
			got.Body = io.NopCloser(endless{r.Context()})
			return got, nil
		}}, "no answer"},
		"long":   {always(200, `[`+strings.Repeat(" ", maxBytes)+`]`), "the reply is not the JSON that it should be (200 OK)"},
		"nested": {always(200, strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)), "the reply is not the JSON that it should be (200 OK)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var questions []Question
			for i := range 20 {
				read := Read{Path: fmt.Sprint("/list", i)}
				if i == 1 {
					read.Header = map[string]string{"Key": "wrong"}
				}
				questions = append(questions, Question{Reads: []Read{read}, Judge: rows})
			}
			got := ask(c.v, questions...)
			if f := got.Findings[0]; f.Answer != providers.NotAnswered || f.Reason != c.want || len(f.Reads) != 1 {
				t.Errorf("%s: got %+v, want %q", name, f, c.want)
			}
			if r := got.Findings[0].Reads[0]; r.Status == 0 && r.Members != nil || r.Status != 0 && c.want == "no answer" {
				t.Errorf("%s: the read is %+v", name, r)
			}
			for i, f := range got.Findings {
				if f.Answer != providers.NotAnswered && i != 1 {
					t.Errorf("%s: %+v", name, f)
				}
			}
			if len(c.v.asked) > providers.MaxProbeCalls || got.Calls != len(c.v.asked) {
				t.Errorf("%s: %d calls, of which %d are told", name, len(c.v.asked), got.Calls)
			}
			if time.Since(start) > maxTime {
				t.Errorf("%s: it took %v", name, time.Since(start))
			}
			if strings.Contains(fmt.Sprint(got), "s3cret") {
				t.Errorf("%s: the probe repeats the vendor's words: %v", name, got)
			}
		})
	}
}

// untilGone answers when nobody waits any more.
func untilGone(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// endless is a body that sends white space, a byte a second.
type endless struct{ ctx context.Context }

func (e endless) Read(b []byte) (int, error) {
	select {
	case <-e.ctx.Done():
		return 0, e.ctx.Err()
	case <-time.After(time.Second):
		b[0] = ' '
		return 1, nil
	}
}

// A call with wrong credentials is made by itself, and its refusal is judged.
func TestWrongCredentials(t *testing.T) {
	wrong := list
	wrong.Header = map[string]string{"Key": "wrong"}
	for status, want := range map[int]string{
		401: "as assumed ", 404: "not as assumed the status is 404, not 401", 422: "not as assumed the status is 422, not 401",
		200: "not as assumed the status is 200, not 401", 500: "not answered no answer (500 Internal Server Error)",
		429: "not answered over the limit of calls (429 Too Many Requests)",
	} {
		v := &vendor{answer: func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Key") == "wrong" {
				return reply(status, `{"message": "no"}`), nil
			}
			return reply(200, `[]`), nil
		}}
		synctest.Test(t, func(t *testing.T) {
			client := v.client()
			q := Question{Reads: []Read{list, wrong}, Judge: Refusal(http.StatusUnauthorized)}
			f := Run(t.Context(), client, nil, []Question{q}).Findings[0]
			if got := fmt.Sprint(f.Answer, " ", f.Reason); got != want {
				t.Errorf("%d: got %q, want %q", status, got, want)
			}
			if op := f.Reads[1].Operation; op != "GET /list?limit=100 with a wrong Key" || f.Reads[1].Shared || f.Reads[1].Status != status {
				t.Errorf("%d: got %+v", status, f.Reads[1])
			}
			if h := client.Health(); h.Status != providers.AccountOK {
				t.Errorf("%d: the account is %v", status, h.Status)
			}
		})
	}
}
