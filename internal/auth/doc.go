// Package auth says who asks, and what they may see.
//
// A [Viewer] is put into the context of a request once, at its edge, by [WithViewer].
// Whoever answers the request reads it back with [ViewerFrom] and lets it narrow every
// list, every read by id and every key of a shared cache. A context without a viewer sees
// nothing: forgetting the edge shows too little, never too much.
//
// [Keys] is the authenticator of API keys. The server knows only their SHA-256: a key is a long
// random text, so a plain hash of it cannot be guessed backwards, and a configuration file that
// leaks gives nothing away. The key to hash is what clients send, without a line break:
//
//	printf %s "$KEY" | sha256sum
//
// [Tokens] is the authenticator of JSON Web Tokens (https://www.rfc-editor.org/rfc/rfc7519)
// of one issuer. Accepted is
//
//   - what is signed by RS256, ES256 or EdDSA with a key of the issuer's JWKS that the
//     token names by its kid; or, where a secret is shared with the issuer instead, by
//     HS256 with it, and then by nothing else. The header never chooses: "none" and an
//     algorithm that is not of these are refused, and so is a critical extension (crit),
//     since none is known here.
//   - whose iss is the issuer and whose aud names the audience; whose exp, which has to be
//     there, is to come, and whose nbf and iat, if there, have passed, each within
//     [Leeway];
//   - whose sub is 1 to 255 printable characters, and whose role is admin, editor, reader
//     or partner, and one that this issuer may give;
//   - whose list of accounts, if there, is a list of texts, or one text: without it all are
//     seen, with an empty list none;
//   - and, of a partner, that names affiliates likewise, or an e-mail address that it says
//     is verified: the claim email with email_verified true, or the text "true"; or by
//     another name X with X_verified.
//
// A [Refusal] says to the operator why a token is refused. The client is not told.
//
// The JWKS is fetched at the start, without anyone waiting for it but tokens; again from
// time to time; and for a kid that is not known, but rarely, however many tokens name such
// ones. Keys that are known stay so while it cannot be fetched. A token that was verified
// is remembered by its SHA-256 for a few minutes, but no longer than it lasts: so long may
// it outlive its key.
//
// This package imports nothing of the module, knows nothing of how its keys are configured, and
// never logs.
package auth
