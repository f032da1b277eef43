package main

import (
	"errors"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// traceOf is what finds an e-mail address in a text, whatever its case there and however it
// is escaped: as JSON, GraphQL, a URL or HTML does, or several of them. Within a longer
// address it is somebody else's. The error does not show what was typed.
func traceOf(email string) (func(text string) bool, error) {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return nil, errors.New("--email: expected an e-mail address like kim@example.com, with nothing before or behind it")
	}
	email = strings.ToLower(email)
	return func(text string) bool {
		for range layers {
			if stands(strings.ToLower(text), email) {
				return true
			}
			plain := unescaped(text)
			if plain == text {
				return false
			}
			text = plain
		}
		return stands(strings.ToLower(text), email)
	}, nil
}

// layers is how many escapes within escapes are looked through: a URL in JSON in a GraphQL
// text has three.
const layers = 4

// stands says whether an address stands in a text by itself; both are in lower case.
func stands(text, email string) bool {
	for i := 0; ; {
		at := strings.Index(text[i:], email)
		if at < 0 {
			return false
		}
		i += at
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		behind := text[i+len(email):]
		next, size := utf8.DecodeRuneInString(behind)
		further, _ := utf8.DecodeRuneInString(behind[size:])
		if !ofName(before) && before != '.' && before != '-' && before != '_' &&
			!ofName(next) && next != '-' && !(next == '.' && ofName(further)) {
			return true
		}
		i += len(email)
	}
}

func ofName(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// escape is a character of an e-mail address that is written otherwise.
var escape = regexp.MustCompile(`(?i)%[0-9a-f]{2}|\\u[0-9a-f]{4}|\\u\{[0-9a-f]{1,6}\}|&#[0-9]{1,7};|&#x[0-9a-f]{1,6};|\\["/\\]`)

// unescaped is a text with one layer of escapes taken off.
func unescaped(text string) string {
	return escape.ReplaceAllStringFunc(text, func(e string) string {
		lower := strings.ToLower(e)
		digits, base := "", 16
		switch {
		case e[0] == '%':
			n, _ := strconv.ParseUint(lower[1:], 16, 8)
			return string([]byte{byte(n)}) // of UTF-8, of which the others follow
		case strings.HasPrefix(lower, `\u`):
			digits = strings.Trim(lower[2:], "{}")
		case strings.HasPrefix(lower, "&#x"):
			digits = lower[3 : len(lower)-1]
		case e[0] == '&':
			digits, base = lower[2:len(lower)-1], 10
		default:
			return e[1:]
		}
		n, _ := strconv.ParseUint(digits, base, 32)
		return string(rune(n))
	})
}
