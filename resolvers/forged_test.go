package resolvers_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers"
)

// forged are vendors' own ids that nobody gave out. They would lead elsewhere, if they came
// into a call's address, header or body as they are.
var forged = []string{
	"..", ".", "zz/../1", "../zz", "1/zz", "1%2Fzz", "%2e%2e%2fzz", "1?zz=1", "1&zz=1", "1#zz", "1;zz", `1\zz`, "1\r\nZz: 1", "1\x00zz", `1"zz`, "1' OR zz", "zz@example.com", "1zz", "-1zz", "１zz",
}

// TestForgedIDs asks for records, and writes to them, by ids that were made up to lead
// elsewhere: none is found, and none gets into an address's path or a body.
func TestForgedIDs(t *testing.T) {
	sequential(t)
	reaches := func(t *testing.T, w *world, vendor, local string) {
		t.Helper()
		all, _ := w.taken(vendor)
		for _, r := range all {
			u, err := url.Parse(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			said := u.Path + "\n" + r.Body
			for name, values := range u.Query() {
				values = slices.DeleteFunc(values, func(v string) bool { return v == local }) // all of it, as one value: UpPromote's webhooks are found by an event's name
				said += "\n" + name + "\n" + strings.Join(values, "\n")
			}
			if strings.Contains(strings.ToLower(said), "zz") || strings.Contains(said, "/.") {
				t.Errorf("%q: %s was asked %s %s %s", local, vendor, r.Method, r.Path, r.Body)
			}
		}
		if landed(all) != 0 {
			t.Errorf("%q: something was written:%s", local, lined(all))
		}
	}
	t.Run("reads", func(t *testing.T) {
		w := newWorld(t, setup{noBudget: true, cost: 1 << 20})
		for vendor := range w.accounts {
			for _, noun := range []providers.Noun{providers.NounAffiliate, providers.NounMembership, providers.NounCampaign, providers.NounReferral, providers.NounCommission,
				providers.NounPayout, providers.NounCoupon, providers.NounWebhookSubscription} {
				for _, local := range forged {
					for _, local := range []string{local, providers.JoinLocal("1", local), providers.JoinLocal(local, "1")} {
						id := providers.ID{Account: vendor, Noun: noun, Local: local}.String()
						a := w.ask(`query($id: ID!) { node(id: $id) { id } raw: rawRecord(id: $id) }`, map[string]any{"id": id})
						if strings.Contains(a.text, `"id":"`) || strings.Contains(a.text, `"raw":{`) {
							t.Errorf("%s %q: %s", noun, local, clipped(a.text))
						}
						reaches(t, w, vendor, local)
					}
				}
			}
		}
	})
	eachRow(t, func(t *testing.T, r row) {
		w, p := r.sole(t, setup{})
		if _, ok := p.input["account"]; ok {
			t.Skip("an account's id has no part of the vendor's")
		}
		w.taken(r.vendor)
		for _, local := range forged {
			input := maps.Clone(p.input)
			replaceSubject(input, func(id providers.ID) providers.ID { id.Local = local; return id })
			got, a := w.write(r.mutation, p.fields, newKey+local[:1]+text("%x", local), input)
			if a.code() == "" && (got == nil || len(got.UserErrors) == 0) {
				t.Errorf("%q: %s", local, clipped(a.text))
			}
			reaches(t, w, r.vendor, local)
		}
	})
}
