package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/currency"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// Size is a number of bytes.
type Size int64

// The units of sizes.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

// units are the units that a size is written in, largest first.
var units = []struct {
	name string
	size Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// String is the size in the largest unit that leaves a whole number, as the configuration
// reads it: "256MiB".
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return "0B"
}

// parseSize reads what Size.String writes.
func parseSize(s string) (Size, bool) {
	for _, u := range units {
		if digits, ok := strings.CutSuffix(s, u.name); ok {
			n, err := strconv.ParseUint(digits, 10, 63)
			return Size(n) * u.size, err == nil && Size(n) <= math.MaxInt64/u.size
		}
	}
	return 0, false
}

// kind is a kind of single value: what is expected, for messages, and how its text is read.
type kind[T any] struct {
	want  string
	parse func(string) (T, bool)
	hide  func(string) bool // whether messages must not show this text; nil: they may
}

// always hides every text.
func always(string) bool { return true }

// wholeNumber is a number from lo to hi.
func wholeNumber(lo, hi int) kind[int] {
	return kind[int]{
		want: fmt.Sprintf("a whole number from %d to %d", lo, hi),
		parse: func(s string) (int, bool) {
			n, err := strconv.Atoi(s)
			return n, err == nil && lo <= n && n <= hi
		},
	}
}

// duration is a length of time from lo to hi.
func duration(lo, hi time.Duration) kind[time.Duration] {
	return kind[time.Duration]{
		want: fmt.Sprintf("a duration like 90s or 1h30m, from %s to %s", written(lo), written(hi)),
		parse: func(s string) (time.Duration, bool) {
			d, err := time.ParseDuration(s)
			return d, err == nil && lo <= d && d <= hi
		},
	}
}

// orNever is a duration, or 0 for never.
func orNever(k kind[time.Duration]) kind[time.Duration] {
	return kind[time.Duration]{want: "0, or " + k.want, parse: func(s string) (time.Duration, bool) {
		if s == "0" || s == "0s" {
			return 0, true
		}
		return k.parse(s)
	}}
}

// written is a duration as people write it: 24h, not 24h0m0s.
func written(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// bytes is a size from lo to hi.
func bytes(lo, hi Size) kind[Size] {
	return kind[Size]{
		want: fmt.Sprintf("a size in B, KiB, MiB or GiB, from %s to %s", lo, hi),
		parse: func(s string) (Size, bool) {
			n, ok := parseSize(s)
			return n, ok && lo <= n && n <= hi
		},
	}
}

// oneOf is one of a few words, each with its meaning.
func oneOf[T any](words ...word[T]) kind[T] {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = w.name
	}
	return kind[T]{
		want: either(names),
		parse: func(s string) (t T, ok bool) {
			i := slices.Index(names, s)
			if i < 0 {
				return t, false
			}
			return words[i].means, true
		},
	}
}

type word[T any] struct {
	name  string
	means T
}

// either lists alternatives: "a, b or c".
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

var (
	truth = oneOf(word[bool]{"true", true}, word[bool]{"false", false})

	level = oneOf(
		word[slog.Level]{"debug", slog.LevelDebug},
		word[slog.Level]{"info", slog.LevelInfo},
		word[slog.Level]{"warn", slog.LevelWarn},
		word[slog.Level]{"error", slog.LevelError},
	)

	staff     = []word[auth.Role]{{"admin", auth.RoleAdmin}, {"editor", auth.RoleEditor}, {"reader", auth.RoleReader}}
	role      = oneOf(staff...) // of an API key
	tokenRole = oneOf(append(slices.Clone(staff), word[auth.Role]{"partner", auth.RolePartner})...)

	customerEmails = oneOf(
		word[CustomerEmails]{"hidden", EmailsHidden},
		word[CustomerEmails]{"campaign", EmailsCampaign},
		word[CustomerEmails]{"shown", EmailsShown},
	)

	accountID = kind[string]{
		want:  "1 to 32 of the characters a-z, 0-9 and -",
		parse: func(s string) (string, bool) { return s, providers.ValidAccount(s) },
	}

	label = kind[string]{
		want: "1 to 100 printable characters",
		parse: func(s string) (string, bool) {
			s = strings.TrimSpace(s)
			return s, 0 < len(s) && len(s) <= 100 && !strings.ContainsFunc(s, unprintable)
		},
	}

	fileName = kind[string]{
		want:  "the name of a file",
		parse: func(s string) (string, bool) { return s, s != "" && !strings.ContainsFunc(s, unprintable) },
	}

	currencyCode = kind[string]{
		want: "the ISO 4217 code of a currency in upper case, like USD",
		parse: func(s string) (string, bool) {
			unit, err := currency.ParseISO(s)
			return s, err == nil && unit.String() == s
		},
	}

	// A secret is a header's value, which a stray line break at the end of a file or
	// variable would spoil.
	secret = kind[string]{
		want: "a text without spaces and line breaks",
		hide: always,
		parse: func(s string) (string, bool) {
			return s, s != "" && solid(s)
		},
	}

	// identifier is compared with what others send, byte by byte.
	identifier = kind[string]{
		want:  "1 to 255 printable characters without spaces",
		parse: func(s string) (string, bool) { return s, 0 < len(s) && len(s) <= 255 && solid(s) },
	}

	// hmacSecret is as long as its hash at least:
	// https://www.rfc-editor.org/rfc/rfc7518#section-3.2.
	hmacSecret = kind[string]{
		want:  "at least 32 characters without spaces and line breaks",
		hide:  always,
		parse: func(s string) (string, bool) { return s, len(s) >= sha256.Size && solid(s) },
	}

	// Hidden in messages because the key itself, put here by mistake, would be shown.
	keyHash = kind[[sha256.Size]byte]{
		want: "64 hexadecimal digits, the SHA-256 of the key",
		hide: always,
		parse: func(s string) (hash [sha256.Size]byte, ok bool) {
			b, err := hex.DecodeString(s)
			if err != nil || len(b) != len(hash) {
				return hash, false
			}
			return [sha256.Size]byte(b), true
		},
	}

	address = kind[string]{
		want: "host:port",
		parse: func(s string) (string, bool) {
			_, port, err := net.SplitHostPort(s)
			return s, err == nil && validPort(port)
		},
	}

	// allInterfaces is a port alone, as PORT has it.
	allInterfaces = kind[string]{
		want:  "a port number",
		parse: func(s string) (string, bool) { return ":" + s, validPort(s) },
	}

	// thisMachinePort is the same for a server that only this machine may reach.
	thisMachinePort = kind[string]{
		want:  allInterfaces.want,
		parse: func(s string) (string, bool) { return "127.0.0.1:" + s, validPort(s) },
	}

	baseURL = kind[string]{
		want: "an http or https URL without user, query and fragment",
		parse: func(s string) (string, bool) {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
				return "", false
			}
			return strings.TrimRight(s, "/"), u.User == nil && !strings.ContainsAny(s, "?#")
		},
		hide: hidesURL,
	}

	// jwksURL decides whom the server trusts: nobody on the way may answer in its place.
	jwksURL = kind[string]{
		want: "an https URL without user and fragment, or an http one of this machine",
		parse: func(s string) (string, bool) {
			u, err := url.Parse(s)
			if err != nil || u.Hostname() == "" || u.User != nil || strings.Contains(s, "#") {
				return "", false
			}
			return s, u.Scheme == "https" || u.Scheme == "http" && local(u.Hostname())
		},
		hide: hidesURL,
	}
)

// origin is where web pages come from, in the one form in which browsers say so:
// https://www.rfc-editor.org/rfc/rfc6454#section-6.2. In plain http whoever is on the way
// could put pages of their own there.
var origin = kind[string]{
	want: "an origin as browsers send it, like https://portal.example.com: https (http on this machine alone), a host in lower case, " +
		"a port unless it is the scheme's own, and nothing else",
	hide: hidesURL,
	parse: func(s string) (string, bool) {
		m := plainOrigin.FindStringSubmatch(s)
		if m == nil {
			return "", false
		}
		scheme, host, port := m[1], m[2], m[3]
		if inner, ok := strings.CutPrefix(host, "["); ok {
			inner = strings.TrimSuffix(inner, "]")
			if ip, err := netip.ParseAddr(inner); err != nil || ip.String() != inner {
				return "", false
			}
		}
		own := map[string]string{"http": "80", "https": "443"}[scheme]
		return s, (port == "" || validPort(port) && port != own) && (scheme == "https" || thisMachine(s))
	},
}

// header is the name of a request's header that a page may send if it is allowed to:
// https://fetch.spec.whatwg.org/#forbidden-request-header has those that it may never,
// among them all that a browser adds as credentials. Also * is a token, and would be every
// header.
var header = kind[string]{
	want: "the name of a header of 1 to 60 characters that web pages can send, like X-Tenant: not *, and none that browsers keep to themselves, like Cookie",
	parse: func(s string) (string, bool) {
		name := strings.ToLower(s)
		return s, plainHeader.MatchString(s) && !slices.Contains(forbiddenHeaders, name) && !strings.HasPrefix(name, "sec-") &&
			!strings.HasPrefix(name, "proxy-") && !strings.HasPrefix(name, "access-control-")
	},
}

var plainHeader = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$`)

var forbiddenHeaders = []string{
	"accept-charset", "accept-encoding", "connection", "content-length", "cookie", "cookie2", "date", "dnt", "expect", "host", "keep-alive",
	"origin", "referer", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "via",
	"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", // these are a proxy's to say
	"x-http-method", "x-http-method-override", "x-method-override",
}

var plainOrigin = regexp.MustCompile(`^(https?)://([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(?::([1-9][0-9]*))?$`)

// thisMachine says whether pages of an origin come from this machine.
func thisMachine(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && local(u.Hostname())
}

// solid says whether a text has no spaces and nothing that cannot be shown.
func solid(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unprintable(r) || unicode.IsSpace(r) })
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// hidesURL says whether a password or key may stand in a URL.
func hidesURL(s string) bool { return strings.ContainsAny(s, "@?#") }

func validPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// loopback says whether only this machine reaches what listens at an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && local(host)
}

// local says whether a host is this machine, and stays within it.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
