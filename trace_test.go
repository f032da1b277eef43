package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

func TestTrace(t *testing.T) {
	holds, err := traceOf("Kim&Co@Example.com")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"kim&co@example.com":                           true,
		`{"email":"KIM\u0026CO@EXAMPLE.COM"}`:          true,
		`?email=kim%26co%40example.com&page=1`:         true,
		`?email=kim%26CO%40EXAMPLE%2Ecom`:              true,
		`"https:\/\/x\/?q=kim%2526co%2540example"`:     false,
		`"https:\/\/x\/?q=kim%2526co%2540example.com"`: true,
		`email: "kim\u{26}co\u0040example.com"`:        true,
		`<a href="mailto:kim&amp;co@example.com">`:     false, // nobody writes HTML here, but for numbers:
		`kim&#38;co&#x40;example.com`:                  true,
		"Kim <kim&co@example.com>, Lee":                true,
		"kim&co@example.com.":                          true,
		"kim&co@example.com.au":                        false,
		"kim&co@example.community":                     false,
		"kim&co@example.com-x":                         false,
		"joakim&co@example.com":                        false,
		"joa.kim&co@example.com":                       false,
		"joa.kim&co@example.com kim&co@example.com":    true,
		"ékim&co@example.com":                          false,
		"\xffkim&co@example.com\xff":                   true,
		"kim&co@example":                               false,
		"kim@example.com":                              false,
		"":                                             false,
	} {
		if got := holds(text); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
	for _, bad := range []string{"", "kim", "kim@", "@example.com", "Kim <kim@example.com>", " kim@example.com", "kim@example.com,lee@example.com", strings.Repeat("k", 250) + "@e.io"} {
		if _, err := traceOf(bad); err == nil || bad != "" && strings.Contains(strings.ReplaceAll(err.Error(), "kim@example.com, with", ""), bad) {
			t.Errorf("%q: %v; want it refused, and not shown", bad, err)
		}
	}
}

// escapes are ways to write a text that are undone by reading.
var escapes = []func(string) string{
	url.QueryEscape, url.PathEscape, strings.ToUpper, strings.ToLower,
	func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	},
	func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
		return b.String()
	},
	func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "&amp;", "&#38;") },
}

// FuzzTrace wants an address found in any text, whatever two ways it was written in, one
// within the other.
func FuzzTrace(f *testing.F) {
	f.Add("kim", "example.com", `{"email": `, "}", uint8(0), uint8(4))
	f.Add("o'brien+x", "mail.example.co.uk", "%", "%40", uint8(4), uint8(5))
	f.Fuzz(func(t *testing.T, local, domain, before, behind string, first, second uint8) {
		email := local + "@" + domain
		holds, err := traceOf(email)
		if err != nil {
			return
		}
		lower := strings.ToLower(email)
		if strings.ToLower(strings.ToUpper(email)) != lower || strings.ContainsAny(email, `%\&"`) {
			return // letters that do not come back, and what looks like an escape itself
		}
		a, b := escapes[int(first)%len(escapes)], escapes[int(second)%len(escapes)]
		if written := before + " " + b(" "+a(" "+email+" ")+" ") + " " + behind; !holds(written) {
			t.Errorf("%q is not found in %q", email, written)
		}
	})
}
