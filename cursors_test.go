package main

import (
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/listing"
)

// TestCursorKeys wants the cursors of one replica valid on all that have the same accounts
// or the same key, and after a restart that sets a key or replaces it; and on no other.
func TestCursorKeys(t *testing.T) {
	account := func(id, secret string) config.Account {
		return config.Account{ID: id, Credentials: config.NewCredentials(map[string]string{"api_key": secret})}
	}
	keyed := func(key, previous string, accounts ...config.Account) *config.Config {
		secrets := map[string]string{}
		for name, text := range map[string]string{"key": key, "previous": previous} {
			if text != "" {
				secrets[name] = strings.Repeat(text, 32)
			}
		}
		return &config.Config{Accounts: accounts, Cursors: config.Cursors{Secrets: config.NewCredentials(secrets)}}
	}
	seals := func(c *config.Config) *listing.Seals {
		s := listing.NewSeals(time.Now)
		key, former := cursorKeys(c)
		s.Use(key, former...)
		return s
	}
	shop, saas := account("shop", "one"), account("saas", "two")
	for name, tt := range map[string]struct {
		before, after *config.Config
		want          bool
	}{
		"derived, in another order":     {keyed("", "", shop, saas), keyed("", "", saas, shop), true},
		"derived, another credential":   {keyed("", "", shop, saas), keyed("", "", shop, account("saas", "three")), false},
		"derived, credentials swapped":  {keyed("", "", shop, saas), keyed("", "", account("shop", "two"), account("saas", "one")), false},
		"derived, a former key":         {keyed("a", "", shop), keyed("", "a", shop), true},
		"configured, other accounts":    {keyed("a", "", shop), keyed("a", "", saas), true},
		"configured, another key":       {keyed("a", "", shop), keyed("b", "", shop), false},
		"configured, the former key":    {keyed("a", "", shop), keyed("b", "a", shop), true},
		"configured where none was":     {keyed("", "", shop), keyed("a", "", shop), true},
		"configured, of other accounts": {keyed("", "", shop), keyed("a", "", saas), false},
	} {
		cursor := seals(tt.before).Seal("list", nil)
		if _, err := seals(tt.after).Unseal("list", cursor); (err == nil) != tt.want {
			t.Errorf("%s: %v, valid should be %t", name, err, tt.want)
		}
	}
}
