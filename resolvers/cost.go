package resolvers

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// peeker is a provider that knows what it could answer without a call.
type peeker interface {
	HasPage(ctx context.Context, noun providers.Noun, key string, number int) bool
	HasRecord(ctx context.Context, id providers.ID, need ...string) bool
}

// planner goes through an operation before it is executed, and estimates what it takes. Of
// calls to vendors: one for each page of each list that is not cached, and what the
// vendors' own tables say of edges (providers.Provider.Calls). It is an estimate: a list
// that has to be searched may take more (up to the bound of pages), rows that share a
// parent take fewer. Of field values: as many as there are if every connection is full.
// What __schema and __type select has bounds of its own.
type planner struct {
	r      *Resolver
	ctx    context.Context
	op     *graphql.OperationContext
	calls  tally
	values tally
	at     map[string]int // most calls to each account; for partners, whose shares are parts of accounts' limits
	path   string         // of the field in the answer; what is selected of a connection's rows stands behind a slash

	lists     map[string]int        // by path: how many rows of each connection are planned
	facts     *facts                // what was learnt before the operation is decided on; nil where it need not be
	lasting   map[string]any        // by path: the *rootPlan of each root list, for all plans of the operation
	undecided bool                  // the operation is decided on after a look
	unread    int                   // fields whose rows the look has not handed to the execution
	firsts    map[string]int        // by path: how many rows of a list are planned, where it is another number than asked for
	searched  map[providers.ID]bool // the accounts and nouns of which records are read by their ids
	cold      bool                  // what is cached counts, too
	rest      tally                 // the part of calls that is still to be made
	least     int                   // how many calls it takes if each field that costs any costs one

	visited int                             // selections that were collected, fragments put in
	spreads map[*ast.FragmentDefinition]int // by which collection each fragment was visited last
	round   int                             // of collections
	err     error                           // why the operation cannot be planned; nil for nothing
}

// listed is how many rows count for a list that is no connection and so has no `first`: an
// affiliate's coupons, or their balances.
const listed = 10

// tally adds up what is asked of one limit.
type tally struct {
	sum     int
	largest int    // what is asked by the most expensive single field …
	at      string // … and its path
}

// uncountable is beyond every limit, and can be multiplied by itself.
const uncountable = math.MaxInt32

func (t *tally) add(n int, path string) {
	t.sum = min(t.sum+n, uncountable)
	if n > t.largest {
		t.largest, t.at = n, path
	}
}

// level is the rows that a selection stands under.
type level struct {
	rows       int // for calls: those that are there once are read once
	times      int // for values: how often the selection is executed
	affiliates int // how many affiliates they belong to at most; 0 for unknown
	accounts   []providers.Provider

	parts rowParts // how the rows are spread over the accounts; nil for unknown
	known any      // the rows, as a []*T; nil for unknown
}

// below is so many rows under each row.
func (l level) below(rows int) level {
	l.rows = min(l.rows*rows, uncountable)
	l.parts, l.known = l.parts.scaled(rows), nil
	return l.repeated(rows)
}

// repeated is the same rows so many times.
func (l level) repeated(times int) level {
	l.times = min(l.times*times, uncountable)
	return l
}

// of is one of several equal parts of the rows.
func (l level) of(parts int) providers.Rows {
	rows := providers.RowsOf((l.rows + parts - 1) / parts)
	if l.affiliates > 0 {
		rows.Affiliates = min(rows.Count, (l.affiliates+parts-1)/parts)
	}
	return rows
}

// under goes through fields of a selection.
func (p *planner) under(fields []graphql.CollectedField, from level) {
	if from.times == 0 || p.ended() {
		return
	}
	path := p.path
	p.values.add(values(fields)*from.times, path)
	for _, f := range fields {
		if len(f.Selections) == 0 || introspects(f) {
			continue
		}
		p.path = path + "." + f.Alias
		if e, ok := edges[f.ObjectDefinition.Name+"."+f.Name]; ok {
			e.cost(p, f, from)
		} else if f.Name == "memberships" && f.ObjectDefinition.Name == string(providers.NounAffiliate) {
			below := from.repeated(listed)
			if rows, ok := from.known.([]*providers.Affiliate); ok {
				below.known = membershipsOf(rows)
			}
			p.under(p.record(f.Selections, providers.NounMembership), below)
		} else {
			p.plain(f, from.times)
		}
	}
	p.path = path
}

// plain goes through a field that leads to no record which has to be read.
func (p *planner) plain(f graphql.CollectedField, times int) {
	from := level{times: times}
	if f.Definition.Type.Elem != nil {
		from = from.repeated(listed)
	}
	p.under(p.object(f), from)
}

// introspects says whether a field is answered by the schema.
func introspects(f graphql.CollectedField) bool { return strings.HasPrefix(f.Name, "__") }

// values counts the values of one row, __typename as any other. A list of texts or of enum values
// counts as a list.
func values(fields []graphql.CollectedField) (n int) {
	for _, f := range fields {
		if f.Definition.Type.Elem != nil && len(f.Selections) == 0 {
			n += listed
		} else {
			n++
		}
	}
	return n
}

// follow is what the vendors say that an edge costs: the most it is for one of them with
// all rows, or for all of them with their part of the rows each.
func (p *planner) follow(edge providers.Edge, from level, need []string) int {
	if from.rows == 0 || len(from.accounts) == 0 {
		return 0
	}
	if from.parts != nil {
		return p.followParts(edge, from.parts(), need)
	}
	var most, together int
	whole := from.of(1)
	part := from.of(len(from.accounts))
	for _, a := range from.accounts {
		most = max(most, p.ask(a, a.Calls(edge, whole, need...)))
		together += a.Calls(edge, part, need...)
	}
	return max(most, together)
}

func (e one[From, To]) cost(p *planner, f graphql.CollectedField, from level) {
	fields := p.record(f.Selections, e.to.noun)
	if from.known != nil {
		e.look(p, from, fields)
		return
	}
	p.unread++
	if e.to.noun == providers.NounAffiliate {
		if from.affiliates > 0 {
			from.rows = min(from.rows, from.affiliates)
		}
		from.affiliates = from.rows
	}
	p.charge(p.follow(e.field, from, names(fields)))
	if e.to.noun == providers.NounCampaign {
		from.affiliates = 0 // a campaign has any number of them
	}
	p.under(fields, from)
}

func (e many[From, To, F]) cost(p *planner, f graphql.CollectedField, from level) {
	args := f.ArgumentMap(p.op.Variables)
	if args["first"] == nil { // no connection
		fields := p.record(f.Selections, e.to.noun)
		below := from.below(maxFirst)
		below.times = from.repeated(listed).times
		e.rows(p, f, args, maxFirst, from, fields, &below)
		p.under(fields, below)
		return
	}
	first := p.rowsOf(args)
	fields, parts := p.connection(f, e.to.noun, from.times, first)
	below := from.below(first)
	e.rows(p, f, args, first, from, fields, &below)
	if e.to.noun == providers.NounAffiliate {
		below.affiliates = below.rows
	}
	p.eachPart(parts, below)
}

// rows plans the lists below rows, and says what is known of their rows.
func (e many[From, To, F]) rows(
	p *planner,
	f graphql.CollectedField,
	args map[string]any,
	first int,
	from level,
	fields []graphql.CollectedField,
	below *level,
) {
	if from.known == nil {
		p.unread++
		p.charge(p.follow(e.field, from, names(fields)))
	} else if rows, ok := e.look(p, f, args, first, from, fields); ok {
		below.rows, below.parts, below.known = len(rows), spread(p, rows), e.to.fill(p, rows, names(fields))
	}
}

// rowsOf is how many rows the arguments of a connection ask for.
func (p *planner) rowsOf(args map[string]any) int {
	if first, ok := p.firsts[p.path]; ok {
		return first
	}
	first, err := graphql.UnmarshalInt(args["first"])
	if err != nil {
		first = maxFirst // the field itself refuses it
	}
	p.lists[p.path] = min(max(first, 0), maxFirst)
	return p.lists[p.path]
}

// rowPart is what one field of a connection selects of the rows: nodes, or edges.node, each
// under any alias.
type rowPart struct {
	path   string // from the connection
	fields []graphql.CollectedField
}

// connection are the fields of the rows of a connection, together and by the parts of the
// answer that show them, when what is around the rows has been counted.
func (p *planner) connection(
	f graphql.CollectedField,
	noun providers.Noun,
	times, first int,
) (all []graphql.CollectedField, parts []rowPart) {
	fields := p.object(f)
	n := values(fields)
	for _, part := range fields {
		switch part.Name {
		case "nodes":
			parts = append(parts, rowPart{"/" + part.Alias, p.record(part.Selections, noun)})
		case "edges":
			inner := p.object(part)
			n += first * values(inner)
			for _, e := range inner {
				if e.Name == "node" {
					parts = append(parts, rowPart{"/" + part.Alias + "/" + e.Alias, p.record(e.Selections, noun)})
				}
			}
		default:
			n += values(p.object(part))
		}
	}
	p.values.add(min(n*times, uncountable), p.path)
	for _, part := range parts {
		all = append(all, part.fields...)
	}
	return all, parts
}

// eachPart goes through what is selected of the rows of a connection, part by part: two
// parts may give one alias to different fields.
func (p *planner) eachPart(parts []rowPart, rows level) {
	path := p.path
	for _, part := range parts {
		p.path = path + part.path
		p.under(part.fields, rows)
	}
	p.path = path
}

// roots goes through the fields of Query.
func (p *planner) roots(selections ast.SelectionSet) {
	for _, f := range p.collect(selections, "Query") {
		if p.ended() {
			break
		}
		p.path = f.Alias
		if f.Name == "__schema" || f.Name == "__type" {
			continue
		}
		p.values.add(1, p.path)
		if introspects(f) {
			continue
		}
		if l, ok := rootLists[f.Name]; ok {
			l.rootCost(p, f)
			continue
		}
		args := f.ArgumentMap(p.op.Variables)
		switch {
		case f.Name == "rawRecord":
			p.charge(1)
		case f.Name == "nodes":
			if ids := listOf(args["ids"]); len(ids) <= maxFirst { // the field itself refuses more
				p.nodes(f, ids)
			}
		case f.Name == "viewer":
			p.viewer(f)
		case args["id"] == nil:
			p.plain(f, 1)
		default:
			p.nodes(f, []any{args["id"]})
		}
	}
}

// viewer plans who is asking, who may be some affiliates.
func (p *planner) viewer(f graphql.CollectedField) {
	accounts, err := p.r.visible(p.ctx, nil)
	v := auth.ViewerFrom(p.ctx)
	if err != nil || v == nil || v.Role != auth.RolePartner {
		p.plain(f, 1)
		return
	}
	path, parts := p.path, p.object(f)
	p.values.add(values(parts), path)
	for _, part := range parts {
		p.path = path + "." + part.Alias
		if part.Name != "affiliates" {
			if len(part.Selections) > 0 {
				p.plain(part, 1)
			}
			continue
		}
		fields := p.record(part.Selections, providers.NounAffiliate)
		rows := max(listed, len(v.Affiliates))
		from := level{rows: rows, times: rows, affiliates: rows, accounts: accounts}
		p.charge(p.follow(providers.QueryAffiliateEdge, from, names(fields)))
		p.under(fields, from)
	}
	p.path = path
}

// writes goes through the fields of Mutation. What they wrote is read like any other record.
func (p *planner) writes(selections ast.SelectionSet) {
	accounts, err := p.r.visible(p.ctx, nil)
	if err != nil {
		return
	}
	for _, f := range p.collect(selections, "Mutation") {
		if p.ended() {
			break
		}
		p.path = f.Alias
		p.values.add(1, p.path)
		if introspects(f) {
			continue
		}
		accounts, calls := accounts, writeCalls
		if fromPartner(p.ctx) {
			accounts, calls = p.subjectOf(f), partnerWriteCalls
		}
		p.charge(calls)
		for _, a := range accounts {
			p.ask(a, calls)
		}
		parts := p.object(f)
		p.values.add(values(parts), p.path)
		for _, part := range parts {
			switch {
			case len(part.Selections) == 0:
			case part.Name == "userErrors":
				p.plain(part, 1)
			default:
				fields := p.record(part.Selections, providers.Noun(part.Definition.Type.Name()))
				p.under(fields, level{rows: 1, times: 1, accounts: accounts})
			}
		}
	}
}

// subjectOf is the account whose record a mutation writes, if the viewer may see it.
func (p *planner) subjectOf(f graphql.CollectedField) []providers.Provider {
	input, _ := f.ArgumentMap(p.op.Variables)["input"].(map[string]any)
	text, _ := input["id"].(string)
	id, err := providers.ParseID(text)
	if a, ok := p.r.provider(p.ctx, id.Account); ok && err == nil {
		return []providers.Provider{a}
	}
	return nil
}

// nodes plans a field that reads records by id. One that refuses an id reads nothing.
func (p *planner) nodes(f graphql.CollectedField, args []any) {
	nouns := map[providers.Noun][]providers.ID{}
	for _, arg := range args {
		text, _ := arg.(string)
		id, err := providers.ParseID(text)
		if want := f.Definition.Type.Name(); err != nil || want != "Node" && want != string(id.Noun) {
			return
		}
		if _, ok := p.r.provider(p.ctx, id.Account); ok {
			nouns[id.Noun] = append(nouns[id.Noun], id)
		}
	}
	path := p.path
	for _, noun := range slices.Sorted(maps.Keys(nouns)) {
		p.path = path + "/" + string(noun) // each type may give one alias to another field
		if n, ok := recordsByNoun[noun]; ok {
			n.cost(p, f, nouns[noun])
		} else { // an account is the server's own knowledge
			p.under(p.record(f.Selections, noun), level{times: len(nouns[noun])})
		}
	}
	p.path = path
}

// cost plans to read records by id, and what is below them.
func (n records[T]) cost(p *planner, f graphql.CollectedField, ids []providers.ID) {
	fields, below := p.record(f.Selections, n.noun), level{times: len(ids)}
	need := names(fields)
	ids = distinct(ids)
	counts, missing := map[string]providers.Rows{}, map[string]providers.Rows{}
	for _, id := range ids {
		counts[id.Account] = providers.RowsOf(counts[id.Account].Count + 1)
		a, _ := p.r.provider(p.ctx, id.Account)
		if k, ok := a.(peeker); !ok || p.cold || !k.HasRecord(p.ctx, id, need...) {
			missing[id.Account] = providers.RowsOf(missing[id.Account].Count + 1)
		}
	}
	parts := p.partsOf(counts)
	for _, part := range parts {
		below.accounts = append(below.accounts, part.account)
	}
	below.rows, below.parts = len(ids), func() []accountRows { return slices.Clone(parts) }
	if n.noun == providers.NounAffiliate {
		below.affiliates = len(ids)
	}
	price := func() (calls, accounts int) {
		parts := p.partsOf(missing)
		return p.search(n.noun, n.query, parts, need), len(parts)
	}
	if p.facts == nil {
		calls, _ := price()
		p.charge(calls)
	} else if known := n.known(p, ids, need, followed(fields), price); known != nil {
		below.known = known
	}
	p.under(fields, below)
}

// search is what it takes to read records by their ids. The first of a noun has the price for
// one; a partner's others are found in the same lists.
func (p *planner) search(noun providers.Noun, query providers.Edge, parts []accountRows, need []string) (calls int) {
	if !fromPartner(p.ctx) {
		return p.followParts(query, parts, need)
	}
	for _, part := range parts {
		account := 0
		key := providers.ID{Account: part.account.AccountID(), Noun: noun}
		rest := part.rows.Count
		if !p.searched[key] && rest > 0 {
			p.searched[key] = true
			rest--
			account = part.account.Calls(query, providers.RowsOf(1), need...)
		}
		calls += p.ask(part.account, account+rest)
	}
	return calls
}

// fromPartner says whether a partner asks.
func fromPartner(ctx context.Context) bool {
	v := auth.ViewerFrom(ctx)
	return v != nil && v.Role == auth.RolePartner
}
