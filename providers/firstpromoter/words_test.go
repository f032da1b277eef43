package firstpromoter

import (
	"strings"
	"testing"
)

// TestWordsInAnyCase: the vendor's words mean the same in upper and lower case, in all
// vocabularies.
func TestWordsInAnyCase(t *testing.T) {
	for name, check := range map[string]func(*testing.T){
		"affiliates":  anyCase(affiliateStates),
		"memberships": anyCase(memberStates),
		"referrals":   anyCase(referralStates),
		"commissions": anyCase(commissionStates),
		"payouts":     anyCase(payoutStates),
	} {
		t.Run(name, check)
	}
	for _, s := range affiliateStates {
		word := strings.ToUpper(s.word)
		w := &wirePromoter{Memberships: []wireMembership{{State: optional[string]{Value: &word}}}}
		if got, said := affiliateStatus(w); got != s.status || said == nil || *said != word {
			t.Errorf("an affiliate who is %s is %s", word, got)
		}
	}
}

func anyCase[S ~string](v vocabulary[S]) func(*testing.T) {
	return func(t *testing.T) {
		for _, e := range v {
			lower := v.status(&e.word)
			for _, word := range []string{strings.ToUpper(e.word), strings.ToUpper(e.word[:1]) + e.word[1:]} {
				if got := v.status(&word); got != lower || got == unknown {
					t.Errorf("%s is %s, want %s", word, got, lower)
				}
			}
		}
	}
}
