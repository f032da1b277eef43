package providers_test

import (
	"testing"

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
