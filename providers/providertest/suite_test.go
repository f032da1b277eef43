package providertest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// broken is a provider that breaks one promise each.
type broken struct {
	*providertest.Fake
	page   func(number int, p *providers.Page[providers.Commission])
	list   func(*providers.List[providers.Commission])
	lists  func(providers.CommissionFilter) bool // plan what the empty filter does
	byID   func(*providers.Batch[providers.Commission]) error
	calls  int // -1: as the Fake
	bare   error
	always bool // answer by id whatever the context
}

func (b *broken) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	if b.bare != nil {
		return nil, b.bare
	}
	if b.lists != nil && b.lists(f) {
		f = providers.CommissionFilter{}
	}
	lists, err := b.Fake.Commissions(f)
	for i := range lists {
		read := lists[i].Page
		if b.page != nil {
			lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
				p, err := read(ctx, r)
				if err == nil {
					b.page(r.Number, p)
				}
				return p, err
			}
		}
		if b.list != nil {
			b.list(&lists[i])
		}
	}
	return lists, err
}

func (b *broken) CommissionsByID(ctx context.Context, ids []providers.ID, need ...string) (*providers.Batch[providers.Commission], error) {
	if b.always {
		ctx = context.WithoutCancel(ctx)
	}
	batch, err := b.Fake.CommissionsByID(ctx, ids, need...)
	if err == nil && b.byID != nil {
		err = b.byID(batch)
	}
	return batch, err
}

func (b *broken) Calls(edge providers.Edge, from providers.Rows, need ...string) int {
	if b.calls >= 0 && edge == providers.QueryCommissionEdge {
		return b.calls
	}
	return b.Fake.Calls(edge, from, need...)
}

type page = providers.Page[providers.Commission]

// breaches are promises broken, by the words that the suite must then say.
var breaches = map[string]broken{
	"gives .* twice": {page: func(n int, p *page) {
		if n == 2 && len(p.Items) > 1 {
			p.Items[1] = p.Items[0]
		}
	}},
	"newest first": {page: func(_ int, p *page) {
		if len(p.Items) > 1 {
			p.Items[0], p.Items[len(p.Items)-1] = p.Items[len(p.Items)-1], p.Items[0]
		}
	}},
	"Total is": {page: func(_ int, p *page) {
		if p.Total != nil {
			*p.Total++
		}
	}},
	"past the end": {page: func(n int, p *page) { p.More = p.More || n == 31 }},
	"ProviderID": {page: func(_ int, p *page) {
		for _, c := range p.Items {
			c.ProviderID = ""
		}
	}},
	"matches, but is not in the lists": {page: func(_ int, p *page) {
		if p.Total != nil && *p.Total < 300 && len(p.Items) > 0 {
			p.Items = p.Items[1:]
		}
	}},
	"differs in its list": {page: func(_ int, p *page) {
		for _, c := range p.Items {
			c.EventID = nil
		}
	}},
	"is exact, but holds":        {lists: func(f providers.CommissionFilter) bool { return f.EventID != "" }},
	"of another account plans":   {lists: func(f providers.CommissionFilter) bool { return len(f.Payouts) > 0 && f.Payouts[0].Account != "fake-1" }},
	"have the key":               {list: func(l *providers.List[providers.Commission]) { l.Key = "commissions" }},
	"without e-mail addresses":   {list: func(l *providers.List[providers.Commission]) { l.Key += "a@example.com" }},
	"though its context is over": {always: true, calls: -1},
	"had said at most":           {calls: 0},
	"no [*]providers.Error":      {bare: errors.ErrUnsupported},
	"not found by its id":        {byID: func(b *providers.Batch[providers.Commission]) error { clear(b.Found); return nil }},
	"knows .*except": {byID: func(b *providers.Batch[providers.Commission]) error {
		for _, c := range b.Found {
			c.Known = providers.Only("amount")
		}
		return nil
	}},
}

// TestBreaches proves that the suite fails, saying why, where a provider breaks a promise:
// the suite runs in a process of its own, because a test cannot outlive the failure of its
// subtests.
func TestBreaches(t *testing.T) {
	if want := os.Getenv("BREACH"); want != "" {
		b := breaches[want]
		if b.calls == 0 && want != "had said at most" {
			b.calls = -1
		}
		providertest.Run(t, providertest.Subject{
			New: func(testing.TB) providers.Provider {
				p := b
				p.Fake = providertest.NewFake("fake-1", providertest.Options{})
				return &p
			},
			Nouns: everyNoun,
			Calls: func(p providers.Provider) int { return p.(*broken).Spent() },
		})
		return
	}
	for want := range breaches {
		t.Run(want, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestBreaches$/^Commission/")
			cmd.Env = append(os.Environ(), "BREACH="+want)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("the suite passes")
			}
			if !regexp.MustCompile(want).Match(out) {
				t.Errorf("the suite fails, but does not say %q:\n%.3000s", want, out)
			}
		})
	}
}
