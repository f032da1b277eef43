package uppromote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/url"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/narrow"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

const (
	// emailParam narrows lists to one affiliate.
	emailParam = "affiliate_email"
	// idParam stands for it in a plan, as long as only the affiliate's id is known: keys
	// hold ids.
	idParam = "affiliate_id"
)

// plan is what of a filter is sent to the vendor.
type plan struct {
	*provider
	narrow.Plan
	within bool                    // it is narrowed by parents: the list of all holds every match, too
	emails map[providers.ID]string // those of affiliates that are known already
}

func (p *provider) plan() *plan { return &plan{provider: p, Plan: narrow.New()} }

// parents sends ids of one noun; without a parameter to send them in they only bound where
// to look.
func (l *plan) parents(param string, noun providers.Noun, ids []providers.ID) {
	if len(ids) == 0 {
		return
	}
	var locals []string
	for _, id := range l.own(noun, ids) {
		locals = append(locals, id.Local)
	}
	l.within = true
	switch {
	case len(locals) == 0:
		l.None = true
	case param == "":
		l.Exact = false
	default:
		l.One(param, locals)
	}
}

// affiliates sends affiliates, as far as the vendor takes their addresses.
func (l *plan) affiliates(ids []providers.ID, known *providers.Affiliate) {
	l.parents(idParam, providers.NounAffiliate, ids)
	if known == nil || len(ids) != 1 || known.ID != ids[0] {
		return
	}
	if known.Email != nil {
		l.emails = map[providers.ID]string{known.ID: *known.Email}
	}
}

// unsent notes whether a condition is left to the reader.
func (l *plan) unsent(asked bool) { l.Exact = l.Exact && !asked }

// dates sends a range of dates of creation, with both bounds, as one alone is refused.
// Whether its bounds are part of it is not documented: it is sent a second wider.
func (l *plan) dates(r providers.DateRange) {
	if r.IsZero() {
		return
	}
	l.Exact = false
	r = r.Clamp(narrow.Begin, narrow.End)
	from, to := narrow.Begin, narrow.End
	if !r.From.IsZero() {
		from = r.From.Add(-time.Second)
	}
	if !r.To.IsZero() {
		to = r.To.Add(time.Second)
	}
	l.Query.Set("from_date", from.UTC().Format(time.RFC3339))
	l.Query.Set("to_date", to.UTC().Format(time.RFC3339))
}

var errNoAddress = errors.New("an affiliate without an e-mail address, by which lists are narrowed")

// addressed is a query with the affiliate's address in the place of the id; ok is false
// where nobody has that id.
func (l *plan) addressed(ctx context.Context, r providers.Reader, query url.Values) (_ url.Values, ok bool, _ error) {
	if !query.Has(idParam) {
		return query, true, nil
	}
	id := l.local(providers.NounAffiliate, query.Get(idParam))
	email := l.emails[id]
	if a := providers.Peek[providers.Affiliate](ctx, id); email == "" && a != nil && a.Email != nil {
		email = *a.Email
	}
	if email == "" {
		b, err := r.AffiliatesByID(ctx, []providers.ID{id}, "email")
		if err == nil {
			err = b.Failed[id]
		}
		if err != nil {
			return nil, false, err
		}
		switch a := b.Found[id]; {
		case a == nil:
			return nil, false, nil
		case a.Email == nil:
			return nil, false, l.bad("GET "+affiliateList.path, errNoAddress)
		default:
			email = *a.Email
		}
	}
	query = maps.Clone(query)
	query.Del(idParam)
	query.Set(emailParam, email)
	return query, true, nil
}

// list is the list that a query of the plan narrows.
func (e endpoint[W, T]) list(l *plan, query url.Values) providers.List[T] {
	return providers.List[T]{
		Key:   e.key(query),
		Exact: l.Exact,
		Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
			query, ok, err := l.addressed(ctx, r.Reader, query)
			if err != nil {
				return nil, err
			}
			if !ok {
				return &providers.Page[T]{}, nil
			}
			return e.page(ctx, l.provider, query, r)
		},
	}
}

// lists are the lists of a plan, one for each of its queries.
func (e endpoint[W, T]) lists(l *plan) []providers.List[T] {
	var lists []providers.List[T]
	for _, q := range l.Queries() {
		list := e.list(l, q)
		if l.within {
			all := e.all(l.provider)
			list.Within = &all
		}
		lists = append(lists, list)
	}
	return lists
}

// all is the whole list.
func (e endpoint[W, T]) all(p *provider) providers.List[T] { return e.list(p.plan(), nil) }

// key names a list by what narrows it, with a hash in the place of an address as it is sent.
func (e endpoint[W, T]) key(query url.Values) string {
	if query.Has(emailParam) {
		query = maps.Clone(query)
		sum := sha256.Sum256([]byte(query.Get(emailParam)))
		query.Set(emailParam, hex.EncodeToString(sum[:12]))
	}
	return wire.ListKey(e.path, query)
}

// ofAffiliates are the lists of what stands in the records of single affiliates: field
// there, picked from them.
func ofAffiliates[T providers.Record](
	p *provider,
	ids []providers.ID,
	field string,
	all providers.List[T],
	exact bool,
	pick func(*providers.Affiliate) []*T,
) []providers.List[T] {
	var lists []providers.List[T]
	for _, id := range p.own(providers.NounAffiliate, ids) {
		lists = append(lists, providers.List[T]{
			Key:    all.Key + "?" + url.Values{idParam: {id.Local}}.Encode(),
			Exact:  exact,
			Within: &all,
			Page: func(ctx context.Context, r providers.PageRequest) (*providers.Page[T], error) {
				if r.Number > 1 {
					return &providers.Page[T]{}, nil
				}
				b, err := r.Reader.AffiliatesByID(ctx, []providers.ID{id}, field)
				if err == nil {
					err = b.Failed[id]
				}
				if err != nil {
					return nil, err
				}
				page := &providers.Page[T]{Harvest: b.Harvest}
				if a := b.Found[id]; a != nil {
					page.Items = pick(a)
					page.Harvest.Affiliates = append(page.Harvest.Affiliates, a)
				}
				return page, nil
			},
		})
	}
	return lists
}
