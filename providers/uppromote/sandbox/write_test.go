package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

// send makes a write.
func send(s *Server, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", APIKey)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// made is the data of a write that was taken.
func made(t testing.TB, s *Server, method, path, format string, args ...any) any {
	t.Helper()
	w := send(s, method, path, fmt.Sprintf(format, args...))
	o := decode(t, w.Body.Bytes())
	if w.Code != http.StatusOK || o["status"] != json.Number("200") {
		t.Fatalf("%s %s %s: %d %s", method, path, fmt.Sprintf(format, args...), w.Code, w.Body)
	}
	return o["data"]
}

// where is the first row of a list that passes.
func where(t testing.TB, s *Server, path string, pass func(object) bool) object {
	t.Helper()
	for _, row := range walk(t, s, path) {
		if pass(row) {
			return row
		}
	}
	t.Fatalf("%s: there is no such row", path)
	return nil
}

func having(name string, value any) func(object) bool {
	return func(o object) bool { return fmt.Sprint(o[name]) == fmt.Sprint(value) }
}

// TestWrites: each write shows at once, the figures stay right, and replies have the shapes
// of the stored exchanges.
func TestWrites(t *testing.T) {
	s := ticking()
	stored := map[string]providertest.Exchange{}
	for _, e := range providertest.Exchanges(t, "..") {
		stored[e.Name] = e
	}
	write := func(name, format string, args ...any) object {
		t.Helper()
		method, path, _ := strings.Cut(stored[name].Request, " ")
		if i := strings.LastIndex(path, "1781736"); i >= 0 {
			path = path[:i] + fmt.Sprint(args[0]) + path[i+len("1781736"):]
			args = args[1:]
		}
		data := made(t, s, method, path, format, args...)
		want, got := map[string]map[string]bool{}, map[string]map[string]bool{}
		shape("", decode(t, stored[name].Body)["data"], want)
		shape("", data, got)
		for p := range want {
			if got[p] == nil && !opaque(p) && !strings.HasSuffix(p, "[]") {
				t.Errorf("%s: the simulator has no %s", name, p)
			}
		}
		for p := range got {
			if want[p] == nil && !opaque(p) && name != "webhook_delete" {
				t.Errorf("%s: the simulator has %s, which is not known", name, p)
			}
		}
		figures(t, s)
		return data.(object)
	}
	is := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v; want %v", what, got, want)
		}
	}
	affiliate := func(id any) object { return get(t, s, fmt.Sprintf("/affiliates/%v", id)).(object) }
	referral := func(id any) object { return get(t, s, fmt.Sprintf("/referrals/%v", id)).(object) }

	programs := walk(t, s, "/programs")
	a := write("affiliate_create", `{"email":"new@example.com","first_name":"N","program_id":%v,"status":"active"}`, programs[0]["id"])
	id, email := a["id"], a["email"]
	is("the newest", walk(t, s, "/affiliates")[0]["id"], id)
	is("its program", affiliate(id)["program_id"], programs[0]["id"])
	b := made(t, s, "POST", "/affiliates", `{"email":"other@example.com"}`).(object)
	is("the status of one whose is not said", b["status"], "inactive")
	write("affiliate_approve", `{"affiliate_email":"NEW@example.com","status":"denied"}`)
	is("status", affiliate(id)["status"], "inactive")
	write("affiliate_upline", `{"affiliate_email":%q,"upline_affiliate_email":"other@example.com"}`, email)
	is("upline", affiliate(id)["up_line_affiliate_id"], b["id"])
	write("affiliate_connect", `{"affiliate_email":%q,"customer_email":"c@example.com"}`, email)
	write("coupon_assign", `{"affiliate_email":%q,"coupon":"FRESH","description":"d"}`, email)
	write("coupon_assign", `{"affiliate_email":%q,"coupon":"Fresh"}`, email) // again
	is("coupons", affiliate(id)["coupons"], "[FRESH]")
	is("the newest coupon", walk(t, s, "/coupons")[0]["coupon"], "FRESH")

	first := write("referral_create", `{"type":"use_order_id","affiliate_email":%q,"order_id":7000000000001}`, email)
	is("the order's rows", len(walk(t, s, "/referrals?order_id=7000000000001")), 1)
	write("affiliate_move", `{"affiliate_email":%q,"program_id":%v}`, email, programs[1]["id"])
	is("the program of an old referral", referral(first["id"])["commission_rule"].(object)["program_id"], programs[0]["id"])
	is("referrals of the old program", len(walk(t, s, fmt.Sprintf("/referrals?program_id=%v&affiliate_email=new@example.com", programs[0]["id"]))), 1)
	second := write("commission_create", `{"type":"fixed_amount","affiliate_email":%q,"commission":12.5,"total_sale":40}`, email)
	is("commission", second["commission"], "12.50")
	is("pending", affiliate(id)["pending_amount"], number(t, first["commission"]).Add(number(t, first["commission"]), number(t, "12.5")).FloatString(1))
	write("commission_decide", `{"status":"approved"}`, first["id"])
	write("commission_decide", `{"status":"approved"}`, second["id"])
	write("commission_decide", `{"status":"denied"}`, first["id"])
	write("commission_adjust", `{"adjustment":-2.25}`, second["id"])
	write("commission_adjust", `{"adjustment":0.5}`, second["id"])
	is("adjustment", referral(second["id"])["commission_adjustment"], "-1.75")
	is("what is owed", where(t, s, "/payments/unpaid", having("affiliate_id", id))["total_commission"], 10.75)
	paid := write("payout_pay", `{"affiliate_email":%q,"referral_ids":"%v"}`, email, second["id"])
	is("total", paid["total_processed"], 10.75)
	is("the newest payment", walk(t, s, "/payments/paid")[0]["payment_id"], paid["payment_id"])
	is("the payment", get(t, s, fmt.Sprintf("/payments/%v", paid["payment_id"])).(object)["referral_ids"], fmt.Sprintf("[%v]", second["id"]))
	for _, u := range walk(t, s, "/payments/unpaid") {
		if u["affiliate_id"] == id {
			t.Errorf("%v is owed still", u)
		}
	}
	owed := walk(t, s, "/payments/unpaid")[0]
	all := made(t, s, "POST", "/payments/mark-as-paid", `{"affiliate_email":%q}`, owed["affiliate_email"]).(object)
	is("all of it", all["referral_ids"], owed["referral_ids"])
	figures(t, s)

	write("webhook_create", `{"event":"affiliate.new","target_url":"https://a.example"}`)
	is("the newest subscription", walk(t, s, "/webhook-subscriptions")[0]["event"], "affiliate.new")
	write("webhook_update", `{"event":"affiliate.new","target_url":"https://b.example"}`)
	is("target", where(t, s, "/webhook-subscriptions", having("event", "affiliate.new"))["target_url"], "https://b.example")
	made(t, s, "DELETE", "/webhook-subscriptions", `{"event":"affiliate.new"}`)
	is("subscriptions", len(walk(t, s, "/webhook-subscriptions?event=affiliate.new")), 0)
}

// TestWriteRefusals: what is wrong is refused in the vendor's form, and changes nothing.
func TestWriteRefusals(t *testing.T) {
	s := ticking()
	affiliates := walk(t, s, "/affiliates")
	below := where(t, s, "/affiliates", func(o object) bool { return o["up_line_affiliate_id"] != nil })
	holder := where(t, s, "/coupons", func(object) bool { return true })
	other := where(t, s, "/affiliates", func(o object) bool { return o["email"] != holder["affiliate_email"] })["email"]
	paid := where(t, s, "/referrals", having("status", "paid"))["id"]
	pending := where(t, s, "/referrals", having("status", "pending"))
	ordered := where(t, s, "/referrals", func(o object) bool { return o["order_id"] != nil && o["refund_id"] == nil })
	broke := where(t, s, "/affiliates", having("approved_amount", 0))["email"]
	approved := where(t, s, "/referrals", having("status", "approved"))
	email := affiliates[0]["email"]
	before := everything(t, s)
	for _, tt := range []struct {
		request, body string
		status        int
		want          string
	}{
		{"POST /affiliates", `[]`, 422, `no JSON object`},
		{"POST /affiliates", `{}`, 422, `"email":["The email field is required."]`},
		{"POST /affiliates", `{"email":"nobody"}`, 422, `"email":["The email must be a valid email address."]`},
		{"POST /affiliates", fmt.Sprintf(`{"email":%q}`, strings.ToUpper(email.(string))), 422, `"email":["The email has already been taken."]`},
		{"POST /affiliates", `{"email":"n@example.com","program_id":1}`, 422, `"program_id":["The program id is invalid."]`},
		{"POST /affiliates", `{"email":"n@example.com","status":"approved"}`, 422, `"status"`},
		{"POST /affiliates", `{"email":"n@example.com","first_name":7}`, 422, `"first_name":["The first name must be a string."]`},
		{"POST /coupons/assign", fmt.Sprintf(`{"affiliate_email":%q,"coupon":"NEXT","description":7}`, email), 422, `"description"`},
		{"POST /affiliate/active", `{"affiliate_email":"n@example.org","status":"approved"}`, 422, `"affiliate_email":["The affiliate email is invalid."]`},
		{"POST /affiliate/active", fmt.Sprintf(`{"affiliate_email":%q,"status":"active"}`, email), 422, `"status"`},
		{"POST /affiliate/set-upline", fmt.Sprintf(`{"affiliate_email":%q,"upline_affiliate_email":%q}`, email, email), 422, `"upline_affiliate_email"`},
		{"POST /affiliate/set-upline", fmt.Sprintf(`{"affiliate_email":%q,"upline_affiliate_email":%q}`, below["up_line_affiliate_email"], below["email"]), 422, `"upline_affiliate_email"`},
		{"POST /affiliate/create-connect-customer", fmt.Sprintf(`{"affiliate_email":%q}`, email), 422, `"customer_email"`},
		{"POST /coupons/assign", fmt.Sprintf(`{"affiliate_email":%q}`, email), 422, `"coupon":["The coupon field is required."]`},
		{"POST /coupons/assign", fmt.Sprintf(`{"affiliate_email":%q,"coupon":%q}`, other, strings.ToLower(holder["coupon"].(string))), 422, `"coupon":["The coupon has already been taken."]`},
		{"POST /referrals", fmt.Sprintf(`{"type":"use_order_id","affiliate_email":%q,"order_id":%v}`, email, ordered["order_id"]), 422, `"order_id":["The order id has a referral already."]`},
		{"POST /referrals", fmt.Sprintf(`{"type":"use_order_id","affiliate_email":%q}`, email), 422, `"order_id":["The order id field is required."]`},
		{"POST /referrals", fmt.Sprintf(`{"type":"fixed_amount","affiliate_email":%q,"commission":0}`, email), 422, `"commission"`},
		{"POST /referrals", fmt.Sprintf(`{"type":"fixed_amount","affiliate_email":%q,"commission":1.005}`, email), 422, `"commission"`},
		{"POST /referrals", fmt.Sprintf(`{"type":"gift","affiliate_email":%q,"commission":1}`, email), 422, `"type"`},
		{"POST /referral/1/status", `{"status":"approved"}`, 404, `Referral not found`},
		{fmt.Sprintf("POST /referral/%v/status", pending["id"]), `{"status":"paid"}`, 422, `"status"`},
		{fmt.Sprintf("POST /referral/%v/status", paid), `{"status":"denied"}`, 422, `has been paid`},
		{fmt.Sprintf("POST /referral/%v/adjustment", paid), `{"adjustment":1}`, 422, `has been paid`},
		{fmt.Sprintf("POST /referral/%v/adjustment", pending["id"]), `{"adjustment":"1"}`, 422, `"adjustment"`},
		{"POST /payments/mark-as-paid", fmt.Sprintf(`{"affiliate_email":%q}`, broke), 422, `nothing to pay`},
		{"POST /payments/mark-as-paid", fmt.Sprintf(`{"affiliate_email":%q,"referral_ids":"%v"}`, pending["affiliate"].(object)["email"], pending["id"]), 422, `"referral_ids"`},
		{"POST /payments/mark-as-paid", fmt.Sprintf(`{"affiliate_email":%q,"referral_ids":"%v,%v"}`, approved["affiliate"].(object)["email"], approved["id"], approved["id"]), 422, `"referral_ids"`},
		{"POST /webhook-subscriptions", `{"event":"referral.new","target_url":"https://a.example"}`, 422, `"event":["The event has already been taken."]`},
		{"POST /webhook-subscriptions", `{"event":"affiliate.new","target_url":"http://a.example"}`, 422, `"target_url"`},
		{"POST /webhook-subscriptions", `{"event":"rain","target_url":"https://a.example"}`, 422, `"event"`},
		{"PUT /webhook-subscriptions", `{"event":"affiliate.new","target_url":"https://a.example"}`, 404, `Webhook subscription not found`},
		{"DELETE /webhook-subscriptions", `{"event":"affiliate.new"}`, 404, `Webhook subscription not found`},
	} {
		method, path, _ := strings.Cut(tt.request, " ")
		if w := send(s, method, path, tt.body); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s: %d %s; want %d %s", tt.request, tt.body, w.Code, w.Body, tt.status, tt.want)
		}
	}
	if after := everything(t, s); after != before {
		t.Error("a refused write has changed something")
	}
}

// everything is all lists.
func everything(t *testing.T, s *Server) string {
	t.Helper()
	var all []any
	for _, path := range []string{"/affiliates", "/referrals", "/coupons", "/payments/paid", "/payments/unpaid", "/webhook-subscriptions"} {
		all = append(all, walk(t, s, path))
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestConcurrentWrites: nothing is lost, nothing is doubled that has to be unique, and
// reads see whole records.
func TestConcurrentWrites(t *testing.T) {
	s := ticking()
	email := url.QueryEscape(walk(t, s, "/affiliates")[0]["email"].(string))
	plain, _ := url.QueryUnescape(email)
	before := len(walk(t, s, "/referrals"))
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		taken int
	)
	const each = 20
	for i := range each {
		wg.Go(func() {
			send(s, "POST", "/referrals", fmt.Sprintf(`{"type":"fixed_amount","affiliate_email":%q,"commission":1}`, plain))
		})
		wg.Go(func() {
			if w := send(s, "POST", "/affiliates", `{"email":"one@example.com"}`); w.Code == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				taken++
			}
		})
		wg.Go(func() {
			send(s, "POST", "/coupons/assign", fmt.Sprintf(`{"affiliate_email":%q,"coupon":"C%d"}`, plain, i))
		})
		wg.Go(func() { call(s, http.MethodGet, "/referrals?per_page=100&affiliate_email="+email, APIKey) })
		wg.Go(func() { call(s, http.MethodGet, "/payments/unpaid?per_page=100", APIKey) })
	}
	wg.Wait()
	if got := len(walk(t, s, "/referrals")); got != before+each || taken != 1 {
		t.Errorf("%d referrals more, and %d affiliates of one address; want %d and 1", got-before, taken, each)
	}
	figures(t, s)
}

// TestYen: amounts of a currency without minor units.
func TestYen(t *testing.T) {
	s := New(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: ticking().now})
	s.store.world.Currency = "JPY"
	row := where(t, s, "/referrals", having("status", "pending"))
	path := fmt.Sprintf("/referral/%v/adjustment", row["id"])
	if w := send(s, "POST", path, `{"adjustment":0.5}`); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("half a yen: %d %s", w.Code, w.Body)
	}
	made(t, s, "POST", path, `{"adjustment":-20}`)
	if got := get(t, s, fmt.Sprintf("/referrals/%v", row["id"])).(object)["commission_adjustment"]; got != "-20.00" {
		t.Errorf("adjusted by %v; want -20.00", got)
	}
}

// TestMoves: the world moves by itself, and its figures add up.
func TestMoves(t *testing.T) {
	figures(t, providertest.Live(t, ticking, func(s *Server) int { return len(s.store.world.Customers) + len(s.store.world.Commissions) }))
}
