package resolvers

import (
	"context"
	"strings"

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

// customerEmail is the customer's address, if the viewer may see it.
func (r *Resolver) customerEmail(ctx context.Context, obj *providers.Referral) (*string, error) {
	if obj.Email == nil {
		return nil, nil
	}
	shown, err := r.showsCustomers(ctx, obj)
	if !shown {
		return nil, err
	}
	return obj.Email, nil
}

// customerID is the customer's id. Some shops take the address for it.
func (r *Resolver) customerID(ctx context.Context, obj *providers.Referral) (*string, error) {
	if !mayBeEmail(obj.CustomerID) {
		return obj.CustomerID, nil
	}
	shown, err := r.showsCustomers(ctx, obj)
	if !shown {
		return nil, err
	}
	return obj.CustomerID, nil
}

// mayBeEmail says whether a customer's id may be the address.
func mayBeEmail(id *string) bool { return id != nil && strings.Contains(*id, "@") }

// showsCustomers says whether the viewer may see the address of the customer whom a
// referral is about.
func (r *Resolver) showsCustomers(ctx context.Context, obj *providers.Referral) (bool, error) {
	if v := auth.ViewerFrom(ctx); v != nil && v.Role != auth.RolePartner {
		return true, nil
	}
	switch r.emails[obj.ID.Account] {
	case EmailsShown:
		return true, nil
	case EmailsCampaign:
		if obj.CampaignID.IsZero() {
			return false, nil
		}
		c, err := loaderOf(loadersFrom(ctx), rulesLoader, rules).one(ctx, customerRule(obj))
		return err == nil && c != nil && c.HidesCustomerEmails != nil && !*c.HidesCustomerEmails, err
	}
	return false, nil
}

const rulesLoader = "Campaign.hidesCustomerEmails"

// customerRule is what has to be read to know whether a partner sees the address of the
// customer whom a referral is about.
func customerRule(obj *providers.Referral) want { return want{obj.CampaignID, "hidesCustomerEmails"} }

// rules reads what campaigns let be seen, as it is now.
func rules(r *Resolver, ctx context.Context, wants []want) ([]*providers.Campaign, []error) {
	return campaigns.fetch(r, providers.WithFresh(ctx), wants)
}
