package resolvers_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

const (
	kitCampaign        = `{"id":"c0000000-0000-4000-8000-000000000001","name":"Main","created_at":"2025-06-01T00:00:00Z","is_default":true}`
	kitAffiliate       = `{"id":"a0000000-0000-4000-8000-000000000001","email":"aff1@example.com","first_name":"Aff","last_name":"One","links":[{"url":"https://x.example?via=a1","code":"a1"}],"promo_codes":[],"clicks":1,"approved":true,"banned":false,"created_at":"2025-09-09T00:00:00Z","campaign":` + kitCampaign + `}`
	kitReferral        = `{"id":"b0000000-0000-4000-8000-000000000001","email":"cust1@example.com","subscription_status":"active","stripe_customer_id":"cus_1","created_at":"2025-12-17T00:00:00Z","affiliate":` + kitAffiliate + `}`
	kitCommission      = `{"id":"e0000000-0000-4000-8000-000000000001","revenue_amount":99,"currency":"usd","commission_amount":19.8,"payout_status":"not_paid","referral_date":"2026-03-27T00:00:00Z","created_at":"2026-03-27T00:00:00Z","stripe_payment_id":"pi_1","affiliate":` + kitAffiliate + `,"referral":` + kitReferral + `,"payout":null}`
	promoterMembership = `{"id":5001,"campaign_id":28,"promoter_id":1001,"created_at":"2025-09-08T00:00:00Z","promoter":{"id":1001,"email":"prom1@example.com","name":"Prom 1"},"campaign":{"id":28,"name":"Main"}}`
	promoterRow        = `{"id":1001,"email":"prom1@example.com","name":"Prom 1","stats":{"clicks_count":1},"balances":{"cash":1200},"profile":{"first_name":"Prom","last_name":"1"},"joined_at":"2025-09-08T00:00:00Z","archived_at":null,"promoter_campaigns":[{"id":5001,"campaign_id":28,"promoter_id":1001,"state":"accepted","created_at":"2025-09-08T00:00:00Z","campaign":{"id":28,"name":"Main"}}]}`
	promoterReferral   = `{"id":2001,"email":"lead1@example.com","uid":"u1","state":"active","created_at":"2026-02-05T00:00:00Z","customer_since":"2026-02-16T00:00:00Z","promoter_campaign":` + promoterMembership + `}`
	promoterCommission = `{"id":3001,"status":"approved","commission_type":"sale","unit":"cash","amount":400,"sale_amount":2000,"original_sale_amount":2000,"original_sale_currency":null,"is_paid":false,"tier":1,"event_id":"evt_1","created_at":"2026-03-27T00:00:00Z","promoter_campaign":` + promoterMembership + `,"referral":{"id":2001,"email":"lead1@example.com","uid":"u1"}}`
	promoterPayout     = `{"id":4001,"status":"completed","amount":1200,"unit":"cash","period_start":"2026-02-01T00:00:00Z","period_end":"2026-02-28T23:59:59Z","created_at":"2026-03-27T00:00:00Z","paid_at":"2026-03-27T00:00:00Z","promoter":{"id":1001,"email":"prom1@example.com","name":"Prom 1"},"campaign":{"id":28,"name":"Main"}}`
	shopAffiliate      = `{"id":701,"email":"up1@example.com","first_name":"Up","last_name":"1","status":"active","created_at":"2025-12-17T00:00:00Z","default_affiliate_link":"https://s.example/?sca_ref=1","program_id":46,"program_name":"Basic","coupons":["UP1"],"paid_amount":0,"approved_amount":12.5,"pending_amount":0,"denied_amount":0}`
	shopReferral       = `{"id":801,"order_id":6439217201001,"order_number":3001,"customer_id":"868015341601","total_sales":"1075.00","commission_rule":{"program_id":46},"commission_adjustment":"0.00","status":"approved","commission":"537.50","refund_id":null,"affiliate":{"id":701,"email":"up1@example.com","first_name":"Up","last_name":"1"},"customer_email":"buyer1@example.com","created_at":"2026-03-27T00:00:00Z"}`
	shopPayment        = `{"payment_id":901,"affiliate_id":701,"status":"SUCCESS","affiliate_email":"up1@example.com","total_referrals":1,"total_processed":100,"payment_method":"paypal","processed_at":"2026-03-27T00:00:00Z","referral_ids":[801]}`
)

// plainVendor is a vendor whose lists are rows in memory, without a simulator's rules.
type plainVendor struct {
	name      string
	cur       string
	mu        sync.Mutex
	log       []string
	lists     map[string][]object                               // by path
	hook      func(w http.ResponseWriter, r *http.Request) bool // true: answered
	filter    func(path string, q url.Values, rows []object) []object
	body      map[string]string // by path: whole body
	bom       bool
	clamp     int
	noNumbers bool                      // page ignored
	raw       map[string]map[int]string // path -> row index -> raw JSON
}

func (v *plainVendor) Currency() string {
	if v.cur != "" {
		return v.cur
	}
	return "USD"
}
func (v *plainVendor) Credentials() map[string]string {
	if v.name == "firstpromoter" {
		return map[string]string{"api_key": "k", "account_id": "acc_1"}
	}
	return map[string]string{"api_key": "pk_k"}
}
func (v *plainVendor) Kit() *sandbox.Kit { return nil }

func (v *plainVendor) taken() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.log
	v.log = nil
	return l
}

func (v *plainVendor) send(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if v.bom {
		_, _ = io.WriteString(w, "\xEF\xBB\xBF")
	}
	_, _ = io.WriteString(w, body)
}

func jsonText(v any) string { b, _ := json.Marshal(v); return string(b) }

func (v *plainVendor) rowText(path string, i int, row object) string {
	if t, ok := v.raw[path][i]; ok {
		return t
	}
	return jsonText(row)
}

func (v *plainVendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(b)))
	v.mu.Lock()
	v.log = append(v.log, r.Method+" "+r.URL.RequestURI()+" "+string(b))
	v.mu.Unlock()
	if v.hook != nil && v.hook(w, r) {
		return
	}
	path, q := r.URL.Path, r.URL.Query()
	if s, ok := v.body[path]; ok && r.Method == "GET" {
		v.send(w, 200, s)
		return
	}
	if r.Method != "GET" {
		v.send(w, 404, `{"message":"no such write"}`)
		return
	}
	rows, ok := v.lists[path]
	if !ok { // single
		at := strings.LastIndex(path, "/")
		base, id := path[:at], path[at+1:]
		if rows, ok := v.lists[base]; ok {
			for i, row := range rows {
				key := "id"
				if v.name == "firstpromoter" && q.Get("find_by") != "" {
					key = q.Get("find_by")
				}
				if s := fmt.Sprint(row[key]); s == id || jsonText(row[key]) == id {
					t := v.rowText(base, i, row)
					if v.name != "firstpromoter" {
						t = `{"success":true,"status":200,"message":"success","data":` + t + `}`
					}
					v.send(w, 200, t)
					return
				}
			}
			v.send(w, 404, `{"success":false,"message":"Record not found","code":"not_found"}`)
			return
		}
		rows = nil
	}
	if v.filter != nil {
		rows = v.filter(path, q, rows)
	}
	page, _ := strconv.Atoi(q.Get("page"))
	if page < 1 || v.noNumbers {
		page = 1
	}
	size, _ := strconv.Atoi(q.Get("limit") + q.Get("per_page"))
	if size < 1 {
		size = 10
	}
	if v.clamp > 0 && size > v.clamp {
		size = v.clamp
	}
	from, to := min((page-1)*size, len(rows)), min(page*size, len(rows))
	var texts []string
	for i := from; i < to; i++ {
		texts = append(texts, v.rowText(path, i, rows[i]))
	}
	data := "[" + strings.Join(texts, ",") + "]"
	switch v.name {
	case "promotekit":
		v.send(w, 200, fmt.Sprintf(`{"success":true,"data":%s,"pagination":{"page":%d,"limit":%d,"total_count":%d,"total_pages":%d,"has_more":%v}}`, data, page, size, len(rows), (len(rows)+size-1)/size, to < len(rows) || v.noNumbers))
	case "firstpromoter":
		if path == "/promoters" {
			data = `{"data":` + data + `,"meta":{}}`
		}
		v.send(w, 200, data)
	default:
		v.send(w, 200, `{"status":200,"message":"success","data":`+data+`}`)
	}
}

func vendorRow(text string) object {
	var o object
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		panic(err)
	}
	return o
}

// vendorRows makes n rows of a template, each a day older than the one before.
func vendorRows(text string, n int, change func(i int, row object)) []object {
	var rows []object
	for i := range n {
		s := text
		o := vendorRow(s)
		for _, k := range []string{"id", "payment_id"} {
			switch id := o[k].(type) {
			case string:
				o[k] = fmt.Sprintf("%s%04d", id[:len(id)-4], i+1)
			case json.Number:
				x, _ := id.Int64()
				o[k] = x + int64(i)
			}
		}
		for _, k := range []string{"created_at", "joined_at", "processed_at"} {
			if s, ok := o[k].(string); ok {
				o[k] = daysBefore(s, i)
			}
		}
		if e, ok := o["email"].(string); ok {
			o["email"] = strings.Replace(e, "1@", fmt.Sprintf("%d@", i+1), 1)
		}
		if change != nil {
			change(i, o)
		}
		rows = append(rows, o)
	}
	return rows
}

func newPlainWorld(t testing.TB, v *plainVendor, s setup) *world {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	s.vendors, s.noBudget = []string{v.name}, true
	if s.pages == 0 {
		s.pages = 20
	}
	if s.calls == 0 {
		s.calls = 50
	}
	s.beside = &world{sims: map[string]*simulated{v.name: {v, server}}, kits: map[string]*sandbox.Kit{}, clock: new(atomic.Int64)}
	return newWorld(t, s)
}

var _ providers.Simulator = (*plainVendor)(nil)

// shopFilter narrows rows as UpPromote does.
func shopFilter(p string, q url.Values, rows []object) (out []object) {
	for _, r := range rows {
		if x := q.Get("affiliate_email"); x != "" && fmt.Sprint(at(r, "affiliate", "email")) != x && r["email"] != x && r["affiliate_email"] != x {
			continue
		}
		if x := q.Get("email"); x != "" && r["email"] != x {
			continue
		}
		if x := q.Get("order_id"); x != "" && fmt.Sprint(r["order_id"]) != x {
			continue
		}
		out = append(out, r)
	}
	return
}

// checkSum wants so many rows below all rows of a list together, each once.
func checkSum(t *testing.T, a *answer, list, edge string, want int) {
	t.Helper()
	n, seen, open := 0, map[any]bool{}, 0
	ns, _ := at(vendorRow(a.text), "data", list, "nodes").([]any)
	for _, x := range ns {
		cs, _ := at(x, edge, "nodes").([]any)
		for _, c := range cs {
			n++
			seen[at(c, "providerId")] = true
		}
		if at(x, edge, "pageInfo", "hasNextPage") == true {
			open++
		}
	}
	if n != want || len(seen) != want || len(a.Errors) > 0 {
		t.Errorf("%d rows (%d distinct), want %d, %d open, errors %v, spent %d", n, len(seen), want, open, a.Errors, a.Extensions.Cost.Spent)
	}
}
