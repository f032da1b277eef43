package uppromote

import (
	"strconv"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/providers/internal/wire"
)

// envelope is every reply. That it tells of a failure is seen by [wire.Failed].
//
// https://aff-api.uppromote.com/docs/v2/get-list-referrals-21170075e0
type envelope[D any] struct {
	Status string `json:"status"` // repeats the status of the HTTP reply
	Data   D      `json:"data"`
}

// success says whether the envelope tells of one, as each of the vendor's does.
func (e envelope[D]) success() bool {
	status, err := strconv.Atoi(e.Status)
	return err == nil && status/100 == 2 || strings.EqualFold(e.Status, "success")
}

// oddities are the members of one reply that had an unexpected form.
type oddities []wire.Oddity

// member says whether a member of the record in the reply was among them.
func (o oddities) member(name string) bool {
	for _, odd := range o {
		if path := "data." + name; odd.Field == path || strings.HasPrefix(odd.Field, path+".") {
			return true
		}
	}
	return false
}

// text is a text that may be absent: a blank one is none.
func text(s string) *string { return wire.Text(s) }

// moment is a time that may be absent: the zero time is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
