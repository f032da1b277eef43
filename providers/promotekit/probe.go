package promotekit

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/probe"
)

// Probe answers the vendor's open questions.
func (p *provider) Probe(ctx context.Context) providers.Probe {
	return probe.Run(ctx, p.rest, probeRecords, openQuestions)
}

// probeRecords are the places in replies that are records.
var probeRecords = []string{"", "pagination", "error", "data", "data.affiliate", "data.referral", "data.payout"}

// newest reads the first page of a list.
func newest(path string) probe.Read {
	return probe.Read{Path: path, Query: url.Values{"limit": {strconv.Itoa(pageSize)}}}
}

// narrowedBy reads it again, narrowed by a filter.
func narrowedBy(f probe.Filter, path string) probe.Read {
	read := newest(path)
	read.Take = f.Take
	return read
}

// The filters of GET /commissions that the reference could not be seen to have.
var (
	affiliateFilter = probe.Filter{Parameter: commissionsByAffiliate().param, Value: []string{"affiliate", "id"}, Count: 1}
	referralFilter  = probe.Filter{Parameter: commissionsByReferral().param, Value: []string{"referral", "id"}, Count: 1}
)

// openQuestions are what is assumed of PromoteKit.
var openQuestions = []probe.Question{
	{
		Name: "referral-times", Text: "Is signup_date of referrals a time with a zone?",
		Reads: []probe.Read{newest("/referrals")}, Judge: probe.Times("signup_date"),
	},
	{
		Name: "commission-times", Text: "Is referral_date of commissions a time with a zone?",
		Reads: []probe.Read{newest(commissionsPath)}, Judge: probe.Times("referral_date"),
	},
	{
		Name: "referral-order", Text: "Do referrals come newest first?",
		Reads: []probe.Read{newest("/referrals")}, Judge: probe.NewestFirst("created_at"),
	},
	{
		Name: "commission-order", Text: "Do commissions come newest first?",
		Reads: []probe.Read{newest(commissionsPath)}, Judge: probe.NewestFirst("created_at"),
	},
	{
		Name: "payout-order", Text: "Do payouts come newest first?",
		Reads: []probe.Read{newest("/payouts")}, Judge: probe.NewestFirst("created_at"),
	},
	{
		Name: "payout-status", Text: "Is payout_status of commissions always not_paid or paid?",
		Reads: []probe.Read{newest(commissionsPath)}, Judge: judgePayoutStatus,
	},
	{
		Name: "affiliate-filter", Text: "Does affiliate_id narrow the list of commissions?",
		Reads: []probe.Read{newest(commissionsPath), narrowedBy(affiliateFilter, commissionsPath)}, Judge: affiliateFilter.Judge,
	},
	{
		Name: "referral-filter", Text: "Does referral_id narrow the list of commissions?",
		Reads: []probe.Read{newest(commissionsPath), narrowedBy(referralFilter, commissionsPath)}, Judge: referralFilter.Judge,
	},
	{
		Name: "wrong-key", Text: "Is a call with a wrong key answered by 401?",
		Reads: []probe.Read{newest("/referrals"), {
			Path: "/referrals", Query: url.Values{"limit": {"1"}}, Header: map[string]string{"Authorization": "Bearer partnergraph-probe"},
		}},
		Judge: probe.Refusal(http.StatusUnauthorized),
	},
}

func judgePayoutStatus(replies []probe.Reply) probe.Verdict {
	other := 0
	for _, row := range replies[0].Rows {
		if commissionStatus(row.Text("payout_status")) == providers.CommissionUnknown {
			other++
		}
	}
	switch {
	case len(replies[0].Rows) == 0:
		return probe.Leave("there are no commissions")
	case other > 0:
		return probe.Differ("%d of %d commissions have another word, or none", other, len(replies[0].Rows))
	}
	return probe.Confirm()
}
