package promotekit

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Referrals plans by the vendor's filters: an e-mail address or a customer goes first and
// alone; affiliates make a list each; states go along. What the rows never tell (an order,
// whether there was a sale) matches nothing.
func (p *provider) Referrals(f providers.ReferralFilter) ([]providers.List[providers.Referral], error) {
	affiliates, mine := p.uuids(providers.NounAffiliate, f.Affiliates)
	campaigns, ours := p.uuids(providers.NounCampaign, f.Campaigns)
	states, all, possible := statusWords(f.Statuses)
	if !mine || !ours || !possible || f.OrderID != "" || f.Converted != nil || !canBe(f.Kinds, providers.ReferralCustomer) ||
		f.Email != "" && !providers.IsEmail(f.Email) {
		return nil, nil
	}
	exact := all && len(campaigns) == 0 && f.Search == "" && f.CreatedAt.IsZero()
	var lists []providers.List[providers.Referral]
	if query, more := firstSet(emailParameter, f.Email, "stripe_customer_id", f.CustomerID); query != nil {
		list := at[providers.Referral]
		if f.Email != "" {
			list = addressed[providers.Referral]
		}
		exact = exact && !more && len(affiliates) == 0 && states == ""
		lists = append(lists, list("/referrals", query, exact, p.listReferrals))
	} else {
		query, _ := firstSet("subscription_status", states)
		lists = forEach("/referrals", query, "affiliate_id", affiliates, exact, p.listReferrals)
	}
	return inCampaigns(p, campaigns, lists), nil
}

// ReferralsByID finds referrals, none of which can be read by its id. The affiliate in an
// id says where to look first. A customer may have been given to another affiliate since:
// who they belong to, the record says.
func (p *provider) ReferralsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Referral], error) {
	return filled(ctx, p, ids, need, p.findReferrals)
}

func (p *provider) findReferrals(ctx context.Context, ids []providers.ID) (*providers.Batch[providers.Referral], error) {
	s := &referralSearch{
		open:  map[string][]providers.ID{},
		batch: &providers.Batch[providers.Referral]{Found: map[providers.ID]*providers.Referral{}},
	}
	for _, id := range p.mine(providers.NounReferral, ids) {
		s.open[uuidOf(id)] = append(s.open[uuidOf(id)], id)
	}
	if err := s.readAll(ctx, p); err != nil {
		return nil, err
	}
	s.readEach(ctx, p)
	s.readMoved(ctx, p)
	return s.batch, nil
}

// noAffiliate stands in the id of a referral that has no affiliate, as its row says.
const noAffiliate = "-"

// hint is the affiliate in a referral's id; noAffiliate where there is none.
func hint(id providers.ID) string {
	if affiliate := referrer(id); isUUID(affiliate) {
		return affiliate
	}
	return noAffiliate
}

// referralSearch is a search for referrals.
type referralSearch struct {
	mu    sync.Mutex
	open  map[string][]providers.ID // by their UUIDs
	batch *providers.Batch[providers.Referral]
}

// settle takes what a page holds.
func (s *referralSearch) settle(page *providers.Page[providers.Referral]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batch.Harvest.Add(page.Harvest)
	for _, row := range page.Items {
		uuid := uuidOf(row.ID)
		for _, id := range s.open[uuid] {
			s.batch.Found[id] = row
		}
		if len(s.open[uuid]) == 0 {
			s.batch.Harvest.Referrals = append(s.batch.Harvest.Referrals, row)
		}
		delete(s.open, uuid)
	}
}

// affiliates are those in the ids that are still open, sorted, each once.
func (s *referralSearch) affiliates() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ids := range s.open {
		for _, id := range ids {
			all = append(all, hint(id))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fail says that the open referrals with this affiliate in their ids could not be read; ""
// for all.
func (s *referralSearch) fail(affiliate string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batch.Failed == nil {
		s.batch.Failed = map[providers.ID]error{}
	}
	for uuid, ids := range s.open {
		for _, id := range ids {
			if affiliate == "" || hint(id) == affiliate {
				s.batch.Failed[id] = err
				delete(s.open, uuid)
			}
		}
	}
}

// readAll walks the list of all for as long as that costs fewer calls. What is not in it at its
// proven end is not there, if every row could be read.
func (s *referralSearch) readAll(ctx context.Context, p *provider) error {
	e, asked, read, unread := p.extents[providers.NounReferral], len(s.affiliates()), 0, 0
	if !providers.WalkOn(0, asked, asked, e.Pages(), true) {
		return nil
	}
	for page, err := range providers.Pages(ctx, at("/referrals", nil, false, p.listReferrals), p, 0) {
		if err != nil {
			return err
		}
		s.settle(page)
		read, unread = read+1, unread+page.Unread
		if !page.More && unread == 0 {
			clear(s.open)
		}
		if !providers.WalkOn(read, len(s.affiliates()), asked, e.Pages(), true) {
			break
		}
	}
	return nil
}

// readEach walks the lists of the affiliates that are still open, several at once.
func (s *referralSearch) readEach(ctx context.Context, p *provider) {
	var wg providers.Group
	slot := make(chan struct{}, 16)
	for _, affiliate := range s.affiliates() {
		if affiliate == noAffiliate {
			continue // they are looked for in the list of all
		}
		slot <- struct{}{}
		wg.Go(func() {
			defer func() { <-slot }()
			s.readOf(ctx, p, affiliate)
		})
	}
	wg.Wait()
}

// readOf walks an affiliate's list until nothing of theirs is wanted any more. Where rows
// could not be read, what is not found may be among them.
func (s *referralSearch) readOf(ctx context.Context, p *provider, affiliate string) {
	unread := 0
	for page, err := range providers.Pages(ctx, at("/referrals", referralsOf(affiliate), false, p.listReferrals), p, 0) {
		if err != nil {
			s.fail(affiliate, err)
			return
		}
		s.settle(page)
		unread += page.Unread
		if !slices.Contains(s.affiliates(), affiliate) {
			return
		}
	}
	if unread > 0 {
		s.fail(affiliate, p.badReply("GET /referrals", errNoID))
	}
}

// readMoved looks for what is not with the affiliates that the ids name: by the addresses
// that are remembered, where that is fewer calls, and then in the list of all. Only its end
// proves that a referral is not there: a vendor that answers nothing by affiliate would
// else have none of them.
func (s *referralSearch) readMoved(ctx context.Context, p *provider) {
	if pages := p.extents[providers.NounReferral].Pages(); pages < 0 && len(s.open) == 1 || len(s.open) < pages {
		s.readAddresses(ctx, p)
	}
	if s.drop(ctx, p); len(s.open) == 0 {
		return
	}
	select {
	case p.walked.walk <- struct{}{}:
		defer func() { <-p.walked.walk }()
	case <-ctx.Done():
		s.fail("", ctx.Err())
		return
	}
	if s.drop(ctx, p); len(s.open) == 0 { // the walk before this one has answered it
		return
	}
	began, made, uuids := p.config.Now(), p.walked.begin(), map[string]bool{}
	unread, empty := 0, false // empty: the last page, behind which the vendor promises rows
	for page, err := range providers.Pages(ctx, at("/referrals", nil, false, p.listReferrals), p, 0) {
		if err != nil {
			s.fail("", err)
			return
		}
		for _, row := range page.Items {
			uuids[uuidOf(row.ID)] = true
		}
		s.settle(page)
		if unread, empty = unread+page.Unread, page.More && page.Empty(); len(s.open) == 0 {
			return
		}
	}
	switch {
	case unread > 0:
		s.fail("", p.badReply("GET /referrals", errNoID))
	case empty:
		s.fail("", p.badReply("GET /referrals", errEmpty))
	default:
		p.walked.note(began, made, uuids)
	}
}

// errEmpty is the end of a list that proves nothing.
var errEmpty = errors.New("its last pages are empty, and more rows are promised behind them")

// drop drops what a walk has lately proven not to be there.
func (s *referralSearch) drop(ctx context.Context, p *provider) {
	now := p.config.Now()
	maps.DeleteFunc(s.open, func(uuid string, _ []providers.ID) bool { return p.walked.lacks(ctx, now, uuid) })
}

// readAddresses looks for open referrals by the addresses that are remembered of them. What
// cannot be read so stays open.
func (s *referralSearch) readAddresses(ctx context.Context, p *provider) {
	for _, ids := range maps.Clone(s.open) {
		known := providers.Peek[providers.Referral](ctx, ids[0])
		if known == nil || known.Email == nil {
			continue
		}
		page, err := wire.Spelled(*known.Email, func(spelling string) (*providers.Page[providers.Referral], error) {
			return p.listReferrals(ctx, url.Values{emailParameter: {spelling}}, providers.PageRequest{Number: 1})
		})
		if err == nil {
			s.settle(page)
		}
	}
}

// referralsOf is the query for an affiliate's referrals; nil, which means all, where that
// is not known.
func referralsOf(affiliate string) url.Values {
	if affiliate == noAffiliate {
		return nil
	}
	return url.Values{"affiliate_id": {affiliate}}
}

// referrer is the affiliate in a referral's id.
func referrer(id providers.ID) string {
	_, affiliate, _ := strings.Cut(id.Local, "~")
	return affiliate
}

// Owner is the affiliate in the ids of referrals, memberships and coupons.
func (p *provider) Owner(id providers.ID) (providers.ID, bool) {
	parts, ok := providers.SplitLocal(id.Local, 2)
	switch {
	case id.Noun == providers.NounAffiliate:
		return id, true
	case !ok:
		return providers.ID{}, false
	case id.Noun == providers.NounReferral:
		return recordID(id.Account, providers.NounAffiliate, parts[1]), true
	default:
		return recordID(id.Account, providers.NounAffiliate, parts[0]), true
	}
}

// listReferrals reads a page of the referrals.
// https://www.promotekit.com/docs/api-reference/referrals/list-referrals
//
//api:operation GET /referrals
func (p *provider) listReferrals(
	ctx context.Context,
	query url.Values,
	r providers.PageRequest,
) (*providers.Page[providers.Referral], error) {
	return readPage(ctx, p, providers.NounReferral, "/referrals", query, r, (*reply).referral)
}

type referralWire struct {
	record
	Email              string                      `json:"email"`
	SubscriptionStatus string                      `json:"subscription_status"`
	SignupDate         *time.Time                  `json:"signup_date"`
	StripeCustomerID   string                      `json:"stripe_customer_id"`
	Affiliate          wire.Related[affiliateWire] `json:"affiliate"`
}

// referral converts a referral and harvests its affiliate.
func (r *reply) referral(w *referralWire) *providers.Referral {
	related(r, &w.Affiliate, (*reply).relatedAffiliate)
	return r.referralOf(w, w.Affiliate, w.None("affiliate"))
}

// relatedReferral converts a referral inside a commission. Where it comes without its
// affiliate, it is the commission's. none says that the commission has none.
func (r *reply) relatedReferral(w *referralWire, affiliate wire.Related[affiliateWire], none bool) *providers.Referral {
	if related(r, &w.Affiliate, (*reply).relatedAffiliate); w.Affiliate.ID != "" {
		affiliate = w.Affiliate
	}
	out := r.referralOf(w, affiliate, none && w.None("affiliate"))
	out.Known = referralKnowledge.fields(w.Members, out.Known)
	return out
}

// referralOf converts a referral that belongs to this affiliate. Its id has the
// affiliate's, by which it is found. Where the affiliate cannot be read, and none does not
// say that there is none, the referral has no id: another one than that of a tidy reply
// would name nothing.
func (r *reply) referralOf(w *referralWire, affiliate wire.Related[affiliateWire], none bool) *providers.Referral {
	out := &providers.Referral{
		Node:           r.part(providers.NounReferral, w.record, cmp.Or(affiliate.ID, noAffiliate)),
		Kind:           providers.ReferralCustomer,
		Email:          text(w.Email),
		Status:         providers.ReferralUnknown,
		ProviderStatus: text(w.SubscriptionStatus),
		CustomerID:     text(w.StripeCustomerID),
		SignedUpAt:     w.SignupDate,
	}
	if s, ok := referralStatuses[strings.ToLower(w.SubscriptionStatus)]; ok {
		out.Status = s
	}
	if affiliate.ID == "" && !none {
		out.ID = providers.ID{}
	}
	out.AffiliateID, out.CampaignID = r.affiliation(&out.Node, affiliate)
	return out
}

var referralStatuses = map[string]providers.ReferralStatus{
	"signed_up": providers.ReferralLead,
	"active":    providers.ReferralActive,
	"trialing":  providers.ReferralTrialing,
	"canceled":  providers.ReferralCanceled,
	"past_due":  providers.ReferralPastDue,
}

// statusWords are the vendor's words for a filter by states, joined as the vendor takes
// them. all says that they say all of the filter: unknown words cannot be asked for.
// possible says that some row may match.
func statusWords(wanted []providers.ReferralStatus) (words string, all, possible bool) {
	if slices.Contains(wanted, providers.ReferralUnknown) {
		return "", false, true
	}
	var found []string
	for word, s := range referralStatuses {
		if slices.Contains(wanted, s) {
			found = append(found, word)
		}
	}
	slices.Sort(found)
	return strings.Join(found, ","), true, len(wanted) == 0 || len(found) > 0
}

// referralBody is what POST takes.
type referralBody struct {
	AffiliateID        string  `json:"affiliate_id"`
	Email              string  `json:"email"`
	StripeCustomerID   *string `json:"stripe_customer_id,omitempty"`
	SubscriptionStatus string  `json:"subscription_status,omitempty"`
}

var referralFields = map[string]string{
	"affiliate_id": "affiliate", "email": "email", "stripe_customer_id": "customerId", "subscription_status": "status",
}

// statusWord is the vendor's word for a new referral's status; "" for none.
func statusWord(s *providers.ReferralStatus) (word string) {
	if s != nil {
		word, _, _ = statusWords([]providers.ReferralStatus{*s})
	}
	return word
}

func wantsCreateReferral(c *providers.CreateReferralInput) (bad providers.Problems) {
	bad.When(
		c.Status != nil && statusWord(c.Status) == "",
		providers.ProblemUnsupported,
		"status",
		"PromoteKit has LEAD, TRIALING, ACTIVE, PAST_DUE and CANCELED",
	)
	bad.When(c.Email == nil, providers.ProblemInvalid, "email", "PromoteKit wants the customer's address")
	bad.When(c.OrderID != nil, providers.ProblemUnsupported, "orderId", "PromoteKit keeps no orders")
	bad.When(c.Campaign != nil, providers.ProblemUnsupported, "campaign", "at PromoteKit an affiliate is in one campaign only")
	bad.When(uuidOf(c.Affiliate) == "", providers.ProblemNotFound, "affiliate", "there is no such affiliate at PromoteKit")
	return bad
}

// referralsByEmail finds what a new one would be a second of.
var referralsByEmail = emailSearch[referralWire, providers.Referral]{
	noun: providers.NounReferral, path: "/referrals", convert: (*reply).referral, email: func(w *referralWire) string { return w.Email },
}

func (p *provider) planCreateReferral(ctx context.Context, c *providers.CreateReferralInput) (*providers.Write, error) {
	affiliate := uuidOf(c.Affiliate)
	there, err := referralsByEmail.find(ctx, p, *c.Email)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		return nil, providers.Problemf(providers.ProblemTaken, "email", "there is a referral with this address already")
	}
	body := &referralBody{AffiliateID: affiliate, Email: *c.Email, StripeCustomerID: c.CustomerID, SubscriptionStatus: statusWord(c.Status)}
	return &providers.Write{
		Op: "POST /referrals", Proof: proofOf(c.Mutation()), Fields: referralFields,
		Send: func(ctx context.Context) (*providers.Written, error) {
			w, err := p.postReferral(ctx, body)
			if err != nil {
				return nil, err
			}
			return p.createdReferral(w, affiliate), nil
		},
	}, nil
}

// createdReferral is what making a referral of this affiliate has done.
func (p *provider) createdReferral(w *referralWire, affiliate string) *providers.Written {
	if !isUUID(w.Affiliate.ID) {
		w.Affiliate = wire.Related[affiliateWire]{ID: affiliate}
	}
	p.walked.forget()
	known := referralKnowledge.fields(w.Members, nil)
	return wrote(p, w, known, (*reply).referral, providers.NounReferral)
}

// lookCreateReferral takes a referral of this address for the one that was to be made: there was
// none before. It is another one if it is another affiliate's, or has another customer id.
func (p *provider) lookCreateReferral(
	ctx context.Context,
	c *providers.CreateReferralInput,
	disturbed bool,
) (providers.Verdict, *providers.Written, error) {
	found, err := referralsByEmail.find(ctx, p, *c.Email)
	if err != nil {
		return "", nil, err
	}
	switch {
	case len(found) == 0:
		return providers.NotMade, nil, nil
	case len(found) > 1 || disturbed || found[0].WireID() == "" || found[0].others(c):
		return providers.Unclear, nil, nil
	}
	return providers.Made, p.createdReferral(&found[0], uuidOf(c.Affiliate)), nil
}

// others says whether a referral is known to be another than the one to be made.
func (w *referralWire) others(c *providers.CreateReferralInput) bool {
	affiliate, customer := told(w.Members, "affiliate", w.Affiliate.ID), told(w.Members, "stripe_customer_id", w.StripeCustomerID)
	return affiliate != nil && *affiliate != uuidOf(c.Affiliate) ||
		c.CustomerID != nil && customer != nil && *customer != *c.CustomerID
}

// postReferral makes a referral.
// https://www.promotekit.com/docs/api-reference/referrals/create-referral
//
//api:operation POST /referrals
func (p *provider) postReferral(ctx context.Context, body *referralBody) (*referralWire, error) {
	return send[referralWire](ctx, p, "POST /referrals", "/referrals", "affiliate", "affiliate", body)
}
