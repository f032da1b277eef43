package uppromote

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
	return Factory.Hooks(providers.HookOptions{Account: "shop", Now: func() time.Time { return now }})
}

const (
	referralBody  = `{"id": 7, "order_id": 9, "commission_rule": {"program_id": 2}, "affiliate": {"id": 5, "email": "a@b.c"}, "status": "paid", "new": {}}`
	affiliateBody = `{"id": 5, "email": "a@b.c", "program_id": 2, "coupons": ["TEN"], "status": "inactive"}`
	paymentBody   = `{"payment_id": 3, "affiliate_id": 5, "status": "SUCCESS", "affiliate_email": "a@b.c"}`

	referralChanges = ` Referral/7 of Affiliate/5 | lists of Referral
		KIND Commission/7 of Affiliate/5 + Affiliate/5 + Payout/due~5 | lists of Commission Payout`
	affiliateChanges = ` Affiliate/5 | lists of Affiliate Membership
		KIND Membership/5~2 of Affiliate/5`
	paymentChanges = `payment.paid
		CREATED Payout/paid~3 of Affiliate/5 + Affiliate/5 | lists of Referral Commission Payout
		UPDATED Payout/due~5 of Affiliate/5 | lists of Payout`
)

func changes(event, kind, all string) string {
	return event + "\n" + kind + strings.ReplaceAll(all, "KIND", kind)
}

// read is a case of a delivery to the address of an event.
func read(event, body, want string) providertest.HookCase {
	return providertest.HookCase{Event: event, Body: body, Want: want}
}

var hookCases = map[string]providertest.HookCase{
	"validation":                read("referral.new", ``, "referral.new\nignored: validation"),
	"validation of any address": read("", ``, "\nignored: validation"),

	"referral.new":      read("referral.new", referralBody, changes("referral.new", "CREATED", referralChanges)),
	"referral.approved": read("referral.approved", referralBody, changes("referral.approved", "UPDATED", referralChanges)),
	"referral.denied":   read("referral.denied", referralBody, changes("referral.denied", "UPDATED", referralChanges)),
	"referral.status-changed": read("referral.status-changed", `{"referral_id": 7, "previous_status": "pending", "current_status": "approved"}`,
		"referral.status-changed\nUPDATED Referral/7 | lists of Referral\nUPDATED Commission/7 | lists of Commission Payout"),
	"a status with its affiliate": read("referral.status-changed", `{"referral_id": "7", "affiliate_id": "5", "current_status": "approved"}`,
		changes("referral.status-changed", "UPDATED", referralChanges)),
	"a status of a referral that is not named": read("referral.status-changed", `{"previous_status": "pending", "current_status": "approved"}`,
		"referral.status-changed\nlists of Referral Commission Payout"),
	"a status with the referral itself": read("referral.status-changed", referralBody, changes("referral.status-changed", "UPDATED", referralChanges)),
	"a referral of nobody": read("referral.new", `{"id": 7, "tracking_type": "Tracked by coupon", "affiliate": null}`,
		"referral.new\nCREATED Referral/7 | lists of Referral\nCREATED Commission/7 | lists of Commission Payout"),

	"affiliate.new": read("affiliate.new", affiliateBody, changes("affiliate.new", "CREATED", affiliateChanges)+
		"\nCREATED Coupon/5~TEN of Affiliate/5 | lists of Coupon"),
	"affiliate.approved": read("affiliate.approved", affiliateBody, changes("affiliate.approved", "UPDATED", affiliateChanges)),
	"affiliate.inactive": read("affiliate.inactive", affiliateBody, changes("affiliate.inactive", "UPDATED", affiliateChanges)),
	"affiliate.status-changed": read("affiliate.status-changed", `{"affiliate_id": 5, "previous_status": "active", "current_status": "inactive"}`,
		"affiliate.status-changed\nUPDATED Affiliate/5 | lists of Affiliate Membership"),
	"a status of an affiliate that is not named": read("affiliate.status-changed", `{"current_status": "active"}`,
		"affiliate.status-changed\nlists of Affiliate Membership"),
	"an affiliate without a program": read("affiliate.new", `{"id": "5", "email": "a@b.c"}`,
		"affiliate.new\nCREATED Affiliate/5 | lists of Affiliate Membership"),

	"payment.paid": read("payment.paid", paymentBody, paymentChanges),
	"a payment that names its referrals": read("payment.paid", `{"payment_id": 3, "affiliate_id": 5, "referral_ids": [7, "8", 0, null]}`,
		strings.Replace(paymentChanges, " |", " + Commission/7 + Referral/7 + Commission/8 + Referral/8 |", 1)),

	"a referral without an event":            read("", referralBody, changes("", "UPDATED", referralChanges)),
	"an affiliate without an event":          read("", affiliateBody, changes("", "UPDATED", affiliateChanges)),
	"a payment without an event":             read("", paymentBody, paymentChanges),
	"a referral's status without an event":   read("", `{"referral_id": 7, "affiliate_id": 5, "current_status": "paid"}`, changes("referral.status-changed", "UPDATED", referralChanges)),
	"an affiliate's status without an event": read("", `{"affiliate_id": 5, "current_status": "active"}`, "affiliate.status-changed\nUPDATED Affiliate/5 | lists of Affiliate Membership"),
	"a status without an event":              read("", `{"current_status": "active"}`, "error: neither the address nor the body says which event it is"),
	"an id without an event":                 read("", `{"id": 7}`, "error: neither the address nor the body says which event it is"),

	"an unknown event":               read("coupon.new", `{"id": 7}`, "coupon.new\nignored: the event is not known"),
	"an affiliate as a referral":     read("referral.new", affiliateBody, "error: referral.new: the body is not that of such an event"),
	"a referral as an affiliate":     read("affiliate.approved", referralBody, "error: affiliate.approved: the body is not that of such an event"),
	"a payment as a status":          read("affiliate.status-changed", paymentBody, "error: affiliate.status-changed: the body is not that of such an event"),
	"a status as a payment":          read("payment.paid", `{"affiliate_id": 5, "current_status": "paid"}`, "error: payment.paid: the body is not that of such an event"),
	"an id alone":                    read("referral.new", `{"id": 7}`, "error: referral.new: the body is not that of such an event"),
	"a referral without an id":       read("referral.new", `{"commission": "1.00"}`, "error: referral.new: id is missing, or is no number of a record"),
	"a referral of an odd id":        read("referral.new", `{"id": "x7", "commission": "1.00"}`, "error: referral.new: id is missing, or is no number of a record"),
	"a referral of a negative id":    read("referral.new", `{"id": -7, "commission": "1.00"}`, "error: referral.new: id is missing, or is no number of a record"),
	"an affiliate of a broken id":    read("affiliate.new", `{"id": 5.5, "email": "a@b.c"}`, "error: affiliate.new: id is missing, or is no number of a record"),
	"a status of an odd referral":    read("referral.status-changed", `{"referral_id": [7], "current_status": "paid"}`, "error: referral.status-changed: referral_id is missing, or is no number of a record"),
	"a status of an odd affiliate":   read("affiliate.status-changed", `{"affiliate_id": true, "current_status": "paid"}`, "error: affiliate.status-changed: affiliate_id is missing, or is no number of a record"),
	"a payment of an odd id":         read("payment.paid", `{"payment_id": {}, "affiliate_id": 5}`, "error: payment.paid: payment_id is missing, or is no number of a record"),
	"a payment without an affiliate": read("payment.paid", `{"payment_id": 3}`, "error: payment.paid: affiliate_id is missing, or is no number of a record"),
	"white space":                    read("referral.new", " ", "error: the body cannot be read: it is no JSON, or not whole, or goes on behind it"),
	"a list":                         read("referral.new", `[]`, "error: the body cannot be read: it is an array where it should be an object"),
	"an empty object":                read("referral.new", `{}`, "error: referral.new: the body is not that of such an event"),
}

func TestHooksRead(t *testing.T) {
	providertest.HookReads(t, hooksAt(noon), hookCases)
	for event := range hookEvents {
		if _, ok := hookCases[event]; !ok {
			t.Errorf("no case of %s", event)
		}
	}
}

func TestHooksVerify(t *testing.T) {
	const body = referralBody
	signed := func(key, body string) http.Header {
		h := http.Header{}
		h.Set("x-uppromote-signature", hex.EncodeToString(hook.MAC([]byte(key), []byte(body))))
		return h
	}
	two := signed("the new key", body)
	two.Add("X-Uppromote-Signature", two.Get("X-Uppromote-Signature"))
	keys := providers.HookSecrets{Signing: []string{"the new key", "the old key"}}
	const none, missing = "the signature of no configured key", "is missing"
	verify := providertest.Verify
	providertest.HookVerifies(t, hooksAt(noon), map[string]providertest.VerifyCase{
		"validation":                 verify(nil, "", keys, ""),
		"validation without secrets": verify(nil, "", providers.HookSecrets{}, ""),
		"white space":                verify(nil, " ", keys, missing),
		"an empty object":            verify(nil, "{}", keys, missing),
		"the new key":                verify(signed("the new key", body), body, keys, ""),
		"the old key":                verify(signed("the old key", body), body, keys, ""),
		"another key":                verify(signed("another key", body), body, keys, none),
		"another body":               verify(signed("the new key", body), strings.Replace(body, "7", "8", 1), keys, none),
		"the validation's signature": verify(signed("the new key", ""), body, keys, none),
		"no signature":               verify(nil, body, keys, missing),
		"two signatures":             verify(two, body, keys, "more than once"),
		"no secrets":                 verify(signed("", body), body, providers.HookSecrets{}, "no key of signatures"),
		"an empty secret":            verify(signed("", body), body, providers.HookSecrets{Signing: []string{""}}, "no key of signatures"),
		"an empty secret, too":       verify(signed("", body), body, providers.HookSecrets{Signing: []string{"", "key"}}, none),
		"a header, too": verify(signed("the new key", body), body,
			providers.HookSecrets{Signing: keys.Signing, Header: "X-Key", Values: []string{"abcd"}}, missing),
	})
}

func TestHooksNeed(t *testing.T) {
	h := hooksAt(noon)
	for _, c := range []struct {
		secrets providers.HookSecrets
		want    string
	}{
		{providers.HookSecrets{}, "secret_key"},
		{providers.HookSecrets{Signing: []string{""}}, "secret_key"},
		{providers.HookSecrets{Signing: []string{"k"}}, ""},
		{providers.HookSecrets{Signing: []string{"k"}, Header: "X-Key", Values: []string{"v"}}, "remove the header"},
	} {
		if got := h.Needs(c.secrets); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v needs %q, not %q", c.secrets, got, c.want)
		}
	}
}

func FuzzHooks(f *testing.F) {
	secrets := providers.HookSecrets{Signing: []string{"the key"}}
	empty := func(body []byte) bool { return len(body) == 0 }
	providertest.FuzzHooks(f, hooksAt(noon), "shop", secrets, signatureHeader, hookCases, empty)
}
