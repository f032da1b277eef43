package example

import (
	"context"
	"reflect"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// affiliates reads affiliates: a page of them, or one by its id.
//
// https://example.com/docs/api/affiliates
//
//api:operation GET /affiliates
//api:operation GET /affiliates/{id}
var affiliates = endpoint[wireAffiliate, providers.Affiliate]{
	noun: providers.NounAffiliate, path: "/affiliates", core: affiliateCore, convert: (*provider).affiliate,
}

// Affiliates plans the list of all: the vendor filters by nothing, and the reader checks
// the rows.
func (p *provider) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	if providers.MatchesNothing(f) || len(f.Campaigns) > 0 || f.PromoCode != "" || !f.Parent.IsZero() { // there are none
		return nil, nil
	}
	f.Accounts = nil
	all := reflect.ValueOf(f).IsZero()
	return []providers.List[providers.Affiliate]{affiliates.list(p, nil, all)}, nil
}

// AffiliatesByID reads affiliates.
func (p *provider) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	return affiliates.byID(ctx, p, ids, need)
}

// wireAffiliate is what is read of an affiliate.
type wireAffiliate struct {
	wire.Members
	ID        int64      `json:"id"`
	Email     string     `json:"email"`
	Name      string     `json:"name"`
	Status    string     `json:"status"`
	Link      string     `json:"link"`
	Code      string     `json:"code"`
	CreatedAt *time.Time `json:"created_at"`
}

// affiliateStatuses are the vendor's words.
var affiliateStatuses = map[string]providers.AffiliateStatus{
	"active": providers.AffiliateActive, "pending": providers.AffiliatePending,
	"inactive": providers.AffiliateInactive, "blocked": providers.AffiliateBanned,
}

func (p *provider) affiliate(w *wireAffiliate) *providers.Affiliate {
	status, ok := affiliateStatuses[strings.ToLower(w.Status)]
	if !ok {
		status = providers.AffiliateUnknown
	}
	a := &providers.Affiliate{
		Node: providers.Node{
			ID: wire.NumberID(p.config.Account, providers.NounAffiliate, w.ID), ProviderID: wire.Decimal(w.ID),
			CreatedAt: w.CreatedAt, FetchedAt: p.config.Now(),
		},
		Email:          wire.Text(w.Email),
		Name:           wire.Name(w.Name),
		Status:         status,
		ProviderStatus: wire.Text(w.Status),
	}
	if w.Link != "" {
		a.Links = []providers.Link{{URL: w.Link, Code: wire.Text(w.Code)}}
	}
	return a
}

// affiliateCore is what every affiliate has: a row of a list that lacks some of it is read
// by itself.
var affiliateCore = &wire.Core{
	Members: []string{"email", "name", "status", "link", "code", "created_at"},
	Knowledge: wire.NewKnowledge([]string{
		"providerId", "firstName", "lastName", "payoutEmail", "clicks", "balances", "note", "internalNote", "memberships", "campaign",
		"coupons", "parent", "children", "referrals", "commissions", "payouts",
	}, map[string]string{
		"email": "email", "name": "name", "status": "status", "providerStatus": "status", "links": "link code", "createdAt": "created_at",
	}),
}
