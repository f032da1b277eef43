package firstpromoter

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// fields says what of a vendor's record may be shown, by name: nil for a value as it is,
// else what may be shown inside. Whatever is not named is left out: the address by which a
// promoter's password is set, payout methods, tax forms, VAT ids, headers of webhooks, and
// what the vendor adds one day.
type fields map[string]fields

// shown are fields whose values may be shown as they are.
func shown(names ...string) fields {
	f := make(fields, len(names))
	for _, n := range names {
		f[n] = nil
	}
	return f
}

// and is f with more fields.
func (f fields) and(more fields) fields {
	for n, inside := range more {
		f[n] = inside
	}
	return f
}

// What may be shown of each record.
var (
	rawPerson = shown("id", "email", "name")
	rawLabel  = shown("id", "name", "color")
	rawStats  = shown(
		"clicks_count",
		"referrals_count",
		"sales_count",
		"customers_count",
		"promoters_count",
		"revenue_amount",
		"active_customers_count",
	)
	rawStanding = shown("id", "campaign_id", "promoter_id", "created_at", "state", "coupon", "display_coupon", "ref_token", "ref_link").
			and(fields{"promoter": rawPerson, "campaign": rawLabel})

	rawRecords = map[providers.Noun]fields{
		providers.NounAffiliate: shown(
			"id",
			"email",
			"name",
			"cust_id",
			"note",
			"balances",
			"is_customized",
			"is_confirmed",
			"fraud_suspicions",
			"invoice_details_status",
			"joined_at",
			"last_login_at",
			"archived_at",
			"first_event_at",
			"custom_fields",
			"track_ad_traffic",
			"auth_provider",
		).
			and(fields{
				"stats":              rawStats,
				"promoter_campaigns": rawStanding,
				"parent_promoter":    rawPerson,
				"profile": shown(
					"id",
					"first_name",
					"last_name",
					"website",
					"company_name",
					"country",
					"description",
					"avatar",
					"instagram_url",
					"youtube_url",
					"linkedin_url",
					"facebook_url",
					"twitter_url",
					"twitch_url",
					"tiktok_url",
				),
			}),
		providers.NounMembership: rawStanding,
		providers.NounCampaign: shown(
			"id",
			"name",
			"color",
			"landing_url",
			"signup_url",
			"visitor_cookie_life",
			"ref_token_param",
			"auto_approve_leads",
			"auto_approve_promoters",
			"track_ad_traffic",
			"is_private",
			"is_default",
			"upgrade_details",
			"links",
			"rewards_for_promoters",
			"rewards_for_referrals",
		).
			and(fields{"stats": rawStats}),
		providers.NounReferral: shown(
			"id",
			"email",
			"uid",
			"username",
			"state",
			"metadata",
			"entry_source",
			"created_at",
			"customer_since",
			"fraud_check",
			"created_by_user_email",
			"first_name",
			"last_name",
			"website",
			"comment",
			"is_expired",
			"split_details",
			"custom_status",
			"traffic_source",
		).
			and(fields{"promoter_campaign": rawStanding}),
		providers.NounCommission: shown(
			"id",
			"status",
			"commission_type",
			"unit",
			"amount",
			"sale_amount",
			"original_sale_amount",
			"original_sale_currency",
			"is_paid",
			"is_split",
			"is_self_referral",
			"tier",
			"event_id",
			"plan_id",
			"metadata",
			"internal_note",
			"external_note",
			"fraud_check",
			"created_by_user_email",
			"created_by_user_at",
			"created_at",
			"status_updated_at",
			"split_details",
		).
			and(fields{"promoter_campaign": rawStanding, "referral": shown("id", "email", "uid"), "reward": shown("id", "name")}),
		providers.NounPayout: shown(
			"id",
			"status",
			"amount",
			"tax_rate",
			"total_incl_tax",
			"unit",
			"period_start",
			"period_end",
			"created_at",
			"paid_at",
			"processing_started_at",
			"failed_at",
			"error",
			"payments_batch_id",
		).
			and(fields{"payout_method": shown("id", "method", "date_added", "is_disabled"), "promoter": rawPerson, "campaign": rawLabel}),
		providers.NounCoupon: shown(
			"id",
			"code",
			"ext_id",
			"description",
			"promoter_campaign_id",
			"metadata",
			"archived_at",
		).and(fields{"reward": shown("id", "name")}),
		providers.NounWebhookSubscription: shown(
			"id",
			"url",
			"event_types",
			"campaign_ids",
			"description",
			"active",
			"timeout",
			"max_retries",
			"created_at",
			"updated_at",
		),
	}
)

// raw is a value of a reply of which nothing was read yet.
type raw json.RawMessage

// UnmarshalJSON keeps a copy.
func (r *raw) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}

// errNoRecord is in the error of a reply that is no record.
var errNoRecord = errors.New("neither an object nor a list of objects")

// only is the value with everything left out that f does not name, in lists for each
// element. Numbers keep their digits.
func (r raw) only(f fields) (json.RawMessage, error) {
	if f == nil || string(r) == "null" {
		return json.RawMessage(r), nil
	}
	var elements []raw
	if json.Unmarshal(r, &elements) == nil {
		kept := make([]json.RawMessage, len(elements))
		for i, e := range elements {
			var err error
			if kept[i], err = e.only(f); err != nil {
				return nil, err
			}
		}
		return json.Marshal(kept)
	}
	var object map[string]raw
	if json.Unmarshal(r, &object) != nil {
		return nil, errNoRecord
	}
	kept := make(map[string]json.RawMessage, len(f))
	for n, inside := range f {
		if value, ok := object[n]; ok {
			var err error
			if kept[n], err = value.only(inside); err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(kept)
}

// RawRecord reads a record and shows what may be shown of it, in the vendor's words.
func (p *provider) RawRecord(ctx context.Context, id providers.ID) (json.RawMessage, error) {
	noun, path, query, member := id.Noun, "", url.Values(nil), int64(0)
	if owner := p.memberOf(id); !owner.IsZero() { // only its promoter can be read
		parts, _ := providers.SplitLocal(id.Local, 2)
		member, _ = number(parts[0])
		id = owner
	}
	n, ok := number(id.Local)
	if !ok || id != p.id(id.Noun, n) {
		return nil, p.noRecord("rawRecord")
	}
	switch id.Noun {
	case providers.NounAffiliate:
		path, query = promoterOne.path, withParent
	case providers.NounCampaign:
		path = campaignOne.path
	case providers.NounReferral:
		path = referralOne.path
	case providers.NounCoupon:
		path = codeOne.path
	case providers.NounWebhookSubscription:
		path = webhookOne.path
	case providers.NounCommission, providers.NounPayout: // only lists can be read
		if path = commissionList.path; id.Noun == providers.NounPayout {
			path = payoutList.path
		}
		return p.rawOf(ctx, "GET "+path, path, url.Values{"ids[]": {id.Local}}, rawRecords[noun], n)
	default:
		return nil, p.noRecord("rawRecord")
	}
	op := "GET " + path + oneRecord
	path += "/" + id.Local
	if member == 0 {
		return p.rawOf(ctx, op, path, query, rawRecords[noun], n)
	}
	var promoter struct {
		Memberships raw `json:"promoter_campaigns"`
	}
	q := request(path, query)
	q.Op, q.Into = op, &promoter
	if err := p.fetch(ctx, q); err != nil {
		return nil, err
	}
	return p.pick(op, promoter.Memberships, rawRecords[noun], member)
}

// rawOf reads a record, or a list that holds it.
func (p *provider) rawOf(ctx context.Context, op, path string, query url.Values, f fields, n int64) (json.RawMessage, error) {
	var r raw
	q := request(path, query)
	q.Op, q.Into = op, &r
	if err := p.fetch(ctx, q); err != nil {
		return nil, err
	}
	return p.pick(op, r, f, n)
}

// pick is what may be shown of the record with this number in a value that is the record,
// or a list that holds it.
func (p *provider) pick(op string, r raw, f fields, n int64) (json.RawMessage, error) {
	var envelope struct {
		Data json.RawMessage `json:"data"`
	}
	rows := []raw{r}
	if _, err := wire.Decode(r, &envelope); err == nil && len(envelope.Data) > 0 {
		r = raw(envelope.Data)
	}
	if r[0] == '[' {
		rows = nil
		if err := json.Unmarshal(r, &rows); err != nil {
			return nil, p.badReply(op, err)
		}
	}
	for _, row := range rows {
		var head struct {
			ID int64 `json:"id"`
		}
		if _, err := wire.Decode(row, &head); err == nil && head.ID == n {
			shown, err := row.only(f)
			if err != nil {
				return nil, p.badReply(op, err)
			}
			return shown, nil
		}
	}
	return nil, p.noRecord(op)
}

func (p *provider) noRecord(op string) error {
	return &providers.Error{Account: p.config.Account, Provider: name, Op: op, Kind: providers.KindNotFound}
}
