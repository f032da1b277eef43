package all_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/providertest"
	"github.com/partnergraph/partnergraph/providers/providertest/example"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// oddVendor is a vendor's simulator, read by a client that takes whatever comes.
type oddVendor struct {
	providers.Factory
	t      *testing.T
	sim    providers.Simulator
	kit    *sandbox.Kit
	url    string
	header http.Header         // that the vendor's client sends: the credentials
	lists  []sandbox.ListShape // those with rows in them
	kinds  map[string]bool     // of members that its records have: "boolean", "related", "decimal text"
}

var decimalText = regexp.MustCompile(`^-?\d+\.\d+$`)

// see notes which kinds of members a record has.
func (v *oddVendor) see(record any) {
	members, _ := record.(map[string]any)
	for _, value := range members {
		switch value := value.(type) {
		case bool:
			v.kinds["boolean"] = true
		case string:
			v.kinds["decimal text"] = v.kinds["decimal text"] || decimalText.MatchString(value)
		case map[string]any:
			v.kinds["related"] = v.kinds["related"] || value["id"] != nil
		}
	}
}

// eachOddVendor runs a test on the small world of every vendor, the example among them.
func eachOddVendor(t *testing.T, run func(t *testing.T, v *oddVendor)) {
	for _, f := range append(slices.Clone(all.Registry().Factories()), example.Factory) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			began, ticks := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC), atomic.Int64{}
			sim := f.Sandbox(providers.SandboxOptions{Size: providers.SandboxSmall, Seed: 1, Now: func() time.Time {
				return began.Add(time.Duration(ticks.Add(1)) * time.Second) // the vendor's rate limit never counts
			}})
			server := httptest.NewServer(sim)
			t.Cleanup(server.Close)
			v := &oddVendor{Factory: f, t: t, sim: sim, kit: sim.(interface{ Kit() *sandbox.Kit }).Kit(), url: server.URL, header: header(t, f, sim.Credentials()), kinds: map[string]bool{}}
			for _, l := range v.kit.Odd().Shape().Lists {
				if rows, _, _ := v.page(l, 1, 1); len(rows) > 0 {
					v.lists = append(v.lists, l)
					v.see(rows[0])
				}
			}
			run(t, v)
		})
	}
}

// sent keeps the header of the last request, which it does not send.
type sent struct{ header http.Header }

func (s *sent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.header = r.Header.Clone()
	return nil, errors.New("not sent")
}

// header is what the vendor's client sends with these credentials.
func header(t *testing.T, f providers.Factory, credentials map[string]string) http.Header {
	t.Helper()
	s := new(sent)
	c := providertest.Config(f.Name, nil, time.Now())
	c.Credentials, c.HTTP, c.Pause = credentials, &http.Client{Transport: s}, func(time.Duration) time.Duration { return 0 }
	p, err := f.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ping(t.Context()); err == nil || s.header == nil {
		t.Fatalf("nothing was sent: %v", err)
	}
	return s.header
}

// get makes one read.
func (v *oddVendor) get(path string, query url.Values) (status int, h http.Header, body []byte) {
	v.t.Helper()
	res := v.send(http.MethodGet, path+"?"+query.Encode(), "")
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}

// send makes one call with the vendor's credentials. The caller closes the body.
func (v *oddVendor) send(method, target, body string) *http.Response {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+target, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header = v.header.Clone()
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return res
}

func parse(t *testing.T, body []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %.200s", err, body)
	}
	return v
}

// page reads a page of size rows of a list. more is what the vendor says of a page behind it;
// nil for nothing.
func (v *oddVendor) page(list sandbox.ListShape, number, size int) (rows []any, more *bool, envelope any) {
	v.t.Helper()
	shape := v.kit.Odd().Shape()
	status, _, body := v.get(list.Path, url.Values{shape.Page: {strconv.Itoa(number)}, shape.Size: {strconv.Itoa(size)}})
	if number > 1 && slices.Contains(pageRefusals, status) {
		return []any{}, nil, nil
	}
	if status != http.StatusOK {
		v.t.Fatalf("%s: %d %.200s", list.Path, status, body)
	}
	envelope = parse(v.t, body)
	rows, ok := envelope.([]any)
	if object, is := envelope.(map[string]any); is {
		if rows, ok = object["data"].([]any); !ok {
			if data, is := object["data"].(map[string]any); is {
				object = data
			}
			rows, ok = numbered(object)
		}
	}
	if !ok {
		v.t.Fatalf("%s: no page: %.200s", list.Path, body)
	}
	if is, ok := member(envelope, shape.More).(bool); ok {
		more = &is
	}
	return rows, more, envelope
}

// pageRefusals are the answers to the number of a page that there is not.
var pageRefusals = []int{
	http.StatusNoContent, http.StatusBadRequest, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable, http.StatusUnprocessableEntity,
}

// numbered are the members of an object whose names are numbers, in their order.
func numbered(object map[string]any) (rows []any, ok bool) {
	for number := 0; len(rows) < len(object); number++ {
		if row, ok := object[strconv.Itoa(number)]; ok {
			rows = append(rows, row)
		} else if number > 2*len(object) {
			return nil, false
		}
	}
	return rows, len(rows) > 0
}

// member is what is at a dotted name.
func member(v any, dotted string) any {
	for name := range strings.SplitSeq(dotted, ".") {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// all reads a list to its end: to a page that is empty, or the same as the one before, unless the
// vendor says otherwise.
func (v *oddVendor) all(list sandbox.ListShape) (rows []any) {
	v.t.Helper()
	var before []any
	for number := range 200 {
		page, more, _ := v.page(list, number+1, 100)
		if number > 0 && len(page) > 0 && reflect.DeepEqual(page, before) {
			return rows
		}
		rows, before = append(rows, page...), page
		if more != nil && !*more || len(page) == 0 && more == nil {
			return rows
		}
	}
	v.t.Fatalf("%s has no end", list.Path)
	return nil
}

// ids are the ids of the rows that have one, each once, and the rows by them.
func ids(list sandbox.ListShape, rows []any) (ids []string, of map[string]any) {
	of = map[string]any{}
	name := "id"
	if list.ID != "" {
		name = list.ID
	}
	for _, row := range rows {
		if id := member(row, name); id != nil && id != "" {
			of[fmt.Sprint(id)] = row
		}
	}
	return slices.Sorted(maps.Keys(of)), of
}

// TestOddWorld reads every list in a world in which everything is a little odd. Every row
// is there, or the simulator says that it made it unreadable; and it is the same when it is
// read again.
func TestOddWorld(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		plain := map[string][]string{}
		for _, l := range v.lists {
			plain[l.Path], _ = ids(l, v.all(l))
		}
		lost, bent := 0, 0
		for seed := range uint64(4) {
			v.kit.Odd().Forget()
			v.kit.Odd().Mix(seed, 0.05, 0)
			for _, l := range v.lists {
				rows := v.all(l)
				readable, of := ids(l, rows)
				unreadable := v.kit.Odd().Unreadable()[l.Path]
				together := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(readable), unreadable...)))) // some have an id
				if diff := cmp.Diff(plain[l.Path], together); diff != "" {
					t.Errorf("seed %d, %s: rows without account (-want +got)\n%s", seed, l.Path, diff)
				}
				if seed == 0 {
					if _, again := ids(l, v.all(l)); !reflect.DeepEqual(of, again) {
						t.Errorf("%s: read again it is another (-first +again)\n%s", l.Path, cmp.Diff(of, again))
					}
				}
				lost += len(unreadable)
			}
			bent += len(v.kit.Odd().Bent())
		}
		if lost == 0 || bent == 0 {
			t.Errorf("%d rows were unreadable and %d members odd: nothing is shown", lost, bent)
		}
		v.kit.Odd().Mix(0, 0, 0)
		for _, l := range v.lists {
			if got, _ := ids(l, v.all(l)); !slices.Equal(got, plain[l.Path]) {
				t.Errorf("%s is not as it was after the oddities are off", l.Path)
			}
		}
	})
}

// TestOddSeeds wants equal seeds to make equal oddities, and others others.
func TestOddSeeds(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		list := v.lists[0]
		read := func(seed uint64) []any {
			v.kit.Odd().Mix(seed, 0.2, 0)
			return v.all(list)
		}
		first, again, other := read(1), read(1), read(2)
		if !reflect.DeepEqual(first, again) {
			t.Error("equal seeds make different rows")
		}
		if reflect.DeepEqual(first, other) {
			t.Error("different seeds make equal rows")
		}
	})
}

// TestOddCalls wants calls to be odd at the rate of transient, by how many there were before.
func TestOddCalls(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		v.kit.Odd().Mix(3, 0, 0.2)
		list, kinds := v.kit.Odd().Shape().Lists[0], map[string]int{}
		for range 200 {
			status, h, body := v.get(list.Path, nil)
			kind := strconv.Itoa(status)
			if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
				kind = "mark"
			}
			if h.Get("Retry-After") != "" {
				t.Errorf("%d says when to try again", status)
			}
			kinds[kind]++
		}
		for _, kind := range []string{"200", "403", "429", "500", "mark"} {
			if kinds[kind] == 0 || kind != "200" && kinds[kind] > 40 {
				t.Errorf("of 200 calls: %v", kinds)
			}
		}
	})
}

// TestOddMembers writes a member of one record in every odd form, in every list, and
// nothing else.
func TestOddMembers(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		for _, l := range v.lists {
			rows, _, _ := v.page(l, 1, 10)
			plainIDs, plain := ids(l, rows)
			id := plainIDs[len(plainIDs)/2]
			record := plain[id].(map[string]any)
			names := slices.Sorted(maps.Keys(record))
			for i, form := range sandbox.Forms() {
				name := names[i%len(names)]
				if name == "id" || name == l.ID {
					name = names[(i+1)%len(names)]
				}
				v.kit.Odd().Bend(sandbox.Bend{List: l.Path, ID: id, Member: name, Form: form})
				rows, _, _ := v.page(l, 1, 10)
				_, odd := ids(l, rows)
				if got, _ := odd[id].(map[string]any); cmp.Equal(got[name], record[name]) && !isAlready(form, record[name]) {
					t.Errorf("%s %s as %s is still %v", l.Path, name, form, got[name])
				} else if form == "missing" {
					if _, there := got[name]; there {
						t.Errorf("%s %s is there", l.Path, name)
					}
				}
				delete(odd, id)
				rest := maps.Clone(plain)
				delete(rest, id)
				if diff := cmp.Diff(rest, odd); diff != "" {
					t.Errorf("%s %s as %s: other rows (-want +got)\n%s", l.Path, name, form, diff)
				}
			}
			v.kit.Odd().Bend()
		}
	})
}

// isAlready says whether a value is in an odd form to begin with.
func isAlready(form string, v any) bool {
	switch v := v.(type) {
	case nil:
		return form == "null" || form == "missing"
	case json.Number:
		return form == "text_as_number"
	case string:
		return v == "" && form == "empty" || form == "number_as_text" || form == "time_without_zone"
	case []any:
		return len(v) == 0 && form == "list"
	case map[string]any:
		return len(v) == 0 && form == "object"
	}
	return false
}

// TestOddIdentity wants a row whose id is odd to be in the account of what cannot be read.
func TestOddIdentity(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		for _, l := range v.lists {
			rows, _, _ := v.page(l, 1, 100)
			all, _ := ids(l, rows)
			name := "id"
			if l.ID != "" {
				name = l.ID
			}
			v.kit.Odd().Forget()
			v.kit.Odd().Bend(sandbox.Bend{List: l.Path, ID: all[0], Member: name, Form: "object"})
			rows, _, _ = v.page(l, 1, 100)
			if got := v.kit.Odd().Unreadable(); !cmp.Equal(got, map[string][]string{l.Path: {all[0]}}) || len(rows) != len(all) {
				t.Errorf("%s: %v", l.Path, got)
			}
			v.kit.Odd().Bend()
		}
	})
}
