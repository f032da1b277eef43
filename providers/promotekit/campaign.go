package promotekit

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Campaigns plans the one list of campaigns.
func (p *provider) Campaigns(providers.CampaignFilter) ([]providers.List[providers.Campaign], error) {
	return []providers.List[providers.Campaign]{at("/campaigns", nil, true, p.listCampaigns)}, nil
}

// CampaignsByID reads campaigns one by one, or all where that is fewer calls.
func (p *provider) CampaignsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Campaign], error) {
	return byID(ctx, p, providers.NounCampaign, ids, p.listCampaigns, p.getCampaign, covers[providers.Campaign](need))
}

// listCampaigns reads a page of the campaigns. The vendor gives them oldest first: what a page
// holds is sorted, and several pages stay in the vendor's order.
// https://www.promotekit.com/docs/api-reference/campaigns/list-campaigns
//
//api:operation GET /campaigns
func (p *provider) listCampaigns(
	ctx context.Context,
	query url.Values,
	r providers.PageRequest,
) (*providers.Page[providers.Campaign], error) {
	page, err := readPage(ctx, p, providers.NounCampaign, "/campaigns", query, r, (*reply).campaign)
	if err == nil {
		newestFirst(page.Items)
	}
	return page, err
}

// getCampaign reads one campaign.
// https://www.promotekit.com/docs/api-reference/campaigns/get-campaign
//
//api:operation GET /campaigns/{id}
func (p *provider) getCampaign(ctx context.Context, uuid string) (*providers.Campaign, providers.Harvest, error) {
	return readRecord(ctx, p, providers.NounCampaign, "/campaigns", uuid, (*reply).campaign)
}

type campaignWire struct {
	record
	Name                   string            `json:"name"`
	WebsiteURL             string            `json:"website_url"`
	CommissionType         string            `json:"commission_type"`
	CommissionAmount       providers.Decimal `json:"commission_amount"`
	IsDefault              *bool             `json:"is_default"`
	CodeMode               string            `json:"code_mode"`
	ReferenceCoupon        string            `json:"reference_coupon"`
	CustomCommissionType   json.RawMessage   `json:"custom_commission_type"`
	LimitType              json.RawMessage   `json:"limit_type"`
	LimitAmount            json.RawMessage   `json:"limit_amount"`
	ApprovalNeeded         *bool             `json:"approval_needed"`
	HideEmails             *bool             `json:"hide_emails"`
	CookieDuration         *int64            `json:"cookie_duration"`
	FirstPaymentCommission json.RawMessage   `json:"first_payment_commission"`
}

// firstPaymentWire is what the first payment of a customer earns.
type firstPaymentWire struct {
	Enabled bool              `json:"enabled"`
	Type    string            `json:"type"`
	Amount  providers.Decimal `json:"amount"`
}

// relatedCampaign converts a campaign that stands inside another record.
func (r *reply) relatedCampaign(w *campaignWire) *providers.Campaign {
	c := r.campaign(w)
	c.Known = campaignKnowledge.Fields(w.Members)
	return c
}

func (r *reply) campaign(w *campaignWire) *providers.Campaign {
	return &providers.Campaign{
		Node:                r.node(providers.NounCampaign, w.record),
		Name:                wire.Name(w.Name),
		NamePrivate:         true,
		WebsiteURL:          text(w.WebsiteURL),
		IsDefault:           w.IsDefault,
		ApprovalRequired:    w.ApprovalNeeded,
		CodeMode:            codeMode(w.CodeMode),
		CookieDays:          w.CookieDuration,
		Commission:          r.commissionRule(w),
		HidesCustomerEmails: w.HideEmails,
	}
}

var codeModes = map[string]providers.CodeMode{"link": providers.CodeLink, "coupon": providers.CodeCoupon, "both": providers.CodeBoth}

func codeMode(word string) *providers.CodeMode {
	if word == "" {
		return nil
	}
	mode, ok := codeModes[strings.ToLower(word)]
	if !ok {
		mode = providers.CodeUnknown
	}
	return &mode
}

// whole is a number without decimals; nil for none.
func whole(d providers.Decimal) *int64 {
	days, fraction, ok := d.Value.Int64(0)
	if !d.Set || !ok || fraction != 0 || !d.Value.IsInt() {
		return nil
	}
	return &days
}

var ruleTypes = map[string]providers.CommissionRuleType{"percentage": providers.RulePercentage, "fixed": providers.RuleFixed}

// commissionRule is what the payments of a customer earn. Amounts are in the account's
// currency, as the vendor names none. The words of the first payment and of the limit are
// assumed.
func (r *reply) commissionRule(w *campaignWire) *providers.CommissionRule {
	rule := r.payment(w.CommissionType, w.CommissionAmount)
	unknown := rule.Type == providers.RuleUnknown && w.CommissionType != ""
	if unknown {
		rule.Notes = append(rule.Notes, "commission_type: "+w.CommissionType)
	}
	if unknown || w.CommissionAmount.Odd() {
		rule.Note("commission_amount", w.CommissionAmount.JSON())
	}
	rule.Note("custom_commission_type", w.CustomCommissionType)
	var first firstPaymentWire
	if odd, err := wire.Decode(w.FirstPaymentCommission, &first); len(w.FirstPaymentCommission) > 0 && (err != nil || len(odd) > 0) {
		rule.Note("first_payment_commission", w.FirstPaymentCommission) // it may be a rule, and is not read whole
	} else if first.Enabled {
		payment := r.payment(first.Type, first.Amount)
		rule.FirstPayment = &providers.PaymentRule{Type: payment.Type, Percent: payment.Percent, Amount: payment.Amount}
		if payment.Type == providers.RuleUnknown {
			rule.Notes = append(rule.Notes, "first_payment_commission: "+strings.TrimSpace(first.Type+" "+first.Amount.Value.String()))
		}
	}
	var (
		unit  string
		limit providers.Decimal
	)
	_, _ = json.Unmarshal(w.LimitType, &unit), json.Unmarshal(w.LimitAmount, &limit)
	switch count := whole(limit); {
	case count != nil && slices.Contains([]string{"month", "months"}, strings.ToLower(unit)):
		rule.Months = count
	case count != nil && slices.Contains([]string{"payment", "payments"}, strings.ToLower(unit)):
		rule.Payments = count
	default:
		rule.Note("limit_type", w.LimitType)
		rule.Note("limit_amount", w.LimitAmount)
	}
	if w.CommissionType == "" && !w.CommissionAmount.Set && rule.FirstPayment == nil && rule.Notes == nil {
		return nil
	}
	return rule
}

// payment is what one payment earns, by the vendor's word and number.
func (r *reply) payment(word string, amount providers.Decimal) *providers.CommissionRule {
	t, ok := ruleTypes[strings.ToLower(word)]
	if !ok {
		t = providers.RuleUnknown
	}
	return providers.NewCommissionRule(t, amount, r.currency)
}

// campaignBody is what POST and PUT take. What is nil is left out, and stays as it is.
type campaignBody struct {
	Name             *string     `json:"name,omitempty"`
	CommissionType   string      `json:"commission_type,omitempty"`
	CommissionAmount json.Number `json:"commission_amount,omitempty"`
	CodeMode         string      `json:"code_mode,omitempty"`
	WebsiteURL       *string     `json:"website_url,omitempty"`
	ReferenceCoupon  *string     `json:"reference_coupon,omitempty"`
	IsDefault        *bool       `json:"is_default,omitempty"`
}

// body is the campaign as a body would make it, without what could not be read.
func (w *campaignWire) body() *campaignBody {
	b := &campaignBody{Name: told(w.Members, "name", w.Name), CommissionType: w.CommissionType, CodeMode: w.CodeMode,
		WebsiteURL: told(w.Members, "website_url", w.WebsiteURL), IsDefault: w.IsDefault,
		ReferenceCoupon: told(w.Members, "reference_coupon", w.ReferenceCoupon)}
	if w.CommissionAmount.Set {
		b.CommissionAmount = number(w.CommissionAmount.Value)
	}
	return b
}

// number is a decimal as the vendor takes it, without zeros at its end.
func number(d decimal.Decimal) json.Number { return json.Number(d.Trim(0).String()) }

var campaignFields = map[string]string{
	"name": "name", "commission_type": "terms.commission", "commission_amount": "terms.commission", "code_mode": "terms.codeMode",
	"website_url": "terms.websiteUrl", "reference_coupon": "terms.couponTemplate", "is_default": "terms.isDefault",
}

// campaignBodyOf are these terms as the vendor takes them.
func campaignBodyOf(name *string, t *providers.CampaignTerms) (*campaignBody, providers.Problems) {
	b := &campaignBody{Name: name}
	if t == nil {
		return b, nil
	}
	var bad providers.Problems
	bad.When(t.IsPrivate != nil, providers.ProblemUnsupported, "terms.isPrivate", "PromoteKit has no private campaigns")
	bad.When(t.ApprovalRequired != nil, providers.ProblemUnsupported, "terms.approvalRequired", "PromoteKit takes it in its dashboard only")
	bad.When(t.CookieDays != nil, providers.ProblemUnsupported, "terms.cookieDays", "PromoteKit takes it in its dashboard only")
	bad.When(t.LinkParameter != nil, providers.ProblemUnsupported, "terms.linkParameter", "PromoteKit does not take one for a campaign")
	b.WebsiteURL, b.ReferenceCoupon, b.IsDefault = t.WebsiteURL, t.CouponTemplate, t.IsDefault
	if r := t.Commission; r != nil && r.Percent != nil {
		b.CommissionType, b.CommissionAmount = "percentage", number(*r.Percent)
	} else if r != nil && r.Amount != nil {
		b.CommissionType, b.CommissionAmount = "fixed", number(r.Amount.Amount)
	}
	for word, mode := range codeModes {
		if t.CodeMode != nil && *t.CodeMode == mode {
			b.CodeMode = word
		}
	}
	bad.When(t.CodeMode != nil && b.CodeMode == "", providers.ProblemUnsupported, "terms.codeMode", "PromoteKit has LINK, COUPON and BOTH")
	return b, bad
}

// complete wants what the vendor wants with the body's code mode.
func (b *campaignBody) complete(bad *providers.Problems) {
	bad.When((b.CodeMode == "link" || b.CodeMode == "both") && b.WebsiteURL == nil, providers.ProblemInvalid, "terms.websiteUrl",
		"PromoteKit wants an address where links are given")
	bad.When((b.CodeMode == "coupon" || b.CodeMode == "both") && b.ReferenceCoupon == nil, providers.ProblemInvalid, "terms.couponTemplate",
		"PromoteKit wants the coupon at Stripe where codes are given")
}

// campaignBefore is what is stored of the campaigns before a write.
type campaignBefore struct {
	Was     image    `json:"was,omitempty"`     // the fields that are changed
	Same    []string `json:"same,omitempty"`    // the campaigns that are, or may be, called like the new one
	Default string   `json:"default,omitempty"` // the default campaign, where another takes its place
}

// newCampaign is a campaign as POST takes it.
func newCampaign(c *providers.CreateCampaignInput) (*campaignBody, providers.Problems) {
	body, bad := campaignBodyOf(&c.Name, &c.Terms)
	bad.When(c.Terms.Commission == nil, providers.ProblemInvalid, "terms.commission", "PromoteKit wants to know what affiliates earn")
	bad.When(c.Terms.CodeMode == nil, providers.ProblemInvalid, "terms.codeMode", "PromoteKit wants to know what affiliates are given")
	body.complete(&bad)
	return body, bad
}

func (p *provider) planCreateCampaign(ctx context.Context, c *providers.CreateCampaignInput) (*providers.Write, error) {
	body, _ := newCampaign(c)
	there, _, err := p.allCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	before := campaignBefore{Default: newDefault(body, there)}
	for _, w := range there {
		if w.called(c.Name) {
			before.Same = append(before.Same, w.ID)
		}
	}
	return &providers.Write{
		Op: "POST /campaigns", Proof: proofOf(c.Mutation()), Before: providers.Image(before), Fields: campaignFields,
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, err := p.postCampaign(ctx, body)
			if err != nil {
				return nil, err
			}
			return p.createdCampaign(w, before), nil
		},
	}, nil
}

// called says whether a campaign has this name, or may have it: it tells none.
func (w *campaignWire) called(name string) bool {
	return w.nameless() || wire.Same(w.Name, name)
}

func (w *campaignWire) nameless() bool { return strings.TrimSpace(w.Name) == "" }

// newDefault is the campaign whose place as the default one is taken; "" for none. There is
// taken to be one at a time.
func newDefault(b *campaignBody, there []campaignWire) string {
	if b.IsDefault == nil || !*b.IsDefault {
		return ""
	}
	for _, w := range there {
		if w.IsDefault != nil && *w.IsDefault {
			return w.ID
		}
	}
	return ""
}

// lookCreateCampaign takes the one campaign of this name that was not there before for the
// one that was to be made, unless it has other terms.
func (p *provider) lookCreateCampaign(
	ctx context.Context, c *providers.CreateCampaignInput, stored json.RawMessage, disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	var before campaignBefore
	if json.Unmarshal(stored, &before) != nil {
		return providers.Unclear, nil, nil
	}
	there, all, err := p.allCampaigns(ctx)
	if err != nil {
		return "", nil, err
	}
	made := slices.DeleteFunc(there, func(w campaignWire) bool { return !w.called(c.Name) || slices.Contains(before.Same, w.ID) })
	switch {
	case len(made) == 0 && all:
		return providers.NotMade, nil, nil
	case len(made) == 0:
		return providers.Unclear, nil, nil
	}
	body, _ := campaignBodyOf(nil, &c.Terms)
	compared := &campaignBody{CommissionType: body.CommissionType, CommissionAmount: body.CommissionAmount, CodeMode: body.CodeMode}
	wanted, now, err := images(compared, made[0].body())
	if err != nil {
		return "", nil, err
	}
	if len(made) > 1 || !all || disturbed || !wanted.agrees(now) || made[0].nameless() {
		return providers.Unclear, nil, nil
	}
	return providers.Made, p.createdCampaign(&made[0], before), nil
}

func (p *provider) planUpdateCampaign(ctx context.Context, c *providers.UpdateCampaignInput) (*providers.Write, error) {
	body, bad := campaignBodyOf(c.Name, c.Terms)
	live, former, err := p.liveCampaign(ctx, uuidOf(c.ID), body)
	if err != nil {
		return nil, err
	}
	if live == nil {
		return nil, notFound("id", "campaign")
	}
	if body.WebsiteURL == nil && body.CodeMode != "" && live.WebsiteURL != "" { // wanted along with the mode
		body.WebsiteURL = &live.WebsiteURL
	}
	if body.ReferenceCoupon == nil && body.CodeMode != "" && live.ReferenceCoupon != "" {
		body.ReferenceCoupon = &live.ReferenceCoupon
	}
	if body.complete(&bad); len(bad) > 0 {
		return nil, bad.Err()
	}
	wanted, now, err := images(body, live.body())
	if err != nil {
		return nil, err
	}
	before := campaignBefore{Was: now.only(wanted), Default: former}
	return &providers.Write{
		Op: "PUT /campaigns/{id}", Proof: proofOf(c.Mutation()), Before: providers.Image(before), Fields: campaignFields,
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, err := p.putCampaign(ctx, live.ID, body)
			if err != nil {
				return nil, err
			}
			return p.updatedCampaign(c, w, before), nil
		},
	}, nil
}

// liveCampaign reads a campaign, nil where there is none, and with it whose place it takes
// as the default one.
func (p *provider) liveCampaign(ctx context.Context, uuid string, body *campaignBody) (live *campaignWire, former string, err error) {
	if uuid == "" {
		return nil, "", nil
	}
	if body.IsDefault == nil || !*body.IsDefault {
		live, err = readOne[campaignWire](ctx, p, "/campaigns", uuid)
		if live != nil && live.ID != uuid {
			live = nil
		}
		return live, "", err
	}
	there, all, err := p.allCampaigns(ctx)
	if err != nil {
		return nil, "", err
	}
	i := slices.IndexFunc(there, func(w campaignWire) bool { return w.ID == uuid })
	switch {
	case i < 0 && !all:
		return nil, "", p.badReply("GET /campaigns", errNoID)
	case i < 0:
		return nil, "", nil
	}
	return &there[i], newDefault(body, there), nil
}

func (p *provider) lookUpdateCampaign(
	ctx context.Context, c *providers.UpdateCampaignInput, stored json.RawMessage, disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	body, _ := campaignBodyOf(c.Name, c.Terms)
	live, err := readOne[campaignWire](ctx, p, "/campaigns", uuidOf(c.ID))
	if err != nil {
		return "", nil, err
	}
	if live == nil {
		return providers.Unclear, nil, nil
	}
	wanted, now, err := images(body, live.body())
	if err != nil {
		return "", nil, err
	}
	var before campaignBefore
	if json.Unmarshal(stored, &before) != nil {
		before = campaignBefore{}
	}
	verdict := wanted.verdict(now, before.Was, disturbed)
	if verdict != providers.Made {
		return verdict, nil, nil
	}
	return verdict, p.updatedCampaign(c, live, before), nil
}

// updatedCampaign is what a change has done: now is the campaign after it, nil where the
// reply did not say. What affiliates are given, and where it leads, is the campaign's to
// say.
func (p *provider) updatedCampaign(c *providers.UpdateCampaignInput, now *campaignWire, before campaignBefore) *providers.Written {
	out := &providers.Written{ID: c.ID, Stale: []providers.ID{c.ID}, StaleLists: []providers.Noun{providers.NounCampaign}}
	if now != nil && now.ID == c.ID.Local {
		out = wrote(p, now, campaignKnowledge.Fields(now.Members), (*reply).campaign, providers.NounCampaign)
	}
	if c.Terms != nil && (c.Terms.CodeMode != nil || c.Terms.WebsiteURL != nil) {
		out.StaleLists = append(out.StaleLists, providers.NounAffiliate, providers.NounMembership, providers.NounCoupon)
	}
	return p.deposed(out, before)
}

// createdCampaign is what making a campaign has done.
func (p *provider) createdCampaign(w *campaignWire, before campaignBefore) *providers.Written {
	return p.deposed(wrote(p, w, campaignKnowledge.Fields(w.Members), (*reply).campaign, providers.NounCampaign), before)
}

// deposed adds the former default campaign.
func (p *provider) deposed(out *providers.Written, before campaignBefore) *providers.Written {
	if former := p.id(providers.NounCampaign, before.Default); !former.IsZero() && former != out.ID {
		out.Stale = append(out.Stale, former)
	}
	return out
}

// allCampaigns reads the campaigns, each once: the vendor has no filter. all says that
// there are no others: the end of the list is proven, and every row could be read.
func (p *provider) allCampaigns(ctx context.Context) (campaigns []campaignWire, all bool, err error) {
	seen := map[string]bool{}
	unread := false
	ended, err := walk(ctx, p, providers.NounCampaign, "/campaigns", nil, (*reply).campaign, func(body *rows[campaignWire]) bool {
		unread = unread || body.Data.Unread > 0
		for _, w := range body.Data.All {
			if id := w.WireID(); id == "" {
				unread = true
			} else if !seen[id] {
				seen[id] = true
				campaigns = append(campaigns, w)
			}
		}
		return true
	})
	return campaigns, ended && !unread, err
}

// postCampaign makes a campaign.
// https://www.promotekit.com/docs/api-reference/campaigns/create-campaign
//
//api:operation POST /campaigns
func (p *provider) postCampaign(ctx context.Context, body *campaignBody) (*campaignWire, error) {
	return send[campaignWire](ctx, p, "POST /campaigns", "/campaigns", "", "record", body)
}

// putCampaign changes a campaign. Fields that are left out are taken to stay as they are,
// which the reference does not say.
// https://www.promotekit.com/docs/api-reference/campaigns/update-campaign
//
//api:operation PUT /campaigns/{id}
func (p *provider) putCampaign(ctx context.Context, uuid string, body *campaignBody) (*campaignWire, error) {
	return send[campaignWire](ctx, p, "PUT /campaigns/{id}", "/campaigns/"+uuid, "id", "campaign", body)
}
