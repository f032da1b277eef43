package auth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	fetchTime    = 5 * time.Second  // of one fetch of the JWKS
	fetchEvery   = 10 * time.Minute // so long at most is a key used that the issuer withdrew
	unknownEvery = 30 * time.Second // at most one fetch in this time is for key ids that are not known
	longestJWKS  = 256 << 10        // bytes
)

// keySet is the issuer's public keys.
type keySet struct {
	now     func() time.Time
	fetched chan struct{}   // closed after the first fetch, whether or not it brought anything; keys is set then
	keys    keyfunc.Keyfunc // fetches for each key id that it does not know: key goes before it
	turn    chan struct{}   // holds one while the keys are fetched for a key id that is not known
	unknown *rate.Limiter
}

// newKeySet begins to fetch the keys.
func newKeySet(ctx context.Context, o TokenOptions) *keySet {
	s := &keySet{
		now:     o.Now,
		fetched: make(chan struct{}),
		turn:    make(chan struct{}, 1),
		unknown: rate.NewLimiter(rate.Every(unknownEvery), 1),
	}
	go func() {
		defer close(s.fetched)
		keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{o.JWKS}, keyfunc.Override{
			Client: &http.Client{
				Transport: bounded{cmp.Or(o.HTTP, http.DefaultTransport)},
				// The keys come from where the configuration says, and from nowhere else.
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			HTTPTimeout: fetchTime, RateLimitWaitMax: fetchTime, RefreshInterval: fetchEvery,
			RefreshUnknownKID: rate.NewLimiter(rate.Inf, 0), // key bounds them: the library's own bound makes requests wait
			RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
				return func(_ context.Context, err error) {
					if ctx.Err() == nil {
						o.Failed(err)
					}
				}
			},
		})
		if err != nil {
			o.Failed(err)
			return
		}
		s.keys = keys
	}()
	return s
}

var errNoKey = errors.New("no such key")

// key is the key that a token names.
func (s *keySet) key(ctx context.Context, t *jwt.Token) (any, error) {
	select {
	case <-s.fetched:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	id, _ := t.Header["kid"].(string)
	if id == "" || s.keys == nil {
		return nil, errNoKey
	}
	if !s.knows(ctx, id) {
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		// Whoever waited for their turn may find the key that was fetched before it.
		if !s.knows(ctx, id) && !s.unknown.AllowN(s.now(), 1) {
			return nil, errNoKey
		}
	}
	// Not with the request's context: the fetch is for everyone, also if this client goes away.
	return s.keys.Keyfunc(t)
}

// knows says whether there is a key with this id, without a fetch.
func (s *keySet) knows(ctx context.Context, id string) bool {
	all, err := s.keys.Storage().KeyReadAll(ctx)
	if err != nil {
		return false
	}
	for _, k := range all {
		if k.Marshal().KID == id {
			return true
		}
	}
	return false
}

// bounded lets no more than longestJWKS through of an answer.
type bounded struct{ http.RoundTripper }

// RoundTrip does as http.RoundTripper says.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, longestJWKS)
	}
	return response, err
}

// FetchKeys fetches a JWKS once, and says how many keys with an id it has.
func FetchKeys(ctx context.Context, url string) (n int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	s := newKeySet(ctx, TokenOptions{JWKS: url, Now: time.Now, Failed: func(err error) {
		select {
		case failed <- err:
		default:
		}
	}})
	select {
	case <-s.fetched:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	all, err := s.keys.Storage().KeyReadAll(ctx)
	for _, k := range all {
		if k.Marshal().KID != "" {
			n++
		}
	}
	return n, err
}
