package uppromote

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// createAffiliate makes an affiliate. No two have one address; that the vendor refuses a
// second is assumed.
//
// https://aff-api.uppromote.com/docs/v2/create-an-affiliate-21170054e0
//
//api:operation POST /affiliates
type createAffiliate struct {
	*provider
	in *providers.CreateAffiliateInput
}

const opCreateAffiliate = "POST /affiliates"

// wireNewAffiliate is what is sent. What is left out is left to the vendor.
type wireNewAffiliate struct {
	Email     string  `json:"email"`
	FirstName *string `json:"first_name,omitempty"`
	LastName  *string `json:"last_name,omitempty"`
	ProgramID int64   `json:"program_id,omitempty"`
	Status    string  `json:"status,omitempty"`
	SendEmail *bool   `json:"send_email,omitempty"`
}

func (c createAffiliate) check() providers.Problems {
	found := untaken("email, firstName, lastName, campaign, approved and sendEmail",
		given{"payoutEmail", c.in.PayoutEmail != nil}, given{"refCode", c.in.RefCode != nil}, given{"couponCode", c.in.CouponCode != nil},
		given{"note", c.in.Note != nil})
	if c.in.Campaign != nil {
		found = append(found, c.named(providers.NounCampaign, "campaign", *c.in.Campaign)...)
	}
	return found
}

func (c createAffiliate) plan(ctx context.Context) (*providers.Write, error) {
	body := wireNewAffiliate{Email: c.in.Email, FirstName: c.in.FirstName, LastName: c.in.LastName, SendEmail: c.in.SendEmail}
	if c.in.Campaign != nil {
		body.ProgramID, _ = number(c.in.Campaign.Local)
	}
	if c.in.Approved != nil {
		body.Status = "inactive"
		if *c.in.Approved {
			body.Status = "active"
		}
	}
	switch a, err := c.affiliateOf(ctx, c.in.Email); {
	case err != nil:
		return nil, err
	case a != nil:
		return nil, providers.Problemf(providers.ProblemTaken, "email", "is an affiliate's already")
	}
	return &providers.Write{
		Op: opCreateAffiliate,
		Fields: map[string]string{"email": "email", "first_name": "firstName", "last_name": "lastName", "program_id": "campaign",
			"status": "approved", "send_email": "sendEmail"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, odd, err := send[wireAffiliate](ctx, c.provider, opCreateAffiliate, affiliateList.path, body)
			if err != nil {
				return nil, err
			}
			return c.made(&w, odd)
		},
	}, nil
}

// made is what the reply tells: the whole record is assumed, the id is enough.
func (c createAffiliate) made(w *wireAffiliate, odd oddities) (*providers.Written, error) {
	made, r := &providers.Written{ID: c.id(providers.NounAffiliate, w.ID), StaleLists: listsOfAffiliates}, c.reply()
	switch {
	case w.Email != "" && !providers.EqualEmail(w.Email, c.in.Email):
		return nil, c.garbled(opCreateAffiliate, errAnother)
	case w.ID <= 0:
		return nil, c.garbled(opCreateAffiliate, errNoID)
	case len(odd) > 0:
		made.Stale = []providers.ID{made.ID}
	case affiliateKnowledge.Fields(w.Members) == nil:
		r.harvest.Affiliates = append(r.harvest.Affiliates, r.affiliate(w))
	default:
		r.harvestAffiliate(w.ID, w.Email)
	}
	made.Harvest = r.harvest
	return made, nil
}

// listsOfAffiliates are those that an affiliate's record stands in.
var listsOfAffiliates = []providers.Noun{providers.NounAffiliate, providers.NounMembership}

// look searches for the address. When the write was planned nobody had it, so that whoever
// has it now was made since; somebody of another name, or in another program, is somebody
// else's work. A name or program that is not told is no other.
func (c createAffiliate) look(ctx context.Context, _ json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	a, err := c.affiliateOf(ctx, c.in.Email)
	same := func(got, want *string) bool {
		return got == nil || want == nil || strings.EqualFold(strings.TrimSpace(*got), strings.TrimSpace(*want))
	}
	switch {
	case err != nil:
		return "", nil, err
	case a == nil:
		return providers.NotMade, nil, nil
	case disturbed, !same(a.FirstName, c.in.FirstName), !same(a.LastName, c.in.LastName),
		c.in.Campaign != nil && len(a.Memberships) > 0 && a.Memberships[0].CampaignID != *c.in.Campaign:
		return providers.Unclear, nil, nil
	}
	return providers.Made, changed(a), nil
}

// changed is an affiliate's record that was read after a write.
func changed(a *providers.Affiliate) *providers.Written {
	return &providers.Written{ID: a.ID, StaleLists: listsOfAffiliates,
		Harvest: providers.Harvest{Affiliates: []*providers.Affiliate{a}, Memberships: a.Memberships, Coupons: a.Coupons}}
}

// outdated is an affiliate's record that was read before a write which answers next to nothing.
func outdated(a *providers.Affiliate) *providers.Written {
	w := &providers.Written{ID: a.ID, Stale: []providers.ID{a.ID}, StaleLists: listsOfAffiliates}
	for _, m := range a.Memberships {
		w.Stale = append(w.Stale, m.ID)
	}
	return w
}

// stateOf looks at something that a member of the affiliate's record says, and judges it;
// says answers false where it is not told.
func (p *provider) stateOf(ctx context.Context, id providers.ID, member string, says func(*providers.Affiliate) (string, bool),
	wanted string, before json.RawMessage, disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	a, odd, err := byNumber(ctx, p, affiliateList, id)
	if err != nil {
		return "", nil, err
	}
	if a == nil || odd.member(member) {
		return providers.Unclear, nil, nil
	}
	now, told := says(a)
	if !told {
		return providers.Unclear, nil, nil
	}
	v := absolute(now, wanted, before, disturbed)
	if v != providers.Made {
		return v, nil, nil
	}
	if len(odd) > 0 {
		return v, outdated(a), nil
	}
	return v, changed(a), nil
}

// setAffiliateStatus approves or denies an affiliate. What the affiliate's status is
// afterwards is assumed: active, or inactive.
//
// https://aff-api.uppromote.com/docs/v2/approvedeny-affiliate-21170050e0
//
//api:operation POST /affiliate/active
type setAffiliateStatus struct {
	*provider
	in *providers.SetAffiliateStatusInput
}

const opAffiliateActive = "POST /affiliate/active"

// wireApproval is what is sent. Its words are not those of an affiliate's own status.
type wireApproval struct {
	AffiliateEmail string `json:"affiliate_email"`
	Status         string `json:"status"`
}

// approvals are the words for the states that can be set.
var approvals = map[providers.AffiliateStatus]string{providers.AffiliateActive: "approved", providers.AffiliateInactive: "denied"}

func (c setAffiliateStatus) check() providers.Problems {
	found := append(
		untaken("the status of the affiliate's one program", given{"campaign", c.in.Campaign != nil}),
		c.named(providers.NounAffiliate, "id", c.in.ID)...)
	if approvals[c.in.Status] == "" {
		found = append(
			found,
			providers.Problemf(providers.ProblemUnsupported, "status", "is not taken by %s, which takes ACTIVE and INACTIVE", title)...)
	}
	return found
}

func (c setAffiliateStatus) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "id", c.in.ID)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: opAffiliateActive, Before: providers.Image(a.Status), Fields: map[string]string{"affiliate_email": "id", "status": "status"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := c.act(ctx, opAffiliateActive, a, wireApproval{*a.Email, approvals[c.in.Status]}); err != nil {
				return nil, err
			}
			return outdated(a), nil
		},
	}, nil
}

func (c setAffiliateStatus) look(
	ctx context.Context,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	status := func(a *providers.Affiliate) (string, bool) { return string(a.Status), a.ProviderStatus != nil }
	return c.stateOf(ctx, c.in.ID, "status", status, string(c.in.Status), before, disturbed)
}

// setAffiliateParent puts an affiliate below another. That the vendor refuses a circle is
// assumed.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /affiliate/set-upline
type setAffiliateParent struct {
	*provider
	in *providers.SetAffiliateParentInput
}

const opSetUpline = "POST /affiliate/set-upline"

// wireUpline is what is sent.
type wireUpline struct {
	AffiliateEmail string `json:"affiliate_email"`
	UplineEmail    string `json:"upline_affiliate_email"`
}

func (c setAffiliateParent) check() providers.Problems {
	return append(c.named(providers.NounAffiliate, "id", c.in.ID), c.named(providers.NounAffiliate, "parent", c.in.Parent)...)
}

func (c setAffiliateParent) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "id", c.in.ID)
	if err != nil {
		return nil, err
	}
	upline, err := c.addressee(ctx, "parent", c.in.Parent)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op:     opSetUpline,
		Before: providers.Image(a.ParentID.Local),
		Fields: map[string]string{"affiliate_email": "id", "upline_affiliate_email": "parent"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := c.act(ctx, opSetUpline, a, wireUpline{*a.Email, *upline.Email}); err != nil {
				return nil, err
			}
			return &providers.Written{ID: a.ID, Stale: []providers.ID{a.ID}, StaleLists: []providers.Noun{providers.NounAffiliate}}, nil
		},
	}, nil
}

func (c setAffiliateParent) look(
	ctx context.Context,
	before json.RawMessage,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	parent := func(a *providers.Affiliate) (string, bool) { return a.ParentID.Local, !a.IsUnread("parent") }
	return c.stateOf(ctx, c.in.ID, "up_line_affiliate_id", parent, c.in.Parent.Local, before, disturbed)
}

// connectCustomer ties a customer to an affiliate. Nothing that can be read tells of it.
//
// https://aff-api.uppromote.com/docs/v2
//
//api:operation POST /affiliate/create-connect-customer
type connectCustomer struct {
	*provider
	in *providers.ConnectCustomerInput
}

const opConnectCustomer = "POST /affiliate/create-connect-customer"

// wireConnection is what is sent.
type wireConnection struct {
	AffiliateEmail string `json:"affiliate_email"`
	CustomerEmail  string `json:"customer_email"`
}

func (c connectCustomer) check() providers.Problems {
	return c.named(providers.NounAffiliate, "affiliate", c.in.Affiliate)
}

func (c connectCustomer) plan(ctx context.Context) (*providers.Write, error) {
	a, err := c.addressee(ctx, "affiliate", c.in.Affiliate)
	if err != nil {
		return nil, err
	}
	return &providers.Write{
		Op: opConnectCustomer, Fields: map[string]string{"affiliate_email": "affiliate", "customer_email": "customerEmail"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := c.act(ctx, opConnectCustomer, a, wireConnection{*a.Email, c.in.CustomerEmail}); err != nil {
				return nil, err
			}
			return &providers.Written{ID: a.ID}, nil
		},
	}, nil
}

func (connectCustomer) look(context.Context, json.RawMessage, bool) (providers.Verdict, *providers.Written, error) {
	return providers.Unclear, nil, nil
}
