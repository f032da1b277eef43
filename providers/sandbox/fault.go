package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
)

// Fault is what a simulator does to a call instead of answering it as it should.
type Fault struct {
	// Status is answered with Body and Header. With 0 the connection is cut, after which Go's
	// client repeats a GET by itself if it had used the connection before; but with Edit, or
	// an End that needs a reply, the reply is the simulator's own, and the work is done.
	Status int
	Body   string
	Header http.Header
	Edit   func(body []byte) []byte // changes the body of the simulator's own reply
	End    End                      // how the reply ends
	After  bool                     // do the work first, then fault
	Silent bool                     // answer nothing until the caller goes away

	// Late does the work this much later than the fault, as a vendor may that has taken a
	// request and not answered it in time. A test that uses it waits with [Kit.Settled].
	Late time.Duration
}

// End is how a reply ends.
type End int

// The ends of a reply.
const (
	EndWhole   End = iota // with its last byte
	EndHeaders            // the connection is cut after the headers
	EndMiddle             // the connection is cut in the middle of the body
	EndStall              // nothing follows the first half of the body, until the caller goes away
	EndDrip               // white space before the body, a byte at a time, until the caller goes away
	EndLong               // white space after the body, longer than clients of this program read
	EndClose              // the reply is whole; then the connection is closed without notice, so that the next call on it meets that
	EndReset              // no reply: the connection is reset
	EndSwitch             // no reply: the connection is switched to another protocol (101), and then silent
	EndHints              // no reply: early hints (103), and then the connection is cut
	EndChunk              // the connection is cut in the middle of a body of unknown length
	EndGzip               // the reply is whole, and its body is the first half of a compressed one
)

// longBody is more than the clients of this program read of one reply.
const longBody = 9 << 20

// dripPause is the time between two bytes of [EndDrip].
const dripPause = 5 * time.Millisecond

// WriteFaults are the ways in which a write is answered with a reply that does not settle it.
// The name of each says whether the work was done. The slow ones last until the client's
// timeout: see [Fault.Slow].
var WriteFaults = map[string]Fault{
	"cut, not done":                        {},
	"cut, done":                            {After: true},
	"reset, not done":                      {End: EndReset},
	"reset, done":                          {End: EndReset, After: true},
	"silent, not done":                     {Silent: true},
	"silent, done":                         {Silent: true, After: true},
	"500, not done":                        {Status: http.StatusInternalServerError},
	"500, done":                            {Status: http.StatusInternalServerError, After: true},
	"500 cut in its body, not done":        {Status: http.StatusInternalServerError, Body: edgePage, End: EndMiddle},
	"body cut after the headers, done":     {End: EndHeaders},
	"body cut in its middle, done":         {End: EndMiddle},
	"2xx cut after the headers, not done":  {Status: http.StatusOK, Body: edgePage, End: EndHeaders},
	"body stalls, done":                    {End: EndStall},
	"body drips, done":                     {End: EndDrip},
	"body over the bound, done":            {End: EndLong},
	"2xx that is no JSON, not done":        {Status: http.StatusOK, Body: edgePage, Header: html},
	"2xx that is no JSON, done":            {Status: http.StatusOK, Body: edgePage, Header: html, After: true},
	"2xx without a body, done":             {Status: http.StatusOK, After: true},
	"2xx with odd fields, done":            {Edit: oddFields},
	"2xx without success, not done":        {Status: http.StatusOK, Body: failure},
	"2xx without success, done":            {Edit: unsuccessful},
	"switched, not done":                   {End: EndSwitch},
	"switched, done":                       {End: EndSwitch, After: true},
	"403 without a body, done":             {Status: http.StatusForbidden, After: true},
	"404 that is null, done":               {Status: http.StatusNotFound, Body: "null", After: true},
	"429 without a body, done":             {Status: http.StatusTooManyRequests, After: true},
	"499 with a message, done":             {Status: 499, Body: `{"message":"Client closed request"}`, After: true},
	"2xx of failure beside data, not done": {Status: http.StatusOK, Body: `{"success":false,"status":200,"message":"x","data":{"id":1}}`},
	"202 without a body, done":             {Status: http.StatusAccepted, After: true},
	"2xx of another API, not done":         {Status: http.StatusOK, Body: `{"error":"invalid api key"}`},
	"challenge, not done":                  {Status: http.StatusForbidden, Body: edgePage, Header: challenge},
	"challenge, done":                      {Status: http.StatusForbidden, Body: edgePage, Header: challenge, After: true},
	"closed after the reply, done":         {End: EndClose},
	"cut after early hints, done":          {End: EndHints},
	"chunked body cut, done":               {End: EndChunk},
	"compressed body cut, done":            {End: EndGzip},
	"2xx in UTF-16, done":                  {Edit: utf16Text},
	"2xx with a NUL behind it, done":       {Edit: func(body []byte) []byte { return append(slices.Clone(body), 0) }},
	"2xx with each member twice, done":     {Edit: twice},
}

// Slow says whether the fault lasts until the client's timeout.
func (f Fault) Slow() bool { return f.Silent || f.End == EndStall || f.End == EndDrip }

// failure is a failed call in the envelopes of all vendors.
const failure = `{"success":false,"status":500,"message":"Something went wrong","code":"operation_failed",` +
	`"error":{"message":"Something went wrong","type":"api_error"}}`

// edgePage is an HTML page, as the edge in front of a vendor answers it.
const edgePage = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"

var (
	html      = http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	challenge = http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Cf-Mitigated": {"challenge"}}
)

// own says whether the fault answers the simulator's own reply.
func (f Fault) own() bool {
	return f.Status == 0 && !f.Silent && (f.Edit != nil || f.End != EndWhole && f.End != EndReset && f.End != EndSwitch)
}

// worked says whether the work is done before the fault.
func (f Fault) worked() bool { return f.After || f.own() }

// reply is the fault's own reply; nil where the fault answers none.
func (f Fault) reply() *reply {
	if f.Status == 0 {
		return nil
	}
	return &reply{header: f.Header, status: f.Status, body: *bytes.NewBufferString(f.Body)}
}

// answer sends the reply, nil for none, as far as the fault lets it. It does not return unless
// the reply is whole.
func (f Fault) answer(w http.ResponseWriter, r *http.Request, got *reply) {
	if f.Silent {
		<-r.Context().Done()
		cut()
	}
	if f.End == EndReset {
		reset(w)
		cut()
	}
	if f.End == EndSwitch {
		switched(w)
		cut()
	}
	if got == nil {
		cut()
	}
	if f.End == EndHints {
		w.WriteHeader(http.StatusEarlyHints)
		cut()
	}
	body := got.body.Bytes()
	if f.Edit != nil {
		body = f.Edit(body)
	}
	maps.Copy(w.Header(), got.header)
	if f.End == EndClose {
		closeAfter(w, got.status, body)
		return
	}
	if f.End == EndGzip {
		w.Header().Set("Content-Encoding", "gzip")
		whole := compressed(body)
		body = whole[:len(whole)/2]
	}
	sent := body
	switch f.End {
	case EndHeaders:
		sent = nil
	case EndMiddle, EndStall, EndChunk:
		sent = body[:len(body)/2]
	}
	if f.End != EndLong && f.End != EndDrip && f.End != EndChunk {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(got.status)
	flush := func() { _ = http.NewResponseController(w).Flush() } // a caller who went away needs none
	if f.End == EndDrip {
		for sleep(r, dripPause) {
			_, _ = io.WriteString(w, " ")
			flush()
		}
		cut()
	}
	_, _ = w.Write(sent)
	switch f.End {
	case EndLong:
		_, _ = w.Write(bytes.Repeat([]byte(" "), longBody))
	case EndStall:
		flush()
		<-r.Context().Done()
		cut()
	case EndHeaders, EndMiddle, EndChunk:
		flush()
		cut()
	}
}

// reset ends the connection with a TCP reset, where it can be had.
func reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// switched answers 101, and nothing more until the caller closes the connection.
func switched(w http.ResponseWriter) {
	c, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, err = io.WriteString(out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
	if errors.Join(err, out.Flush()) == nil {
		_, _ = io.Copy(io.Discard, out)
	}
}

// closeAfter sends a reply that promises to keep the connection, and closes the connection.
func closeAfter(w http.ResponseWriter, status int, body []byte) {
	c, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	defer c.Close()
	whole := &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: w.Header(),
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
	if errors.Join(whole.Write(out), out.Flush()) == nil {
		if s, ok := w.(*statusRecorder); ok {
			s.status = status
		}
	}
}

// oddFields gives every time and every null of a record another form: a reply of which nobody
// needs more than the id.
func oddFields(body []byte) []byte {
	return edit(body, func(v any) any { return odden(v) })
}

func odden(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Collect(maps.Keys(v)) {
			v[name] = odden(v[name])
		}
	case []any:
		for i := range v {
			v[i] = odden(v[i])
		}
	case nil:
		return []any{}
	case string:
		if isTime(v) {
			return zeroDate
		}
	}
	return v
}

// unsuccessful has a reply say that the call failed, in the words of the vendor's envelope.
func unsuccessful(body []byte) []byte {
	return edit(body, func(v any) any {
		o, ok := v.(map[string]any)
		_, success := o["success"]
		_, status := o["status"].(json.Number)
		switch {
		case ok && success:
			o["success"] = false
		case ok && status:
			o["status"], o["message"] = http.StatusInternalServerError, "Something went wrong"
		default:
			return map[string]any{"message": "Something went wrong", "code": "operation_failed"}
		}
		return o
	})
}

// compressed is a body as gzip has it.
func compressed(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body)
	_ = w.Close() // a buffer takes everything
	return b.Bytes()
}

// utf16Text is a body in UTF-16, which no JSON is sent in.
func utf16Text(body []byte) (text []byte) {
	for _, unit := range utf16.Encode([]rune(string(body))) {
		text = binary.LittleEndian.AppendUint16(text, unit)
	}
	return text
}

// twice has each member of a body's objects twice, null at first.
func twice(body []byte) []byte {
	v, err := decode(body)
	if err != nil {
		return body
	}
	return appendTwice(nil, v)
}

func appendTwice(b []byte, v any) []byte {
	separator := byte('{')
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			quoted := encode(name)
			b = append(append(append(b, separator), quoted...), ":null,"...)
			b = appendTwice(append(append(b, quoted...), ':'), v[name])
			separator = ','
		}
		if len(v) == 0 {
			b = append(b, '{')
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendTwice(b, e)
		}
		return append(b, ']')
	}
	return append(b, encode(v)...)
}

// edit changes a body that is JSON, and leaves any other as it is.
func edit(body []byte, change func(any) any) []byte {
	v, err := decode(body)
	if err != nil {
		return body
	}
	return encode(change(v))
}

// decode reads JSON with its numbers as they are written.
func decode(body []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return v, d.Decode(&v)
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // it was made of JSON
		panic(err)
	}
	return b
}

// reply is a whole answer, not sent yet.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// capture has a call answered and keeps the answer.
func capture(r *http.Request, next http.Handler) *reply {
	got := &reply{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(got, r)
	return got
}

// Header is the answer's header.
func (a *reply) Header() http.Header { return a.header }

// WriteHeader keeps the status.
func (a *reply) WriteHeader(status int) { a.status = status }

// Write keeps a part of the body.
func (a *reply) Write(b []byte) (int, error) { return a.body.Write(b) }
