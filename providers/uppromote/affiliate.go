package uppromote

import (
	"context"
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
	noun: providers.NounAffiliate, path: "/affiliates", convert: (*reply).affiliate, core: affiliateCore,
}

// Affiliates plans lists of affiliates. The vendor filters by status and by e-mail address.
func (p *provider) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	l := p.plan()
	if f.Email != "" {
		l.None = !providers.IsEmail(f.Email)
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

// spelled reads the affiliates of an address. The vendor may compare addresses with regard
// to case: it is asked for the spelling that was typed and for the one in lower case.
func (p *provider) spelled(query url.Values) func(context.Context, providers.PageRequest) (*providers.Page[providers.Affiliate], error) {
	return func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Affiliate], error) {
		return wire.Spelled(query.Get(emailParam), func(spelling string) (*providers.Page[providers.Affiliate], error) {
			q := maps.Clone(query)
			q.Set(emailParam, spelling)
			return affiliateList.page(ctx, p, q, r)
		})
	}
}

// AffiliatesByID reads affiliates, one call each, or by walking all of them: several are
// looked for on the first page of the list, which holds all of a small shop.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	return affiliateList.byIDs(ctx, p, ids, true, covers[providers.Affiliate](need))
}

// wireAffiliate is what is read of an affiliate. Addresses, telephone numbers, tax and
// payment details are not.
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

// affiliateStatuses are the vendor's words. Somebody refused is inactive: there is no word
// for that.
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
	for _, m := range a.Memberships {
		r.harvest.Memberships = append(r.harvest.Memberships, wire.Narrow(membershipCore, r.list, w, m))
	}
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
		FirstName:      wire.Name(w.FirstName),
		LastName:       wire.Name(w.LastName),
		Name:           wire.Name(w.FirstName, w.LastName),
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

// linkCode is the affiliate's code in the parameter that the vendor's own links have; nil
// in other links.
func linkCode(address string) *string {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return text(u.Query().Get("sca_ref"))
}

// affiliateKnowledge says what an affiliate inside another record knows. Lists below
// affiliates are narrowed by the address.
var affiliateKnowledge = wire.NewKnowledge([]string{"providerId", "children"}, map[string]string{
	"createdAt": "created_at", "email": "email", "firstName": "first_name", "lastName": "last_name", "name": "first_name last_name",
	"status": "status", "providerStatus": "status", "campaign": "program_id", "parent": "up_line_affiliate_id", "coupons": "coupons",
	"memberships": "program_id status created_at default_affiliate_link coupons", "links": "default_affiliate_link custom_affiliate_link",
	"balances": "paid_amount approved_amount pending_amount denied_amount", "note": "personal_detail", "internalNote": "internal_note",
	"referrals": "email", "commissions": "email", "payouts": "email",
})

// affiliateCore is what every affiliate of a list has.
var affiliateCore = &wire.Core{Knowledge: affiliateKnowledge, Members: []string{
	"email", "first_name", "last_name", "status", "created_at", "default_affiliate_link", "program_id", "coupons", "up_line_affiliate_id",
	"paid_amount", "approved_amount", "pending_amount", "denied_amount",
}}

// What other records tell of an affiliate: the id, mostly the address, and in referrals the
// name as well.
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
	wire.MarkPart(affiliateCore, w.Record, a)
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
