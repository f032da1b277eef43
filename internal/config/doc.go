// Package config reads the server's configuration: a YAML file, and the environment over it.
//
// # The file
//
// Everything that may stand in it. Where a value is no default, the comment says what happens without it:
//
//	listen: 127.0.0.1:8080         # host:port; without auth only a loopback address is accepted
//
//	redis:                         # absent: all is kept in the process, which has to be the only one
//	  cache: redis://host:6379     # required; records, pages and call budgets; may evict. Clients' documents too, if
//	                               # durable is another server: else each process keeps its own
//	  durable: redis://other:6379  # what cannot be fetched again; default: the same server as cache
//	  timeout: 50ms                # how long a request waits for the cache's before it goes on without it
//	  ca: redis-ca.pem             # default: the system's; certificates that those of rediss:// servers descend from
//	  replicas: 3                  # the largest number that runs at once; without Redis each makes at most this part of an
//	                               # account's calls, and gives this part of partners' shares, for as long as it takes. Default: the number that Redis heard of; then
//	                               # a replica stops calling 15m after it lost Redis, and makes no call before it reached it
//
//	accounts:                      # required; at least one
//	  - id: saas                   # required; [a-z0-9-]{1,32}; part of every id that clients store: never change or reuse one
//	    name: Acme SaaS            # for people; default: the id
//	    provider: promotekit       # required; a vendor that the program was built with
//	    currency: USD              # required; ISO 4217: of the amounts where the vendor names none
//	    base_url: https://…        # default: the vendor's
//	    credentials:               # required; which ones, the vendor says: all of them, and no others
//	      api_key: ${PROMOTEKIT_KEY}
//	    rate_limit:                # default: what the vendor documents
//	      requests: 200
//	      per: 1m
//	    timeout: 10s               # of one call to the vendor, its retries included; and of all calls of one request together
//	    customer_emails: hidden    # hidden | campaign | shown: what partners may see of customers' addresses
//
//	cache:                         # how long a record counts as fresh
//	  affiliate: 5m
//	  membership: 5m
//	  campaign: 30m
//	  referral: 2m
//	  commission: 2m
//	  payout: 10m
//	  coupon: 5m
//	  list: 1m                     # the pages of lists: which records, in which order
//	  stale: 24h                   # how long after that it may still be shown while, or because, a new one cannot be had
//	  memory: 256MiB               # what all of it may take
//
//	auth:                          # absent: everyone who reaches the server is an admin; else api_keys, jwt or both
//	  api_keys:                    # the same name twice while one key replaces another
//	    - name: dashboard          # required; who holds the key
//	      sha256: 2c26b46b68ff…    # required; of the key: printf %s "$KEY" | sha256sum
//	      role: reader             # required; reader | editor | admin
//	      accounts: [saas]         # default: all
//	  jwt:                         # JSON Web Tokens, sent as bearers; exp, sub and the role have to be in them
//	    issuer: https://id.example # required; their iss
//	    audience: partnergraph     # required; in their aud
//	    jwks_url: https://…        # the issuer's public keys, for RS256, ES256 and EdDSA; this or hs256_secret
//	    hs256_secret: ${SECRET}    # shared with the issuer, for HS256 and nothing else; its characters are the key, never decoded
//	    roles: [partner]           # the roles that tokens may give; all without it
//	    role_claim: role           # admin, editor, reader or partner
//	    accounts_claim: accounts   # a list of accounts' ids; a token without it sees all
//	    affiliates_claim: affiliates # of partners: a list of the global ids of the affiliates that they are
//	    email_claim: email         # of partners: their address, if email_verified is true; with another name X, X_verified
//
//	cors:                          # absent: only the server's own page may ask in a browser
//	  origins:                     # required; each as browsers send it, never *
//	    - https://portal.example.com   # http on this machine alone; without auth this machine's origins only
//	  headers: [X-Tenant]          # that requests may have besides those of GraphQL clients and of tracing; none
//
//	writes:
//	  settle: 20s                  # how long a write that nobody answered may still land at the vendor
//	  keep: 24h                    # how long the outcome of a write is given to whoever asks again with its key
//
//	limits:                        # of one GraphQL request
//	  calls: 50                    # to vendors
//	  pages: 20                    # of one list, read to fill one connection or for one write
//	  timeout: 30s
//	  body: 100KiB                 # of HTTP. By GET 16 KiB at most: of the URL together with the headers
//	  tokens: 5000                 # of the document
//	  depth: 12                    # of its fields; introspection has a bound of its own
//	  aliases: 50                  # fields under an alias, and fields that stand twice in a selection
//	  cost: 10000                  # field values in the answer, if every connection is full
//	  answer: 4MiB                 # of one answer; a larger one is replaced by an error while it is written
//	  load: 200000                 # field values, as cost counts them, of all operations that are executed at once. Beyond it
//	                               # 100 requests of staff and 100 of partners wait for a second at most; others are answered
//	                               # 503 with Retry-After. All partners together have three quarters. At this bound the most
//	                               # expensive queries took up to 470 MiB in a test, which allows 512 MiB. Answers that are
//	                               # made or not read yet take 64 times limits.answer besides at most, and bodies that are
//	                               # being sent 256 times limits.body; one partner has a sixteenth of each
//	  connections: 1000            # open at once; at the bound the oldest without authentication is closed for each new one.
//	                               # Viewers have three quarters, of which partners have two thirds. Needs a restart
//	  partner: 120                 # requests of one partner in a minute, and the calls to vendors that they are planned to
//	                               # cost, together, over all replicas. The calls alone are also at most half of what partners
//	                               # may take of the account with the smallest rate_limit. Beyond it 429 with Retry-After
//	  reserve: 20                  # percent of each account's rate_limit that the calls of all partners together leave to staff
//	  writes: 120                  # mutations of one viewer in a minute
//
//	cursors:                       # absent: a key is derived from the accounts' credentials, the same on every replica
//	  key: ${CURSOR_KEY}           # seals cursors; at least 32 characters, the same on every replica
//	  previous: ${OLD_KEY}         # the key before; its cursors stay valid for a day after the start
//
//	playground: true               # the page at /
//	introspection: true            # of the schema, by clients, and /schema.graphql
//
// A Redis is a URL, rediss://user:password@host:6379/0 for TLS; a list of URLs, even of one, is a cluster; and
// what Sentinels know is
//
//	cache:
//	  sentinel:
//	    master: primary              # by the name that the Sentinels have for it
//	    addresses: ["redis://host:26379", "redis://other:26379"]   # of the Sentinels
//
// User, password, database and TLS have to be the same in all URLs of one Redis; with Sentinels they hold for these and for
// the master.
//
// Durations are written as Go does (90s, 1h30m), sizes as a number with B, KiB, MiB or GiB. A key that
// is not in this list is refused, so that a misspelt one never quietly leaves a default in force;
// so are anchors, aliases, tags and a second document.
//
// # The environment inside the file
//
// ${NAME} inside a value stands for the environment variable NAME; one that is not set is an error.
// $${ stands for the two characters ${. It is replaced in the values that the file was parsed into,
// never in its text, so that nothing a variable holds can become part of the file's structure. Inside
// { } and [ ] YAML wants quotes around it: { api_key: "${PROMOTEKIT_KEY}" }.
//
// # The environment over the file
//
// The variable PARTNERGRAPH_ and a value's path overrides it: PARTNERGRAPH_LISTEN,
// PARTNERGRAPH_CACHE_LIST, PARTNERGRAPH_LIMITS_CALLS. An account stands there by its id, with _ for -:
// PARTNERGRAPH_ACCOUNTS_SAAS_CREDENTIALS_API_KEY. PARTNERGRAPH_CORS_ORIGINS and PARTNERGRAPH_CORS_HEADERS have commas
// between their values. (Not its id itself, which everything hangs on; and not what
// stands in the lists of auth, whose entries have no names of their own.) PORT, which hosting platforms
// set, listens on that port of all interfaces; PARTNERGRAPH_LISTEN goes before it. So does
// PARTNERGRAPH_REDIS_CACHE before REDIS_URL, which is the URL of redis.cache. An empty variable counts as not set here.
//
// # Errors
//
// Every problem is reported, not only the first; see [Problems]. None shows a credential, a secret, the URL of a
// Redis, the hash of a key, or anything that came out of ${NAME}.
package config
