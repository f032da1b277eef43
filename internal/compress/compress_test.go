package compress

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestChoose(t *testing.T) {
	const large, small = minBytes, minBytes - 1
	for _, tt := range []struct {
		accept       []string
		large, small Coding
	}{
		{nil, Identity, Identity},
		{[]string{""}, Identity, Identity},
		{[]string{"gzip"}, Gzip, Identity},
		{[]string{"GZip"}, Gzip, Identity},
		{[]string{"x-gzip"}, Gzip, Identity},
		{[]string{"zstd"}, Zstd, Identity},
		{[]string{"gzip, deflate, br, zstd"}, Zstd, Identity},
		{[]string{"zstd,gzip"}, Zstd, Identity},
		{[]string{"deflate", "gzip"}, Gzip, Identity},
		{[]string{"br, deflate, compress, x-new"}, Identity, Identity},
		{[]string{"*"}, Gzip, Identity},
		{[]string{"*;q=0.1"}, Gzip, Identity},
		{[]string{"*, gzip;q=0"}, Identity, Identity},
		{[]string{"identity"}, Identity, Identity},
		{[]string{"identity, gzip"}, Gzip, Identity},
		{[]string{"identity, gzip;q=0.5"}, Identity, Identity},
		{[]string{"identity;q=0.4, gzip;q=0.5"}, Gzip, Identity},
		{[]string{"gzip;q=0"}, Identity, Identity},
		{[]string{"gzip;q=0.000"}, Identity, Identity},
		{[]string{"gzip;q=0.001"}, Gzip, Identity},
		{[]string{"gzip ; Q = 1"}, Gzip, Identity},
		{[]string{"gzip;q=1.0, zstd;q=0.9"}, Gzip, Identity},
		{[]string{"gzip;q=0.8, zstd;q=0.9"}, Zstd, Identity},
		{[]string{"zstd;q=0, gzip;q=0.1"}, Gzip, Identity},
		{[]string{"gzip;q=0, gzip"}, Gzip, Identity},
		// an answer as it is is forbidden
		{[]string{"identity;q=0, gzip"}, Gzip, Gzip},
		{[]string{"gzip, *;q=0"}, Gzip, Gzip},
		{[]string{"zstd;q=0.2, gzip;q=0.1, *;q=0"}, Zstd, Zstd},
		{[]string{"identity;q=0, *"}, Gzip, Gzip},
		{[]string{"identity, *;q=0"}, Identity, Identity},
		// and nothing else is accepted
		{[]string{"identity;q=0"}, Identity, Identity},
		{[]string{"identity;q=0, br"}, Identity, Identity},
		{[]string{"*;q=0"}, Identity, Identity},
		// what is no weight
		{[]string{"gzip;q=high"}, Identity, Identity},
		{[]string{"gzip;q=2"}, Identity, Identity},
		{[]string{"gzip;q=-1"}, Identity, Identity},
		{[]string{"gzip;q=NaN"}, Identity, Identity},
		{[]string{"gzip;q="}, Identity, Identity},
		{[]string{"gzip;level=9"}, Identity, Identity},
		{[]string{";;;,,;q=1, gzip"}, Gzip, Identity},
	} {
		w := Weigh(tt.accept)
		if got := w.Choose(large); got != tt.large {
			t.Errorf("%q: a large answer is sent as %v, want %v", tt.accept, got, tt.large)
		}
		if got := w.Choose(small); got != tt.small {
			t.Errorf("%q: a small answer is sent as %v, want %v", tt.accept, got, tt.small)
		}
	}
}

// decode reads what a client would, with the decoders of others.
func decode(t *testing.T, c Coding, form []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(form)
	var err error
	switch c {
	case Gzip:
		r, err = gzip.NewReader(r)
	case Zstd:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(r, zstd.WithDecoderMaxWindow(zstdWindow)); err == nil {
			defer d.Close()
			r = d
		}
	}
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	return text
}

// TestEncode wants the text back, whichever its size and parts, also when many are encoded
// at once.
func TestEncode(t *testing.T) {
	texts := map[string][][]byte{
		"nothing": nil, "empty parts": {nil, {}, nil}, "a byte": {[]byte("x")}, "parts": {[]byte("{"), nil, []byte(`"a":1`), []byte("}")},
		"a kilobyte": {bytes.Repeat([]byte("0123456789abcdef"), 64)},
		"megabytes":  {bytes.Repeat([]byte(strings.Repeat("row", 100)), 10_000), []byte("end")},
	}
	for c := range Codings {
		var wg sync.WaitGroup
		for name, parts := range texts {
			for range 3 {
				wg.Go(func() {
					form, _ := c.Encode(t.Context(), parts...)
					want := bytes.Join(parts, nil)
					if got := decode(t, c, form); !bytes.Equal(got, want) {
						t.Errorf("%v, %s: %d bytes, want %d", c, name, len(got), len(want))
					}
					if c != Identity && len(want) > minBytes/2 && len(form) > len(want)/2 {
						t.Errorf("%v, %s: %d bytes are sent as %d", c, name, len(want), len(form))
					}
				})
			}
		}
		wg.Wait()
		if c != Identity && (len(idle[c]) != cap(idle[c]) || cap(idle[c]) != runtime.GOMAXPROCS(0)) {
			t.Errorf("%v: %d of %d encoders are given back", c, len(idle[c]), cap(idle[c]))
		}
	}
}

func TestText(t *testing.T) {
	text := bytes.Repeat([]byte("type Query { a: Int }\n"), 100)
	forms := Text(text)
	for c := range Codings {
		form := forms(c)
		if !bytes.Equal(decode(t, c, form), text) || &form[0] != &forms(c)[0] {
			t.Errorf("%v is another text, or encoded twice", c)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	text := bytes.Repeat([]byte(`{"id":"shop:affiliate:aff001","name":"Jane","status":"ACTIVE"},`), 600)
	for c := Gzip; c < Codings; c++ {
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.Encode(b.Context(), text)
			}
		})
	}
}

// TestEncodeBusy wants nobody to wait for an encoder who does not want to, or no longer.
func TestEncodeBusy(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for c := Gzip; c < Codings; c++ {
		var busy []encoder
		for range cap(idle[c]) {
			busy = append(busy, <-idle[c])
		}
		if form, ok := c.EncodeNow([]byte("text")); ok || form != nil {
			t.Errorf("%v: %q without an encoder", c, form)
		}
		if form, ok := c.Encode(gone, []byte("text")); ok || form != nil {
			t.Errorf("%v: %q for nobody", c, form)
		}
		waits := make(chan []byte)
		go func() {
			form, _ := c.Encode(t.Context(), []byte("text"))
			waits <- form
		}()
		for _, e := range busy {
			idle[c] <- e
		}
		if form := <-waits; string(decode(t, c, form)) != "text" {
			t.Errorf("%v: %q after the wait", c, form)
		}
		if _, ok := c.EncodeNow([]byte("text")); !ok || len(idle[c]) != cap(idle[c]) {
			t.Errorf("%v: %d of %d encoders are idle", c, len(idle[c]), cap(idle[c]))
		}
	}
}
