package httpapi

import (
	"io"
	"net/http"
	"time"
)

// lingerTime is how long the rest of a body is awaited behind an answer that did not need
// it. A client that sends it in one piece with the headers has sent it long before, and
// gets the answer.
const lingerTime = time.Second

// closing closes the connection behind an answer to a request whose body was not read.
// Otherwise net/http waits for the body before it sends the answer, for as long as a
// request may take: whoever is refused by the headers would hold a connection by promising
// a body.
func closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body := &receivedBody{ReadCloser: r.Body}
		asked := *r // a copy, for net/http looks at the body of its own
		asked.Body = body
		answer := &closingWriter{ResponseWriter: w, body: body}
		next.ServeHTTP(answer, &asked)
		answer.begin()
	})
}

// receivedBody is a body that knows whether it was read to its end.
type receivedBody struct {
	io.ReadCloser
	ended bool
}

func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// closingWriter decides, when the answer begins, whether the connection ends with it.
type closingWriter struct {
	http.ResponseWriter
	body  *receivedBody
	began bool
}

func (c *closingWriter) begin() {
	if !c.began && !c.body.ended {
		c.Header().Set("Connection", "close")
		_ = http.NewResponseController(c.ResponseWriter).SetReadDeadline(time.Now().Add(lingerTime)) // tests' writers have none
	}
	c.began = true
}

func (c *closingWriter) WriteHeader(status int) {
	c.begin()
	c.ResponseWriter.WriteHeader(status)
}

func (c *closingWriter) Write(p []byte) (int, error) {
	c.begin()
	return c.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *closingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
