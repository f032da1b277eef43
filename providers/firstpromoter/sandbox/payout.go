package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// netDays is how long after a month's end its payouts are due.
const netDays = 30

// payoutStatus is the vendor's word.
func payoutStatus(p world.Payout) string {
	if p.State == "paid" {
		return "completed"
	}
	return p.State
}

func (s *Server) payouts(q url.Values) *filter {
	all := s.world.Payouts
	f := &filter{q: q, n: len(all), sorts: map[string]func(int) int64{
		"amount":       func(i int) int64 { return all[i].Amount },
		"period_start": func(i int) int64 { return all[i].Start.Unix() },
		"period_end":   func(i int) int64 { return all[i].End.Unix() },
	}}
	f.ids(payouts)
	f.refers("filters[promoter_id]", promoters, len(s.world.Affiliates),
		func(i int) int { return all[i].Affiliate }, func(k int) []int32 { return s.payoutsOf[k] })
	f.refers("filters[campaign_id]", campaigns, len(s.world.Campaigns), func(i int) int { return all[i].Campaign }, nil)
	f.word("filters[status]", func(i int) string { return payoutStatus(all[i]) })
	f.word("filters[payout_method]", func(i int) string { return s.world.Affiliates[all[i].Affiliate].Method })
	f.word("filters[due_period]", func(i int) string { return s.due(all[i]) })
	f.days("filters[period_start]", func(i int) time.Time { return all[i].Start })
	f.days("filters[period_end]", func(i int) time.Time { return all[i].End })
	f.search(func(i int) []string {
		a := s.world.Affiliates[all[i].Affiliate]
		return []string{a.First, a.Last, a.Email}
	})
	return f
}

// unit is what a payout is counted in: that of its commissions.
func (s *Server) unit(p world.Payout) string {
	if len(p.Commissions) > 0 && s.world.Commissions[p.Commissions[0]].Points {
		return "points"
	}
	return "cash"
}

func (s *Server) payout(i int) object {
	p := s.world.Payouts[i]
	method := s.method(p.Affiliate)
	for name, value := range (object{
		"meta": object{}, "is_selected": true, "managed_payouts": false,
		"details": object{"account": "secret-bank-" + s.world.Affiliates[p.Affiliate].Code},
	}) {
		method[name] = value
	}
	o := object{
		"id": payouts.of(i), "status": payoutStatus(p), "amount": p.Amount, "tax_rate": 0, "total_incl_tax": p.Amount, "unit": s.unit(p),
		"period_start": stamp(p.Start), "period_end": stamp(p.End), "created_at": stamp(p.At), "paid_at": stamp(p.PaidAt),
		"processing_started_at": nil, "failed_at": nil, "error": nil, "payments_batch_id": nil,
		"payout_method": method, "promoter": s.person(p.Affiliate), "campaign": s.label(p.Campaign),
	}
	switch p.State {
	case "failed":
		o["failed_at"], o["error"] = stamp(p.At), "The account was refused by the bank"
	case "processing":
		o["processing_started_at"] = stamp(p.At)
	}
	return o
}

// due says how a payout that waits stands to its due date.
func (s *Server) due(p world.Payout) string {
	switch {
	case p.State == "paid" || p.State == "processing":
		return ""
	case p.End.AddDate(0, 0, netDays).Before(s.world.Until):
		return "overdue"
	default:
		return "next"
	}
}

// total is a sum of payouts that is being made.
type total struct {
	promoters map[int]bool
	amounts   map[string]int64
	cash      int64
	end       time.Time
}

func (t *total) add(s *Server, p world.Payout) {
	if t.promoters == nil {
		t.promoters, t.amounts = map[int]bool{}, map[string]int64{}
	}
	t.promoters[p.Affiliate] = true
	t.amounts[s.unit(p)] += p.Amount
	if s.unit(p) == "cash" {
		t.cash += p.Amount
	}
	if p.End.After(t.end) {
		t.end = p.End
	}
}

func (t *total) object() object {
	amounts := t.amounts
	if amounts == nil {
		amounts = map[string]int64{}
	}
	return object{"promoters_count": len(t.promoters), "amounts": amounts, "total_incl_tax": t.cash}
}

// totals are the sums of payouts by a word; those without one are left out.
func (s *Server) totals(q url.Values, by func(world.Payout) string) map[string]*total {
	totals := map[string]*total{}
	for i := range s.payouts(q).newestFirst() {
		p := s.world.Payouts[i]
		word := by(p)
		if word == "" {
			continue
		}
		if totals[word] == nil {
			totals[word] = &total{}
		}
		totals[word].add(s, p)
	}
	return totals
}

// conditions are the account's for paying.
func conditions() object {
	return object{
		"net_payout_days": netDays, "payout_cycle": "monthly", "min_payment": 0, "min_paying_customers": 0, "terms_description": "",
		"selected_payout_methods": []string{"paypal", "bank", "wise"}, "payout_method_options": object{}, "managed_payouts": false,
	}
}

func (s *Server) payoutStats(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	data := object{}
	if yes(q.Get("stats_by[paid_period]")) {
		periods := []object{}
		months := s.totals(q, func(p world.Payout) string { return p.Start.UTC().Format(time.DateOnly) })
		var names []string
		for name := range months {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			o := months[name].object()
			o["period_start"], o["period_end"] = name+"T00:00:00Z", stamp(months[name].end)
			periods = append(periods, o)
		}
		data["by_paid_period"] = periods
	}
	for name, by := range map[string]func(world.Payout) string{
		"status": payoutStatus, "payout_method": func(p world.Payout) string { return s.world.Affiliates[p.Affiliate].Method },
	} {
		if yes(q.Get("stats_by[" + name + "]")) {
			sums := object{}
			for word, t := range s.totals(q, by) {
				sums[word] = t.object()
			}
			data["by_"+name] = sums
		}
	}
	send(w, object{"data": data, "meta": conditions()})
}

func (s *Server) dueStats(w http.ResponseWriter, r *http.Request) {
	sums := s.totals(r.URL.Query(), s.due)
	data := object{}
	for _, name := range []string{"next", "overdue", "custom"} {
		t := sums[name]
		if t == nil {
			t = &total{}
		}
		o := t.object()
		o["due_date"], o["period_end"] = nil, stamp(t.end)
		if !t.end.IsZero() {
			o["due_date"] = stamp(t.end.AddDate(0, 0, netDays))
		}
		data[name] = o
	}
	send(w, object{"data": data, "meta": conditions()})
}

func (s *Server) payoutsByPromoter(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	of := map[int][]int{}
	asked := map[int]bool{}
	all := &total{}
	for i := range s.payouts(q).newestFirst() {
		p := s.world.Payouts[i]
		of[p.Affiliate] = append(of[p.Affiliate], i)
		asked[p.Affiliate] = true
		all.add(s, p)
	}
	f := &filter{q: q, n: len(s.world.Affiliates)}
	f.narrow(sorted(asked))
	data := rows(q, f, func(a int) object {
		promoter := s.person(a)
		promoter["invoice_details_status"], promoter["fraud_suspicions"] = "pending", []string{}
		promoter["profile"] = object{"invoice_details_validation_errors": nil}
		t, ids, records := &total{}, []int64{}, []object{}
		for _, i := range of[a] {
			t.add(s, s.world.Payouts[i])
			ids = append(ids, payouts.of(i))
			records = append(records, s.payout(i))
		}
		return object{
			"promoter": promoter, "payout_method": s.method(a), "payouts": records, "is_amount_payable": t.cash > 0,
			"payout_ids": ids, "amount": t.cash, "total_incl_tax": t.cash,
		}
	})
	send(w, object{"data": data, "meta": object{
		"total": all.cash, "promoters_count": len(all.promoters), "total_incl_tax": all.cash, "due_date": nil, "period_end": stamp(all.end),
	}})
}
