package config

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Credentials are an account's secrets, by the names that its vendor gives them. However one is
// printed, logged or encoded, only the names are shown. The zero value holds none.
type Credentials struct {
	// A function, because fmt descends into everything else, also where it may not call our
	// methods.
	reveal func() map[string]string
}

// NewCredentials holds a copy of these secrets.
func NewCredentials(secrets map[string]string) Credentials {
	secrets = maps.Clone(secrets)
	return Credentials{func() map[string]string { return maps.Clone(secrets) }}
}

// Reveal is a copy of the secrets, for the vendor's client.
func (c Credentials) Reveal() map[string]string {
	if c.reveal == nil {
		return map[string]string{}
	}
	return c.reveal()
}

// String is the names of the secrets.
func (c Credentials) String() string {
	return "credentials(" + strings.Join(slices.Sorted(maps.Keys(c.Reveal())), ", ") + ")"
}

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// MarshalText is String, for encoding/json and its like. Nothing decodes it again.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue is String, for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
