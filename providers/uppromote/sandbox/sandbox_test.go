package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/providertest"
)

var noon = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)

// still is a simulator whose clock stands still.
func still() *Server {
	return New(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: func() time.Time { return noon }})
}

// ticking is a simulator that lets a minute pass at each look at its clock.
func ticking() *Server { return New(providertest.Small(noon)) }

// object is what any JSON object decodes into, numbers as written.
type object = map[string]any

func call(s *Server, method, path, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if key != "" {
		r.Header.Set("Authorization", key)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func decode(t testing.TB, b []byte) (o object) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&o); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return o
}

// get is the data of a successful read.
func get(t testing.TB, s *Server, path string) any {
	t.Helper()
	w := call(s, http.MethodGet, path, APIKey)
	o := decode(t, w.Body.Bytes())
	if w.Code != http.StatusOK || len(o) != 3 || o["status"] != json.Number("200") || o["message"] != "success" {
		t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return o["data"]
}

// walk is all rows of a list.
func walk(t testing.TB, s *Server, path string) (rows []object) {
	t.Helper()
	for page := 1; ; page++ {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		data := get(t, s, fmt.Sprintf("%s%sper_page=100&page=%d", path, sep, page)).([]any)
		for _, row := range data {
			rows = append(rows, row.(object))
		}
		if len(data) < 100 {
			return rows
		}
	}
}

func TestRefusals(t *testing.T) {
	s := ticking()
	for _, tt := range []struct {
		method, path, key string
		status            int
		body              string
	}{
		{"GET", "/programs", "", 401, `{"message":"Token not provided"}`},
		{"GET", "/programs", "wrong", 401, `{"message":"Unauthorized"}`},
		{"GET", "/programs", "Bearer " + APIKey, 401, `{"message":"Unauthorized"}`},
		{"GET", "/nothing", APIKey, 404, `Not found`},
		{"POST", "/programs", APIKey, 405, `not supported`},
		{"GET", "/affiliates/1", APIKey, 404, `Affiliate not found`},
		{"GET", "/affiliates/x", APIKey, 404, `Affiliate not found`},
		{"GET", "/payments/1", APIKey, 404, `Payment not found`},
		{"GET", "/programs?per_page=101", APIKey, 422, `"per_page":["The per page must not be greater than 100."]`},
		{"GET", "/programs?per_page=0", APIKey, 422, `"per_page"`},
		{"GET", "/programs?page=x", APIKey, 422, `"page"`},
		{"GET", "/affiliates?status=approved", APIKey, 422, `"status"`},
		{"GET", "/referrals?from_date=2026-01-01T00:00:00Z", APIKey, 422, `"to_date"`},
		{"GET", "/referrals?to_date=2026-01-01T00:00:00Z", APIKey, 422, `"from_date"`},
		{"GET", "/referrals?from_date=yesterday&to_date=2026-01-01T00:00:00Z", APIKey, 422, `"from_date"`},
		{"GET", "/affiliates?from_date=2026-01-01T00:00:00Z", APIKey, 200, `"data"`},
		{"GET", "/coupons?page=99999999999", APIKey, 200, `"data":[]`},
		{"GET", "/programs/29401/excluded", APIKey, 200, `"data":{"collections":[],"products":[]}`},
	} {
		if w := call(s, tt.method, tt.path, tt.key); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s %s with %q: %d %s; want %d %s", tt.method, tt.path, tt.key, w.Code, w.Body, tt.status, tt.body)
		}
	}
}

// TestLimit: 120 calls a minute, failures counted, for all keys together.
func TestLimit(t *testing.T) {
	s := still()
	for i := range 120 {
		key := []string{APIKey, "wrong", ""}[i%3]
		if w := call(s, http.MethodGet, "/programs", key); w.Code == http.StatusTooManyRequests {
			t.Fatalf("call %d is one too many", i+1)
		}
	}
	if w := call(s, http.MethodGet, "/programs", APIKey); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "Too Many Attempts.") {
		t.Errorf("call 121: %d %s", w.Code, w.Body)
	}
}

// shape tells the names and the types of JSON, on all levels. Null may stand for anything,
// so that it is no type.
func shape(path string, v any, into map[string]map[string]bool) {
	note := func(kind string) {
		if into[path] == nil {
			into[path] = map[string]bool{}
		}
		into[path][kind] = true
	}
	switch v := v.(type) {
	case object:
		note("object")
		for name, m := range v {
			shape(path+"."+name, m, into)
		}
	case []any:
		note("array")
		for _, e := range v {
			shape(path+"[]", e, into)
		}
	case nil:
		note("null")
	case string:
		note("string")
	case json.Number:
		note("number")
	case bool:
		note("boolean")
	}
}

// opaque are members whose content has no fixed form.
func opaque(path string) bool {
	return strings.Contains(path, ".payment_info") || strings.HasSuffix(path, "_commission") || strings.Contains(path, ".custom_fields[]") ||
		strings.Contains(path, "commission_advanced[]")
}

// TestShapes: the simulator's replies have the names of the stored exchanges on all levels,
// no more and no fewer, and their types.
func TestShapes(t *testing.T) {
	s := ticking()
	ids := map[string]any{
		"/affiliates": walk(t, s, "/affiliates")[0]["id"], "/programs": walk(t, s, "/programs")[0]["id"],
		"/referrals": walk(t, s, "/referrals")[0]["id"], "/payments": walk(t, s, "/payments/paid")[0]["payment_id"],
	}
	s.Kit().Set(OneElementArrays, true) // as the exchanges have it, where they do
	for _, e := range providertest.Exchanges(t, "..") {
		if !strings.HasPrefix(e.Request, "GET ") || strings.Contains(string(e.Body), `"data": []`) {
			continue // see TestWrites
		}
		path, query, _ := strings.Cut(strings.TrimPrefix(e.Request, "GET "), "?")
		if i := strings.LastIndex(path, "/"); path[i+1] >= '0' && path[i+1] <= '9' {
			path = fmt.Sprintf("%s/%v", path[:i], ids[path[:i]])
		}
		if strings.Contains(query, "per_page") { // what narrows it names nobody here
			path += "?per_page=100"
		}
		want, got := map[string]map[string]bool{}, map[string]map[string]bool{}
		stored := decode(t, e.Body)
		if _, single := stored["data"].(object); single && !strings.HasSuffix(path, "total-paid") {
			stored["data"] = []any{stored["data"]}
		}
		shape("", stored, want)
		shape("", decode(t, call(s, http.MethodGet, path, APIKey).Body.Bytes()), got)
		for p, kinds := range want {
			if opaque(p) || strings.HasSuffix(p, "[]") && got[p] == nil { // an empty array has no elements
				continue
			}
			if got[p] == nil {
				t.Errorf("%s: the simulator has no %s", e.Name, p)
			}
			for kind := range got[p] {
				if !kinds[kind] && kind != "null" && !kinds["null"] {
					t.Errorf("%s: %s is %s at the simulator; want %v", e.Name, p, kind, kinds)
				}
			}
		}
		for p := range got {
			if want[p] == nil && !opaque(p) {
				t.Errorf("%s: the simulator has %s, which is not known", e.Name, p)
			}
		}
	}
}

// number is an amount, text or number.
func number(t testing.TB, v any) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(fmt.Sprint(v))
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	return r
}

// TestFigures: totals are the sums of referrals, and the world has all that is worth a test.
func TestFigures(t *testing.T) {
	s := ticking()
	seen := figures(t, s)
	for _, want := range []string{"pending", "approved", "denied", "paid", "no order", "adjusted", "refund pair", "negative total", "upline",
		"active affiliate", "inactive affiliate", "pending affiliate"} {
		if seen[want] == 0 {
			t.Errorf("the world has no %s", want)
		}
	}
	if n := len(walk(t, s, "/programs")); n < 2 {
		t.Errorf("%d programs; want 2 at least", n)
	}
	programs := map[any]any{}
	for _, a := range walk(t, s, "/affiliates") {
		programs[a["id"]] = a["program_id"]
	}
	for _, r := range walk(t, s, "/referrals") { // nobody has moved yet
		if got, want := r["commission_rule"].(object)["program_id"], programs[r["affiliate"].(object)["id"]]; got != want {
			t.Errorf("referral %v is of the program %v; want the affiliate's, %v", r["id"], got, want)
		}
	}
}

// figures holds all totals against the referrals, and counts what is worth a test.
func figures(t *testing.T, s *Server) (seen map[string]int) {
	t.Helper()
	referrals := walk(t, s, "/referrals")
	type total struct {
		amount *big.Rat
		ids    []string
	}
	sums := map[string]*total{} // by affiliate and status
	sum := func(affiliate any, status string) *total {
		key := fmt.Sprint(affiliate, status)
		if sums[key] == nil {
			sums[key] = &total{amount: new(big.Rat)}
		}
		return sums[key]
	}
	status, orders := map[string]string{}, map[string][]string{}
	seen = map[string]int{}
	for _, r := range referrals {
		st := r["status"].(string)
		of := sum(r["affiliate"].(object)["id"], st)
		of.amount.Add(of.amount, number(t, r["commission"])).Add(of.amount, number(t, r["commission_adjustment"]))
		of.ids = append(of.ids, fmt.Sprint(r["id"]))
		status[fmt.Sprint(r["id"])] = st
		seen[st]++
		if r["order_id"] == nil {
			seen["no order"]++
			if r["total_sales"] != "0.00" && r["tracking_type"] != "Manually added" || r["customer_id"] != nil || r["order_number"] != nil || r["quantity"] != nil {
				t.Errorf("a referral without an order: %v", r)
			}
		} else {
			orders[fmt.Sprint(r["order_id"])] = append(orders[fmt.Sprint(r["order_id"])], fmt.Sprint(r["refund_id"]))
		}
		if r["commission_adjustment"] != "0.00" {
			seen["adjusted"]++
		}
		if strings.HasPrefix(r["total_sales"].(string), "-") != (r["refund_id"] != nil) {
			t.Errorf("refunds are negative, and nothing else: %v", r)
		}
	}
	for _, refunds := range orders {
		if slices.Contains(refunds, "<nil>") && slices.ContainsFunc(refunds, func(r string) bool { return r != "<nil>" }) {
			seen["refund pair"]++
		}
	}
	for _, a := range walk(t, s, "/affiliates") {
		seen[a["status"].(string)+" affiliate"]++
		if a["up_line_affiliate_id"] != nil {
			seen["upline"]++
		}
		for field, st := range map[string]string{"paid_amount": "paid", "approved_amount": "approved", "pending_amount": "pending", "denied_amount": "denied"} {
			if got, want := number(t, a[field]), sum(a["id"], st).amount; got.Cmp(want) != 0 {
				t.Errorf("affiliate %v: %s is %s; want %s", a["id"], field, got, want)
			}
		}
	}
	owed := 0
	for _, u := range walk(t, s, "/payments/unpaid") {
		owed++
		want := sum(u["affiliate_id"], "approved")
		var ids []string
		for _, id := range u["referral_ids"].([]any) {
			ids = append(ids, fmt.Sprint(id))
		}
		if d := cmp.Diff(want.ids, ids); d != "" || number(t, u["total_commission"]).Cmp(want.amount) != 0 {
			t.Errorf("unpaid %v: %v; want %s of\n%s", u["affiliate_id"], u["total_commission"], want.amount, d)
		}
		if number(t, u["total_commission"]).Sign() < 0 {
			seen["negative total"]++
		}
	}
	for key, of := range sums {
		if strings.HasSuffix(key, "approved") && len(of.ids) > 0 {
			owed--
		}
	}
	if owed != 0 {
		t.Errorf("%d more affiliates are owed than have approved referrals", owed)
	}
	covered := map[string]bool{}
	payments := walk(t, s, "/payments/paid")
	for _, p := range payments {
		for _, id := range p["referral_ids"].([]any) {
			n := fmt.Sprint(id)
			if status[n] != "paid" || covered[n] {
				t.Errorf("payment %v covers %s, which is %s (or paid twice)", p["payment_id"], n, status[n])
			}
			covered[n] = true
		}
	}
	if len(covered) != seen["paid"] {
		t.Errorf("payments cover %d referrals; %d are paid", len(covered), seen["paid"])
	}
	if total := get(t, s, "/payments/total-paid").(object)["total"]; fmt.Sprint(total) != fmt.Sprint(len(payments)) {
		t.Errorf("total %v; want %d", total, len(payments))
	}
	return seen
}

// TestFilters holds every filter against the whole list.
func TestFilters(t *testing.T) {
	s := ticking()
	referrals, affiliates := walk(t, s, "/referrals"), walk(t, s, "/affiliates")
	some := referrals[len(referrals)/2]
	for _, r := range referrals {
		if r["refund_id"] != nil {
			some = r // whose order has two rows
		}
	}
	email := some["affiliate"].(object)["email"].(string)
	from, to := referrals[len(referrals)*2/3]["created_at"].(string), referrals[len(referrals)/3]["created_at"].(string)
	order, program := fmt.Sprint(some["order_id"]), fmt.Sprint(some["commission_rule"].(object)["program_id"])
	same := func(want any, path ...string) func(object) bool {
		return func(o object) bool {
			v := any(o)
			for _, p := range path {
				v = v.(object)[p]
			}
			return strings.EqualFold(fmt.Sprint(v), fmt.Sprint(want))
		}
	}
	and := func(fs ...func(object) bool) func(object) bool {
		return func(o object) bool {
			return !slices.ContainsFunc(fs, func(f func(object) bool) bool { return !f(o) })
		}
	}
	dated := func(field string) func(object) bool {
		return func(o object) bool { at := o[field].(string); return at >= from && at <= to } // both ends are in it
	}
	ofAffiliate, ofProgram, ofOrder := same(email, "affiliate", "email"), same(program, "commission_rule", "program_id"), same(order, "order_id")
	paid := walk(t, s, "/payments/paid")
	for _, tt := range []struct {
		path  string
		query url.Values
		all   []object
		match func(object) bool
	}{
		{"/referrals", url.Values{"affiliate_email": {strings.ToUpper(email)}}, referrals, ofAffiliate},
		{"/referrals", url.Values{"program_id": {program}}, referrals, ofProgram},
		{"/referrals", url.Values{"order_id": {order}}, referrals, ofOrder},
		{"/referrals", url.Values{"from_date": {from}, "to_date": {to}}, referrals, dated("created_at")},
		{"/referrals", url.Values{"affiliate_email": {email}, "program_id": {program}, "from_date": {from}, "to_date": {to}}, referrals, and(ofAffiliate, ofProgram, dated("created_at"))},
		{"/referrals", url.Values{"affiliate_email": {"nobody@example.com"}}, nil, nil},
		{"/affiliates", url.Values{"status": {"inactive"}}, affiliates, same("inactive", "status")},
		{"/affiliates", url.Values{"affiliate_email": {email}, "status": {"active"}}, affiliates, and(same(email, "email"), same("active", "status"))},
		{"/affiliates", url.Values{"from_date": {from}, "to_date": {to}, "email_verified": {"verified"}}, affiliates, and(dated("created_at"), same("verified", "email_verified"))},
		{"/affiliates", url.Values{"to_date": {to}}, affiliates, func(o object) bool { return o["created_at"].(string) <= to }},
		{"/payments/paid", url.Values{"affiliate_email": {email}}, paid, same(email, "affiliate_email")},
		{"/payments/paid", url.Values{"from_date": {from}, "to_date": {to}}, paid, dated("processed_at")},
		{"/payments/paid", url.Values{"payment_method": {"paypal"}}, paid, same("paypal", "payment_method")},
		{"/payments/unpaid", url.Values{"payment_method": {"bank"}}, walk(t, s, "/payments/unpaid"), same("bank", "payment_method")},
		{"/webhook-subscriptions", url.Values{"event": {"referral.new"}}, walk(t, s, "/webhook-subscriptions"), same("referral.new", "event")},
		{"/programs", url.Values{"status": {"inactive"}}, nil, nil},
	} {
		var want []object
		for _, o := range tt.all {
			if tt.match(o) {
				want = append(want, o)
			}
		}
		path := tt.path + "?" + tt.query.Encode()
		if d := cmp.Diff(want, walk(t, s, path)); d != "" {
			t.Errorf("%s (-want +got):\n%s", path, d)
		}
		if tt.all != nil && len(want) == 0 {
			t.Errorf("%s: nothing matches, nothing is proved", path)
		}
	}
}

// TestOrder: lists are newest first, ties by number, and pages follow each other.
func TestOrder(t *testing.T) {
	s := ticking()
	for path, fields := range map[string][2]string{
		"/referrals": {"created_at", "id"}, "/affiliates": {"created_at", "id"}, "/coupons": {"created_at", "id"}, "/programs": {"created_at", "id"},
		"/payments/paid": {"processed_at", "payment_id"},
	} {
		rows := walk(t, s, path)
		for i := 1; i < len(rows); i++ {
			a, b := rows[i-1], rows[i]
			at, before := a[fields[0]].(string), b[fields[0]].(string)
			if at < before || at == before && number(t, a[fields[1]]).Cmp(number(t, b[fields[1]])) < 0 {
				t.Fatalf("%s: %v stands before %v", path, a, b)
			}
		}
	}
	ten := get(t, s, "/referrals").([]any)
	if d := cmp.Diff(ten[3:6], get(t, s, "/referrals?per_page=3&page=2")); len(ten) != 10 || d != "" {
		t.Errorf("ten rows are %d; page 2 of three differs:\n%s", len(ten), d)
	}
}

func TestSwitches(t *testing.T) {
	s := ticking()
	all := walk(t, s, "/payments/paid")
	path := "/payments/paid?" + url.Values{"affiliate_email": {all[0]["affiliate_email"].(string)}}.Encode()
	if n := len(walk(t, s, path)); n == 0 || n == len(all) {
		t.Fatalf("%d of %d payments: the filter shows nothing", n, len(all))
	}
	s.Kit().Set(IgnorePaymentEmail, true)
	if n := len(walk(t, s, path)); n != len(all) {
		t.Errorf("%d of %d payments while the filter is ignored", n, len(all))
	}
	one := fmt.Sprintf("/payments/%v", all[0]["payment_id"])
	if d := cmp.Diff(any(all[0]), get(t, s, one)); d != "" {
		t.Errorf("by id:\n%s", d)
	}
	s.Kit().Set(OneElementArrays, true)
	if d := cmp.Diff(any([]any{all[0]}), get(t, s, one)); d != "" {
		t.Errorf("by id, in an array:\n%s", d)
	}
}

// TestMoney: text has two places, numbers none too many.
func TestMoney(t *testing.T) {
	s := still().store
	for minor, want := range map[int64][2]string{0: {"0.00", "0"}, 5: {"0.05", "0.05"}, -250: {"-2.50", "-2.5"}, 10000: {"100.00", "100"}} {
		if got := [2]string{s.decimal(minor), string(s.number(minor))}; got != want {
			t.Errorf("%d: %q; want %q", minor, got, want)
		}
	}
}

// TestDeepPage: a page far from the first is as any other.
func TestDeepPage(t *testing.T) {
	s := New(providers.SandboxOptions{Size: providers.SandboxMedium, Seed: 1, Now: func() time.Time { return noon }})
	rows := get(t, s, "/referrals?per_page=100&page=150").([]any)
	if len(rows) != 100 {
		t.Fatalf("page 150 has %d rows", len(rows))
	}
	email := rows[0].(object)["affiliate"].(object)["email"].(string)
	if rows := walk(t, s, "/referrals?"+url.Values{"affiliate_email": {email}}.Encode()); len(rows) == 0 {
		t.Error("its affiliate has no rows")
	}
}
