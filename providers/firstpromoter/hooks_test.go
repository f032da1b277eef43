package firstpromoter

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/hook"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

func hooksAt(now time.Time) providers.Hooks {
	return Factory.Hooks(providers.HookOptions{Account: "saas", Now: func() time.Time { return now }})
}

// delivered is the body of an event of entity 7.
func deliveredBody(event, entity, data string) string {
	return `{"event_id": "e1", "event_type": "` + event + `", "entity_type": "` + entity +
		`", "entity_id": 7, "changes": {}, "timestamp": "2026-01-21T11:15:00Z", "new": [1], "data": ` + data + `}`
}

// toldEvents are the documented events: the data that are sent and the changes that they make.
var toldEvents = map[string]struct{ entity, data, want string }{
	"promoter.created": {"promoter", `{"id": 7, "promoter_campaigns": [{"id": 3, "promoter_id": 7, "campaign_id": 2}]}`,
		"CREATED Affiliate/7 + Membership/3~7 | lists of Affiliate Membership"},
	"promoter.updated":         {"promoter", `{"id": 7, "balances": {"cash": 12}}`, "UPDATED Affiliate/7 | lists of Affiliate Membership"},
	"promoter.deleted":         {"promoter", `{"id": 7}`, "DELETED Affiliate/7 | lists of Affiliate Membership Coupon"},
	"promoter.balance.updated": {"promoter", `{"id": 7}`, "UPDATED Affiliate/7"},

	"promoter_campaign.created":  {"promoter_campaign", `{"id": 7, "promoter_id": 5}`, "CREATED Membership/7~5 of Affiliate/5 + Affiliate/5 | lists of Membership Affiliate"},
	"promoter_campaign.updated":  {"promoter_campaign", `{"id": 7, "promoter_id": 5}`, "UPDATED Membership/7~5 of Affiliate/5 + Affiliate/5 | lists of Membership Affiliate"},
	"promoter_campaign.deleted":  {"promoter_campaign", `{"id": 7, "promoter": {"id": 5}}`, "DELETED Membership/7~5 of Affiliate/5 + Affiliate/5 | lists of Membership Affiliate Coupon"},
	"promoter_campaign.accepted": {"promoter_campaign", `{"id": 7, "promoter": 5}`, "UPDATED Membership/7~5 of Affiliate/5 + Affiliate/5 | lists of Membership Affiliate"},
	"promoter_campaign.pending":  {"promoter_campaign", `{"promoter_id": "5"}`, "UPDATED Membership/7~5 of Affiliate/5 + Affiliate/5 | lists of Membership Affiliate"},
	"promoter_campaign.rejected": {"promoter_campaign", `{"id": 7}`, "lists of Membership Affiliate"},
	"promoter_campaign.blocked":  {"promoter_campaign", `null`, "lists of Membership Affiliate"},
	"promoter_campaign.inactive": {"PromoterCampaign", `{"id": 7, "promoter_id": 5}`, "UPDATED Membership/7~5 of Affiliate/5 + Affiliate/5 | lists of Membership Affiliate"},

	"referral.created":   {"referral", `{"id": 7, "state": "signup"}`, "CREATED Referral/7 | lists of Referral"},
	"referral.updated":   {"referral", `{"id": 7, "promoter_campaign": {"id": 3, "promoter_id": 5}}`, "UPDATED Referral/7 of Affiliate/5 + Affiliate/5 | lists of Referral Commission"},
	"referral.deleted":   {"Referral", `{"id": 7}`, "DELETED Referral/7 | lists of Referral Commission"},
	"referral.converted": {"referral", `{"id": "7"}`, "UPDATED Referral/7 | lists of Referral Commission"},
	"referral.cancelled": {"referral", `{}`, "UPDATED Referral/7 | lists of Referral Commission"},
	"referral.moved":     {"referral", `{"id": 7}`, "UPDATED Referral/7 | lists of Referral Commission"},

	"commission.created":  {"commission", `{"id": 7, "referral": {"id": 4, "email": null}}`, "CREATED Commission/7 + Referral/4 | lists of Commission Payout Referral"},
	"commission.updated":  {"commission", `{"id": 7, "referral": null}`, "UPDATED Commission/7 | lists of Commission Payout"},
	"commission.deleted":  {"commission", `{"id": 7, "referral": {"id": 4}}`, "DELETED Commission/7 + Referral/4 | lists of Commission Payout"},
	"commission.approved": {"commission", `{"id": 7, "promoter_campaign": {"promoter": {"id": 5}}}`, "UPDATED Commission/7 of Affiliate/5 + Affiliate/5 | lists of Commission Payout"},
	"commission.pending":  {"commission", `{"id": 7}`, "UPDATED Commission/7 | lists of Commission Payout"},
	"commission.denied":   {"commission", `{"id": 7, "amount": "?", "unit": []}`, "UPDATED Commission/7 | lists of Commission Payout"},

	"payout.created":             {"payout", `{"id": 7, "promoter": {"id": 5}, "amount": 1.5}`, "CREATED Payout/7 of Affiliate/5 + Affiliate/5 | lists of Payout Commission"},
	"payout.updated":             {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.deleted":             {"payout", `{"id": 7}`, "DELETED Payout/7 | lists of Payout Commission"},
	"payout.pending":             {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.processing":          {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.completed":           {"payout", `{"id": 7, "promoter": {"id": 5}}`, "UPDATED Payout/7 of Affiliate/5 + Affiliate/5 | lists of Payout Commission"},
	"payout.failed":              {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.cancelled":           {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.commissions.added":   {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.commissions.removed": {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},

	"payout_method.created":     {"payout_method", `{"id": "x"}`, "lists of Payout"},
	"payout_method.updated":     {"PayoutMethod", `{"id": 7}`, "lists of Payout"},
	"payout_method.deleted":     {"payout_method", `{"id": 7}`, "lists of Payout"},
	"payments_batch.created":    {"payments_batch", `{"id": 7}`, "lists of Payout"},
	"payments_batch.updated":    {"payments_batch", `{"id": 7}`, "lists of Payout"},
	"payments_batch.deleted":    {"payments_batch", `{"id": 7}`, "lists of Payout"},
	"payments_batch.initiated":  {"payments_batch", `{"id": 7}`, "lists of Payout"},
	"payments_batch.processing": {"payments_batch", `{"id": 7}`, "lists of Payout"},
	"payments_batch.completed":  {"payments_batch", `{"id": 7}`, "lists of Payout"},
	"payments_batch.failed":     {"PaymentsBatch", `{"id": 7}`, "lists of Payout"},
	"contract_document.signed":  {"contract_document", `{"id": 7, "promoter_id": 5}`, "ignored: contracts are part of no record"},

	// Older names.
	"promoter.profile.updated":   {"promoter", `{"id": 7}`, "UPDATED Affiliate/7 | lists of Affiliate Membership"},
	"payout.commissions.created": {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.commissions.updated": {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
	"payout.commissions.deleted": {"payout", `{"id": 7}`, "UPDATED Payout/7 | lists of Payout Commission"},
}

// otherBodies are those that tell nothing, or cannot be read.
var otherBodies = map[string]providertest.HookCase{
	"a profile that names its promoter": {Body: deliveredBody("promoter.profile.updated", "profile", `{"id": 9, "promoter_id": 5}`),
		Want: "promoter.profile.updated e1 at 2026-01-21T11:15:00Z\nUPDATED Affiliate/5 | lists of Affiliate Membership"},
	"a profile without its promoter": {Body: deliveredBody("promoter.profile.updated", "promoter_profile", `{"id": 7}`),
		Want: "error: promoter.profile.updated: data.promoter_id is missing, or is no number of a record"},
	"commissions of a payout by their own numbers": {Body: deliveredBody("payout.commissions.created", "commission", `{"id": 7}`),
		Want: "error: payout.commissions.created: entity_type is not what the event is named after"},
	"a test": {Body: deliveredBody("referral.created", "referral", `{"test": true}`),
		Want: "referral.created e1 at 2026-01-21T11:15:00Z\nignored: it is a test"},
	"an unknown entity": {Body: deliveredBody("campaign.updated", "campaign", `{"id": 7}`),
		Want: "campaign.updated e1 at 2026-01-21T11:15:00Z\nignored: the event is not known"},
	"an unknown action": {Body: deliveredBody("commission.doubled", "commission", `{"id": 7}`),
		Want: "commission.doubled e1 at 2026-01-21T11:15:00Z\nignored: the event is not known"},
	"an entity without an action": {Body: deliveredBody("commission", "commission", `{"id": 7}`),
		Want: "commission e1 at 2026-01-21T11:15:00Z\nignored: the event is not known"},
	"version 1": {Body: `{"event": {"id": 1, "type": "lead_signup"}, "data": {"id": 7}}`,
		Want: "\nignored: it is a webhook of version 1: delete it, and make one of version 2"},
	"no event":             {Body: `{"entity_id": 7}`, Want: "error: event_type is missing: nothing says what happened"},
	"no entity_type":       {Body: `{"event_type": "referral.updated", "entity_id": 7}`, Want: "referral.updated\nUPDATED Referral/7 | lists of Referral Commission"},
	"the id in data alone": {Body: `{"event_type": "referral.created", "data": {"id": 7}}`, Want: "referral.created\nCREATED Referral/7 | lists of Referral"},
	"no id":                {Body: `{"event_type": "referral.created", "data": {"uid": "7"}}`, Want: "error: referral.created: entity_id is missing"},
	"an odd entity_id":     {Body: `{"event_type": "referral.created", "entity_id": "x", "data": {"id": 7}}`, Want: "error: referral.created: entity_id is no number of a record"},
	"an odd data.id":       {Body: `{"event_type": "referral.created", "entity_id": 7, "data": {"id": [7]}}`, Want: "error: referral.created: data.id is no number of a record"},
	"a negative id":        {Body: `{"event_type": "payout.created", "entity_id": -7}`, Want: "error: payout.created: entity_id is no number of a record"},
	"a broken id":          {Body: `{"event_type": "payout.created", "entity_id": 7.5}`, Want: "error: payout.created: entity_id is no number of a record"},
	"an id that overflows": {Body: `{"event_type": "payout.created", "entity_id": 9223372036854775808}`, Want: "error: payout.created: entity_id is no number of a record"},
	"two records":          {Body: `{"event_type": "payout.created", "entity_id": 7, "data": {"id": 8}}`, Want: "error: payout.created: entity_id and data.id name two records"},
	"another kind":         {Body: deliveredBody("payout.updated", "promoter", `{"id": 7}`), Want: "error: payout.updated: entity_type is not what the event is named after"},
	"data that are a list": {Body: `{"event_type": "payout.created", "entity_id": 7, "data": [7]}`, Want: "error: data cannot be read: it is an array where it should be an object"},
	"nothing":              {Body: ``, Want: "error: the body is missing"},
	"no JSON":              {Body: `event=1`, Want: "error: the body cannot be read: it is no JSON, or not whole, or goes on behind it"},
	"a long event_id":      {Body: `{"event_type": "payout.created", "entity_id": 7, "event_id": "` + strings.Repeat("x", 201) + `"}`, Want: "error: event_id is longer than 200 bytes, or has characters that cannot be printed"},
	"an event with a line": {Body: `{"event_type": "payout\ncreated", "entity_id": 7}`, Want: "error: event_type is longer than 200 bytes, or has characters that cannot be printed"},
}

func hookCases() map[string]providertest.HookCase {
	cases := map[string]providertest.HookCase{}
	for name, c := range otherBodies {
		cases[name] = c
	}
	for event, c := range toldEvents {
		cases[event] = providertest.HookCase{
			Body: deliveredBody(event, c.entity, c.data), Want: event + " e1 at 2026-01-21T11:15:00Z\n" + c.want,
		}
	}
	return cases
}

func TestHooksRead(t *testing.T) {
	providertest.HookReads(t, hooksAt(noon), hookCases())
	told := 0
	for _, names := range []map[string][]string{hookActions, olderActions} {
		for entity, actions := range names {
			if hookEntities[entity] == nil {
				t.Errorf("nothing reads events of %s", entity)
			}
			for _, action := range actions {
				if told++; toldEvents[entity+"."+action].want == "" {
					t.Errorf("no case of %s.%s", entity, action)
				}
			}
		}
	}
	if told != 45+4 {
		t.Errorf("%d events are read; 45 are documented, and four have older names", told)
	}
}

func TestHooksVerify(t *testing.T) {
	const body, forged = `{"event_type":"payout.created"}`, `{"event_type":"payout.createe"}`
	signed := func(key string) http.Header {
		h := http.Header{}
		h.Set("x-webhook-signature", hex.EncodeToString(hook.MAC([]byte(key), []byte(body))))
		return h
	}
	and := func(h http.Header, name, value string) http.Header {
		h = h.Clone()
		h.Add(name, value)
		return h
	}
	keys := providers.HookSecrets{Signing: []string{"the new key", "the old key"}}
	basic := providers.HookSecrets{Header: "authorization", Values: []string{"Basic bmV3", "Basic b2xk"}}
	both := providers.HookSecrets{Signing: keys.Signing, Header: basic.Header, Values: basic.Values}
	const none, missing, twice, value = "the signature of no configured key", "is missing", "more than once", "none of the configured values"
	verify := providertest.Verify
	providertest.HookVerifies(t, hooksAt(noon), map[string]providertest.VerifyCase{
		"nothing configured":           verify(signed(""), body, providers.HookSecrets{}, "neither a header nor a key"),
		"empty secrets":                verify(signed(""), body, providers.HookSecrets{Signing: []string{""}, Values: []string{""}}, "neither a header nor a key"),
		"the new key":                  verify(signed("the new key"), body, keys, ""),
		"the old key":                  verify(signed("the old key"), body, keys, ""),
		"another key":                  verify(signed("another key"), body, keys, none),
		"another body":                 verify(signed("the new key"), forged, keys, none),
		"no signature":                 verify(nil, body, keys, missing),
		"two signatures":               verify(and(signed("the new key"), "X-Webhook-Signature", "00"), body, keys, twice),
		"no hex text":                  verify(http.Header{"X-Webhook-Signature": {"??"}}, body, keys, "no hex text"),
		"Basic":                        verify(http.Header{"Authorization": {"Basic bmV3"}}, body, basic, ""),
		"the old Basic":                verify(http.Header{"Authorization": {"Basic b2xk"}}, body, basic, ""),
		"another Basic":                verify(http.Header{"Authorization": {"Basic b2xl"}}, body, basic, value),
		"no header":                    verify(nil, body, basic, missing),
		"two headers":                  verify(http.Header{"Authorization": {"Basic bmV3", "Basic bmV3"}}, body, basic, twice),
		"both":                         verify(and(signed("the old key"), "Authorization", "Basic bmV3"), body, both, ""),
		"both, without the signature":  verify(http.Header{"Authorization": {"Basic bmV3"}}, body, both, missing),
		"both, without the header":     verify(signed("the new key"), body, both, missing),
		"both, another signature":      verify(and(signed("another key"), "Authorization", "Basic bmV3"), body, both, none),
		"both, another value":          verify(and(signed("the new key"), "Authorization", "Basic b2xl"), body, both, value),
		"a header without values":      verify(signed(""), body, providers.HookSecrets{Header: "Authorization"}, missing),
		"values without a header name": verify(signed(""), body, providers.HookSecrets{Values: []string{"abcd"}}, "not its name"),
	})
}

func TestHooksNeed(t *testing.T) {
	h := hooksAt(noon)
	for _, c := range []struct {
		secrets providers.HookSecrets
		want    string
	}{
		{providers.HookSecrets{}, "needs a header"},
		{providers.HookSecrets{Signing: []string{""}}, "needs a header"},
		{providers.HookSecrets{Header: "X-Key"}, "without a value"},
		{providers.HookSecrets{Header: "X-Key", Values: []string{""}, Signing: []string{"k"}}, "without a value"},
		{providers.HookSecrets{Values: []string{"v"}}, "without the header's name"},
		{providers.HookSecrets{Signing: []string{"k"}}, ""},
		{providers.HookSecrets{Header: "X-Key", Values: []string{"v"}}, ""},
	} {
		if got := h.Needs(c.secrets); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v needs %q, not %q", c.secrets, got, c.want)
		}
	}
}

func FuzzHooks(f *testing.F) {
	secrets := providers.HookSecrets{Signing: []string{"the key"}}
	providertest.FuzzHooks(f, hooksAt(noon), "saas", secrets, signatureHeader, hookCases(), func([]byte) bool { return false })
}
