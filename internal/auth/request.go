package auth

import (
	"errors"
	"net/http"
	"strings"
)

// The reasons why a request is not let in. All mean status 401.
var (
	ErrNoCredentials  = errors.New("no API key: send it as \"Authorization: Bearer <key>\" or \"X-API-Key: <key>\"")
	ErrBadToken       = errors.New("the token is not accepted here: its signature, issuer, audience, times or claims are not as configured")
	ErrBadCredentials = errors.New("the API key is not known here, or not sent as \"Authorization: Bearer <key>\" or \"X-API-Key: <key>\"")
)

// Authenticator knows viewers by what their requests carry. It is safe for concurrent use.
type Authenticator struct {
	keys   *Keys
	tokens *Tokens // nil: none are accepted
}

// New makes an authenticator of these keys, of which there may be none, and of tokens
// unless they are nil.
func New(keys []Key, tokens *Tokens) *Authenticator {
	return &Authenticator{keys: NewKeys(keys), tokens: tokens}
}

// Forget empties what is remembered of those who asked; they are known again when they next ask.
func (a *Authenticator) Forget() {
	if a.tokens != nil {
		a.tokens.Forget()
	}
}

// FromRequest is who sends a request, by its header Authorization with the scheme Bearer
// (https://www.rfc-editor.org/rfc/rfc6750#section-2.1) or by X-API-Key. A request with both is
// read by X-API-Key if Authorization has another scheme, which is then meant for a proxy on the
// way, and else has to carry the same key twice.
//
// Where tokens are accepted, a bearer with two dots is one; everything else is an API key,
// and so is whatever stands in X-API-Key alone. It may wait for the issuer's keys, but no
// longer than the request's context lasts.
//
// The error is [ErrNoCredentials] where neither header is there, a [*Refusal] for a token
// that is not accepted, and else [ErrBadCredentials]; it never holds
// what was sent.
func (a *Authenticator) FromRequest(r *http.Request) (*Viewer, error) {
	text, bearer, err := presented(r.Header)
	if err != nil {
		return nil, err
	}
	if a.tokens != nil && bearer && strings.Count(text, ".") == 2 {
		return a.tokens.Viewer(r.Context(), text)
	}
	if v, ok := a.keys.Viewer(text); ok {
		return v, nil
	}
	return nil, ErrBadCredentials
}

// presented is the one key or token that a request's headers hold, and whether
// Authorization does. Anything doubtful is refused, so that a proxy that reads headers in
// another order can never take the request for somebody else's.
func presented(h http.Header) (text string, bearer bool, err error) {
	authorization, apiKey := h.Values("Authorization"), h.Values("X-API-Key")
	if len(authorization) == 0 && len(apiKey) == 0 {
		return "", false, ErrNoCredentials
	}
	if len(authorization) > 1 || len(apiKey) > 1 {
		return "", false, ErrBadCredentials
	}
	if len(authorization) == 1 {
		scheme, rest, _ := strings.Cut(authorization[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			text, bearer = strings.TrimSpace(rest), true
		}
	}
	if len(apiKey) == 1 {
		second := strings.TrimSpace(apiKey[0])
		if bearer && second != text {
			return "", false, ErrBadCredentials
		}
		text = second
	}
	if text == "" || strings.ContainsAny(text, " \t\r\n") {
		return "", false, ErrBadCredentials
	}
	return text, bearer, nil
}
