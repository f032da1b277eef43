package listing

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// hiddenSize is how many bytes a hidden text is padded to, so that its length tells nothing.
const hiddenSize = 64

// IDSize is how many characters of a hidden text identify the text: the rest follows from them.
const IDSize = 16

// Hide encrypts a text, so that a client can neither read nor make one. Equal texts of a name are
// equal when hidden. It panics where the text is longer than 64 bytes, or has a zero byte.
func (s *Seals) Hide(name, text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := &s.keys[0]
	plain := make([]byte, hiddenSize)
	if copy(plain, text) < len(text) || bytes.IndexByte(plain[:len(text)], 0) >= 0 {
		panic("listing: the text cannot be hidden")
	}
	box := k.box(name)
	nonce := k.derive("nonce", name, plain)[:box.NonceSize()] // of the text: equal nonces are of equal texts
	return base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, plain, nil))
}

// errHidden says that a text was not made by Hide.
var errHidden = errors.New("listing: not a hidden text")

// Reveal returns the text that Hide was given under the name. The error says that it was not.
func (s *Seals) Reveal(name, hidden string) (string, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(hidden)
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != hidden {
		return "", errHidden
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.keys {
		k := &s.keys[i]
		if !k.until.IsZero() && !s.now().Before(k.until) {
			continue
		}
		box := k.box(name)
		if len(sealed) != box.NonceSize()+hiddenSize+box.Overhead() {
			break
		}
		nonce := sealed[:box.NonceSize()]
		plain, err := box.Open(nil, nonce, sealed[len(nonce):], nil)
		if err == nil && hmac.Equal(nonce, k.derive("nonce", name, plain)[:len(nonce)]) {
			return string(bytes.TrimRight(plain, "\x00")), nil
		}
	}
	return "", errHidden
}

// box encrypts texts of a name by the key.
func (k *sealKey) box(name string) cipher.AEAD {
	block, err := aes.NewCipher(k.derive("key", name, nil))
	if err != nil {
		panic("listing: " + err.Error()) // the key has the size of a hash
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		panic("listing: " + err.Error())
	}
	return box
}

// derive returns 32 bytes for a use of the key that no seal has.
func (k *sealKey) derive(use, name string, text []byte) []byte {
	h := hmac.New(sha256.New, k.hash[:])
	_, _ = h.Write([]byte("hidden\x00" + use + "\x00" + name + "\x00"))
	_, _ = h.Write(text)
	return h.Sum(nil)
}
