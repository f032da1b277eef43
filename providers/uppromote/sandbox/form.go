package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"strconv"
	"strings"

	"github.com/partnergraph/partnergraph/providers"
)

// form reads the members of a write's body, and collects what is wrong with them.
type form struct {
	*query
	request *http.Request
	members map[string]any
	missing string // what the path, or the body in its place, names and is not there
	reason  string // why the write cannot be made, though each member is right
}

// write answers a write: do makes it unless something is wrong, and answers the data.
func write(do func(*form) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := &form{query: newQuery(nil), request: r}
		d := json.NewDecoder(r.Body)
		d.UseNumber()
		if err := d.Decode(&f.members); err != nil {
			refuse(w, http.StatusUnprocessableEntity, "The body is no JSON object.")
			return
		}
		data := do(f)
		switch {
		case f.missing != "":
			refuse(w, http.StatusNotFound, f.missing+" not found")
		case f.reason != "":
			refuse(w, http.StatusUnprocessableEntity, f.reason)
		case !f.refused(w):
			success(w, data)
		}
	}
}

// ok says whether nothing is wrong so far.
func (f *form) ok() bool { return len(f.errors) == 0 && f.missing == "" && f.reason == "" }

// text reads a member that is text; "" for none.
func (f *form) text(name string, wanted bool) string {
	switch v := f.members[name].(type) {
	case string:
		if v != "" || !wanted {
			return v
		}
	case nil:
	default:
		f.fail(name, "must be a string")
		return ""
	}
	if wanted {
		f.fail(name, "field is required")
	}
	return ""
}

// whole reads a member that is a whole number, as such or as text; 0 for none.
func (f *form) whole(name string, wanted bool) int64 {
	v := f.members[name]
	if v == nil {
		if wanted {
			f.fail(name, "field is required")
		}
		return 0
	}
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if err != nil {
		f.fail(name, "must be an integer")
	}
	return n
}

// amount reads a member that is an amount, in minor units; 0 for none.
func (f *form) amount(name, currency string, wanted bool) int64 {
	v, ok := f.members[name].(json.Number)
	if !ok {
		if wanted || f.members[name] != nil {
			f.fail(name, "must be a number")
		}
		return 0
	}
	d, err := providers.ParseDecimal(v.String())
	places := providers.MinorDigits(currency)
	if err != nil || d.Trim(0).Scale() > places {
		f.fail(name, fmt.Sprintf("must be a number of at most %d decimal places", places))
		return 0
	}
	whole, fraction, _ := d.Trim(0).Pad(places).Int64(places)
	minor := whole
	for range places {
		minor *= 10
	}
	return minor + fraction
}

// word reads a member that is one of these words; "" for none.
func (f *form) word(name string, wanted bool, words ...string) string {
	return f.among(name, f.text(name, wanted), words)
}

// address reads a member that is an e-mail address.
func (f *form) address(name string) string {
	s := f.text(name, true)
	if a, err := mail.ParseAddress(s); s != "" && (err != nil || a.Address != s) {
		f.fail(name, "must be a valid email address")
	}
	return s
}

// affiliate reads a member that is an affiliate's address.
func (f *form) affiliate(s *store, name string) int32 {
	email := f.address(name)
	i, ok := s.byEmail[strings.ToLower(email)]
	if !ok && email != "" {
		f.fail(name, "is invalid")
	}
	return i
}
