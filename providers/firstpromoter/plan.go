package firstpromoter

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers"
)

// byPromoter is the filter that most lists have, for one promoter at a time.
const byPromoter = "filters[promoter_id]"

// plan gathers what of a filter is sent to the vendor. Conditions that cannot be sent are left to the
// reader, who checks every row.
type plan struct {
	*provider
	query url.Values // sent with every list
	param string     // the parameter that takes another value in every list; "" for none
	split []string
	exact bool // every condition is sent, and documented to be applied
	none  bool // nothing can match
}

func (p *provider) plan() *plan { return &plan{provider: p, query: url.Values{}, exact: true} }

// many sends ids to a filter that takes any number of them. How several are spelled is assumed.
func (l *plan) many(param string, noun providers.Noun, ids []providers.ID) {
	numbers := decimals(l.numbers(noun, ids))
	switch {
	case len(ids) == 0:
	case len(numbers) == 0:
		l.none = true
	case len(numbers) == 1:
		l.query[param] = numbers
	default:
		l.query[param+"[]"] = numbers
	}
}

// ids sends ids to a filter that takes one of them.
func (l *plan) ids(param string, noun providers.Noun, ids []providers.ID) {
	if len(ids) > 0 {
		l.one(param, decimals(l.numbers(noun, ids)))
	}
}

// one sends values to a filter that takes one of them: a list for each. A plan is divided once; what would
// divide it again is not sent.
func (l *plan) one(param string, values []string) {
	switch {
	case len(values) == 0:
		l.none = true
	case len(values) == 1:
		l.query[param] = values
	case l.param == "":
		l.param, l.split = param, values
	default:
		l.exact = false
	}
}

// search sends text to the vendor's search, which may find more than is meant.
func (l *plan) search(s string) {
	if s != "" {
		l.query.Set("q", s)
		l.exact = false
	}
}

// days sends a range of times as the days that cover it. That they are days of UTC is assumed.
func (l *plan) days(param string, r providers.DateRange) {
	if r.IsZero() {
		return
	}
	l.exact = false
	if !r.From.IsZero() {
		l.query.Set(param+"[from]", r.From.UTC().Format(time.DateOnly))
	}
	if !r.To.IsZero() {
		l.query.Set(param+"[to]", r.To.Add(-1).UTC().Format(time.DateOnly))
	}
}

// with is the query of the whole plan and one condition more.
func (l *plan) with(param, value string) url.Values {
	q := maps.Clone(l.query)
	q.Set(param, value)
	return q
}

// queries are those of the plan's lists.
func (l *plan) queries() []url.Values {
	switch {
	case l.none:
		return nil
	case l.param == "":
		return []url.Values{l.query}
	}
	queries := make([]url.Values, len(l.split))
	for i, v := range l.split {
		queries[i] = l.with(l.param, v)
	}
	return queries
}

// unknown is the status of a record whose word is not in the vocabulary.
const unknown = "UNKNOWN"

// vocabulary says what a vendor's words for states mean. A word that means several things depending on the
// rest of the record stands several times; its first meaning is the one without the rest.
type vocabulary[S ~string] []struct {
	word   string
	status S
}

// status is what a word means; UNKNOWN for a word that is not known, and for none.
func (v vocabulary[S]) status(word *string) S {
	for _, e := range v {
		if word != nil && e.word == *word {
			return e.status
		}
	}
	return unknown
}

// words are those whose records may have one of these states; ok is false where that cannot be
// told, as for UNKNOWN.
func (v vocabulary[S]) words(statuses []S) (words []string, ok bool) {
	for _, e := range v {
		if slices.Contains(statuses, e.status) && !slices.Contains(words, e.word) {
			words = append(words, e.word)
		}
	}
	return words, !slices.Contains(statuses, unknown)
}

// statuses sends states to a filter that takes one of them.
func statuses[S ~string](l *plan, param string, v vocabulary[S], asked []S) {
	if len(asked) == 0 {
		return
	}
	words, ok := v.words(asked)
	if !ok {
		l.exact = false
		return
	}
	l.one(param, words)
}
