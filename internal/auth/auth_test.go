package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var keys = []Key{
	{Name: "dashboard", SHA256: sha256.Sum256([]byte("old")), Role: RoleReader, Accounts: []string{"saas"}},
	{Name: "dashboard", SHA256: sha256.Sum256([]byte("new")), Role: RoleReader, Accounts: []string{"saas"}},
	{Name: "ops", SHA256: sha256.Sum256([]byte("root")), Role: RoleAdmin},
}

var (
	dashboard = &Viewer{Name: "dashboard", Subject: "key:dashboard", Role: RoleReader, Accounts: []string{"saas"}}
	ops       = &Viewer{Name: "ops", Subject: "key:ops", Role: RoleAdmin}
)

func TestFromRequest(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		want   *Viewer
		err    error
	}{
		{"nothing", http.Header{}, nil, ErrNoCredentials},
		{"bearer", http.Header{"Authorization": {"Bearer old"}}, dashboard, nil},
		{"the key that replaces it", http.Header{"Authorization": {"Bearer new"}}, dashboard, nil},
		{"the scheme's case does not matter", http.Header{"Authorization": {"bEARER root"}}, ops, nil},
		{"more spaces", http.Header{"Authorization": {"Bearer   root "}}, ops, nil},
		{"X-API-Key", http.Header{"X-Api-Key": {"root"}}, ops, nil},
		{"X-API-Key behind a proxy's own", http.Header{"Authorization": {"Basic eDp5"}, "X-Api-Key": {"root"}}, ops, nil},
		{"the same twice", http.Header{"Authorization": {"Bearer root"}, "X-Api-Key": {"root"}}, ops, nil},
		{"two keys", http.Header{"Authorization": {"Bearer root"}, "X-Api-Key": {"old"}}, nil, ErrBadCredentials},
		{"two keys, one empty", http.Header{"Authorization": {"Bearer root"}, "X-Api-Key": {""}}, nil, ErrBadCredentials},
		{"an empty bearer and a key", http.Header{"Authorization": {"Bearer "}, "X-Api-Key": {"root"}}, nil, ErrBadCredentials},
		{"two headers", http.Header{"Authorization": {"Bearer root", "Bearer root"}}, nil, ErrBadCredentials},
		{"unknown key", http.Header{"Authorization": {"Bearer roots"}}, nil, ErrBadCredentials},
		{"the key's case matters", http.Header{"Authorization": {"Bearer ROOT"}}, nil, ErrBadCredentials},
		{"the hash is no key", http.Header{"X-Api-Key": {"4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2"}}, nil, ErrBadCredentials},
		{"another scheme", http.Header{"Authorization": {"Basic root"}}, nil, ErrBadCredentials},
		{"no scheme", http.Header{"Authorization": {"root"}}, nil, ErrBadCredentials},
		{"no key", http.Header{"Authorization": {"Bearer"}}, nil, ErrBadCredentials},
		{"empty header", http.Header{"Authorization": {""}}, nil, ErrBadCredentials},
		{"two words", http.Header{"Authorization": {"Bearer root root"}}, nil, ErrBadCredentials},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New(keys, nil).FromRequest(&http.Request{Header: tt.header})
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("viewer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoKeysLetNobodyIn(t *testing.T) {
	for _, key := range []string{"", "root"} {
		if v, ok := NewKeys(nil).Viewer(key); ok || v != nil {
			t.Errorf("Viewer(%q) = %v, %t, want nobody", key, v, ok)
		}
	}
}

func TestSees(t *testing.T) {
	tests := []struct {
		name   string
		viewer *Viewer
		want   bool
	}{
		{"nobody", nil, false},
		{"all", Local(), true},
		{"this one", dashboard, true},
		{"another", &Viewer{Accounts: []string{"shop"}}, false},
		{"none", &Viewer{Accounts: []string{}}, false},
	}
	for _, tt := range tests {
		if got := tt.viewer.Sees("saas"); got != tt.want {
			t.Errorf("%s: Sees = %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestViewerFrom(t *testing.T) {
	if got := ViewerFrom(context.Background()); got != nil {
		t.Errorf("without a viewer: %v, want nil", got)
	}
	if got := ViewerFrom(WithViewer(context.Background(), ops)); got != ops {
		t.Errorf("got %v, want %v", got, ops)
	}
	if got := ViewerFrom(WithViewer(WithViewer(context.Background(), ops), nil)); got.Sees("saas") {
		t.Error("the nil viewer sees an account")
	}
}

// FuzzFromRequest proves that whatever the headers hold, only the exact key opens, and that no
// error repeats what was sent.
func FuzzFromRequest(f *testing.F) {
	f.Add("Bearer root", true, "", false)
	f.Add("Basic eDp5", true, "root", true)
	f.Add("Bearer \troot\t", true, "old", true)
	f.Add("", true, "", true)
	f.Add("", false, "", false)
	f.Fuzz(func(t *testing.T, authorization string, withAuthorization bool, apiKey string, withAPIKey bool) {
		h := http.Header{}
		if withAuthorization {
			h.Set("Authorization", authorization)
		}
		if withAPIKey {
			h.Set("X-API-Key", apiKey)
		}
		v, err := New(keys, nil).FromRequest(&http.Request{Header: h})
		switch {
		case err == nil:
			sent := authorization + "\n" + apiKey
			holds := func(key string) bool { return strings.Contains(sent, key) }
			if !(v.Name == "ops" && holds("root") || v.Name == "dashboard" && (holds("old") || holds("new"))) {
				t.Errorf("%q opens for %s", h, v.Name)
			}
		case v != nil:
			t.Errorf("a viewer beside the error %v", err)
		case errors.Is(err, ErrNoCredentials) != (!withAuthorization && !withAPIKey):
			t.Errorf("%q: %v", h, err)
		case err != ErrNoCredentials && err != ErrBadCredentials: //nolint:errorlint // the very values, so that nothing sent is wrapped in
			t.Errorf("%q: another error: %v", h, err)
		}
	})
}
