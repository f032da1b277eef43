package probe

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
)

// listed are the replies with these lists.
func listed(t *testing.T, bodies ...string) (replies []Reply) {
	t.Helper()
	for _, body := range bodies {
		r, ok := replyOf(200, []byte(body))
		if !ok {
			t.Fatalf("%s is no list", body)
		}
		replies = append(replies, r)
	}
	return replies
}

func TestJudges(t *testing.T) {
	one := Filter{Parameter: "by", Value: []string{"of", "id"}, Count: 1}
	two := Filter{Parameter: "by[]", Value: []string{"mail"}, Member: []string{"of", "id"}, Count: 2}
	const (
		bare  = `[{"of": 1}, {"of": 2}, {"of": 1}]`
		three = `[{"of": {"id": "a"}, "mail": "a@x"}, {"of": {"id": "b"}, "mail": "b@x"}, {"of": {"id": "c"}, "mail": "c@x"}, {"of": {"id": "c"}}]`
	)
	for name, c := range map[string]struct {
		judge func([]Reply) Verdict
		lists []string
		want  string
	}{
		"times": {Times("a", "b"), []string{`[{"a": "2026-01-02T03:04:05Z", "b": "2026-01-02T03:04:05.64213+00:00"}, {"a": null, "b": ""}, {}]`}, "as assumed"},
		"times of other forms": {Times("a"), []string{`[{"a": "2026-01-02T03:04:05Z"}, {"a": "2026-01-02"}, {"a": "2026-01-02 03:04:05.5"},
			{"a": "2026-01-02T03:04:05"}, {"a": 1767322445}, {"a": {}}, {"a": "soon"}]`},
			"not as assumed: of 7 times, 1 are days, 2 have no zone, and 3 have another form"},
		"no times":     {Times("a"), []string{`[{"a": null}, {"b": "2026-01-02"}]`}, "not answered: no row has such a time"},
		"newest first": {NewestFirst("at"), []string{`[{"at": "2026-01-03"}, {"at": "2026-01-03"}, {}, null, {"at": "2026-01-02"}]`}, "as assumed"},
		"oldest first": {NewestFirst("at"), []string{`[{"at": "2026-01-02"}, {"at": "2026-01-02"}, {"at": "2026-01-03"}]`}, "not as assumed: the rows come oldest first"},
		"no order": {NewestFirst("at"), []string{`[{"at": "2026-01-02"}, {"at": "2026-01-03"}, {"at": "2026-01-01"}]`},
			"not as assumed: 1 of 2 rows are newer than the row before"},
		"one time":        {NewestFirst("at"), []string{`[{"at": "2026-01-02"}, {"at": "2026-01-02"}]`}, "not answered: there are no two rows of different times"},
		"filter":          {one.Judge, []string{bare, `[{"of": {"id": 2}}, {}]`}, "as assumed"},
		"ignored filter":  {one.Judge, []string{bare, bare}, "not as assumed: the filter is ignored: 2 of 3 rows have another value"},
		"filter of none":  {one.Judge, []string{bare, `[]`}, "not as assumed: the filter finds rows for 0 of 1 values"},
		"not filtered":    {one.Judge, []string{bare}, "not answered: the rows have too few different values to tell"},
		"two values":      {two.Judge, []string{three, `[{"of": "a"}, {"of": "b"}]`}, "as assumed"},
		"one of two":      {two.Judge, []string{three, `[{"of": "b"}]`}, "not as assumed: the filter finds rows for 1 of 2 values"},
		"refusal":         {Refusal(200), []string{bare, bare}, "as assumed"},
		"another refusal": {Refusal(401), []string{bare, bare}, "not as assumed: the status is 200, not 401"},
	} {
		v := c.judge(listed(t, c.lists...))
		got := string(v.answer)
		if v.answer != providers.AsAssumed {
			got += ": " + v.reason
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		filter Filter
		list   string
		want   url.Values
	}{
		"rarest":             {one, bare, url.Values{"by": {"2"}}},
		"only one":           {one, `[{"of": 1}, {"of": 1}]`, nil},
		"two, sent by mail":  {two, three, url.Values{"by[]": {"a@x", "b@x"}}},
		"two without a mail": {two, `[{"of": 1}, {"of": 2}, {"of": 3}]`, nil},
	} {
		if diff := cmp.Diff(c.want, c.filter.Take(listed(t, c.list))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestRow(t *testing.T) {
	row := listed(t, `[{"text": "x", "number": 1.50, "null": null, "bool": true, "list": ["a", 1], "inside": {"id": 7, "name": "n"}, "bare": 8}]`)[0].Rows[0]
	for want, path := range map[string][]string{
		"x": {"text"}, "1.50": {"number"}, "7": {"inside", "id"}, "n": {"inside", "name"}, "8": {"bare", "id"},
	} {
		if got := row.Text(path...); got != want {
			t.Errorf("%v is %q, want %q", path, got, want)
		}
	}
	for _, path := range [][]string{{"null"}, {"bool"}, {"list"}, {"inside"}, {"absent"}, {"bare", "name"}, {"inside", "id", "x"}, {"absent", "id"}, {"list", "id"}} {
		if got := row.Text(path...); got != "" {
			t.Errorf("%v is %q, want nothing", path, got)
		}
	}
	if got := fmt.Sprint(row.Elements("list"), row.Elements("text"), row.Elements("absent")); got != "2 0 0" {
		t.Errorf("elements are %s", got)
	}
}
