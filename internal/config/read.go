package config

import (
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// What is beyond this had its unit mistaken.
const (
	longestLife = 365 * 24 * time.Hour
	longestWait = time.Hour
)

// read reads the configuration from a file, if there is one, and the environment. Fields stand in the
// order of the documentation.
func read(doc *document, getenv Getenv, reg *providers.Registry) (*Config, error) {
	r := &reader{getenv: getenv, vendors: reg}
	root := value{reader: r, variable: "PARTNERGRAPH"}
	if doc != nil {
		r.name, root.node, root.at = doc.name, doc.root, place{1, 1}
		if root.node != nil {
			root.at = position(root.node)
		}
	}

	c := Default()
	asked := false // whether anyone is asked who they are
	listen := root.child("listen", nil)
	root.mapping(
		field{name: "listen", read: func(v value) { listen = v }},
		field{name: "redis", read: func(v value) { v.redis(&c.Redis) }},
		field{name: "accounts", read: func(v value) {
			v.list("accounts", doc != nil, func(v value) { c.Accounts = append(c.Accounts, v.account(c)) })
		}},
		field{name: "cache", read: func(v value) { v.cache(&c.Cache) }},
		field{name: "auth", read: func(v value) { asked = v.auth(c) }},
		field{name: "cors", read: func(v value) { v.cors(&c.CORS, asked) }},
		field{name: "writes", read: func(v value) {
			v.mapping(
				setting("settle", &c.Writes.Settle, duration(time.Second, longestWait)),
				setting("keep", &c.Writes.Keep, duration(time.Minute, longestLife)),
			)
		}},
		field{name: "limits", read: func(v value) { v.limits(&c.Limits) }},
		field{name: "cursors", read: func(v value) { v.cursors(&c.Cursors) }},
		setting("playground", &c.Playground, truth),
		setting("introspection", &c.Introspection, truth),
		later("persisted_operations"),
	)
	listen.listen(&c.Listen, asked)
	if len(r.problems) > 0 {
		return nil, r.problems.sorted()
	}
	return c, nil
}

// listen reads the address, which only this machine may reach if nobody is asked who they are.
func (v value) listen(dst *string, asked bool) {
	from := ""
	if text, ok := v.override(v.variable); ok {
		from = v.variable
		override(v, from, text, dst, address)
	} else if port, ok := v.override("PORT"); ok {
		from = "PORT"
		override(v, from, port, dst, allInterfaces)
	} else {
		load(v, dst, address)
	}
	if !asked && !loopback(*dst) {
		v.problemIn(from, "found %q without auth, which lets in everyone who reaches it; expected an address "+
			"of this machine alone, like 127.0.0.1:8080, or auth with api_keys or jwt", *dst)
	}
}

// account reads an entry of accounts; c holds those before it.
func (v value) account(c *Config) Account {
	a := Account{Timeout: 10 * time.Second, CustomerEmails: EmailsHidden}
	var vendor providers.Factory
	v.mapping(
		field{name: "id", want: accountID.want, read: func(id value) {
			if !load(id, &a.ID, accountID) {
				return
			}
			if c.hasAccount(a.ID) {
				id.problem("found %q, the id of another account, expected an id of its own", a.ID)
			}
			// From here on, so that the id itself is not overridden.
			v.variable = "PARTNERGRAPH_ACCOUNTS_" + strings.ToUpper(strings.ReplaceAll(a.ID, "-", "_"))
		}},
		setting("name", &a.Name, label),
		field{name: "provider", want: v.vendor().want, read: func(v value) {
			load(v, &vendor, v.vendor())
			a.Provider = vendor.Name
			a.RateLimit = RateLimit{Requests: vendor.Limit, Per: vendor.Window}
		}},
		required("currency", &a.Currency, currencyCode),
		setting("base_url", &a.BaseURL, baseURL),
		field{name: "credentials", read: func(v value) {
			if vendor.Name != "" { // else nobody knows which there have to be
				a.Credentials = v.credentials(vendor.Credentials)
			}
		}},
		field{name: "rate_limit", read: func(v value) {
			v.mapping(
				setting("requests", &a.RateLimit.Requests, wholeNumber(1, 1_000_000)),
				setting("per", &a.RateLimit.Per, duration(time.Second, 24*time.Hour)),
			)
		}},
		setting("timeout", &a.Timeout, duration(100*time.Millisecond, longestWait)),
		setting("customer_emails", &a.CustomerEmails, customerEmails),
		later("webhook"),
	)
	if a.Name == "" {
		a.Name = a.ID
	}
	return a
}

// vendor is one of the vendors that the program was built with.
func (r *reader) vendor() kind[providers.Factory] {
	var words []word[providers.Factory]
	for _, f := range r.vendors.Factories() {
		words = append(words, word[providers.Factory]{f.Name, f})
	}
	return oneOf(words...)
}

// credentials reads the secrets of these names.
func (v value) credentials(names []string) Credentials {
	v.secret = true
	secrets := map[string]string{}
	var fields []field
	for _, name := range names {
		fields = append(fields, field{name: name, want: secret.want, read: func(v value) {
			var text string
			if load(v, &text, secret) {
				secrets[name] = text
			}
		}})
	}
	v.mapping(fields...)
	return NewCredentials(secrets)
}

// cache reads how long records count as fresh.
func (v value) cache(c *Cache) {
	lifetime := duration(time.Second, longestLife)
	v.mapping(
		setting("affiliate", &c.Affiliate, lifetime),
		setting("membership", &c.Membership, lifetime),
		setting("campaign", &c.Campaign, lifetime),
		setting("referral", &c.Referral, lifetime),
		setting("commission", &c.Commission, lifetime),
		setting("payout", &c.Payout, lifetime),
		setting("coupon", &c.Coupon, lifetime),
		setting("list", &c.List, lifetime),
		setting("stale", &c.Stale, lifetime),
		setting("memory", &c.Memory, bytes(MiB, 1024*GiB)),
		setting("responses", &c.Responses, bytes(0, 1024*GiB)),
	)
}

// limits reads the bounds of a request.
func (v value) limits(l *Limits) {
	v.mapping(
		setting("calls", &l.Calls, wholeNumber(1, 100_000)),
		setting("pages", &l.Pages, wholeNumber(1, 10_000)),
		setting("timeout", &l.Timeout, duration(time.Second, longestWait)),
		setting("body", &l.Body, bytes(KiB, GiB)),
		setting("tokens", &l.Tokens, wholeNumber(1, 1_000_000)),
		setting("depth", &l.Depth, wholeNumber(1, 500)),
		setting("aliases", &l.Aliases, wholeNumber(1, 100_000)),
		setting("cost", &l.Cost, wholeNumber(1, 10_000_000)),
		setting("answer", &l.Answer, bytes(16*KiB, GiB)),
		setting("load", &l.Load, wholeNumber(1000, 1_000_000_000)),
		setting("connections", &l.Connections, wholeNumber(10, 1_000_000)),
		setting("partner", &l.Partner, wholeNumber(1, 1_000_000)),
		setting("reserve", &l.Reserve, wholeNumber(0, 99)),
		setting("writes", &l.Writes, wholeNumber(1, 1_000_000)),
	)
}

// cursors reads what seals cursors.
func (v value) cursors(c *Cursors) {
	secrets := map[string]string{}
	read := func(name string) field {
		return field{name: name, read: func(v value) {
			var text string
			if load(v, &text, hmacSecret); text != "" {
				secrets[name] = text
			}
		}}
	}
	v.mapping(read("key"), read("previous"))
	c.Secrets = NewCredentials(secrets)
}

// cors reads which web pages may ask. Where nobody is asked who they are, those are pages of this machine alone.
func (v value) cors(c *CORS, asked bool) {
	said := v.node != nil
	add := func(v value, variable, from string) {
		if !asked && !thisMachine(from) {
			v.problemIn(variable, "found %q without auth, which lets in all of its pages; expected an origin of this machine alone, "+
				"like http://localhost:3000, or auth with api_keys or jwt", from)
		}
		c.Origins = append(c.Origins, from)
	}
	v.mapping(
		field{name: "origins", read: func(v value) { texts(v, "origins", said, origin, add) }},
		field{name: "headers", read: func(v value) {
			texts(v, "names of headers", false, header, func(_ value, _, name string) { c.Headers = append(c.Headers, name) })
			if len(c.Headers) > maxHeaders {
				v.problem("found %d headers, expected at most %d", len(c.Headers), maxHeaders)
			}
		}},
	)
}

// maxHeaders bounds cors.headers: each of them is compared with what preflights ask for.
const maxHeaders = 50

// texts reads a list of texts, or a variable that has commas between them. add is given each, and the variable that it is from; "" for the file.
func texts(v value, want string, need bool, k kind[string], add func(v value, variable, text string)) {
	var text string
	if all, ok := v.override(v.variable); ok {
		for part := range strings.SplitSeq(all, ",") {
			if override(v, v.variable, strings.TrimSpace(part), &text, k) {
				add(v, v.variable, text)
			}
		}
		return
	}
	v.list(want, need, func(v value) {
		if load(v, &text, k) {
			add(v, "", text)
		}
	})
}
