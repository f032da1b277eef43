package uppromote

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
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
		l.query.Set(emailParam, f.Email)
		l.exact = false // that the address is compared as a whole is assumed
	}
	statuses(l, affiliateStatuses, f.Statuses)
	l.parents("", providers.NounCampaign, f.Campaigns)
	if !f.Parent.IsZero() {
		l.parents("", providers.NounAffiliate, []providers.ID{f.Parent})
	}
	l.unsent(f.RefCode != "" || f.PromoCode != "" || f.Search != "")
	return affiliateList.lists(l), nil
}

// AffiliatesByID reads affiliates, one call each, or by walking all of them.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, _ ...string) (*providers.Batch[providers.Affiliate], error) {
	return affiliateList.byIDs(ctx, p, ids, false)
}

// wireAffiliate is what is read of an affiliate. Addresses, telephone numbers, tax and payment details are not.
type wireAffiliate struct {
	ID             integer           `json:"id"`
	Email          text              `json:"email"`
	FirstName      text              `json:"first_name"`
	LastName       text              `json:"last_name"`
	Status         text              `json:"status"`
	CreatedAt      instant           `json:"created_at"`
	DefaultLink    text              `json:"default_affiliate_link"`
	CustomLink     text              `json:"custom_affiliate_link"`
	PersonalDetail text              `json:"personal_detail"`
	InternalNote   text              `json:"internal_note"`
	ProgramID      integer           `json:"program_id"`
	ProgramName    text              `json:"program_name"`
	Coupons        many[wireCode]    `json:"coupons"`
	UplineID       integer           `json:"up_line_affiliate_id"`
	UplineEmail    text              `json:"up_line_affiliate_email"`
	PaidAmount     providers.Decimal `json:"paid_amount"`
	ApprovedAmount providers.Decimal `json:"approved_amount"`
	PendingAmount  providers.Decimal `json:"pending_amount"`
	DeniedAmount   providers.Decimal `json:"denied_amount"`
}

// affiliateStatuses are the vendor's words. Somebody refused is inactive: there is no word for that.
var affiliateStatuses = map[string]providers.AffiliateStatus{
	"active": providers.AffiliateActive, "inactive": providers.AffiliateInactive, "pending": providers.AffiliatePending,
}

// affiliate converts a row, and harvests what else it tells.
func (r *reply) affiliate(w *wireAffiliate) *providers.Affiliate {
	status, ok := affiliateStatuses[strings.ToLower(string(w.Status))]
	if !ok {
		status = providers.AffiliateUnknown
	}
	a := &providers.Affiliate{
		Node:           r.numbered(providers.NounAffiliate, w.ID, w.CreatedAt, nil),
		Email:          w.Email.known(),
		FirstName:      w.FirstName.known(),
		LastName:       w.LastName.known(),
		Name:           fullName(w.FirstName, w.LastName),
		Status:         status,
		ProviderStatus: w.Status.known(),
		Balances:       r.balances(w),
		Note:           w.PersonalDetail.known(),
		InternalNote:   w.InternalNote.known(),
		Coupons:        r.codes(w),
		ParentID:       r.id(providers.NounAffiliate, w.UplineID),
	}
	for _, address := range []text{w.DefaultLink, w.CustomLink} {
		if address != "" {
			a.Links = append(a.Links, providers.Link{URL: string(address), Code: linkCode(address)})
		}
	}
	if m := r.membership(w); m != nil {
		a.Memberships = []*providers.Membership{m}
		r.harvest.Memberships = append(r.harvest.Memberships, m)
	}
	r.harvest.Coupons = append(r.harvest.Coupons, a.Coupons...)
	r.harvestProgram(w.ProgramID, w.ProgramName)
	r.harvestAffiliate(w.UplineID, w.UplineEmail)
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
func linkCode(address text) *string {
	u, err := url.Parse(string(address))
	if err != nil {
		return nil
	}
	return text(u.Query().Get("sca_ref")).known()
}

func fullName(first, last text) *string {
	return text(strings.TrimSpace(string(first) + " " + string(last))).known()
}

// edges of an affiliate are followed with the id and the address alone.
var edges = []string{"children", "referrals", "commissions", "payouts"}

// What other records tell of an affiliate: the address, and in referrals the name as well.
var (
	emailStub = providers.Only(slices.Concat([]string{"providerId", "email"}, edges)...)
	nameStub  = providers.Only(slices.Concat([]string{"providerId", "email", "firstName", "lastName", "name"}, edges)...)
)

// harvestAffiliate keeps what a record tells of an affiliate that it names, if that is the address.
func (r *reply) harvestAffiliate(n integer, email text) {
	if email != "" && r.stub(r.id(providers.NounAffiliate, n)) {
		r.harvest.Affiliates = append(r.harvest.Affiliates, &providers.Affiliate{
			Node: r.numbered(providers.NounAffiliate, n, instant{}, emailStub), Email: email.known(),
		})
	}
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
		l.exact = false
		return
	}
	l.one("status", send)
}
