package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// account reads an entry of accounts; c holds those before it.
func (v value) account(c *Config) Account {
	a := Account{Timeout: 10 * time.Second, CustomerEmails: EmailsHidden}
	var vendor providers.Factory
	// The id is part of the variables of the account's other settings, and so not
	// overridden itself.
	named := func(id string) {
		v.variable = "PARTNERGRAPH_ACCOUNTS_" + strings.ToUpper(strings.ReplaceAll(id, "-", "_"))
	}
	v.mapping(
		field{
			name: "id", want: accountID.want,
			doc: "The id of the account. It is part of every global id that clients store: never " +
				"change it, and never reuse one.",
			read: func(id value) {
				if v.describing() {
					named("<ID>")
				}
				if !load(id, &a.ID, accountID) {
					return
				}
				if c.hasAccount(a.ID) {
					id.problem("found %q, the id of another account, expected an id of its own", a.ID)
				}
				named(a.ID)
			},
		},
		setting("name", &a.Name, label, "The name of the account, for people.").without("the id"),
		field{
			name: "provider", want: v.vendor().want,
			doc: "The vendor.",
			read: func(v value) {
				load(v, &vendor, v.vendor())
				a.Provider = vendor.Name
				a.RateLimit = RateLimit{Requests: vendor.Limit, Per: vendor.Window}
			},
		},
		required("currency", &a.Currency, currencyCode, "The currency of amounts for which the vendor "+
			"names none."),
		setting("base_url", &a.BaseURL, baseURL, "The address of the vendor's API; useful with the "+
			"simulators.").without("the vendor's own"),
		field{
			name: "credentials",
			doc: "The secrets of the account at its vendor, by the vendor's names. All of them are " +
				"needed.",
			absent: mandatory,
			read: func(v value) {
				if v.describing() {
					v.variable += "_<NAME>"
					v.describe(v.credentialNames(), "")
				} else if vendor.Name != "" { // else nobody knows which there have to be
					a.Credentials = v.credentials(vendor.Credentials)
				}
			},
		},
		field{
			name: "rate_limit",
			doc: "How many calls the account may make in a window of time. All replicas together keep " +
				"to it.",
			absent: "the vendor's limit, " + v.vendorLimits(),
			read: func(v value) {
				v.mapping(
					setting("requests", &a.RateLimit.Requests, wholeNumber(1, 1_000_000), "The number of calls.").without("the vendor's"),
					setting(
						"per",
						&a.RateLimit.Per,
						duration(time.Second, 24*time.Hour),
						"The length of the window.",
					).without("the vendor's"),
				)
			},
		},
		setting("timeout", &a.Timeout, duration(100*time.Millisecond, longestWait),
			"How long one call to the vendor may take, retries included. All calls of one request to "+
				"this account share it."),
		setting("customer_emails", &a.CustomerEmails, customerEmails,
			"What partners see of their customers' e-mail addresses: `hidden` shows masked ones, "+
				"`campaign` follows the campaign's setting at the vendor, `shown` shows all."),
		field{
			name: "webhooks", absent: "no delivery is accepted",
			doc:  "How webhooks of the vendor are recognized. See [Webhooks](#webhooks).",
			read: func(v value) { a.Webhooks = v.webhooks(a.ID, vendor) },
		},
	)
	if a.Name == "" {
		a.Name = a.ID
	}
	return a
}

// credentialNames lists the names of the secrets of each vendor.
func (r *reader) credentialNames() string {
	var names []string
	for _, f := range r.vendors.Factories() {
		names = append(names, f.Name+": "+strings.Join(f.Credentials, ", "))
	}
	return mappingType + " (" + strings.Join(names, "; ") + "), each " + secret.want
}

// vendorLimits lists the rate limit of each vendor.
func (r *reader) vendorLimits() string {
	var limits []string
	for _, f := range r.vendors.Factories() {
		limits = append(limits, fmt.Sprintf("%s %d per %s", f.Name, f.Limit, written(f.Window)))
	}
	return strings.Join(limits, ", ")
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
