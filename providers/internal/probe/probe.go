// Package probe answers a vendor's open questions from a live account.
//
// A vendor's folder declares its questions as data: what is asked, the reads that settle
// it, and a function that judges the replies. [Run] makes the reads through the account's
// own client, so that its budget, gates and timeout hold, and answers what was found
// without any value of a reply. The compiler sees to that for verdicts: their text is a
// constant of the code, and only whole numbers are put into it. Those have to be counts.
package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/rest"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// maxTime bounds all reads of one account together.
const maxTime = time.Minute

// Question is something that the program assumes about a vendor's API and that no document says.
type Question struct {
	Name string
	Text string // in plain English, answered by yes if it is as assumed
	// Reads are made in their order. Equal reads of several questions are made once.
	Reads []Read
	// Judge compares the replies to what is assumed. There are fewer replies than reads if a Take
	// found nothing. It depends on the replies alone.
	Judge func(replies []Reply) Verdict
}

// Read is a GET request.
type Read struct {
	Path  string
	Query url.Values // sent and shown as it is
	// Take, if there is one, makes more parameters from the replies before. Their values are not
	// shown. The read, and those after it, are left out if there are none.
	Take func(before []Reply) url.Values
	// Header is sent in place of the account's own credentials, and the vendor is expected to
	// refuse the call: Judge is given the refusal.
	Header map[string]string
}

// Reply is what a read was answered.
type Reply struct {
	Status int
	Rows   []Row
	Sent   int // elements of the list, those that are no objects among them
}

// words is a text of the code. Other packages cannot convert a value of a reply to it.
type words string

// Verdict is the answer to a question.
type Verdict struct {
	answer providers.Answer
	reason string
}

// Confirm says that it is as assumed.
func Confirm() Verdict { return Verdict{providers.AsAssumed, ""} }

// Differ says what is not as assumed. what has a %d for each count.
func Differ(what words, counts ...int) Verdict {
	numbers := make([]any, len(counts))
	for i, n := range counts {
		numbers[i] = n
	}
	return Verdict{providers.NotAsAssumed, fmt.Sprintf(string(what), numbers...)}
}

// Leave says why the replies do not answer the question.
func Leave(why words) Verdict { return Verdict{providers.NotAnswered, string(why)} }

// Run asks the questions. records are the places in replies whose members may be named; see
// [wire.Shape].
func Run(ctx context.Context, client *rest.Client, records []string, questions []Question) providers.Probe {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	var trace providers.Trace
	ctx = providers.WithTrace(providers.WithLimits(ctx, providers.MaxProbeCalls, 0), &trace)
	r := &run{client: client, records: records, made: map[string]*outcome{}}
	var found providers.Probe
	for _, q := range questions {
		found.Findings = append(found.Findings, r.ask(ctx, q))
	}
	found.Calls = trace.Spent()
	return found
}

// run is one probe of one account.
type run struct {
	client  *rest.Client
	records []string
	made    map[string]*outcome // by request
}

// outcome is what became of a read.
type outcome struct {
	shown providers.ProbeRead
	reply Reply
	fault string // why it says nothing; "" for none
}

func (r *run) ask(ctx context.Context, q Question) providers.Finding {
	f := providers.Finding{Name: q.Name, Question: q.Text}
	var replies []Reply
	for _, read := range q.Reads {
		query := maps.Clone(read.Query)
		if read.Take != nil {
			taken := read.Take(replies)
			if len(taken) == 0 {
				break
			}
			if query == nil {
				query = url.Values{}
			}
			maps.Copy(query, taken)
		}
		got := r.read(ctx, read, query)
		f.Reads = append(f.Reads, got.shown)
		if got.fault != "" {
			f.Answer, f.Reason = providers.NotAnswered, got.fault
			return f
		}
		replies = append(replies, got.reply)
	}
	v := q.Judge(replies)
	f.Answer, f.Reason = v.answer, v.reason
	return f
}

// read makes a read, or repeats what became of it before.
func (r *run) read(ctx context.Context, read Read, query url.Values) outcome {
	key := fmt.Sprint(read.Path, "?", query.Encode(), read.Header)
	if before := r.made[key]; before != nil {
		again := *before
		again.shown.Shared, again.shown.Members = true, nil
		return again
	}
	client := r.client
	for name, value := range read.Header {
		client = client.WithHeader(name, value)
	}
	var status int
	var body []byte
	err := client.Get(ctx, rest.Request{
		Op: "GET " + read.Path, Path: read.Path, Query: query,
		Watch: func(code int, b []byte) { status, body = code, b },
	})
	if e := (*providers.Error)(nil); errors.As(err, &e) && e.Status == 0 {
		status, body = 0, nil // of an attempt before
	}
	got := &outcome{shown: providers.ProbeRead{Operation: shown(read, query), Status: status}}
	got.shown.Members, _ = wire.Shape(body, r.records)
	list := false
	got.reply, list = replyOf(status, body)
	switch {
	case err != nil && !(read.Header != nil && refused(err)):
		got.fault = fault(err)
	case err == nil && read.Header == nil && !list:
		got.fault = "the reply has no list"
	}
	r.made[key] = got
	return *got
}

// shown is a request without the values that came from replies.
func shown(read Read, query url.Values) string {
	var parameters []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for i := range query[name] {
			value := "{" + strings.Trim(name[strings.LastIndex(strings.TrimSuffix(name, "[]"), "[")+1:], "[]") + "}"
			if i < len(read.Query[name]) {
				value = read.Query[name][i]
			}
			parameters = append(parameters, name+"="+value)
		}
	}
	s := "GET " + read.Path
	if len(parameters) > 0 {
		s += "?" + strings.Join(parameters, "&")
	}
	if len(read.Header) > 0 {
		s += " with a wrong " + strings.Join(slices.Sorted(maps.Keys(read.Header)), ", ")
	}
	return s
}

// refused says whether the vendor's API refused a call, by a status that is not about load.
func refused(err error) bool {
	switch providers.KindOf(err) {
	case providers.KindUnauthorized, providers.KindNotFound, providers.KindInvalid, providers.KindConflict:
		var e *providers.Error
		return errors.As(err, &e) && e.Status >= 400
	}
	return false
}

// faults are why a read says nothing, by the kind of its error. What the vendor said is left out.
var faults = map[providers.Kind]string{
	providers.KindUnauthorized: "the vendor refuses the key",
	providers.KindNotFound:     "the vendor does not have this",
	providers.KindInvalid:      "the vendor refuses the request",
	providers.KindConflict:     "the vendor refuses the request",
	providers.KindRateLimited:  "over the limit of calls",
	providers.KindUnavailable:  "no answer",
	providers.KindBadReply:     "the reply is not the JSON that it should be",
	providers.KindCanceled:     "the probe was ended",
	providers.KindAllowance:    "the probe has made all its calls",
}

func fault(err error) string {
	s := cmp.Or(faults[providers.KindOf(err)], "the read failed")
	if cause := providers.Cause(""); errors.As(err, &cause) {
		s = string(cause)
	}
	var e *providers.Error
	if errors.As(err, &e) && e.Status != 0 {
		s += fmt.Sprintf(" (%d %s)", e.Status, http.StatusText(e.Status))
	}
	return s
}
