package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// HexSignature is the lower-case hex HMAC-SHA256 of a body; the key is the secret as text.
func HexSignature(secret string, body []byte) string {
	return hex.EncodeToString(mac([]byte(secret), body))
}

// StandardSignature is the signature of Standard Webhooks by a secret "whsec_…".
func StandardSignature(secret, id string, at time.Time, body []byte) (timestamp, signature string) {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	timestamp = fmt.Sprint(at.Unix())
	return timestamp, "v1," + base64.StdEncoding.EncodeToString(mac(key, fmt.Appendf(nil, "%s.%s.%s", id, timestamp, body)))
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// EventID is a UUID made of numbers, the same for the same ones.
func EventID(seed uint64, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "event %d %d", seed, n))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
