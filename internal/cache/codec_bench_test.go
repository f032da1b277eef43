package cache_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
)

// firstRecords are the affiliates and referrals on the first pages of each simulator.
func firstRecords(b *testing.B) (affiliates []*providers.Affiliate, referrals []*providers.Referral) {
	for _, f := range all.Registry().Factories() {
		sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: func() time.Time { return day }})
		p, err := f.New(providers.Config{
			Account: f.Name, Name: f.Title, Currency: sim.Currency(), BaseURL: "http://vendor", Credentials: sim.Credentials(),
			Timeout: time.Minute, HTTP: &http.Client{Transport: simulator{sim, new(atomic.Bool), new(atomic.Int64)}}, Logger: slog.New(slog.DiscardHandler),
			Budget: budget.New(1<<20, f.Window, time.Now), Now: time.Now,
		})
		if err != nil {
			b.Fatal(err)
		}
		affiliates = append(affiliates, firstPage(b, p, providers.AffiliateFilter{}, providers.Provider.Affiliates)...)
		referrals = append(referrals, firstPage(b, p, providers.ReferralFilter{}, providers.Provider.Referrals)...)
	}
	return affiliates, referrals
}

func firstPage[T providers.Record, F any](b *testing.B, p providers.Provider, f F, plan func(providers.Provider, F) ([]providers.List[T], error)) []*T {
	lists, err := plan(p, f)
	if err != nil {
		b.Fatal(err)
	}
	page, err := lists[0].Page(b.Context(), providers.PageRequest{Number: 1, Reader: p})
	if err != nil {
		b.Fatal(err)
	}
	return page.Items
}

// BenchmarkCodec reads records as they are stored in Redis, beside JSON.
func BenchmarkCodec(b *testing.B) {
	affiliates, referrals := firstRecords(b)
	var stored, text [][]byte
	for _, r := range affiliates {
		stored, text = append(stored, cache.Encoded(b, r)), append(text, marshaled(b, r))
	}
	for _, r := range referrals {
		stored, text = append(stored, cache.Encoded(b, r)), append(text, marshaled(b, r))
	}
	for name, codec := range map[string]struct {
		all  [][]byte
		read func(i int) error
	}{
		"stored": {stored, func(i int) error { return cache.Decoded(stored[i]) }},
		"JSON": {text, func(i int) error {
			if i < len(affiliates) {
				return json.Unmarshal(text[i], new(providers.Affiliate))
			}
			return json.Unmarshal(text[i], new(providers.Referral))
		}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			bytes := 0
			for _, record := range codec.all {
				bytes += len(record)
			}
			for i := 0; b.Loop(); i++ {
				if err := codec.read(i % len(codec.all)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(bytes)/float64(len(codec.all)), "bytes/record")
		})
	}
}

func marshaled(b *testing.B, record any) []byte {
	text, err := json.Marshal(record)
	if err != nil {
		b.Fatal(err)
	}
	return text
}
