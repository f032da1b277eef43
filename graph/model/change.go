package model

import (
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/providers"
)

// Change is an event of a subscription.
type Change struct {
	ID       string
	Kind     providers.ChangeKind
	NodeID   providers.ID
	Position string
	At       time.Time
}

// Noun is the type of the record.
func (c *Change) Noun() providers.Noun { return c.NodeID.Noun }

// ChangeFilter says which changes a subscription wants. A nil list sets no condition, and
// an empty one matches nothing.
type ChangeFilter struct {
	Accounts   []providers.ID
	Nouns      []providers.Noun
	Affiliates []providers.ID
	Kinds      []providers.ChangeKind
}

// nounWords are the values of the enum Noun.
var nounWords = map[providers.Noun]string{
	providers.NounAffiliate:           "AFFILIATE",
	providers.NounMembership:          "MEMBERSHIP",
	providers.NounCampaign:            "CAMPAIGN",
	providers.NounReferral:            "REFERRAL",
	providers.NounCommission:          "COMMISSION",
	providers.NounPayout:              "PAYOUT",
	providers.NounCoupon:              "COUPON",
	providers.NounWebhookSubscription: "WEBHOOK_SUBSCRIPTION",
}

// MarshalNoun writes a noun as a value of the enum Noun.
func MarshalNoun(n providers.Noun) graphql.Marshaler { return graphql.MarshalString(nounWords[n]) }

// AppendNoun writes what MarshalNoun writes.
func AppendNoun(buf []byte, n providers.Noun) []byte { return AppendString(buf, nounWords[n]) }

// UnmarshalNoun reads a value of the enum Noun.
func UnmarshalNoun(v any) (providers.Noun, error) {
	word, ok := v.(string)
	if ok {
		for n, w := range nounWords {
			if w == word {
				return n, nil
			}
		}
	}
	return "", badInput("%q is no value of the enum Noun", clip(strings.ToValidUTF8(word, "")))
}
