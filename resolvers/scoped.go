package resolvers

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// scoped is an account as a partner sees it: a provider that shows what belongs to the affiliates that they are. What it hands on to the
// account's provider is narrowed before, and what comes back is checked. It lives as long as an operation.
//
// What somebody else's is, is as if it were not there: nil, without an error and without a call. Where an id does not say whose record it
// names, it is looked for among the partner's own, and never read.
//
// It is no peeker: what is cached because others read it would show in the plan.
type scoped struct {
	providers.Writer // the account's, for whose record a write is about was settled before: see writable

	r      *Resolver
	inner  providers.Provider
	viewer *auth.Viewer

	once     sync.Once
	own      []providers.ID // the affiliates that the viewer is in this account
	err      error          // why that is not known; then nothing is shown
	planning bool           // that is not known yet, because nothing may be read: the cost is being estimated

	mu      sync.Mutex
	payouts map[providers.ID]bool  // those that were named by commissions of the partner's own
	walks   map[providers.Noun]any // *walked, how far their own lists were read in search of ids
}

// scopedOf is the operation's view of an account.
func scopedOf(ctx context.Context, r *Resolver, p providers.Provider, v *auth.Viewer) *scoped {
	made := &scoped{Writer: p, r: r, inner: p, viewer: v, payouts: map[providers.ID]bool{}, walks: map[providers.Noun]any{}}
	l, ok := ctx.Value(loadersKey{}).(*loaders)
	if !ok {
		made.planning = true
		return made
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := "scoped\x00" + p.AccountID()
	if found, ok := l.m[key]; ok {
		return found.(*scoped)
	}
	l.m[key] = made
	return made
}

// identify finds out which affiliates the viewer is: those whose ids they were given, or the one with their address.
func (s *scoped) identify(ctx context.Context) {
	s.once.Do(func() {
		account := s.inner.AccountID()
		for _, text := range s.viewer.Affiliates {
			if id, err := providers.ParseID(text); err == nil && id.Account == account && id.Noun == providers.NounAffiliate {
				s.own = append(s.own, id)
			}
		}
		if s.planning = s.planning && byEmail(s.viewer); byEmail(s.viewer) && !s.planning {
			s.own, s.err = s.byEmail(providers.WithFresh(ctx), s.viewer.Email)
		}
	})
}

// maxNamesakes is how many pages the affiliates with one address may fill: one, and an empty one
// that proves the end. More are those of a vendor that ignores the filter.
const maxNamesakes = 2

// byEmail is the affiliate with exactly this address; none where there are several, for nobody knows
// which of them is meant, and none where the vendor does not look for the address.
func (s *scoped) byEmail(ctx context.Context, email string) ([]providers.ID, error) {
	lists, err := s.inner.Affiliates(providers.AffiliateFilter{Email: email})
	if err != nil {
		return nil, err
	}
	var found []providers.ID
	for _, l := range lists {
		for p, err := range providers.Pages(ctx, l, s.inner, maxNamesakes) {
			if errors.Is(err, providers.ErrPages) {
				return nil, s.ignored(providers.NounAffiliate, l.Key)
			}
			if err != nil {
				return nil, err
			}
			other := func(a *providers.Affiliate) bool { return a.Email != nil && !providers.EqualEmail(*a.Email, email) }
			if p.More && slices.ContainsFunc(p.Items, other) {
				_ = s.ignored(providers.NounAffiliate, l.Key) // the operator is told, and the partner sees nothing here
				return nil, nil
			}
			for _, a := range p.Items {
				if a.Email != nil && providers.EqualEmail(*a.Email, email) && !slices.Contains(found, a.ID) {
					found = append(found, a.ID)
				}
			}
		}
	}
	if len(found) != 1 {
		return nil, nil
	}
	return found, nil
}

func (s *scoped) mine(affiliate providers.ID) bool { return slices.Contains(s.own, affiliate) }

// errIgnored is for the log.
var errIgnored = errors.New("the vendor does not narrow this list to one affiliate; it is not walked for a partner")

// ignored is the error of a list that is not narrowed to the affiliate asked for. The operator is told once.
func (s *scoped) ignored(noun providers.Noun, key string) error {
	account := s.inner.AccountID()
	if _, told := s.r.noticed.LoadOrStore(account+"\x00"+string(noun), true); !told {
		s.r.log.Warn("a vendor ignores the filter by affiliate: partners do not see this list", "account", account, "noun", noun, "list", key)
	}
	return &providers.Error{Account: account, Op: "list of " + string(noun), Kind: providers.KindUnsupported, Err: errIgnored}
}

// Account is the account.
func (s *scoped) AccountID() string          { return s.inner.AccountID() }
func (s *scoped) Account() providers.Account { return s.inner.Account() }

// Ping is the operator's.
func (s *scoped) Ping(context.Context) error { return errors.ErrUnsupported }

// RawRecord is for admins.
func (s *scoped) RawRecord(context.Context, providers.ID) (json.RawMessage, error) {
	return nil, errors.ErrUnsupported
}

// Calls is what an edge costs a partner at most, as far as their rows tell. The account's own table goes by how long everybody's lists are, which would tell
// partners how much others earn. Below each row there is a list; single records are the partner's own, and stand in lists of theirs, which are read once.
func (s *scoped) Calls(edge providers.Edge, from providers.Rows, _ ...string) int {
	kind, to, _ := strings.Cut(edge.String(), ".")
	switch lists := strings.HasSuffix(to, "s"); {
	case to == "affiliate", kind == "Query" && lists: // themselves; what the rows of a list lack
		return min(from.Count, 1)
	case lists && edge != providers.ReferralCommissionsEdge: // those are found in one list
		return from.Count
	}
	return min(from.Count, s.r.pages)
}

// Owner is the account's.
func (s *scoped) Owner(id providers.ID) (providers.ID, bool) { return s.inner.Owner(id) }

// campaigns are those that the partner takes part in.
func (s *scoped) campaigns(ctx context.Context) ([]providers.ID, error) {
	b, err := s.AffiliatesByID(ctx, s.own, "memberships")
	affiliates, err := present(b, err, s.own)
	var ids []providers.ID
	for _, a := range affiliates {
		for _, m := range a.Memberships {
			if !slices.Contains(ids, m.CampaignID) {
				ids = append(ids, m.CampaignID)
			}
		}
	}
	return ids, err
}

// AffiliatesByID reads those of the partner.
func (s *scoped) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	if s.err != nil {
		return nil, s.err
	}
	return only(ctx, ids, s.mine, need, s.inner.AffiliatesByID)
}

// CampaignsByID reads those that the partner takes part in.
func (s *scoped) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	joined, err := s.campaigns(ctx)
	if err != nil {
		return nil, err
	}
	return s.campaignsOf(ctx, ids, joined, need)
}

// campaignsOf reads those of ids that the partner has joined.
func (s *scoped) campaignsOf(ctx context.Context, ids, joined []providers.ID, need []string) (*providers.Batch[providers.Campaign], error) {
	return only(ctx, ids, func(id providers.ID) bool { return slices.Contains(joined, id) }, need, s.inner.CampaignsByID)
}

// MembershipsByID reads the partner's own.
func (s *scoped) MembershipsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Membership], error) {
	return ownMemberships.read(ctx, s, ids, need, func() ([]providers.List[providers.Membership], error) {
		return s.Memberships(providers.MembershipFilter{})
	})
}

// ReferralsByID reads the partner's own.
func (s *scoped) ReferralsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Referral], error) {
	return ownReferrals.read(ctx, s, ids, need, func() ([]providers.List[providers.Referral], error) {
		return s.Referrals(providers.ReferralFilter{})
	})
}

// CommissionsByID reads the partner's own.
func (s *scoped) CommissionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Commission], error) {
	return ownCommissions.read(ctx, s, ids, need, func() ([]providers.List[providers.Commission], error) {
		return s.Commissions(providers.CommissionFilter{})
	})
}

// PayoutsByID reads the partner's own.
func (s *scoped) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
	return ownPayouts.read(ctx, s, ids, need, func() ([]providers.List[providers.Payout], error) {
		return s.Payouts(providers.PayoutFilter{})
	})
}

// CouponsByID reads the partner's own.
func (s *scoped) CouponsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Coupon], error) {
	return ownCoupons.read(ctx, s, ids, need, func() ([]providers.List[providers.Coupon], error) {
		return s.Coupons(providers.CouponFilter{})
	})
}

// WebhookSubscriptionsByID finds none.
func (s *scoped) WebhookSubscriptionsByID(context.Context, []providers.ID, ...string) (*providers.Batch[providers.WebhookSubscription], error) {
	return &providers.Batch[providers.WebhookSubscription]{}, nil
}

// only reads those of ids that may be read, and shows nothing else that came along.
func only[T providers.Record](ctx context.Context, ids []providers.ID, may func(providers.ID) bool, need []string,
	read func(context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
) (*providers.Batch[T], error) {
	out := &providers.Batch[T]{Found: map[providers.ID]*T{}, Failed: map[providers.ID]error{}}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id providers.ID) bool { return !may(id) })
	if len(ids) == 0 {
		return out, nil
	}
	b, err := read(ctx, ids, need...)
	if err != nil {
		return out, err
	}
	for _, id := range ids {
		if row := b.Found[id]; row != nil && providers.NodeOf(row).ID == id {
			out.Found[id] = seen(row)
		}
		if err := b.Failed[id]; err != nil {
			out.Failed[id] = err
		}
	}
	return out, nil
}

// seen is a record as the partner sees it whose it is, or who takes part in it. The record itself is others', too, and stays as it is.
func seen[T providers.Record](row *T) *T {
	switch r := any(row).(type) {
	case *providers.Affiliate: // what came along of others
		out := *r
		out.Memberships = slices.DeleteFunc(slices.Clone(r.Memberships), func(m *providers.Membership) bool { return m.AffiliateID != r.ID })
		out.Coupons = slices.DeleteFunc(slices.Clone(r.Coupons), func(c *providers.Coupon) bool { return c.AffiliateID != r.ID })
		return any(&out).(*T)
	case *providers.Campaign:
		if r.NamePrivate {
			out := *r
			out.Name = nil
			return any(&out).(*T)
		}
	case *providers.Commission:
		if r.OthersSale {
			out := *r
			out.SaleAmount, out.OriginalSaleAmount, out.EventID, out.OrderID = nil, nil, nil, nil
			return any(&out).(*T)
		}
	}
	return row
}
