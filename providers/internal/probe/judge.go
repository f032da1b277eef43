package probe

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// Times judges whether these members of the rows are times with a zone, or null.
func Times(names ...string) func([]Reply) Verdict {
	return func(replies []Reply) Verdict {
		var all, days, unzoned, other int
		for _, row := range replies[0].Rows {
			for _, name := range names {
				raw, text := row[name], row.Text(name)
				if text == "" && (len(raw) == 0 || string(raw) == "null" || string(raw) == `""`) {
					continue
				}
				all++
				switch {
				case hasLayout(text, time.RFC3339):
				case hasLayout(text, time.DateOnly):
					days++
				case hasLayout(text, time.DateTime), hasLayout(text, "2006-01-02T15:04:05"):
					unzoned++
				default:
					other++
				}
			}
		}
		switch {
		case all == 0:
			return Leave("no row has such a time")
		case days+unzoned+other > 0:
			return Differ("of %d times, %d are days, %d have no zone, and %d have another form", all, days, unzoned, other)
		}
		return Confirm()
	}
}

func hasLayout(text, layout string) bool {
	_, err := time.Parse(layout, text)
	return err == nil
}

// NewestFirst judges whether rows come newest first, by a member that is a time.
func NewestFirst(name string) func([]Reply) Verdict {
	return func(replies []Reply) Verdict {
		var before time.Time
		var pairs, newer, older int
		for _, row := range replies[0].Rows {
			at, ok := wire.ParseTime(row.Text(name))
			if !ok {
				continue
			}
			if !before.IsZero() && !at.Equal(before) {
				pairs++
				if at.After(before) {
					newer++
				} else {
					older++
				}
			}
			before = at
		}
		switch {
		case pairs == 0:
			return Leave("there are no two rows of different times")
		case newer == 0:
			return Confirm()
		case older == 0:
			return Differ("the rows come oldest first")
		}
		return Differ("%d of %d rows are newer than the row before", newer, pairs)
	}
}

// Values are the different values of a member in rows, the rarest first.
func Values(rows []Row, path ...string) []string {
	counts := map[string]int{}
	for _, row := range rows {
		if v := row.Text(path...); v != "" {
			counts[v]++
		}
	}
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b))
	})
}

// A Filter is a parameter that is assumed to narrow a list to the rows with these values.
type Filter struct {
	Parameter string
	Value     []string // the place in a row of what is sent
	Member    []string // the place in a row of what is compared; nil for Value
	Count     int      // how many values are sent
}

// wanted are the values that are looked for; nil if rows have no other value, so that a filter
// that does nothing would not show.
func (f Filter) wanted(rows []Row) []string {
	values := Values(rows, f.member()...)
	if len(values) <= f.Count {
		return nil
	}
	return values[:f.Count]
}

func (f Filter) member() []string {
	if f.Member == nil {
		return f.Value
	}
	return f.Member
}

// Take is the filter's parameter, with values from the list that nothing narrows.
func (f Filter) Take(before []Reply) url.Values {
	var sent []string
	for _, want := range f.wanted(before[0].Rows) {
		for _, row := range before[0].Rows {
			if value := row.Text(f.Value...); value != "" && row.Text(f.member()...) == want {
				sent = append(sent, value)
				break
			}
		}
	}
	if len(sent) == 0 || len(sent) < f.Count {
		return nil
	}
	return url.Values{f.Parameter: sent}
}

// Judge compares the list that nothing narrows, and the one that is narrowed.
func (f Filter) Judge(replies []Reply) Verdict {
	if len(replies) < 2 {
		return Leave("the rows have too few different values to tell")
	}
	wanted, seen, others := f.wanted(replies[0].Rows), map[string]bool{}, 0
	for _, row := range replies[1].Rows {
		value := row.Text(f.member()...)
		seen[value] = true
		if value != "" && !slices.Contains(wanted, value) {
			others++
		}
	}
	found := 0
	for _, want := range wanted {
		if seen[want] {
			found++
		}
	}
	switch {
	case others > 0:
		return Differ("the filter is ignored: %d of %d rows have another value", others, len(replies[1].Rows))
	case found < len(wanted):
		return Differ("the filter finds rows for %d of %d values", found, len(wanted))
	}
	return Confirm()
}

// Refusal judges whether a call with wrong credentials, the last one, is answered by this status.
func Refusal(status int) func([]Reply) Verdict {
	return func(replies []Reply) Verdict {
		if got := replies[len(replies)-1].Status; got != status {
			return Differ("the status is %d, not %d", got, status)
		}
		return Confirm()
	}
}
