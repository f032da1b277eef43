package auth

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Key is an API key as the server knows it.
type Key struct {
	Name     string            // who holds it; the same for several keys while one replaces another
	SHA256   [sha256.Size]byte // of the key's text
	Role     Role
	Accounts []string // the ids of the accounts it opens; nil: all
}

// Keys knows viewers by their API keys. It is safe for concurrent use.
type Keys struct {
	hashes  [][sha256.Size]byte
	viewers []*Viewer // of the hash at the same index
}

// NewKeys knows the holders of these keys; without any it knows nobody. Of two keys with the
// same hash the later one counts.
func NewKeys(keys []Key) *Keys {
	k := &Keys{}
	for _, key := range keys {
		k.hashes = append(k.hashes, key.SHA256)
		k.viewers = append(k.viewers, &Viewer{Name: key.Name, Subject: "key:" + key.Name, Role: key.Role, Accounts: key.Accounts})
	}
	return k
}

// Viewer is who holds this key. How long it takes tells nothing about the keys: each is compared,
// in constant time.
func (k *Keys) Viewer(presented string) (*Viewer, bool) {
	hash := sha256.Sum256([]byte(presented))
	found := -1
	for i := range k.hashes {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], k.hashes[i][:]), i, found)
	}
	if found < 0 {
		return nil, false
	}
	return k.viewers[found], true
}
