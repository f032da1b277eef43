package wire

import (
	"fmt"
	"strings"
	"testing"
)

// crowd is a row with arrays.
type crowd struct {
	Members
	Numbers []int64  `json:"numbers"`
	Texts   []string `json:"texts"`
	People  []person `json:"people"`
}

// TestElementsAreBounded wants an array of too many elements to be odd, and its row and all
// others to be read. What it takes to find that out does not grow with the array.
func TestElementsAreBounded(t *testing.T) {
	const many = 6 * maxElements
	repeat := func(open, element, end string) string {
		return open + strings.Repeat(element+",", many-1) + element + end
	}
	var numbered, members strings.Builder
	for i := range many {
		fmt.Fprintf(&numbered, `,"%d":1`, i)
		fmt.Fprintf(&members, `,"m%d":1`, i)
	}
	for name, row := range map[string]string{
		"numbers":             `{"numbers":` + repeat("[", "1", "]") + `}`,
		"numbers in a text":   `{"numbers":` + repeat(`"`, "1", `"`) + `}`,
		"numbered":            `{"numbers":{` + numbered.String()[1:] + `}}`,
		"texts":               `{"texts":` + repeat("[", `"a"`, "]") + `}`,
		"objects":             `{"people":` + repeat("[", "{}", "]") + `}`,
		"objects with ids":    `{"people":` + repeat("[", `{"id":1}`, "]") + `}`,
		"an array in a place": `{"people":[` + repeat("[", `{}`, "]") + `]}`,
		"members":             `{"people":[{` + members.String()[1:] + `}]}`,
	} {
		var list Enveloped[crowd]
		var odd []Oddity
		body := []byte(`[{"numbers":[1,2]},` + row + `,{"texts":["x"]}]`)
		allocs := testing.AllocsPerRun(1, func() {
			var err error
			if odd, err = Decode(body, &list); err != nil {
				t.Fatal(err)
			}
		})
		if len(list.All) != 3 || len(odd) != 1 || len(list.All[0].Numbers) != 2 || len(list.All[2].Texts) != 1 {
			t.Errorf("%s: %d rows, oddities %v", name, len(list.All), odd)
		}
		if all := list.All[1]; len(all.Numbers)+len(all.Texts)+len(all.People) > 0 {
			t.Errorf("%s: the array was read", name)
		}
		if allocs > 4*maxElements { // the race detector allocates, too
			t.Errorf("%s: %.0f allocations for %d elements", name, allocs, many)
		}
	}
}

// TestElementsOfReplyAreBounded wants all arrays of a reply together to be bounded.
func TestElementsOfReplyAreBounded(t *testing.T) {
	row := `{"people":[` + strings.Repeat(`{},`, maxElements-1) + `{}]}`
	var list Enveloped[crowd]
	odd, err := Decode([]byte("["+strings.Repeat(row+",", 9)+row+"]"), &list)
	people := 0
	for _, r := range list.All {
		people += len(r.People)
	}
	if err != nil || len(list.All) != 10 || people != maxElementsRead || len(odd) != 1 {
		t.Errorf("%d rows with %d elements, %v, %v; want 10 with %d", len(list.All), people, odd, err, maxElementsRead)
	}
}
