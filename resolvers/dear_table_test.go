package resolvers_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var searches = flag.Int("dearest", 0, "print the most expensive of so many documents of each kind")

// dearFindings are the seeds of the most expensive documents of each kind that the search
// has found: those that [TestDearestQueries] prints, with -dearest 300.
var dearFindings = map[string][]uint64{
	"introspection": {0, 115, 129, 136},
	"lists":         {68, 78, 122, 272},
	"node":          {54, 108, 214, 226, 254},
	"nodes":         {26, 56, 90, 94, 228, 268, 284},
	"viewer":        {27, 57, 78, 111, 238},
}

// dearRows are the kinds as the table of docs/security.md names them.
var dearRows = map[string]string{
	"lists":         "lists, nested lists, filters, fragments",
	"node":          "one record by id, with its lists",
	"nodes":         "records by ids",
	"viewer":        "viewer, accounts",
	"introspection": "introspection",
}

// dearMeasures are the columns of the table that are compared, in its order and its units,
// and by which part of its figure a measurement may differ.
var dearMeasures = []struct {
	column string
	of     func(dearCost) float64
	differ float64
}{
	{"allocated, KiB", func(c dearCost) float64 { return float64(c.allocated) / (1 << 10) }, 0.25},
	{"answer, KiB", func(c dearCost) float64 { return float64(c.answer) / (1 << 10) }, 0.02}, // explain has times
	{"values", func(c dearCost) float64 { return float64(c.values) }, 0},
	{"calls", func(c dearCost) float64 { return float64(c.calls) }, 0.2}, // and by one: equal reads at once may share a call
}

// dearRow is a row of the table: of each measure the most, and the most for each token.
type dearRow struct {
	most, dense [4]dearCost
	cpu         [2]float64 // ms, and for each token
}

func (r *dearRow) add(c dearCost) {
	if c.refused != "" {
		return
	}
	ms := c.cpu.Seconds() * 1000
	r.cpu[0], r.cpu[1] = max(r.cpu[0], ms), max(r.cpu[1], ms/float64(c.tokens))
	for i, m := range dearMeasures {
		if m.of(c) > m.of(r.most[i]) {
			r.most[i] = c
		}
		if r.dense[i].tokens == 0 || m.of(c)/float64(c.tokens) > m.of(r.dense[i])/float64(r.dense[i].tokens) {
			r.dense[i] = c
		}
	}
}

// figures are what the row says of a measure.
func (r *dearRow) figures(i int) (most, dense float64) {
	m := dearMeasures[i]
	return m.of(r.most[i]), m.of(r.dense[i]) / float64(r.dense[i].tokens)
}

// text is the row as the table has it.
func (r *dearRow) text(kind string) string {
	t := fmt.Sprintf("| %s | %.0f; %.2f", dearRows[kind], r.cpu[0], r.cpu[1])
	for i := range dearMeasures {
		most, dense := r.figures(i)
		t += fmt.Sprintf(" | %.1f; %.2f", most, dense)
	}
	return t + " |"
}

// seeds are those of the documents that the row comes from.
func (r *dearRow) seeds() []uint64 {
	var seeds []uint64
	for i := range dearMeasures {
		seeds = append(seeds, r.most[i].seed, r.dense[i].seed)
	}
	slices.Sort(seeds)
	return slices.Compact(seeds)
}

// measureDear measures documents of a kind, each at a server whose cache is empty; exact: with
// empty pools, too.
func (w *dearWorld) measureDear(kind string, seeds []uint64, exact bool) (row dearRow, executed int, refused map[string]int) {
	refused = map[string]int{}
	w.cold().found(kind, seeds[0]) // what is made once for the process counts for no document
	for _, seed := range seeds {
		cold := w.cold()
		if exact {
			for range 2 { // what is in pools would be there by chance
				runtime.GC()
			}
		}
		c := cold.found(kind, seed)
		if c.beyond() {
			w.t.Errorf("%d calls, %d bytes, %d bytes allocated: %s", c.calls, c.answer, c.allocated, clipped(c.text))
		}
		if row.add(c); c.refused == "" {
			executed++
		} else {
			refused[c.refused[:min(60, len(c.refused))]]++
		}
	}
	return row, executed, refused
}

// TestDearestQueries searches, with -dearest, for the most expensive documents of each kind,
// and prints the rows of the table and the seeds of what it found.
func TestDearestQueries(t *testing.T) {
	if *searches == 0 {
		t.Skip("run with -dearest and a number of documents of each kind")
	}
	w := newDearWorld(t)
	for _, kind := range slices.Sorted(maps.Keys(dearKinds)) {
		var seeds []uint64
		for n := range *searches {
			seeds = append(seeds, uint64(n))
		}
		row, executed, refused := w.measureDear(kind, seeds, false)
		t.Logf("%d executed, refused %v", executed, refused)
		t.Logf("%s", row.text(kind))
		t.Logf("%q: {%s},", kind, strings.Trim(strings.ReplaceAll(fmt.Sprint(row.seeds()), " ", ", "), "[]"))
	}
}

// TestDearestTable wants the table of docs/security.md to say what the documents that the
// search has found cost: values exactly, bytes, calls and allocations about.
func TestDearestTable(t *testing.T) {
	sequential(t)
	page, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`[0-9][0-9,]*(\.[0-9]+)?`)
	w := newDearWorld(t)
	for _, kind := range slices.Sorted(maps.Keys(dearKinds)) {
		row, _, refused := w.measureDear(kind, dearFindings[kind], true)
		if len(refused) > 0 {
			t.Errorf("%s: refused: %v", kind, refused)
		}
		_, line, ok := strings.Cut(string(page), "\n| "+dearRows[kind]+" |")
		line, _, _ = strings.Cut(line, "\n")
		cells := strings.Split(line, "|")
		if !ok || len(cells) < 1+len(dearMeasures) {
			t.Errorf("docs/security.md has no row for %s", dearRows[kind])
			continue
		}
		for i, m := range dearMeasures {
			most, dense := row.figures(i)
			said := number.FindAllString(cells[i+1], -1)
			slack := 0.05
			if m.column == "calls" {
				slack = 1
			}
			if len(said) != 2 || !about(said[0], most, m.differ, slack) || !about(said[1], dense, m.differ, 0.005) {
				t.Errorf("docs/security.md says %s of %s by %s, want %s", cells[i+1], m.column, kind, row.text(kind))
			}
		}
	}
}

// about says whether a figure is what was measured, within a part of it and its rounding.
func about(said string, measured, part, rounding float64) bool {
	n, err := strconv.ParseFloat(strings.ReplaceAll(said, ",", ""), 64)
	return err == nil && measured >= n*(1-part)-rounding-1e-9 && measured <= n*(1+part)+rounding+1e-9
}
