package resolvers

import (
	"context"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// CustomerEmails says what partners see of the addresses of the customers whom they brought.
type CustomerEmails string

// What they may see.
const (
	EmailsHidden   CustomerEmails = "hidden"   // no more than the masked address
	EmailsCampaign CustomerEmails = "campaign" // what the campaign lets them see; none where the vendor does not say
	EmailsShown    CustomerEmails = "shown"    // all
)

var errHiddenEmails = badInput("filter: email, customerId and search find customers by their addresses, and this account does not show those to partners")

// finds refuses a filter that would tell by what it finds what is not shown.
func (s *scoped) finds(f providers.ReferralFilter) error {
	if (f.Email != "" || f.CustomerID != "" || f.Search != "") && s.r.emails[s.inner.Account().ID.Account] != EmailsShown {
		return errHiddenEmails
	}
	return nil
}

// customerEmail is the customer's address, if the viewer may see it.
func (r *Resolver) customerEmail(ctx context.Context, obj *providers.Referral) (*string, error) {
	v := auth.ViewerFrom(ctx)
	if obj.Email == nil || v != nil && v.Role != auth.RolePartner {
		return obj.Email, nil
	}
	switch r.emails[obj.ID.Account] {
	case EmailsShown:
		return obj.Email, nil
	case EmailsCampaign:
		if obj.CampaignID.IsZero() {
			return nil, nil
		}
		c, err := campaigns.loader(ctx).one(ctx, want{obj.CampaignID, "hidesCustomerEmails"})
		if err != nil || c == nil || c.HidesCustomerEmails == nil || *c.HidesCustomerEmails {
			return nil, err
		}
		return obj.Email, nil
	}
	return nil, nil
}
