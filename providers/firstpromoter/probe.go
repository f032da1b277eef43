package firstpromoter

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/probe"
)

// Probe answers the vendor's open questions.
func (p *provider) Probe(ctx context.Context) providers.Probe {
	return probe.Run(ctx, p.client, probeRecords, openQuestions)
}

// probeRecords are the places in replies that are records. Metadata, custom fields and details of
// payout methods have keys of the merchant's own, and are none.
var probeRecords = []string{
	"", "meta", "data", "promoter", "campaign", "referral", "reward", "payout_method",
	"promoter_campaign", "promoter_campaign.promoter", "promoter_campaign.campaign",
}

// newest reads the first page of a list, with these parameters too.
func newest(path string, query url.Values) probe.Read {
	q := paged(1)
	maps.Copy(q, query)
	return probe.Read{Path: path, Query: q}
}

// campaignsFilter are several values of one filter, whose spelling is assumed (see plan.many).
var campaignsFilter = probe.Filter{
	Parameter: "filters[campaign_id][]", Value: []string{"promoter_campaign", "campaign", "id"}, Count: 2,
}

// taking is the read with parameters from the replies before it.
func taking(take func([]probe.Reply) url.Values, read probe.Read) probe.Read {
	read.Take = take
	return read
}

// openQuestions are what is assumed of FirstPromoter.
var openQuestions = []probe.Question{
	{
		Name: "payout-period", Text: "Are period_start and period_end of payouts times with a zone?",
		Reads: []probe.Read{newest(payoutList.path, nil)}, Judge: probe.Times("period_start", "period_end"),
	},
	{
		Name: "payout-order", Text: "Do payouts come newest first?",
		Reads: []probe.Read{newest(payoutList.path, nil)}, Judge: probe.NewestFirst("created_at"),
	},
	{
		Name: "referral-order", Text: "Do referrals come newest first?",
		Reads: []probe.Read{newest(referralList.path, nil)}, Judge: probe.NewestFirst("created_at"),
	},
	{
		Name: "several-campaigns", Text: "Does filters[campaign_id][] take several campaigns?",
		Reads: []probe.Read{
			newest(commissionList.path, commissionList.always),
			taking(campaignsFilter.Take, newest(commissionList.path, commissionList.always)),
		},
		Judge: campaignsFilter.Judge,
	},
	{
		Name: "moved-customer", Text: "Does q find a customer who was moved by the address alone?",
		Reads: []probe.Read{
			newest(referralList.path, nil),
			newest(referralList.path, url.Values{"q": {movedMark}}),
			taking(searchMoved, newest(referralList.path, nil)),
		},
		Judge: judgeMoved,
	},
	{
		Name: "wrong-account-id", Text: "Is a call with a wrong account_id answered by 404?",
		Reads: []probe.Read{newest(referralList.path, nil), {
			Path: referralList.path, Query: url.Values{"per_page": {"1"}}, Header: map[string]string{"Account-Id": "partnergraph-probe"},
		}},
		Judge: probe.Refusal(http.StatusNotFound),
	},
}

// movedRow is the first customer in these replies who was moved; nil for none.
func movedRow(replies []probe.Reply) probe.Row {
	for _, reply := range replies {
		for _, row := range reply.Rows {
			email := row.Text("email")
			if strings.HasSuffix(email, movedMark) && address(&email) != nil && row.Text("id") != "" {
				return row
			}
		}
	}
	return nil
}

func searchMoved(before []probe.Reply) url.Values {
	row := movedRow(before)
	if row == nil {
		return nil
	}
	email := row.Text("email")
	return url.Values{"q": {*address(&email)}}
}

func judgeMoved(replies []probe.Reply) probe.Verdict {
	if len(replies) < 3 {
		return probe.Leave("none of the customers that were read was moved")
	}
	moved := movedRow(replies[:2])
	for _, row := range replies[2].Rows {
		if row.Text("id") == moved.Text("id") {
			return probe.Confirm()
		}
	}
	return probe.Differ("the search finds %d customers, and not the one who was moved", len(replies[2].Rows))
}
