package sandbox

import (
	"net/url"
	"strconv"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// Numbers of records begin here, so that one of an affiliate is none of a commission.
const (
	firstAffiliate  = 101
	firstCommission = 50_001
)

type affiliate struct {
	ID        int64     `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	Link      string    `json:"link"`
	Code      string    `json:"code"`
	CreatedAt time.Time `json:"created_at"`
}

func (a *affiliate) number() int64           { return a.ID }
func (a *affiliate) matches(url.Values) bool { return true }

// standings are the vendor's words. Whoever was refused or left is inactive.
var standings = map[sandbox.Standing]string{sandbox.Active: "active", sandbox.Waiting: "pending", sandbox.Banned: "blocked"}

func (s *Server) affiliate(i int) *affiliate {
	a := &s.world.Affiliates[i]
	status := standings[a.Standing]
	if status == "" {
		status = "inactive"
	}
	return &affiliate{
		ID: int64(firstAffiliate + i), Email: a.Email, Name: a.First + " " + a.Last, Status: status,
		Link: "https://" + s.world.Site + "/?ref=" + a.Code, Code: a.Code, CreatedAt: a.JoinedAt.UTC(),
	}
}

type commission struct {
	ID          int64     `json:"id"`
	AffiliateID int64     `json:"affiliate_id"`
	Status      string    `json:"status"`
	AmountCents int64     `json:"amount_cents"`
	SaleCents   *int64    `json:"sale_cents"`
	Currency    string    `json:"currency"`
	CreatedAt   time.Time `json:"created_at"`
}

func (c *commission) number() int64 { return c.ID }

// matches says whether the commission is the affiliate's that the query names, if it names one.
func (c *commission) matches(query url.Values) bool {
	id := query.Get("affiliate_id")
	return id == "" || id == strconv.FormatInt(c.AffiliateID, 10)
}

// verdicts are the vendor's words.
var verdicts = map[sandbox.Verdict]string{
	sandbox.Pending: "pending", sandbox.Approved: "approved", sandbox.Refused: "declined", sandbox.Paid: "paid",
}

func (s *Server) commission(i int) *commission {
	w := &s.world.Commissions[i]
	c := &commission{
		ID: int64(firstCommission + i), AffiliateID: int64(firstAffiliate + w.Affiliate), Status: verdicts[w.Verdict],
		AmountCents: w.Amount + w.Adjustment, Currency: s.world.Currency, CreatedAt: w.At.UTC(),
	}
	if w.Sale >= 0 {
		c.SaleCents = &s.world.Sales[w.Sale].Amount
	}
	return c
}
