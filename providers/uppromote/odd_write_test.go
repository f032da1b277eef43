package uppromote

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// bending is a vendor whose replies are bent on the way.
type bending struct {
	next http.Handler
	bend func(row map[string]any) // each record of a reply; nil for none

	repeats bool   // writes are answered by the last reply to one, and not made
	written []byte // that reply
}

func (b *bending) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := b.written
	if !b.repeats || r.Method == http.MethodGet {
		got := httptest.NewRecorder()
		b.next.ServeHTTP(got, r)
		if body = got.Body.Bytes(); got.Code != http.StatusOK {
			w.WriteHeader(got.Code)
		}
		if r.Method != http.MethodGet {
			b.written = body
		}
	}
	if b.bend != nil {
		body = bent(body, b.bend)
	}
	_, _ = w.Write(body)
}

// bent is a reply with each of its records bent.
func bent(body []byte, bend func(row map[string]any)) []byte {
	var reply map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&reply) != nil {
		return body
	}
	var each func(v any)
	each = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, row := range v {
				each(row)
			}
		case map[string]any:
			bend(v)
		}
	}
	each(reply["data"])
	out, _ := json.Marshal(reply)
	return out
}

// bends take each member that replies have away, and put odd forms into its place.
func bends(seen map[string]bool, each func(what, member string, bend func(row map[string]any))) {
	for _, member := range slices.Sorted(maps.Keys(seen)) {
		each("without "+member, member, func(row map[string]any) { delete(row, member) })
		each(member+" in upper case", member, respelled(member, strings.ToUpper))
		each(member+" padded", member, respelled(member, func(s string) string { return " " + s + " " }))
		for _, form := range []string{`null`, `[]`, `{}`, `[{}]`, `[null]`} {
			each(member+" = "+form, member, func(row map[string]any) {
				if _, ok := row[member]; ok {
					row[member] = json.RawMessage(form)
				}
			})
		}
	}
}

// respelled spells a member that is a text in another way.
func respelled(member string, spell func(string) string) func(row map[string]any) {
	return func(row map[string]any) {
		if s, ok := row[member].(string); ok {
			row[member] = spell(s)
		}
	}
}

// TestOddReplies: a write that was answered was made, whatever is odd about the reply but
// the id; what is odd is read again.
func TestOddReplies(t *testing.T) {
	ids := []string{"id", "payment_id"}
	for m, row := range mutations {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			vendor := &bending{next: simulator()}
			p := open(t, vendor)
			w := planned(t, p, row.play(t, p).c)
			sound, err := w.Send(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			bent(vendor.written, func(row map[string]any) {
				for name := range row {
					seen[name] = !slices.Contains(ids, name)
				}
			})
			maps.DeleteFunc(seen, func(_ string, optional bool) bool { return !optional })
			vendor.repeats = true
			bends(seen, func(what, _ string, bend func(map[string]any)) {
				vendor.bend = bend
				written, err := w.Send(t.Context())
				switch {
				case err != nil:
					t.Errorf("%s: %v", what, err)
				case written.ID.Noun != sound.ID.Noun || written.ID != sound.ID && m != providers.CanAssignCoupon:
					t.Errorf("%s: written %+v; want %+v", what, written.ID, sound.ID)
				}
			})
			vendor.bend = func(row map[string]any) {
				for name := range seen {
					row[name] = []any{map[string]any{}}
				}
			}
			written, err := w.Send(t.Context())
			if err != nil || len(written.Harvest.Whole()) > 0 && m != providers.CanMarkPayoutPaid {
				t.Errorf("all odd: %+v, %v; want nothing of the reply", written, err)
			}
		})
	}
}

// decides are the members that the look of a mutation decides by.
var decides = map[providers.Capability][]string{
	providers.CanCreateAffiliate:           {"id", "email"},
	providers.CanSetAffiliateStatus:        {"id", "status"},
	providers.CanMoveAffiliate:             {"id", "program_id"},
	providers.CanSetAffiliateParent:        {"id", "up_line_affiliate_id"},
	providers.CanAssignCoupon:              {"id", "coupons"},
	providers.CanCreateReferral:            {"id", "order_id", "affiliate"},
	providers.CanSetCommissionStatus:       {"id", "status"},
	providers.CanAdjustCommission:          {"id", "commission_adjustment"},
	providers.CanMarkPayoutPaid:            {"id", "email", "status", "affiliate", "payment_id", "affiliate_id", "referral_ids"},
	providers.CanCreateWebhookSubscription: {"event", "target_url"},
	providers.CanUpdateWebhookSubscription: {"event", "target_url", "created_at"},
	providers.CanDeleteWebhookSubscription: {"event", "target_url", "created_at"},
}

// none are the bends that are no oddities: they say that there is none.
var none = []string{"coupons = []", "coupons = {}", "up_line_affiliate_id = null"}

// TestOddLooks: a look at odd records never says that a write was not made which was, nor
// the reverse; and it finds it wherever what it decides by can be read.
func TestOddLooks(t *testing.T) {
	for m, row := range mutations {
		if row.made != providers.Made {
			continue
		}
		for _, made := range []bool{true, false} {
			t.Run(string(m)+map[bool]string{true: " made", false: " not made"}[made], func(t *testing.T) {
				t.Parallel()
				seen := map[string]bool{}
				note := func(row map[string]any) {
					for name := range row {
						seen[name] = true
					}
				}
				vendor := &bending{next: simulator()}
				p := open(t, vendor)
				y := row.play(t, p)
				w := planned(t, p, y.c)
				if made {
					if _, err := w.Send(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				vendor.bend = note
				if v, _, err := p.Look(t.Context(), y.c, w.Before, false); err != nil || (v == providers.Made) != made {
					t.Fatalf("%s, %v", v, err)
				}
				bends(seen, func(what, member string, bend func(map[string]any)) {
					if slices.Contains(none, what) {
						return
					}
					vendor.bend = bend
					v, written, err := p.Look(t.Context(), y.c, w.Before, false)
					wrong := providers.Made
					if made {
						wrong = providers.NotMade
					}
					open := err != nil || v == providers.Unclear
					switch {
					case err == nil && v == wrong:
						t.Errorf("%s: %s", what, v)
					case open && !slices.Contains(decides[m], member):
						t.Errorf("%s: %s, %v; want it found out", what, v, err)
					case v == providers.Made && written.ID.IsZero():
						t.Errorf("%s: made, without an id", what)
					}
				})
			})
		}
	}
}
