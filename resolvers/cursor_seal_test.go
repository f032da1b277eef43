package resolvers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/partnergraph/partnergraph/internal/apierror"
	"github.com/partnergraph/partnergraph/internal/listing"
)

// TestForgedPositions wants a cursor whose position a client has changed to be refused, by
// every list of every vendor, without a call.
func TestForgedPositions(t *testing.T) {
	sequential(t)
	const seal = 1 + 16 // the version and the seal
	w := newWorld(t, setup{noBudget: true})
	for _, list := range []string{"affiliates", "memberships", "campaigns", "referrals", "commissions", "payouts", "coupons"} {
		data, _ := must[map[string]struct {
			PageInfo struct{ EndCursor string }
		}](w, fmt.Sprintf(`{ %s(first: 2) { pageInfo { endCursor } } }`, list), nil)
		cursor, err := base64.RawURLEncoding.DecodeString(data[list].PageInfo.EndCursor)
		if err != nil || len(cursor) < seal {
			t.Fatalf("%s: %q: %v", list, cursor, err)
		}
		var positions []listing.Position
		if err := json.Unmarshal(cursor[seal:], &positions); err != nil {
			t.Fatal(err)
		}
		for i := range positions {
			positions[i].Page, positions[i].Done = 1_000_000, false
		}
		body, err := json.Marshal(positions)
		if err != nil {
			t.Fatal(err)
		}
		forged := base64.RawURLEncoding.EncodeToString(append(bytes.Clone(cursor[:seal]), body...))
		for _, kit := range w.kits {
			kit.Forget()
		}
		a := w.ask(fmt.Sprintf(`query($after: String) { %s(first: 100, after: $after) { nodes { id } } }`, list), map[string]any{"after": forged})
		if a.code() != string(apierror.BadCursor) {
			t.Errorf("%s: %s", list, clipped(a.text))
		}
		for vendor, kit := range w.kits {
			if n := len(kit.Requests()); n != 0 {
				t.Errorf("%s: %s saw %d calls", list, vendor, n)
			}
		}
	}
}
