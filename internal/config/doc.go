// Package config reads the server's configuration: a YAML file, and the environment over it.
//
// # The file
//
// [Reference] documents every setting: its type, bounds, default, environment variable and
// meaning. The command "partnergraph config" prints it. The documentation of a setting
// stands beside the code that reads it. deploy/example.yaml is a file with all settings.
//
// A Redis is a URL, rediss://user:password@host:6379/0 for TLS; a list of URLs, even of
// one, is a cluster; and what Sentinels know is
//
//	cache:
//	  sentinel:
//	    master: primary              # by the name that the Sentinels have for it
//	    addresses: ["redis://host:26379", "redis://other:26379"]   # of the Sentinels
//
// User, password, database and TLS have to be the same in all URLs of one Redis; with
// Sentinels they hold for these and for the master.
//
// Durations are written as Go does (90s, 1h30m), sizes as a number with B, KiB, MiB or GiB.
// An unknown key is refused, so that a misspelt one never quietly leaves a default in
// force; so are anchors, aliases, tags and a second document.
//
// # The environment inside the file
//
// ${NAME} inside a value stands for the environment variable NAME; one that is not set is
// an error. ${file:/run/secrets/name} stands for what is in the file, without the line break
// at its end; the file is read again with each reload. $${ stands for the two characters ${.
// It is replaced in the values that the
// file was parsed into, never in its text, so that nothing a variable holds can become part
// of the file's structure. Inside { } and [ ] YAML wants quotes around it: { api_key:
// "${PROMOTEKIT_KEY}" }.
//
// # The environment over the file
//
// The environment variable PARTNERGRAPH_ and the path of a setting override it:
// PARTNERGRAPH_CACHE_LIST, PARTNERGRAPH_LIMITS_CALLS. The path of an account has its id,
// with _ for -: PARTNERGRAPH_ACCOUNTS_SAAS_CREDENTIALS_API_KEY. The id itself cannot be
// overridden, nor can entries of lists, which have no names. Two variables of hosting
// platforms have an effect, too: PORT and REDIS_URL. PARTNERGRAPH_LISTEN and
// PARTNERGRAPH_REDIS_CACHE take precedence over them. An empty variable counts as not set.
// A variable whose name begins with PARTNERGRAPH_ and that overrides nothing is an error.
//
// # Errors
//
// Every problem is reported, not only the first; see [Problems]. None shows a credential, a
// secret, the URL of a Redis, the hash of a key, or anything that came out of ${NAME}.
package config
