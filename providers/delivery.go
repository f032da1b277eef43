package providers

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Delivery is a request that claims to come from a vendor's webhooks. Nothing in it is
// trusted before [Hooks.Verify] has answered nil, and little after: it says that something
// may have changed, never what the record is now.
type Delivery struct {
	Event  string // the event that its address is registered for; "" where the address takes all
	Header http.Header
	Body   []byte
}

// HookSecrets are what an account's deliveries are verified by. During a rotation the old
// and the new value stand beside each other.
type HookSecrets struct {
	Signing []string // keys of signatures; any one of them may have signed
	Header  string   // the name of a header that has to be there; "" for none
	Values  []string // what that header may be
}

// None says whether nothing is configured. Then only what needs no secret is verified.
func (s HookSecrets) None() bool {
	return s.Header == "" && strings.Join(slices.Concat(s.Values, s.Signing), "") == ""
}

// HookSubscription is a webhook subscription that an account should have at its vendor.
type HookSubscription struct {
	Path    string            // behind the address of the account's webhooks: "" or "/referral.new"
	Events  []string          // the vendor's words
	Headers map[string]string // that the vendor has to send; secrets

	// Sole says that the vendor has one subscription for each event: another one stands in
	// the way.
	Sole bool

	// Dashboard is where a person enters the address, where the vendor has no calls for it:
	// a way through its menus. "" where it has.
	Dashboard string
}

// HookOptions is what [Hooks] are made from.
type HookOptions struct {
	Account string           // the account's id
	Now     func() time.Time // for signatures that have a time
}

// ErrUnverified is wrapped by every error of [Hooks.Verify].
var ErrUnverified = errors.New("the delivery is not verified")

// Hooks reads the deliveries of one account's webhooks. It makes no call, keeps nothing, and
// is safe for concurrent use.
type Hooks interface {
	// Needs says what is missing or wrong in secrets, as a sentence for the operator; "" for
	// nothing. A vendor that signs nothing needs nothing: the token in the address protects
	// it. What is configured is required, also where it is not needed. Until nothing is
	// missing, no delivery that tells anything is verified.
	Needs(secrets HookSecrets) string

	// Subscriptions are those that an account should have, so that all events are sent, and
	// so that deliveries have what these secrets want of them.
	Subscriptions(secrets HookSecrets) []HookSubscription

	// Verify says whether the vendor sent the delivery, in time that does not depend on how
	// much of a secret was right. Its error wraps [ErrUnverified] and says why, for the
	// operator's log; it repeats nothing of the delivery.
	Verify(d Delivery, secrets HookSecrets) error

	// Complete are the nouns of which deliveries tell each creation, change and deletion of a
	// record, so that nobody needs to look for any.
	Complete() []Noun

	// Read says what a verified delivery tells. Its error says that the body is not what the
	// vendor documents. An event that is not known is a Notice without changes.
	Read(d Delivery) (Notice, error)
}

// Notice is what a delivery tells. Without Ignored it has changes, or stale lists, or both.
type Notice struct {
	Event   string    // the vendor's word; "" where the delivery names none and its form tells none
	ID      string    // of the event at the vendor; "" where the vendor gives none
	At      time.Time // when it happened, by the vendor's clock; zero where the vendor does not say
	Ignored string    // why it changes nothing: a test, a validation, an event that is not known; "" where it does
	Changes []Change

	// StaleLists are nouns with a record that has changed and that the delivery does not
	// name: their lists, and records that come from these, have to be read again.
	StaleLists []Noun
}

// Change is one record that is not any more what it was.
type Change struct {
	ID   ID
	Kind ChangeKind

	// Affiliate is whose record it is. The zero ID: the delivery does not say, so that the
	// cache or the vendor has to be asked.
	Affiliate ID

	// Stale are the other records that this changes (an affiliate's balance), and
	// StaleLists the nouns whose lists may have changed with it.
	Stale      []ID
	StaleLists []Noun
}

// ChangeKind says what became of a record.
type ChangeKind string

// The kinds of change.
const (
	Created ChangeKind = "CREATED"
	Updated ChangeKind = "UPDATED"
	Deleted ChangeKind = "DELETED"
)
