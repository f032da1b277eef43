package resolvers_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/partnergraph/partnergraph/graph"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/resolvers"
)

// deliver executes a subscription for an event, as a viewer.
func (w *world) deliver(v *auth.Viewer, e events.Event) (d *resolvers.Delivery, node string) {
	w.t.Helper()
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: w.graph}))
	exec.SetErrorPresenter(w.graph.Present)
	exec.Use(w.graph.Extension())
	d = &resolvers.Delivery{Entry: events.Entry{Event: e, Position: "p"}}
	ctx := resolvers.WithDelivery(auth.WithViewer(graphql.StartOperationTrace(w.t.Context()), v), d)
	op, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: `subscription { changes { node { id } } }`})
	if errs != nil {
		w.t.Fatal(errs)
	}
	handle, ctx := exec.DispatchOperation(ctx, op)
	response := handle(ctx)
	var data struct {
		Changes *struct{ Node *struct{ ID string } }
	}
	if err := json.Unmarshal(response.Data, &data); err == nil && data.Changes != nil && data.Changes.Node != nil {
		node = data.Changes.Node.ID
	}
	if again := handle(ctx); again != nil {
		w.t.Errorf("an event has a second result: %+v", again)
	}
	return d, node
}

// TestAttackByEvents wants an event to show a viewer no record that a query does not show
// them, whatever it says of its owner, and none at all where its owner is another.
func TestAttackByEvents(t *testing.T) {
	s := newPortal(t, setup{vendors: []string{"promotekit"}})
	selves := s.selves("promotekit")
	self, err := providers.ParseID(selves[0])
	if err != nil {
		t.Fatal(err)
	}
	staff := s.staff(auth.RoleReader, "promotekit")
	partner := s.partner("a partner", selves[0])
	stranger := &auth.Viewer{Name: "n", Subject: "n", Role: auth.RoleReader, Accounts: []string{"elsewhere"}}
	shown, hidden := 0, 0
	for _, noun := range providers.Nouns {
		for i, text := range s.own(staff, string(noun)) {
			id, err := providers.ParseID(text)
			if err != nil || noun == providers.NounAccount || i == 6 {
				break
			}
			e := events.Event{Record: id, Kind: providers.Updated, Owner: self, At: today}
			want := ""
			if a := s.w.as(partner.viewer, fmt.Sprintf(`{ node(id: %q) { id } }`, text), nil); string(a.Data) != `{"node":null}` {
				want = text
			}
			if _, node := s.w.deliver(partner.viewer, e); node != want {
				t.Errorf("%s: a partner gets %q, and a query shows %q", id, node, want)
			} else if want != "" {
				shown++
			} else {
				hidden++
			}
			if d, node := s.w.deliver(staff.viewer, e); d.Hidden || node != text {
				t.Errorf("%s: staff get %q", id, node)
			}
			for name, owner := range map[string]providers.ID{
				"nobody": {}, "another": {Account: self.Account, Noun: providers.NounAffiliate, Local: "another"}, "a campaign": {Account: self.Account, Noun: providers.NounCampaign, Local: self.Local},
			} {
				e.Owner = owner
				if d, node := s.w.deliver(partner.viewer, e); !d.Hidden || node != "" {
					t.Errorf("%s of %s: a partner gets %q", id, name, node)
				}
			}
			if d, node := s.w.deliver(stranger, e); !d.Hidden || node != "" {
				t.Errorf("%s: staff of another account get %q", id, node)
			}
		}
	}
	if shown < 3 || hidden < 3 {
		t.Errorf("%d records were shown to a partner, and %d hidden", shown, hidden)
	}
}
