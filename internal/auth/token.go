package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/maypok86/otter/v2"
)

// Leeway is how far the issuer's clock may be from ours.
const Leeway = 30 * time.Second

const (
	longestToken   = 8 << 10 // bytes
	longestSubject = 255     // bytes
	mostRemembered = 10_000  // tokens
	rememberedFor  = 5 * time.Minute
)

// Claims are the names of the claims that say who a token's viewer is.
type Claims struct {
	Role       string
	Accounts   string
	Affiliates string
	Email      string // and with _verified behind it that of the claim that says whether it is
}

// TokenOptions says which tokens are accepted. Of JWKS and Secret there is one, and
// everything else but HTTP is there.
type TokenOptions struct {
	Issuer   string // the claim iss; without spaces
	Audience string // in the claim aud
	JWKS     string // the URL of the issuer's public keys
	Secret   []byte // shared with the issuer, for HS256
	Claims   Claims
	Roles    []Role // that the issuer may give; nil: all

	HTTP   http.RoundTripper // fetches the JWKS; nil: http.DefaultTransport
	Now    func() time.Time
	Failed func(error) // hears, maybe from several goroutines at once, why the JWKS could not be fetched
}

// Tokens knows viewers by their JSON Web Tokens; the package's documentation says which are
// accepted. It is safe for concurrent use.
type Tokens struct {
	issuer string
	claims Claims
	roles  []Role
	now    func() time.Time
	parser *jwt.Parser
	key    func(context.Context, *jwt.Token) (any, error) // that has to have signed it

	verified *otter.Cache[[sha256.Size]byte, verified] // by the token's hash: a dump of the memory gives no tokens away
}

// verified is what is remembered of a token.
type verified struct {
	viewer *Viewer
	until  time.Time
}

// NewTokens makes an authenticator of tokens. It waits for nothing: the JWKS is fetched,
// now and again, by a goroutine that ends with ctx. It panics where the options would leave
// something unchecked.
func NewTokens(ctx context.Context, o TokenOptions) *Tokens {
	if (o.JWKS == "") == (len(o.Secret) == 0) || o.Issuer == "" || o.Audience == "" {
		panic("auth: tokens need an issuer, an audience, and either a JWKS or a secret")
	}
	t := &Tokens{
		issuer: o.Issuer,
		claims: o.Claims,
		roles:  o.Roles,
		now:    o.Now,
		verified: otter.Must(&otter.Options[[sha256.Size]byte, verified]{
			MaximumSize: mostRemembered, Logger: &otter.NoopLogger{},
		}),
	}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	if o.JWKS != "" {
		methods = []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg()}
		t.key = newKeySet(ctx, o).key
	} else {
		t.key = func(context.Context, *jwt.Token) (any, error) { return o.Secret, nil }
	}
	t.parser = jwt.NewParser(
		jwt.WithValidMethods(methods),
		jwt.WithStrictDecoding(),
		jwt.WithIssuer(o.Issuer),
		jwt.WithAudience(o.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(o.Now),
	)
	return t
}

var errCritical = errors.New("an extension that has to be understood")

// Refusal is the error of a token that is not accepted. Its text is for clients and the same
// for all. It wraps [ErrBadToken].
type Refusal struct {
	// Reason says to the operator why the token is refused: the claim and what is expected
	// of it, or what is wrong with the signature. It holds neither the token nor the value
	// of a claim.
	Reason string
}

func (r *Refusal) Error() string { return ErrBadToken.Error() }

// Unwrap is ErrBadToken.
func (r *Refusal) Unwrap() error { return ErrBadToken }

// Viewer is who a token is about, if it is accepted; otherwise the error is a [*Refusal]. ctx
// bounds how long the issuer's keys are waited for.
func (t *Tokens) Viewer(ctx context.Context, token string) (*Viewer, error) {
	if len(token) > longestToken {
		return nil, &Refusal{fmt.Sprintf("the token has more than %d bytes", longestToken)}
	}
	hash := sha256.Sum256([]byte(token))
	if known, ok := t.verified.GetIfPresent(hash); ok && t.now().Before(known.until) {
		return known.viewer, nil
	}
	claims := jwt.MapClaims{}
	_, err := t.parser.ParseWithClaims(token, claims, func(parsed *jwt.Token) (any, error) {
		if _, ok := parsed.Header["crit"]; ok {
			return nil, errCritical
		}
		return t.key(ctx, parsed)
	})
	if err != nil {
		return nil, &Refusal{reasonOf(claims, err)}
	}
	v, bad := t.viewer(claims)
	if bad != nil {
		return nil, &Refusal{bad.String()}
	}
	until := t.now().Add(rememberedFor)
	if exp, err := claims.GetExpirationTime(); err == nil && exp.Before(until) {
		until = exp.Time
	}
	t.verified.Set(hash, verified{v, until})
	return v, nil
}

// reasonOf is why the parser refuses a token.
func reasonOf(claims jwt.MapClaims, err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenInvalidClaims):
		return registered(claims, err).String()
	case errors.Is(err, errCritical):
		return "the header crit names an extension, and none is supported"
	case errors.Is(err, errNoKey):
		return "the header kid names no key of the issuer (auth.jwt.jwks_url)"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "the issuer's keys (auth.jwt.jwks_url) were not fetched in time"
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "it is not a well-formed JSON Web Token"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "the signature is wrong, or made by an algorithm that is not accepted here"
	default:
		return "its signature cannot be verified"
	}
}

// Forget empties what is remembered of tokens that were verified.
func (t *Tokens) Forget() { t.verified.InvalidateAll() }

// roles are the words of the role claim, those of API keys and partner.
var roles = map[string]Role{"admin": RoleAdmin, "editor": RoleEditor, "reader": RoleReader, "partner": RolePartner}

// badClaim is what is wrong with a token that is signed as it should be: the claim's name,
// and what is expected of it. It never holds the value.
type badClaim struct{ name, want string }

func (b *badClaim) String() string { return "the claim " + b.name + ": expected " + b.want }

const (
	wantList     = "a list of texts, or one text"
	wantTruth    = `true or false, or the text "true" or "false"`
	wantRole     = "admin, editor, reader or partner, and one of the roles that tokens may give (auth.jwt.roles)"
	wantSubject  = "a text of 1 to 255 printable characters"
	wantPartner  = "the ids of at least one affiliate; or no such claim, and a verified address"
	wantVerified = "true, for a partner without ids of affiliates"
	wantAddress  = "a text of printable characters, as it is said to be verified"
)

// viewer reads verified claims. What a claim plainly says is taken; whatever is not as it
// should be refuses the token: what was meant cannot be guessed.
func (t *Tokens) viewer(c jwt.MapClaims) (*Viewer, *badClaim) {
	subject, _ := c.GetSubject()
	if !printable(subject) || len(subject) > longestSubject {
		return nil, &badClaim{"sub", wantSubject}
	}
	word, _ := c[t.claims.Role].(string)
	role, known := roles[word]
	if !known || t.roles != nil && !slices.Contains(t.roles, role) {
		return nil, &badClaim{t.claims.Role, wantRole}
	}
	accounts, sound := texts(c, t.claims.Accounts)
	if !sound {
		return nil, &badClaim{t.claims.Accounts, wantList}
	}
	// The issuer has no space in it, so that no two subjects of two issuers are the same.
	v := &Viewer{Name: subject, Subject: "jwt:" + t.issuer + " " + subject, Role: role, Accounts: accounts}
	if role != RolePartner {
		return v, nil
	}
	if v.Affiliates, sound = texts(c, t.claims.Affiliates); !sound {
		return nil, &badClaim{t.claims.Affiliates, wantList}
	}
	verified, plain := truth(c[t.claims.Email+"_verified"])
	if verified {
		if v.Email, _ = c[t.claims.Email].(string); !printable(v.Email) {
			v.Email = ""
		}
	}
	// Whose affiliates are given is known by these: an issuer that names none does not mean
	// whoever has the address.
	switch {
	case len(v.Affiliates) > 0:
		return v, nil
	case v.Affiliates != nil:
		return nil, &badClaim{t.claims.Affiliates, wantPartner}
	case !plain:
		return nil, &badClaim{t.claims.Email + "_verified", wantTruth}
	case !verified:
		return nil, &badClaim{t.claims.Email + "_verified", wantVerified}
	case v.Email == "":
		return nil, &badClaim{t.claims.Email, wantAddress}
	}
	return v, nil
}

// truth is a claim that is true or false, also where the issuer writes it as a text. One
// that is not there, or null, is false; ok is false for any other.
func truth(claim any) (value, ok bool) {
	switch v := claim.(type) {
	case nil:
		return false, true
	case bool:
		return v, true
	case string:
		return v == "true", v == "true" || strings.EqualFold(v, "false")
	}
	return false, false
}

// registered is the claim, of those that every token has, for which the parser refuses a
// token whose signature is right.
func registered(c jwt.MapClaims, err error) *badClaim {
	exp, expErr := c.GetExpirationTime()
	_, nbfErr := c.GetNotBefore()
	_, iatErr := c.GetIssuedAt()
	const wantTime, wantPast = "a number of seconds since 1970", "a time that has passed"
	switch {
	case expErr != nil || exp == nil:
		return &badClaim{"exp", wantTime}
	case nbfErr != nil:
		return &badClaim{"nbf", wantTime}
	case iatErr != nil:
		return &badClaim{"iat", wantTime}
	case errors.Is(err, jwt.ErrTokenExpired):
		return &badClaim{"exp", "a time to come: the token has expired"}
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return &badClaim{"nbf", wantPast}
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return &badClaim{"iat", wantPast}
	case errors.Is(err, jwt.ErrTokenInvalidAudience) || c["aud"] == nil:
		return &badClaim{"aud", "the configured audience (auth.jwt.audience)"}
	}
	return &badClaim{"iss", "the configured issuer (auth.jwt.issuer)"}
}

// texts is a claim that is a list of texts, or nil where it is not there. One text is a
// list of it: some issuers write lists of one so. ok is false for any other, null included.
func texts(c jwt.MapClaims, name string) (list []string, ok bool) {
	claim, there := c[name]
	if !there {
		return nil, true
	}
	values, ok := claim.([]any)
	if text, single := claim.(string); single {
		values, ok = []any{text}, true
	}
	list = make([]string, len(values))
	for i, value := range values {
		text, isText := value.(string)
		list[i], ok = text, ok && isText && printable(text)
	}
	return list, ok
}

// printable says whether a text has something in it, and only what can be shown. (U+FFFD is
// what is left of what was no UTF-8.)
func printable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError })
}
