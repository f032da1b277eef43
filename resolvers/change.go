package resolvers

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/graph/model"
	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/internal/partner"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/schema"
)

// An operation of the type Subscription is executed once for each event that its stream
// delivers. Its context has the event: see https://spec.graphql.org/October2021/#MapSourceToResponseEvent().
// Which events these are is decided twice. [Watch.Wants] decides by what is known of the
// viewer, before anything is executed. The resolver of `changes` decides again, by what it
// reads, and may hide the event.

// Delivery is an event on its way to one viewer.
type Delivery struct {
	events.Entry

	// Unread is why the record is not to be read: its field is null, with this error. nil:
	// it is read.
	Unread error

	// Hidden says, after the execution, that the viewer may not see the event. Failed is why
	// that is not known.
	Hidden bool
	Failed error
}

type deliveryKey struct{}

// WithDelivery is ctx for the plan and the execution of an operation for one event.
func WithDelivery(ctx context.Context, d *Delivery) context.Context {
	return context.WithValue(ctx, deliveryKey{}, d)
}

// Delivers says whether the operation is for an event.
func Delivers(ctx context.Context) bool { return deliveryFrom(ctx) != nil }

func deliveryFrom(ctx context.Context) *Delivery {
	d, _ := ctx.Value(deliveryKey{}).(*Delivery)
	return d
}

// positionUse is what positions in the stream of changes are hidden as.
const positionUse = "changes"

// Position is a position as clients see it.
func (r *Resolver) Position(p events.Position) string { return r.seals.Hide(positionUse, string(p)) }

var errBadPosition = &apierror.Error{
	Code: apierror.BadCursor,
	Text: "`after` is not a position of this server's stream of changes: read the lists again, and subscribe without `after`",
}

var errOneField = &apierror.Error{
	Code: apierror.BadUserInput,
	Text: "a subscription has exactly one field: `changes`",
}

// Watch is what one subscription asks for, and what is known of its viewer.
type Watch struct {
	After  events.Position // "" for now
	filter model.ChangeFilter

	mu   sync.Mutex
	own  map[string][]providers.ID // of a partner who is known by an address: the affiliates in each account
	read time.Time                 // when own was read
}

// Watch reads the arguments of a planned operation of the type Subscription.
func (r *Resolver) Watch(ctx context.Context, op *graphql.OperationContext) (*Watch, error) {
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) != 1 || fields[0].Name != "changes" {
		return nil, errOneField
	}
	raw := fields[0].ArgumentMap(op.Variables)
	if err := checkAmounts(raw["filter"]); err != nil {
		return nil, err
	}
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Subscription", Field: fields[0]})
	args, err := graph.ListArguments(ctx, "changes", raw)
	if err != nil {
		return nil, err
	}
	w := &Watch{}
	if filter, _ := args["filter"].(*model.ChangeFilter); filter != nil {
		w.filter = *filter
	}
	if after, _ := args["after"].(*string); after != nil {
		text, err := r.seals.Reveal(positionUse, *after)
		if err != nil || text == "" {
			return nil, errBadPosition
		}
		w.After = events.Position(text)
	}
	return w, r.checkChangeFilter(ctx, w.filter)
}

// checkChangeFilter refuses ids of a wrong type. Staff who see all accounts are told which id
// names none, as in the filters of lists.
func (r *Resolver) checkChangeFilter(ctx context.Context, f model.ChangeFilter) error {
	v := auth.ViewerFrom(ctx)
	for i, id := range f.Accounts {
		if id.Noun != providers.NounAccount {
			return wrongNoun("filter.accounts", id, providers.NounAccount)
		}
		if _, ok := r.byID[id.Account]; !ok && v != nil && v.Role != auth.RolePartner && v.Accounts == nil {
			return apierror.BadInput("filter.accounts[%d] names no account", i)
		}
	}
	for _, id := range f.Affiliates {
		if id.Noun != providers.NounAffiliate {
			return wrongNoun("filter.affiliates", id, providers.NounAffiliate)
		}
	}
	return nil
}

// Wants says whether an event is to be executed for the viewer: the filter lets it pass, and
// the viewer may see it as far as is known without a call.
func (r *Resolver) Wants(ctx context.Context, w *Watch, e events.Event) bool {
	return w.passes(e) && r.maySee(auth.ViewerFrom(ctx), e, w.owns)
}

// passes says whether the filter lets an event pass.
func (w *Watch) passes(e events.Event) bool {
	f := w.filter
	account := func(id providers.ID) bool { return id.Account == e.Record.Account }
	affiliate := func(id providers.ID) bool { return id == e.Owner || id == e.Record }
	return (f.Accounts == nil || slices.ContainsFunc(f.Accounts, account)) &&
		(f.Nouns == nil || slices.Contains(f.Nouns, e.Record.Noun)) &&
		(f.Affiliates == nil || slices.ContainsFunc(f.Affiliates, affiliate)) &&
		(f.Kinds == nil || slices.Contains(f.Kinds, e.Kind))
}

// maySee says whether a viewer may see an event. A partner sees those of the affiliates that
// they are; owns says whether one is, for partners who are known by an address.
func (r *Resolver) maySee(v *auth.Viewer, e events.Event, owns func(affiliate providers.ID) bool) bool {
	if _, ok := r.byID[e.Record.Account]; !ok || !v.Sees(e.Record.Account) {
		return false
	}
	if !slices.Contains(schema.Roles(string(e.Record.Noun), "id"), string(v.Role)) {
		return false
	}
	if v.Role != auth.RolePartner {
		return true
	}
	if e.Owner.IsZero() || e.Owner.Noun != providers.NounAffiliate || e.Owner.Account != e.Record.Account {
		return false
	}
	if identity(v).ByEmail() {
		return owns(e.Owner)
	}
	return slices.Contains(v.Affiliates, e.Owner.String())
}

// identityLife is how long it is not read again which affiliates a partner is who is known by
// an address. Each event that is delivered reads it.
const identityLife = time.Minute

func (w *Watch) owns(affiliate providers.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.own[affiliate.Account], affiliate)
}

// Identify reads, where it is due, which affiliates a partner is who is known by an address.
// take is asked for the calls first, by account. It is called by the clock and never because of an
// event, so that what it costs tells of no event of others. After an error the watch knows
// what it knew before.
func (r *Resolver) Identify(ctx context.Context, w *Watch, take func(calls map[string]int) error) error {
	v := auth.ViewerFrom(ctx)
	w.mu.Lock()
	due := v != nil && v.Role == auth.RolePartner && identity(v).ByEmail() && (w.own == nil || r.now().Sub(w.read) >= identityLife)
	w.mu.Unlock()
	if !due {
		return nil
	}
	calls := identityCalls * len(r.order)
	if err := take(map[string]int{r.first(v): identityCalls}); err != nil { // as the plan of a query counts them
		return err
	}
	ctx, end := providers.WithAfterwards(providers.WithAllowance(providers.KeepReserve(ctx), calls))
	defer end()
	ctx = withLoaders(ctx, newLoaders(r))
	found := map[string][]providers.ID{}
	for _, account := range r.order {
		p, ok := r.provider(ctx, account)
		if err := unidentified(p); err != nil {
			return err
		}
		if view, is := p.(*partner.View); ok && is {
			found[account] = view.Own()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.own, w.read = found, r.now()
	return nil
}

var errNoEvent = errors.New("resolvers: a subscription was executed without an event")

// change is the event of the operation, if its viewer may see it.
func (r *Resolver) change(ctx context.Context) (*model.Change, error) {
	d := deliveryFrom(ctx)
	if d == nil {
		return nil, errNoEvent
	}
	p, ok := r.provider(ctx, d.Record.Account)
	if d.Failed = unidentified(p); d.Failed != nil {
		return nil, d.Failed
	}
	view, _ := p.(*partner.View)
	owns := func(affiliate providers.ID) bool { return view != nil && view.Owns(affiliate) }
	if d.Hidden = !ok || !r.maySee(auth.ViewerFrom(ctx), d.Event, owns); d.Hidden {
		return nil, errNoEvent
	}
	position := r.Position(d.Position)
	return &model.Change{ID: position[:listing.IDSize], Kind: d.Kind, NodeID: d.Record, Position: position, At: d.At}, nil
}

// changed is the record of the event of the operation.
func (r *Resolver) changed(ctx context.Context, c *model.Change) (model.Node, error) {
	if c.Kind == providers.Deleted {
		return nil, nil
	}
	if d := deliveryFrom(ctx); d != nil && d.Unread != nil {
		return nil, d.Unread
	}
	rows, errs := r.records(ctx, []providers.ID{c.NodeID})
	return rows[0], errs[0]
}

// changes goes through the fields of Subscription: what one event takes. Before there is
// one, that is what the most expensive event takes that the filter lets pass.
func (p *planner) changes(selections ast.SelectionSet) {
	d := deliveryFrom(p.ctx)
	for _, f := range p.collect(selections, "Subscription") {
		if p.ended() {
			break
		}
		p.path = f.Alias
		p.values.add(1, p.path)
		if introspects(f) {
			continue
		}
		parts := p.object(f)
		p.values.add(values(parts), p.path)
		for _, part := range parts {
			if p.path = f.Alias + "." + part.Alias; len(part.Selections) == 0 {
				continue
			}
			if d == nil {
				p.anyChange(f, part)
			} else if d.Kind != providers.Deleted {
				p.nodes(part, []any{d.Record.String()})
			}
		}
	}
}

// anyChange plans the node of the most expensive event that the filter of a field lets pass.
func (p *planner) anyChange(f, node graphql.CollectedField) {
	w := Watch{}
	if args, err := graph.ListArguments(p.ctx, f.Name, f.ArgumentMap(p.op.Variables)); err == nil { // else Resolver.Watch refuses it
		if filter, _ := args["filter"].(*model.ChangeFilter); filter != nil {
			w.filter = *filter
		}
	}
	accounts, err := p.r.visible(p.ctx, nil)
	if err != nil {
		return
	}
	begun, most := p.spent(), p.spent()
	for _, a := range accounts {
		for noun, records := range recordsByNoun {
			id := providers.ID{Account: a.AccountID(), Noun: noun}
			if p.ended() || !w.passesNode(id) {
				continue
			}
			p.reset(begun)
			records.cost(p, node, []providers.ID{id})
			if spent := p.spent(); spent.calls.sum > most.calls.sum ||
				spent.calls.sum == most.calls.sum && spent.values.sum > most.values.sum {
				most = spent
			}
		}
	}
	if !p.ended() {
		p.reset(most)
	}
}

// passesNode says whether the filter may let an event about a record pass.
func (w *Watch) passesNode(id providers.ID) bool {
	f := w.filter
	f.Affiliates, f.Kinds = nil, nil
	return (&Watch{filter: f}).passes(events.Event{Record: id})
}

// spending is what a planner has added up.
type spending struct {
	calls, values, rest tally
	at                  map[string]int
	least, visited      int
}

func (p *planner) spent() spending {
	return spending{p.calls, p.values, p.rest, maps.Clone(p.at), p.least, p.visited}
}

// reset has the planner go on from what it had added up before.
func (p *planner) reset(s spending) {
	p.calls, p.values, p.rest, p.at, p.least, p.visited = s.calls, s.values, s.rest, maps.Clone(s.at), s.least, s.visited
	clear(p.searched)
}
