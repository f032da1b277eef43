package providers_test

import (
	"testing"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// TestJudgeState: what holds was made; what is as before was not, unless others wrote; the rest nobody knows.
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

// TestTargets: a vendor is told to call what is on the internet, and no machine of its own or ours.
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
