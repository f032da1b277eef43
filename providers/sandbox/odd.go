package sandbox

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The switches of what is odd about replies, for every vendor; see [Kit.Set]. The switches
// of rows and related records hit one in four, and those of forms ("field_" and one of
// [Forms]) one member in four; which ones depends on the seed and the record alone.
const (
	PageIgnored     = "page_ignored"      // every page is the first
	PageEmpty       = "page_empty"        // page 2 is empty, and what was on it is on page 3
	PageRepeats     = "page_repeats"      // page 3 is page 2 again
	LastPageRepeats = "last_page_repeats" // whatever is asked for behind the last page is the last page
	PageRefused     = "page_refused"      // behind the last page there is none: 400, 404, 416, 422 or 204, by the list
	PageNumbered    = "page_numbered"     // a page's rows are an object with numbers for names, as PHP writes an array with gaps
	PageSize10      = "page_size_10"      // no page has more rows than this, whatever is asked for; see [Odd.SetPageSize]
	PageSize20      = "page_size_20"
	PageSize50      = "page_size_50"
	MoreMissing     = "more_missing" // the vendor's member that says whether a page follows
	MoreTrue        = "more_true"
	MoreFalse       = "more_false"
	TotalsMissing   = "totals_missing"
	TotalsWrong     = "totals_wrong"
	RowsNull        = "rows_null"
	RowsText        = "rows_text"
	RowsWithoutID   = "rows_without_id"
	RowsTwice       = "rows_twice" // a row of each page is there twice

	RelatedBare   = "related_bare"   // a related record is its id, as text
	RelatedID     = "related_id"     // it is an object with its id alone
	RelatedList   = "related_list"   // it is []
	RelatedObject = "related_object" // it is {}
	RelatedNull   = "related_null"

	BOM          = "bom" // a byte order mark before every body
	NoRetry      = "429" // every call is over the limit, and nothing says until when
	Challenge    = "challenge"
	Payment402   = "402" // every call is answered so; likewise the next two
	BadRequest   = "400"
	Unprocessed  = "422"
	KeyRefused   = "key_refused"
	ExactAddress = "exact_address" // addresses are stored in lower case, and compared as they are typed; the vendors' simulators do this
)

var (
	rowSwitches     = []string{RowsNull, RowsText, RowsWithoutID}
	relatedSwitches = []string{RelatedBare, RelatedID, RelatedList, RelatedObject, RelatedNull}
	pageSizes       = map[string]int{PageSize10: 10, PageSize20: 20, PageSize50: 50}
)

// Shape is how a vendor's lists look.
type Shape struct {
	Page, Size string      // the parameters of a page's number and size
	More       string      // the member that says whether a page follows, with dots; "" for none
	Totals     []string    // the members that count the list
	Lists      []ListShape // those that oddities are made in
	Mixed      []string    // the vendor's own switches that [Odd.Mix] turns on
}

// ListShape is one list. Its rows are the body, or the body's member "data".
type ListShape struct {
	Path   string
	Single string   // where single records are read, if not below Path
	ID     string   // "" for "id"
	Keep   []string // members, with dots, that a record cannot be told without, besides ids
	Since  string   // the time since when a row is none of the list: one where it is neither that nor null is lost
	Owner  string   // the related record that is part of a row's identity: a row whose owner cannot be told is lost
}

// Bend writes one member of a list's records in an odd form.
type Bend struct {
	List   string // the list's path
	ID     string // of the record; "" for all of them
	Member string // with dots: affiliate.email; in arrays without positions
	Form   string // one of [Forms]
}

// Odd makes replies odd. It is safe for concurrent use.
type Odd struct {
	kit *Kit

	mu         sync.Mutex
	seed       uint64
	rate       float64 // of rows, members and related records
	transient  float64 // of calls
	size       int
	broken     []string
	bends      []Bend
	calls      uint64
	unreadable map[string]map[string]bool
	bent       map[Bend]bool
}

// Odd are the kit's oddities.
func (k *Kit) Odd() *Odd { return k.odd }

// Switches are the names of all switches of oddities that are in replies to reads.
func Switches() []string {
	all := []string{
		PageIgnored, PageEmpty, PageRepeats, LastPageRepeats, PageRefused, PageNumbered, PageSize10, PageSize20, PageSize50,
		MoreMissing, MoreTrue, MoreFalse, TotalsMissing, TotalsWrong, RowsTwice,
		BOM, NoRetry, Challenge, Payment402, BadRequest, Unprocessed, KeyRefused,
	}
	all = append(append(all, rowSwitches...), relatedSwitches...)
	for _, name := range Forms() {
		all = append(all, "field_"+name)
	}
	return all
}

// Mix has everything occur that a careful client can read a list to its end with: odd rows,
// members and related records at this rate, and odd calls at the rate of transient. Each list
// gets a page size, and something odd about its page counts. What a record is like depends on
// the seed and the record, so that it is the same whenever it is read; what a call is like
// depends on how many there were before. Ids stay as they are, but in rows that have none.
func (o *Odd) Mix(seed uint64, rate, transient float64) {
	o.mu.Lock()
	o.seed, o.rate, o.transient = seed, rate, transient
	o.mu.Unlock()
	for _, name := range o.kit.o.Shape.Mixed {
		o.kit.Set(name, rate > 0)
	}
}

// SetPageSize is the most rows that a page has, whatever is asked for; 0 for no such bound.
func (o *Odd) SetPageSize(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size = n
}

// Break has these endpoints, and what is below them, answer 500.
func (o *Odd) Break(paths ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = paths
}

// Bend writes these members in odd forms, and no others that were asked for before.
func (o *Odd) Bend(bends ...Bend) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bends = bends
}

// Unreadable are the ids of the rows, by their list's path, that were sent so that nobody
// can tell what record they are.
func (o *Odd) Unreadable() map[string][]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := map[string][]string{}
	for list, ids := range o.unreadable {
		all[list] = slices.Sorted(maps.Keys(ids))
	}
	return all
}

// Bent are the members that were sent in an odd form.
func (o *Odd) Bent() []Bend {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.bent))
}

// Forget empties the account of [Odd.Unreadable] and [Odd.Bent].
func (o *Odd) Forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.unreadable)
	clear(o.bent)
}

// oddSwitches are those that matter here.
var oddSwitches = Switches()

// oddness is what is odd when a call comes.
type oddness struct {
	*Odd
	shape     Shape
	on        map[string]bool
	seed      uint64
	rate      float64
	size      int
	bends     []Bend
	broken    []string
	transient string // what is odd about this call alone
}

// transients are the oddities of single calls.
var transients = []string{BOM, NoRetry, Challenge, "500"}

// begin is what is odd about a call.
func (o *Odd) begin() oddness {
	on := o.kit.switched(oddSwitches)
	o.mu.Lock()
	defer o.mu.Unlock()
	is := oddness{Odd: o, shape: o.kit.o.Shape, on: on, seed: o.seed, rate: o.rate, size: o.size, bends: o.bends, broken: o.broken}
	o.calls++
	if call := strconv.FormatUint(o.calls, 10); is.share("call", call) < o.transient {
		is.transient = pick(is, transients, "transient", call)
	}
	for name, size := range pageSizes {
		if on[name] {
			is.size = size
		}
	}
	return is
}

// plain says whether nothing is odd.
func (o oddness) plain() bool {
	return len(o.on) == 0 && o.rate == 0 && o.size == 0 && len(o.bends) == 0 && len(o.broken) == 0 && o.transient == ""
}

// number is a number that depends on the seed and these words alone.
func (o oddness) number(words ...string) uint64 {
	x := o.seed ^ 14695981039346656037 // FNV-1a, without a hash.Hash, as it is asked for every member of every row
	for _, word := range words {
		for i := range len(word) {
			x = (x ^ uint64(word[i])) * 1099511628211
		}
		x = (x ^ 0xff) * 1099511628211 // the end of a word
	}
	x ^= x >> 31 // the finalizer of SplitMix64 spreads it
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// share is that number as one from 0 to 1.
func (o oddness) share(words ...string) float64 { return float64(o.number(words...)>>11) / (1 << 53) }

// pick is one of several things, by the seed and these words.
func pick[T any](o oddness, from []T, words ...string) T {
	return from[o.number(words...)%uint64(len(from))]
}

// handler serves next with what is odd.
func (o *Odd) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		is := o.begin()
		if is.plain() {
			next.ServeHTTP(w, r)
			return
		}
		if got := is.refusal(r); got != nil {
			got.send(w)
			return
		}
		if is.on[KeyRefused] {
			r = r.Clone(r.Context())
			r.Header = http.Header{} // whatever the vendor reads the key from
		}
		got := is.read(r, next)
		if is.on[BOM] || is.transient == BOM {
			got.body = *bytes.NewBuffer(append([]byte("\xef\xbb\xbf"), got.body.Bytes()...))
		}
		got.send(w)
	})
}

// send answers a reply that was kept.
func (a *reply) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // the caller is gone: nobody to tell
}

// refusal is what is answered instead of doing the work; nil for nothing.
func (o oddness) refusal(r *http.Request) *reply {
	answer := func(status int, header http.Header, body string) *reply {
		return &reply{status: status, header: header, body: *bytes.NewBufferString(body)}
	}
	json := http.Header{"Content-Type": {"application/json"}}
	for name, status := range map[string]int{Payment402: 402, BadRequest: 400, Unprocessed: 422} {
		if o.on[name] {
			return answer(status, json, `{"success":false,"status":`+name+`,"message":"This account cannot do that",`+
				`"error":{"message":"This account cannot do that","type":"account"}}`)
		}
	}
	path := r.URL.Path
	isBroken := slices.ContainsFunc(o.broken, func(b string) bool { return path == b || strings.HasPrefix(path, b+"/") })
	switch {
	case o.on[Challenge] || o.transient == Challenge:
		return answer(http.StatusForbidden, challenge, edgePage)
	case o.on[NoRetry] || o.transient == NoRetry:
		return answer(http.StatusTooManyRequests, json, `{"message":"Too many requests"}`)
	case isBroken || o.transient == "500":
		return answer(http.StatusInternalServerError, json, `{"message":"Internal server error"}`)
	}
	return nil
}

// list is the list that a read is of; single where it is of one record.
func (o oddness) list(r *http.Request) (list *ListShape, single bool) {
	if r.Method != http.MethodGet {
		return nil, false
	}
	path := r.URL.Path
	for i := range o.shape.Lists {
		if o.shape.Lists[i].Path == path {
			return &o.shape.Lists[i], false
		}
	}
	for i, l := range o.shape.Lists {
		under := l.Single
		if under == "" {
			under = l.Path
		}
		if below, ok := strings.CutPrefix(path, under+"/"); ok && !strings.Contains(below, "/") {
			return &o.shape.Lists[i], true
		}
	}
	return nil, false
}

// read answers a call, and writes what it answers oddly if it is of a list's records.
func (o oddness) read(r *http.Request, next http.Handler) *reply {
	list, single := o.list(r)
	if list == nil {
		return capture(r, next)
	}
	p := o.plan(list.Path)
	got := p.fetch(r, next, single)
	v, err := decode(got.body.Bytes())
	if got.status/100 != 2 || err != nil {
		return got
	}
	if single {
		v = o.single(list, v)
	} else {
		v = p.whole(list, v, r)
	}
	got.body = *bytes.NewBuffer(encode(v))
	got.header.Del("Content-Length")
	return got
}

// rowsIn are the rows of a body, and what puts other rows there; ok is false where it is no page.
func rowsIn(v any) (rows []any, put func([]any) any, ok bool) {
	switch v := v.(type) {
	case []any:
		return v, func(rows []any) any { return rows }, true
	case map[string]any:
		rows, ok = v["data"].([]any)
		return rows, func(rows []any) any { v["data"] = rows; return v }, ok
	}
	return nil, nil, false
}

// withQuery is a call with other parameters.
func withQuery(r *http.Request, q url.Values) *http.Request {
	other := r.Clone(r.Context())
	other.URL.RawQuery = q.Encode()
	other.Body = io.NopCloser(http.NoBody)
	return other
}

// Shape is how the vendor's lists look.
func (o *Odd) Shape() Shape { return o.kit.o.Shape }
