package providertest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// blankForms are the odd forms that may stand for null.
var blankForms = []string{`null`, `""`, `0`, `[]`, `{}`, `{"id":null}`}

// inRecord says whether a path names a member of a record that stands inside a row.
func inRecord(row map[string]any, path string) bool {
	if !strings.Contains(path, ".") {
		return false
	}
	in, name := holders(row, path)
	return name != "id" && slices.ContainsFunc(in, func(m map[string]any) bool { return m["id"] != nil })
}

// claims are the fields that related records claim to be empty, while the sound readings of
// the same records have a value there. words says that no word can be read of the odd form,
// so that UNKNOWN is empty.
func claims(odd, sound providers.Harvest, words bool) []string {
	return slices.Concat(
		claimed(odd.Affiliates, sound.Affiliates, words),
		claimed(odd.Memberships, sound.Memberships, words),
		claimed(odd.Campaigns, sound.Campaigns, words),
		claimed(odd.Referrals, sound.Referrals, words),
		claimed(odd.Commissions, sound.Commissions, words),
		claimed(odd.Payouts, sound.Payouts, words),
		claimed(odd.Coupons, sound.Coupons, words),
	)
}

func claimed[T providers.Record](odd, sound []*T, words bool) (claims []string) {
	empty := func(v reflect.Value) bool {
		return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 || words && v.Kind() == reflect.String && v.String() == "UNKNOWN"
	}
	for _, record := range odd {
		id := providers.NodeOf(record).ID
		for _, other := range sound {
			if providers.NodeOf(other).ID != id {
				continue
			}
			for _, f := range providers.ComparedFields(reflect.TypeFor[T]()) {
				is, was := reflect.ValueOf(record).Elem().FieldByIndex(f.Index), reflect.ValueOf(other).Elem().FieldByIndex(f.Index)
				if empty(is) && !empty(was) && providers.NodeOf(record).Known.Covers(f.GraphQL) {
					claims = append(claims, fmt.Sprintf("the %s %s claims to have no %s", id.Noun, id.Local, f.GraphQL))
				}
			}
		}
	}
	return claims
}
