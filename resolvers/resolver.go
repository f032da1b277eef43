package resolvers

import (
	"log/slog"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/providers"
)

// Options is what the resolvers are made from.
type Options struct {
	Accounts []providers.Provider // in the order of the configuration; one at least
	Pages    int                  // how many pages of one list one request may read
	Calls    int                  // how many planned calls to vendors one operation may cost
	Cost     int                  // how many field values one operation may have
	Ledger   *ledger.Ledger       // through which every write goes
	Seals    *listing.Seals       // of cursors; nil: with a key of this process
	// CustomerEmails says, by account, what partners see of customers' addresses; of
	// accounts that are not there they see none.
	CustomerEmails map[string]CustomerEmails

	Timeout time.Duration // the longest that a call of any account may take
	Logger  *slog.Logger
	Now     func() time.Time
}

// Resolver is the root of all resolvers. It is safe for concurrent use.
type Resolver struct {
	order   []string // the accounts' ids, in the order of the configuration
	byID    map[string]providers.Provider
	pages   int
	calls   int
	cost    int
	ledger  *ledger.Ledger
	seals   *listing.Seals
	timeout time.Duration
	emails  map[string]CustomerEmails
	log     *slog.Logger
	now     func() time.Time
	blind   bool     // operations are not looked at; tests compare answers with and without a look
	noticed sync.Map // the lists whose filter by affiliate a vendor was seen to ignore; see Resolver.ignored
}

// New makes the resolvers of these accounts.
func New(o Options) *Resolver {
	r := &Resolver{byID: map[string]providers.Provider{}, pages: o.Pages, calls: o.Calls, cost: o.Cost, emails: o.CustomerEmails,
		ledger: o.Ledger, timeout: o.Timeout, log: o.Logger, now: o.Now}
	if r.seals = o.Seals; r.seals == nil {
		r.seals = listing.NewSeals(o.Now)
	}
	for _, p := range o.Accounts {
		id := p.AccountID()
		r.order, r.byID[id] = append(r.order, id), p
	}
	return r
}
