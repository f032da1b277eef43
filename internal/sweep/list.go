package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// list is one list of an account, of any noun.
type list struct {
	noun   providers.Noun
	key    string // names it in the store
	fields []string
	read   func(ctx context.Context, notBefore time.Time) (*reading, error)
	single func(ctx context.Context, id providers.ID) (*row, error) // nil: there is none
}

// reading is what a list's newest page was, at one time.
type reading struct {
	rows   []row // newest first
	whole  bool  // the list has no other rows
	unread int   // rows that are not in rows
}

// row is one record as a page had it.
type row struct {
	id, owner providers.ID
	dated     int64 // when it came into being, in nanoseconds since 1970; 0: nobody says
	digests   []byte
	refs      []providers.ID // other records that change with it
}

// nouns are how the lists of each noun are planned.
var nouns = map[providers.Noun]func(Account) ([]list, error){
	providers.NounAffiliate:  listsOf(providers.NounAffiliate, providers.Provider.Affiliates, providers.Provider.AffiliatesByID),
	providers.NounMembership: listsOf(providers.NounMembership, providers.Provider.Memberships, providers.Provider.MembershipsByID),
	providers.NounCampaign:   listsOf(providers.NounCampaign, providers.Provider.Campaigns, providers.Provider.CampaignsByID),
	providers.NounReferral:   listsOf(providers.NounReferral, providers.Provider.Referrals, providers.Provider.ReferralsByID),
	providers.NounCommission: listsOf(providers.NounCommission, providers.Provider.Commissions, providers.Provider.CommissionsByID),
	providers.NounPayout:     listsOf(providers.NounPayout, providers.Provider.Payouts, providers.Provider.PayoutsByID),
	providers.NounCoupon:     listsOf(providers.NounCoupon, providers.Provider.Coupons, providers.Provider.CouponsByID),
}

// Nouns are all nouns that can be swept, in the order of the first round.
var Nouns = []providers.Noun{
	providers.NounCommission, providers.NounPayout, providers.NounReferral, providers.NounAffiliate,
	providers.NounMembership, providers.NounCampaign, providers.NounCoupon,
}

// listsOf plans the lists that hold all records of a noun; none where the vendor has no such
// list.
func listsOf[T providers.Record, F any](noun providers.Noun, plan func(providers.Provider, F) ([]providers.List[T], error),
	byID func(providers.Provider, context.Context, []providers.ID, ...string) (*providers.Batch[T], error),
) func(Account) ([]list, error) {
	return func(a Account) (lists []list, err error) {
		var all F
		planned, err := plan(a.Cache, all)
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, nil
		}
		for _, l := range planned {
			sum := sha256.Sum256([]byte(l.Key))
			lists = append(lists, list{
				noun: noun, key: string(noun) + "/" + hex.EncodeToString(sum[:8]), fields: fieldNames[T](),
				read:   func(ctx context.Context, notBefore time.Time) (*reading, error) { return read(ctx, a, l, notBefore) },
				single: func(ctx context.Context, id providers.ID) (*row, error) { return single(ctx, a, byID, id) },
			})
		}
		return lists, err
	}
}

// errRemembered says that somebody else has just read the page, and that what the cache
// holds of it may be older records.
var errRemembered = errors.New("the page was just read for somebody else")

// maxRows bounds the rows of a page that are looked at, and maxID their ids, in bytes.
const (
	maxRows = 500
	maxID   = 512
)

// read reads the newest page of a list at the vendor.
func read[T providers.Record](ctx context.Context, a Account, l providers.List[T], notBefore time.Time) (*reading, error) {
	p, err := l.Page(ctx, providers.PageRequest{Number: 1, Reader: a.Cache, NotBefore: notBefore})
	switch {
	case err != nil:
		return nil, err
	case p.Remembered:
		return nil, errRemembered
	}
	r := &reading{whole: !p.More && len(p.Items) <= maxRows, unread: p.Unread}
	seen := map[providers.ID]bool{}
	for _, item := range p.Items[:min(len(p.Items), maxRows)] {
		n := providers.NodeOf(item)
		if n.ID.Account != a.Cache.AccountID() || len(n.ID.Local) > maxID || seen[n.ID] {
			r.unread++
			continue
		}
		seen[n.ID] = true
		r.rows = append(r.rows, rowOf(item))
	}
	return r, nil
}

func rowOf[T providers.Record](record *T) row {
	n := providers.NodeOf(record)
	w := row{id: n.ID, owner: providers.BelongsTo(record), digests: digests(record), refs: refs(record)}
	if n.CreatedAt != nil {
		w.dated = n.CreatedAt.UnixNano()
	}
	return w
}

// single asks the vendor for a record by its id, and not the cache.
func single[T providers.Record](ctx context.Context, a Account,
	byID func(providers.Provider, context.Context, []providers.ID, ...string) (*providers.Batch[T], error), id providers.ID,
) (*row, error) {
	b, err := byID(a.Vendor, ctx, []providers.ID{id}, "id")
	switch {
	case err != nil:
		return nil, err
	case b.Found[id] == nil:
		return nil, b.Failed[id]
	}
	w := rowOf(b.Found[id])
	return &w, nil
}

// refs are the other records that a record (a pointer to one) tells of, its affiliate left
// out, and that may have changed with it.
func refs(record any) []providers.ID {
	switch r := record.(type) {
	case *providers.Commission:
		return []providers.ID{r.ReferralID, r.PayoutID}
	case *providers.Payout:
		return r.CommissionIDs
	}
	return nil
}

// staleLists are the nouns whose lists may show something of a record that has changed.
var staleLists = map[providers.Noun][]providers.Noun{
	providers.NounAffiliate:  {providers.NounAffiliate, providers.NounMembership, providers.NounCoupon},
	providers.NounMembership: {providers.NounMembership, providers.NounAffiliate},
	providers.NounCampaign:   {providers.NounCampaign},
	providers.NounReferral:   {providers.NounReferral},
	providers.NounCommission: {providers.NounCommission, providers.NounReferral, providers.NounPayout},
	providers.NounPayout:     {providers.NounPayout, providers.NounCommission},
	providers.NounCoupon:     {providers.NounCoupon, providers.NounAffiliate},
}
