// Package narrow gathers what of a filter is sent to a vendor whose filters take one value each.
package narrow

import (
	"maps"
	"net/url"
	"slices"
	"time"
)

// Begin and End are the ends of the times that are sent, within what every kind of
// timestamp holds. No record was made before the one, and none is made after the other for
// now.
var (
	Begin = time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)
	End   = time.Date(2038, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Plan is what is sent. Conditions that cannot be sent are left to the reader, who checks
// every row. It is one goroutine's until its queries are made, which are not changed any
// more.
type Plan struct {
	Query url.Values // sent with every list
	Exact bool       // every condition is sent, and documented to be applied
	None  bool       // nothing can match

	param string // takes another value in every list; "" for none
	split []string
}

// New is the plan of a list that nothing narrows yet.
func New() Plan { return Plan{Query: url.Values{}, Exact: true} }

// One sends values to a parameter that takes one of them: a list for each, once for equal
// ones. A plan is divided once; what would divide it again is not sent. No value at all
// matches nothing.
func (p *Plan) One(param string, values []string) {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	switch {
	case len(values) == 0:
		p.None = true
	case len(values) == 1:
		p.Query[param] = values
	case p.param == "":
		p.param, p.split = param, values
	default:
		p.Exact = false
	}
}

// With is the query of the whole plan and one condition more.
func (p *Plan) With(param, value string) url.Values {
	q := maps.Clone(p.Query)
	q.Set(param, value)
	return q
}

// Whole says whether nothing that is sent narrows the list.
func (p *Plan) Whole() bool { return len(p.Query) == 0 && p.param == "" }

// Queries are those of the plan's lists.
func (p *Plan) Queries() []url.Values {
	switch {
	case p.None:
		return nil
	case p.param == "":
		return []url.Values{p.Query}
	}
	queries := make([]url.Values, len(p.split))
	for i, v := range p.split {
		queries[i] = p.With(p.param, v)
	}
	return queries
}
