package all_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/providertest/example"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// replies are the replies of a simulator, each asked for once.
type replies struct {
	sim http.Handler

	mu   sync.Mutex
	seen map[string]*listed
}

// listed is a reply, and the rows in it: of a list, with or without an envelope, or the one
// record that it is.
type listed struct {
	code     int
	header   http.Header
	body     []byte
	envelope map[string]json.RawMessage
	single   bool
	rows     []json.RawMessage
	ids      []string
}

func (r *replies) to(req *http.Request) *listed {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.seen[req.URL.String()]; l != nil {
		return l
	}
	rec := httptest.NewRecorder()
	r.sim.ServeHTTP(rec, req)
	l := &listed{code: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
	l.header.Del("Content-Length")
	data := json.RawMessage(l.body)
	if json.Unmarshal(l.body, &l.envelope) == nil && l.envelope["data"] != nil {
		data = l.envelope["data"]
	} else {
		l.envelope = nil
	}
	if json.Unmarshal(data, &l.rows) != nil {
		l.single, l.rows = true, []json.RawMessage{data}
	}
	for _, row := range l.rows {
		members, _ := decoded(row).(map[string]any)
		l.ids = append(l.ids, rawID(members))
	}
	r.seen[req.URL.String()] = l
	return l
}

// beside is how many sound rows stay beside the odd one in a list: all others would be read
// in vain.
const beside = 4

// with is the body with one row changed.
func (l *listed) with(id string, change func(row map[string]any)) []byte {
	if !slices.Contains(l.ids, id) {
		return l.body
	}
	var rows []json.RawMessage
	sound := 0
	for i, row := range l.rows {
		switch {
		case l.ids[i] == id:
			members := decoded(row).(map[string]any)
			change(members)
			row, _ = json.Marshal(members)
		case sound == beside:
			continue
		default:
			sound++
		}
		rows = append(rows, row)
	}
	var data any = rows
	if l.single {
		data = rows[0]
	}
	if l.envelope != nil {
		envelope := maps.Clone(l.envelope)
		envelope["data"], _ = json.Marshal(data)
		data = envelope
	}
	body, _ := json.Marshal(data)
	return body
}

func decoded(raw []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&v)
	return v
}

// oddRow is a vendor one row of which is odd, wherever the vendor sends it.
type oddRow struct {
	*replies
	path string // of the list that has the row; "" for none
	id   string // of the row
	odd  func(row map[string]any)

	asked sync.Map // the paths that were read
}

func (o *oddRow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.asked.Store(r.URL.Path, true)
	l := o.to(r)
	body := l.body
	if o.path != "" && strings.HasPrefix(r.URL.Path, o.path) {
		body = l.with(o.id, o.odd)
	}
	maps.Copy(w.Header(), l.header)
	w.WriteHeader(l.code)
	_, _ = w.Write(body)
}

// reads says whether a list was read.
func (o *oddRow) reads(path string) bool {
	_, ok := o.asked.Load(path)
	return ok
}

// rawID is the id of a row.
func rawID(row map[string]any) string {
	for _, name := range []string{"id", "payment_id", "affiliate_id"} {
		if id := row[name]; id != nil {
			return fmt.Sprint(id)
		}
	}
	return ""
}

// found is what a filtered list showed.
type found struct {
	rows   map[providers.ID]bool
	doubts map[providers.ID]string
	unread int
	err    error
}

// has says whether a record of a row was shown. A row that tells less may have another id.
func (f *found) has(row string) bool { return containsRow(maps.Keys(f.rows), row) }

// doubted says whether a record of a row could not be judged.
func (f *found) doubted(row string) bool { return containsRow(maps.Keys(f.doubts), row) }

func containsRow(ids iter.Seq[providers.ID], row string) bool {
	for id := range ids {
		if strings.Contains(id.Local, row) {
			return true
		}
	}
	return false
}

// narrowed is a filter for one record, and the list that it makes.
type narrowed struct {
	text   string
	record providers.ID
	find   func(t *testing.T, p providers.Provider) *found
}

type judge[T providers.Record] interface {
	Match(*T) bool
	Unsure(*T) string
}

// narrow is the list of a filter, whose first page is read as the server reads it.
func narrow[T providers.Record, F judge[T]](record *T, f F, plan func(providers.Provider, F) ([]providers.List[T], error)) narrowed {
	return narrowed{fmt.Sprintf("%T%+v", f, f), providers.NodeOf(record).ID, func(t *testing.T, p providers.Provider) *found {
		got := &found{rows: map[providers.ID]bool{}, doubts: map[providers.ID]string{}}
		lists, err := plan(p, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lists {
			page, err := l.Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
			if err != nil {
				got.err = err
				continue
			}
			got.unread += page.Unread
			for _, row := range page.Items {
				id := providers.NodeOf(row).ID
				if f.Match(row) {
					got.rows[id] = true
				} else if field := f.Unsure(row); field != "" {
					got.doubts[id] = field
				}
			}
		}
		return got
	}}
}

// filtersOf are filters for the first records of every noun, by each of their fields.
func filtersOf(t *testing.T, p providers.Provider) (filters []narrowed) {
	day := func(at *time.Time) providers.DateRange {
		return providers.DateRange{From: at.Add(-time.Hour), To: at.Add(time.Hour)}
	}
	for _, a := range firstRows(t, p, providers.AffiliateFilter{}, providers.Provider.Affiliates) {
		add := func(f providers.AffiliateFilter) {
			filters = append(filters, narrow(a, f, providers.Provider.Affiliates))
		}
		add(providers.AffiliateFilter{Statuses: []providers.AffiliateStatus{a.Status}})
		add(providers.AffiliateFilter{Email: *a.Email})
		add(providers.AffiliateFilter{Email: *a.Email, Statuses: []providers.AffiliateStatus{a.Status}})
		add(providers.AffiliateFilter{Search: *a.Email})
		for _, m := range a.Memberships {
			add(providers.AffiliateFilter{Campaigns: []providers.ID{m.CampaignID}})
			add(providers.AffiliateFilter{Campaigns: []providers.ID{m.CampaignID}, Statuses: []providers.AffiliateStatus{a.Status}})
			if m.RefCode != nil {
				add(providers.AffiliateFilter{RefCode: *m.RefCode, Statuses: []providers.AffiliateStatus{a.Status}})
			}
		}
		if !a.ParentID.IsZero() {
			add(providers.AffiliateFilter{Parent: a.ParentID})
		}
	}
	for _, m := range firstRows(t, p, providers.MembershipFilter{}, providers.Provider.Memberships) {
		add := func(f providers.MembershipFilter) {
			filters = append(filters, narrow(m, f, providers.Provider.Memberships))
		}
		add(providers.MembershipFilter{Statuses: []providers.MembershipStatus{m.Status}})
		add(providers.MembershipFilter{Affiliates: []providers.ID{m.AffiliateID}, Statuses: []providers.MembershipStatus{m.Status}})
		add(providers.MembershipFilter{Campaigns: []providers.ID{m.CampaignID}})
	}
	for _, r := range firstRows(t, p, providers.ReferralFilter{}, providers.Provider.Referrals) {
		add := func(f providers.ReferralFilter) {
			filters = append(filters, narrow(r, f, providers.Provider.Referrals))
		}
		add(providers.ReferralFilter{Statuses: []providers.ReferralStatus{r.Status}})
		add(providers.ReferralFilter{Affiliates: []providers.ID{r.AffiliateID}, Statuses: []providers.ReferralStatus{r.Status}})
		add(providers.ReferralFilter{CreatedAt: day(r.CreatedAt)})
		if !r.CampaignID.IsZero() {
			add(providers.ReferralFilter{Campaigns: []providers.ID{r.CampaignID}})
		}
		if r.Email != nil {
			add(providers.ReferralFilter{Search: *r.Email})
			add(providers.ReferralFilter{Email: *r.Email, CreatedAt: day(r.CreatedAt)})
		}
		if r.CustomerID != nil {
			add(providers.ReferralFilter{CustomerID: *r.CustomerID})
		}
		if r.OrderID != nil {
			add(providers.ReferralFilter{OrderID: *r.OrderID})
		}
		if r.Converted != nil {
			add(providers.ReferralFilter{Converted: r.Converted})
		}
	}
	for _, c := range firstRows(t, p, providers.CommissionFilter{}, providers.Provider.Commissions) {
		add := func(f providers.CommissionFilter) {
			filters = append(filters, narrow(c, f, providers.Provider.Commissions))
		}
		add(providers.CommissionFilter{Statuses: []providers.CommissionStatus{c.Status}})
		add(providers.CommissionFilter{Affiliates: []providers.ID{c.AffiliateID}, CreatedAt: day(c.CreatedAt)})
		if !c.CampaignID.IsZero() {
			add(providers.CommissionFilter{Campaigns: []providers.ID{c.CampaignID}})
		}
		if !c.ReferralID.IsZero() {
			add(providers.CommissionFilter{Referrals: []providers.ID{c.ReferralID}})
		}
		if !c.PayoutID.IsZero() {
			add(providers.CommissionFilter{Payouts: []providers.ID{c.PayoutID}})
		}
		if c.OrderID != nil {
			add(providers.CommissionFilter{OrderID: *c.OrderID})
		}
		if c.EventID != nil {
			add(providers.CommissionFilter{EventID: *c.EventID})
		}
	}
	for _, o := range firstRows(t, p, providers.PayoutFilter{}, providers.Provider.Payouts) {
		add := func(f providers.PayoutFilter) { filters = append(filters, narrow(o, f, providers.Provider.Payouts)) }
		add(providers.PayoutFilter{Statuses: []providers.PayoutStatus{o.Status}})
		add(providers.PayoutFilter{Affiliates: []providers.ID{o.AffiliateID}})
		if !o.CampaignID.IsZero() {
			add(providers.PayoutFilter{Campaigns: []providers.ID{o.CampaignID}})
		}
	}
	for _, c := range firstRows(t, p, providers.CouponFilter{}, providers.Provider.Coupons) {
		if !c.AffiliateID.IsZero() {
			filters = append(filters, narrow(c, providers.CouponFilter{Affiliates: []providers.ID{c.AffiliateID}}, providers.Provider.Coupons))
		}
	}
	return filters
}

// firstRows are the first record of each list of a noun.
func firstRows[T providers.Record, F any](
	t *testing.T, p providers.Provider, f F, plan func(providers.Provider, F) ([]providers.List[T], error),
) (rows []*T) {
	lists, err := plan(p, f)
	if err != nil {
		return nil // the vendor has none of these
	}
	for _, l := range lists {
		page, err := l.Page(t.Context(), providers.PageRequest{Number: 1, Reader: p})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, page.Items[:min(1, len(page.Items))]...)
	}
	return rows
}

// filled are the members, besides dates, that no record has without a value.
var filled = []string{"approved", "banned", "payout_status", "state", "status", "subscription_status"}

// nullable are members that a contract lets the vendor leave out where they are empty.
var nullable = []string{"firstpromoter /commissions referral"}

// TestUnjudgedRows leaves out each member of a row, and sends it in odd forms: a filtered
// list that had the record has it still, or says by which field nobody can tell whether the
// record belongs to it. No sound row is told so.
func TestUnjudgedRows(t *testing.T) {
	for _, f := range append(slices.Clone(all.Registry().Factories()), example.Factory) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
			ticks := now
			var mu sync.Mutex
			sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				ticks = ticks.Add(time.Second) // the vendor's rate limit never counts
				return ticks
			}})
			open := func(o *oddRow) providers.Provider {
				c := providertest.Config(f.Name, o, now)
				c.Credentials = sim.Credentials()
				p, err := f.New(c)
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			sent := &replies{sim: sim, seen: map[string]*listed{}}
			filters := filtersOf(t, open(&oddRow{replies: sent}))
			sound, plain := make([]*found, len(filters)), make([]*oddRow, len(filters))
			for i, n := range filters {
				plain[i] = &oddRow{replies: sent}
				sound[i] = n.find(t, open(plain[i]))
				if len(sound[i].doubts) > 0 || sound[i].err != nil {
					t.Errorf("%s: %v cannot be judged, %v", n.text, sound[i].doubts, sound[i].err)
				}
			}
			tried, told := 0, 0
			for _, list := range sim.(interface{ Kit() *sandbox.Kit }).Kit().Odd().Shape().Lists {
				row := rawRow(t, f, sim, list.Path)
				for name, form := range variants(f.Name+" "+list.Path, row) {
					o := &oddRow{replies: sent, path: list.Path, id: rawID(row), odd: func(row map[string]any) {
						if row[name] = json.RawMessage(form); form == "" {
							delete(row, name)
						}
					}}
					for i, n := range filters {
						if !plain[i].reads(list.Path) || !sound[i].rows[n.record] || !strings.Contains(n.record.Local, o.id) {
							continue
						}
						got := n.find(t, open(o))
						tried++
						if got.doubted(o.id) {
							told++
						} else if !got.has(o.id) && got.unread == 0 && got.err == nil {
							t.Errorf("%s: %s of %s is %q: %s is lost without a word", n.text, name, list.Path, form, n.record.Local)
						}
					}
				}
			}
			if tried == 0 || told == 0 {
				t.Errorf("%d lists were read, and %d said that rows cannot be judged", tried, told)
			}
		})
	}
}

// variants are the members of a row, each with the forms that take its place; "" leaves it
// out.
func variants(list string, row map[string]any) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, name := range slices.Sorted(maps.Keys(row)) {
			forms := []string{"", `{"x": []}`, `{"id": {}}`}
			if slices.Contains(filled, name) || strings.HasPrefix(name, "created") {
				forms = append(forms, "null", `""`, "[]")
			}
			for _, form := range forms {
				_, related := row[name].(map[string]any)
				identity := name == "id" || name == "payment_id"
				if identity || form == `{"id": {}}` && !related || form == "" && slices.Contains(nullable, list+" "+name) {
					continue
				}
				if !yield(name, form) {
					return
				}
			}
		}
	}
}

// rawRow is the first row of a list, as the vendor sends it; nil for none.
func rawRow(t *testing.T, f providers.Factory, sim providers.Simulator, path string) map[string]any {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path+"?"+url.Values{"page": {"1"}, "limit": {"100"}, "per_page": {"100"}}.Encode(), nil)
	r.Header = header(t, f, sim.Credentials())
	rec := httptest.NewRecorder()
	sim.ServeHTTP(rec, r)
	reply := parse(t, rec.Body.Bytes())
	if envelope, ok := reply.(map[string]any); ok {
		reply = envelope["data"]
	}
	if rows, _ := reply.([]any); len(rows) > 0 {
		return rows[0].(map[string]any)
	}
	return nil
}
