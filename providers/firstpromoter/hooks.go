package firstpromoter

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/hook"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// hooks reads the deliveries of an account's webhooks, version 2.
//
// https://docs.firstpromoter.com/api-reference-v2/api-admin/webhooks/openapi-v2-webhooks.json
type hooks struct{ provider *provider }

func newHooks(o providers.HookOptions) providers.Hooks {
	return hooks{&provider{config: providers.Config{Account: o.Account, Now: o.Now}}}
}

// signatureHeader has the lower-case hex HMAC-SHA256 of the body by the subscription's
// secret_key, which is used as text. Its page was withdrawn; its name and form are assumed.
const signatureHeader = "X-Webhook-Signature"

// Needs wants one of both: the documented header, or a key for the signature.
func (hooks) Needs(secrets providers.HookSecrets) string {
	if half := hook.Half(secrets); half != "" {
		return half
	}
	if secrets.Header == "" && !hook.Usable(secrets.Signing) {
		return title + " needs a header with a secret value that you enter in the webhook (Basic is the header Authorization), " +
			"or the webhook's secret_key, or both."
	}
	return ""
}

// Subscriptions are one, to all events. It sends the header that is configured.
func (hooks) Subscriptions(secrets providers.HookSecrets) []providers.HookSubscription {
	var all providers.HookSubscription
	for entity, actions := range hookActions {
		for _, action := range actions {
			all.Events = append(all.Events, entity+"."+action)
		}
	}
	slices.Sort(all.Events)
	if secrets.Header != "" && len(secrets.Values) > 0 {
		all.Headers = map[string]string{secrets.Header: secrets.Values[0]}
	}
	return []providers.HookSubscription{all}
}

// Complete is all but campaigns and promo codes, of which nothing is told.
func (hooks) Complete() []providers.Noun {
	return []providers.Noun{
		providers.NounAffiliate, providers.NounMembership, providers.NounReferral, providers.NounCommission, providers.NounPayout,
	}
}

// Verify wants each of both that is configured.
func (hooks) Verify(d providers.Delivery, secrets providers.HookSecrets) error {
	shared, signed := hook.Shared(d, secrets), error(nil)
	switch {
	case hook.Usable(secrets.Signing):
		signed = hook.Signed(d, signatureHeader, secrets.Signing)
	case secrets.Header == "":
		signed = hook.Unverified("neither a header nor a key of signatures is configured")
	}
	return cmp.Or(shared, signed)
}

// wireDelivery is the body of a delivery.
type wireDelivery struct {
	wire.Members
	EventID    string          `json:"event_id"`
	EventType  string          `json:"event_type"`
	EntityType string          `json:"entity_type"`
	EntityID   int64           `json:"entity_id"`
	Data       json.RawMessage `json:"data"`
	Timestamp  time.Time       `json:"timestamp"`
}

// wireData is what is read of data before it is known what they are.
type wireData struct {
	wire.Members
	ID         int64 `json:"id"`
	PromoterID int64 `json:"promoter_id"`
	Test       *bool `json:"test"`
}

// Read tells what a delivery changes. data are a part of the record at the time of the event:
// of them only ids are taken.
func (h hooks) Read(d providers.Delivery) (n providers.Notice, err error) {
	var body wireDelivery
	if err := hook.Decode("the body", d.Body, &body); err != nil {
		return providers.Notice{}, err
	}
	if n.Event, err = hook.Word("event_type", body.EventType); err != nil {
		return providers.Notice{}, err
	}
	if n.ID, err = hook.Word("event_id", body.EventID); err != nil {
		return providers.Notice{}, err
	}
	n.At = body.Timestamp
	switch {
	case n.Event == "" && !body.None("event"):
		return hook.Ignored("", "it is a webhook of version 1: delete it, and make one of version 2"), nil
	case n.Event == "":
		return providers.Notice{}, errors.New("event_type is missing: nothing says what happened")
	}
	var data wireData
	if !wire.Empty(body.Data) {
		if err := hook.Decode("data", body.Data, &data); err != nil {
			return providers.Notice{}, err
		}
	}
	entity, action, _ := strings.Cut(n.Event, ".")
	switch {
	case data.Test != nil && *data.Test:
		n.Ignored = "it is a test"
		return n, nil
	case !slices.Contains(hookActions[entity], action) && !slices.Contains(olderActions[entity], action):
		n.Ignored = hook.Unknown
		return n, nil
	}
	e := hookEvent{body: &body, data: &data, reply: &reply{provider: h.provider}, entity: entity, action: action}
	if err := hookEntities[entity](&e, &n); err != nil {
		return providers.Notice{}, fmt.Errorf("%s: %w", n.Event, err)
	}
	return n, nil
}

// hookEvent is the event of a delivery.
type hookEvent struct {
	body   *wireDelivery
	data   *wireData
	reply  *reply
	entity string // what it happened to, by the name of the event
	action string // the rest of that name
	number int64  // of the entity
}

// identify reads the entity's number. It stands in the delivery twice; that both are equal,
// and that the entity is of the kind that the event names, keeps a mistaken number from
// naming another record. An older event of a promoter is told of the profile.
func (e *hookEvent) identify() error {
	d, kind := e.body, snake(e.body.EntityType)
	if e.entity == "promoter" && (kind == "profile" || kind == "promoter_profile") {
		if e.number = e.data.PromoterID; e.number <= 0 {
			return errors.New("data.promoter_id is missing, or is no number of a record")
		}
		return nil
	}
	switch id := e.data.ID; {
	case kind != "" && kind != e.entity:
		return errors.New("entity_type is not what the event is named after")
	case d.Has("entity_id") && d.EntityID <= 0:
		return errors.New("entity_id is no number of a record")
	case e.data.Has("id") && id <= 0:
		return errors.New("data.id is no number of a record")
	case d.EntityID > 0 && id > 0 && d.EntityID != id:
		return errors.New("entity_id and data.id name two records")
	case d.EntityID <= 0 && id <= 0:
		return errors.New("entity_id is missing")
	default:
		e.number = max(d.EntityID, id)
	}
	return nil
}

// snake is a name in lower case, with "_" between its words: PaymentsBatch is
// payments_batch. Both are written by the vendor.
func snake(name string) string {
	var out strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !strings.HasSuffix(out.String(), "_") {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// kind is what the event says became of its entity.
func (e *hookEvent) kind() providers.ChangeKind {
	switch e.action {
	case "created":
		return providers.Created
	case "deleted":
		return providers.Deleted
	}
	return providers.Updated
}

// hookActions are the vendor's events, by what they happen to.
var hookActions = map[string][]string{
	"promoter":          {"created", "updated", "deleted", "balance.updated"},
	"promoter_campaign": {"created", "updated", "deleted", "accepted", "pending", "rejected", "blocked", "inactive"},
	"referral":          {"created", "updated", "deleted", "converted", "cancelled", "moved"},
	"commission":        {"created", "updated", "deleted", "approved", "pending", "denied"},
	"payout": {
		"created", "updated", "deleted", "pending", "processing", "completed", "failed", "cancelled",
		"commissions.added", "commissions.removed",
	},
	"payout_method":     {"created", "updated", "deleted"},
	"payments_batch":    {"created", "updated", "deleted", "initiated", "processing", "completed", "failed"},
	"contract_document": {"signed"},
}

// olderActions are older names of events, which may still be sent. Nothing says whether they
// may still be subscribed to.
var olderActions = map[string][]string{
	"promoter": {"profile.updated"},
	"payout":   {"commissions.created", "commissions.updated", "commissions.deleted"},
}

// hookEntities tell what an event of an entity changes. Campaigns, rewards, promo codes,
// clicks and sums have no events.
var hookEntities = map[string]func(*hookEvent, *providers.Notice) error{
	"promoter":          recordEvent((*reply).affiliate, promoterChange),
	"promoter_campaign": membershipEvent,
	"referral":          recordEvent((*reply).referral, referralChange),
	"commission":        recordEvent((*reply).commission, commissionChange),
	"payout":            recordEvent((*reply).payout, payoutChange),
	// The payouts of a batch and those of a method are not named.
	"payments_batch": staleLists(providers.NounPayout),
	"payout_method":  staleLists(providers.NounPayout),
	"contract_document": func(_ *hookEvent, n *providers.Notice) error {
		n.Ignored = "contracts are part of no record"
		return nil
	},
}

// staleLists is an event of something that is no record here and changes records that the
// delivery does not name.
func staleLists(nouns ...providers.Noun) func(*hookEvent, *providers.Notice) error {
	return func(_ *hookEvent, n *providers.Notice) error {
		n.StaleLists = nouns
		return nil
	}
}

// delivered reads data as a record of the entity's number. Without data nothing else is
// known.
func delivered[W any, T providers.Record](e *hookEvent, from func(*reply, *W) *T) (*T, error) {
	if err := e.identify(); err != nil {
		return nil, err
	}
	w := new(W)
	if e.data.Empty() {
		return from(e.reply, w), nil
	}
	if err := hook.Decode("data", e.body.Data, w); err != nil {
		return nil, err
	}
	return from(e.reply, w), nil
}

// recordEvent is an event of a record that its number alone names. change gets the record's
// noun and what data tell of it.
func recordEvent[W any, T providers.Record](
	from func(*reply, *W) *T, change func(e *hookEvent, row *T, c *providers.Change),
) func(*hookEvent, *providers.Notice) error {
	return func(e *hookEvent, n *providers.Notice) error {
		row, err := delivered(e, from)
		if err != nil {
			return err
		}
		c := providers.Change{Kind: e.kind()}
		change(e, row, &c)
		c.Affiliate = providers.BelongsTo(row)
		if c.ID.Noun == providers.NounAffiliate {
			c.Affiliate = c.ID
		}
		n.Changes = []providers.Change{c}
		return nil
	}
}

// promoterChange: balances are in no list. Anything else may be an archiving, which takes
// the promoter out of lists; codes go with a promoter without an event of their own.
func promoterChange(e *hookEvent, a *providers.Affiliate, c *providers.Change) {
	c.ID = e.reply.id(providers.NounAffiliate, e.number)
	for _, m := range a.Memberships {
		c.Stale = append(c.Stale, hook.Known(m.ID)...)
	}
	switch {
	case e.action == "balance.updated":
	case c.Kind == providers.Deleted:
		c.StaleLists = []providers.Noun{providers.NounAffiliate, providers.NounMembership, providers.NounCoupon}
	default:
		c.StaleLists = []providers.Noun{providers.NounAffiliate, providers.NounMembership}
	}
}

// membershipEvent: the states of an affiliate are those of the memberships. Without the
// promoter a membership has no id. Codes go with a membership without an event of their own.
func membershipEvent(e *hookEvent, n *providers.Notice) error {
	m, err := delivered(e, (*reply).listedMembership)
	if err != nil {
		return err
	}
	lists := []providers.Noun{providers.NounMembership, providers.NounAffiliate}
	if e.kind() == providers.Deleted {
		lists = append(lists, providers.NounCoupon)
	}
	if m.AffiliateID.IsZero() {
		n.StaleLists = lists
		return nil
	}
	n.Changes = []providers.Change{{
		ID: e.reply.membershipID(e.number, numberOf(m.AffiliateID)), Kind: e.kind(), Affiliate: m.AffiliateID,
		Stale: []providers.ID{m.AffiliateID}, StaleLists: lists,
	}}
	return nil
}

// referralChange: a referral may have been given to another promoter, together with its
// commissions; the event of that is not sent where a user did it.
func referralChange(e *hookEvent, f *providers.Referral, c *providers.Change) {
	c.ID = e.reply.id(providers.NounReferral, e.number)
	c.Stale = hook.Known(f.AffiliateID)
	c.StaleLists = []providers.Noun{providers.NounReferral}
	if c.Kind != providers.Created {
		c.StaleLists = append(c.StaleLists, providers.NounCommission)
	}
}

// commissionChange: balances change with a commission, and what its referral is. What is
// paid is in a payout that is not named.
func commissionChange(e *hookEvent, m *providers.Commission, c *providers.Change) {
	c.ID = e.reply.id(providers.NounCommission, e.number)
	c.Stale = hook.Known(m.AffiliateID, m.ReferralID)
	c.StaleLists = []providers.Noun{providers.NounCommission, providers.NounPayout}
	if c.Kind == providers.Created { // the first one makes a customer of a lead
		c.StaleLists = append(c.StaleLists, providers.NounReferral)
	}
}

// payoutChange: the commissions in a payout are paid, or not, with it. Only lists tell which
// they are.
func payoutChange(e *hookEvent, t *providers.Payout, c *providers.Change) {
	c.ID = e.reply.id(providers.NounPayout, e.number)
	c.Stale = hook.Known(t.AffiliateID)
	c.StaleLists = []providers.Noun{providers.NounPayout, providers.NounCommission}
}
