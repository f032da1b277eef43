package providers

// Refs are the ids of other records that a record refers to. known is false for nouns whose
// records are not looked up by them.
func Refs[T Record](record *T) (ids []ID, known bool) {
	switch r := any(record).(type) {
	case *Affiliate:
		ids = append(ids, r.ParentID)
		for _, m := range r.Memberships {
			ids = append(ids, m.CampaignID)
		}
	case *Membership:
		ids = append(ids, r.AffiliateID, r.CampaignID)
	case *Referral:
		ids = append(ids, r.AffiliateID, r.CampaignID)
	case *Commission:
		ids = append(ids, r.AffiliateID, r.CampaignID, r.ReferralID, r.PayoutID)
	case *Payout:
		ids = append(ids, r.AffiliateID, r.CampaignID)
	case *Coupon:
		ids = append(ids, r.AffiliateID, r.CampaignID)
	default:
		return nil, false
	}
	return ids, true
}
