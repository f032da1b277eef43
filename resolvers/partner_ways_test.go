package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// TestPartnerColdIDs asks for others' records by id when nothing is cached, and wants no
// call that names one.
func TestPartnerColdIDs(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		self := all.some()[0]
		var foreign []string
		named := map[string]bool{}
		mine := map[string]bool{}
		for _, n := range belonging {
			count := 0
			for _, r := range all.of[n.list] {
				parsed, _ := providers.ParseID(id(r))
				parts := strings.Split(parsed.Local, "~")
				switch at(r, "affiliate", "id") {
				case self:
					for _, p := range parts {
						mine[p] = true
					}
				default:
					if count++; count <= 5 {
						foreign = append(foreign, id(r))
						for _, p := range parts {
							named[p] = true
						}
					}
				}
			}
		}
		if len(foreign) < 20 {
			t.Fatalf("%d foreign ids are too few", len(foreign))
		}
		w.pass(1000 * 3600 * 1e9) // what was read is forgotten
		kit := w.kits[vendor]
		kit.Forget()
		telling := slices.DeleteFunc(slices.Clone(foreign), func(s string) bool {
			parsed, _ := providers.ParseID(s)
			_, ok := w.accounts[vendor].Owner(parsed)
			return !ok
		})
		if a := w.as(partner(self), `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": telling}); len(telling) == 0 || len(a.Errors) > 0 || len(kit.Requests()) > 0 {
			t.Errorf("%d ids that say whose they are cost %d calls: %s", len(telling), len(kit.Requests()), clipped(a.text))
		}
		a := w.as(partner(self), `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": foreign})
		if len(a.Errors) > 0 || strings.Contains(a.text, `"id"`) {
			t.Errorf("others' records: %s", clipped(a.text))
		}
		for _, r := range kit.Requests() {
			u, err := url.Parse(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Split(u.Path, "/")
			for _, values := range u.Query() {
				said = append(said, values...)
			}
			for _, word := range said {
				if named[word] && !mine[word] && word != "paid" && len(word) > 3 {
					t.Errorf("a call names another's record: %s", r.Path)
				}
			}
		}
	})
}

// TestPartnerSwitches has the simulators ignore what their vendors may ignore.
func TestPartnerSwitches(t *testing.T) {
	sequential(t)
	for _, try := range []struct{ vendor, name, list string }{
		{"promotekit", "ignore_filters", "commissions"}, {"uppromote", "ignore_payment_email", "payouts"},
	} {
		w := newWorld(t, setup{vendors: []string{try.vendor}, noBudget: true, ticks: true})
		all := w.truth()
		self := all.some()[0]
		w.kits[try.vendor].Set(try.name, true)
		for range 3 { // the vendor's adapter plans otherwise once it knows
			w.pass(1000 * 3600 * 1e9)
			w.kits[try.vendor].Forget()
			a := w.as(partner(self), fmt.Sprintf("{ %s(first: 100) { nodes { id affiliate { id } } } others: payouts(first: 10) { nodes { commissions(first: 100) { nodes { id affiliate { id email } } } } } }", try.list), nil)
			if len(a.Errors) == 0 || len(leaks(a.text, all.secrets(self))) > 0 {
				t.Errorf("%s: %s", try.name, clipped(a.text))
			}
			for _, call := range onward(w.called()) {
				t.Errorf("%s: everyone's list is walked by %s", try.name, call)
			}
		}
		if !strings.Contains(w.told.take(), "ignores the filter by affiliate") {
			t.Errorf("%s: the operator is not told", try.name)
		}
	}
}

// TestPartnerPayoutsUnnarrowed wants everybody's payments not to be walked for a partner
// whose commissions are to tell their payouts, where the vendor does not narrow payments:
// the first time neither.
func TestPartnerPayoutsUnnarrowed(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{vendors: []string{"uppromote"}, noBudget: true, ticks: true, size: providers.SandboxMedium})
	var data struct{ Payouts struct{ Nodes []object } }
	if err := json.Unmarshal(w.as(auth.Local(), `{ payouts(first: 1, filter: { statuses: [PAID] }) { nodes { affiliate { id } } } }`, nil).Data, &data); err != nil || len(data.Payouts.Nodes) == 0 {
		t.Fatal(err)
	}
	me := partner(at(data.Payouts.Nodes[0], "affiliate", "id").(string))
	const query = `{ commissions(first: 20, filter: { statuses: [PAID] }) { nodes { id payout { id } } } }`
	if a := w.as(me, query, nil); len(a.Errors) > 0 || !strings.Contains(a.text, `"payout":{"id"`) {
		t.Errorf("as long as the vendor narrows them: %s", clipped(a.text))
	}
	w.kits["uppromote"].Set("ignore_payment_email", true)
	for range 2 {
		w.pass(1000 * time.Hour)
		w.kits["uppromote"].Forget()
		a := w.as(me, query, nil)
		if !strings.Contains(a.text, string(apierror.Unsupported)) || !strings.Contains(a.text, `"payout":null`) {
			t.Error(clipped(a.text))
		}
		for _, call := range onward(w.called()) {
			if !strings.Contains(call, "/referrals?affiliate_email=") { // the end of the partner's own list
				t.Errorf("everyone's list is walked by %s", call)
			}
		}
	}
}

// TestPartnerByEmail wants a partner with an address to be the affiliate with exactly that one.
func TestPartnerByEmail(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		self := all.some()[0]
		var email string
		for _, a := range all.affiliates {
			if id(a) == self {
				email, _ = a["email"].(string)
			}
		}
		known := func(email string) *auth.Viewer { return &auth.Viewer{Role: auth.RolePartner, Email: email} }
		for _, spelled := range []string{email, strings.ToUpper(email)} {
			for _, n := range belonging {
				if diff := cmp.Diff(byID(all.own(n.list, self)), byID(w.rows(known(spelled), n.list, "{}", n.fields))); diff != "" {
					t.Errorf("%s of %s (-want +got):\n%s", n.list, spelled, clipped(diff))
				}
			}
		}
		others := []string{"nobody@example.com", email[1:], "x" + email, email + ".example", strings.Replace(email, "s", "ſ", 1), strings.Replace(email, "k", "\u212a", 1), "%", "*", ""}
		for _, other := range slices.DeleteFunc(others, func(s string) bool { return s == email }) {
			a := w.as(known(other), `{ accounts { id } viewer { accounts { id } affiliates { id } } affiliates(first: 10) { nodes { id } } commissions(first: 10) { nodes { id } } node(id: "`+self+`") { id } }`, nil)
			if strings.Contains(a.text, `"id"`) {
				t.Errorf("%q sees %s", other, clipped(a.text))
			}
		}
		if vendor != "promotekit" { // retries wait in earnest; one vendor will do
			return
		}
		w.pass(1000 * 3600 * 1e9)
		w.kits[vendor].SetDown(true)
		a := w.as(known(email), `{ accounts { id } commissions(first: 10) { nodes { id } } node(id: "`+self+`") { id } }`, nil)
		if strings.Contains(a.text, `"id"`) || len(a.Errors) < 3 {
			t.Errorf("while the vendor is away: %s", clipped(a.text))
		}
	})
}

// looseLookup is an account whose look-up by address finds what it was told.
type looseLookup struct {
	providers.Provider
	page func(email string) *providers.Page[providers.Affiliate]
}

func (l looseLookup) Affiliates(f providers.AffiliateFilter) ([]providers.List[providers.Affiliate], error) {
	if f.Email == "" {
		return l.Provider.Affiliates(f)
	}
	return []providers.List[providers.Affiliate]{{Key: "look-up", Page: func(context.Context, providers.PageRequest) (*providers.Page[providers.Affiliate], error) {
		return l.page(f.Email), nil
	}}}, nil
}

// TestPartnerLookUp gives look-ups of an address that must not be believed.
func TestPartnerLookUp(t *testing.T) {
	affiliate := func(local, email string) *providers.Affiliate {
		a := &providers.Affiliate{Email: &email}
		a.ID = providers.ID{Account: "firstpromoter", Noun: providers.NounAffiliate, Local: local}
		return a
	}
	const email = "jane@example.com"
	for name, try := range map[string]struct {
		page providers.Page[providers.Affiliate]
		want string
	}{
		"it":                     {providers.Page[providers.Affiliate]{Items: []*providers.Affiliate{affiliate("1", email)}}, "accounts"},
		"it among others":        {providers.Page[providers.Affiliate]{Items: []*providers.Affiliate{affiliate("2", "mary"+email), affiliate("1", email)}}, "accounts"},
		"another":                {providers.Page[providers.Affiliate]{Items: []*providers.Affiliate{affiliate("1", "joe@example.com")}}, "nothing"},
		"one without an address": {providers.Page[providers.Affiliate]{Items: []*providers.Affiliate{{}}}, "nothing"},
		"two":                    {providers.Page[providers.Affiliate]{Items: []*providers.Affiliate{affiliate("1", email), affiliate("2", email)}}, "nothing"},
		"everybody":              {providers.Page[providers.Affiliate]{Items: []*providers.Affiliate{affiliate("1", email)}, More: true}, "error"},
	} {
		w := newWorld(t, setup{vendors: []string{"firstpromoter"}, noBudget: true, wrap: func(p providers.Provider) providers.Provider {
			return looseLookup{p, func(string) *providers.Page[providers.Affiliate] { return &try.page }}
		}})
		a := w.as(&auth.Viewer{Role: auth.RolePartner, Email: email}, `{ accounts { id } }`, nil)
		var data struct{ Accounts []object }
		if err := json.Unmarshal(a.Data, &data); err != nil {
			t.Fatal(err)
		}
		got := "nothing"
		if len(data.Accounts) > 0 {
			got = "accounts"
		} else if len(a.Errors) > 0 {
			got = "error"
		}
		if got != try.want {
			t.Errorf("%s: %s, want %s: %s", name, got, try.want, a.text)
		}
	}
}

// TestPartnerOfNothing wants viewers who are no affiliate, and roles that nobody knows, to
// see nothing, without a call.
func TestPartnerOfNothing(t *testing.T) {
	sequential(t)
	w := newWorld(t, setup{noBudget: true, ticks: true})
	all := w.truth()
	self := id(all.affiliates[0])
	campaign := id(all.campaigns[0])
	for name, v := range map[string]*auth.Viewer{
		"nobody":                       {Role: auth.RolePartner},
		"no id":                        partner("x"),
		"a campaign":                   partner(campaign),
		"an account that is not there": partner(providers.ID{Account: "other", Noun: providers.NounAffiliate, Local: "1"}.String()),
		"an account not to be seen":    {Role: auth.RolePartner, Affiliates: []string{self}, Accounts: []string{"other"}},
		"another role":                 {Role: "ROOT", Affiliates: []string{self}},
		"no role":                      {Affiliates: []string{self}},
	} {
		for _, kit := range w.kits {
			kit.Forget()
		}
		a := w.as(v, `{ accounts { id } commissions(first: 10) { nodes { id } } affiliates(first: 10) { nodes { id } } node(id: "`+self+`") { id } }`, nil)
		if strings.Contains(a.text, `"id"`) || len(a.Errors) > 0 && v.Role == auth.RolePartner {
			t.Errorf("%s: %s", name, clipped(a.text))
		}
		for vendor, kit := range w.kits {
			if got := kit.Requests(); len(got) > 0 {
				t.Errorf("%s costs a call at %s: %s", name, vendor, got[0].Path)
			}
		}
	}
}

// TestOwner wants ids to name the affiliates whose records they name, where they name any.
func TestOwner(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		said := map[string]int{}
		for list, rows := range all.of {
			for _, r := range rows {
				parsed, err := providers.ParseID(id(r))
				if err != nil {
					t.Fatal(err)
				}
				owner, ok := w.accounts[vendor].Owner(parsed)
				if !ok {
					continue
				}
				said[list]++
				if want, _ := at(r, "affiliate", "id").(string); owner.String() != want && want != "" {
					t.Errorf("the id of %s is said to be %s's, want %s", parsed, owner, want)
				}
			}
		}
		if said["memberships"] == 0 {
			t.Error("no membership's id says whose it is")
		}
	})
}

// misnamer is an account whose commissions name a payout that is somebody else's.
type misnamer struct {
	providers.Provider
	payout *providers.ID
}

func (m misnamer) Commissions(f providers.CommissionFilter) ([]providers.List[providers.Commission], error) {
	lists, err := m.Provider.Commissions(f)
	for i, l := range lists {
		lists[i].Page = func(ctx context.Context, r providers.PageRequest) (*providers.Page[providers.Commission], error) {
			p, err := l.Page(ctx, r)
			if err != nil || m.payout.IsZero() {
				return p, err
			}
			page := *p
			page.Items = nil
			for _, c := range p.Items {
				named := *c
				named.PayoutID = *m.payout
				page.Items = append(page.Items, &named)
			}
			return &page, nil
		}
	}
	return lists, err
}

// TestPartnerMisnamed wants a record that an own one leads to to be checked when it has arrived.
func TestPartnerMisnamed(t *testing.T) {
	var payout providers.ID
	vendors(t, setup{wrap: func(p providers.Provider) providers.Provider { return misnamer{p, &payout} }}, func(t *testing.T, w *world, vendor string, all *truth) {
		self := all.some()[0]
		for _, p := range all.of["payouts"] {
			if at(p, "affiliate", "id") != self {
				payout, _ = providers.ParseID(id(p))
			}
		}
		a := w.as(partner(self), `{ commissions(first: 5) { nodes { payout { id amount { amount } } } } }`, nil)
		if len(a.Errors) > 0 || !strings.Contains(a.text, `"payout":null`) || strings.Contains(a.text, `"id"`) {
			t.Errorf("another's payout: %s", clipped(a.text))
		}
		payout = providers.ID{}
	})
}

// TestPartnerOthersReferral wants the referral of a share in somebody else's customer to be
// null, and never to be read; and what was bought not to be told, nor the share to be found
// by it.
func TestPartnerOthersReferral(t *testing.T) {
	vendors(t, setup{}, func(t *testing.T, w *world, vendor string, all *truth) {
		for _, c := range all.of["commissions"] {
			earner, _ := at(c, "affiliate", "id").(string)
			if r := at(c, "referral", "affiliate", "id"); r == nil || r == earner {
				continue
			}
			referral, _ := providers.ParseID(id(at(c, "referral")))
			w.pass(1000 * 3600 * 1e9)
			w.kits[vendor].Forget()
			a := w.as(partner(earner), `query($id: ID!) { node(id: $id) { ... on Commission { id referral { id } } } }`, map[string]any{"id": id(c)})
			if len(a.Errors) > 0 || !strings.Contains(a.text, `"referral":null`) {
				t.Errorf("a share in another's customer: %s", clipped(a.text))
			}
			if got := w.rows(partner(earner), "commissions", fmt.Sprintf("{ referrals: [%q] }", referral), "id"); len(got) > 0 {
				t.Errorf("the share is found by another's referral: %v", got)
			}
			for _, r := range w.kits[vendor].Requests() {
				u, _ := url.Parse(r.Path)
				for _, values := range u.Query() {
					if slices.Contains(values, referral.Local) {
						t.Errorf("another's referral is read: %s", r.Path)
					}
				}
				if strings.HasSuffix(u.Path, "/"+referral.Local) {
					t.Errorf("another's referral is read: %s", r.Path)
				}
			}
			const sale = `{ node(id: %q) { ... on Commission { amount { amount } saleAmount { amount } originalSaleAmount { amount } eventId } } }`
			var told object
			if err := json.Unmarshal(w.as(auth.Local(), fmt.Sprintf(sale, id(c)), nil).Data, &told); err != nil || at(told, "node", "eventId") == nil || at(told, "node", "saleAmount") == nil {
				t.Fatalf("nothing is known of the sale: %v", told)
			}
			event := at(told, "node", "eventId").(string)
			a = w.as(partner(earner), fmt.Sprintf(sale, id(c)), nil)
			if !strings.Contains(a.text, `"saleAmount":null,"originalSaleAmount":null,"eventId":null`) || strings.Contains(a.text, `"amount":null`) {
				t.Errorf("the sale to another's customer: %s", clipped(a.text))
			}
			if got := w.rows(partner(earner), "commissions", fmt.Sprintf("{ eventId: %q }", event), "id"); len(got) > 0 {
				t.Errorf("the share is found by another's sale: %v", got)
			}
			if owner, _ := at(c, "referral", "affiliate", "id").(string); len(w.rows(partner(owner), "commissions", fmt.Sprintf("{ eventId: %q }", event), "id")) == 0 {
				t.Errorf("whose customer it is does not find it by %q", event)
			}
			return
		}
		if vendor == "firstpromoter" { // the vendor with tiers
			t.Error("there is no such share")
		}
	})
}
