package resolvers_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/providers"
)

// unfiltered are the filters of root lists that narrow nothing, which is what a cursor of
// the whole list is bound to.
var unfiltered = map[string]any{
	"affiliates": providers.AffiliateFilter{}, "memberships": providers.MembershipFilter{}, "campaigns": providers.CampaignFilter{}, "referrals": providers.ReferralFilter{},
	"commissions": providers.CommissionFilter{}, "payouts": providers.PayoutFilter{}, "coupons": providers.CouponFilter{},
}

// forge makes a cursor of a root list, as somebody can who has read the source and has
// stolen the key.
func forge(t testing.TB, p page, to *actor, body []byte) string {
	list := strings.TrimPrefix(p.name, "Query.")
	filter, ok := unfiltered[list]
	if !ok {
		t.Fatalf("%s takes a cursor: say in attack_fuzz_test.go how its filter looks", p.name)
	}
	text, err := json.Marshal(filter)
	if err != nil {
		t.Fatal(err)
	}
	scope := fmt.Sprintf("%q %q %q", to.viewer.Accounts, to.viewer.Affiliates, to.viewer.Email)
	bound := strings.ToUpper(list[:1]) + strings.TrimSuffix(list[1:], "s") + "\x00" + scope + "\x00" + string(text)
	key := sha256.Sum256([]byte(cursorKey))
	seal := hmac.New(sha256.New, key[:])
	_, _ = seal.Write(slices.Concat(binary.BigEndian.AppendUint64(nil, uint64(len(bound))), []byte(bound), body))
	return base64.RawURLEncoding.EncodeToString(slices.Concat([]byte{2}, seal.Sum(nil)[:sealSize], body))
}

// opened is what a cursor says.
func opened(t testing.TB, cursor string) []byte {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(text) < 1+sealSize {
		t.Fatalf("%q: %v", cursor, err)
	}
	return text[1+sealSize:]
}

// sealSize is the length of a cursor's seal in bytes, behind the version.
const sealSize = 16

// FuzzAttack has a partner make ids and cursors of what is others', in their account and in
// foreign ones. Whatever they make of them, they see what is theirs; what is of a foreign
// account is answered as what does not exist, and costs no call.
func FuzzAttack(f *testing.F) {
	s := newPortal(f, setup{})
	accounts := s.w.names()
	me := s.partner("a partner", s.selves(accounts[0])[0])
	secrets := s.secrets(me)

	ids, lists := map[string][]try{}, []page{}
	for _, w := range s.ways(auth.RolePartner) {
		if len(w.slots) == 1 && w.slots[0].typ == "ID" {
			noun := s.noun(w, w.slots[0])
			ids[noun] = append(ids[noun], try{way: w, what: "as it was made up"})
		}
	}
	for _, p := range s.pages(auth.RolePartner) {
		if p.noun == "" {
			lists = append(lists, p)
		}
	}
	nouns := []providers.Noun{providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral, providers.NounCommission, providers.NounPayout,
		providers.NounCoupon, providers.NounWebhookSubscription, providers.NounAccount}
	others := append(s.selves(accounts[0])[1:2], s.selves(accounts[1])[0], s.selves(accounts[2])[0])
	for _, id := range s.order {
		if owner := s.owner[id]; owner == "" || owner == me.selves[0] || slices.Contains(others, owner) && s.records[id]["__typename"] == "Affiliate" {
			parsed, err := providers.ParseID(id)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(slices.Index(accounts, parsed.Account)), uint8(slices.Index(nouns, parsed.Noun)), parsed.Local, []byte("[]"))
		}
	}
	for i, p := range lists {
		for _, giver := range append(others, me.selves[0]) {
			for _, cursor := range cursorsOf(s.turn(s.partner("another", giver), p, "", "")) {
				body := opened(f, cursor)
				f.Add(uint8(i), uint8(i), "1", body)
				if giver == me.selves[0] && forge(f, p, me, body) != cursor {
					f.Fatalf("a cursor of %s is not sealed as is said here", p.name)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, account, noun uint8, local string, body []byte) {
		id := providers.ID{Account: accounts[int(account)%len(accounts)], Noun: nouns[int(noun)%len(nouns)], Local: local}
		if parsed, err := providers.ParseID(id.String()); err != nil || parsed != id {
			t.Skip("no id")
		}
		s.t, s.w.t = t, t
		s.w.called()
		tries := ids[string(id.Noun)]
		for i := range tries {
			tries[i].foreign = []any{id.String()}
		}
		if len(tries) > 0 {
			hits, _ := s.fire(me, s.volley(auth.RolePartner, tries), func(t try) []any { return t.foreign })
			for i, h := range hits {
				s.check(me, tries[i], h, secrets)
				if strings.HasPrefix(tries[i].slots[0].name, "id") && s.may(me, id.String()) && !strings.Contains(h.data, `"id"`) {
					t.Errorf("%s: %+v shows nothing, and is the partner's own", tries[i].name, id)
				}
			}
		}
		if calls := s.w.called(); id.Account != accounts[0] && len(calls) > 0 {
			t.Errorf("%+v costs %d calls, as %s", id, len(calls), calls[0])
		}
		for _, p := range lists {
			a := s.turn(me, p, "", forge(t, p, me, body))
			if code := a.code(); code != "" && code != string(apierror.BadCursor) {
				t.Errorf("%s: %s", p.name, clipped(a.text))
			}
			s.check(me, try{way: way{name: p.name}, what: "behind a cursor that was made up"}, hit{data: string(a.Data)}, secrets)
		}
	})
}
