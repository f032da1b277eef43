package sandbox

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// newWebhooks sends as the vendor is assumed to: how often, and how signed, nothing says.
func newWebhooks(o providers.SandboxOptions) *sandbox.Webhooks {
	return sandbox.NewWebhooks(sandbox.WebhookOptions{
		Now: o.Now, Seed: o.Seed, Timeout: 15 * time.Second,
		Sign: func(h http.Header, e sandbox.Endpoint, c sandbox.Change, body []byte) {
			if e.Secret == "" {
				return
			}
			id := "msg_" + sandbox.HexSignature(c.At.String(), body)[:24]
			timestamp, signature := sandbox.StandardSignature(e.Secret, id, o.Now(), body)
			h.Set("Svix-Id", id)
			h.Set("Svix-Timestamp", timestamp)
			h.Set("Svix-Signature", signature)
		},
	})
}

// Webhooks send and log what changes.
func (s *Server) Webhooks() *sandbox.Webhooks { return s.webhooks }

// AddEndpoint has these events sent to an address, all of them for none. The vendor's
// dashboard does that; it has no call for it. With a secret "whsec_…" deliveries are signed.
func (s *Server) AddEndpoint(address, secret string, events ...string) error {
	if !s.webhooks.Allows(address) {
		return errors.New("the address of an endpoint has to begin with https://")
	}
	e := sandbox.Endpoint{URL: address, Secret: secret, Retries: -1}
	if len(events) > 0 {
		e.Wants = func(event string, _ int64) bool { return slices.Contains(events, event) }
	}
	s.webhooks.Register(address, e)
	return nil
}

// hookSecret signs what is sent by SendTo.
const hookSecret = "whsec_cHJvbW90ZWtpdCBzYW5kYm94IHNlY3JldA=="

// HookSecrets verify what is sent by SendTo.
func (s *Server) HookSecrets() providers.HookSecrets {
	return providers.HookSecrets{Signing: []string{hookSecret}}
}

// SendTo has all events sent to an address.
func (s *Server) SendTo(address string) {
	s.webhooks.Register(address, sandbox.Endpoint{URL: address, Secret: hookSecret, Retries: -1})
}

// nouns are what the kinds are here.
var nouns = map[kind]providers.Noun{
	campaignKind: providers.NounCampaign, affiliateKind: providers.NounAffiliate, referralKind: providers.NounReferral,
	commissionKind: providers.NounCommission,
}

// tell logs a change and sends it, unless it has no event.
func tell[R any](s *Server, event string, k kind, i int, record func(view, int) R) {
	c := sandbox.Change{Event: event, Noun: nouns[k], Local: s.program.uuid(k, i)}
	s.webhooks.Tell(c, 0, func() any { return map[string]any{"type": event, "data": record(s.view(), i)} })
}

// telling is how a record is created, which is told then: to nobody where there is no event.
func telling[B, R any](
	s *Server, event string, k kind, record func(view, int) R, create func(*B, time.Time) (int, *refusal),
) func(*B, time.Time) (int, *refusal) {
	return func(b *B, now time.Time) (int, *refusal) {
		i, no := create(b, now)
		if no == nil {
			tell(s, event, k, i, record)
		}
		return i, no
	}
}

// updateAffiliate tells of an approval, and of nothing else.
func (s *Server) updateAffiliate(i int, b *affiliateBody) *refusal {
	approved := s.program.standing[i].approved
	no := s.program.updateAffiliate(i, b)
	switch {
	case no != nil:
	case !approved && s.program.standing[i].approved:
		tell(s, "affiliate.approved", affiliateKind, i, affiliateRecord)
	default:
		tell(s, "", affiliateKind, i, affiliateRecord)
	}
	return no
}

// updateCampaign tells nobody.
func (s *Server) updateCampaign(i int, b *campaignBody) *refusal {
	no := s.program.updateCampaign(i, b)
	if no == nil {
		tell(s, "", campaignKind, i, campaignRecord)
	}
	return no
}

// createReferral tells of the referral.
func (s *Server) createReferral(b *referralBody, now time.Time) (int, *refusal) {
	return telling(s, "referral.created", referralKind, referralRecord, s.program.createReferral)(b, now)
}

// createCommission tells of the commission, and of its referral if that is the first.
func (s *Server) createCommission(b *commissionBody, now time.Time) (int, *refusal) {
	i, no := s.program.createCommission(b, now)
	if no != nil {
		return i, no
	}
	tell(s, "commission.created", commissionKind, i, commissionRecord)
	if referral := s.program.customer[i]; len(s.program.commissionsFor[referral]) == 1 {
		tell(s, "referral.converted", referralKind, int(referral), referralRecord)
	}
	return i, nil
}
