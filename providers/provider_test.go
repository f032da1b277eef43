package providers_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// Whatever a vendor does not override says that it is not supported.
func TestUnsupported(t *testing.T) {
	v := reflect.ValueOf(providers.Unsupported{})
	want := reflect.TypeFor[providers.Provider]().NumMethod() - len([]string{"AccountID", "Account", "Ping", "Calls"})
	if v.NumMethod() != want {
		t.Errorf("Unsupported has %d methods; want %d", v.NumMethod(), want)
	}
	for i := range v.NumMethod() {
		m := v.Method(i)
		args := []reflect.Value{}
		for k := range m.Type().NumIn() {
			if m.Type().IsVariadic() && k == m.Type().NumIn()-1 {
				break
			}
			args = append(args, reflect.Zero(m.Type().In(k)))
		}
		out := m.Call(args)
		if says, ok := out[len(out)-1].Interface().(bool); ok { // Owner: nobody
			if says {
				t.Errorf("%s says an owner", v.Type().Method(i).Name)
			}
			continue
		}
		if len(out) == 1 { // Proofs: there are none
			if !out[0].IsZero() {
				t.Errorf("%s: %v; want nothing", v.Type().Method(i).Name, out[0])
			}
			continue
		}
		err, _ := out[len(out)-1].Interface().(error)
		if !errors.Is(err, errors.ErrUnsupported) || providers.KindOf(err) != providers.KindUnsupported || !out[0].IsZero() {
			t.Errorf("%s: %v, %v; want nothing, and errors.ErrUnsupported", v.Type().Method(i).Name, out[0], err)
		}
	}
}

func TestRegistry(t *testing.T) {
	r, err := providers.NewRegistry(providers.Factory{Name: "b"}, providers.Factory{Name: "a", Title: "A"})
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Factories(); len(f) != 2 || f[0].Name != "b" || f[1].Name != "a" {
		t.Errorf("Factories are %v; want them in their order", f)
	}
	if f, ok := r.Factory("a"); !ok || f.Title != "A" {
		t.Errorf("Factory(a) = %v, %v", f, ok)
	}
	if _, ok := r.Factory("c"); ok {
		t.Error("there is a factory that was never registered")
	}
	if _, err := providers.NewRegistry(providers.Factory{Name: "a"}, providers.Factory{Name: "b"}, providers.Factory{Name: "a"}); err == nil {
		t.Error("a name may stand twice")
	}
}

func TestKindOf(t *testing.T) {
	err := &providers.Error{Account: "acme", Op: "GET /x", Kind: providers.KindRateLimited, Status: 429, Err: errors.New("slow down")}
	for want, err := range map[providers.Kind]error{
		providers.KindRateLimited: fmt.Errorf("wrapped: %w", err), providers.KindUnknown: errors.New("plain"),
		providers.KindNotFound: errors.Join(errors.New("plain"), &providers.Error{Kind: providers.KindNotFound, Err: err}),
	} {
		if got := providers.KindOf(err); got != want {
			t.Errorf("KindOf(%v) = %s; want %s", err, got, want)
		}
	}
	if got, want := err.Error(), "account acme: GET /x: rate_limited (status 429): slow down"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	for _, k := range []providers.Kind{providers.KindUnknown, providers.KindUnauthorized, providers.KindNotFound, providers.KindInvalid, providers.KindConflict,
		providers.KindBadReply, providers.KindUnsupported, providers.KindCanceled, providers.KindRateLimited, providers.KindUnavailable} {
		if got, want := k.Retryable(), k == providers.KindRateLimited || k == providers.KindUnavailable; got != want {
			t.Errorf("%s is retryable: %v; want %v", k, got, want)
		}
	}
}

func TestAll(t *testing.T) {
	broken := errors.New("broken")
	var read []int
	list := func(failAt int) providers.List[providers.Campaign] {
		read = nil
		return providers.List[providers.Campaign]{Page: func(_ context.Context, r providers.PageRequest) (*providers.Page[providers.Campaign], error) {
			if read = append(read, r.Number); r.Number == failAt {
				return nil, broken
			}
			p := &providers.Page[providers.Campaign]{More: r.Number < 3}
			if r.Number != 2 { // a page may be empty though there is a next one
				p.Items = []*providers.Campaign{campaign(fmt.Sprint(r.Number, "a")), campaign(fmt.Sprint(r.Number, "b"))}
			}
			return p, nil
		}}
	}
	for _, tt := range []struct {
		name         string
		failAt, stop int
		rows         []string
		pages        []int
		err          error
	}{
		{"to the end", 0, 0, []string{"1a", "1b", "3a", "3b"}, []int{1, 2, 3}, nil},
		{"until it fails", 3, 0, []string{"1a", "1b"}, []int{1, 2, 3}, broken},
		{"until it is stopped", 0, 2, []string{"1a", "1b"}, []int{1}, nil},
	} {
		var rows []string
		var got error
		for row, err := range providers.All(t.Context(), list(tt.failAt), nil) {
			if err != nil {
				got = err
				continue
			}
			if rows = append(rows, row.ID.Local); len(rows) == tt.stop {
				break
			}
		}
		if !slices.Equal(rows, tt.rows) || !slices.Equal(read, tt.pages) || !errors.Is(got, tt.err) {
			t.Errorf("%s: rows %q of pages %v, %v; want %q, %v, %v", tt.name, rows, read, got, tt.rows, tt.pages, tt.err)
		}
	}
}

// Every noun but those that no reply carries along is harvested, and added up.
func TestHarvest(t *testing.T) {
	var sum providers.Harvest
	for range 2 {
		for _, h := range []providers.Harvest{
			providers.HarvestOf(&providers.Affiliate{}), providers.HarvestOf(&providers.Membership{}), providers.HarvestOf(&providers.Campaign{}),
			providers.HarvestOf(&providers.Referral{}), providers.HarvestOf(&providers.Commission{}), providers.HarvestOf(&providers.Payout{}),
			providers.HarvestOf(&providers.Coupon{}), providers.HarvestOf(&providers.WebhookSubscription{}), providers.HarvestOf(&providers.Account{}),
		} {
			sum.Add(h)
		}
	}
	v := reflect.ValueOf(sum)
	for i := range v.NumField() {
		if got := v.Field(i).Len(); got != 2 {
			t.Errorf("%s: %d harvested; want 2", v.Type().Field(i).Name, got)
		}
	}
}

func TestTrace(t *testing.T) {
	var none *providers.Trace
	none.Add(providers.Call{})
	if none.Calls() != nil || none.Spent() != 0 || providers.TraceFrom(t.Context()) != nil {
		t.Error("no trace holds something")
	}
	trace := &providers.Trace{}
	ctx := providers.WithTrace(t.Context(), trace)
	for _, s := range []providers.Source{providers.SourceVendor, providers.SourceMemory, providers.SourceStale, providers.SourceVendor} {
		providers.TraceFrom(ctx).Add(providers.Call{Source: s, Duration: time.Second})
	}
	if got := trace.Spent(); got != 2 || len(trace.Calls()) != 4 {
		t.Errorf("spent %d of %d; want the 2 vendors' calls of 4", got, len(trace.Calls()))
	}
	if providers.TraceFrom(providers.WithTrace(ctx, nil)) != nil {
		t.Error("a trace that was taken away is still there")
	}
}
