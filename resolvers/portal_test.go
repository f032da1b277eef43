package resolvers_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/httpapi"
)

// What the tokens of a portal say.
const (
	portalSecret   = "a secret of a portal and the server, thirty-two bytes at least"
	portalIssuer   = "https://portal.example"
	portalAudience = "partnergraph"
)

func portalTokens(t testing.TB, now func() time.Time) *auth.Tokens {
	return auth.NewTokens(t.Context(), auth.TokenOptions{
		Issuer: portalIssuer, Audience: portalAudience, Secret: []byte(portalSecret), Now: now,
		Claims: auth.Claims{Role: "role", Accounts: "accounts", Affiliates: "affiliates", Email: "email"},
	})
}

// roleWords are the roles as tokens have them.
var roleWords = map[auth.Role]string{auth.RoleAdmin: "admin", auth.RoleEditor: "editor", auth.RoleReader: "reader", auth.RolePartner: "partner"}

// token is what a portal signs for a viewer.
func (w *world) token(v *auth.Viewer) string {
	w.t.Helper()
	claims := jwt.MapClaims{"iss": portalIssuer, "aud": portalAudience, "sub": v.Name, "exp": w.now().Add(time.Hour).Unix(), "role": roleWords[v.Role]}
	if v.Accounts != nil {
		claims["accounts"] = v.Accounts
	}
	if v.Affiliates != nil {
		claims["affiliates"] = v.Affiliates
	}
	if v.Email != "" {
		claims["email"], claims["email_verified"] = v.Email, true
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(portalSecret))
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

// browse answers what the browser of a portal's user asks, through the whole handler. The
// world has to be a portal's. Whoever is no admin asks to be told which calls are made, and
// is not; partners are not told how many, either.
func (w *world) browse(v *auth.Viewer, query string, variables map[string]any) *answer {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token(v))
	if v.Role != auth.RoleAdmin {
		r.Header.Set(httpapi.ExplainHeader, "1")
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	a := &answer{status: recorder.Code, text: recorder.Body.String()}
	if err := json.Unmarshal(recorder.Body.Bytes(), a); err != nil || a.status == http.StatusUnauthorized {
		w.t.Fatalf("%d %v: %s", a.status, err, clipped(a.text))
	}
	if a.Extensions.Explain != nil {
		w.t.Errorf("%s is told of %d calls", v.Name, len(a.Extensions.Explain.Calls))
	}
	if v.Role == auth.RolePartner && strings.Contains(a.text, `"cost":`) {
		w.t.Errorf("%s is told what it costs: %s", v.Name, clipped(a.text))
	}
	return a
}
