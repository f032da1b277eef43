package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestCredentialsAreNeverPrinted(t *testing.T) {
	c := Account{ID: "saas", Credentials: NewCredentials(map[string]string{"api_key": "hush", "account_id": "4711"})}
	unexported := struct{ c Credentials }{c.Credentials} // where fmt cannot call methods
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{c, &c, []Account{c}, c.Credentials, &c.Credentials, unexported, &unexported} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("x", "account", c, "credentials", c.Credentials)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed = append(printed, log.String(), string(encoded))
	for _, s := range printed {
		for _, secret := range []string{"hush", "4711", "68757368"} {
			if strings.Contains(s, secret) {
				t.Errorf("shows a secret: %s", s)
			}
		}
	}
	if got, want := c.Credentials.String(), "credentials(account_id, api_key)"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}

	c.Credentials.Reveal()["api_key"] = "changed"
	if got, want := c.Credentials.Reveal()["api_key"], "hush"; got != want {
		t.Errorf("a revealed copy changed the credential: %q, want %q", got, want)
	}
}
