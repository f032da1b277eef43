package main

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
)

// hookAddress is where the deliveries of an account go.
type hookAddress struct {
	account string
	tokens  []string // all of which the server takes; new subscriptions get the first
	public  *url.URL // of the server: scheme, host and the path above its own; nil: not known
}

// to is the address that a subscription should have. It holds a secret.
func (a hookAddress) to(want providers.HookSubscription) string {
	return a.public.String() + httpapi.WebhookPath(a.account, a.tokens[0]) + want.Path
}

// target is what the address of a subscription is to an account.
type target int

const (
	targetForeign target = iota // somebody else's
	targetWrong                 // the account's, but deliveries to it are refused, or will be
	targetRight
)

// judge says what an address is that a vendor has. Vendors may write a host in another case
// or with its port, and a query changes nothing. The token is a secret that one account has:
// where the server's own address is not known, the token tells whose it is.
func (a hookAddress) judge(address string, want providers.HookSubscription) target {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" {
		return targetForeign
	}
	path, own := a.below(u)
	if !own {
		return targetForeign
	}
	account, token, event, ok := httpapi.WebhookAddress(path)
	known := slices.ContainsFunc(a.tokens, func(t string) bool { return strings.EqualFold(t, token) })
	switch {
	case a.public == nil && !known:
		return targetForeign
	case !ok, account != a.account, u.Scheme != "https", event != strings.TrimPrefix(want.Path, "/"):
		return targetWrong
	case a.public != nil && (token != a.tokens[0] || !strings.HasPrefix(u.Path, a.public.Path)), !slices.Contains(a.tokens, token):
		return targetWrong
	}
	return targetRight
}

// below is the path of an address as the server sees it; false where the address does not
// lead to the account.
func (a hookAddress) below(u *url.URL) (path string, own bool) {
	root := strings.ToLower(httpapi.WebhookPath(a.account, ""))
	if a.public == nil {
		i := strings.LastIndex(strings.ToLower(u.Path), root)
		if i < 0 {
			return "", false
		}
		return u.Path[i:], true
	}
	above := a.public.Path
	if hostOf(u) != hostOf(a.public) || !strings.HasPrefix(strings.ToLower(u.Path), strings.ToLower(above)+root) {
		return "", false
	}
	return u.Path[len(above):], true
}

// hostOf is the host of an address in one spelling, with the port where it is not the
// scheme's own.
func hostOf(u *url.URL) string {
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return host
	}
	return host + ":" + port
}

// hostName is the host of somebody else's address, the rest of which may be a secret.
func hostName(address string) string {
	if u, err := url.Parse(strings.TrimSpace(address)); err == nil && u.Host != "" {
		return strings.ToValidUTF8(strings.Map(printable, hostOf(u)), "?")
	}
	return "an address that the vendor does not tell"
}

// printable leaves out what could change a terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// redact is a text without these secrets.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return text
}

// hookState is a subscription that an account should have, and what there is of it.
type hookState struct {
	want    providers.HookSubscription
	is      *providers.WebhookSubscription   // nil: it is missing
	faults  []string                         // what of it is not as it should be
	doubles []*providers.WebhookSubscription // of it, to the same account
	taken   *providers.WebhookSubscription   // somebody else's, which stands in the way; nil: none
}

// name is what the subscription is called in what is printed: by its event, if it has one.
func (s hookState) name() string {
	if s.want.Sole {
		return s.want.Events[0]
	}
	return "the subscription"
}

// right says whether it is there and as it should be.
func (s hookState) right() bool { return s.is != nil && len(s.faults) == 0 }

// compare holds what a vendor has against what an account should have. Of several
// subscriptions of the account it takes the one with the fewest faults, and of equal ones
// the oldest: every run takes the same.
func (a hookAddress) compare(rows []*providers.WebhookSubscription, wanted []providers.HookSubscription) []hookState {
	rows = slices.SortedFunc(slices.Values(rows), older)
	states := make([]hookState, len(wanted))
	for i, want := range wanted {
		s := &states[i]
		s.want = want
		for _, row := range rows {
			switch same := !want.Sole || contains(row.Events, want.Events[0]); {
			case !same:
			case a.judge(row.TargetURL, want) != targetForeign:
				s.doubles = append(s.doubles, row)
			case want.Sole:
				s.taken = row
			}
		}
		if len(s.doubles) == 0 {
			continue
		}
		s.taken = nil // the vendor has both: nothing stands in the way
		s.is = slices.MinFunc(s.doubles, func(x, y *providers.WebhookSubscription) int {
			return cmp.Compare(len(a.faults(x, want)), len(a.faults(y, want)))
		})
		s.faults = a.faults(s.is, want)
		s.doubles = slices.DeleteFunc(s.doubles, func(row *providers.WebhookSubscription) bool { return row == s.is })
	}
	return states
}

// older orders subscriptions by their age; numbers that the vendor counts up are ordered
// within a second.
func older(x, y *providers.WebhookSubscription) int {
	return cmp.Or(
		x.Listed().Truncate(time.Second).Compare(y.Listed().Truncate(time.Second)),
		cmp.Compare(len(x.ID.Local), len(y.ID.Local)),
		cmp.Compare(x.ID.Local, y.ID.Local),
	)
}

// faults are what of a subscription to the account is not as it should be.
func (a hookAddress) faults(row *providers.WebhookSubscription, want providers.HookSubscription) (faults []string) {
	if a.judge(row.TargetURL, want) != targetRight {
		faults = append(faults, "its address")
	}
	if len(missingEvents(row, want)) > 0 {
		faults = append(faults, "its events")
	}
	if row.Active != nil && !*row.Active {
		faults = append(faults, "it is switched off")
	}
	return faults
}

// missingEvents are the events that a subscription should have and has not. Others that it
// has, which may be new at the vendor, do no harm.
func missingEvents(row *providers.WebhookSubscription, want providers.HookSubscription) []string {
	return slices.DeleteFunc(slices.Clone(want.Events), func(event string) bool { return contains(row.Events, event) })
}

// contains says whether a vendor's names of events have one, in whatever case.
func contains(events []string, event string) bool {
	return slices.ContainsFunc(events, func(e string) bool { return strings.EqualFold(strings.TrimSpace(e), event) })
}
