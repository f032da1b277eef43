package firstpromoter

import (
	"slices"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/internal/narrow"
)

// byPromoter is the filter that most lists have, for one promoter at a time.
const byPromoter = "filters[promoter_id]"

// created is the filter by days of creation.
const created = "filters[created_at]"

// typed are the parameters whose values clients type.
var typed = []string{"q", findBy, created + "[from]", created + "[to]"}

// plan is what of a filter is sent to the vendor.
type plan struct {
	*provider
	narrow.Plan
}

func (p *provider) plan() *plan { return &plan{provider: p, Plan: narrow.New()} }

// many sends ids to a filter that takes any number of them. How several are spelled is assumed.
func (l *plan) many(param string, noun providers.Noun, ids []providers.ID) {
	numbers := decimals(l.numbers(noun, ids))
	switch {
	case len(ids) == 0:
	case len(numbers) == 0:
		l.None = true
	case len(numbers) == 1:
		l.Query[param] = numbers
	default:
		l.Query[param+"[]"] = numbers
	}
}

// ids sends ids to a filter that takes one of them.
func (l *plan) ids(param string, noun providers.Noun, ids []providers.ID) {
	if len(ids) > 0 {
		l.One(param, decimals(l.numbers(noun, ids)))
	}
}

// search sends text to the vendor's search, which may find more than is meant.
func (l *plan) search(s string) {
	if s != "" {
		l.Query.Set("q", s)
		l.Exact = false
	}
}

// days sends a range of times as the days that cover it. That they are days of UTC is assumed.
func (l *plan) days(param string, r providers.DateRange) {
	if r.IsZero() {
		return
	}
	l.Exact = false
	r = r.Clamp(narrow.Begin, narrow.End)
	if !r.From.IsZero() {
		l.Query.Set(param+"[from]", r.From.UTC().Format(time.DateOnly))
	}
	if !r.To.IsZero() {
		l.Query.Set(param+"[to]", r.To.Add(-1).UTC().Format(time.DateOnly))
	}
}

// unknown is the status of a record whose word is not in the vocabulary.
const unknown = "UNKNOWN"

// vocabulary says what a vendor's words for states mean. A word that means several things
// depending on the rest of the record stands several times; its first meaning is the one
// without the rest.
type vocabulary[S ~string] []struct {
	word   string
	status S
}

// status is what a word means, in upper or lower case; UNKNOWN for a word that is not
// known, and for none.
func (v vocabulary[S]) status(word *string) S {
	for _, e := range v {
		if word != nil && strings.EqualFold(e.word, *word) {
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
		l.Exact = false
		return
	}
	l.One(param, words)
}
