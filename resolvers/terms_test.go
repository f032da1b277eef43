package resolvers_test

import (
	"encoding/json"
	"testing"

	"github.com/partnergraph/partnergraph/internal/auth"
)

// TestTermsOfCampaigns wants whoever may list campaigns to read their terms whole, partners too.
func TestTermsOfCampaigns(t *testing.T) {
	w := newWorld(t, setup{portal: true, noBudget: true})
	query := `{ campaigns(first: 100) { nodes { id commission {
		type percent amount { amount currencyCode } firstPayment { type percent amount { amount currencyCode } } months payments notes
	} } } }`
	for _, v := range []*auth.Viewer{{Name: "staff", Role: auth.RoleAdmin}, {Name: "kim", Role: auth.RolePartner, Email: firstEmail(w)}} {
		a := w.browse(v, query, nil)
		var data struct {
			Campaigns struct {
				Nodes []struct {
					Commission *struct {
						Type  string
						Notes []string
					}
				}
			}
		}
		decode(t, a, &data)
		for _, c := range data.Campaigns.Nodes {
			if c.Commission == nil || c.Commission.Notes == nil {
				t.Errorf("%s reads %+v", v.Role, c.Commission)
			}
		}
		if len(data.Campaigns.Nodes) == 0 {
			t.Errorf("%s sees no campaign", v.Role)
		}
	}
}

// decode reads the data of an answer without errors.
func decode(t *testing.T, a *answer, data any) {
	t.Helper()
	if err := json.Unmarshal(a.Data, data); err != nil || len(a.Errors) > 0 {
		t.Fatalf("%v: %s", err, clipped(a.text))
	}
}
