package promotekit

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/wire"
	"github.com/partnergraph/partnergraph/providers/promotekit/sandbox"
	"github.com/partnergraph/partnergraph/providers/providertest"
	kit "github.com/partnergraph/partnergraph/providers/sandbox"
)

// wired is an account at a simulator that is reached over real HTTP.
func wired(t testing.TB) (*provider, *sandbox.Server) {
	t.Helper()
	s := simulator()
	return open(t, providertest.Wire(t, s)), s
}

// cut plans a write and sends it to a vendor that says nothing, before or after it did the work.
func cut(t *testing.T, p *provider, s *sandbox.Server, c providers.Command, after bool) *providers.Write {
	t.Helper()
	plan, err := p.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.Kit().Fail(kit.Fault{After: after})
	written, err := plan.Send(t.Context())
	e := (*providers.Error)(nil)
	if !errors.As(err, &e) || written != nil || e.Unsent || e.Kind != providers.KindUnavailable {
		t.Fatalf("nobody answered: got %+v, %v; want an error that says that it was sent", written, err)
	}
	return plan
}

// sent counts the writes that the simulator saw.
func sent(s *sandbox.Server) (n int) {
	for _, r := range s.Kit().Requests() {
		if r.Method != http.MethodGet {
			n++
		}
	}
	return n
}

// look asks another process than the one that planned.
func look(t *testing.T, s *sandbox.Server, c providers.Command, plan *providers.Write, disturbed bool) (providers.Verdict, *providers.Written) {
	t.Helper()
	verdict, written, err := open(t, s).Look(t.Context(), c, plan.Before, disturbed)
	if err != nil || (written != nil) != (verdict == providers.Made) {
		t.Fatalf("looking: got %s, %+v, %v", verdict, written, err)
	}
	return verdict, written
}

// TestLook cuts the connection before and after each write was made. Nothing is sent twice,
// and what was made is found.
func TestLook(t *testing.T) {
	for name, w := range writes(newCast(t)) {
		t.Run(name+", lost", func(t *testing.T) {
			p, s := wired(t)
			plan := cut(t, p, s, w.command, false)
			if got, _ := look(t, s, w.command, plan, true); got != w.lost {
				t.Errorf("disturbed: got %s, want %s", got, w.lost)
			}
			if got, _ := look(t, s, w.command, plan, false); got != providers.NotMade {
				t.Errorf("got %s, want %s", got, providers.NotMade)
			}
			if got := sent(s); got != 1 {
				t.Errorf("%d writes were sent, want 1", got)
			}
			again, err := p.Plan(t.Context(), w.command)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := again.Send(t.Context()); err != nil {
				t.Errorf("sent anew: %v", err)
			}
		})
		t.Run(name+", made", func(t *testing.T) {
			p, s := wired(t)
			plan := cut(t, p, s, w.command, true)
			if got, _ := look(t, s, w.command, plan, true); got != w.made {
				t.Errorf("disturbed: got %s, want %s", got, w.made)
			}
			verdict, written := look(t, s, w.command, plan, false)
			if verdict != providers.Made || sent(s) != 1 {
				t.Fatalf("got %s, after %d writes; want %s after 1", verdict, sent(s), providers.Made)
			}
			if got, want := written.ID.Local, strings.Replace(w.id, "new", uuidOf(written.ID), 1); got != want {
				t.Errorf("it answers %s, want %s", got, want)
			}
			checkWritten(t, p, w, written)
		})
	}
}

// TestLookAmongOthers: what others did meanwhile is not taken for the write.
func TestLookAmongOthers(t *testing.T) {
	c := newCast(t)
	all := writes(c)
	move := &providers.MoveAffiliateInput{IdempotencyKey: idempotencyKey, ID: c.member.ID, ToCampaign: c.both.ID}
	for name, tt := range map[string]struct {
		command providers.Command
		made    bool // before the connection was cut
		method  string
		target  string
		body    string // of what the others did
		want    providers.Verdict
	}{
		"the address is another affiliate's": {all["createAffiliate"].command, false, "POST", "/affiliates",
			`{"email": "jane@new.example", "first_name": "Janet", "last_name": "Doe"}`, providers.Unclear},
		"the customer is another affiliate's": {all["createReferral"].command, false, "POST", "/referrals",
			`{"email": "cy@new.example", "affiliate_id": "` + c.banned.ID.Local + `", "stripe_customer_id": "cus_9"}`, providers.Unclear},
		"the affiliate's referral is another customer": {all["createReferral"].command, false, "POST", "/referrals",
			`{"email": "cy@new.example", "affiliate_id": "` + c.member.ID.Local + `", "stripe_customer_id": "cus_8"}`, providers.Unclear},
		"a campaign of this name with other terms": {all["createCampaign"].command, false, "POST", "/campaigns",
			`{"name": "summer", "commission_type": "percentage", "commission_amount": 5, "code_mode": "link", "website_url": "https://x.example"}`, providers.Unclear},
		"a second campaign of this name": {all["createCampaign"].command, true, "POST", "/campaigns",
			`{"name": "Summer", "commission_type": "fixed", "commission_amount": 12.50, "code_mode": "both", "website_url": "https://x.example", "reference_coupon": "c"}`, providers.Unclear},
		"the affiliate was moved elsewhere": {move, true, "PUT", "/affiliates/" + c.member.ID.Local, `{"campaign_id": "` + c.coupon.ID.Local + `"}`, providers.Unclear},
		"a commission of another event": {commission(c.bare, "10", "2", new("ch_a")), false, "POST", "/commissions",
			`{"referral_id": "` + uuidOf(c.bare) + `", "revenue_amount": 10, "commission_amount": 2, "stripe_payment_id": "ch_b"}`, providers.NotMade},
		"a commission of this event with other amounts": {commission(c.bare, "10", "2", new("ch_a")), false, "POST", "/commissions",
			`{"referral_id": "` + uuidOf(c.bare) + `", "revenue_amount": 10, "commission_amount": 3, "stripe_payment_id": "ch_a"}`, providers.Unclear},
		"a commission of these amounts that names no event": {commission(c.bare, "10", "2", new("ch_a")), false, "POST", "/commissions",
			`{"referral_id": "` + uuidOf(c.bare) + `", "revenue_amount": 10, "commission_amount": 2}`, providers.Unclear},
		"two commissions of this event": {commission(c.bare, "10", "2", new("ch_a")), true, "POST", "/commissions",
			`{"referral_id": "` + uuidOf(c.bare) + `", "revenue_amount": 10, "commission_amount": 2, "stripe_payment_id": "ch_a"}`, providers.Unclear},
		"two equal commissions without an event": {commission(c.bare, "10", "2", nil), true, "POST", "/commissions",
			`{"referral_id": "` + uuidOf(c.bare) + `", "revenue_amount": 10, "commission_amount": 2}`, providers.Unclear},
		"another commission without an event": {commission(c.bare, "10", "2", nil), false, "POST", "/commissions",
			`{"referral_id": "` + uuidOf(c.bare) + `", "revenue_amount": 11, "commission_amount": 2}`, providers.NotMade},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := wired(t)
			plan := cut(t, p, s, tt.command, tt.made)
			if status, body := tell(s, tt.method, tt.target, tt.body); status >= 300 {
				t.Fatalf("%d %s", status, body)
			}
			if got, _ := look(t, s, tt.command, plan, false); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// tell sends one call with a body.
func tell(s *sandbox.Server, method, target, body string) (int, []byte) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+sandbox.APIKey)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// TestEqualCommissions: with an equal one there already, nothing proves anything, and what
// was there before is never taken for an event's.
func TestEqualCommissions(t *testing.T) {
	c := newCast(t)
	p, s := wired(t)
	if status, body := tell(s, "POST", "/commissions", `{"referral_id": "`+uuidOf(c.bare)+`", "revenue_amount": 10, "commission_amount": 2}`); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	plain, named := commission(c.bare, "10", "2", nil), commission(c.bare, "10", "2", new("ch_a"))
	for _, made := range []bool{false, true} {
		plan := cut(t, p, s, plain, made)
		if got, _ := look(t, s, plain, plan, false); plan.Proof != noProof || got != providers.Unclear {
			t.Errorf("made %t: got %s by %q, want %s by %q", made, got, plan.Proof.By, providers.Unclear, providers.ProofNone)
		}
	}
	plan := cut(t, p, s, named, false)
	if got, _ := look(t, s, named, plan, true); plan.Proof != eventProof || got != providers.NotMade {
		t.Errorf("with an event id: got %s by %q, want %s", got, plan.Proof.By, providers.NotMade)
	}
}

// TestLookWhereFiltersAreIgnored: the assumed filter of commissions is no ground of a proof.
func TestLookWhereFiltersAreIgnored(t *testing.T) {
	c := newCast(t)
	for _, made := range []bool{false, true} {
		p, s := wired(t)
		s.Kit().Set(sandbox.IgnoreFilters, true)
		s.Kit().Set(sandbox.IDsOnly, true)
		command := commission(c.referral, "10", "2", nil)
		plan := cut(t, p, s, command, made)
		want := map[bool]providers.Verdict{false: providers.NotMade, true: providers.Made}[made]
		if got, _ := look(t, s, command, plan, false); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestLookWhereEmailsAreIgnored: where the filter by address is ignored, its list is read
// to the end. What is not proven there is neither made nor not made, and is not written in
// the first place.
func TestLookWhereEmailsAreIgnored(t *testing.T) {
	c := newCast(t)
	for _, name := range []string{"createAffiliate", "createReferral"} {
		command := writes(c)[name].command
		for _, exact := range []bool{false, true} {
			for made, want := range map[bool]providers.Verdict{false: providers.NotMade, true: providers.Made} {
				p, s := wired(t)
				s.Kit().Set(sandbox.IgnoreEmail, true)
				s.Kit().Set(kit.ExactAddress, exact)
				plan := cut(t, p, s, command, made)
				if got, _ := look(t, s, command, plan, false); got != want {
					t.Errorf("%s, made %t: got %s, want %s", name, made, got, want)
				}
				if _, err := p.Plan(t.Context(), command); made && !isTaken(err) || !made && err != nil {
					t.Errorf("%s, made %t: planned again with %v", name, made, err)
				}
			}
		}
		_, s := wired(t)
		s.Kit().Set(sandbox.IgnoreEmail, true)
		s.Kit().Odd().SetPageSize(10)
		few := providers.WithLimits(t.Context(), 0, 2)
		if _, err := open(t, s).Plan(few, command); !errors.Is(err, providers.ErrPages) {
			t.Errorf("%s, in more pages than may be read: planned with %v", name, err)
		}
		other := func(email string) string { return `{"id": "` + uuidA + `", "email": ` + email + `}` }
		full := strings.Repeat(other(`"else@x.example"`)+",", 99) + other(`"else@x.example"`)
		for vendor, data := range map[string]http.Handler{
			"a page again and again": listed(full, "true"),
			"an odd address":         listed(other(`"else@x.example"`)+","+other(`[]`), "false"),
			"no address told":        listed(`{"id": "`+uuidA+`"}`, "false"),
			"a row that is none":     listed(other(`"else@x.example"`)+",7", "false"),
		} {
			if verdict, _, err := open(t, data).Look(t.Context(), command, nil, false); providers.KindOf(err) != providers.KindBadReply {
				t.Errorf("%s, %s: got %s, %v", name, vendor, verdict, err)
			}
			if _, err := open(t, data).Plan(t.Context(), command); providers.KindOf(err) != providers.KindBadReply {
				t.Errorf("%s, %s: planned with %v", name, vendor, err)
			}
		}
		for rows, want := range map[string]providers.Verdict{other(`"else@x.example"`): providers.NotMade, other("null"): providers.NotMade} {
			if verdict, _, err := open(t, listed(rows, "false")).Look(t.Context(), command, nil, false); err != nil || verdict != want {
				t.Errorf("%s, %s: got %s, %v, want %s", name, rows, verdict, err, want)
			}
		}
	}
}

// isTaken says whether a plan was refused because the address is taken.
func isTaken(err error) bool {
	var problems providers.Problems
	return errors.As(err, &problems) && problems[0].Code == providers.ProblemTaken
}

// FuzzLook: what is stored of the state before, whatever became of it, never makes a panic,
// nor a write that was not made.
func FuzzLook(f *testing.F) {
	c := newCast(f)
	s := simulator()
	p := open(f, s)
	all := writes(c)
	names := []string{"updateAffiliate", "moveAffiliate", "createCampaign", "updateCampaign", "createCommission"}
	for i, name := range names {
		plan, err := p.Plan(context.Background(), all[name].command)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, []byte(plan.Before), false)
	}
	f.Add(0, []byte(`{"was": {"email": "x"}, "parts": ["x"]}`), true)
	f.Add(4, []byte(`{"equal": null}`), true)
	f.Fuzz(func(t *testing.T, i int, before []byte, disturbed bool) {
		if i < 0 || i >= len(names) {
			return
		}
		verdict, written, err := p.Look(t.Context(), all[names[i]].command, before, disturbed)
		if err != nil || verdict == providers.Made || written != nil {
			t.Errorf("%s before %q: got %s, %+v, %v", names[i], before, verdict, written, err)
		}
		if !json.Valid(before) && verdict != providers.Unclear {
			t.Errorf("%s before %q: got %s, want %s", names[i], before, verdict, providers.Unclear)
		}
	})
}

// turned is a budget that can be used up.
type turned struct {
	providers.Budget
	off bool
}

func (b *turned) Take(ctx context.Context) error {
	if b.off {
		return &providers.Error{Kind: providers.KindRateLimited}
	}
	return b.Budget.Take(ctx)
}

// TestNothingHasLeft: a connection that is refused and a budget that is used up say so.
func TestNothingHasLeft(t *testing.T) {
	command := writes(newCast(t))["createCommission"].command
	for name, stop := range map[string]func(*turned, *httptest.Server){
		"budget":     func(b *turned, _ *httptest.Server) { b.off = true },
		"connection": func(_ *turned, s *httptest.Server) { s.Close() },
	} {
		s := simulator()
		server := httptest.NewServer(s)
		defer server.Close()
		config := providertest.Config("saas", s, noon)
		budget := &turned{Budget: config.Budget}
		config.Credentials, config.BaseURL, config.Budget = map[string]string{"api_key": sandbox.APIKey}, server.URL, budget
		config.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		p, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := p.Plan(t.Context(), command)
		if err != nil {
			t.Fatal(err)
		}
		stop(budget, server)
		_, err = plan.Send(t.Context())
		e := (*providers.Error)(nil)
		if !errors.As(err, &e) || !e.Unsent || sent(s) != 0 {
			t.Errorf("%s: got %v, %d sent; want an error that says that nothing has left", name, err, sent(s))
		}
	}
}

// TestReplies: what a reply to a write leaves open is never taken for a failure.
func TestReplies(t *testing.T) {
	c := newCast(t)
	all := writes(c)
	for _, tt := range []struct {
		name   string
		status int
		body   string
		stale  bool // it was made, and what it is now is not told
	}{
		{"createAffiliate", 200, `{"success": true}`, false},
		{"createAffiliate", 201, `{"success": true, "data": {"id": "7"}}`, false},
		{"createAffiliate", 200, `{"success": false, "error": {"message": "m", "type": "t"}}`, false},
		{"createAffiliate", 200, `<html>`, false},
		{"createCommission", 502, `<html>`, false},
		{"updateAffiliate", 200, `{}`, false},
		{"updateAffiliate", 200, `{"success": true}`, false},
		{"updateAffiliate", 200, `{"success": true, "data": {"id": "` + c.member.ID.Local + `"}}`, true},
		{"updateAffiliate", 200, `{"success": true, "data": {"id": "` + uuidB + `"}}`, false},
		{"updateCampaign", 200, `{"success": true, "data": null}`, false},
	} {
		s := simulator()
		p := open(t, s)
		plan, err := p.Plan(t.Context(), all[tt.name].command)
		if err != nil {
			t.Fatal(err)
		}
		s.Kit().Forget()
		s.Kit().Fail(kit.Fault{Status: tt.status, Body: tt.body})
		written, err := plan.Send(t.Context())
		if tt.stale {
			_, subject := all[tt.name].command.Subject()
			if err != nil || !slices.Contains(written.Stale, subject) || !cmp.Equal(written.Harvest, providers.Harvest{}) {
				t.Errorf("%s %s: got %+v, %v; want it made, and stale", tt.name, tt.body, written, err)
			}
			continue
		}
		e := (*providers.Error)(nil)
		if !errors.As(err, &e) || e.Unsent || e.Kind != providers.KindBadReply && e.Kind != providers.KindUnavailable || sent(s) != 1 {
			t.Errorf("%s %s: got %+v, %v; want an outcome that is not known, after one call", tt.name, tt.body, written, err)
		}
	}
}

// TestVerdicts compares what was wanted with what is there now, and was there before.
func TestVerdicts(t *testing.T) {
	person := &affiliateBody{Email: new("Jane@x.example"), FirstName: new("Jane"), Approved: new(true)}
	codes := &affiliateBody{RefCode: new("jane"), PromoCode: new("JANE20")}
	for _, tt := range []struct {
		name        string
		wanted      *affiliateBody
		now, before string // affiliates on the wire
		disturbed   bool
		want        providers.Verdict
	}{
		{"as wanted", person, `{"email": "jane@x.example", "first_name": " Jane", "approved": true, "clicks": 3}`, `{"email": "j@x.example", "approved": false}`, true, providers.Made},
		{"as before", person, `{"email": "J@x.example", "first_name": "", "approved": false}`, `{"email": "j@x.example", "first_name": null, "approved": false}`, false, providers.NotMade},
		{"as before, after others", person, `{"email": "J@x.example", "first_name": "", "approved": false}`, `{"email": "j@x.example", "first_name": "", "approved": false}`, true, providers.Unclear},
		{"as before, one of them missing", person, `{"email": "J@x.example", "approved": false}`, `{"email": "j@x.example", "first_name": "", "approved": false}`, false, providers.Unclear},
		{"as before, one of them odd", person, `{"email": "J@x.example", "first_name": [], "approved": false}`, `{"email": "j@x.example", "first_name": "", "approved": false}`, false, providers.Unclear},
		{"as before, one of them odd then", person, `{"email": "J@x.example", "first_name": "", "approved": false}`, `{"email": "j@x.example", "first_name": {}, "approved": false}`, false, providers.Unclear},
		{"as wanted, one of them odd", person, `{"email": "jane@x.example", "first_name": {}, "approved": true}`, `{"email": "j@x.example", "first_name": "", "approved": false}`, false, providers.Unclear},
		{"neither", person, `{"email": "k@x.example", "approved": false}`, `{"email": "j@x.example", "approved": false}`, false, providers.Unclear},
		{"half", person, `{"email": "jane@x.example", "first_name": "Jane", "approved": false}`, `{"email": "j@x.example", "approved": false}`, false, providers.Unclear},
		{"a name in another case", person, `{"email": "jane@x.example", "first_name": "JANE", "approved": true}`, `{"email": "j@x.example", "approved": true}`, false, providers.Unclear},
		{"not told", person, `{"email": "j@x.example", "approved": null}`, `{"email": "j@x.example", "approved": null}`, false, providers.Unclear},
		{"among other codes", codes, `{"links": [{"code": "j"}, {"code": "Jane"}], "promo_codes": [{"code": "J"}, {"code": "jane20"}]}`, `{}`, false, providers.Made},
		{"other codes", codes, `{"links": [{"code": "j"}], "promo_codes": null}`, `{"links": [{"code": "j"}], "promo_codes": []}`, false, providers.NotMade},
		{"codes that cannot be read", codes, `{"links": [{"code": "j"}], "promo_codes": 7}`, `{"links": [{"code": "j"}], "promo_codes": []}`, false, providers.Unclear},
	} {
		var now, before affiliateWire
		for text, w := range map[string]*affiliateWire{tt.now: &now, tt.before: &before} {
			if _, err := wire.Decode([]byte(text), w); err != nil {
				t.Fatal(err)
			}
		}
		w, n, err := images(tt.wanted, now.body(tt.wanted))
		if err != nil {
			t.Fatal(err)
		}
		b, err := imageOf(before.body(tt.wanted))
		if err != nil {
			t.Fatal(err)
		}
		if got := w.verdict(n, b.only(w), tt.disturbed); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
