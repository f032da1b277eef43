package promotekit

import (
	"cmp"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/hook"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// hooks reads the deliveries of an organization's webhooks. Endpoints are set up by hand, and
// a delivery names neither the organization nor itself.
//
// https://www.promotekit.com/docs/webhooks
type hooks struct {
	account string
	now     func() time.Time
	signed  signature
}

// signature verifies the signature of a delivery by one of several keys.
type signature func(d providers.Delivery, keys []string, now time.Time) error

func newHooks(o providers.HookOptions) providers.Hooks {
	return hooks{account: o.Account, now: o.Now, signed: standardSignature}
}

// Needs wants no secret: no signature of the vendor's is documented.
func (hooks) Needs(secrets providers.HookSecrets) string {
	for _, secret := range secrets.Signing {
		if _, err := signingKey(secret); err != nil {
			return "A signing secret of " + title + ` is "whsec_" and a key in Base64: ` + err.Error() + "."
		}
	}
	return hook.Unsent(title, secrets)
}

// Subscriptions are one, to all events, which a person enters.
func (hooks) Subscriptions(providers.HookSecrets) []providers.HookSubscription {
	return []providers.HookSubscription{{Events: slices.Sorted(maps.Keys(hookEvents)), Dashboard: "Settings → Webhooks → Add Endpoint"}}
}

// Complete is nothing: edits and deletions are told of no noun.
func (hooks) Complete() []providers.Noun { return nil }

// Verify wants what is configured.
func (h hooks) Verify(d providers.Delivery, secrets providers.HookSecrets) error {
	shared := hook.Shared(d, secrets)
	if !hook.Usable(secrets.Signing) {
		return shared
	}
	return cmp.Or(shared, h.signed(d, secrets.Signing, h.now()))
}

// tolerance is how far the time of a signature may be from ours.
const tolerance = 5 * time.Minute

// standardSignature verifies by Standard Webhooks: "v1," and the Base64 of an HMAC-SHA256 of
// id, time and body, one for each key that the sender has. That PromoteKit signs so is
// assumed. The headers begin with "webhook-", or with "svix-".
//
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func standardSignature(d providers.Delivery, keys []string, now time.Time) error {
	prefix := "webhook-"
	if len(d.Header.Values(prefix+"signature")) == 0 && len(d.Header.Values("svix-signature")) > 0 {
		prefix = "svix-"
	}
	var values [3]string
	for i, name := range []string{"id", "timestamp", "signature"} {
		value, err := hook.Single(d.Header, prefix+name)
		if err != nil {
			return err
		}
		values[i] = value
	}
	id, sent, signatures := values[0], values[1], values[2]
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if err != nil {
		return hook.Unverified("the header " + prefix + "timestamp is no time in seconds")
	}
	found := hook.Any(keys, func(secret string) bool {
		key, err := signingKey(secret)
		if err != nil {
			return false
		}
		mac, equal := hook.MAC(key, []byte(id+"."+sent+"."), d.Body), false
		for text := range strings.FieldsSeq(signatures) {
			encoded, ok := strings.CutPrefix(text, "v1,")
			given, err := base64.StdEncoding.DecodeString(encoded)
			equal = ok && err == nil && hmac.Equal(given, mac) || equal
		}
		return equal
	})
	if !found {
		return hook.Unverified("the header " + prefix + "signature has no signature of a configured key")
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-tolerance)) || at.After(now.Add(tolerance)) {
		return hook.Unverified("the signature is older than five minutes, or from the future")
	}
	return nil
}

// signingKey is the key in a signing secret.
func signingKey(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	switch {
	case err != nil:
		return nil, errors.New("one of them is no Base64")
	case len(key) == 0:
		return nil, errors.New("one of them is empty")
	}
	return key, nil
}

// wireDelivery is the body of a delivery.
type wireDelivery struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// hookEvents are the vendor's events. Nothing else that happens is told.
var hookEvents = map[string]func(*reply, json.RawMessage) ([]providers.Change, error){
	"affiliate.created":  affiliateEvent(providers.Created),
	"affiliate.approved": affiliateEvent(providers.Updated),
	"referral.created":   recordEvent(deliveredReferral, referralChange(providers.Created)),
	"referral.converted": recordEvent(deliveredReferral, referralChange(providers.Updated)),
	"commission.created": recordEvent((*reply).commission, commissionMade),
}

// Read tells what a delivery changes. The vendor gives an event neither an id nor a time. The
// data are the object that the API answers: ids are made of it as of a reply.
func (h hooks) Read(d providers.Delivery) (n providers.Notice, err error) {
	var body wireDelivery
	if err := hook.Decode("the body", d.Body, &body); err != nil {
		return providers.Notice{}, err
	}
	if n.Event, err = hook.Word("type", body.Type); err != nil {
		return providers.Notice{}, err
	}
	event, known := hookEvents[n.Event]
	switch {
	case n.Event == "":
		return providers.Notice{}, errors.New("type is missing: nothing says what happened")
	case !known:
		return hook.Ignored(n.Event, hook.Unknown), nil
	}
	if n.Changes, err = event(newReply(h.account, "", h.now()), body.Data); err != nil {
		return providers.Notice{}, fmt.Errorf("%s: %w", n.Event, err)
	}
	return n, nil
}

// recordEvent is an event whose data are a record.
func recordEvent[W wire.Identified, T providers.Record](
	convert func(*reply, *W) *T, changes func(*T) []providers.Change,
) func(*reply, json.RawMessage) ([]providers.Change, error) {
	return func(r *reply, data json.RawMessage) ([]providers.Change, error) {
		w := new(W)
		if err := hook.Decode("data", data, w); err != nil {
			return nil, err
		}
		row := convert(r, w)
		switch {
		case (*w).WireID() == "":
			return nil, errors.New("data.id is missing, or is no UUID")
		case providers.NodeOf(row).ID.IsZero():
			return nil, errors.New("data.affiliate is missing or cannot be read, and is a part of the id")
		}
		return changes(row), nil
	}
}

// affiliateEvent is an event of an affiliate, whose membership is a part of the record and
// changes with it. Codes come with a new affiliate.
func affiliateEvent(kind providers.ChangeKind) func(*reply, json.RawMessage) ([]providers.Change, error) {
	return recordEvent((*reply).affiliate, func(a *providers.Affiliate) []providers.Change {
		change := func(id providers.ID) providers.Change {
			return providers.Change{ID: id, Kind: kind, Affiliate: a.ID, StaleLists: []providers.Noun{id.Noun}}
		}
		changes := []providers.Change{change(a.ID)}
		for _, m := range a.Memberships {
			changes = append(changes, change(m.ID))
		}
		if len(a.Memberships) == 0 { // it cannot be read, and is there
			changes[0].StaleLists = append(changes[0].StaleLists, providers.NounMembership)
		}
		if kind == providers.Created {
			for _, c := range a.Coupons {
				changes = append(changes, change(c.ID))
			}
		}
		return changes
	})
}

// deliveredReferral converts a referral. Where the delivery leaves its affiliate out, it has
// no id: only a list may leave out what is not there.
func deliveredReferral(r *reply, w *referralWire) *providers.Referral {
	f := r.referral(w)
	if !w.Has("affiliate") {
		f.ID = providers.ID{}
	}
	return f
}

// referralChange is an event of a referral.
func referralChange(kind providers.ChangeKind) func(*providers.Referral) []providers.Change {
	return func(f *providers.Referral) []providers.Change {
		return []providers.Change{{
			ID: f.ID, Kind: kind, Affiliate: f.AffiliateID, StaleLists: []providers.Noun{providers.NounReferral},
		}}
	}
}

// commissionMade changes its referral, which may pay for the first time, and the payout that
// it may be a part of.
func commissionMade(c *providers.Commission) []providers.Change {
	change := providers.Change{
		ID: c.ID, Kind: providers.Created, Affiliate: c.AffiliateID,
		StaleLists: []providers.Noun{providers.NounCommission, providers.NounReferral},
	}
	if !c.ReferralID.IsZero() {
		change.Stale = append(change.Stale, c.ReferralID)
	}
	if !c.PayoutID.IsZero() {
		change.Stale = append(change.Stale, c.PayoutID)
		change.StaleLists = append(change.StaleLists, providers.NounPayout)
	}
	return []providers.Change{change}
}
