package resolvers

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/providers"
)

// peeker is a provider that knows what it could answer without a call.
type peeker interface {
	HasPage(noun providers.Noun, key string, number int) bool
	HasRecord(id providers.ID, need ...string) bool
}

// planner estimates how many calls to vendors an operation takes, before anything is sent: one for each page of each list that is not
// cached, and what the vendors' own tables say of edges (providers.Provider.Calls). It is an estimate: a
// list that has to be searched may take more (up to the bound of pages), rows that share a parent take fewer.
type planner struct {
	r       *Resolver
	ctx     context.Context
	op      *graphql.OperationContext
	calls   int
	dearest int    // the calls of the dearest single field …
	at      string // … and its path
	path    string
}

// level is the rows that a selection stands under.
type level struct {
	rows       int
	affiliates int // how many affiliates they belong to at most; 0 for unknown
	accounts   []providers.Provider
}

func (l level) below(rows int) level { l.rows = rows; return l }

// of is one of several equal parts of the rows.
func (l level) of(parts int) providers.Rows {
	rows := providers.RowsOf((l.rows + parts - 1) / parts)
	if l.affiliates > 0 {
		rows.Affiliates = min(rows.Count, (l.affiliates+parts-1)/parts)
	}
	return rows
}

// spend notes the calls of the field at the current path.
func (p *planner) spend(calls int) {
	p.calls += calls
	if calls > p.dearest {
		p.dearest, p.at = calls, p.path
	}
}

// under goes through fields of a noun's rows.
func (p *planner) under(fields []graphql.CollectedField, from level) {
	path := p.path
	for _, f := range fields {
		if e, ok := edges[f.ObjectDefinition.Name+"."+f.Name]; ok {
			p.path = path + "." + f.Alias
			e.cost(p, f, from)
		} else if f.Name == "memberships" && f.ObjectDefinition.Name == string(providers.NounAffiliate) {
			p.path = path + "." + f.Alias
			p.under(collect(p.op, f.Selections, providers.NounMembership), from)
		}
	}
	p.path = path
}

// follow is what the vendors say that an edge costs: the most it is for one of them with all rows, or for all of them
// with their part of the rows each.
func (p *planner) follow(edge string, from level, need []string) int {
	if from.rows == 0 || len(from.accounts) == 0 {
		return 0
	}
	var most, together int
	whole := from.of(1)
	part := from.of(len(from.accounts))
	for _, a := range from.accounts {
		most = max(most, a.Calls(edge, whole, need...))
		together += a.Calls(edge, part, need...)
	}
	return max(most, together)
}

func (e one[From, To]) cost(p *planner, f graphql.CollectedField, from level) {
	fields := collect(p.op, f.Selections, e.to.noun)
	if e.to.noun == providers.NounAffiliate {
		if from.affiliates > 0 {
			from.rows = min(from.rows, from.affiliates)
		}
		from.affiliates = from.rows
	}
	p.spend(p.follow(e.field, from, names(fields)))
	if e.to.noun == providers.NounCampaign {
		from.affiliates = 0 // a campaign has any number of them
	}
	p.under(fields, from)
}

func (e many[From, To, F]) cost(p *planner, f graphql.CollectedField, from level) {
	first, fields := maxFirst, collect(p.op, f.Selections, e.to.noun)
	if args := f.ArgumentMap(p.op.Variables); args["first"] != nil {
		fields = rowFields(p.op, f.Selections, e.to.noun)
		if n, err := graphql.UnmarshalInt(args["first"]); err == nil {
			first = min(max(n, 0), maxFirst)
		}
	}
	p.spend(p.follow(e.field, from, names(fields)))
	below := from.below(from.rows * first)
	if e.to.noun == providers.NounAffiliate {
		below.affiliates = below.rows
	}
	p.under(fields, below)
}

// rootList is a list among the fields of Query.
type rootList interface {
	rootCost(p *planner, f graphql.CollectedField)
}

// rootLists are the root lists by field.
var rootLists = map[string]rootList{
	"affiliates": affiliateLists, "memberships": membershipLists, "campaigns": campaignLists, "referrals": referralLists,
	"commissions": commissionLists, "payouts": payoutLists, "coupons": couponLists, "webhookSubscriptions": subscriptionLists,
}

func (n lists[T, F]) rootCost(p *planner, f graphql.CollectedField) {
	args := f.ArgumentMap(p.op.Variables)
	var narrow F
	// What cannot be read here is refused by the field itself, before it sends anything.
	if text, err := json.Marshal(args["filter"]); err == nil {
		_ = json.Unmarshal(text, &narrow)
	}
	accounts, err := p.r.visible(p.ctx, n.accounts(narrow))
	if err != nil {
		return
	}
	calls := 0
	for _, a := range accounts {
		planned, err := n.plan(a, narrow)
		if err != nil {
			continue
		}
		for _, l := range planned {
			if k, ok := a.(peeker); !ok || !k.HasPage(n.noun, l.Key, 1) {
				calls++
			}
		}
	}
	p.spend(calls)
	first, _ := graphql.UnmarshalInt(args["first"])
	rows := min(max(first, 0), maxFirst)
	below := level{rows: rows, accounts: accounts}
	if n.noun != providers.NounCampaign {
		below.affiliates = rows // everything else belongs to one
	}
	fields := rowFields(p.op, f.Selections, n.noun)
	p.spend(p.follow("Query."+f.Name, below, names(fields)))
	p.under(fields, below)
}

// roots goes through the fields of Query.
func (p *planner) roots(selections ast.SelectionSet) {
	for _, f := range graphql.CollectFields(p.op, selections, []string{"Query"}) {
		p.path = f.Alias
		if l, ok := rootLists[f.Name]; ok {
			l.rootCost(p, f)
			continue
		}
		args := f.ArgumentMap(p.op.Variables)
		switch f.Name {
		case "rawRecord":
			p.spend(1)
		case "nodes":
			ids, _ := args["ids"].([]any)
			for _, id := range ids {
				p.record(f, id)
			}
		default:
			p.record(f, args["id"])
		}
	}
}

// record plans a field that reads one record by id.
func (p *planner) record(f graphql.CollectedField, arg any) {
	text, _ := arg.(string)
	id, err := providers.ParseID(text)
	if err != nil || id.Noun == providers.NounAccount {
		return
	}
	a, ok := p.r.provider(p.ctx, id.Account)
	if !ok {
		return
	}
	fields := collect(p.op, f.Selections, id.Noun)
	if k, ok := a.(peeker); !ok || !k.HasRecord(id, names(fields)...) {
		p.spend(a.Calls(queryField(id.Noun), providers.RowsOf(1), names(fields)...))
	}
	below := level{rows: 1, accounts: []providers.Provider{a}}
	if id.Noun == providers.NounAffiliate {
		below.affiliates = 1
	}
	p.under(fields, below)
}

// queryField is the field of Query that reads one record of a noun.
func queryField(noun providers.Noun) string {
	return "Query." + string(noun[0]|0x20) + string(noun[1:])
}

// refuse is the error of an operation that costs too much; nil where it does not.
func (p *planner) refuse() error {
	if p.calls <= p.r.calls {
		return nil
	}
	return &clientError{
		code: CodeTooComplex,
		text: fmt.Sprintf("this operation may take %d calls to the vendors, and %d are allowed; the dearest field is %s with %d: ask for fewer rows above it, or for less below it",
			p.calls, p.r.calls, p.at, p.dearest),
		ext: map[string]any{"limit": "calls", "asked": p.calls, "allowed": p.r.calls, "field": p.at},
	}
}
