package uppromote

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	server "github.com/partnergraph/partnergraph/providers/uppromote/sandbox"
)

// TestUnreached: what has not left says so.
func TestUnreached(t *testing.T) {
	for m, row := range mutations {
		sim, p := store(t)
		y := row.play(t, p)
		w := planned(t, p, y.c)
		sim.Kit().Forget()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := w.Send(ctx)
		if e := (*providers.Error)(nil); !errors.As(err, &e) || !e.Unsent {
			t.Errorf("%s: %+v; want an error that says that nothing was sent", m, err)
		}
		if log := sim.Kit().Requests(); len(log) > 0 {
			t.Errorf("%s: %+v was sent", m, log)
		}
	}
}

// places is a budget that has so many of them.
type places struct{ left int }

func (s *places) Take(context.Context) error {
	if s.left--; s.left < 0 {
		return &providers.Error{Kind: providers.KindRateLimited, RetryAfter: time.Second}
	}
	return nil
}
func (*places) Exhausted(time.Duration)    {}
func (*places) State() providers.RateLimit { return providers.RateLimit{} }

// TestNothingLeft: a budget that ends before the write, and a vendor that is not there.
func TestNothingLeft(t *testing.T) {
	sim := simulator()
	c := providertest.Config("store", sim, noon)
	c.Credentials, c.Budget = map[string]string{"api_key": server.APIKey}, &places{left: 2}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	command := &providers.CreateAffiliateInput{IdempotencyKey: someKey, Account: id(providers.NounAccount, ""), Email: newEmail}
	w := planned(t, p.(*provider), command)
	_, err = w.Send(t.Context())
	if e := (*providers.Error)(nil); !errors.As(err, &e) || !e.Unsent || e.Kind != providers.KindRateLimited {
		t.Errorf("without budget: %+v; want an error that says that nothing was sent", err)
	}
	c.Budget, c.BaseURL, c.HTTP = &places{left: 9}, "http://127.0.0.1:1", &http.Client{}
	gone, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = createAffiliate{gone.(*provider), command}.send(t)
	if e := (*providers.Error)(nil); !errors.As(err, &e) || !e.Unsent || e.Kind != providers.KindUnavailable {
		t.Errorf("a refused connection: %+v; want an error that says that nothing was sent", err)
	}
	if n := len(writes(sim.Kit().Requests())); n > 0 {
		t.Errorf("%d writes were sent", n)
	}
}

// send makes the write as if it were planned.
func (c createAffiliate) send(t *testing.T) (wireAffiliate, error) {
	w, _, err := send[wireAffiliate](t.Context(), c.provider, opCreateAffiliate, affiliateList.path, wireNewAffiliate{Email: c.in.Email})
	return w, err
}
