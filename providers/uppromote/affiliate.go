package uppromote

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// affiliateList reads affiliates: a page of them, or one by its id.
//
// https://aff-api.uppromote.com/docs/v2/get-affiliates-21170049e0
// https://aff-api.uppromote.com/docs/v2/get-affiliate-by-id-21170051e0
//
//api:operation GET /affiliates
//api:operation GET /affiliates/{id}
var affiliateList = endpoint[wireAffiliate, providers.Affiliate]{
	noun: providers.NounAffiliate, path: "/affiliates", convert: (*reply).affiliate,
}

// Affiliates plans lists of affiliates. The vendor filters by status and by e-mail address.
func (p *provider) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	l := p.plan()
	if f.Email != "" {
		l.Query.Set(emailParam, providers.EmailSpellings(f.Email)[0])
		l.Exact = false // that the address is compared as a whole is assumed
	}
	statuses(l, affiliateStatuses, f.Statuses)
	l.parents("", providers.NounCampaign, f.Campaigns)
	if !f.Parent.IsZero() {
		l.parents("", providers.NounAffiliate, []providers.ID{f.Parent})
	}
	l.unsent(f.RefCode != "" || f.PromoCode != "" || f.Search != "")
	lists := affiliateList.lists(l)
	for i, query := range l.Queries() {
		if query.Has(emailParam) {
			lists[i].Page = p.spelled(query)
		}
	}
	return lists, nil
}

// spelled reads the affiliates of an address. The vendor may compare addresses with regard to case: where it has nobody
// of the spelling that was typed, it is asked for the one in lower case.
func (p *provider) spelled(query url.Values) func(context.Context, providers.PageRequest) (*providers.Page[providers.Affiliate], error) {
	return func(ctx context.Context, r providers.PageRequest) (page *providers.Page[providers.Affiliate], err error) {
		for _, spelling := range providers.EmailSpellings(query.Get(emailParam)) {
			q := maps.Clone(query)
			q.Set(emailParam, spelling)
			if page, err = affiliateList.page(ctx, p, q, r.Number); err != nil || len(page.Items)+page.Unread > 0 {
				return page, err
			}
		}
		return page, nil
	}
}

// AffiliatesByID reads affiliates, one call each, or by walking all of them.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Affiliate], error) {
	return affiliateList.byIDs(ctx, p, ids, false)
}

// wireAffiliate is what is read of an affiliate. Addresses, telephone numbers, tax and payment details are not.
type wireAffiliate struct {
	wire.Members
	ID             int64             `json:"id"`
	Email          string            `json:"email"`
	FirstName      string            `json:"first_name"`
	LastName       string            `json:"last_name"`
	Status         string            `json:"status"`
	CreatedAt      time.Time         `json:"created_at"`
	DefaultLink    string            `json:"default_affiliate_link"`
	CustomLink     string            `json:"custom_affiliate_link"`
	PersonalDetail string            `json:"personal_detail"`
	InternalNote   string            `json:"internal_note"`
	ProgramID      int64             `json:"program_id"`
	ProgramName    string            `json:"program_name"`
	Coupons        []wireCode        `json:"coupons"`
	UplineID       int64             `json:"up_line_affiliate_id"`
	UplineEmail    string            `json:"up_line_affiliate_email"`
	PaidAmount     providers.Decimal `json:"paid_amount"`
	ApprovedAmount providers.Decimal `json:"approved_amount"`
	PendingAmount  providers.Decimal `json:"pending_amount"`
	DeniedAmount   providers.Decimal `json:"denied_amount"`
}

// affiliateStatuses are the vendor's words. Somebody refused is inactive: there is no word for that.
var affiliateStatuses = map[string]providers.AffiliateStatus{
	"active": providers.AffiliateActive, "inactive": providers.AffiliateInactive, "pending": providers.AffiliatePending,
}

// WireID is the affiliate's number; "" for none.
func (w wireAffiliate) WireID() string {
	if w.ID <= 0 {
		return ""
	}
	return decimal(w.ID)
}

// affiliate converts a row, and harvests what else it tells.
func (r *reply) affiliate(w *wireAffiliate) *providers.Affiliate {
	a := r.person(w)
	if a.ID.IsZero() {
		return a
	}
	r.harvest.Memberships = append(r.harvest.Memberships, a.Memberships...)
	r.harvest.Coupons = append(r.harvest.Coupons, a.Coupons...)
	r.harvestProgram(w.ProgramID, w.ProgramName)
	r.harvestAffiliate(w.UplineID, w.UplineEmail)
	return a
}

// person converts an affiliate's object.
func (r *reply) person(w *wireAffiliate) *providers.Affiliate {
	status, ok := affiliateStatuses[strings.ToLower(w.Status)]
	if !ok {
		status = providers.AffiliateUnknown
	}
	a := &providers.Affiliate{
		Node:           r.numbered(providers.NounAffiliate, w.ID, w.CreatedAt, nil),
		Email:          text(w.Email),
		FirstName:      text(w.FirstName),
		LastName:       text(w.LastName),
		Name:           fullName(w.FirstName, w.LastName),
		Status:         status,
		ProviderStatus: text(w.Status),
		Balances:       r.balances(w),
		Note:           text(w.PersonalDetail),
		InternalNote:   text(w.InternalNote),
		Coupons:        r.codes(w),
		ParentID:       r.id(providers.NounAffiliate, w.UplineID),
	}
	for _, address := range []string{w.DefaultLink, w.CustomLink} {
		if address != "" {
			a.Links = append(a.Links, providers.Link{URL: address, Code: linkCode(address)})
		}
	}
	if m := r.membership(w); !m.ID.IsZero() {
		a.Memberships = []*providers.Membership{m}
	}
	return a
}

// balances are the totals of an affiliate's referrals by status.
func (r *reply) balances(w *wireAffiliate) (balances []providers.Balance) {
	for _, b := range []struct {
		status providers.BalanceStatus
		amount providers.Decimal
	}{
		{providers.BalancePending, w.PendingAmount}, {providers.BalanceApproved, w.ApprovedAmount},
		{providers.BalancePaid, w.PaidAmount}, {providers.BalanceDenied, w.DeniedAmount},
	} {
		if b.amount.Set {
			balances = append(balances, providers.Balance{Status: b.status, Amount: b.amount.Major(r.config.Currency)})
		}
	}
	return balances
}

// linkCode is the affiliate's code in the parameter that the vendor's own links have; nil in other links.
func linkCode(address string) *string {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return text(u.Query().Get("sca_ref"))
}

func fullName(first, last string) *string { return text(strings.TrimSpace(first + " " + last)) }

// affiliateKnowledge says what an affiliate inside another record knows. Lists below affiliates are narrowed by the
// address.
var affiliateKnowledge = wire.NewKnowledge([]string{"providerId", "children"}, map[string]string{
	"createdAt": "created_at", "email": "email", "firstName": "first_name", "lastName": "last_name", "name": "first_name last_name",
	"status": "status", "providerStatus": "status", "campaign": "program_id", "parent": "up_line_affiliate_id", "coupons": "coupons",
	"memberships": "program_id status created_at default_affiliate_link coupons", "links": "default_affiliate_link custom_affiliate_link",
	"balances": "paid_amount approved_amount pending_amount denied_amount", "note": "personal_detail", "internalNote": "internal_note",
	"referrals": "email", "commissions": "email", "payouts": "email",
})

// What other records tell of an affiliate: the id, mostly the address, and in referrals the name as well.
var (
	idStub    = affiliateKnowledge.Fields(wire.Members{})
	emailStub = providers.Only("providerId", "children", "email", "referrals", "commissions", "payouts")
	nameStub  = providers.Only("providerId", "children", "email", "referrals", "commissions", "payouts", "firstName", "lastName", "name")
)

// harvestAffiliate keeps what a record tells of an affiliate that it names.
func (r *reply) harvestAffiliate(n int64, email string) {
	known := emailStub
	if email == "" {
		known = idStub
	}
	if r.stub(r.id(providers.NounAffiliate, n), known) {
		r.harvest.Affiliates = append(r.harvest.Affiliates, &providers.Affiliate{
			Node: r.numbered(providers.NounAffiliate, n, time.Time{}, known), Email: text(email),
		})
	}
}

// relatedAffiliate is the id of an affiliate inside another record, which is harvested.
func (r *reply) relatedAffiliate(w wire.Related[wireAffiliate]) providers.ID {
	n, _ := number(w.ID)
	if w.Record == nil || w.Record.Email == "" { // every affiliate has an address: what tells none is no more than the id
		r.harvestAffiliate(n, "")
		return r.id(providers.NounAffiliate, n)
	}
	a := r.person(w.Record)
	a.Known = affiliateKnowledge.Fields(w.Record.Members)
	if r.stub(a.ID, a.Known) {
		r.harvest.Affiliates = append(r.harvest.Affiliates, a)
	}
	return a.ID
}

// statuses sends states to a filter that takes one of the vendor's words. UNKNOWN has none.
func statuses[S ~string](l *plan, words map[string]S, asked []S) {
	if len(asked) == 0 {
		return
	}
	var send []string
	for word, status := range words {
		if slices.Contains(asked, status) {
			send = append(send, word)
		}
	}
	if slices.Contains(asked, "UNKNOWN") {
		l.Exact = false
		return
	}
	l.One("status", send)
}

// affiliateOf searches for the affiliate with an address, live; nil for none.
func (p *provider) affiliateOf(ctx context.Context, email string) (*providers.Affiliate, error) {
	lists, err := p.Affiliates(providers.AffiliateFilter{Email: email})
	if err != nil {
		return nil, err
	}
	untold := false
	for a, err := range every(ctx, p, lists[0]) {
		switch {
		case err != nil:
			return nil, err
		case a.Email == nil:
			untold = true
		case providers.EqualEmail(*a.Email, email):
			return a, nil
		}
	}
	if untold {
		return nil, p.bad("GET "+affiliateList.path, errUnread)
	}
	return nil, nil
}

// createAffiliate makes an affiliate. No two have one address; that the vendor refuses a second is assumed.
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

// look searches for the address. When the write was planned nobody had it, so that whoever has it now was made since;
// somebody of another name, or in another program, is somebody else's work. A name or program that is not told is no other.
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

// stateOf looks at something that a member of the affiliate's record says, and judges it; says answers false where it
// is not told.
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

// setAffiliateStatus approves or denies an affiliate. What the affiliate's status is afterwards is assumed: active, or
// inactive.
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
	found := append(untaken("the status of the affiliate's one program", given{"campaign", c.in.Campaign != nil}), c.named(providers.NounAffiliate, "id", c.in.ID)...)
	if approvals[c.in.Status] == "" {
		found = append(found, providers.Problemf(providers.ProblemUnsupported, "status", "is not taken by %s, which takes ACTIVE and INACTIVE", title)...)
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

func (c setAffiliateStatus) look(ctx context.Context, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	status := func(a *providers.Affiliate) (string, bool) { return string(a.Status), a.ProviderStatus != nil }
	return c.stateOf(ctx, c.in.ID, "status", status, string(c.in.Status), before, disturbed)
}

// setAffiliateParent puts an affiliate below another. That the vendor refuses a circle is assumed.
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
		Op: opSetUpline, Before: providers.Image(a.ParentID.Local), Fields: map[string]string{"affiliate_email": "id", "upline_affiliate_email": "parent"},
		Send: func(ctx context.Context) (*providers.Written, error) {
			if _, err := c.act(ctx, opSetUpline, a, wireUpline{*a.Email, *upline.Email}); err != nil {
				return nil, err
			}
			return &providers.Written{ID: a.ID, Stale: []providers.ID{a.ID}, StaleLists: []providers.Noun{providers.NounAffiliate}}, nil
		},
	}, nil
}

func (c setAffiliateParent) look(ctx context.Context, before json.RawMessage, disturbed bool) (providers.Verdict, *providers.Written, error) {
	parent := func(a *providers.Affiliate) (string, bool) { return a.ParentID.Local, true }
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
