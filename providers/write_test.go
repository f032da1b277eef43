package providers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"github.com/partnergraph/partnergraph/providers"
)

// TestJudgeState: what holds was made; what is as before was not, unless others wrote; the
// rest nobody knows.
func TestJudgeState(t *testing.T) {
	for _, tt := range []struct {
		holds, asBefore, disturbed bool
		want                       providers.Verdict
	}{
		{true, false, false, providers.Made}, {true, true, true, providers.Made},
		{false, true, false, providers.NotMade}, {false, true, true, providers.Unclear},
		{false, false, false, providers.Unclear}, {false, false, true, providers.Unclear},
	} {
		if got := providers.JudgeState(tt.holds, tt.asBefore, tt.disturbed); got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}

// TestProblems: problems are an error only where there are some.
func TestProblems(t *testing.T) {
	var p providers.Problems
	if p.When(false, providers.ProblemInvalid, "a.b", "is odd"); p.Err() != nil {
		t.Errorf("nothing wrong: %v", p.Err())
	}
	if p.When(true, providers.ProblemInvalid, "a.b", "is odd"); p.Err() == nil || p.Err().Error() != "a.b: is odd" {
		t.Errorf("one thing wrong: %v", p.Err())
	}
}

// TestTargets: a vendor is told to call what is on the internet, and no machine of its own
// or ours.
func TestTargets(t *testing.T) {
	for target, want := range map[string]bool{
		"https://hooks.example.com/x": true, "https://hooks.example.com:8443": true, "https://8.8.8.8/": true, "https://[2606:4700::1]/": true, "https://localhost.example.com": true,
		"http://hooks.example.com": false, "https://": false, "/x": false, "ftp://hooks.example.com": false, "https://a:b@hooks.example.com": false,
		"https://localhost/": false, "https://LOCALHOST.:8443": false, "https://app.localhost": false, "https://127.0.0.1/": false, "https://10.1.2.3": false, "https://172.16.0.1": false,
		"https://192.168.0.1:8443/": false, "https://169.254.169.254/latest": false, "https://0.0.0.0": false, "https://224.0.0.1": false,
		"https://[::1]/": false, "https://[::]/": false, "https://[fd00::1]/": false, "https://[fe80::1]/": false, "https://[::ffff:127.0.0.1]": false,
	} {
		account := providers.ID{Account: "shop", Noun: providers.NounAccount}
		create := (&providers.CreateWebhookSubscriptionInput{IdempotencyKey: "12345678", Account: account, TargetURL: target, Events: []string{"x"}}).Check("USD", time.Now())
		update := (&providers.UpdateWebhookSubscriptionInput{IdempotencyKey: "12345678", ID: providers.ID{Account: "shop", Noun: providers.NounWebhookSubscription, Local: "x"}, TargetURL: &target}).Check("USD", time.Now())
		if (len(create) == 0) != want || (len(update) == 0) != want {
			t.Errorf("%s: %v, %v", target, create, update)
		}
	}
}

// TestWrittenAmounts wants an amount to have as many decimals as its currency, zeros aside.
func TestWrittenAmounts(t *testing.T) {
	for _, tt := range []struct {
		amount, currency string
		want             bool
	}{
		{"1.50", "USD", true}, {"1.5000", "USD", true}, {"1.505", "USD", false}, {"12.50", "COP", true}, {"12.50", "MGA", true},
		{"1.505", "KWD", true}, {"1.5050", "kwd", true}, {"1.5055", "KWD", false}, {"1.5055", "CLF", true},
		{"150", "JPY", true}, {"150.00", "JPY", true}, {"150.5", "JPY", false}, {"150.5", "ISK", false},
	} {
		problems := (&providers.CreateCommissionInput{IdempotencyKey: "12345678", Commission: providers.NewCommissionInput{Custom: &providers.CustomCommissionInput{
			Affiliate: id(providers.NounAffiliate, "1"), Amount: providers.Money{Amount: decimal.MustParse(tt.amount), CurrencyCode: strings.ToUpper(tt.currency)},
		}}}).Check(tt.currency, time.Now())
		if (len(problems) == 0) != tt.want {
			t.Errorf("%s %s: %v", tt.amount, tt.currency, problems)
		}
	}
}

// TestTargetFoldsEmails wants the writes of one address to wait for each other, however it
// is spelled.
func TestTargetFoldsEmails(t *testing.T) {
	typed, folded := "New.Partner@Example.com", "new.partner@example.com"
	for _, pair := range [][2]providers.Command{
		{&providers.CreateAffiliateInput{Email: typed}, &providers.CreateAffiliateInput{Email: folded}},
		{&providers.ConnectCustomerInput{CustomerEmail: typed}, &providers.ConnectCustomerInput{CustomerEmail: folded}},
		{&providers.CreateReferralInput{Email: &typed}, &providers.CreateReferralInput{Email: &folded}},
	} {
		if pair[0].Target() != pair[1].Target() {
			t.Errorf("%q and %q", pair[0].Target(), pair[1].Target())
		}
	}
}
