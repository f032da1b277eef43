package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// state is how far a write has come.
type state string

const (
	sent    state = "SENT"    // it may have left, and nobody has said what became of it
	done    state = "DONE"    // it was made
	refused state = "REFUSED" // the vendor refused it: nothing was made
	unknown state = "UNKNOWN" // nobody can ever tell
)

// format is the version of what entries and targets look like. A release reads all formats
// up to its own.
const format = 1

// entry is what is known of one write. Its JSON is durable: members are added, never changed.
type entry struct {
	Format   int                  `json:"f"`
	Mutation providers.Capability `json:"mutation"`
	Hash     string               `json:"hash"` // of the mutation's input
	State    state                `json:"state"`
	LeftBy   time.Time            `json:"leftBy"` // the latest moment at which it may have left
	Proof    providers.Proof      `json:"proof"`
	Before   json.RawMessage      `json:"before,omitempty"`
	ID       providers.ID         `json:"id"`
	Problems providers.Problems   `json:"problems,omitempty"`
}

// target is what is written to: who holds it, and which write went to it last.
type target struct {
	Format int       `json:"f"`
	Owner  string    `json:"owner,omitempty"` // who holds the lease; "" for nobody
	Until  time.Time `json:"until"`           // the lease
	Last   string    `json:"last,omitempty"`  // the key of the entry whose intent was the last
}

// encode is how both are stored.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("ledger: " + err.Error()) // they have nothing that JSON has not
	}
	return b
}

// decode reads what encode made, by this release or an older one.
func decode[T entry | target](b []byte) (v T, err error) {
	var head struct {
		Format int `json:"f"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Format < 1 {
		return v, fmt.Errorf("ledger: what is stored cannot be read")
	}
	if head.Format > format {
		return v, fmt.Errorf(
			"ledger: what is stored was written by a newer release (format %d, this one reads up to %d)",
			head.Format,
			format,
		)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("ledger: what is stored cannot be read")
	}
	return v, nil
}

// newVersion is a text that was never used before.
func newVersion() string { return rand.Text() }

// entryPrefix begins the names of entries.
const entryPrefix = "entry:"

// keyOf names an entry.
func keyOf(subject, account, key string) string { return entryPrefix + hash(subject, account, key) }

// targetOf names a target.
func targetOf(account, target string) string { return "target:" + hash(account, target) }

// hash is one text for several, whatever is in them.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// inputOf is the hash of a command. Its idempotency key is part of it, and of its name too,
// so it does no harm.
func inputOf(c providers.Command) (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("ledger: the input of %s: %w", c.Mutation(), err)
	}
	return hash(string(c.Mutation()), string(b)), nil
}
