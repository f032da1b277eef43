package resolvers

import (
	"fmt"
	"sort"
	"strings"

	"github.com/partnergraph/partnergraph/internal/apierror"
)

// refuse is the error of an operation that asks for too much; nil where it does not. The
// format has the two numbers, the field and its own number.
func (t *tally) refuse(limit string, allowed int, format string) error {
	if t.sum <= allowed {
		return nil
	}
	field := shown(t.at)
	return &apierror.Error{Code: apierror.TooComplex, Text: fmt.Sprintf(format, t.sum, allowed, field, t.largest),
		Extensions: map[string]any{"limit": limit, "asked": t.sum, "allowed": allowed, "field": field}}
}

// shown is a path of the plan as clients read it: without the parts of connections.
func shown(path string) string {
	fields := strings.Split(path, ".")
	for i, field := range fields {
		fields[i], _, _ = strings.Cut(field, "/")
	}
	return strings.Join(fields, ".")
}

// refuse is the error of an operation that takes too much; nil where it does not.
func (p *planner) refuse() error {
	if p.err != nil {
		return p.err
	}
	values := "this operation may have %d field values, and %d are allowed; the most expensive field is %s with %d: " +
		"ask for fewer rows of it or above it, or for less of each"
	calls := "this operation may take %d calls to the vendors, and %d are allowed; the most expensive field is %s with %d: " +
		"ask for fewer rows above it, or for less below it"
	if p.ended() {
		values = strings.Replace(values, "%d field values,", "%d field values or more,", 1)
		calls = strings.Replace(calls, "%d calls to the vendors,", "%d calls to the vendors or more,", 1)
		if p.calls.sum <= p.r.calls {
			p.values.sum = max(p.values.sum, p.visited)
		}
	}
	if err := p.values.refuse("cost", p.r.cost, values); err != nil {
		return err
	}
	err := p.calls.refuse("calls", p.r.calls, calls)
	if refused, ok := err.(*apierror.Error); ok && !p.ended() {
		p.suggest(refused)
	}
	return err
}

// suggest adds to a refusal the largest number of rows of the outermost list above the
// most expensive field with which the operation is not refused, if there is one.
func (p *planner) suggest(refused *apierror.Error) {
	list := ""
	for i := range p.calls.at + "." {
		if i == len(p.calls.at) || strings.ContainsRune("./", rune(p.calls.at[i])) {
			if _, ok := p.lists[p.calls.at[:i]]; ok {
				list = p.calls.at[:i]
				break
			}
		}
	}
	passes := func(rows int) bool {
		firsts := map[string]int{list: rows}
		plan := newPlanner(p.ctx, p.r, p.op, nil, firsts)
		plan.cold = true
		plan.plan()
		if p.facts != nil && plan.looks() { // with so many rows it would be decided on after a look, too
			plan = newPlanner(p.ctx, p.r, p.op, p.facts, firsts)
			plan.cold = true
			plan.plan()
		}
		return plan.calls.sum <= p.r.calls
	}
	largest := sort.Search(p.lists[list], func(i int) bool { return !passes(i + 1) })
	if list == "" || largest == 0 {
		return
	}
	refused.Text += fmt.Sprintf("; with first: %d at %s it is not refused", largest, shown(list))
	refused.Extensions["list"], refused.Extensions["first"] = shown(list), largest
}
