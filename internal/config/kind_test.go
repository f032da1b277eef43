package config

import (
	"testing"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0B": 0, "1B": 1, "1023B": 1023, "1KiB": KiB, "1536B": 1536, "100KiB": 100 * KiB, "256MiB": 256 * MiB, "3GiB": 3 * GiB} {
		got, ok := parseSize(text)
		if s := got.String(); !ok && s != text || got != want {
			t.Errorf("parseSize(%q) = %d, %t, written %q, want %d", text, got, ok, s, want)
		}
	}
	for _, text := range []string{"", "B", "1", "-1B", "+1B", "1.5KiB", "1 KiB", "1kib", "9223372036854775807KiB", "18446744073709551616B"} {
		if got, ok := parseSize(text); ok {
			t.Errorf("parseSize(%q) = %d, want a refusal", text, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.8.9.1:80": true, "[::1]:80": true, "localhost:80": true, "[::ffff:127.0.0.1]:80": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "example.com:80": false,
		"localhost.example.com:80": false, "127.0.0.1.example.com:80": false, "127.1:80": false, "": false,
	} {
		if got := loopback(address); got != want {
			t.Errorf("loopback(%q) = %t, want %t", address, got, want)
		}
	}
}
