package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/schema"
)

// textFields are the fields of a noun that are texts and may be null.
func textFields(noun string) (names []string) {
	for _, f := range schema.Parsed().Types[noun].Fields {
		if f.Type.Name() == "String" && f.Type.Elem == nil && !f.Type.NonNull && len(f.Arguments) == 0 {
			names = append(names, f.Name)
		}
	}
	return names
}

// editTexts has each text of a record that is no id, no time and no number become what
// change makes of it.
func editTexts(v any, change func(name, text string) string) {
	record, ok := v.(object)
	if !ok {
		return
	}
	for name, member := range record {
		text, isText := member.(string)
		switch {
		case !isText:
			editTexts(member, change)
		case strings.HasSuffix(name, "id") || strings.HasSuffix(name, "_at") || strings.HasSuffix(name, "_date") || strings.Trim(text, "-.0123456789") == "":
		case name == "code" || name == "coupon": // a coupon without one is none
		default:
			record[name] = change(name, text)
		}
	}
}

// TestBlankTexts has each text of each vendor's records be blank, and then have white space
// around it. A blank text is null, in each field of each noun, and the names of people and
// campaigns are trimmed.
func TestBlankTexts(t *testing.T) {
	nouns := map[string]string{"affiliates": "Affiliate", "campaigns": "Campaign", "memberships": "Membership",
		"referrals": "Referral", "commissions": "Commission", "payouts": "Payout"}
	for vendor, lists := range oddLists {
		w := newWorld(t, setup{vendors: []string{vendor}, noBudget: true, ticks: true})
		for list, noun := range nouns {
			for _, path := range lists[list] {
				for what, change := range map[string]func(name, text string) string{
					"blank": func(string, string) string { return " \t " },
					"wide":  func(_, text string) string { return "  " + text + " " },
				} {
					w.pass(100 * time.Hour)
					w.editReplies(vendor, path, func(_ int, row object) { editTexts(row, change) })
					fields := textFields(noun)
					a := w.ask(fmt.Sprintf(`{ %s(first: 20) { nodes { id %s } } }`, list, strings.Join(fields, " ")), nil)
					rows := nodes(t, a.Data)
					for _, row := range rows {
						for _, name := range fields {
							text, ok := row[name].(string)
							trimmed := strings.TrimSpace(text)
							isName := slices.Contains([]string{"name", "firstName", "lastName"}, name)
							if ok && (trimmed == "" || isName && trimmed != text) {
								t.Errorf("%s, %s, %s: %s.%s is %q", vendor, path, what, noun, name, text)
							}
						}
					}
					if len(a.Errors) > 0 || len(rows) == 0 {
						t.Errorf("%s, %s, %s: %s", vendor, path, what, clipped(a.text))
					}
				}
			}
		}
	}
}
