package resolvers

import (
	"github.com/99designs/gqlgen/graphql"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/providers"
)

// rootList is a list among the fields of Query.
type rootList interface {
	rootCost(p *planner, f graphql.CollectedField)
}

// rootLists are the root lists by field.
var rootLists = map[string]rootList{
	"affiliates": affiliateLists, "memberships": membershipLists, "campaigns": campaignLists, "referrals": referralLists,
	"commissions": commissionLists, "payouts": payoutLists, "coupons": couponLists, "webhookSubscriptions": subscriptionLists,
}

// rootPlan is how a root list is read, as far as its arguments say.
type rootPlan[T providers.Record, F filter[T]] struct {
	args     map[string]any
	narrow   F
	accounts []providers.Provider
	lists    [][]providers.List[T] // of each account
	errs     []error               // of each account: why there are no lists
}

// planRoot plans how a root list is read; nil where it reads nothing.
func (n lists[T, F]) planRoot(p *planner, f graphql.CollectedField) *rootPlan[T, F] {
	if root, ok := p.lasting[p.path].(*rootPlan[T, F]); ok {
		return root
	}
	root := &rootPlan[T, F]{args: f.ArgumentMap(p.op.Variables)}
	var refused error // by the field itself, before it sends anything
	if given := root.args["filter"]; given != nil {
		if p.err = checkAmounts(given); p.err != nil {
			return nil
		}
		var args map[string]any
		args, refused = graph.ListArguments(p.ctx, f.Name, root.args)
		if filter, _ := args["filter"].(*F); filter != nil {
			root.narrow = *filter
		}
	}
	if refused != nil || providers.MatchesNothing(root.narrow) {
		p.connection(f, n.noun, 1, 0)
		return nil
	}
	var err error
	if root.accounts, err = p.r.visible(p.ctx, n.accounts(root.narrow)); err != nil {
		return nil
	}
	for _, a := range root.accounts {
		if p.ended() {
			return nil
		}
		p.visited += root.add(n.plan(a, root.narrow))
	}
	p.lasting[p.path] = root
	return root
}

// add adds the lists of the next account, and answers how many there are.
func (root *rootPlan[T, F]) add(lists []providers.List[T], err error) int {
	root.lists, root.errs = append(root.lists, lists), append(root.errs, err)
	return len(lists)
}

// listing are the accounts that may have rows of the list: the others have no such list.
func (root *rootPlan[T, F]) listing() []providers.Provider {
	accounts := make([]providers.Provider, 0, len(root.accounts))
	for i, a := range root.accounts {
		if len(root.lists[i]) > 0 {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

func (n lists[T, F]) rootCost(p *planner, f graphql.CollectedField) {
	root := n.planRoot(p, f)
	if root == nil {
		return
	}
	rows := p.rowsOf(root.args)
	below := level{rows: rows, times: rows, accounts: root.listing()}
	read := n.look(p, f, root, &below)
	if n.noun != providers.NounCampaign {
		below.affiliates = below.rows // everything else belongs to one
	}
	unread := p.unread
	fields, parts := p.connection(f, n.noun, 1, rows)
	if below.known != nil {
		below.known = n.fill(p, below.known.([]*T), names(fields))
	} else {
		p.charge(p.follow(providers.EdgeNamed("Query."+f.Name), below, names(fields)))
	}
	p.owners(root.args["filter"], below)
	p.eachPart(parts, below)
	if read != nil {
		read.loaded = below.known != nil && p.unread == unread
	}
}

// begin plans the calls that it takes at most to begin a root list.
func (n lists[T, F]) begin(p *planner, root *rootPlan[T, F]) {
	calls := 0
	for i, a := range root.accounts {
		if p.ended() {
			break
		}
		calls += p.ask(a, firstPages(p, n.noun, a, root.lists[i]))
	}
	p.charge(calls)
}

// firstPages is how many calls it takes at most to begin lists of one account: one for each
// that is not cached. Lists within the same longer one may be read by walking that, after a
// look at its first page (listing.Widen), and never more of them than pages may be read.
func firstPages[T providers.Record](p *planner, noun providers.Noun, a providers.Provider, planned []providers.List[T]) (calls int) {
	cached := func(key string) bool {
		k, ok := a.(peeker)
		return ok && !p.cold && k.HasPage(p.ctx, noun, key, 1)
	}
	type group struct{ lists, missing int }
	var within map[string]group
	for _, l := range planned {
		missing := 1
		if cached(l.Key) {
			missing = 0
		}
		if l.Within == nil {
			calls += missing
			continue
		}
		if within == nil {
			within = map[string]group{}
		}
		g := within[l.Within.Key]
		within[l.Within.Key] = group{g.lists + 1, g.missing + missing}
	}
	for key, g := range within {
		switch {
		case g.lists > p.r.pages:
			calls += p.r.pages
		case g.lists > 1 && !cached(key):
			calls += g.missing + 1
		default:
			calls += g.missing
		}
	}
	return calls
}

// owned are the members of filters that name records, for which a partner's own are searched.
var owned = map[string]providers.Noun{
	"campaigns": providers.NounCampaign, "referrals": providers.NounReferral, "payouts": providers.NounPayout,
}

// owners plans what it takes to learn whether the records that a partner's filter names are
// theirs.
func (p *planner) owners(filter any, from level) {
	if !fromPartner(p.ctx) {
		return
	}
	given, _ := filter.(map[string]any)
	for member, noun := range owned {
		if ids := listOf(given[member]); len(ids) > 0 {
			p.charge(p.follow(queryField(noun), level{rows: len(ids), accounts: from.accounts}, nil))
		}
	}
}

// queryField is the field of Query that reads one record of a noun.
func queryField(noun providers.Noun) providers.Edge {
	return providers.EdgeNamed("Query." + string(noun[0]|0x20) + string(noun[1:]))
}
