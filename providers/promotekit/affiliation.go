package promotekit

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Referrals, commissions and payouts name no campaign: theirs is their affiliate's. Where the
// affiliate came without it, or with one that cannot be read, the affiliate is read for it.

// affiliated are the nouns that have a campaign by their affiliate.
var affiliated = []providers.Noun{providers.NounReferral, providers.NounCommission, providers.NounPayout}

// affiliation is the affiliate of a record and the affiliate's campaign. It notes on the
// record whether it knows the campaign.
func (r *reply) affiliation(n *providers.Node, a wire.Related[affiliateWire]) (affiliate, campaign providers.ID) {
	affiliate = r.id(providers.NounAffiliate, a.ID)
	switch {
	case a.Record != nil && a.Record.Has("campaign") && !a.Record.Lost("campaign"):
		campaign = r.id(providers.NounCampaign, a.Record.Campaign.ID)
	case a.ID != "":
		n.Known = noCampaign
	}
	return affiliate, campaign
}

// unreadCampaign is in the place of a campaign that cannot be read.
var unreadCampaign = []string{"campaign"}

// campaignOf are the affiliate and, to be filled in, the campaign of a row.
func campaignOf[T providers.Record](row *T) (affiliate providers.ID, campaign *providers.ID) {
	switch row := any(row).(type) {
	case *providers.Referral:
		return row.AffiliateID, &row.CampaignID
	case *providers.Commission:
		return row.AffiliateID, &row.CampaignID
	case *providers.Payout:
		return row.AffiliateID, &row.CampaignID
	}
	return providers.ID{}, nil
}

// needsCampaign says whether a read has to tell the campaign.
func needsCampaign(need []string) bool { return len(need) == 0 || slices.Contains(need, "campaign") }

// covers says whether a record tells what is needed.
func covers[T providers.Record](need []string) func(*T) bool {
	return func(row *T) bool { return providers.NodeOf(row).Known.Covers(need...) }
}

// coversBut is covers for rows whose campaign is filled in.
func coversBut[T providers.Record](need []string) func(*T) bool {
	return func(row *T) bool {
		known := providers.NodeOf(row).Known
		return known.CoversAll(noCampaign) || len(need) > 0 && known.With("campaign").Covers(need...)
	}
}

// lacksCampaign says whether a row lacks its campaign and nothing else.
func lacksCampaign[T providers.Record](row *T) bool {
	known := providers.NodeOf(row).Known
	return !known.Covers("campaign") && known.CoversAll(noCampaign)
}

// fillCampaigns reads the affiliates of the rows that lack their campaign, and fills
// it in. The rows must not have been shown to anyone yet. It answers what came along, and the
// errors of rows whose affiliate could not be read.
func fillCampaigns[T providers.Record](
	ctx context.Context, reader providers.Reader, rows []*T,
) (harvest providers.Harvest, failed map[providers.ID]error, err error) {
	lacking := map[providers.ID][]*T{}
	for _, row := range rows {
		affiliate, _ := campaignOf(row)
		if !providers.NodeOf(row).Known.Covers("campaign") && !affiliate.IsZero() {
			lacking[affiliate] = append(lacking[affiliate], row)
		}
	}
	if len(lacking) == 0 {
		return harvest, nil, nil
	}
	batch, err := reader.AffiliatesByID(ctx, slices.Collect(maps.Keys(lacking)), "campaign")
	if err != nil {
		return harvest, nil, err
	}
	harvest = batch.Harvest
	failed = map[providers.ID]error{}
	for id, rows := range lacking {
		var theirs providers.ID
		unread := false
		if a := batch.Found[id]; a != nil {
			harvest.Affiliates = append(harvest.Affiliates, a)
			unread = a.IsUnread("campaign")
			for _, m := range a.Memberships {
				theirs = m.CampaignID
			}
		}
		for _, row := range rows {
			node := providers.NodeOf(row)
			if err := batch.Failed[id]; err != nil {
				failed[node.ID] = err
				continue
			}
			_, campaign := campaignOf(row)
			*campaign, node.Known = theirs, node.Known.With("campaign")
			if unread && !node.IsUnread("campaign") {
				node.Unread = append(slices.Clone(node.Unread), unreadCampaign...)
			}
		}
	}
	return harvest, failed, nil
}

// filled reads records by id together with their campaigns, where these are needed. Records that
// the caller remembers but for the campaign are not read again.
func filled[T providers.Record](
	ctx context.Context, p *provider, ids []providers.ID, need []string,
	read func(ctx context.Context, ids []providers.ID) (*providers.Batch[T], error),
) (*providers.Batch[T], error) {
	if !needsCampaign(need) {
		return read(ctx, ids)
	}
	remembered := map[providers.ID]*T{}
	for _, id := range ids {
		if row := providers.Peek[T](ctx, id); row != nil && lacksCampaign(row) {
			remembered[id] = new(*row)
		}
	}
	batch, err := read(ctx, slices.DeleteFunc(slices.Clone(ids), func(id providers.ID) bool { return remembered[id] != nil }))
	if err != nil {
		return nil, err
	}
	maps.Copy(batch.Found, remembered)
	harvest, failed, err := fillCampaigns(ctx, p, slices.Collect(maps.Values(batch.Found)))
	if err != nil {
		return nil, err
	}
	batch.Harvest.Add(harvest)
	for id, row := range maps.Clone(batch.Found) {
		err := failed[providers.NodeOf(row).ID]
		if err == nil {
			continue
		}
		delete(batch.Found, id)
		if batch.Failed == nil {
			batch.Failed = map[providers.ID]error{}
		}
		batch.Failed[id] = err
	}
	return batch, nil
}

// inCampaigns prepares lists for a filter by campaigns, which the reader of the rows
// applies: rows without a campaign get theirs. Where such rows are known to come, the lists
// are named apart from those that leave them as they are.
func inCampaigns[T providers.Record](p *provider, campaigns []string, lists []providers.List[T]) []providers.List[T] {
	if len(campaigns) == 0 {
		return lists
	}
	for i, l := range lists {
		lists[i] = withCampaigns(p, l)
	}
	return lists
}

// withCampaigns is a list whose rows have their campaigns. A row whose affiliate cannot be
// understood is left out and counted: nobody can tell whether it passes.
func withCampaigns[T providers.Record](p *provider, l providers.List[T]) providers.List[T] {
	page := l.Page
	l.Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
		out, err := page(ctx, r)
		if err != nil {
			return nil, err
		}
		_, failed, err := fillCampaigns(ctx, r.Reader, out.Items)
		if err == nil {
			err = unreadable(maps.Values(failed))
		}
		if err != nil {
			return nil, err
		}
		out.Items = slices.DeleteFunc(out.Items, func(row *T) bool { return failed[providers.NodeOf(row).ID] != nil })
		out.Unread += len(failed)
		return out, nil
	}
	if p.partial.lack(providers.NounAffiliate, "campaign") {
		l.Key += "#campaign"
	}
	if l.Within != nil {
		l.Within = new(withCampaigns(p, *l.Within))
	}
	return l
}

// unreadable is nil if all errors are replies that cannot be understood, which cost no more than
// their rows; else one of the others.
func unreadable(errs iter.Seq[error]) error {
	for err := range errs {
		if providers.KindOf(err) != providers.KindBadReply {
			return err
		}
	}
	return nil
}
