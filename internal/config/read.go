package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// What is beyond this had its unit mistaken.
const (
	longestLife = 365 * 24 * time.Hour
	longestWait = time.Hour
)

// read reads the configuration from a file, if there is one, and the environment.
func read(doc *document, getenv Getenv, reg *providers.Registry, environ ...string) (*Config, error) {
	r := &reader{getenv: getenv, vendors: reg, known: map[string]bool{}}
	c := r.read(doc)
	r.refuseUnknown(environ)
	if len(r.problems) > 0 {
		return nil, r.problems.sorted()
	}
	return c, nil
}

// variablePrefix begins the name of each variable that overrides a setting.
const variablePrefix = "PARTNERGRAPH"

// refuseUnknown reports the variables that look like overrides and override nothing: a
// misspelt one would leave a default in force.
func (r *reader) refuseUnknown(environ []string) {
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, variablePrefix+"_") || r.known[name] {
			continue
		}
		message := "no setting of this configuration has this variable"
		if near := nearest(strings.ToLower(name), lower(r.known)); near != "" {
			message += ": did you mean " + strings.ToUpper(near) + "?"
		}
		r.problems = append(r.problems, Problem{Source: name, Message: message})
	}
}

// lower are the names of variables in lower case, sorted.
func lower(known map[string]bool) (names []string) {
	for name := range known {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	return names
}

// read reads the configuration. Fields stand in the order of the documentation.
func (r *reader) read(doc *document) *Config {
	root := value{reader: r, variable: variablePrefix}
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
		field{
			name: "listen", restart: true,
			doc: "The address that the server listens on; an empty host is all interfaces. Without " +
				"`auth` only a loopback address is accepted. The variable `PORT` listens on that " +
				"port of all interfaces, without a configuration file on that of the loopback interface; " +
				"`PARTNERGRAPH_LISTEN` takes precedence.",
			read: func(v value) {
				if listen = v; v.describing() {
					load(v, &c.Listen, address)
				}
			},
		},
		field{
			name: "redis", restart: true,
			doc:    "Redis servers that replicas share. See [Redis and replicas](#redis-and-replicas).",
			absent: "everything is kept in the memory of the process, which has to be the only one",
			read:   func(v value) { v.redis(&c.Redis) },
		},
		field{
			name: "accounts", absent: mandatory,
			doc: "The accounts at vendors, one entry each.",
			read: func(v value) {
				v.list("accounts", doc != nil, func(v value) { c.Accounts = append(c.Accounts, v.account(c)) })
			},
		},
		field{
			name: "cache", absent: "the defaults",
			doc:  "How long data from vendors counts as fresh, for each kind of record.",
			read: func(v value) { v.cache(&c.Cache) },
		},
		field{
			name:   "auth",
			doc:    "Who may use the server: API keys, tokens or both.",
			absent: "everyone who reaches the server is an admin, so it listens on this machine only",
			read:   func(v value) { asked = v.auth(c) },
		},
		field{
			name: "cors", absent: "only the server's own page",
			doc:  "Which web pages may use the server from a browser.",
			read: func(v value) { v.cors(&c.CORS, asked) },
		},
		field{
			name: "writes", absent: "the defaults",
			doc:  "How the ledger of writes treats mutations.",
			read: func(v value) { v.writes(&c.Writes) },
		},
		field{
			name: "events", absent: "the defaults", restart: true,
			doc:  "The log of changes that webhooks and mutations tell, and that are found in lists.",
			read: func(v value) { v.events(&c.Events) },
		},
		field{
			name: "limits", absent: "the defaults",
			doc:  "Bounds on requests, on partners and on the server as a whole. See [Bounds](#bounds).",
			read: func(v value) { v.limits(&c.Limits) },
		},
		field{
			name: "cursors", absent: "a secret derived from the accounts' credentials",
			doc:  "The secrets that seal the cursors of lists.",
			read: func(v value) { v.cursors(&c.Cursors) },
		},
		field{
			name: "persisted_operations", absent: "no document is trusted more than others",
			doc:  "The GraphQL documents of your own programs. See [Trusted documents](#trusted-documents).",
			read: func(v value) { v.persisted(&c.Persisted) },
		},
		field{
			name: "admin", absent: "`/metrics` and `/status` are on the main listener, for staff",
			doc:  "Where operators look at the server.",
			read: func(v value) { v.admin(&c.Admin) },
		},
		field{
			name: "log", absent: "the defaults",
			doc: "What the server logs.",
			read: func(v value) {
				v.mapping(setting("level", &c.Log.Level, level, "The lowest level that is logged. Requests are INFO, "+
					"probes and calls to vendors DEBUG."))
			},
		},
		field{
			name: "traces", absent: "the defaults",
			doc: "What traces show. The standard variables of OpenTelemetry, `OTEL_EXPORTER_OTLP_ENDPOINT` " +
				"first, say where they are sent; without an endpoint nothing is traced.",
			read: func(v value) {
				v.mapping(setting("documents", &c.Traces.Documents, truth, "Whether traces show the text of GraphQL "+
					"documents, which may hold e-mail addresses that clients wrote into them."))
			},
		},
		setting("drain", &c.Drain, duration(0, longestWait), "How long the server serves on after SIGTERM. "+
			"Meanwhile `/readyz` answers 503, so that the load balancer sends new requests elsewhere."),
		setting("playground", &c.Playground, truth, "Whether to serve the playground at `/`."),
		setting("introspection", &c.Introspection, truth, "Whether clients may query the schema, and "+
			"whether `/schema.graphql` serves it."),
	)
	if !r.describing() {
		listen.listen(&c.Listen, asked)
	}
	return c
}

// listen reads the address, which only this machine may reach if nobody is asked who they are.
func (v value) listen(dst *string, asked bool) {
	from := ""
	if text, ok := v.override(v.variable); ok {
		from = v.variable
		override(v, from, text, dst, address)
	} else if port, ok := v.override("PORT"); ok {
		from = "PORT"
		interfaces := allInterfaces
		if v.name == "" { // the sandbox, which asks nobody who they are
			interfaces = thisMachinePort
		}
		override(v, from, port, dst, interfaces)
	} else {
		load(v, dst, address)
	}
	if !asked && !loopback(*dst) {
		v.problemIn(from, "found %q without auth, which lets in everyone who reaches it; expected an address "+
			"of this machine alone, like 127.0.0.1:8080, or auth with api_keys or jwt", *dst)
	}
}

// cache reads how long records count as fresh.
func (v value) cache(c *Cache) {
	lifetime := duration(time.Second, longestLife)
	v.mapping(
		setting("affiliate", &c.Affiliate, lifetime, "How long an affiliate counts as fresh."),
		setting("membership", &c.Membership, lifetime, "How long a membership counts as fresh."),
		setting("campaign", &c.Campaign, lifetime, "How long a campaign counts as fresh."),
		setting("referral", &c.Referral, lifetime, "How long a referral counts as fresh."),
		setting("commission", &c.Commission, lifetime, "How long a commission counts as fresh."),
		setting("payout", &c.Payout, lifetime, "How long a payout counts as fresh."),
		setting("coupon", &c.Coupon, lifetime, "How long a coupon counts as fresh."),
		setting("list", &c.List, lifetime,
			"How long a page of a list counts as fresh, which says which records are in it and in which "+
				"order. It also bounds the age of the answer that binds a partner by e-mail address."),
		setting("stale", &c.Stale, lifetime, "How long after that old data may still be shown, while a "+
			"new read runs or because it failed."),
		setting("memory", &c.Memory, bytes(MiB, 1024*GiB), "How much memory all of it may take. The "+
			"process needs about three times as much: see [Sizing](#sizing).").restarting(),
		setting("responses", &c.Responses, bytes(0, 1024*GiB), "How much memory finished answers may take. An "+
			"answer is given again while the cache entries that it was made of are unchanged and fresh. Half of "+
			"it is for staff, half for partners; no answer takes more than a sixteenth of its half. With 0B "+
			"every query is executed."),
	)
}

// writes reads how the ledger treats writes.
func (v value) writes(w *Writes) {
	v.mapping(
		setting("settle", &w.Settle, duration(time.Second, longestWait),
			"How long a write without an answer may still take effect at the vendor. Until then a retry "+
				"is answered `OUTCOME_UNKNOWN`."),
		setting("keep", &w.Keep, duration(time.Minute, longestLife), "How long the outcome of a write is "+
			"returned to retries with the same idempotency key."),
	)
}

// events reads how long changes are kept.
func (v value) events(e *Events) {
	v.mapping(
		setting("keep", &e.Keep, duration(time.Minute, longestLife), "How long a change is kept."),
		setting("size", &e.Size, bytes(MiB, 64*GiB), "How much memory all changes may take, in the durable Redis or "+
			"else in the process. The oldest are removed. A change takes about 200 bytes."),
		setting("sweep", &e.Sweep, orNever(duration(time.Second, 24*time.Hour)), "How often the newest page of each list is read to "+
			"find changes that no webhook tells; 0 is never. See [Changes that no webhook tells](#changes-that-no-webhook-tells)."),
		setting("sweep_calls", &e.SweepCalls, wholeNumber(1, 50), "How many percent of an account's rate limit these reads may take. "+
			"None are made while less than half of it is left."),
	)
}

// limits reads the bounds of a request.
func (v value) limits(l *Limits) {
	v.mapping(
		setting("calls", &l.Calls, wholeNumber(1, 100_000),
			"Calls to vendors that one request may make: with retries, all its mutations, and the refreshes "+
				"behind its stale answers. A request that is planned to need more is refused with "+
				"`QUERY_TOO_COMPLEX`. Staff's requests may first read what tells how many calls are needed. "+
				"Where a running request needs more, the list ends with an entry in `errors` and resumes "+
				"from its cursor, mutations are not sent, and stale answers stay stale."),
		setting("pages", &l.Pages, wholeNumber(1, 10_000),
			"Pages of one list that may be read to fill one connection, or for one write. Beyond it the "+
				"connection ends early, with `hasNextPage`."),
		setting("timeout", &l.Timeout, duration(time.Second, longestWait),
			"How long one request may take. Beyond it, calls end; what they would have brought is "+
				"missing and named in `errors`. The status is 504 if nothing was executed."),
		setting("body", &l.Body, bytes(KiB, GiB),
			"The size of the body of a request. Beyond it the status is 413. A GET may have 16 KiB, URL "+
				"and headers together."),
		setting("tokens", &l.Tokens, wholeNumber(1, 1_000_000), "Tokens of a GraphQL document. Beyond "+
			"it: `QUERY_TOO_COMPLEX`."),
		setting("depth", &l.Depth, wholeNumber(1, 500),
			"Levels of nested fields of a document. Beyond it: `QUERY_TOO_COMPLEX`. Below `__schema` and "+
				"`__type` 20 levels are allowed."),
		setting("aliases", &l.Aliases, wholeNumber(1, 100_000),
			"Fields with an alias, and repeated fields, of a document. Beyond it: `QUERY_TOO_COMPLEX`."),
		setting("cost", &l.Cost, wholeNumber(1, 10_000_000),
			"Field values that the answer may have if every list is full. Beyond it: `QUERY_TOO_COMPLEX`."),
		setting("answer", &l.Answer, bytes(16*KiB, GiB),
			"The size of one answer, counted while it is written. Beyond it, `QUERY_TOO_COMPLEX` takes "+
				"the place of the answer; a mutation was executed."),
		setting("load", &l.Load, wholeNumber(1000, 1_000_000_000),
			"Field values, counted like `limits.cost`, of all operations that run at once at each replica, "+
				"with the values of their variables. One partner may have a quarter, all partners three quarters. Beyond it "+
				"100 requests of staff and 100 of partners wait for at most a second; others are answered "+
				"503 with `Retry-After` and `OVERLOADED`."),
		setting("connections", &l.Connections, wholeNumber(10, 1_000_000),
			"Clients that are connected at once to each replica. Beyond it, the oldest connection without an authenticated "+
				"request is closed. Authenticated clients have three quarters, of these partners two "+
				"thirds, and of those one partner a quarter. Beyond a part, the connection of it that waits "+
				"longest for an authenticated request is closed; where none waits, the status is 503. Behind "+
				"a proxy a connection counts for the client that asked last.").restarting(),
		setting("subscriptions", &l.Subscriptions, wholeNumber(1, 1_000_000),
			"Subscriptions that are open at once at each replica, and WebSockets. Partners have three quarters of each. "+
				"Beyond it: 503 and `OVERLOADED`; of WebSockets, the oldest one whose client has not said who it is "+
				"makes room, and where there is none, the status is 503. A subscription over server-sent events is a connection, too, and a WebSocket is none."),
		setting("viewer_subscriptions", &l.ViewerSubscriptions, wholeNumber(1, 1_000_000),
			"Subscriptions that one viewer has open at once at each replica, and WebSockets. Beyond it: 429 and "+
				"`RATE_LIMITED`; a WebSocket is closed with 1013."),
		setting("partner", &l.Partner, wholeNumber(1, 1_000_000),
			"Requests of one partner in a minute and the calls planned for them to the account that they "+
				"take most of, together and over all replicas. The calls to each account alone are also at "+
				"most half of what all partners may take of its rate limit. A request that is planned to take "+
				"more than a whole share takes all of it, and the rest is owed. Beyond it: 429, "+
				"`RATE_LIMITED` and `retryAfter`."),
		setting("reserve", &l.Reserve, wholeNumber(0, 99),
			"Percent of each account's `rate_limit` that the calls of all partners together leave to "+
				"staff, over all replicas. Beyond it partners get `RATE_LIMITED` in `errors`."),
		setting("writes", &l.Writes, wholeNumber(1, 1_000_000),
			"Mutations of one viewer in a minute, at each replica. Beyond it: `RATE_LIMITED` and "+
				"`retryAfter`; nothing is sent."),
		setting("staff", &l.Staff, wholeNumber(1, 100_000_000),
			"Requests of one viewer of staff, a key or the subject of a token, in a minute, at each replica. "+
				"Beyond it: `RATE_LIMITED`, 429 and `Retry-After`."),
	)
}

// cursors reads what seals cursors.
func (v value) cursors(c *Cursors) {
	secrets := map[string]string{}
	read := func(name, absent, doc string) field {
		return field{name: name, absent: absent, doc: doc, read: func(v value) {
			var text string
			if load(v, &text, hmacSecret); text != "" {
				secrets[name] = text
			}
		}}
	}
	v.mapping(
		read("key", "derived from the accounts' credentials",
			"The secret that seals cursors, the same on every replica. A cursor of another key is "+
				"refused with `BAD_CURSOR`: the client starts the list again. Those of the derived secret stay "+
				"valid for 24 hours after the start or the reload."),
		read("previous", "none", "The former key. Its cursors stay valid for 24 hours after the start or "+
			"the reload."),
	)
	c.Secrets = NewCredentials(secrets)
}

// cors reads which web pages may ask. Where nobody is asked who they are, those are pages
// of this machine alone.
func (v value) cors(c *CORS, asked bool) {
	said := v.node != nil
	add := func(v value, variable, from string) {
		if !asked && !thisMachine(from) {
			v.problemIn(variable, "found %q without auth, which lets in all of its pages; expected an "+
				"origin of this machine alone, "+
				"like http://localhost:3000, or auth with api_keys or jwt", from)
		}
		c.Origins = append(c.Origins, from)
	}
	v.mapping(
		field{
			name: "origins", absent: mandatory,
			doc: "The origins of the pages. `*` is refused, and so is http except on this machine. " +
				"Without `auth` only origins of this machine are accepted. The variable has commas " +
				"between origins.",
			read: func(v value) { texts(v, "origins", said, origin, add) },
		},
		field{
			name: "headers", absent: "none",
			doc: fmt.Sprintf("Request headers that these pages may send besides those of GraphQL clients "+
				"and of tracing, at most %d. The variable has commas between names.", maxHeaders),
			read: func(v value) {
				texts(v, "names of headers", false, header, func(_ value, _, name string) { c.Headers = append(c.Headers, name) })
				if len(c.Headers) > maxHeaders {
					v.problem("found %d headers, expected at most %d", len(c.Headers), maxHeaders)
				}
			},
		},
	)
}

// maxHeaders bounds cors.headers: each of them is compared with what preflights ask for.
const maxHeaders = 50

// texts reads a list of texts, or a variable that has commas between them. add is given
// each, and the variable that it is from; "" for the file.
func texts(v value, want string, need bool, k kind[string], add func(v value, variable, text string)) {
	var text string
	if v.describing() {
		v.describe("a list; each entry: "+k.want, "")
		return
	}
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
