// Package compress chooses the content coding of an answer, and encodes it.
//
// An answer is encoded as a whole before its first byte is sent. So a client that reads
// slowly holds the bytes of its answer, and not a compressor, which has a megabyte; and
// nothing that is sent bit by bit, such as an event stream, is ever encoded.
package compress

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Coding is a content coding: https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.
type Coding int

// The codings. Of those that a client likes equally well, the last is taken.
const (
	Identity Coding = iota // as it is
	Gzip
	Zstd // takes about half the time of gzip, for about the same size

	Codings // how many there are
)

// String is the name in the header Content-Encoding.
func (c Coding) String() string { return [Codings]string{"identity", "gzip", "zstd"}[c] }

// minBytes is the size from which an answer is encoded. A smaller one fits into a packet as
// it is.
const minBytes = 1 << 10

// Weights says how much a client likes each coding, from 0 for not at all to 1.
type Weights [Codings]float64

// leastWeight is the smallest weight that the header can give, but for 0.
const leastWeight = 0.001

// Weigh reads the header Accept-Encoding by
// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3. Zstd has to be named, because of
// those that send * not all have it.
func Weigh(accept []string) Weights {
	const unnamed = -1
	w, others := Weights{unnamed, unnamed, unnamed}, float64(unnamed)
	for _, header := range accept {
		for text := range strings.SplitSeq(header, ",") {
			name, params, found := strings.Cut(text, ";")
			q, ok := 1.0, true
			if found {
				q, ok = weight(params)
			}
			if !ok {
				continue
			}
			switch name = strings.TrimSpace(name); {
			case name == "*":
				others = max(others, q)
			case strings.EqualFold(name, "identity"):
				w[Identity] = max(w[Identity], q)
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				w[Gzip] = max(w[Gzip], q)
			case strings.EqualFold(name, "zstd"):
				w[Zstd] = max(w[Zstd], q)
			}
		}
	}
	if w[Gzip] == unnamed {
		w[Gzip] = max(others, 0)
	}
	if w[Zstd] == unnamed {
		w[Zstd] = 0
	}
	if w[Identity] == unnamed && others != 0 { // it is allowed where nothing forbids it
		w[Identity] = leastWeight
	}
	w[Identity] = max(w[Identity], 0)
	return w
}

// weight reads the parameter q.
func weight(params string) (q float64, ok bool) {
	name, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 0, false
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return q, err == nil && 0 <= q && q <= 1
}

// Choose is the coding of an answer of so many bytes. A client that accepts none gets the
// answer as it is: a refusal would hide from it what a mutation has done.
func (w Weights) Choose(size int64) Coding {
	best := Identity
	if size < minBytes && w[Identity] > 0 {
		return best
	}
	for c := Gzip; c < Codings; c++ {
		if w[c] > 0 && w[c] >= w[best] {
			best = c
		}
	}
	return best
}

// encoder compresses one text after the other.
type encoder interface {
	io.WriteCloser
	Reset(to io.Writer)
}

// zstdWindow is how far zstd looks back for repetitions.
const zstdWindow = 256 << 10

// makers make the encoders of each coding. The levels are the first after which more time
// buys little.
var makers = [Codings]func() (encoder, error){
	Gzip: func() (encoder, error) { return gzip.NewWriterLevel(nil, gzip.DefaultCompression) },
	Zstd: func() (encoder, error) {
		return zstd.NewWriter(
			nil,
			zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(zstdWindow),
		)
	},
}

// idle are the encoders that nobody uses; nil for one that was not needed yet. There are no
// more of them than can run at once, so that their memory is bounded.
var idle = func() (all [Codings]chan encoder) {
	for c := range all {
		all[c] = make(chan encoder, runtime.GOMAXPROCS(0))
		for range cap(all[c]) {
			all[c] <- nil
		}
	}
	return all
}()

// Encode encodes a text, which is given in parts. It waits for an encoder, and answers
// false when ctx is done before there is one.
func (c Coding) Encode(ctx context.Context, parts ...[]byte) (form []byte, ok bool) {
	if form, ok = c.EncodeNow(parts...); ok {
		return form, true
	}
	select {
	case e := <-idle[c]:
		return c.encode(e, parts), true
	case <-ctx.Done():
		return nil, false
	}
}

// EncodeNow encodes a text, which is given in parts. It answers false where no encoder is idle.
func (c Coding) EncodeNow(parts ...[]byte) (form []byte, ok bool) {
	if c == Identity {
		return bytes.Join(parts, nil), true
	}
	select {
	case e := <-idle[c]:
		return c.encode(e, parts), true
	default:
		return nil, false
	}
}

// encode encodes with an encoder, and gives it back; nil for a new one.
func (c Coding) encode(e encoder, parts [][]byte) []byte {
	defer func() { idle[c] <- e }()
	if e == nil {
		var err error
		if e, err = makers[c](); err != nil {
			panic(err) // the options are constants
		}
	}
	var b bytes.Buffer
	e.Reset(&b)
	for _, part := range parts {
		_, _ = e.Write(part) // a buffer takes everything
	}
	_ = e.Close()
	e.Reset(io.Discard) // so that the buffer is not held
	return b.Bytes()
}

// Text makes a function that is a text in each coding. The text is encoded once.
func Text(text []byte) func(Coding) []byte {
	var forms [Codings]func() []byte
	for c := range Codings {
		forms[c] = sync.OnceValue(func() []byte {
			form, _ := c.Encode(context.Background(), text) // of a context without an end
			return form
		})
	}
	return func(c Coding) []byte { return forms[c]() }
}
