// Package partner shows an account to one partner: an affiliate, or several of one person.
// [View] is a [providers.Provider] around the account's own. It narrows what it hands on to
// the partner's affiliates, and checks what comes back. It knows no GraphQL.
//
// Records of other affiliates are reported as not there: nil, without an error and without
// a call. Where an id does not say whose record it names, the id is searched for among the
// partner's own records, and never read.
//
//   - view.go: who the partner is, and records by their ids.
//   - ownership.go: how a partner's records of a noun are found by their ids.
//   - lists.go: how lists are narrowed before they are read, and checked after.
package partner

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/partnergraph/partnergraph/providers"
)

// Identity says who a partner is.
type Identity struct {
	Affiliates []string // ids of affiliates, of any account
	Email      string   // used only without Affiliates: the affiliate with this address, in each account
}

// ByEmail says whether the partner is known by an e-mail address.
func (i Identity) ByEmail() bool { return len(i.Affiliates) == 0 && i.Email != "" }

// Options is what a view is made from.
type Options struct {
	MaxPages int // of one list that are read in search of an id

	// SearchCustomers allows filters by a customer's address or id.
	SearchCustomers bool

	// Planning says that nothing may be read: the view is used to estimate calls. A partner
	// who is known by an e-mail address then has no affiliates yet.
	Planning bool

	// Ignored is told of each list that the vendor did not narrow to the partner.
	Ignored func(noun providers.Noun, list string)
}

// View is an account as one partner sees it. It lives as long as one operation, and is safe
// for concurrent use after [View.Identify] has returned.
//
// It does not read the cache for the planner: what is cached because others read it would
// show in the plan.
type View struct {
	providers.Writer // the account's: whether the partner may write was decided before, by Owns

	inner    providers.Provider
	identity Identity
	o        Options

	once     sync.Once
	own      []providers.ID // the affiliates that the partner is in this account
	err      error          // why they are not known; the view shows nothing then
	planning bool           // they are not known yet

	mu      sync.Mutex
	payouts map[providers.ID]bool  // those that the partner's own commissions name
	walks   map[providers.Noun]any // *walked: how far the partner's lists were read in search of ids
}

// New makes a view. It shows nothing until [View.Identify] was called.
func New(p providers.Provider, i Identity, o Options) *View {
	return &View{Writer: p, inner: p, identity: i, o: o, payouts: map[providers.ID]bool{}, walks: map[providers.Noun]any{}}
}

// Identify finds out which affiliates the partner is: those whose ids they were given, or
// the one with their address. It may be called several times, concurrently too; the first
// call does the work.
func (v *View) Identify(ctx context.Context) {
	v.once.Do(func() {
		account := v.inner.AccountID()
		for _, text := range v.identity.Affiliates {
			if id, err := providers.ParseID(text); err == nil && id.Account == account && id.Noun == providers.NounAffiliate {
				v.own = append(v.own, id)
			}
		}
		if v.identity.ByEmail() {
			if v.planning = v.o.Planning; !v.planning {
				v.own, v.err = v.byEmail(providers.WithFresh(ctx), v.identity.Email)
			}
		}
	})
}

// Err is why it is not known which affiliates the partner is; nil where it is known.
func (v *View) Err() error { return v.err }

// Own are the affiliates that the partner is in this account.
func (v *View) Own() []providers.ID { return v.own }

// Visible says whether the account is there for the partner: they are an affiliate in it,
// or that is not known. Then Err says why, or the view plans.
func (v *View) Visible() bool { return v.err != nil || v.planning || len(v.own) > 0 }

// Owns says whether the partner is this affiliate.
func (v *View) Owns(affiliate providers.ID) bool { return slices.Contains(v.own, affiliate) }

// maxNamesakePages is how many pages the affiliates with one address may fill: one, and an
// empty one that proves the end. A vendor whose list has more ignores the filter.
const maxNamesakePages = 2

// byEmail finds the affiliate with exactly this address. It finds none where several have
// it, because nobody knows which of them is meant, and none where the vendor ignores the
// filter.
func (v *View) byEmail(ctx context.Context, email string) ([]providers.ID, error) {
	lists, err := v.inner.Affiliates(providers.AffiliateFilter{Email: email})
	if err != nil {
		return nil, err
	}
	var found []providers.ID
	for _, l := range lists {
		for p, err := range providers.Pages(ctx, l, v.inner, maxNamesakePages) {
			if errors.Is(err, providers.ErrPages) {
				return nil, v.ignored(providers.NounAffiliate, l.Key)
			}
			if err != nil {
				return nil, err
			}
			other := func(a *providers.Affiliate) bool { return a.Email != nil && !providers.EqualEmail(*a.Email, email) }
			if p.More && slices.ContainsFunc(p.Items, other) {
				_ = v.ignored(providers.NounAffiliate, l.Key) // the operator is told, and the partner sees nothing here
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

// errIgnored is for the log.
var errIgnored = errors.New("the vendor does not narrow this list to one affiliate; it is not walked for a partner")

// ignored is the error of a list that the vendor did not narrow to the affiliate asked for.
func (v *View) ignored(noun providers.Noun, list string) error {
	if v.o.Ignored != nil {
		v.o.Ignored(noun, list)
	}
	return &providers.Error{Account: v.inner.AccountID(), Op: "list of " + string(noun), Kind: providers.KindUnsupported, Err: errIgnored}
}

// AccountID is the account's id.
func (v *View) AccountID() string { return v.inner.AccountID() }

// Account describes the account.
func (v *View) Account() providers.Account { return v.inner.Account() }

// Ping is for operators, not for partners.
func (v *View) Ping(context.Context) error { return errors.ErrUnsupported }

// RawRecord is for admins, not for partners.
func (v *View) RawRecord(context.Context, providers.ID) (json.RawMessage, error) {
	return nil, errors.ErrUnsupported
}

// What a partner's own lists of one noun take for each affiliate that the partner is, besides
// a call for each list: a vendor may want the affiliate's record first, and a page that
// proves the end of a list.
const (
	restCalls   = 2 // with the first page of each list counted elsewhere
	searchCalls = 4 // to find records by their ids, in two lists at most
)

// Calls is what an edge costs a partner at most, as far as the operation and the number of
// their affiliates tell. The account's own price depends on how long everybody's lists are,
// which would tell partners how much others earn. Each row of an edge to a list has a list
// of its own. Single records are the partner's own, and are found in lists of theirs, which
// are read once.
func (v *View) Calls(edge providers.Edge, from providers.Rows, _ ...string) int {
	if from.Count <= 0 {
		return 0
	}
	kind, to, _ := strings.Cut(edge.String(), ".")
	own := max(len(v.own), 1) // at least one before they are known
	switch lists := strings.HasSuffix(to, "s"); {
	case to == "affiliate": // themselves
		return min(from.Count, own)
	case kind == "" || kind == "Query" && lists: // some lists of Query have no edge of their own
		return restCalls * own
	case lists && edge != providers.ReferralCommissionsEdge: // those are found in one list
		return from.Count + restCalls*own
	}
	return max(min(from.Count, v.o.MaxPages), searchCalls*own)
}

// Owner is the affiliate whose record an id names, where the id says so.
func (v *View) Owner(id providers.ID) (providers.ID, bool) { return v.inner.Owner(id) }

// ownCampaigns are those that the partner takes part in.
func (v *View) ownCampaigns(ctx context.Context) ([]providers.ID, error) {
	b, err := v.AffiliatesByID(ctx, v.own, "memberships")
	affiliates, err := present(b, err, v.own)
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
func (v *View) AffiliatesByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Affiliate], error) {
	if v.err != nil {
		return nil, v.err
	}
	return only(ctx, ids, v.Owns, need, v.inner.AffiliatesByID)
}

// CampaignsByID reads those that the partner takes part in.
func (v *View) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	joined, err := v.ownCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	return v.campaignsOf(ctx, ids, joined, need)
}

// campaignsOf reads those of ids that are among joined.
func (v *View) campaignsOf(ctx context.Context, ids, joined []providers.ID, need []string) (*providers.Batch[providers.Campaign], error) {
	return only(ctx, ids, func(id providers.ID) bool { return slices.Contains(joined, id) }, need, v.inner.CampaignsByID)
}

// MembershipsByID reads the partner's own.
func (v *View) MembershipsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Membership], error) {
	return ownMemberships.read(ctx, v, ids, need, func() ([]providers.List[providers.Membership], error) {
		return v.Memberships(providers.MembershipFilter{})
	})
}

// ReferralsByID reads the partner's own.
func (v *View) ReferralsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Referral], error) {
	return ownReferrals.read(ctx, v, ids, need, func() ([]providers.List[providers.Referral], error) {
		return v.Referrals(providers.ReferralFilter{})
	})
}

// CommissionsByID reads the partner's own.
func (v *View) CommissionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Commission], error) {
	return ownCommissions.read(ctx, v, ids, need, func() ([]providers.List[providers.Commission], error) {
		return v.Commissions(providers.CommissionFilter{})
	})
}

// PayoutsByID reads the partner's own.
func (v *View) PayoutsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Payout], error) {
	return ownPayouts.read(ctx, v, ids, need, func() ([]providers.List[providers.Payout], error) {
		return v.Payouts(providers.PayoutFilter{})
	})
}

// CouponsByID reads the partner's own.
func (v *View) CouponsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Coupon], error) {
	return ownCoupons.read(ctx, v, ids, need, func() ([]providers.List[providers.Coupon], error) {
		return v.Coupons(providers.CouponFilter{})
	})
}

// WebhookSubscriptionsByID finds none.
func (v *View) WebhookSubscriptionsByID(
	context.Context,
	[]providers.ID,
	...string,
) (*providers.Batch[providers.WebhookSubscription], error) {
	return &providers.Batch[providers.WebhookSubscription]{}, nil
}

// only reads those of ids that may be read, and leaves out what else came along.
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
			out.Found[id] = visibleFields(row)
		}
		if err := b.Failed[id]; err != nil {
			out.Failed[id] = err
		}
	}
	return out, nil
}

// visibleFields is a record without what belongs to others. It may be a copy: the record
// itself is shared with other requests, and is not changed.
func visibleFields[T providers.Record](row *T) *T {
	switch r := any(row).(type) {
	case *providers.Affiliate: // what came along of others
		out := *r
		out.Memberships = slices.DeleteFunc(
			slices.Clone(r.Memberships),
			func(m *providers.Membership) bool { return m.AffiliateID != r.ID },
		)
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
