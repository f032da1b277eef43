package httpapi

import (
	"cmp"
	"context"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/budget"
)

// partnerQuota is what each partner may take in a minute of what all viewers share:
// requests, which take the server's time, and calls, which the vendors count. Both are
// taken beforehand, calls by the plan of the operation: what is left of a share depends on
// what its partner asked, and not on what was found. Of staff requests alone are counted.
type partnerQuota struct {
	shares budget.Shares
	minute int                // requests and planned calls together; 0: no bound
	calls  map[string]float64 // planned calls to an account alone

	staff      int // requests of one viewer of staff, at this replica; 0: no bound
	staffTaken budget.Shares
}

// newPartnerQuota makes the quota.
func newPartnerQuota(o Options) *partnerQuota {
	q := &partnerQuota{shares: o.Shares, minute: o.Partner, calls: o.PartnerCalls, staff: o.Staff, staffTaken: o.StaffShares}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	if q.shares == nil {
		q.shares = budget.NewShares(now)
	}
	if q.staffTaken == nil {
		q.staffTaken = budget.NewShares(now)
	}
	return q
}

// partner is whose share is taken from; false for those without a bound.
func (q *partnerQuota) partner(ctx context.Context) (subject string, ok bool) {
	v := auth.ViewerFrom(ctx)
	if q.minute == 0 || v == nil || v.Role != auth.RolePartner {
		return "", false
	}
	return v.Subject, true
}

// staffMember is whose requests are counted; false for partners, and where nobody is asked
// who they are.
func (q *partnerQuota) staffMember(ctx context.Context) (subject string, ok bool) {
	v := auth.ViewerFrom(ctx)
	if q.staff == 0 || v == nil || v.Role == auth.RolePartner || v.Subject == auth.Local().Subject {
		return "", false
	}
	return v.Subject, true
}

// overShare is the refusal of what is more than is left of a share: it says how long to
// wait until there is as much. Where that cannot be told just now, the server has to do too
// much, and not the viewer has asked for it.
func overShare(wait time.Duration, limit string) *refusal {
	if wait == budget.Unknown {
		return overloaded(limit)
	}
	seconds := int(math.Ceil(wait.Seconds()))
	bad := refused(http.StatusTooManyRequests, apierror.RateLimited,
		"you have asked for more than one viewer may in a minute ("+limit+"): wait, and send the request again")
	bad.err.Extensions["retryable"], bad.err.Extensions["retryAfter"] = true, seconds
	bad.wait = seconds
	return bad
}

// The limits that hold for one viewer.
const (
	limitPartner = "limits.partner"
	limitStaff   = "limits.staff"
)

// The parts of a share.
const (
	shareAll   = "all"    // requests and planned calls
	shareCalls = "calls " // planned calls to the account whose id follows
)

// takenKey says that the request was taken already: an operation of a reserved stream is the
// same request as the one that began it.
type takenKey struct{}

// request takes a request out of its viewer's share, and refuses it where nothing is left.
func (q *partnerQuota) request(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(takenKey{}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		if subject, ok := q.partner(r.Context()); ok {
			if wait := q.shares.Take(r.Context(), subject, budget.Price{Part: shareAll, Count: 1, Limit: float64(q.minute)}); wait != 0 {
				overShare(wait, limitPartner).answer(w, r)
				return
			}
		}
		if subject, ok := q.staffMember(r.Context()); ok {
			if wait := q.staffTaken.Take(r.Context(), subject, budget.Price{Part: shareAll, Count: 1, Limit: float64(q.staff)}); wait != 0 {
				overShare(wait, limitStaff).answer(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// take takes the planned calls of an operation to each account out of its viewer's share,
// and refuses it where they are more than is left at one of the accounts: nil where they are
// not. Each account has its own limit, and so an operation counts once at each, and together
// with requests by the account that it takes the most of.
func (q *partnerQuota) take(ctx context.Context, planned map[string]int) *refusal {
	subject, ok := q.partner(ctx)
	if !ok || len(planned) == 0 {
		return nil
	}
	prices, most := make([]budget.Price, 0, len(planned)+1), 0
	for _, account := range slices.Sorted(maps.Keys(planned)) {
		calls := planned[account]
		limit := cmp.Or(q.calls[account], float64(q.minute))
		prices = append(prices, budget.Price{Part: shareCalls + account, Count: calls, Limit: limit})
		most = max(most, calls)
	}
	// The request was taken already.
	prices = append(prices, budget.Price{Part: shareAll, Count: min(most, q.minute-1), Limit: float64(q.minute), Again: 1})
	if wait := q.shares.Take(ctx, subject, prices...); wait != 0 {
		return overShare(wait, limitPartner)
	}
	return nil
}
