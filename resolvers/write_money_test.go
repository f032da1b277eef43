package resolvers_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/redisclient/redistest"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// TestPaysExactly tries to mark payouts as paid that are not as the caller thinks: nothing
// is sent.
func TestPaysExactly(t *testing.T) {
	for vendor, status := range map[string]string{"firstpromoter": "PENDING", "uppromote": "DUE"} {
		t.Run(vendor, func(t *testing.T) {
			w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, cost: 1 << 20})
			c := &cast{w, vendor}
			due, inside := c.due(status)
			foreign := c.one("commissions", "", `id affiliate { id } status`, func(f found) bool {
				return f.at("affiliate.id") != due.at("affiliate.id") && f.at("status") == "APPROVED"
			}).at("id")
			w.taken(vendor)
			paid := c.one("payouts", "statuses: [PAID]", `id amount { amount }`, func(f found) bool { return f.at("amount.amount") != "" })
			of, _ := must[struct{ Node found }](w, text(`{ node(id: %q) { ... on Payout { commissions(first: 50) { nodes { id } } } } }`, paid.at("id")), nil)
			total := dollars(due.at("amount.amount"))
			w.taken(vendor)
			for name, input := range map[string]object{
				"another total":        {"id": due.at("id"), "commissions": inside, "expectedTotal": dollars("0.01")},
				"a commission missing": {"id": due.at("id"), "commissions": inside[1:], "expectedTotal": total},
				"a foreign commission": {"id": due.at("id"), "commissions": append(slices.Clone(inside), foreign), "expectedTotal": total},
				"another's instead":    {"id": due.at("id"), "commissions": append(slices.Clone(inside[1:]), foreign), "expectedTotal": total},
				"paid already":         {"id": paid.at("id"), "commissions": []string{of.Node.at("commissions.nodes.0.id")}, "expectedTotal": dollars(paid.at("amount.amount"))},
			} {
				got, a := w.write(providers.CanMarkPayoutPaid, "status", strings.ReplaceAll(name, " ", "-"), input)
				if got == nil || len(got.UserErrors) == 0 {
					t.Errorf("%s: %s", name, clipped(a.text))
					continue
				}
				for _, e := range got.UserErrors {
					if e.Code != "CONFLICT" && e.Code != "WRONG_STATE" && e.Code != "NOT_FOUND" {
						t.Errorf("%s: %+v", name, e)
					}
				}
				if all, writes := w.taken(vendor); len(writes) != 0 {
					t.Errorf("%s: something was sent:%s", name, lined(all))
				}
			}
		})
	}
}

// TestTaken makes an affiliate with the address of another: the problem is at our field,
// and nobody is made.
func TestTaken(t *testing.T) {
	for _, vendor := range registered() {
		t.Run(vendor, func(t *testing.T) {
			w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, cost: 1 << 20})
			if !w.can(vendor, providers.CanCreateAffiliate) {
				t.Skip("the account does not claim it")
			}
			a := (&cast{w, vendor}).affiliate(nil)
			input := object{"account": account(vendor), "email": a.at("email"), "firstName": "Jane", "lastName": "Doe"}
			got, answer := w.write(providers.CanCreateAffiliate, "id", newKey, input)
			if got == nil || got.Record != nil || len(got.UserErrors) != 1 || got.UserErrors[0].Code != "TAKEN" || !slices.Equal(got.UserErrors[0].Field, []string{"email"}) {
				t.Errorf("%s", clipped(answer.text))
			}
			if all, _ := w.taken(vendor); landed(all) != 0 {
				t.Errorf("somebody was made:%s", lined(all))
			}
		})
	}
}

// TestVendorRefuses plays each vendor's own refusal of a write, as its documentation has
// it: the paths are ours, the words are not the vendor's.
func TestVendorRefuses(t *testing.T) {
	for vendor, r := range map[string]struct {
		status     int
		body, want string
	}{
		"firstpromoter": {http.StatusUnprocessableEntity, `{"message":"Invalid record","code":"invalid_record","errors":{"email":["jane@x.example has already been taken"]}}`, "[email] TAKEN"},
		"uppromote":     {http.StatusUnprocessableEntity, `{"message":"The given data was invalid.","errors":{"email":["jane@x.example has already been taken."]}}`, "[email] TAKEN"},
		"promotekit":    {http.StatusConflict, `{"success":false,"error":{"message":"jane@x.example exists","type":"conflict"}}`, "[] CONFLICT"}, // it names no fields
	} {
		t.Run(vendor, func(t *testing.T) {
			w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true})
			w.failWrite(vendor, sandbox.Fault{Status: r.status, Body: r.body, Header: http.Header{"Content-Type": {"application/json"}}})
			input := object{"account": account(vendor), "email": "jane@x.example", "firstName": "Jane", "lastName": "Doe"}
			for range 2 {
				got, a := w.write(providers.CanCreateAffiliate, "id", newKey, input)
				if got == nil || len(got.UserErrors) != 1 || text("%s %s", got.UserErrors[0].Field, got.UserErrors[0].Code) != r.want {
					t.Errorf("%s, want %s", clipped(a.text), r.want)
				}
				if strings.Contains(a.text, "jane@") {
					t.Errorf("the vendor's words reach the client: %s", a.text)
				}
			}
			if _, writes := w.taken(vendor); len(writes) != 1 {
				t.Errorf("it was sent %d times:%s", len(writes), lined(writes))
			}
		})
	}
}

// TestTwentyAtOnce asks for one write with one key twenty times at once, at two servers
// that share a Redis.
func TestTwentyAtOnce(t *testing.T) {
	for _, r := range rows() {
		if r.mutation != providers.CanCreateCommission && r.mutation != providers.CanAdjustCommission && r.mutation != providers.CanCreateAffiliate {
			continue
		}
		t.Run(r.vendor+" "+string(r.mutation)+" "+r.also, func(t *testing.T) {
			redis := redistest.Start(t)
			of, p := r.sole(t, setup{})
			now := func() time.Time { return today.Add(time.Duration(of.clock.Load())) }
			var servers [2]*world
			for i := range servers {
				store := cache.NewTiered(cache.NewMemory(64<<20, now), cache.NewRedis(redis.Client(redisclient.Cache), cache.RedisOptions{Now: now, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler)}))
				t.Cleanup(store.Close)
				servers[i] = newWorld(t, setup{vendors: []string{r.vendor}, noBudget: true, beside: of, store: store, entries: ledger.NewRedis(redis.Client(redisclient.Durable))})
			}
			var (
				answers [20]string
				wg      sync.WaitGroup
			)
			for i := range answers {
				wg.Go(func() {
					_, a := servers[i%2].write(r.mutation, p.fields, newKey, p.input)
					answers[i] = string(a.Data)
				})
			}
			wg.Wait()
			for _, a := range answers {
				if a != answers[0] || a == "" || a == "null" {
					t.Errorf("one answer is %q, another %q", answers[0], a)
				}
			}
			if all, writes := of.taken(r.vendor); len(writes) != 1 || landed(all) != 1 {
				t.Errorf("it was sent %d times:%s", len(writes), lined(writes))
			}
		})
	}
}
