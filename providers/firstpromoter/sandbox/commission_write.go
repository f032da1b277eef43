package sandbox

import (
	"net/http"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// commissionBody is what POST and PUT /commissions take.
type commissionBody struct {
	Type       string  `json:"commission_type"`
	Referral   *int64  `json:"referral_id"`
	SaleAmount *int64  `json:"sale_amount"`
	Membership *int64  `json:"promoter_campaign_id"`
	Amount     *int64  `json:"amount"`
	Unit       string  `json:"unit"`
	EventID    string  `json:"event_id"`
	External   *string `json:"external_note"`
	Internal   *string `json:"internal_note"`
}

func (s *Server) createCommission(w http.ResponseWriter, r *http.Request) {
	b, ok := body[commissionBody](w, r)
	if !ok {
		return
	}
	switch b.Type {
	case "sale":
		s.createSale(w, b)
	case "custom":
		s.createCustom(w, b)
	default:
		missing(w, "commission_type")
	}
}

// agencies is the story's campaign in which parents earn a share as well.
const agencies = 3

func (s *Server) createSale(w http.ResponseWriter, b commissionBody) {
	switch {
	case b.Referral == nil:
		missing(w, "referral_id")
		return
	case b.SaleAmount == nil:
		missing(w, "sale_amount")
		return
	}
	row, ok := referrals.at(*b.Referral, len(s.world.Customers))
	if !ok {
		notFound(w)
		return
	}
	if s.referralState(row) == "denied" || !s.pays(s.world.Customers[row].Campaign) {
		failed(w, "Commission cannot be created")
		return
	}
	send(w, s.sell(row, *b.SaleAmount, b))
}

// sell adds a sale to a customer, who is one from the first on, and what is earned by it.
func (s *Server) sell(row int, amount int64, b commissionBody) []object {
	c := &s.world.Customers[row]
	now := s.now().UTC().Truncate(time.Second)
	before, first := s.referralState(row), c.FirstSale.IsZero()
	s.countCustomer(row, -1)
	if first {
		c.FirstSale, c.State = now, world.Paying
	}
	if s.countCustomer(row, 1); first {
		changes := object{"state": []any{before, s.referralState(row)}, "customer_since": []any{nil, stamp(now)}}
		s.tellReferral("updated", row, changes)
		s.tellReferral("converted", row, changes)
	}
	s.world.Sales = append(s.world.Sales, world.Sale{Customer: row, At: now, Amount: amount, Reference: b.EventID})
	sale := len(s.world.Sales) - 1
	s.countSale(sale, 1)
	campaign := s.world.Campaigns[c.Campaign]
	e := world.Commission{Sale: sale, Customer: row, Affiliate: c.Affiliate, Campaign: c.Campaign, At: now,
		Amount: campaign.Fixed + (amount*campaign.Percent+50)/100, Verdict: world.Pending, Payout: -1, Tier: 1}
	made := []object{s.earn(e, b)}
	// In the campaign with tiers the parent earns a share, as in the story.
	if parent := s.world.Affiliates[c.Affiliate].Parent; parent >= 0 && c.Campaign == agencies {
		if _, is := s.member[pair{parent, c.Campaign}]; is {
			e.Affiliate, e.Amount, e.Tier = parent, (amount*5+50)/100, 2
			made = append(made, s.earn(e, b))
		}
	}
	return made
}

func (s *Server) createCustom(w http.ResponseWriter, b commissionBody) {
	switch {
	case b.Membership == nil:
		missing(w, "promoter_campaign_id")
		return
	case b.Amount == nil || *b.Amount == 0:
		missing(w, "amount")
		return
	}
	k, ok := memberships.at(*b.Membership, len(s.memberships))
	if !ok {
		notFound(w)
		return
	}
	m := s.memberships[k]
	send(
		w,
		[]object{
			s.earn(
				world.Commission{
					Sale:      -1,
					Customer:  -1,
					Affiliate: m.affiliate,
					Campaign:  m.campaign,
					At:        s.now().UTC().Truncate(time.Second),
					Amount:    *b.Amount,
					Points:    b.Unit != "" && b.Unit != "cash",
					Verdict:   world.Pending,
					Payout:    -1,
					Tier:      1,
				},
				b,
			),
		},
	)
}

// earn makes a commission.
func (s *Server) earn(c world.Commission, b commissionBody) object {
	i, settle := len(s.world.Commissions), s.settling(c.Affiliate)
	s.world.Commissions = append(s.world.Commissions, c)
	s.commissionsOf[c.Affiliate] = append(s.commissionsOf[c.Affiliate], int32(i))
	s.extras[i] = extra{event: b.EventID}
	s.countCommission(i, 1)
	s.annotate(i, b)
	s.tellCommission("created", i, nil)
	settle()
	return s.commission(i)
}

func (s *Server) annotate(i int, b commissionBody) {
	if b.External != nil {
		s.world.Commissions[i].Note = *b.External
	}
	if b.Internal != nil {
		e := s.extras[i]
		e.internal = *b.Internal
		s.extras[i] = e
	}
}

func (s *Server) updateCommission(w http.ResponseWriter, r *http.Request) {
	b, ok := body[commissionBody](w, r)
	if !ok {
		return
	}
	i, ok := commissions.row(r.PathValue("id"), len(s.world.Commissions))
	if !ok {
		notFound(w)
		return
	}
	s.annotate(i, b)
	s.tellCommission("updated", i, object{})
	send(w, s.commission(i))
}

// idsBody is what the actions on commissions and payouts take.
type idsBody struct{ IDs []int64 }

func (s *Server) commissionActions(mux *http.ServeMux) {
	for name, verdict := range map[string]world.Verdict{"approve": world.Approved, "deny": world.Refused} {
		mux.HandleFunc("POST /commissions/"+name, func(w http.ResponseWriter, r *http.Request) {
			b, ok := body[idsBody](w, r)
			if !ok {
				return
			}
			s.act(w, "commission/"+name, b.IDs, func(id int64) string {
				i, ok := commissions.at(id, len(s.world.Commissions))
				if !ok {
					return notThere
				}
				return s.judge(i, verdict)
			})
		})
	}
}

// judge approves or denies a commission. A denied one leaves the payout that it was to be
// part of.
func (s *Server) judge(i int, verdict world.Verdict) string {
	c := &s.world.Commissions[i]
	if c.Verdict == world.Paid {
		return "Commission is already paid"
	}
	before, payout := commissionStatus(*c), c.Payout
	if c.Verdict == verdict {
		return ""
	}
	settle := s.settling(c.Affiliate)
	s.countCommission(i, -1)
	c.Verdict = verdict
	s.countCommission(i, 1)
	if verdict == world.Refused && c.Payout >= 0 {
		p := &s.world.Payouts[c.Payout]
		p.Amount -= earned(*c)
		p.Commissions = without(p.Commissions, i)
		s.within[c.Payout] = drop(s.within[c.Payout], i)
		c.Payout = -1
	}
	e := s.extras[i]
	e.judged = s.now().UTC().Truncate(time.Second)
	s.extras[i] = e
	changes := object{"status": []any{before, commissionStatus(*c)}}
	s.tellCommission("updated", i, changes)
	s.tellCommission(commissionStatus(*c), i, changes)
	if c.Payout != payout {
		s.tellPayout("updated", payout, object{})
		s.tellPayout("commissions.removed", payout, object{})
	}
	settle()
	return ""
}

func without(rows []int, row int) (rest []int) {
	for _, r := range rows {
		if r != row {
			rest = append(rest, r)
		}
	}
	return rest
}

func (s *Server) payoutActions(mux *http.ServeMux) {
	mux.HandleFunc("POST /payouts/mark_as_paid", func(w http.ResponseWriter, r *http.Request) {
		b, ok := body[idsBody](w, r)
		if !ok {
			return
		}
		s.act(w, "payout/mark_as_paid", b.IDs, func(id int64) string {
			i, ok := payouts.at(id, len(s.world.Payouts))
			if !ok {
				return notThere
			}
			return s.pay(i)
		})
	})
}

// pay completes a payout, and everything in it is paid.
func (s *Server) pay(i int) string {
	p := &s.world.Payouts[i]
	switch p.State {
	case "paid":
		return ""
	case "processing":
		return "Payout is being processed"
	}
	before, settle := payoutStatus(*p), s.settling(p.Affiliate)
	p.State, p.PaidAt = "paid", s.now().UTC().Truncate(time.Second)
	for _, row := range p.Commissions {
		s.countCommission(row, -1)
		s.world.Commissions[row].Verdict = world.Paid
		s.countCommission(row, 1)
		s.tellCommission("updated", row, object{"is_paid": []any{false, true}})
	}
	changes := object{"status": []any{before, payoutStatus(*p)}}
	s.tellPayout("updated", i, changes)
	s.tellPayout("completed", i, changes)
	settle()
	return ""
}
