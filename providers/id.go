package providers

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Noun names a kind of record: the name of its GraphQL type.
type Noun string

// The nouns.
const (
	NounAccount             Noun = "Account"
	NounAffiliate           Noun = "Affiliate"
	NounMembership          Noun = "Membership"
	NounCampaign            Noun = "Campaign"
	NounReferral            Noun = "Referral"
	NounCommission          Noun = "Commission"
	NounPayout              Noun = "Payout"
	NounCoupon              Noun = "Coupon"
	NounWebhookSubscription Noun = "WebhookSubscription"
)

// nounLetters are the nouns' marks inside an encoded id. They are part of every id that a client
// may have stored: never change or reuse one.
var nounLetters = map[Noun]byte{
	NounAccount: 'o', NounAffiliate: 'a', NounMembership: 'm', NounCampaign: 'c', NounReferral: 'r',
	NounCommission: 'e', NounPayout: 'p', NounCoupon: 'k', NounWebhookSubscription: 'w',
}

// Nouns are all nouns.
var Nouns = slices.Sorted(maps.Keys(nounLetters))

var nounsByLetter = func() map[byte]Noun {
	m := make(map[byte]Noun, len(nounLetters))
	for n, l := range nounLetters {
		m[l] = n
	}
	return m
}()

// ID names one record, unique over all nouns, accounts and vendors, and stable for ever.
//
// Local is the vendor's own id, with whatever else the vendor needs to find the record
// again joined by "~" (see [JoinLocal]): PromoteKit cannot get a referral by its id, so
// that Local also holds the affiliate's. The zero ID names nothing.
type ID struct {
	Account string
	Noun    Noun
	Local   string
}

// IsZero says whether the id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// maxID bounds an encoded id; longer ones are refused unread.
const maxID = 512

// ValidAccount says whether s may be the id of an account: one to 32 of a-z, 0-9 and "-".
func ValidAccount(s string) bool {
	for i := range len(s) { // no regular expression: every id that comes from the cache in Redis is read here
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 32
}

// ErrID is wrapped by every error of [ParseID].
var ErrID = errors.New("not an id of this server")

// String is the id as clients see it: opaque, URL-safe, decoded by [ParseID]. The zero ID is "".
func (id ID) String() string {
	var text [128]byte
	return string(id.Append(text[:0]))
}

// Append appends what String answers.
func (id ID) Append(buf []byte) []byte {
	if id.IsZero() {
		return buf
	}
	var space [96]byte
	return base64.RawURLEncoding.AppendEncode(buf, id.appendPlain(space[:0]))
}

// appendPlain appends the letter of the noun, the account, a colon and the local part.
func (id ID) appendPlain(buf []byte) []byte {
	buf = append(buf, string(nounLetters[id.Noun])...)
	buf = append(buf, id.Account...)
	buf = append(buf, ':')
	return append(buf, id.Local...)
}

// ParseID decodes what String made. Exactly one text stands for an id: any other spelling
// of it is refused, so that ids may be compared as text.
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > maxID {
		return ID{}, fmt.Errorf("%w: it is empty or too long", ErrID)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 2 {
		return ID{}, ErrID
	}
	noun, ok := nounsByLetter[b[0]]
	if !ok {
		return ID{}, ErrID
	}
	account, local, ok := strings.Cut(string(b[1:]), ":")
	if !ok || !ValidAccount(account) || (local == "") != (noun == NounAccount) {
		return ID{}, ErrID
	}
	id := ID{Account: account, Noun: noun, Local: local}
	if id.String() != s { // line breaks, which the decoder skips
		return ID{}, ErrID
	}
	return id, nil
}

// MarshalText is String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is [ParseID]; the empty text is the zero ID.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id = ID{}
	if len(b) > 0 {
		*id, err = ParseID(string(b))
	}
	return err
}

// MarshalBinary writes what UnmarshalBinary reads, for storage.
func (id ID) MarshalBinary() ([]byte, error) {
	if id.IsZero() {
		return nil, nil
	}
	if nounLetters[id.Noun] == 0 {
		return nil, fmt.Errorf("no noun %q", id.Noun)
	}
	return id.appendPlain(nil), nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (id *ID) UnmarshalBinary(b []byte) error {
	*id = ID{}
	if len(b) == 0 {
		return nil
	}
	noun, known := nounsByLetter[b[0]]
	account, local, ok := strings.Cut(string(b[1:]), ":")
	if !known || !ok {
		return ErrID
	}
	*id = ID{Account: account, Noun: noun, Local: local}
	return nil
}

// Record is the id under which a record is remembered and compared. It is the id, but for a
// referral whose id is a UUID and a second part: that is the affiliate where the vendor is
// asked for it first, who may be another by now. Other ids with a second part name nothing,
// and must not stand for a record.
func (id ID) Record() ID {
	if id.Noun != NounReferral {
		return id
	}
	uuid, second, _ := strings.Cut(id.Local, "~")
	plain := second != "" && !strings.ContainsAny(uuid, "%") && !strings.ContainsAny(second, "%~")
	if plain && len(uuid) == uuidLength && strings.Count(uuid, "-") == 4 {
		id.Local = uuid
	}
	return id
}

// uuidLength is the length of a UUID in its usual form.
const uuidLength = 36

// localEscape keeps "~" for joining.
var localEscape = strings.NewReplacer("%", "%25", "~", "%7E")
var localUnescape = strings.NewReplacer("%7E", "~", "%25", "%")

// JoinLocal makes the Local of an id from several parts; SplitLocal takes it apart again.
func JoinLocal(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = localEscape.Replace(p)
	}
	return strings.Join(escaped, "~")
}

// SplitLocal takes apart what JoinLocal made; ok is false unless there are exactly n parts,
// none of them empty, spelled as JoinLocal spells them: two ids never lead to one record.
func SplitLocal(local string, n int) (parts []string, ok bool) {
	parts = strings.Split(local, "~")
	if len(parts) != n {
		return nil, false
	}
	for i, p := range parts {
		if p == "" {
			return nil, false
		}
		parts[i] = localUnescape.Replace(p)
	}
	if JoinLocal(parts...) != local {
		return nil, false
	}
	return parts, true
}
