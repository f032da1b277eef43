// Package auth says who asks, and what they may see.
//
// A [Viewer] is put into the context of a request once, at its edge, by [WithViewer]. Whoever
// answers the request reads it back with [ViewerFrom] and lets it narrow every list, every read by
// id and every key of a shared cache. A context without a viewer sees nothing: forgetting the edge
// shows too little, never too much.
//
// [Keys] is the authenticator of API keys. The server knows only their SHA-256: a key is a long
// random text, so a plain hash of it cannot be guessed backwards, and a configuration file that
// leaks gives nothing away. The key to hash is what clients send, without a line break:
//
//	printf %s "$KEY" | sha256sum
//
// This package imports nothing of the module, knows nothing of how its keys are configured, and
// never logs.
package auth
