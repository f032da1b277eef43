package resolvers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
)

// lists are questions after whole lists. None asks for what a list's row does not hold.
var lists = []struct{ list, filter, fields string }{
	{"affiliates", ``, `id email firstName status`},
	{"affiliates", `statuses: [ACTIVE]`, `id`},
	{"memberships", ``, `id status refCode coupon affiliate { id } campaign { id }`},
	{"campaigns", ``, `id name websiteUrl isDefault isPrivate approvalRequired cookieDays`},
	{"referrals", ``, `id email status affiliate { id }`},
	{"commissions", ``, `id status kind amount { amount } adjustment { amount } note affiliate { id }`},
	{"commissions", `statuses: [PENDING]`, `id`},
	{"payouts", ``, `id status amount { amount }`},
	{"payouts", `statuses: [PAID]`, `id`},
	{"coupons", ``, `id code description affiliate { id }`},
	{"webhookSubscriptions", ``, `id targetUrl events active`},
}

// edges are what is asked of each record that an input names, by its type.
var edges = map[providers.Noun]string{
	providers.NounAffiliate:           `email name status parent { id } coupons { code } balances { status amount { amount } } memberships { id status refCode coupon campaign { id } } referrals(first: 5) { nodes { id status } } commissions(first: 5) { nodes { id status } } payouts(first: 5) { nodes { id status } }`,
	providers.NounMembership:          `status refCode coupon affiliate { id coupons { code } }`,
	providers.NounReferral:            `email status affiliate { id name } campaign { id } commissions(first: 5) { nodes { id status } }`,
	providers.NounCommission:          `status amount { amount } note affiliate { id balances { status amount { amount } } }`,
	providers.NounPayout:              `status amount { amount } affiliate { id balances { status amount { amount } } payouts(first: 5) { nodes { id status } } } commissions(first: 50) { nodes { id status } }`,
	providers.NounCampaign:            `name isDefault memberships(first: 5) { nodes { id } }`,
	providers.NounWebhookSubscription: `targetUrl events active`,
}

// questions are all that is asked of a world before and after a write: every list, and the
// records that the input names.
func questions(p play, vendor string) map[string]string {
	all := map[string]string{}
	for _, l := range lists {
		if l.list == "webhookSubscriptions" && vendor == "promotekit" {
			continue // it has none
		}
		all[strings.TrimSpace(l.list+" "+l.filter)] = fmt.Sprintf(`{ %s(first: 100, filter: { accounts: [%q] %s }) { nodes { __typename %s } } }`, l.list, account(vendor), l.filter, l.fields)
	}
	for _, id := range named(p.input) {
		noun := parsed(id).Noun
		all["a node "+id] = fmt.Sprintf(`{ node(id: %q) { ... on %s { id %s } } }`, id, noun, edges[noun])
	}
	if p.seen != "" {
		all["a look"] = p.seen
	}
	return all
}

// named are the ids of records in an input.
func named(v any) (ids []string) {
	switch v := v.(type) {
	case object:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			ids = append(ids, named(v[name])...)
		}
	case []string:
		for _, s := range v {
			ids = append(ids, named(s)...)
		}
	case string:
		if noun := parsed(v).Noun; noun != "" && noun != providers.NounAccount {
			ids = append(ids, v)
		}
	}
	return ids
}

// parsed is an id; zero for what is none.
func parsed(s string) providers.ID {
	id, _ := providers.ParseID(s)
	return id
}

// asked are the answers to questions.
func (w *world) asked(all map[string]string, vendor string) (answers map[string]any, calls map[string]int) {
	w.t.Helper()
	answers, calls = map[string]any{}, map[string]int{}
	w.taken(vendor)
	for _, name := range slices.Sorted(maps.Keys(all)) { // always in the same order, for they share what they read
		a := w.ask(all[name], nil)
		if len(a.Errors) > 0 {
			w.t.Fatalf("%s: %s", name, clipped(a.text))
		}
		answers[name] = decoded(w.t, string(a.Data))
		log, _ := w.taken(vendor)
		calls[name] = len(log)
	}
	return answers, calls
}

// cold are the answers of a server that remembers nothing.
func (w *world) cold(all map[string]string, vendor string) map[string]any {
	w.t.Helper()
	c := newWorld(w.t, setup{vendors: []string{vendor}, noBudget: true, cost: 1 << 20, calls: 1 << 20, beside: w})
	answers, _ := c.asked(all, vendor)
	return answers
}

// changed are questions after each record that lists show otherwise than before: those that
// affiliates carry come before the affiliates, so that none is answered because another
// was.
func changed(before, after map[string]any) map[string]string {
	rows := func(answers map[string]any) map[string]object {
		all := map[string]object{}
		for _, l := range lists {
			if answer, ok := answers[l.list].(object); ok && l.filter == "" {
				for _, n := range answer[l.list].(object)["nodes"].([]any) {
					all[n.(object)["id"].(string)] = n.(object)
				}
			}
		}
		return all
	}
	was, all := rows(before), map[string]string{}
	for id, is := range rows(after) {
		if old, ok := was[id]; !ok || cmp.Equal(old, is) {
			continue
		}
		for _, l := range lists {
			if noun := is["__typename"].(string); l.filter == "" && strings.EqualFold(l.list, noun+"s") {
				order := 1
				if noun == "Affiliate" {
					order = 2
				}
				all[text("%d %s", order, id)] = fmt.Sprintf(`{ node(id: %q) { ... on %s { %s } } }`, id, noun, l.fields)
			}
		}
	}
	return all
}

// readAgain are the lists that are read anew after each write: those that may have changed.
// No other costs a call.
var readAgain = map[string]string{
	"firstpromoter ADD_AFFILIATE_TO_CAMPAIGN":            "affiliates",
	"firstpromoter ADJUST_COMMISSION":                    "commissions",
	"firstpromoter ASSIGN_COUPON":                        "affiliates coupons",
	"firstpromoter CREATE_AFFILIATE":                     "affiliates",
	"firstpromoter CREATE_CAMPAIGN":                      "campaigns",
	"firstpromoter CREATE_COMMISSION of a sale":          "affiliates commissions referrals",
	"firstpromoter CREATE_COMMISSION of something else":  "commissions",
	"firstpromoter CREATE_REFERRAL":                      "referrals",
	"firstpromoter CREATE_WEBHOOK_SUBSCRIPTION":          "webhookSubscriptions",
	"firstpromoter DELETE_WEBHOOK_SUBSCRIPTION":          "webhookSubscriptions",
	"firstpromoter MARK_PAYOUT_PAID":                     "commissions payouts",
	"firstpromoter MOVE_AFFILIATE":                       "affiliates commissions coupons referrals",
	"firstpromoter MOVE_REFERRAL":                        "affiliates commissions referrals",
	"firstpromoter SET_AFFILIATE_PARENT":                 "affiliates",
	"firstpromoter SET_AFFILIATE_STATUS by an action":    "affiliates memberships",
	"firstpromoter SET_AFFILIATE_STATUS of a membership": "affiliates memberships",
	"firstpromoter SET_AFFILIATE_STATUS to the archive":  "affiliates memberships",
	"firstpromoter SET_COMMISSION_STATUS to denied":      "commissions payouts",
	"firstpromoter SET_COMMISSION_STATUS":                "commissions payouts",
	"firstpromoter SET_REFERRAL_STATUS":                  "referrals",
	"firstpromoter UPDATE_AFFILIATE":                     "affiliates",
	"firstpromoter UPDATE_CAMPAIGN":                      "campaigns",
	"firstpromoter UPDATE_COMMISSION":                    "",
	"firstpromoter UPDATE_MEMBERSHIP":                    "affiliates memberships",
	"firstpromoter UPDATE_REFERRAL":                      "referrals",
	"firstpromoter UPDATE_WEBHOOK_SUBSCRIPTION":          "webhookSubscriptions",
	"promotekit ASSIGN_COUPON":                           "affiliates coupons memberships",
	"promotekit CREATE_AFFILIATE":                        "affiliates coupons memberships",
	"promotekit CREATE_CAMPAIGN":                         "campaigns",
	"promotekit CREATE_COMMISSION like another":          "commissions",
	"promotekit CREATE_COMMISSION with an event":         "commissions",
	"promotekit CREATE_REFERRAL":                         "referrals",
	"promotekit MOVE_AFFILIATE":                          "affiliates commissions coupons memberships payouts referrals",
	"promotekit SET_AFFILIATE_STATUS":                    "affiliates memberships",
	"promotekit UPDATE_AFFILIATE":                        "affiliates",
	"promotekit UPDATE_CAMPAIGN":                         "campaigns",
	"promotekit UPDATE_MEMBERSHIP":                       "affiliates coupons memberships",
	"uppromote ADJUST_COMMISSION of what is due":         "payouts",
	"uppromote ADJUST_COMMISSION":                        "",
	"uppromote ASSIGN_COUPON":                            "affiliates coupons memberships",
	"uppromote CONNECT_CUSTOMER":                         "",
	"uppromote CREATE_AFFILIATE":                         "affiliates memberships",
	"uppromote CREATE_COMMISSION":                        "commissions payouts referrals",
	"uppromote CREATE_REFERRAL":                          "commissions payouts referrals",
	"uppromote CREATE_WEBHOOK_SUBSCRIPTION":              "webhookSubscriptions",
	"uppromote DELETE_WEBHOOK_SUBSCRIPTION":              "webhookSubscriptions",
	"uppromote MARK_PAYOUT_PAID":                         "commissions payouts referrals",
	"uppromote MOVE_AFFILIATE":                           "affiliates",
	"uppromote SET_AFFILIATE_PARENT":                     "affiliates",
	"uppromote SET_AFFILIATE_STATUS":                     "affiliates memberships",
	"uppromote SET_COMMISSION_STATUS of what is due":     "commissions payouts referrals",
	"uppromote SET_COMMISSION_STATUS":                    "commissions payouts referrals",
	"uppromote UPDATE_WEBHOOK_SUBSCRIPTION":              "webhookSubscriptions",
}

// TestReadYourWrites asks for everything before and after each write: it is right at once,
// and what the write has nothing to do with costs no call.
func TestReadYourWrites(t *testing.T) {
	sequential(t)
	eachRow(t, func(t *testing.T, r row) {
		w, p := r.sole(t, setup{calls: 1 << 20})
		all := questions(p, r.vendor)
		before, _ := w.asked(all, r.vendor)
		if _, calls := w.asked(all, r.vendor); slices.Max(slices.Collect(maps.Values(calls))) > 0 {
			t.Fatalf("the cache does not get warm: %v", calls)
		}
		w.pass(time.Second)
		made := w.made(r, play{input: p.input}, newKey) // so that the payload reads nothing anew
		w.pass(time.Second)
		got, calls := w.asked(all, r.vendor)
		want := w.cold(all, r.vendor)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after the write it is not as the vendor has it (-vendor +answer)\n%s", diff)
		}
		if cmp.Equal(before, want) && !p.blind {
			t.Error("the write changes nothing that is asked for")
		}
		if of := mutations[r.mutation].noun; of != "" && p.is != "" {
			if diff := cmp.Diff(decoded(t, p.is), w.node(r, p, made.id())); diff != "" {
				t.Errorf("the record (-want +got)\n%s", diff)
			}
		}
		var again []string
		for _, l := range lists {
			if l.filter == "" && calls[l.list] > 0 {
				again = append(again, l.list)
			}
		}
		slices.Sort(again)
		name := strings.TrimSpace(r.vendor + " " + string(r.mutation) + " " + r.also)
		if got, want := strings.Join(again, " "), readAgain[name]; got != want {
			t.Errorf("the lists %q are read again, want %q", got, want)
		}
	})
}

// TestOtherServersSeeWrites has one server write, and another that knew everything be right
// as soon as it is told.
//
// Each mutation is played at one vendor: what its write makes stale is shown for all of
// them above, and how others hear of it is the same for all.
func TestOtherServersSeeWrites(t *testing.T) {
	sequential(t)
	eachRow(t, func(t *testing.T, r row) {
		if r.also != "" || r.vendor != "firstpromoter" && r.mutation != providers.CanConnectCustomer {
			t.SkipNow()
		}
		redis := redistest.Start(t)
		var of *world
		store := func() cache.Store {
			o := cache.RedisOptions{Now: func() time.Time { return today.Add(time.Duration(of.clock.Load())) }, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler)}
			s := cache.NewTiered(cache.NewMemory(64<<20, o.Now), cache.NewRedis(redis.Client(redisclient.Cache), o))
			t.Cleanup(s.Close)
			return s
		}
		of = newWorld(t, setup{vendors: []string{r.vendor}, noBudget: true}) // only its vendor and its clock
		a, p := r.sole(t, setup{calls: 1 << 20, beside: of, store: store()})
		b := newWorld(t, setup{vendors: []string{r.vendor}, noBudget: true, cost: 1 << 20, calls: 1 << 20, beside: of, store: store()})
		all := questions(p, r.vendor)
		before, _ := b.asked(all, r.vendor)
		redistest.Eventually(t, "both servers know everything", func(context.Context) error {
			_, ofA := a.asked(all, r.vendor)
			_, ofB := b.asked(all, r.vendor)
			if n := slices.Max(slices.Collect(maps.Values(ofA))) + slices.Max(slices.Collect(maps.Values(ofB))); n > 0 {
				return fmt.Errorf("%d calls", n)
			}
			return nil
		})
		a.pass(time.Second)
		a.made(r, play{input: p.input}, newKey)
		a.pass(time.Second)
		want := a.cold(all, r.vendor)
		single := changed(before, want)
		redistest.Eventually(t, "the other server is right about each record", func(context.Context) error {
			got, _ := b.asked(single, r.vendor)
			wanted := a.cold(single, r.vendor)
			if diff := cmp.Diff(wanted, got); diff != "" {
				return errors.New(diff)
			}
			return nil
		})
		got, _ := a.asked(all, r.vendor)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the server that wrote (-vendor +answer)\n%s", diff)
		}
		redistest.Eventually(t, "the other server is right", func(context.Context) error {
			got, _ := b.asked(all, r.vendor)
			if diff := cmp.Diff(want, got); diff != "" {
				return errors.New(diff)
			}
			return nil
		})
	})
}
