package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// query reads the parameters of a call, and collects what is wrong with them.
type query struct {
	values url.Values
	errors map[string][]string
	exact  bool // addresses are compared as they are typed, and all are in lower case
}

func newQuery(v url.Values) *query { return &query{values: v, errors: map[string][]string{}} }

// fail notes what is wrong with a parameter.
func (q *query) fail(name, why string) {
	q.errors[name] = append(q.errors[name], fmt.Sprintf("The %s %s.", strings.ReplaceAll(name, "_", " "), why))
}

// refused answers the call if a parameter is wrong.
func (q *query) refused(w http.ResponseWriter) bool {
	if len(q.errors) == 0 {
		return false
	}
	sandbox.Answer(w, http.StatusUnprocessableEntity, struct {
		Status  int                 `json:"status"`
		Message string              `json:"message"`
		Errors  map[string][]string `json:"errors"`
	}{http.StatusUnprocessableEntity, "The given data was invalid.", q.errors})
	return true
}

// number reads a whole number of at least least, and at most most unless that is 0.
func (q *query) number(name string, without, least, most int64) int64 {
	s := q.values.Get(name)
	if s == "" {
		return without
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		q.fail(name, "must be an integer")
	case n < least:
		q.fail(name, fmt.Sprintf("must be at least %d", least))
	case most > 0 && n > most:
		q.fail(name, fmt.Sprintf("must not be greater than %d", most))
	}
	return n
}

// word reads one of these words; "" for none.
func (q *query) word(name string, words ...string) string {
	return q.among(name, q.values.Get(name), words)
}

// among wants one of these words, or none.
func (q *query) among(name, s string, words []string) string {
	if s == "" || slices.Contains(words, s) {
		return s
	}
	q.fail(name, "is not one of "+strings.Join(words, ", "))
	return ""
}

// email reads an address as it is compared; "" for none.
func (q *query) email() string {
	email := q.values.Get("affiliate_email")
	if q.exact {
		return email
	}
	return strings.ToLower(email)
}

// window is a range of times, both bounds in it; a zero one is open.
type window struct{ from, to time.Time }

// dates reads a range, of which one end may be missing unless both are asked for.
func (q *query) dates(both bool) window {
	read := func(name, other string) time.Time {
		s := q.values.Get(name)
		if s == "" {
			if both && q.values.Get(other) != "" {
				q.fail(name, "field is required when "+strings.ReplaceAll(other, "_", " ")+" is present")
			}
			return time.Time{}
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			q.fail(name, "is not a valid date")
		}
		return t
	}
	return window{read("from_date", "to_date"), read("to_date", "from_date")}
}

// holds says whether a time, told in whole seconds, is in the window.
func (w window) holds(t time.Time) bool {
	t = t.Truncate(time.Second)
	return (w.from.IsZero() || !t.Before(w.from)) && (w.to.IsZero() || !t.After(w.to))
}
