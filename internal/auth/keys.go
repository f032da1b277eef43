package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
)

// Key is an API key as the server knows it.
type Key struct {
	Name     string            // who holds it; the same for several keys while one replaces another
	SHA256   [sha256.Size]byte // of the key's text
	Role     Role
	Accounts []string // the ids of the accounts it opens; nil: all
}

// Keys knows viewers by their API keys. It is safe for concurrent use.
type Keys struct {
	hashes  [][sha256.Size]byte
	viewers []*Viewer // of the hash at the same index
}

// New makes an authenticator of these keys; without any it lets nobody in. Of two keys with the
// same hash the later one counts.
func New(keys []Key) *Keys {
	k := &Keys{}
	for _, key := range keys {
		k.hashes = append(k.hashes, key.SHA256)
		k.viewers = append(k.viewers, &Viewer{Name: key.Name, Role: key.Role, Accounts: key.Accounts})
	}
	return k
}

// Viewer is who holds this key. How long it takes tells nothing about the keys: each is compared,
// in constant time.
func (k *Keys) Viewer(presented string) (*Viewer, bool) {
	hash := sha256.Sum256([]byte(presented))
	found := -1
	for i := range k.hashes {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], k.hashes[i][:]), i, found)
	}
	if found < 0 {
		return nil, false
	}
	return k.viewers[found], true
}

// The reasons why a request is not let in. Both mean status 401.
var (
	ErrNoCredentials  = errors.New("no API key: send it as \"Authorization: Bearer <key>\" or \"X-API-Key: <key>\"")
	ErrBadCredentials = errors.New("the API key is not known here, or not sent as \"Authorization: Bearer <key>\" or \"X-API-Key: <key>\"")
)

// FromRequest is who sends a request, by its header Authorization with the scheme Bearer
// (https://www.rfc-editor.org/rfc/rfc6750#section-2.1) or by X-API-Key. A request with both is
// read by X-API-Key if Authorization has another scheme, which is then meant for a proxy on the
// way, and else has to carry the same key twice.
//
// The error is [ErrNoCredentials] where neither header is there, and else [ErrBadCredentials]; it never
// holds what was sent.
func (k *Keys) FromRequest(r *http.Request) (*Viewer, error) {
	key, err := presented(r.Header)
	if err != nil {
		return nil, err
	}
	v, ok := k.Viewer(key)
	if !ok {
		return nil, ErrBadCredentials
	}
	return v, nil
}

// presented is the one key that a request's headers hold. Anything doubtful is refused, so that a proxy
// that reads headers in another order can never take the request for somebody else's.
func presented(h http.Header) (string, error) {
	authorization, apiKey := h.Values("Authorization"), h.Values("X-API-Key")
	if len(authorization) == 0 && len(apiKey) == 0 {
		return "", ErrNoCredentials
	}
	if len(authorization) > 1 || len(apiKey) > 1 {
		return "", ErrBadCredentials
	}
	var key string
	if len(authorization) == 1 {
		scheme, rest, _ := strings.Cut(authorization[0], " ")
		if strings.EqualFold(scheme, "Bearer") {
			if key = strings.TrimSpace(rest); key == "" {
				return "", ErrBadCredentials
			}
		}
	}
	if len(apiKey) == 1 {
		second := strings.TrimSpace(apiKey[0])
		if key != "" && second != key {
			return "", ErrBadCredentials
		}
		key = second
	}
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return "", ErrBadCredentials
	}
	return key, nil
}
