package promotekit

import (
	"encoding/base64"
	"net/http"
	"strconv"
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

// hookCases: A is an affiliate, B a campaign or commission, C a referral, D a payout.
var hookCases = map[string]providertest.HookCase{
	"affiliate.created": {
		Body: `{"type": "affiliate.created", "data": {"id": "A", "campaign": {"id": "B"}, "promo_codes": [{"code": "JANE"}], "new": 1}}`,
		Want: `affiliate.created
			CREATED Affiliate/A | lists of Affiliate
			CREATED Membership/A~B of Affiliate/A | lists of Membership
			CREATED Coupon/A~JANE of Affiliate/A | lists of Coupon`,
	},
	"affiliate.approved": {
		Body: `{"type": "affiliate.approved", "data": {"id": "A", "campaign": "B", "promo_codes": [{"code": "JANE"}], "approved": false}}`,
		Want: `affiliate.approved
			UPDATED Affiliate/A | lists of Affiliate
			UPDATED Membership/A~B of Affiliate/A | lists of Membership`,
	},
	"an affiliate without a campaign": {
		Body: `{"type": "affiliate.approved", "data": {"id": "A"}}`,
		Want: `affiliate.approved
			UPDATED Affiliate/A | lists of Affiliate Membership`,
	},
	"an id in upper case": {
		Body: `{"type": "affiliate.approved", "data": {"id": "UPPER-A", "campaign": {"id": "UPPER-B"}}}`,
		Want: `affiliate.approved
			UPDATED Affiliate/A | lists of Affiliate
			UPDATED Membership/A~B of Affiliate/A | lists of Membership`,
	},
	"referral.created": {
		Body: `{"type": "referral.created", "data": {"id": "C", "affiliate": {"id": "A", "campaign": {"id": "B"}}}}`,
		Want: `referral.created
			CREATED Referral/C~A of Affiliate/A | lists of Referral`,
	},
	"referral.converted": {
		Body: `{"type": "referral.converted", "data": {"id": "C", "affiliate": "A"}}`,
		Want: `referral.converted
			UPDATED Referral/C~A of Affiliate/A | lists of Referral`,
	},
	"a referral of nobody": {
		Body: `{"type": "referral.created", "data": {"id": "C", "affiliate": null}}`,
		Want: `referral.created
			CREATED Referral/C~- | lists of Referral`,
	},
	"commission.created": {
		Body: `{"type": "commission.created", "data": {"id": "B", "affiliate": {"id": "A"}, "referral": {"id": "C"}, "payout": null}}`,
		Want: `commission.created
			CREATED Commission/B of Affiliate/A + Referral/C~A | lists of Commission Referral`,
	},
	"a commission that is paid": {
		Body: `{"type": "commission.created", "data": {"id": "B", "affiliate": "A", "referral": "C", "payout": {"id": "D"}}}`,
		Want: `commission.created
			CREATED Commission/B of Affiliate/A + Referral/C~A + Payout/D | lists of Commission Referral Payout`,
	},
	"a commission without its affiliate": {
		Body: `{"type": "commission.created", "data": {"id": "B", "referral": {"id": "C"}}}`,
		Want: `commission.created
			CREATED Commission/B | lists of Commission Referral`,
	},
	"an unknown event":       {Body: `{"type": "payout.paid", "data": {"id": "D"}}`, Want: "payout.paid\nignored: the event is not known"},
	"no type":                {Body: `{"data": {"id": "A"}}`, Want: "error: type is missing: nothing says what happened"},
	"a type that is no text": {Body: `{"type": ["affiliate.created"], "data": {"id": "A"}}`, Want: "error: type is missing: nothing says what happened"},
	"no data":                {Body: `{"type": "affiliate.created"}`, Want: "error: affiliate.created: data is missing"},
	"data that are null":     {Body: `{"type": "affiliate.created", "data": null}`, Want: "error: affiliate.created: data.id is missing, or is no UUID"},
	"data that are a list": {
		Body: `{"type": "affiliate.created", "data": [{"id": "A"}]}`,
		Want: "error: affiliate.created: data cannot be read: it is an array where it should be an object",
	},
	"no id":     {Body: `{"type": "affiliate.created", "data": {"email": "a@b.c"}}`, Want: "error: affiliate.created: data.id is missing, or is no UUID"},
	"an odd id": {Body: `{"type": "affiliate.created", "data": {"id": "7"}}`, Want: "error: affiliate.created: data.id is missing, or is no UUID"},
	"a referral without its affiliate": {
		Body: `{"type": "referral.created", "data": {"id": "C"}}`,
		Want: "error: referral.created: data.affiliate is missing or cannot be read, and is a part of the id",
	},
	"a referral of an affiliate that cannot be read": {
		Body: `{"type": "referral.created", "data": {"id": "C", "affiliate": {"id": 7}}}`,
		Want: "error: referral.created: data.affiliate is missing or cannot be read, and is a part of the id",
	},
	"nothing":      {Body: ``, Want: "error: the body is missing"},
	"no JSON":      {Body: `{"type": "affiliate.created"`, Want: "error: the body cannot be read: it is no JSON, or not whole, or goes on behind it"},
	"a list":       {Body: `[]`, Want: "error: the body cannot be read: it is an array where it should be an object"},
	"a long event": {Body: `{"type": "` + strings.Repeat("x", 201) + `"}`, Want: "error: type is longer than 200 bytes, or has characters that cannot be printed"},
}

const uuidD = "dddddddd-0000-4000-8000-00000000000d"

func init() {
	ids := strings.NewReplacer(`"UPPER-A"`, `"`+strings.ToUpper(uuidA)+`"`, `"UPPER-B"`, `"`+strings.ToUpper(uuidB)+`"`,
		`"A"`, `"`+uuidA+`"`, `"B"`, `"`+uuidB+`"`, `"C"`, `"`+uuidC+`"`, `"D"`, `"`+uuidD+`"`)
	told := strings.NewReplacer("/A", "/"+uuidA, "/B", "/"+uuidB, "/C", "/"+uuidC, "/D", "/"+uuidD, "~A", "~"+uuidA, "~B", "~"+uuidB)
	for name, c := range hookCases {
		c.Body, c.Want = ids.Replace(c.Body), told.Replace(c.Want)
		hookCases[name] = c
	}
}

func TestHooksRead(t *testing.T) { providertest.HookReads(t, hooksAt(noon), hookCases) }

// standard are the headers of a signature by Standard Webhooks.
func standard(prefix string, at time.Time, body string, keys ...string) http.Header {
	id, sent := "msg_1", strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, key := range keys {
		mac := hook.MAC([]byte(key), []byte(id+"."+sent+"."+body))
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac))
	}
	h := http.Header{}
	h.Set(prefix+"ID", id)
	h.Set(prefix+"Timestamp", sent)
	h.Set(prefix+"Signature", strings.Join(signatures, " "))
	return h
}

func whsec(key string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(key)) }

func TestHooksVerify(t *testing.T) {
	const body, forged = `{"type":"affiliate.created"}`, `{"type":"affiliate.createe"}`
	with := func(h http.Header, name, value string) http.Header {
		h = h.Clone()
		h.Add(name, value)
		return h
	}
	without := func(h http.Header, name string) http.Header {
		h = h.Clone()
		h.Del(name)
		return h
	}
	both := providers.HookSecrets{Signing: []string{whsec("new"), whsec("old")}}
	good := standard("svix-", noon, body, "new")
	const none, missing = "no signature of a configured key", "is missing"
	verify := providertest.Verify
	providertest.HookVerifies(t, hooksAt(noon), map[string]providertest.VerifyCase{
		"nothing configured":         {Body: body},
		"the new key":                verify(good, body, both, ""),
		"the old key":                verify(standard("webhook-", noon, body, "old"), body, both, ""),
		"another key first":          verify(standard("svix-", noon, body, "other", "old"), body, both, ""),
		"a version that is not ours": verify(with(without(good, "svix-signature"), "svix-signature", "v1a,AAAA "+good.Get("svix-signature")), body, both, ""),
		"a secret without a prefix": verify(good, body, providers.HookSecrets{
			Signing: []string{base64.StdEncoding.EncodeToString([]byte("new"))},
		}, ""),
		"four minutes late":       verify(standard("svix-", noon.Add(-4*time.Minute), body, "new"), body, both, ""),
		"four minutes early":      verify(standard("svix-", noon.Add(4*time.Minute), body, "new"), body, both, ""),
		"six minutes late":        verify(standard("svix-", noon.Add(-6*time.Minute), body, "new"), body, both, "older than five minutes"),
		"six minutes early":       verify(standard("svix-", noon.Add(6*time.Minute), body, "new"), body, both, "from the future"),
		"another key":             verify(standard("svix-", noon, body, "other"), body, both, none),
		"the empty key":           verify(standard("svix-", noon, body, ""), body, providers.HookSecrets{Signing: []string{"whsec_", whsec("new")}}, none),
		"another body":            verify(good, forged, both, none),
		"another time":            verify(with(without(good, "svix-timestamp"), "svix-timestamp", strconv.FormatInt(noon.Unix()+1, 10)), body, both, none),
		"another id":              verify(with(without(good, "svix-id"), "svix-id", "msg_2"), body, both, none),
		"a time that is no time":  verify(with(without(good, "svix-timestamp"), "svix-timestamp", "noon"), body, both, "no time in seconds"),
		"no signature":            verify(without(good, "svix-signature"), body, both, missing),
		"no id":                   verify(without(good, "svix-id"), body, both, missing),
		"no time":                 verify(without(good, "svix-timestamp"), body, both, missing),
		"no headers":              verify(nil, body, both, missing),
		"two signatures":          verify(with(good, "svix-signature", good.Get("svix-signature")), body, both, "more than once"),
		"an empty signature":      verify(with(without(good, "svix-signature"), "svix-signature", ""), body, both, none),
		"headers of both names":   verify(with(without(good, "svix-signature"), "webhook-signature", good.Get("svix-signature")), body, both, missing),
		"a header that we want":   verify(http.Header{"X-Key": {"abcd"}}, body, providers.HookSecrets{Header: "x-key", Values: []string{"abcd"}}, ""),
		"its value is another":    verify(http.Header{"X-Key": {"abce"}}, body, providers.HookSecrets{Header: "x-key", Values: []string{"abcd"}}, "none of the configured"),
		"signed without a header": verify(good, body, providers.HookSecrets{Signing: both.Signing, Header: "x-key", Values: []string{"abcd"}}, missing),
	})
}

func TestHooksNeed(t *testing.T) {
	h := hooksAt(noon)
	for want, secrets := range map[string]providers.HookSecrets{
		"":                     {},
		"remove the header":    {Header: "X-Key", Values: []string{"abc"}},
		"one of them is no":    {Signing: []string{whsec("a"), "whsec_§"}},
		"one of them is empty": {Signing: []string{"whsec_"}},
	} {
		if got := h.Needs(secrets); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%+v needs %q, not %q", secrets, got, want)
		}
	}
	if got := h.Needs(providers.HookSecrets{Signing: []string{whsec("key")}}); got != "" {
		t.Error(got)
	}
}

func FuzzHooks(f *testing.F) {
	secrets := providers.HookSecrets{Signing: []string{whsec("key")}}
	providertest.FuzzHooks(f, hooksAt(noon), "saas", secrets, "svix-signature", hookCases, func([]byte) bool { return false })
}
