// Package persisted keeps GraphQL documents by their hash, so that clients need to send a
// document once and its hash from then on: automatic persisted queries,
// https://www.apollographql.com/docs/apollo-server/performance/apq. Whoever asks for a
// document that is not here is told so and sends it again. So nothing in here may ever be
// missed, and no store fails: one that cannot be reached has nothing.
package persisted

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Store keeps documents. It is safe for concurrent use.
type Store interface {
	// Get is the document with this hash, if this part of the store has it and can be asked
	// in time. A document that is found was used a second time: from then on it is kept for
	// UsedLifetime.
	Get(ctx context.Context, of Part, hash string) (document string, ok bool)
	// Put keeps a new document for FirstLifetime under its own [Hash]. One that is longer
	// than [Longest] is not kept.
	Put(ctx context.Context, of Part, document string)
	// Forget empties what this process remembers by itself.
	Forget()
}

// Part is the documents of those who may know of each other's: whoever guesses a document
// learns by its hash whether somebody sent it. It is what a key begins with.
type Part string

// The parts. Partners share theirs, for they use the same programs.
const (
	Staff    Part = ""
	Partners Part = "partners:"
)

const (
	// FirstLifetime is how long a document is kept that was sent and not asked for since.
	FirstLifetime = 6 * time.Hour
	// UsedLifetime is how long a document is kept after its second use.
	UsedLifetime = 7 * 24 * time.Hour
)

// Longest is how many bytes a document may have to be kept.
const Longest = 64 << 10

// Hash is the SHA-256 of a document, as clients write it: in lower-case hexadecimal digits.
func Hash(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}
