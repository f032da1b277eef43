package all_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// oddSeen says how a switch shows at a vendor; "" where it does as it says.
type oddSeen func(v *oddVendor, list sandbox.ListShape, plain []any) string

// clamped wants pages of size rows.
func clamped(size int) oddSeen {
	return func(v *oddVendor, list sandbox.ListShape, plain []any) string {
		first, _, _ := v.page(list, 1, 100)
		second, _, _ := v.page(list, 2, 100)
		if len(first) != size || len(plain) < size+len(second) || !reflect.DeepEqual(plain[size:size+len(second)], second) {
			return fmt.Sprintf("%d rows, then %d", len(first), len(second))
		}
		return ""
	}
}

// pages wants these pages of ten rows of the plain list, 0 for an empty one.
func pages(want ...int) oddSeen {
	return func(v *oddVendor, list sandbox.ListShape, plain []any) string {
		for i, n := range want {
			rows, more, _ := v.page(list, i+1, 10)
			if n == 0 {
				if len(rows) > 0 || v.kit.Odd().Shape().More != "" && (more == nil || !*more) {
					return fmt.Sprintf("page %d has %d rows", i+1, len(rows))
				}
				continue
			}
			if !reflect.DeepEqual(rows, plain[(n-1)*10:min(n*10, len(plain))]) {
				return fmt.Sprintf("page %d is not page %d", i+1, n)
			}
		}
		return ""
	}
}

// lastAgain wants the last page behind the last page.
func lastAgain(v *oddVendor, list sandbox.ListShape, plain []any) string {
	last := (len(plain) + 9) / 10
	for _, number := range []int{last, last + 1, last + 2} {
		if rows, _, _ := v.page(list, number, 10); !reflect.DeepEqual(rows, plain[(last-1)*10:]) {
			return fmt.Sprintf("page %d is not the last", number)
		}
	}
	return ""
}

// said wants this of the envelope's member; nil for nothing.
func said(name func(sandbox.Shape) string, want any) oddSeen {
	return func(v *oddVendor, list sandbox.ListShape, _ []any) string {
		dotted := name(v.kit.Odd().Shape())
		if dotted == "" {
			return ""
		}
		for _, page := range []int{1, 99} {
			if _, _, envelope := v.page(list, page, 10); fmt.Sprint(member(envelope, dotted)) != fmt.Sprint(want) {
				return fmt.Sprintf("%s is %v", dotted, member(envelope, dotted))
			}
		}
		return ""
	}
}

func more(s sandbox.Shape) string { return s.More }

func total(s sandbox.Shape) string {
	if len(s.Totals) == 0 {
		return ""
	}
	return s.Totals[0]
}

// some wants some rows, and not all, to be so, and as many rows as before.
func some(is func(row any) bool) oddSeen {
	return func(v *oddVendor, list sandbox.ListShape, plain []any) string {
		rows, hits := v.all(list), 0
		for _, row := range rows {
			if is(row) {
				hits++
			}
		}
		if hits == 0 || hits == len(rows) || len(rows) != len(plain) {
			return fmt.Sprintf("%d of %d rows are so", hits, len(rows))
		}
		if lost := len(v.kit.Odd().Unreadable()[list.Path]); lost != hits {
			return fmt.Sprintf("%d rows are so, and %d in the account", hits, lost)
		}
		return ""
	}
}

// twice wants a row that is there twice, and no more rows than were asked for.
func twice(v *oddVendor, list sandbox.ListShape, plain []any) string {
	rows, _, _ := v.page(list, 1, 10)
	found, _ := ids(list, rows)
	read, _ := ids(list, v.all(list))
	if len(rows) != 10 || len(found) != 9 || len(read) != len(plain) {
		return fmt.Sprintf("%d rows, of which %d differ; %d of %d in all", len(rows), len(found), len(read), len(plain))
	}
	return ""
}

// bent wants members to be written so, in some list that has members that can be.
func bent(form string, is func(v any) bool) oddSeen {
	return func(v *oddVendor, _ sandbox.ListShape, _ []any) string {
		v.kit.Odd().Forget()
		found := map[string]map[string]any{}
		for _, l := range v.lists {
			rows, _, _ := v.page(l, 1, 50)
			_, found[l.Path] = ids(l, rows)
		}
		hits := 0
		for _, b := range v.kit.Odd().Bent() {
			if b.Form != form {
				return fmt.Sprintf("%s is also %s", form, b.Form)
			}
			if strings.Contains(b.Member, ".") { // may be in an array
				hits++
				continue
			}
			if hits++; !is(member(found[b.List][b.ID], b.Member)) {
				return fmt.Sprintf("%s %s is %v", b.List, b.Member, member(found[b.List][b.ID], b.Member))
			}
		}
		if hits == 0 {
			return "no member is so"
		}
		return ""
	}
}

// refused wants every call to be answered so.
func refused(status int, is func(h http.Header, body []byte) bool) oddSeen {
	return func(v *oddVendor, list sandbox.ListShape, _ []any) string {
		got, h, body := v.get(list.Path, nil)
		if got != status || !is(h, body) {
			return fmt.Sprintf("%d %v %.100s", got, h, body)
		}
		return ""
	}
}

func isJSON(_ http.Header, body []byte) bool { return json.Valid(body) }

func isText(v any) bool { s, ok := v.(string); return ok && s != "" }

func isNumber(v any) bool { _, ok := v.(json.Number); return ok }

func texts(words ...string) func(any) bool {
	return func(v any) bool {
		for _, w := range words {
			if s, ok := v.(string); ok && strings.Contains(s, w) {
				return true
			}
		}
		return false
	}
}

func object(v any) bool { o, ok := v.(map[string]any); return ok && len(o) == 0 }

func list(v any) bool { l, ok := v.([]any); return ok && len(l) == 0 }

func null(v any) bool { return v == nil }

var oddSwitches = map[string]oddSeen{
	sandbox.PageIgnored:     pages(1, 1, 1),
	sandbox.PageEmpty:       pages(1, 0, 2, 3),
	sandbox.PageRepeats:     pages(1, 2, 2, 3),
	sandbox.LastPageRepeats: lastAgain,
	sandbox.PageRefused: func(v *oddVendor, list sandbox.ListShape, plain []any) string {
		shape := v.kit.Odd().Shape()
		query := url.Values{shape.Page: {strconv.Itoa(len(plain)/10 + 2)}, shape.Size: {"10"}}
		if status, _, body := v.get(list.Path, query); !slices.Contains(pageRefusals, status) {
			return fmt.Sprintf("the page behind the last is answered %d %s", status, body)
		}
		return pages(1, 2)(v, list, plain)
	},
	sandbox.PageNumbered: func(v *oddVendor, list sandbox.ListShape, plain []any) string {
		shape := v.kit.Odd().Shape()
		_, _, body := v.get(list.Path, url.Values{shape.Page: {"1"}, shape.Size: {"10"}})
		if !strings.Contains(string(body), `{"0":{`) {
			return fmt.Sprintf("the rows are not numbered: %.80s", body)
		}
		return pages(1, 2)(v, list, plain)
	},
	sandbox.PageSize10: clamped(10),
	sandbox.PageSize20: clamped(20),
	sandbox.PageSize50: func(v *oddVendor, _ sandbox.ListShape, _ []any) string {
		for _, l := range v.lists {
			if rows, _, _ := v.page(l, 1, 100); len(rows) == 50 {
				return ""
			} else if len(rows) > 50 {
				return fmt.Sprintf("%d rows", len(rows))
			}
		}
		return "no page has 50 rows"
	},
	sandbox.MoreMissing:   said(more, nil),
	sandbox.MoreTrue:      said(more, true),
	sandbox.MoreFalse:     said(more, false),
	sandbox.TotalsMissing: said(total, nil),
	sandbox.TotalsWrong:   said(total, 7),
	sandbox.RowsTwice:     twice,
	sandbox.RowsNull:      some(null),
	sandbox.RowsText:      some(isText),
	sandbox.RowsWithoutID: func(v *oddVendor, l sandbox.ListShape, plain []any) string {
		return some(func(row any) bool { found, _ := ids(l, []any{row}); return len(found) == 0 })(v, l, plain)
	},
	sandbox.RelatedBare: bent(sandbox.RelatedBare, isText),
	sandbox.RelatedID: bent(sandbox.RelatedID, func(v any) bool {
		o, _ := v.(map[string]any)
		return len(o) == 1 && o["id"] != nil
	}),
	sandbox.RelatedList:   bent(sandbox.RelatedList, list),
	sandbox.RelatedObject: bent(sandbox.RelatedObject, object),
	sandbox.RelatedNull:   bent(sandbox.RelatedNull, null),
	sandbox.BOM: refused(http.StatusOK, func(_ http.Header, body []byte) bool {
		return bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) && json.Valid(body[3:])
	}),
	sandbox.NoRetry: refused(http.StatusTooManyRequests, func(h http.Header, body []byte) bool {
		return h.Get("Retry-After") == "" && json.Valid(body)
	}),
	sandbox.Challenge: refused(http.StatusForbidden, func(h http.Header, body []byte) bool {
		return h.Get("Cf-Mitigated") == "challenge" && bytes.Contains(body, []byte("<html>"))
	}),
	sandbox.Payment402:  refused(http.StatusPaymentRequired, isJSON),
	sandbox.BadRequest:  refused(http.StatusBadRequest, isJSON),
	sandbox.Unprocessed: refused(http.StatusUnprocessableEntity, isJSON),
	sandbox.KeyRefused:  refused(http.StatusUnauthorized, func(http.Header, []byte) bool { return true }),

	"field_null":              bent("null", null),
	"field_missing":           bent("missing", null),
	"field_empty":             bent("empty", func(v any) bool { return v == "" }),
	"field_list":              bent("list", list),
	"field_object":            bent("object", object),
	"field_text":              bent("text", texts("text")),
	"field_number":            bent("number", isNumber),
	"field_number_as_text":    bent("number_as_text", isText),
	"field_text_as_number":    bent("text_as_number", isNumber),
	"field_bool_as_number":    bent("bool_as_number", isNumber),
	"field_bool_as_text":      bent("bool_as_text", texts("true", "false")),
	"field_time_without_zone": bent("time_without_zone", func(v any) bool { s, _ := v.(string); return len(s) == 19 && s[10] == 'T' }),
	"field_time_with_spaces":  bent("time_with_spaces", texts(" UTC")),
	"field_date_only":         bent("date_only", func(v any) bool { s, _ := v.(string); return len(s) == 10 }),
	"field_zero_date":         bent("zero_date", texts("0000-00-00 00:00:00")),
	"field_negative_date":     bent("negative_date", texts("-0001-11-30T00:00:00.000000Z")),
	"field_thousands":         bent("thousands", isText),
	"field_dollars":           bent("dollars", texts("$")),
	"field_not_available":     bent("not_available", texts("N/A")),
	"field_twenty_digits":     bent("twenty_digits", func(v any) bool { return fmt.Sprint(v) == "12345678901234567890" }),
	"field_noise":             bent("noise", func(v any) bool { return isNumber(v) && strings.HasSuffix(fmt.Sprint(v), "0000006") }),
}

// wantedKind is the kind of member without which a switch shows nowhere; "" for none.
func wantedKind(name string) string {
	switch {
	case strings.HasPrefix(name, "related_"):
		return "related"
	case strings.HasPrefix(name, "field_bool_"):
		return "boolean"
	case name == "field_text_as_number":
		return "decimal text"
	}
	return ""
}

// TestOddSwitches wants every switch to do what it says, at every vendor, and nothing when
// it is off.
func TestOddSwitches(t *testing.T) {
	for _, name := range sandbox.Switches() {
		if oddSwitches[name] == nil {
			t.Errorf("nothing says how the switch %s shows", name)
		}
	}
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		list := sandbox.ListShape{Path: cmp.Or(map[string]string{"firstpromoter": "/promoter_campaigns"}[v.Name], "/affiliates")} // with records of others in its rows
		plain := v.all(list)
		if len(plain) < 31 {
			t.Fatalf("the list has %d rows only", len(plain))
		}
		for name, seen := range oddSwitches {
			if kind := wantedKind(name); kind != "" && !v.kinds[kind] {
				continue // no record has such a member
			}
			v.kit.Odd().Forget()
			v.kit.Set(name, true)
			if wrong := seen(v, list, plain); wrong != "" {
				t.Errorf("%s: %s", name, wrong)
			}
			v.kit.Set(name, false)
		}
		if got := v.all(list); !reflect.DeepEqual(got, plain) {
			t.Error("the list is not as it was after all switches are off")
		}
	})
}

// TestOddEndpoint wants one endpoint to be broken, and the others not.
func TestOddEndpoint(t *testing.T) {
	eachOddVendor(t, func(t *testing.T, v *oddVendor) {
		lists := v.lists
		v.kit.Odd().Break(lists[0].Path)
		for i, l := range lists {
			want := http.StatusOK
			if i == 0 {
				want = http.StatusInternalServerError
			}
			if got, _, _ := v.get(l.Path, url.Values{}); got != want {
				t.Errorf("%s: %d", l.Path, got)
			}
		}
	})
}
