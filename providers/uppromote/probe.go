package uppromote

import (
	"context"
	"net/url"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/probe"
)

// Probe answers the vendor's open questions.
func (p *provider) Probe(ctx context.Context) providers.Probe {
	return probe.Run(ctx, p.client, probeRecords, openQuestions)
}

// probeRecords are the places in replies that are records. Custom fields and payment details have
// keys of the merchant's own, and are none.
var probeRecords = []string{"", "data", "data.affiliate", "data.commission_rule"}

// newest reads a page of a list.
func newest(path string, page int) probe.Read {
	return probe.Read{Path: path, Query: paged("", nil, page).Query}
}

// paymentsFilter is the filter of payments by an affiliate's e-mail address.
var paymentsFilter = probe.Filter{
	Parameter: emailParam, Value: []string{"affiliate_email"}, Member: []string{"affiliate_id"}, Count: 1,
}

// openQuestions are what is assumed of UpPromote.
var openQuestions = []probe.Question{
	{
		Name: "page-size", Text: "Does a page have 100 rows if 100 are asked for?",
		Reads: []probe.Read{newest(affiliateList.path, 1), {
			Path: affiliateList.path, Query: paged("", nil, 2).Query, Take: secondPage,
		}},
		Judge: judgePageSize,
	},
	{
		Name: "paid-referrals", Text: "Do payments that were made name their referrals?",
		Reads: []probe.Read{newest(paidList.path, 1)}, Judge: judgeNaming,
	},
	{
		Name: "unpaid-referrals", Text: "Do payments that are due name their referrals?",
		Reads: []probe.Read{newest(unpaidList.path, 1)}, Judge: judgeNaming,
	},
	{
		Name: "payment-filter", Text: "Does affiliate_email narrow the list of payments?",
		Reads: []probe.Read{newest(paidList.path, 1), {
			Path: paidList.path, Query: paged("", nil, 1).Query, Take: paymentsFilter.Take,
		}},
		Judge: paymentsFilter.Judge,
	},
	{
		Name: "referral-order", Text: "Do referrals come newest first?",
		Reads: []probe.Read{newest(referralList.path, 1)}, Judge: probe.NewestFirst("created_at"),
	},
}

// leastPage is the size of a page that was asked for without a size.
const leastPage = 10

// secondPage asks for the second page if the first is neither full nor certainly the last.
func secondPage(before []probe.Reply) url.Values {
	if sent := before[0].Sent; sent < leastPage || sent >= pageSize {
		return nil
	}
	return url.Values{"page": {"2"}}
}

func judgePageSize(replies []probe.Reply) probe.Verdict {
	sent := replies[0].Sent
	switch {
	case sent >= pageSize:
		return probe.Confirm()
	case sent < leastPage:
		return probe.Leave("there are fewer than 10 affiliates")
	}
	known, fresh := probe.Values(replies[0].Rows, "id"), 0
	for _, id := range probe.Values(replies[1].Rows, "id") {
		if !slices.Contains(known, id) {
			fresh++
		}
	}
	switch {
	case fresh > 0:
		return probe.Differ("a page has %d rows, and the next has more", sent)
	case replies[1].Sent > 0:
		return probe.Differ("the second page repeats the first")
	case sent == leastPage:
		return probe.Leave("there are 10 affiliates, as many as a page has if no size is asked for")
	}
	return probe.Confirm()
}

// judgeNaming looks for the referrals of payments that have any.
func judgeNaming(replies []probe.Reply) probe.Verdict {
	all, unnamed := 0, 0
	for _, row := range replies[0].Rows {
		if row.Text("total_referrals") == "0" {
			continue
		}
		if all++; row.Elements("referral_ids") == 0 {
			unnamed++
		}
	}
	switch {
	case all == 0:
		return probe.Leave("there are no such payments")
	case unnamed > 0:
		return probe.Differ("%d of %d do not name them", unnamed, all)
	}
	return probe.Confirm()
}
