package narrow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers/internal/narrow"
)

func TestPlan(t *testing.T) {
	for name, tt := range map[string]struct {
		conditions [][]string // a parameter and its values
		want       []string   // queries
		inexact    bool
		whole      bool
	}{
		"nothing":          {want: []string{""}, whole: true},
		"one value":        {conditions: [][]string{{"a", "1"}}, want: []string{"a=1"}},
		"a list for each":  {conditions: [][]string{{"a", "2", "1"}, {"b", "3"}}, want: []string{"a=1&b=3", "a=2&b=3"}},
		"equal values":     {conditions: [][]string{{"a", "2", "1", "2"}}, want: []string{"a=1", "a=2"}},
		"no value":         {conditions: [][]string{{"a", "1"}, {"b"}}},
		"divided once":     {conditions: [][]string{{"a", "1", "2"}, {"b", "3", "4"}}, want: []string{"a=1", "a=2"}, inexact: true},
		"one value, twice": {conditions: [][]string{{"a", "1", "1"}}, want: []string{"a=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := narrow.New()
			for _, c := range tt.conditions {
				p.One(c[0], c[1:])
			}
			var got []string
			for _, q := range p.Queries() {
				got = append(got, q.Encode())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || p.Exact == tt.inexact || p.Whole() != tt.whole || p.None != (tt.want == nil) {
				t.Errorf("%+v (-want +got):\n%s", p, diff)
			}
			before := p.Query.Encode()
			if got, want := p.With("z", "9").Get("z"), "9"; got != want || p.Query.Encode() != before {
				t.Errorf("with z there is %q, want %q; the plan has %s, want %s", got, want, p.Query.Encode(), before)
			}
		})
	}
}
