package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
	world "github.com/partnergraph/partnergraph/providers/sandbox"
)

// write makes a write.
func write(s *Server, request, body string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+apiKey)
	r.Header.Set("Account-ID", accountID)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// do is the decoded answer to a write that succeeds.
func do[T any](t *testing.T, s *Server, request, body string) (answer T) {
	t.Helper()
	w := write(s, request, body)
	if w.Code/100 != 2 {
		t.Fatalf("%s %s: %d %s", request, body, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v in %s", request, err, w.Body)
	}
	return answer
}

// TestWriteRefusals: what the vendor does not take, in its shape, and nothing is changed by it.
func TestWriteRefusals(t *testing.T) {
	s, _ := open(providers.SandboxSmall)
	before := snapshot(t, s)
	email, other, token := s.world.Affiliates[1].Email, s.world.Customers[1].Email, s.memberships[1].token
	notThere := `{"code":"not_found","message":"Record not found"}`
	param := func(name string) string {
		return `{"code":"invalid_params","message":"param is missing or the value is empty or invalid: ` + name + `"}`
	}
	field := func(name, message string) string {
		return `{"code":"invalid_record","errors":{"` + name + `":["` + message + `"]},"message":"Validation failed: ` + name + ` ` + message + `"}`
	}
	for _, c := range []struct {
		request, body string
		status        int
		answer        string
	}{
		{"POST /promoters", `{`, 400, `{"message":"Bad Request"}`},
		{"POST /promoters", `{}`, 422, param("email")},
		{"POST /promoters", `{"email":"` + strings.ToUpper(email) + `"}`, 400, field("email", taken)},
		{"POST /promoters", `{"email":"a@example.com","initial_campaign_id":1}`, 400, field("initial_campaign_id", "is invalid")},
		{"PUT /promoters/1", `{}`, 404, notThere},
		{"PUT /promoters/8200001", `{"email":"` + email + `"}`, 400, field("email", taken)},
		{"PUT /promoters/8200001", `{"email":"nobody"}`, 400, field("email", "is invalid")},
		{"POST /promoters/accept", `{"ids":[8200001]}`, 422, param("campaign_id")},
		{"POST /promoters/archive", `{"ids":[]}`, 422, param("ids")},
		{"PUT /promoter_campaigns/14800001", `{"ref_token":"` + token + `"}`, 400, field("ref_token", taken)},
		{"PUT /promoter_campaigns/14800001", `{"state":"resting"}`, 400, field("state", "is not included in the list")},
		{"PUT /promoter_campaigns/1", `{}`, 404, notThere},
		{"POST /campaigns", `{"name":"x","landing_url":"https://a.example","ref_token_param":"?fpr"}`, 400, field("visitor_cookie_life", "can't be blank")},
		{"PUT /campaigns/28001", `{"ref_token_param":"?me"}`, 400, field("ref_token_param", "is not included in the list")},
		{"POST /referrals", `{"email":"a@example.com"}`, 422, param("promoter_campaign_id")},
		{"POST /referrals", `{"promoter_campaign_id":1,"email":"a@example.com"}`, 404, notThere},
		{"POST /referrals", `{"promoter_campaign_id":14800001,"email":"` + other + `"}`, 422,
			`{"code":"invalid_params","errors":{"email":["has already been taken"]},"message":"Validation failed: email has already been taken"}`},
		{"POST /referrals/move_to_promoter", `{"ids":[29200001]}`, 422, param("promoter_campaign_id")},
		{"POST /commissions", `{}`, 422, param("commission_type")},
		{"POST /commissions", `{"commission_type":"sale","sale_amount":1}`, 422, param("referral_id")},
		{"POST /commissions", `{"commission_type":"custom","promoter_campaign_id":14800001}`, 422, param("amount")},
		{"POST /commissions", `{"commission_type":"custom","promoter_campaign_id":1,"amount":1}`, 404, notThere},
		{"PUT /commissions/1", `{}`, 404, notThere},
		{"POST /promo_codes", `{"code":"` + s.codes[0].code + `","reward_id":157001,"promoter_campaign_id":14800001}`, 400, field("code", taken)},
		{"POST /promo_codes", `{"code":"X","reward_id":1,"promoter_campaign_id":14800001}`, 404, notThere},
		{"POST /webhooks", `{"url":"http://a.example","event_types":["x"]}`, 422, `{"code":"invalid_params","message":"Url must be a public https address"}`},
		{"DELETE /webhooks/1", ``, 404, notThere},
	} {
		w := write(s, c.request, c.body)
		if got := strings.TrimSpace(w.Body.String()); w.Code != c.status || got != c.answer {
			t.Errorf("%s %s: got %d %s; want %d %s", c.request, c.body, w.Code, got, c.status, c.answer)
		}
	}
	if diff := cmp.Diff(before, snapshot(t, s)); diff != "" {
		t.Errorf("refused writes have changed something (-before +after)\n%s", diff)
	}
}

// snapshot is what a simulator shows.
func snapshot(t *testing.T, s *Server) map[string]any {
	shown := map[string]any{}
	for _, target := range []string{"/promoters", "/promoter_campaigns", "/campaigns", "/referrals", "/commissions", "/payouts", "/promo_codes", "/webhooks"} {
		shown[target] = get[any](t, s, target+"?per_page=100")
	}
	return shown
}

// TestRefusedActions: an action that cannot be done for a record says so in its counts.
func TestRefusedActions(t *testing.T) {
	s, _ := open(providers.SandboxSmall)
	paid := slices.IndexFunc(s.world.Commissions, func(c world.Commission) bool { return c.Verdict == world.Paid })
	processing := slices.IndexFunc(s.world.Payouts, func(p world.Payout) bool { return p.State == "processing" })
	type outcome struct {
		Status string
		Failed int `json:"failed_count"`
		Data   *struct {
			Failed int `json:"failed_count"`
		}
	}
	for request, body := range map[string]string{
		"POST /promoters/block":              `{"ids":[8200001],"campaign_id":1}`,
		"POST /promoters/add_to_campaign":    fmt.Sprintf(`{"ids":[8200001],"campaign_id":%d}`, campaigns.of(s.memberships[s.membershipsOf[0][0]].campaign)),
		"POST /promoters/assign_parent":      `{"ids":[8200001],"parent_promoter_id":8200001}`,
		"POST /promoters/archive":            `{"ids":[1]}`,
		"POST /referrals/approve":            `{"ids":[29200001]}`,
		"POST /referrals/move_to_promoter":   `{"ids":[29200001],"promoter_campaign_id":1}`,
		"POST /commissions/deny":             fmt.Sprintf(`{"ids":[%d]}`, commissions.of(paid)),
		"POST /payouts/mark_as_paid":         fmt.Sprintf(`{"ids":[%d]}`, payouts.of(processing)),
		"POST /promoters/move_to_campaign":   `{"ids":[8200001],"from_campaign_id":1,"to_campaign_id":28001}`,
		"POST /promoters/move_to_campaign?2": fmt.Sprintf(`{"ids":[8200001],"from_campaign_id":%d,"to_campaign_id":1}`, campaigns.of(s.memberships[s.membershipsOf[0][0]].campaign)),
	} {
		o := do[outcome](t, s, request, body)
		if failed := o.Failed == 1 || o.Data != nil && o.Data.Failed == 1; !failed {
			t.Errorf("%s %s: %+v", request, body, o)
		}
	}
}

// TestBackground: many records, or the switch, and an action goes on behind its answer: two
// calls later it is done.
func TestBackground(t *testing.T) {
	s, _ := open(providers.SandboxSmall)
	type batch struct {
		ID        int64
		Status    string
		Processed int `json:"processed_count"`
	}
	body := `{"ids":[8200001,8200002,8200003,8200004,8200005,8200006]}`
	w := write(s, "POST /promoters/archive", body)
	var b batch
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || w.Code != http.StatusAccepted || b.Status != "pending" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if !s.archived[0].IsZero() {
		t.Error("it was done when it was answered")
	}
	target := fmt.Sprintf("/batch_processes/%d", b.ID)
	for _, want := range []batch{{b.ID, "in_progress", 0}, {b.ID, "completed", 6}, {b.ID, "completed", 6}} {
		if got := get[batch](t, s, target); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if s.archived[0].IsZero() {
		t.Error("it was never done")
	}
	s.Kit().Set(Background, true)
	if w := write(s, "POST /promoters/restore", `{"ids":[8200001]}`); w.Code != http.StatusAccepted {
		t.Errorf("with the switch: got %d", w.Code)
	}
	get[any](t, s, "/campaigns")
	get[any](t, s, "/campaigns") // nobody asks for it, and it is done all the same
	if !s.archived[0].IsZero() {
		t.Error("it was not done by itself")
	}
}

// TestTiers: a sale in the campaign with tiers earns twice.
func TestTiers(t *testing.T) {
	s, _ := open(providers.SandboxSmall)
	row := slices.IndexFunc(s.world.Commissions, func(c world.Commission) bool { return c.Tier == 2 })
	if row < 0 {
		t.Fatal("the world has no tiers")
	}
	customer := s.world.Commissions[row].Customer
	made := do[[]struct {
		Tier   int
		Amount int64
	}](t, s, "POST /commissions", fmt.Sprintf(`{"commission_type":"sale","referral_id":%d,"sale_amount":1000}`, referrals.of(customer)))
	if len(made) != 2 || made[0].Tier != 1 || made[0].Amount != 250 || made[1].Tier != 2 || made[1].Amount != 50 {
		t.Errorf("got %+v, want 250 and 50", made)
	}
}

// TestManyWriters: whatever is written at once, the figures add up afterwards.
func TestManyWriters(t *testing.T) {
	s, c := open(providers.SandboxSmall)
	limited := s.handler
	s.handler = authorized(s.locked(s.routes())) // more calls than a minute has
	var wg sync.WaitGroup
	const writers = 8
	for n := range writers {
		wg.Go(func() {
			for i := range 12 {
				person := 8200001 + (n*5+i)%40
				for request, body := range map[string]string{
					"POST /promoters":                      fmt.Sprintf(`{"email":"w%d-%d@example.com"}`, n, i),
					"POST /referrals":                      fmt.Sprintf(`{"promoter_campaign_id":%d,"email":"c%d-%d@example.com"}`, 14800001+n+i, n, i),
					"POST /commissions":                    fmt.Sprintf(`{"commission_type":"sale","referral_id":%d,"sale_amount":1999}`, 29200001+n*20+i),
					"POST /commissions?2":                  fmt.Sprintf(`{"commission_type":"custom","promoter_campaign_id":%d,"amount":%d}`, 14800001+n+i, 100-50*i),
					"POST /commissions/approve":            fmt.Sprintf(`{"ids":[%d]}`, 113500501+n*9+i),
					"POST /commissions/deny":               fmt.Sprintf(`{"ids":[%d]}`, 113500301+n*9+i),
					"POST /payouts/mark_as_paid":           fmt.Sprintf(`{"ids":[%d]}`, 2700001+n*20+i),
					"POST /referrals/disable":              fmt.Sprintf(`{"ids":[%d]}`, 29200001+n*9+i),
					"POST /referrals/enable":               fmt.Sprintf(`{"ids":[%d]}`, 29200001+n*8+i),
					"POST /referrals/move_to_promoter":     fmt.Sprintf(`{"ids":[%d],"promoter_campaign_id":%d,"move_associated_commissions":true}`, 29200001+n*7+i, 14800001+n*3+i),
					"POST /promoters/assign_parent":        fmt.Sprintf(`{"ids":[%d],"parent_promoter_id":%d}`, person, 8200001+n),
					"POST /promoters/add_to_campaign":      fmt.Sprintf(`{"ids":[%d],"campaign_id":%d}`, person, 28001+i%5),
					"POST /promoters/move_to_campaign":     fmt.Sprintf(`{"ids":[%d],"from_campaign_id":%d,"to_campaign_id":%d,"soft_move_referrals":true}`, person, 28001+n%5, 28001+i%5),
					"PUT /promoters/" + fmt.Sprint(person): fmt.Sprintf(`{"profile":{"first_name":"N%d"}}`, n),
				} {
					write(s, request, body)
				}
				call(s, "/promoters?per_page=100")
				call(s, "/commissions?q=cus_")
			}
		})
	}
	wg.Wait()
	s.handler = limited
	c.now = c.now.Add(time.Hour)
	figures(t, s, c)
	if len(s.world.Affiliates) != 40+writers*12 || len(s.world.Commissions) < 750 {
		t.Errorf("%d affiliates and %d commissions: hardly anything was written", len(s.world.Affiliates), len(s.world.Commissions))
	}
	recounted(t, s)
}

// recounted holds what is kept up to date with every write against what it comes to.
func recounted(t *testing.T, s *Server) {
	t.Helper()
	type kept struct {
		Stats, Campaigns, Memberships         []stats
		Balances                              []balances
		Children, Customers, Commissions, Ins [][]int32
	}
	look := func() kept {
		k := kept{Stats: slices.Clone(s.stats), Campaigns: slices.Clone(s.campaignStats), Balances: slices.Clone(s.balances)}
		for _, m := range s.memberships {
			k.Memberships = append(k.Memberships, m.stats)
		}
		lists := func(l [][]int32) (all [][]int32) {
			for _, rows := range l {
				all = append(all, append([]int32{}, rows...))
			}
			return all
		}
		k.Children, k.Customers, k.Commissions, k.Ins = lists(s.childrenOf), lists(s.customersOf), lists(s.commissionsOf), lists(s.within)
		return k
	}
	got := look()
	zero := func(all []stats) {
		for i := range all {
			all[i] = stats{clicks: all[i].clicks, promoters: all[i].promoters}
		}
	}
	zero(s.stats)
	zero(s.campaignStats)
	for i := range s.memberships {
		s.memberships[i].stats = stats{clicks: s.memberships[i].clicks, promoters: s.memberships[i].promoters}
	}
	clear(s.balances)
	clear(s.childrenOf)
	clear(s.customersOf)
	clear(s.commissionsOf)
	clear(s.within)
	for i, a := range s.world.Affiliates {
		if a.Parent >= 0 {
			s.childrenOf[a.Parent] = append(s.childrenOf[a.Parent], int32(i))
		}
	}
	for i, c := range s.world.Customers {
		s.customersOf[c.Affiliate] = append(s.customersOf[c.Affiliate], int32(i))
		s.countCustomer(i, 1)
	}
	for i := range s.world.Sales {
		s.countSale(i, 1)
	}
	for i, c := range s.world.Commissions {
		s.commissionsOf[c.Affiliate] = append(s.commissionsOf[c.Affiliate], int32(i))
		if c.Payout >= 0 {
			s.within[c.Payout] = append(s.within[c.Payout], int32(i))
		}
		s.countCommission(i, 1)
	}
	if diff := cmp.Diff(look(), got, cmp.AllowUnexported(stats{}, balances{}, sums{})); diff != "" {
		t.Errorf("figures (-recounted +kept)\n%s", diff)
	}
}

// TestDeniedInPayout: what is denied leaves its payout, which is then the sum of the rest.
func TestDeniedInPayout(t *testing.T) {
	s, c := open(providers.SandboxSmall)
	i := slices.IndexFunc(s.world.Payouts, func(p world.Payout) bool { return p.State == "pending" && len(p.Commissions) > 1 })
	denied := s.world.Payouts[i].Commissions[0]
	do[any](t, s, "POST /commissions/deny", fmt.Sprintf(`{"ids":[%d]}`, commissions.of(denied)))
	if len(s.within[i]) != len(s.world.Payouts[i].Commissions) || slices.Contains(s.within[i], int32(denied)) {
		t.Errorf("the payout holds %v and %v, and %d was denied", s.within[i], s.world.Payouts[i].Commissions, denied)
	}
	figures(t, s, c)
	c.now = c.now.Add(time.Hour)
	do[any](t, s, "POST /payouts/mark_as_paid", fmt.Sprintf(`{"ids":[%d]}`, payouts.of(i)))
	figures(t, s, c)
	recounted(t, s)
}

// TestMoves: the world moves by itself, and what is kept up to date comes to the same.
func TestMoves(t *testing.T) {
	s := providertest.Live(t, func() *Server { s, _ := open(providers.SandboxSmall); return s },
		func(s *Server) int { return len(s.world.Customers) + len(s.world.Commissions) })
	recounted(t, s)
}
