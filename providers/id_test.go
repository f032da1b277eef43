package providers_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

var nouns = []providers.Noun{
	providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral, providers.NounCommission,
	providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription, providers.NounAccount,
}

// Clients have stored ids like these: they must never come out differently.
func TestIDsAreStable(t *testing.T) {
	for want, id := range map[string]providers.ID{
		"b2FjbWU6":        {Account: "acme", Noun: providers.NounAccount},
		"YWFjbWU6MTI":     {Account: "acme", Noun: providers.NounAffiliate, Local: "12"},
		"bWFjbWU6MTI":     {Account: "acme", Noun: providers.NounMembership, Local: "12"},
		"Y2FjbWU6MTI":     {Account: "acme", Noun: providers.NounCampaign, Local: "12"},
		"cmFjbWU6MTJ-MzQ": {Account: "acme", Noun: providers.NounReferral, Local: "12~34"},
		"ZWFjbWU6MTI":     {Account: "acme", Noun: providers.NounCommission, Local: "12"},
		"cGFjbWU6MTI":     {Account: "acme", Noun: providers.NounPayout, Local: "12"},
		"a2FjbWU6MTI":     {Account: "acme", Noun: providers.NounCoupon, Local: "12"},
		"d2FjbWU6MTI":     {Account: "acme", Noun: providers.NounWebhookSubscription, Local: "12"},
		"":                {},
	} {
		if got := id.String(); got != want {
			t.Errorf("%+v is %q; want %q", id, got, want)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":            "",
		"no base64":          "YWFjbWU6MTI!",
		"padding":            "YWFjbWU6MTI=",
		"stray bits":         "YWFjbWU6MTJ",
		"a line break":       "YWFjbWU6\nMTI",
		"an unknown noun":    encode("zacme:12"),
		"no colon":           encode("aacme"),
		"no account":         encode("a:12"),
		"a bad account":      encode("aAcme:12"),
		"no local":           encode("aacme:"),
		"an account's local": encode("oacme:12"),
		"too long":           encode("aacme:" + strings.Repeat("1", 500)),
	} {
		if id, err := providers.ParseID(s); !errors.Is(err, providers.ErrID) {
			t.Errorf("%s: ParseID(%q) = %+v, %v; want ErrID", name, s, id, err)
		}
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// FuzzParseID: a text that is an id is the only one of its id.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{"YWFjbWU6MTI", "b2FjbWU6", "YWFjbWU6MTJ", "YWFj\nbWU6MTI", "", encode("aacme::")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := providers.ParseID(s)
		if err != nil {
			if !errors.Is(err, providers.ErrID) || !id.IsZero() {
				t.Errorf("ParseID(%q) = %+v, %v; want no id and ErrID", s, id, err)
			}
			return
		}
		if got := id.String(); got != s || id.IsZero() || !providers.ValidAccount(id.Account) {
			t.Errorf("ParseID(%q) = %+v, whose text is %q", s, id, got)
		}
	})
}

// FuzzID: every id comes back from its text.
func FuzzID(f *testing.F) {
	f.Add("acme", uint8(0), "12")
	f.Add("a-1", uint8(3), "é~\x00:%7E")
	f.Fuzz(func(t *testing.T, account string, noun uint8, local string) {
		id := providers.ID{Account: account, Noun: nouns[int(noun)%len(nouns)], Local: local}
		s := id.String()
		got, err := providers.ParseID(s)
		valid := providers.ValidAccount(account) && (local == "") == (id.Noun == providers.NounAccount) && len(s) <= 512
		if !valid {
			if err == nil && got == id {
				t.Errorf("%+v is no id, but %q is read as one", id, s)
			}
			return
		}
		if err != nil || got != id {
			t.Errorf("ParseID(%q) = %+v, %v; want %+v", s, got, err, id)
		}
	})
}

// FuzzJoinLocal: parts come back, however they are spelled.
func FuzzJoinLocal(f *testing.F) {
	f.Add("1", "2", "3")
	f.Add("~", "%7E", "%257E")
	f.Add("%", "", "~~")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		parts := []string{a, b, c}
		local := providers.JoinLocal(parts...)
		got, ok := providers.SplitLocal(local, 3)
		if want := a != "" && b != "" && c != ""; ok != want || ok && !slices.Equal(got, parts) {
			t.Errorf("SplitLocal(%q, 3) = %q, %v; want %q, %v", local, got, ok, parts, want)
		}
		if _, ok := providers.SplitLocal(local, 2); ok {
			t.Errorf("SplitLocal(%q, 2) takes three parts for two", local)
		}
	})
}

// FuzzSplitLocal: only one text stands for the same parts, or two ids would name one record.
func FuzzSplitLocal(f *testing.F) {
	for _, s := range []string{"1~2", "a%b~c", "%7e~1", "%7E~%25", "~", "%2541~x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, local string) {
		for n := range 4 {
			if parts, ok := providers.SplitLocal(local, n); ok && (len(parts) != n || providers.JoinLocal(parts...) != local) {
				t.Errorf("SplitLocal(%q, %d) = %q, which is joined as %q", local, n, parts, providers.JoinLocal(parts...))
			}
		}
	})
}
