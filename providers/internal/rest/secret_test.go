package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/partnergraph/partnergraph/providers"
)

const (
	secret    = "sk_live_5ecret"
	private   = "jane+x@customer.example"
	onPath    = "promo one"
	bystander = "someone.else@customer.example" // an address that the request did not name
)

// Whatever a vendor does with what it was told, none of it is repeated in errors, logs,
// traces or health.
func TestNothingPrivateIsRepeated(t *testing.T) {
	echo := strings.Join([]string{secret, private, url.QueryEscape(private), onPath, url.PathEscape(onPath), bystander}, " | ")
	fields := `{"who": "` + echo + `"}`
	classify := func(_ int, body []byte) *providers.Error {
		if !strings.HasPrefix(string(body), "E") {
			return nil
		}
		return &providers.Error{Err: fmt.Errorf("vendor says: %w", errors.New(string(body))), Fields: map[string][]string{"email": {string(body)}}}
	}
	for name, answer := range map[string]func(int, *http.Request) (*http.Response, error){
		"success":         always(200, `{}`).answer,
		"refused":         always(401, "E "+echo).answer,
		"invalid":         always(422, "E "+echo).answer,
		"down":            always(500, "E "+echo).answer,
		"bad JSON":        always(200, echo).answer,
		"wrong type":      always(200, fields).answer,
		"redirect":        always(302, "", "Location", "https://"+secret+"@elsewhere.example/?e="+url.QueryEscape(private)).answer,
		"broken redirect": always(302, "", "Location", "http://[::"+echo).answer,
		"no connection": func(_ int, r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("cannot reach " + r.URL.String() + " with " + echo)}
		},
		"no answer": hang,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture("http://vendor.test", &vendor{answer: answer}, func(c *Config) { c.Classify = classify })
				err := f.Get(providers.WithTrace(t.Context(), &f.trace), Request{
					Op: "GET /codes/{code}", Path: "/codes/" + url.PathEscape(onPath), PrivatePath: true,
					Query: url.Values{"email": {private}}, Into: &struct{ Who int }{},
				})
				said := fmt.Sprintf("%v\n%s\n%+v", f.Health().Status, f.log.String(), f.trace.Calls())
				if e := f.Health().LastError; e != nil {
					said += "\n" + *e
				}
				for ; err != nil; err = errors.Unwrap(err) {
					said += fmt.Sprintf("\n%v\n%#v", err, err)
					if e, ok := err.(*providers.Error); ok {
						said += fmt.Sprint(e.Fields)
					}
				}
				for _, s := range strings.Split(echo, " | ") {
					if strings.Contains(said, s) {
						t.Errorf("%q is repeated in:\n%s", s, said)
					}
				}
				if !strings.Contains(said, "/codes/{code}") {
					t.Errorf("the operation is not named in:\n%s", said)
				}
			})
		})
	}
}

// What holds nothing private stays as it was said, and stays recognizable.
func TestHarmlessErrorsAreKept(t *testing.T) {
	cause := errors.New("name is taken")
	f := newFixture("http://vendor.test", always(422, ""), func(c *Config) {
		c.Classify = func(int, []byte) *providers.Error { return &providers.Error{Err: cause} }
	})
	if err := f.get(t.Context(), nil); !errors.Is(err, cause) {
		t.Errorf("got %v, want one that wraps %v", err, cause)
	}
}
