package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pagePlan is what is odd about the pages of one list.
type pagePlan struct {
	oddness
	ignored, empty, repeats, last bool
	twice, refused, numbered      bool
	more, totals                  string // one of the switches; "" for as it is
	size                          int    // 0 for as many rows as are asked for
}

// plan is what is odd about the pages of a list. A list of the mix never hides rows: what
// says that a page follows is missing only where the counts are right, and the other way
// round. It refuses no page: a list whose end is refused has none that is proven.
func (o oddness) plan(path string) pagePlan {
	p := pagePlan{
		oddness: o, ignored: o.on[PageIgnored], empty: o.on[PageEmpty], repeats: o.on[PageRepeats], last: o.on[LastPageRepeats],
		twice: o.on[RowsTwice], refused: o.on[PageRefused], numbered: o.on[PageNumbered], size: o.size,
	}
	for _, name := range []string{MoreMissing, MoreTrue, MoreFalse} {
		if o.on[name] {
			p.more = name
		}
	}
	for _, name := range []string{TotalsMissing, TotalsWrong} {
		if o.on[name] {
			p.totals = name
		}
	}
	if o.rate == 0 {
		return p
	}
	if p.size == 0 {
		p.size = pick(o, []int{0, 10, 20, 50}, "size", path)
	}
	// A page behind the last can be told from a page that is empty only where something says
	// whether a page follows.
	p.last = p.last || o.shape.More == "" && pick(o, []bool{true, false}, "last", path)
	p.numbered = p.numbered || pick(o, []bool{true, false}, "numbered", path)
	p.empty = p.empty || o.shape.More != "" && pick(o, []bool{true, false}, "empty", path)
	if !p.empty && p.more == "" && p.totals == "" {
		p.more = pick(o, []string{"", MoreMissing}, "more", path)
	}
	// Who counts rows against the total must not count one twice.
	p.twice = p.twice || p.more != MoreMissing && pick(o, []bool{true, false}, "twice", path)
	if p.more == "" && p.totals == "" {
		p.totals = pick(o, []string{"", TotalsMissing, TotalsWrong}, "totals", path)
	}
	return p
}

// fetch asks for the page that is sent instead of the one that the call wants.
func (p pagePlan) fetch(r *http.Request, next http.Handler, single bool) *reply {
	if single {
		return capture(r, next)
	}
	q := r.URL.Query()
	number, err := strconv.Atoi(q.Get(p.shape.Page))
	if err != nil {
		number = 1
	}
	switch {
	case p.ignored || p.empty && number == 2:
		number = 1
	case p.empty && number > 2, p.repeats && number > 2:
		number--
	}
	if size, err := strconv.Atoi(q.Get(p.shape.Size)); err == nil {
		if p.size > 0 {
			size = min(size, p.size)
		}
		if p.twice && size > 1 {
			size-- // leaves room for the row that is there twice
		}
		q.Set(p.shape.Size, strconv.Itoa(size))
	}
	for ; ; number-- {
		if number > 1 || q.Has(p.shape.Page) {
			q.Set(p.shape.Page, strconv.Itoa(number))
		}
		got := capture(withQuery(r, q), next)
		if !p.last && !p.refused || number <= 1 || got.status/100 != 2 {
			return got
		}
		v, err := decode(got.body.Bytes())
		if rows, _, ok := rowsIn(v); err != nil || !ok || len(rows) > 0 {
			return got
		}
		if p.refused {
			return p.refusedPage(r.URL.Path)
		}
	}
}

// refusedPage is the answer to the number of a page that there is not.
func (p pagePlan) refusedPage(path string) *reply {
	status := pick(p.oddness, []int{
		http.StatusBadRequest,
		http.StatusNotFound,
		http.StatusRequestedRangeNotSatisfiable,
		http.StatusUnprocessableEntity,
		http.StatusNoContent,
	}, "refused page", path)
	got := &reply{status: status, header: http.Header{"Content-Type": {"application/json"}}}
	if status != http.StatusNoContent {
		got.body.WriteString(`{"success":false,"message":"There is no such page"}`)
	}
	return got
}

// byNumber are rows as PHP writes an array with gaps.
func byNumber(rows []any) any {
	object := make(map[string]any, len(rows))
	for i, row := range rows {
		object[strconv.Itoa(i+i/2)] = row
	}
	return object
}

// whole is a page with its oddities.
func (p pagePlan) whole(list *ListShape, v any, r *http.Request) any {
	rows, put, ok := rowsIn(v)
	if !ok {
		return v
	}
	if p.twice && len(rows) > 0 {
		i := int(p.number("again", list.Path, fmt.Sprint(len(rows))) % uint64(len(rows)))
		rows = slices.Insert(rows, i, rows[i])
	}
	empty := p.empty && r.URL.Query().Get(p.shape.Page) == "2"
	if empty {
		rows = []any{}
	}
	for i := range rows {
		rows[i] = p.row(list, rows[i])
	}
	v = put(rows)
	switch {
	case p.more == MoreMissing:
		drop(v, p.shape.More)
	case p.more == MoreTrue, empty && p.more == "":
		set(v, p.shape.More, true)
	case p.more == MoreFalse:
		set(v, p.shape.More, false)
	}
	for _, name := range p.shape.Totals {
		switch p.totals {
		case TotalsMissing:
			drop(v, name)
		case TotalsWrong:
			set(v, name, 7)
		}
	}
	if object, ok := v.(map[string]any); ok && p.numbered && len(rows) > 0 {
		object["data"] = byNumber(rows)
	} else if p.numbered && len(rows) > 0 {
		return byNumber(rows)
	}
	return v
}

// within is the object that holds a member with this dotted name, and the name there.
func within(v any, dotted string) (object map[string]any, name string) {
	for {
		object, _ = v.(map[string]any)
		below, rest, more := strings.Cut(dotted, ".")
		if !more {
			return object, dotted
		}
		v, dotted = object[below], rest
	}
}

func drop(v any, dotted string) {
	object, name := within(v, dotted)
	delete(object, name)
}

func set(v any, dotted string, to any) {
	if object, name := within(v, dotted); object[name] != nil {
		object[name] = to
	}
}

// row is a record of a list as it is sent.
func (o oddness) row(list *ListShape, row any) any {
	record, ok := row.(map[string]any)
	if !ok {
		return row
	}
	id, member := identity(record, list)
	if id == "" {
		return row
	}
	record = maps.Clone(record) // it may be on the page twice
	o.members(list, id, record, "", "")
	var sent any = record
	switch o.rowSwitch(list, id) {
	case RowsNull:
		sent = nil
	case RowsText:
		sent = "row"
	case RowsWithoutID:
		delete(record, member)
	}
	if again, _ := identity(record, list); sent == nil || sent == "row" || again != id || list.ownerless(record) || list.undecided(record) {
		o.lose(list.Path, id)
	}
	return sent
}

// single is a record that was read alone: odd in what it says only.
func (o oddness) single(list *ListShape, v any) any {
	record, ok := v.(map[string]any)
	if data, is := record["data"].(map[string]any); is {
		record = data
	}
	if !ok {
		return v
	}
	if id, _ := identity(record, list); id != "" {
		o.members(list, id, record, "", "")
	}
	return v
}

// ownerless says whether the owner that is part of a record's identity is in a form that
// tells none, and does not say that there is none.
func (l *ListShape) ownerless(record map[string]any) bool {
	switch owner := record[l.Owner].(type) {
	case map[string]any:
		_, ok := owner["id"]
		return !ok
	case []any:
		return true
	}
	return false
}

// datePattern is the beginning of a time, or a date, that is one.
var datePattern = regexp.MustCompile(`^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}`)

// undecided says whether the member that decides whether a row is one of the list is in a
// form that is neither a time nor none.
func (l *ListShape) undecided(record map[string]any) bool {
	switch since := record[l.Since].(type) {
	case nil:
		return false
	case string:
		return since != "" && !datePattern.MatchString(since)
	}
	return true
}

// identity is the id of a record, and the member that it is in; "" for none.
func identity(record map[string]any, list *ListShape) (id, member string) {
	member = "id"
	if list.ID != "" {
		member = list.ID
	}
	switch v := record[member].(type) {
	case json.Number:
		return v.String(), member
	case string:
		return v, member
	}
	return "", member
}

// rowSwitch is what is odd about a row as a whole; "" for nothing.
func (o oddness) rowSwitch(list *ListShape, id string) string {
	for _, name := range rowSwitches {
		if o.on[name] && o.hits(name, list.Path, id) {
			return name
		}
	}
	if o.rate > 0 && o.share("row", list.Path, id) < o.rate {
		return pick(o, rowSwitches, "which row", list.Path, id)
	}
	return ""
}

// hits says whether a switch that is on hits one of these in four.
func (o oddness) hits(words ...string) bool { return o.number(words...)%4 == 0 }

// lose notes a row that nobody can read.
func (o oddness) lose(path, id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unreadable[path] == nil {
		o.unreadable[path] = map[string]bool{}
	}
	o.unreadable[path][id] = true
}

// members writes the members of an object oddly. dotted is where the object is; place is that
// with the positions in arrays.
func (o oddness) members(list *ListShape, id string, object map[string]any, dotted, place string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at, spot := strings.TrimPrefix(dotted+"."+name, "."), place+"."+name
		v, how := o.member(list, id, at, spot, object[name])
		if how != "" {
			o.note(Bend{list.Path, id, at, how})
		}
		if _, is := v.(missing); is {
			delete(object, name)
			continue
		}
		object[name] = v
		if how == "" {
			object[name] = o.inside(list, id, v, at, spot)
		}
	}
}

// inside writes what a value holds oddly.
func (o oddness) inside(list *ListShape, id string, v any, at, spot string) any {
	switch v := v.(type) {
	case map[string]any:
		v = maps.Clone(v)
		o.members(list, id, v, at, spot)
		return v
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = o.inside(list, id, v[i], at, spot+"."+strconv.Itoa(i))
		}
		return v
	}
	return v
}

// member is a member as it is sent, and its form or what is odd about the related record in it;
// "" for nothing.
func (o oddness) member(list *ListShape, id, at, spot string, v any) (any, string) {
	for _, b := range o.bends {
		if b.List == list.Path && (b.ID == "" || b.ID == id) && b.Member == at {
			for _, f := range forms {
				if f.name == b.Form {
					return f.make(v), f.name
				}
			}
		}
	}
	related, _ := v.(map[string]any)
	if related["id"] != nil {
		for _, name := range relatedSwitches {
			if o.on[name] && o.hits(name, list.Path, id, spot) {
				return relate(name, related), name
			}
		}
		if o.rate > 0 && !slices.Contains(list.Keep, at) && o.share("related", list.Path, id, spot) < o.rate {
			name := pick(o, relatedSwitches, "which related", list.Path, id, spot)
			return relate(name, related), name
		}
		return v, ""
	}
	if o.keeps(list, at, v) {
		return v, ""
	}
	for _, f := range forms {
		if o.on["field_"+f.name] && f.fits(v) && o.hits(f.name, list.Path, id, spot) {
			return f.make(v), f.name
		}
	}
	if o.rate > 0 && o.share("member", list.Path, id, spot) < o.rate {
		fitting := slices.DeleteFunc(slices.Clone(forms), func(f form) bool { return !f.fits(v) })
		f := pick(o, fitting, "which form", list.Path, id, spot)
		return f.make(v), f.name
	}
	return v, ""
}

// keeps says whether a member stays as it is, as what a record is would be lost with it:
// ids, what the list's shape names, and arrays of records.
func (o oddness) keeps(list *ListShape, at string, v any) bool {
	name := at[strings.LastIndex(at, ".")+1:]
	if rows, ok := v.([]any); ok && len(rows) > 0 {
		if _, ok := rows[0].(map[string]any); ok {
			return true
		}
	}
	return name == "id" || name == "uid" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_ids") ||
		at == list.ID || slices.Contains(list.Keep, at)
}

// relate is a related record in one of the forms that vendors send it in.
func relate(name string, record map[string]any) any {
	switch name {
	case RelatedBare:
		return fmt.Sprint(record["id"])
	case RelatedID:
		return map[string]any{"id": record["id"]}
	case RelatedList:
		return []any{}
	case RelatedObject:
		return map[string]any{}
	}
	return nil
}

func (o oddness) note(b Bend) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bent[b] = true
}
