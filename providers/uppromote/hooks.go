package uppromote

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/hook"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// hooks reads the deliveries of a store's webhooks. Each event has its own subscription, and
// should have its own address: the body is the bare record, which does not name the event.
//
// https://aff-api.uppromote.com/docs/v2/webhook-overview-1623756m0
type hooks struct{ provider *provider }

func newHooks(o providers.HookOptions) providers.Hooks {
	return hooks{&provider{config: providers.Config{Account: o.Account, Now: o.Now}}}
}

// signatureHeader has the lower-case hex HMAC-SHA256 of the body by the subscription's
// secret_key.
const signatureHeader = "X-UpPromote-Signature"

// Needs wants the keys of the subscriptions.
func (hooks) Needs(secrets providers.HookSecrets) string {
	if !hook.Usable(secrets.Signing) {
		return title + " signs each delivery with the secret_key of its subscription: configure the keys of all of them."
	}
	return hook.Unsent(title, secrets)
}

// Subscriptions are one for each event, each to an address of its own.
func (hooks) Subscriptions(providers.HookSecrets) (all []providers.HookSubscription) {
	for _, event := range slices.Sorted(maps.Keys(hookEvents)) {
		all = append(all, providers.HookSubscription{Path: "/" + event, Events: []string{event}, Sole: true})
	}
	return all
}

// Complete is nothing: edits and deletions are told of no noun.
func (hooks) Complete() []providers.Noun { return nil }

// Verify wants a signature, but for the validation: the vendor calls a new address once with
// neither a body nor a signature, and wants a 200. It tells nothing.
func (hooks) Verify(d providers.Delivery, secrets providers.HookSecrets) error {
	if isValidation(d) {
		return nil
	}
	if err := hook.Shared(d, secrets); err != nil {
		return err
	}
	return hook.Signed(d, signatureHeader, secrets.Signing)
}

func isValidation(d providers.Delivery) bool { return len(d.Body) == 0 }

// hookEvents are the vendor's events: what each is about, and what became of it. An approval
// and a refusal send two of them. Nothing is sent when a code is assigned, an affiliate moved,
// an upline set, a profile or a program edited, a referral adjusted, a customer connected, or
// an affiliate deleted.
var hookEvents = map[string]struct {
	subject string
	kind    providers.ChangeKind
}{
	"referral.new":             {aboutReferral, providers.Created},
	"referral.approved":        {aboutReferral, providers.Updated},
	"referral.denied":          {aboutReferral, providers.Updated},
	"referral.status-changed":  {aboutReferral, providers.Updated},
	"affiliate.new":            {aboutAffiliate, providers.Created},
	"affiliate.approved":       {aboutAffiliate, providers.Updated},
	"affiliate.inactive":       {aboutAffiliate, providers.Updated},
	"affiliate.status-changed": {aboutAffiliate, providers.Updated},
	"payment.paid":             {aboutPayment, providers.Created},
}

// What an event is about.
const (
	aboutReferral  = "referral"
	aboutAffiliate = "affiliate"
	aboutPayment   = "payment"
)

// wireDelivery is what is read of any body, to tell what it is.
type wireDelivery struct {
	wire.Members
	ReferralID  int64 `json:"referral_id"`
	AffiliateID int64 `json:"affiliate_id"`
}

// some says whether one of these members is there, and not null.
func (w *wireDelivery) some(members ...string) bool {
	return slices.ContainsFunc(members, func(m string) bool { return !w.None(m) })
}

// shape is what a body is about, by its members, and what reads it; "" where they do not
// tell. subject is what the address says: of a status that changed, the members may not.
func (w *wireDelivery) shape(subject string) (about string, read func(hooks, hookEvent) (providers.Notice, error)) {
	switch {
	case w.some("payment_id"):
		return aboutPayment, hooks.payment
	case w.some("current_status", "previous_status"):
		switch {
		case subject == aboutReferral, subject == "" && w.some("referral_id"):
			return aboutReferral, hooks.referralStatus
		case subject == aboutAffiliate, subject == "" && w.some("affiliate_id"):
			return aboutAffiliate, hooks.affiliateStatus
		}
	case w.some("tracking_type", "commission_rule", "commission", "total_sales", "affiliate"):
		return aboutReferral, hooks.referral
	case w.some("email"):
		return aboutAffiliate, hooks.affiliate
	}
	return "", nil
}

// hookEvent is one delivery that is being read.
type hookEvent struct {
	name string
	kind providers.ChangeKind
	raw  []byte
	body wireDelivery
}

// Read tells what a delivery changes. Where the address does not say which event it is for,
// the shape of the body does, as far as it can: a new referral or affiliate looks like one
// that has changed. A body that looks like that of another event than the address says is
// refused, as its number would name another record. The vendor gives an event neither an id
// nor a time.
func (h hooks) Read(d providers.Delivery) (providers.Notice, error) {
	event, known := hookEvents[d.Event]
	switch {
	case isValidation(d):
		return hook.Ignored(d.Event, "validation"), nil
	case d.Event != "" && !known:
		return hook.Ignored(d.Event, hook.Unknown), nil
	}
	e := hookEvent{name: d.Event, kind: event.kind, raw: d.Body}
	if err := hook.Decode("the body", d.Body, &e.body); err != nil {
		return providers.Notice{}, err
	}
	about, read := e.body.shape(event.subject)
	switch {
	case !known && about == "":
		return providers.Notice{}, errors.New("neither the address nor the body says which event it is")
	case !known:
		e.kind = providers.Updated
	case about != event.subject:
		return providers.Notice{}, fmt.Errorf("%s: the body is not that of such an event", d.Event)
	}
	n, err := read(h, e)
	if err != nil {
		return providers.Notice{}, fmt.Errorf("%s: %w", cmp.Or(d.Event, about), err)
	}
	n.Event = cmp.Or(d.Event, n.Event)
	return n, nil
}

// notNumber is the error of a member that should name a record.
func notNumber(member string) error {
	return fmt.Errorf("%s is missing, or is no number of a record", member)
}

// referral is an event whose body is a referral.
func (h hooks) referral(e hookEvent) (providers.Notice, error) {
	var w wireReferral
	if err := hook.Decode("the body", e.raw, &w); err != nil {
		return providers.Notice{}, err
	}
	if w.ID <= 0 {
		return providers.Notice{}, notNumber("id")
	}
	return providers.Notice{Changes: h.earnings(w.ID, h.provider.reply().commission(&w).AffiliateID, e.kind)}, nil
}

// earnings are the changes of a referral, which is two records. What its affiliate has
// earned, and is owed, changes with it.
func (h hooks) earnings(n int64, affiliate providers.ID, kind providers.ChangeKind) []providers.Change {
	order := providers.Change{
		ID: h.provider.id(providers.NounReferral, n), Kind: kind, Affiliate: affiliate,
		StaleLists: []providers.Noun{providers.NounReferral},
	}
	earned := providers.Change{
		ID: h.provider.id(providers.NounCommission, n), Kind: kind, Affiliate: affiliate,
		StaleLists: []providers.Noun{providers.NounCommission, providers.NounPayout},
	}
	if owner, ok := number(affiliate.Local); ok {
		earned.Stale = []providers.ID{affiliate, h.provider.payoutID(dueState, owner)}
	}
	return []providers.Change{order, earned}
}

// referralStatus is an event whose body is a status that changed. That it names the referral
// is assumed.
func (h hooks) referralStatus(e hookEvent) (providers.Notice, error) {
	n := providers.Notice{Event: "referral.status-changed"}
	switch b := e.body; {
	case b.None("referral_id"):
		n.StaleLists = listsOfReferrals
	case b.ReferralID <= 0:
		return n, notNumber("referral_id")
	default:
		n.Changes = h.earnings(b.ReferralID, h.provider.id(providers.NounAffiliate, b.AffiliateID), e.kind)
	}
	return n, nil
}

// affiliate is an event whose body is an affiliate. The membership is a part of it, and so
// are codes.
func (h hooks) affiliate(e hookEvent) (providers.Notice, error) {
	var w wireAffiliate
	if err := hook.Decode("the body", e.raw, &w); err != nil {
		return providers.Notice{}, err
	}
	if w.ID <= 0 {
		return providers.Notice{}, notNumber("id")
	}
	a := h.provider.reply().person(&w)
	changes := h.standing(a.ID, e.kind)
	for _, m := range a.Memberships {
		changes = append(changes, providers.Change{ID: m.ID, Kind: e.kind, Affiliate: a.ID})
	}
	if e.kind == providers.Created {
		for _, c := range a.Coupons {
			changes = append(changes, providers.Change{
				ID: c.ID, Kind: e.kind, Affiliate: a.ID, StaleLists: []providers.Noun{providers.NounCoupon},
			})
		}
	}
	return providers.Notice{Changes: changes}, nil
}

// affiliateStatus is an event whose body is a status that changed. Which membership changes
// with it, only the affiliate's record tells.
func (h hooks) affiliateStatus(e hookEvent) (providers.Notice, error) {
	n := providers.Notice{Event: "affiliate.status-changed"}
	switch b := e.body; {
	case b.None("affiliate_id"):
		n.StaleLists = listsOfAffiliates
	case b.AffiliateID <= 0:
		return n, notNumber("affiliate_id")
	default:
		n.Changes = h.standing(h.provider.id(providers.NounAffiliate, b.AffiliateID), e.kind)
	}
	return n, nil
}

// standing is the change of an affiliate.
func (h hooks) standing(id providers.ID, kind providers.ChangeKind) []providers.Change {
	return []providers.Change{{ID: id, Kind: kind, Affiliate: id, StaleLists: listsOfAffiliates}}
}

// payment is an event whose body is a payment that was made. It changes what its affiliate
// is owed, and the referrals that it pays. That the body names these is not documented.
func (h hooks) payment(e hookEvent) (providers.Notice, error) {
	n := providers.Notice{Event: "payment.paid"}
	var w wirePayment
	if err := hook.Decode("the body", e.raw, &w); err != nil {
		return n, err
	}
	switch {
	case w.PaymentID <= 0:
		return n, notNumber("payment_id")
	case w.AffiliateID <= 0:
		return n, notNumber("affiliate_id")
	}
	p := h.provider.reply().payment(&w)
	paid := providers.Change{
		ID: p.ID, Kind: providers.Created, Affiliate: p.AffiliateID, Stale: []providers.ID{p.AffiliateID}, StaleLists: listsOfReferrals,
	}
	for _, id := range p.CommissionIDs {
		paid.Stale = append(paid.Stale, id, h.provider.local(providers.NounReferral, id.Local))
	}
	due := providers.Change{
		ID: h.provider.payoutID(dueState, w.AffiliateID), Kind: providers.Updated, Affiliate: p.AffiliateID,
		StaleLists: []providers.Noun{providers.NounPayout},
	}
	n.Changes = []providers.Change{paid, due}
	return n, nil
}
